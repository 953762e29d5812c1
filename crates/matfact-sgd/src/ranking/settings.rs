//! What the methods of learning to rank have in common.

use matfact_core::{Error, Result};
use matfact_linalg::RankingLoss;

/// How the negatives of a positive are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum NegativeSampling {
    /// Every column that is a positive of some row is as likely as any other.
    #[default]
    Uniform,
    /// A column is as likely as it is often a positive: popular columns have to earn their place.
    Popularity,
}

/// The hyper-parameters of every method.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) algorithm: &'static str,
    pub(crate) loss: RankingLoss,
    pub(crate) rank: usize,
    pub(crate) epochs: usize,
    pub(crate) learning_rate: f64,
    pub(crate) decay: f64,
    pub(crate) regularization: f64,
    pub(crate) bias_regularization: f64,
    pub(crate) confidence: f64,
    pub(crate) negative_sampling: NegativeSampling,
    pub(crate) initial_deviation: f64,
    pub(crate) seed: u64,
}

impl Settings {
    pub(crate) fn validate(&self) -> Result<()> {
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
            ("regularization", self.regularization),
            ("bias_regularization", self.bias_regularization),
            ("confidence", self.confidence),
            ("initial_deviation", self.initial_deviation),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        match self.loss {
            RankingLoss::ByRank { trials: 0 } => {
                Err(Error::invalid_parameter("trials", 0, "at least 1"))
            }
            RankingLoss::Pointwise { negatives: 0 } => {
                Err(Error::invalid_parameter("negatives", 0, "at least 1"))
            }
            _ => Ok(()),
        }
    }

    /// The learning rate of an epoch, counted from 1.
    pub(crate) fn learning_rate_in(&self, epoch: usize) -> f64 {
        self.learning_rate_among(epoch, self.epochs)
    }

    /// The learning rate of an epoch, counted from 1, where there are so many.
    pub(crate) fn learning_rate_among(&self, epoch: usize, epochs: usize) -> f64 {
        let done = epoch.saturating_sub(1) as f64 / epochs.max(1) as f64;
        self.learning_rate * (1.0 - self.decay * done)
    }

    /// The most negatives that are drawn for a positive.
    pub(crate) fn draws_for_a_positive(&self) -> usize {
        match self.loss {
            RankingLoss::Pairwise => 1,
            RankingLoss::ByRank { trials } => trials,
            RankingLoss::Pointwise { negatives } => negatives,
        }
    }
}

/// The setters that all methods share.
macro_rules! common_setters {
    () => {
        /// Sets the number of passes over all positives.
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

        /// Sets the penalty λ_b on the biases of columns.
        #[must_use]
        pub fn bias_regularization(mut self, bias_regularization: f64) -> Self {
            self.bias_regularization = bias_regularization;
            self
        }

        /// Sets α: a positive of value x counts 1 + α ln (1 + x).
        #[must_use]
        pub fn confidence(mut self, confidence: f64) -> Self {
            self.confidence = confidence;
            self
        }

        /// Sets how negatives are drawn.
        #[must_use]
        pub fn negative_sampling(
            mut self,
            negative_sampling: $crate::ranking::NegativeSampling,
        ) -> Self {
            self.negative_sampling = negative_sampling;
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

        /// The number of passes over all positives.
        #[must_use]
        pub fn get_epochs(&self) -> usize {
            self.epochs
        }

        /// Checks every hyper-parameter but the rank, which the fit checks together with the shape.
        ///
        /// # Errors
        /// [`Error::InvalidParameter`](matfact_core::Error::InvalidParameter).
        pub fn validate(&self) -> matfact_core::Result<()> {
            self.settings().validate()
        }
    };
}
pub(crate) use common_setters;

/// A method's fit, and its folding in, by its settings.
macro_rules! ranking_factorizer {
    ($method:ty) => {
        impl $method {
            /// The factors (p x k) of new rows, whose positives `x` (p x n) are of the columns of `model`: descent
            /// with these settings for each row alone, from zeros, while the columns stay.
            ///
            /// What a row gets depends on its own positives and the seed: not on the other rows of `x`, nor on
            /// threads. Its lists come from `Recommender::for_factors` of `matfact-linalg`. A row without
            /// positives gets zeros, with which columns are ranked by their biases. Negatives are drawn
            /// uniformly, since the model does not say how popular columns are; of a row with very many positives
            /// fewer epochs are made, 2¹⁶ visits in all.
            ///
            /// # Errors
            /// [`Error::InvalidParameter`](matfact_core::Error) for settings out of range;
            /// `ShapeMismatch` for another number of columns, or a model of another rank or without biases;
            /// `EmptyInput` without any positive; `Negative`, `UnsupportedInput` and those of entries that
            /// cannot be, as a fit; `Diverged`.
            pub fn fold_in_rows<T, X>(
                &self,
                model: &matfact_core::FactorModel<T>,
                x: &X,
            ) -> matfact_core::Result<matfact_core::ndarray::Array2<T>>
            where
                T: matfact_core::Scalar,
                X: matfact_core::ObservedEntries<Scalar = T> + ?Sized,
            {
                $crate::ranking::fold_in::fold_in_rows(&self.settings(), model, x)
            }

            /// The factors (q x k) and biases (q) of new columns, whose positives `x` (m x q) are by the rows of
            /// `model`: as [`fold_in_rows`](Self::fold_in_rows), while the rows and the other columns stay.
            ///
            /// `known` (m x n) is what the model was fitted to: a column is also a negative of the rows that do
            /// not have it, and it takes their positives to say how low it has to stand. A column without
            /// positives gets zeros, below all others.
            ///
            /// # Errors
            /// As [`fold_in_rows`](Self::fold_in_rows), for rows in place of columns, and of `known` too.
            pub fn fold_in_columns<T, X, K>(
                &self,
                model: &matfact_core::FactorModel<T>,
                x: &X,
                known: &K,
            ) -> matfact_core::Result<(
                matfact_core::ndarray::Array2<T>,
                matfact_core::ndarray::Array1<T>,
            )>
            where
                T: matfact_core::Scalar,
                X: matfact_core::ObservedEntries<Scalar = T> + ?Sized,
                K: matfact_core::ObservedEntries<Scalar = T> + ?Sized,
            {
                $crate::ranking::fold_in::fold_in_columns(&self.settings(), model, x, known)
            }
        }

        impl<X: matfact_core::ObservedEntries + ?Sized> matfact_core::Factorizer<X> for $method {
            type Model = matfact_core::FactorModel<X::Scalar>;

            fn fit_with(
                &self,
                x: &X,
                run: &mut matfact_core::Run<'_>,
            ) -> matfact_core::Result<matfact_core::Fit<Self::Model>> {
                let x: &dyn matfact_core::ObservedEntries<Scalar = X::Scalar> = &x;
                let settings = self.settings();
                run.gives_checkpoints();
                let validation = run.take_validation();
                matfact_linalg::in_pool(run, |run, pool| {
                    $crate::ranking::fit::fit(&settings, x, validation, run, pool)
                })
            }
        }
    };
}
pub(crate) use ranking_factorizer;
