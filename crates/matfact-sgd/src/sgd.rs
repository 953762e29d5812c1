//! The algorithm with its hyper-parameters.

use crate::descent::Descent;
use matfact_core::{
    Error, FactorModel, Factorizer, Fit, FitReport, ObservedEntries, Result, Run, Scalar,
    StopReason,
};
use matfact_linalg::{PoolInfo, in_pool, survey_ratings};

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
/// | `initial_deviation` | 0.1 | ≥ 0 | standard deviation of the starting factors times √k; 0 leaves them at 0, for a model of biases alone |
/// | `seed` | 0 | | seed of the starting factors and the order of visits |
///
/// Ratings are divided by their standard deviation inside the fit, so none of these depends on the
/// scale of the ratings. Rows and columns without ratings get zero factors and a zero bias.
///
/// In the [`FitReport`], an epoch's entry of `history` is the root mean square of the errors that
/// the ratings had just before their updates in that epoch, in units of the ratings, and `objective`
/// is the last of them (the training error of the starting point if no epoch was done).
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`], [`Error::InvalidRank`]: a hyper-parameter is out of range;
/// - [`Error::TooLarge`]: the factors do not fit into memory;
/// - [`Error::EmptyInput`]: no rows, no columns or no ratings;
/// - [`Error::NonFinite`], [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`]: an input type of
///   the caller's own gives entries that cannot be;
/// - [`Error::Diverged`]: the learning rate is too large; found at the end of the epoch;
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
    rank: usize,
    epochs: usize,
    learning_rate: f64,
    decay: f64,
    regularization: f64,
    bias_regularization: f64,
    biased: bool,
    initial_deviation: f64,
    seed: u64,
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
        let rate = self.learning_rate;
        check("learning_rate", rate, rate > 0.0, "finite and above 0")?;
        let decay = self.decay;
        check("decay", decay, (0.0..=1.0).contains(&decay), "in 0..=1")?;
        for (name, value) in [
            ("regularization", self.regularization),
            ("bias_regularization", self.bias_regularization),
            ("initial_deviation", self.initial_deviation),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        Ok(())
    }

    /// The learning rate of an epoch, counted from 1.
    pub(crate) fn learning_rate_in(&self, epoch: usize) -> f64 {
        let done = epoch.saturating_sub(1) as f64 / self.epochs.max(1) as f64;
        self.learning_rate * (1.0 - self.decay * done)
    }

    /// Refuses what cannot be held in memory, before anything is allocated.
    fn check_size<T: Scalar>(&self, shape: (usize, usize)) -> Result<()> {
        let (rows, columns) = shape;
        if self.rank == 0 || self.rank > u32::MAX as usize {
            return Err(Error::InvalidRank {
                rank: self.rank,
                limit: u32::MAX as usize,
                shape,
            });
        }
        let too_large = || Error::TooLarge {
            what: format!("rank {} for a {rows} x {columns} matrix", self.rank),
        };
        if rows > u32::MAX as usize || columns > u32::MAX as usize {
            return Err(too_large());
        }
        // The factors stand twice in memory at the end: padded, and in the model. Some more goes to
        // counts and biases.
        let values = (rows + columns)
            .checked_mul(2 * self.rank + 32)
            .ok_or_else(too_large)?;
        Vec::<T>::new()
            .try_reserve_exact(values)
            .map_err(|_| too_large())
    }

    fn fit_in_pool<X>(
        &self,
        x: &X,
        run: &mut Run<'_>,
        pool: PoolInfo,
    ) -> Result<Fit<FactorModel<X::Scalar>>>
    where
        X: ObservedEntries + ?Sized,
    {
        self.validate()?;
        let shape = x.shape();
        self.check_size::<X::Scalar>(shape)?;
        if (0..shape.0).any(|row| x.weights(row).is_some()) {
            return Err(Error::UnsupportedInput {
                algorithm: "sgd",
                expected: "ratings that all count the same",
                actual: "ratings with weights",
            });
        }
        let survey = survey_ratings(x, self.biased)?;
        let mut report = FitReport::new("sgd", shape, self.rank, self.seed);
        report.stored = Some(survey.observed);
        report.threads = pool.threads;
        report.notices.extend(pool.notice);
        let mut descent = Descent::new(self, x, survey);
        let begun = run.elapsed();
        report.stop = StopReason::MaxIterations;
        for epoch in 1..=self.epochs {
            let error = descent.epoch(epoch)?;
            report.history.push(error);
            report.iterations = epoch;
            if let Some(reason) = run.iteration(epoch, self.epochs, error) {
                report.stop = reason;
                break;
            }
        }
        let ended = run.elapsed();
        report.objective = match report.history.last() {
            Some(error) => *error,
            None => descent.training_error(),
        };
        let model = descent.into_model(report.iterations)?;
        report.seconds.initialization = begun.as_secs_f64();
        report.seconds.iterations = (ended - begun).as_secs_f64();
        report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
        Ok(Fit { model, report })
    }
}

impl<X: ObservedEntries + ?Sized> Factorizer<X> for Sgd {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        in_pool(run, |run, pool| self.fit_in_pool(x, run, pool))
    }
}
