//! Passes over a row's regressors, against the plain formulas.

use super::descent::{Constant, Descent};
use super::gather::Listed;
use super::principal_tests::{Case, wide};
use super::pull::{AddRows, Pull, Rows};
use crate::Simd;
use matfact_core::Scalar;
use matfact_core::ndarray::Array1;

fn check_add_rows<T: Scalar>(tolerance: f64) {
    for (stride, count) in [(16, 1), (32, 15), (64, 16), (80, 33)] {
        let case = Case::<T>::new(40, stride, count);
        let mut expected = Array1::from_elem(stride, 2.0);
        for (row, _, m) in case.entries() {
            expected.scaled_add(m, &case.q.row(row));
        }
        for simd in Simd::available() {
            // Added to what is there.
            let mut out = vec![T::from_f64(2.0); stride];
            let panel = (case.regressors.values(), stride);
            simd.run(AddRows {
                rows: Listed::new(panel, &case.rows, &[]),
                coefficients: &case.targets,
                out: &mut out,
            });
            let worst = &wide(&out) - &expected;
            let good = worst.iter().all(|d| d.abs() < tolerance);
            assert!(good, "{simd:?}, {stride} numbers, {count} entries");
        }
    }
}

#[test]
fn rows_are_added_by_the_plain_formula() {
    check_add_rows::<f64>(1e-13);
    check_add_rows::<f32>(1e-5);
}

fn check_pull<T: Scalar>(tolerance: f64) {
    for stride in [16, 32, 64, 80] {
        for count in [1, 3, 4, 5, 8, 16, 31, 33] {
            let case = Case::<T>::new(40, stride, count);
            let vector: Vec<T> = (0..stride)
                .map(|t| T::from_f64(0.1 * t as f64 - 0.4))
                .collect();
            let mut kept = Vec::new();
            for row in &case.rows {
                kept.extend_from_slice(case.regressors.row(*row as usize));
            }
            for aimed in [true, false] {
                let v = wide(&vector);
                let mut expected = Array1::from_elem(stride, 2.0);
                let mut sum = 0.0;
                for (row, w, m) in case.entries() {
                    let (q, m) = (case.q.row(row), if aimed { m } else { 0.0 });
                    let product = q.dot(&v);
                    sum += product * (w * product - 2.0 * m);
                    expected.scaled_add(m - w * product, &q);
                }
                for simd in Simd::available() {
                    let panel = (case.regressors.values(), stride);
                    let listed = Listed::new(panel, &case.rows, &[1, 2]);
                    let mut copies = vec![T::zero(); kept.len() + 3];
                    for rows in [
                        Rows::Kept(&kept[..]),
                        Rows::Listed(listed),
                        Rows::Copied(listed, &mut copies),
                    ] {
                        // Added to what is there.
                        let mut out = vec![T::from_f64(2.0); stride];
                        let found = simd.run(Pull {
                            rows,
                            weights: &case.weights,
                            aims: aimed.then_some(&case.targets[..]),
                            vector: &vector,
                            out: Some(&mut out),
                        });
                        let near = tolerance * (1.0 + sum.abs());
                        assert!((found - sum).abs() < near, "{simd:?}: {found} for {sum}");
                        let worst = &wide(&out) - &expected;
                        let most = expected.iter().fold(1.0f64, |most, v| most.max(v.abs()));
                        assert!(
                            worst.iter().all(|d| d.abs() < tolerance * most),
                            "{simd:?}, {stride} numbers, {count} entries"
                        );
                    }
                    assert_eq!(copies[..kept.len()], kept);
                    let alone = simd.run(Pull {
                        rows: Rows::Kept(&kept),
                        weights: &case.weights,
                        aims: aimed.then_some(&case.targets[..]),
                        vector: &vector,
                        out: None,
                    });
                    assert!((alone - sum).abs() < tolerance * (1.0 + sum.abs()));
                }
            }
        }
    }
}

#[test]
fn a_pull_is_the_sum_of_the_plain_formula() {
    check_pull::<f64>(1e-13);
    check_pull::<f32>(1e-5);
}

/// Steps with all, some and none of the regressors kept, with and without a constant.
fn check_descent<T: Scalar>(tolerance: f64) {
    let (stride, count) = (32, 75);
    let mut case = Case::<T>::new(90, stride, count);
    for weight in &mut case.weights {
        *weight = weight.abs();
    }
    let (zeros, ones) = (vec![T::zero(); stride], vec![T::one(); stride]);
    let panel = (case.regressors.values(), stride);
    let weight: f64 = case.weights.iter().map(|w| w.as_f64()).sum::<f64>() + 0.5;
    let target: f64 = case.targets.iter().map(|m| m.as_f64()).sum();
    for simd in Simd::available() {
        for with_constant in [false, true] {
            let mut of_all: Option<(Vec<T>, f64)> = None;
            for kept in [count, 33, 0] {
                let (mut totals, mut out) = (zeros.clone(), ones.clone());
                let (mut room, mut vectors) = (vec![T::zero(); kept * stride], zeros.repeat(4));
                let sum = simd.run(Descent {
                    rows: Listed::new(panel, &case.rows, &[3]),
                    weights: &case.weights,
                    aims: &case.targets,
                    diagonal: &ones,
                    lambda: 0.5,
                    pulled: &ones,
                    constant: with_constant.then_some(Constant {
                        totals: &mut totals,
                        weight,
                        target,
                    }),
                    steps: 3,
                    kept: &mut room,
                    vectors: &mut vectors,
                    out: &mut out,
                    simd,
                });
                let (known, known_sum) = of_all.get_or_insert_with(|| (out.clone(), sum));
                let worst = wide(&out) - wide(known);
                let place = format!("{simd:?}, {kept} kept, {with_constant}");
                assert!(
                    worst.iter().all(|d| d.abs() < tolerance),
                    "{place}: {worst}"
                );
                assert!(
                    (sum - *known_sum).abs() < tolerance * known_sum.abs(),
                    "{place}"
                );
                assert!(out != ones, "it has moved");
            }
        }
    }
}

#[test]
fn regressors_that_are_read_anew_are_those_that_are_kept() {
    check_descent::<f64>(1e-12);
    check_descent::<f32>(1e-4);
}
