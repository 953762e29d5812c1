//! Coordinate descent over listed entries: rows of a non-negative factor against the entries of X
//! that are listed for them.
//!
//! Given the other factor (its rows h_j, k numbers each), every row w of a factor has a problem of
//! its own, over the entries j that are listed for it. With y_j = w·h_j:
//!
//! ```text
//! Kullback-Leibler   a·w + Σ_j [ v_j y_j − c_j ln(y_j + ε) ]                + l₁ Σw + ½ l₂ ‖w‖²
//! squares            ½ wᵀGw − b·w + ½ Σ_j v_j (c_j − y_j)²                  + l₁ Σw + ½ l₂ ‖w‖²
//! ```
//!
//! over 0 <= w <= max, where c_j is the value of an entry and v_j its weight. What is not listed costs
//! nothing but the shared terms: for a sparse X whose absent entries are zero, a is the sum of all
//! h_j and v = 0, so that an iteration costs the stored entries alone; for observed entries, a = 0
//! and v = 1.
//!
//! The h_j that a row needs are gathered once into a tile, transposed: k lines of entries, so that
//! every sum over the entries runs along vector lanes. Several passes over the coordinates share the
//! tile. A row that lists a good part of all j uses one transposed copy of the whole factor instead,
//! so that no tile is larger than a quarter of it.

mod gradient;
mod kullback_leibler;
mod squares;
mod tile;

pub use gradient::{EntryGradients, EntryLoss, entry_gradients};
pub use kullback_leibler::{PoissonUpdate, update_rows_kullback_leibler};
pub use squares::{SharedQuadratic, update_rows_squares};
pub(crate) use tile::{Tile, TransposedPanel};

use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Indices, Scalar, SparseRows};
use rayon::prelude::*;

/// Multiplications of a task: rows are joined until they need this many.
const TASK_WORK: usize = 1 << 19;
/// A row that lists more than one in this many of all j works on the transposed copy.
const DENSE_SHARE: usize = 4;
/// Rows of a dense matrix that are copied out at once: a cache line of them.
const DENSE_ROWS: usize = 16;

/// The weights of the listed entries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EntryWeights<'a, T> {
    /// The same for every entry.
    Uniform(T),
    /// One for each entry, in the order of the entries.
    Each(&'a [T]),
}

impl<T: Scalar> EntryWeights<'_, T> {
    /// The weight of the entry at `position`.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, position: usize) -> T {
        match self {
            EntryWeights::Uniform(weight) => *weight,
            EntryWeights::Each(weights) => weights[position],
        }
    }
}

/// The entries that are listed for one row: equally many columns, values and weights.
#[derive(Debug, Clone, Copy)]
pub struct ListedRow<'a, T> {
    /// Which rows of the other factor they belong to, each at most once.
    pub columns: Indices<'a>,
    /// The values c.
    pub values: &'a [T],
    /// The weights v.
    pub weights: EntryWeights<'a, T>,
}

/// Where the rows' entries come from.
#[derive(Debug, Clone, Copy)]
pub enum EntryRows<'a, T, F> {
    /// Every entry of every row, with one weight.
    Dense(ArrayView2<'a, T>, T),
    /// The rows that a function lists.
    Listed(F),
}

/// The function type of [`EntryRows::Dense`], which has none.
pub type NoRows<'a, T> = fn(usize) -> ListedRow<'a, T>;

/// The stored entries of compressed rows, with the same weight for each.
pub fn stored_rows<'a, T: Scalar>(
    rows: SparseRows<'a, T>,
    weight: T,
) -> impl Fn(usize) -> ListedRow<'a, T> + Sync {
    move |i| {
        let range = rows.row_range(i);
        ListedRow {
            columns: match rows.columns {
                Indices::U32(columns) => Indices::U32(&columns[range.clone()]),
                Indices::Usize(columns) => Indices::Usize(&columns[range.clone()]),
            },
            values: &rows.values[range],
            weights: EntryWeights::Uniform(weight),
        }
    }
}

/// What both losses have in common: penalties, bounds, the coordinates that are visited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EntryUpdate<'a> {
    /// The L1 penalty l₁.
    pub l1: f64,
    /// The L2 penalty l₂.
    pub l2: f64,
    /// What multiplies both penalties in each row; 1 by default.
    pub penalty_scale: Option<&'a [f64]>,
    /// The upper bound of the entries, if there is one.
    pub max: Option<f64>,
    /// The coordinates to visit, in this order. Others stay.
    pub components: &'a [usize],
    /// Passes over the coordinates.
    pub passes: usize,
}

/// What an update of all rows tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EntrySums {
    /// The listed entries' part of the loss after the update: Σ c_j ln(y_j + ε), or
    /// ½ Σ v_j (c_j − y_j)².
    pub loss: f64,
    /// The terms of the Kullback-Leibler loss that are linear in the rows after the update,
    /// a·w + Σ v_j y_j; 0 for squares.
    pub linear: f64,
    /// Σ |change| over the coordinates.
    pub moved: f64,
}

impl EntrySums {
    fn add(self, other: Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            linear: self.linear + other.linear,
            moved: self.moved + other.moved,
        }
    }
}

/// The penalties and the bound of one row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowLimits<T> {
    pub(crate) l1: T,
    pub(crate) l2: T,
    pub(crate) max: T,
}

impl EntryUpdate<'_> {
    fn limits<T: Scalar>(&self, row: usize) -> RowLimits<T> {
        let scale = self.penalty_scale.map_or(1.0, |scale| scale[row]);
        RowLimits {
            l1: T::from_f64(self.l1 * scale),
            l2: T::from_f64(self.l2 * scale),
            max: T::from_f64(self.max.unwrap_or(f64::INFINITY)),
        }
    }

    fn check(&self, rows: usize, k: usize) {
        assert!(
            self.components.iter().all(|t| *t < k),
            "component out of range"
        );
        if let Some(scale) = self.penalty_scale {
            assert_eq!(scale.len(), rows, "one penalty scale for each row");
        }
    }
}

/// Solves one row that is laid out in a tile.
pub(crate) trait RowSolver<T>: Sync {
    /// Whether the loss is linear in y where an entry is zero: such entries need no place in the
    /// tile, and count in `linear` alone, which is not computed otherwise.
    const LINEAR_AT_ZERO: bool;

    /// Improves `w`, the row with this number, on the entries of `tile`; `lines` are its k lines, and
    /// `linear` is Σ v_j h_j over the listed entries.
    fn solve(
        &self,
        row: usize,
        w: &mut [T],
        lines: &[T],
        tile: &mut Tile<T>,
        linear: &[T],
    ) -> EntrySums;
}

/// Runs `solver` over all rows of `factor` on the current pool, in tasks cut by the entries.
pub(crate) fn solve_rows<'a, T: Scalar, F, S: RowSolver<T>>(
    factor: &mut Array2<T>,
    panel: ArrayView2<'_, T>,
    rows: &EntryRows<'a, T, F>,
    solver: &S,
) -> EntrySums
where
    F: Fn(usize) -> ListedRow<'a, T> + Sync,
{
    let (count, k) = factor.dim();
    assert_eq!(panel.ncols(), k, "components of both factors");
    if k == 0 || count == 0 {
        return EntrySums::default();
    }
    let panel = panel.as_standard_layout();
    let slice = panel.as_slice().expect("it is in standard layout");
    let factor = factor
        .as_slice_mut()
        .expect("the factor is in row-major order");
    let sums: Vec<EntrySums> = match rows {
        EntryRows::Dense(x, weight) => {
            assert_eq!(x.dim(), (count, panel.nrows()), "shape of the matrix");
            let whole = TransposedPanel::new(slice, k);
            let linear = whole.weighted_sums(*weight);
            factor
                .par_chunks_mut(DENSE_ROWS * k)
                .enumerate()
                .map(|(task, factor)| {
                    let first = task * DENSE_ROWS;
                    let many = factor.len() / k;
                    let mut block = vec![T::zero(); many * x.ncols()];
                    copy_rows(x, first, many, &mut block);
                    let mut tile = Tile::default();
                    let mut sums = EntrySums::default();
                    for (i, w) in factor.chunks_exact_mut(k).enumerate() {
                        let values = &block[i * x.ncols()..(i + 1) * x.ncols()];
                        tile.take_all(values, *weight, whole.stride);
                        let solved = solver.solve(first + i, w, &whole.lines, &mut tile, &linear);
                        sums = sums.add(solved);
                    }
                    sums
                })
                .collect()
        }
        EntryRows::Listed(list) => {
            let limit = panel.nrows() / DENSE_SHARE;
            let lengths: Vec<usize> = (0..count).map(|i| list(i).values.len()).collect();
            let whole = lengths
                .iter()
                .any(|length| *length > limit)
                .then(|| TransposedPanel::new(slice, k));
            let mut tasks = Vec::new();
            let mut rest = factor;
            for range in cut(&lengths, k) {
                let (chunk, after) = rest.split_at_mut(range.len() * k);
                rest = after;
                tasks.push((range, chunk));
            }
            let whole = whole.as_ref();
            tasks
                .into_par_iter()
                .map(|(range, factor)| {
                    let mut tile = Tile::default();
                    let mut linear = vec![T::zero(); k];
                    let mut sums = EntrySums::default();
                    for (row, w) in range.zip(factor.chunks_exact_mut(k)) {
                        let listed = list(row);
                        if S::LINEAR_AT_ZERO {
                            Tile::sum_panel(&listed, slice, &mut linear);
                        }
                        let solved = match whole.filter(|_| listed.values.len() > limit) {
                            Some(whole) => {
                                tile.scatter(&listed, panel.nrows(), whole.stride);
                                solver.solve(row, w, &whole.lines, &mut tile, &linear)
                            }
                            None => {
                                let mut lines = std::mem::take(&mut tile.lines);
                                let zeros = !S::LINEAR_AT_ZERO;
                                tile.gather(&listed, slice, k, &mut lines, zeros);
                                let solved = solver.solve(row, w, &lines, &mut tile, &linear);
                                tile.lines = lines;
                                solved
                            }
                        };
                        sums = sums.add(solved);
                    }
                    sums
                })
                .collect()
        }
    };
    sums.into_iter().fold(EntrySums::default(), EntrySums::add)
}

/// Copies rows of any layout into a row-major block, in the order that reads whole cache lines of
/// either layout.
fn copy_rows<T: Scalar>(x: &ArrayView2<'_, T>, first: usize, many: usize, block: &mut [T]) {
    let columns = x.ncols();
    if x.strides()[1] == 1 {
        for i in 0..many {
            let line = &mut block[i * columns..(i + 1) * columns];
            for (slot, value) in line.iter_mut().zip(x.row(first + i)) {
                *slot = *value;
            }
        }
    } else {
        for j in 0..columns {
            for i in 0..many {
                block[i * columns + j] = x[[first + i, j]];
            }
        }
    }
}

/// Joins rows to tasks of about [`TASK_WORK`] multiplications, whatever the number of threads.
fn cut(lengths: &[usize], k: usize) -> Vec<std::ops::Range<usize>> {
    let mut tasks = Vec::new();
    let (mut start, mut work) = (0, 0);
    for (row, length) in lengths.iter().enumerate() {
        work += (length + 1) * k;
        if work >= TASK_WORK || row + 1 == lengths.len() {
            tasks.push(start..row + 1);
            (start, work) = (row + 1, 0);
        }
    }
    tasks
}

#[cfg(test)]
mod tests;
