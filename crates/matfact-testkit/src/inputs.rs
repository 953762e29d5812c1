//! One matrix in every form that it may come in.

use crate::subject::DynMatrix;
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use matfact_core::sprs::{CsMatI, SpIndex};
use matfact_core::{
    Duplicates, LinearOperator, Matrix, ObservedEntries, ObservedRow, Ratings, Scalar,
    csr_from_triplets,
};

/// A user's own matrix type: products and entries, but no layout and no summary.
#[derive(Debug, Clone, PartialEq)]
pub struct OpaqueMatrix<T>(pub Array2<T>);

impl<T: Scalar> LinearOperator for OpaqueMatrix<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.0.dim()
    }

    fn multiply(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        self.0.multiply(right, out);
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        self.0.multiply_transposed(right, out);
    }
}

impl<T: Scalar> Matrix for OpaqueMatrix<T> {
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, T)) {
        // Column by column: the order is free, and nobody may count on rows.
        for ((column, row), value) in self.0.t().indexed_iter() {
            if *value != T::zero() {
                visit(row, column, *value);
            }
        }
    }
}

/// The matrix as owned arrays of every memory layout; what lies between the entries is NaN.
#[must_use]
pub fn dense_layouts<T: Scalar>(x: &Array2<T>) -> Vec<(&'static str, Array2<T>)> {
    let (m, n) = x.dim();
    let fortran = x.t().as_standard_layout().into_owned().reversed_axes();
    let mut reversed = Array2::from_shape_fn((m, n), |(i, j)| x[[m - 1 - i, n - 1 - j]]);
    reversed.invert_axis(Axis(0));
    reversed.invert_axis(Axis(1));
    let mut flipped = Array2::from_shape_fn((m, n), |(i, j)| x[[m - 1 - i, j]]);
    flipped.invert_axis(Axis(0));
    let mut spread = Array2::from_elem((2 * m, 3 * n), T::nan());
    for ((i, j), value) in x.indexed_iter() {
        spread[[2 * i, 3 * j + 1]] = *value;
    }
    spread.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
    spread.slice_axis_inplace(Axis(1), Slice::new(1, None, 3));
    vec![
        ("rows in order (C)", x.as_standard_layout().into_owned()),
        ("columns in order (Fortran)", fortran),
        ("both axes reversed", reversed),
        ("rows reversed", flipped),
        ("a part of a larger array", spread),
    ]
}

/// The matrix in every form but dense: compressed rows and columns with both index types, with
/// zeros stored, and as a type that shows no layout.
#[must_use]
pub fn other_forms<T: Scalar>(x: &Array2<T>) -> Vec<(&'static str, Box<DynMatrix<T>>)> {
    let zero = |v: &T| *v == T::zero();
    let narrow: CsMatI<T, u32, usize> = compressed(x, |v| !zero(v));
    let wide: CsMatI<T, usize, usize> = compressed(x, |v| !zero(v));
    let full: CsMatI<T, u32, usize> = compressed(x, |_| true);
    vec![
        ("CSC, u32", Box::new(narrow.to_csc())),
        ("CSC, usize", Box::new(wide.to_csc())),
        ("CSR, u32", Box::new(narrow)),
        ("CSR, usize", Box::new(wide)),
        ("CSR with stored zeros", Box::new(full)),
        ("a type without layout", Box::new(OpaqueMatrix(x.clone()))),
        (
            "a box in a box",
            Box::new(Box::new(x.clone()) as Box<DynMatrix<T>>),
        ),
    ]
}

/// Compressed rows of the entries that `keep` keeps.
fn compressed<T: Scalar, I: SpIndex>(
    x: &Array2<T>,
    keep: impl Fn(&T) -> bool,
) -> CsMatI<T, I, usize> {
    let mut pointers = vec![0];
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for row in x.rows() {
        for (column, value) in row.iter().enumerate().filter(|(_, v)| keep(v)) {
            columns.push(I::from_usize(column));
            values.push(*value);
        }
        pointers.push(columns.len());
    }
    CsMatI::new(x.dim(), pointers, columns, values)
}

/// A user's own rating type, which checks nothing: it can hold what [`Ratings`] refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRatings<T> {
    /// Rows and columns that it claims.
    pub shape: (usize, usize),
    /// Where each row's entries begin, and the end of the last: one more than rows.
    pub pointers: Vec<usize>,
    /// The column of each entry.
    pub columns: Vec<u32>,
    /// The value of each entry.
    pub values: Vec<T>,
}

impl<T: Scalar> OwnRatings<T> {
    /// From triplets by increasing row, of which nothing else is checked.
    ///
    /// # Panics
    /// If a row lies outside the shape.
    pub fn from_sorted(
        shape: (usize, usize),
        triplets: impl IntoIterator<Item = (usize, usize, T)>,
    ) -> Self {
        let mut pointers = vec![0; shape.0 + 1];
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (row, column, value) in triplets {
            pointers[row + 1] += 1;
            columns.push(column as u32);
            values.push(value);
        }
        for row in 0..shape.0 {
            pointers[row + 1] += pointers[row];
        }
        Self {
            shape,
            pointers,
            columns,
            values,
        }
    }

    /// The same as checked [`Ratings`].
    ///
    /// # Panics
    /// If they are not valid.
    #[must_use]
    pub fn checked(&self) -> Ratings<T> {
        let rows = (0..self.shape.0).flat_map(|row| {
            let entries = self.row(row);
            let pairs = entries.columns.iter().zip(entries.values);
            pairs.map(move |(column, value)| (row, *column as usize, *value))
        });
        let csr = csr_from_triplets(self.shape, rows, Duplicates::Error);
        Ratings::from_csr(csr.expect("valid indices")).expect("finite ratings")
    }
}

impl<T: Scalar> ObservedEntries for OwnRatings<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn observed(&self) -> usize {
        self.values.len()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, T> {
        let range = self.pointers[row]..self.pointers[row + 1];
        ObservedRow {
            columns: &self.columns[range.clone()],
            values: &self.values[range],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    #[test]
    fn every_form_holds_the_same_entries() {
        let x = array![[1.0_f64, 0.0, 2.0], [0.0, 0.0, 3.0]];
        for (name, form) in dense_layouts(&x) {
            assert_eq!(form, x, "{name}");
        }
        for (name, form) in other_forms(&x) {
            assert_eq!(form.shape(), (2, 3), "{name}");
            let mut entries = Array2::<f64>::zeros((2, 3));
            form.visit(&mut |i, j, v| entries[[i, j]] += v);
            assert_eq!(entries, x, "{name}");
            let mut out = Array2::from_elem((2, 1), f64::NAN);
            form.multiply(array![[1.0], [10.0], [100.0]].view(), out.view_mut());
            assert_eq!(out, array![[201.0], [300.0]], "{name}");
        }
    }

    #[test]
    fn own_ratings_become_checked_ones() {
        let own = OwnRatings::from_sorted((3, 2), [(0, 1, 2.0), (2, 0, 4.0)]);
        let checked = own.checked();
        for row in 0..3 {
            assert_eq!(own.row(row), checked.row(row));
        }
    }
}
