//! `ndarray` arrays and views of two dimensions as matrices, in place.

use super::{Layout, LinearOperator, Matrix, Summary};
use crate::Scalar;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayBase, ArrayView2, ArrayViewMut2, Data, Ix2};

impl<T: Scalar, S: Data<Elem = T> + Sync> LinearOperator for ArrayBase<S, Ix2> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn multiply(&self, right: ArrayView2<'_, T>, mut out: ArrayViewMut2<'_, T>) {
        general_mat_mul(T::one(), self, &right, T::zero(), &mut out);
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, T>, mut out: ArrayViewMut2<'_, T>) {
        general_mat_mul(T::one(), &self.t(), &right, T::zero(), &mut out);
    }

    fn layout(&self) -> Layout<'_, T> {
        Layout::Dense(self.view())
    }

    fn summary(&self) -> Option<Summary> {
        let mut summary = Summary::empty(self.dim());
        let mut buffer = Vec::new();
        for (i, row) in self.rows().into_iter().enumerate() {
            // A strided row is gathered, so that every layout gives the same sums to the bit.
            let values = match row.to_slice() {
                Some(slice) => slice,
                None => {
                    buffer.clear();
                    buffer.extend(row.iter().copied());
                    &buffer
                }
            };
            summary.add_run(values, |j| (i, j));
        }
        Some(summary)
    }
}

impl<T: Scalar, S: Data<Elem = T> + Sync> Matrix for ArrayBase<S, Ix2> {
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, T)) {
        for ((row, column), value) in self.indexed_iter() {
            visit(row, column, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn products_follow_the_definition_for_every_layout() {
        let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let right = array![[1.0], [10.0], [100.0]];
        let mut out = Array2::from_elem((2, 1), f64::NAN);
        x.multiply(right.view(), out.view_mut());
        assert_eq!(out, array![[321.0], [654.0]]);
        let mut back = Array2::from_elem((3, 1), f64::NAN);
        x.multiply_transposed(array![[1.0], [10.0]].view(), back.view_mut());
        assert_eq!(back, array![[41.0], [52.0], [63.0]]);
        let mut reversed = x.view();
        reversed.invert_axis(ndarray::Axis(1));
        reversed.multiply(right.view(), out.view_mut());
        assert_eq!(out, array![[123.0], [456.0]]);
    }

    #[test]
    fn the_summary_is_the_same_for_every_layout_and_finds_the_first_bad_entry() {
        let mut x = Array2::from_shape_fn((7, 21), |(i, j)| (i * 21 + j) as f32 * 0.1);
        let fortran = x.t().as_standard_layout().into_owned().reversed_axes();
        assert_eq!(x.summary(), fortran.summary());
        x[[3, 17]] = f32::NAN;
        x[[5, 2]] = -1.0;
        x[[6, 20]] = f32::INFINITY;
        let summary = Summary::of(&x);
        let (row, column, value) = summary.first_non_finite.unwrap();
        assert_eq!((row, column), (3, 17));
        assert!(value.is_nan());
        assert_eq!(summary.first_negative, Some((5, 2, -1.0)));
        assert_eq!(Summary::of(&array![[-0.0, 1.0]]).first_negative, None);
    }
}
