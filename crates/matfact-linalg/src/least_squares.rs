//! Ridge regressions on rows of a panel, as alternating least squares solves one for each row of ratings.
//!
//! For entries e with regressors q_e (rows of a panel, of k numbers), targets t_e and weights w_e, and a
//! constant beside the regressors,
//!
//! ```text
//! min over p, b:  Σ_e w_e (t_e − q_e·p − b)² + λ ‖p‖² + λ_b b²
//! ```
//!
//! by the normal equations: G = Σ w q qᵀ over gathered rows, a cache line of columns and eight rows of sums
//! in registers; G + λI = UᵀU; and b by elimination, so that k stays a whole number of cache lines. From a
//! start, also by conjugate gradients, which never form G, and by coordinate descent on the equations, which
//! can keep p from falling below 0.

mod conjugate_gradients;
mod coordinate_descent;
mod errors;
mod gather;
mod shared;

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;

use gather::Gather;

pub use coordinate_descent::Sweeps;
pub use shared::{SharedEntries, SharedGram};

/// Entries that are gathered and summed at once: sums of more are added up from such parts.
const ENTRIES: usize = 256;
/// How many entries ahead their regressors are asked for.
const AHEAD: usize = 12;
/// Rows of the Gram matrix whose sums are in registers at once.
const SUMS: usize = 8;
/// Sums that a substitution keeps apart, so that none waits for another.
const PARTIAL_SUMS: usize = 8;

/// The regressors: a panel of rows of k numbers, each filled up with zeros to whole cache lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressors<T> {
    values: Vec<T>,
    rank: usize,
    stride: usize,
}

impl<T: Scalar> Regressors<T> {
    /// `rows` rows of `rank` zeros.
    #[must_use]
    pub fn zeros(rows: usize, rank: usize) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        Self {
            values: vec![T::zero(); rows * stride],
            rank,
            stride,
        }
    }

    /// The length k of a row.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.stride).unwrap_or(0)
    }

    /// One row, of k numbers.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.stride..][..self.rank]
    }

    /// All rows, each of k numbers, to be written.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let rank = self.rank;
        let rows = self.values.chunks_exact_mut(self.stride.max(1));
        rows.map(move |row| &mut row[..rank])
    }
}

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
pub struct RidgeRegression<T> {
    rank: usize,
    stride: usize,
    /// The upper triangle of G, then U.
    gram: Vec<T>,
    /// Σ w t q, Σ w q, Σ w t, Σ w.
    moments: Vec<T>,
    totals: Vec<T>,
    target: f64,
    weight: f64,
    gathered: Vec<T>,
    weighted: Vec<T>,
    /// Vectors of `stride` numbers that the iterative solutions work with.
    work: Vec<T>,
    simd: Simd,
}

/// The entries of one regression: which rows of the panel they have, and what they should come to.
#[derive(Debug, Clone, Copy)]
pub struct RegressionEntries<'a, T> {
    /// The panel.
    pub regressors: &'a Regressors<T>,
    /// A row of the panel for each entry.
    pub rows: &'a [u32],
    /// t, one for each entry.
    pub targets: &'a [T],
    /// w, one for each entry; 1 where there are none.
    pub weights: Option<&'a [T]>,
}

impl<T: Scalar> RegressionEntries<'_, T> {
    fn check(&self, rank: usize, out: usize) {
        assert_eq!(self.regressors.rank, rank, "length of the regressors");
        assert_eq!(self.rows.len(), self.targets.len(), "number of targets");
        assert_eq!(out, rank, "length of the result");
    }
}

impl<T: Scalar> RidgeRegression<T> {
    /// For regressors of `rank` numbers.
    #[must_use]
    pub fn new(rank: usize, simd: Simd) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        let zeros = |count: usize| vec![T::zero(); count];
        Self {
            rank,
            stride,
            gram: zeros(stride * stride),
            moments: zeros(stride),
            totals: zeros(stride),
            target: 0.0,
            weight: 0.0,
            gathered: zeros(ENTRIES * stride),
            weighted: Vec::new(),
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
        let RegressionEntries {
            regressors,
            rows,
            targets,
            weights,
        } = entries;
        self.gram.fill(T::zero());
        self.begin();
        for start in (0..rows.len()).step_by(ENTRIES) {
            let end = rows.len().min(start + ENTRIES);
            let weights = weights.map(|weights| &weights[start..end]);
            self.add(
                regressors,
                &rows[start..end],
                &targets[start..end],
                weights,
                false,
            );
        }
    }

    /// Sums of nothing, but for G.
    fn begin(&mut self) {
        self.moments.fill(T::zero());
        self.totals.fill(T::zero());
        (self.target, self.weight) = (0.0, 0.0);
    }

    /// Adds entries; targets that are `weighed` have their weights in them already.
    fn add(
        &mut self,
        regressors: &Regressors<T>,
        rows: &[u32],
        targets: &[T],
        weights: Option<&[T]>,
        weighed: bool,
    ) {
        let stride = self.stride;
        let gathered = &mut self.gathered[..rows.len() * stride];
        self.simd.run(Gather {
            values: &regressors.values,
            rows,
            stride,
            out: gathered,
        });
        let weighted = match weights {
            None => {
                self.weight += rows.len() as f64;
                self.target += targets.iter().map(|t| t.as_f64()).sum::<f64>();
                &*gathered
            }
            Some(weights) => {
                self.weighted.clear();
                let scaled = gathered.chunks_exact(stride).zip(weights);
                let scaled = scaled.flat_map(|(row, weight)| row.iter().map(|v| *v * *weight));
                self.weighted.extend(scaled);
                self.weight += weights.iter().map(|w| w.as_f64()).sum::<f64>();
                let pairs = weights.iter().zip(targets);
                self.target += pairs.map(|(w, t)| w.as_f64() * t.as_f64()).sum::<f64>();
                &self.weighted[..]
            }
        };
        self.simd.run(Sums {
            gathered,
            weighted,
            aimed: if weighed { gathered } else { weighted },
            targets,
            stride,
            gram: &mut self.gram,
            moments: &mut self.moments,
            totals: &mut self.totals,
        });
    }

    fn finish(&mut self, ridge: Ridge, out: &mut [T]) -> T {
        let (stride, rank) = (self.stride, self.rank);
        for j in 0..rank {
            let diagonal = &mut self.gram[j * stride + j];
            *diagonal = T::from_f64(diagonal.as_f64() + ridge.factors);
        }
        self.simd.run(Factor {
            matrix: &mut self.gram,
            rank,
            stride,
        });
        let constant = ridge.constant.map(|penalty| (penalty, self.totals.clone()));
        self.simd.run(Substitute {
            triangle: &self.gram,
            rank,
            stride,
            values: &mut self.moments,
        });
        let mut bias = 0.0;
        if let Some((penalty, totals)) = constant {
            self.simd.run(Substitute {
                triangle: &self.gram,
                rank,
                stride,
                values: &mut self.totals,
            });
            let product = |a: &[T], b: &[T]| -> f64 {
                a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
            };
            let rest = self.target - product(&totals, &self.moments);
            let curvature = self.weight + penalty - product(&totals, &self.totals);
            // What is left of the constant may be rounding alone.
            if curvature > 1e-6 * (self.weight + penalty) {
                bias = rest / curvature;
            }
        }
        for ((out, moment), total) in out.iter_mut().zip(&self.moments).zip(&self.totals) {
            *out = T::from_f64(moment.as_f64() - bias * total.as_f64() * f64::from(bias != 0.0));
        }
        T::from_f64(bias)
    }
}

/// Adds the sums over gathered rows.
struct Sums<'a, T> {
    gathered: &'a [T],
    /// The same, times the weights.
    weighted: &'a [T],
    /// Which of the two the targets are multiplied with.
    aimed: &'a [T],
    targets: &'a [T],
    stride: usize,
    gram: &'a mut [T],
    moments: &'a mut [T],
    totals: &'a mut [T],
}

impl<T: Scalar> Sums<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let stride = self.stride;
        for first in (0..stride).step_by(SUMS) {
            for columns in (first / L * L..stride).step_by(L) {
                let mut sums = [[T::zero(); L]; SUMS];
                sum_products::<FMA, L, T>(
                    self.weighted,
                    self.gathered,
                    (stride, first, columns),
                    &mut sums,
                );
                for (row, sums) in sums.iter().enumerate() {
                    let start = (first + row) * stride + columns;
                    let out = &mut self.gram[start..start + L];
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out += *sum);
                }
            }
        }
        for columns in (0..stride).step_by(L) {
            let (mut moments, mut totals) = ([T::zero(); L], [T::zero(); L]);
            let rows = self.weighted.chunks_exact(stride);
            let rows = rows.zip(self.aimed.chunks_exact(stride));
            for ((row, aimed), target) in rows.zip(self.targets) {
                let (row, aimed) = (&row[columns..columns + L], &aimed[columns..columns + L]);
                for lane in 0..L {
                    moments[lane] = multiply_add::<FMA, T>(*target, aimed[lane], moments[lane]);
                    totals[lane] += row[lane];
                }
            }
            let out = &mut self.moments[columns..columns + L];
            out.iter_mut().zip(moments).for_each(|(out, v)| *out += v);
            let out = &mut self.totals[columns..columns + L];
            out.iter_mut().zip(totals).for_each(|(out, v)| *out += v);
        }
    }
}

/// The products of the numbers `first..first + SUMS` of each left row with those from `columns` on of its
/// right row, summed.
#[inline(always)]
fn sum_products<const FMA: bool, const L: usize, T: Scalar>(
    left: &[T],
    right: &[T],
    (stride, first, columns): (usize, usize, usize),
    out: &mut [[T; L]; SUMS],
) {
    let mut sums = *out;
    for (a, b) in left.chunks_exact(stride).zip(right.chunks_exact(stride)) {
        let (a, b) = (&a[first..first + SUMS], &b[columns..columns + L]);
        for r in 0..SUMS {
            for lane in 0..L {
                sums[r][lane] = multiply_add::<FMA, T>(a[r], b[lane], sums[r][lane]);
            }
        }
    }
    *out = sums;
}

impl<T: Scalar> Kernel for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}

/// A = UᵀU in place of the upper triangle of A. A pivot that is lost in rounding makes its row zero.
struct Factor<'a, T> {
    matrix: &'a mut [T],
    rank: usize,
    stride: usize,
}

impl<T: Scalar> Kernel for Factor<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self {
            matrix,
            rank,
            stride,
        } = self;
        let largest = (0..rank).map(|j| matrix[j * stride + j].as_f64());
        let largest = largest.fold(0.0, f64::max);
        let least = largest * rank as f64 * T::epsilon().as_f64();
        for j in 0..rank {
            let (above, below) = matrix.split_at_mut((j + 1) * stride);
            let row = &mut above[j * stride..];
            let pivot = row[j].as_f64();
            if pivot.is_nan() || pivot <= least {
                row.fill(T::zero());
                continue;
            }
            let inverse = T::from_f64(1.0 / pivot.sqrt());
            for value in &mut row[j..] {
                *value *= inverse;
            }
            for (i, other) in (j + 1..rank).zip(below.chunks_exact_mut(stride)) {
                let factor = -row[i];
                // From a whole group of lanes on; what lies before the diagonal is not read.
                let from = i / 8 * 8;
                for (value, u) in other[from..].iter_mut().zip(&row[from..]) {
                    *value = multiply_add::<FMA, T>(factor, *u, *value);
                }
            }
        }
    }
}

/// The solution of UᵀU x = values, in their place; 0 where a row of U is zero.
struct Substitute<'a, T> {
    triangle: &'a [T],
    rank: usize,
    stride: usize,
    values: &'a mut [T],
}

impl<T: Scalar> Kernel for Substitute<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self {
            triangle,
            rank,
            stride,
            values,
        } = self;
        for j in 0..rank {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let solved = values[j] / row[j];
            values[j] = solved;
            for (value, u) in values[j + 1..rank].iter_mut().zip(&row[j + 1..]) {
                *value = multiply_add::<FMA, T>(-solved, *u, *value);
            }
        }
        for j in (0..rank).rev() {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let (known, triangle) = (&values[j + 1..rank], &row[j + 1..]);
            let mut sums = [T::zero(); PARTIAL_SUMS];
            let (groups, rest) = known.as_chunks::<PARTIAL_SUMS>();
            let (of_row, row_rest) = triangle.as_chunks::<PARTIAL_SUMS>();
            for (values, row) in groups.iter().zip(of_row) {
                for lane in 0..PARTIAL_SUMS {
                    sums[lane] = multiply_add::<FMA, T>(values[lane], row[lane], sums[lane]);
                }
            }
            let mut sum = T::zero();
            for (value, u) in rest.iter().zip(row_rest) {
                sum = multiply_add::<FMA, T>(*value, *u, sum);
            }
            for partial in sums {
                sum += partial;
            }
            values[j] = (values[j] - sum) / row[j];
        }
    }
}

#[cfg(test)]
mod tests;
