//! What a search found.

use crate::compare::Measure;
use crate::held_out::Behind;

/// One point that was tried.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    /// Names and values, as a configuration holds them.
    pub(crate) point: Vec<(String, String)>,
    /// Whether it is the algorithm as it is without a search.
    pub(crate) by_default: bool,
    pub(crate) score: Option<f64>,
    pub(crate) failure: Option<String>,
    /// The iterations that it was given, in successive halving.
    pub(crate) budget: Option<usize>,
    pub(crate) seconds: f64,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) algorithm: &'static str,
    pub(crate) input: String,
    pub(crate) metric: Measure,
    pub(crate) measured_on: String,
    pub(crate) tried: Vec<Tried>,
    pub(crate) best: usize,
    /// How much the defaults differ from the best, by the same users; nothing where they are the best, or were not tried.
    pub(crate) behind: Option<Behind>,
    /// What `matfact fit --config` takes.
    pub(crate) configuration: String,
    pub(crate) seconds: f64,
}

impl Found {
    /// How much of what was gained over the defaults is chance, in words.
    pub(crate) fn chance(&self) -> Option<String> {
        let behind = self.behind?;
        let verdict = match behind.is_within_chance() {
            true => "within chance: the two cannot be told apart on these data",
            false => "more than chance",
        };
        Some(format!(
            "the defaults by {behind}, with what holds for 95 % of other users: {verdict}"
        ))
    }
}
