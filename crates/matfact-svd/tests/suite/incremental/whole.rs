//! What batches come to: scikit-learn's numbers, the decomposition of all rows at once, nearer to it by further
//! passes.

use super::{close, low_rank, rows, same_rows, sparse};
use matfact_core::ndarray::{Array2, ArrayView2, Axis};
use matfact_core::{Error, Factorization, Factorizer, Transform};
use matfact_svd::{IncrementalPca, IncrementalSvd, Pca, TruncatedSvd};
use matfact_testkit::strategies::large_matrix;

/// 12 x 5, the last column constant.
fn x12() -> Array2<f64> {
    Array2::from_shape_fn((12, 5), |(i, j)| {
        ((i * 7 + j * 5 + i * j) % 11) as f64 / 4.0 + if j == 0 { 3.0 } else { 0.0 }
    })
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
