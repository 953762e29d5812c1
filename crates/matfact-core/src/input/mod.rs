//! What algorithms take as input, and what an absent entry means.
//!
//! The meaning of an absent entry is a type, so that it can never be mixed up:
//!
//! | absent means | trait | implemented by |
//! |---|---|---|
//! | zero | [`Matrix`] (and its supertrait [`LinearOperator`], products alone) | every `ndarray` of two dimensions, every `sprs` matrix with `u32` or `usize` indices, `&X`, `Box<X>` |
//! | unknown | [`ObservedEntries`] | [`Ratings`], [`RatingsView`], `&X`, `Box<X>` |
//!
//! The views are used in place: nothing is copied. A matrix type of your own joins by implementing
//! [`LinearOperator`] (two products) and, where entries can be listed, [`Matrix`] (one more
//! function); [`FunctionOperator`] makes one of two closures. [`TfIdf`], [`Bm25`] and [`LogEntropy`] weigh
//! counts of words and keep them sparse.

mod dense;
mod function;
mod observed;
mod operator;
mod ratings;
mod sparse;
mod summary;
mod weighting;

pub use function::FunctionOperator;
pub use observed::{ObservedEntries, ObservedRow};
pub use operator::{LinearOperator, Matrix};
pub use ratings::{Ratings, RatingsView};
pub use sparse::{
    ColumnIndex, Duplicates, Indices, RawIndex, SparseRows, csr_from_raw_parts, csr_from_triplets,
};
pub use summary::Summary;
pub use weighting::{Bm25, LogEntropy, TfIdf, tf_idf};

use ndarray::ArrayView2;

/// How a matrix is stored, for kernels that know the common layouts.
///
/// [`LinearOperator::layout`] gives it. The products of an operator define what it is; the layout
/// only lets a faster kernel compute the same products.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Layout<'a, T> {
    /// A dense array with any strides.
    Dense(ArrayView2<'a, T>),
    /// Compressed sparse rows.
    SparseRows(SparseRows<'a, T>),
    /// Compressed sparse columns, as the compressed rows of the transposed matrix.
    SparseColumns(SparseRows<'a, T>),
    /// Known by its products alone.
    Opaque,
}
