//! Compressed rows as kernels read them, whoever holds them.

use sprs::SpIndex;
use std::ops::Range;

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
