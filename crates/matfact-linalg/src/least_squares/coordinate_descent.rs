//! A regression by coordinate descent on its normal equations, from a start, with p >= 0 where that is asked.
//!
//! With the gradient g = (G + λI) p − m + b s, where m = Σ w t q and s = Σ w q, the best value of one number
//! of p, with the others and b held, is p_t − g_t / (G_tt + λ), or 0 where that is less than 0 and must not
//! be; g follows by a row of G. b, last in each sweep, is (Σ w t − s·p) / (Σ w + λ_b). No change raises what
//! is minimized.

use super::{RegressionEntries, Ridge, RidgeRegression};
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;

/// How coordinates are descended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweeps {
    /// The most rounds over all coordinates; fewer where nothing changes any more.
    pub most: usize,
    /// Whether p >= 0.
    pub non_negative: bool,
}

impl<T: Scalar> RidgeRegression<T> {
    /// Moves p (in `out`) by rounds of coordinate descent, and gives b. A start below 0 counts as 0 where p
    /// has to be non-negative.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn coordinate_descent(
        &mut self,
        entries: RegressionEntries<'_, T>,
        ridge: Ridge,
        sweeps: Sweeps,
        out: &mut [T],
    ) -> T {
        entries.check(self.rank, out.len());
        self.accumulate(entries);
        self.descend(ridge, sweeps, out)
    }

    /// The descent on the sums that are there.
    pub(super) fn descend(&mut self, ridge: Ridge, sweeps: Sweeps, out: &mut [T]) -> T {
        let (rank, stride) = (self.rank, self.stride);
        let gram = self.gram.as_mut_slice();
        for i in 0..rank {
            let diagonal = &mut gram[i * stride + i];
            *diagonal = T::from_f64(diagonal.as_f64() + ridge.factors);
            for j in 0..i {
                gram[i * stride + j] = gram[j * stride + i];
            }
        }
        self.work.clear();
        self.work.resize(2 * stride, T::zero());
        let (solution, gradient) = self.work.split_at_mut(stride);
        for (slot, value) in solution.iter_mut().zip(&*out) {
            let below = sweeps.non_negative && *value < T::zero();
            *slot = if below { T::zero() } else { *value };
        }
        let constant = ridge.constant.map(|penalty| self.weight + penalty);
        let bias = self.simd.run(Descend {
            gram,
            moments: self.moments.as_slice(),
            totals: self.totals.as_slice(),
            target: self.target,
            constant: constant.filter(|sum| *sum > 0.0),
            rank,
            stride,
            sweeps,
            solution,
            gradient,
        });
        out.copy_from_slice(&solution[..rank]);
        T::from_f64(bias)
    }
}

struct Descend<'a, T> {
    /// G + λI, whole.
    gram: &'a [T],
    moments: &'a [T],
    totals: &'a [T],
    /// Σ w t.
    target: f64,
    /// Σ w + λ_b.
    constant: Option<f64>,
    rank: usize,
    stride: usize,
    sweeps: Sweeps,
    solution: &'a mut [T],
    gradient: &'a mut [T],
}

impl<T: Scalar> Descend<'_, T> {
    #[inline(always)]
    fn best_constant(&self) -> f64 {
        let Some(sum) = self.constant else {
            return 0.0;
        };
        let pairs = self.totals.iter().zip(&*self.solution);
        let covered: f64 = pairs.map(|(s, p)| s.as_f64() * p.as_f64()).sum();
        (self.target - covered) / sum
    }
}

/// out += factor · row.
#[inline(always)]
fn add_row<const FMA: bool, T: Scalar>(factor: T, row: &[T], out: &mut [T]) {
    for (out, value) in out.iter_mut().zip(row) {
        *out = multiply_add::<FMA, T>(factor, *value, *out);
    }
}

impl<T: Scalar> Kernel for Descend<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let (rank, stride) = (self.rank, self.stride);
        let mut bias = self.best_constant();
        for (slot, moment) in self.gradient.iter_mut().zip(self.moments) {
            *slot = -*moment;
        }
        add_row::<FMA, T>(T::from_f64(bias), self.totals, self.gradient);
        for t in 0..rank {
            let row = &self.gram[t * stride..(t + 1) * stride];
            add_row::<FMA, T>(self.solution[t], row, self.gradient);
        }
        for _ in 0..self.sweeps.most {
            let (mut largest, mut moved) = (T::zero(), T::zero());
            for t in 0..rank {
                let row = &self.gram[t * stride..(t + 1) * stride];
                let before = self.solution[t];
                // Nothing determines a number that no entry has, without a penalty: it stays.
                if row[t] <= T::zero() {
                    continue;
                }
                let mut value = before - self.gradient[t] / row[t];
                if self.sweeps.non_negative && value < T::zero() {
                    value = T::zero();
                }
                let change = value - before;
                if change != T::zero() {
                    self.solution[t] = value;
                    add_row::<FMA, T>(change, row, self.gradient);
                }
                largest = largest.max(value.abs());
                moved = moved.max(change.abs());
            }
            let before = std::mem::replace(&mut bias, self.best_constant());
            add_row::<FMA, T>(T::from_f64(bias - before), self.totals, self.gradient);
            if moved <= T::epsilon() * largest {
                break;
            }
        }
        bias
    }
}
