//! The errors of a regression's entries, without a k x k matrix.

use super::pull::{AddRows, Pull, Rows};
use super::{RegressionEntries, Ridge, RidgeRegression};
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;
use std::hint::black_box;

impl<T: Scalar> RidgeRegression<T> {
    /// Σ w (t − q·p − b)², in `f64`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn squared_errors(
        &mut self,
        entries: RegressionEntries<'_, T>,
        solution: &[T],
        bias: T,
    ) -> f64 {
        entries.check(self.rank, solution.len());
        self.work.clear();
        self.work.resize(self.stride, T::zero());
        self.work[..self.rank].copy_from_slice(solution);
        self.simd.run(SquaredErrors {
            entries,
            stride: self.stride,
            vector: &self.work,
            bias,
        })
    }
}

impl<T: Scalar> RidgeRegression<T> {
    /// The sums of the squares of half the gradient of what is minimized: at p and b, and where both are 0.
    /// What would lead below 0 from a number of p that is 0 does not count where p has to be `non_negative`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn gradient_squares(
        &mut self,
        entries: RegressionEntries<'_, T>,
        ridge: Ridge,
        (solution, bias): (&[T], T),
        non_negative: bool,
    ) -> (f64, f64) {
        entries.check(self.rank, solution.len());
        let (rank, stride) = (self.rank, self.stride);
        self.begin();
        self.weigh(entries);
        self.work.clear();
        self.work.resize(2 * stride, T::zero());
        let (vector, sums) = self.work.split_at_mut(stride);
        vector[..rank].copy_from_slice(solution);
        let rows = entries.listed();
        self.simd.run(Pull {
            rows: Rows::Listed(rows),
            weights: &self.scales,
            aims: Some(&self.aims),
            vector,
            out: Some(&mut *sums),
        });
        self.simd.run(AddRows {
            rows,
            coefficients: &self.scales,
            out: self.totals.as_mut_slice(),
        });
        self.simd.run(AddRows {
            rows,
            coefficients: &self.aims,
            out: self.moments.as_mut_slice(),
        });
        let bias = bias.as_f64();
        let mut squares = 0.0;
        let mut of_zero: f64 = self
            .moments
            .as_slice()
            .iter()
            .map(|m| m.as_f64() * m.as_f64())
            .sum();
        for (t, value) in solution.iter().enumerate() {
            let errors = sums[t].as_f64() - bias * self.totals.as_slice()[t].as_f64();
            let slope = ridge.factors * value.as_f64() - errors;
            let held = non_negative && *value <= T::zero() && slope > 0.0;
            squares += if held { 0.0 } else { slope * slope };
        }
        if let Some(penalty) = ridge.constant {
            let weights = |e: usize| entries.weights.map_or(1.0, |weights| weights[e].as_f64());
            let targets = entries.targets.iter().enumerate();
            let (mut rest, mut target) = (0.0, 0.0);
            for (e, t) in targets {
                rest += weights(e) * (t.as_f64() - bias);
                target += weights(e) * t.as_f64();
            }
            of_zero += target * target;
            let pairs = self.totals.as_slice().iter().zip(solution);
            let covered: f64 = pairs.map(|(s, p)| s.as_f64() * p.as_f64()).sum();
            let slope = penalty * bias - (rest - covered);
            squares += slope * slope;
        }
        (squares, of_zero)
    }
}

/// q·v of one row of the panel.
#[inline(always)]
pub(super) fn product<const FMA: bool, const L: usize, T: Scalar>(
    regressor: &[T],
    vector: &[T],
) -> T {
    let mut sums = [T::zero(); L];
    for (q, v) in regressor.chunks_exact(L).zip(vector.chunks_exact(L)) {
        for lane in 0..L {
            sums[lane] = multiply_add::<FMA, T>(q[lane], v[lane], sums[lane]);
        }
    }
    // Through memory, because the compiler otherwise takes the sums apart into pairs of lanes.
    let mut sums = black_box(sums);
    for lane in 0..L / 2 {
        sums[lane] += sums[lane + L / 2];
    }
    let mut rest = [T::zero(); 8];
    rest[..L / 2].copy_from_slice(&sums[..L / 2]);
    let [a, b, c, d, e, f, g, h] = black_box(rest);
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

pub(super) struct SquaredErrors<'a, T: Scalar> {
    pub(super) entries: RegressionEntries<'a, T>,
    pub(super) stride: usize,
    pub(super) vector: &'a [T],
    pub(super) bias: T,
}

impl<T: Scalar> SquaredErrors<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) -> f64 {
        let (stride, values) = (self.stride, self.entries.regressors.values());
        let mut sum = 0.0;
        for (e, row) in self.entries.rows.iter().enumerate() {
            let regressor = &values[*row as usize * stride..][..stride];
            let product = product::<FMA, L, T>(regressor, self.vector);
            let error = (self.entries.targets[e] - self.bias - product).as_f64();
            let weight = self.entries.weights.map_or(1.0, |w| w[e].as_f64());
            sum += weight * error * error;
        }
        sum
    }
}

in_lines_or_registers!(SquaredErrors -> f64);
