//! What a search tells: lines for people, an object for programs, a report.

use super::{Found, Task, Tried};
use crate::output::{grouped, say, say_json};
use crate::reporting;
use matfact::Result;
use matfact::io::write_text;
use serde_json::{Map, Value, json};
use std::fmt::Write;

impl Task<'_> {
    pub(super) fn tell(&self, found: &Found) -> Result<()> {
        if let Some(path) = &self.options.output {
            write_text(path, &found.configuration)?;
        }
        if let Some(path) = &self.common.reporting.report {
            reporting::of_tuning(path, found)?;
        }
        if self.common.json {
            return say_json(&self.json(found));
        }
        say(&self.text(found))
    }

    fn text(&self, found: &Found) -> String {
        let mut text = format!(
            "{} on {}: {} points, {} on {}\n",
            found.algorithm,
            found.input,
            grouped(found.tried.len()),
            found.metric.name,
            found.measured_on
        );
        for (at, tried) in found.tried.iter().enumerate() {
            let score = match (tried.score, &tried.failure) {
                (Some(score), _) => format!("{score:.4}"),
                (None, reason) => {
                    let reason = reason.as_deref().unwrap_or_default();
                    format!("failed: {}", crate::output::printable(reason))
                }
            };
            let mark = if at == found.best { '*' } else { ' ' };
            let budget = tried
                .budget
                .map(|budget| format!("  after {budget} iterations"));
            let _ = writeln!(
                text,
                "{mark} {score}  {}{}",
                point_text(tried),
                budget.unwrap_or_default()
            );
        }
        let best = &found.tried[found.best];
        let defaults = found.tried.iter().find(|tried| tried.by_default);
        let beside = match defaults.and_then(|defaults| defaults.score) {
            Some(_) if best.by_default => ": nothing better than the defaults was found".to_owned(),
            Some(score) => format!(", the defaults {score:.4}"),
            None => String::new(),
        };
        let score = best.score.unwrap_or(f64::NAN);
        let _ = writeln!(text, "  best    {score:.4} (*){beside}");
        if let Some(chance) = found.chance() {
            let _ = writeln!(text, "  behind  {chance}");
        }
        let _ = writeln!(text, "  {:.3} seconds", found.seconds);
        if let Some(path) = &self.common.reporting.report {
            let _ = writeln!(text, "  report  {}", path.display());
        }
        match &self.options.output {
            Some(path) => {
                let path = path.display();
                let _ = write!(
                    text,
                    "  output  {path}: matfact fit {} --config {path}",
                    found.algorithm
                );
            }
            None => {
                let _ = write!(
                    text,
                    "The best, as `matfact fit --config FILE` takes it (--output FILE keeps it):\n\n{}",
                    found.configuration.trim_end()
                );
            }
        }
        text
    }

    fn json(&self, found: &Found) -> Value {
        let object = |tried: &Tried| {
            let point = tried.point.iter();
            let point = point.map(|(name, value)| {
                let whole = value.parse::<i64>().ok().map(|number| json!(number));
                let number = value.parse::<f64>().ok();
                let number = number.filter(|number| number.is_finite());
                let number = whole.or_else(|| number.map(|number| json!(number)));
                (name.clone(), number.unwrap_or_else(|| json!(value)))
            });
            let mut object = json!({
                "point": point.collect::<Map<_, _>>(),
                "default": tried.by_default,
                "score": tried.score,
                "seconds": tried.seconds,
            });
            if let Some(budget) = tried.budget {
                object["iterations"] = json!(budget);
            }
            if let Some(behind) = found.behind.filter(|_| tried.by_default) {
                object["behind"] = behind.json();
            }
            if let Some(failure) = &tried.failure {
                object["failure"] = json!(failure);
            }
            object
        };
        json!({
            "algorithm": found.algorithm,
            "input": found.input,
            "metric": found.metric.name,
            "measured_on": found.measured_on,
            "trials": found.tried.iter().map(object).collect::<Vec<_>>(),
            "best": object(&found.tried[found.best]),
            "within_chance": found.behind.map(|behind| behind.is_within_chance()),
            "configuration": found.configuration,
            "output": self.options.output,
            "report": self.common.reporting.report,
            "seconds": found.seconds,
            "seed": self.common.seed,
        })
    }
}

fn point_text(tried: &Tried) -> String {
    let pairs = tried.point.iter();
    let mut pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if tried.by_default {
        pairs.push("the defaults".to_owned());
    }
    pairs.join(", ")
}
