//! Regressions that share a quadratic: each row has a term of its own over a few rows of the panel, beside
//! one over all of them that is the same for every row.
//!
//! ```text
//! min over p:  Σ_e ( w_e (q_e·p)² − 2 m_e q_e·p ) + ω Σ_all (q·p)² + λ ‖p‖²
//! ```
//!
//! as alternating least squares on implicit feedback solves, whose absent entries all count: the Gram matrix
//! of the whole panel, ω Σ q qᵀ, is formed once, and a row adds what its own entries differ by. A weight w may
//! be negative as long as the whole is convex. m takes the place of a weight times a target, which w = 0 has no
//! target for.

use super::conjugate_gradients::dot;
use super::errors::product;
use super::{
    AddGram, Aligned, ENTRIES, RegressionEntries, Regressors, Ridge, RidgeRegression, Sweeps,
};
use crate::Simd;
use crate::simd::Kernel;
use crate::sparse::line;
use matfact_core::Scalar;
use rayon::prelude::*;

/// The fewest rows of a task of a Gram matrix.
const LEAST_ROWS: usize = 1024;
/// The most tasks of a Gram matrix, each of which has a matrix of its own.
const MOST_TASKS: usize = 64;
/// The Gram matrix QᵀQ (k x k) of a panel, summed in `f64`, and times a weight ω for the regressions.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedGram<T> {
    pub(super) rank: usize,
    #[cfg(feature = "dense")]
    pub(super) weight: f64,
    /// ω QᵀQ: k rows, of whole cache lines.
    values: Vec<T>,
    /// QᵀQ: k rows, of whole cache lines.
    pub(super) wide: Vec<f64>,
}

impl<T: Scalar> SharedGram<T> {
    /// Of all rows of `regressors`, with the weight ω.
    #[must_use]
    pub fn of(regressors: &Regressors<T>, weight: f64, simd: Simd) -> Self {
        let rank = regressors.rank();
        let wide_stride = rank.div_ceil(line::<f64>()) * line::<f64>();
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        let rows = regressors.rows();
        let of_task = rows.div_ceil(MOST_TASKS).max(LEAST_ROWS);
        let parts: Vec<Vec<f64>> = (0..rows.div_ceil(of_task))
            .into_par_iter()
            .map(|task| {
                let range = task * of_task..rows.min((task + 1) * of_task);
                wide_part(regressors, range, wide_stride, simd)
            })
            .collect();
        let mut wide = vec![0.0; wide_stride * wide_stride];
        for part in &parts {
            wide.iter_mut().zip(part).for_each(|(sum, v)| *sum += v);
        }
        let mut values = vec![T::zero(); stride * stride];
        for i in 0..rank {
            for j in 0..rank {
                // Only the upper triangle is summed.
                let value = wide[i.min(j) * wide_stride + i.max(j)];
                values[i * stride + j] = T::from_f64(weight * value);
            }
        }
        for i in 0..rank {
            for j in 0..i {
                wide[i * wide_stride + j] = wide[j * wide_stride + i];
            }
        }
        Self {
            rank,
            #[cfg(feature = "dense")]
            weight,
            values,
            wide,
        }
    }

    /// The sum of the products of the entries of the two matrices, without their weights: tr(QᵀQ PᵀP), which
    /// is Σ (p·q)² over all pairs of rows of the two panels.
    ///
    /// # Panics
    /// If the ranks differ.
    #[must_use]
    pub fn squared_products(&self, other: &Self) -> f64 {
        assert_eq!(self.rank, other.rank, "ranks of the two panels");
        let stride = self.rank.div_ceil(line::<f64>()) * line::<f64>();
        let rows = self.wide.chunks_exact(stride.max(1));
        rows.zip(other.wide.chunks_exact(stride.max(1)))
            .take(self.rank)
            .map(|(a, b)| dot(&a[..self.rank], &b[..self.rank]))
            .sum()
    }
}

/// The upper triangle of the Gram matrix of some rows.
fn wide_part<T: Scalar>(
    regressors: &Regressors<T>,
    rows: std::ops::Range<usize>,
    stride: usize,
    simd: Simd,
) -> Vec<f64> {
    let rank = regressors.rank();
    let mut gram = vec![0.0; stride * stride];
    let mut panel = Aligned::zeros(ENTRIES.min(rows.len()) * stride);
    for first in rows.clone().step_by(ENTRIES) {
        let some = first..rows.end.min(first + ENTRIES);
        let panel = &mut panel.as_mut_slice()[..some.len() * stride];
        for (slot, row) in panel.chunks_exact_mut(stride).zip(some) {
            let values = regressors.row(row);
            slot[..rank]
                .iter_mut()
                .zip(values)
                .for_each(|(slot, v)| *slot = v.as_f64());
        }
        simd.run(AddGram {
            panel,
            stride,
            matrix: &mut gram,
            first: 0,
            subtract: false,
            simd,
        });
    }
    gram
}

/// The regression of one row: its own entries, and what it shares with all.
#[derive(Debug, Clone, Copy)]
pub struct SharedEntries<'a, T: Scalar> {
    /// The row's entries: w as weights (there must be some), and m in the place of the targets.
    pub own: RegressionEntries<'a, T>,
    /// ω Σ q qᵀ.
    pub gram: &'a SharedGram<T>,
}

impl<T: Scalar> SharedEntries<'_, T> {
    fn check(&self, rank: usize, out: usize) {
        self.own.check(rank, out);
        assert_eq!(self.gram.rank, rank, "rank of the Gram matrix");
        assert!(self.own.weights.is_some(), "weights of the row's entries");
    }
}

impl<T: Scalar> RidgeRegression<T> {
    /// Moves p (in `out`) by rounds of coordinate descent.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn coordinate_descent_shared(
        &mut self,
        entries: SharedEntries<'_, T>,
        lambda: f64,
        sweeps: Sweeps,
        out: &mut [T],
    ) {
        entries.check(self.rank, out.len());
        self.accumulate_shared(entries);
        self.descend(without_constant(lambda), sweeps, out);
    }

    fn accumulate_shared(&mut self, entries: SharedEntries<'_, T>) {
        self.gram
            .as_mut_slice()
            .copy_from_slice(&entries.gram.values);
        self.begin();
        self.add_all(entries.own, true, false);
    }

    /// Σ_e w (q·p)² − 2 m q·p, the part of the sum that a row's own entries have, in `f64`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn own_quadratic(&mut self, entries: SharedEntries<'_, T>, solution: &[T]) -> f64 {
        entries.check(self.rank, solution.len());
        self.work.clear();
        self.work.resize(self.stride, T::zero());
        self.work[..self.rank].copy_from_slice(solution);
        self.simd.run(OwnQuadratic {
            entries: entries.own,
            stride: self.stride,
            vector: &self.work,
        })
    }
}

fn without_constant(lambda: f64) -> Ridge {
    Ridge {
        factors: lambda,
        constant: None,
    }
}

struct OwnQuadratic<'a, T: Scalar> {
    entries: RegressionEntries<'a, T>,
    stride: usize,
    vector: &'a [T],
}

impl<T: Scalar> OwnQuadratic<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) -> f64 {
        let (stride, values) = (self.stride, self.entries.regressors.values());
        let mut sum = 0.0;
        for (e, row) in self.entries.rows.iter().enumerate() {
            let regressor = &values[*row as usize * stride..][..stride];
            let product = product::<FMA, L, T>(regressor, self.vector).as_f64();
            let weight = self.entries.weights.map_or(1.0, |w| w[e].as_f64());
            sum += product * (weight * product - 2.0 * self.entries.targets[e].as_f64());
        }
        sum
    }
}

impl<T: Scalar> Kernel for OwnQuadratic<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}
