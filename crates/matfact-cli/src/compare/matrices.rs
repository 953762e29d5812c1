//! Algorithms compared on a matrix, by how much of it they leave out.

use super::table::{Line, Measure, Measured, Table};
use super::{Candidate, CompareOptions};
use crate::fit::{fit_alone, parts};
use crate::output::complain;
use crate::reporting::{self, Labels, Titled};
use crate::trial::Kind;
use crate::weighting::Weighted;
use matfact::{AnyModel, Error, Input, Result, Scalar, StopReason};
use std::time::Instant;

/// Refuses what has no meaning for a matrix.
pub(super) fn check(options: &CompareOptions, candidates: &[Candidate]) -> Result<()> {
    if let Some(other) = candidates.iter().find(|c| c.kind() != Kind::Matrix) {
        let requirement = format!("one of {} for a matrix", Kind::Matrix.names());
        return Err(Error::invalid_parameter(
            "algorithms",
            &other.name,
            requirement,
        ));
    }
    let split = &options.positives.split;
    for (name, given) in [
        ("folds", options.folds.is_some()),
        ("holdout", split.holdout.is_some()),
        ("test", split.test.is_some()),
        ("metrics", !options.metrics.is_empty()),
        ("relevant_from", options.relevant_from.is_some()),
        ("positive_from", options.positives.positive_from.is_some()),
    ] {
        if given {
            let requirement =
                "left out for a matrix, of which the relative error itself is measured";
            return Err(Error::invalid_parameter(name, "given", requirement));
        }
    }
    Ok(())
}

/// Fits all to the whole matrix.
pub(super) fn compare<T: Scalar>(
    options: &CompareOptions,
    candidates: &[Candidate],
) -> Result<(Table, Vec<Titled>)> {
    let common = &options.common;
    let weighted = Weighted::<T>::read(&common.input, options.matrix.weighting())?;
    let matrix = weighted.data.as_matrix();
    let labels = Labels::of_matrix(common, matrix.shape().1)?;
    let started = Instant::now();
    let mut lines: Vec<Line> = Vec::new();
    let mut best: Option<(f64, String, AnyModel<T>)> = None;
    let mut stored = None;
    for candidate in candidates {
        let (own, _, _) = parts(&candidate.command)?;
        let mut line = Line {
            name: candidate.name.clone(),
            rank: candidate.rank,
            parameters: serde_json::to_value(&candidate.algorithm).unwrap_or_default(),
            values: vec![None],
            ..Line::default()
        };
        let fitted = fit_alone(own, &candidate.algorithm, &Input::Matrix(matrix));
        let mut cancelled = false;
        match fitted {
            // What is wrong with the matrix is wrong for all.
            Err(error) if !is_of_candidate(&error) => return Err(error),
            Err(error) => line.failure = Some(error.to_string()),
            // What was cut short says nothing of an algorithm.
            Ok(fit) if fit.report.stop == StopReason::Cancelled => {
                line.failure = Some("interrupted before its end".to_owned());
                cancelled = true;
            }
            Ok(fit) => {
                let report = fit.report;
                stored = stored.or(report.stored);
                line.values[0] = report.relative_error.map(|mean| Measured {
                    mean,
                    interval: None,
                    deviation: None,
                });
                line.seconds = report.seconds.total();
                line.iterations = report.iterations;
                line.stop = report.stop.to_string();
                line.history = report.history;
                let error = report.relative_error.unwrap_or(f64::INFINITY);
                let better = best.as_ref().is_none_or(|(least, ..)| error < *least);
                if common.reporting.report.is_some() && better {
                    best = Some((error, line.title(), fit.model));
                }
            }
        }
        lines.push(line);
        if cancelled {
            complain("notice: interrupted; these are the results so far");
            break;
        }
    }
    if lines.iter().all(|line| line.failure.is_some()) {
        return Err(all_failed(&lines));
    }
    let (rows, columns) = matrix.shape();
    let table = Table {
        input: common.input.display().to_string(),
        shape: (rows, columns),
        stored: stored.unwrap_or(rows * columns),
        measured_on: "the matrix itself".to_owned(),
        measures: vec![Measure {
            name: "relative error".to_owned(),
            larger_is_better: false,
        }],
        lines,
        seconds: started.elapsed().as_secs_f64(),
        seed: common.seed,
    };
    let sections = match &best {
        Some((_, title, model)) => reporting::of_model(title, model, &labels, None)?,
        None => Vec::new(),
    };
    Ok((table, sections))
}

/// Whether an error is of this algorithm at this rank, so that others may do better.
pub(super) fn is_of_candidate(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidRank { .. }
            | Error::InvalidParameter { .. }
            | Error::Diverged { .. }
            | Error::NoConvergence { .. }
            | Error::Negative { .. }
            | Error::ZeroEntry { .. }
    )
}

/// The refusal where nothing could be fitted.
pub(super) fn all_failed(lines: &[Line]) -> Error {
    let first = lines.first().and_then(|line| line.failure.clone());
    let requirement = format!(
        "some of which one can be fitted (the first: {})",
        first.unwrap_or_default()
    );
    let names: Vec<String> = lines.iter().map(Line::title).collect();
    Error::invalid_parameter("algorithms", names.join(","), requirement)
}
