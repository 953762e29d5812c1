//! Which ratings a model is measured on, and what the measures of several folds come to.

use crate::arguments::{CommonOptions, SplitOptions};
use crate::input::{known, read_beside};
use crate::output::{complain, grouped};
use matfact::eval::{Interval, KFold, Metric, Resampling, Score, Split, compare_folds};
use matfact::io::RatingsData;
use matfact::{Error, ObservedEntries, Result, Scalar};
use serde_json::{Value, json};
use std::fmt;

/// The share held out where nothing else is said.
const SHARE: f64 = 0.1;

/// Users above which the bootstrap draws less often.
const MANY: usize = 20_000;

/// Which ratings a model is measured on.
#[derive(Clone, Copy)]
pub(crate) struct HeldOut<'a> {
    common: &'a CommonOptions,
    pub(crate) split: &'a SplitOptions,
    folds: Option<usize>,
}

impl<'a> HeldOut<'a> {
    /// As the options say, which may not say it twice.
    pub(crate) fn new(
        common: &'a CommonOptions,
        split: &'a SplitOptions,
        folds: Option<usize>,
    ) -> Result<Self> {
        let others = split.holdout.is_some() || split.test.is_some();
        if let Some(folds) = folds.filter(|_| others) {
            let requirement = "left out where --holdout or --test says what is held out";
            return Err(Error::invalid_parameter("folds", folds, requirement));
        }
        Ok(Self {
            common,
            split,
            folds,
        })
    }

    /// How many times the ratings are parted.
    pub(crate) fn count(&self) -> usize {
        self.folds.unwrap_or(1).max(1)
    }

    /// The training and the test part of one fold.
    pub(crate) fn part<T: Scalar>(&self, data: &RatingsData<T>, fold: usize) -> Result<Split<T>> {
        if let Some(folds) = self.folds {
            return KFold::new(folds)
                .seed(self.common.seed)
                .split(&data.ratings, fold);
        }
        if let Some(path) = &self.split.test {
            let pairs = read_beside(path, self.common, self.split, &data.rows, &data.columns)?;
            let test = known(data.ratings.shape(), &pairs)?;
            if test.observed() < pairs.len() {
                complain(&format!(
                    "notice: {} of {} test ratings are left out: of a user or item without training ratings, or of a pair given before",
                    grouped(pairs.len() - test.observed()),
                    grouped(pairs.len())
                ));
            }
            let train = data.ratings.clone();
            return Ok(Split { train, test });
        }
        let share = self.split.holdout.unwrap_or(SHARE);
        Split::random(&data.ratings, share, self.common.seed)
    }

    /// What was held out, in words.
    pub(crate) fn words(&self) -> String {
        match (self.folds, &self.split.test) {
            (Some(folds), _) => format!("each of {folds} folds in turn"),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => {
                let share = self.split.holdout.unwrap_or(SHARE);
                format!("{:.4} % of the ratings", 100.0 * share).replace(".0000", "")
            }
        }
    }
}

/// The mean over folds, and where there are several, the deviation between them.
pub(crate) fn of_folds(folds: &[Vec<Score>], metric: Metric) -> (f64, Option<f64>) {
    let scores = folds
        .iter()
        .flatten()
        .filter(|score| score.metric == metric);
    let values: Vec<f64> = scores.map(|score| score.value).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (
        mean,
        (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
    )
}

/// The confidence interval where there is one fold alone.
pub(crate) fn interval(
    folds: &[Vec<Score>],
    metric: Metric,
    resampling: &Resampling,
) -> Result<Option<Interval>> {
    let [scores] = folds else {
        return Ok(None);
    };
    match scores.iter().find(|score| score.metric == metric) {
        Some(score) => score.interval(resampling),
        None => Ok(None),
    }
}

/// How a bootstrap over the users of these folds draws.
pub(crate) fn resampling(folds: &[Vec<Score>]) -> Resampling {
    let users = folds.iter().flatten().map(|score| score.rows.len()).max();
    match users {
        Some(users) if users > MANY => Resampling::new().resamples(200),
        _ => Resampling::new(),
    }
}

/// How much a model differs from the best one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Behind {
    /// Its value minus the best one's.
    pub(crate) difference: f64,
    /// Where that lies with 95 % of other users.
    pub(crate) interval: Interval,
}

impl Behind {
    /// By the same users on the same folds; nothing where they have no values of their own, or there is but one.
    pub(crate) fn of(
        folds: &[Vec<Score>],
        best: &[Vec<Score>],
        metric: Metric,
    ) -> Result<Option<Self>> {
        let own = |folds: &[Vec<Score>]| -> Vec<Score> {
            let scores = folds.iter().flatten();
            scores
                .filter(|score| score.metric == metric)
                .cloned()
                .collect()
        };
        let (own, best) = (own(folds), own(best));
        let mut pairs = own.iter().zip(&best);
        let same = own.len() == best.len() && pairs.all(|(own, best)| own.rows == best.rows);
        let most = own.iter().map(|score| score.rows.len()).max();
        let least = own.iter().map(|score| score.rows.len()).min();
        if !same || most.unwrap_or(0) < 2 || least == Some(0) {
            return Ok(None);
        }
        let found = compare_folds(&own, &best, &resampling(folds))?;
        Ok(Some(Self {
            difference: found.difference,
            interval: found.interval,
        }))
    }

    /// Whether the two cannot be told apart.
    pub(crate) fn is_within_chance(&self) -> bool {
        self.interval.low <= 0.0 && self.interval.high >= 0.0
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let Interval { low, high } = self.interval;
        json!({ "difference": self.difference, "interval": [low, high] })
    }
}

/// The difference with its interval.
impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interval { low, high } = self.interval;
        write!(f, "{:+.4} ({low:+.4} to {high:+.4})", self.difference)
    }
}
