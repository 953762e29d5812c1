//! The two bases and the small matrix between them.

use super::basis::{Basis, Split};
use super::panels::Panels;
use super::relation::Relation;
use super::{LEAST_ROUNDINGS, Process, Ritz, epsilon, longest_column};
use crate::dense::upright_qr;
use crate::{Products, refine_triplets, small_svd, tall_qr};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{CheckpointState, LinearOperator, Result, Scalar};

/// X'·V = U·B and X'ᵀ·U = V·Bᵀ + N·C, where V (n x d) and U (m x l) are orthonormal, and N is the block
/// of columns that V grows by next.
pub(super) struct Bidiagonalization<'p, 'x, X: LinearOperator + ?Sized> {
    x: &'p Products<'x, X>,
    left: Basis<X::Scalar>,
    /// V and N.
    right: Basis<X::Scalar>,
    /// B and C.
    relation: Relation,
}

impl<'p, 'x, X: LinearOperator + ?Sized> Bidiagonalization<'p, 'x, X> {
    /// Begins with `block` random columns.
    pub(super) fn new(x: &'p Products<'x, X>, block: usize, seed: u64) -> Self {
        let (m, n) = x.shape();
        let mut process = Self {
            x,
            left: Basis::new(m),
            right: Basis::new(n),
            relation: Relation::new(seed),
        };
        process.widen(block);
        process
    }

    /// A residual below this is rounding.
    fn rounding(&self) -> f64 {
        let (m, n) = self.x.shape();
        self.relation.norm * epsilon::<X::Scalar>() * (m.max(n) as f64).sqrt().max(LEAST_ROUNDINGS)
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
                let panel: Array2<X::Scalar> =
                    self.relation.random((basis.rows(), missing), attempt);
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
        self.relation.projected.ncols()
    }

    fn pending(&self) -> usize {
        self.relation.coupling.nrows()
    }

    fn is_complete(&self) -> bool {
        let (m, n) = self.x.shape();
        self.pending() == 0 && (self.dimension() >= n || self.left.used() >= m)
    }

    fn widen(&mut self, count: usize) {
        self.relation.widen(&mut self.right, count);
    }

    fn step(&mut self) -> Result<()> {
        let negligible = self.rounding();
        let pending = self.pending();
        let (before, l) = (self.dimension(), self.left.used());
        let next = self.right.read(before, before + pending);
        let panel = self.x.multiply(next.view())?;
        drop(next);
        self.relation.norm = self.relation.norm.max(longest_column(&panel));
        let mut rest = Panels::from_view(panel.view());
        drop(panel);
        self.left.subtract_known(
            self.relation.coupled_from,
            self.relation.coupled().t(),
            &mut rest,
        );
        let negligible = negligible.max(self.rounding());
        let split = self.left.split(&rest, pending, negligible);
        let grown = split.block.ncols();

        let mut projected = Array2::zeros((l + grown, before + pending));
        let (mut above, below) = projected.view_mut().split_at(Axis(0), l);
        let (mut old, mut new) = above.view_mut().split_at(Axis(1), before);
        old.assign(&self.relation.projected);
        new.assign(&(&split.coefficients + &self.relation.coupling.t()));
        let (_, mut corner) = below.split_at(Axis(1), before);
        corner.assign(&split.triangle);
        self.relation.projected = projected;

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
        self.relation.couple(l, triangle.view());
        Ok(())
    }

    fn ritz(&self) -> Ritz {
        let (left, values, right_t) = small_svd(self.relation.projected.view());
        let coupled = self.relation.coupling.dot(&left);
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
        let (left, projected) = upright_qr(self.relation.projected.dot(&right).view());
        self.left.rotate(left.view(), 0);
        self.right.rotate(right.view(), self.pending());
        self.relation.rotate(left.view(), projected);
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
        self.relation.coupling = wide(&block).t().dot(&wide(&image));
        self.relation.projected = Array2::from_diag(&refined.singular_values);
        Ok(())
    }

    fn give(&self, state: &mut CheckpointState) {
        self.left.give("left", state);
        self.right.give("right", state);
        self.relation.give(state);
    }

    fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.left.take("left", state)?;
        self.right.take("right", state)?;
        self.relation.take(state)
    }
}
