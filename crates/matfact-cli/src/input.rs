//! Ratings from files, and their split into training and test parts.

use crate::arguments::{CommonOptions, PositivesOptions, SplitOptions};
use crate::fit::Source;
use crate::output::{complain, grouped};
use matfact::io::{
    Ids, RatedPair, RatingsData, RatingsOptions, SkippedLine, read_ratings, read_ratings_with_ids,
};
use matfact::{
    AnyModel, DiskRatings, Duplicates, Error, Factorization, ObservedEntries, Ratings, Result,
    Scalar, Validation,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Training ratings with ids, and the ratings to test on.
pub(crate) struct Split<T> {
    pub(crate) train: Ratings<T>,
    pub(crate) rows: Ids,
    pub(crate) columns: Ids,
    pub(crate) test: Vec<RatedPair<T>>,
    pub(crate) seen: Seen,
    pub(crate) validation: Option<Validation>,
}

/// Reads the ratings of a fit.
pub(crate) fn read<T: Scalar>(
    common: &CommonOptions,
    options: &SplitOptions,
) -> Result<RatingsData<T>> {
    let data: RatingsData<T> = read_ratings(&common.input, &reading(common, options)?)?;
    tell_of(&data.skipped, data.skipped_count, data.duplicates);
    Ok(data)
}

/// Reads what users have chosen: a line without a number counts 1.
pub(crate) fn read_positives<T: Scalar>(
    common: &CommonOptions,
    options: &PositivesOptions,
) -> Result<RatingsData<T>> {
    let mut data = read_counted(common, &options.split)?;
    if let Some(least) = options.positive_from {
        data.ratings = liked(&data.ratings, least)?;
    }
    Ok(data)
}

/// Reads ratings, or what users have chosen: a line without a number counts 1.
pub(crate) fn read_counted<T: Scalar>(
    common: &CommonOptions,
    options: &SplitOptions,
) -> Result<RatingsData<T>> {
    let reading = reading(common, options)?.default_value(1.0);
    let data: RatingsData<T> = read_ratings(&common.input, &reading)?;
    tell_of(&data.skipped, data.skipped_count, data.duplicates);
    Ok(data)
}

/// What is rated at least so much.
pub(crate) fn liked<T: Scalar>(ratings: &Ratings<T>, least: f64) -> Result<Ratings<T>> {
    let liked = ratings.triplets();
    let liked = liked.filter(|(_, _, value)| value.as_f64() >= least);
    Ratings::from_triplets(ratings.shape(), liked, Duplicates::Error)
}

/// Tells what was left out or merged while ratings were read.
pub(crate) fn tell_of(skipped: &[SkippedLine], count: usize, duplicates: usize) {
    tell_skipped(skipped, count);
    if duplicates > 0 {
        complain(&format!(
            "notice: {} ratings of pairs rated before, taken by the rule of --duplicates",
            grouped(duplicates)
        ));
    }
}

/// Tells that nothing was held out.
pub(crate) fn tell_small_share() {
    complain(
        "notice: --holdout chose no rating, so no error is measured: there are few ratings, or the share is small",
    );
}

/// Reads ratings by the ids of those of the fit.
pub(crate) fn read_beside<T: Scalar>(
    path: &Path,
    common: &CommonOptions,
    options: &SplitOptions,
    rows: &Ids,
    columns: &Ids,
) -> Result<Vec<RatedPair<T>>> {
    read_pairs(path, &reading(common, options)?, rows, columns)
}

fn read_pairs<T: Scalar>(
    path: &Path,
    reading: &RatingsOptions,
    rows: &Ids,
    columns: &Ids,
) -> Result<Vec<RatedPair<T>>> {
    let test = read_ratings_with_ids(path, reading, rows, columns)?;
    tell_skipped(&test.skipped, test.skipped_count);
    Ok(test.pairs)
}

/// How the ratings of a fit are read.
pub(crate) fn reading(common: &CommonOptions, options: &SplitOptions) -> Result<RatingsOptions> {
    let mut reading = options.reading.resolve()?;
    reading.threads = common.threads;
    Ok(reading.duplicates(options.duplicates.into()))
}

/// The pairs whose user and item are known, as ratings; of a pair given twice the last.
pub(crate) fn known<T: Scalar>(
    shape: (usize, usize),
    pairs: &[RatedPair<T>],
) -> Result<Ratings<T>> {
    let known = pairs
        .iter()
        .filter_map(|p| Some((p.row?, p.column?, p.value)));
    Ratings::from_triplets(shape, known, Duplicates::Last)
}

/// Reads the ratings of a fit and splits them as asked.
pub(crate) fn load<T: Scalar>(common: &CommonOptions, options: &SplitOptions) -> Result<Split<T>> {
    let RatingsData {
        ratings,
        rows,
        columns,
        ..
    } = read(common, options)?;
    let (train, test) = match (&options.test, options.holdout) {
        (Some(path), _) => (
            ratings,
            read_beside(path, common, options, &rows, &columns)?,
        ),
        (None, Some(share)) => {
            let (train, test) = hold_out(&ratings, share, common.seed)?;
            if test.is_empty() {
                tell_small_share();
            }
            (train, test)
        }
        (None, None) => (ratings, Vec::new()),
    };
    let source = Source::Ratings(options);
    let (train, validation) = keep_aside(train, common, source, (&rows, &columns))?;
    Ok(Split {
        seen: Seen::of(&train),
        train,
        rows,
        columns,
        test,
        validation,
    })
}

/// Takes the validation ratings, which are a file or a share of those to train on.
pub(crate) fn keep_aside<T: Scalar>(
    train: Ratings<T>,
    common: &CommonOptions,
    source: Source<'_>,
    (rows, columns): (&Ids, &Ids),
) -> Result<(Ratings<T>, Option<Validation>)> {
    let Some(options) = source.split() else {
        return Ok((train, None));
    };
    let (train, mut aside) = match (&options.validation, options.validation_share()) {
        (None, _) => return Ok((train, None)),
        (Some(_), Some(share)) => {
            let split = matfact::eval::Split::random(&train, share, common.seed)?;
            (split.train, Validation::of(&split.test))
        }
        (Some(path), None) => {
            let mut reading = reading(common, options)?;
            let mut least = None;
            if let Source::Positives(positives) = source {
                reading = reading.default_value(1.0);
                least = positives.positive_from;
            }
            let aside = aside_from_file::<T>(Path::new(path), &reading, (rows, columns), least)?;
            (train, aside)
        }
    };
    check_aside(&aside)?;
    if let Source::Positives(PositivesOptions {
        validation_metric: Some(metric),
        ..
    }) = source
    {
        aside = aside.metric(*metric);
    }
    Ok((train, Some(aside)))
}

/// The validation ratings of a file: those of known users and items, and of at least `least`.
pub(crate) fn aside_from_file<T: Scalar>(
    path: &Path,
    reading: &RatingsOptions,
    (rows, columns): (&Ids, &Ids),
    least: Option<f64>,
) -> Result<Validation> {
    let mut pairs: Vec<RatedPair<T>> = read_pairs(path, reading, rows, columns)?;
    if let Some(least) = least {
        pairs.retain(|pair| pair.value.as_f64() >= least);
    }
    let aside = Validation::of(&known((rows.len(), columns.len()), &pairs)?);
    check_aside(&aside)?;
    Ok(aside)
}

fn check_aside(validation: &Validation) -> Result<()> {
    if validation.is_empty() {
        let requirement =
            "one with a rating of a user and an item of the training ratings, or a larger share";
        return Err(Error::invalid_parameter("validation", "empty", requirement));
    }
    Ok(())
}

pub(crate) fn tell_skipped(skipped: &[SkippedLine], count: usize) {
    if count > 0 {
        complain(&format!(
            "notice: {} lines skipped, the first of them:",
            grouped(count)
        ));
        for line in skipped.iter().take(5) {
            complain(&format!("  line {}: {}", line.line, line.message));
        }
    }
}

/// Refuses a share that is none.
pub(crate) fn check_share(share: f64) -> Result<()> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    Err(Error::invalid_parameter(
        "holdout",
        share,
        "above 0 and below 1",
    ))
}

/// Holds out each rating with probability `share`, by a random stream of the seed.
pub(crate) fn hold_out<T: Scalar>(
    ratings: &Ratings<T>,
    share: f64,
    seed: u64,
) -> Result<(Ratings<T>, Vec<RatedPair<T>>)> {
    check_share(share)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (row, column, value) in ratings.triplets() {
        if rng.random::<f64>() < share {
            test.push(RatedPair {
                row: Some(row),
                column: Some(column),
                value,
            });
        } else {
            train.push((row, column, value));
        }
    }
    if train.is_empty() {
        let requirement = format!(
            "smaller: it leaves none of {} ratings to train on",
            test.len()
        );
        return Err(Error::invalid_parameter("holdout", share, requirement));
    }
    Ok((
        Ratings::from_triplets(ratings.shape(), train, Duplicates::Error)?,
        test,
    ))
}

/// What the training ratings say of any rating.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    low: f64,
    high: f64,
    mean: f64,
}

impl Seen {
    const LOW: &str = "rating_minimum";
    const HIGH: &str = "rating_maximum";
    const MEAN: &str = "rating_mean";

    /// Of the ratings to train on.
    pub(crate) fn of<T: Scalar>(ratings: &Ratings<T>) -> Self {
        let values = || ratings.csr().data().iter().map(|value| value.as_f64());
        Self {
            low: values().fold(f64::INFINITY, f64::min),
            high: values().fold(f64::NEG_INFINITY, f64::max),
            mean: ratings.mean(),
        }
    }

    /// Of ratings to train on that lie on disk, to the bit the same.
    pub(crate) fn of_disk<T: Scalar>(ratings: &DiskRatings<T>) -> Result<Self> {
        let (low, high) = ratings.range();
        Ok(Self {
            low: low.as_f64(),
            high: high.as_f64(),
            mean: ratings.mean()?,
        })
    }

    /// Of ratings of which the mean alone is known.
    pub(crate) fn unbounded(mean: f64) -> Self {
        Self {
            low: f64::MIN,
            high: f64::MAX,
            mean,
        }
    }

    /// The mean of the training ratings.
    pub(crate) fn mean(self) -> f64 {
        self.mean
    }

    /// From a model file, where it has them.
    pub(crate) fn read(attributes: &BTreeMap<String, String>) -> Option<Self> {
        let number = |name: &str| attributes.get(name)?.parse::<f64>().ok();
        let (low, high, mean) = (number(Self::LOW)?, number(Self::HIGH)?, number(Self::MEAN)?);
        (low <= mean && mean <= high).then_some(Self { low, high, mean })
    }

    /// Into a model file.
    pub(crate) fn write(self, attributes: &mut BTreeMap<String, String>) {
        for (name, value) in [
            (Self::LOW, self.low),
            (Self::HIGH, self.high),
            (Self::MEAN, self.mean.clamp(self.low, self.high)),
        ] {
            attributes.insert(name.to_owned(), format!("{value:?}"));
        }
    }

    /// The nearest value in the range of the ratings.
    pub(crate) fn clamp(self, value: f64) -> f64 {
        value.max(self.low).min(self.high)
    }
}

/// The entry that a model predicts. About a user or an item that it has not seen, a model with
/// biases knows the mean and the other side's bias; any other knows nothing, and the mean of the
/// training ratings stands in. `None` for a stranger to a model that was not trained on ratings.
pub(crate) fn predict<T: Scalar>(
    model: &AnyModel<T>,
    seen: Option<Seen>,
    row: Option<usize>,
    column: Option<usize>,
) -> Result<Option<f64>> {
    let stranger = row.is_none() || column.is_none();
    Ok(match (model.factors(), row, column) {
        (Some(model), ..) => Some(match seen {
            Some(seen) if stranger && model.row_bias().is_none() => seen.mean,
            _ => model.predict_or_fallback(row, column).as_f64(),
        }),
        (None, Some(row), Some(column)) => Some(model.predict(row, column)?.as_f64()),
        _ => seen.map(|seen| seen.mean),
    })
}

/// Root mean square and mean absolute error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accuracy {
    pub(crate) rmse: f64,
    pub(crate) mae: f64,
}

impl Accuracy {
    /// Of predictions against ratings; `None` without any.
    pub(crate) fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let mut errors = Errors::default();
        for (predicted, actual) in pairs {
            errors.add(predicted - actual);
        }
        errors.mean()
    }

    /// Of a model's predictions, kept inside the range of the training ratings.
    pub(crate) fn of_model<T: Scalar>(
        model: &AnyModel<T>,
        seen: Seen,
        pairs: impl Iterator<Item = RatedPair<T>>,
    ) -> Result<Option<Self>> {
        Self::of_each(model, seen, |add| pairs.into_iter().try_for_each(add))
    }

    /// The same of the pairs that `visit` hands on.
    pub(crate) fn of_each<T: Scalar>(
        model: &AnyModel<T>,
        seen: Seen,
        visit: impl FnOnce(&mut dyn FnMut(RatedPair<T>) -> Result<()>) -> Result<()>,
    ) -> Result<Option<Self>> {
        let mut errors = Errors::default();
        visit(&mut |pair| {
            let predicted = predict(model, Some(seen), pair.row, pair.column)?;
            let predicted = seen.clamp(predicted.unwrap_or(seen.mean));
            errors.add(predicted - pair.value.as_f64());
            Ok(())
        })?;
        Ok(errors.mean())
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        json!({ "rmse": self.rmse, "mae": self.mae })
    }
}

/// The errors of predictions, summed up.
#[derive(Debug, Default)]
struct Errors {
    count: u64,
    squares: f64,
    absolute: f64,
}

impl Errors {
    fn add(&mut self, error: f64) {
        self.count += 1;
        self.squares += error * error;
        self.absolute += error.abs();
    }

    fn mean(&self) -> Option<Accuracy> {
        let count = (self.count > 0).then_some(self.count as f64)?;
        Some(Accuracy {
            rmse: (self.squares / count).sqrt(),
            mae: self.absolute / count,
        })
    }
}
