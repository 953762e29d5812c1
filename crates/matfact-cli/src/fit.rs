//! `matfact fit`.

use crate::arguments::{CommonOptions, FitCommand, MatrixOptions, PositivesOptions, SplitOptions};
use crate::checks::{Input as ReadFile, check_memory, check_output};
use crate::choices::Precision;
use crate::input::{Accuracy, Seen, Split, keep_aside, load, read_positives};
use crate::output::{complain, grouped, peak_memory_bytes, say, say_json};
use crate::progress::{Bar, interruption};
use crate::weighting::{self, Weighted};
use matfact::io::{Ids, ModelFile, RatedPair, save_model};
use matfact::{
    Algorithm, AnyModel, Error, Factorizer, Fit, FitReport, Input, ObservedEntries, Persist,
    Ratings, Result, Run, Scalar, StopReason, TfIdf, Validation,
};
use serde_json::{Value, json};
use std::time::Instant;

/// Fits what the command line asks for.
pub(crate) fn run(command: &FitCommand) -> Result<()> {
    let (common, algorithm, source) = parts(command)?;
    by_precision(common, &algorithm, source)
}

/// What a fit is made of.
pub(crate) fn parts(command: &FitCommand) -> Result<(&CommonOptions, Algorithm, Source<'_>)> {
    Ok(match command {
        FitCommand::Nmf(options) => (
            &options.common,
            Algorithm::Nmf(options.algorithm()?),
            Source::Matrix(&options.matrix),
        ),
        FitCommand::MaskedNmf(options) => (
            &options.common,
            Algorithm::MaskedNmf(options.algorithm()?),
            Source::Ratings(&options.split),
        ),
        FitCommand::MinibatchNmf(options) => (
            &options.common,
            Algorithm::MiniBatchNmf(options.algorithm()?),
            Source::Matrix(&options.matrix),
        ),
        FitCommand::Svd(options) => (
            &options.common,
            Algorithm::Svd(options.algorithm()?),
            Source::Matrix(&options.matrix),
        ),
        FitCommand::Pca(options) => (
            &options.common,
            Algorithm::Pca(options.algorithm()?),
            Source::Matrix(&options.matrix),
        ),
        FitCommand::Sgd(options) => (
            &options.common,
            Algorithm::Sgd(options.algorithm()?),
            Source::Ratings(&options.split),
        ),
        FitCommand::Als(options) => (
            &options.common,
            Algorithm::Als(options.algorithm()?),
            Source::Ratings(&options.split),
        ),
        FitCommand::Svdpp(options) => (
            &options.common,
            Algorithm::SvdPlusPlus(options.algorithm()?),
            Source::Ratings(&options.split),
        ),
        FitCommand::Ials(options) => (
            &options.common,
            Algorithm::ImplicitAls(options.algorithm()?),
            Source::Positives(&options.positives),
        ),
        FitCommand::Bpr(options) => (
            &options.ranking.common,
            Algorithm::Bpr(options.algorithm()?),
            Source::Positives(&options.ranking.positives),
        ),
        FitCommand::Warp(options) => (
            &options.ranking.common,
            Algorithm::Warp(options.algorithm()?),
            Source::Positives(&options.ranking.positives),
        ),
        FitCommand::Logistic(options) => (
            &options.ranking.common,
            Algorithm::Logistic(options.algorithm()?),
            Source::Positives(&options.ranking.positives),
        ),
        FitCommand::Popularity(options) => (
            &options.common,
            Algorithm::Popularity(options.algorithm()?),
            Source::Positives(&options.positives),
        ),
    })
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
    Positives(&'a PositivesOptions),
}

impl<'a> Source<'a> {
    /// How ratings or positives are read and split.
    pub(crate) fn split(self) -> Option<&'a SplitOptions> {
        match self {
            Source::Matrix(_) => None,
            Source::Ratings(split) => Some(split),
            Source::Positives(positives) => Some(&positives.split),
        }
    }
}

fn by_precision(common: &CommonOptions, algorithm: &Algorithm, source: Source<'_>) -> Result<()> {
    check_counts(common)?;
    if let Some(path) = &common.model {
        let test = source.split().and_then(|split| split.test.as_ref());
        let files = std::iter::once(&common.input).chain(test);
        let inputs: Vec<_> = files.map(|file| ReadFile::new(file, "data")).collect();
        check_output("model", path, &inputs)?;
    }
    match common.precision {
        Precision::F32 => execute::<f32>(common, algorithm, source),
        Precision::F64 => execute::<f64>(common, algorithm, source),
    }
}

/// What a fit leaves behind beside the model.
struct Outcome<T> {
    fit: Fit<AnyModel<T>>,
    load_seconds: f64,
    weighting: Option<TfIdf<T>>,
    ids: Option<(Ids, Ids)>,
    seen: Option<Seen>,
    train: Option<Accuracy>,
    test: Option<Accuracy>,
    baseline: Option<Accuracy>,
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
        }
    }
}

fn execute<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    source: Source<'_>,
) -> Result<()> {
    let started = Instant::now();
    let outcome = match source {
        Source::Ratings(options) => {
            let split: Split<T> = load(common, options)?;
            let load_seconds = started.elapsed().as_secs_f64();
            let input = Input::from(&split.train);
            let fit = fit(common, algorithm, &input, split.validation.as_ref())?;
            score(fit, split, load_seconds)?
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
            let fit = fit(common, algorithm, &Input::from(&train), validation.as_ref())?;
            Outcome {
                ids: Some((data.rows, data.columns)),
                ..Outcome::of(fit, load_seconds)
            }
        }
        Source::Matrix(options) => {
            let weighted = Weighted::<T>::read(&common.input, options.tf_idf)?;
            let load_seconds = started.elapsed().as_secs_f64();
            let input = Input::Matrix(weighted.data.as_matrix());
            let fit = fit(common, algorithm, &input, None)?;
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
        let file = model_file(algorithm, &outcome);
        save_model(path, &file)?;
    }
    if common.json {
        say_json(&summary_json(common, &outcome))
    } else {
        say(&summary(common, &outcome))
    }
}

pub(crate) fn fit<T: Scalar>(
    common: &CommonOptions,
    algorithm: &Algorithm,
    input: &Input<'_, T>,
    validation: Option<&Validation>,
) -> Result<Fit<AnyModel<T>>> {
    check_memory::<T>(common.rank(), input.shape())?;
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
    algorithm.fit_with(input, &mut run)
}

fn score<T: Scalar>(
    fit: Fit<AnyModel<T>>,
    split: Split<T>,
    load_seconds: f64,
) -> Result<Outcome<T>> {
    let train = accuracy_on(&fit.model, split.seen, &split.train)?;
    let test = Accuracy::of_model(&fit.model, split.seen, split.test.iter().copied())?;
    let mean = split.train.mean();
    let baseline = Accuracy::of(split.test.iter().map(|pair| (mean, pair.value.as_f64())));
    Ok(Outcome {
        ids: Some((split.rows, split.columns)),
        seen: Some(split.seen),
        train,
        test,
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

fn summary_json<T: Scalar>(common: &CommonOptions, outcome: &Outcome<T>) -> Value {
    let report = &outcome.fit.report;
    let mut object = json!({
        "algorithm": report.algorithm,
        "shape": report.shape,
        "stored": report.stored,
        "rank": report.rank,
        "iterations": report.iterations,
        "stop": report.stop,
        "seconds": report.seconds.total(),
        "load_seconds": outcome.load_seconds,
        "objective": finite(report.objective),
        "history": report.history,
        "certificate": report.certificate,
        "peak_memory_bytes": peak_memory_bytes(),
        "threads": report.threads,
        "seed": report.seed,
        "chosen": report.chosen,
        "restarts": report.restarts,
        "notices": report.notices,
        "model": common.model,
    });
    let accuracy = [
        ("train", outcome.train),
        ("test", outcome.test),
        ("predict_the_mean", outcome.baseline),
    ];
    for (name, accuracy) in accuracy {
        if let Some(accuracy) = accuracy {
            object[name] = accuracy.to_json();
        }
    }
    if let Some(best) = report.best_iteration {
        object["validation"] = json!(report.validation);
        object["best_iteration"] = json!(best);
    }
    if outcome.ids.is_none() {
        object["tf_idf"] = json!(outcome.weighting.is_some());
    }
    if let Some(error) = report.relative_error {
        object["relative_error"] = json!(error);
    }
    object
}

/// JSON has no NaN.
fn finite(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}

fn summary<T: Scalar>(common: &CommonOptions, outcome: &Outcome<T>) -> String {
    let report: &FitReport = &outcome.fit.report;
    let (rows, columns) = report.shape;
    let mut lines = vec![format!(
        "{}  {} x {}, {} entries, rank {}, {}",
        report.algorithm,
        grouped(rows),
        grouped(columns),
        grouped(report.stored.unwrap_or_default()),
        report.rank,
        T::NAME
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<16}{text}"));
    line(
        "stopped",
        format!("{} ({} iterations)", report.stop, report.iterations),
    );
    if let Some(best) = report.best_iteration {
        let looks = report.validation.iter().copied();
        let value = if report.chosen.contains_key("validation") {
            looks.fold(f64::NEG_INFINITY, f64::max)
        } else {
            looks.fold(f64::INFINITY, f64::min)
        };
        line(
            "validation",
            format!("{value:.4} at its best, after iteration {best}"),
        );
    }
    if !report.chosen.is_empty() {
        let chosen = report.chosen.iter();
        let chosen: Vec<String> = chosen
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        line("chosen", chosen.join(", "));
    }
    if let Some(text) = starts(report) {
        line("starts", text);
    }
    if outcome.weighting.is_some() {
        line(
            "weighted",
            "by TF-IDF; `transform` weights new rows alike".to_owned(),
        );
    }
    line(
        "seconds",
        format!(
            "{:.3} fit, {:.3} reading, {} threads",
            report.seconds.total(),
            outcome.load_seconds,
            report.threads
        ),
    );
    match report.relative_error {
        Some(error) => line("relative error", format!("{error:.6}")),
        // Of losses other than squares the objective is what there is to compare.
        None if outcome.ids.is_none() && report.objective.is_finite() => {
            line("objective", format!("{:.6e}", report.objective));
        }
        None => {}
    }
    for (name, accuracy) in [("train", outcome.train), ("test", outcome.test)] {
        if let Some(Accuracy { rmse, mae }) = accuracy {
            line(name, format!("RMSE {rmse:.4}, MAE {mae:.4}"));
        }
    }
    if let Some(Accuracy { rmse, mae }) = outcome.baseline {
        line(
            "mean instead",
            format!("RMSE {rmse:.4}, MAE {mae:.4} on the test ratings"),
        );
    }
    match &common.model {
        Some(path) => line("model", path.display().to_string()),
        None => line("model", "not kept (--model FILE keeps it)".to_owned()),
    }
    lines.join("\n")
}

/// How several starts went.
fn starts(report: &FitReport) -> Option<String> {
    let objectives = || report.restarts.iter().map(|start| start.objective);
    let lowest = objectives().reduce(f64::min)?;
    let highest = objectives().fold(lowest, f64::max);
    Some(format!(
        "{}, objective {lowest:.6e} to {highest:.6e}; kept that of seed {}",
        report.restarts.len(),
        report.seed
    ))
}
