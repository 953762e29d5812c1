//! Rows of a panel side by side.

use super::AHEAD;
use crate::simd::{Kernel, prefetch};
use crate::sparse::line;
use matfact_core::Scalar;

/// Copies the rows of a panel one after the other.
pub(super) struct Gather<'a, T> {
    pub(super) values: &'a [T],
    pub(super) rows: &'a [u32],
    pub(super) stride: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Scalar> Gather<'_, T> {
    #[inline(always)]
    fn lines<const L: usize>(self) {
        let (stride, values) = (self.stride, self.values);
        for (e, slot) in self.out.chunks_exact_mut(stride).enumerate() {
            if let Some(later) = self.rows.get(e + AHEAD) {
                for first in (0..stride).step_by(L) {
                    prefetch(values, *later as usize * stride + first);
                }
            }
            let row = &values[self.rows[e] as usize * stride..][..stride];
            for (slot, row) in slot.chunks_exact_mut(L).zip(row.chunks_exact(L)) {
                slot.copy_from_slice(row);
            }
        }
    }
}

impl<T: Scalar> Kernel for Gather<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<16>(),
            _ => self.lines::<8>(),
        }
    }
}
