//! Masked NMF: what weights and missing values mean, new rows.

use matfact_core::ndarray::{Array2, array};
use matfact_core::{Certificate, Duplicates, Error, Factorization, Factorizer, Ratings, Transform};
use matfact_nmf::{Loss, MaskedNmf, PenaltyScaling};

const LOSSES: [Loss; 2] = [Loss::Frobenius, Loss::KullbackLeibler];

/// A matrix of rank 2, of which one entry in three is missing.
fn planted(m: usize, n: usize) -> (Array2<f64>, Ratings<f64>) {
    let w = Array2::from_shape_fn((m, 2), |(i, t)| 1.0 + ((i * (3 + t) + t) % 7) as f64 / 3.0);
    let h = Array2::from_shape_fn((2, n), |(t, j)| 0.5 + ((j * (2 + 3 * t)) % 5) as f64 / 2.0);
    let full = w.dot(&h);
    let known = full.indexed_iter();
    let known = known.filter(|((i, j), _)| !(i * 5 + j * 7).is_multiple_of(3));
    let known = known.map(|((i, j), v)| (i, j, *v));
    let ratings = Ratings::from_triplets((m, n), known, Duplicates::Error).unwrap();
    (full, ratings)
}

fn exact(rank: usize, loss: Loss) -> MaskedNmf {
    MaskedNmf::new(rank)
        .loss(loss)
        .regularization(0.0)
        .max_iter(4000)
        .tol(1e-12)
}

#[test]
fn missing_values_of_low_rank_are_found_and_observed_ones_stay() {
    let (full, known) = planted(30, 20);
    for loss in LOSSES {
        let fit = exact(2, loss).fit(&known).unwrap();
        assert!(fit.report.relative_error.unwrap() < 1e-3, "{loss}");
        let Some(Certificate::ProjectedGradient(gradient)) = fit.report.certificate else {
            panic!("there is no certificate")
        };
        assert!(gradient < 1e-3, "{loss}: {gradient}");
        let imputed = fit.model.impute(&known).unwrap();
        for ((i, j), value) in imputed.indexed_iter() {
            assert!(
                (value / full[[i, j]] - 1.0).abs() < 0.05,
                "{loss}: {value} at {i}, {j}"
            );
        }
        for (i, j, value) in known.triplets() {
            assert_eq!(imputed[[i, j]], value);
        }
    }
}

#[test]
fn a_weight_of_zero_is_absence_and_equal_weights_are_none() {
    let (_, known) = planted(12, 9);
    let noisy: Vec<_> = known
        .triplets()
        .map(|(i, j, v)| (i, j, v + ((i + 2 * j) % 3) as f64))
        .collect();
    let of = |triplets: &[(usize, usize, f64)]| {
        Ratings::from_triplets((12, 9), triplets.iter().copied(), Duplicates::Error).unwrap()
    };
    let all = of(&noisy);
    for loss in LOSSES {
        let nmf = MaskedNmf::new(2).loss(loss).max_iter(30).tol(0.0);
        let plain = nmf.fit(&all).unwrap();
        // All weights 3: three times the objective, penalties included, and the same factors.
        let tripled = all.clone().with_weights(vec![3.0; noisy.len()]).unwrap();
        let tripled = nmf.fit(&tripled).unwrap();
        assert!((tripled.report.objective / plain.report.objective - 3.0).abs() < 1e-9);
        let difference = &tripled.model.reconstruct() - &plain.model.reconstruct();
        assert!(difference.iter().all(|d| d.abs() < 1e-9), "{loss}");
        // The first ten entries gone, or without weight.
        let shorter = nmf.fit(&of(&noisy[10..])).unwrap();
        let mut weights = vec![1.0; noisy.len()];
        weights[..10].fill(0.0);
        let masked = nmf
            .fit(&all.clone().with_weights(weights).unwrap())
            .unwrap();
        assert!((masked.report.objective / shorter.report.objective - 1.0).abs() < 1e-9);
        let difference = &masked.model.reconstruct() - &shorter.model.reconstruct();
        assert!(difference.iter().all(|d| d.abs() < 1e-7), "{loss}");
    }
}

#[test]
fn the_report_is_that_of_the_definition() {
    let (_, known) = planted(12, 9);
    let count = known.triplets().count();
    let weights: Vec<f64> = (0..count).map(|i| (i % 4) as f64 / 2.0).collect();
    let weighted = known.clone().with_weights(weights.clone()).unwrap();
    for loss in LOSSES {
        let nmf = MaskedNmf::new(1)
            .loss(loss)
            .alpha_w(0.1)
            .alpha_h(0.2)
            .l1_ratio(0.25);
        for scaling in [PenaltyScaling::ByShape, PenaltyScaling::Plain] {
            let fit = nmf.clone().penalty_scaling(scaling).fit(&weighted).unwrap();
            let (mut total, mut squares, mut norm) = (0.0, 0.0, 0.0);
            let (mut rows, mut columns) = (vec![0.0; 12], vec![0.0; 9]);
            for ((i, j, x), v) in known.triplets().zip(&weights) {
                let y: f64 = fit.model.predict(i, j).unwrap();
                total += v * match loss {
                    Loss::Frobenius => 0.5 * (x - y).powi(2),
                    _ => x * (x / y).ln() - x + y,
                };
                squares += v * (x - y).powi(2);
                norm += v * x * x;
                rows[i] += v;
                columns[j] += v;
            }
            let (w, h) = (fit.model.w(), fit.model.h());
            let penalty = |alpha: f64, v: f64| alpha * (0.25 * v + 0.5 * 0.75 * v * v);
            let scaled = |weight: f64| match scaling {
                PenaltyScaling::Plain => 1.0,
                _ => weight,
            };
            for (i, weight) in rows.iter().enumerate() {
                total += scaled(*weight) * penalty(0.1, w[[i, 0]]);
            }
            for (j, weight) in columns.iter().enumerate() {
                total += scaled(*weight) * penalty(0.2, h[[0, j]]);
            }
            let objective = fit.report.objective;
            assert!(
                (objective / total - 1.0).abs() < 1e-6,
                "{loss}: {objective} for {total}"
            );
            assert!((fit.report.history.last().unwrap() / total - 1.0).abs() < 1e-6);
            let error = fit.report.relative_error.unwrap();
            assert!((error / (squares / norm).sqrt() - 1.0).abs() < 1e-6);
        }
    }
}

#[test]
fn new_rows_get_the_coordinates_of_equal_training_rows() {
    let (_, known) = planted(30, 20);
    for loss in LOSSES {
        let model = MaskedNmf::new(2)
            .loss(loss)
            .max_iter(3000)
            .tol(1e-13)
            .fit(&known)
            .unwrap()
            .model;
        let coordinates = model.transform(&known).unwrap();
        for (new, old) in coordinates.iter().zip(model.w()) {
            assert!((new - old).abs() < 1e-3, "{loss}: {new} for {old}");
        }
        // A row alone, then one of which nothing is known.
        let row = known.csr().slice_outer(4..5).to_owned();
        let alone = model.transform(&Ratings::from_csr(row).unwrap()).unwrap();
        assert!(
            (&alone.row(0) - &coordinates.row(4))
                .iter()
                .all(|d| d.abs() < 1e-6)
        );
        let nothing = Ratings::from_triplets((1, 20), [], Duplicates::Error).unwrap();
        let typical = model.transform(&nothing).unwrap();
        let mean = model.w().mean_axis(matfact_core::ndarray::Axis(0)).unwrap();
        assert!((&typical.row(0) - &mean).iter().all(|d| d.abs() < 1e-9));
    }
}

#[test]
fn the_fit_scales_with_the_data_and_bounds_are_kept() {
    let (_, known) = planted(15, 12);
    for loss in LOSSES {
        let nmf = MaskedNmf::new(2).loss(loss).max_iter(50).tol(0.0);
        let here = nmf.fit(&known).unwrap().model.reconstruct();
        for scale in [64.0, 1e-150, 1e140] {
            let there = known.triplets().map(|(i, j, v)| (i, j, v * scale));
            let there = Ratings::from_triplets((15, 12), there, Duplicates::Error).unwrap();
            let there = nmf.fit(&there).unwrap().model.reconstruct();
            for (here, there) in here.iter().zip(&there) {
                assert!((there / scale / here - 1.0).abs() < 1e-6, "{loss}, {scale}");
            }
        }
        let bounded = nmf
            .clone()
            .max_w(1.0)
            .max_h(1.25)
            .fit(&known)
            .unwrap()
            .model;
        assert!(bounded.w().iter().all(|v| *v <= 1.0));
        assert!(bounded.h().iter().all(|v| *v <= 1.25));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let ratings = |values: [f64; 2]| {
        let triplets = [(0, 0, values[0]), (1, 1, values[1])];
        Ratings::from_triplets((2, 2), triplets, Duplicates::Error).unwrap()
    };
    let nmf = MaskedNmf::new(1);
    let negative = nmf.fit(&ratings([1.0, -2.0]));
    assert!(matches!(
        negative,
        Err(Error::Negative {
            row: 1,
            column: 1,
            ..
        })
    ));
    let weightless = ratings([1.0, 2.0]).with_weights(vec![0.0; 2]).unwrap();
    let weightless = nmf.fit(&weightless);
    assert!(matches!(
        weightless,
        Err(Error::InvalidParameter {
            name: "weights",
            ..
        })
    ));
    let model = nmf.fit(&ratings([1.0, 2.0])).unwrap().model;
    let wide = Ratings::from_dense(array![[1.0, 2.0, 3.0]].view(), 0.0).unwrap();
    assert!(matches!(
        model.transform(&wide),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(
        model.impute(&wide),
        Err(Error::ShapeMismatch { .. })
    ));
}
