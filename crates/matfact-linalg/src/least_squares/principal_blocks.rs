//! Regressions that share a quadratic, one block of numbers after the other: iALS++.
//!
//! In the basis of [`PrincipalRegressors`](super::PrincipalRegressors), where the shared quadratic is a diagonal ωΛ, the
//! numbers p_π of a block π have, with the others held, the best change
//!
//! ```text
//! ( Σ_e w q_π q_πᵀ + ωΛ_π + λI ) δ = Σ_e ( m − w ŷ_e ) q_π − ( ωΛ_π + λI ) p_π
//! ```
//!
//! with the predictions ŷ_e = q_e·p, which follow by q_π·δ. For n entries, k numbers and blocks of d it takes
//! n k d / 2 + k d² / 6 operations and four passes over the regressors, where all at once take n k² / 2 + k³ / 6. No block
//! raises the sum. (S. Rendle, W. Krichene, L. Zhang, Y. Koren, *iALS++: speeding up matrix factorization with subspace
//! optimization*, 2021, whose blocks are of the factors as they are; here eigenvectors of unlike size share none of ωΛ.)

use super::gather::{AT_ONCE, Listed};
use super::principal::Axes;
use super::pull::products;
use super::{Factor, RegressionEntries, Regressors, RidgeRegression, SharedGram, Substitute};
use crate::simd::Kernel;
use crate::sparse::line;
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, s};

/// Regressors turned to the eigenvectors of their Gram matrix, in blocks of these.
#[derive(Debug, Clone)]
pub struct PrincipalBlocks<T: Scalar> {
    /// A panel for each block; the last is filled up with zeros.
    panels: Vec<Regressors<T>>,
    axes: Axes<T>,
    block: usize,
}

impl<T: Scalar> PrincipalBlocks<T> {
    /// Those whose Gram matrix is `gram`, in blocks of at most `block` eigenvectors, all of about the same size.
    ///
    /// # Panics
    /// If the ranks differ, or without a rank or a size of blocks.
    #[must_use]
    pub fn of(regressors: &Regressors<T>, gram: &SharedGram<T>, block: usize) -> Self {
        let rank = regressors.rank();
        assert_eq!(gram.rank, rank, "rank of the Gram matrix");
        assert!(rank > 0 && block > 0, "a rank and a size of blocks");
        let axes = Axes::of(gram);
        let block = rank.div_ceil(rank.div_ceil(block));
        let stride = block.div_ceil(line::<T>()) * line::<T>();
        let panels = (0..rank).step_by(block).map(|first| {
            let last = rank.min(first + block);
            let mut vectors = Array2::zeros((axes.vectors.nrows(), stride));
            vectors
                .slice_mut(s![.., ..last - first])
                .assign(&axes.vectors.slice(s![.., first..last]));
            regressors.times(vectors.view(), block)
        });
        Self {
            panels: panels.collect(),
            axes,
            block,
        }
    }

    /// The size of a block: the rank of the [`RidgeRegression`] that descends along them.
    #[must_use]
    pub fn block(&self) -> usize {
        self.block
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

/// The regression of one row in the basis of [`PrincipalBlocks`]: its own entries, and what it shares with all.
#[derive(Debug, Clone, Copy)]
pub struct PrincipalBlockEntries<'a, T: Scalar> {
    /// The panels, turned.
    pub shared: &'a PrincipalBlocks<T>,
    /// A row of the panels for each entry.
    pub rows: &'a [u32],
    /// w, one for each entry.
    pub weights: &'a [T],
    /// m, one for each entry.
    pub targets: &'a [T],
}

impl<T: Scalar> RidgeRegression<T> {
    /// Moves p (in `out`) to the minimum along each block once, that of the largest eigenvalues first. Gives
    /// Σ_e w (q·p)² − 2 m q·p.
    ///
    /// # Panics
    /// If the lengths do not fit, or this is not of the rank [`PrincipalBlocks::block`].
    pub fn descend_blocks(
        &mut self,
        entries: PrincipalBlockEntries<'_, T>,
        lambda: f64,
        out: &mut [T],
    ) -> f64 {
        let PrincipalBlockEntries {
            shared,
            rows,
            weights,
            targets,
        } = entries;
        let (block, stride, count) = (shared.block, self.stride, rows.len());
        assert_eq!(self.rank, block, "rank of the regression");
        assert_eq!(shared.panels.len(), out.len().div_ceil(block), "blocks");
        assert_eq!(weights.len(), count, "number of weights");
        let mut work = std::mem::take(&mut self.work);
        work.clear();
        work.resize(2 * count + stride, T::zero());
        let (predictions, rest) = work.split_at_mut(count);
        let (aims, part) = rest.split_at_mut(count);
        if out.iter().any(|value| *value != T::zero()) {
            for (panel, own) in shared.panels.iter().zip(out.chunks(block)) {
                part.fill(T::zero());
                part[..own.len()].copy_from_slice(own);
                self.add_products(panel, rows, part, predictions);
            }
        }
        for (at, (panel, own)) in shared.panels.iter().zip(out.chunks_mut(block)).enumerate() {
            for e in 0..count {
                aims[e] = targets[e] - weights[e] * predictions[e];
            }
            self.gram.as_mut_slice().fill(T::zero());
            self.begin();
            let of_block = RegressionEntries {
                regressors: panel,
                rows,
                targets: aims,
                weights: Some(weights),
                next: &[],
            };
            of_block.check(block, block);
            self.add_all(of_block, true, false);
            let diagonal = &shared.axes.diagonal[at * block..][..own.len()];
            let (gram, moments) = (self.gram.as_mut_slice(), self.moments.as_mut_slice());
            for t in 0..own.len() {
                let all = T::from_f64(diagonal[t].as_f64() + lambda);
                gram[t * stride + t] += all;
                moments[t] -= all * own[t];
            }
            self.simd.run(Factor {
                matrix: &mut *gram,
                stride,
                simd: self.simd,
            });
            self.simd.run(Substitute {
                triangle: gram,
                rank: block,
                stride,
                values: &mut *moments,
            });
            part.fill(T::zero());
            for (t, own) in own.iter_mut().enumerate() {
                part[t] = moments[t];
                *own += moments[t];
            }
            self.add_products(panel, rows, part, predictions);
        }
        let sums = predictions.iter().zip(weights).zip(targets);
        let sum = sums
            .map(|((y, w), m)| y.as_f64() * (w.as_f64() * y.as_f64() - 2.0 * m.as_f64()))
            .sum();
        self.work = work;
        sum
    }

    fn add_products(&self, panel: &Regressors<T>, rows: &[u32], vector: &[T], out: &mut [T]) {
        self.simd.run(AddProducts {
            rows: Listed::new((panel.values(), vector.len()), rows, &[]),
            vector,
            out,
        });
    }
}

/// Adds q·v to each number of `out`, of these rows of a panel.
struct AddProducts<'a, T> {
    rows: Listed<'a, T>,
    vector: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> AddProducts<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let rows = self.rows;
        for (group, out) in self.out.chunks_mut(AT_ONCE).enumerate() {
            let first = group * AT_ONCE;
            let mut starts = [0; AT_ONCE];
            for slot in 0..AT_ONCE {
                // Beyond the last entry it stands in once more.
                let e = first + slot.min(out.len() - 1);
                starts[slot] = rows.start(e);
                rows.ask_ahead(e);
            }
            let products = products::<FMA, L, T>(rows.values, &starts, self.vector);
            for (out, product) in out.iter_mut().zip(products) {
                *out += product;
            }
        }
    }
}

impl<T: Scalar> Kernel for AddProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}
