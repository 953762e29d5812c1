//! Many points with little work each, the better ones with more.

use super::{Point, SearchResult, SearchSpace, Trial, attempt};
use matfact_core::{Error, Result};
use std::cmp::Ordering;

/// Successive halving (Jamieson and Talwalkar 2016): `samples` random points are tried with the least budget,
/// the best part of them with `factor` times the budget, and so on until one is left or the largest budget is
/// used. Budgets are counted down from the largest: 20, a third of it, a ninth, while they are at least the least.
///
/// A budget is iterations, or a number of ratings, or whatever the caller's function makes of it.
///
/// | field | default | range |
/// |---|---|---|
/// | `samples` | none | ≥ 1 |
/// | `budgets` | none | 1 ≤ least ≤ largest |
/// | `factor` | 3 | ≥ 2: budgets grow by it, and one in so many points goes on |
/// | `seed` | 0 | |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halving {
    samples: usize,
    budgets: (usize, usize),
    factor: usize,
    seed: u64,
}

impl Halving {
    /// So many points, with budgets from `least` to `largest`.
    #[must_use]
    pub fn new(samples: usize, least: usize, largest: usize) -> Self {
        Self {
            samples,
            budgets: (least, largest),
            factor: 3,
            seed: 0,
        }
    }

    /// Sets by what budgets grow and points become fewer.
    #[must_use]
    pub fn factor(mut self, factor: usize) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        let (least, largest) = self.budgets;
        if least == 0 || least > largest {
            let requirement = "at least 1, the least not above the largest";
            let value = format!("{least} to {largest}");
            return Err(Error::invalid_parameter("budgets", value, requirement));
        }
        if self.factor < 2 {
            return Err(Error::invalid_parameter(
                "factor",
                self.factor,
                "at least 2",
            ));
        }
        Ok(())
    }

    /// What the largest budget is divided by at first: it is then still at least the least.
    fn divisor(&self) -> usize {
        let (least, largest) = self.budgets;
        let mut divisor = 1_usize;
        while largest / divisor / self.factor >= least {
            divisor *= self.factor;
        }
        divisor
    }

    /// The rounds: how many points each tries, and with what budget. Later ones have fewer points where some fail.
    ///
    /// # Errors
    /// As [`Halving::validate`].
    pub fn rounds(&self) -> Result<Vec<(usize, usize)>> {
        self.validate()?;
        let (_, largest) = self.budgets;
        let (mut divisor, mut points) = (self.divisor(), self.samples);
        let mut rounds = vec![(points, largest / divisor)];
        while divisor > 1 && points > 1 {
            divisor /= self.factor;
            points = (points / self.factor).max(1);
            rounds.push((points, largest / divisor));
        }
        Ok(rounds)
    }
}

/// Searches a space by successive halving; see [`Halving`]. `score` gets a point and its budget.
///
/// ```
/// use matfact_eval::{Halving, SearchSpace, successive_halving};
/// let space = SearchSpace::new().uniform("x", -1.0, 1.0);
/// let result = successive_halving(&space, &Halving::new(27, 1, 27), false, |point, budget| {
///     Ok(point.number("x")?.abs() + 1.0 / budget as f64)
/// })?;
/// assert_eq!(result.best().budget, 27);
/// assert!(result.best().point.number("x")?.abs() < 0.2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// As [`random_search`](crate::random_search) and [`Halving::validate`].
pub fn successive_halving(
    space: &SearchSpace,
    halving: &Halving,
    larger_is_better: bool,
    mut score: impl FnMut(&Point, usize) -> Result<f64>,
) -> Result<SearchResult> {
    halving.validate()?;
    let mut points = space.sample(halving.samples, halving.seed)?;
    let (_, largest) = halving.budgets;
    let mut divisor = halving.divisor();
    let mut trials: Vec<Trial> = Vec::new();
    loop {
        let budget = largest / divisor;
        let from = trials.len();
        for point in points {
            let score = score(&point, budget);
            trials.push(attempt(point, budget, score));
        }
        let mut order: Vec<&Trial> = trials[from..].iter().collect();
        order.sort_by(|a, b| best_first(a, b, larger_is_better));
        order.retain(|trial| trial.score.is_some());
        let left = ((trials.len() - from) / halving.factor).max(1);
        if order.is_empty() || divisor == 1 || trials.len() - from == 1 {
            return SearchResult::of(trials, from, larger_is_better);
        }
        points = order
            .iter()
            .take(left)
            .map(|trial| trial.point.clone())
            .collect();
        divisor /= halving.factor;
    }
}

fn best_first(a: &Trial, b: &Trial, larger_is_better: bool) -> Ordering {
    let worst = if larger_is_better {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    let (a, b) = (a.score.unwrap_or(worst), b.score.unwrap_or(worst));
    match larger_is_better {
        true => b.total_cmp(&a),
        false => a.total_cmp(&b),
    }
}
