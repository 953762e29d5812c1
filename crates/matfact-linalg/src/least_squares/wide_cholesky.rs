//! Cholesky and the solution with its triangle with AVX-512: a block of a register of rows at a time, in place.
//!
//! What each row takes from those below is its number there times the row, over the pivot: unscaled, so that no root
//! is waited for. Within the triangle of a block, a substitution works on the rows over their pivots, whose lanes lead
//! straight from one number to the next.

use super::cholesky::{Factor, Substitute, least_pivot};
use super::gram::AddGram;
use crate::wide::Wide;
use matfact_core::Scalar;

/// Registers of a row that are held while rows below go by.
const AT_ONCE: usize = 4;
/// Numbers of the largest block.
const MOST: usize = 16 * 16;

impl<T: Scalar> Factor<'_, T> {
    /// # Safety
    /// The processor has AVX-512, and `W` holds a line of numbers of type `T`.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide, const L: usize>(self) {
        let Self {
            matrix,
            stride,
            simd,
        } = self;
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert!(L == W::LANES && stride.is_multiple_of(L), "whole registers");
        assert_eq!(matrix.len(), stride * stride, "a square");
        let least = least_pivot(matrix, stride);
        for first in (0..stride).step_by(L) {
            for j in first..first + L {
                let pivot = matrix[j * stride + j];
                let there = pivot > least;
                let root = if there {
                    pivot.sqrt().recip()
                } else {
                    T::zero()
                };
                let inverse = if there { pivot.recip() } else { T::zero() };
                let row = matrix[j * stride..].as_mut_ptr();
                for i in j + 1..first + L {
                    // SAFETY: row j and the later row i have `stride` numbers each, whole registers.
                    unsafe {
                        let factor = *row.add(i) * inverse;
                        let below = row.add((i - j) * stride);
                        take_away::<W, T>(row, factor, below, (first, stride));
                    }
                }
                // SAFETY: row j has `stride` numbers, whole registers.
                unsafe { scale::<W, T>(row, root, (first, j - first, stride)) };
            }
            let (block, below) = matrix[first * stride..].split_at_mut(L * stride);
            if !below.is_empty() {
                AddGram {
                    panel: block,
                    stride,
                    matrix: below,
                    first: first + L,
                    subtract: true,
                    simd,
                }
                .lines::<true, L>();
            }
        }
    }
}

/// below − factor · row, from the register at `first` on.
#[inline(always)]
unsafe fn take_away<W: Wide, T: Scalar>(
    row: *const T,
    factor: T,
    below: *mut T,
    (first, stride): (usize, usize),
) {
    let (row, below) = (row.cast::<W::Number>(), below.cast::<W::Number>());
    // SAFETY: as the caller says; a T is such a number.
    unsafe {
        let factor = W::splat(*std::ptr::from_ref(&factor).cast::<W::Number>());
        for at in (first..stride).step_by(W::LANES) {
            let left = W::load(row.add(at)).times_from(factor, W::load(below.add(at)));
            left.store(below.add(at));
        }
    }
}

/// A row of the triangle: what is there times `root`, and zeros left of the diagonal in its register.
#[inline(always)]
unsafe fn scale<W: Wide, T: Scalar>(
    row: *mut T,
    root: T,
    (first, lane, stride): (usize, usize, usize),
) {
    let row = row.cast::<W::Number>();
    // SAFETY: as the caller says; a T is such a number.
    unsafe {
        let root = W::splat(*std::ptr::from_ref(&root).cast::<W::Number>());
        let own = W::load(row.add(first)).times(root);
        own.lanes_from(lane).store(row.add(first));
        for at in (first + W::LANES..stride).step_by(W::LANES) {
            W::load(row.add(at)).times(root).store(row.add(at));
        }
    }
}

impl<T: Scalar> Substitute<'_, T> {
    /// # Safety
    /// The processor has AVX-512, `W` holds a line of numbers of type `T`, and the triangle is that of
    /// [`Factor::wide`], with zeros left of the diagonal in its blocks.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide, const L: usize>(self) {
        let Self {
            triangle,
            rank,
            stride,
            values,
        } = self;
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert!(L == W::LANES && stride.is_multiple_of(L), "whole registers");
        assert_eq!(triangle.len(), stride * stride, "a square");
        assert!(
            values.len() == stride && rank <= stride,
            "length of the result"
        );
        let mut square = [T::zero(); MOST];
        let mut inverses = [T::zero(); 16];
        let blocks = rank.div_ceil(L);
        // Uᵀy = values.
        for block in 0..blocks {
            let first = block * L;
            pivots(triangle, stride, first, &mut inverses[..L]);
            // SAFETY: all rows, squares and values are whole registers within their slices.
            unsafe {
                let at = values.as_mut_ptr().add(first).cast::<W::Number>();
                let all = inverses.as_ptr().cast::<W::Number>();
                let mut own = W::load(at);
                for j in 0..L {
                    let row = triangle.as_ptr().add((first + j) * stride + first);
                    let row = W::load(row.cast()).times(W::splat(*all.add(j)));
                    own = row.lanes_from(j + 1).times_from(own.spread(j), own);
                }
                own.times(W::load(all)).store(at);
                let right = (first, blocks * L, stride);
                take_solved::<W, T>(triangle, at, values.as_mut_ptr(), right);
            }
        }
        // Ux = y.
        for block in (0..blocks).rev() {
            let first = block * L;
            pivots(triangle, stride, first, &mut inverses[..L]);
            // SAFETY: as above.
            unsafe {
                let rows = triangle.as_ptr().add(first * stride).cast::<W::Number>();
                let squared = square.as_mut_ptr().cast::<W::Number>();
                W::transpose(rows.add(first), stride, squared, L);
                let at = values.as_mut_ptr().add(first).cast::<W::Number>();
                let all = inverses.as_ptr().cast::<W::Number>();
                let sums = products::<W>(rows, values.as_ptr().cast(), (first, blocks * L, stride));
                let mut own = W::load(at).minus(sums);
                for j in (0..L).rev() {
                    let column = W::load(squared.add(j * L)).times(W::splat(*all.add(j)));
                    own = column.lanes_below(j).times_from(own.spread(j), own);
                }
                own.times(W::load(all)).store(at);
            }
        }
    }
}

/// The inverses of the pivots of a block, 0 of one that is lost.
#[inline(always)]
fn pivots<T: Scalar>(triangle: &[T], stride: usize, first: usize, inverses: &mut [T]) {
    for (j, inverse) in inverses.iter_mut().enumerate() {
        let pivot = triangle[(first + j) * stride + first + j];
        *inverse = if pivot == T::zero() {
            T::zero()
        } else {
            pivot.recip()
        };
    }
}

/// Takes the rows of a block, each times its solved number, from the values right of it.
#[inline(always)]
unsafe fn take_solved<W: Wide, T: Scalar>(
    triangle: &[T],
    solved: *const W::Number,
    values: *mut T,
    (first, end, stride): (usize, usize, usize),
) {
    let rows = triangle.as_ptr().cast::<W::Number>();
    let values = values.cast::<W::Number>();
    // SAFETY: as the caller says.
    unsafe {
        for at in (first + W::LANES..end).step_by(W::LANES) {
            let mut sums = [W::zero(); AT_ONCE];
            for four in (0..W::LANES).step_by(AT_ONCE) {
                for (slot, sum) in sums.iter_mut().enumerate() {
                    let j = four + slot;
                    let row = W::load(rows.add((first + j) * stride + at));
                    *sum = row.times_plus(W::splat(*solved.add(j)), *sum);
                }
            }
            let sum = sums[0].plus(sums[1]).plus(sums[2].plus(sums[3]));
            W::load(values.add(at)).minus(sum).store(values.add(at));
        }
    }
}

/// The products of the rows of a block, right of it, with the values there.
#[inline(always)]
unsafe fn products<W: Wide>(
    rows: *const W::Number,
    values: *const W::Number,
    (first, end, stride): (usize, usize, usize),
) -> W {
    // SAFETY: as the caller says.
    unsafe {
        let mut fours = [W::zero(); 4];
        for four in 0..W::LANES / 4 {
            let [mut a, mut b, mut c, mut d] = [W::zero(); 4];
            let row = rows.add(4 * four * stride);
            for at in (first + W::LANES..end).step_by(W::LANES) {
                let known = W::load(values.add(at));
                a = W::load(row.add(at)).times_plus(known, a);
                b = W::load(row.add(stride + at)).times_plus(known, b);
                c = W::load(row.add(2 * stride + at)).times_plus(known, c);
                d = W::load(row.add(3 * stride + at)).times_plus(known, d);
            }
            fours[four] = W::sums_of_four(a, b, c, d);
        }
        W::sums(fours)
    }
}
