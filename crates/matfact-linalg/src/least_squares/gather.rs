//! Rows of a panel side by side.

use super::AHEAD;
use crate::simd::{Kernel, multiply_add, prefetch};
use crate::sparse::line;
use matfact_core::Scalar;

/// Rows that are added to a sum at once, which is read and written as often.
pub(super) const AT_ONCE: usize = 4;

/// Copies the rows of a panel one after the other.
#[cfg(feature = "dense")]
pub(super) struct Gather<'a, T> {
    pub(super) values: &'a [T],
    pub(super) rows: &'a [u32],
    pub(super) stride: usize,
    pub(super) out: &'a mut [T],
}

#[cfg(feature = "dense")]
impl<T: Scalar> Gather<'_, T> {
    #[inline(always)]
    pub(super) fn lines<const L: usize>(self) {
        let (stride, values) = (self.stride, self.values);
        for (e, slot) in self.out.chunks_exact_mut(stride).enumerate() {
            ask_for_later::<L, T>(values, (self.rows, stride), e);
            let row = &values[self.rows[e] as usize * stride..][..stride];
            for (slot, row) in slot.chunks_exact_mut(L).zip(row.chunks_exact(L)) {
                slot.copy_from_slice(row);
            }
        }
    }
}

/// Prefetches the row of the panel that is needed some entries later.
#[inline(always)]
pub(super) fn ask_for_later<const L: usize, T>(
    values: &[T],
    (rows, stride): (&[u32], usize),
    e: usize,
) {
    if let Some(later) = rows.get(e + AHEAD) {
        for first in (0..stride).step_by(L) {
            prefetch(values, *later as usize * stride + first);
        }
    }
}

/// Copies the rows of a panel, each times a number of its own, and adds Σ aim q and Σ weight q.
pub(super) struct GatherScaled<'a, T> {
    pub(super) values: &'a [T],
    pub(super) rows: &'a [u32],
    pub(super) stride: usize,
    /// A number for each row.
    pub(super) scales: &'a [T],
    pub(super) aims: &'a [T],
    pub(super) weights: &'a [T],
    pub(super) out: &'a mut [T],
    pub(super) moments: &'a mut [T],
    pub(super) totals: Option<&'a mut [T]>,
}

impl<T: Scalar> GatherScaled<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(mut self) {
        let (stride, values, rows) = (self.stride, self.values, self.rows);
        for first in (0..rows.len()).step_by(AT_ONCE) {
            let count = AT_ONCE.min(rows.len() - first);
            let mut starts = [0; AT_ONCE];
            let (mut aims, mut weights) = ([T::zero(); AT_ONCE], [T::zero(); AT_ONCE]);
            for slot in 0..AT_ONCE {
                // Beyond the last entry it stands in once more, times 0.
                let e = first + slot.min(count - 1);
                starts[slot] = rows[e] as usize * stride;
                if slot < count {
                    ask_for_later::<L, T>(values, (rows, stride), e);
                    (aims[slot], weights[slot]) = (self.aims[e], self.weights[e]);
                }
            }
            add_rows::<FMA, L, T>(values, &starts, &aims, self.moments);
            if let Some(totals) = &mut self.totals {
                add_rows::<FMA, L, T>(values, &starts, &weights, totals);
            }
            let slots = self.out[first * stride..].chunks_exact_mut(stride);
            for (slot, out) in slots.take(count).enumerate() {
                let scale = self.scales[first + slot];
                for column in (0..stride).step_by(L) {
                    let mut line = line_at::<L, T>(values, starts[slot] + column);
                    for lane in 0..L {
                        line[lane] *= scale;
                    }
                    out[column..column + L].copy_from_slice(&line);
                }
            }
        }
    }
}

/// A line of values, copied as a whole. Iterating over lines by references without such copies, or without the
/// check of the range, makes the compiler gather across lines, which takes many times as long.
#[inline(always)]
pub(super) fn line_at<const L: usize, T: Scalar>(values: &[T], start: usize) -> [T; L] {
    let mut line = [T::zero(); L];
    line.copy_from_slice(&values[start..start + L]);
    line
}

/// out += Σ c q over some rows.
#[inline(always)]
pub(super) fn add_rows<const FMA: bool, const L: usize, T: Scalar>(
    values: &[T],
    starts: &[usize; AT_ONCE],
    coefficients: &[T; AT_ONCE],
    out: &mut [T],
) {
    for column in (0..out.len()).step_by(L) {
        let mut sums = line_at::<L, T>(out, column);
        for slot in 0..AT_ONCE {
            let row = line_at::<L, T>(values, starts[slot] + column);
            for lane in 0..L {
                sums[lane] = multiply_add::<FMA, T>(coefficients[slot], row[lane], sums[lane]);
            }
        }
        out[column..column + L].copy_from_slice(&sums);
    }
}

impl<T: Scalar> Kernel for GatherScaled<'_, T> {
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
            16 => unsafe { self.wide::<__m512>() },
            _ => unsafe { self.wide::<__m512d>() },
        }
    }
}
