//! Sparse times dense: compressed rows times a narrow row-major panel, and the transposed product.
//!
//! For A (m x n, compressed rows) and a panel of k columns the work is 2·nnz·k operations on
//! nnz·(index + value) bytes of A, and each entry reads one row of the panel: with more columns than
//! fit the cache the product is bound by those reads. The kernels therefore work on a copy of the
//! panel whose rows are padded to whole, aligned cache lines ([`Aligned`]), and fetch the panel rows of later
//! entries ahead.
//!
//! - [`multiply_sparse`] gathers (`gather`): every output row is one thread's, summed in the order of the
//!   entries.
//! - [`multiply_sparse_transposed`] scatters (`scatter`): the panel's columns are cut into cache lines, and a
//!   thread scatters all entries into its own lines; each output element is summed in the order of the rows.
//!
//! No cut changes the order of a sum, so the bits are the same for any number of threads.

mod aligned;
mod gather;
mod scatter;

pub(crate) use aligned::{Aligned, line};

use crate::Simd;
use gather::multiply_rows;
#[cfg(feature = "dense")]
use gather::multiply_slab;
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2};
use matfact_core::{Indices, Scalar, SparseRows};
use scatter::scatter_rows;

/// Products with fewer multiplications than this run on the calling thread.
const PARALLEL_FROM: usize = 1 << 18;

/// A column index read in place.
pub(crate) trait Index: Copy + Send + Sync {
    fn get(self) -> usize;
}

impl Index for u32 {
    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }
}

impl Index for usize {
    #[inline(always)]
    fn get(self) -> usize {
        self
    }
}

/// `out = A · right` for compressed rows A (m x n) and `right` (n x k), on the current pool.
///
/// # Panics
/// If the shapes do not fit.
pub fn multiply_sparse<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    assert_eq!(a.shape.1, right.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (a.shape.0, right.ncols()), "shape of a product");
    match a.columns {
        Indices::U32(columns) => multiply_rows(a, columns, right, out, simd),
        Indices::Usize(columns) => multiply_rows(a, columns, right, out, simd),
    }
}

/// `out = Aᵀ · right` for compressed rows A (m x n) and `right` (m x k), on the current pool.
///
/// # Panics
/// If the shapes do not fit.
pub fn multiply_sparse_transposed<T: Scalar>(
    a: &SparseRows<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
    simd: Simd,
) {
    assert_eq!(a.shape.0, right.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (a.shape.1, right.ncols()), "shape of a product");
    match a.columns {
        Indices::U32(columns) => scatter_rows(a, columns, right, out, simd),
        Indices::Usize(columns) => scatter_rows(a, columns, right, out, simd),
    }
}

/// `out = A · panel` for a panel in rows of one cache line, into such rows.
#[cfg(feature = "dense")]
pub(crate) fn multiply_lines<T: Scalar>(
    a: &SparseRows<'_, T>,
    panel: &[T],
    out: &mut [T],
    simd: Simd,
) {
    let (panel, into) = ((panel, line::<T>()), (line::<T>(), 0..line::<T>()));
    match a.columns {
        Indices::U32(columns) => multiply_slab(a, columns, panel, out, into, simd),
        Indices::Usize(columns) => multiply_slab(a, columns, panel, out, into, simd),
    }
}

#[cfg(test)]
mod tests;
