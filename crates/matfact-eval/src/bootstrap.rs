//! How much of a value, or of a difference, is chance.

use crate::{Metric, Score};
use matfact_core::{Error, Result};
use matfact_linalg::random_stream;
use rand::RngExt;

/// Bootstrap over rows (Efron 1979): the rows are drawn with repetition, and the value computed again, many
/// times.
///
/// | field | default | range |
/// |---|---|---|
/// | `resamples` | 1000 | ≥ 1 |
/// | `level` | 0.95 | above 0, below 1: the part of the draws inside the interval |
/// | `seed` | 0 | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    resamples: usize,
    level: f64,
    seed: u64,
}

impl Default for Resampling {
    fn default() -> Self {
        Self {
            resamples: 1000,
            level: 0.95,
            seed: 0,
        }
    }
}

/// From where to where the middle draws of a bootstrap lie (percentiles).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Resampling {
    /// The defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many times the rows are drawn.
    #[must_use]
    pub fn resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Sets the part of the draws inside the interval.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        if self.resamples == 0 {
            return Err(Error::invalid_parameter("resamples", 0, "at least 1"));
        }
        if self.level > 0.0 && self.level < 1.0 {
            return Ok(());
        }
        let requirement = "above 0 and below 1";
        Err(Error::invalid_parameter("level", self.level, requirement))
    }

    /// `statistic` of each draw, which gets how many times each of `rows` rows was drawn.
    pub(crate) fn draws(&self, rows: usize, mut statistic: impl FnMut(&[u32]) -> f64) -> Vec<f64> {
        let mut counts = vec![0_u32; rows];
        let draw = |number: usize| {
            let mut stream = random_stream(self.seed, number as u64);
            counts.fill(0);
            for _ in 0..rows {
                counts[stream.random_range(0..rows)] += 1;
            }
            statistic(&counts)
        };
        (0..self.resamples).map(draw).collect()
    }

    pub(crate) fn interval(&self, values: &mut [f64]) -> Interval {
        values.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        let outside = (1.0 - self.level) / 2.0;
        Interval {
            low: at(outside),
            high: at(1.0 - outside),
        }
    }
}

/// Two models on the same rows.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Which metric.
    pub metric: Metric,
    /// The first's value minus the second's.
    pub difference: f64,
    /// The interval of the difference: if 0 lies outside, it is more than chance at this level.
    pub interval: Interval,
    /// The part of the draws in which the first model is the better one; draws that are even count ½.
    pub first_better: f64,
}

/// Whether two models differ by more than chance: a bootstrap that draws the same rows for both (paired), so
/// that what makes a row hard for both cancels out.
///
/// ```
/// # use matfact_core::{Duplicates, FactorModel, Ratings, ndarray::Array2};
/// use matfact_eval::{Evaluation, Metric, Resampling, Split, compare};
/// # let entries = (0..300).map(|i| (i / 10, (i * 7) % 13, 1.0 + (i % 3) as f64));
/// # let ratings = Ratings::from_triplets((30, 13), entries, Duplicates::Last)?;
/// # let split = Split::leave_out(&ratings, 2, 0)?;
/// # let plain = |mean| FactorModel::new(Array2::zeros((30, 1)), Array2::zeros((13, 1))).map(|m| m.with_mean(mean));
/// # let (good, bad) = (plain(2.0)?, plain(1.0)?);
/// let evaluation = Evaluation::new([Metric::Rmse]);
/// let (a, b) = (evaluation.of(&good, &split)?, evaluation.of(&bad, &split)?);
/// let comparison = compare(&a[0], &b[0], &Resampling::new())?;
/// assert!(comparison.interval.high < 0.0 && comparison.first_better == 1.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`] if the scores are not of the same metric and rows, or of none;
/// [`Error::InvalidParameter`] as [`Resampling::validate`].
pub fn compare(first: &Score, second: &Score, resampling: &Resampling) -> Result<Comparison> {
    resampling.validate()?;
    let of = |score: &Score| {
        let sampled = score
            .sampled
            .map_or(String::new(), |n| format!(", {n} sampled"));
        format!("{} of {} rows{sampled}", score.metric, score.rows.len())
    };
    if first.metric != second.metric
        || first.sampled != second.sampled
        || first.rows != second.rows
        || first.rows.is_empty()
    {
        let what = "the scores to compare (same metric, same rows, at least one)";
        return Err(Error::shape_mismatch(what, of(first), of(second)));
    }
    let sign = if first.metric.larger_is_better() {
        1.0
    } else {
        -1.0
    };
    let mut differences = resampling.draws(first.rows.len(), |counts| {
        let chosen = || {
            counts
                .iter()
                .enumerate()
                .map(|(at, times)| (at, f64::from(*times)))
        };
        first.of(chosen()) - second.of(chosen())
    });
    let wins = differences
        .iter()
        .map(|difference| match sign * difference {
            better if better > 0.0 => 1.0,
            worse if worse < 0.0 => 0.0,
            _ => 0.5,
        });
    let first_better = wins.sum::<f64>() / differences.len() as f64;
    Ok(Comparison {
        metric: first.metric,
        difference: first.value - second.value,
        interval: resampling.interval(&mut differences),
        first_better,
    })
}
