//! Conjugate gradients on a regression whose regressors are brought near once, for all the products with them.
//!
//! ```text
//! min over p:  Σ_e ( w_e (q_e·p)² − 2 m_e q_e·p ) − 2 b·p + Σ_t (d_t + λ) p_t²
//! ```
//!
//! With a constant beside the regressors, it is eliminated: for every p the best is (Σ m − s·p) / C with s = Σ w q and
//! C = Σ w + λ_b, which takes s sᵀ/C from the matrix, and s Σ m/C from the right side.

use super::conjugate_gradients::{LANES, dot};
use super::gather::Listed;
use super::pull::{AddRows, Pull, Rows};
use super::{Aligned, KEPT_BYTES, RidgeRegression};
use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;

impl<T: Scalar> RidgeRegression<T> {
    /// Makes room for the regressors of so many entries, as far as they are kept.
    pub(super) fn make_room(&mut self, entries: usize) {
        let most = KEPT_BYTES / (self.stride * size_of::<T>()).max(1);
        let kept = entries.min(most);
        if self.kept.as_slice().len() < kept * self.stride {
            let room = kept.next_power_of_two().min(most);
            self.kept = Aligned::zeros(room * self.stride);
        }
    }
}

/// Some steps from the p in `out`, none of which raises the sum. Gives Σ w (q·p)² − 2 m q·p − 2 b·p; of no use with a
/// constant.
pub(super) struct Descent<'a, T: Scalar> {
    pub(super) rows: Listed<'a, T>,
    pub(super) weights: &'a [T],
    /// m.
    pub(super) aims: &'a [T],
    /// d: numbers of a whole row, as b.
    pub(super) diagonal: &'a [T],
    pub(super) lambda: f64,
    /// b.
    pub(super) pulled: &'a [T],
    pub(super) constant: Option<Constant<'a, T>>,
    pub(super) steps: usize,
    /// Room for the regressors of the first entries.
    pub(super) kept: &'a mut [T],
    /// Room for four vectors.
    pub(super) vectors: &'a mut [T],
    pub(super) out: &'a mut [T],
    pub(super) simd: Simd,
}

/// What the elimination of a constant needs.
pub(super) struct Constant<'a, T> {
    /// Room for s, which is there afterwards.
    pub(super) totals: &'a mut [T],
    /// C.
    pub(super) weight: f64,
    /// Σ m.
    pub(super) target: f64,
}

/// The regressors of a row: those that are kept, and those that are read anew each time.
struct Course<'a, T> {
    near: Listed<'a, T>,
    near_weights: &'a [T],
    near_aims: &'a [T],
    far: Listed<'a, T>,
    far_weights: &'a [T],
    far_aims: &'a [T],
    simd: Simd,
}

impl<T: Scalar> Course<'_, T> {
    /// Copies what is kept, adds Σ (m − w q·v) q to `out` and gives Σ w (q·v)² − 2 m q·v.
    #[inline(always)]
    fn begin(&self, kept: &mut [T], vector: &[T], out: &mut [T]) -> f64 {
        let mut sum = 0.0;
        // Each pull is a function of its own, so that its registers are its own.
        if self.near.len() > 0 {
            sum += self.simd.run(Pull {
                rows: Rows::Copied(self.near, kept),
                weights: self.near_weights,
                aims: Some(self.near_aims),
                vector,
                out: Some(&mut *out),
            });
        }
        if self.far.len() > 0 {
            sum += self.simd.run(Pull {
                rows: Rows::Listed(self.far),
                weights: self.far_weights,
                aims: Some(self.far_aims),
                vector,
                out: Some(out),
            });
        }
        sum
    }

    /// Takes Σ w (q·v) q from `out`, if there is one, and gives Σ w (q·v)².
    #[inline(always)]
    fn multiply(&self, kept: &[T], vector: &[T], mut out: Option<&mut [T]>) -> f64 {
        let mut sum = 0.0;
        if self.near.len() > 0 {
            sum += self.simd.run(Pull {
                rows: Rows::Kept(kept),
                weights: self.near_weights,
                aims: None,
                vector,
                out: out.as_deref_mut(),
            });
        }
        if self.far.len() > 0 {
            sum += self.simd.run(Pull {
                rows: Rows::Listed(self.far),
                weights: self.far_weights,
                aims: None,
                vector,
                out,
            });
        }
        sum
    }

    /// Adds Σ w q to `out`.
    #[inline(always)]
    fn add_weighted(&self, out: &mut [T]) {
        self.simd.run(AddRows {
            rows: self.near,
            coefficients: self.near_weights,
            out: &mut *out,
        });
        self.simd.run(AddRows {
            rows: self.far,
            coefficients: self.far_weights,
            out,
        });
    }
}

impl<T: Scalar> Kernel for Descent<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let Self {
            rows,
            diagonal,
            pulled,
            mut constant,
            steps,
            out,
            ..
        } = self;
        let (rank, stride) = (out.len(), rows.stride);
        let near = (self.kept.len() / stride.max(1)).min(rows.len());
        let (near_rows, far_rows) = rows.split_at(near);
        let (near_weights, far_weights) = self.weights.split_at(near);
        let (near_aims, far_aims) = self.aims.split_at(near);
        let course = Course {
            near: near_rows,
            near_weights,
            near_aims,
            far: far_rows,
            far_weights,
            far_aims,
            simd: self.simd,
        };
        let kept = &mut self.kept[..near * stride];
        let lambda = T::from_f64(self.lambda);
        let (solution, rest) = self.vectors.split_at_mut(stride);
        let (residual, rest) = rest.split_at_mut(stride);
        let (direction, image) = rest.split_at_mut(stride);
        solution.fill(T::zero());
        solution[..rank].copy_from_slice(out);
        for t in 0..stride {
            residual[t] = pulled[t] - (diagonal[t] + lambda) * solution[t];
        }
        let mut sum = course.begin(kept, solution, residual) - 2.0 * dot(pulled, solution);
        if let Some(constant) = &mut constant {
            constant.totals.fill(T::zero());
            course.add_weighted(constant.totals);
            let best = (constant.target - dot(constant.totals, solution)) / constant.weight;
            add_multiple::<FMA, T>(-best, constant.totals, residual);
        }
        sum += shared_part(diagonal, self.lambda, solution);
        direction.copy_from_slice(residual);
        let mut square = dot(residual, residual);
        let negligible = square * T::epsilon().as_f64().powi(2);
        for step in 1..=steps {
            if square.is_nan() || square <= negligible {
                break;
            }
            for t in 0..stride {
                image[t] = -(diagonal[t] + lambda) * direction[t];
            }
            let last = step == steps;
            let mut curvature = -dot(direction, image);
            // After the last step nobody asks where it leads: only how long it has to be.
            curvature += course.multiply(kept, direction, (!last).then_some(&mut *image));
            if let Some(constant) = &constant {
                let product = dot(constant.totals, direction);
                curvature -= product * product / constant.weight;
                add_multiple::<FMA, T>(product / constant.weight, constant.totals, image);
            }
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            sum -= square * square / curvature;
            let length = square / curvature;
            add_multiple::<FMA, T>(length, direction, solution);
            if last {
                break;
            }
            // What leads downhill is the image with the other sign.
            add_multiple::<FMA, T>(length, image, residual);
            let before = std::mem::replace(&mut square, dot(residual, residual));
            let turn = T::from_f64(square / before);
            for t in 0..stride {
                direction[t] = multiply_add::<FMA, T>(turn, direction[t], residual[t]);
            }
        }
        out.copy_from_slice(&solution[..rank]);
        sum - shared_part(diagonal, self.lambda, solution)
    }
}

#[inline(always)]
fn add_multiple<const FMA: bool, T: Scalar>(factor: f64, vector: &[T], out: &mut [T]) {
    let factor = T::from_f64(factor);
    for (out, value) in out.iter_mut().zip(vector) {
        *out = multiply_add::<FMA, T>(factor, *value, *out);
    }
}

/// Σ (d + λ) p².
#[inline(always)]
pub(super) fn shared_part<T: Scalar>(diagonal: &[T], lambda: f64, p: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let (diagonals, rest) = diagonal[..p.len()].as_chunks::<LANES>();
    let (values, value_rest) = p.as_chunks::<LANES>();
    for (diagonal, p) in diagonals.iter().zip(values) {
        for lane in 0..LANES {
            let p = p[lane].as_f64();
            sums[lane] += (diagonal[lane].as_f64() + lambda) * p * p;
        }
    }
    let rest = rest.iter().zip(value_rest);
    let rest = rest.map(|(d, p)| (d.as_f64() + lambda) * p.as_f64() * p.as_f64());
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}
