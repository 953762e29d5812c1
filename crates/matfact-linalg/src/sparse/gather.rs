//! Sparse times dense: compressed rows times a narrow row-major panel, and the transposed product.
//!
//! For A (m x n, compressed rows) and a panel of k columns the work is 2·nnz·k operations on
//! nnz·(index + value) bytes of A, and each entry reads one row of the panel: with more columns than
//! fit the cache the product is bound by those reads. The kernels therefore work on a copy of the
//! panel whose rows are padded to whole, aligned cache lines, keep the sums of one output row in
//! registers, and fetch the panel rows of later entries ahead.
//!
//! - [`multiply_sparse`]: every output row is one thread's, summed in the order of the entries.
//! - [`multiply_sparse_transposed`]: the panel's columns are cut into cache lines, and a thread
//!   scatters all entries into its own lines; each output element is summed in the order of the rows.
//!
//! No cut changes the order of a sum, so the bits are the same for any number of threads.

use crate::Simd;
use crate::pages::prefer_large;
use crate::simd::{Kernel, multiply_add, prefetch};
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{Indices, Scalar, SparseRows};
use rayon::prelude::*;

/// Bytes of a cache line and of the widest vector register.
const LINE_BYTES: usize = 64;
/// Entries that the prefetch runs ahead of the scattering.
const AHEAD: usize = 12;
/// Entries that the prefetch runs ahead of the sums, across the ends of rows: from the third cache.
const GATHER_AHEAD: usize = 32;
/// Bytes of a panel from which its rows are fetched ahead: out of a nearer cache they come soon enough by
/// themselves.
const FETCHED_FROM: usize = 6 << 20;
/// Rows of a panel that are copied by one task.
const PADDED_ROWS: usize = 1 << 13;
/// Tasks per thread, so that uneven ones even out.
const TASKS_PER_THREAD: usize = 8;
/// Products with fewer multiplications than this run on the calling thread.
const PARALLEL_FROM: usize = 1 << 18;

/// Scalars in a cache line.
pub(crate) const fn line<T>() -> usize {
    LINE_BYTES / size_of::<T>()
}

/// A buffer that starts at a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    buffer: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Scalar> Aligned<T> {
    pub(crate) fn zeros(length: usize) -> Self {
        let mut buffer = vec![T::zero(); length + line::<T>()];
        prefer_large(&mut buffer);
        let start = buffer.as_ptr().align_offset(LINE_BYTES).min(line::<T>());
        Self {
            buffer,
            start,
            length,
        }
    }

    /// The rows of a panel, each filled up with zeros to `stride` scalars.
    pub(crate) fn padded(panel: ArrayView2<'_, T>, stride: usize) -> Self {
        let mut padded = Self::zeros(panel.nrows() * stride);
        let chunks = padded.as_mut_slice().par_chunks_mut(stride * PADDED_ROWS);
        chunks.enumerate().for_each(|(chunk, slots)| {
            let (_, rows) = panel.split_at(Axis(0), chunk * PADDED_ROWS);
            for (row, slot) in rows.rows().into_iter().zip(slots.chunks_exact_mut(stride)) {
                match row.as_slice() {
                    Some(row) => slot[..row.len()].copy_from_slice(row),
                    None => slot
                        .iter_mut()
                        .zip(row)
                        .for_each(|(slot, value)| *slot = *value),
                }
            }
        });
        padded
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.buffer[self.start..self.start + self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.start + self.length]
    }
}

impl<T: Scalar> Clone for Aligned<T> {
    /// The copy starts at a cache line of its own.
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.length);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}

impl<T: Scalar> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

/// A column index read in place.
pub(crate) trait Index: Copy + Send + Sync {
    fn get(self) -> usize;
}

impl Index for u32 {
    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }
}

impl Index for usize {
    #[inline(always)]
    fn get(self) -> usize {
        self
    }
}

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

/// The most cache lines that a scatter task takes at once.
const MAX_SCATTER_LINES: usize = 4;

/// `out = A · right` for compressed rows A (m x n) and `right` (n x k), on the current pool.
///
/// # Panics
/// If the shapes do not fit.
pub fn multiply_sparse<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    assert_eq!(a.shape.1, right.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (a.shape.0, right.ncols()), "shape of a product");
    match a.columns {
        Indices::U32(columns) => multiply_rows(a, columns, right, out, simd),
        Indices::Usize(columns) => multiply_rows(a, columns, right, out, simd),
    }
}

/// `out = Aᵀ · right` for compressed rows A (m x n) and `right` (m x k), on the current pool.
///
/// # Panics
/// If the shapes do not fit.
pub fn multiply_sparse_transposed<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    assert_eq!(a.shape.0, right.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (a.shape.1, right.ncols()), "shape of a product");
    match a.columns {
        Indices::U32(columns) => scatter_rows(a, columns, right, out, simd),
        Indices::Usize(columns) => scatter_rows(a, columns, right, out, simd),
    }
}

fn multiply_rows<T: Scalar, I: Index>(
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

/// `out = A · panel` for a panel in rows of one cache line, into such rows.
#[cfg(feature = "dense")]
pub(crate) fn multiply_lines<T: Scalar>(
    a: &SparseRows<'_, T>,
    panel: &[T],
    out: &mut [T],
    simd: Simd,
) {
    let (panel, into) = ((panel, line::<T>()), (line::<T>(), 0..line::<T>()));
    match a.columns {
        Indices::U32(columns) => multiply_slab(a, columns, panel, out, into, simd),
        Indices::Usize(columns) => multiply_slab(a, columns, panel, out, into, simd),
    }
}

/// `A · panel` into the columns `slab` of `out`, of which each row has `width`.
fn multiply_slab<T: Scalar, I: Index>(
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
fn slabs(rows: usize, width: usize, line: usize) -> Vec<std::ops::Range<usize>> {
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

fn scatter_rows<T: Scalar, I: Index>(
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
        let stride = block.length / a.shape.1.max(1);
        let end = width.min(start + stride);
        for (j, source) in block.as_slice().chunks_exact(stride.max(1)).enumerate() {
            for (slot, value) in (start..end).zip(source) {
                out[[j, slot]] = *value;
            }
        }
        start = end;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::Array2;
    use matfact_core::sprs::CsMatI;
    use matfact_core::{ColumnIndex, Duplicates, Layout, LinearOperator, csr_from_triplets};

    /// A matrix with empty rows, one dense row, and enough entries for the parallel path.
    fn sample<T: Scalar>(m: usize, n: usize) -> CsMatI<T, u32, usize> {
        let chosen = |i: usize, j: usize| {
            i == m / 2 || (!i.is_multiple_of(5) && (i * 31 + j * 17).is_multiple_of(11))
        };
        let entries = (0..m)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .filter(|(i, j)| chosen(*i, *j))
            .map(|(i, j)| (i, j, T::from_f64(((i * n + j) as f64).sin())));
        csr_from_triplets((m, n), entries, Duplicates::Error).unwrap()
    }

    fn rows<X: LinearOperator>(x: &X) -> SparseRows<'_, X::Scalar> {
        match x.layout() {
            Layout::SparseRows(rows) => rows,
            _ => unreachable!("the sample is CSR"),
        }
    }

    fn check<T: Scalar>(tolerance: f64) {
        let a = sample::<T>(230, 170);
        for k in [1, 3, 8, 16, 17, 50, 64, 65, 129, 200] {
            let right = random_normal::<T>((170, k), 1, 0);
            let left = random_normal::<T>((230, k), 2, 0);
            let (mut expected, mut back) = (Array2::default((230, k)), Array2::default((170, k)));
            a.multiply(right.view(), expected.view_mut());
            a.multiply_transposed(left.view(), back.view_mut());
            for simd in Simd::available() {
                let mut results = Vec::new();
                for threads in [1, 2, 7] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                    let (mut out, mut out_back) = (
                        Array2::from_elem((230, k), T::nan()),
                        Array2::from_elem((170, k), T::nan()),
                    );
                    pool.build().unwrap().install(|| {
                        multiply_sparse(&rows(&a), right.view(), out.view_mut(), simd);
                        let (left, out) = (left.view(), out_back.view_mut());
                        multiply_sparse_transposed(&rows(&a), left, out, simd);
                    });
                    for (x, y) in out
                        .iter()
                        .chain(&out_back)
                        .zip(expected.iter().chain(&back))
                    {
                        assert!(
                            (x.as_f64() - y.as_f64()).abs() < tolerance,
                            "{simd:?} k = {k}"
                        );
                    }
                    results.push((out, out_back));
                }
                assert!(results.iter().all(|r| *r == results[0]), "{simd:?} k = {k}");
            }
        }
    }

    #[test]
    fn every_path_agrees_with_the_plain_loop_and_with_itself_on_other_threads() {
        check::<f32>(2e-4);
        check::<f64>(1e-12);
    }

    #[test]
    fn wide_indices_slices_and_strided_outputs_are_read_in_place() {
        let a = sample::<f64>(60, 40);
        let wide: CsMatI<f64, usize, usize> = a.to_other_types();
        let right = random_normal::<f64>((40, 20), 1, 0);
        let mut expected = Array2::default((60, 20));
        a.multiply(right.view(), expected.view_mut());
        let mut out = Array2::default((20, 60));
        multiply_sparse(
            &rows(&wide),
            right.view(),
            out.view_mut().reversed_axes(),
            Simd::detect(),
        );
        assert!(
            out.t()
                .iter()
                .zip(&expected)
                .all(|(x, y)| (x - y).abs() < 1e-12)
        );
        let tail = a.slice_outer(20..60);
        let mut out = Array2::default((40, 20));
        multiply_sparse(&rows(&tail), right.view(), out.view_mut(), Simd::detect());
        let expected = expected.select(Axis(0), &(20..60).collect::<Vec<_>>());
        assert!(
            out.iter()
                .zip(&expected)
                .all(|(x, y)| (x - y).abs() < 1e-12)
        );
        assert!(matches!(usize::wrap(&[1, 2]), Indices::Usize(_)));
    }

    #[test]
    fn a_panel_too_large_for_the_caches_is_multiplied_by_slabs_of_its_columns() {
        assert_eq!(slabs(10, 50, 16).len(), 1);
        assert_eq!(slabs(1 << 17, 40, 16), [0..16, 16..32, 32..40]);
        assert_eq!(slabs(40_000, 100, 16), [0..32, 32..64, 64..96, 96..100]);
        let n = (FETCHED_FROM / LINE_BYTES) + 1;
        let entries = (0..400_usize).map(|e| (e % 7, (e * 7919) % n, (e as f32).sin()));
        let a = csr_from_triplets((7, n), entries, Duplicates::Last).unwrap();
        let right = random_normal::<f32>((n, 20), 1, 0);
        let (mut expected, mut out) = (Array2::default((7, 20)), Array2::default((7, 20)));
        a.multiply(right.view(), expected.view_mut());
        multiply_sparse(&rows(&a), right.view(), out.view_mut(), Simd::detect());
        let close = |(x, y): (&f32, &f32)| (x - y).abs() < 1e-4;
        assert!(out.iter().zip(&expected).all(close));
    }

    #[test]
    fn empty_shapes_and_matrices_without_entries_give_zeros() {
        let a = csr_from_triplets::<f32>((3, 2), [], Duplicates::Error).unwrap();
        let mut out = Array2::from_elem((3, 2), 5.0);
        multiply_sparse(
            &rows(&a),
            Array2::ones((2, 2)).view(),
            out.view_mut(),
            Simd::detect(),
        );
        assert_eq!(out, Array2::<f32>::zeros((3, 2)));
        let mut out = Array2::from_elem((2, 2), 5.0);
        let ones = Array2::ones((3, 2));
        multiply_sparse_transposed(&rows(&a), ones.view(), out.view_mut(), Simd::detect());
        assert_eq!(out, Array2::<f32>::zeros((2, 2)));
    }
}
