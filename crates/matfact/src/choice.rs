//! Input of a kind that is known at run time.

use matfact_core::ndarray::{ArrayBase, Data, Ix2};
use matfact_core::sprs::{CsMatI, CsMatViewI};
use matfact_core::{
    ColumnIndex, LinearOperator, Matrix, ObservedEntries, Ratings, RatingsView, Scalar,
};
#[cfg(feature = "sgd")]
use matfact_sgd::DiskRatings;

/// A borrowed input whose kind is chosen at run time.
///
/// ```
/// use matfact::{Input, ndarray::array};
/// let x = array![[1.0, 2.0]];
/// assert_eq!(Input::from(&x).shape(), (1, 2));
/// ```
#[non_exhaustive]
pub enum Input<'a, T: Scalar> {
    /// Entries that can be listed; absent ones are zero.
    Matrix(&'a dyn Matrix<Scalar = T>),
    /// Products alone.
    Operator(&'a dyn LinearOperator<Scalar = T>),
    /// Observed entries; absent ones are unknown.
    Ratings(&'a dyn ObservedEntries<Scalar = T>),
    /// Observed entries that lie on disk, for `Sgd`.
    #[cfg(feature = "sgd")]
    DiskRatings(&'a DiskRatings<T>),
}

impl<T: Scalar> Input<'_, T> {
    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Input::Matrix(x) => x.shape(),
            Input::Operator(x) => x.shape(),
            Input::Ratings(x) => x.shape(),
            #[cfg(feature = "sgd")]
            Input::DiskRatings(x) => x.shape(),
        }
    }

    /// What this is, in words for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Input::Matrix(_) => "a matrix (absent entries are zero)",
            Input::Operator(_) => "a linear operator (products alone)",
            Input::Ratings(_) => "observed ratings (absent entries are unknown)",
            #[cfg(feature = "sgd")]
            Input::DiskRatings(_) => "ratings on disk, which sgd alone takes",
        }
    }
}

impl<T: Scalar> std::fmt::Debug for Input<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, columns) = self.shape();
        write!(f, "Input({rows} x {columns}, {})", self.kind())
    }
}

impl<'a, T: Scalar, S: Data<Elem = T> + Sync> From<&'a ArrayBase<S, Ix2>> for Input<'a, T> {
    fn from(x: &'a ArrayBase<S, Ix2>) -> Self {
        Input::Matrix(x)
    }
}

impl<'a, T: Scalar, I: ColumnIndex> From<&'a CsMatI<T, I, usize>> for Input<'a, T> {
    fn from(x: &'a CsMatI<T, I, usize>) -> Self {
        Input::Matrix(x)
    }
}

impl<'a, T: Scalar, I: ColumnIndex> From<&'a CsMatViewI<'_, T, I, usize>> for Input<'a, T> {
    fn from(x: &'a CsMatViewI<'_, T, I, usize>) -> Self {
        Input::Matrix(x)
    }
}

impl<'a, T: Scalar> From<&'a dyn Matrix<Scalar = T>> for Input<'a, T> {
    fn from(x: &'a dyn Matrix<Scalar = T>) -> Self {
        Input::Matrix(x)
    }
}

impl<'a, T: Scalar> From<&'a Ratings<T>> for Input<'a, T> {
    fn from(x: &'a Ratings<T>) -> Self {
        Input::Ratings(x)
    }
}

impl<'a, T: Scalar> From<&'a RatingsView<'_, T>> for Input<'a, T> {
    fn from(x: &'a RatingsView<'_, T>) -> Self {
        Input::Ratings(x)
    }
}

#[cfg(feature = "sgd")]
impl<'a, T: Scalar> From<&'a DiskRatings<T>> for Input<'a, T> {
    fn from(x: &'a DiskRatings<T>) -> Self {
        Input::DiskRatings(x)
    }
}
