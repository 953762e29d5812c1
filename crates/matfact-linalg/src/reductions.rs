//! Sums over pairs of vectors, accumulated in `f64`.

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::ArrayView2;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;

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
