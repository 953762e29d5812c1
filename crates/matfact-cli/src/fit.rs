//! `matfact fit`.

use crate::arguments::{
    CommonOptions, FitCommand, MatrixOptions, PositivesOptions, RankingOptions, SplitOptions,
};
use crate::checkpoints::Checkpoints;
use crate::checks::{Input as ReadFile, check_memory, check_output, check_report};
use crate::choices::Precision;
use crate::configuration::Given;
use crate::disk::{self, DiskSplit};
use crate::input::{Accuracy, Seen, Split, keep_aside, load, read_positives};
use crate::output::{complain, say, say_json};
use crate::plan::check_budget;
use crate::progress::{Bar, interruption};
use crate::reporting;
use crate::saving;
use crate::summary::{summary, summary_json};
use crate::weighting::{self, Weighted, Weighting};
use matfact::io::{Ids, ModelFile, RatedPair};
use matfact::{
    Algorithm, AnyModel, Error, Factorizer, Fit, Input, ObservedEntries, Persist, Ratings, Result,
    Run, Scalar, StopReason, Validation,
};
use std::path::Path;
use std::time::Instant;

/// Fits what the command line asks for.
pub(crate) fn run(command: &FitCommand, given: &Given) -> Result<()> {
    let (common, algorithm, source) = parts(command)?;
    if common.reporting.print_config {
        return say(given.to_toml(Some(&algorithm)).trim_end());
    }
    by_precision(common, &algorithm, source, given)
}

/// What a fit is made of, all settings in range.
pub(crate) fn parts(command: &FitCommand) -> Result<(&CommonOptions, Algorithm, Source<'_>)> {
    let (common, _, source) = unchecked(command);
    let algorithm = match command {
        FitCommand::Nmf(own) => Algorithm::Nmf(own.algorithm()?),
        FitCommand::MaskedNmf(own) => Algorithm::MaskedNmf(own.algorithm()?),
        FitCommand::MinibatchNmf(own) => Algorithm::MiniBatchNmf(own.algorithm()?),
        FitCommand::Svd(own) => Algorithm::Svd(own.algorithm()?),
        FitCommand::Pca(own) => Algorithm::Pca(own.algorithm()?),
        FitCommand::Sgd(own) => Algorithm::Sgd(own.algorithm()?),
        FitCommand::Als(own) => Algorithm::Als(own.algorithm()?),
        FitCommand::Svdpp(own) => Algorithm::SvdPlusPlus(own.algorithm()?),
        FitCommand::Ials(own) => Algorithm::ImplicitAls(own.algorithm()?),
        FitCommand::Bpr(own) => Algorithm::Bpr(own.algorithm()?),
        FitCommand::Warp(own) => Algorithm::Warp(own.algorithm()?),
        FitCommand::Logistic(own) => Algorithm::Logistic(own.algorithm()?),
        FitCommand::Popularity(own) => Algorithm::Popularity(own.algorithm()?),
    };
    Ok((common, algorithm, source))
}

/// What a fit is made of, with the name of its algorithm, whose settings are not checked.
pub(crate) fn unchecked(command: &FitCommand) -> (&CommonOptions, &'static str, Source<'_>) {
    match command {
        FitCommand::Nmf(own) => (&own.common, "nmf", Source::Matrix(&own.matrix)),
        FitCommand::MinibatchNmf(own) => {
            (&own.common, "minibatch-nmf", Source::Matrix(&own.matrix))
        }
        FitCommand::Svd(own) => (&own.common, "svd", Source::Matrix(&own.matrix)),
        FitCommand::Pca(own) => (&own.common, "pca", Source::Matrix(&own.matrix)),
        FitCommand::MaskedNmf(own) => (&own.common, "masked-nmf", Source::Ratings(&own.split)),
        FitCommand::Sgd(own) => match &own.disk {
            Some(folder) => (&own.common, "sgd", Source::Disk(&own.split, folder)),
            None => (&own.common, "sgd", Source::Ratings(&own.split)),
        },
        FitCommand::Als(own) => (&own.common, "als", Source::Ratings(&own.split)),
        FitCommand::Svdpp(own) => (&own.common, "svdpp", Source::Ratings(&own.split)),
        FitCommand::Ials(own) => (&own.common, "ials", Source::Positives(&own.positives)),
        FitCommand::Bpr(own) => of_ranking("bpr", &own.ranking),
        FitCommand::Warp(own) => of_ranking("warp", &own.ranking),
        FitCommand::Logistic(own) => of_ranking("logistic", &own.ranking),
        FitCommand::Popularity(own) => {
            (&own.common, "popularity", Source::Positives(&own.positives))
        }
    }
}

fn of_ranking<'a>(
    name: &'static str,
    options: &'a RankingOptions,
) -> (&'a CommonOptions, &'static str, Source<'a>) {
    (&options.common, name, Source::Positives(&options.positives))
}

/// Refuses counts that are none.
pub(crate) fn check_counts(common: &CommonOptions) -> Result<()> {
    for (name, value) in [("threads", common.threads), ("rank", common.rank)] {
        if value == Some(0) {
            return Err(Error::invalid_parameter(name, 0, "at least 1"));
        }
    }
    Ok(())
}

/// What kind of data is read, and how.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Matrix(&'a MatrixOptions),
    Ratings(&'a SplitOptions),
    /// Ratings that are kept in this folder during the fit.
    Disk(&'a SplitOptions, &'a Path),
    Positives(&'a PositivesOptions),
}

impl<'a> Source<'a> {
    /// How ratings or positives are read and split.
    pub(crate) fn split(self) -> Option<&'a SplitOptions> {
        match self {
            Source::Matrix(_) => None,
            Source::Ratings(split) | Source::Disk(split, _) => Some(split),
            Source::Positives(positives) => Some(&positives.split),
        }
    }
}

fn by_precision(
    common: &CommonOptions,
    algorithm: &Algorithm,
    source: Source<'_>,
    given: &Given,
) -> Result<()> {
    check_counts(common)?;
    saving::check(common)?;
    check_report(common, source.split())?;
    if let Some(path) = &common.model {
        let test = source.split().and_then(|split| split.test.as_ref());
        let files = std::iter::once(&common.input).chain(test);
        let inputs: Vec<_> = files.map(|file| ReadFile::new(file, "data")).collect();
        check_output("model", path, &inputs)?;
    }
    match common.precision {
        Precision::F32 => execute::<f32>(common, algorithm, source, given),
        Precision::F64 => execute::<f64>(common, algorithm, source, given),
    }
}

/// What a fit leaves behind beside the model.
pub(crate) struct Outcome<T> {
    pub(crate) fit: Fit<AnyModel<T>>,
    pub(crate) load_seconds: f64,
    pub(crate) weighting: Option<Weighting<T>>,
    pub(crate) ids: Option<(Ids, Ids)>,
    seen: Option<Seen>,
    pub(crate) train: Option<Accuracy>,
    pub(crate) test: Option<Accuracy>,
    pub(crate) baseline: Option<Accuracy>,
    /// What the model was fitted to, for the report.
    pub(crate) ratings: Option<Ratings<T>>,
}

impl<T> Outcome<T> {
    fn of(fit: Fit<AnyModel<T>>, load_seconds: f64) -> Self {
        Self {
            fit,
            load_seconds,
            weighting: None,
            ids: None,
            seen: None,
            train: None,
            test: None,
            baseline: None,
            ratings: None,
        }
    }
}

fn execute<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    source: Source<'_>,
    given: &Given,
) -> Result<()> {
    let started = Instant::now();
    let mut checkpoints = Checkpoints::open(&common.checkpoints)?;
    let outcome = match source {
        Source::Ratings(options) => {
            let split: Split<T> = load(common, options)?;
            let load_seconds = started.elapsed().as_secs_f64();
            let input = Input::from(&split.train);
            let fit = fit(
                common,
                algorithm,
                &input,
                split.validation.as_ref(),
                &mut checkpoints,
            )?;
            score(fit, split, load_seconds)?
        }
        Source::Disk(options, folder) => {
            let split = disk::load::<T>(common, options, folder)?;
            let load_seconds = started.elapsed().as_secs_f64();
            let input = Input::from(&split.train);
            let validation = split.validation.as_ref();
            let fit = fit(common, algorithm, &input, validation, &mut checkpoints)?;
            disk::tell_of_report(common);
            score_from_disk(fit, split, load_seconds)?
        }
        Source::Positives(options) => {
            if options.split.test.is_some() || options.split.holdout.is_some() {
                let requirement = "left out: `matfact evaluate` measures lists on what is held out";
                let name = if options.split.test.is_some() {
                    "test"
                } else {
                    "holdout"
                };
                return Err(Error::invalid_parameter(name, "given", requirement));
            }
            let data = read_positives::<T>(common, options)?;
            let ids = (&data.rows, &data.columns);
            let (train, validation) = keep_aside(data.ratings, common, source, ids)?;
            let load_seconds = started.elapsed().as_secs_f64();
            let fit = fit(
                common,
                algorithm,
                &Input::from(&train),
                validation.as_ref(),
                &mut checkpoints,
            )?;
            Outcome {
                ids: Some((data.rows, data.columns)),
                ratings: Some(train),
                ..Outcome::of(fit, load_seconds)
            }
        }
        Source::Matrix(options) => {
            let weighted = Weighted::<T>::read(&common.input, options.weighting())?;
            let load_seconds = started.elapsed().as_secs_f64();
            let input = Input::Matrix(weighted.data.as_matrix());
            let fit = fit(common, algorithm, &input, None, &mut checkpoints)?;
            Outcome {
                weighting: weighted.by,
                ..Outcome::of(fit, load_seconds)
            }
        }
    };
    for notice in &outcome.fit.report.notices {
        complain(&format!("notice: {notice}"));
    }
    if outcome.fit.report.stop == StopReason::Cancelled {
        complain("notice: interrupted; this is the model so far");
    }
    if let Some(path) = &common.model {
        saving::save(path, &model_file(algorithm, &outcome), common.half)?;
    }
    checkpoints.finish(outcome.fit.report.stop)?;
    if let Some(path) = &common.reporting.report {
        let configuration = given.to_toml(Some(algorithm));
        reporting::of_fit(path, common, &outcome, &configuration)?;
    }
    if common.json {
        say_json(&summary_json(common, &outcome))
    } else {
        say(&summary(common, &outcome))
    }
}

/// A fit of its own, of all of the data and without checkpoints.
pub(crate) fn fit_alone<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    input: &Input<'_, T>,
) -> Result<Fit<AnyModel<T>>> {
    fit(common, algorithm, input, None, &mut Checkpoints::none())
}

pub(crate) fn fit<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    input: &Input<'_, T>,
    validation: Option<&Validation>,
    checkpoints: &mut Checkpoints,
) -> Result<Fit<AnyModel<T>>> {
    check_memory::<T>(common.rank(), input.shape())?;
    check_budget(common, algorithm, input)?;
    let (rows, columns) = input.shape();
    let span = tracing::info_span!("fit", algorithm = algorithm.name(), rank = common.rank());
    let _entered = span.enter();
    tracing::info!(rows, columns, "begins");
    let bar = Bar::new();
    let mut observer = bar.observer();
    let mut run = Run::new()
        .observer(&mut observer)
        .cancellation(interruption());
    if let Some(threads) = common.threads {
        run = run.threads(threads);
    }
    if let Some(budget) = common.time_budget {
        run = run.time_budget(budget);
    }
    if let Some(validation) = validation {
        run = run.validation(validation);
    }
    if let Some(before) = checkpoints.take_before() {
        run = run.resume(before);
    }
    if let Some(sink) = checkpoints.sink() {
        run = run.checkpoints(sink);
    }
    let fit = algorithm.fit_with(input, &mut run)?;
    let (stop, seconds) = (fit.report.stop.to_string(), fit.report.seconds.total());
    tracing::info!(iterations = fit.report.iterations, stop, seconds, "done");
    Ok(fit)
}

fn score<T: Scalar>(
    fit: Fit<AnyModel<T>>,
    split: Split<T>,
    load_seconds: f64,
) -> Result<Outcome<T>> {
    let train = accuracy_on(&fit.model, split.seen, &split.train)?;
    let ids = (split.rows, split.columns);
    let outcome = tested(fit, split.seen, ids, &split.test, load_seconds)?;
    Ok(Outcome {
        train,
        ratings: Some(split.train),
        ..outcome
    })
}

fn score_from_disk<T: Scalar>(
    fit: Fit<AnyModel<T>>,
    split: DiskSplit<T>,
    load_seconds: f64,
) -> Result<Outcome<T>> {
    let train = disk::accuracy_on(&fit.model, split.seen, &split.train)?;
    let ids = (split.rows, split.columns);
    let outcome = tested(fit, split.seen, ids, &split.test, load_seconds)?;
    Ok(Outcome { train, ..outcome })
}

/// A fit with its errors on test ratings.
fn tested<T: Scalar>(
    fit: Fit<AnyModel<T>>,
    seen: Seen,
    ids: (Ids, Ids),
    test: &[RatedPair<T>],
    load_seconds: f64,
) -> Result<Outcome<T>> {
    let accuracy = Accuracy::of_model(&fit.model, seen, test.iter().copied())?;
    let baseline = Accuracy::of(test.iter().map(|pair| (seen.mean(), pair.value.as_f64())));
    Ok(Outcome {
        ids: Some(ids),
        seen: Some(seen),
        test: accuracy,
        baseline,
        ..Outcome::of(fit, load_seconds)
    })
}

fn accuracy_on<T: Scalar>(
    model: &AnyModel<T>,
    seen: Seen,
    ratings: &Ratings<T>,
) -> Result<Option<Accuracy>> {
    let pairs = (0..ratings.shape().0).flat_map(|row| {
        let entries = ratings.row(row);
        entries
            .columns
            .iter()
            .zip(entries.values)
            .map(move |(column, value)| RatedPair {
                row: Some(row),
                column: Some(*column as usize),
                value: *value,
            })
    });
    Accuracy::of_model(model, seen, pairs)
}

fn model_file<T: Scalar>(algorithm: &Algorithm, outcome: &Outcome<T>) -> ModelFile {
    let mut record = outcome.fit.model.to_record();
    record.algorithm = algorithm.name().to_owned();
    if let Some(seen) = outcome.seen {
        seen.write(&mut record.attributes);
    }
    if let Some(by) = &outcome.weighting {
        weighting::write(by, &mut record);
    }
    let (row_ids, column_ids) = outcome.ids.clone().unzip();
    ModelFile {
        parameters: serde_json::to_value(algorithm).unwrap_or_default(),
        report: serde_json::to_value(&outcome.fit.report).unwrap_or_default(),
        seed: outcome.fit.report.seed,
        row_ids,
        column_ids,
        ..ModelFile::new(record)
    }
}
