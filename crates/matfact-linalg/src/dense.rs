//! Dense products, thin QR and small singular value decompositions, by `faer`.
//!
//! `faer`'s generics are compiled in `matfact-faer`, once for each of the two scalars, and its types stay
//! inside. Its GEMM gives the same bits for any number of threads; its QR and SVD run on one.

use faer::{Accum, MatMut, MatRef, Par};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use matfact_faer::{
    matmul_f32, matmul_f64, svd_f32, svd_f64, symmetric_eigen_f64, thin_qr_f32, thin_qr_f64,
};
use std::any::TypeId;

/// Products with fewer multiplications than this run on the calling thread.
const PARALLEL_FROM: usize = 1 << 20;

/// Whether two scalar types are one.
fn same<T: Scalar, U: Scalar>() -> bool {
    TypeId::of::<T>() == TypeId::of::<U>()
}

fn faer_ref<'a, T: Scalar, U: Scalar>(view: &ArrayView2<'a, T>) -> MatRef<'a, U> {
    assert!(same::<T, U>());
    let (rows, columns) = view.dim();
    let strides = view.strides();
    // SAFETY: T and U are one type; pointer, shape and strides are those of a valid view that lives
    // for 'a and is not written to while it is borrowed.
    unsafe {
        MatRef::from_raw_parts(
            view.as_ptr().cast::<U>(),
            rows,
            columns,
            strides[0],
            strides[1],
        )
    }
}

fn faer_mut<'a, T: Scalar, U: Scalar>(view: &'a mut ArrayViewMut2<'_, T>) -> MatMut<'a, U> {
    assert!(same::<T, U>());
    let (rows, columns) = view.dim();
    let (down, right) = (view.strides()[0], view.strides()[1]);
    // SAFETY: T and U are one type; pointer, shape and strides are those of a valid mutable view,
    // borrowed exclusively for 'a.
    unsafe { MatMut::from_raw_parts_mut(view.as_mut_ptr().cast::<U>(), rows, columns, down, right) }
}

/// `out = left · right`, on the current pool for large products.
///
/// # Panics
/// If the shapes do not fit.
pub fn multiply_dense<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
) {
    assert_eq!(left.ncols(), right.nrows(), "inner dimensions of a product");
    assert_eq!(
        out.dim(),
        (left.nrows(), right.ncols()),
        "shape of a product"
    );
    // A view may have any stride along an axis of length one; sums must not depend on it.
    if left.nrows() == 1 || left.ncols() == 1 {
        let line = Array2::from_shape_vec(left.dim(), left.iter().copied().collect())
            .expect("as many values as the view has");
        return multiply_any(line.view(), right, out);
    }
    multiply_any(left, right, out);
}

fn multiply_any<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
) {
    // For a single column faer takes another road, whose sums depend on the layout.
    if right.ncols() == 1 && left.nrows() > 1 {
        let mut padded = Array2::default((right.nrows(), 2));
        padded.column_mut(0).assign(&right.column(0));
        let mut product = Array2::default((left.nrows(), 2));
        multiply_dense(left, padded.view(), product.view_mut());
        out.column_mut(0).assign(&product.column(0));
        return;
    }
    let work = left.nrows() * left.ncols() * right.ncols();
    // So do its small kernels; copies bring them to one layout. Large products pack their operands
    // anyway, from any positive strides.
    let negative = left.strides().iter().any(|stride| *stride < 0);
    if left.strides()[1] != 1 && (work < PARALLEL_FROM || negative) {
        let left = left.as_standard_layout().into_owned();
        return multiply_standard(left.view(), right, out, work);
    }
    multiply_standard(left, right, out, work);
}

fn multiply_standard<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
    work: usize,
) {
    let par = if work < PARALLEL_FROM {
        Par::Seq
    } else {
        Par::rayon(0)
    };
    multiply_by_faer(left, right, out, Accum::Replace, par);
}

/// `out = left · right` on the calling thread alone.
pub(crate) fn multiply_here<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
) {
    multiply_by_faer(left, right, out, Accum::Replace, Par::Seq);
}

/// `out += left · right` on the calling thread alone.
pub(crate) fn add_product_here<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    out: ArrayViewMut2<'_, T>,
) {
    multiply_by_faer(left, right, out, Accum::Add, Par::Seq);
}

fn multiply_by_faer<T: Scalar>(
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, T>,
    accumulate: Accum,
    par: Par,
) {
    if same::<T, f32>() {
        let (left, right) = (faer_ref(&left), faer_ref(&right));
        matmul_f32(faer_mut(&mut out), accumulate, left, right, par);
    } else {
        let (left, right) = (faer_ref(&left), faer_ref(&right));
        matmul_f64(faer_mut(&mut out), accumulate, left, right, par);
    }
}

/// The Gram matrix `aᵀ · a` (k x k) of a panel (m x k).
#[must_use]
pub fn gram<T: Scalar>(a: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::default((a.ncols(), a.ncols()));
    multiply_dense(a.t(), a, out.view_mut());
    out
}

/// The Gram matrix `aᵀ · a` (k x k) of a panel (m x k), summed in `f64`.
///
/// An error of 2 % is 4e-4 of the squared norm that it is the difference of: the rounding of an `f32`
/// Gram matrix would drown its last falls.
#[must_use]
pub fn wide_gram<T: Scalar>(a: ArrayView2<'_, T>) -> Array2<f64> {
    gram(a.mapv(|v| v.as_f64()).view())
}

/// An orthonormal basis Q (m x k) and the triangle R (k x k) with `a = Q R`, for m >= k, by
/// Householder reflections: Q is orthonormal to rounding whatever the rank of `a`.
///
/// # Panics
/// If `a` has fewer rows than columns.
#[must_use]
pub fn thin_qr<T: Scalar>(a: ArrayView2<'_, T>) -> (Array2<T>, Array2<T>) {
    assert!(
        a.nrows() >= a.ncols(),
        "thin QR needs at least as many rows as columns"
    );
    let mut q = Array2::default(a.dim());
    let mut r = Array2::default((a.ncols(), a.ncols()));
    if same::<T, f32>() {
        thin_qr_f32(
            faer_ref(&a),
            faer_mut(&mut q.view_mut()),
            faer_mut(&mut r.view_mut()),
        );
    } else {
        thin_qr_f64(
            faer_ref(&a),
            faer_mut(&mut q.view_mut()),
            faer_mut(&mut r.view_mut()),
        );
    }
    (q, r)
}

/// The thin singular value decomposition `a = U diag(s) Vᵀ` of a small dense matrix: U (m x p),
/// s (p, descending), Vᵀ (p x n) with p = min(m, n).
///
/// `faer`'s decomposition of the matrix scaled by a power of two (it does not scale by itself, and
/// loses small matrices to underflow); where it does not converge or gives something that is not
/// finite, one-sided Jacobi ([`jacobi_svd`](crate::jacobi_svd)).
#[must_use]
pub fn small_svd<T: Scalar>(a: ArrayView2<'_, T>) -> (Array2<T>, Array1<T>, Array2<T>) {
    let (m, n) = a.dim();
    let p = m.min(n);
    let largest = a.iter().fold(0.0_f64, |most, x| most.max(x.as_f64().abs()));
    if largest == 0.0 || !largest.is_finite() {
        return crate::jacobi_svd(a);
    }
    let scale = power_of_two_near(largest);
    let scaled = a.mapv(|x| T::from_f64(x.as_f64() / scale));
    let (mut u, mut v) = (Array2::default((m, p)), Array2::default((n, p)));
    let rescale = |value: f64| T::from_f64(value * scale);
    let values: Option<Array1<T>> = if same::<T, f32>() {
        svd_f32(
            faer_ref(&scaled.view()),
            faer_mut(&mut u.view_mut()),
            faer_mut(&mut v.view_mut()),
        )
        .map(|s| s.into_iter().map(|s| rescale(f64::from(s))).collect())
    } else {
        svd_f64(
            faer_ref(&scaled.view()),
            faer_mut(&mut u.view_mut()),
            faer_mut(&mut v.view_mut()),
        )
        .map(|s| s.into_iter().map(rescale).collect())
    };
    match values {
        Some(s) if s.iter().chain(&u).chain(&v).all(|x: &T| x.is_finite()) => {
            (u, s, v.reversed_axes().as_standard_layout().into_owned())
        }
        _ => crate::jacobi_svd(a),
    }
}

/// The eigenvalues (k, descending) of a small symmetric matrix, and its eigenvectors (k x k) as columns. The
/// lower triangle is read.
#[must_use]
pub fn symmetric_eigen(a: ArrayView2<'_, f64>) -> (Array1<f64>, Array2<f64>) {
    let k = a.nrows();
    let largest = a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    if largest > 0.0 && largest.is_finite() {
        let scale = power_of_two_near(largest);
        let scaled = a.mapv(|x| x / scale);
        let mut ascending = Array2::default((k, k));
        let found = symmetric_eigen_f64(
            faer_ref(&scaled.view()),
            faer_mut(&mut ascending.view_mut()),
        );
        if let Some(values) = found
            && values.iter().chain(&ascending).all(|x| x.is_finite())
        {
            let values = values.iter().rev().map(|value| value * scale).collect();
            let vectors = Array2::from_shape_fn((k, k), |(i, j)| ascending[[i, k - 1 - j]]);
            return (values, vectors);
        }
    }
    // The singular vectors of a symmetric matrix are its eigenvectors, up to signs.
    let lower = |(i, j): (usize, usize)| a[[i.max(j), i.min(j)]];
    let (left, values, right_t) = crate::jacobi_svd(Array2::from_shape_fn((k, k), lower).view());
    let signed = values.iter().enumerate().map(|(j, value)| {
        let same = left.column(j).dot(&right_t.row(j)) >= 0.0;
        if same { *value } else { -value }
    });
    let mut order: Vec<(usize, f64)> = signed.enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let vectors = Array2::from_shape_fn((k, k), |(i, j)| left[[i, order[j].0]]);
    (order.into_iter().map(|(_, value)| value).collect(), vectors)
}

/// [`thin_qr`] with a diagonal of R that is not negative: Q of nearly orthonormal columns is near them.
pub(crate) fn upright_qr(a: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let (mut q, mut r) = thin_qr(a);
    for t in 0..r.nrows() {
        if r[[t, t]] < 0.0 {
            q.column_mut(t).mapv_inplace(|v| -v);
            r.row_mut(t).mapv_inplace(|v| -v);
        }
    }
    (q, r)
}

/// The power of two at or below a positive finite number: scaling by it rounds nothing.
pub(crate) fn power_of_two_near(value: f64) -> f64 {
    value.log2().floor().clamp(-1000.0, 1000.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::{Axis, concatenate};

    fn bits(a: &Array2<f32>) -> Vec<u32> {
        a.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn symmetric_matrices_are_diagonalized() {
        for (k, shift) in [(1, 0.0), (5, 0.0), (40, 3.0)] {
            let a: Array2<f64> = random_normal((k, k), 3, 0);
            let a = &a + &a.t() + Array2::<f64>::eye(k) * shift;
            for a in [a.clone(), &a * 1e-200, Array2::zeros((k, k))] {
                let (values, vectors) = symmetric_eigen(a.view());
                let size = values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
                let rest = a.dot(&vectors) - &vectors * &values;
                assert!(rest.iter().all(|r| r.abs() <= 1e-13 * size));
                let gram = vectors.t().dot(&vectors) - Array2::<f64>::eye(k);
                assert!(gram.iter().all(|g| g.abs() < 1e-13));
                assert!(values.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
            }
        }
    }

    #[test]
    fn products_have_the_same_bits_for_every_layout_and_any_number_of_threads() {
        for (m, n, k) in [
            (301, 97, 17),
            (97, 301, 40),
            (640, 513, 64),
            (64, 2000, 3),
            (7, 5, 1),
            (1, 50, 4),
            (1, 9, 1),
        ] {
            let a = random_normal::<f32>((m, n), 1, 0);
            let b = random_normal::<f32>((n, k), 2, 0);
            let product = |a: ArrayView2<'_, f32>, threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                let mut out = Array2::zeros((m, k));
                pool.install(|| multiply_dense(a, b.view(), out.view_mut()));
                bits(&out)
            };
            let expected = product(a.view(), 1);
            for threads in [2, 7] {
                assert_eq!(
                    product(a.view(), threads),
                    expected,
                    "{m} {n} {k} on {threads}"
                );
            }
            let fortran = a.t().as_standard_layout().into_owned().reversed_axes();
            assert_eq!(
                product(fortran.view(), 2),
                expected,
                "Fortran order {m} {n} {k}"
            );
            let wide = concatenate![Axis(1), a, a];
            let (gapped, _) = wide.view().split_at(Axis(1), n);
            assert_eq!(
                product(gapped, 2),
                expected,
                "gaps between rows {m} {n} {k}"
            );
            let mut reversed = a.clone();
            reversed.invert_axis(Axis(1));
            let mut reversed = reversed.as_standard_layout().into_owned();
            reversed.invert_axis(Axis(1));
            assert!(reversed.strides()[1] < 0);
            assert_eq!(
                product(reversed.view(), 2),
                expected,
                "negative strides {m} {n} {k}"
            );
            let naive = a.dot(&b);
            let mut out = Array2::zeros((m, k));
            multiply_dense(a.view(), b.view(), out.view_mut());
            assert!(naive.iter().zip(&out).all(|(x, y)| (x - y).abs() < 1e-3));
        }
    }

    #[test]
    fn the_basis_is_orthonormal_whatever_the_rank() {
        let full = random_normal::<f64>((50, 8), 3, 0);
        let deficient = concatenate![Axis(1), full, full];
        for a in [
            full,
            deficient,
            Array2::zeros((20, 6)),
            Array2::ones((5, 5)),
        ] {
            let (q, r) = thin_qr(a.view());
            let gram = q.t().dot(&q);
            let eye = Array2::<f64>::eye(a.ncols());
            assert!(
                gram.iter().zip(&eye).all(|(x, y)| (x - y).abs() < 1e-13),
                "{a}"
            );
            assert!(
                q.dot(&r).iter().zip(&a).all(|(x, y)| (x - y).abs() < 1e-13),
                "{a}"
            );
        }
    }

    #[test]
    fn small_decompositions_multiply_out() {
        for (m, n) in [(12, 7), (7, 12), (1, 4), (1, 1)] {
            let a = random_normal::<f32>((m, n), 4, 0);
            let (u, s, vt) = small_svd(a.view());
            let back = (&u * &s).dot(&vt);
            assert!(
                back.iter().zip(&a).all(|(x, y)| (x - y).abs() < 1e-5),
                "{m} x {n}"
            );
        }
        // What faer cannot do, the second path must survive too.
        let (_, s, _) = small_svd(Array2::<f32>::zeros((4, 3)).view());
        assert!(s.iter().all(|s| *s == 0.0));
    }
}
