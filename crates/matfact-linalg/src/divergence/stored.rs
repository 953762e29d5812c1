//! The stored entries of a sparse matrix: each y is the product of one row of either factor, and is
//! dropped when its row is done.

use super::elements::{Element, Sums, weights};
use crate::Simd;
use crate::simd::{Kernel, multiply_add, prefetch};
use crate::sparse::{Aligned, Index, line};
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Indices, Scalar, SparseRows};
use rayon::prelude::*;

/// Rows of a task.
const TASK_ROWS: usize = 64;
/// Entries that the prefetch runs ahead of the sums.
const AHEAD: usize = 8;

/// Σ over the stored entries of their weights times the rows of `right` (rows x k), and the sums of the
/// value.
pub(super) fn stored_entries<T: Scalar, E: Element, const VALUE: bool>(
    x: &SparseRows<'_, T>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    element: &E,
    simd: Simd,
) -> (Array2<T>, Sums) {
    match x.columns {
        Indices::U32(columns) => run::<T, E, _, VALUE>(x, columns, left, right, element, simd),
        Indices::Usize(columns) => run::<T, E, _, VALUE>(x, columns, left, right, element, simd),
    }
}

fn run<T: Scalar, E: Element, I: Index, const VALUE: bool>(
    x: &SparseRows<'_, T>,
    columns: &[I],
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    element: &E,
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
            let left = left.slice_axis(
                matfact_core::ndarray::Axis(0),
                matfact_core::ndarray::Slice::from(first..last),
            );
            simd.run(Rows::<T, E, I, VALUE> {
                pointers: &x.pointers[first..=last],
                base: x.pointers[0],
                columns,
                values: x.values,
                left: Aligned::padded(left, stride),
                panel: panel.as_slice(),
                stride,
                width,
                out,
                element,
            })
        })
        .collect();
    (out, sums.into_iter().fold(Sums::default(), Sums::add))
}

struct Rows<'a, T, E, I, const VALUE: bool> {
    pointers: &'a [usize],
    base: usize,
    columns: &'a [I],
    values: &'a [T],
    /// Rows of the left factor, padded to `stride`.
    left: Aligned<T>,
    /// The right factor, padded to `stride`.
    panel: &'a [T],
    stride: usize,
    width: usize,
    out: &'a mut [T],
    element: &'a E,
}

impl<T: Scalar, E: Element, I: Index, const VALUE: bool> Kernel for Rows<'_, T, E, I, VALUE> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Sums {
        if size_of::<T>() == 4 {
            self.rows::<FMA, 16>()
        } else {
            self.rows::<FMA, 8>()
        }
    }
}

impl<T: Scalar, E: Element, I: Index, const VALUE: bool> Rows<'_, T, E, I, VALUE> {
    #[inline(always)]
    fn rows<const FMA: bool, const L: usize>(self) -> Sums {
        let lines = self.stride / L;
        let mut sums = Sums::default();
        let mut y: Vec<T> = Vec::new();
        for (i, out) in self.out.chunks_exact_mut(self.width).enumerate() {
            let range = self.pointers[i] - self.base..self.pointers[i + 1] - self.base;
            let (columns, values) = (&self.columns[range.clone()], &self.values[range]);
            let left = &self.left.as_slice()[i * self.stride..(i + 1) * self.stride];
            y.clear();
            y.resize(values.len(), T::zero());
            let mut done = 0;
            macro_rules! products {
                ($lines:literal) => {
                    while lines - done >= $lines {
                        let offset = done * L;
                        row_products::<FMA, L, $lines, T, I>(
                            columns,
                            &left[offset..offset + $lines * L],
                            self.panel,
                            self.stride,
                            offset,
                            &mut y,
                        );
                        done += $lines;
                    }
                };
            }
            products!(4);
            products!(3);
            products!(2);
            products!(1);
            sums = sums.add(weights::<FMA, VALUE, T, E>(
                self.element,
                values,
                &mut y,
                &mut [],
            ));
            let mut done = 0;
            macro_rules! weighted {
                ($lines:literal) => {
                    while lines - done >= $lines {
                        let offset = done * L;
                        let mut total = [[T::zero(); L]; $lines];
                        for (column, weight) in columns.iter().zip(&y) {
                            let start = column.get() * self.stride + offset;
                            let row = &self.panel[start..start + $lines * L];
                            for l in 0..$lines {
                                for lane in 0..L {
                                    total[l][lane] = multiply_add::<FMA, T>(
                                        *weight,
                                        row[l * L + lane],
                                        total[l][lane],
                                    );
                                }
                            }
                        }
                        let total = total.as_flattened();
                        let width = total.len().min(self.width - offset);
                        out[offset..offset + width].copy_from_slice(&total[..width]);
                        done += $lines;
                    }
                };
            }
            weighted!(4);
            weighted!(3);
            weighted!(2);
            weighted!(1);
        }
        sums
    }
}

/// Adds to each y the product over `LINES` cache lines of its two rows.
#[inline(always)]
fn row_products<const FMA: bool, const L: usize, const LINES: usize, T: Scalar, I: Index>(
    columns: &[I],
    left: &[T],
    panel: &[T],
    stride: usize,
    offset: usize,
    y: &mut [T],
) {
    let mut own = [[T::zero(); L]; LINES];
    own.as_flattened_mut().copy_from_slice(left);
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
