//! A score taken apart into what the entries of a row bring to it.

use matfact_als::{AlsSolver, Confidence, ImplicitAls};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Duplicates, Error, FactorModel, Factorizer, ObservedEntries, Ratings, Scalar};
use matfact_testkit::strategies::pseudo_random;

/// Rows that like half of the columns, with a dislike here and there; the last row has nothing but one dislike.
fn entries<T: Scalar>() -> Ratings<T> {
    let mut random = pseudo_random(3);
    let mut entries = Vec::new();
    for i in 0..20 {
        for j in 0..15 {
            if random() < 0.4 {
                let sign = if random() < 0.2 { -1.0 } else { 1.0 };
                entries.push((i, j, T::from_f64(sign * (1.0 + (4.0 * random()).floor()))));
            }
        }
    }
    entries.push((20, 4, T::from_f64(-1.0)));
    Ratings::from_triplets((22, 15), entries, Duplicates::Error).unwrap()
}

fn settings() -> ImplicitAls {
    ImplicitAls::new(3)
        .confidence(Confidence::OnePlus)
        .alpha(0.5)
        .unobserved_weight(0.2)
        .regularization(0.5)
        .count_power(0.5)
        .solver(AlsSolver::Cholesky)
}

/// x = A⁻¹ b by elimination.
fn solved(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let k = b.len();
    for s in 0..k {
        for t in s + 1..k {
            let factor = a[[t, s]] / a[[s, s]];
            for j in s..k {
                a[[t, j]] -= factor * a[[s, j]];
            }
            b[t] -= factor * b[s];
        }
    }
    for s in (0..k).rev() {
        for t in s + 1..k {
            b[s] -= a[[s, t]] * b[t];
        }
        b[s] /= a[[s, s]];
    }
    b
}

#[test]
fn contributions_are_those_of_the_equations() {
    let x = entries::<f64>();
    let als = settings();
    let model = als.fit(&x).unwrap().model;
    let y = model.column_factors().to_owned();
    for row in [0, 7, 19] {
        let own = x.row(row);
        let confidence = |value: f64| 1.0 + 0.5 * value.abs();
        let positives = own.values.iter().filter(|value| **value > 0.0).count();
        let mut a = y.t().dot(&y) * 0.2 + Array2::<f64>::eye(3) * (0.5 * (positives as f64).sqrt());
        for (j, value) in own.columns.iter().zip(own.values) {
            let q = y.row(*j as usize);
            for s in 0..3 {
                for t in 0..3 {
                    a[[s, t]] += (confidence(*value) - 0.2) * q[s] * q[t];
                }
            }
        }
        for why in als.explain(&model, &x, row, &[2, 9]).unwrap() {
            let z = solved(a.clone(), y.row(why.column).to_owned());
            assert_eq!(why.contributions.len(), positives);
            for part in &why.contributions {
                let e = own.columns.iter().position(|j| *j as usize == part.column);
                let value = own.values[e.unwrap()];
                assert!(value > 0.0, "a dislike has no part of a score");
                let expected = confidence(value) * y.row(part.column).dot(&z);
                assert!(
                    (part.score - expected).abs() < 1e-10,
                    "{row}: {part:?} {expected}"
                );
            }
        }
    }
}

/// The parts sum to the score of the folded-in row, which is the model's own at convergence, largest first.
fn sums<T: Scalar>(tolerance: f64) {
    let x = entries::<T>();
    let als = settings().max_iter(2000).tol(0.0);
    let model = als.fit(&x).unwrap().model;
    let folded = als.fold_in_rows(&model, &x).unwrap();
    let all: Vec<usize> = (0..15).collect();
    for row in 0..22 {
        for why in als.explain(&model, &x, row, &all).unwrap() {
            let sum: f64 = why
                .contributions
                .iter()
                .map(|part| part.score.as_f64())
                .sum();
            assert!((sum - why.score.as_f64()).abs() < tolerance);
            let column = model.column_factors().row(why.column).to_owned();
            let score = folded.row(row).dot(&column).as_f64();
            assert!((sum - score).abs() < tolerance, "{row}: {sum} {score}");
            let own = model.row_factors().row(row).dot(&column).as_f64();
            assert!((sum - own).abs() < 20.0 * tolerance, "{row}: {sum} {own}");
            assert!(why.contributions.is_sorted_by(|a, b| a.score >= b.score));
            assert_eq!(why.contributions.is_empty(), row >= 20);
        }
    }
}

#[test]
fn contributions_sum_to_the_score() {
    sums::<f64>(1e-9);
    sums::<f32>(1e-4);
}

#[test]
fn weights_count_and_what_weighs_nothing_has_no_part() {
    let plain = entries::<f64>();
    let weights: Vec<f64> = (0..plain.observed()).map(|e| (e % 3) as f64).collect();
    let x = plain.with_weights(weights).unwrap();
    let als = settings();
    let model = als.fit(&x).unwrap().model;
    let folded = als.fold_in_rows(&model, &x).unwrap();
    let why = &als.explain(&model, &x, 1, &[3]).unwrap()[0];
    let score = folded.row(1).dot(&model.column_factors().row(3));
    assert!((why.score - score).abs() < 1e-10);
    let counted = x.row(1).values.iter().zip(x.weights(1).unwrap());
    let counted = counted.filter(|(value, weight)| **value > 0.0 && **weight > 0.0);
    assert_eq!(why.contributions.len(), counted.count());
}

#[test]
fn what_is_not_there_is_not_explained() {
    let x = entries::<f64>();
    let als = settings();
    let model = als.fit(&x).unwrap().model;
    for (row, column, named) in [(22, 0, "row"), (0, 15, "column")] {
        let refused = als.explain(&model, &x, row, &[column]);
        assert!(matches!(refused, Err(Error::IndexOutOfRange { axis, .. }) if axis == named));
    }
    assert!(als.explain(&model, &x, 0, &[]).unwrap().is_empty());
    let other = ImplicitAls::new(2).explain(&model, &x, 0, &[0]);
    assert!(matches!(other, Err(Error::ShapeMismatch { .. })));
    let narrow = Ratings::from_triplets((1, 2), [(0, 0, 1.0)], Duplicates::Error).unwrap();
    let refused = als.explain(&model, &narrow, 0, &[0]);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    let empty = FactorModel::new(Array2::<f64>::zeros((1, 3)), Array2::zeros((15, 3))).unwrap();
    let why = &als.explain(&empty, &x, 0, &[0]).unwrap()[0];
    assert_eq!(why.score, 0.0);
}
