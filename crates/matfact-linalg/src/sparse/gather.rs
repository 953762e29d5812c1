//! Gathering: each output row is the sum of the panel rows that its entries name.
//!
//! The sums of one output row are kept in registers, and rows of A are cut into tasks of about equally many
//! entries.

use super::aligned::LINE_BYTES;
use super::{Aligned, Index, PARALLEL_FROM, line};
use crate::Simd;
use crate::simd::{Kernel, multiply_add, prefetch};
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{Scalar, SparseRows};
use rayon::prelude::*;

/// Entries that the prefetch runs ahead of the sums, across the ends of rows: from the third cache.
const GATHER_AHEAD: usize = 32;
/// Bytes of a panel from which its rows are fetched ahead: out of a nearer cache they come soon enough by
/// themselves.
pub(super) const FETCHED_FROM: usize = 6 << 20;
/// Tasks per thread, so that uneven ones even out.
const TASKS_PER_THREAD: usize = 8;

/// One cut of the rows of A with the output rows that belong to it.
struct RowTask<'a, T, I> {
    pointers: &'a [usize],
    base: usize,
    columns: &'a [I],
    values: &'a [T],
    /// The padded panel: `stride` scalars a row.
    panel: &'a [T],
    stride: usize,
    out: &'a mut [T],
    /// Columns of the output (`k`).
    width: usize,
    /// The columns of the output that these are.
    slab: std::ops::Range<usize>,
}

/// Sums `W` columns of one output row in registers, from column `offset` on; `later` are the columns of
/// the entries to be fetched meanwhile.
#[inline(always)]
fn sum_row<const FMA: bool, const FETCH: bool, const W: usize, T: Scalar, I: Index>(
    columns: &[I],
    later: &[I],
    values: &[T],
    panel: &[T],
    stride: usize,
    offset: usize,
    sums: &mut [T; W],
) {
    for (position, (column, value)) in columns.iter().zip(values).enumerate() {
        if FETCH && let Some(later) = later.get(position) {
            for first in (0..W).step_by(line::<T>()) {
                prefetch(panel, later.get() * stride + offset + first);
            }
        }
        let start = column.get() * stride + offset;
        let row = &panel[start..start + W];
        for lane in 0..W {
            sums[lane] = multiply_add::<FMA, T>(*value, row[lane], sums[lane]);
        }
    }
}

/// Writes the sums of all output rows of a task, as many columns at once as it says, largest first.
macro_rules! rows_by {
    ($name:ident: $($width:literal)+) => {
        #[inline(always)]
        fn $name<const FMA: bool, const FETCH: bool>(self) {
            for (i, out) in self.out.chunks_exact_mut(self.width).enumerate() {
                let range = self.pointers[i] - self.base..self.pointers[i + 1] - self.base;
                let later = self.columns.get(range.start + GATHER_AHEAD..);
                let later = later.unwrap_or_default();
                let (columns, values) = (&self.columns[range.clone()], &self.values[range]);
                let mut done = 0;
                $(while self.stride - done >= $width {
                    let mut sums = [T::zero(); $width];
                    sum_row::<FMA, FETCH, $width, T, I>(
                        columns,
                        later,
                        values,
                        self.panel,
                        self.stride,
                        done,
                        &mut sums,
                    );
                    let out = &mut out[self.slab.start + done..self.slab.end];
                    let width = sums.len().min(out.len());
                    out[..width].copy_from_slice(&sums[..width]);
                    done += $width;
                })+
            }
        }
    };
}

impl<T: Scalar, I: Index> RowTask<'_, T, I> {
    rows_by!(rows_by_16: 128 64 48 32 16);
    rows_by!(rows_by_8: 64 32 24 16 8);
}

impl<T: Scalar, I: Index> Kernel for RowTask<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match (line::<T>(), size_of_val(self.panel) >= FETCHED_FROM) {
            (16, false) => self.rows_by_16::<FMA, false>(),
            (16, true) => self.rows_by_16::<FMA, true>(),
            (_, false) => self.rows_by_8::<FMA, false>(),
            (_, true) => self.rows_by_8::<FMA, true>(),
        }
    }
}

pub(super) fn multiply_rows<T: Scalar, I: Index>(
    a: &SparseRows<'_, T>,
    columns: &[I],
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    let width = right.ncols();
    if width == 0 || a.shape.0 == 0 {
        return;
    }
    let Some(slots) = out.as_slice_mut() else {
        let mut buffer = matfact_core::ndarray::Array2::default(out.dim());
        multiply_rows(a, columns, right, buffer.view_mut(), simd);
        out.assign(&buffer);
        return;
    };
    for slab in slabs(right.nrows(), width, line::<T>()) {
        let stride = slab.len().div_ceil(line::<T>()) * line::<T>();
        let (_, columns_on) = right.split_at(Axis(1), slab.start);
        let (mine, _) = columns_on.split_at(Axis(1), slab.len());
        let panel = Aligned::padded(mine, stride);
        multiply_slab(
            a,
            columns,
            (panel.as_slice(), stride),
            slots,
            (width, slab),
            simd,
        );
    }
}

/// `A · panel` into the columns `slab` of `out`, of which each row has `width`.
pub(super) fn multiply_slab<T: Scalar, I: Index>(
    a: &SparseRows<'_, T>,
    columns: &[I],
    (panel, stride): (&[T], usize),
    out: &mut [T],
    (width, slab): (usize, std::ops::Range<usize>),
    simd: Simd,
) {
    let mut tasks = Vec::new();
    let mut rest = out;
    for rows in balanced_rows(a, task_count(a.values.len() * width)) {
        let (chunk, after) = rest.split_at_mut(rows.len() * width);
        rest = after;
        tasks.push(RowTask {
            pointers: &a.pointers[rows.start..=rows.end],
            base: a.pointers[0],
            columns,
            values: a.values,
            panel,
            stride,
            out: chunk,
            width,
            slab: slab.clone(),
        });
    }
    tasks.into_par_iter().for_each(|task| simd.run(task));
}

/// The columns of a panel of `rows` x `width` that are gathered from at once: all of them, where they are
/// near; else so many whole cache lines of each row as stay nearer. Entries are read again for each, which
/// costs less than panel rows that come from far.
pub(super) fn slabs(rows: usize, width: usize, line: usize) -> Vec<std::ops::Range<usize>> {
    let line_bytes = rows * LINE_BYTES;
    let lines = width.div_ceil(line);
    let at_once = if lines * line_bytes <= FETCHED_FROM {
        lines
    } else {
        (FETCHED_FROM / line_bytes).max(1)
    };
    let starts = (0..lines).step_by(at_once);
    starts
        .map(|first| first * line..width.min((first + at_once) * line))
        .collect()
}

fn task_count(multiplications: usize) -> usize {
    if multiplications < PARALLEL_FROM {
        1
    } else {
        TASKS_PER_THREAD * rayon::current_num_threads()
    }
}

/// Cuts the rows into at most `parts` ranges with about equally many entries.
fn balanced_rows<T>(a: &SparseRows<'_, T>, parts: usize) -> Vec<std::ops::Range<usize>> {
    let (rows, base) = (a.shape.0, a.pointers[0]);
    let entries = a.pointers[rows] - base;
    let mut ranges = Vec::with_capacity(parts);
    let mut start = 0;
    for part in 1..=parts {
        let target = base + (entries as u128 * part as u128 / parts as u128) as usize;
        let end = if part == parts {
            rows
        } else {
            a.pointers
                .partition_point(|pointer| *pointer <= target)
                .saturating_sub(1)
                .max(start)
        };
        if end > start {
            ranges.push(start..end);
            start = end;
        }
    }
    ranges
}
