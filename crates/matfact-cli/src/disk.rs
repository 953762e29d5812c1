//! `matfact fit sgd --disk`: ratings that need not fit into memory.

use crate::arguments::{CommonOptions, SplitOptions};
use crate::input::{
    Accuracy, Seen, aside_from_file, check_share, read_beside, reading, tell_of, tell_small_share,
};
use crate::output::complain;
use matfact::io::{
    Ids, RatedPair, RatingsOptions, StreamedRatings, duplicate_rating, stream_ratings,
};
use matfact::{AnyModel, DiskRatings, DiskRatingsWriter, Error, Result, Scalar, Validation};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::ErrorKind;
use std::path::Path;

/// Training ratings on disk with ids, and the ratings to test on, in memory.
pub(crate) struct DiskSplit<T> {
    pub(crate) train: DiskRatings<T>,
    pub(crate) rows: Ids,
    pub(crate) columns: Ids,
    pub(crate) test: Vec<RatedPair<T>>,
    pub(crate) seen: Seen,
    pub(crate) validation: Option<Validation>,
}

/// Reads the ratings of a fit into temporary files of `folder`, and splits them as asked: as `input::load` does in
/// memory, to the bit.
pub(crate) fn load<T: Scalar>(
    common: &CommonOptions,
    options: &SplitOptions,
    folder: &Path,
) -> Result<DiskSplit<T>> {
    if let Some(share) = options.validation_share() {
        let requirement = "a file of ratings beside --disk";
        return Err(Error::invalid_parameter("validation", share, requirement));
    }
    if !folder.is_dir() {
        let source = std::io::Error::new(ErrorKind::NotFound, "no such folder: create it first");
        return Err(Error::Io {
            path: folder.to_owned(),
            source,
        });
    }
    let reading = reading(common, options)?;
    let mut writer = DiskRatingsWriter::new(folder)?.duplicates(options.duplicates.into());
    let read = stream_ratings(&common.input, &reading, |row, column, value| {
        writer.push(row, column, value)
    })?;
    let ratings = writer
        .finish()
        .map_err(|error| with_ids(error, common, &reading, &read, T::NAME))?;
    tell_of(
        &read.skipped,
        read.skipped_count,
        read.count - ratings.observed(),
    );
    let StreamedRatings { rows, columns, .. } = read;
    let (train, test) = match (&options.test, options.holdout) {
        (Some(path), _) => {
            let test = read_beside(path, common, options, &rows, &columns)?;
            (ratings, test)
        }
        (None, Some(share)) => hold_out(&ratings, share, common.seed, folder)?,
        (None, None) => (ratings, Vec::new()),
    };
    let validation = match &options.validation {
        Some(path) => Some(aside_from_file::<T>(
            Path::new(path),
            &reading,
            (&rows, &columns),
            None,
        )?),
        None => None,
    };
    Ok(DiskSplit {
        seen: Seen::of_disk(&train)?,
        train,
        rows,
        columns,
        test,
        validation,
    })
}

/// The refusal of a pair in the words of those who know its user and item.
fn with_ids(
    error: Error,
    common: &CommonOptions,
    reading: &RatingsOptions,
    read: &StreamedRatings,
    scalar: &'static str,
) -> Error {
    let names = |row: usize, column: usize| (read.rows.name(row), read.columns.name(column));
    match error {
        Error::DuplicateEntry { row, column } => {
            duplicate_rating(&common.input, reading, names(row, column))
        }
        Error::NonFinite { row, column, .. } => {
            let (user, item) = names(row, column);
            Error::Overflow {
                step: format!(
                    "{}: the sum of the ratings of user {user:?} for item {item:?}",
                    common.input.display()
                ),
                scalar,
            }
        }
        other => other,
    }
}

/// Holds out each rating with probability `share`: those that `input::hold_out` takes.
fn hold_out<T: Scalar>(
    ratings: &DiskRatings<T>,
    share: f64,
    seed: u64,
    folder: &Path,
) -> Result<(DiskRatings<T>, Vec<RatedPair<T>>)> {
    check_share(share)?;
    let (rows, columns) = ratings.shape();
    let mut train = DiskRatingsWriter::new(folder)?.shape(rows, columns);
    let mut test = Vec::new();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ratings.for_each(|row, column, value| {
        if rng.random::<f64>() >= share {
            return train.push(row, column, value);
        }
        test.push(RatedPair {
            row: Some(row),
            column: Some(column),
            value,
        });
        Ok(())
    })?;
    if test.len() == ratings.observed() {
        let requirement = format!(
            "smaller: it leaves none of {} ratings to train on",
            test.len()
        );
        return Err(Error::invalid_parameter("holdout", share, requirement));
    }
    if test.is_empty() {
        tell_small_share();
    }
    Ok((train.finish()?, test))
}

/// How well a model does on the ratings that it was fitted to.
pub(crate) fn accuracy_on<T: Scalar>(
    model: &AnyModel<T>,
    seen: Seen,
    ratings: &DiskRatings<T>,
) -> Result<Option<Accuracy>> {
    Accuracy::of_each(model, seen, |add| {
        ratings.for_each(|row, column, value| {
            add(RatedPair {
                row: Some(row),
                column: Some(column),
                value,
            })
        })
    })
}

/// Tells what a report leaves out.
pub(crate) fn tell_of_report(common: &CommonOptions) {
    if common.reporting.report.is_some() {
        complain("notice: the report shows no recommendations: what was rated lies on disk");
    }
}
