//! The capability of a matrix whose absent entries are unknown.

use crate::Scalar;

/// A matrix of which some entries are observed; an entry that is not observed is unknown.
///
/// Stochastic gradient descent and alternating least squares take this. It is implemented by
/// [`Ratings`](super::Ratings) and [`RatingsView`](super::RatingsView); to bring a type of your
/// own, give its rows.
///
/// ```
/// use matfact_core::{Duplicates, ObservedEntries, Ratings};
/// let ratings = Ratings::from_triplets((2, 3), [(0, 1, 4.0), (1, 2, 5.0)], Duplicates::Error)?;
/// assert_eq!(ratings.observed(), 2);
/// assert_eq!(ratings.row(1).columns, [2]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub trait ObservedEntries: Sync {
    /// The element type.
    type Scalar: Scalar;

    /// Rows (users) m and columns (items) n.
    fn shape(&self) -> (usize, usize);

    /// The number of observed entries.
    fn observed(&self) -> usize;

    /// The observed entries of one row, by increasing column, each column at most once.
    fn row(&self, row: usize) -> ObservedRow<'_, Self::Scalar>;

    /// How much each observed entry of one row counts: one number >= 0 for each, in the order of
    /// [`ObservedEntries::row`]. `None`, the default, is a weight of 1 for all. Either every row of a
    /// matrix has weights or none has.
    fn weights(&self, row: usize) -> Option<&[Self::Scalar]> {
        let _ = row;
        None
    }
}

/// The observed entries of one row: two slices of equal length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservedRow<'a, T> {
    /// Column indices, increasing.
    pub columns: &'a [u32],
    /// The value at each of them.
    pub values: &'a [T],
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<X: ObservedEntries + ?Sized> ObservedEntries for $pointer where Self: Sync {
            type Scalar = X::Scalar;
            fn shape(&self) -> (usize, usize) {
                (**self).shape()
            }
            fn observed(&self) -> usize {
                (**self).observed()
            }
            fn row(&self, row: usize) -> ObservedRow<'_, Self::Scalar> {
                (**self).row(row)
            }
            fn weights(&self, row: usize) -> Option<&[Self::Scalar]> {
                (**self).weights(row)
            }
        }
    )*};
}
forward!(&X, Box<X>);
