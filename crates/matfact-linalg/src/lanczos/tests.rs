//! The process on spectra that are hard, against what is known of them.

use super::*;
use crate::{random_normal, refine_conditioned, refine_triplets, small_svd, tall_qr};
use matfact_core::Summary;
use matfact_core::ndarray::{Array2, ArrayView2};

/// A matrix with these singular values.
fn planted(shape: (usize, usize), spectrum: &[f64]) -> Array2<f64> {
    let k = spectrum.len();
    let (u, _) = tall_qr(random_normal::<f64>((shape.0, k), 11, 0).view());
    let (v, _) = tall_qr(random_normal::<f64>((shape.1, k), 11, 1).view());
    (&u * &Array1::from(spectrum.to_vec())).dot(&v.t())
}

fn rounding(rank: usize) -> LanczosSvd {
    LanczosSvd {
        wanted: Wanted::Rank(rank),
        accuracy: Accuracy::Rounding,
        block: 8,
        basis: 64,
        max_steps: 2000,
        seed: 0,
    }
}

fn solve<T: Scalar>(x: &Array2<T>, asked: LanczosSvd) -> Triplets<T> {
    let summary = Summary::of(x);
    let products = Products::new(x, Some(&summary));
    let (found, residuals) = lanczos_svd(&products, asked, |_, _| None).unwrap();
    assert_eq!(residuals.len(), found.singular_values.len());
    let refined = refine_triplets(&products, found.v.view()).unwrap();
    let scale = products.scale();
    Triplets {
        u: refined.u,
        singular_values: refined.singular_values.mapv(|s| T::from_f64(s * scale)),
        v: refined.v,
        ..found
    }
}

/// The ratios of LAPACK's tests: residual, loss of orthogonality, and error of the values, in roundings.
fn ratios<T: Scalar>(x: &Array2<T>, found: &Triplets<T>) -> [f64; 3] {
    let eps = T::epsilon().as_f64();
    let wide = |a: ArrayView2<'_, T>| a.mapv(|v| v.as_f64());
    let (m, n) = x.dim();
    let x = wide(x.view());
    let (u, v) = (wide(found.u.view()), wide(found.v.view()));
    let s = found.singular_values.mapv(|s| s.as_f64());
    let (_, truth, _) = small_svd(x.view());
    let norm = truth[0].max(f64::MIN_POSITIVE);
    let largest = |a: Array2<f64>| {
        let columns = a.columns().into_iter();
        columns.map(|c| c.dot(&c).sqrt()).fold(0.0, f64::max)
    };
    let residual = largest(x.dot(&v) - &u * &s).max(largest(x.t().dot(&u) - &v * &s));
    let loss = |q: &Array2<f64>| {
        let gram = q.t().dot(q) - Array2::<f64>::eye(q.ncols());
        let sums = gram.columns().into_iter();
        let sums = sums.map(|c| c.iter().map(|v| v.abs()).sum::<f64>());
        sums.fold(0.0, f64::max) / (q.nrows() as f64 * eps)
    };
    let error = s.iter().zip(&truth).map(|(a, b)| (a - b).abs());
    [
        residual / (norm * m.max(n) as f64 * eps),
        loss(&u).max(loss(&v)),
        error.fold(0.0, f64::max) / (norm * eps),
    ]
}

fn check(name: &str, x: &Array2<f64>, rank: usize) {
    let found = solve(x, rounding(rank));
    assert_eq!(found.stop, StopReason::Converged, "{name}");
    let [residual, loss, error] = ratios(x, &found);
    assert!(
        residual <= 1.0 && loss <= 10.0 && error <= 50.0,
        "{name}: {residual} {loss} {error}"
    );
    let narrow = x.mapv(|v| v as f32);
    let found = solve(&narrow, rounding(rank));
    assert_eq!(found.stop, StopReason::Converged, "{name} f32");
    let [residual, loss, error] = ratios(&narrow, &found);
    assert!(
        residual <= 1.0 && loss <= 10.0 && error <= 50.0,
        "{name} f32: {residual} {loss} {error}"
    );
}

#[test]
fn hard_spectra_are_found_to_rounding() {
    let steps = |count: usize, last: f64| -> Vec<f64> {
        let of = |i: usize| last.powf(i as f64 / (count - 1) as f64);
        (0..count).map(of).collect()
    };
    let flat: Vec<f64> = (0..120).map(|i| 1.0 - 0.5 * i as f64 / 119.0).collect();
    check("flat", &planted((160, 120), &flat), 20);
    check("graded", &planted((160, 120), &steps(120, 1e-12)), 20);
    check("steep", &planted((120, 160), &steps(40, 1e-30)), 30);
    check("rank below k", &planted((90, 130), &[5.0, 4.0, 1.0]), 20);
    let clustered: Vec<f64> = (0..100)
        .map(|i| if i < 15 { 1.0 + 1e-9 * i as f64 } else { 0.4 })
        .collect();
    check("clustered", &planted((130, 100), &clustered), 20);
    // More copies than a block has columns, and others that converge before the last of them.
    let mut copies = vec![2.0; 30];
    copies.extend((0..90).map(|i| 1.9 * 0.97_f64.powi(i)));
    check("copies", &planted((200, 150), &copies), 40);
    check("identity", &Array2::eye(100), 25);
    check("zeros", &Array2::zeros((70, 50)), 7);
    let mut one_row = Array2::zeros((300, 90));
    one_row.row_mut(17).fill(3.0);
    check("one row", &one_row, 5);
    check("one by many", &random_normal((1, 200), 2, 0), 1);
    check("many by one", &random_normal((200, 1), 2, 0), 1);
    check("everything", &random_normal((40, 30), 2, 0), 30);
    check("tall", &random_normal((3000, 40), 2, 0), 10);
    check("wide", &random_normal((40, 3000), 2, 0), 10);
}

/// The smallest blocks and bases that there are, where there is next to no room.
#[test]
fn small_matrices_are_found_by_small_blocks() {
    for shape in [(1, 1), (2, 5), (5, 2), (6, 6), (9, 7)] {
        let x = random_normal::<f64>(shape, 4, 0);
        let narrow = x.mapv(|v| v as f32);
        let limit = shape.0.min(shape.1);
        for rank in 1..=limit {
            for block in 1..=limit {
                let asked = LanczosSvd {
                    block,
                    basis: 1,
                    ..rounding(rank)
                };
                let [residual, loss, error] = ratios(&x, &solve(&x, asked));
                assert!(
                    residual <= 10.0 && loss <= 10.0 && error <= 50.0,
                    "{shape:?} {rank} {block}"
                );
                let [residual, loss, error] = ratios(&narrow, &solve(&narrow, asked));
                assert!(
                    residual <= 10.0 && loss <= 10.0 && error <= 50.0,
                    "{shape:?} {rank} {block}"
                );
            }
        }
    }
}

#[test]
fn extreme_magnitudes_lose_nothing() {
    let x = planted((80, 60), &[3.0, 2.0, 1.0, 0.5, 0.25]);
    for factor in [1e-150, 1e150] {
        let found = solve(&(&x * factor), rounding(4));
        for (s, truth) in found.singular_values.iter().zip([3.0, 2.0, 1.0, 0.5]) {
            assert!((s / factor - truth).abs() < 1e-13, "{s}");
        }
    }
}

#[test]
fn a_target_of_energy_chooses_the_rank() {
    let spectrum: Vec<f64> = (0..80).map(|i| 0.9_f64.powi(i)).collect();
    let x = planted((150, 100), &spectrum);
    let squares: Vec<f64> = spectrum.iter().map(|s| s * s).collect();
    let total: f64 = squares.iter().sum();
    for share in [0.5, 0.9, 0.999] {
        let wanted = Wanted::Energy(share * total);
        let asked = LanczosSvd {
            wanted,
            basis: 16,
            ..rounding(0)
        };
        let found = solve(&x, asked);
        let mut sum = 0.0;
        let expected = squares.iter().position(|s| {
            sum += s;
            sum >= share * total
        });
        assert_eq!(
            found.singular_values.len(),
            expected.unwrap() + 1,
            "{share}"
        );
        assert!(ratios(&x, &found)[2] < 50.0);
    }
}

#[test]
fn a_tolerance_is_kept_and_saves_steps() {
    let flat: Vec<f64> = (0..300).map(|i| 1.0 / (1.0 + 0.05 * i as f64)).collect();
    let x = planted((600, 300), &flat);
    let with = |accuracy| {
        let asked = LanczosSvd {
            accuracy,
            ..rounding(15)
        };
        let found = solve(&x, asked);
        assert_eq!(found.stop, StopReason::Converged);
        found
    };
    let exact = with(Accuracy::Rounding).iterations;
    let mut fewest = exact;
    for tol in [1e-6, 1e-3, 1e-1] {
        let found = with(Accuracy::Values(tol));
        for (s, truth) in found.singular_values.iter().zip(&flat) {
            assert!((s / truth - 1.0).abs() < tol, "{tol}: {s} {truth}");
        }
        assert!(
            found.iterations <= fewest,
            "{tol}: {} {fewest}",
            found.iterations
        );
        fewest = found.iterations;
    }
    assert!(fewest < exact / 2, "{fewest} {exact}");
    let found = with(Accuracy::Residuals(1e-4));
    let residual = x.t().dot(&found.u) - &found.v * &found.singular_values;
    let worst = residual.columns().into_iter().map(|c| c.dot(&c).sqrt());
    assert!(worst.fold(0.0, f64::max) <= 1.1e-4);
}

#[test]
fn the_cap_and_the_watch_end_it() {
    let x = random_normal::<f64>((400, 300), 5, 0);
    let asked = LanczosSvd {
        max_steps: 3,
        ..rounding(10)
    };
    let capped = solve(&x, asked);
    assert_eq!(
        (capped.iterations, capped.stop),
        (3, StopReason::MaxIterations)
    );
    assert_eq!(capped.u.dim(), (400, 10));
    let summary = Summary::of(&x);
    let products = Products::new(&x, Some(&summary));
    let stopped = lanczos_svd(&products, rounding(10), |step, _| {
        (step == 2).then_some(StopReason::Cancelled)
    });
    let (stopped, _) = stopped.unwrap();
    assert_eq!(
        (stopped.iterations, stopped.stop),
        (2, StopReason::Cancelled)
    );
    // Too few steps for so many triplets: the rest is orthonormal, with values of zero.
    let asked = LanczosSvd {
        max_steps: 1,
        ..rounding(50)
    };
    let short = solve(&x, asked);
    assert_eq!(short.v.dim(), (300, 50));
    assert!(ratios(&x, &short)[1] < 10.0);
}

#[test]
fn threads_do_not_matter() {
    let x = random_normal::<f32>((9000, 200), 5, 0);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let asked = LanczosSvd {
            accuracy: Accuracy::Values(1e-4),
            ..rounding(12)
        };
        pool.unwrap().install(|| solve(&x, asked))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(7));
}

fn span<T: Scalar>(x: &Array2<T>, asked: LanczosSvd) -> Option<Triplets<T>> {
    let summary = Summary::of(x);
    let products = Products::new(x, Some(&summary));
    let span = gram_lanczos_span(&products, asked, |_, _| None).unwrap()?;
    let refined = refine_conditioned(&products, span.right.view(), None).unwrap();
    if let Some(coupling) = &span.coupling {
        // What the process knows of its residuals is what products measure, which round too.
        let known = refine_conditioned(&products, span.right.view(), Some(coupling.view()));
        let known = known.unwrap();
        assert_eq!(known.u, refined.u);
        let Accuracy::Values(tol) = asked.accuracy else {
            unreachable!("a span is for values")
        };
        let length = x.nrows().max(x.ncols()) as f64;
        let rounding = 4.0 * T::epsilon().as_f64() * length.sqrt() * refined.singular_values[0];
        let pairs = known.right_residuals.iter().zip(&refined.right_residuals);
        for ((known, measured), value) in pairs.zip(&refined.singular_values) {
            assert!(*known >= 0.9 * measured - rounding, "{known} {measured}");
            assert!(
                *known <= measured.hypot(0.3 * tol.sqrt() * value),
                "{known} {measured}"
            );
        }
    }
    let scale = products.scale();
    Some(Triplets {
        u: refined.u,
        singular_values: refined.singular_values.mapv(|s| T::from_f64(s * scale)),
        v: refined.v,
        iterations: span.iterations,
        stop: span.stop,
    })
}

#[test]
fn by_the_gram_matrix_a_tolerance_on_values_is_kept() {
    let flat: Vec<f64> = (0..300).map(|i| 1.0 / (1.0 + 0.05 * i as f64)).collect();
    // More copies than the block has columns, after restarts.
    let copies: Vec<f64> = (0..200).map(|i| if i < 20 { 1.0 } else { 0.9 }).collect();
    for (shape, spectrum, magnitude) in [
        ((600, 300), &flat, 1.0),
        ((300, 600), &flat, 1e30),
        ((2500, 200), &copies, 1.0),
        ((200, 2500), &copies, 1e-30),
    ] {
        let x = planted(shape, spectrum) * magnitude;
        for tol in [1e-2, 1e-4, 1e-6] {
            let asked = LanczosSvd {
                accuracy: Accuracy::Values(tol),
                ..rounding(15)
            };
            let check = |values: Vec<f64>, loss: f64| {
                for (s, truth) in values.iter().zip(spectrum) {
                    let error = (s / magnitude / truth - 1.0).abs();
                    assert!(error < tol, "{shape:?} {tol}: {s} {truth}");
                }
                assert!(loss < 10.0, "{shape:?} {tol}: {loss}");
            };
            let found = span(&x, asked).unwrap();
            assert_eq!(found.stop, StopReason::Converged);
            check(found.singular_values.to_vec(), ratios(&x, &found)[1]);
            let narrow = x.mapv(|v| v as f32);
            let found = span(&narrow, asked).unwrap();
            let values = found.singular_values.mapv(f64::from).to_vec();
            check(values, ratios(&narrow, &found)[1]);
        }
    }
}

#[test]
fn residuals_are_known_without_a_product_where_rounding_is_little() {
    let flat: Vec<f64> = (0..300).map(|i| 1.0 / (1.0 + 0.05 * i as f64)).collect();
    let x = planted((600, 300), &flat).mapv(|v| v as f32);
    let coupling = |x: &Array2<f32>, tol| {
        let asked = LanczosSvd {
            accuracy: Accuracy::Values(tol),
            ..rounding(15)
        };
        let products = Products::new(x, None);
        let span = gram_lanczos_span(&products, asked, |_, _| None).unwrap();
        span.unwrap().coupling
    };
    assert!(coupling(&x, 1e-4).is_some());
    assert!(coupling(&x, 1e-9).is_none());
    assert!(coupling(&x.t().to_owned(), 1e-4).is_none());
}

#[test]
fn values_that_squares_lose_are_refused() {
    let steep: Vec<f64> = (0..80).map(|i| 0.7_f64.powi(i)).collect();
    let x = planted((300, 200), &steep);
    let asked = |rank, tol| LanczosSvd {
        accuracy: Accuracy::Values(tol),
        ..rounding(rank)
    };
    // The last is 3e-3 of the first, and 8e-7.
    assert!(span(&x, asked(17, 1e-4)).is_some());
    assert!(span(&x, asked(40, 1e-4)).is_some());
    let narrow = x.mapv(|v| v as f32);
    assert!(span(&narrow, asked(14, 1e-4)).is_some());
    assert!(span(&narrow, asked(40, 1e-4)).is_none());
    assert!(span(&narrow, asked(17, 1e-8)).is_none());
    assert!(span(&Array2::<f64>::zeros((300, 200)), asked(5, 1e-4)).is_none());
    let one = planted((300, 200), &[2.0]);
    assert!(span(&one, asked(5, 1e-4)).is_none());
    assert!(span(&x, rounding(5)).is_none());
}

#[test]
fn by_the_gram_matrix_threads_do_not_matter_either() {
    let tall = random_normal::<f32>((9000, 200), 5, 0);
    let wide = tall.t().as_standard_layout().into_owned();
    let sparse = tall.mapv(|v| if v > 1.2 { v } else { 0.0 });
    for x in [&tall, &wide, &sparse] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let asked = LanczosSvd {
                accuracy: Accuracy::Values(1e-3),
                ..rounding(12)
            };
            pool.unwrap().install(|| span(x, asked).unwrap())
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(7));
    }
}
