//! Reports: what `fit`, `compare` and `tune` have found, as a page to look at.

mod comparison;
mod labels;
mod model;
mod tuning;

pub(crate) use comparison::of_comparison;
pub(crate) use labels::Labels;
pub(crate) use model::of_model;
pub(crate) use tuning::of_tuning;

use crate::arguments::CommonOptions;
use crate::fit::Outcome;
use crate::output::grouped;
use matfact::io::write_text;
use matfact::{Result, Scalar};
use matfact_report::{Axis, Block, LineChart, Report, Series, Table};
use std::path::Path;

/// A section of a report.
pub(crate) type Titled = (String, Vec<Block>);

/// Writes the report of a fit.
pub(crate) fn of_fit<T: Scalar>(
    path: &Path,
    common: &CommonOptions,
    outcome: &Outcome<T>,
    configuration: &str,
) -> Result<()> {
    let report = &outcome.fit.report;
    let (rows, columns) = report.shape;
    let input = common.input.display();
    let labels = match &outcome.ids {
        Some((rows, columns)) => Labels::of_ratings(common, rows, columns)?,
        None => Labels::of_matrix(common, columns)?,
    };
    let mut facts = Table::new("The fit", ["what", "value"])
        .row([
            "rows and columns",
            &format!("{} x {}", grouped(rows), grouped(columns)),
        ])
        .row(["entries", &grouped(report.stored.unwrap_or_default())])
        .row(["rank", &report.rank.to_string()])
        .row(["iterations", &report.iterations.to_string()])
        .row(["stopped", &report.stop.to_string()])
        .row([
            "seconds of the fit",
            &format!("{:.3}", report.seconds.total()),
        ])
        .row([
            "seconds of reading",
            &format!("{:.3}", outcome.load_seconds),
        ])
        .row(["threads", &report.threads.to_string()])
        .row(["seed", &report.seed.to_string()]);
    if let Some(error) = report.relative_error {
        facts = facts.row(["relative error", &format!("{error:.6}")]);
    }
    for (name, accuracy) in [("training", outcome.train), ("test", outcome.test)] {
        if let Some(accuracy) = accuracy {
            facts = facts
                .row([&format!("RMSE, {name}"), &format!("{:.4}", accuracy.rmse)])
                .row([&format!("MAE, {name}"), &format!("{:.4}", accuracy.mae)]);
        }
    }
    for (name, value) in &report.chosen {
        facts = facts.row([&format!("chosen: {name}"), value]);
    }
    let mut page = Report::new(format!("{} of {input}", report.algorithm))
        .summary(format!(
            "{} x {}, rank {}: {} after {} iterations, {:.3} seconds.",
            grouped(rows),
            grouped(columns),
            report.rank,
            report.stop,
            report.iterations,
            report.seconds.total()
        ))
        .section(
            "Result",
            std::iter::once(Block::Table(facts)).chain(
                report
                    .notices
                    .iter()
                    .map(|notice| Block::Text(format!("Notice: {notice}"))),
            ),
        )
        .section(
            "Convergence",
            convergence(&report.history, &report.validation),
        );
    let train = outcome.ratings.as_ref();
    for (title, blocks) in of_model(&report.algorithm, &outcome.fit.model, &labels, train)? {
        page = page.section(title, blocks);
    }
    finish(page, path, configuration)
}

/// Adds the configuration, and writes the page.
fn finish(page: Report, path: &Path, configuration: &str) -> Result<()> {
    let title = "Save as run.toml to repeat this run";
    let code = Block::Code(title.to_owned(), configuration.to_owned());
    write_text(path, &page.section("Configuration", [code]).to_html())
}

/// How the objective fell, and the error on a validation set.
fn convergence(history: &[f64], validation: &[f64]) -> Vec<Block> {
    let chart = |title: &str, label: &str, values: &[f64], first: usize| {
        let series = values
            .iter()
            .enumerate()
            .fold(Series::new(label.to_lowercase()), |series, (at, value)| {
                series.point((at + first) as f64, *value)
            });
        Block::Lines(
            LineChart::new(title, Axis::linear("iteration"), Axis::automatic(label)).series(series),
        )
    };
    let mut blocks = Vec::new();
    if history.len() > 1 {
        blocks.push(chart("Objective by iteration", "Objective", history, 1));
    }
    if validation.len() > 1 {
        let title = "Error on the validation set by iteration";
        blocks.push(chart(title, "RMSE on the validation set", validation, 1));
    }
    blocks
}
