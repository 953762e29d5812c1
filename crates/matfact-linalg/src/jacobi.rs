//! One-sided Jacobi: the second path for small singular value decompositions.

use matfact_core::Scalar;
use matfact_core::ndarray::{Array1, Array2, ArrayView2, Axis};

/// Sweeps after which the rotations are taken as final; 6 to 10 are usual.
const MAX_SWEEPS: usize = 60;

/// The thin singular value decomposition `a = U diag(s) Vᵀ` by one-sided Jacobi rotations
/// (Hestenes 1958), in `f64` throughout: U (m x p), s (p, descending), Vᵀ (p x n), p = min(m, n).
///
/// Slow and safe: it cannot fail to end, and vectors of zero singular values are completed to an
/// orthonormal set. [`small_svd`](crate::small_svd) falls back on it.
///
/// ```
/// use ndarray::array;
/// let (_, s, _) = matfact_linalg::jacobi_svd(array![[3.0, 0.0], [0.0, 4.0]].view());
/// assert_eq!(s, array![4.0, 3.0]);
/// # use matfact_core::ndarray;
/// ```
#[must_use]
pub fn jacobi_svd<T: Scalar>(a: ArrayView2<'_, T>) -> (Array2<T>, Array1<T>, Array2<T>) {
    if a.nrows() < a.ncols() {
        let (u, s, vt) = jacobi_svd(a.t());
        return (transposed(&vt), s, transposed(&u));
    }
    let (m, n) = a.dim();
    let scale = a.iter().fold(0.0_f64, |most, x| most.max(x.as_f64().abs()));
    let inverse = if scale > 0.0 { 1.0 / scale } else { 1.0 };
    // Rows of `work` are the columns of a, rows of `vt` those of V: contiguous where rotated.
    let mut work = Array2::from_shape_fn((n, m), |(j, i)| a[[i, j]].as_f64() * inverse);
    let mut vt = Array2::<f64>::eye(n);
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                rotated |= orthogonalize(&mut work, &mut vt, p, q);
            }
        }
        if !rotated {
            break;
        }
    }
    let norms: Vec<f64> = work
        .rows()
        .into_iter()
        .map(|row| row.dot(&row).sqrt())
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| norms[*j].total_cmp(&norms[*i]));
    let largest = order.first().map_or(0.0, |i| norms[*i]);
    let mut left = Array2::<f64>::zeros((n, m));
    for (k, &i) in order.iter().enumerate() {
        if norms[i] > largest * f64::EPSILON * m as f64 {
            left.row_mut(k).assign(&work.row(i));
            left.row_mut(k).mapv_inplace(|x| x / norms[i]);
        } else {
            complete(&mut left, k);
        }
    }
    let u = Array2::from_shape_fn((m, n), |(i, k)| T::from_f64(left[[k, i]]));
    let s = order
        .iter()
        .map(|i| T::from_f64(norms[*i] * scale))
        .collect();
    let vt = vt.select(Axis(0), &order).mapv(T::from_f64);
    (u, s, vt)
}

fn transposed<T: Scalar>(a: &Array2<T>) -> Array2<T> {
    a.t().as_standard_layout().into_owned()
}

/// Rotates two columns so that they are orthogonal; says whether they were not.
fn orthogonalize(work: &mut Array2<f64>, vt: &mut Array2<f64>, p: usize, q: usize) -> bool {
    let (x, y) = (work.row(p), work.row(q));
    let (xx, yy, xy) = (x.dot(&x), y.dot(&y), x.dot(&y));
    if xy == 0.0 || xy.abs() <= f64::EPSILON * (xx * yy).sqrt() {
        return false;
    }
    let zeta = (yy - xx) / (2.0 * xy);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = cosine * tangent;
    for matrix in [work, vt] {
        for i in 0..matrix.ncols() {
            let (a, b) = (matrix[[p, i]], matrix[[q, i]]);
            matrix[[p, i]] = cosine * a - sine * b;
            matrix[[q, i]] = sine * a + cosine * b;
        }
    }
    true
}

/// Makes row `k` a unit vector orthogonal to the rows above it: the coordinate vector that they
/// cover least, orthogonalized twice.
fn complete(rows: &mut Array2<f64>, k: usize) {
    let covered = |i: usize| rows.column(i).iter().take(k).map(|x| x * x).sum::<f64>();
    let least = (0..rows.ncols()).min_by(|i, j| covered(*i).total_cmp(&covered(*j)));
    let mut vector = Array1::<f64>::zeros(rows.ncols());
    vector[least.expect("a matrix with rows has columns")] = 1.0;
    for _ in 0..2 {
        for above in 0..k {
            let overlap = rows.row(above).dot(&vector);
            vector.scaled_add(-overlap, &rows.row(above));
        }
        let norm = vector.dot(&vector).sqrt();
        vector.mapv_inplace(|x| x / norm);
    }
    rows.row_mut(k).assign(&vector);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::small_svd;
    use matfact_core::ndarray::array;

    fn check(a: &Array2<f64>) {
        let (u, s, vt) = jacobi_svd(a.view());
        let p = a.nrows().min(a.ncols());
        let close = |x: &Array2<f64>, y: &Array2<f64>, scale: f64| {
            x.iter().zip(y).all(|(x, y)| (x - y).abs() <= 1e-12 * scale)
        };
        let scale = s.first().copied().unwrap_or(0.0).max(1e-300);
        assert!(close(&(&u * &s).dot(&vt), a, scale), "{a} is not U S Vt");
        assert!(close(&u.t().dot(&u), &Array2::eye(p), 1.0), "U of {a}");
        assert!(close(&vt.dot(&vt.t()), &Array2::eye(p), 1.0), "V of {a}");
        assert!(s.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        let (_, reference, _) = small_svd(a.view());
        let agree = s
            .iter()
            .zip(&reference)
            .all(|(x, y)| (x - y).abs() <= 1e-12 * scale);
        assert!(agree, "{a}: {s} against {reference}");
    }

    #[test]
    fn it_agrees_with_the_other_path_on_easy_and_hard_matrices() {
        let wave = |m: usize, n: usize| {
            Array2::from_shape_fn((m, n), |(i, j)| ((i * 7 + j * 3) as f64).sin())
        };
        for a in [
            wave(9, 5),
            wave(5, 9),
            wave(1, 1),
            wave(6, 1),
            Array2::zeros((4, 3)),
            Array2::eye(5),
            Array2::ones((3, 6)),
            array![[1e200, 0.0], [1e200, 1e190]],
            array![[1e-200, 2e-200], [0.0, 1e-210]],
        ] {
            check(&a);
        }
    }
}
