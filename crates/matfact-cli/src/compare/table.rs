//! What a comparison came to.

use crate::held_out::Behind;
use crate::output::grouped;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) larger_is_better: bool,
}

/// A value with how much of it is chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) mean: f64,
    /// Where it lies with other users.
    pub(crate) interval: Option<(f64, f64)>,
    /// Between folds.
    pub(crate) deviation: Option<f64>,
}

/// An algorithm at a rank.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) rank: Option<usize>,
    /// Of each measure, where there is one.
    pub(crate) values: Vec<Option<Measured>>,
    /// How much the first measure differs from the best one's, and where that lies with other users.
    pub(crate) behind: Option<Behind>,
    /// Of the fit alone, the mean over folds.
    pub(crate) seconds: f64,
    pub(crate) iterations: usize,
    pub(crate) stop: String,
    pub(crate) history: Vec<f64>,
    pub(crate) failure: Option<String>,
    pub(crate) parameters: Value,
}

impl Line {
    /// The name with the rank.
    pub(crate) fn title(&self) -> String {
        match self.rank {
            Some(rank) => format!("{} {rank}", self.name),
            None => self.name.clone(),
        }
    }
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) input: String,
    pub(crate) shape: (usize, usize),
    pub(crate) stored: usize,
    /// What the models are measured on, in words.
    pub(crate) measured_on: String,
    pub(crate) measures: Vec<Measure>,
    pub(crate) lines: Vec<Line>,
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
}

impl Table {
    /// The line with the best value of a measure.
    pub(crate) fn best(&self, measure: usize) -> Option<usize> {
        let larger = self.measures.get(measure)?.larger_is_better;
        let values = self.lines.iter().enumerate();
        let values = values.filter_map(|(at, line)| {
            let mean = (*line.values.get(measure)?)?.mean;
            (!mean.is_nan()).then_some((at, if larger { -mean } else { mean }))
        });
        // Of equal ones the first.
        values.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }

    /// For people: a line for each candidate, `*` at the best of each measure.
    pub(crate) fn text(&self) -> String {
        let (rows, columns) = self.shape;
        let mut text = format!(
            "{}  {} x {}, {} entries; measured on {}\n",
            self.input,
            grouped(rows),
            grouped(columns),
            grouped(self.stored),
            self.measured_on
        );
        let mut rows = vec![self.header()];
        rows.extend((0..self.lines.len()).map(|at| self.row(at)));
        let widths = |column: usize| rows.iter().map(move |row| row[column].chars().count());
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| widths(column).max().unwrap_or(0))
            .collect();
        for (at, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let room = width - cell.chars().count();
                let (before, after) = if column == 0 { (0, room) } else { (room, 0) };
                let _ = write!(line, "  {:before$}{cell}{:after$}", "", "");
            }
            let failure = at
                .checked_sub(1)
                .and_then(|at| self.lines[at].failure.as_ref());
            if let Some(failure) = failure {
                let _ = write!(line, "  failed: {}", crate::output::printable(failure));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let _ = write!(text, "  {}", self.remark());
        text
    }

    /// What the marks mean, and how far the values go.
    pub(crate) fn remark(&self) -> String {
        let mut text = String::from("* best of its column");
        let lines = || self.lines.iter().filter(|line| line.failure.is_none());
        let values = || lines().flat_map(|line| line.values.iter().flatten());
        if values().any(|value| value.deviation.is_some()) {
            text.push_str("; ± between folds");
        } else if values().any(|value| value.interval.is_some()) {
            text.push_str("; ± half of what holds for 95 % of other users");
        }
        if lines().any(|line| line.behind.is_some()) {
            text.push_str("; behind: the difference to the best, with what holds for 95 %");
        }
        text
    }

    fn header(&self) -> Vec<String> {
        let mut header = vec!["algorithm".to_owned(), "rank".to_owned()];
        header.extend(self.measures.iter().map(|measure| measure.name.clone()));
        if self.has_behind() {
            header.push("behind".to_owned());
        }
        header.extend(["seconds".to_owned(), "iterations".to_owned()]);
        header
    }

    fn row(&self, at: usize) -> Vec<String> {
        let line = &self.lines[at];
        let rank = line.rank.map(|rank| rank.to_string());
        let mut row = vec![line.name.clone(), rank.unwrap_or_else(|| "–".to_owned())];
        for measure in 0..self.measures.len() {
            let best = self.best(measure) == Some(at);
            row.push(match line.values.get(measure).copied().flatten() {
                Some(value) => value.text() + if best { " *" } else { "  " },
                None => "–  ".to_owned(),
            });
        }
        if self.has_behind() {
            row.push(match line.behind {
                Some(behind) => behind.to_string(),
                None => "–".to_owned(),
            });
        }
        let failed = line.failure.is_some();
        row.push(if failed {
            "–".to_owned()
        } else {
            format!("{:.3}", line.seconds)
        });
        row.push(if failed {
            "–".to_owned()
        } else {
            line.iterations.to_string()
        });
        row
    }

    fn has_behind(&self) -> bool {
        self.lines.iter().any(|line| line.behind.is_some())
    }

    /// Header and rows, for a report.
    pub(crate) fn cells(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let rows = (0..self.lines.len()).map(|at| {
            let row = self.row(at);
            let mut row: Vec<String> = row.iter().map(|cell| cell.trim().to_owned()).collect();
            if let Some(failure) = &self.lines[at].failure {
                row.push(format!("failed: {failure}"));
            }
            row
        });
        (self.header(), rows.collect())
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let (mut metrics, mut intervals) = (Map::new(), Map::new());
            let mut deviations = Map::new();
            for (measure, value) in self.measures.iter().zip(&line.values) {
                let Some(value) = value else { continue };
                metrics.insert(measure.name.clone(), json!(value.mean));
                if let Some((low, high)) = value.interval {
                    intervals.insert(measure.name.clone(), json!([low, high]));
                }
                if let Some(deviation) = value.deviation {
                    deviations.insert(measure.name.clone(), json!(deviation));
                }
            }
            let mut object = json!({
                "algorithm": line.name,
                "rank": line.rank,
                "metrics": metrics,
                "intervals": intervals,
                "deviations": deviations,
                "seconds": line.seconds,
                "iterations": line.iterations,
                "stop": line.stop,
                "parameters": line.parameters,
            });
            if let Some(behind) = &line.behind {
                object["behind"] = behind.json();
            }
            if let Some(failure) = &line.failure {
                object["failure"] = json!(failure);
            }
            object
        });
        let best = self
            .measures
            .iter()
            .enumerate()
            .filter_map(|(at, measure)| {
                let line = &self.lines[self.best(at)?];
                let best = json!({ "algorithm": line.name, "rank": line.rank });
                Some((measure.name.clone(), best))
            });
        json!({
            "input": self.input,
            "shape": self.shape,
            "stored": self.stored,
            "measured_on": self.measured_on,
            "results": lines.collect::<Vec<_>>(),
            "best": best.collect::<Map<_, _>>(),
            "seconds": self.seconds,
            "seed": self.seed,
            "peak_memory_bytes": crate::output::peak_memory_bytes(),
        })
    }
}

impl Measured {
    fn text(self) -> String {
        let half = self.interval.map(|(low, high)| (high - low) / 2.0);
        match self.deviation.or(half) {
            Some(beside) => format!("{:.4} ± {beside:.4}", self.mean),
            None => format!("{:.4}", self.mean),
        }
    }

    /// From where to where it may lie.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        let between = self.deviation.map(|d| (self.mean - d, self.mean + d));
        self.interval.or(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_first_of_the_least_or_largest() {
        let measured = |mean| {
            Some(Measured {
                mean,
                interval: None,
                deviation: None,
            })
        };
        let line = |rmse, ndcg| Line {
            name: "als".to_owned(),
            values: vec![rmse, ndcg],
            ..Line::default()
        };
        let measure = |name: &str, larger_is_better| Measure {
            name: name.to_owned(),
            larger_is_better,
        };
        let table = Table {
            input: "r.tsv".to_owned(),
            shape: (3, 4),
            stored: 5,
            measured_on: "all".to_owned(),
            measures: vec![measure("rmse", false), measure("ndcg@10", true)],
            lines: vec![
                line(None, measured(f64::NAN)),
                line(measured(0.9), measured(0.2)),
                line(measured(0.8), measured(0.3)),
                line(measured(0.8), measured(0.1)),
            ],
            seconds: 0.0,
            seed: 0,
        };
        assert_eq!((table.best(0), table.best(1)), (Some(2), Some(2)));
        let text = table.text();
        assert_eq!(text.matches(" *").count(), 3, "{text}");
        let widths: Vec<usize> = text
            .lines()
            .skip(1)
            .take(5)
            .map(|l| l.chars().count())
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
