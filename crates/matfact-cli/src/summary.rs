//! What `matfact fit` says at its end.

use crate::arguments::CommonOptions;
use crate::fit::Outcome;
use crate::input::Accuracy;
use crate::output::{grouped, peak_memory_bytes};
use crate::weighting::Weighting;
use matfact::{FitReport, Scalar};
use serde_json::{Value, json};

/// As one object.
pub(crate) fn summary_json<T: Scalar>(common: &CommonOptions, outcome: &Outcome<T>) -> Value {
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
        let weights = outcome.weighting.as_ref().map(Weighting::name);
        object["weights"] = json!(weights);
        object["tf_idf"] = json!(weights == Some("tf-idf"));
    }
    if let Some(error) = report.relative_error {
        object["relative_error"] = json!(error);
    }
    object
}

/// A number with many digits to five of them, and everything else as it is.
fn shortened(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if value.len() > 7 && number.is_finite() => {
            let rounded: f64 = format!("{number:.4e}").parse().unwrap_or(number);
            rounded.to_string()
        }
        _ => value.to_owned(),
    }
}

/// JSON has no NaN.
fn finite(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}

/// As text.
pub(crate) fn summary<T: Scalar>(common: &CommonOptions, outcome: &Outcome<T>) -> String {
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
            .map(|(name, value)| format!("{name} {}", shortened(value)))
            .collect();
        line("chosen", chosen.join(", "));
    }
    if let Some(text) = starts(report) {
        line("starts", text);
    }
    if let Some(by) = &outcome.weighting {
        let text = format!("by {}; `transform` weights new rows alike", by.title());
        line("weighted", text);
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
