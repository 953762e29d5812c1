//! The multiplicative update of a factor.

use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Rows of a task.
const TASK_ROWS: usize = 256;
/// Entries of a task that does not look at rows.
const TASK_ENTRIES: usize = 1 << 14;

/// How [`multiply_factor`] changes a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiplicativeStep<'a> {
    /// The L1 penalty, added to the denominator.
    pub l1: f64,
    /// The L2 penalty, added to the denominator times the entry.
    pub l2: f64,
    /// The exponent γ of the ratio.
    pub exponent: f64,
    /// What a denominator of zero is replaced by.
    pub floor: f64,
    /// Entries below this become zero.
    pub negligible: f64,
    /// The upper bound of the entries, if there is one.
    pub max: Option<f64>,
    /// The components that change; all of them by default.
    pub components: Option<&'a [usize]>,
}

impl Default for MultiplicativeStep<'_> {
    fn default() -> Self {
        Self {
            l1: 0.0,
            l2: 0.0,
            exponent: 1.0,
            floor: f64::from(f32::EPSILON),
            negligible: 0.0,
            max: None,
            components: None,
        }
    }
}

/// Multiplies every entry f of `factor` (rows x k) by
/// (`numerator` / (`denominator` + l₁ + l₂·f))^γ. An entry of zero stays zero. Returns the squared
/// norms of the change and of the new factor, in `f64`; they are not finite where an entry is not.
///
/// # Panics
/// If the shapes do not fit, or a component is not below k.
pub fn multiply_factor<T: Scalar>(
    factor: &mut Array2<T>,
    numerator: ArrayView2<'_, T>,
    denominator: ArrayView2<'_, T>,
    step: MultiplicativeStep<'_>,
) -> (f64, f64) {
    let k = factor.ncols();
    assert_eq!(numerator.dim(), factor.dim(), "shape of the numerator");
    assert_eq!(denominator.dim(), factor.dim(), "shape of the denominator");
    if factor.is_empty() {
        return (0.0, 0.0);
    }
    let mut fitted = vec![step.components.is_none(); k];
    for &t in step.components.unwrap_or_default() {
        fitted[t] = true;
    }
    let (numerator, denominator) = (
        numerator.as_standard_layout(),
        denominator.as_standard_layout(),
    );
    let slots = factor
        .as_slice_mut()
        .expect("the factor is in row-major order");
    let above = numerator.as_slice().expect("it is in standard layout");
    let below = denominator.as_slice().expect("it is in standard layout");
    let parts: Vec<(f64, f64)> = slots
        .par_chunks_mut(TASK_ROWS * k)
        .zip(above.par_chunks(TASK_ROWS * k))
        .zip(below.par_chunks(TASK_ROWS * k))
        .map(|((factor, above), below)| {
            let (mut change, mut norm) = (0.0, 0.0);
            let rows = factor.chunks_exact_mut(k);
            for ((row, above), below) in rows.zip(above.chunks_exact(k)).zip(below.chunks_exact(k))
            {
                for t in 0..k {
                    let old = row[t].as_f64();
                    let updated = step.of(old, above[t].as_f64(), below[t].as_f64());
                    let new = T::from_f64(if fitted[t] { updated } else { old });
                    row[t] = new;
                    let (new, difference) = (new.as_f64(), new.as_f64() - old);
                    change += difference * difference;
                    norm += new * new;
                }
            }
            (change, norm)
        })
        .collect();
    parts.into_iter().fold((0.0, 0.0), |total, part| {
        (total.0 + part.0, total.1 + part.1)
    })
}

/// The update of `factor` (rows x k) from sums over all batches so far, as in online NMF:
/// A ← ρA + f^(1/γ)·`numerator`, B ← ρB + `denominator` + l₁ + l₂·f, f ← (A/B)^γ, where A and B are the
/// two `sums`. All components change; the return value is that of [`multiply_factor`].
///
/// # Panics
/// If the shapes do not fit.
pub fn accumulate_factor<T: Scalar>(
    factor: &mut Array2<T>,
    sums: [&mut Array2<T>; 2],
    numerator: ArrayView2<'_, T>,
    denominator: ArrayView2<'_, T>,
    forget: f64,
    step: MultiplicativeStep<'_>,
) -> (f64, f64) {
    let k = factor.ncols();
    let [above, below] = sums;
    for shape in [numerator.dim(), denominator.dim(), above.dim(), below.dim()] {
        assert_eq!(shape, factor.dim(), "shapes of an update");
    }
    if factor.is_empty() {
        return (0.0, 0.0);
    }
    let (numerator, denominator) = (
        numerator.as_standard_layout(),
        denominator.as_standard_layout(),
    );
    let standard = "it is in row-major order";
    let parts: Vec<(f64, f64)> = factor
        .as_slice_mut()
        .expect(standard)
        .par_chunks_mut(TASK_ROWS * k)
        .zip(
            above
                .as_slice_mut()
                .expect(standard)
                .par_chunks_mut(TASK_ROWS * k),
        )
        .zip(
            below
                .as_slice_mut()
                .expect(standard)
                .par_chunks_mut(TASK_ROWS * k),
        )
        .zip(
            numerator
                .as_slice()
                .expect(standard)
                .par_chunks(TASK_ROWS * k),
        )
        .zip(
            denominator
                .as_slice()
                .expect(standard)
                .par_chunks(TASK_ROWS * k),
        )
        .map(|((((factor, above), below), numerator), denominator)| {
            let (mut change, mut norm) = (0.0, 0.0);
            let sums = above.iter_mut().zip(below);
            let parts = numerator.iter().zip(denominator);
            for ((f, (above, below)), (numerator, denominator)) in
                factor.iter_mut().zip(sums).zip(parts)
            {
                let old = f.as_f64();
                let (sum, more) = step.accumulate(
                    old,
                    [numerator.as_f64(), denominator.as_f64()],
                    [forget * above.as_f64(), forget * below.as_f64()],
                );
                *above = T::from_f64(sum);
                *below = T::from_f64(more);
                *f = T::from_f64(step.bounded(step.raised(sum / more)));
                let new = f.as_f64();
                change += (new - old) * (new - old);
                norm += new * new;
            }
            (change, norm)
        })
        .collect();
    parts.into_iter().fold((0.0, 0.0), |total, part| {
        (total.0 + part.0, total.1 + part.1)
    })
}

/// `sum` ← `forget`·`sum` + `addend`.
///
/// # Panics
/// If the shapes differ, or one is not in row-major order.
pub fn fade_and_add<T: Scalar>(sum: &mut Array2<T>, addend: &Array2<T>, forget: f64) {
    assert_eq!(sum.dim(), addend.dim(), "shapes of a sum");
    let (forget, standard) = (T::from_f64(forget), "it is in row-major order");
    sum.as_slice_mut()
        .expect(standard)
        .par_chunks_mut(TASK_ENTRIES)
        .zip(addend.as_slice().expect(standard).par_chunks(TASK_ENTRIES))
        .for_each(|(sum, addend)| {
            for (sum, addend) in sum.iter_mut().zip(addend) {
                *sum = forget * *sum + *addend;
            }
        });
}

/// ‖`new` − `old`‖² and ‖`new`‖², in `f64`.
///
/// # Panics
/// If the shapes differ, or one is not in row-major order.
pub fn squared_change<T: Scalar>(new: &Array2<T>, old: &Array2<T>) -> (f64, f64) {
    assert_eq!(new.dim(), old.dim(), "shapes of a change");
    let standard = "it is in row-major order";
    let parts: Vec<(f64, f64)> = new
        .as_slice()
        .expect(standard)
        .par_chunks(TASK_ENTRIES)
        .zip(old.as_slice().expect(standard).par_chunks(TASK_ENTRIES))
        .map(|(new, old)| {
            let (mut change, mut norm) = (0.0, 0.0);
            for (new, old) in new.iter().zip(old) {
                let (new, old) = (new.as_f64(), old.as_f64());
                change += (new - old) * (new - old);
                norm += new * new;
            }
            (change, norm)
        })
        .collect();
    parts.into_iter().fold((0.0, 0.0), |total, part| {
        (total.0 + part.0, total.1 + part.1)
    })
}

impl MultiplicativeStep<'_> {
    #[inline]
    fn of(&self, entry: f64, numerator: f64, denominator: f64) -> f64 {
        let ratio = self.raised(numerator / self.penalized(entry, denominator));
        self.bounded(if entry == 0.0 { 0.0 } else { entry * ratio })
    }

    /// The two sums with what one batch adds to them.
    #[inline]
    fn accumulate(&self, entry: f64, parts: [f64; 2], sums: [f64; 2]) -> (f64, f64) {
        let lowered = if self.exponent == 1.0 {
            entry
        } else {
            entry.powf(1.0 / self.exponent)
        };
        let below = sums[1] + self.penalized(entry, parts[1]);
        (sums[0] + lowered * parts[0], below)
    }

    #[inline]
    fn penalized(&self, entry: f64, denominator: f64) -> f64 {
        let denominator = denominator + self.l1 + self.l2 * entry;
        if denominator == 0.0 {
            self.floor
        } else {
            denominator
        }
    }

    #[inline]
    fn raised(&self, ratio: f64) -> f64 {
        if self.exponent == 1.0 {
            ratio
        } else {
            ratio.powf(self.exponent)
        }
    }

    #[inline]
    fn bounded(&self, entry: f64) -> f64 {
        let entry = if entry < self.negligible { 0.0 } else { entry };
        let max = self.max.unwrap_or(f64::INFINITY);
        if entry > max { max } else { entry }
    }
}
