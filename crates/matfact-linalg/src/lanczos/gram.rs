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

use super::basis::{Basis, Split};
use super::panels::Panels;
use super::state::{give_numbers, take_numbers};
use super::{LEAST_ROUNDINGS, Process, Ritz, epsilon, longest_column};
use crate::{Products, Side, random_normal, symmetric_eigen};
use matfact_core::ndarray::{Array1, Array2, Axis, concatenate};
use matfact_core::{CheckpointState, LinearOperator, Result};

/// G·V = V·T + N·C for the Gram matrix G of one side.
pub(super) struct GramLanczos<'p, 'x, X: LinearOperator + ?Sized> {
    x: &'p Products<'x, X>,
    side: Side,
    /// V and N.
    basis: Basis<X::Scalar>,
    /// T: d x d, symmetric.
    projected: Array2<f64>,
    /// C: a row for each column of N, a column for each of V.
    coupling: Array2<f64>,
    /// The columns of V before this have no coupling.
    coupled_from: usize,
    /// About ‖G‖.
    norm: f64,
    seed: u64,
    /// Random blocks drawn.
    drawn: u64,
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
            projected: Array2::zeros((0, 0)),
            coupling: Array2::zeros((0, 0)),
            coupled_from: 0,
            norm: 0.0,
            seed,
            drawn: 0,
        };
        process.widen(block);
        process
    }

    /// What is less than this of a column of length ‖G‖ is rounding.
    fn negligible(&self) -> f64 {
        let roundings = (self.basis.rows() as f64).sqrt().max(LEAST_ROUNDINGS);
        self.norm * epsilon::<X::Scalar>() * roundings
    }

    /// The vectors of the `rank` leading values, and C with them: what G leads out of their span.
    pub(super) fn vectors(mut self, ritz: &Ritz, rank: usize) -> (Array2<X::Scalar>, Array2<f64>) {
        let kept = rank.min(ritz.values.len());
        self.restart(ritz, kept);
        (self.basis.read(0, kept), self.coupling)
    }
}

impl<X: LinearOperator + ?Sized> Process for GramLanczos<'_, '_, X> {
    type Scalar = X::Scalar;

    fn dimension(&self) -> usize {
        self.projected.ncols()
    }

    fn pending(&self) -> usize {
        self.coupling.nrows()
    }

    fn is_complete(&self) -> bool {
        self.pending() == 0 && self.dimension() >= self.basis.rows()
    }

    fn widen(&mut self, count: usize) {
        let rows = self.basis.rows();
        let count = count.min(rows - self.basis.used());
        if count == 0 {
            return;
        }
        let panel: Array2<X::Scalar> = random_normal((rows, count), self.seed, 16 + self.drawn);
        self.drawn += 1;
        let panel = Panels::from_view(panel.view());
        let Split { block, .. } = self.basis.split(&panel, count, 1e-3);
        self.basis.push(block.view());
        let none = Array2::zeros((block.ncols(), self.dimension()));
        self.coupling =
            concatenate(Axis(0), &[self.coupling.view(), none.view()]).expect("rows of one length");
    }

    fn step(&mut self) -> Result<()> {
        let (before, pending) = (self.dimension(), self.pending());
        let next = self.basis.read(before, before + pending);
        let image = self.x.multiply_gram(self.side, next.view())?;
        drop(next);
        self.norm = self.norm.max(longest_column(&image));
        let mut rest = Panels::from_view(image.view());
        drop(image);
        let (_, coupling) = self.coupling.view().split_at(Axis(1), self.coupled_from);
        let square = self.basis.project_from(before, &rest, pending);
        let known = concatenate(Axis(0), &[coupling.t(), square.view()]).expect("columns of N");
        self.basis
            .subtract_known(self.coupled_from, known.view(), &mut rest);
        let split = self.basis.split(&rest, pending, self.negligible());

        let mut projected = Array2::zeros((before + pending, before + pending));
        let (inside, rest) = split.coefficients.view().split_at(Axis(0), before);
        let beside = &inside + &self.coupling.t();
        let square = &square + &rest;
        let (mut above, below) = projected.view_mut().split_at(Axis(0), before);
        let (mut old, mut right) = above.view_mut().split_at(Axis(1), before);
        old.assign(&self.projected);
        right.assign(&beside);
        let (mut left, mut corner) = below.split_at(Axis(1), before);
        left.assign(&beside.t());
        corner.assign(&((&square + &square.t()) * 0.5));
        self.projected = projected;

        self.basis.push(split.block.view());
        self.coupling = Array2::zeros((split.block.ncols(), before + pending));
        let (_, mut last) = self.coupling.view_mut().split_at(Axis(1), before);
        last.assign(&split.triangle);
        self.coupled_from = before;
        Ok(())
    }

    fn ritz(&self) -> Ritz {
        let (squares, right) = symmetric_eigen(self.projected.view());
        let values = squares.mapv(|square| square.max(0.0).sqrt());
        let coupled = self.coupling.dot(&right);
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
        self.coupling = self.coupling.dot(&right);
        self.coupled_from = 0;
        let squares = ritz.values.iter().take(keep).map(|value| value * value);
        self.projected = Array2::from_diag(&squares.collect::<Array1<f64>>());
    }

    /// Roundings of restarts do not matter here: the triplets are taken from X' in the end.
    fn refresh(&mut self) -> Result<()> {
        Ok(())
    }

    fn give(&self, state: &mut CheckpointState) {
        self.basis.give("basis", state);
        give_numbers("projected", &self.projected, state);
        give_numbers("coupling", &self.coupling, state);
        state.insert_counter("coupled from", self.coupled_from as u64);
        state.insert_counter("drawn", self.drawn);
        state.insert_numbers("norm", &[self.norm]);
    }

    fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.basis.take("basis", state)?;
        self.projected = take_numbers("projected", state)?;
        self.coupling = take_numbers("coupling", state)?;
        self.coupled_from = state.counter("coupled from")? as usize;
        self.drawn = state.counter("drawn")?;
        self.norm = state.take_number("norm")?;
        Ok(())
    }
}
