//! Decompositions of dense matrices, and the rule for signs.

use matfact_core::ndarray::{Array1, Array2, ArrayView2};
use matfact_core::{Error, Result, Scalar};
use matfact_linalg::{multiply_dense, small_svd, tall_qr};

/// The thin singular value decomposition `a` = U diag(s) Vᵀ in `f64`, with p = min(m, n) values. A matrix
/// that is more than twice as long in one direction is brought to a triangle first.
pub(crate) fn thin_svd(a: ArrayView2<'_, f64>) -> (Array2<f64>, Array1<f64>, Array2<f64>) {
    let (m, n) = a.dim();
    if m > 2 * n {
        let (basis, triangle) = tall_qr(a);
        let (u, s, vt) = small_svd(triangle.view());
        return (product(basis.view(), u.view()), s, vt);
    }
    if n > 2 * m {
        let (u, s, vt) = thin_svd(a.t());
        return (transposed(&vt), s, transposed(&u));
    }
    small_svd(a)
}

pub(crate) fn transposed<T: Scalar>(a: &Array2<T>) -> Array2<T> {
    a.t().as_standard_layout().into_owned()
}

pub(crate) fn product<T: Scalar>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::default((a.nrows(), b.ncols()));
    multiply_dense(a, b, out.view_mut());
    out
}

/// The first rows of `a`, at most `count`.
pub(crate) fn leading_rows<T: Scalar>(a: ArrayView2<'_, T>, count: usize) -> Array2<T> {
    let (first, _) = a.split_at(matfact_core::ndarray::Axis(0), count.min(a.nrows()));
    first.to_owned()
}

/// Makes the entry of largest magnitude (the first of equals) of every row of `vt` positive. Gives the
/// rows whose sign changed, for the columns of the other side.
pub(crate) fn fix_signs<T: Scalar>(vt: &mut Array2<T>) -> Vec<bool> {
    let mut flipped = Vec::with_capacity(vt.nrows());
    for mut row in vt.rows_mut() {
        let mut largest = T::zero();
        for value in &row {
            if value.abs() > largest.abs() {
                largest = *value;
            }
        }
        let negative = largest < T::zero();
        if negative {
            row.mapv_inplace(|v| -v);
        }
        flipped.push(negative);
    }
    flipped
}

/// The distance from 1 to the next number of the type.
pub(crate) fn epsilon<T: Scalar>() -> f64 {
    T::epsilon().as_f64()
}

/// `value` as the element type of a model.
///
/// # Errors
/// [`Error::Overflow`] if it leaves the range; `what` says what it is.
pub(crate) fn in_range<T: Scalar>(value: f64, what: &str) -> Result<T> {
    let narrow = T::from_f64(value);
    if narrow.is_finite() {
        return Ok(narrow);
    }
    Err(Error::Overflow {
        step: what.to_owned(),
        scalar: T::NAME,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_linalg::random_normal;

    #[test]
    fn every_shape_multiplies_out() {
        for shape in [(40, 7), (7, 40), (9, 8), (1, 5), (5, 1)] {
            let a = random_normal::<f64>(shape, 3, 0);
            let (u, s, vt) = thin_svd(a.view());
            let p = shape.0.min(shape.1);
            assert_eq!(
                (u.dim(), s.len(), vt.dim()),
                ((shape.0, p), p, (p, shape.1))
            );
            let back = (&u * &s).dot(&vt);
            assert!(back.iter().zip(&a).all(|(x, y)| (x - y).abs() < 1e-12));
            let gram = vt.dot(&vt.t());
            let eye = Array2::<f64>::eye(p);
            assert!(gram.iter().zip(&eye).all(|(x, y)| (x - y).abs() < 1e-12));
        }
    }
}
