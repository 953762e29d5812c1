//! Measuring a model on held-out entries.

use crate::catalogue::Catalogue;
use crate::{Metric, Score, Split, area_under_curve, list_value};
use matfact_core::{
    Error, ObservedEntries, Ratings, Recommend, Recommendation, Result, Scalar, ScoreFactors,
};
use matfact_linalg::{RecommendOptions, Recommendations, Recommender, random_stream};
use rand::RngExt;

/// Rows that are ranked at a time.
const BLOCK: usize = 512;

/// Which metrics are taken, and of what.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `metrics` | none | at least one, each once |
/// | `relevant_from` | every entry | the least rating of a held-out entry that counts as relevant |
/// | `clip` | true | predicted ratings are kept in the range of the training ratings |
/// | `sampled_negatives` | all columns | ranks only the relevant columns and so many others |
///
/// Lists are exact, over all columns that the row does not have in training, unless negatives are
/// sampled; then every [`Score`] of a list says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    metrics: Vec<Metric>,
    relevant_from: Option<f64>,
    clip: bool,
    negatives: Option<(usize, u64)>,
}

impl Evaluation {
    /// Of these metrics.
    pub fn new(metrics: impl IntoIterator<Item = Metric>) -> Self {
        Self {
            metrics: metrics.into_iter().collect(),
            relevant_from: None,
            clip: true,
            negatives: None,
        }
    }

    /// Sets the least rating that is relevant to a row.
    #[must_use]
    pub fn relevant_from(mut self, rating: f64) -> Self {
        self.relevant_from = Some(rating);
        self
    }

    /// Sets whether predicted ratings are kept in the range of the training ratings.
    #[must_use]
    pub fn clip(mut self, clip: bool) -> Self {
        self.clip = clip;
        self
    }

    /// Ranks the relevant columns of each row among `count` others, drawn evenly from those that the row has
    /// neither in training nor relevant, instead of among all: less work, but no longer the same metric.
    #[must_use]
    pub fn sampled_negatives(mut self, count: usize, seed: u64) -> Self {
        self.negatives = Some((count, seed));
        self
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] without metrics, for one given twice, for a cutoff of 0, and for a metric of
    /// all lists or implicit's area with sampled columns, of which it would say nothing.
    pub fn validate(&self) -> Result<()> {
        if self.metrics.is_empty() {
            return Err(Error::invalid_parameter("metrics", "none", "at least one"));
        }
        for (at, metric) in self.metrics.iter().enumerate() {
            let refuse =
                |requirement: &str| Err(Error::invalid_parameter("metrics", metric, requirement));
            if self.metrics[..at].contains(metric) {
                return refuse("given once");
            }
            if metric.cutoff() == Some(0) {
                return refuse("cut at 1 or more");
            }
            let of_all = metric.is_of_all_lists() || matches!(metric, Metric::ImplicitAuc(_));
            if self.negatives.is_some() && of_all {
                return refuse("left out, or no columns sampled");
            }
        }
        match self.negatives {
            Some((0, _)) => Err(Error::invalid_parameter(
                "sampled_negatives",
                0,
                "at least 1",
            )),
            _ => Ok(()),
        }
    }

    /// The score of each metric for a model that was fitted to the training part, in the order of the metrics.
    ///
    /// # Errors
    /// As [`Evaluation::validate`]; [`Error::ShapeMismatch`] if the model is not of the split's shape;
    /// [`Error::EmptyInput`] if nothing is held out.
    pub fn of<M>(&self, model: &M, split: &Split<M::Scalar>) -> Result<Vec<Score>>
    where
        M: Recommend + ?Sized,
    {
        self.of_factors(model.score_factors(), split)
    }

    fn of_factors<T: Scalar>(
        &self,
        factors: ScoreFactors<'_, T>,
        split: &Split<T>,
    ) -> Result<Vec<Score>> {
        self.validate()?;
        for part in [&split.train, &split.test] {
            if part.shape() != factors.shape() {
                let (expected, given) = (factors.shape(), part.shape());
                return Err(Error::shape_mismatch(
                    "shape of the ratings",
                    expected,
                    given,
                ));
            }
        }
        if split.test.observed() == 0 {
            let (rows, columns) = split.test.shape();
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        let mut scores: Vec<Score> = self
            .metrics
            .iter()
            .map(|metric| {
                let of_ratings = metric.is_of_ratings();
                let sampled = self.negatives.filter(|_| !of_ratings);
                Score::new(*metric, sampled.map(|(count, _)| count))
            })
            .collect();
        if self.metrics.iter().any(|metric| metric.is_of_ratings()) {
            self.ratings(&factors, split, &mut scores);
        }
        if self.metrics.iter().any(|metric| !metric.is_of_ratings()) {
            self.lists(factors, split, &mut scores)?;
        }
        Ok(scores)
    }

    fn ratings<T: Scalar>(
        &self,
        factors: &ScoreFactors<'_, T>,
        split: &Split<T>,
        scores: &mut [Score],
    ) {
        let (low, high) = range(&split.train, self.clip);
        for row in 0..split.test.shape().0 {
            let entries = split.test.row(row);
            let count = entries.columns.len() as f64;
            if count == 0.0 {
                continue;
            }
            let (mut squares, mut absolute) = (0.0, 0.0);
            for (column, value) in entries.columns.iter().zip(entries.values) {
                let predicted = factors.score(row, *column as usize).as_f64();
                let error = predicted.max(low).min(high) - value.as_f64();
                squares += error * error;
                absolute += error.abs();
            }
            for score in scores.iter_mut() {
                match score.metric {
                    Metric::Rmse => score.push(row, (squares / count, count)),
                    Metric::Mae => score.push(row, (absolute / count, count)),
                    _ => {}
                }
            }
        }
        for score in scores.iter_mut().filter(|s| s.metric.is_of_ratings()) {
            score.close();
        }
    }

    /// The held-out columns of a row that count: relevant, and not in training.
    fn relevant<T: Scalar>(&self, split: &Split<T>, row: usize) -> Vec<u32> {
        let (entries, known) = (split.test.row(row), split.train.row(row).columns);
        let pairs = entries.columns.iter().zip(entries.values);
        let counts = |value: &T| self.relevant_from.is_none_or(|from| value.as_f64() >= from);
        pairs
            .filter(|(column, value)| counts(value) && known.binary_search(column).is_err())
            .map(|(column, _)| *column)
            .collect()
    }

    fn lists<T: Scalar>(
        &self,
        factors: ScoreFactors<'_, T>,
        split: &Split<T>,
        scores: &mut [Score],
    ) -> Result<()> {
        let (rows, columns) = factors.shape();
        let recommender = Recommender::from_factors(factors);
        let asked: Vec<Asked> = (0..rows)
            .map(|row| {
                let relevant = self.relevant(split, row);
                Asked { row, relevant }
            })
            .filter(|asked| !asked.relevant.is_empty())
            .collect();
        let whole = scores.iter().any(|score| score.metric == Metric::Auc);
        let longest = scores
            .iter()
            .filter_map(|score| score.metric.cutoff())
            .max();
        let count = match (whole, longest) {
            (false, Some(longest)) => longest.min(columns),
            _ => columns,
        };
        let options = RecommendOptions::new().count(count).exclude(&split.train);
        let mut catalogues: Vec<Catalogue> = scores
            .iter()
            .map(|_| Catalogue::new(&split.train))
            .collect();
        let mut lists = Recommendations::default();
        for block in asked.chunks(BLOCK) {
            if self.negatives.is_none() {
                let rows: Vec<usize> = block.iter().map(|asked| asked.row).collect();
                recommender.for_rows_into(&rows, &options, &mut lists)?;
            }
            for (position, asked) in block.iter().enumerate() {
                let known = split.train.row(asked.row).columns;
                let others = columns - known.len() - asked.relevant.len();
                let (list, others): (Vec<_>, usize) = match self.negatives {
                    None => (lists.list(position).collect(), others),
                    Some((negatives, seed)) => {
                        let drawn = draw(columns, known, asked, negatives, seed);
                        let ranked = recommender.rank(asked.row, &drawn)?;
                        (ranked, others.min(negatives))
                    }
                };
                let ranking = Ranking {
                    names: list.iter().map(|entry| entry.column as u32).collect(),
                    list,
                    others,
                };
                for (score, catalogue) in scores.iter_mut().zip(&mut catalogues) {
                    if let Some(value) = ranking.value(score.metric, asked, catalogue, columns) {
                        score.push(asked.row, value);
                    }
                }
            }
        }
        for (score, catalogue) in scores.iter_mut().zip(&catalogues) {
            match score.metric {
                Metric::Rmse | Metric::Mae => {}
                Metric::Coverage(_) => score.value = catalogue.coverage(),
                Metric::Gini(_) => score.value = catalogue.gini(),
                _ => score.close(),
            }
        }
        Ok(())
    }
}

/// A row with something relevant held out.
struct Asked {
    row: usize,
    /// Increasing.
    relevant: Vec<u32>,
}

/// The list of one row.
struct Ranking<T> {
    list: Vec<Recommendation<T>>,
    /// The columns of the list.
    names: Vec<u32>,
    /// How many columns were to be ranked besides the relevant ones.
    others: usize,
}

impl<T: Scalar> Ranking<T> {
    /// A metric of this list and its weight; lists are counted in the catalogue for those of all lists.
    fn value(
        &self,
        metric: Metric,
        asked: &Asked,
        catalogue: &mut Catalogue,
        columns: usize,
    ) -> Option<(f64, f64)> {
        let cut = &self.names[..metric.cutoff().unwrap_or(0).min(self.names.len())];
        match metric {
            Metric::Auc => {
                let is_relevant = |name: &&u32| asked.relevant.binary_search(name).is_ok();
                let listed = self.names.iter().filter(is_relevant).count();
                let missing = asked.relevant.len() - listed;
                let unranked = (missing, self.others - (self.names.len() - listed));
                let ranked = self
                    .list
                    .iter()
                    .map(|entry| (entry.column as u32, entry.score));
                let area = area_under_curve(ranked, &asked.relevant, unranked);
                area.map(|area| (area, 1.0))
            }
            Metric::Novelty(_) => catalogue.novelty(cut).map(|value| (value, 1.0)),
            Metric::Coverage(_) | Metric::Gini(_) => {
                catalogue.count(cut);
                None
            }
            metric => list_value(metric, cut, &asked.relevant, columns),
        }
    }
}

/// The range that predictions are kept in.
fn range<T: Scalar>(train: &Ratings<T>, clip: bool) -> (f64, f64) {
    if !clip || train.observed() == 0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let values = || train.csr().data().iter().map(|value| value.as_f64());
    let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
    (values().fold(low, f64::min), values().fold(high, f64::max))
}

/// The relevant columns with so many others that are not known to the row, or all that there are.
fn draw(columns: usize, known: &[u32], asked: &Asked, negatives: usize, seed: u64) -> Vec<u32> {
    let is_other = |column: &u32| {
        known.binary_search(column).is_err() && asked.relevant.binary_search(column).is_err()
    };
    let mut others: Vec<u32> = (0..columns as u32).filter(is_other).collect();
    let mut stream = random_stream(seed, asked.row as u64);
    let count = negatives.min(others.len());
    for place in 0..count {
        let other = stream.random_range(place..others.len());
        others.swap(place, other);
    }
    others.truncate(count);
    others.extend(&asked.relevant);
    others
}
