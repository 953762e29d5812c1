//! The hyper-parameters beyond the first ones: losses, penalties of each side, learning rates, presets.

use crate::{LearningRates, OnDivergence, Sgd, SgdLoss, Units};
use matfact_linalg::FactorPenalty;

impl Sgd {
    /// The settings of Surprise's `SVD(n_factors=rank)`: biased, ratings as they come, a constant step of 0.005, a
    /// penalty of 0.02 on factors and on biases for each rating, factors that start with a deviation of 0.1.
    ///
    /// The objective is Surprise's; the order of visits is not (Surprise keeps that of the data).
    ///
    /// ```
    /// use matfact_sgd::Sgd;
    /// assert!(Sgd::surprise(100).validate().is_ok());
    /// ```
    #[must_use]
    pub fn surprise(rank: usize) -> Self {
        Sgd::new(rank)
            .units(Units::Original)
            .learning_rate(0.005)
            .decay(0.0)
            .regularization(0.02)
            .bias_regularization(0.02)
            .bias_count_power(1.0)
            .initial_deviation(0.1 * (rank as f64).sqrt())
    }

    /// The settings of LIBMF's `mf-train -k rank` for ratings (`-f 0`): no biases, ratings divided by their
    /// deviation and a penalty of 0.1 in their original units, twin learning rates from 0.1.
    ///
    /// The objective and the steps are LIBMF's; the start has the mean and the deviation of its uniform numbers. What
    /// is unknown is predicted as 0, as in every model without a mean (LIBMF: the mean).
    ///
    /// ```
    /// use matfact_sgd::Sgd;
    /// assert!(Sgd::libmf(8).epochs(40).learning_rate(0.05).validate().is_ok());
    /// ```
    #[must_use]
    pub fn libmf(rank: usize) -> Self {
        Sgd::new(rank)
            .biased(false)
            .units(Units::DeviationWithOriginalPenalties)
            .learning_rates(LearningRates::Twin)
            .learning_rate(0.1)
            .decay(0.0)
            .regularization(0.1)
            .initial_mean(0.5)
            .initial_deviation(LIBMF_DEVIATION)
    }

    /// Sets the loss.
    #[must_use]
    pub fn loss(mut self, loss: SgdLoss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets whether learning rates fall with the gradients that a row has had.
    #[must_use]
    pub fn learning_rates(mut self, rates: LearningRates) -> Self {
        self.learning_rates = rates;
        self
    }

    /// Sets the learning rate of the biases in the first epoch, where it is not that of the factors.
    #[must_use]
    pub fn bias_learning_rate(mut self, learning_rate: f64) -> Self {
        self.bias_learning_rate = Some(learning_rate);
        self
    }

    /// Sets the penalty λ on the row factors alone.
    #[must_use]
    pub fn row_regularization(mut self, regularization: f64) -> Self {
        self.row_regularization = Some(regularization);
        self
    }

    /// Sets the penalty λ on the column factors alone.
    #[must_use]
    pub fn column_regularization(mut self, regularization: f64) -> Self {
        self.column_regularization = Some(regularization);
        self
    }

    /// Sets the penalty on the absolute values of the row factors, which makes small ones 0.
    #[must_use]
    pub fn row_l1(mut self, penalty: f64) -> Self {
        self.row_l1 = penalty;
        self
    }

    /// Sets the penalty on the absolute values of the column factors.
    #[must_use]
    pub fn column_l1(mut self, penalty: f64) -> Self {
        self.column_l1 = penalty;
        self
    }

    /// Sets the power ν_b of the number of ratings that λ_b is multiplied by: 0 for once a bias, 1 for once a
    /// rating.
    #[must_use]
    pub fn bias_count_power(mut self, power: f64) -> Self {
        self.bias_count_power = power;
        self
    }

    /// Sets whether factors are kept at 0 or above.
    #[must_use]
    pub fn non_negative(mut self, non_negative: bool) -> Self {
        self.non_negative = non_negative;
        self
    }

    /// Sets the mean of the starting factors, times √k. Where it is not set, products of starting factors have the
    /// mean that the model has no other place for: 0 with biases and for classes, else that of the ratings.
    #[must_use]
    pub fn initial_mean(mut self, mean: f64) -> Self {
        self.initial_mean = Some(mean);
        self
    }

    /// Sets the units of learning rate and penalties.
    #[must_use]
    pub fn units(mut self, units: Units) -> Self {
        self.units = units;
        self
    }

    /// Sets what to do when the error leaves all bounds.
    #[must_use]
    pub fn on_divergence(mut self, on_divergence: OnDivergence) -> Self {
        self.on_divergence = on_divergence;
        self
    }

    /// The loss.
    #[must_use]
    pub fn get_loss(&self) -> SgdLoss {
        self.loss
    }

    /// Whether learning rates fall with the gradients that a row has had.
    #[must_use]
    pub fn get_learning_rates(&self) -> LearningRates {
        self.learning_rates
    }

    /// What to do when the error leaves all bounds.
    #[must_use]
    pub fn get_on_divergence(&self) -> OnDivergence {
        self.on_divergence
    }

    /// The units of learning rate and penalties.
    #[must_use]
    pub fn get_units(&self) -> Units {
        self.units
    }

    /// Whether factors are kept at 0 or above: as asked for, or for the loss.
    #[must_use]
    pub fn is_non_negative(&self) -> bool {
        self.non_negative || self.loss == SgdLoss::KullbackLeibler
    }

    /// The power ν_b of the number of ratings that λ_b is multiplied by.
    #[must_use]
    pub fn get_bias_count_power(&self) -> f64 {
        self.bias_count_power
    }

    /// What ratings are divided by, given their deviation.
    pub(crate) fn scale(&self, deviation: f64) -> f64 {
        if self.loss.is_of_classes() || self.units == Units::Original {
            1.0
        } else {
            deviation
        }
    }

    /// Penalties on the row factors and on the column factors, in units of σ = `scale`.
    pub(crate) fn penalties(&self, scale: f64) -> [FactorPenalty<f64>; 2] {
        let (squares, absolutes) = match (self.units, self.loss) {
            (Units::DeviationWithOriginalPenalties, SgdLoss::Squared) => (scale, scale.powf(1.5)),
            (Units::DeviationWithOriginalPenalties, _) => (1.0, scale.sqrt()),
            _ => (1.0, 1.0),
        };
        let both = [
            (self.row_regularization, self.row_l1),
            (self.column_regularization, self.column_l1),
        ];
        both.map(|(own, l1)| FactorPenalty {
            squares: own.unwrap_or(self.regularization) / squares,
            absolutes: l1 / absolutes,
        })
    }

    /// The learning rates of factors and biases in an epoch, counted from 1.
    pub(crate) fn learning_rates_in(&self, epoch: usize) -> (f64, f64) {
        let done = epoch.saturating_sub(1) as f64 / self.epochs.max(1) as f64;
        let part = 1.0 - self.decay * done;
        let biases = self.bias_learning_rate.unwrap_or(self.learning_rate);
        (self.learning_rate * part, biases * part)
    }

    /// Whether the faster loop does: half the squared error, one rate, one penalty, and nothing else.
    pub(crate) fn is_plain(&self, penalties: &[FactorPenalty<f64>; 2]) -> bool {
        self.loss == SgdLoss::Squared
            && self.learning_rates == LearningRates::Common
            && self
                .bias_learning_rate
                .is_none_or(|rate| rate == self.learning_rate)
            && penalties[0] == penalties[1]
            && penalties[0].absolutes == 0.0
            && !self.non_negative
    }
}

/// That of uniform numbers in 0..1.
const LIBMF_DEVIATION: f64 = 0.288_675;
