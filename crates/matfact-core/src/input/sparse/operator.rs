//! A matrix of `sprs`, by rows or by columns, as an operator and a matrix: nothing is copied.

use super::rows::{ColumnIndex, SparseRows};
use crate::Scalar;
use crate::input::{Layout, LinearOperator, Matrix, Summary};
use ndarray::{ArrayView2, ArrayViewMut2};
use sprs::CsMatBase;
use std::ops::Deref;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duplicates, csr_from_triplets};
    use ndarray::{Array2, array};
    use sprs::CsMatI;

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
}
