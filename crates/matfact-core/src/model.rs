//! What models can do, each capability a trait.

use crate::{Error, Result, Scalar};
use ndarray::{Array2, ArrayViewMut2};
use std::ops::Range;

/// A low-rank approximation X̂ of an m x n matrix.
pub trait Factorization {
    /// The element type.
    type Scalar: Scalar;

    /// Rows m and columns n.
    fn shape(&self) -> (usize, usize);

    /// The rank k.
    fn rank(&self) -> usize;

    /// X̂ at one position.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`].
    fn predict(&self, row: usize, column: usize) -> Result<Self::Scalar>;

    /// Writes rows `rows` of X̂ into `out`, of shape (number of rows) x n.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`].
    fn reconstruct_rows(
        &self,
        rows: Range<usize>,
        out: ArrayViewMut2<'_, Self::Scalar>,
    ) -> Result<()>;

    /// The whole of X̂ (m x n): for small matrices; use [`Factorization::reconstruct_rows`] block
    /// by block for large ones.
    fn reconstruct(&self) -> Array2<Self::Scalar> {
        let (rows, columns) = self.shape();
        let mut out = Array2::default((rows, columns));
        self.reconstruct_rows(0..rows, out.view_mut())
            .expect("the buffer has the model's own shape");
        out
    }
}

/// A model that maps new rows to its components, the other side held fixed.
pub trait Transform<X: ?Sized> {
    /// The element type.
    type Scalar: Scalar;

    /// The coordinates of each row of `x` (p x n) in the model's components: p x k.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `x` has another number of columns than the training matrix, and
    /// what the fit refuses in its input.
    fn transform(&self, x: &X) -> Result<Array2<Self::Scalar>>;
}

/// Refuses a position outside `shape`.
///
/// # Errors
/// [`Error::IndexOutOfRange`].
pub fn check_position(shape: (usize, usize), row: usize, column: usize) -> Result<()> {
    for (axis, index, bound) in [("row", row, shape.0), ("column", column, shape.1)] {
        if index >= bound {
            return Err(Error::IndexOutOfRange {
                axis,
                index: index as i128,
                position: 0,
                bound,
            });
        }
    }
    Ok(())
}

/// Refuses a row range outside `shape` or a buffer that does not fit it.
///
/// # Errors
/// [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`].
pub fn check_row_block(
    shape: (usize, usize),
    rows: &Range<usize>,
    buffer: (usize, usize),
) -> Result<()> {
    if rows.start > rows.end || rows.end > shape.0 {
        let index = rows.start.max(rows.end) as i128;
        return Err(Error::IndexOutOfRange {
            axis: "row",
            index,
            position: 0,
            bound: shape.0,
        });
    }
    if buffer != (rows.len(), shape.1) {
        return Err(Error::shape_mismatch(
            "the output buffer",
            (rows.len(), shape.1),
            buffer,
        ));
    }
    Ok(())
}
