//! `matfact fit`.

use crate::arguments::{
    CommonOptions, FitCommand, MatrixOptions, PositivesOptions, RankingOptions, SplitOptions,
};
use crate::checkpoints::Checkpoints;
use crate::checks::{Input as ReadFile, check_memory, check_output, check_report};
use crate::choices::Precision;
use crate::configuration::Given;
use crate::input::{Accuracy, Seen, Split, keep_aside, load, read_positives};
use crate::output::{complain, grouped, peak_memory_bytes, say, say_json};
use crate::plan::check_budget;
use crate::progress::{Bar, interruption};
use crate::reporting;
use crate::weighting::{self, Weighted};
use matfact::io::{Ids, ModelFile, RatedPair, save_model};
use matfact::{
    Algorithm, AnyModel, Error, Factorizer, Fit, FitReport, Input, ObservedEntries, Persist,
    Ratings, Result, Run, Scalar, StopReason, TfIdf, Validation,
};
use serde_json::{Value, json};
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
        FitCommand::Sgd(own) => (&own.common, "sgd", Source::Ratings(&own.split)),
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

fn by_precision(
    common: &CommonOptions,
    algorithm: &Algorithm,
    source: Source<'_>,
    given: &Given,
) -> Result<()> {
    check_counts(common)?;
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
    weighting: Option<TfIdf<T>>,
    pub(crate) ids: Option<(Ids, Ids)>,
    seen: Option<Seen>,
    pub(crate) train: Option<Accuracy>,
    pub(crate) test: Option<Accuracy>,
    baseline: Option<Accuracy>,
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
            let weighted = Weighted::<T>::read(&common.input, options.tf_idf)?;
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
        let file = model_file(algorithm, &outcome);
        save_model(path, &file)?;
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
    let test = Accuracy::of_model(&fit.model, split.seen, split.test.iter().copied())?;
    let mean = split.train.mean();
    let baseline = Accuracy::of(split.test.iter().map(|pair| (mean, pair.value.as_f64())));
    Ok(Outcome {
        ids: Some((split.rows, split.columns)),
        seen: Some(split.seen),
        train,
        test,
        baseline,
        ratings: Some(split.train),
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
        "report": common.reporting.report,
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
    if let Some(path) = &common.reporting.report {
        line("report", path.display().to_string());
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
