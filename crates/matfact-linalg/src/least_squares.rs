//! Ridge regressions on rows of a panel, as alternating least squares solves one for each row of ratings.
//!
//! For entries e with regressors q_e (rows of a panel, of k numbers), targets t_e and weights w_e, and a
//! constant beside the regressors,
//!
//! ```text
//! min over p, b:  Σ_e w_e (t_e − q_e·p − b)² + λ ‖p‖² + λ_b b²
//! ```
//!
//! by the normal equations: G = Σ w q qᵀ over gathered rows, each times √|w|, by tiles of sums in registers; G + λI = UᵀU; and b by elimination, so that k stays a whole number of cache lines. From a
//! start, also by conjugate gradients, which never form G, and by coordinate descent on the equations, which
//! can keep p from falling below 0.

/// Makes a kernel of what has `lines`, plain loops over cache lines, and `wide`, the same in registers of AVX-512.
macro_rules! in_lines_or_registers {
    ($kernel:ident -> $output:ty) => {
        impl<T: Scalar> Kernel for $kernel<'_, T> {
            type Output = $output;

            #[inline(always)]
            fn run<const FMA: bool>(self) -> $output {
                match line::<T>() {
                    16 => self.lines::<FMA, 16>(),
                    _ => self.lines::<FMA, 8>(),
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[inline(always)]
            unsafe fn run_avx512(self) -> $output {
                use std::arch::x86_64::{__m512, __m512d};
                // SAFETY: the caller has AVX-512, and a line is a register of numbers of this type.
                match line::<T>() {
                    16 => unsafe { self.wide::<__m512>() },
                    _ => unsafe { self.wide::<__m512d>() },
                }
            }
        }
    };
}

mod cholesky;
mod conjugate_gradients;
mod coordinate_descent;
mod descent;
mod errors;
#[cfg(feature = "dense")]
mod few_entries;
mod gather;
mod gram;
#[cfg(feature = "dense")]
mod principal;
#[cfg(feature = "dense")]
mod principal_blocks;
mod pull;
mod regressors;
mod shared;
#[cfg(feature = "dense")]
mod weightless;
#[cfg(target_arch = "x86_64")]
mod wide_cholesky;
#[cfg(target_arch = "x86_64")]
mod wide_gather;
#[cfg(target_arch = "x86_64")]
mod wide_pull;

use crate::Simd;
use crate::sparse::{Aligned, line};
use matfact_core::Scalar;

use cholesky::{Factor, Substitute};
use gather::{GatherScaled, Listed};
use gram::AddGram;

pub use coordinate_descent::Sweeps;
#[cfg(feature = "dense")]
pub use principal::{PrincipalEntries, PrincipalRegressors};
#[cfg(feature = "dense")]
pub use principal_blocks::{PrincipalBlockEntries, PrincipalBlocks};
pub use regressors::Regressors;
pub use shared::{SharedEntries, SharedGram};

/// The most entries that are gathered and summed at once: sums of more are added up from such parts.
const ENTRIES: usize = 256;
/// The fewest.
const LEAST_ENTRIES: usize = 32;
/// Bytes of them, where there may be fewer: they stay in the second cache, beside the sums. (In the first there would be
/// so few that adding to the sums would take a fifth of the time.)
const GATHERED_BYTES: usize = 96 << 10;
/// Bytes of a row's regressors that are kept side by side, for all the products with them.
const KEPT_BYTES: usize = 1 << 22;
/// Sums that a substitution keeps apart, so that none waits for another.
const PARTIAL_SUMS: usize = 8;

/// What one regression minimizes beside the errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    /// λ.
    pub factors: f64,
    /// λ_b; `None` leaves the constant out.
    pub constant: Option<f64>,
}

/// The normal equations of one regression after the other, in memory that is used again.
#[derive(Debug)]
pub struct RidgeRegression<T: Scalar> {
    rank: usize,
    stride: usize,
    /// The upper triangle of G, then U.
    gram: Aligned<T>,
    /// Σ w t q, Σ w q, Σ w t, Σ w.
    moments: Aligned<T>,
    totals: Aligned<T>,
    target: f64,
    weight: f64,
    /// Entries that are gathered at once, and they.
    entries: usize,
    gathered: Aligned<T>,
    /// √|w| of gathered entries, and what their regressors are summed with.
    scales: Vec<T>,
    aims: Vec<T>,
    /// Regressors of a row that are kept for several passes, and the vectors of these.
    kept: Aligned<T>,
    vectors: Aligned<T>,
    /// The sum over entries that have no weight, and the others apart from them.
    pulled: Aligned<T>,
    #[cfg(feature = "dense")]
    parted: weightless::Parted<T>,
    /// Vectors of `stride` numbers that the iterative solutions work with.
    work: Vec<T>,
    simd: Simd,
}

/// The entries of one regression: which rows of the panel they have, and what they should come to.
#[derive(Debug, Clone, Copy)]
pub struct RegressionEntries<'a, T: Scalar> {
    /// The panel.
    pub regressors: &'a Regressors<T>,
    /// A row of the panel for each entry.
    pub rows: &'a [u32],
    /// t, one for each entry.
    pub targets: &'a [T],
    /// w, one for each entry; 1 where there are none.
    pub weights: Option<&'a [T]>,
    /// Rows of the panel that the next regression will need, so that memory can be asked for them; there may be none.
    pub next: &'a [u32],
}

impl<'a, T: Scalar> RegressionEntries<'a, T> {
    fn listed(&self) -> Listed<'a, T> {
        let panel = (self.regressors.values(), self.regressors.stride());
        Listed::new(panel, self.rows, self.next)
    }

    fn check(&self, rank: usize, out: usize) {
        assert_eq!(self.regressors.rank(), rank, "length of the regressors");
        assert_eq!(self.rows.len(), self.targets.len(), "number of targets");
        assert_eq!(out, rank, "length of the result");
    }
}

impl<T: Scalar> RidgeRegression<T> {
    /// For regressors of `rank` numbers.
    #[must_use]
    pub fn new(rank: usize, simd: Simd) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        let fitting = GATHERED_BYTES / (stride * size_of::<T>()).max(1);
        let entries = fitting.clamp(LEAST_ENTRIES, ENTRIES);
        Self {
            rank,
            stride,
            gram: Aligned::zeros(stride * stride),
            moments: Aligned::zeros(stride),
            totals: Aligned::zeros(stride),
            target: 0.0,
            weight: 0.0,
            entries,
            gathered: Aligned::zeros(entries * stride),
            scales: Vec::new(),
            aims: Vec::new(),
            kept: Aligned::zeros(0),
            vectors: Aligned::zeros(4 * stride),
            pulled: Aligned::zeros(stride),
            #[cfg(feature = "dense")]
            parted: weightless::Parted::default(),
            work: Vec::new(),
            simd,
        }
    }

    /// The p (into `out`) and the b that minimize the sum for entries with the regressors `rows`; where
    /// nothing determines a number of p, it is 0.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn solve(&mut self, entries: RegressionEntries<'_, T>, ridge: Ridge, out: &mut [T]) -> T {
        entries.check(self.rank, out.len());
        self.accumulate(entries);
        self.finish(ridge, out)
    }

    /// The sums of the normal equations.
    fn accumulate(&mut self, entries: RegressionEntries<'_, T>) {
        self.gram.as_mut_slice().fill(T::zero());
        self.begin();
        self.add_all(entries, false, true);
    }

    /// The weights of entries as scales, 1 where there are none, and what they aim at: w t.
    fn weigh(&mut self, entries: RegressionEntries<'_, T>) {
        self.scales.clear();
        self.aims.clear();
        match entries.weights {
            None => {
                self.scales.resize(entries.rows.len(), T::one());
                self.aims.extend_from_slice(entries.targets);
            }
            Some(weights) => {
                self.scales.extend_from_slice(weights);
                let pairs = weights.iter().zip(entries.targets);
                self.aims.extend(pairs.map(|(w, t)| *w * *t));
            }
        }
    }

    /// Sums of nothing, but for G.
    fn begin(&mut self) {
        self.moments.as_mut_slice().fill(T::zero());
        self.totals.as_mut_slice().fill(T::zero());
        (self.target, self.weight) = (0.0, 0.0);
    }

    /// Adds entries; targets that are `weighed` have their weights in them already. What a constant needs is
    /// summed if `constant`.
    fn add_all(&mut self, entries: RegressionEntries<'_, T>, weighed: bool, constant: bool) {
        for start in (0..entries.rows.len()).step_by(self.entries) {
            let end = entries.rows.len().min(start + self.entries);
            let rest = &entries.rows[end..];
            let part = RegressionEntries {
                regressors: entries.regressors,
                rows: &entries.rows[start..end],
                targets: &entries.targets[start..end],
                weights: entries.weights.map(|weights| &weights[start..end]),
                next: if rest.is_empty() { entries.next } else { rest },
            };
            self.add(part, weighed, constant);
        }
    }

    fn add(&mut self, entries: RegressionEntries<'_, T>, weighed: bool, constant: bool) {
        let count = entries.rows.len();
        self.scales.clear();
        self.aims.clear();
        let mut below = false;
        match entries.weights {
            None => {
                self.scales.resize(count, T::one());
                self.aims.extend_from_slice(entries.targets);
            }
            Some(weights) => {
                below = weights.iter().any(|w| *w < T::zero());
                let roots = weights.iter().map(|w| w.max(T::zero()).sqrt());
                self.scales.extend(roots);
                let pairs = weights.iter().zip(entries.targets);
                let aims = pairs.map(|(w, t)| if weighed { *t } else { *w * *t });
                self.aims.extend(aims);
            }
        }
        if constant {
            let weights = entries.weights;
            self.target += self.aims.iter().map(|t| t.as_f64()).sum::<f64>();
            self.weight += match weights {
                None => count as f64,
                Some(weights) => weights.iter().map(|w| w.as_f64()).sum::<f64>(),
            };
        }
        self.add_gram(entries, constant, false);
        if let (true, Some(weights)) = (below, entries.weights) {
            // What weights below 0 take away, by itself: a root has no sign.
            self.scales.clear();
            let roots = weights.iter().map(|w| (-*w).max(T::zero()).sqrt());
            self.scales.extend(roots);
            self.aims.fill(T::zero());
            self.add_gram(entries, false, true);
        }
    }

    /// Gathers the entries, sums their moments, and adds their part of G or takes it away.
    fn add_gram(&mut self, entries: RegressionEntries<'_, T>, constant: bool, subtract: bool) {
        let stride = self.stride;
        let gathered = &mut self.gathered.as_mut_slice()[..entries.rows.len() * stride];
        // Without weights every scale is 1.
        let weights = entries.weights.unwrap_or(&self.scales);
        self.simd.run(GatherScaled {
            rows: entries.listed(),
            scales: &self.scales,
            aims: &self.aims,
            weights,
            out: &mut *gathered,
            moments: self.moments.as_mut_slice(),
            totals: constant.then_some(self.totals.as_mut_slice()),
        });
        self.simd.run(AddGram {
            panel: gathered,
            stride,
            matrix: self.gram.as_mut_slice(),
            first: 0,
            subtract,
            simd: self.simd,
        });
    }

    fn finish(&mut self, ridge: Ridge, out: &mut [T]) -> T {
        let (stride, rank) = (self.stride, self.rank);
        let matrix = self.gram.as_mut_slice();
        for j in 0..rank {
            let diagonal = &mut matrix[j * stride + j];
            *diagonal = T::from_f64(diagonal.as_f64() + ridge.factors);
        }
        self.simd.run(Factor {
            matrix: &mut *matrix,
            stride,
            simd: self.simd,
        });
        let constant = ridge.constant.map(|penalty| (penalty, self.totals.clone()));
        self.simd.run(Substitute {
            triangle: matrix,
            rank,
            stride,
            values: self.moments.as_mut_slice(),
        });
        let mut bias = 0.0;
        if let Some((penalty, totals)) = constant {
            self.simd.run(Substitute {
                triangle: matrix,
                rank,
                stride,
                values: self.totals.as_mut_slice(),
            });
            let product = |a: &[T], b: &[T]| -> f64 {
                a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
            };
            let rest = self.target - product(totals.as_slice(), self.moments.as_slice());
            let curvature =
                self.weight + penalty - product(totals.as_slice(), self.totals.as_slice());
            // What is left of the constant may be rounding alone.
            if curvature > 1e-6 * (self.weight + penalty) {
                bias = rest / curvature;
            }
        }
        for ((out, moment), total) in out
            .iter_mut()
            .zip(self.moments.as_slice())
            .zip(self.totals.as_slice())
        {
            *out = T::from_f64(moment.as_f64() - bias * total.as_f64() * f64::from(bias != 0.0));
        }
        T::from_f64(bias)
    }
}

#[cfg(all(test, feature = "dense"))]
mod principal_tests;
#[cfg(all(test, feature = "dense"))]
mod pull_tests;
#[cfg(test)]
mod tests;
