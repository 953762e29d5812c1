//! What can be chosen beside numbers: loss, learning rates, units, and what to do about divergence.

use matfact_linalg::{Adaptation, RatingLoss};

/// The loss f(x̂, x) of a rating x predicted as x̂.
///
/// Of classes, any rating above 0 counts as +1 and any other as −1; they are fitted without a mean, and
/// x̂ > 0 speaks for +1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SgdLoss {
    /// ½ (x − x̂)².
    #[default]
    Squared,
    /// |x − x̂|: ratings far off weigh less.
    Absolute,
    /// x ln(x / x̂) − x + x̂, the generalized Kullback-Leibler divergence, for counts: ratings and factors are
    /// non-negative, and there are no biases.
    KullbackLeibler,
    /// ln(1 + exp(−x x̂)) for classes x = ±1.
    Logistic,
    /// max(0, 1 − x x̂) for classes x = ±1.
    Hinge,
    /// ½ max(0, 1 − x x̂)² for classes x = ±1.
    SquaredHinge,
}

impl SgdLoss {
    /// Whether ratings are classes ±1.
    #[must_use]
    pub fn is_of_classes(self) -> bool {
        matches!(
            self,
            SgdLoss::Logistic | SgdLoss::Hinge | SgdLoss::SquaredHinge
        )
    }

    pub(crate) fn kernel(self) -> RatingLoss {
        match self {
            SgdLoss::Squared => RatingLoss::Squared,
            SgdLoss::Absolute => RatingLoss::Absolute,
            SgdLoss::KullbackLeibler => RatingLoss::KullbackLeibler,
            SgdLoss::Logistic => RatingLoss::Logistic,
            SgdLoss::Hinge => RatingLoss::Hinge,
            SgdLoss::SquaredHinge => RatingLoss::SquaredHinge,
        }
    }

    /// The figure for a mean loss: its root mean square error for the squared loss, itself for the others.
    pub(crate) fn figure(self, mean: f64) -> f64 {
        match self {
            SgdLoss::Squared => (2.0 * mean).sqrt(),
            _ => mean,
        }
    }

    /// What a loss in units of σ is multiplied by to be one of the ratings; under the root for the squared one.
    pub(crate) fn unit(self, scale: f64) -> f64 {
        if self.is_of_classes() { 1.0 } else { scale }
    }
}

/// Whether learning rates fall with the gradients that a row has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum LearningRates {
    /// One η for all, constant or falling from epoch to epoch ([`Sgd::decay`](crate::Sgd::decay)).
    #[default]
    Common,
    /// η / √G with one G for each factor row (and one for each bias): 1 plus the sum of the mean squares of its
    /// gradients so far. `decay` falls on top; with 0 this is AdaGrad.
    #[cfg_attr(feature = "serde", serde(rename = "adagrad"))]
    AdaGrad,
    /// Two such sums for each factor row: the first 8 numbers, and the rest, which stand still in the first
    /// epoch (unless there is an L1 penalty). What LIBMF does.
    Twin,
}

impl LearningRates {
    pub(crate) fn adaptation(self, epoch: usize, sparse: bool) -> Adaptation {
        match self {
            LearningRates::Common => Adaptation::None,
            LearningRates::AdaGrad => Adaptation::Rows,
            LearningRates::Twin if epoch <= 1 && !sparse => Adaptation::LeadingTwin,
            LearningRates::Twin => Adaptation::Twins,
        }
    }
}

/// The units that learning rate and penalties are given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Units {
    /// Ratings are divided by their standard deviation, and everything is in its units.
    #[default]
    Deviation,
    /// Ratings are divided by their standard deviation, but penalties on factors are those of the ratings as
    /// they came: LIBMF's way.
    DeviationWithOriginalPenalties,
    /// Ratings are taken as they come: Surprise's way.
    Original,
}

/// What to do when the error of an epoch leaves all bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OnDivergence {
    /// Refuse: [`Error::Diverged`](matfact_core::Error::Diverged).
    #[default]
    Error,
    /// Go back to before the epoch, halve the learning rate from there on, and say so in the report.
    HalveStep,
    /// Stop with the model of before the epoch; [`StopReason::Diverged`](matfact_core::StopReason::Diverged).
    KeepLast,
}
