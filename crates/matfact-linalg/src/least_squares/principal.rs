//! Regressions that share a quadratic, in the basis where that is a diagonal.
//!
//! With the eigenvectors V of the shared Gram matrix, QᵀQ = V Λ Vᵀ, the regressors QV have the Gram matrix Λ. Each
//! regression has a solution Vᵀp in that basis, and of the k x k matrix ω QᵀQ + λI only its diagonal ωΛ + λI
//! remains, which costs k operations where a product with the matrix costs k². The way there and back is one
//! product of each panel with V.

use super::conjugate_gradients::dot;
use super::descent::{Descent, shared_part};
use super::gather::Listed;
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

    /// Vᵀp of each solution p, in the place of `turned`.
    pub(super) fn turn(&self, solutions: &Regressors<T>, turned: &mut Regressors<T>) {
        assert_eq!(solutions.rank(), turned.rank(), "rank of the room");
        solutions.times_into(self.vectors.view(), turned);
    }

    /// Vp of each.
    pub(super) fn turn_back(&self, solutions: &Regressors<T>, turned: &mut Regressors<T>) {
        assert_eq!(solutions.rank(), turned.rank(), "rank of the room");
        let back = self.vectors.t().as_standard_layout().into_owned();
        solutions.times_into(back.view(), turned);
    }
}

/// Regressors turned to the eigenvectors of their Gram matrix.
#[derive(Debug, Clone)]
pub struct PrincipalRegressors<T: Scalar> {
    pub(super) regressors: Regressors<T>,
    pub(super) axes: Axes<T>,
}

impl<T: Scalar> PrincipalRegressors<T> {
    /// Those whose Gram matrix is `gram`, in the memory of `room` where it is of the same size.
    ///
    /// # Panics
    /// If the ranks differ.
    #[must_use]
    pub fn of(regressors: &Regressors<T>, gram: &SharedGram<T>, mut room: Regressors<T>) -> Self {
        assert_eq!(gram.rank, regressors.rank(), "rank of the Gram matrix");
        let axes = Axes::of(gram);
        axes.turn(regressors, &mut room);
        Self {
            regressors: room,
            axes,
        }
    }

    /// The regressors in this basis.
    #[must_use]
    pub fn regressors(&self) -> &Regressors<T> {
        &self.regressors
    }

    /// Their memory, to be used again.
    #[must_use]
    pub fn into_room(self) -> Regressors<T> {
        self.regressors
    }

    /// Brings solutions (one for each row) to this basis, into memory of their size.
    ///
    /// # Panics
    /// If the ranks differ.
    pub fn turn(&self, solutions: &Regressors<T>, turned: &mut Regressors<T>) {
        self.axes.turn(solutions, turned);
    }

    /// Brings solutions back from this basis, into memory of their size.
    ///
    /// # Panics
    /// If the ranks differ.
    pub fn turn_back(&self, solutions: &Regressors<T>, turned: &mut Regressors<T>) {
        self.axes.turn_back(solutions, turned);
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
    /// Rows of the panel that the next regression will need, so that memory can be asked for them; there may be none.
    pub next: &'a [u32],
}

impl<'a, T: Scalar> PrincipalEntries<'a, T> {
    pub(super) fn listed(&self) -> Listed<'a, T> {
        self.own().listed()
    }

    fn own(&self) -> RegressionEntries<'a, T> {
        RegressionEntries {
            regressors: &self.shared.regressors,
            rows: self.rows,
            targets: self.targets,
            weights: Some(self.weights),
            next: self.next,
        }
    }
}

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
        entries.own().check(self.rank, out.len());
        self.apart(entries, |regression, entries| {
            regression.solve_weighing(entries, lambda, out)
        })
    }

    fn solve_weighing(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        out: &mut [T],
    ) -> f64 {
        if let Some(sum) = self.solve_few(entries, lambda, out) {
            return sum;
        }
        let stride = self.stride;
        let gram = self.gram.as_mut_slice();
        gram.fill(T::zero());
        for (t, value) in entries.shared.axes.diagonal.iter().enumerate() {
            gram[t * stride + t] = *value;
        }
        self.begin();
        let pulled = self.pulled.as_slice();
        self.moments.as_mut_slice().copy_from_slice(pulled);
        self.add_all(entries.own(), true, false);
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
        self.apart(entries, |regression, entries| {
            regression.descend_weighing(entries, lambda, steps, out)
        })
    }

    fn descend_weighing(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        steps: usize,
        out: &mut [T],
    ) -> f64 {
        self.make_room(entries.rows.len());
        self.simd.run(Descent {
            rows: entries.listed(),
            weights: entries.weights,
            aims: entries.targets,
            diagonal: &entries.shared.axes.diagonal[..self.stride],
            lambda,
            pulled: self.pulled.as_slice(),
            constant: None,
            steps,
            kept: self.kept.as_mut_slice(),
            vectors: self.vectors.as_mut_slice(),
            out,
            simd: self.simd,
        })
    }

    /// Σ_e w (q·p)² − 2 m q·p, and the sums of the squares of half the gradient of the whole: at p, and at 0.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn measure_principal(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        solution: &[T],
    ) -> (f64, f64, f64) {
        entries.own().check(self.rank, solution.len());
        self.apart(entries, |regression, entries| {
            regression.measure_weighing(entries, lambda, solution)
        })
    }

    fn measure_weighing(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        solution: &[T],
    ) -> (f64, f64, f64) {
        let diagonal = &entries.shared.axes.diagonal;
        let (vector, rest) = self.vectors.as_mut_slice().split_at_mut(self.stride);
        let (zeros, rest) = rest.split_at_mut(self.stride);
        let (downhill, _) = rest.split_at_mut(self.stride);
        vector.fill(T::zero());
        vector[..self.rank].copy_from_slice(solution);
        zeros.fill(T::zero());
        let (simd, pulled) = (self.simd, self.pulled.as_slice());
        let pull = |vector: &[T], out: &mut [T]| {
            simd.run(Pull {
                rows: Rows::Listed(entries.listed()),
                weights: entries.weights,
                aims: Some(entries.targets),
                vector,
                out: Some(out),
            })
        };
        let lambda = T::from_f64(lambda);
        for (t, downhill) in downhill.iter_mut().enumerate() {
            *downhill = pulled[t] - (diagonal[t] + lambda) * vector[t];
        }
        let own = pull(vector, downhill) - 2.0 * dot(pulled, vector);
        let at_solution = dot(downhill, downhill);
        downhill.copy_from_slice(pulled);
        pull(zeros, downhill);
        (own, at_solution, dot(downhill, downhill))
    }
}
