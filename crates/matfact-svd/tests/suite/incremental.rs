//! Decompositions of batches: scikit-learn's numbers, merging, fading, errors.

use matfact_core::ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array, concatenate};
use matfact_core::{
    Duplicates, Error, Factorization, Factorizer, LinearOperator, Persist, Result, Run, Scalar,
    Transform, csr_from_triplets, sprs::CsMatI,
};
use matfact_svd::{IncrementalPca, IncrementalSvd, Pca, PcaModel, TruncatedSvd};
use matfact_testkit::strategies::{large_matrix, pseudo_random};

/// The same work on a pool of this size.
fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let run = &mut Run::new().threads(threads);
    matfact_linalg::in_pool(run, |_, _| Ok(work())).unwrap()
}

/// 12 x 5, the last column constant.
fn x12() -> Array2<f64> {
    Array2::from_shape_fn((12, 5), |(i, j)| {
        ((i * 7 + j * 5 + i * j) % 11) as f64 / 4.0 + if j == 0 { 3.0 } else { 0.0 }
    })
}

fn sparse<T: Scalar>(x: &Array2<T>) -> CsMatI<T, u32, usize> {
    let stored = x.indexed_iter().filter(|(_, v)| **v != T::zero());
    let stored = stored.map(|((i, j), v)| (i, j, *v));
    csr_from_triplets(x.dim(), stored, Duplicates::Error).unwrap()
}

fn rows<T: Scalar>(x: &Array2<T>, from: usize, to: usize) -> Array2<T> {
    x.select(Axis(0), &(from..to).collect::<Vec<_>>())
}

/// A matrix of rank `rank` with columns of mean about 1.
fn low_rank(shape: (usize, usize), rank: usize, seed: u64) -> Array2<f64> {
    let mut random = pseudo_random(seed);
    let w = Array2::from_shape_simple_fn((shape.0, rank), &mut random);
    let h = Array2::from_shape_simple_fn((rank, shape.1), &mut random);
    w.dot(&h)
}

fn close(given: ArrayView1<'_, f64>, golden: &[f64], tolerance: f64) {
    assert_eq!(given.len(), golden.len());
    let worst = given.iter().zip(golden).map(|(a, b)| (a - b).abs());
    assert!(
        worst.fold(0.0, f64::max) < tolerance,
        "{given} is not {golden:?}"
    );
}

fn same_rows(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    let worst = worst.fold(0.0, f64::max);
    assert!(worst < tolerance, "{worst:e}");
}

#[test]
fn the_components_are_those_of_scikit_learn_for_equal_batches() {
    let x = x12();
    for as_sparse in [false, true] {
        let mut pca = IncrementalPca::new(2).unwrap();
        for (from, to) in [(0, 5), (5, 9), (9, 12)] {
            let batch = rows(&x, from, to);
            match as_sparse {
                true => pca.partial_fit(&sparse(&batch)).unwrap(),
                false => pca.partial_fit(&batch).unwrap(),
            }
        }
        assert_eq!((pca.rows(), pca.batches()), (12, 3));
        let model = pca.model().unwrap();
        let means = [
            4.145833333333333,
            1.25,
            1.3541666666666667,
            1.2291666666666667,
            2.25,
        ];
        close(model.mean(), &means, 1e-12);
        close(
            model.singular_values(),
            &[3.0717658738654903, 3.042207491304885],
            1e-12,
        );
        close(
            model.explained_variance().view(),
            &[0.8577950530767836, 0.8413660381955966],
            1e-12,
        );
        close(
            model.explained_variance_ratio().unwrap().view(),
            &[0.3101631830334133, 0.304222748274114],
            1e-12,
        );
        close(
            model.components().row(0),
            &[
                0.1386940910868816,
                0.6486684882002516,
                0.6617486370083026,
                -0.34940217934528917,
                0.0,
            ],
            1e-11,
        );
        close(
            model.components().row(1),
            &[
                0.6735835365182544,
                0.040467680802687124,
                -0.4778118886682439,
                -0.5624441173923849,
                0.0,
            ],
            1e-11,
        );
        // The variance of all columns is exact.
        let total = x.var_axis(Axis(0), 1.0).sum();
        assert!((model.total_variance().unwrap() - total).abs() < 1e-12);
        assert_eq!(model.shape(), (0, 5));
        assert_eq!(model.training_rows(), 12);
    }
}

#[test]
fn batches_of_exact_rank_give_the_decomposition_of_the_whole() {
    let x = low_rank((600, 40), 6, 1);
    let whole = TruncatedSvd::new(6).fit(&x).unwrap().model;
    let whole_pca = Pca::new(6).fit(&x).unwrap().model;
    for size in [7, 100, 599] {
        let mut svd = IncrementalSvd::new(6).unwrap();
        let mut pca = IncrementalPca::new(6).unwrap();
        for from in (0..600).step_by(size) {
            let batch = rows(&x, from, 600.min(from + size));
            svd.partial_fit(&batch).unwrap();
            pca.partial_fit(&sparse(&batch)).unwrap();
        }
        let (svd, pca) = (svd.model().unwrap(), pca.model().unwrap());
        close(
            svd.singular_values(),
            &whole.singular_values().to_vec(),
            1e-10,
        );
        same_rows(&svd.vt().to_owned(), &whole.vt().to_owned(), 1e-9);
        close(pca.mean(), &whole_pca.mean().to_vec(), 1e-13);
        close(
            pca.singular_values(),
            &whole_pca.singular_values().to_vec(),
            1e-10,
        );
        same_rows(
            &pca.transform(&x).unwrap(),
            &whole_pca.transform(&x).unwrap(),
            1e-8,
        );
        assert!(pca.noise_variance().unwrap() < 1e-12);
    }
}

#[test]
fn two_halves_merged_are_the_whole() {
    let x = low_rank((300, 50), 5, 2);
    let (above, below) = (rows(&x, 0, 120), rows(&x, 120, 300));
    let whole = TruncatedSvd::new(5).fit(&x).unwrap().model;
    let mut svd = IncrementalSvd::new(5).unwrap();
    let mut other = svd.clone();
    svd.partial_fit(&above).unwrap();
    other.partial_fit(&below).unwrap();
    svd.merge(&other).unwrap();
    assert_eq!((svd.rows(), svd.batches()), (300, 2));
    let merged = svd.model().unwrap();
    close(
        merged.singular_values(),
        &whole.singular_values().to_vec(),
        1e-11,
    );
    same_rows(&merged.vt().to_owned(), &whole.vt().to_owned(), 1e-10);

    let whole = Pca::new(5).fit(&x).unwrap().model;
    let mut pca = IncrementalPca::new(5).unwrap();
    let mut other = pca.clone();
    pca.partial_fit(&above).unwrap();
    other.partial_fit(&below).unwrap();
    pca.merge(&other).unwrap();
    let merged = pca.model().unwrap();
    close(merged.mean(), &whole.mean().to_vec(), 1e-13);
    close(
        merged.explained_variance_ratio().unwrap().view(),
        &whole.explained_variance_ratio().unwrap().to_vec(),
        1e-12,
    );
    same_rows(
        &merged.components().to_owned(),
        &whole.components().to_owned(),
        1e-10,
    );

    // Nothing is the neutral element, on either side.
    let nothing = IncrementalSvd::new(5).unwrap();
    let before = svd.clone();
    svd.merge(&nothing).unwrap();
    assert_eq!(svd, before);
    let mut nothing = nothing;
    nothing.merge(&svd).unwrap();
    assert_eq!(nothing.model().unwrap(), svd.model().unwrap());
    let mut narrow = IncrementalSvd::new(1).unwrap();
    narrow.partial_fit(&array![[1.0, 2.0]]).unwrap();
    assert!(matches!(
        svd.merge(&narrow),
        Err(Error::ShapeMismatch { .. })
    ));
    assert_eq!(svd, before);
}

#[test]
fn decay_lets_old_rows_fade() {
    let x = low_rank((90, 20), 4, 3);
    let mut svd = IncrementalSvd::new(4).unwrap().decay(0.5).unwrap();
    let mut faded = Array2::zeros((0, 20));
    for from in [0, 30, 60] {
        let batch = rows(&x, from, from + 30);
        svd.partial_fit(&batch).unwrap();
        faded = concatenate![Axis(0), &faded * 0.5, batch];
    }
    let expected = TruncatedSvd::new(4).fit(&faded).unwrap().model;
    close(
        svd.model().unwrap().singular_values(),
        &expected.singular_values().to_vec(),
        1e-11,
    );
    for decay in [0.0, 1.5, f64::NAN] {
        assert!(matches!(
            IncrementalSvd::<f64>::new(4).unwrap().decay(decay),
            Err(Error::InvalidParameter { name: "decay", .. })
        ));
    }
}

#[test]
fn sparse_batches_agree_with_dense_ones_and_come_near_the_whole() {
    // Large enough that no stack is decomposed exactly.
    let x = large_matrix((1500, 600), 0.9);
    let truth = TruncatedSvd::new(4).fit(&x).unwrap().model;
    let mut by_rows = IncrementalSvd::new(4).unwrap();
    let mut by_columns = by_rows.clone();
    let mut dense = by_rows.clone();
    for from in (0..1500).step_by(500) {
        let batch = rows(&x, from, from + 500);
        by_rows.partial_fit(&sparse(&batch)).unwrap();
        by_columns.partial_fit(&sparse(&batch).to_csc()).unwrap();
        dense.partial_fit(&batch).unwrap();
    }
    let by_rows = by_rows.model().unwrap();
    for other in [by_columns.model().unwrap(), dense.model().unwrap()] {
        let s = by_rows.singular_values();
        close(s, &other.singular_values().to_vec(), 1e-9 * s[0]);
    }
    // The leading triplet stands out of noise with a flat spectrum, where batches cost most; the truth
    // is an upper bound.
    let pairs = by_rows.singular_values().to_owned();
    for (at, (s, truth)) in pairs.iter().zip(truth.singular_values()).enumerate() {
        assert!(*s <= truth * (1.0 + 1e-9), "{at}: {s} above {truth}");
        let part = if at == 0 { 0.9999 } else { 0.95 };
        assert!(*s > part * truth, "{at}: {s} far below {truth}");
    }
}

#[test]
fn a_batch_in_error_leaves_everything_as_it_was() {
    let x = low_rank((40, 6), 3, 4);
    let mut svd = IncrementalSvd::new(2).unwrap();
    let mut pca = IncrementalPca::new(2).unwrap();
    assert!(matches!(svd.model(), Err(Error::EmptyInput { .. })));
    assert!(matches!(pca.model(), Err(Error::EmptyInput { .. })));
    svd.partial_fit(&x).unwrap();
    pca.partial_fit(&x).unwrap();
    let (svd_before, pca_before) = (svd.clone(), pca.clone());
    let mut bad = x.clone();
    bad[[7, 3]] = f64::NAN;
    let narrow = rows(&x.t().as_standard_layout().into_owned(), 0, 5);
    let none = Array2::zeros((0, 6));
    for (batch, what) in [(bad, "NaN"), (narrow, "width"), (none, "empty")] {
        for error in [svd.partial_fit(&batch), pca.partial_fit(&batch)] {
            let expected = match what {
                "NaN" => matches!(
                    error,
                    Err(Error::NonFinite {
                        row: 7,
                        column: 3,
                        ..
                    })
                ),
                "width" => matches!(error, Err(Error::ShapeMismatch { .. })),
                _ => matches!(error, Err(Error::EmptyInput { .. })),
            };
            assert!(expected, "{what}: {error:?}");
        }
        assert_eq!((&svd, &pca), (&svd_before, &pca_before), "{what}");
    }
    let stream: Vec<Result<Array2<f64>>> = vec![
        Ok(x.clone()),
        Err(Error::invalid_parameter("x", 1, "y")),
        Ok(x),
    ];
    assert!(svd.fit_stream(stream).is_err());
    assert_eq!(svd.batches(), 2);
    assert!(matches!(
        IncrementalPca::<f64>::new(0),
        Err(Error::InvalidParameter { name: "rank", .. })
    ));
}

#[test]
fn batches_smaller_than_the_rank_add_up() {
    let x = low_rank((20, 8), 3, 5);
    let mut svd = IncrementalSvd::new(3).unwrap();
    let mut pca = IncrementalPca::new(3).unwrap();
    for (i, row) in x.rows().into_iter().enumerate() {
        let one = row.insert_axis(Axis(0)).to_owned();
        svd.partial_fit(&one).unwrap();
        pca.partial_fit(&one).unwrap();
        match svd.model() {
            Err(Error::InvalidRank { rank: 3, limit, .. }) if i < 2 => assert_eq!(limit, i + 1),
            Ok(_) if i >= 2 => {}
            other => panic!("after row {i}: {other:?}"),
        }
    }
    let whole = TruncatedSvd::new(3).fit(&x).unwrap().model;
    close(
        svd.model().unwrap().singular_values(),
        &whole.singular_values().to_vec(),
        1e-11,
    );
    let whole = Pca::new(3).fit(&x).unwrap().model;
    close(
        pca.model().unwrap().singular_values(),
        &whole.singular_values().to_vec(),
        1e-11,
    );
}

#[test]
fn extreme_magnitudes_scale_the_model_and_nothing_else() {
    let x = low_rank((60, 10), 3, 6);
    let learned = |x: &Array2<f64>| {
        let mut svd = IncrementalSvd::new(3).unwrap();
        let mut pca = IncrementalPca::new(3).unwrap();
        for from in [0, 20, 40] {
            svd.partial_fit(&rows(x, from, from + 20)).unwrap();
            pca.partial_fit(&sparse(&rows(x, from, from + 20))).unwrap();
        }
        (svd.model().unwrap(), pca.model().unwrap())
    };
    let (svd, pca) = learned(&x);
    for magnitude in [1e150, 1e-150, 1e300, 1e-300] {
        let (huge, huge_pca) = learned(&(&x * magnitude));
        let back = huge.singular_values().mapv(|s| s / magnitude);
        close(back.view(), &svd.singular_values().to_vec(), 1e-11);
        let back = huge_pca.singular_values().mapv(|s| s / magnitude);
        close(back.view(), &pca.singular_values().to_vec(), 1e-11);
        close(
            huge_pca.explained_variance_ratio().unwrap().view(),
            &pca.explained_variance_ratio().unwrap().to_vec(),
            1e-11,
        );
        let record = huge_pca.to_record();
        assert_eq!(PcaModel::from_record(&record).unwrap(), huge_pca);
    }
    // A batch far above what was kept, and far below.
    let mut svd = IncrementalSvd::new(1).unwrap();
    for magnitude in [1.0, 1e200, 1e-200] {
        svd.partial_fit(&array![[3.0 * magnitude, 0.0]]).unwrap();
    }
    close(
        svd.model()
            .unwrap()
            .singular_values()
            .mapv(|s| s / 1e200)
            .view(),
        &[3.0],
        1e-12,
    );
    let zeros = Array2::<f32>::zeros((4, 3));
    let mut pca = IncrementalPca::new(2).unwrap();
    pca.partial_fit(&zeros).unwrap();
    let model = pca.model().unwrap();
    assert_eq!(model.singular_values().to_vec(), [0.0, 0.0]);
    assert!(model.explained_variance_ratio().is_none());
}

fn bits<T: Scalar>(learned: &(Array1<T>, Array2<T>)) -> Vec<u64> {
    let all = learned.0.iter().chain(&learned.1);
    all.map(|v| v.as_f64().to_bits()).collect()
}

fn learn<T: Scalar, X: LinearOperator<Scalar = T>>(batches: &[X]) -> (Array1<T>, Array2<T>) {
    let mut pca = IncrementalPca::new(5).unwrap().oversampling(3);
    batches
        .iter()
        .for_each(|batch| pca.partial_fit(batch).unwrap());
    let model = pca.model().unwrap();
    (
        model.singular_values().to_owned(),
        model.components().to_owned(),
    )
}

fn same_bits_for_any_threads<T: Scalar>() {
    let x = large_matrix((1800, 450), 0.8).mapv(T::from_f64);
    let dense: Vec<_> = (0..3).map(|b| rows(&x, 600 * b, 600 * (b + 1))).collect();
    let compressed: Vec<_> = dense.iter().map(sparse).collect();
    let expected = (bits(&learn(&dense)), bits(&learn(&compressed)));
    for threads in [1, 2, 7] {
        let found = on_threads(threads, || {
            (bits(&learn(&dense)), bits(&learn(&compressed)))
        });
        assert!(found == expected, "{threads} threads");
    }
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    same_bits_for_any_threads::<f32>();
    same_bits_for_any_threads::<f64>();
}

#[test]
fn both_precisions_agree() {
    let x = low_rank((200, 30), 3, 7);
    let narrow = x.mapv(|v| v as f32);
    let learned = |pca: &mut IncrementalPca<f32>| {
        for from in [0, 100] {
            pca.partial_fit(&rows(&narrow, from, from + 100)).unwrap();
        }
        pca.model().unwrap()
    };
    let single = learned(&mut IncrementalPca::new(3).unwrap().whiten(true));
    let double = Pca::new(3).whiten(true).fit(&x).unwrap().model;
    for (s, truth) in single
        .singular_values()
        .iter()
        .zip(double.singular_values())
    {
        assert!((f64::from(*s) / truth - 1.0).abs() < 1e-5);
    }
    assert!(single.is_whitening());
    let (a, b) = (
        single.transform(&narrow).unwrap(),
        double.transform(&x).unwrap(),
    );
    same_rows(&a.mapv(f64::from), &b, 1e-3);
}

#[test]
fn further_passes_come_nearer_to_all_rows_at_once() {
    // Slowly falling values, so that each batch loses something.
    let x = Array2::from_shape_fn((300, 40), |(i, j)| {
        (((i * 37 + j * 11 + i * j) % 101) as f64 / 101.0) / (1.0 + 0.1 * j as f64)
    });
    for (magnitude, as_sparse) in [(1.0, false), (1e140, false), (1e-140, true)] {
        let x = &x * magnitude;
        let stored = sparse(&x);
        let blocks = || (0..6).map(|b| Ok(rows(&x, 50 * b, 50 * b + 50)));
        let slices = || (0..4).map(|b| Ok(stored.slice_outer(75 * b..75 * b + 75).to_owned()));
        let exact = TruncatedSvd::new(5).fit(&x).unwrap().model;
        let centered = Pca::new(5).fit(&x).unwrap().model;
        let distance = |vt: ArrayView2<'_, f64>, truth: ArrayView2<'_, f64>| {
            let cosines = vt.dot(&truth.t());
            (5.0 - cosines.iter().map(|c| c * c).sum::<f64>())
                .max(0.0)
                .sqrt()
        };
        let mut svd = IncrementalSvd::new(5).unwrap().oversampling(5);
        let mut pca = IncrementalPca::new(5).unwrap().oversampling(5);
        svd.fit_stream(blocks()).unwrap();
        pca.fit_stream(blocks()).unwrap();
        let mut before = [
            distance(svd.model().unwrap().vt(), exact.vt()),
            distance(pca.model().unwrap().components(), centered.components()),
        ];
        for _ in 0..2 {
            if as_sparse {
                svd.refine_stream(slices()).unwrap();
                pca.refine_stream(slices()).unwrap();
            } else {
                svd.refine_stream(blocks()).unwrap();
                pca.refine_stream(blocks()).unwrap();
            }
            let after = [
                distance(svd.model().unwrap().vt(), exact.vt()),
                distance(pca.model().unwrap().components(), centered.components()),
            ];
            for (after, before) in after.iter().zip(&before) {
                assert!(*after < 0.9 * before, "{magnitude:e}: {before} {after}");
            }
            before = after;
        }
        let short = svd.refine_stream(blocks().take(5));
        assert!(matches!(short, Err(Error::ShapeMismatch { .. })));
        assert!(distance(svd.model().unwrap().vt(), exact.vt()) == before[0]);
    }
    let mut fading = IncrementalSvd::new(5).unwrap().decay(0.9).unwrap();
    assert!(matches!(
        fading.refine_stream([Ok(x.clone())]),
        Err(Error::EmptyInput { .. })
    ));
    fading.partial_fit(&x).unwrap();
    assert!(matches!(
        fading.refine_stream([Ok(x.clone())]),
        Err(Error::InvalidParameter { .. })
    ));
}
