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

use super::errors::Errors;
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
        let (rank, stride) = (self.rank, self.stride);
        self.work.clear();
        self.work.resize(4 * stride, T::zero());
        let (solution, rest) = self.work.split_at_mut(stride);
        let (residual, rest) = rest.split_at_mut(stride);
        let (direction, image) = rest.split_at_mut(stride);
        solution[..rank].copy_from_slice(out);

        let weights = |e: usize| entries.weights.map_or(1.0, |weights| weights[e].as_f64());
        let weight: f64 = (0..entries.rows.len()).map(weights).sum();
        let targets = entries.targets.iter().enumerate();
        let target: f64 = targets.map(|(e, t)| weights(e) * t.as_f64()).sum();
        let constant = ridge.constant.map(|penalty| weight + penalty);
        let constant = constant.filter(|sum| *sum > 0.0);

        self.totals.as_mut_slice().fill(T::zero());
        let errors = Errors {
            entries,
            targets: Some(entries.targets),
            weighed: false,
            stride,
            vector: solution,
            out: residual,
            totals: constant.is_some().then_some(self.totals.as_mut_slice()),
            moments: None,
        };
        self.simd.run(errors);
        let bias_of = |solution: &[T], totals: &[T]| {
            constant.map_or(0.0, |sum| (target - dot(totals, solution)) / sum)
        };
        let bias = bias_of(solution, self.totals.as_slice());
        for t in 0..stride {
            let change =
                ridge.factors * solution[t].as_f64() + bias * self.totals.as_slice()[t].as_f64();
            residual[t] -= T::from_f64(change);
        }
        direction.copy_from_slice(residual);
        let mut square = dot(residual, residual);
        let negligible = square * T::epsilon().as_f64().powi(2);
        for _ in 0..steps {
            if square.is_nan() || square <= negligible {
                break;
            }
            image.fill(T::zero());
            self.simd.run(Errors {
                entries,
                targets: None,
                weighed: false,
                stride,
                vector: direction,
                out: image,
                totals: None,
                moments: None,
            });
            let share = constant.map_or(0.0, |sum| dot(self.totals.as_slice(), direction) / sum);
            for t in 0..stride {
                let own = ridge.factors * direction[t].as_f64()
                    - share * self.totals.as_slice()[t].as_f64();
                image[t] = T::from_f64(own) - image[t];
            }
            let curvature = dot(direction, image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let length = square / curvature;
            for t in 0..stride {
                solution[t] += T::from_f64(length * direction[t].as_f64());
                residual[t] -= T::from_f64(length * image[t].as_f64());
            }
            let before = std::mem::replace(&mut square, dot(residual, residual));
            let turn = square / before;
            for t in 0..stride {
                direction[t] = residual[t] + T::from_f64(turn * direction[t].as_f64());
            }
        }
        out.copy_from_slice(&solution[..rank]);
        T::from_f64(bias_of(solution, self.totals.as_slice()))
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
