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
    compare_folds(
        std::slice::from_ref(first),
        std::slice::from_ref(second),
        resampling,
    )
}

/// As [`compare`], for the scores of two models on each of several folds: the difference of the means over folds, with
/// rows that are drawn for all folds at once, since what a row brings to one fold it brings to the others.
///
/// ```
/// # use matfact_core::{Duplicates, FactorModel, Ratings, ndarray::Array2};
/// use matfact_eval::{Evaluation, KFold, Metric, Resampling, compare_folds};
/// # let entries = (0..300).map(|i| (i / 10, (i * 7) % 13, 1.0 + (i % 3) as f64));
/// # let ratings = Ratings::from_triplets((30, 13), entries, Duplicates::Last)?;
/// # let plain = |mean| FactorModel::new(Array2::zeros((30, 1)), Array2::zeros((13, 1))).map(|m| m.with_mean(mean));
/// # let (good, bad) = (plain(2.0)?, plain(1.0)?);
/// let evaluation = Evaluation::new([Metric::Rmse]);
/// let (mut a, mut b) = (Vec::new(), Vec::new());
/// for fold in 0..3 {
///     let split = KFold::new(3).split(&ratings, fold)?;
///     a.extend(evaluation.of(&good, &split)?);
///     b.extend(evaluation.of(&bad, &split)?);
/// }
/// let comparison = compare_folds(&a, &b, &Resampling::new())?;
/// assert!(comparison.interval.high < 0.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// As [`compare`], of any fold, and for two numbers of folds.
pub fn compare_folds(
    first: &[Score],
    second: &[Score],
    resampling: &Resampling,
) -> Result<Comparison> {
    resampling.validate()?;
    check(first, second)?;
    let mut rows: Vec<usize> = first
        .iter()
        .flat_map(|score| &score.rows)
        .copied()
        .collect();
    rows.sort_unstable();
    rows.dedup();
    // Where the rows of each fold stand among all.
    let places = first.iter().map(|score| {
        let place = |row| rows.partition_point(|other| other < row);
        score.rows.iter().map(place).collect()
    });
    let places: Vec<Vec<usize>> = places.collect();
    let metric = first[0].metric;
    let sign = if metric.larger_is_better() { 1.0 } else { -1.0 };
    let mut differences = resampling.draws(rows.len(), |counts| {
        let folds = first.iter().zip(second).zip(&places);
        mean(folds.map(|((first, second), places)| {
            let chosen = || {
                let places = places.iter().enumerate();
                places.map(|(at, place)| (at, f64::from(counts[*place])))
            };
            first.of(chosen()) - second.of(chosen())
        }))
    });
    let wins = differences
        .iter()
        .map(|difference| match sign * difference {
            better if better > 0.0 => 1.0,
            worse if worse < 0.0 => 0.0,
            _ => 0.5,
        });
    let first_better = wins.sum::<f64>() / differences.len() as f64;
    let folds = first.iter().zip(second);
    Ok(Comparison {
        metric,
        difference: mean(folds.map(|(first, second)| first.value - second.value)),
        interval: resampling.interval(&mut differences),
        first_better,
    })
}

/// The mean over folds; one of which no row was drawn says nothing.
fn mean(folds: impl Iterator<Item = f64>) -> f64 {
    let values = folds.filter(|value| !value.is_nan());
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// Refuses scores that cannot be compared.
fn check(first: &[Score], second: &[Score]) -> Result<()> {
    let refuse = |first: String, second: String| {
        let what = "the scores to compare (same metric, same rows, at least one)";
        Err(Error::shape_mismatch(what, first, second))
    };
    if first.len() != second.len() || first.is_empty() {
        let of = |folds: &[Score]| format!("{} folds", folds.len());
        return refuse(of(first), of(second));
    }
    let of = |score: &Score| {
        let sampled = score
            .sampled
            .map_or(String::new(), |n| format!(", {n} sampled"));
        format!("{} of {} rows{sampled}", score.metric, score.rows.len())
    };
    let same = |a: &Score, b: &Score| a.metric == b.metric && a.sampled == b.sampled;
    for (a, b) in first.iter().zip(second) {
        if !same(a, b) || !same(a, &first[0]) || a.rows != b.rows || a.rows.is_empty() {
            return refuse(of(a), of(b));
        }
    }
    Ok(())
}
