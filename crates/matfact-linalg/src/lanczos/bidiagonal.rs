//! The two bases and the small matrix between them.

use super::basis::{Basis, Split};
use super::panels::Panels;
use super::state::{give_numbers, take_numbers};
use super::{LEAST_ROUNDINGS, Process, Ritz, epsilon, longest_column};
use crate::dense::upright_qr;
use crate::{Products, random_normal, refine_triplets, small_svd, tall_qr};
use matfact_core::ndarray::{Array2, Axis, concatenate};
use matfact_core::{CheckpointState, LinearOperator, Result, Scalar};

/// X'·V = U·B and X'ᵀ·U = V·Bᵀ + N·C, where V (n x d) and U (m x l) are orthonormal, and N is the block
/// of columns that V grows by next.
pub(super) struct Bidiagonalization<'p, 'x, X: LinearOperator + ?Sized> {
    x: &'p Products<'x, X>,
    left: Basis<X::Scalar>,
    /// V and N.
    right: Basis<X::Scalar>,
    /// B: l x d.
    projected: Array2<f64>,
    /// C: a row for each column of N, a column for each of U.
    coupling: Array2<f64>,
    /// The columns of U before this have no coupling.
    coupled_from: usize,
    /// About ‖X'‖.
    norm: f64,
    seed: u64,
    /// Random blocks drawn.
    drawn: u64,
}

impl<'p, 'x, X: LinearOperator + ?Sized> Bidiagonalization<'p, 'x, X> {
    /// Begins with `block` random columns.
    pub(super) fn new(x: &'p Products<'x, X>, block: usize, seed: u64) -> Self {
        let (m, n) = x.shape();
        let mut process = Self {
            x,
            left: Basis::new(m),
            right: Basis::new(n),
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

    /// A residual below this is rounding.
    fn rounding(&self) -> f64 {
        let (m, n) = self.x.shape();
        self.norm * epsilon::<X::Scalar>() * (m.max(n) as f64).sqrt().max(LEAST_ROUNDINGS)
    }

    /// U and V of the `rank` leading triplets; where there are fewer (of a matrix of smaller rank), the
    /// missing ones are any orthonormal columns.
    pub(super) fn vectors(
        mut self,
        ritz: &Ritz,
        rank: usize,
    ) -> (Array2<X::Scalar>, Array2<X::Scalar>) {
        let kept = rank.min(ritz.values.len());
        self.restart(ritz, rank);
        let mut right = Basis::new(self.right.rows());
        right.push(self.right.read(0, kept).view());
        for basis in [&mut self.left, &mut right] {
            // A random column is never within the basis but by rounding: the cap is for form.
            for attempt in 0..4 {
                let missing = rank - basis.used();
                if missing == 0 {
                    break;
                }
                let stream = 16 + self.drawn + attempt;
                let panel: Array2<X::Scalar> =
                    random_normal((basis.rows(), missing), self.seed, stream);
                let block = basis
                    .split(&Panels::from_view(panel.view()), missing, 1e-3)
                    .block;
                basis.push(block.view());
            }
        }
        (self.left.read(0, rank), right.read(0, rank))
    }
}

impl<X: LinearOperator + ?Sized> Process for Bidiagonalization<'_, '_, X> {
    type Scalar = X::Scalar;

    fn dimension(&self) -> usize {
        self.projected.ncols()
    }

    fn pending(&self) -> usize {
        self.coupling.nrows()
    }

    fn is_complete(&self) -> bool {
        let (m, n) = self.x.shape();
        self.pending() == 0 && (self.dimension() >= n || self.left.used() >= m)
    }

    fn widen(&mut self, count: usize) {
        let n = self.right.rows();
        let count = count.min(n - self.right.used());
        if count == 0 {
            return;
        }
        let panel: Array2<X::Scalar> = random_normal((n, count), self.seed, 16 + self.drawn);
        self.drawn += 1;
        let Split { block, .. } = self
            .right
            .split(&Panels::from_view(panel.view()), count, 1e-3);
        self.right.push(block.view());
        let rows = Array2::zeros((block.ncols(), self.left.used()));
        self.coupling =
            concatenate(Axis(0), &[self.coupling.view(), rows.view()]).expect("rows of one length");
    }

    fn step(&mut self) -> Result<()> {
        let negligible = self.rounding();
        let pending = self.pending();
        let (before, l) = (self.dimension(), self.left.used());
        let next = self.right.read(before, before + pending);
        let panel = self.x.multiply(next.view())?;
        drop(next);
        self.norm = self.norm.max(longest_column(&panel));
        let (_, coupling) = self.coupling.view().split_at(Axis(1), self.coupled_from);
        let mut rest = Panels::from_view(panel.view());
        drop(panel);
        self.left
            .subtract_known(self.coupled_from, coupling.t(), &mut rest);
        let negligible = negligible.max(self.rounding());
        let split = self.left.split(&rest, pending, negligible);
        let grown = split.block.ncols();

        let mut projected = Array2::zeros((l + grown, before + pending));
        let (mut above, below) = projected.view_mut().split_at(Axis(0), l);
        let (mut old, mut new) = above.view_mut().split_at(Axis(1), before);
        old.assign(&self.projected);
        new.assign(&(&split.coefficients + &self.coupling.t()));
        let (_, mut corner) = below.split_at(Axis(1), before);
        corner.assign(&split.triangle);
        self.projected = projected;

        let Split {
            block, triangle, ..
        } = if grown == 0 {
            self.right
                .split(&Panels::new(self.right.rows()), 0, negligible)
        } else {
            self.left.push(split.block.view());
            let panel = self.x.multiply_transposed(split.block.view())?;
            let mut rest = Panels::from_view(panel.view());
            drop(panel);
            self.right
                .subtract_known(before, split.triangle.t(), &mut rest);
            self.right.split(&rest, grown, negligible)
        };
        self.right.push(block.view());
        self.coupling = Array2::zeros((block.ncols(), l + grown));
        let (_, mut last) = self.coupling.view_mut().split_at(Axis(1), l);
        last.assign(&triangle);
        self.coupled_from = l;
        Ok(())
    }

    fn ritz(&self) -> Ritz {
        let (left, values, right_t) = small_svd(self.projected.view());
        let coupled = self.coupling.dot(&left);
        let residuals = coupled
            .columns()
            .into_iter()
            .map(|column| column.iter().map(|v| v * v).sum::<f64>().sqrt())
            .collect();
        Ritz {
            values,
            right: right_t.reversed_axes(),
            residuals,
            rounding: self.rounding(),
            squares: false,
        }
    }

    fn restart(&mut self, ritz: &Ritz, keep: usize) {
        let keep = keep.min(ritz.values.len());
        // The decomposition's vectors are orthonormal to a few dozen roundings, which restarts would add
        // up: Q is made orthonormal, and P and the small matrix follow from B Q.
        let (right, _) = ritz.right.view().split_at(Axis(1), keep);
        let (right, _) = upright_qr(right);
        let (left, projected) = upright_qr(self.projected.dot(&right).view());
        self.left.rotate(left.view(), 0);
        self.right.rotate(right.view(), self.pending());
        self.coupling = self.coupling.dot(&left);
        self.coupled_from = 0;
        self.projected = projected;
    }

    fn refresh(&mut self) -> Result<()> {
        let kept = self.dimension();
        let following = self.right.read(kept, kept + self.pending());
        let (basis, _) = tall_qr(self.right.read(0, kept).view());
        let refined = refine_triplets(self.x, basis.view())?;
        let image = self.x.multiply_transposed(refined.u.view())?;
        (self.left, self.right) = (Basis::new(self.left.rows()), Basis::new(self.right.rows()));
        self.left.push(refined.u.view());
        self.right.push(refined.v.view());
        let rest = Panels::from_view(following.view());
        let Split { block, .. } = self.right.split(&rest, following.ncols(), 1e-3);
        self.right.push(block.view());
        let wide = |a: &Array2<X::Scalar>| a.mapv(|v| v.as_f64());
        self.coupling = wide(&block).t().dot(&wide(&image));
        self.projected = Array2::from_diag(&refined.singular_values);
        Ok(())
    }

    fn give(&self, state: &mut CheckpointState) {
        self.left.give("left", state);
        self.right.give("right", state);
        give_numbers("projected", &self.projected, state);
        give_numbers("coupling", &self.coupling, state);
        state.insert_counter("coupled from", self.coupled_from as u64);
        state.insert_counter("drawn", self.drawn);
        state.insert_numbers("norm", &[self.norm]);
    }

    fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.left.take("left", state)?;
        self.right.take("right", state)?;
        self.projected = take_numbers("projected", state)?;
        self.coupling = take_numbers("coupling", state)?;
        self.coupled_from = state.counter("coupled from")? as usize;
        self.drawn = state.counter("drawn")?;
        self.norm = state.take_number("norm")?;
        Ok(())
    }
}
