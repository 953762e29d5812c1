//! The Cholesky factor of a passive block, and its triangular solutions.

use crate::simd::multiply_add;

/// `to` + `factor`·`line`.
#[inline(always)]
pub(super) fn add_multiple<const FMA: bool>(to: &mut [f64], factor: f64, line: &[f64]) {
    for (to, value) in to.iter_mut().zip(line) {
        *to = multiply_add::<FMA, f64>(factor, *value, *to);
    }
}

/// The Cholesky factor U of A = UᵀU in place of the upper triangle of A. The row of a dependent
/// component is left zero.
#[inline(always)]
pub(super) fn factorize<const FMA: bool>(
    upper: &mut [f64],
    independent: &mut [bool],
    size: usize,
    negligible: f64,
) {
    for p in 0..size {
        let (head, tail) = upper.split_at_mut((p + 1) * size);
        let row = &mut head[p * size..];
        independent[p] = row[p] > negligible;
        if !independent[p] {
            row[p..].fill(0.0);
            continue;
        }
        let root = row[p].sqrt();
        let inverse = 1.0 / root;
        row[p] = root;
        for value in &mut row[p + 1..] {
            *value *= inverse;
        }
        for i in p + 1..size {
            let below = &mut tail[(i - p - 1) * size..(i - p) * size];
            add_multiple::<FMA>(&mut below[i..], -row[i], &row[i..]);
        }
    }
}

/// The solution of UᵀU x = b in place of b, zero at dependent components.
#[inline(always)]
pub(super) fn substitute<const FMA: bool>(upper: &[f64], independent: &[bool], right: &mut [f64]) {
    let size = right.len();
    for p in 0..size {
        let row = &upper[p * size..(p + 1) * size];
        let value = if independent[p] {
            right[p] / row[p]
        } else {
            0.0
        };
        right[p] = value;
        add_multiple::<FMA>(&mut right[p + 1..], -value, &row[p + 1..]);
    }
    for p in (0..size).rev() {
        if !independent[p] {
            continue;
        }
        let row = &upper[p * size..(p + 1) * size];
        let known = dot::<FMA>(&row[p + 1..], &right[p + 1..]);
        right[p] = (right[p] - known) / row[p];
    }
}

#[inline(always)]
fn dot<const FMA: bool>(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<FMA, f64>(a[lane], b[lane], sums[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}
