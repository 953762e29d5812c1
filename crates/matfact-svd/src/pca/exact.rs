//! Components of small matrices: all of them at once, in `f64`.

use super::fit::{Components, Request};
use crate::decomposition::{fix_signs, leading_rows, product, thin_svd};
use crate::moments::dense_rows;
use crate::standardized::{centered, centered_product};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{Certificate, Error, LinearOperator, Result, Scalar};
use matfact_linalg::{Lines, Products, gram, small_svd};

/// Rows whose part of the covariance is summed at once.
const BLOCK_ROWS: usize = 512;
/// Singular values below this part of the largest are not resolved by a covariance.
const RESOLVED: f64 = 1e-7;

/// By the singular value decomposition of X' − 1·cᵀ.
pub(super) fn by_svd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    center: &[f64],
    request: &Request<'_>,
) -> Result<Components<X::Scalar>> {
    let a = centered_matrix(x, center)?;
    let (u, sigma, vt) = thin_svd(a.view());
    let squares: Vec<f64> = sigma.iter().map(|s| s * s).collect();
    let rank = request.rank(&squares, x.shape());
    let mut vt = leading_rows(vt.view(), rank);
    let flipped = fix_signs(&mut vt);
    let sign = |component: usize| if flipped[component] { -1.0 } else { 1.0 };
    let scores = product(a.view(), vt.t());
    let back = product(a.t(), u.view());
    let largest = sigma[0];
    let residuals = (0..rank).map(|t| {
        let (s, sign) = (sigma[t], sign(t));
        let left = scores.column(t).into_iter().zip(u.column(t));
        let right = back.column(t).into_iter().zip(vt.row(t));
        let left: f64 = left.map(|(av, u)| (av - sign * s * u).powi(2)).sum();
        let right: f64 = right.map(|(au, v)| (sign * au - s * v).powi(2)).sum();
        (
            relative(left.sqrt(), largest),
            relative(right.sqrt(), largest),
        )
    });
    let (left, right) = residuals.unzip();
    Ok(Components {
        residuals: Some(Certificate::TripletResiduals { left, right }),
        scores: scores.mapv(X::Scalar::from_f64),
        rest: Some(squares[rank..].iter().sum()),
        total: Some(squares.iter().sum()),
        sigma: sigma.iter().take(rank).copied().collect(),
        vt: vt.mapv(X::Scalar::from_f64),
    })
}

/// By the eigenvectors of (X' − 1·cᵀ)ᵀ(X' − 1·cᵀ), summed over blocks of rows.
pub(super) fn by_covariance<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    center: &[f64],
    request: &Request<'_>,
) -> Result<Components<X::Scalar>> {
    let (m, n) = x.shape();
    check_size((n, n))?;
    let mut covariance = Array2::<f64>::zeros((n, n));
    match x.rows() {
        Some(Lines::Dense(rows)) => {
            for block in rows.axis_chunks_iter(Axis(0), BLOCK_ROWS) {
                let block = centered(block.mapv(|v| v.as_f64()).view(), center);
                covariance += &gram(block.view());
            }
        }
        Some(Lines::Sparse(rows)) => {
            for start in (0..m).step_by(BLOCK_ROWS) {
                let block = dense_rows(&rows, (start, m.min(start + BLOCK_ROWS)));
                covariance += &gram(centered(block.view(), center).view());
            }
        }
        None => covariance = gram(centered_matrix(x, center)?.view()),
    }
    let (_, eigenvalues, vt) = small_svd(covariance.view());
    // Of more columns than rows there are only as many components as rows.
    let squares: Vec<f64> = eigenvalues.iter().take(m.min(n)).copied().collect();
    let rank = request.rank(&squares, (m, n));
    let mut vt = leading_rows(vt.view(), rank);
    fix_signs(&mut vt);
    let narrow = vt.mapv(X::Scalar::from_f64);
    let scores = centered_product(x, center, narrow.t())?;
    let product = product(covariance.view(), vt.t());
    let sigma: Vec<f64> = squares.iter().take(rank).map(|s| s.sqrt()).collect();
    // u is A v / σ, and the left residual zero by that.
    let residuals = (0..rank).map(|t| {
        if sigma[t] <= RESOLVED * sigma[0] {
            let squares = scores.column(t).into_iter().map(|v| v.as_f64().powi(2));
            return relative(squares.sum::<f64>().sqrt(), sigma[0]);
        }
        // With u = A v / σ it is ‖Aᵀu − σ v‖ = ‖AᵀA v − σ² v‖ / σ.
        let pairs = product.column(t).into_iter().zip(vt.row(t));
        let squares = pairs.map(|(av, v)| (av - squares[t] * v).powi(2));
        relative(squares.sum::<f64>().sqrt() / sigma[t], sigma[0])
    });
    Ok(Components {
        residuals: Some(Certificate::TripletResiduals {
            left: vec![0.0; rank],
            right: residuals.collect(),
        }),
        scores,
        rest: Some(squares[rank..].iter().sum()),
        total: Some(squares.iter().sum()),
        sigma,
        vt: narrow,
    })
}

fn relative(residual: f64, largest: f64) -> f64 {
    residual / if largest > 0.0 { largest } else { 1.0 }
}

fn check_size((rows, columns): (usize, usize)) -> Result<()> {
    let bytes = rows.checked_mul(columns).and_then(|c| c.checked_mul(8));
    match bytes {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Error::TooLarge {
            what: format!("a dense {rows} x {columns} matrix"),
        }),
    }
}

/// X' − 1·cᵀ with all its entries.
fn centered_matrix<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    center: &[f64],
) -> Result<Array2<f64>> {
    let (m, n) = x.shape();
    check_size((m, n))?;
    let wide = match x.rows() {
        Some(Lines::Dense(rows)) => rows.mapv(|v| v.as_f64()),
        Some(Lines::Sparse(rows)) => dense_rows(&rows, (0, m)),
        None => {
            check_size((n, n))?;
            x.multiply(Array2::eye(n).view())?.mapv(|v| v.as_f64())
        }
    };
    Ok(centered(wide.view(), center))
}
