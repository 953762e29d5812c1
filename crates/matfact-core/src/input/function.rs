//! A matrix that is given by two functions.

use super::LinearOperator;
use crate::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use std::fmt;
use std::marker::PhantomData;

/// A matrix of your own from two closures, `X · panel` and `Xᵀ · panel`, without a type of your own.
///
/// Each closure gets the panel and the buffer to write the product into, of the shapes that
/// [`LinearOperator::multiply`] and [`LinearOperator::multiply_transposed`] say. What the buffer held
/// before is to be ignored. Nothing is checked: two closures that are not each other's transposes give
/// triplets of no matrix, which the residuals in the report of a fit show. A result that is not finite is
/// [`Error::Overflow`](crate::Error::Overflow) in the fit. For the same bits with any number of threads,
/// the closures must keep that promise themselves.
///
/// ```
/// use matfact_core::{FunctionOperator, LinearOperator};
/// use ndarray::{Array2, Axis, array, concatenate};
///
/// // The differences of neighbours: row i is x_{i+1} - x_i.
/// let difference = FunctionOperator::new(
///     (2, 3),
///     |right, mut out| {
///         let (_, later) = right.split_at(Axis(0), 1);
///         let (earlier, _) = right.split_at(Axis(0), 2);
///         out.assign(&(&later - &earlier));
///     },
///     |right, mut out| {
///         let none = Array2::zeros((1, right.ncols()));
///         let added = concatenate![Axis(0), none, right];
///         let taken = concatenate![Axis(0), right, none];
///         out.assign(&(&added - &taken));
///     },
/// );
/// let mut out = Array2::zeros((2, 1));
/// difference.multiply(array![[1.0], [4.0], [9.0]].view(), out.view_mut());
/// assert_eq!(out, array![[3.0], [5.0]]);
/// ```
pub struct FunctionOperator<T, F, G> {
    shape: (usize, usize),
    multiply: F,
    multiply_transposed: G,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Scalar, F, G> FunctionOperator<T, F, G>
where
    F: Fn(ArrayView2<'_, T>, ArrayViewMut2<'_, T>) + Sync,
    G: Fn(ArrayView2<'_, T>, ArrayViewMut2<'_, T>) + Sync,
{
    /// The matrix of `shape` (m x n) with these products.
    pub fn new(shape: (usize, usize), multiply: F, multiply_transposed: G) -> Self {
        Self {
            shape,
            multiply,
            multiply_transposed,
            scalar: PhantomData,
        }
    }
}

impl<T: Scalar, F, G> LinearOperator for FunctionOperator<T, F, G>
where
    F: Fn(ArrayView2<'_, T>, ArrayViewMut2<'_, T>) + Sync,
    G: Fn(ArrayView2<'_, T>, ArrayViewMut2<'_, T>) + Sync,
{
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn multiply(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        (self.multiply)(right, out);
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        (self.multiply_transposed)(right, out);
    }
}

impl<T, F, G> fmt::Debug for FunctionOperator<T, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.shape;
        write!(f, "FunctionOperator({rows} x {columns})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn each_product_is_asked_of_its_closure() {
        let x = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let operator = FunctionOperator::new(
            (2, 3),
            |right, out| x.multiply(right, out),
            |right, out| x.multiply_transposed(right, out),
        );
        let (mut down, mut up) = (Array2::zeros((2, 1)), Array2::zeros((3, 1)));
        operator.multiply(array![[1.0], [10.0], [100.0]].view(), down.view_mut());
        operator.multiply_transposed(array![[1.0], [10.0]].view(), up.view_mut());
        assert_eq!(
            (down, up),
            (array![[321.0], [654.0]], array![[41.0], [52.0], [63.0]])
        );
        assert_eq!(operator.shape(), (2, 3));
        assert!(operator.summary().is_none());
        assert_eq!(format!("{operator:?}"), "FunctionOperator(2 x 3)");
    }
}
