use super::*;
use crate::random_normal;
use matfact_core::ndarray::{Array1, Array2};

/// The gradient of the sum at (p, b).
fn gradient(
    q: &Array2<f64>,
    t: &Array1<f64>,
    w: Option<&Array1<f64>>,
    ridge: Ridge,
    (p, b): (&Array1<f64>, f64),
) -> f64 {
    let mut rest = t - q.dot(p) - b;
    if let Some(w) = w {
        rest *= w;
    }
    let factors = q.t().dot(&rest) - p * ridge.factors;
    let constant = ridge.constant.map_or(0.0, |l| rest.sum() - l * b);
    factors
        .iter()
        .fold(constant.abs(), |most, g| most.max(g.abs()))
}

fn check<T: Scalar>(tolerance: f64) {
    for (rank, count) in [(1, 1), (5, 3), (16, 40), (17, 700), (50, 20), (64, 300)] {
        let q = random_normal::<f64>((count, rank), 1, 0).mapv(|v| T::from_f64(v).as_f64());
        let t = random_normal::<f64>((count, 1), 2, 0).column(0).to_owned();
        let t = t.mapv(|v| T::from_f64(v).as_f64());
        let w = Array1::from_shape_fn(count, |e| (e % 4) as f64 * 0.5);
        let mut regressors = Regressors::zeros(count, rank);
        for (row, values) in regressors.rows_mut().zip(q.rows()) {
            row.iter_mut()
                .zip(values)
                .for_each(|(a, b)| *a = T::from_f64(*b));
        }
        // In any order, and twice.
        let rows: Vec<u32> = (0..count as u32).rev().collect();
        let reversed: Vec<T> = t.iter().rev().map(|v| T::from_f64(*v)).collect();
        let weights: Vec<T> = w.iter().rev().map(|v| T::from_f64(*v)).collect();
        for simd in Simd::available() {
            let mut regression = RidgeRegression::new(rank, simd);
            for (weighted, constant) in [
                (false, None),
                (true, None),
                (true, Some(0.5)),
                (false, Some(0.0)),
            ] {
                let ridge = Ridge {
                    factors: 0.3,
                    constant,
                };
                let mut p = vec![T::zero(); rank];
                let given = weighted.then_some(&weights[..]);
                let entries = RegressionEntries {
                    regressors: &regressors,
                    rows: &rows,
                    targets: &reversed,
                    weights: given,
                    next: &[0],
                };
                let w = weighted.then_some(&w);
                let judge = |b: T, p: &[T], squares: f64, what: &str| {
                    let p: Array1<f64> = p.iter().map(|v| v.as_f64()).collect();
                    let found = gradient(&q, &t, w, ridge, (&p, b.as_f64()));
                    assert!(
                        found < tolerance * count as f64,
                        "{what} {simd:?} {rank} {count} {weighted} {constant:?}: {found}"
                    );
                    let rest = &t - &q.dot(&p) - b.as_f64();
                    let expected = match w {
                        Some(w) => (&rest * &rest * w).sum(),
                        None => rest.dot(&rest),
                    };
                    assert!((squares - expected).abs() < tolerance * count as f64);
                };
                let b = regression.solve(entries, ridge, &mut p);
                let squares = regression.squared_errors(entries, &p, b);
                judge(b, &p, squares, "Cholesky");
                let mut p = vec![T::one(); rank];
                let b = regression.conjugate_gradients(entries, ridge, 4 * rank + 20, &mut p);
                let squares = regression.squared_errors(entries, &p, b);
                judge(b, &p, squares, "conjugate gradients");
                let sweeps = Sweeps {
                    most: 3000,
                    non_negative: false,
                };
                let mut p = vec![T::one(); rank];
                let b = regression.coordinate_descent(entries, ridge, sweeps, &mut p);
                let squares = regression.squared_errors(entries, &p, b);
                judge(b, &p, squares, "coordinate descent");
            }
        }
    }
}

#[test]
fn the_gradient_is_zero_at_the_solution() {
    check::<f64>(1e-12);
    check::<f32>(1e-4);
}

#[test]
fn what_nothing_determines_is_zero() {
    let mut regressors = Regressors::<f32>::zeros(2, 3);
    assert_eq!((regressors.rows(), regressors.rank()), (2, 3));
    for row in regressors.rows_mut() {
        row[1] = 2.0;
    }
    assert_eq!(regressors.row(1), [0.0, 2.0, 0.0]);
    let mut regression = RidgeRegression::new(3, Simd::detect());
    let entries = |rows: &'static [u32], targets: &'static [f32]| RegressionEntries {
        regressors: &regressors,
        rows,
        targets,
        weights: None,
        next: &[],
    };
    let ridge = Ridge {
        factors: 0.0,
        constant: None,
    };
    let mut p = [9.0; 3];
    regression.solve(entries(&[0, 1], &[4.0, 8.0]), ridge, &mut p);
    let close = |p: [f32; 3], b: f32| {
        assert!((p[1] - 3.0).abs() < 1e-5 && b.abs() < 1e-4, "{p:?} {b}");
        assert_eq!((p[0], p[2]), (0.0, 0.0));
    };
    close(p, 0.0);
    // The regressors and the constant are the same but for a factor: one of them is enough.
    let ridge = Ridge {
        factors: 0.0,
        constant: Some(0.0),
    };
    let b = regression.solve(entries(&[0, 1], &[4.0, 8.0]), ridge, &mut p);
    close(p, b);
    let b = regression.solve(entries(&[], &[]), ridge, &mut p);
    assert_eq!((p, b), ([0.0; 3], 0.0));
}

/// The conditions of Karush, Kuhn and Tucker, against a regression that may go below 0.
#[test]
fn coordinates_stay_at_zero_where_the_gradient_says_so() {
    let (rank, count) = (9, 40);
    let q = random_normal::<f64>((count, rank), 3, 0);
    let t = random_normal::<f64>((count, 1), 4, 0).column(0).to_owned();
    let mut regressors = Regressors::zeros(count, rank);
    for (row, values) in regressors.rows_mut().zip(q.rows()) {
        row.iter_mut().zip(values).for_each(|(a, b)| *a = *b);
    }
    let rows: Vec<u32> = (0..count as u32).collect();
    let targets = t.to_vec();
    let entries = RegressionEntries {
        regressors: &regressors,
        rows: &rows,
        targets: &targets,
        weights: None,
        next: &[],
    };
    let ridge = Ridge {
        factors: 0.2,
        constant: Some(1.0),
    };
    let sweeps = Sweeps {
        most: 1000,
        non_negative: true,
    };
    let mut p = vec![-1.0; rank];
    let mut regression = RidgeRegression::new(rank, Simd::detect());
    let b = regression.coordinate_descent(entries, ridge, sweeps, &mut p);
    let p = Array1::from(p);
    let rest = &t - &q.dot(&p) - b;
    let gradient = &p * 0.2 - q.t().dot(&rest);
    assert!((rest.sum() - b).abs() < 1e-10);
    assert!(
        p.iter().any(|v| *v == 0.0) && p.iter().any(|v| *v > 0.0),
        "{p}"
    );
    for (p, g) in p.iter().zip(&gradient) {
        assert!(*p >= 0.0 && (if *p > 0.0 { g.abs() } else { (-g).max(0.0) }) < 1e-10);
    }
}
