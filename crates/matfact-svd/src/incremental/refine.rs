//! Further passes over rows that were seen.

use super::stack::{Kept, unit};
use super::svd::check_batch;
use crate::decomposition::fix_signs;
use crate::standardized::{centered_product, centered_product_transposed};
use matfact_core::ndarray::Array2;
use matfact_core::{Error, LinearOperator, Result, Scalar};
use matfact_linalg::{Products, multiply_dense, small_svd, tall_qr};

/// The triplets after one power iteration: with the vectors V that are kept, Y = Σ (B − 1·cᵀ)ᵀ(B − 1·cᵀ)V over
/// the batches B of all rows, the left singular vectors of Y, and the roots of its singular values.
pub(super) fn power_iteration<X: LinearOperator>(
    kept: &Kept<X::Scalar>,
    center: Option<&[f64]>,
    rows: usize,
    blocks: impl IntoIterator<Item = Result<X>>,
) -> Result<Kept<X::Scalar>> {
    let n = kept.vt.ncols();
    let scale = unit::<X::Scalar>(kept.largest());
    let mut sum = Array2::<f64>::zeros((n, kept.vt.nrows()));
    let mut passed = 0;
    for block in blocks {
        let block = block?;
        let (summary, scale_of_block) = check_batch(&block, Some(n), 0.0)?;
        let x = Products::with_scale(&block, summary.as_ref(), scale_of_block);
        let center: Vec<f64> = match center {
            Some(means) => means.iter().map(|mean| mean / x.scale()).collect(),
            None => vec![0.0; n],
        };
        let scores = centered_product(&x, &center, kept.vt.t())?;
        let part = centered_product_transposed(&x, &center, scores.view())?;
        let squared = (x.scale() / scale) * (x.scale() / scale);
        sum.zip_mut_with(&part, |sum, part| *sum += part.as_f64() * squared);
        passed += block.shape().0;
        if passed > rows {
            break;
        }
    }
    if passed != rows {
        return Err(Error::shape_mismatch(
            "rows of a further pass",
            rows,
            passed,
        ));
    }
    if sum.iter().any(|v| !v.is_finite()) {
        return Err(Error::Overflow {
            step: "a further pass".to_owned(),
            scalar: X::Scalar::NAME,
        });
    }
    let (q, triangle) = tall_qr(sum.view());
    let (inner, squares, _) = small_svd(triangle.view());
    let mut vectors = Array2::zeros(q.dim());
    multiply_dense(q.view(), inner.view(), vectors.view_mut());
    let mut vt = vectors.reversed_axes().as_standard_layout().into_owned();
    fix_signs(&mut vt);
    Ok(Kept {
        vt: vt.mapv(X::Scalar::from_f64),
        sigma: squares.iter().map(|s| s.sqrt() * scale).collect(),
    })
}
