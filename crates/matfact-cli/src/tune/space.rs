//! What is searched: options of an algorithm with their choices or ranges.

use crate::configuration::{Entry, File, Value, nearest};
use crate::trial::{self, Takes};
use matfact::Result;
use matfact::eval::{Dimension, Point, SearchSpace};
use std::path::Path;

/// One option.
#[derive(Debug, Clone)]
struct Searched {
    name: String,
    takes: Takes,
    /// What the numbers of a search stand for, where they are words.
    words: Vec<String>,
}

/// What is searched.
#[derive(Debug, Clone)]
pub(super) struct Space {
    options: Vec<Searched>,
    search: SearchSpace,
}

impl Space {
    fn empty() -> Self {
        Self {
            options: Vec::new(),
            search: SearchSpace::new(),
        }
    }

    fn with(mut self, name: &str, takes: Takes, words: Vec<String>, values: Dimension) -> Self {
        self.search = self.search.dimension(name, values);
        self.options.push(Searched {
            name: name.to_owned(),
            takes,
            words,
        });
        self
    }

    fn range(self, name: &str, low: f64, high: f64) -> Self {
        self.with(
            name,
            Takes::Numbers,
            Vec::new(),
            Dimension::LogUniform(low, high),
        )
    }

    /// The settings that matter most to an algorithm, around their defaults, and the rank where it is open.
    pub(super) fn of(algorithm: &str, rank: bool) -> Self {
        let mut space = Self::empty();
        if rank {
            let choices = Dimension::Choices(vec![8.0, 16.0, 32.0, 64.0]);
            space = space.with("rank", Takes::WholeNumbers, Vec::new(), choices);
        }
        match algorithm {
            "als" => {
                space
                    .range("regularization", 0.3, 6.0)
                    .range("bias-regularization", 1.0, 15.0)
            }
            "sgd" => space
                .range("learning-rate", 0.015, 0.15)
                .range("regularization", 0.015, 0.25),
            "svdpp" => {
                space
                    .range("learning-rate", 0.008, 0.08)
                    .range("regularization", 0.012, 0.2)
            }
            "masked-nmf" => space.range("regularization", 0.005, 0.2),
            "ials" => {
                space
                    .range("regularization", 0.05, 1.0)
                    .range("unobserved-weight", 0.003, 0.6)
            }
            "bpr" => space
                .range("learning-rate", 0.04, 0.5)
                .range("regularization", 0.001, 0.05),
            "warp" => space
                .range("learning-rate", 0.03, 0.3)
                .range("regularization", 0.02, 0.5),
            _ => space
                .range("learning-rate", 0.03, 0.3)
                .range("regularization", 0.003, 0.06),
        }
    }

    /// From a file.
    pub(super) fn read(path: &Path, algorithm: &str) -> Result<Self> {
        let file = File::read(path)?;
        let mut space = Self::empty();
        for entry in &file.entries {
            let takes = takes(&file, entry, algorithm)?;
            let (words, values) = dimension(&file, entry, takes)?;
            space = space.with(&entry.key, takes, words, values);
        }
        if space.options.is_empty() {
            let message = "it names nothing to search: give options with their choices, \
                           as in `regularization = [0.5, 1, 2]`";
            return Err(file.refuse(1, message.to_owned()));
        }
        space.search.validate()?;
        Ok(space)
    }

    pub(super) fn search(&self) -> &SearchSpace {
        &self.search
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// The values of a point, as a configuration holds them.
    pub(super) fn texts(&self, point: &Point) -> Vec<(String, String)> {
        let text = |option: &Searched| {
            let value = point.number(&option.name).unwrap_or(0.0);
            let text = match option.words.get(value as usize) {
                Some(word) => word.clone(),
                None if option.takes == Takes::WholeNumbers => format!("{:.0}", value.round()),
                None => four_digits(value),
            };
            (option.name.clone(), text)
        };
        self.options.iter().map(text).collect()
    }
}

/// A number that a person would have chosen.
fn four_digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    rounded.to_string()
}

fn takes(file: &File, entry: &Entry, algorithm: &str) -> Result<Takes> {
    let refuse = |message: String| Err(file.refuse(entry.line, message));
    if [
        "input", "seed", "threads", "model", "report", "test", "holdout",
    ]
    .contains(&&entry.key[..])
    {
        return refuse(format!("{} is no hyper-parameter", entry.key));
    }
    match trial::takes(algorithm, &entry.key) {
        Some(Takes::Nothing) => refuse(format!(
            "{} is a switch, which is not searched: give --{} for all points",
            entry.key, entry.key
        )),
        Some(takes) => Ok(takes),
        None => {
            let known = trial::options(algorithm);
            let near = nearest(&entry.key, known.iter().map(String::as_str));
            let near = near.map_or(String::new(), |name| format!(" (is it {name:?}?)"));
            refuse(format!(
                "unknown key {:?}{near}: keys are the long options of `matfact fit {algorithm}`",
                entry.key
            ))
        }
    }
}

/// The words of a dimension, where it has some, and its values.
fn dimension(file: &File, entry: &Entry, takes: Takes) -> Result<(Vec<String>, Dimension)> {
    let key = &entry.key;
    let refuse = |line: usize, message: String| file.refuse(line, message);
    let form = || {
        refuse(
            entry.line,
            format!(
                "{key} is neither a list of choices, as in [8, 16], nor a range, as in {{ low = 0.1, high = 10, scale = \"logarithmic\" }}"
            ),
        )
    };
    let number = |line: usize, text: &str| {
        let number = text.replace('_', "").parse::<f64>().ok();
        number
            .filter(|number| number.is_finite())
            .ok_or_else(|| refuse(line, format!("{key}: {text:?} is not a number")))
    };
    let values = match &entry.value {
        Value::One(text) => std::slice::from_ref(text),
        Value::Many(texts) => texts,
        Value::Switch(_) => return Err(form()),
        Value::Table(inner) => {
            let (mut low, mut high, mut logarithmic) = (None, None, false);
            for bound in inner {
                match (&bound.key[..], &bound.value) {
                    ("low", Value::One(text)) => low = Some(number(bound.line, text)?),
                    ("high", Value::One(text)) => high = Some(number(bound.line, text)?),
                    ("scale", Value::One(text)) if text == "logarithmic" => logarithmic = true,
                    ("scale", Value::One(text)) if text == "linear" => logarithmic = false,
                    ("scale", _) => {
                        let message = format!("{key}: scale is \"linear\" or \"logarithmic\"");
                        return Err(refuse(bound.line, message));
                    }
                    _ => return Err(form()),
                }
            }
            let (Some(low), Some(high)) = (low, high) else {
                return Err(form());
            };
            if low > high || logarithmic && low <= 0.0 || takes == Takes::Text {
                let message = format!(
                    "{key}: low is at most high, above 0 on a logarithmic scale, and the option takes numbers"
                );
                return Err(refuse(entry.line, message));
            }
            let range = match logarithmic {
                true => Dimension::LogUniform(low, high),
                false => Dimension::Uniform(low, high),
            };
            return Ok((Vec::new(), range));
        }
    };
    if values.is_empty() {
        return Err(refuse(entry.line, format!("{key} has no choices")));
    }
    if takes == Takes::Text {
        let numbers = (0..values.len()).map(|at| at as f64).collect();
        return Ok((values.to_vec(), Dimension::Choices(numbers)));
    }
    let numbers: Result<Vec<f64>> = values.iter().map(|text| number(entry.line, text)).collect();
    Ok((Vec::new(), Dimension::Choices(numbers?)))
}
