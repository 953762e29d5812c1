//! The algorithm with its hyper-parameters.

use crate::{LearningRates, OnDivergence, SgdLoss, Units};
use matfact_core::{Error, Result};

/// Factorization of observed ratings by stochastic gradient descent.
///
/// The [crate's page](crate) gives objective, updates, order and sources.
///
/// | parameter | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | none | 1 .. 2³² − 1 | length k of the factor rows; it may exceed rows and columns |
/// | `epochs` | 20 | ≥ 0 | passes over all ratings; 0 gives the starting point: mean, zero biases, random factors |
/// | `learning_rate` | 0.05 | > 0 | step η of the first epoch |
/// | `decay` | 1 | 0 .. 1 | η in epoch t of T is η (1 − decay (t − 1) / T): 0 keeps it, 1 lets it fall to 0 |
/// | `regularization` | 0.06 | ≥ 0 | penalty λ on the factors, for each rating |
/// | `bias_regularization` | 4 | ≥ 0 | penalty λ_b on the biases, in ratings |
/// | `biased` | true | | mean and biases; without, the prediction is p · q alone |
/// | `initial_deviation` | 0.1 | ≥ 0 | standard deviation of the starting factors times √k; 0 leaves them at their mean, with biases 0: a model of biases alone |
/// | `initial_mean` | see there | ≥ 0 | mean of the starting factors times √k ([`Sgd::initial_mean`]) |
/// | `seed` | 0 | | seed of the starting factors and the order of visits |
/// | `loss` | squared | | [`SgdLoss`]: squared, absolute, generalized Kullback-Leibler, logistic, hinge, squared hinge |
/// | `learning_rates` | common | | [`LearningRates`]: one for all, AdaGrad for each row, LIBMF's twins |
/// | `bias_learning_rate` | `learning_rate` | > 0 | step of the biases in the first epoch |
/// | `row_regularization`, `column_regularization` | `regularization` | ≥ 0 | λ of one side |
/// | `row_l1`, `column_l1` | 0 | ≥ 0 | penalty on absolute values, for each rating; makes small numbers 0 |
/// | `bias_count_power` | 0 | 0 .. 1 | power ν_b of a row's number of ratings that λ_b is multiplied by |
/// | `non_negative` | false | | factors (not biases) are kept at 0 or above |
/// | `units` | deviation | | [`Units`] of steps and penalties |
/// | `on_divergence` | error | | [`OnDivergence`]: refuse, halve the step, keep the last model |
///
/// [`Sgd::surprise`] and [`Sgd::libmf`] have the settings of these libraries.
///
/// Ratings are divided by their standard deviation inside the fit, so none of these depends on the
/// scale of the ratings. Rows and columns without ratings get zero factors and a zero bias. Weights of
/// ratings multiply loss and penalties, and the numbers of ratings are sums of weights; one of 0 takes
/// an entry out. A weight far above the others makes steps as large: halve the learning rate with
/// [`OnDivergence::HalveStep`] if need be.
///
/// In the [`FitReport`](matfact_core::FitReport), an epoch's entry of `history` is the root mean square of the errors that
/// the ratings had just before their updates in that epoch, in units of the ratings (for other losses than
/// the squared one, the mean loss), and `objective` is the last of them (the training error of the starting
/// point if no epoch was done). `chosen["deviation"]` is what ratings were divided by, which folding in
/// asks for.
///
/// With a [`Validation`](matfact_core::Validation) set in the [`Run`](matfact_core::Run) the fit stops once its error (root mean
/// square error, or mean loss) has not fallen for some epochs; the model is that of `best_iteration`, which
/// `objective` is of, too.
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`], [`Error::InvalidRank`]: a hyper-parameter is out of range;
/// - [`Error::TooLarge`]: the factors do not fit into memory;
/// - [`Error::EmptyInput`]: no rows, no columns or no ratings;
/// - [`Error::NonFinite`], [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`]: an input type of
///   the caller's own gives entries that cannot be;
/// - [`Error::Negative`]: a rating below 0 with the Kullback-Leibler loss;
/// - [`Error::Diverged`]: the learning rate is too large; found within the epoch;
/// - [`Error::Overflow`]: the ratings are so large that the factors leave the element type.
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings, Run, StopReason};
/// use matfact_sgd::Sgd;
/// let ratings = Ratings::from_triplets((2, 2), [(0, 0, 4.0), (1, 1, 2.0)], Duplicates::Error)?;
/// let sgd = Sgd::new(3).epochs(5).regularization(0.1).seed(1);
/// let fit = sgd.fit_with(&ratings, &mut Run::new().threads(2))?;
/// assert_eq!(fit.report.stop, StopReason::MaxIterations);
/// assert_eq!(fit.report.history.len(), 5);
/// assert_eq!(fit.model.mean(), 3.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "without_rank", deny_unknown_fields)
)]
pub struct Sgd {
    pub(crate) rank: usize,
    pub(crate) epochs: usize,
    pub(crate) learning_rate: f64,
    pub(crate) decay: f64,
    pub(crate) regularization: f64,
    pub(crate) bias_regularization: f64,
    pub(crate) biased: bool,
    pub(crate) initial_deviation: f64,
    pub(crate) seed: u64,
    pub(crate) loss: SgdLoss,
    pub(crate) learning_rates: LearningRates,
    pub(crate) bias_learning_rate: Option<f64>,
    pub(crate) row_regularization: Option<f64>,
    pub(crate) column_regularization: Option<f64>,
    pub(crate) row_l1: f64,
    pub(crate) column_l1: f64,
    pub(crate) initial_mean: Option<f64>,
    pub(crate) bias_count_power: f64,
    pub(crate) non_negative: bool,
    pub(crate) units: Units,
    pub(crate) on_divergence: OnDivergence,
}

/// What is not given takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> Sgd {
    Sgd::new(0)
}

impl Sgd {
    /// The defaults of the table above, with factor rows of length `rank`.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            epochs: 20,
            learning_rate: 0.05,
            decay: 1.0,
            regularization: 0.06,
            bias_regularization: 4.0,
            biased: true,
            initial_deviation: 0.1,
            seed: 0,
            loss: SgdLoss::Squared,
            learning_rates: LearningRates::Common,
            bias_learning_rate: None,
            row_regularization: None,
            column_regularization: None,
            row_l1: 0.0,
            column_l1: 0.0,
            initial_mean: None,
            bias_count_power: 0.0,
            non_negative: false,
            units: Units::Deviation,
            on_divergence: OnDivergence::Error,
        }
    }

    /// Sets the number of passes over all ratings.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the learning rate η of the first epoch.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets how far the learning rate falls until the end: 0 for not at all, 1 for to zero.
    #[must_use]
    pub fn decay(mut self, decay: f64) -> Self {
        self.decay = decay;
        self
    }

    /// Sets the penalty λ on the factors.
    #[must_use]
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// Sets the penalty λ_b on the biases.
    #[must_use]
    pub fn bias_regularization(mut self, bias_regularization: f64) -> Self {
        self.bias_regularization = bias_regularization;
        self
    }

    /// Sets whether the model has a mean and biases. Without, predictions are exactly
    /// row factors · column factorsᵀ.
    #[must_use]
    pub fn biased(mut self, biased: bool) -> Self {
        self.biased = biased;
        self
    }

    /// Sets the standard deviation of the starting factors, times √k.
    #[must_use]
    pub fn initial_deviation(mut self, initial_deviation: f64) -> Self {
        self.initial_deviation = initial_deviation;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The rank.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of passes over all ratings.
    #[must_use]
    pub fn get_epochs(&self) -> usize {
        self.epochs
    }

    /// The learning rate η of the first epoch.
    #[must_use]
    pub fn get_learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// How far the learning rate falls until the end.
    #[must_use]
    pub fn get_decay(&self) -> f64 {
        self.decay
    }

    /// The penalty λ on the factors.
    #[must_use]
    pub fn get_regularization(&self) -> f64 {
        self.regularization
    }

    /// The penalty λ_b on the biases.
    #[must_use]
    pub fn get_bias_regularization(&self) -> f64 {
        self.bias_regularization
    }

    /// Whether the model has a mean and biases.
    #[must_use]
    pub fn is_biased(&self) -> bool {
        self.biased
    }

    /// The standard deviation of the starting factors, times √k.
    #[must_use]
    pub fn get_initial_deviation(&self) -> f64 {
        self.initial_deviation
    }

    /// The seed.
    #[must_use]
    pub fn get_seed(&self) -> u64 {
        self.seed
    }

    /// Checks every hyper-parameter that can be checked without data (the rank is checked by the
    /// fit, which knows the shape).
    ///
    /// ```
    /// use matfact_sgd::Sgd;
    /// assert!(Sgd::new(8).validate().is_ok());
    /// assert!(Sgd::new(8).learning_rate(0.0).validate().is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |name, value: f64, fits: bool, requirement: &str| {
            if fits && value.is_finite() {
                Ok(())
            } else {
                Err(Error::invalid_parameter(name, value, requirement))
            }
        };
        for (name, rate) in [
            ("learning_rate", self.learning_rate),
            (
                "bias_learning_rate",
                self.bias_learning_rate.unwrap_or(self.learning_rate),
            ),
        ] {
            check(name, rate, rate > 0.0, "finite and above 0")?;
        }
        for (name, part) in [
            ("decay", self.decay),
            ("bias_count_power", self.bias_count_power),
        ] {
            check(name, part, (0.0..=1.0).contains(&part), "in 0..=1")?;
        }
        for (name, value) in [
            ("regularization", self.regularization),
            ("bias_regularization", self.bias_regularization),
            ("initial_deviation", self.initial_deviation),
            ("row_regularization", self.row_regularization.unwrap_or(0.0)),
            (
                "column_regularization",
                self.column_regularization.unwrap_or(0.0),
            ),
            ("initial_mean", self.initial_mean.unwrap_or(0.0)),
            ("row_l1", self.row_l1),
            ("column_l1", self.column_l1),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        if self.loss == SgdLoss::KullbackLeibler && self.biased {
            let requirement = "false for the generalized Kullback-Leibler loss";
            return Err(Error::invalid_parameter("biased", true, requirement));
        }
        Ok(())
    }
}
