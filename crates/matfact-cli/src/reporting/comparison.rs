//! The report of a comparison.

use super::{Titled, finish};
use crate::arguments::CompareOptions;
use crate::compare::Table;
use crate::output::grouped;
use matfact::Result;
use matfact_report::{Axis, Block, LineChart, Report, Series, Table as Cells};
use std::path::Path;

/// Measures that are drawn.
const MEASURES: usize = 4;

/// Writes the report of a comparison, with the sections of its best model.
pub(crate) fn of_comparison(
    path: &Path,
    options: &CompareOptions,
    table: &Table,
    sections: Vec<Titled>,
    configuration: &str,
) -> Result<()> {
    let (rows, columns) = table.shape;
    let best = table.best(0).map(|at| &table.lines[at]);
    let summary = best.map_or(String::new(), |best| {
        let value = best.values[0].map_or(f64::NAN, |value| value.mean);
        format!(
            "{} x {}, {} entries, measured on {}. Best by {}: {} with {value:.4}.",
            grouped(rows),
            grouped(columns),
            grouped(table.stored),
            table.measured_on,
            table.measures[0].name,
            best.title()
        )
    });
    let (header, rows) = table.cells();
    let mut cells = Cells::new(table.remark(), header);
    for row in rows {
        cells = cells.row(row);
    }
    if let Some(best) = table.best(0) {
        cells = cells.marked(best);
    }
    let mut page = Report::new(format!("Comparison on {}", options.common.input.display()))
        .summary(summary)
        .section("Results", [Block::Table(cells)])
        .section("By rank", by_rank(table))
        .section("By time", by_time(table))
        .section("Convergence", convergence(table));
    for (title, blocks) in sections {
        page = page.section(title, blocks);
    }
    finish(page, path, configuration)
}

/// The names of the algorithms, each once.
fn names(table: &Table) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for line in &table.lines {
        if !names.contains(&&line.name[..]) {
            names.push(&line.name);
        }
    }
    names
}

/// A chart of a measure with a series for each algorithm, over what `x` says of a line.
fn chart(
    table: &Table,
    measure: usize,
    title: String,
    axis: Axis,
    x: impl Fn(&crate::compare::Line) -> Option<f64>,
) -> Option<LineChart> {
    let measured = &table.measures[measure];
    let mut chart = LineChart::new(title, axis, Axis::linear(&measured.name)).note(format!(
        "{} is better.",
        if measured.larger_is_better {
            "Higher"
        } else {
            "Lower"
        }
    ));
    for name in names(table) {
        let lines = table.lines.iter().filter(|line| line.name == name);
        let mut points: Vec<(f64, crate::compare::Measured, String)> = lines
            .filter_map(|line| {
                let value = (*line.values.get(measure)?)?;
                Some((x(line)?, value, line.title()))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let series = points
            .into_iter()
            .fold(Series::new(name), |series, (x, value, title)| {
                series.measured(x, value.mean, value.range(), title)
            });
        chart = chart.series(series);
    }
    (!chart.is_empty()).then_some(chart)
}

fn by_rank(table: &Table) -> Vec<Block> {
    let charts = (0..table.measures.len().min(MEASURES)).filter_map(|measure| {
        let title = format!("{} by rank", table.measures[measure].name);
        let axis = Axis::automatic("rank");
        let rank = |line: &crate::compare::Line| line.rank.map(|rank| rank as f64);
        chart(table, measure, title, axis, rank)
    });
    charts.map(Block::Lines).collect()
}

fn by_time(table: &Table) -> Vec<Block> {
    let charts = (0..table.measures.len().min(MEASURES)).filter_map(|measure| {
        let title = format!("{} by time", table.measures[measure].name);
        let axis = Axis::automatic("seconds of a fit");
        let seconds = |line: &crate::compare::Line| Some(line.seconds.max(1e-4));
        chart(table, measure, title, axis, seconds)
    });
    charts.map(Block::Lines).collect()
}

/// How each algorithm's objective fell at its largest rank: relative to the first, since objectives differ.
fn convergence(table: &Table) -> Vec<Block> {
    let mut chart = LineChart::new(
        "Objective by iteration",
        Axis::linear("iteration"),
        Axis::automatic("objective, relative to that of the first iteration"),
    )
    .note("Of each algorithm at its largest rank. Each minimizes an objective of its own, so that the curves tell of speed, not of quality.");
    for name in names(table) {
        let lines = table.lines.iter().filter(|line| line.name == name);
        let largest = lines
            .filter(|line| line.history.len() > 1)
            .max_by_key(|line| line.rank);
        let Some(line) = largest.filter(|line| line.history[0] > 0.0) else {
            continue;
        };
        let history = line.history.iter().enumerate();
        let series = history.fold(Series::new(line.title()), |series, (at, value)| {
            series.point((at + 1) as f64, value / line.history[0])
        });
        chart = chart.series(series);
    }
    match chart.is_empty() {
        true => Vec::new(),
        false => vec![Block::Lines(chart)],
    }
}
