//! The divergences against their definitions, on every instruction set.

use super::*;
use crate::random_normal;
use matfact_core::{Duplicates, csr_from_triplets};

const FLOOR: f64 = 1e-7;

/// The definitions, entry by entry.
fn reference(x: &Array2<f64>, f: &Array2<f64>, g: &Array2<f64>, beta: f64) -> DivergenceParts<f64> {
    let y = f.dot(&g.t());
    let power = |y: f64, p: f64| if p < 0.0 { y.max(FLOOR) } else { y }.powf(p);
    let (mut weights, mut value) = (x.clone(), 0.0);
    for (weight, (x, y)) in weights.iter_mut().zip(x.iter().zip(&y)) {
        *weight = x * power(*y, beta - 2.0);
        let floored = y.max(FLOOR);
        let present = *x > FLOOR;
        value += if beta == 1.0 {
            y + if present {
                x * (x / floored).ln() - x
            } else {
                0.0
            }
        } else if beta == 0.0 {
            let term = x / floored - (x / floored).ln();
            (if present { term } else { 0.0 }) - 1.0
        } else {
            let term = x.powf(beta) - beta * x * floored.powf(beta - 1.0);
            let every = (beta - 1.0) * power(*y, beta);
            (every + if present { term } else { 0.0 }) / (beta * (beta - 1.0))
        };
    }
    DivergenceParts {
        numerator: weights.dot(g),
        denominator: y.mapv(|y| power(y, beta - 1.0)).dot(g),
        value,
    }
}

fn check<T: Scalar>(tolerance: f64) {
    for (m, n, k) in [(1, 1, 1), (7, 9, 3), (130, 70, 17), (50, 1100, 70)] {
        let random = |shape, stream| random_normal::<f64>(shape, 5, stream).mapv(f64::abs);
        let (mut f, g) = (random((m, k), 1), random((n, k), 2) + 0.1);
        // A row whose y are zero.
        f.row_mut(m / 2).fill(0.0);
        let full = random((m, n), 3) + 0.05;
        let thinned = full.mapv(|x| if x > 0.9 { x } else { 0.0 });
        for beta in [-1.2, 0.0, 0.4, 1.0, 1.5, 2.0, 2.5, 4.0] {
            let x = if beta > 0.0 { &thinned } else { &full };
            let expected = reference(x, &f, &g, beta);
            let entries = x.indexed_iter().filter(|(_, x)| **x != 0.0);
            let entries = entries.map(|((i, j), x)| (i, j, T::from_f64(*x)));
            let sparse = csr_from_triplets((m, n), entries, Duplicates::Error).unwrap();
            let Layout::SparseRows(rows) = sparse.layout() else {
                unreachable!("it is CSR")
            };
            let dense = x.mapv(T::from_f64);
            let turned = dense.t().as_standard_layout().into_owned();
            let (f, g) = (f.mapv(T::from_f64), g.mapv(T::from_f64));
            let mut bits: Vec<DivergenceParts<T>> = Vec::new();
            for rows in [
                Lines::Dense(dense.view()),
                Lines::Dense(turned.t()),
                Lines::Sparse(rows),
            ] {
                let divergence = Divergence::new(&rows, beta, FLOOR);
                for simd in Simd::available() {
                    let parts = divergence.parts(&rows, f.view(), g.view(), simd);
                    let what = format!("{m} x {n}, k = {k}, beta {beta}, {simd:?}");
                    let near = |a: f64, b: f64, size: f64| {
                        assert!((a - b).abs() <= tolerance * size, "{what}: {a} is not {b}");
                    };
                    let size = expected.value.abs().max(1.0);
                    near(parts.value, expected.value, size);
                    near(
                        divergence.value(&rows, f.view(), g.view(), simd),
                        parts.value,
                        size,
                    );
                    let gradient = divergence.gradient(&rows, f.view(), g.view(), simd);
                    for (made, expected) in [
                        (&parts.numerator, &expected.numerator),
                        (&parts.denominator, &expected.denominator),
                        (&gradient.numerator, &expected.numerator),
                        (&gradient.denominator, &expected.denominator),
                    ] {
                        for (a, b) in made.iter().zip(expected) {
                            near(a.as_f64(), *b, 1.0 + b.abs());
                        }
                    }
                    if simd == Simd::detect() {
                        bits.push(parts);
                    }
                }
            }
            assert!(bits[0] == bits[1], "beta {beta}: the layout matters");
        }
    }
}

#[test]
fn every_path_follows_the_definition() {
    check::<f64>(1e-10);
    check::<f32>(1e-4);
}

#[test]
fn slices_of_rows_are_read_in_place() {
    let x = random_normal::<f64>((9, 6), 1, 0).mapv(f64::abs);
    let entries = x.indexed_iter().map(|((i, j), x)| (i, j, *x));
    let sparse = csr_from_triplets((9, 6), entries, Duplicates::Error).unwrap();
    let Layout::SparseRows(rows) = sparse.layout() else {
        unreachable!("it is CSR")
    };
    for rows in [Lines::Dense(x.view()), Lines::Sparse(rows)] {
        // A slice of a slice: rows 4 and 5.
        let slice = rows.slice(3..8).slice(1..3);
        assert_eq!(slice.shape(), (2, 6));
        slice.visit(&mut |i, j, value| assert_eq!(value, x[[i + 4, j]]));
        let mut out = Array2::default((2, 1));
        slice.multiply(Array2::ones((6, 1)).view(), out.view_mut());
        assert!((out[[1, 0]] - x.row(5).sum()).abs() < 1e-12);
        let mut out = Array2::default((6, 1));
        slice.multiply_transposed(Array2::ones((2, 1)).view(), out.view_mut());
        assert!((out[[2, 0]] - x[[4, 2]] - x[[5, 2]]).abs() < 1e-12);
    }
}

#[test]
fn an_infinite_product_is_seen_in_the_value() {
    let x = Array2::<f32>::ones((3, 3));
    let f = Array2::from_elem((3, 1), 1e30);
    for beta in [-0.5, 0.0, 0.5, 1.0, 1.5, 3.0] {
        let rows = Lines::Dense(x.view());
        let divergence = Divergence::new(&rows, beta, FLOOR);
        let value = divergence.value(&rows, f.view(), f.view(), Simd::detect());
        assert!(!value.is_finite(), "beta {beta}: {value}");
    }
}

#[test]
fn sums_over_batches_follow_the_formula() {
    let mut factor = Array2::from_elem((2, 1), 4.0);
    let (mut above, mut below) = (Array2::from_elem((2, 1), 3.0), Array2::ones((2, 1)));
    let step = MultiplicativeStep {
        l1: 0.5,
        l2: 0.25,
        exponent: 0.5,
        max: Some(10.0),
        ..MultiplicativeStep::default()
    };
    let (numerator, denominator) = (Array2::ones((2, 1)), Array2::from_elem((2, 1), 2.0));
    let (change, norm) = accumulate_factor(
        &mut factor,
        [&mut above, &mut below],
        numerator.view(),
        denominator.view(),
        0.5,
        step,
    );
    // A = 1.5 + 4², B = 0.5 + 2 + 0.5 + 0.25·4, and the root of A/B.
    let expected = (17.5_f64 / 4.0).sqrt();
    assert!(factor.iter().all(|f: &f64| (f - expected).abs() < 1e-12));
    assert!((norm - 2.0 * expected * expected).abs() < 1e-12);
    assert!((change - 2.0 * (expected - 4.0) * (expected - 4.0)).abs() < 1e-12);
    let mut sum = Array2::from_elem((2, 1), 2.0);
    fade_and_add(&mut sum, &numerator, 0.5);
    assert_eq!(sum, Array2::from_elem((2, 1), 2.0));
    assert_eq!(squared_change(&sum, &numerator), (2.0, 8.0));
}
