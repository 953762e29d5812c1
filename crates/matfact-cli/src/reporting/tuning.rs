//! The report of a search.

use super::finish;
use crate::tune::Found;
use matfact::Result;
use matfact_report::{Axis, Block, LineChart, Report, Series, Table};
use std::path::Path;

/// Writes the report of a search.
pub(crate) fn of_tuning(path: &Path, found: &Found) -> Result<()> {
    let best = &found.tried[found.best];
    let score = best.score.unwrap_or(f64::NAN);
    let mut names: Vec<&str> = Vec::new();
    for tried in &found.tried {
        for (name, _) in &tried.point {
            if !names.contains(&&name[..]) {
                names.push(name);
            }
        }
    }
    let header = std::iter::once("try").chain(names.iter().copied());
    let budgets = found.tried.iter().any(|tried| tried.budget.is_some());
    let header = header.chain(budgets.then_some("iterations"));
    let header = header.chain([&found.metric.name[..], "seconds"]);
    let mut table = Table::new("All that was tried, in order", header);
    for (at, tried) in found.tried.iter().enumerate() {
        let value = |name: &&str| {
            let pair = tried.point.iter().find(|(own, _)| own == name);
            let absent = if tried.by_default { "default" } else { "" };
            pair.map_or(absent.to_owned(), |(_, value)| value.clone())
        };
        let mut cells = vec![(at + 1).to_string()];
        cells.extend(names.iter().map(value));
        cells.extend(tried.budget.map(|budget| budget.to_string()));
        cells.push(match (tried.score, &tried.failure) {
            (Some(score), _) => format!("{score:.4}"),
            (None, Some(reason)) => format!("failed: {reason}"),
            (None, None) => "–".to_owned(),
        });
        cells.push(format!("{:.3}", tried.seconds));
        table = table.row(cells);
    }
    table = table.marked(found.best);
    let chance = found.chance();
    let chance = chance.map_or(String::new(), |chance| format!(" Behind are {chance}."));
    let page = Report::new(format!("Tuning of {} on {}", found.algorithm, found.input))
        .summary(format!(
            "{} points tried, measured on {}. Best {}: {score:.4}.{chance} The best of many points flatters itself: measure it on ratings that the search has not seen.",
            found.tried.len(),
            found.measured_on,
            found.metric.name
        ))
        .section("Settings", names.iter().map(|name| chart(found, name)))
        .section("Trials", [Block::Table(table)]);
    finish(page, path, &found.configuration)
}

/// The score over one setting.
fn chart(found: &Found, name: &str) -> Block {
    let metric = &found.metric;
    let title = format!("{} by {name}", metric.name);
    let mut chart = LineChart::new(title, Axis::automatic(name), Axis::linear(&metric.name))
        .points_alone()
        .note(format!(
            "{} is better. A point for each that was tried, whatever its other settings.",
            if metric.larger_is_better {
                "Higher"
            } else {
                "Lower"
            }
        ));
    let mut budgets: Vec<Option<usize>> = Vec::new();
    for tried in &found.tried {
        if !budgets.contains(&tried.budget) {
            budgets.push(tried.budget);
        }
    }
    for budget in budgets {
        let series = Series::new(match budget {
            Some(budget) => format!("{budget} iterations"),
            None => "all".to_owned(),
        });
        let tried = found.tried.iter().enumerate();
        let tried = tried.filter(|(_, tried)| tried.budget == budget);
        chart = chart.series(tried.fold(series, |series, (at, tried)| {
            let pair = tried.point.iter().find(|(own, _)| own == name);
            let x = pair.and_then(|(_, value)| value.parse().ok());
            let (x, y) = (x.unwrap_or(f64::NAN), tried.score.unwrap_or(f64::NAN));
            series.measured(x, y, None, format!("try {}", at + 1))
        }));
    }
    Block::Lines(chart)
}
