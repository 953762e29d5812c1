//! A pass over a row's regressors: products with a vector, and their sum back into one.

use super::gather::{AT_ONCE, Gather, Listed, add_rows, line_at};
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;
use std::hint::black_box;

/// Where the regressors of a row's entries are.
pub(super) enum Rows<'a, T> {
    /// One after the other.
    Kept(&'a [T]),
    /// Rows of a panel.
    Listed(Listed<'a, T>),
    /// Rows of a panel, copied one after the other to be kept.
    Copied(Listed<'a, T>, &'a mut [T]),
}

/// Adds Σ (m − w q·v) q to `out`, if there is one, and gives Σ w (q·v)² − 2 m q·v; m = 0 without `aims`.
pub(super) struct Pull<'a, T> {
    pub(super) rows: Rows<'a, T>,
    pub(super) weights: &'a [T],
    pub(super) aims: Option<&'a [T]>,
    pub(super) vector: &'a [T],
    pub(super) out: Option<&'a mut [T]>,
}

impl<T: Scalar> Pull<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(mut self) -> f64 {
        let (stride, count) = (self.vector.len(), self.weights.len());
        let (values, listed) = match self.rows {
            Rows::Kept(values) => (values, None),
            Rows::Listed(rows) => (rows.values, Some(rows)),
            Rows::Copied(rows, kept) => {
                let gather = Gather {
                    rows,
                    out: &mut *kept,
                };
                gather.lines::<L>();
                (&*kept, None)
            }
        };
        let mut sum = 0.0;
        for first in (0..count).step_by(AT_ONCE) {
            let mut starts = [0; AT_ONCE];
            let last = count - 1 - first;
            for slot in 0..AT_ONCE {
                // Beyond the last entry it stands in once more, with the coefficient 0.
                let e = first + slot.min(last);
                starts[slot] = e * stride;
                if let Some(rows) = listed {
                    starts[slot] = rows.start(e);
                    if slot <= last {
                        rows.ask_ahead(e);
                    }
                }
            }
            let products = products::<FMA, L, T>(values, &starts, self.vector);
            let (mut weights, mut aims) = ([T::zero(); AT_ONCE], [T::zero(); AT_ONCE]);
            let there = AT_ONCE.min(last + 1);
            weights[..there].copy_from_slice(&self.weights[first..first + there]);
            if let Some(given) = self.aims {
                aims[..there].copy_from_slice(&given[first..first + there]);
            }
            for slot in 0..there {
                let (product, aim) = (products[slot].as_f64(), aims[slot].as_f64());
                sum += product * (weights[slot].as_f64() * product - 2.0 * aim);
            }
            if let Some(out) = &mut self.out {
                let mut coefficients = [T::zero(); AT_ONCE];
                for slot in 0..AT_ONCE {
                    coefficients[slot] = aims[slot] - weights[slot] * products[slot];
                }
                add_rows::<FMA, L, T>(values, &starts, &coefficients, out);
            }
        }
        sum
    }
}

/// The products of some rows with a vector.
#[inline(always)]
pub(super) fn products<const FMA: bool, const L: usize, T: Scalar>(
    values: &[T],
    starts: &[usize; AT_ONCE],
    vector: &[T],
) -> [T; AT_ONCE] {
    let mut sums = [[T::zero(); L]; AT_ONCE];
    for column in (0..vector.len()).step_by(L) {
        let factors = line_at::<L, T>(vector, column);
        for slot in 0..AT_ONCE {
            let row = line_at::<L, T>(values, starts[slot] + column);
            for lane in 0..L {
                sums[slot][lane] =
                    multiply_add::<FMA, T>(row[lane], factors[lane], sums[slot][lane]);
            }
        }
    }
    // Through memory, because the compiler otherwise takes the sums apart into single lanes.
    let sums = black_box(sums);
    let mut quarters = [[T::zero(); 4]; AT_ONCE];
    for slot in 0..AT_ONCE {
        for part in sums[slot].chunks_exact(4) {
            for lane in 0..4 {
                quarters[slot][lane] += part[lane];
            }
        }
    }
    let quarters = black_box(quarters);
    quarters.map(|[a, b, c, d]| (a + b) + (c + d))
}

in_lines_or_registers!(Pull -> f64);

/// Adds Σ m q of some rows of a panel to `out`.
pub(super) struct AddRows<'a, T> {
    pub(super) rows: Listed<'a, T>,
    /// m, one for each row.
    pub(super) coefficients: &'a [T],
    pub(super) out: &'a mut [T],
}

impl<T: Scalar> AddRows<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let rows = self.rows;
        for (group, given) in self.coefficients.chunks(AT_ONCE).enumerate() {
            let (mut starts, mut coefficients) = ([0; AT_ONCE], [T::zero(); AT_ONCE]);
            coefficients[..given.len()].copy_from_slice(given);
            for (slot, start) in starts.iter_mut().enumerate() {
                // Beyond the last entry it stands in once more, with the coefficient 0.
                let e = group * AT_ONCE + slot.min(given.len() - 1);
                *start = rows.start(e);
                if slot < given.len() {
                    rows.ask_ahead(e);
                }
            }
            add_rows::<FMA, L, T>(rows.values, &starts, &coefficients, self.out);
        }
    }
}

in_lines_or_registers!(AddRows -> ());
