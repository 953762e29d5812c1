//! What a fit gives: the objective, its stationary point, weights, new rows.

use matfact_als::{Als, fold_in_columns, fold_in_rows};
use matfact_core::ndarray::Array2;
use matfact_core::{
    Duplicates, FactorModel, Factorization, Factorizer, Fit, ObservedEntries, Ratings, Run,
    StopReason,
};
use matfact_testkit::strategies::pseudo_random;

/// Some of a table of rank 2 with biases, and noise.
fn planted(shape: (usize, usize), share: f64) -> Ratings<f64> {
    let mut random = pseudo_random(3);
    let (m, n) = shape;
    let p = Array2::from_shape_simple_fn((m, 3), &mut random) - 0.5;
    let q = Array2::from_shape_simple_fn((n, 3), &mut random) - 0.5;
    let mut triplets = Vec::new();
    for i in 0..m {
        for j in 0..n {
            if random() < share {
                let value = 3.0
                    + p[[i, 2]]
                    + q[[j, 2]]
                    + 4.0 * (p[[i, 0]] * q[[j, 0]] + p[[i, 1]] * q[[j, 1]]);
                triplets.push((i, j, value + 0.1 * (random() - 0.5)));
            }
        }
    }
    Ratings::from_triplets(shape, triplets, Duplicates::Error).unwrap()
}

fn deviation(fit: &Fit<FactorModel<f64>>) -> f64 {
    fit.report.chosen["deviation"].parse().unwrap()
}

/// The objective of the crate's page, from the model alone.
fn objective(
    x: &Ratings<f64>,
    model: &FactorModel<f64>,
    sigma: f64,
    (lambda, power, bias_lambda): (f64, f64, f64),
) -> f64 {
    let (m, n) = x.shape();
    let (mut rows, mut columns) = (vec![0.0; m], vec![0.0; n]);
    let mut sum = 0.0;
    for i in 0..m {
        let entries = x.row(i);
        for (e, (j, value)) in entries.columns.iter().zip(entries.values).enumerate() {
            let weight = x.weights(i).map_or(1.0, |weights| weights[e]);
            let error = (value - model.predict(i, *j as usize).unwrap()) / sigma;
            sum += weight * error * error;
            rows[i] += weight;
            columns[*j as usize] += weight;
        }
    }
    let side = |factors: matfact_core::ndarray::ArrayView2<'_, f64>, counts: &[f64]| -> f64 {
        let squares = factors.rows().into_iter().map(|row| row.dot(&row) / sigma);
        squares
            .zip(counts)
            .map(|(s, n)| lambda * n.powf(power) * s)
            .sum()
    };
    sum += side(model.row_factors(), &rows) + side(model.column_factors(), &columns);
    if let (Some(b), Some(c)) = (model.row_bias(), model.column_bias()) {
        sum += bias_lambda * (b.dot(&b) + c.dot(&c)) / (sigma * sigma);
    }
    sum
}

#[test]
fn the_objective_falls_to_a_stationary_point() {
    let x = planted((60, 40), 0.4);
    let weights: Vec<f64> = (0..x.observed())
        .map(|e| (e % 3) as f64 * 0.5 + 0.5)
        .collect();
    let weighted = x.clone().with_weights(weights).unwrap();
    for (x, biased, power) in [(&x, true, 1.0), (&x, false, 0.5), (&weighted, true, 0.0)] {
        let als = Als::new(3).biased(biased).count_power(power);
        let als = als.regularization(0.3).bias_regularization(2.0);
        let fit = als.clone().max_iter(2000).tol(1e-15).fit(x).unwrap();
        assert_eq!(fit.report.stop, StopReason::Converged);
        let falls = fit.report.history.windows(2);
        assert!(
            falls
                .into_iter()
                .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12))
        );
        let sigma = deviation(&fit);
        let settings = (0.3, power, if biased { 2.0 } else { 0.0 });
        let of = |model: &FactorModel<f64>| objective(x, model, sigma, settings);
        let lowest = of(&fit.model);
        assert!((lowest / fit.report.objective - 1.0).abs() < 1e-10);
        // Finite differences: the slope at the end is nothing beside the curvature.
        let moved = |side: usize, at: (usize, usize), by: f64| {
            let model = &fit.model;
            let mut factors = [
                model.row_factors().to_owned(),
                model.column_factors().to_owned(),
            ];
            factors[side][[at.0, at.1]] += by;
            let [rows, columns] = factors;
            let moved = FactorModel::new(rows, columns)
                .unwrap()
                .with_mean(model.mean());
            match (model.row_bias(), model.column_bias()) {
                (Some(b), Some(c)) => moved.with_biases(b.to_owned(), c.to_owned()).unwrap(),
                _ => moved,
            }
        };
        for side in [0, 1] {
            for at in [(3, 0), (17, 2), (39, 1)] {
                let (up, down) = (of(&moved(side, at, 1e-3)), of(&moved(side, at, -1e-3)));
                assert!(up > lowest && down > lowest, "{side} {at:?}");
                let slope = (up - down).abs() / (up + down - 2.0 * lowest);
                assert!(slope < 1e-2, "{side} {at:?}: {slope}");
            }
        }
    }
}

#[test]
fn a_training_row_folded_in_is_its_fitted_row() {
    let x = planted((50, 30), 0.5);
    for biased in [true, false] {
        let als = Als::new(2).biased(biased).max_iter(3000).tol(1e-16);
        let fit = als.fit(&x).unwrap();
        let sigma = deviation(&fit);
        let close = |a: &Array2<f64>, b: matfact_core::ndarray::ArrayView2<'_, f64>| {
            let worst = a
                .iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(worst < 1e-5, "{biased}: {worst}");
        };
        let (factors, biases) = fold_in_rows(&als, &fit.model, sigma, &x).unwrap();
        close(&factors, fit.model.row_factors());
        if let Some(biases) = biases {
            let known = fit.model.row_bias().unwrap();
            assert!((biases - known).iter().all(|d| d.abs() < 1e-5));
        }
        let (factors, _) = fold_in_columns(&als, &fit.model, sigma, &x).unwrap();
        close(&factors, fit.model.column_factors());
    }
}

#[test]
fn weights_count_as_repetitions_and_zeros_take_out() {
    let triplets = [
        (0, 0, 5.0),
        (0, 1, 3.0),
        (1, 0, 2.0),
        (1, 1, 1.0),
        (2, 0, 4.0),
        (2, 2, 9.0),
    ];
    let plain = Ratings::from_triplets((3, 3), triplets, Duplicates::Error).unwrap();
    let weights = vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    let without =
        Ratings::from_triplets((3, 3), triplets[..5].to_vec(), Duplicates::Error).unwrap();
    let weighted = plain.with_weights(weights).unwrap();
    let fit = |x: &Ratings<f64>| Als::new(2).fit(x).unwrap();
    let (a, b) = (fit(&weighted), fit(&without));
    assert_eq!(a.model.mean(), b.model.mean());
    for i in 0..3 {
        for j in 0..2 {
            let (a, b) = (
                a.model.predict(i, j).unwrap(),
                b.model.predict(i, j).unwrap(),
            );
            assert!((a - b).abs() < 1e-12);
        }
    }
    // What has no weight leaves its column unknown.
    assert_eq!(a.model.column_bias().unwrap()[2], 0.0);
}

#[test]
fn threads_iterations_and_seeds() {
    let x = planted((700, 300), 0.2);
    let with = |threads, seed| {
        let als = Als::new(17).seed(seed).max_iter(3).tol(0.0);
        als.fit_with(&x, &mut Run::new().threads(threads)).unwrap()
    };
    let one = with(1, 5);
    assert_eq!(one.report.stop, StopReason::MaxIterations);
    assert_eq!(one.report.iterations, 3);
    assert_eq!(one.model, with(2, 5).model);
    assert_eq!(one.model, with(7, 5).model);
    assert_ne!(one.model, with(2, 6).model);
    let none = Als::new(4).max_iter(0).fit(&x).unwrap();
    assert_eq!(none.report.iterations, 0);
    assert_eq!(none.model.predict(0, 0).unwrap(), none.model.mean());
}
