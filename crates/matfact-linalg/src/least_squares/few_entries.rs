//! Regressions of fewer entries than numbers to be found, in the basis where what all share is a diagonal.
//!
//! With D = ωΛ + λI and the columns √w_e D^−½ q_e of a matrix B (k x n), the minimum is
//!
//! ```text
//! p = D^−½ B z,   ( I + BᵀB ) z = ( m_e / √w_e )
//! ```
//!
//! n equations in the place of k, whose matrix has no eigenvalue below 1. At the minimum, Σ w (q·p)² − 2 m q·p is
//! ‖z‖² − Σ m²/w. Where entries without weight pull by a vector b as well,
//!
//! ```text
//! p = D^−½ ( D^−½ b + B z ),   ( I + BᵀB ) z = ( m_e / √w_e ) − Bᵀ D^−½ b
//! ```
//!
//! and −2 b·p is added.

use super::cholesky::{Factor, Substitute};
use super::conjugate_gradients::dot;
use super::gather::Listed;
use super::gram::AddGram;
use super::{Aligned, PrincipalEntries, RidgeRegression};
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;

impl<T: Scalar> RidgeRegression<T> {
    /// The minimum (into `out`) by as many equations as there are entries, where that is less work and the entries and
    /// `lambda` allow it. Gives Σ_e w (q·p)² − 2 m q·p.
    pub(super) fn solve_few(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        lambda: f64,
        out: &mut [T],
    ) -> Option<f64> {
        let (stride, count) = (self.stride, entries.rows.len());
        let padded = count.next_multiple_of(line::<T>());
        if padded >= stride || !entries.weights.iter().all(|w| *w > T::zero()) {
            return None;
        }
        self.work.clear();
        self.work.resize(stride + 2 * padded, T::zero());
        let (inverse_roots, rest) = self.work.split_at_mut(stride);
        let (roots, solution) = rest.split_at_mut(padded);
        let diagonal = &entries.shared.axes.diagonal[..self.rank];
        let of_all = |t: usize| diagonal[t].as_f64() + lambda;
        let largest = (0..self.rank).map(of_all).fold(0.0, f64::max);
        let least = largest * stride as f64 * T::epsilon().as_f64();
        if (0..self.rank).any(|t| of_all(t) <= least) {
            return None;
        }
        for (t, slot) in inverse_roots[..self.rank].iter_mut().enumerate() {
            *slot = T::from_f64(of_all(t)).sqrt().recip();
        }
        let pulled = &self.pulled.as_slice()[..self.rank];
        if count == 0 {
            for (t, out) in out.iter_mut().enumerate() {
                *out = pulled[t] * inverse_roots[t] * inverse_roots[t];
            }
            return Some(-2.0 * dot(pulled, out));
        }
        let mut constant = 0.0;
        for (e, weight) in entries.weights.iter().enumerate() {
            roots[e] = weight.sqrt();
            solution[e] = entries.targets[e] / roots[e];
            constant += solution[e].as_f64().powi(2);
        }
        let room = 2 * padded * stride;
        if self.kept.as_slice().len() < room {
            self.kept = Aligned::zeros(room.next_power_of_two());
        }
        let (scaled, turned) = self.kept.as_mut_slice()[..room].split_at_mut(padded * stride);
        self.simd.run(GatherBoth {
            rows: entries.listed(),
            roots: &roots[..count],
            scales: inverse_roots,
            out: &mut *scaled,
            turned: &mut *turned,
        });
        let pulls = pulled.iter().any(|b| *b != T::zero());
        if pulls {
            let (shift, _) = self.vectors.as_mut_slice().split_at_mut(stride);
            shift.fill(T::zero());
            for (t, shift) in shift[..self.rank].iter_mut().enumerate() {
                *shift = inverse_roots[t] * pulled[t];
            }
            for (z, row) in solution.iter_mut().zip(scaled.chunks_exact(stride)) {
                *z -= T::from_f64(dot(row, shift));
            }
        }
        let matrix = &mut self.gram.as_mut_slice()[..padded * padded];
        matrix.fill(T::zero());
        self.simd.run(AddGram {
            panel: turned,
            stride: padded,
            matrix: &mut *matrix,
            first: 0,
            subtract: false,
            simd: self.simd,
        });
        for e in 0..padded {
            matrix[e * padded + e] += T::one();
        }
        self.simd.run(Factor {
            matrix: &mut *matrix,
            stride: padded,
            simd: self.simd,
        });
        self.simd.run(Substitute {
            triangle: matrix,
            rank: count,
            stride: padded,
            values: &mut *solution,
        });
        let sum = self.moments.as_mut_slice();
        self.simd.run(Combine {
            rows: scaled,
            coefficients: &solution[..count],
            scales: inverse_roots,
            out: &mut *sum,
        });
        out.copy_from_slice(&sum[..self.rank]);
        let squares = solution[..count].iter().map(|z| z.as_f64().powi(2));
        let own = squares.sum::<f64>() - constant;
        if !pulls {
            return Some(own);
        }
        for (t, out) in out.iter_mut().enumerate() {
            *out += pulled[t] * inverse_roots[t] * inverse_roots[t];
        }
        Some(own - 2.0 * dot(pulled, out))
    }
}

/// Copies the rows of a panel, each times a root of its own and each number times a scale, one after the other and
/// number by number; zeros fill both up to whole lines of rows.
struct GatherBoth<'a, T> {
    rows: Listed<'a, T>,
    roots: &'a [T],
    scales: &'a [T],
    /// Rows of `stride` numbers.
    out: &'a mut [T],
    /// `stride` rows of a number of each.
    turned: &'a mut [T],
}

impl<T: Scalar> GatherBoth<'_, T> {
    #[inline(always)]
    fn gather<const L: usize>(&mut self) {
        let stride = self.rows.stride;
        let (out, rest) = self.out.split_at_mut(self.rows.len() * stride);
        for (e, slot) in out.chunks_exact_mut(stride).enumerate() {
            self.rows.ask_ahead(e);
            let row = self.rows.row(e);
            let root = self.roots[e];
            for t in (0..stride).step_by(L) {
                let mut values = super::gather::line_at::<L, T>(row, t);
                let scales = super::gather::line_at::<L, T>(self.scales, t);
                for lane in 0..L {
                    values[lane] *= root * scales[lane];
                }
                slot[t..t + L].copy_from_slice(&values);
            }
        }
        rest.fill(T::zero());
    }

    #[inline(always)]
    fn turn(self) {
        let padded = self.turned.len() / self.rows.stride.max(1);
        for (e, row) in self.out.chunks_exact(self.rows.stride).enumerate() {
            for (t, value) in row.iter().enumerate() {
                self.turned[t * padded + e] = *value;
            }
        }
    }
}

impl<T: Scalar> Kernel for GatherBoth<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        match line::<T>() {
            16 => self.gather::<16>(),
            _ => self.gather::<8>(),
        }
        self.turn();
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn run_avx512(mut self) {
        use super::wide_gather::transpose_all;
        use std::arch::x86_64::{__m512, __m512d};
        match line::<T>() {
            16 => self.gather::<16>(),
            _ => self.gather::<8>(),
        }
        // SAFETY: the caller has AVX-512, and a line is a register of numbers of this type.
        match line::<T>() {
            16 => unsafe { transpose_all::<__m512, T>(self.out, self.rows.stride, self.turned) },
            _ => unsafe { transpose_all::<__m512d, T>(self.out, self.rows.stride, self.turned) },
        }
    }
}

/// The sum of rows, each times its coefficient, with each number times a scale.
struct Combine<'a, T> {
    rows: &'a [T],
    coefficients: &'a [T],
    scales: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Combine<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let stride = self.out.len();
        for t in (0..stride).step_by(L) {
            let mut sums = [T::zero(); L];
            for (row, coefficient) in self.rows.chunks_exact(stride).zip(self.coefficients) {
                let values = super::gather::line_at::<L, T>(row, t);
                for lane in 0..L {
                    sums[lane] = multiply_add::<FMA, T>(*coefficient, values[lane], sums[lane]);
                }
            }
            let scales = super::gather::line_at::<L, T>(self.scales, t);
            for lane in 0..L {
                sums[lane] *= scales[lane];
            }
            self.out[t..t + L].copy_from_slice(&sums);
        }
    }
}

impl<T: Scalar> Kernel for Combine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}
