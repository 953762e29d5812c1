//! The hyper-parameters of SVD++.

use matfact_core::{Error, Result};

/// SVD++: factorization of observed ratings that also learns from which columns (items) a row (user)
/// rated, by stochastic gradient descent.
///
/// The [module's page](crate::svdpp) gives objective, updates, order and sources.
///
/// | parameter | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | none | 1 .. 2³² − 1 | length k of the factor rows |
/// | `epochs` | 20 | ≥ 0 | passes over all ratings |
/// | `learning_rate` | 0.025 | > 0 | step η of the first epoch |
/// | `implicit_learning_rate` | 0.02 | ≥ 0 | step η_y of the first epoch for the implicit factors; 0 leaves them at their start |
/// | `decay` | 1 | 0 .. 1 | a step in epoch t of T is that of the first times 1 − decay (t − 1) / T |
/// | `regularization` | 0.05 | ≥ 0 | penalty λ on p and q, for each rating |
/// | `implicit_regularization` | 0.1 | ≥ 0 | penalty λ_y on the implicit factors |
/// | `bias_regularization` | 4 | ≥ 0 | penalty λ_b on the biases, in ratings |
/// | `initial_deviation` | 0.1 | ≥ 0 | standard deviation of the starting factors times √k |
/// | `seed` | 0 | | seed of the starting factors and the order of visits |
///
/// Ratings are divided by their standard deviation inside the fit, so none of these depends on the scale of
/// the ratings. Rows and columns without ratings get zero factors and a zero bias.
///
/// In the [`FitReport`](matfact_core::FitReport), an epoch's entry of `history` is the root mean square of
/// the errors that the ratings had just before their updates in that epoch, in units of the ratings, and
/// `objective` is the last of them (the training error of the starting point if no epoch was done). With a
/// [`Validation`](matfact_core::Validation) set in the [`Run`](matfact_core::Run), the fit stops early and
/// the model is of the epoch with the least error on it.
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`], [`Error::InvalidRank`]: a hyper-parameter is out of range;
/// - [`Error::TooLarge`]: the factors do not fit into memory;
/// - [`Error::EmptyInput`]: no rows, no columns or no ratings, in the ratings or the validation set;
/// - [`Error::UnsupportedInput`]: ratings with weights;
/// - [`Error::NonFinite`], [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`]: an input type of
///   the caller's own gives entries that cannot be, or a validation set does;
/// - [`Error::Diverged`]: the learning rate is too large; found at the end of the epoch;
/// - [`Error::Overflow`]: the ratings are so large that the factors leave the element type.
///
/// ```
/// use matfact_core::{Duplicates, Factorization, Factorizer, Ratings};
/// use matfact_sgd::SvdPlusPlus;
/// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
/// let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
/// let fit = SvdPlusPlus::new(2).epochs(50).seed(7).fit(&ratings)?;
/// assert!(fit.model.predict(2, 0)? > fit.model.predict(1, 1)?);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "without_rank", deny_unknown_fields)
)]
pub struct SvdPlusPlus {
    pub(super) rank: usize,
    pub(super) epochs: usize,
    pub(super) learning_rate: f64,
    pub(super) implicit_learning_rate: f64,
    pub(super) decay: f64,
    pub(super) regularization: f64,
    pub(super) implicit_regularization: f64,
    pub(super) bias_regularization: f64,
    pub(super) initial_deviation: f64,
    pub(super) seed: u64,
}

/// What is not given takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> SvdPlusPlus {
    SvdPlusPlus::new(0)
}

impl SvdPlusPlus {
    /// The defaults of the table above, with factor rows of length `rank`.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            epochs: 20,
            learning_rate: 0.025,
            implicit_learning_rate: 0.02,
            decay: 1.0,
            regularization: 0.05,
            implicit_regularization: 0.1,
            bias_regularization: 4.0,
            initial_deviation: 0.1,
            seed: 0,
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

    /// Sets the learning rate η_y of the first epoch for the implicit factors.
    #[must_use]
    pub fn implicit_learning_rate(mut self, implicit_learning_rate: f64) -> Self {
        self.implicit_learning_rate = implicit_learning_rate;
        self
    }

    /// Sets how far the learning rates fall until the end: 0 for not at all, 1 for to zero.
    #[must_use]
    pub fn decay(mut self, decay: f64) -> Self {
        self.decay = decay;
        self
    }

    /// Sets the penalty λ on the factors p and q.
    #[must_use]
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// Sets the penalty λ_y on the implicit factors.
    #[must_use]
    pub fn implicit_regularization(mut self, implicit_regularization: f64) -> Self {
        self.implicit_regularization = implicit_regularization;
        self
    }

    /// Sets the penalty λ_b on the biases.
    #[must_use]
    pub fn bias_regularization(mut self, bias_regularization: f64) -> Self {
        self.bias_regularization = bias_regularization;
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

    /// Checks every hyper-parameter but the rank, which the fit checks together with the shape.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`].
    pub fn validate(&self) -> Result<()> {
        let check = |name, value: f64, within: bool, requirement: &str| {
            if value.is_finite() && within {
                Ok(())
            } else {
                Err(Error::invalid_parameter(name, value, requirement))
            }
        };
        let rate = self.learning_rate;
        check("learning_rate", rate, rate > 0.0, "finite and above 0")?;
        let decay = self.decay;
        check("decay", decay, (0.0..=1.0).contains(&decay), "in 0..=1")?;
        for (name, value) in [
            ("implicit_learning_rate", self.implicit_learning_rate),
            ("regularization", self.regularization),
            ("implicit_regularization", self.implicit_regularization),
            ("bias_regularization", self.bias_regularization),
            ("initial_deviation", self.initial_deviation),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        Ok(())
    }

    /// What the learning rates of an epoch, counted from 1, are of those of the first.
    pub(super) fn share_of_rates(&self, epoch: usize) -> f64 {
        let done = epoch.saturating_sub(1) as f64 / self.epochs.max(1) as f64;
        1.0 - self.decay * done
    }
}
