//! Orthonormal bases of tall panels by Cholesky factors of their Gram matrices.
//!
//! For a panel A (m x k) with AᵀA = RᵀR, Q = A R⁻¹ is orthonormal up to eps·cond(A)². Two products of
//! the panel replace the reflections of a Householder QR: twice the multiplications, but all of them
//! in the GEMM and on every thread. The Gram matrix is formed in `f64` from columns of length one, and
//! a second pass makes the basis orthonormal to rounding (CholeskyQR2; Yamamoto et al. 2015). Panels
//! whose condition is too bad for that go to [`thin_qr`].

use crate::dense::{gram, multiply_dense};
use crate::thin_qr;
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};

/// Squared pivots below this, for columns of length one, are too near the rounding of the Gram matrix.
const SMALLEST_PIVOT: f64 = 1e-10;

/// An orthonormal basis Q (m x k) and R (k x k, upper triangular) with `a = Q R`, for m >= k: as
/// [`thin_qr`], and several times as fast for tall panels whose columns are not nearly dependent.
///
/// # Panics
/// If `a` has fewer rows than columns.
#[must_use]
pub fn tall_qr<T: Scalar>(a: ArrayView2<'_, T>) -> (Array2<T>, Array2<T>) {
    assert!(
        a.nrows() >= a.ncols(),
        "thin QR needs at least as many rows as columns"
    );
    let wide = a.mapv(|v| v.as_f64());
    let Some((first, first_inverse)) = triangle(&gram(wide.view())) else {
        return thin_qr(a);
    };
    let basis = product(&wide, &first_inverse);
    drop(wide);
    let Some((second, second_inverse)) = triangle(&gram(basis.view())) else {
        return thin_qr(a);
    };
    let basis = product(&basis, &second_inverse);
    let narrow = |v: f64| T::from_f64(v);
    (basis.mapv(narrow), product(&second, &first).mapv(narrow))
}

/// A well-conditioned basis of the columns of `a` (m x k), for m >= k, orthonormal to a few digits:
/// what power iterations need between two products, at the cost of one.
///
/// # Panics
/// If `a` has fewer rows than columns.
#[must_use]
pub fn conditioned_basis<T: Scalar>(a: ArrayView2<'_, T>) -> Array2<T> {
    assert!(
        a.nrows() >= a.ncols(),
        "a basis needs at least as many rows as columns"
    );
    let gram = if T::NAME == f64::NAME {
        gram(a).mapv(|v| v.as_f64())
    } else {
        gram(a.mapv(|v| v.as_f64()).view())
    };
    match triangle(&gram) {
        Some((_, inverse)) => product(&a.to_owned(), &inverse.mapv(|v| T::from_f64(v))),
        None => thin_qr(a).0,
    }
}

fn product<T: Scalar>(a: &Array2<T>, b: &Array2<T>) -> Array2<T> {
    let mut out = Array2::default((a.nrows(), b.ncols()));
    multiply_dense(a.view(), b.view(), out.view_mut());
    out
}

/// The upper triangle R with RᵀR = `gram`, and its inverse; `None` where a pivot is too small, or not
/// a number.
pub(crate) fn triangle(gram: &Array2<f64>) -> Option<(Array2<f64>, Array2<f64>)> {
    let k = gram.nrows();
    let lengths: Vec<f64> = gram.diag().iter().map(|g| g.sqrt()).collect();
    if lengths.iter().any(|length| !(length.is_normal())) {
        return None;
    }
    let mut r = Array2::zeros((k, k));
    for i in 0..k {
        for j in i..k {
            let mut sum = gram[[i, j]] / lengths[i] / lengths[j];
            for t in 0..i {
                sum -= r[[t, i]] * r[[t, j]];
            }
            if i == j {
                if sum.is_nan() || sum <= SMALLEST_PIVOT {
                    return None;
                }
                r[[i, i]] = sum.sqrt();
            } else {
                r[[i, j]] = sum / r[[i, i]];
            }
        }
    }
    // Back substitution, column by column of the inverse.
    let mut inverse = Array2::zeros((k, k));
    for j in 0..k {
        for i in (0..=j).rev() {
            let mut sum = if i == j { 1.0 } else { 0.0 };
            for t in i + 1..=j {
                sum -= r[[i, t]] * inverse[[t, j]];
            }
            inverse[[i, j]] = sum / r[[i, i]];
        }
    }
    for i in 0..k {
        for j in 0..k {
            r[[i, j]] *= lengths[j];
            inverse[[i, j]] /= lengths[i];
        }
    }
    let finite = inverse.iter().chain(&r).all(|v| v.is_finite());
    finite.then_some((r, inverse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::{Axis, concatenate};

    fn check<T: Scalar>(a: &Array2<T>, tolerance: f64) {
        let (q, r) = tall_qr(a.view());
        let k = a.ncols();
        let size = a.iter().fold(0.0_f64, |most, v| most.max(v.as_f64().abs()));
        let orthonormal = gram(q.mapv(|v| v.as_f64()).view());
        for ((i, j), value) in orthonormal.indexed_iter() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < tolerance, "{value} at {i}, {j}");
        }
        for (x, y) in product(&q, &r).iter().zip(a) {
            assert!((x.as_f64() - y.as_f64()).abs() <= tolerance * size * 10.0);
        }
        for i in 0..k {
            for j in 0..i {
                assert_eq!(r[[i, j]].as_f64(), 0.0);
            }
        }
    }

    #[test]
    fn the_basis_is_orthonormal_whatever_the_panel() {
        let full = random_normal::<f64>((300, 12), 3, 0);
        let mut graded = full.clone();
        for (j, mut column) in graded.columns_mut().into_iter().enumerate() {
            column.mapv_inplace(|v| v * 10.0_f64.powi(-6 * j as i32));
        }
        let mixed = full.dot(&random_normal::<f64>((12, 12), 4, 0)) + &graded;
        let deficient = concatenate![Axis(1), full, full];
        for a in [
            full,
            graded,
            mixed,
            deficient,
            Array2::zeros((20, 6)),
            Array2::ones((5, 5)),
        ] {
            check(&a, 1e-13);
            check(&a.mapv(|v| v as f32), 1e-5);
        }
    }

    #[test]
    fn a_conditioned_basis_spans_the_panel() {
        let a = random_normal::<f32>((500, 9), 5, 0).dot(&random_normal::<f32>((9, 9), 6, 0));
        let basis = conditioned_basis(a.view());
        let (q, _) = thin_qr(basis.view());
        let residual = &a - &q.dot(&q.t().dot(&a));
        assert!(residual.iter().all(|v| v.abs() < 1e-4));
        assert!(
            gram(basis.view())
                .diag()
                .iter()
                .all(|g| (g - 1.0).abs() < 1e-3)
        );
        // Nothing to condition: the basis is still orthonormal.
        let basis = conditioned_basis(Array2::<f32>::zeros((8, 3)).view());
        assert!(
            gram(basis.view())
                .diag()
                .iter()
                .all(|g| (g - 1.0).abs() < 1e-3)
        );
    }
}
