//! Rows side by side with AVX-512.

use super::gather::GatherScaled;
use crate::wide::Wide;
use matfact_core::Scalar;

/// Registers of a row that are copied before the next row's.
const AT_ONCE: usize = 8;

/// Writes rows of `stride` numbers number by number: `stride` rows of a number of each.
///
/// # Safety
/// The processor has AVX-512, and `W` holds numbers of type `T`.
#[cfg(feature = "dense")]
#[inline(always)]
pub(super) unsafe fn transpose_all<W: Wide, T: Scalar>(rows: &[T], stride: usize, out: &mut [T]) {
    assert_eq!(
        size_of::<T>(),
        size_of::<W::Number>(),
        "type of the numbers"
    );
    let count = rows.len() / stride;
    let whole = stride.is_multiple_of(W::LANES) && count.is_multiple_of(W::LANES);
    assert!(whole && count * stride == rows.len(), "whole registers");
    assert_eq!(rows.len(), out.len(), "as much room");
    let (from, to) = (rows.as_ptr().cast(), out.as_mut_ptr().cast::<W::Number>());
    for row in (0..count).step_by(W::LANES) {
        for column in (0..stride).step_by(W::LANES) {
            // SAFETY: squares of whole registers within both.
            unsafe {
                let from: *const W::Number = from;
                let square = from.add(row * stride + column);
                W::transpose(square, stride, to.add(column * count + row), count);
            }
        }
    }
}

impl<T: Scalar> GatherScaled<'_, T> {
    /// # Safety
    /// The processor has AVX-512, and `W` holds numbers of type `T`.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide>(mut self) {
        let (stride, count) = (self.rows.stride, self.rows.len());
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert_eq!(stride % W::LANES, 0, "whole registers");
        assert!(self.out.len() >= count * stride, "room for the rows");
        assert_eq!(self.moments.len(), stride, "length of the sum");
        let lengths = [self.scales.len(), self.aims.len(), self.weights.len()];
        let sums = self.totals.as_ref().map_or(stride, |totals| totals.len());
        assert_eq!(sums, stride, "length of the sum");
        assert!(
            lengths.iter().all(|length| *length >= count),
            "a number for each row"
        );
        let step = AT_ONCE * W::LANES;
        let mut column = 0;
        // SAFETY: the rows, the room and the sums are whole registers, and there is a number for each row.
        unsafe {
            while column < stride {
                let whole = column + step <= stride;
                match (whole, self.totals.is_some()) {
                    (true, false) => self.columns::<W, AT_ONCE, false>(column),
                    (true, true) => self.columns::<W, AT_ONCE, true>(column),
                    (false, false) => self.columns::<W, 1, false>(column),
                    (false, true) => self.columns::<W, 1, true>(column),
                }
                column += if whole { step } else { W::LANES };
            }
        }
    }

    /// Some columns of all rows; of the totals too, if there are `TOTALS`.
    ///
    /// # Safety
    /// As [`GatherScaled::wide`], which has checked all lengths, and so many columns from there on.
    #[inline(always)]
    unsafe fn columns<W: Wide, const COUNT: usize, const TOTALS: bool>(&mut self, column: usize) {
        let stride = self.rows.stride;
        let moments = self.moments[column..].as_mut_ptr().cast::<W::Number>();
        let out = self.out.as_mut_ptr().cast::<W::Number>();
        // SAFETY: as the caller says; that the rows are there is checked.
        unsafe {
            let mut sums = [W::zero(); COUNT];
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = W::load(moments.add(place * W::LANES));
            }
            let mut all = [W::zero(); COUNT];
            for e in 0..self.rows.len() {
                if column == 0 {
                    self.rows.ask_ahead(e);
                }
                let row = &self.rows.row(e)[column..][..COUNT * W::LANES];
                let row = row.as_ptr().cast::<W::Number>();
                let slot = out.add(e * stride + column);
                let scale = W::splat(*self.scales.as_ptr().add(e).cast());
                let aim = W::splat(*self.aims.as_ptr().add(e).cast());
                let weight = W::splat(*self.weights.as_ptr().add(e).cast());
                for (place, sum) in sums.iter_mut().enumerate() {
                    let numbers = W::load(row.add(place * W::LANES));
                    *sum = numbers.times_plus(aim, *sum);
                    if TOTALS {
                        all[place] = numbers.times_plus(weight, all[place]);
                    }
                    numbers.times(scale).store(slot.add(place * W::LANES));
                }
            }
            for (place, sum) in sums.iter().enumerate() {
                sum.store(moments.add(place * W::LANES));
            }
            if let (true, Some(totals)) = (TOTALS, &mut self.totals) {
                let totals = totals[column..].as_mut_ptr().cast::<W::Number>();
                for (place, sum) in all.iter().enumerate() {
                    let totals = totals.add(place * W::LANES);
                    W::load(totals).plus(*sum).store(totals);
                }
            }
        }
    }
}
