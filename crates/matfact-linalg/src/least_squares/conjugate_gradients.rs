//! A regression by conjugate gradients, from a start: the entries are multiplied with vectors, and no k x k
//! matrix is formed.
//!
//! The constant is eliminated: for every p the best b is (Σ w t − s·p) / (Σ w + λ_b) with s = Σ w q, which
//! leaves
//!
//! ```text
//! ( Σ w q qᵀ − s sᵀ/(Σ w + λ_b) + λ I ) p = Σ w t q − s Σ w t / (Σ w + λ_b)
//! ```
//!
//! No step raises what is minimized.

use super::descent::{Constant, Descent};
use super::{RegressionEntries, Ridge, RidgeRegression};
use matfact_core::Scalar;

impl<T: Scalar> RidgeRegression<T> {
    /// Moves p (in `out`) by `steps` steps of conjugate gradients, and gives the best b for it.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn conjugate_gradients(
        &mut self,
        entries: RegressionEntries<'_, T>,
        ridge: Ridge,
        steps: usize,
        out: &mut [T],
    ) -> T {
        entries.check(self.rank, out.len());
        self.weigh(entries);
        let sum_of = |values: &[T]| -> f64 { values.iter().map(|value| value.as_f64()).sum() };
        let target = sum_of(&self.aims);
        let weight = ridge.constant.map(|own| sum_of(&self.scales) + own);
        let weight = weight.filter(|weight| *weight > 0.0);
        self.make_room(entries.rows.len());
        // Nothing is shared with other regressions.
        self.pulled.as_mut_slice().fill(T::zero());
        let none = self.pulled.as_slice();
        let totals = self.totals.as_mut_slice();
        self.simd.run(Descent {
            rows: entries.listed(),
            weights: &self.scales,
            aims: &self.aims,
            diagonal: none,
            lambda: ridge.factors,
            pulled: none,
            constant: weight.map(|weight| Constant {
                totals: &mut *totals,
                weight,
                target,
            }),
            steps,
            kept: self.kept.as_mut_slice(),
            vectors: self.vectors.as_mut_slice(),
            out,
            simd: self.simd,
        });
        let best = weight.map_or(0.0, |weight| (target - dot(totals, out)) / weight);
        T::from_f64(best)
    }
}

/// Sums that are kept apart, so that none waits for another.
pub(super) const LANES: usize = 8;

/// The inner product of as many numbers as both have.
#[inline(always)]
pub(super) fn dot<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    let common = a.len().min(b.len());
    let (a, b) = (&a[..common], &b[..common]);
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane].as_f64() * b[lane].as_f64();
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    sums.iter().sum::<f64>() + rest.map(|(a, b)| a.as_f64() * b.as_f64()).sum::<f64>()
}
