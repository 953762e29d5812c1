//! How high the scores of the targets that remain can be, where these stand by falling length.

use matfact_core::Scalar;
use matfact_core::ndarray::{ArrayView1, ArrayView2};

/// By the Cauchy-Schwarz inequality, of a target q with the constant c and a query p with the offset b:
///
/// > b + c + p · q ≤ b + c + ‖p‖ ‖q‖
///
/// and all that remain have at most the length of the next one.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Of each panel, the largest length and constant from there on.
    from: Vec<(f64, f64)>,
    /// The largest absolute constant.
    largest: f64,
    /// Rounding errors of a score, relative to the sum of the absolute values of its parts.
    rounding: f64,
}

impl Reach {
    /// For panels of `line` targets, with the order that these have to take.
    pub(super) fn new<T: Scalar>(
        targets: ArrayView2<'_, T>,
        constants: Option<ArrayView1<'_, T>>,
        line: usize,
    ) -> (Self, Vec<u32>) {
        // A target with a NaN has no score, wherever it stands.
        let number = |value: f64| if value.is_nan() { 0.0 } else { value };
        let length = |row: ArrayView1<'_, T>| {
            let squares = row.iter().map(|value| value.as_f64().powi(2));
            number(squares.sum::<f64>().sqrt())
        };
        let lengths: Vec<f64> = targets.rows().into_iter().map(length).collect();
        let constant = |target: usize| match constants {
            Some(constants) => number(constants[target].as_f64()),
            None => 0.0,
        };
        let mut order: Vec<u32> = (0..lengths.len() as u32).collect();
        order.sort_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            let by_length = lengths[b].total_cmp(&lengths[a]);
            by_length.then(constant(b).total_cmp(&constant(a)))
        });
        let mut from = vec![(0.0, f64::NEG_INFINITY); order.len().div_ceil(line)];
        let (mut highest, mut largest) = (f64::NEG_INFINITY, 0.0_f64);
        for (panel, from) in order.chunks(line).zip(&mut from).rev() {
            for target in panel {
                highest = highest.max(constant(*target as usize));
                largest = largest.max(constant(*target as usize).abs());
            }
            *from = (lengths[panel[0] as usize], highest);
        }
        let reach = Self {
            from,
            largest,
            rounding: (targets.ncols() + 8) as f64 * T::epsilon().as_f64(),
        };
        (reach, order)
    }

    /// Whether a score of the targets from a panel on can exceed `least`, for a query of this length and offset.
    pub(super) fn reaches(&self, panel: usize, (length, offset): (f64, f64), least: f64) -> bool {
        let (longest, highest) = self.from[panel];
        let product = length * longest;
        let error = self.rounding * (product + offset.abs() + self.largest);
        let bound = offset + highest + product + error;
        // What is not a number says nothing.
        bound.is_nan() || bound > least
    }
}
