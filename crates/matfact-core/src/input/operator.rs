//! The two capabilities of a matrix whose absent entries are zero.

use super::{Layout, Summary};
use crate::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

/// A matrix known by its products with narrow panels: all that a truncated SVD needs.
///
/// Implement it for a matrix that is never formed (a centred, scaled or structured one). `Sync` is
/// required because products may be asked for from several threads.
///
/// # Example
/// The operator `D = diag(values)`:
/// ```
/// use matfact_core::LinearOperator;
/// use ndarray::{ArrayView2, ArrayViewMut2, array, Array2};
///
/// struct Diagonal(Vec<f64>);
///
/// impl LinearOperator for Diagonal {
///     type Scalar = f64;
///     fn shape(&self) -> (usize, usize) {
///         (self.0.len(), self.0.len())
///     }
///     fn multiply(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
///         for (i, d) in self.0.iter().enumerate() {
///             out.row_mut(i).assign(&(&right.row(i) * *d));
///         }
///     }
///     fn multiply_transposed(&self, right: ArrayView2<'_, f64>, out: ArrayViewMut2<'_, f64>) {
///         self.multiply(right, out);
///     }
/// }
///
/// let mut out = Array2::zeros((2, 1));
/// Diagonal(vec![2.0, 3.0]).multiply(array![[1.0], [10.0]].view(), out.view_mut());
/// assert_eq!(out, array![[2.0], [30.0]]);
/// ```
pub trait LinearOperator: Sync {
    /// The element type.
    type Scalar: Scalar;

    /// Rows m and columns n.
    fn shape(&self) -> (usize, usize);

    /// Writes `X · right` into `out`: (m x n) times (n x k) gives (m x k). What `out` held before
    /// is ignored.
    fn multiply(&self, right: ArrayView2<'_, Self::Scalar>, out: ArrayViewMut2<'_, Self::Scalar>);

    /// Writes `Xᵀ · right` into `out`: (n x m) times (m x k) gives (n x k). What `out` held before
    /// is ignored.
    fn multiply_transposed(
        &self,
        right: ArrayView2<'_, Self::Scalar>,
        out: ArrayViewMut2<'_, Self::Scalar>,
    );

    /// How the matrix is stored, if it is stored in one of the layouts that the kernels know.
    fn layout(&self) -> Layout<'_, Self::Scalar> {
        Layout::Opaque
    }

    /// Norm, extremes and the first entries that are not allowed, if entries can be listed.
    fn summary(&self) -> Option<Summary> {
        None
    }
}

/// A matrix whose entries can be listed; an entry that is not stored is zero.
///
/// `NMF` needs this much. To bring a matrix type of your own, implement [`LinearOperator`] and
/// [`Matrix::visit`].
///
/// ```
/// use matfact_core::Matrix;
/// let x = ndarray::array![[1.0, 0.0], [0.0, 2.0]];
/// let mut sum = 0.0;
/// x.visit(&mut |_row, _column, value| sum += value);
/// assert_eq!(sum, 3.0);
/// ```
pub trait Matrix: LinearOperator {
    /// Calls `visit(row, column, value)` once for every stored entry, in any order.
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, Self::Scalar));
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<X: LinearOperator + ?Sized> LinearOperator for $pointer where Self: Sync {
            type Scalar = X::Scalar;
            fn shape(&self) -> (usize, usize) {
                (**self).shape()
            }
            fn multiply(
                &self,
                right: ArrayView2<'_, Self::Scalar>,
                out: ArrayViewMut2<'_, Self::Scalar>,
            ) {
                (**self).multiply(right, out);
            }
            fn multiply_transposed(
                &self,
                right: ArrayView2<'_, Self::Scalar>,
                out: ArrayViewMut2<'_, Self::Scalar>,
            ) {
                (**self).multiply_transposed(right, out);
            }
            fn layout(&self) -> Layout<'_, Self::Scalar> {
                (**self).layout()
            }
            fn summary(&self) -> Option<Summary> {
                (**self).summary()
            }
        }

        impl<X: Matrix + ?Sized> Matrix for $pointer where Self: Sync {
            fn visit(&self, visit: &mut dyn FnMut(usize, usize, Self::Scalar)) {
                (**self).visit(visit);
            }
        }
    )*};
}
forward!(&X, Box<X>);
