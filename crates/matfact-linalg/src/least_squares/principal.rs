//! Regressions that share a quadratic, in the basis where that is a diagonal.
//!
//! With the eigenvectors V of the shared Gram matrix, QᵀQ = V Λ Vᵀ, the regressors QV have the Gram matrix Λ. Each
//! regression has a solution Vᵀp in that basis, and of the k x k matrix ω QᵀQ + λI only its diagonal ωΛ + λI
//! remains, which costs k operations where a product with the matrix costs k². The way there and back is one
//! product of each panel with V.

use super::conjugate_gradients::dot;
use super::gather::Gather;
use super::pull::{Pull, Rows};
use super::{RegressionEntries, Regressors, Ridge, RidgeRegression, SharedGram};
use crate::dense::symmetric_eigen;
use crate::sparse::line;
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};

/// The eigenvectors and eigenvalues of a shared Gram matrix.
#[derive(Debug, Clone)]
pub(super) struct Axes<T: Scalar> {
    /// ωΛ, filled up with zeros.
    pub(super) diagonal: Vec<T>,
    /// V, filled up with zeros to whole cache lines.
    pub(super) vectors: Array2<T>,
}

impl<T: Scalar> Axes<T> {
    pub(super) fn of(gram: &SharedGram<T>) -> Self {
        let rank = gram.rank;
        let wide_stride = rank.div_ceil(line::<f64>()) * line::<f64>();
        let wide = ArrayView2::from_shape((wide_stride, wide_stride), &gram.wide);
        let wide = wide.expect("whole rows");
        let (wide, _) = wide.split_at(matfact_core::ndarray::Axis(0), rank);
        let (wide, _) = wide.split_at(matfact_core::ndarray::Axis(1), rank);
        let (values, turned) = symmetric_eigen(wide);
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        let mut vectors = Array2::zeros((stride, stride));
        for ((i, j), value) in turned.indexed_iter() {
            vectors[[i, j]] = T::from_f64(*value);
        }
        let mut diagonal = vec![T::zero(); stride];
        for (slot, value) in diagonal.iter_mut().zip(&values) {
            // A value below 0 is rounding.
            *slot = T::from_f64(gram.weight * value.max(0.0));
        }
        Self { diagonal, vectors }
    }

    pub(super) fn turn(&self, solutions: &Regressors<T>) -> Regressors<T> {
        solutions.times(self.vectors.view(), solutions.rank())
    }

    pub(super) fn turn_back(&self, solutions: &Regressors<T>) -> Regressors<T> {
        let back = self.vectors.t().as_standard_layout().into_owned();
        solutions.times(back.view(), solutions.rank())
    }
}

/// Regressors turned to the eigenvectors of their Gram matrix.
#[derive(Debug, Clone)]
pub struct PrincipalRegressors<T: Scalar> {
    regressors: Regressors<T>,
    axes: Axes<T>,
}

impl<T: Scalar> PrincipalRegressors<T> {
    /// Those whose Gram matrix is `gram`.
    ///
    /// # Panics
    /// If the ranks differ.
    #[must_use]
    pub fn of(regressors: &Regressors<T>, gram: &SharedGram<T>) -> Self {
        assert_eq!(gram.rank, regressors.rank(), "rank of the Gram matrix");
        let axes = Axes::of(gram);
        Self {
            regressors: axes.turn(regressors),
            axes,
        }
    }

    /// The regressors in this basis.
    #[must_use]
    pub fn regressors(&self) -> &Regressors<T> {
        &self.regressors
    }

    /// Solutions (one for each row) brought to this basis.
    #[must_use]
    pub fn turn(&self, solutions: &Regressors<T>) -> Regressors<T> {
        self.axes.turn(solutions)
    }

    /// Solutions brought back from this basis.
    #[must_use]
    pub fn turn_back(&self, solutions: &Regressors<T>) -> Regressors<T> {
        self.axes.turn_back(solutions)
    }
}

/// The regression of one row in the basis of [`PrincipalRegressors`]: its own entries, and what it shares with all.
#[derive(Debug, Clone, Copy)]
pub struct PrincipalEntries<'a, T: Scalar> {
    /// The panel, turned.
    pub shared: &'a PrincipalRegressors<T>,
    /// A row of the panel for each entry.
    pub rows: &'a [u32],
    /// w, one for each entry.
    pub weights: &'a [T],
    /// m, one for each entry.
    pub targets: &'a [T],
}

impl<'a, T: Scalar> PrincipalEntries<'a, T> {
    fn own(&self) -> RegressionEntries<'a, T> {
        RegressionEntries {
            regressors: &self.shared.regressors,
            rows: self.rows,
            targets: self.targets,
            weights: Some(self.weights),
        }
    }
}

/// Bytes of a row's regressors that are kept side by side, for all the products with them.
const KEPT_BYTES: usize = 1 << 19;

impl<T: Scalar> RidgeRegression<T> {
    /// The p (into `out`) that minimizes the sum, by Cholesky; where nothing determines a number of p, it is 0. Gives
    /// Σ_e w (q·p)² − 2 m q·p.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn solve_principal(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        out: &mut [T],
    ) -> f64 {
        let own = entries.own();
        own.check(self.rank, out.len());
        let stride = self.stride;
        let gram = self.gram.as_mut_slice();
        gram.fill(T::zero());
        for (t, value) in entries.shared.axes.diagonal.iter().enumerate() {
            gram[t * stride + t] = *value;
        }
        self.begin();
        self.add_all(own, true, false);
        self.work.clear();
        self.work.extend_from_slice(self.moments.as_slice());
        let ridge = Ridge {
            factors: lambda,
            constant: None,
        };
        self.finish(ridge, out);
        // At the minimum the whole sum is −Σ m q·p.
        -dot(&self.work, out) - shared_part(&entries.shared.axes.diagonal, lambda, out)
    }

    /// Moves p (in `out`) by `steps` steps of conjugate gradients, none of which raises the sum. Gives
    /// Σ_e w (q·p)² − 2 m q·p.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn conjugate_gradients_principal(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        steps: usize,
        out: &mut [T],
    ) -> f64 {
        entries.own().check(self.rank, out.len());
        let (rank, stride) = (self.rank, self.stride);
        let panel = entries.shared.regressors.values();
        let most = KEPT_BYTES / (stride * size_of::<T>()).max(1);
        let kept = entries.rows.len().min(most);
        let (near, far) = entries.rows.split_at(kept);
        if self.kept.as_slice().len() < kept * stride {
            self.kept = super::Aligned::zeros(kept.next_power_of_two().min(most) * stride);
        }
        let gathered = &mut self.kept.as_mut_slice()[..kept * stride];
        self.simd.run(Gather {
            values: panel,
            rows: near,
            stride,
            out: &mut *gathered,
        });
        let simd = self.simd;
        // Adds Σ (m − w q·v) q to `out`, with m = 0 without `aims`, and with them gives Σ w (q·v)² − 2 m q·v.
        let pull = |aims: Option<&[T]>, vector: &[T], out: &mut [T]| {
            let near = Pull {
                rows: Rows::Kept(gathered),
                weights: &entries.weights[..kept],
                aims: aims.map(|aims| &aims[..kept]),
                vector,
                out: &mut *out,
            };
            let mut sum = simd.run(near);
            if !far.is_empty() {
                sum += simd.run(Pull {
                    rows: Rows::Listed(panel, far),
                    weights: &entries.weights[kept..],
                    aims: aims.map(|aims| &aims[kept..]),
                    vector,
                    out,
                });
            }
            sum
        };
        let diagonal = &entries.shared.axes.diagonal[..];
        let lambda_here = T::from_f64(lambda);
        let vectors = self.vectors.as_mut_slice();
        let (solution, rest) = vectors.split_at_mut(stride);
        let (residual, rest) = rest.split_at_mut(stride);
        let (direction, image) = rest.split_at_mut(stride);
        solution[..rank].copy_from_slice(out);
        for t in 0..stride {
            residual[t] = -(diagonal[t] + lambda_here) * solution[t];
        }
        let mut sum = pull(Some(entries.targets), solution, residual);
        sum += shared_part(diagonal, lambda, solution);
        direction.copy_from_slice(residual);
        let mut square = dot(residual, residual);
        let negligible = square * T::epsilon().as_f64().powi(2);
        for _ in 0..steps {
            if square.is_nan() || square <= negligible {
                break;
            }
            for t in 0..stride {
                image[t] = -(diagonal[t] + lambda_here) * direction[t];
            }
            pull(None, direction, image);
            // What leads downhill is the image with the other sign.
            let curvature = -dot(direction, image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            sum -= square * square / curvature;
            let length = T::from_f64(square / curvature);
            for t in 0..stride {
                solution[t] += length * direction[t];
                residual[t] += length * image[t];
            }
            let before = std::mem::replace(&mut square, dot(residual, residual));
            let turn = T::from_f64(square / before);
            for t in 0..stride {
                direction[t] = residual[t] + turn * direction[t];
            }
        }
        out.copy_from_slice(&solution[..rank]);
        sum - shared_part(diagonal, lambda, out)
    }
}

/// pᵀ (ωΛ + λI) p.
fn shared_part<T: Scalar>(diagonal: &[T], lambda: f64, p: &[T]) -> f64 {
    let pairs = diagonal.iter().zip(p);
    pairs
        .map(|(d, p)| (d.as_f64() + lambda) * p.as_f64() * p.as_f64())
        .sum()
}
