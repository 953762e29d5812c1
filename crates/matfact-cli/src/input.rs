//! Ratings from files, and their split into training and test parts.

use crate::arguments::SgdOptions;
use crate::output::{complain, grouped};
use matfact::io::{Ids, RatedPair, RatingsData, SkippedLine, read_ratings, read_ratings_with_ids};
use matfact::{Duplicates, Error, FactorModel, ObservedEntries, Ratings, Result, Scalar};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Training ratings with ids, and the ratings to test on.
pub(crate) struct Split<T> {
    pub(crate) train: Ratings<T>,
    pub(crate) rows: Ids,
    pub(crate) columns: Ids,
    pub(crate) test: Vec<RatedPair<T>>,
    /// Smallest and largest training rating.
    pub(crate) range: (T, T),
}

/// Reads the ratings of a fit and splits them as asked.
pub(crate) fn load<T: Scalar>(options: &SgdOptions) -> Result<Split<T>> {
    let reading = options.reading.resolve()?.duplicates(options.duplicates.into());
    let data: RatingsData<T> = read_ratings(&options.common.input, &reading)?;
    tell_skipped(&data.skipped, data.skipped_count);
    if data.duplicates > 0 {
        complain(&format!(
            "notice: {} ratings of pairs rated before, taken by the rule of --duplicates",
            grouped(data.duplicates)
        ));
    }
    let RatingsData { ratings, rows, columns, .. } = data;
    let (train, test) = match (&options.test, options.holdout) {
        (Some(path), _) => {
            let test = read_ratings_with_ids(path, &reading, &rows, &columns)?;
            tell_skipped(&test.skipped, test.skipped_count);
            (ratings, test.pairs)
        }
        (None, Some(share)) => {
            let (train, test) = hold_out(&ratings, share, options.common.seed)?;
            if test.is_empty() {
                complain("notice: --holdout chose no rating, so no error is measured: there are few ratings, or the share is small");
            }
            (train, test)
        }
        (None, None) => (ratings, Vec::new()),
    };
    let values = train.csr().data();
    let start = (T::infinity(), T::neg_infinity());
    let range = values.iter().fold(start, |(low, high), v| (low.min(*v), high.max(*v)));
    Ok(Split { train, rows, columns, test, range })
}

pub(crate) fn tell_skipped(skipped: &[SkippedLine], count: usize) {
    if count > 0 {
        complain(&format!("notice: {} lines skipped, the first of them:", grouped(count)));
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
    Err(Error::invalid_parameter("holdout", share, "above 0 and below 1"))
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
            test.push(RatedPair { row: Some(row), column: Some(column), value });
        } else {
            train.push((row, column, value));
        }
    }
    if train.is_empty() {
        let requirement = format!("smaller: it leaves none of {} ratings to train on", test.len());
        return Err(Error::invalid_parameter("holdout", share, requirement));
    }
    Ok((Ratings::from_triplets(ratings.shape(), train, Duplicates::Error)?, test))
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
        let (mut count, mut squares, mut absolute) = (0_u64, 0.0, 0.0);
        for (predicted, actual) in pairs {
            let error = predicted - actual;
            count += 1;
            squares += error * error;
            absolute += error.abs();
        }
        let count = (count > 0).then_some(count as f64)?;
        Some(Self { rmse: (squares / count).sqrt(), mae: absolute / count })
    }

    /// Of a model's predictions, kept inside `range`.
    pub(crate) fn of_model<T: Scalar>(
        model: &FactorModel<T>,
        range: (T, T),
        pairs: impl Iterator<Item = RatedPair<T>>,
    ) -> Option<Self> {
        Self::of(pairs.map(|pair| {
            let predicted = model.predict_or_fallback(pair.row, pair.column);
            (predicted.max(range.0).min(range.1).as_f64(), pair.value.as_f64())
        }))
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        json!({ "rmse": self.rmse, "mae": self.mae })
    }
}
