//! Products with many orthonormal columns, a cache line of them at a time.
//!
//! Each element of a basis meets only as many others as the block has columns, so that a GEMM, which packs
//! its operands, spends its time on packing. Here the columns are stored as panels of one cache line,
//! read once from first to last, and the sums stay in registers.

use crate::dense::multiply_here;
use crate::simd::{Kernel, Simd, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of one task, and of a partial sum in the scalar; longer sums are added up in `f64`.
const TASK_ROWS: usize = 4096;
const CHUNK_ROWS: usize = 256;
/// The same of a Gram matrix, whose rounding the triangle of a Cholesky QR multiplies.
const GRAM_ROWS: usize = 32;
/// Rows that are rotated at once.
const ROTATED_ROWS: usize = 1024;
/// Columns whose sums are in registers at once in a projection.
const SUMS: usize = 8;

/// Columns in tall panels of `line` columns each, row-major, the last filled up with zeros.
#[derive(Debug)]
pub(super) struct Panels<T> {
    rows: usize,
    panels: Vec<Vec<T>>,
}

/// Scalars in a cache line.
pub(super) const fn line<T>() -> usize {
    crate::sparse::line::<T>()
}

impl<T: Scalar> Panels<T> {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows,
            panels: Vec::new(),
        }
    }

    pub(super) fn from_view(columns: ArrayView2<'_, T>) -> Self {
        let mut panels = Self::new(columns.nrows());
        panels.write(0, columns);
        panels
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Writes `columns` from column `first` on, with room made for them.
    pub(super) fn write(&mut self, first: usize, columns: ArrayView2<'_, T>) {
        let width = line::<T>();
        let panels = (first + columns.ncols()).div_ceil(width);
        while self.panels.len() < panels {
            self.panels.push(vec![T::zero(); self.rows * width]);
        }
        let mut pieces: Vec<&mut [T]> = self.panels.iter_mut().map(Vec::as_mut_slice).collect();
        write_rows(&mut pieces, first, columns, width);
    }

    /// The columns `first..end`, as one array.
    pub(super) fn read(&self, first: usize, end: usize) -> Array2<T> {
        if self.panels.is_empty() {
            return Array2::default((self.rows, end - first));
        }
        let pieces: Vec<&[T]> = self.panels.iter().map(Vec::as_slice).collect();
        read_rows(&pieces, first, end, line::<T>())
    }

    /// Replaces the first `before` columns by their products with `rotation` (before x kept), and the
    /// columns after them by their first `tail`.
    pub(super) fn rotate(&mut self, before: usize, rotation: ArrayView2<'_, T>, tail: usize) {
        let (width, kept) = (line::<T>(), rotation.ncols());
        if self.panels.is_empty() {
            return;
        }
        self.rows_mut(ROTATED_ROWS)
            .into_par_iter()
            .for_each(|mut rows| {
                let old = read_rows(&rows, 0, before, width);
                let last = read_rows(&rows, before, before + tail, width);
                let mut product = Array2::default((old.nrows(), kept));
                multiply_here(old.view(), rotation, product.view_mut());
                write_rows(&mut rows, 0, product.view(), width);
                write_rows(&mut rows, kept, last.view(), width);
            });
        self.truncate(kept + tail);
    }

    /// The rows in groups of `count`: of each the pieces of all panels.
    fn rows_mut(&mut self, count: usize) -> Vec<Vec<&mut [T]>> {
        let width = line::<T>();
        let mut groups: Vec<Vec<&mut [T]>> = Vec::new();
        groups.resize_with(self.rows.div_ceil(count), Vec::new);
        for panel in &mut self.panels {
            for (group, piece) in groups.iter_mut().zip(panel.chunks_mut(count * width)) {
                group.push(piece);
            }
        }
        groups
    }

    /// Forgets the panels without any of the first `columns`, and clears the columns after them.
    fn truncate(&mut self, columns: usize) {
        let width = line::<T>();
        self.panels.truncate(columns.div_ceil(width));
        let lanes = columns % width;
        if let Some(last) = self.panels.last_mut().filter(|_| lanes > 0) {
            last.chunks_exact_mut(width)
                .for_each(|row| row[lanes..].fill(T::zero()));
        }
    }

    /// The Gram matrix of the first `columns`, with the sums of 32 rows in the scalar.
    pub(super) fn gram(&self, columns: usize, simd: Simd) -> Array2<f64> {
        self.sums(0..columns, self, columns, GRAM_ROWS, simd)
    }

    /// The Gram matrix of the first `columns`, in `f64` throughout.
    pub(super) fn wide_gram(&self, columns: usize, simd: Simd) -> Array2<f64> {
        let mut wide = Panels::<f64>::new(self.rows);
        let columns_wide = self.read(0, columns).mapv(|v| v.as_f64());
        wide.write(0, columns_wide.view());
        wide.gram(columns, simd)
    }

    /// The first columns times `right`.
    pub(super) fn times(&self, right: ArrayView2<'_, T>, simd: Simd) -> Self {
        let mut out = Self::new(self.rows);
        let panels = right.ncols().div_ceil(line::<T>());
        out.panels
            .resize_with(panels, || vec![T::zero(); self.rows * line::<T>()]);
        let negative = right.mapv(|v| -v);
        self.subtract_from(0, negative.view(), &mut out, simd);
        out
    }

    /// thisᵀ · `right`, for these columns.
    pub(super) fn project(
        &self,
        range: Range<usize>,
        right: &Self,
        columns: usize,
        simd: Simd,
    ) -> Array2<f64> {
        self.sums(range, right, columns, CHUNK_ROWS, simd)
    }

    fn sums(
        &self,
        range: Range<usize>,
        right: &Self,
        columns: usize,
        chunk: usize,
        simd: Simd,
    ) -> Array2<f64> {
        if range.is_empty() || columns == 0 {
            return Array2::zeros((range.len(), columns));
        }
        let width = line::<T>();
        let left = &self.panels[range.start / width..range.end.div_ceil(width)];
        let count = left.len();
        let padded = right.panels.len() * width;
        let tasks = self.rows.div_ceil(TASK_ROWS);
        let partial = |task: usize| {
            let mut sums = vec![0.0_f64; count * width * padded];
            let end = self.rows.min((task + 1) * TASK_ROWS);
            for start in (task * TASK_ROWS..end).step_by(chunk) {
                let rows = start * width..end.min(start + chunk) * width;
                simd.run(Project {
                    left,
                    right: &right.panels,
                    range: rows,
                    sums: &mut sums,
                });
            }
            sums
        };
        let partials: Vec<Vec<f64>> = (0..tasks).into_par_iter().map(partial).collect();
        let skipped = range.start % width;
        let mut out = Array2::zeros((range.len(), columns));
        for sums in partials {
            let sums = sums.chunks_exact(padded).skip(skipped);
            for (mut out, sums) in out.rows_mut().into_iter().zip(sums) {
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            }
        }
        out
    }

    /// `from` − this · `coefficients`, for the columns `first..first + coefficients.nrows()`.
    pub(super) fn subtract_from(
        &self,
        first: usize,
        coefficients: ArrayView2<'_, T>,
        from: &mut Self,
        simd: Simd,
    ) {
        let width = line::<T>();
        let skipped = first / width;
        let count = (first + coefficients.nrows()).div_ceil(width);
        if coefficients.is_empty() {
            return;
        }
        let lines = from.panels.len();
        // Rows of zeros for the columns that fill the panels up; a line of columns at a time.
        let mut padded = vec![T::zero(); (count - skipped) * width * width * lines];
        for ((i, j), value) in coefficients.indexed_iter() {
            let row = first - skipped * width + i;
            padded[(j / width * (count - skipped) * width + row) * width + j % width] = -*value;
        }
        let tasks = from.rows_mut(CHUNK_ROWS);
        tasks
            .into_par_iter()
            .enumerate()
            .for_each(|(task, chunks)| {
                let start = task * CHUNK_ROWS * width;
                for (chunk, coefficients) in chunks
                    .into_iter()
                    .zip(padded.chunks_exact(padded.len() / lines))
                {
                    simd.run(Subtract {
                        left: &self.panels[skipped..count],
                        start,
                        coefficients,
                        out: chunk,
                    });
                }
            });
    }
}

/// The columns `first..end` of rows whose pieces of all panels are given.
fn read_rows<T: Scalar, P: AsRef<[T]>>(
    panels: &[P],
    first: usize,
    end: usize,
    width: usize,
) -> Array2<T> {
    let rows = panels
        .first()
        .map_or(0, |panel| panel.as_ref().len() / width);
    let mut out = Array2::default((rows, end - first));
    for (panel, lanes, range) in pieces(first, end, width) {
        let (_, mut tail) = out.view_mut().split_at(Axis(1), range.start);
        let (mut place, _) = tail.view_mut().split_at(Axis(1), range.len());
        let source = panels[panel].as_ref().chunks_exact(width);
        for (mut place, source) in place.rows_mut().into_iter().zip(source) {
            let source = &source[lanes.clone()];
            match place.as_slice_mut() {
                Some(place) => place.copy_from_slice(source),
                None => place.iter_mut().zip(source).for_each(|(a, b)| *a = *b),
            }
        }
    }
    out
}

fn write_rows<T: Scalar>(
    panels: &mut [&mut [T]],
    first: usize,
    columns: ArrayView2<'_, T>,
    width: usize,
) {
    for (panel, lanes, range) in pieces(first, first + columns.ncols(), width) {
        let (_, tail) = columns.split_at(Axis(1), range.start);
        let (source, _) = tail.split_at(Axis(1), range.len());
        let places = panels[panel].chunks_exact_mut(width);
        for (place, source) in places.zip(source.rows()) {
            let place = &mut place[lanes.clone()];
            match source.as_slice() {
                Some(source) => place.copy_from_slice(source),
                None => place.iter_mut().zip(source).for_each(|(a, b)| *a = *b),
            }
        }
    }
}

/// The columns `first..end` by panels: which panel, its lanes, and the columns counted from `first`.
fn pieces(
    first: usize,
    end: usize,
    width: usize,
) -> impl Iterator<Item = (usize, Range<usize>, Range<usize>)> {
    (first / width..end.div_ceil(width)).filter_map(move |panel| {
        let from = first.max(panel * width);
        let to = end.min((panel + 1) * width);
        let lanes = from - panel * width..to.max(from) - panel * width;
        (from < to).then_some((panel, lanes, from - first..to - first))
    })
}

struct Project<'a, T> {
    left: &'a [Vec<T>],
    right: &'a [Vec<T>],
    range: Range<usize>,
    sums: &'a mut [f64],
}

impl<T: Scalar> Kernel for Project<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}

impl<T: Scalar> Project<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let padded = self.right.len() * L;
        for (i, left) in self.left.iter().enumerate() {
            let left = &left[self.range.clone()];
            for (j, right) in self.right.iter().enumerate() {
                let right = &right[self.range.clone()];
                for first in (0..L).step_by(SUMS) {
                    let mut sums = [[T::zero(); L]; SUMS];
                    sum_products::<FMA, L, T>(left, right, first, &mut sums);
                    for (row, sums) in sums.iter().enumerate() {
                        let start = (i * L + first + row) * padded + j * L;
                        let out = &mut self.sums[start..start + L];
                        out.iter_mut()
                            .zip(sums)
                            .for_each(|(out, sum)| *out += sum.as_f64());
                    }
                }
            }
        }
    }
}

/// Adds up the products of the columns `first..first + SUMS` of one panel with all of another.
#[inline(always)]
fn sum_products<const FMA: bool, const L: usize, T: Scalar>(
    left: &[T],
    right: &[T],
    first: usize,
    out: &mut [[T; L]; SUMS],
) {
    let mut sums = *out;
    for (a, b) in left.chunks_exact(L).zip(right.chunks_exact(L)) {
        let a = &a[first..first + SUMS];
        for r in 0..SUMS {
            for lane in 0..L {
                sums[r][lane] = multiply_add::<FMA, T>(a[r], b[lane], sums[r][lane]);
            }
        }
    }
    *out = sums;
}

struct Subtract<'a, T> {
    left: &'a [Vec<T>],
    /// Where the rows of `out` begin in each panel.
    start: usize,
    /// Less the coefficients: a square for each panel.
    coefficients: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel for Subtract<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}

impl<T: Scalar> Subtract<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        for (left, coefficients) in self.left.iter().zip(self.coefficients.chunks_exact(L * L)) {
            let left = &left[self.start..self.start + self.out.len()];
            add_products::<FMA, L, T>(left, coefficients, self.out);
        }
    }
}

/// `out` + `left` · `coefficients`. The products of one row are two chains, each of which waits for itself;
/// those of the rows that follow do not, and the processor runs ahead into them.
#[inline(always)]
fn add_products<const FMA: bool, const L: usize, T: Scalar>(
    left: &[T],
    coefficients: &[T],
    out: &mut [T],
) {
    let mut square = [[T::zero(); L]; L];
    for (row, values) in square.iter_mut().zip(coefficients.chunks_exact(L)) {
        row.copy_from_slice(values);
    }
    for (out, left) in out.chunks_exact_mut(L).zip(left.chunks_exact(L)) {
        let (mut sums, mut others) = ([T::zero(); L], [T::zero(); L]);
        sums.copy_from_slice(out);
        for t in (0..L).step_by(2) {
            for lane in 0..L {
                sums[lane] = multiply_add::<FMA, T>(left[t], square[t][lane], sums[lane]);
            }
            for lane in 0..L {
                let next = left[t + 1];
                others[lane] = multiply_add::<FMA, T>(next, square[t + 1][lane], others[lane]);
            }
        }
        for lane in 0..L {
            sums[lane] += others[lane];
        }
        out.copy_from_slice(&sums);
    }
}
