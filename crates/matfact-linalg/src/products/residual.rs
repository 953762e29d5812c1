//! How far a product of two factors is from a matrix made ready.

use super::Products;
use super::form::Form;
use crate::{gram, inner_product, multiply_dense, squared_distance};
use matfact_core::ndarray::{Array2, ArrayView2, Axis};
use matfact_core::{LinearOperator, Scalar, SparseRows};
use rayon::prelude::*;

/// Rows of a dense matrix whose residual is formed at once.
const RESIDUAL_ROWS: usize = 256;

impl<X: LinearOperator + ?Sized> Products<'_, X> {
    /// ‖X' − W Hᵀ‖² for W (m x k) and the transposed H (n x k), in `f64`.
    ///
    /// Entry by entry for a dense matrix. For a sparse one the stored entries directly, the others
    /// through the Gram matrices: ‖WHᵀ‖² + Σ_stored ((x − y)² − y²). Else, given the product
    /// `xh = X' H`, by the trace formula; `None` if the norm of X' is unknown.
    #[must_use]
    pub fn squared_residual(
        &self,
        w: ArrayView2<'_, X::Scalar>,
        h: ArrayView2<'_, X::Scalar>,
        xh: ArrayView2<'_, X::Scalar>,
    ) -> Option<f64> {
        let sum = match &self.form {
            Form::Dense(x) => dense_residual(&x.view(), w, h),
            Form::DenseCopy(x) => dense_residual(&x.view(), w, h),
            Form::Sparse {
                given, transposed, ..
            } => {
                let (outer, inner) = if *transposed { (h, w) } else { (w, h) };
                squared_product_norm(w, h) + sparse_residual(&given.view(), outer, inner)
            }
            Form::Opaque => {
                self.squared_norm? - 2.0 * inner_product(xh, w) + squared_product_norm(w, h)
            }
        };
        Some(sum.max(0.0))
    }
}

/// ‖W Hᵀ‖² = ⟨WᵀW, HᵀH⟩ for panels W (m x k) and H (n x k).
#[must_use]
pub fn squared_product_norm<T: Scalar>(w: ArrayView2<'_, T>, h: ArrayView2<'_, T>) -> f64 {
    inner_product(gram(w).view(), gram(h).view())
}

fn dense_residual<T: Scalar>(
    x: &ArrayView2<'_, T>,
    w: ArrayView2<'_, T>,
    h: ArrayView2<'_, T>,
) -> f64 {
    let blocks: Vec<_> = x
        .axis_chunks_iter(Axis(0), RESIDUAL_ROWS)
        .zip(w.axis_chunks_iter(Axis(0), RESIDUAL_ROWS))
        .collect();
    let sums: Vec<f64> = blocks
        .into_par_iter()
        .map(|(x, w)| {
            let mut product = Array2::default(x.dim());
            multiply_dense(w, h.t(), product.view_mut());
            squared_distance(x, product.view())
        })
        .collect();
    sums.into_iter().sum()
}

fn sparse_residual<T: Scalar>(
    x: &SparseRows<'_, T>,
    w: ArrayView2<'_, T>,
    h: ArrayView2<'_, T>,
) -> f64 {
    let sums: Vec<f64> = (0..x.shape.0)
        .into_par_iter()
        .with_min_len(64)
        .map(|i| {
            let row = w.row(i);
            x.row_range(i)
                .map(|position| {
                    let y = row.dot(&h.row(x.columns.get(position))).as_f64();
                    let x = x.values[position].as_f64();
                    // (x - y)^2 - y^2
                    x * (x - 2.0 * y)
                })
                .sum()
        })
        .collect();
    sums.into_iter().sum()
}
