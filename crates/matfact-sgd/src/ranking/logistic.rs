//! Logistic matrix factorization.

use super::settings::{NegativeSampling, Settings, common_setters, ranking_factorizer};
use matfact_linalg::RankingLoss;

/// Logistic matrix factorization: the probability that a row has a column, from its positives and sampled
/// negatives.
///
/// A score is the logarithm of the odds among the samples that the fit saw: with `negatives` of them for each
/// positive, these are larger than among all columns. The [module's page](crate::ranking) gives objective,
/// updates, order and sources.
///
/// | parameter | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | none | 1 .. 2³² − 1 | length k of the factor rows |
/// | `epochs` | 50 | ≥ 0 | passes over all positives |
/// | `learning_rate` | 0.1 | > 0 | step η of the first epoch |
/// | `decay` | 1 | 0 .. 1 | η in epoch t of T is η (1 − decay (t − 1) / T) |
/// | `regularization` | 0.013 | ≥ 0 | penalty λ on the factors, for each step that they take part in |
/// | `bias_regularization` | 0.01 | ≥ 0 | penalty λ_b on the biases of columns, likewise |
/// | `confidence` | 0 | ≥ 0 | α: a positive of value x counts 1 + α ln (1 + x) |
/// | `negative_sampling` | uniform | | how negatives are drawn |
/// | `negatives` | 5 | ≥ 1 | negatives that are drawn for each positive |
/// | `initial_deviation` | 0.1 | ≥ 0 | standard deviation of the starting factors times √k |
/// | `seed` | 0 | | seed of the starting factors, the order and the negatives |
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`](matfact_core::Error), `InvalidRank`: a hyper-parameter is out of range;
/// - `TooLarge`: the factors do not fit into memory;
/// - `EmptyInput`: no rows, no columns or no entries;
/// - `Negative`: a value below 0; `UnsupportedInput`: entries with weights;
/// - `NonFinite`, `IndexOutOfRange`, `ShapeMismatch`: an input type of the caller's own gives entries that
///   cannot be;
/// - `Diverged`: the learning rate is too large; found at the end of the epoch.
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings, Recommend};
/// use matfact_sgd::LogisticFactorization;
/// // Two tastes: rows 0 and 1 have columns 0 to 2, rows 2 and 3 have columns 3 to 5.
/// let positives = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 3), (2, 4), (3, 3), (3, 4), (3, 5)];
/// let positives = positives.map(|(i, j)| (i, j, 1.0_f32));
/// let x = Ratings::from_triplets((4, 6), positives, Duplicates::Error)?;
/// let model = LogisticFactorization::new(4).epochs(200).learning_rate(0.2).fit(&x)?.model;
/// assert_eq!(model.recommend(0, 1, &[0, 1])?[0].column, 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "without_rank", deny_unknown_fields)
)]
pub struct LogisticFactorization {
    rank: usize,
    epochs: usize,
    learning_rate: f64,
    decay: f64,
    regularization: f64,
    bias_regularization: f64,
    confidence: f64,
    negative_sampling: NegativeSampling,
    negatives: usize,
    initial_deviation: f64,
    seed: u64,
}

/// What is not given takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> LogisticFactorization {
    LogisticFactorization::new(0)
}

impl LogisticFactorization {
    /// The defaults of the table above, with factor rows of length `rank`.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            epochs: 50,
            learning_rate: 0.1,
            decay: 1.0,
            regularization: 0.013,
            bias_regularization: 0.01,
            confidence: 0.0,
            negative_sampling: NegativeSampling::Uniform,
            negatives: 5,
            initial_deviation: 0.1,
            seed: 0,
        }
    }

    common_setters!();

    /// Sets how many negatives are drawn for each positive.
    #[must_use]
    pub fn negatives(mut self, negatives: usize) -> Self {
        self.negatives = negatives;
        self
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            algorithm: "logistic",
            loss: RankingLoss::Pointwise {
                negatives: self.negatives,
            },
            rank: self.rank,
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            decay: self.decay,
            regularization: self.regularization,
            bias_regularization: self.bias_regularization,
            confidence: self.confidence,
            negative_sampling: self.negative_sampling,
            initial_deviation: self.initial_deviation,
            seed: self.seed,
        }
    }
}

ranking_factorizer!(LogisticFactorization);
