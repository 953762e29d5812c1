//! Lanczos with the Gram matrix of the shorter side.
//!
//! For n <= m, from a random block the process builds orthonormal V with
//!
//! ```text
//! X'ᵀX'V = V T + N C
//! ```
//!
//! T symmetric: the right half of the bidiagonalization alone. With T = Q S² Qᵀ the triplets have
//! ‖X'ᵀu − sv‖ = ‖C q‖ / s. Only the shorter basis is held and orthogonalized, T costs a third of what
//! B does to decompose, and both products of a step may read X' once
//! ([`Products::multiply_gram`]). The price: squares round at eps·σ₁², so that a value σ is known to
//! eps·σ₁²/σ, and those below √eps·σ₁ not at all. ARPACK, as SciPy calls it, does the same. For a tolerance
//! on the values that is often enough, since their error is the square of the vectors'; where it is not,
//! this is said (`None`), and the bidiagonalization is there.

use super::basis::Basis;
use super::panels::Panels;
use super::relation::Relation;
use super::{LEAST_ROUNDINGS, Process, Ritz, epsilon, longest_column};
use crate::{Products, Side, symmetric_eigen};
use matfact_core::ndarray::{Array1, Array2, Axis, concatenate};
use matfact_core::{CheckpointState, LinearOperator, Result};

/// G·V = V·T + N·C for the Gram matrix G of one side.
pub(super) struct GramLanczos<'p, 'x, X: LinearOperator + ?Sized> {
    x: &'p Products<'x, X>,
    side: Side,
    /// V and N.
    basis: Basis<X::Scalar>,
    /// T and C.
    relation: Relation,
}

impl<'p, 'x, X: LinearOperator + ?Sized> GramLanczos<'p, 'x, X> {
    /// Begins with `block` random columns.
    pub(super) fn new(x: &'p Products<'x, X>, side: Side, block: usize, seed: u64) -> Self {
        let (m, n) = x.shape();
        let length = match side {
            Side::Rows => m,
            Side::Columns => n,
        };
        let mut process = Self {
            x,
            side,
            basis: Basis::new(length),
            relation: Relation::new(seed),
        };
        process.widen(block);
        process
    }

    /// What is less than this of a column of length ‖G‖ is rounding.
    fn negligible(&self) -> f64 {
        let roundings = (self.basis.rows() as f64).sqrt().max(LEAST_ROUNDINGS);
        self.relation.norm * epsilon::<X::Scalar>() * roundings
    }

    /// The vectors of the `rank` leading values, and C with them: what G leads out of their span.
    pub(super) fn vectors(mut self, ritz: &Ritz, rank: usize) -> (Array2<X::Scalar>, Array2<f64>) {
        let kept = rank.min(ritz.values.len());
        self.restart(ritz, kept);
        (self.basis.read(0, kept), self.relation.coupling)
    }
}

impl<X: LinearOperator + ?Sized> Process for GramLanczos<'_, '_, X> {
    type Scalar = X::Scalar;

    fn dimension(&self) -> usize {
        self.relation.projected.ncols()
    }

    fn pending(&self) -> usize {
        self.relation.coupling.nrows()
    }

    fn is_complete(&self) -> bool {
        self.pending() == 0 && self.dimension() >= self.basis.rows()
    }

    fn widen(&mut self, count: usize) {
        self.relation.widen(&mut self.basis, count);
    }

    fn step(&mut self) -> Result<()> {
        let (before, pending) = (self.dimension(), self.pending());
        let next = self.basis.read(before, before + pending);
        let image = self.x.multiply_gram(self.side, next.view())?;
        drop(next);
        self.relation.norm = self.relation.norm.max(longest_column(&image));
        let mut rest = Panels::from_view(image.view());
        drop(image);
        let square = self.basis.project_from(before, &rest, pending);
        let known = concatenate(Axis(0), &[self.relation.coupled().t(), square.view()])
            .expect("columns of N");
        self.basis
            .subtract_known(self.relation.coupled_from, known.view(), &mut rest);
        let split = self.basis.split(&rest, pending, self.negligible());

        let mut projected = Array2::zeros((before + pending, before + pending));
        let (inside, rest) = split.coefficients.view().split_at(Axis(0), before);
        let beside = &inside + &self.relation.coupling.t();
        let square = &square + &rest;
        let (mut above, below) = projected.view_mut().split_at(Axis(0), before);
        let (mut old, mut right) = above.view_mut().split_at(Axis(1), before);
        old.assign(&self.relation.projected);
        right.assign(&beside);
        let (mut left, mut corner) = below.split_at(Axis(1), before);
        left.assign(&beside.t());
        corner.assign(&((&square + &square.t()) * 0.5));
        self.relation.projected = projected;

        self.basis.push(split.block.view());
        self.relation.couple(before, split.triangle.view());
        Ok(())
    }

    fn ritz(&self) -> Ritz {
        let (squares, right) = symmetric_eigen(self.relation.projected.view());
        let values = squares.mapv(|square| square.max(0.0).sqrt());
        let coupled = self.relation.coupling.dot(&right);
        let columns = coupled.columns().into_iter().zip(&values);
        let residuals = columns
            .map(|(column, value)| column.dot(&column).sqrt() / value.max(f64::MIN_POSITIVE))
            .collect();
        let first = values.first().copied().unwrap_or(0.0);
        Ritz {
            rounding: epsilon::<X::Scalar>() * first,
            values,
            right,
            residuals,
            squares: true,
        }
    }

    fn restart(&mut self, ritz: &Ritz, keep: usize) {
        // The eigenvectors are orthonormal to some dozen roundings of `f64`, which is enough here.
        let (right, _) = ritz.right.view().split_at(Axis(1), keep);
        self.basis.rotate(right, self.pending());
        let squares = ritz.values.iter().take(keep).map(|value| value * value);
        let squares: Array1<f64> = squares.collect();
        self.relation.rotate(right, Array2::from_diag(&squares));
    }

    /// Roundings of restarts do not matter here: the triplets are taken from X' in the end.
    fn refresh(&mut self) -> Result<()> {
        Ok(())
    }

    fn give(&self, state: &mut CheckpointState) {
        self.basis.give("basis", state);
        self.relation.give(state);
    }

    fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.basis.take("basis", state)?;
        self.relation.take(state)
    }
}
