//! `sprs` matrices in place, and the checked ways to make one from untrusted parts.

use super::{Layout, LinearOperator, Matrix, Summary};
use crate::{Error, Result, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2};
use sprs::{CsMatBase, CsMatI, SpIndex};
use std::ops::{Deref, Range};

/// A column index type that the kernels read in place: `u32` (the compact one) or `usize`
/// (the default of `sprs`).
pub trait ColumnIndex: SpIndex + Send + Sync {
    /// The slice of indices as one of the kinds that kernels know.
    fn wrap(indices: &[Self]) -> Indices<'_>;
}

impl ColumnIndex for u32 {
    fn wrap(indices: &[Self]) -> Indices<'_> {
        Indices::U32(indices)
    }
}

impl ColumnIndex for usize {
    fn wrap(indices: &[Self]) -> Indices<'_> {
        Indices::Usize(indices)
    }
}

/// Column indices in place, in either width.
#[derive(Debug, Clone, Copy)]
pub enum Indices<'a> {
    /// 32-bit indices.
    U32(&'a [u32]),
    /// Machine-word indices.
    Usize(&'a [usize]),
}

impl Indices<'_> {
    /// The index at one position.
    #[inline]
    #[must_use]
    pub fn get(&self, position: usize) -> usize {
        match self {
            Indices::U32(indices) => indices[position] as usize,
            Indices::Usize(indices) => indices[position],
        }
    }
}

/// Compressed sparse rows in place.
///
/// ```
/// use matfact_core::{LinearOperator, Layout};
/// let x = sprs::CsMat::new((2, 3), vec![0, 1, 2], vec![2, 0], vec![5.0, 7.0]);
/// let Layout::SparseRows(rows) = x.layout() else { unreachable!("it is CSR") };
/// assert_eq!(rows.values[rows.row_range(1)], [7.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SparseRows<'a, T> {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Row pointers, one more than rows; the first is the base that the others count from.
    pub pointers: &'a [usize],
    /// The column of each entry.
    pub columns: Indices<'a>,
    /// The value of each entry.
    pub values: &'a [T],
}

impl<T> SparseRows<'_, T> {
    /// The positions of one row's entries in `columns` and `values`.
    #[inline]
    #[must_use]
    pub fn row_range(&self, row: usize) -> Range<usize> {
        let base = self.pointers[0];
        self.pointers[row] - base..self.pointers[row + 1] - base
    }
}

/// The compressed rows (of the matrix if CSR, of its transpose if CSC) without a copy. A view that
/// is a slice of rows keeps the base of its pointers, which [`SparseRows::row_range`] subtracts.
fn compressed<'a, T, I, P, J, D>(matrix: &'a CsMatBase<T, I, P, J, D, usize>) -> SparseRows<'a, T>
where
    I: ColumnIndex,
    P: Deref<Target = [usize]>,
    J: Deref<Target = [I]>,
    D: Deref<Target = [T]>,
{
    let (rows, columns) = (matrix.rows(), matrix.cols());
    let shape = if matrix.is_csr() {
        (rows, columns)
    } else {
        (columns, rows)
    };
    let (pointers, columns, values) = matrix.view().into_raw_storage();
    SparseRows {
        shape,
        pointers,
        columns: I::wrap(columns),
        values,
    }
}

/// `out = A · right` for compressed rows: the plain loop. matfact-linalg has the fast one.
fn multiply_rows<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
) {
    out.fill(T::zero());
    for i in 0..a.shape.0 {
        for position in a.row_range(i) {
            let scale = a.values[position];
            out.row_mut(i)
                .scaled_add(scale, &right.row(a.columns.get(position)));
        }
    }
}

/// `out = Aᵀ · right` for compressed rows: the plain loop.
fn multiply_rows_transposed<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
) {
    out.fill(T::zero());
    for i in 0..a.shape.0 {
        for position in a.row_range(i) {
            let scale = a.values[position];
            out.row_mut(a.columns.get(position))
                .scaled_add(scale, &right.row(i));
        }
    }
}

impl<T, I, P, J, D> LinearOperator for CsMatBase<T, I, P, J, D, usize>
where
    T: Scalar,
    I: ColumnIndex,
    P: Deref<Target = [usize]> + Sync,
    J: Deref<Target = [I]> + Sync,
    D: Deref<Target = [T]> + Sync,
{
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.rows(), self.cols())
    }

    fn multiply(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        let rows = compressed(self);
        if self.is_csr() {
            multiply_rows(&rows, right, out);
        } else {
            multiply_rows_transposed(&rows, right, out);
        }
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        let rows = compressed(self);
        if self.is_csr() {
            multiply_rows_transposed(&rows, right, out);
        } else {
            multiply_rows(&rows, right, out);
        }
    }

    fn layout(&self) -> Layout<'_, T> {
        let rows = compressed(self);
        if self.is_csr() {
            Layout::SparseRows(rows)
        } else {
            Layout::SparseColumns(rows)
        }
    }

    fn summary(&self) -> Option<Summary> {
        let rows = compressed(self);
        let mut summary = Summary::empty(self.shape());
        let transposed = !self.is_csr();
        summary.add_run(rows.values, |position| {
            let outer = rows
                .pointers
                .partition_point(|p| p - rows.pointers[0] <= position)
                - 1;
            let inner = rows.columns.get(position);
            if transposed {
                (inner, outer)
            } else {
                (outer, inner)
            }
        });
        Some(summary)
    }
}

impl<T, I, P, J, D> Matrix for CsMatBase<T, I, P, J, D, usize>
where
    T: Scalar,
    I: ColumnIndex,
    P: Deref<Target = [usize]> + Sync,
    J: Deref<Target = [I]> + Sync,
    D: Deref<Target = [T]> + Sync,
{
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, T)) {
        let rows = compressed(self);
        for outer in 0..rows.shape.0 {
            for position in rows.row_range(outer) {
                let inner = rows.columns.get(position);
                let (row, column) = if self.is_csr() {
                    (outer, inner)
                } else {
                    (inner, outer)
                };
                visit(row, column, rows.values[position]);
            }
        }
    }
}

/// What to do with a position that is given more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Duplicates {
    /// Refuse it: [`Error::DuplicateEntry`].
    #[default]
    Error,
    /// Add the values up, as SciPy does.
    Sum,
    /// Keep the value that was given last.
    Last,
}

/// An integer type that raw indices from elsewhere may have.
pub trait RawIndex: Copy {
    /// The same number, wide enough for every type, negative ones included.
    fn widen(self) -> i128;
}

macro_rules! raw_index {
    ($($integer:ty),*) => {$(
        impl RawIndex for $integer {
            fn widen(self) -> i128 {
                self as i128
            }
        }
    )*};
}
raw_index!(u32, u64, usize, i32, i64);

/// Columns are stored as `u32`; a wider matrix would have to be compacted first.
pub(super) fn check_width(shape: (usize, usize)) -> Result<()> {
    if u64::try_from(shape.1).is_ok_and(|columns| columns <= 1 << 32) {
        Ok(())
    } else {
        Err(Error::TooLarge {
            what: format!("a column index below {} in 32 bits", shape.1),
        })
    }
}

fn check_index(axis: &'static str, index: i128, position: usize, bound: usize) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|i| *i < bound)
        .ok_or(Error::IndexOutOfRange {
            axis,
            index,
            position,
            bound,
        })
}

/// A CSR matrix from the three raw arrays of any library, everything checked first.
///
/// Unsorted rows are sorted (the same matrix, hence the same bits as from sorted ones); explicit
/// zeros are kept.
///
/// # Errors
/// [`Error::InvalidRowPointers`] if the pointers do not start at 0, decrease, do not end at the
/// number of entries or are not one more than the rows; [`Error::ShapeMismatch`] if indices and
/// values differ in length; [`Error::IndexOutOfRange`] for a negative or too large column;
/// [`Error::DuplicateEntry`] under [`Duplicates::Error`]; [`Error::TooLarge`] for more than 2^32
/// columns.
///
/// ```
/// use matfact_core::{Duplicates, Error, csr_from_raw_parts};
/// let x = csr_from_raw_parts((2, 3), &[0, 2, 3], &[2, 0, 1], &[5.0, 4.0, 3.0], Duplicates::Error)?;
/// assert_eq!(x.get(0, 2), Some(&5.0));
/// let bad = csr_from_raw_parts((1, 3), &[0, 1], &[-7], &[1.0], Duplicates::Error);
/// assert!(matches!(bad, Err(Error::IndexOutOfRange { index: -7, position: 0, bound: 3, .. })));
/// # Ok::<(), Error>(())
/// ```
pub fn csr_from_raw_parts<T: Scalar, P: RawIndex, J: RawIndex>(
    shape: (usize, usize),
    pointers: &[P],
    columns: &[J],
    values: &[T],
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    check_width(shape)?;
    let invalid = |position: usize, reason: String| Error::InvalidRowPointers { position, reason };
    if pointers.len() != shape.0 + 1 {
        let reason = format!(
            "{} pointers for {} rows (one more is needed)",
            pointers.len(),
            shape.0
        );
        return Err(invalid(pointers.len(), reason));
    }
    if columns.len() != values.len() {
        return Err(Error::shape_mismatch(
            "column indices and values",
            columns.len(),
            values.len(),
        ));
    }
    if pointers[0].widen() != 0 {
        return Err(invalid(
            0,
            format!("the first is {}, not 0", pointers[0].widen()),
        ));
    }
    for (position, pair) in pointers.windows(2).enumerate() {
        if pair[1].widen() < pair[0].widen() {
            let reason = format!("{} follows {}", pair[1].widen(), pair[0].widen());
            return Err(invalid(position + 1, reason));
        }
    }
    if pointers[shape.0].widen() != values.len() as i128 {
        let reason = format!(
            "the last is {}, not {}",
            pointers[shape.0].widen(),
            values.len()
        );
        return Err(invalid(shape.0, reason));
    }
    let mut checked = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter().enumerate() {
        checked.push(check_index("column", column.widen(), position, shape.1)? as u32);
    }
    let pointers: Vec<usize> = pointers.iter().map(|p| p.widen() as usize).collect();
    finish_rows(shape, pointers, checked, values.to_vec(), duplicates)
}

/// A CSR matrix from `(row, column, value)` triplets in any order.
///
/// # Errors
/// [`Error::IndexOutOfRange`], [`Error::DuplicateEntry`] under [`Duplicates::Error`],
/// [`Error::TooLarge`] for more than 2^32 columns.
///
/// ```
/// use matfact_core::{Duplicates, csr_from_triplets};
/// let x = csr_from_triplets((2, 2), [(1, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0)], Duplicates::Sum)?;
/// assert_eq!(x.get(1, 0), Some(&4.0));
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub fn csr_from_triplets<T: Scalar>(
    shape: (usize, usize),
    triplets: impl IntoIterator<Item = (usize, usize, T)>,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    check_width(shape)?;
    let mut pointers = vec![0_usize; shape.0 + 1];
    let mut entries = Vec::new();
    for (position, (row, column, value)) in triplets.into_iter().enumerate() {
        check_index("row", row as i128, position, shape.0)?;
        let column = check_index("column", column as i128, position, shape.1)?;
        pointers[row + 1] += 1;
        entries.push((row, column as u32, value));
    }
    for row in 0..shape.0 {
        pointers[row + 1] += pointers[row];
    }
    // A counting sort by row keeps the order of arrival inside a row.
    let mut next = pointers.clone();
    let mut columns = vec![0_u32; entries.len()];
    let mut values = vec![T::zero(); entries.len()];
    for (row, column, value) in entries {
        columns[next[row]] = column;
        values[next[row]] = value;
        next[row] += 1;
    }
    finish_rows(shape, pointers, columns, values, duplicates)
}

/// Sorts each row by column and settles duplicates; indices are in range already.
pub(super) fn finish_rows<T: Scalar>(
    shape: (usize, usize),
    mut pointers: Vec<usize>,
    mut columns: Vec<u32>,
    mut values: Vec<T>,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    let increasing = |row: &[u32]| row.windows(2).all(|pair| pair[0] < pair[1]);
    let mut order: Vec<(u32, T)> = Vec::new();
    let mut kept = 0;
    for row in 0..shape.0 {
        let range = pointers[row]..pointers[row + 1];
        pointers[row] = kept;
        if increasing(&columns[range.clone()]) {
            columns.copy_within(range.clone(), kept);
            values.copy_within(range.clone(), kept);
            kept += range.len();
            continue;
        }
        order.clear();
        order.extend(range.map(|position| (columns[position], values[position])));
        // Stable, so that the last of equal columns is the one that came last.
        order.sort_by_key(|(column, _)| *column);
        let start = kept;
        for &(column, value) in &order {
            if kept > start && columns[kept - 1] == column {
                match duplicates {
                    Duplicates::Error => {
                        return Err(Error::DuplicateEntry {
                            row,
                            column: column as usize,
                        });
                    }
                    Duplicates::Sum => values[kept - 1] += value,
                    Duplicates::Last => values[kept - 1] = value,
                }
            } else {
                columns[kept] = column;
                values[kept] = value;
                kept += 1;
            }
        }
    }
    pointers[shape.0] = kept;
    columns.truncate(kept);
    values.truncate(kept);
    CsMatI::try_new(shape, pointers, columns, values)
        .map_err(|(_, _, _, error)| Error::shape_mismatch("sparse structure", "valid CSR", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn sample() -> CsMatI<f64, u32, usize> {
        csr_from_triplets(
            (3, 2),
            [(0, 1, 2.0), (2, 0, 3.0), (2, 1, 4.0)],
            Duplicates::Error,
        )
        .unwrap()
    }

    #[test]
    fn csr_csc_and_slices_multiply_alike() {
        let x = sample();
        let right = array![[1.0, 2.0], [10.0, 20.0]];
        let expected = array![[20.0, 40.0], [0.0, 0.0], [43.0, 86.0]];
        let mut out = Array2::from_elem((3, 2), f64::NAN);
        x.multiply(right.view(), out.view_mut());
        assert_eq!(out, expected);
        x.to_csc().multiply(right.view(), out.view_mut());
        assert_eq!(out, expected);
        let tail = x.slice_outer(1..3);
        let mut out = Array2::from_elem((2, 2), f64::NAN);
        tail.multiply(right.view(), out.view_mut());
        assert_eq!(out, array![[0.0, 0.0], [43.0, 86.0]]);
        let mut back = Array2::from_elem((2, 1), f64::NAN);
        let left = array![[1.0], [10.0], [100.0]];
        x.multiply_transposed(left.view(), back.view_mut());
        assert_eq!(back, array![[300.0], [402.0]]);
        x.to_csc().multiply_transposed(left.view(), back.view_mut());
        assert_eq!(back, array![[300.0], [402.0]]);
    }

    #[test]
    fn the_summary_names_row_and_column_in_both_storages() {
        let mut x = sample();
        x.data_mut()[1] = f64::NAN;
        assert_eq!(
            x.summary().unwrap().first_non_finite.map(|p| (p.0, p.1)),
            Some((2, 0))
        );
        let csc = x.to_csc();
        assert_eq!(
            csc.summary().unwrap().first_non_finite.map(|p| (p.0, p.1)),
            Some((2, 0))
        );
        let tail = x.slice_outer(1..3);
        assert_eq!(
            tail.summary().unwrap().first_non_finite.map(|p| (p.0, p.1)),
            Some((1, 0))
        );
    }

    /// Rows 22 to 28 and 36 of the reliability list: no raw array reaches a kernel unchecked.
    #[test]
    fn raw_parts_are_checked() {
        let make = |shape, pointers: &[i64], columns: &[i64], values: &[f64]| {
            csr_from_raw_parts(shape, pointers, columns, values, Duplicates::Error).map(|_| ())
        };
        let three = [1.0, 1.0, 1.0];
        assert!(make((2, 3), &[0, 2, 3], &[0, 1, 2], &three).is_ok());
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 10_000, 2], &three),
            Err(Error::IndexOutOfRange {
                index: 10_000,
                position: 1,
                bound: 3,
                ..
            })
        ));
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 1, -7], &three),
            Err(Error::IndexOutOfRange {
                index: -7,
                position: 2,
                ..
            })
        ));
        for (pointers, position) in [
            (&[0, 4, 3][..], 2),
            (&[1, 2, 3][..], 0),
            (&[0, 2, 2][..], 2),
            (&[0, 3][..], 2),
            (&[0, -1, 3][..], 1),
        ] {
            match make((2, 3), pointers, &[0, 1, 2], &three) {
                Err(Error::InvalidRowPointers { position: at, .. }) => assert_eq!(at, position),
                other => panic!("{pointers:?} gave {other:?}"),
            }
        }
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 1, 2], &[1.0]),
            Err(Error::ShapeMismatch { .. })
        ));
    }

    #[test]
    fn unsorted_rows_and_duplicates_are_settled_by_the_stated_rule() {
        let make = |duplicates| {
            let columns = [2, 0, 2, 1];
            csr_from_raw_parts((1, 3), &[0, 4], &columns, &[1.0, 2.0, 3.0, 4.0], duplicates)
        };
        assert!(matches!(
            make(Duplicates::Error),
            Err(Error::DuplicateEntry { row: 0, column: 2 })
        ));
        assert_eq!(make(Duplicates::Sum).unwrap().data(), [2.0, 4.0, 4.0]);
        assert_eq!(make(Duplicates::Last).unwrap().data(), [2.0, 4.0, 3.0]);
    }
}
