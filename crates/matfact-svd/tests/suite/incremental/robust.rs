//! Batches in error, extreme magnitudes, the same bits on any number of threads, both precisions.

use super::{close, low_rank, rows, same_rows, sparse};
use matfact_core::ndarray::{Array1, Array2, array};
use matfact_core::{Error, Factorizer, LinearOperator, Persist, Result, Run, Scalar, Transform};
use matfact_svd::{IncrementalPca, IncrementalSvd, Pca, PcaModel};
use matfact_testkit::strategies::large_matrix;

/// The same work on a pool of this size.
fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let run = &mut Run::new().threads(threads);
    matfact_linalg::in_pool(run, |_, _| Ok(work())).unwrap()
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
