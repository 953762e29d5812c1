//! Every solver of a half-step, starts from a model, and stopping by a validation set.

use matfact_als::{Als, AlsSolver, fold_in_rows};
use matfact_core::{
    Certificate, Duplicates, Error, Factorization, Factorizer, ObservedEntries, Ratings, Run,
    StopReason, Validation,
};
use matfact_testkit::strategies::pseudo_random;

/// A table of rank 2 with noise, cut in two: every fifth entry is kept aside.
fn split(shape: (usize, usize), noise: f64) -> (Ratings<f64>, Ratings<f64>) {
    let mut random = pseudo_random(11);
    let (m, n) = shape;
    let mut side = |count: usize| -> Vec<[f64; 2]> {
        (0..count)
            .map(|_| [random() - 0.5, random() - 0.5])
            .collect()
    };
    let (p, q) = (side(m), side(n));
    let (mut train, mut aside) = (Vec::new(), Vec::new());
    for i in 0..m {
        for j in 0..n {
            let value = 3.0 + 6.0 * (p[i][0] * q[j][0] + p[i][1] * q[j][1]);
            let entry = (i, j, value + noise * (random() - 0.5));
            match (i * 7 + j * 3) % 10 {
                0..5 => train.push(entry),
                5 => aside.push(entry),
                _ => {}
            }
        }
    }
    let ratings = |t| Ratings::from_triplets(shape, t, Duplicates::Error).unwrap();
    (ratings(train), ratings(aside))
}

const SOLVERS: [AlsSolver; 3] = [
    AlsSolver::Cholesky,
    AlsSolver::ConjugateGradients { steps: 2 },
    AlsSolver::CoordinateDescent { sweeps: 2 },
];

#[test]
fn every_solver_comes_to_the_same_stationary_point_and_never_rises() {
    let (x, _) = split((50, 40), 0.1);
    let mut objectives = Vec::new();
    for solver in SOLVERS {
        for biased in [true, false] {
            let als = Als::new(2)
                .biased(biased)
                .regularization(0.2)
                .solver(solver);
            let fit = als.max_iter(3000).tol(1e-15).fit(&x).unwrap();
            let history = &fit.report.history;
            assert!(
                history
                    .windows(2)
                    .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12))
            );
            let Some(Certificate::ProjectedGradient(gradient)) = fit.report.certificate else {
                panic!("{solver:?} gives a gradient");
            };
            assert!(gradient < 1e-5, "{solver:?}: {gradient}");
            if biased {
                objectives.push(fit.report.objective);
            }
        }
    }
    let close = |objective: &f64| (objective / objectives[0] - 1.0).abs() < 1e-6;
    assert!(objectives.iter().all(close), "{objectives:?}");
    // Far from the end, the certificate says so.
    let early = Als::new(2).regularization(0.2).max_iter(1).fit(&x).unwrap();
    assert!(early.report.certificate.unwrap().largest() > 1e-3);
}

#[test]
fn every_solver_gives_the_same_bits_for_any_number_of_threads() {
    let (x, aside) = split((400, 300), 0.5);
    let validation = Validation::of(&aside);
    for solver in SOLVERS {
        let als = Als::new(9).solver(solver).max_iter(3);
        let with = |threads| {
            let mut run = Run::new().threads(threads).validation(&validation);
            als.fit_with(&x, &mut run).unwrap()
        };
        let one = with(1);
        assert_eq!(one.model, with(2).model, "{solver:?}");
        let seven = with(7);
        assert_eq!(one.model, seven.model, "{solver:?}");
        assert_eq!(one.report.validation, seven.report.validation);
        assert_eq!(one.report.objective, seven.report.objective);
    }
}

#[test]
fn non_negative_factors_stay_so_and_are_stationary() {
    let (x, _) = split((50, 40), 0.1);
    for biased in [true, false] {
        let als = Als::new(4)
            .non_negative(true)
            .biased(biased)
            .regularization(0.2);
        let fit = als.clone().max_iter(2000).tol(1e-14).fit(&x).unwrap();
        let (p, q) = (fit.model.row_factors(), fit.model.column_factors());
        assert!(p.iter().chain(q).all(|v| *v >= 0.0));
        assert!(p.iter().any(|v| *v > 0.0));
        assert!(fit.report.certificate.clone().unwrap().largest() < 1e-4);
        let history = &fit.report.history;
        assert!(
            history
                .windows(2)
                .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12))
        );
        let deviation = fit.report.chosen["deviation"].parse().unwrap();
        let (folded, _) = fold_in_rows(&als, &fit.model, deviation, &x).unwrap();
        let worst = folded
            .iter()
            .zip(p)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-3, "{worst}");
    }
    for solver in [
        AlsSolver::Cholesky,
        AlsSolver::ConjugateGradients { steps: 3 },
    ] {
        let refused = Als::new(2)
            .non_negative(true)
            .solver(solver)
            .fit(&x)
            .unwrap_err();
        assert!(matches!(
            refused,
            Error::InvalidParameter { name: "solver", .. }
        ));
    }
}

#[test]
fn the_fit_stops_where_the_error_on_the_set_is_least_and_goes_back_there() {
    // Too many factors without a penalty, much noise: the error on new entries rises soon.
    let (x, aside) = split((60, 50), 6.0);
    let als = Als::new(12)
        .regularization(0.01)
        .count_power(0.0)
        .tol(0.0)
        .max_iter(200);
    let validation = Validation::of(&aside).patience(4);
    let fit = als
        .fit_with(&x, &mut Run::new().validation(&validation))
        .unwrap();
    assert_eq!(fit.report.stop, StopReason::NoImprovement);
    let best = fit.report.best_iteration.unwrap();
    assert_eq!(fit.report.validation.len(), best + 4);
    let errors = &fit.report.validation;
    assert!(errors.iter().all(|error| *error >= errors[best - 1]));
    // The model is the best one, not the last.
    let of_model = aside.triplets().map(|(i, j, value)| {
        let error: f64 = value - fit.model.predict(i, j).unwrap();
        error * error
    });
    let of_model = (of_model.sum::<f64>() / aside.observed() as f64).sqrt();
    assert!((of_model / errors[best - 1] - 1.0).abs() < 1e-10);
    let again = als.max_iter(best).fit(&x).unwrap();
    assert_eq!(again.model, fit.model);
    assert!((fit.report.objective / again.report.objective - 1.0).abs() < 1e-12);
}

#[test]
fn a_set_that_says_nothing_is_refused() {
    let (x, _) = split((20, 10), 0.1);
    let outside = Ratings::from_triplets((30, 10), [(25, 0, 1.0)], Duplicates::Error).unwrap();
    let nothing = Ratings::<f64>::from_triplets((20, 10), [], Duplicates::Error).unwrap();
    let refused = |aside: &Ratings<f64>| {
        let validation = Validation::of(aside);
        Als::new(2)
            .fit_with(&x, &mut Run::new().validation(&validation))
            .unwrap_err()
    };
    assert!(matches!(
        refused(&outside),
        Error::IndexOutOfRange { index: 25, .. }
    ));
    assert!(matches!(refused(&nothing), Error::EmptyInput { .. }));
}

#[test]
fn a_fit_goes_on_from_a_model_and_takes_new_rows_and_columns() {
    let (x, _) = split((60, 40), 0.1);
    let als = Als::new(2).regularization(0.2).max_iter(500).tol(1e-14);
    let whole = als.fit(&x).unwrap();
    let go_on = als.clone().max_iter(1);
    let again = go_on.fit_from(&x, &whole.model, &mut Run::new()).unwrap();
    let near = again.report.objective / whole.report.objective - 1.0;
    assert!(near.abs() < 1e-9, "{near}");
    // Some more of each side.
    let part: Vec<_> = x
        .triplets()
        .filter(|(i, j, _)| *i < 50 && *j < 35)
        .collect();
    let before = Ratings::from_triplets((50, 35), part, Duplicates::Error).unwrap();
    let model = als.fit(&before).unwrap().model;
    let warm = als
        .clone()
        .max_iter(3)
        .fit_from(&x, &model, &mut Run::new())
        .unwrap();
    let cold = als.clone().max_iter(3).fit(&x).unwrap();
    assert_eq!(warm.model.shape(), (60, 40));
    assert!(warm.report.objective < cold.report.objective);
    let refused =
        |als: &Als, x: &Ratings<f64>| als.fit_from(x, &whole.model, &mut Run::new()).unwrap_err();
    assert!(matches!(
        refused(&als, &before),
        Error::ShapeMismatch { .. }
    ));
    assert!(matches!(
        refused(&Als::new(3), &x),
        Error::ShapeMismatch { .. }
    ));
    assert!(matches!(
        refused(&als.biased(false), &x),
        Error::ShapeMismatch { .. }
    ));
}
