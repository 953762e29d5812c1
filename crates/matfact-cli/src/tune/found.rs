//! What a search found.

use crate::compare::Measure;

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
    /// What `matfact fit --config` takes.
    pub(crate) configuration: String,
    pub(crate) seconds: f64,
}
