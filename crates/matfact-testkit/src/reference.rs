//! Reference computations in `f64`, written to be right and nothing else: what laws compare with.

use matfact_core::Scalar;
use matfact_core::ndarray::{Array1, Array2, ArrayView2, Axis};

/// Every sweep more than squares the small cosines; a dozen is enough, and nothing waits for ever.
const MAX_SWEEPS: usize = 60;

/// A full thin singular value decomposition X = U diag(s) Vᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceSvd {
    /// Left vectors: m x min(m, n), orthonormal also where a singular value is zero.
    pub u: Array2<f64>,
    /// Singular values, descending.
    pub s: Array1<f64>,
    /// Right vectors as rows: min(m, n) x n, orthonormal.
    pub vt: Array2<f64>,
}

impl ReferenceSvd {
    /// The smallest Frobenius error that a model of `rank` can have: √(σ²ₖ₊₁ + σ²ₖ₊₂ + …).
    #[must_use]
    pub fn best_error(&self, rank: usize) -> f64 {
        let tail = self.s.iter().skip(rank);
        tail.fold(0.0, |sum: f64, s| sum.hypot(*s))
    }

    /// The best approximation of `rank`.
    #[must_use]
    pub fn truncated(&self, rank: usize) -> Array2<f64> {
        let kept: Vec<usize> = (0..rank.min(self.s.len())).collect();
        let scaled = self.u.select(Axis(1), &kept) * &self.s.select(Axis(0), &kept);
        scaled.dot(&self.vt.select(Axis(0), &kept))
    }
}

/// The singular value decomposition of a finite matrix by one-sided Jacobi rotations (Hestenes;
/// Demmel and Veselić), which is accurate for every spectrum. For small matrices: a sweep takes
/// m n² operations.
///
/// ```
/// use matfact_core::ndarray::array;
/// let svd = matfact_testkit::reference::jacobi_svd(array![[3.0, 0.0], [0.0, -4.0]].view());
/// assert!((svd.s[0] - 4.0).abs() < 1e-15);
/// assert!((svd.best_error(1) - 3.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn jacobi_svd(x: ArrayView2<'_, f64>) -> ReferenceSvd {
    if x.nrows() < x.ncols() {
        let ReferenceSvd { u, s, vt } = jacobi_svd(x.t());
        return ReferenceSvd {
            u: vt.reversed_axes(),
            s,
            vt: u.reversed_axes(),
        };
    }
    // A power of two as the scale: exact, and no square overflows or vanishes.
    let largest = x.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    let scale = if largest > 0.0 {
        largest.log2().floor().clamp(-1020.0, 1020.0).exp2()
    } else {
        1.0
    };
    let mut a = x.mapv(|v| v / scale);
    let n = a.ncols();
    let mut v = Array2::<f64>::eye(n);
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                rotated |= rotate(&mut a, &mut v, p, q);
            }
        }
        if !rotated {
            break;
        }
    }
    let norms: Vec<f64> = a.columns().into_iter().map(|c| c.dot(&c).sqrt()).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| norms[*j].total_cmp(&norms[*i]));
    let s: Array1<f64> = order.iter().map(|i| norms[*i]).collect();
    let u = complete(a.select(Axis(1), &order), &s);
    ReferenceSvd {
        u,
        s: s * scale,
        vt: v.select(Axis(1), &order).reversed_axes(),
    }
}

/// Makes columns p and q of `a` orthogonal; whether they were not.
fn rotate(a: &mut Array2<f64>, v: &mut Array2<f64>, p: usize, q: usize) -> bool {
    let (alpha, beta) = (a.column(p).dot(&a.column(p)), a.column(q).dot(&a.column(q)));
    let gamma = a.column(p).dot(&a.column(q));
    if gamma.abs() <= f64::EPSILON * alpha.sqrt() * beta.sqrt() || gamma == 0.0 {
        return false;
    }
    let zeta = (beta - alpha) / (2.0 * gamma);
    let t = if zeta.abs() > 1e150 {
        0.5 / zeta
    } else {
        zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt())
    };
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = c * t;
    for matrix in [a, v] {
        for mut row in matrix.rows_mut() {
            let (x, y) = (row[p], row[q]);
            row[p] = c * x - s * y;
            row[q] = s * x + c * y;
        }
    }
    true
}

/// Unit columns from columns of norms `s` (descending); those of no weight are replaced by what
/// completes the basis.
fn complete(mut u: Array2<f64>, s: &Array1<f64>) -> Array2<f64> {
    let m = u.nrows();
    let negligible = 64.0 * f64::EPSILON * s.first().copied().unwrap_or(0.0);
    for j in 0..u.ncols() {
        if s[j] > negligible {
            u.column_mut(j).mapv_inplace(|x| x / s[j]);
            continue;
        }
        let best = (0..m)
            .map(|axis| {
                let mut e = Array1::<f64>::zeros(m);
                e[axis] = 1.0;
                // Twice is enough.
                for _ in 0..2 {
                    for i in 0..j {
                        let along = u.column(i).dot(&e);
                        e.scaled_add(-along, &u.column(i));
                    }
                }
                e
            })
            .max_by(|a, b| a.dot(a).total_cmp(&b.dot(b)))
            .expect("a matrix with columns has rows here: m >= n > j");
        let norm = best.dot(&best).sqrt();
        u.column_mut(j).assign(&(best / norm));
    }
    u
}

/// The distance from 1 to the next number of the element type.
#[must_use]
pub fn epsilon<T: Scalar>() -> f64 {
    T::epsilon().as_f64()
}

/// The matrix in double precision (exact).
#[must_use]
pub fn to_f64<T: Scalar>(x: ArrayView2<'_, T>) -> Array2<f64> {
    x.mapv(Scalar::as_f64)
}

/// The matrix in the element type `T`, rounded to nearest.
#[must_use]
pub fn from_f64<T: Scalar>(x: ArrayView2<'_, f64>) -> Array2<T> {
    x.mapv(T::from_f64)
}

/// ‖X‖ in the Frobenius norm, without overflow.
#[must_use]
pub fn frobenius_norm(x: ArrayView2<'_, f64>) -> f64 {
    let largest = x.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let sum: f64 = x.iter().map(|v| (v / largest) * (v / largest)).sum();
    largest * sum.sqrt()
}

/// ‖A − B‖ in the Frobenius norm; NaN if either holds one.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn frobenius_distance(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> f64 {
    assert_eq!(a.dim(), b.dim(), "two matrices of one shape");
    let difference = &a - &b;
    if difference.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    frobenius_norm(difference.view())
}

/// A · B by the definition.
///
/// # Panics
/// If the inner sides differ.
#[must_use]
pub fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    assert_eq!(a.ncols(), b.nrows(), "inner sides of a product");
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        (0..a.ncols()).map(|t| a[[i, t]] * b[[t, j]]).sum()
    })
}

/// ‖QᵀQ − I‖₁, the largest column sum: how far the columns of Q are from orthonormal.
#[must_use]
pub fn orthonormality_error(q: ArrayView2<'_, f64>) -> f64 {
    let mut gram = product(q.t(), q);
    gram.diag_mut().mapv_inplace(|d| d - 1.0);
    let sums = gram
        .columns()
        .into_iter()
        .map(|c| c.iter().map(|v| v.abs()).sum());
    sums.fold(
        0.0,
        |max: f64, sum: f64| if sum > max || sum.is_nan() { sum } else { max },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hard::hard_matrices;

    #[test]
    fn the_reference_svd_is_exact_to_rounding_on_every_hard_matrix() {
        for (name, x) in hard_matrices::<f64>() {
            let svd = jacobi_svd(x.view());
            let k = svd.s.len();
            let norm = frobenius_norm(x.view());
            let error = frobenius_distance(x.view(), svd.truncated(k).view());
            assert!(
                error <= 1e-14 * norm + f64::MIN_POSITIVE,
                "{name}: {error:e} of {norm:e}"
            );
            assert!(orthonormality_error(svd.u.view()) < 1e-14, "{name}: U");
            assert!(orthonormality_error(svd.vt.t()) < 1e-14, "{name}: V");
            assert!(svd.s.iter().is_sorted_by(|a, b| a >= b), "{name}");
            assert!(svd.best_error(k) == 0.0 && svd.best_error(0) <= norm * (1.0 + 1e-14));
        }
    }

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        let x = Array2::from_elem((2, 2), 1e300);
        assert_eq!(frobenius_norm(x.view()), 2e300);
        let x = Array2::from_elem((2, 2), 1e-300);
        assert_eq!(frobenius_norm(x.view()), 2e-300);
    }
}
