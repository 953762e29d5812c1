//! The multiplicative update of a factor.

use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Rows of a task.
const TASK_ROWS: usize = 256;

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

impl MultiplicativeStep<'_> {
    #[inline]
    fn of(&self, entry: f64, numerator: f64, denominator: f64) -> f64 {
        let denominator = denominator + self.l1 + self.l2 * entry;
        let denominator = if denominator == 0.0 {
            self.floor
        } else {
            denominator
        };
        let ratio = numerator / denominator;
        let ratio = if self.exponent == 1.0 {
            ratio
        } else {
            ratio.powf(self.exponent)
        };
        let new = if entry == 0.0 { 0.0 } else { entry * ratio };
        let new = if new < self.negligible { 0.0 } else { new };
        let max = self.max.unwrap_or(f64::INFINITY);
        if new > max { max } else { new }
    }
}
