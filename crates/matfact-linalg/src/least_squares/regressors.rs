//! Panels of rows of k numbers, each of whole cache lines.

#[cfg(feature = "dense")]
use crate::dense::multiply_dense;
use crate::sparse::{Aligned, line};
use matfact_core::Scalar;
#[cfg(feature = "dense")]
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2};

/// The regressors: a panel of rows of k numbers, each filled up with zeros to whole cache lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressors<T: Scalar> {
    values: Aligned<T>,
    rows: usize,
    rank: usize,
    stride: usize,
}

impl<T: Scalar> Regressors<T> {
    /// `rows` rows of `rank` zeros.
    #[must_use]
    pub fn zeros(rows: usize, rank: usize) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        Self {
            values: Aligned::zeros(rows * stride),
            rows,
            rank,
            stride,
        }
    }

    /// The length k of a row.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How far apart rows are: whole cache lines.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// One row, of k numbers.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values()[row * self.stride..][..self.rank]
    }

    /// All rows, each of k numbers, to be written.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let rank = self.rank;
        let values = self.values.as_mut_slice();
        let rows = values.chunks_exact_mut(self.stride.max(1));
        rows.map(move |row| &mut row[..rank])
    }

    /// Row after row, with the zeros that fill it up.
    pub(crate) fn values(&self) -> &[T] {
        self.values.as_slice()
    }

    /// The product with a matrix that has as many rows as a row has numbers, and as many columns as one of `rank` numbers,
    /// zeros included.
    #[cfg(feature = "dense")]
    pub(crate) fn times(&self, matrix: ArrayView2<'_, T>, rank: usize) -> Self {
        let mut product = Self::zeros(self.rows, rank);
        self.times_into(matrix, &mut product);
        product
    }

    /// As [`Regressors::times`], into `product`, whose memory is used again where it is of the right size.
    #[cfg(feature = "dense")]
    pub(crate) fn times_into(&self, matrix: ArrayView2<'_, T>, product: &mut Self) {
        if product.rows != self.rows {
            *product = Self::zeros(self.rows, product.rank);
        }
        if self.rows > 0 && self.rank > 0 {
            let shape = (self.rows, self.stride);
            let left = ArrayView2::from_shape(shape, self.values.as_slice());
            let shape = (self.rows, product.stride);
            let out = ArrayViewMut2::from_shape(shape, product.values.as_mut_slice());
            multiply_dense(
                left.expect("rows of one length"),
                matrix,
                out.expect("rows of one length"),
            );
        }
    }
}
