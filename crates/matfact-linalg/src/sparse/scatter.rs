//! Scattering: each entry adds its row of the panel to the output row that it names.

use super::{Aligned, Index, PARALLEL_FROM, line};
use crate::Simd;
use crate::simd::{Kernel, multiply_add, prefetch};
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2};
use matfact_core::{Scalar, SparseRows};
use rayon::prelude::*;

/// Entries that the prefetch runs ahead of the scattering.
const AHEAD: usize = 12;
/// The most cache lines that a scatter task takes at once.
const MAX_SCATTER_LINES: usize = 4;

/// All entries of A scattered into one group of cache lines of the output.
struct ScatterTask<'a, T, I> {
    pointers: &'a [usize],
    columns: &'a [I],
    values: &'a [T],
    /// The panel's columns that belong to this group, padded: `lines` cache lines a row.
    panel: &'a [T],
    /// The same columns of the output.
    out: &'a mut [T],
    lines: usize,
}

impl<T: Scalar, I: Index> ScatterTask<'_, T, I> {
    #[inline(always)]
    fn scatter<const FMA: bool, const L: usize, const LINES: usize>(self) {
        let base = self.pointers[0];
        for (i, pair) in self.pointers.windows(2).enumerate() {
            let range = pair[0] - base..pair[1] - base;
            let (columns, values) = (&self.columns[range.clone()], &self.values[range]);
            let source = &self.panel[i * LINES * L..(i + 1) * LINES * L];
            let mut row = [[T::zero(); L]; LINES];
            row.as_flattened_mut().copy_from_slice(source);
            for (position, (column, value)) in columns.iter().zip(values).enumerate() {
                if let Some(later) = columns.get(position + AHEAD) {
                    for l in 0..LINES {
                        prefetch(self.out, (later.get() * LINES + l) * L);
                    }
                }
                let start = column.get() * LINES * L;
                let out = &mut self.out[start..start + LINES * L];
                for l in 0..LINES {
                    for lane in 0..L {
                        let slot = &mut out[l * L + lane];
                        *slot = multiply_add::<FMA, T>(*value, row[l][lane], *slot);
                    }
                }
            }
        }
    }
}

impl<T: Scalar, I: Index> Kernel for ScatterTask<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        macro_rules! by_lines {
            ($length:literal) => {
                match self.lines {
                    1 => self.scatter::<FMA, $length, 1>(),
                    2 => self.scatter::<FMA, $length, 2>(),
                    3 => self.scatter::<FMA, $length, 3>(),
                    _ => self.scatter::<FMA, $length, 4>(),
                }
            };
        }
        if size_of::<T>() == 4 {
            by_lines!(16)
        } else {
            by_lines!(8)
        }
    }
}

pub(super) fn scatter_rows<T: Scalar, I: Index>(
    a: &SparseRows<'_, T>,
    columns: &[I],
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    let width = right.ncols();
    let lines = width.div_ceil(line::<T>());
    let threads = if a.values.len() * width < PARALLEL_FROM {
        1
    } else {
        rayon::current_num_threads()
    };
    let per_task = lines.div_ceil(threads).clamp(1, MAX_SCATTER_LINES);
    let groups: Vec<usize> = (0..lines).step_by(per_task).collect();
    let blocks: Vec<Aligned<T>> = groups
        .into_par_iter()
        .map(|first| {
            let taken = per_task.min(lines - first);
            let stride = taken * line::<T>();
            let start = first * line::<T>();
            let end = width.min(start + stride);
            let mut panel = Aligned::zeros(right.nrows() * stride);
            let slots = panel.as_mut_slice().chunks_exact_mut(stride);
            for (row, slot) in right.rows().into_iter().zip(slots) {
                for (j, slot) in (start..end).zip(slot) {
                    *slot = row[j];
                }
            }
            let mut block = Aligned::zeros(a.shape.1 * stride);
            simd.run(ScatterTask {
                pointers: a.pointers,
                columns,
                values: a.values,
                panel: panel.as_slice(),
                out: block.as_mut_slice(),
                lines: taken,
            });
            block
        })
        .collect();
    let mut start = 0;
    for block in blocks {
        let stride = block.as_slice().len() / a.shape.1.max(1);
        let end = width.min(start + stride);
        for (j, source) in block.as_slice().chunks_exact(stride.max(1)).enumerate() {
            for (slot, value) in (start..end).zip(source) {
                out[[j, slot]] = *value;
            }
        }
        start = end;
    }
}
