//! `matfact evaluate`.

use crate::arguments::{CommonOptions, EvaluateOptions, SplitOptions};
use crate::checks::check_memory;
use crate::choices::Precision;
use crate::fit::{Source, check_counts, fit, parts};
use crate::input::{keep_aside, known, read, read_beside, read_positives};
use crate::output::{complain, grouped, peak_memory_bytes, say, say_json};
use matfact::eval::{Evaluation, Interval, KFold, Metric, Resampling, Score, Split};
use matfact::io::RatingsData;
use matfact::{Algorithm, Error, Input, ObservedEntries, Result, Scalar, StopReason};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// The share held out where nothing else is said.
const SHARE: f64 = 0.1;

/// Measures what the command line asks for.
pub(crate) fn run(options: &EvaluateOptions) -> Result<()> {
    let (common, algorithm, source) = parts(&options.algorithm)?;
    check_counts(common)?;
    let Some(split) = source.split() else {
        let requirement = "an algorithm of ratings or of positives: als, masked-nmf, sgd, svdpp, ials, bpr, warp, logistic, popularity";
        return Err(Error::invalid_parameter(
            "algorithm",
            algorithm.name(),
            requirement,
        ));
    };
    if let Some(path) = &common.model {
        let requirement = "left out: `matfact fit` keeps a model of all ratings";
        return Err(Error::invalid_parameter(
            "model",
            path.display(),
            requirement,
        ));
    }
    let others = split.holdout.is_some() || split.test.is_some();
    if let Some(folds) = options.folds.filter(|_| others) {
        let requirement = "left out where --holdout or --test says what is held out";
        return Err(Error::invalid_parameter("folds", folds, requirement));
    }
    let ranks = matches!(source, Source::Positives(_));
    let mut metrics = options.metrics.clone();
    // A score that ranks is no rating.
    metrics.retain(|metric| !ranks || !matches!(metric, Metric::Rmse | Metric::Mae));
    let mut evaluation = Evaluation::new(metrics);
    if let Some(rating) = options.relevant_from {
        evaluation = evaluation.relevant_from(rating);
    }
    evaluation.validate()?;
    let task = Task {
        common,
        algorithm: &algorithm,
        source,
        split,
        folds: options.folds,
        evaluation: &evaluation,
    };
    match common.precision {
        Precision::F32 => task.execute::<f32>(),
        Precision::F64 => task.execute::<f64>(),
    }
}

struct Task<'a> {
    common: &'a CommonOptions,
    algorithm: &'a Algorithm,
    source: Source<'a>,
    split: &'a SplitOptions,
    folds: Option<usize>,
    evaluation: &'a Evaluation,
}

/// What was measured: the scores of each fold, and what a person wants to know beside them.
struct Measured {
    folds: Vec<Vec<Score>>,
    shape: (usize, usize),
    train: usize,
    test: usize,
    iterations: Vec<usize>,
    seconds: f64,
}

impl Task<'_> {
    fn execute<T: Scalar>(&self) -> Result<()> {
        let data: RatingsData<T> = match self.source {
            Source::Positives(options) => read_positives(self.common, options)?,
            _ => read(self.common, self.split)?,
        };
        let shape = data.ratings.shape();
        check_memory::<T>(self.common.rank(), shape)?;
        let started = Instant::now();
        let mut measured = Measured {
            folds: Vec::new(),
            shape,
            train: 0,
            test: 0,
            iterations: Vec::new(),
            seconds: 0.0,
        };
        for fold in 0..self.folds.unwrap_or(1).max(1) {
            let Split { train, test } = self.parted(&data, fold)?;
            let ids = (&data.rows, &data.columns);
            let (train, validation) = keep_aside(train, self.common, self.source, ids)?;
            (measured.train, measured.test) = (train.observed(), test.observed());
            let input = Input::from(&train);
            let fit = fit(self.common, self.algorithm, &input, validation.as_ref())?;
            if fold == 0 {
                for notice in &fit.report.notices {
                    complain(&format!("notice: {notice}"));
                }
            }
            let cancelled = fit.report.stop == StopReason::Cancelled;
            measured.iterations.push(fit.report.iterations);
            let split = Split { train, test };
            measured.folds.push(self.evaluation.of(&fit.model, &split)?);
            if cancelled {
                complain("notice: interrupted; these are the scores so far");
                break;
            }
        }
        measured.seconds = started.elapsed().as_secs_f64();
        if self.common.json {
            say_json(&self.summary_json(&measured)?)
        } else {
            say(&self.summary(&measured)?)
        }
    }

    /// The training and the test part of one fold.
    fn parted<T: Scalar>(&self, data: &RatingsData<T>, fold: usize) -> Result<Split<T>> {
        if let Some(folds) = self.folds {
            return KFold::new(folds)
                .seed(self.common.seed)
                .split(&data.ratings, fold);
        }
        if let Some(path) = &self.split.test {
            let pairs = read_beside(path, self.common, self.split, &data.rows, &data.columns)?;
            let test = known(data.ratings.shape(), &pairs)?;
            if test.observed() < pairs.len() {
                complain(&format!(
                    "notice: {} of {} test ratings are left out: of a user or item without training ratings, or of a pair given before",
                    grouped(pairs.len() - test.observed()),
                    grouped(pairs.len())
                ));
            }
            let train = data.ratings.clone();
            return Ok(Split { train, test });
        }
        let share = self.split.holdout.unwrap_or(SHARE);
        Split::random(&data.ratings, share, self.common.seed)
    }

    /// What was held out, in words.
    fn held_out(&self) -> String {
        match (self.folds, &self.split.test) {
            (Some(folds), _) => format!("each of {folds} folds in turn"),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => {
                let share = self.split.holdout.unwrap_or(SHARE);
                format!("{:.4} % of the ratings", 100.0 * share).replace(".0000", "")
            }
        }
    }

    fn summary(&self, measured: &Measured) -> Result<String> {
        let (rows, columns) = measured.shape;
        let mut lines = vec![format!(
            "{}  {} x {}, rank {}, {} ratings to train on, {} to test",
            self.algorithm.name(),
            grouped(rows),
            grouped(columns),
            self.common.rank(),
            grouped(measured.train),
            grouped(measured.test)
        )];
        lines.push(format!("  {:<22}{}", "held out", self.held_out()));
        for metric in self.evaluation.metrics() {
            let (mean, deviation) = of_folds(&measured.folds, *metric);
            let beside = match (deviation, interval(&measured.folds, *metric)?) {
                (Some(deviation), _) => format!("  ± {deviation:.4} between folds"),
                (None, Some(Interval { low, high })) => {
                    format!("  ({low:.4} to {high:.4} with 95 % of other users)")
                }
                (None, None) => String::new(),
            };
            lines.push(format!("  {:<22}{mean:.4}{beside}", metric.to_string()));
        }
        lines.push(format!("  {:<22}{:.3}", "seconds", measured.seconds));
        Ok(lines.join("\n"))
    }

    fn summary_json(&self, measured: &Measured) -> Result<Value> {
        let (mut metrics, mut deviations, mut intervals) = (Map::new(), Map::new(), Map::new());
        for metric in self.evaluation.metrics() {
            let (mean, deviation) = of_folds(&measured.folds, *metric);
            // JSON has no NaN: where nobody counts, null.
            metrics.insert(metric.to_string(), json!(mean));
            if let Some(deviation) = deviation {
                deviations.insert(metric.to_string(), json!(deviation));
            } else if let Some(Interval { low, high }) = interval(&measured.folds, *metric)? {
                intervals.insert(metric.to_string(), json!([low, high]));
            }
        }
        let folds = measured.folds.iter().map(|scores| {
            let values = scores
                .iter()
                .map(|s| (s.metric.to_string(), json!(s.value)));
            Value::Object(values.collect())
        });
        Ok(json!({
            "algorithm": self.algorithm.name(),
            "shape": measured.shape,
            "rank": self.common.rank(),
            "train": measured.train,
            "test": measured.test,
            "held_out": self.held_out(),
            "metrics": metrics,
            "deviations": deviations,
            "intervals": intervals,
            "folds": folds.collect::<Vec<_>>(),
            "iterations": measured.iterations,
            "seconds": measured.seconds,
            "peak_memory_bytes": peak_memory_bytes(),
            "seed": self.common.seed,
            "parameters": self.algorithm,
        }))
    }
}

/// The mean over folds, and where there are several, the deviation between them.
fn of_folds(folds: &[Vec<Score>], metric: Metric) -> (f64, Option<f64>) {
    let scores = folds
        .iter()
        .flatten()
        .filter(|score| score.metric == metric);
    let values: Vec<f64> = scores.map(|score| score.value).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (
        mean,
        (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
    )
}

/// The confidence interval where there is one fold alone.
fn interval(folds: &[Vec<Score>], metric: Metric) -> Result<Option<Interval>> {
    let [scores] = folds else {
        return Ok(None);
    };
    match scores.iter().find(|score| score.metric == metric) {
        Some(score) => score.interval(&Resampling::new()),
        None => Ok(None),
    }
}
