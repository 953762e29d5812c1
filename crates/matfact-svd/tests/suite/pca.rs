//! PCA: scikit-learn's numbers, the choice of the rank, hard inputs.

use matfact_core::ndarray::{Array1, Array2, ArrayView1, Axis, array};
use matfact_core::{
    Certificate, Duplicates, Error, Factorization, Factorizer, FunctionOperator, LinearOperator,
    Persist, Run, Transform, csr_from_triplets, sprs::CsMatI,
};
use matfact_svd::{Pca, PcaMethod, PcaModel, PcaRank};
use matfact_testkit::strategies::large_matrix;

const METHODS: [PcaMethod; 4] = [
    PcaMethod::Auto,
    PcaMethod::Exact,
    PcaMethod::Covariance,
    PcaMethod::Truncated,
];

fn a5() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [1.0, 0.0, 0.0, 4.0],
        [0.0, 1.0, 5.0, 4.0]
    ]
}

/// 12 x 5; the last column is constant.
fn x12() -> Array2<f64> {
    Array2::from_shape_fn((12, 5), |(i, j)| {
        ((i * 7 + j * 5 + i * j) % 11) as f64 / 4.0 + if j == 0 { 3.0 } else { 0.0 }
    })
}

fn sparse(x: &Array2<f64>) -> CsMatI<f64, u32, usize> {
    let stored = x.indexed_iter().filter(|(_, v)| **v != 0.0);
    let stored = stored.map(|((i, j), v)| (i, j, *v));
    csr_from_triplets(x.dim(), stored, Duplicates::Error).unwrap()
}

fn close(given: ArrayView1<'_, f64>, golden: &[f64]) {
    assert_eq!(given.len(), golden.len());
    let worst = given.iter().zip(golden).map(|(a, b)| (a - b).abs());
    assert!(
        worst.fold(0.0, f64::max) < 1e-11,
        "{given} is not {golden:?}"
    );
}

fn residuals(certificate: &Option<Certificate>) -> Vec<f64> {
    match certificate {
        Some(Certificate::TripletResiduals { left, right }) => [&left[..], right].concat(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_method_gives_the_numbers_of_scikit_learn() {
    for method in METHODS {
        let fit = Pca::new(2).method(method).fit(&a5()).unwrap();
        let model = &fit.model;
        close(model.mean(), &[2.2, 1.0, 1.0, 3.0]);
        close(
            model.singular_values(),
            &[6.291632964352249, 3.7849046844528322],
        );
        close(
            model.explained_variance().view(),
            &[9.896161339530966, 3.5813758675982483],
        );
        close(
            model.explained_variance_ratio().unwrap().view(),
            &[0.6732082543898616, 0.24363101140124135],
        );
        assert!((model.noise_variance().unwrap() - 0.6112313964353923).abs() < 1e-11);
        close(
            model.components().row(0),
            &[
                0.6750591999710067,
                0.14629065962706544,
                -0.510026650397371,
                -0.512607974308653,
            ],
        );
        close(
            model.components().row(1),
            &[
                0.2244737849696783,
                0.2923487458407243,
                0.8203689788278351,
                -0.4371938577378659,
            ],
        );
        let first = model.transform(&a5()).unwrap();
        close(first.row(0), &[3.717989678187627, 1.2672428262444444]);
        let whitening = Pca::new(2).method(method).whiten(true).fit(&a5()).unwrap();
        let first = whitening.model.transform(&a5()).unwrap();
        close(first.row(1), &[0.8277846193793421, 0.08757039744399865]);
        assert!(
            residuals(&fit.report.certificate)
                .iter()
                .all(|r| *r < 1e-13)
        );
        assert_ne!(fit.report.chosen["method"], "auto");
    }
}

#[test]
fn sparse_matrices_and_operators_give_the_same_without_being_formed() {
    let x = x12().mapv(|v| if v > 2.0 { v } else { 0.0 });
    let csr = sparse(&x);
    let csc = csr.to_csc();
    let operator = FunctionOperator::new(
        x.dim(),
        |right, out| x.multiply(right, out),
        |right, out| x.multiply_transposed(right, out),
    );
    let forms: [&dyn LinearOperator<Scalar = f64>; 4] = [&x, &csr, &csc, &operator];
    for (at, form) in forms.into_iter().enumerate() {
        for method in METHODS {
            let model = Pca::new(3).method(method).fit(form).unwrap().model;
            close(
                model.singular_values(),
                &[4.034195819795274, 3.519914600606219, 2.5234794002663055],
            );
            close(
                model.mean(),
                &[
                    4.145833333333333,
                    0.3958333333333333,
                    0.6041666666666666,
                    0.3958333333333333,
                    2.25,
                ],
            );
            close(
                model.components().row(0),
                &[
                    -0.2012344120227053,
                    0.40245355708250935,
                    0.7907661579113646,
                    0.4149996738692815,
                    0.0,
                ],
            );
            let ratio = model.explained_variance_ratio();
            if at == 3 && method == PcaMethod::Truncated {
                assert!(ratio.is_none() && model.noise_variance().is_none());
                continue;
            }
            close(
                ratio.unwrap().view(),
                &[
                    0.40329753422703957,
                    0.30702650603351583,
                    0.15780150625259826,
                ],
            );
            assert!((model.noise_variance().unwrap() - 0.24189471250380823).abs() < 1e-11);
        }
    }
}

#[test]
fn the_rank_follows_from_a_share_of_the_variance() {
    // scikit-learn's shares add up to 0.336, 0.650, 0.845, 1, 1.
    for (share, rank) in [
        (0.2, 1),
        (0.65, 2),
        (0.651, 3),
        (0.8, 3),
        (0.9, 4),
        (1.0, 4),
    ] {
        for method in METHODS {
            let fit = Pca::explaining(share).method(method).fit(&x12()).unwrap();
            assert_eq!(fit.model.rank(), rank, "{share} by {method:?}");
            assert_eq!(fit.report.rank, rank);
            assert_eq!(fit.report.chosen["rank"], rank.to_string());
            assert_eq!(residuals(&fit.report.certificate).len(), 2 * rank);
        }
    }
    let constant = Array2::from_elem((4, 3), 2.0);
    for method in METHODS {
        let fit = Pca::explaining(0.5).method(method).fit(&constant).unwrap();
        assert_eq!(fit.model.rank(), 1);
    }
}

#[test]
fn a_share_grows_the_truncated_rank_until_it_is_reached() {
    let x = large_matrix((300, 120), 0.8);
    let exact = Pca::explaining(0.9)
        .method(PcaMethod::Exact)
        .fit(&x)
        .unwrap();
    let rank = exact.model.rank();
    assert!(rank > 32, "{rank}");
    let mut seen = Vec::new();
    let mut observer = |p: &matfact_core::Progress| seen.push((p.iteration, p.limit));
    let pca = Pca::explaining(0.9).method(PcaMethod::Truncated);
    let fit = pca
        .fit_with(&sparse(&x), &mut Run::new().observer(&mut observer))
        .unwrap();
    // The values found by a truncated decomposition are lower bounds.
    assert!((rank..=rank + 2).contains(&fit.model.rank()));
    assert!(fit.model.explained_variance_ratio().unwrap().sum() >= 0.9);
    assert_eq!(seen.len(), fit.report.iterations);
    assert!(seen.iter().all(|(at, limit)| at <= limit));
}

#[test]
fn the_rank_follows_from_the_likelihood() {
    // scikit-learn's PCA("mle") gives 4 components of x12, and 2 of this.
    let planted = Array2::from_shape_fn((40, 6), |(i, j)| {
        let (row, column) = (i as f64, j as f64);
        let first = if j < 2 { 3.0 } else { 0.0 } * column.cos();
        let second = if j % 2 == 1 { 2.0 } else { 0.5 };
        let noise = ((i * 37 + j * 101 + i * i * j * 7) % 23) as f64 / 11.0 - 1.0;
        (1.7 * row + 0.3).sin() * first + (0.9 * row).cos() * second + 0.1 * noise
    });
    for method in [PcaMethod::Auto, PcaMethod::Exact, PcaMethod::Covariance] {
        let mle = Pca::with_rank(PcaRank::Mle).method(method);
        assert_eq!(mle.fit(&planted).unwrap().model.rank(), 2);
        assert_eq!(mle.fit(&sparse(&planted)).unwrap().model.rank(), 2);
    }
    assert_eq!(
        Pca::with_rank(PcaRank::Mle)
            .fit(&x12())
            .unwrap()
            .model
            .rank(),
        4
    );
}

#[test]
fn whitened_coordinates_have_variance_one_and_come_back() {
    let x = large_matrix((40, 6), 0.0);
    let model = Pca::new(6).whiten(true).fit(&x).unwrap().model;
    let coordinates = model.transform(&x).unwrap();
    let variance = coordinates.var_axis(Axis(0), 1.0);
    assert!(
        variance.iter().all(|v| (v - 1.0).abs() < 1e-10),
        "{variance}"
    );
    let back = model.inverse_transform(coordinates.view()).unwrap();
    assert!((&back - &x).iter().all(|d| d.abs() < 1e-12));
    assert!((model.reconstruct() - &x).iter().all(|d| d.abs() < 1e-12));
    // The constant column leaves a component without variance, whose coordinate is 0, not noise.
    let model = Pca::new(5).whiten(true).fit(&x12()).unwrap().model;
    let coordinates = model.transform(&x12()).unwrap();
    assert!(coordinates.column(4).iter().all(|v| *v == 0.0));
    assert!(matches!(
        model.inverse_transform(array![[1.0]].view()),
        Err(Error::ShapeMismatch { .. })
    ));
}

#[test]
fn all_components_make_the_matrix_and_one_row_has_no_variance() {
    for method in METHODS {
        let fit = Pca::new(4).method(method).fit(&a5()).unwrap();
        assert!(
            (fit.model.reconstruct() - a5())
                .iter()
                .all(|d| d.abs() < 1e-12)
        );
        assert_eq!(fit.model.noise_variance(), Some(0.0));
        let one = Pca::new(1).method(method).fit(&array![[1.0, 2.0]]).unwrap();
        assert_eq!(one.model.explained_variance().to_vec(), [0.0]);
        assert_eq!(one.model.reconstruct(), array![[1.0, 2.0]]);
        assert!(one.model.explained_variance_ratio().is_none());
        assert_eq!(one.report.relative_error, Some(0.0));
    }
}

#[test]
fn extreme_magnitudes_scale_the_model_and_nothing_else() {
    let expected = Pca::new(2).fit(&x12()).unwrap().model;
    let ratio = expected.explained_variance_ratio().unwrap();
    for magnitude in [1e150, 1e-150, 1e300, 1e-300] {
        let x = x12() * magnitude;
        for method in METHODS {
            for model in [
                Pca::new(2).method(method).fit(&x).unwrap().model,
                Pca::new(2).method(method).fit(&sparse(&x)).unwrap().model,
            ] {
                let scaled = model.singular_values().mapv(|s| s / magnitude);
                close(scaled.view(), &expected.singular_values().to_vec());
                let mean = model.mean().mapv(|s| s / magnitude);
                close(mean.view(), &expected.mean().to_vec());
                close(
                    model.explained_variance_ratio().unwrap().view(),
                    &ratio.to_vec(),
                );
                let coordinates = model.transform(&x).unwrap() / magnitude;
                let truth = expected.transform(&x12()).unwrap();
                assert!((coordinates - truth).iter().all(|d| d.abs() < 1e-11));
                let back = model.inverse_transform(model.scores()).unwrap() / magnitude;
                assert!(
                    (back - expected.reconstruct())
                        .iter()
                        .all(|d| d.abs() < 1e-11)
                );
                let record = model.to_record();
                assert_eq!(PcaModel::from_record(&record).unwrap(), model);
            }
        }
    }
    for magnitude in [1e18_f32, 1e-18, 1e30, 1e-30] {
        let x = x12().mapv(|v| v as f32 * magnitude);
        let model = Pca::new(2)
            .method(PcaMethod::Truncated)
            .fit(&x)
            .unwrap()
            .model;
        for (s, truth) in model
            .singular_values()
            .iter()
            .zip(expected.singular_values())
        {
            assert!((f64::from(s / magnitude) / truth - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn a_mean_far_above_the_deviations_keeps_its_digits() {
    let small = x12().mapv(|v| v as f32);
    let shifted = small.mapv(|v| v + 8192.0);
    let expected = Pca::new(3).fit(&small).unwrap().model;
    for method in METHODS {
        let model = Pca::new(3).method(method).fit(&shifted).unwrap().model;
        for (s, truth) in model
            .singular_values()
            .iter()
            .zip(expected.singular_values())
        {
            assert!((s / truth - 1.0).abs() < 1e-5, "{method:?}: {s}, {truth}");
        }
        let coordinates = model.transform(&shifted).unwrap();
        let truth = expected.transform(&small).unwrap();
        assert!((coordinates - truth).iter().all(|d| d.abs() < 1e-4));
    }
}

#[test]
fn large_matrices_choose_their_method() {
    let chosen = |x: &dyn LinearOperator<Scalar = f64>, rank| {
        let fit = Pca::new(rank).fit(x).unwrap();
        assert!(residuals(&fit.report.certificate).iter().all(|r| *r < 1.0));
        fit.report.chosen["method"].clone()
    };
    let tall = large_matrix((600, 12), 0.5);
    assert_eq!(chosen(&tall, 3), "covariance");
    assert_eq!(chosen(&sparse(&tall), 3), "truncated");
    let wide = large_matrix((20, 600), 0.5);
    assert_eq!(chosen(&wide, 3), "truncated");
    assert_eq!(chosen(&wide, 18), "exact");
    let by = |method| Pca::new(3).method(method).fit(&tall).unwrap().model;
    let expected = by(PcaMethod::Exact);
    let found = by(PcaMethod::Covariance);
    close(
        found.singular_values(),
        &expected.singular_values().to_vec(),
    );
    close(
        found.components().row(2),
        &expected.components().row(2).to_vec(),
    );
}

#[test]
fn bad_settings_and_records_are_refused() {
    for share in [0.0, -0.5, 1.5, f64::NAN] {
        assert!(matches!(
            Pca::explaining(share).fit(&a5()),
            Err(Error::InvalidParameter {
                name: "explained_variance",
                ..
            })
        ));
    }
    assert!(matches!(
        Pca::with_rank(PcaRank::Mle)
            .method(PcaMethod::Truncated)
            .fit(&a5()),
        Err(Error::InvalidParameter { name: "method", .. })
    ));
    assert!(matches!(
        Pca::with_rank(PcaRank::Mle).fit(&a5().reversed_axes()),
        Err(Error::InvalidParameter { name: "rank", .. })
    ));
    let x = a5();
    let operator = FunctionOperator::new(
        x.dim(),
        |right, out| x.multiply(right, out),
        |right, out| x.multiply_transposed(right, out),
    );
    let share = Pca::explaining(0.5).method(PcaMethod::Truncated);
    assert!(matches!(
        share.fit(&operator),
        Err(Error::UnsupportedInput { .. })
    ));
    let record = Pca::new(2).fit(&x).unwrap().model.to_record();
    for (name, value) in [
        ("rows", "7"),
        ("rows", "x"),
        ("whiten", "maybe"),
        ("total_deviation", "-1"),
    ] {
        let mut bad = record.clone();
        bad.attributes.insert(name.to_owned(), value.to_owned());
        assert!(
            matches!(
                PcaModel::<f64>::from_record(&bad),
                Err(Error::InvalidModel { .. })
            ),
            "{name} {value}"
        );
    }
    let mut bad = record;
    bad.insert("mean", &Array1::<f64>::zeros(3));
    assert!(PcaModel::<f64>::from_record(&bad).is_err());
}
