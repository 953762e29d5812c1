//! Rows of a panel side by side.

use crate::simd::{Kernel, multiply_add, prefetch_early};
use crate::sparse::line;
use matfact_core::Scalar;

/// Rows that are added to a sum at once, which is read and written as often.
pub(super) const AT_ONCE: usize = 4;

/// Bytes of rows that are asked for before they are read: so many that memory is kept busy, and so few that they are
/// still in the second cache when their turn comes.
const AHEAD_BYTES: usize = 32 << 10;

/// Rows of a panel in the order in which they are read, and those that will be read after them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a, T> {
    pub(super) values: &'a [T],
    pub(super) stride: usize,
    pub(super) rows: &'a [u32],
    next: &'a [u32],
    /// How many rows ahead are asked for.
    ahead: usize,
}

impl<'a, T> Listed<'a, T> {
    /// The rows `rows` of a panel of rows of `stride` numbers, of which `next` will be read soon.
    pub(super) fn new(
        (values, stride): (&'a [T], usize),
        rows: &'a [u32],
        next: &'a [u32],
    ) -> Self {
        let most = (AHEAD_BYTES / (stride * size_of::<T>()).max(1)).max(1);
        Self {
            values,
            stride,
            rows,
            next,
            // Of rows fewer than that, as many of the next as there are of these.
            ahead: most.min(rows.len()),
        }
    }

    /// The first `count` of these rows, and those after them.
    pub(super) fn split_at(&self, count: usize) -> (Self, Self) {
        let (first, rest) = self.rows.split_at(count);
        let panel = (self.values, self.stride);
        let after_first = if rest.is_empty() { self.next } else { rest };
        let rest = Self::new(panel, rest, self.next);
        (Self::new(panel, first, after_first), rest)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Where the row of an entry begins.
    #[inline(always)]
    pub(super) fn start(&self, e: usize) -> usize {
        self.rows[e] as usize * self.stride
    }

    #[inline(always)]
    pub(super) fn row(&self, e: usize) -> &'a [T] {
        &self.values[self.start(e)..][..self.stride]
    }

    /// Asks memory for the row that is read some entries after this one.
    #[inline(always)]
    pub(super) fn ask_ahead(&self, e: usize) {
        let later = e + self.ahead;
        let row = match self.rows.get(later) {
            Some(row) => Some(row),
            None => self.next.get(later - self.rows.len()),
        };
        if let Some(row) = row {
            prefetch_early(self.values, *row as usize * self.stride, self.stride);
        }
    }
}

/// Copies the rows of a panel one after the other.
pub(super) struct Gather<'a, T> {
    pub(super) rows: Listed<'a, T>,
    pub(super) out: &'a mut [T],
}

impl<T: Scalar> Gather<'_, T> {
    #[inline(always)]
    pub(super) fn lines<const L: usize>(self) {
        let slots = self.out.chunks_exact_mut(self.rows.stride);
        for (e, slot) in slots.enumerate().take(self.rows.len()) {
            self.rows.ask_ahead(e);
            let row = self.rows.row(e);
            for (slot, row) in slot.chunks_exact_mut(L).zip(row.chunks_exact(L)) {
                slot.copy_from_slice(row);
            }
        }
    }
}

/// Copies the rows of a panel, each times a number of its own, and adds Σ aim q and Σ weight q.
pub(super) struct GatherScaled<'a, T> {
    pub(super) rows: Listed<'a, T>,
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
        let (rows, stride, values) = (self.rows, self.rows.stride, self.rows.values);
        for first in (0..rows.len()).step_by(AT_ONCE) {
            let count = AT_ONCE.min(rows.len() - first);
            let mut starts = [0; AT_ONCE];
            let (mut aims, mut weights) = ([T::zero(); AT_ONCE], [T::zero(); AT_ONCE]);
            for slot in 0..AT_ONCE {
                // Beyond the last entry it stands in once more, times 0.
                let e = first + slot.min(count - 1);
                starts[slot] = rows.start(e);
                if slot < count {
                    rows.ask_ahead(e);
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

in_lines_or_registers!(GatherScaled -> ());
