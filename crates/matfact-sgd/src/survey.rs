//! From ratings to the values that factors and biases are to approximate.

use crate::input::RatingSource;
use crate::{Sgd, SgdLoss};
use matfact_core::{Error, FactorModel, Result, Scalar};

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
        X: RatingSource<Scalar = T> + ?Sized,
    {
        let classes = settings.loss.is_of_classes();
        let survey = x.survey(settings.biased && !classes)?;
        if settings.loss == SgdLoss::KullbackLeibler
            && let Some((row, column, value)) = x.first_negative()
        {
            return Err(Error::Negative {
                row,
                column,
                value,
                algorithm: "sgd with the generalized Kullback-Leibler loss",
            });
        }
        let weighing = x.weighing(shape);
        let scale = settings.scale(deviation.unwrap_or(survey.scale));
        let mut targets = Self {
            shape,
            observed: survey.observed,
            counts: [survey.row_counts, survey.column_counts],
            totals: [Vec::new(), Vec::new()],
            total: survey.observed as f64,
            weighted: weighing.is_some(),
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
        if let Some(weighing) = weighing {
            targets.counts = weighing.counts;
            targets.totals = weighing.totals;
            targets.total = targets.totals[0].iter().sum();
        } else {
            let totals = |counts: &Vec<usize>| counts.iter().map(|count| *count as f64).collect();
            targets.totals = [totals(&targets.counts[0]), totals(&targets.counts[1])];
        }
        if !settings.biased && !classes {
            targets.level = x.sums_over(scale)?.iter().sum::<f64>() / targets.total;
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
}
