//! Cholesky by blocks of a cache line of rows, and the solution with its triangle.

use super::PARTIAL_SUMS;
use super::gram::AddGram;
use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;

/// Lines of a row that are solved for at once, so that none waits for another.
const LINES: usize = 4;

/// A = UᵀU in place of the upper triangle of A, of `stride` rows and columns, a whole number of lines. A pivot
/// that is lost in rounding makes its row zero; so do those beyond the rank, which are zeros.
pub(super) struct Factor<'a, T> {
    pub(super) matrix: &'a mut [T],
    pub(super) stride: usize,
    pub(super) simd: Simd,
}

impl<T: Scalar> Factor<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let Self {
            matrix,
            stride,
            simd,
        } = self;
        let least = least_pivot(matrix, stride);
        for first in (0..stride).step_by(L) {
            let (block, below) = matrix[first * stride..].split_at_mut(L * stride);
            let mut inner = [[T::zero(); L]; L];
            for (inner, row) in inner.iter_mut().zip(block.chunks_exact(stride)) {
                inner.copy_from_slice(&row[first..first + L]);
            }
            let inverses = factor_block::<FMA, L, T>(&mut inner, least);
            for (inner, row) in inner.iter().zip(block.chunks_exact_mut(stride)) {
                row[first..first + L].copy_from_slice(inner);
            }
            for column in (first + L..stride).step_by(LINES * L) {
                let lines = ((stride - column) / L).min(LINES);
                let solve = Panel {
                    inner: &inner,
                    inverses: &inverses,
                    block,
                    stride,
                    column,
                };
                match lines {
                    1 => solve.lines::<FMA, 1>(),
                    2 => solve.lines::<FMA, 2>(),
                    3 => solve.lines::<FMA, 3>(),
                    _ => solve.lines::<FMA, LINES>(),
                }
            }
            if !below.is_empty() {
                AddGram {
                    panel: block,
                    stride,
                    matrix: below,
                    first: first + L,
                    subtract: true,
                    simd,
                }
                .lines::<FMA, L>();
            }
        }
    }
}

/// What a pivot has to exceed so as not to be rounding alone.
#[inline(always)]
pub(super) fn least_pivot<T: Scalar>(matrix: &[T], stride: usize) -> T {
    let largest = (0..stride).map(|j| matrix[j * stride + j].as_f64());
    let largest = largest.fold(0.0, f64::max);
    T::from_f64(largest * stride as f64 * T::epsilon().as_f64())
}

/// Factors the block on the diagonal, and gives the inverses of its pivots, 0 for one that is lost.
#[inline(always)]
fn factor_block<const FMA: bool, const L: usize, T: Scalar>(
    block: &mut [[T; L]; L],
    least: T,
) -> [T; L] {
    let mut inverses = [T::zero(); L];
    for j in 0..L {
        let pivot = block[j][j];
        let inverse = if pivot > least {
            T::one() / pivot.sqrt()
        } else {
            T::zero()
        };
        inverses[j] = inverse;
        let mut row = block[j];
        for lane in 0..L {
            row[lane] *= inverse;
        }
        block[j] = row;
        for i in j + 1..L {
            let factor = -row[i];
            let mut other = block[i];
            for lane in 0..L {
                other[lane] = multiply_add::<FMA, T>(factor, row[lane], other[lane]);
            }
            block[i] = other;
        }
    }
    inverses
}

/// The rows of a block right of the diagonal: U⁻ᵀ times what is there.
struct Panel<'a, T, const L: usize> {
    inner: &'a [[T; L]; L],
    inverses: &'a [T; L],
    block: &'a mut [T],
    stride: usize,
    column: usize,
}

impl<T: Scalar, const L: usize> Panel<'_, T, L> {
    #[inline(always)]
    fn lines<const FMA: bool, const LINES: usize>(self) {
        let mut solved = [[[T::zero(); L]; LINES]; L];
        for i in 0..L {
            let row = &mut self.block[i * self.stride + self.column..][..LINES * L];
            let mut sums = [[T::zero(); L]; LINES];
            for (sums, row) in sums.iter_mut().zip(row.chunks_exact(L)) {
                sums.copy_from_slice(row);
            }
            for j in 0..i {
                let factor = -self.inner[j][i];
                for c in 0..LINES {
                    for lane in 0..L {
                        sums[c][lane] =
                            multiply_add::<FMA, T>(factor, solved[j][c][lane], sums[c][lane]);
                    }
                }
            }
            for c in 0..LINES {
                for lane in 0..L {
                    sums[c][lane] *= self.inverses[i];
                }
            }
            solved[i] = sums;
            for (sums, row) in sums.iter().zip(row.chunks_exact_mut(L)) {
                row.copy_from_slice(sums);
            }
        }
    }
}

impl<T: Scalar> Kernel for Factor<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn run_avx512(self) {
        use std::arch::x86_64::{__m512, __m512d};
        // SAFETY: the caller has AVX-512, and a line is a register of numbers of this type.
        match line::<T>() {
            16 => unsafe { self.wide::<__m512, 16>() },
            _ => unsafe { self.wide::<__m512d, 8>() },
        }
    }
}

/// The solution of UᵀU x = values, in their place; 0 where a row of U is zero.
pub(super) struct Substitute<'a, T> {
    pub(super) triangle: &'a [T],
    pub(super) rank: usize,
    pub(super) stride: usize,
    pub(super) values: &'a mut [T],
}

impl<T: Scalar> Kernel for Substitute<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self {
            triangle,
            rank,
            stride,
            values,
        } = self;
        for j in 0..rank {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let solved = values[j] / row[j];
            values[j] = solved;
            for (value, u) in values[j + 1..rank].iter_mut().zip(&row[j + 1..]) {
                *value = multiply_add::<FMA, T>(-solved, *u, *value);
            }
        }
        for j in (0..rank).rev() {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let (known, triangle) = (&values[j + 1..rank], &row[j + 1..]);
            let mut sums = [T::zero(); PARTIAL_SUMS];
            let (groups, rest) = known.as_chunks::<PARTIAL_SUMS>();
            let (of_row, row_rest) = triangle.as_chunks::<PARTIAL_SUMS>();
            for (values, row) in groups.iter().zip(of_row) {
                for lane in 0..PARTIAL_SUMS {
                    sums[lane] = multiply_add::<FMA, T>(values[lane], row[lane], sums[lane]);
                }
            }
            let mut sum = T::zero();
            for (value, u) in rest.iter().zip(row_rest) {
                sum = multiply_add::<FMA, T>(*value, *u, sum);
            }
            for partial in sums {
                sum += partial;
            }
            values[j] = (values[j] - sum) / row[j];
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn run_avx512(self) {
        use std::arch::x86_64::{__m512, __m512d};
        // SAFETY: the caller has AVX-512, and a line is a register of numbers of this type.
        match line::<T>() {
            16 => unsafe { self.wide::<__m512, 16>() },
            _ => unsafe { self.wide::<__m512d, 8>() },
        }
    }
}
