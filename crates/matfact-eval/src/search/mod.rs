//! Looking for good hyper-parameters, of whatever algorithm.
//!
//! A search knows names and numbers; a function of the caller's makes an algorithm of them and says how good
//! it is, as the mean of a cross-validation or the score on one split.

mod halving;
mod space;

use matfact_core::{Error, Result};

pub use halving::{Halving, successive_halving};
pub use space::{Dimension, Point, SearchSpace};

/// One point that was tried.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The hyper-parameters.
    pub point: Point,
    /// What the caller's function said; `None` if it failed.
    pub score: Option<f64>,
    /// Why it failed.
    pub failure: Option<String>,
    /// The budget that it was tried with, in successive halving; 0 in other searches.
    pub budget: usize,
}

/// All that was tried, in order, and which was best.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SearchResult {
    /// The trials.
    pub trials: Vec<Trial>,
    best: usize,
}

impl SearchResult {
    /// The trial with the best score; of equal ones the first. In successive halving, of those with the largest
    /// budget.
    #[must_use]
    pub fn best(&self) -> &Trial {
        &self.trials[self.best]
    }

    /// The best of `trials[from..]`.
    fn of(trials: Vec<Trial>, from: usize, larger_is_better: bool) -> Result<Self> {
        let mut best: Option<usize> = None;
        for at in from..trials.len() {
            if best.is_none_or(|best| is_better(&trials[at], &trials[best], larger_is_better)) {
                best = Some(at);
            }
        }
        match best.filter(|best| trials[*best].score.is_some()) {
            Some(best) => Ok(Self { trials, best }),
            None => {
                let first = trials.first().and_then(|trial| trial.failure.clone());
                let value = format!("{} points", trials.len());
                let reason = first.unwrap_or_else(|| "there is none".to_owned());
                let requirement =
                    format!("one in which some point can be fitted (the first: {reason})");
                Err(Error::invalid_parameter("search space", value, requirement))
            }
        }
    }
}

/// Whether a trial is better than another; one that failed, or whose score is no number, never is.
fn is_better(trial: &Trial, than: &Trial, larger_is_better: bool) -> bool {
    match (trial.score, than.score) {
        (Some(score), Some(than)) if larger_is_better => score > than,
        (Some(score), Some(than)) => score < than,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn attempt(point: Point, budget: usize, score: Result<f64>) -> Trial {
    let (score, failure) = match score {
        Ok(score) if !score.is_nan() => (Some(score), None),
        Ok(_) => (None, Some("its score is not a number".to_owned())),
        Err(error) => (None, Some(error.to_string())),
    };
    Trial {
        point,
        score,
        failure,
        budget,
    }
}

/// Tries every combination of the choices of a space. A point whose fit fails is noted and does not win.
///
/// ```
/// use matfact_als::Als;
/// use matfact_core::{Duplicates, Ratings};
/// use matfact_eval::{Evaluation, KFold, Metric, SearchSpace, cross_validate, grid_search};
/// let entries = (0..200).map(|i| (i / 10, i % 17, 1.0 + (i % 5) as f64));
/// let ratings = Ratings::from_triplets((20, 17), entries, Duplicates::Last)?;
/// let space = SearchSpace::new()
///     .choices("rank", [1.0, 2.0])
///     .choices("regularization", [0.3, 1.0, 3.0]);
/// let rmse = Evaluation::new([Metric::Rmse]);
/// let result = grid_search(&space, Metric::Rmse.larger_is_better(), |point| {
///     let als = Als::new(point.count("rank")?).regularization(point.number("regularization")?);
///     Ok(cross_validate(&als, &ratings, &KFold::new(3), &rmse)?.mean(Metric::Rmse))
/// })?;
/// assert_eq!(result.trials.len(), 6);
/// println!("best: {}", result.best().point);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidParameter`] for a space without dimensions, with an empty or unordered one, or with an
/// interval, which has no grid; and if every point fails.
pub fn grid_search(
    space: &SearchSpace,
    larger_is_better: bool,
    mut score: impl FnMut(&Point) -> Result<f64>,
) -> Result<SearchResult> {
    let points = space.grid()?;
    let trials = points.into_iter().map(|point| {
        let score = score(&point);
        attempt(point, 0, score)
    });
    SearchResult::of(trials.collect(), 0, larger_is_better)
}

/// Tries `samples` random points of a space (Bergstra and Bengio 2012).
///
/// # Errors
/// [`Error::InvalidParameter`] as [`grid_search`], but intervals are welcome, and for no samples.
pub fn random_search(
    space: &SearchSpace,
    samples: usize,
    seed: u64,
    larger_is_better: bool,
    mut score: impl FnMut(&Point) -> Result<f64>,
) -> Result<SearchResult> {
    let points = space.sample(samples, seed)?;
    let trials = points.into_iter().map(|point| {
        let score = score(&point);
        attempt(point, 0, score)
    });
    SearchResult::of(trials.collect(), 0, larger_is_better)
}
