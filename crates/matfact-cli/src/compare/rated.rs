//! Algorithms compared on ratings or choices that none of them has seen.

use super::matrices::{all_failed, is_of_candidate};
use super::table::{Line, Measure, Measured, Table};
use super::{Candidate, CompareOptions};
use crate::fit::{Source, fit_alone, parts};
use crate::held_out::{Behind, HeldOut, interval, of_folds, resampling};
use crate::input::{liked, read, read_counted};
use crate::output::complain;
use crate::reporting::{self, Labels, Titled};
use crate::trial::Kind;
use matfact::eval::{Evaluation, Metric, Score, Split};
use matfact::io::RatingsData;
use matfact::{AnyModel, Error, Fit, Input, ObservedEntries, Ratings, Result, Scalar, StopReason};
use std::time::Instant;

/// Refuses what cannot be measured.
pub(super) fn check(options: &CompareOptions, candidates: &[Candidate]) -> Result<()> {
    HeldOut::new(&options.common, &options.positives.split, options.folds)?;
    options.positives.validate()?;
    if options.matrix.weighting().is_some() {
        let requirement = "left out: it is for matrices (.npy, .npz, .mtx)";
        let name = if options.matrix.tf_idf {
            "tf_idf"
        } else {
            "weights"
        };
        return Err(Error::invalid_parameter(name, "given", requirement));
    }
    let metrics = metrics(options, candidates);
    for candidate in candidates {
        if own(&metrics, candidate.kind()).is_empty() {
            let requirement = format!("ones of lists too, such as ndcg@10, for {}", candidate.name);
            let given: Vec<String> = metrics.iter().map(Metric::to_string).collect();
            return Err(Error::invalid_parameter(
                "metrics",
                given.join(","),
                requirement,
            ));
        }
    }
    evaluation(options, metrics).validate()
}

/// The metrics, the first of which decides.
fn metrics(options: &CompareOptions, candidates: &[Candidate]) -> Vec<Metric> {
    if !options.metrics.is_empty() {
        return options.metrics.clone();
    }
    let rates = candidates.iter().any(|c| c.kind() == Kind::Ratings);
    let of_ratings = [Metric::Rmse, Metric::Mae].into_iter().filter(|_| rates);
    of_ratings
        .chain([Metric::Ndcg(10), Metric::Recall(20)])
        .collect()
}

/// Those that a kind of algorithm has: a score that ranks is no rating.
fn own(metrics: &[Metric], kind: Kind) -> Vec<Metric> {
    let metrics = metrics.iter().copied();
    metrics
        .filter(|metric| kind == Kind::Ratings || !metric.is_of_ratings())
        .collect()
}

fn evaluation(options: &CompareOptions, metrics: Vec<Metric>) -> Evaluation {
    let evaluation = Evaluation::new(metrics);
    // An item that was rated low is no choice.
    match options.relevant_from.or(options.positives.positive_from) {
        Some(least) => evaluation.relevant_from(least),
        None => evaluation,
    }
}

/// The best model so far, by the first metric.
struct Best<T> {
    value: f64,
    title: String,
    model: AnyModel<T>,
    train: Ratings<T>,
}

/// What one candidate came to, fold by fold.
#[derive(Default)]
struct Folds {
    scores: Vec<Vec<Score>>,
    seconds: f64,
    iterations: usize,
    stop: String,
    history: Vec<f64>,
    failure: Option<String>,
}

/// Fits all to the same part, and measures them on the same rest.
pub(super) fn compare<T: Scalar>(
    options: &CompareOptions,
    candidates: &[Candidate],
) -> Result<(Table, Vec<Titled>)> {
    let (common, split) = (&options.common, &options.positives.split);
    let held_out = HeldOut::new(common, split, options.folds)?;
    let rates = candidates.iter().any(|c| c.kind() == Kind::Ratings);
    let data: RatingsData<T> = match rates {
        true => read(common, split)?,
        false => read_counted(common, split)?,
    };
    let labels = Labels::of_ratings(common, &data.rows, &data.columns)?;
    let metrics = metrics(options, candidates);
    let started = Instant::now();
    let mut folds: Vec<Folds> = candidates.iter().map(|_| Folds::default()).collect();
    let mut best: Option<Best<T>> = None;
    'folds: for fold in 0..held_out.count() {
        let split = held_out.part(&data, fold)?;
        for (candidate, folds) in candidates.iter().zip(&mut folds) {
            if folds.failure.is_some() {
                continue;
            }
            let evaluation = evaluation(options, own(&metrics, candidate.kind()));
            let fit = match fitted(options, candidate, &split) {
                Ok(fit) => fit,
                Err(error) if is_of_candidate(&error) => {
                    folds.failure = Some(error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            // What was cut short says nothing of an algorithm.
            if fit.report.stop == StopReason::Cancelled {
                complain("notice: interrupted; these are the results so far");
                break 'folds;
            }
            let scores = evaluation.of(&fit.model, &split)?;
            folds.seconds += fit.report.seconds.total();
            folds.iterations += fit.report.iterations;
            let deciding = scores.iter().find(|score| score.metric == metrics[0]);
            if let Some(score) = deciding.filter(|_| fold == 0 && common.reporting.report.is_some())
            {
                let sign = if metrics[0].larger_is_better() {
                    -1.0
                } else {
                    1.0
                };
                let value = sign * score.value;
                if best.as_ref().is_none_or(|best| value < best.value) {
                    best = Some(Best {
                        value,
                        title: title(candidate),
                        model: fit.model,
                        train: split.train.clone(),
                    });
                }
            }
            folds.scores.push(scores);
            if fold == 0 {
                folds.stop = fit.report.stop.to_string();
                folds.history = fit.report.history;
            }
        }
    }
    let mut lines = Vec::new();
    for (candidate, folds) in candidates.iter().zip(&folds) {
        lines.push(line(candidate, folds, &metrics)?);
    }
    if lines.iter().all(|line| line.failure.is_some()) {
        return Err(all_failed(&lines));
    }
    let mut table = Table {
        input: common.input.display().to_string(),
        shape: data.ratings.shape(),
        stored: data.ratings.observed(),
        measured_on: held_out.words(),
        measures: metrics.iter().map(measure).collect(),
        lines,
        seconds: started.elapsed().as_secs_f64(),
        seed: common.seed,
    };
    set_behind(&mut table, &folds, metrics[0])?;
    let sections = match &best {
        Some(best) => reporting::of_model(&best.title, &best.model, &labels, Some(&best.train))?,
        None => Vec::new(),
    };
    Ok((table, sections))
}

fn title(candidate: &Candidate) -> String {
    match candidate.rank {
        Some(rank) => format!("{} {rank}", candidate.name),
        None => candidate.name.clone(),
    }
}

fn measure(metric: &Metric) -> Measure {
    Measure {
        name: metric.to_string(),
        larger_is_better: metric.larger_is_better(),
    }
}

/// One algorithm's model of what all learn from.
fn fitted<T: Scalar>(
    options: &CompareOptions,
    candidate: &Candidate,
    split: &Split<T>,
) -> Result<Fit<AnyModel<T>>> {
    let (own, algorithm, source) = parts(&candidate.command)?;
    match (source, options.positives.positive_from) {
        // What is absent counts as zero.
        (Source::Matrix(_), _) => fit_alone(own, &algorithm, &Input::from(split.train.csr())),
        (Source::Positives(_), Some(least)) => {
            let train = liked(&split.train, least)?;
            fit_alone(own, &algorithm, &Input::from(&train))
        }
        _ => fit_alone(own, &algorithm, &Input::from(&split.train)),
    }
}

fn line(candidate: &Candidate, folds: &Folds, metrics: &[Metric]) -> Result<Line> {
    let count = folds.scores.len().max(1);
    let mut line = Line {
        name: candidate.name.clone(),
        rank: candidate.rank,
        seconds: folds.seconds / count as f64,
        iterations: (folds.iterations as f64 / count as f64).round() as usize,
        stop: folds.stop.clone(),
        history: folds.history.clone(),
        failure: folds.failure.clone(),
        parameters: serde_json::to_value(&candidate.algorithm).unwrap_or_default(),
        ..Line::default()
    };
    if folds.scores.is_empty() && line.failure.is_none() {
        line.failure = Some("interrupted before its end".to_owned());
    }
    let kept = own(metrics, candidate.kind());
    for metric in metrics {
        let value = match kept.contains(metric) && line.failure.is_none() {
            true => {
                let (mean, deviation) = of_folds(&folds.scores, *metric);
                let resampling = resampling(&folds.scores);
                let interval = interval(&folds.scores, *metric, &resampling)?;
                Some(Measured {
                    mean,
                    interval: interval.map(|between| (between.low, between.high)),
                    deviation,
                })
            }
            false => None,
        };
        line.values.push(value);
    }
    Ok(line)
}

/// Says of each line how far it is behind the best, by the same users.
fn set_behind(table: &mut Table, folds: &[Folds], metric: Metric) -> Result<()> {
    let Some(best) = table.best(0) else {
        return Ok(());
    };
    for at in (0..table.lines.len()).filter(|at| *at != best) {
        if table.lines[at].failure.is_none() {
            table.lines[at].behind = Behind::of(&folds[at].scores, &folds[best].scores, metric)?;
        }
    }
    Ok(())
}
