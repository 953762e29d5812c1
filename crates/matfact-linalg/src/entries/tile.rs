//! The entries of one row with the numbers that belong to them, laid out along vector lanes.

use super::ListedRow;
use crate::simd::prefetch;
use matfact_core::Scalar;

/// Scalars of a block: the tile is padded to whole blocks.
pub(crate) const LANES: usize = 16;
/// Components that are transposed at once.
const QUAD: usize = 4;
/// Entries that the prefetch runs ahead of the gathering.
const AHEAD: usize = 16;

/// A whole factor (rows x k), transposed and padded: k lines.
pub(crate) struct TransposedPanel<T> {
    pub(crate) lines: Vec<T>,
    pub(crate) stride: usize,
    rows: usize,
}

impl<T: Scalar> TransposedPanel<T> {
    pub(crate) fn new(panel: &[T], k: usize) -> Self {
        let rows = panel.len() / k;
        let stride = padded(rows);
        let mut lines = vec![T::zero(); k * stride];
        for (block, source) in panel.chunks(LANES * k).enumerate() {
            for t in 0..k {
                let start = t * stride + block * LANES;
                for (slot, row) in lines[start..start + LANES]
                    .iter_mut()
                    .zip(source.chunks_exact(k))
                {
                    *slot = row[t];
                }
            }
        }
        Self {
            lines,
            stride,
            rows,
        }
    }

    /// `weight` times the sum of each line.
    pub(crate) fn weighted_sums(&self, weight: T) -> Vec<T> {
        self.lines
            .chunks_exact(self.stride.max(1))
            .map(|line| {
                let sum: f64 = line[..self.rows].iter().map(|h| h.as_f64()).sum();
                T::from_f64(sum * weight.as_f64())
            })
            .collect()
    }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(LANES)
}

/// One row's entries: values c, weights v and room for what a solver keeps up to date, each padded
/// with zeros to whole blocks; the k lines that belong to them are in `lines` or in a
/// [`TransposedPanel`].
#[derive(Debug, Default)]
pub(crate) struct Tile<T> {
    pub(crate) lines: Vec<T>,
    /// The length of a line, padding included, which is that of the other fields too.
    pub(crate) stride: usize,
    pub(crate) values: Vec<T>,
    pub(crate) weights: Vec<T>,
    pub(crate) fitted: Vec<T>,
    pub(crate) scratch: Vec<T>,
    /// Where the rows of the panel that are gathered start.
    starts: Vec<usize>,
    nothing: Vec<T>,
}

impl<T: Scalar> Tile<T> {
    fn reset(&mut self, stride: usize) {
        self.stride = stride;
        for field in [
            &mut self.values,
            &mut self.weights,
            &mut self.fitted,
            &mut self.scratch,
        ] {
            field.clear();
            field.resize(stride, T::zero());
        }
    }

    /// Takes a row that lists everything.
    pub(crate) fn take_all(&mut self, values: &[T], weight: T, stride: usize) {
        self.reset(stride);
        self.values[..values.len()].copy_from_slice(values);
        self.weights[..values.len()].fill(weight);
    }

    /// Takes a row that lists a good part of all `many` entries; the others have weight and value zero.
    pub(crate) fn scatter(&mut self, listed: &ListedRow<'_, T>, many: usize, stride: usize) {
        self.reset(stride);
        for (position, value) in listed.values.iter().enumerate() {
            let column = listed.columns.get(position);
            assert!(column < many, "column out of range");
            self.values[column] = *value;
            self.weights[column] = listed.weights.get(position);
        }
    }

    /// Gathers the listed rows of `panel` (k numbers each) into `lines`; those of value zero only if
    /// `zeros`.
    pub(crate) fn gather(
        &mut self,
        listed: &ListedRow<'_, T>,
        panel: &[T],
        k: usize,
        lines: &mut Vec<T>,
        zeros: bool,
    ) {
        self.starts.clear();
        for (position, value) in listed.values.iter().enumerate() {
            if zeros || *value != T::zero() {
                self.starts.push(listed.columns.get(position) * k);
            }
        }
        let kept = self.starts.len();
        self.reset(padded(kept));
        let mut slot = 0;
        for (position, value) in listed.values.iter().enumerate() {
            if zeros || *value != T::zero() {
                self.values[slot] = *value;
                self.weights[slot] = listed.weights.get(position);
                slot += 1;
            }
        }
        let stride = self.stride;
        // Every place of the lines is written below.
        lines.resize(k * stride, T::zero());
        // What stands beside the last entries of the last block.
        self.nothing.resize(k, T::zero());
        let nothing = &self.nothing[..];
        let mut sources: [&[T]; LANES];
        for (block, starts) in self.starts.chunks(LANES).enumerate() {
            sources = [nothing; LANES];
            for (lane, start) in starts.iter().enumerate() {
                if let Some(later) = self.starts.get(block * LANES + lane + AHEAD) {
                    for offset in (0..k * size_of::<T>()).step_by(64) {
                        prefetch(panel, later + offset / size_of::<T>());
                    }
                }
                sources[lane] = &panel[*start..*start + k];
            }
            transpose(&sources, &mut lines[block * LANES..], stride);
        }
    }

    /// Σ v_j h_j over the listed entries into `sums`.
    pub(crate) fn sum_panel(listed: &ListedRow<'_, T>, panel: &[T], sums: &mut [T]) {
        let k = sums.len();
        sums.fill(T::zero());
        if listed.weights == super::EntryWeights::Uniform(T::zero()) {
            return;
        }
        for position in 0..listed.values.len() {
            let column = listed.columns.get(position);
            let weight = listed.weights.get(position);
            for (sum, h) in sums.iter_mut().zip(&panel[column * k..(column + 1) * k]) {
                *sum += weight * *h;
            }
        }
    }
}

/// Writes rows of equal length as columns of `out`, whose lines are `stride` apart.
#[inline]
fn transpose<T: Scalar>(sources: &[&[T]; LANES], out: &mut [T], stride: usize) {
    // Four components of four rows at once: the compiler knows the lengths, and transposes in
    // registers.
    let k = sources[0].len();
    for first in (0..LANES).step_by(QUAD) {
        let [a, b, c, d] = [first, first + 1, first + 2, first + 3]
            .map(|lane| sources[lane].as_chunks::<QUAD>().0);
        let rows = a.iter().zip(b).zip(c).zip(d);
        let lines = out.chunks_mut(QUAD * stride);
        for ((((a, b), c), d), lines) in rows.zip(lines) {
            let (a, b, c, d) = (*a, *b, *c, *d);
            for t in 0..QUAD {
                let slots: &mut [T; QUAD] = lines[t * stride + first..]
                    .first_chunk_mut()
                    .expect("a line holds whole blocks");
                *slots = [a[t], b[t], c[t], d[t]];
            }
        }
    }
    for t in k / QUAD * QUAD..k {
        let slots = &mut out[t * stride..t * stride + LANES];
        for lane in 0..LANES {
            slots[lane] = sources[lane][t];
        }
    }
}
