//! Sums of the products of rows with themselves: the upper triangle of a Gram matrix.
//!
//! Sums of eight rows and two cache lines of columns of the result stay in registers while the rows go by
//! (four rows and one line where registers are of half the length), so that each number that is loaded is
//! multiplied often enough to keep the multipliers busy.

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;

/// Rows of sums in one array: larger ones are not kept in registers.
const GROUP: usize = 4;

/// A line of each of [`GROUP`] rows.
type Sums<T, const L: usize> = [[T; L]; GROUP];

/// Adds Σ s sᵀ over the rows s of a panel to the upper triangle of the `rows` of a matrix from `first` on, or
/// takes it away. Lines that the diagonal passes through are whole.
pub(super) struct AddGram<'a, T> {
    /// Rows of `stride` numbers.
    pub(super) panel: &'a [T],
    pub(super) stride: usize,
    /// Rows of `stride` numbers: the matrix from row `first`, a multiple of a line, on.
    pub(super) matrix: &'a mut [T],
    pub(super) first: usize,
    pub(super) subtract: bool,
    pub(super) simd: Simd,
}

impl<T: Scalar> AddGram<'_, T> {
    #[inline(always)]
    pub(super) fn lines<const FMA: bool, const L: usize>(self) {
        if self.subtract {
            self.tiles::<FMA, true, L>();
        } else {
            self.tiles::<FMA, false, L>();
        }
    }

    #[inline(always)]
    fn tiles<const FMA: bool, const SUBTRACT: bool, const L: usize>(self) {
        let Self {
            panel,
            stride,
            matrix,
            first,
            simd,
            ..
        } = self;
        let start = first;
        if simd < Simd::Avx512 {
            for row in (first..stride).step_by(GROUP) {
                let out = &mut matrix[(row - start) * stride..];
                for column in (row / L * L..stride).step_by(L) {
                    narrow::<FMA, SUBTRACT, L, T>(panel, stride, (row, column), out);
                }
            }
            return;
        }
        for row in (first..stride).step_by(2 * GROUP) {
            let (out, below) = matrix[(row - start) * stride..].split_at_mut(GROUP * stride);
            let mut column = row / L * L;
            if (stride - column) / L % 2 == 1 {
                narrow::<FMA, SUBTRACT, L, T>(panel, stride, (row, column), out);
                narrow::<FMA, SUBTRACT, L, T>(panel, stride, (row + GROUP, column), below);
                column += L;
            }
            while column < stride {
                wide::<FMA, SUBTRACT, L, T>(panel, stride, (row, column), (out, below));
                column += 2 * L;
            }
        }
    }
}

/// Four rows of one line.
#[inline(always)]
fn narrow<const FMA: bool, const SUBTRACT: bool, const L: usize, T: Scalar>(
    panel: &[T],
    stride: usize,
    (row, column): (usize, usize),
    out: &mut [T],
) {
    let mut sums = [[T::zero(); L]; GROUP];
    for values in panel.chunks_exact(stride) {
        let (left, right) = (&values[row..row + GROUP], &values[column..column + L]);
        add::<FMA, SUBTRACT, L, T>(left, right, &mut sums);
    }
    write(&sums, stride, column, out);
}

/// Eight rows of two lines.
#[inline(always)]
fn wide<const FMA: bool, const SUBTRACT: bool, const L: usize, T: Scalar>(
    panel: &[T],
    stride: usize,
    (row, column): (usize, usize),
    (out, below): (&mut [T], &mut [T]),
) {
    let zeros = [[T::zero(); L]; GROUP];
    let (mut a, mut b, mut c, mut d) = (zeros, zeros, zeros, zeros);
    for values in panel.chunks_exact(stride) {
        let left = &values[row..row + 2 * GROUP];
        let right = &values[column..column + 2 * L];
        add::<FMA, SUBTRACT, L, T>(&left[..GROUP], &right[..L], &mut a);
        add::<FMA, SUBTRACT, L, T>(&left[..GROUP], &right[L..], &mut b);
        add::<FMA, SUBTRACT, L, T>(&left[GROUP..], &right[..L], &mut c);
        add::<FMA, SUBTRACT, L, T>(&left[GROUP..], &right[L..], &mut d);
    }
    write(&a, stride, column, out);
    write(&b, stride, column + L, out);
    write(&c, stride, column, below);
    write(&d, stride, column + L, below);
}

#[inline(always)]
fn add<const FMA: bool, const SUBTRACT: bool, const L: usize, T: Scalar>(
    left: &[T],
    right: &[T],
    sums: &mut Sums<T, L>,
) {
    for r in 0..GROUP {
        let factor = if SUBTRACT { -left[r] } else { left[r] };
        for lane in 0..L {
            sums[r][lane] = multiply_add::<FMA, T>(factor, right[lane], sums[r][lane]);
        }
    }
}

#[inline(always)]
fn write<const L: usize, T: Scalar>(
    sums: &Sums<T, L>,
    stride: usize,
    column: usize,
    out: &mut [T],
) {
    for r in 0..GROUP {
        let out = &mut out[r * stride + column..][..L];
        for lane in 0..L {
            out[lane] += sums[r][lane];
        }
    }
}

impl<T: Scalar> Kernel for AddGram<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}
