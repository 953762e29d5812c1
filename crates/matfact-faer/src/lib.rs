//! `faer`'s products and decompositions for `matfact-linalg`, compiled once.
//!
//! `faer` is generic in the element type, and whoever calls it compiles it: about a minute for each
//! crate and each test binary. The functions here have no type parameters, so that the work is done
//! when this crate is compiled, which changes only with `faer`. Nothing else is here; shapes, layouts
//! and failures are `matfact-linalg`'s business.
#![forbid(unsafe_code)]

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_q_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply_q,
};
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::traits::ComplexField;
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par};

macro_rules! compiled_here {
    ($scalar:ty, $matmul:ident, $thin_qr:ident, $svd:ident) => {
        /// `out = left · right`, or `out += left · right`.
        ///
        /// # Panics
        /// If the shapes do not fit.
        pub fn $matmul(
            out: MatMut<'_, $scalar>,
            accumulate: Accum,
            left: MatRef<'_, $scalar>,
            right: MatRef<'_, $scalar>,
            par: Par,
        ) {
            faer::linalg::matmul::matmul(out, accumulate, left, right, 1.0, par);
        }

        /// Q (m x k) and R (k x k) of `a` (m x k, m >= k), by Householder reflections on one thread.
        ///
        /// # Panics
        /// If the shapes do not fit.
        pub fn $thin_qr(a: MatRef<'_, $scalar>, q: MatMut<'_, $scalar>, r: MatMut<'_, $scalar>) {
            thin_qr_into(a, q, r);
        }

        /// U (m x p), V (n x p) and the p = min(m, n) singular values of `a`, on one thread; `None`
        /// without convergence.
        ///
        /// # Panics
        /// If the shapes do not fit.
        pub fn $svd(
            a: MatRef<'_, $scalar>,
            u: MatMut<'_, $scalar>,
            v: MatMut<'_, $scalar>,
        ) -> Option<Vec<$scalar>> {
            svd_into(a, u, v)
        }
    };
}
/// The eigenvectors (k x k) and ascending eigenvalues of the symmetric `a`, of which the lower triangle is
/// read, on one thread; `None` without convergence.
///
/// # Panics
/// If the shapes do not fit.
pub fn symmetric_eigen_f64(a: MatRef<'_, f64>, mut vectors: MatMut<'_, f64>) -> Option<Vec<f64>> {
    let k = a.nrows();
    let mut values = faer::Col::<f64>::zeros(k);
    let all = ComputeEigenvectors::Yes;
    let scratch = self_adjoint_evd_scratch::<f64>(k, all, Par::Seq, Default::default());
    let mut found = Mat::zeros(k, k);
    self_adjoint_evd(
        a,
        values.as_mut().as_diagonal_mut(),
        Some(found.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    vectors.copy_from(&found);
    Some((0..k).map(|i| values[i]).collect())
}

compiled_here!(f32, matmul_f32, thin_qr_f32, svd_f32);
compiled_here!(f64, matmul_f64, thin_qr_f64, svd_f64);

fn thin_qr_into<U: ComplexField + Copy>(
    a: MatRef<'_, U>,
    mut q: MatMut<'_, U>,
    mut r: MatMut<'_, U>,
) {
    let (m, k) = (a.nrows(), a.ncols());
    let mut factors = a.to_owned();
    let block = recommended_block_size::<U>(m, k);
    let mut coefficients = Mat::zeros(block, k);
    let scratch = qr_in_place_scratch::<U>(m, k, block, Par::Seq, Default::default());
    qr_in_place(
        factors.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    for j in 0..k {
        for i in 0..k {
            r[(i, j)] = if i <= j {
                factors[(i, j)]
            } else {
                faer::traits::math_utils::zero()
            };
        }
    }
    // faer applies reflections to column-major panels fastest.
    let mut basis = Mat::identity(m, k);
    let scratch = apply_q_scratch::<U>(m, block, k);
    apply_q(
        factors.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        basis.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    q.copy_from(&basis);
}

fn svd_into<U: ComplexField + Copy>(
    a: MatRef<'_, U>,
    mut u_out: MatMut<'_, U>,
    mut v_out: MatMut<'_, U>,
) -> Option<Vec<U>> {
    let (m, n) = (a.nrows(), a.ncols());
    let p = m.min(n);
    let (mut u, mut v) = (Mat::zeros(m, p), Mat::zeros(n, p));
    let mut s = faer::Col::<U>::zeros(p);
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd_scratch::<U>(m, n, thin, thin, Par::Seq, Default::default());
    svd(
        a,
        s.as_mut().as_diagonal_mut(),
        Some(u.as_mut()),
        Some(v.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    u_out.copy_from(&u);
    v_out.copy_from(&v);
    Some((0..p).map(|i| s[i]).collect())
}
