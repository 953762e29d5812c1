use super::*;
use crate::{RowUpdate, random_normal, update_non_negative_rows};
use matfact_core::ndarray::array;

fn gram<T: Scalar>(h: ArrayView2<'_, T>) -> Array2<T> {
    h.t().dot(&h)
}

/// Whether the optimality conditions hold: w >= 0, y >= 0, w·y = 0, relative to the data.
fn residual(w: &Array2<f64>, b: &Array2<f64>, g: &Array2<f64>, l1: f64) -> f64 {
    let mut worst = 0.0_f64;
    for (w, b) in w.rows().into_iter().zip(b.rows()) {
        let y = g.dot(&w) - b + l1;
        for t in 0..w.len() {
            let projected = if w[t] > 0.0 { y[t] } else { y[t].min(0.0) };
            worst = worst.max(projected.abs() / (b.iter().fold(1.0, |m, b| b.abs().max(m))));
        }
    }
    worst
}

#[test]
fn every_row_meets_the_optimality_conditions_on_every_path() {
    for (rows, k) in [(1, 1), (7, 3), (600, 20), (300, 70)] {
        let h = random_normal::<f64>((200, k), 1, 0).mapv(|v| v.max(0.0));
        let g = gram(h.view());
        let b = random_normal::<f64>((rows, k), 2, 0) * 30.0 + 20.0;
        let mut results = Vec::new();
        for start in [
            Array2::zeros((rows, k)),
            random_normal::<f64>((rows, k), 3, 0).mapv(|v| v.max(0.0)),
        ] {
            for simd in Simd::available() {
                let mut w = start.clone();
                let went = solve_non_negative_rows(&mut w, b.view(), g.view(), 0.5, simd);
                assert_eq!(went.fallbacks, 0);
                assert!(w.iter().all(|v| *v >= 0.0 && v.is_finite()));
                assert!(residual(&w, &b, &g, 0.5) < 1e-11);
                results.push(w);
            }
        }
        for w in &results[1..] {
            let far = (w - &results[0]).mapv(f64::abs).sum() / results[0].sum();
            assert!(
                far < 1e-9,
                "the minimum does not depend on the start: {far}"
            );
        }
    }
}

#[test]
fn threads_and_neighbours_do_not_matter() {
    let h = random_normal::<f32>((80, 12), 1, 0).mapv(f32::abs);
    let (g, b) = (gram(h.view()), random_normal::<f32>((700, 12), 2, 0) * 40.0);
    let solve = |threads: usize, rows: std::ops::Range<usize>| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let indices: Vec<usize> = rows.collect();
        let b = b.select(matfact_core::ndarray::Axis(0), &indices);
        let mut w = Array2::zeros((indices.len(), 12));
        pool.install(|| solve_non_negative_rows(&mut w, b.view(), g.view(), 0.0, Simd::detect()));
        w
    };
    let all = solve(1, 0..700);
    assert_eq!(all, solve(3, 0..700));
    for (alone, among) in solve(1, 300..310)
        .rows()
        .into_iter()
        .zip(all.rows().into_iter().skip(300))
    {
        assert_eq!(alone, among);
    }
}

#[test]
fn coordinate_descent_ends_at_the_same_minimum() {
    let h = random_normal::<f64>((40, 6), 1, 0).mapv(f64::abs);
    let (g, b) = (gram(h.view()), random_normal::<f64>((50, 6), 2, 0) * 30.0);
    let (mut exact, mut swept) = (Array2::zeros((50, 6)), Array2::zeros((50, 6)));
    solve_non_negative_rows(&mut exact, b.view(), g.view(), 0.25, Simd::detect());
    let update = RowUpdate {
        l1: 0.25,
        sweeps: 5000,
        ..RowUpdate::default()
    };
    update_non_negative_rows(&mut swept, b.view(), g.view(), update, Simd::detect());
    assert!(exact.iter().zip(&swept).all(|(a, b)| (a - b).abs() < 1e-9));
}

/// Equal, combined, zero and vanishing components: the minimum is not unique, its value is.
#[test]
fn dependent_components_reach_the_minimum_too() {
    let mut h = random_normal::<f64>((60, 8), 1, 0).mapv(f64::abs);
    let sum = &h.column(0) + &h.column(1);
    h.column_mut(2).assign(&sum);
    let copy = h.column(3).to_owned();
    h.column_mut(5).assign(&copy);
    h.column_mut(6).fill(0.0);
    h.column_mut(7).mapv_inplace(|v| v * 1e-170);
    let x = random_normal::<f64>((90, 60), 2, 0).mapv(f64::abs);
    let (g, b) = (gram(h.view()), x.dot(&h));
    for (l1, start) in [(0.0, 0.0), (0.0, 1.0), (3.0, 0.0), (3.0, 1.0)] {
        let mut w = Array2::from_elem((90, 8), start);
        solve_non_negative_rows(&mut w, b.view(), g.view(), l1, Simd::detect());
        assert!(w.iter().all(|v| *v >= 0.0 && v.is_finite()));
        let left = residual(&w, &b, &g, l1);
        assert!(left < 1e-9, "l1 = {l1}, start = {start}: {left}");
        let silent = if l1 > 0.0 { 0.0 } else { start };
        assert!(w.column(6).iter().all(|v| *v == silent));
    }
}

#[test]
fn single_precision_with_equal_components_never_gets_worse() {
    let mut h = random_normal::<f32>((60, 6), 1, 0).mapv(f32::abs);
    let near = h.column(0).mapv(|v| v * 1.000_000_1);
    h.column_mut(4).assign(&near);
    let (g, b) = (gram(h.view()), random_normal::<f32>((300, 6), 2, 0) * 50.0);
    let objective = |w: &Array2<f32>| {
        let (w, b, g) = (w.mapv(f64::from), b.mapv(f64::from), g.mapv(f64::from));
        (0.5 * w.dot(&g) - b) * w
    };
    let start = random_normal::<f32>((300, 6), 3, 0).mapv(f32::abs);
    let mut w = start.clone();
    for _ in 0..3 {
        let before = objective(&w).sum();
        solve_non_negative_rows(&mut w, b.view(), g.view(), 0.0, Simd::detect());
        assert!(w.iter().all(|v| *v >= 0.0 && v.is_finite()));
        assert!(objective(&w).sum() <= before + 1e-7 * before.abs());
    }
}

#[test]
fn known_minima_are_met() {
    let g = array![[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]];
    let b = array![[-1.0, -1.0, -1.0], [3.0, 4.0, 3.0], [4.0, 1.0, -8.0]];
    let mut w = Array2::zeros((3, 3));
    solve_non_negative_rows(&mut w, b.view(), g.view(), 0.0, Simd::detect());
    let expected: Array2<f64> = array![[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 0.0, 0.0]];
    assert!(w.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
}
