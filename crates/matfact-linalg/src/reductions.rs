//! Sums over pairs of vectors, accumulated in `f64`.

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array1, ArrayView2, Axis};
use rayon::prelude::*;

/// Partial sums that a loop keeps apart: two vectors of the widest kind.
const LANES: usize = 16;

/// Σ f(a_i, b_i) over two slices of equal length.
struct Reduction<'a, T> {
    a: &'a [T],
    b: &'a [T],
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Product,
    SquaredDifference,
}

impl<T: Scalar> Kernel for Reduction<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        match self.what {
            What::Product => sum::<FMA, T>(self.a, self.b, |a, b| (a, b)),
            What::SquaredDifference => sum::<FMA, T>(self.a, self.b, |a, b| (a - b, a - b)),
        }
    }
}

/// Σ p·q where (p, q) = `factors`(a_i, b_i).
#[inline(always)]
fn sum<const FMA: bool, T: Scalar>(
    a: &[T],
    b: &[T],
    factors: impl Fn(f64, f64) -> (f64, f64),
) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            let (p, q) = factors(a[lane].as_f64(), b[lane].as_f64());
            sums[lane] = multiply_add::<FMA, f64>(p, q, sums[lane]);
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        let (p, q) = factors(a.as_f64(), b.as_f64());
        sums[lane] = multiply_add::<FMA, f64>(p, q, sums[lane]);
    }
    sums.iter().sum()
}

fn by_rows<T: Scalar>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>, what: What) -> f64 {
    assert_eq!(a.dim(), b.dim(), "shapes of two panels");
    let simd = Simd::detect();
    if let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) {
        return simd.run(Reduction { a, b, what });
    }
    // One order of summation for every layout.
    let gathered = |panel: ArrayView2<'_, T>| panel.iter().copied().collect::<Vec<_>>();
    let (a, b) = (gathered(a), gathered(b));
    simd.run(Reduction { a: &a, b: &b, what })
}

/// Σ a_ij b_ij in `f64`.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn inner_product<T: Scalar>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    by_rows(a, b, What::Product)
}

/// Σ (a_ij − b_ij)² in `f64`.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn squared_distance<T: Scalar>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> f64 {
    by_rows(a, b, What::SquaredDifference)
}

/// Rows whose sums are formed at once by [`column_variances`].
const VARIANCE_ROWS: usize = 1024;

/// The population variance of every column of `a` (m x n), in `f64`: by the means first, so that a large
/// mean costs no digits. Zero for an array without rows.
#[must_use]
pub fn column_variances<T: Scalar>(a: ArrayView2<'_, T>) -> Array1<f64> {
    let means = column_means(a, |value, _| value);
    column_means(a, |value, j| (value - means[j]).powi(2))
}

/// The mean of `term`(a_ij, j) for every column j.
fn column_means<T: Scalar>(
    a: ArrayView2<'_, T>,
    term: impl Fn(f64, usize) -> f64 + Sync,
) -> Array1<f64> {
    // Chunks by the data alone, added up in their order: the same bits for any number of threads.
    let partial = |chunk: ArrayView2<'_, T>| {
        let mut sums = Array1::<f64>::zeros(a.ncols());
        for row in chunk.rows() {
            for (j, (sum, value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += term(value.as_f64(), j);
            }
        }
        sums
    };
    let chunks: Vec<ArrayView2<'_, T>> = a.axis_chunks_iter(Axis(0), VARIANCE_ROWS).collect();
    let partials: Vec<Array1<f64>> = chunks.into_par_iter().map(partial).collect();
    let zero = Array1::zeros(a.ncols());
    let total = partials.into_iter().fold(zero, |sum, more| sum + more);
    total / a.nrows().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::Array2;

    #[test]
    fn a_large_mean_costs_the_variance_no_digits() {
        let noise = random_normal::<f64>((2 * VARIANCE_ROWS + 3, 3), 1, 0);
        let shifted = noise.mapv(|v| (v * 1e6).round() / 1e6 + 1e9);
        let (found, expected) = (
            column_variances(shifted.view()),
            noise.var_axis(Axis(0), 0.0),
        );
        let close = |(a, b): (&f64, &f64)| (a / b - 1.0).abs() < 1e-5;
        assert!(found.iter().zip(&expected).all(close), "{found} {expected}");
        let none = Array2::<f32>::zeros((0, 2));
        assert_eq!(column_variances(none.view()), Array1::<f64>::zeros(2));
    }

    #[test]
    fn sums_follow_the_definition_on_every_path_and_layout() {
        for shape in [(1, 1), (3, 5), (7, 16), (9, 37)] {
            let a = random_normal::<f32>(shape, 1, 0);
            let b = random_normal::<f32>(shape, 2, 0);
            let pairs = || {
                a.iter()
                    .zip(&b)
                    .map(|(a, b)| (f64::from(*a), f64::from(*b)))
            };
            let product: f64 = pairs().map(|(a, b)| a * b).sum();
            let distance: f64 = pairs().map(|(a, b)| (a - b) * (a - b)).sum();
            for simd in Simd::available() {
                let (a, b) = (a.as_slice().unwrap(), b.as_slice().unwrap());
                let of = |what| simd.run(Reduction { a, b, what });
                assert!((of(What::Product) - product).abs() < 1e-12);
                assert!((of(What::SquaredDifference) - distance).abs() < 1e-12);
            }
            let turned = b.t().as_standard_layout().into_owned();
            assert!((inner_product(a.view(), turned.t()) - product).abs() < 1e-12);
            assert!((squared_distance(a.view(), b.view()) - distance).abs() < 1e-12);
        }
    }
}
