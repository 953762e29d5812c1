//! The stored entries of a sparse matrix: each y is the product of one row of either factor, and is
//! dropped when the task of its row is done.

use super::elements::{Elements, Sums};
use crate::Simd;
use crate::simd::{Kernel, multiply_add, prefetch};
use crate::sparse::{Aligned, Index, line};
use matfact_core::ndarray::{Array2, ArrayView2, Axis, Slice};
use matfact_core::{Indices, Scalar, SparseRows};
use rayon::prelude::*;

/// Rows of a task.
const TASK_ROWS: usize = 64;
/// Entries that the prefetch runs ahead of the sums.
const AHEAD: usize = 8;

/// Σ over the stored entries of their weights times the rows of `right` (rows x k; zero where it is not
/// asked for), and the sums of the value.
pub(super) fn stored_entries<T: Scalar>(
    x: &SparseRows<'_, T>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    numerator: bool,
    elements: Elements,
    simd: Simd,
) -> (Array2<T>, Sums) {
    match x.columns {
        Indices::U32(columns) => run(x, columns, [left, right], numerator, elements, simd),
        Indices::Usize(columns) => run(x, columns, [left, right], numerator, elements, simd),
    }
}

fn run<T: Scalar, I: Index>(
    x: &SparseRows<'_, T>,
    columns: &[I],
    [left, right]: [ArrayView2<'_, T>; 2],
    numerator: bool,
    elements: Elements,
    simd: Simd,
) -> (Array2<T>, Sums) {
    let width = right.ncols();
    let mut out = Array2::default((x.shape.0, width));
    if width == 0 || x.shape.0 == 0 {
        return (out, Sums::default());
    }
    let stride = width.div_ceil(line::<T>()) * line::<T>();
    let panel = Aligned::padded(right, stride);
    let slots = out.as_slice_mut().expect("it was made in row-major order");
    let sums: Vec<Sums> = slots
        .par_chunks_mut(TASK_ROWS * width)
        .enumerate()
        .map(|(task, out)| {
            let first = task * TASK_ROWS;
            let last = first + out.len() / width;
            let pointers = &x.pointers[first..=last];
            let base = x.pointers[0];
            let own = pointers[0] - base..pointers[last - first] - base;
            let left = left.slice_axis(Axis(0), Slice::from(first..last));
            let left = Aligned::padded(left, stride);
            let mut y = vec![T::zero(); own.len()];
            let rows = Rows {
                pointers,
                columns: &columns[own.clone()],
                panel: panel.as_slice(),
                stride,
            };
            simd.run(RowProducts {
                rows,
                left: left.as_slice(),
                y: &mut y,
            });
            let sums = elements.replace(Some(&x.values[own]), &mut y, &mut [], simd);
            if numerator {
                simd.run(WeightedSums {
                    rows,
                    weights: &y,
                    out,
                    width,
                });
            }
            sums
        })
        .collect();
    (out, sums.into_iter().fold(Sums::default(), Sums::add))
}

/// The rows of a task: their entries begin at the first of `columns`.
#[derive(Clone, Copy)]
struct Rows<'a, T, I> {
    pointers: &'a [usize],
    columns: &'a [I],
    /// The right factor, padded to `stride`.
    panel: &'a [T],
    stride: usize,
}

/// Calls `$cut!(length, lines before)` for cuts of at most four cache lines.
macro_rules! in_cuts {
    ($lines:ident, $cut:ident) => {
        let mut done = 0;
        while $lines - done >= 4 {
            $cut!(4, done);
            done += 4;
        }
        match $lines - done {
            3 => $cut!(3, done),
            2 => $cut!(2, done),
            1 => $cut!(1, done),
            _ => {}
        }
    };
}

/// y = f · g for every stored entry.
struct RowProducts<'a, T, I> {
    rows: Rows<'a, T, I>,
    /// Rows of the left factor, padded.
    left: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar, I: Index> Kernel for RowProducts<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if size_of::<T>() == 4 {
            self.products::<FMA, 16>();
        } else {
            self.products::<FMA, 8>();
        }
    }
}

impl<T: Scalar, I: Index> RowProducts<'_, T, I> {
    #[inline(always)]
    fn products<const FMA: bool, const L: usize>(self) {
        let Rows {
            pointers,
            columns,
            panel,
            stride,
        } = self.rows;
        let lines = stride / L;
        for (i, left) in self.left.chunks_exact(stride).enumerate() {
            let range = pointers[i] - pointers[0]..pointers[i + 1] - pointers[0];
            let (columns, y) = (&columns[range.clone()], &mut self.y[range]);
            macro_rules! cut {
                ($lines:literal, $done:expr) => {
                    row_products::<FMA, L, $lines, T, I>(columns, left, panel, $done * L, y)
                };
            }
            in_cuts!(lines, cut);
        }
    }
}

/// Adds to each y the product over `LINES` cache lines of its two rows.
#[inline(always)]
fn row_products<const FMA: bool, const L: usize, const LINES: usize, T: Scalar, I: Index>(
    columns: &[I],
    left: &[T],
    panel: &[T],
    offset: usize,
    y: &mut [T],
) {
    let stride = left.len();
    let mut own = [[T::zero(); L]; LINES];
    own.as_flattened_mut()
        .copy_from_slice(&left[offset..offset + LINES * L]);
    for (position, (column, y)) in columns.iter().zip(y).enumerate() {
        if let Some(later) = columns.get(position + AHEAD) {
            for l in 0..LINES {
                prefetch(panel, later.get() * stride + offset + l * L);
            }
        }
        let start = column.get() * stride + offset;
        let row = &panel[start..start + LINES * L];
        let mut sum = [T::zero(); L];
        for l in 0..LINES {
            for lane in 0..L {
                sum[lane] = multiply_add::<FMA, T>(own[l][lane], row[l * L + lane], sum[lane]);
            }
        }
        let mut half = L / 2;
        while half > 0 {
            for lane in 0..half {
                sum[lane] += sum[lane + half];
            }
            half /= 2;
        }
        *y += sum[0];
    }
}

/// Σ weight · g over the entries of every row.
struct WeightedSums<'a, T, I> {
    rows: Rows<'a, T, I>,
    weights: &'a [T],
    out: &'a mut [T],
    /// Columns of the output (k).
    width: usize,
}

impl<T: Scalar, I: Index> Kernel for WeightedSums<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if size_of::<T>() == 4 {
            self.sums::<FMA, 16>();
        } else {
            self.sums::<FMA, 8>();
        }
    }
}

impl<T: Scalar, I: Index> WeightedSums<'_, T, I> {
    #[inline(always)]
    fn sums<const FMA: bool, const L: usize>(self) {
        let Rows {
            pointers,
            columns,
            panel,
            stride,
        } = self.rows;
        let lines = stride / L;
        for (i, out) in self.out.chunks_exact_mut(self.width).enumerate() {
            let range = pointers[i] - pointers[0]..pointers[i + 1] - pointers[0];
            let (columns, weights) = (&columns[range.clone()], &self.weights[range]);
            macro_rules! cut {
                ($lines:literal, $done:expr) => {{
                    let offset = $done * L;
                    let sums =
                        row_sums::<FMA, L, $lines, T, I>(columns, weights, panel, stride, offset);
                    let sums = sums.as_flattened();
                    let width = sums.len().min(self.width - offset);
                    out[offset..offset + width].copy_from_slice(&sums[..width]);
                }};
            }
            in_cuts!(lines, cut);
        }
    }
}

#[inline(always)]
fn row_sums<const FMA: bool, const L: usize, const LINES: usize, T: Scalar, I: Index>(
    columns: &[I],
    weights: &[T],
    panel: &[T],
    stride: usize,
    offset: usize,
) -> [[T; L]; LINES] {
    let mut sums = [[T::zero(); L]; LINES];
    for (position, (column, weight)) in columns.iter().zip(weights).enumerate() {
        if let Some(later) = columns.get(position + AHEAD) {
            for l in 0..LINES {
                prefetch(panel, later.get() * stride + offset + l * L);
            }
        }
        let start = column.get() * stride + offset;
        let row = &panel[start..start + LINES * L];
        for l in 0..LINES {
            for lane in 0..L {
                sums[l][lane] = multiply_add::<FMA, T>(*weight, row[l * L + lane], sums[l][lane]);
            }
        }
    }
    sums
}
