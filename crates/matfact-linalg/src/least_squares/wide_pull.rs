//! The pass over a row's regressors with AVX-512: a register of entries at a time, whose products with the vector
//! come together in one register, so that summing across lanes costs little beside the products themselves.

use super::errors::SquaredErrors;
use super::gather::Listed;
use super::pull::{AddRows, Pull, Rows};
use crate::wide::Wide;
use matfact_core::Scalar;

/// Lanes of the longest register.
const MOST: usize = 16;
/// Registers of the result that stay in place while entries go by.
const AT_ONCE: usize = 4;

/// Where the regressors of a group are.
type Group<N> = [*const N; MOST];

/// What a group is multiplied with, and where it is added.
struct Course<N> {
    vector: *const N,
    out: Option<*mut N>,
    stride: usize,
    weights: *const N,
    aims: Option<*const N>,
    count: usize,
}

impl<T: Scalar> Pull<'_, T> {
    /// # Safety
    /// The processor has AVX-512, and `W` holds numbers of type `T`.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide>(self) -> f64 {
        let (stride, count) = (self.vector.len(), self.weights.len());
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert_eq!(stride % W::LANES, 0, "whole registers");
        let out = self.out.map(|out| {
            assert_eq!(out.len(), stride, "length of the result");
            out.as_mut_ptr().cast::<W::Number>()
        });
        let aims = self.aims.map(|aims| {
            assert_eq!(aims.len(), count, "number of aims");
            aims.as_ptr().cast::<W::Number>()
        });
        let course = Course {
            vector: self.vector.as_ptr().cast::<W::Number>(),
            out,
            stride,
            weights: self.weights.as_ptr().cast::<W::Number>(),
            aims,
            count,
        };
        let mut sum = 0.0;
        match self.rows {
            Rows::Kept(values) => {
                assert!(values.len() >= count * stride, "as many rows as weights");
                for first in (0..count).step_by(W::LANES) {
                    let rows = kept::<W>(values.as_ptr().cast(), first, (count, stride));
                    // SAFETY: the rows of the group are rows of the values.
                    sum += unsafe { course.add::<W>(&rows, first) };
                }
            }
            Rows::Listed(rows) => {
                assert_eq!(rows.len(), count, "as many rows as weights");
                assert_eq!(rows.stride, stride, "length of the rows");
                for first in (0..count).step_by(W::LANES) {
                    let rows = listed::<W, T>(&rows, first);
                    // SAFETY: the rows of the group are rows of the values.
                    sum += unsafe { course.add::<W>(&rows, first) };
                }
            }
            Rows::Copied(rows, copies) => {
                assert_eq!(rows.len(), count, "as many rows as weights");
                assert_eq!(rows.stride, stride, "length of the rows");
                assert!(copies.len() >= count * stride, "room for the rows");
                let copies = copies.as_mut_ptr().cast::<W::Number>();
                for first in (0..count).step_by(W::LANES) {
                    let from = listed::<W, T>(&rows, first);
                    let to = kept::<W>(copies, first, (count, stride));
                    for slot in 0..W::LANES {
                        for line in (0..stride).step_by(W::LANES) {
                            // SAFETY: the rows are whole, and there is room for their copies.
                            unsafe {
                                W::load(from[slot].add(line)).store(to[slot].add(line).cast_mut())
                            };
                        }
                    }
                    // SAFETY: so many rows have been copied.
                    sum += unsafe { course.add::<W>(&to, first) };
                }
            }
        }
        sum
    }
}

impl<N> Course<N> {
    /// Adds the regressors of a group, whose entries begin at `first`, and gives their part of the sum.
    ///
    /// # Safety
    /// The processor has AVX-512, `W` holds numbers of this type, and all rows are whole.
    #[inline(always)]
    unsafe fn add<W: Wide<Number = N>>(&self, group: &Group<N>, first: usize) -> f64 {
        let there = W::LANES.min(self.count - first);
        // SAFETY: as the caller says; as many weights and aims are read as there are.
        unsafe {
            let products = products::<W>(group, self.vector, self.stride);
            let weights = W::load_first(self.weights.add(first), there);
            let weighed = weights.times(products);
            let (left, sum) = match self.aims {
                Some(aims) => {
                    let aims = W::load_first(aims.add(first), there);
                    let twice = aims.plus(aims);
                    let sum = products.times(weighed.minus(twice)).sum();
                    (aims.minus(weighed), sum)
                }
                None => (W::zero().minus(weighed), products.times(weighed).sum()),
            };
            if let Some(out) = self.out {
                let mut room = [0.0_f64; MOST];
                let coefficients = room.as_mut_ptr().cast::<N>();
                left.store(coefficients);
                add_all::<W>(group, coefficients, (out, self.stride));
            }
            sum
        }
    }
}

/// Where the rows of a group are that stand one after the other. Beyond the last entry it stands in once more, with the
/// coefficient 0.
#[inline(always)]
fn kept<W: Wide>(
    values: *const W::Number,
    first: usize,
    (count, stride): (usize, usize),
) -> Group<W::Number> {
    let last = count - 1 - first;
    let mut rows = [values; MOST];
    for (slot, row) in rows.iter_mut().enumerate() {
        *row = values.wrapping_add((first + slot.min(last)) * stride);
    }
    rows
}

/// Where the rows of a group are; asks for as many that come later.
#[inline(always)]
fn listed<W: Wide, T>(rows: &Listed<'_, T>, first: usize) -> Group<W::Number> {
    let last = rows.len() - 1;
    let mut starts = [rows.values.as_ptr().cast(); MOST];
    for (slot, at) in starts.iter_mut().enumerate().take(W::LANES) {
        let e = (first + slot).min(last);
        if first + slot <= last {
            rows.ask_ahead(e);
        }
        *at = rows.row(e).as_ptr().cast();
    }
    starts
}

impl<T: Scalar> SquaredErrors<'_, T> {
    /// # Safety
    /// The processor has AVX-512, and `W` holds numbers of type `T`.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide>(self) -> f64 {
        let rows = self.entries.listed();
        let (stride, count) = (self.stride, rows.len());
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert!(rows.stride == stride && self.vector.len() == stride);
        assert_eq!(stride % W::LANES, 0, "whole registers");
        assert_eq!(self.entries.targets.len(), count, "number of targets");
        let weights = self.entries.weights;
        assert!(weights.is_none_or(|weights| weights.len() == count));
        let (bias, one) = (self.bias, T::one());
        let mut sum = 0.0;
        for first in (0..count).step_by(W::LANES) {
            let group = listed::<W, T>(&rows, first);
            let there = W::LANES.min(count - first);
            // SAFETY: all rows and the vector have `stride` numbers; as many targets and weights are read as there are.
            unsafe {
                let products = products::<W>(&group, self.vector.as_ptr().cast(), stride);
                let targets = self.entries.targets.as_ptr().add(first).cast();
                let bias = W::splat(*std::ptr::from_ref(&bias).cast());
                let errors = W::load_first(targets, there).minus(bias).minus(products);
                // No weight for what stands in beyond the last entry.
                let weights = match weights {
                    Some(weights) => W::load_first(weights.as_ptr().add(first).cast(), there),
                    None => W::splat(*std::ptr::from_ref(&one).cast()).lanes_below(there),
                };
                sum += errors.times(weights).times(errors).sum();
            }
        }
        sum
    }
}

impl<T: Scalar> AddRows<'_, T> {
    /// # Safety
    /// The processor has AVX-512, and `W` holds numbers of type `T`.
    #[inline(always)]
    pub(super) unsafe fn wide<W: Wide>(self) {
        let (rows, stride, count) = (self.rows, self.rows.stride, self.rows.len());
        assert_eq!(
            size_of::<T>(),
            size_of::<W::Number>(),
            "type of the numbers"
        );
        assert_eq!(stride % W::LANES, 0, "whole registers");
        assert_eq!(self.out.len(), stride, "length of the result");
        assert_eq!(self.coefficients.len(), count, "number of coefficients");
        let out = self.out.as_mut_ptr().cast::<W::Number>();
        let given = self.coefficients.as_ptr().cast::<W::Number>();
        for first in (0..count).step_by(W::LANES) {
            let group = listed::<W, T>(&rows, first);
            let mut room = [0.0_f64; MOST];
            let coefficients = room.as_mut_ptr().cast::<W::Number>();
            // SAFETY: as many coefficients are read as there are; all rows and the result have `stride` numbers.
            unsafe {
                W::load_first(given.add(first), W::LANES.min(count - first)).store(coefficients);
                add_all::<W>(&group, coefficients, (out, stride));
            }
        }
    }
}

/// The products of the rows of a group with a vector, one in each lane.
#[inline(always)]
unsafe fn products<W: Wide>(
    group: &Group<W::Number>,
    vector: *const W::Number,
    stride: usize,
) -> W {
    let step = AT_ONCE * W::LANES;
    // SAFETY: as the caller says, all rows and the vector have `stride` numbers.
    unsafe {
        let mut sums = [W::zero(); MOST];
        let mut line = 0;
        while line + step <= stride {
            multiply::<W, AT_ONCE>(group, vector, line, &mut sums);
            line += step;
        }
        while line < stride {
            multiply::<W, 1>(group, vector, line, &mut sums);
            line += W::LANES;
        }
        // Not by a closure, which would not be compiled for this instruction set.
        let mut fours = [W::zero(); 4];
        for (four, sums) in fours.iter_mut().zip(sums.chunks_exact(4)) {
            *four = W::sums_of_four(sums[0], sums[1], sums[2], sums[3]);
        }
        W::sums(fours)
    }
}

/// Adds the products of some registers of each row to the sums.
#[inline(always)]
unsafe fn multiply<W: Wide, const COUNT: usize>(
    group: &Group<W::Number>,
    vector: *const W::Number,
    line: usize,
    sums: &mut [W; MOST],
) {
    // SAFETY: as the caller says.
    unsafe {
        let mut factors = [W::zero(); COUNT];
        for (place, factor) in factors.iter_mut().enumerate() {
            *factor = W::load(vector.add(line + place * W::LANES));
        }
        for slot in 0..W::LANES {
            let row = group[slot].add(line);
            let mut sum = sums[slot];
            for (place, factor) in factors.iter().enumerate() {
                let values = W::load(row.add(place * W::LANES));
                sum = values.times_plus(*factor, sum);
            }
            sums[slot] = sum;
        }
    }
}

/// Adds the rows of a group, each times its coefficient, to `out`.
#[inline(always)]
unsafe fn add_all<W: Wide>(
    group: &Group<W::Number>,
    coefficients: *const W::Number,
    (out, stride): (*mut W::Number, usize),
) {
    let step = AT_ONCE * W::LANES;
    let mut line = 0;
    // SAFETY: as the caller says, all rows and the result have `stride` numbers, and there is a coefficient for each.
    unsafe {
        while line + step <= stride {
            add_lines::<W, AT_ONCE>(group, coefficients, out, line);
            line += step;
        }
        while line < stride {
            add_lines::<W, 1>(group, coefficients, out, line);
            line += W::LANES;
        }
    }
}

#[inline(always)]
unsafe fn add_lines<W: Wide, const COUNT: usize>(
    group: &Group<W::Number>,
    coefficients: *const W::Number,
    out: *mut W::Number,
    line: usize,
) {
    // SAFETY: as the caller says.
    unsafe {
        let mut sums = [W::zero(); COUNT];
        for (place, sum) in sums.iter_mut().enumerate() {
            *sum = W::load(out.add(line + place * W::LANES));
        }
        for slot in 0..W::LANES {
            let coefficient = W::splat(*coefficients.add(slot));
            let row = group[slot].add(line);
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = coefficient.times_plus(W::load(row.add(place * W::LANES)), *sum);
            }
        }
        for (place, sum) in sums.iter().enumerate() {
            sum.store(out.add(line + place * W::LANES));
        }
    }
}
