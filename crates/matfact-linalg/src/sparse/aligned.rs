//! Buffers that start at a cache line, and panels whose rows are filled up to whole lines.

use crate::pages::prefer_large;
use matfact_core::Scalar;
use matfact_core::ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// Bytes of a cache line and of the widest vector register.
pub(super) const LINE_BYTES: usize = 64;
/// Rows of a panel that are copied by one task.
const PADDED_ROWS: usize = 1 << 13;

/// Scalars in a cache line.
pub(crate) const fn line<T>() -> usize {
    LINE_BYTES / size_of::<T>()
}

/// A buffer that starts at a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    buffer: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Scalar> Aligned<T> {
    pub(crate) fn zeros(length: usize) -> Self {
        let mut buffer = vec![T::zero(); length + line::<T>()];
        prefer_large(&mut buffer);
        let start = buffer.as_ptr().align_offset(LINE_BYTES).min(line::<T>());
        Self {
            buffer,
            start,
            length,
        }
    }

    /// The rows of a panel, each filled up with zeros to `stride` scalars.
    pub(crate) fn padded(panel: ArrayView2<'_, T>, stride: usize) -> Self {
        let mut padded = Self::zeros(panel.nrows() * stride);
        let chunks = padded.as_mut_slice().par_chunks_mut(stride * PADDED_ROWS);
        chunks.enumerate().for_each(|(chunk, slots)| {
            let (_, rows) = panel.split_at(Axis(0), chunk * PADDED_ROWS);
            for (row, slot) in rows.rows().into_iter().zip(slots.chunks_exact_mut(stride)) {
                match row.as_slice() {
                    Some(row) => slot[..row.len()].copy_from_slice(row),
                    None => slot
                        .iter_mut()
                        .zip(row)
                        .for_each(|(slot, value)| *slot = *value),
                }
            }
        });
        padded
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.buffer[self.start..self.start + self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.start + self.length]
    }
}

impl<T: Scalar> Clone for Aligned<T> {
    /// The copy starts at a cache line of its own.
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.length);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}

impl<T: Scalar> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}
