//! From ratings to the values that factors and biases are to approximate.

use crate::{Sgd, SgdLoss};
use matfact_core::{Error, FactorModel, ObservedEntries, Result, Scalar};
use matfact_linalg::survey_ratings;
use rayon::prelude::*;

/// A root mean square error (or a mean absolute one) this many times the ratings' deviation is no longer a fit.
const HOPELESS: f64 = 1e3;
/// And so is such a mean of the other losses.
const HOPELESS_LOSS: f64 = 1e6;

/// What a fit knows about its ratings.
pub(crate) struct Targets<T> {
    /// Rows and columns of ratings and model.
    pub(crate) shape: (usize, usize),
    /// The number of ratings.
    pub(crate) observed: usize,
    /// Ratings of weight above 0, of each row and of each column.
    pub(crate) counts: [Vec<usize>; 2],
    /// The sums of their weights.
    pub(crate) totals: [Vec<f64>; 2],
    /// The sum of all weights.
    pub(crate) total: f64,
    /// Whether there are weights.
    pub(crate) weighted: bool,
    /// μ of the model, 0 without.
    pub(crate) mean: T,
    /// σ: what values are divided by.
    pub(crate) scale: f64,
    /// The mean of the values, where the model has none.
    pub(crate) level: f64,
    /// σ of the ratings over `scale`, at least 1.
    spread: f64,
    classes: bool,
}

impl<T: Scalar> Targets<T> {
    /// Checks every entry, and takes counts, mean and scale; `base` gives the mean of a model to be continued, and
    /// `deviation` stands for that of the ratings.
    pub(crate) fn new<X>(
        settings: &Sgd,
        x: &X,
        shape: (usize, usize),
        base: Option<&FactorModel<T>>,
        deviation: Option<f64>,
    ) -> Result<Self>
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let classes = settings.loss.is_of_classes();
        let survey = survey_ratings(x, settings.biased && !classes)?;
        if settings.loss == SgdLoss::KullbackLeibler {
            check_non_negative(x)?;
        }
        let scale = settings.scale(deviation.unwrap_or(survey.scale));
        let mut targets = Self {
            shape,
            observed: survey.observed,
            counts: [survey.row_counts, survey.column_counts],
            totals: [Vec::new(), Vec::new()],
            total: survey.observed as f64,
            weighted: (0..x.shape().0).any(|row| x.weights(row).is_some()),
            mean: match base {
                Some(base) => base.mean(),
                None => survey.mean,
            },
            scale,
            level: 0.0,
            spread: if classes {
                1.0
            } else {
                (survey.scale / scale).max(1.0)
            },
            classes,
        };
        targets.counts[0].resize(shape.0, 0);
        targets.counts[1].resize(shape.1, 0);
        if targets.weighted {
            targets.weigh(x);
        } else {
            let totals = |counts: &Vec<usize>| counts.iter().map(|count| *count as f64).collect();
            targets.totals = [totals(&targets.counts[0]), totals(&targets.counts[1])];
        }
        if !settings.biased && !classes {
            targets.level = targets.mean_of(x);
        }
        Ok(targets)
    }

    /// The value that stands for a rating.
    pub(crate) fn of(&self, rating: f64) -> T {
        if self.classes {
            return if rating > 0.0 { T::one() } else { -T::one() };
        }
        // Halves, because the difference of two large values may leave the range.
        let half_mean = 0.5 * self.mean.as_f64();
        T::from_f64(2.0 * ((0.5 * rating - half_mean) / self.scale))
    }

    /// The sum of losses from which on a fit is given up.
    pub(crate) fn hopeless(&self, loss: SgdLoss) -> f64 {
        let mean = match loss {
            SgdLoss::Squared => 0.5 * (HOPELESS * self.spread).powi(2),
            SgdLoss::Absolute => HOPELESS * self.spread,
            _ => HOPELESS_LOSS * self.spread,
        };
        mean * self.total
    }

    /// Counts and sums by weight.
    fn weigh<X: ObservedEntries<Scalar = T> + ?Sized>(&mut self, x: &X) {
        let [m, n] = [self.shape.0, self.shape.1];
        self.counts = [vec![0; m], vec![0; n]];
        self.totals = [vec![0.0; m], vec![0.0; n]];
        for row in 0..x.shape().0 {
            let weights = x.weights(row).unwrap_or_default();
            for (column, weight) in x.row(row).columns.iter().zip(weights) {
                if *weight > T::zero() {
                    for (side, member) in [row, *column as usize].into_iter().enumerate() {
                        self.counts[side][member] += 1;
                        self.totals[side][member] += weight.as_f64();
                    }
                }
            }
        }
        self.total = self.totals[0].iter().sum();
    }

    /// The mean of the values by weight, in an order that does not depend on threads.
    fn mean_of<X: ObservedEntries<Scalar = T> + ?Sized>(&self, x: &X) -> f64 {
        let of_row = |row: usize| -> f64 {
            let terms = x
                .row(row)
                .values
                .iter()
                .map(|value| value.as_f64() / self.scale);
            match x.weights(row) {
                None => terms.sum(),
                Some(weights) => terms.zip(weights).map(|(t, w)| t * w.as_f64()).sum(),
            }
        };
        let sums: Vec<f64> = (0..x.shape().0).into_par_iter().map(of_row).collect();
        sums.iter().sum::<f64>() / self.total
    }
}

fn check_non_negative<X: ObservedEntries + ?Sized>(x: &X) -> Result<()> {
    for row in 0..x.shape().0 {
        let entries = x.row(row);
        let negative = entries.values.iter().position(|v| v.as_f64() < 0.0);
        if let Some(position) = negative {
            return Err(Error::Negative {
                row,
                column: entries.columns[position] as usize,
                value: entries.values[position].as_f64(),
                algorithm: "sgd with the generalized Kullback-Leibler loss",
            });
        }
    }
    Ok(())
}
