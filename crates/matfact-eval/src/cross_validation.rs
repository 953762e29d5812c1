//! Each part of the data held out once.

use crate::{Evaluation, KFold, Metric, Score};
use matfact_core::{Error, Factorizer, Ratings, Recommend, Result};

/// The scores of each fold.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CrossValidated {
    /// For each fold, the score of each metric.
    pub folds: Vec<Vec<Score>>,
}

impl CrossValidated {
    /// The metrics, in the order of the scores.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        self.folds
            .iter()
            .take(1)
            .flatten()
            .map(|score| score.metric)
    }

    /// The values of a metric, one for each fold; none if it was not taken.
    #[must_use]
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        let scores = self.folds.iter().flatten();
        let chosen = scores.filter(|score| score.metric == metric);
        chosen.map(|score| score.value).collect()
    }

    /// The mean of a metric over the folds; NaN if it was not taken.
    #[must_use]
    pub fn mean(&self, metric: Metric) -> f64 {
        let values = self.values(metric);
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// The standard deviation of a metric between folds (divided by folds − 1).
    #[must_use]
    pub fn deviation(&self, metric: Metric) -> f64 {
        let (values, mean) = (self.values(metric), self.mean(metric));
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (values.len() as f64 - 1.0)).sqrt()
    }
}

/// Fits `factorizer` to all but one fold, measures it on that one, and so for each.
///
/// ```
/// use matfact_als::Als;
/// use matfact_core::{Duplicates, Ratings};
/// use matfact_eval::{Evaluation, KFold, Metric, cross_validate};
/// let entries = (0..200).map(|i| (i / 10, i % 17, 1.0 + (i % 5) as f64));
/// let ratings = Ratings::from_triplets((20, 17), entries, Duplicates::Last)?;
/// let evaluation = Evaluation::new([Metric::Rmse, Metric::Ndcg(5)]);
/// let result = cross_validate(&Als::new(2), &ratings, &KFold::new(4), &evaluation)?;
/// assert_eq!(result.folds.len(), 4);
/// println!("{:.3} ± {:.3}", result.mean(Metric::Rmse), result.deviation(Metric::Rmse));
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// As [`KFold::split`], the fit and [`Evaluation::of`].
pub fn cross_validate<T, F>(
    factorizer: &F,
    ratings: &Ratings<T>,
    folds: &KFold,
    evaluation: &Evaluation,
) -> Result<CrossValidated>
where
    T: matfact_core::Scalar,
    F: Factorizer<Ratings<T>> + ?Sized,
    F::Model: Recommend<Scalar = T>,
{
    cross_validate_with(ratings, folds, evaluation, |_, train| {
        Ok(factorizer.fit(train)?.model)
    })
}

/// As [`cross_validate`] with a fit of one's own, which gets the number of the fold and its training part: for
/// factorizers of other inputs, runs with settings, and progress.
///
/// # Errors
/// As [`cross_validate`].
pub fn cross_validate_with<M: Recommend>(
    ratings: &Ratings<M::Scalar>,
    folds: &KFold,
    evaluation: &Evaluation,
    mut fit: impl FnMut(usize, &Ratings<M::Scalar>) -> Result<M, Error>,
) -> Result<CrossValidated> {
    evaluation.validate()?;
    let scores = (0..folds.folds().max(1)).map(|fold| {
        let split = folds.split(ratings, fold)?;
        evaluation.of(&fit(fold, &split.train)?, &split)
    });
    Ok(CrossValidated {
        folds: scores.collect::<Result<_>>()?,
    })
}
