//! `matfact evaluate`.

use crate::arguments::{CommonOptions, EvaluateOptions};
use crate::checkpoints::Checkpoints;
use crate::checks::{check_memory, refuse_checkpoints, refuse_disk, refuse_report};
use crate::choices::Precision;
use crate::configuration::Given;
use crate::fit::{Source, check_counts, fit, parts};
use crate::held_out::{HeldOut, interval, of_folds};
use crate::input::{keep_aside, read, read_positives};
use crate::output::{complain, grouped, peak_memory_bytes, say, say_json};
use matfact::eval::{Evaluation, Interval, Metric, Resampling, Score, Split};
use matfact::io::RatingsData;
use matfact::{Algorithm, Error, Input, ObservedEntries, Result, Scalar, StopReason};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Measures what the command line asks for.
pub(crate) fn run(options: &EvaluateOptions, given: &Given) -> Result<()> {
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
    refuse_checkpoints(common)?;
    refuse_disk(source)?;
    if let Some(path) = &common.model {
        let requirement = "left out: `matfact fit` keeps a model of all ratings";
        return Err(Error::invalid_parameter(
            "model",
            path.display(),
            requirement,
        ));
    }
    refuse_report(common, "`matfact compare` and `matfact fit` write reports")?;
    let held_out = HeldOut::new(common, split, options.folds)?;
    let ranks = matches!(source, Source::Positives(_));
    let mut metrics = options.metrics.clone();
    // A score that ranks is no rating.
    metrics.retain(|metric| !ranks || !matches!(metric, Metric::Rmse | Metric::Mae));
    let mut evaluation = Evaluation::new(metrics);
    if let Some(rating) = options.relevant_from {
        evaluation = evaluation.relevant_from(rating);
    }
    evaluation.validate()?;
    if common.reporting.print_config {
        return say(given.to_toml(Some(&algorithm)).trim_end());
    }
    let task = Task {
        common,
        algorithm: &algorithm,
        source,
        held_out,
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
    held_out: HeldOut<'a>,
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
            _ => read(self.common, self.held_out.split)?,
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
        for fold in 0..self.held_out.count() {
            let Split { train, test } = self.held_out.part(&data, fold)?;
            let ids = (&data.rows, &data.columns);
            let (train, validation) = keep_aside(train, self.common, self.source, ids)?;
            (measured.train, measured.test) = (train.observed(), test.observed());
            let input = Input::from(&train);
            let fit = fit(
                self.common,
                self.algorithm,
                &input,
                validation.as_ref(),
                &mut Checkpoints::none(),
            )?;
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
        lines.push(format!("  {:<22}{}", "held out", self.held_out.words()));
        for metric in self.evaluation.metrics() {
            let (mean, deviation) = of_folds(&measured.folds, *metric);
            let beside = match (
                deviation,
                interval(&measured.folds, *metric, &Resampling::new())?,
            ) {
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
            } else if let Some(Interval { low, high }) =
                interval(&measured.folds, *metric, &Resampling::new())?
            {
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
            "held_out": self.held_out.words(),
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
