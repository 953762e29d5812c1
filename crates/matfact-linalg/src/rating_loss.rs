//! What an error in a rating costs, and which way down.

use matfact_core::Scalar;

/// Predictions below this count as this where the loss divides by them.
const LEAST_PREDICTION: f64 = 1e-6;

/// The loss f(x̂, x) of one rating x predicted as x̂, with the gradients of LIBMF.
///
/// | | f(x̂, x) | −∂f/∂x̂ | LIBMF's `-f` |
/// |---|---|---|---|
/// | `Squared` | ½ (x − x̂)² | x − x̂ | 0 |
/// | `Absolute` | \|x − x̂\| | sign(x − x̂) | 1 |
/// | `KullbackLeibler` | x ln(x / x̂) − x + x̂ | x / x̂ − 1 | 2 |
/// | `Logistic` | ln(1 + exp(−x x̂)), x = ±1 | x / (1 + exp(x x̂)) | 5 |
/// | `SquaredHinge` | ½ max(0, 1 − x x̂)² | x max(0, 1 − x x̂) | 6 |
/// | `Hinge` | max(0, 1 − x x̂) | x where x x̂ < 1 | 7 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatingLoss {
    /// Half the squared error.
    Squared,
    /// The absolute error.
    Absolute,
    /// The generalized Kullback-Leibler divergence; predictions below 1e-6 count as that.
    KullbackLeibler,
    /// The logistic loss of a class ±1.
    Logistic,
    /// Half the squared hinge loss of a class ±1.
    SquaredHinge,
    /// The hinge loss of a class ±1.
    Hinge,
}

impl RatingLoss {
    /// f(x̂, x).
    ///
    /// ```
    /// use matfact_linalg::RatingLoss;
    /// assert_eq!(RatingLoss::Squared.value(3.0, 5.0), 2.0);
    /// assert_eq!(RatingLoss::Hinge.value(0.25, 1.0), 0.75);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn value(self, prediction: f64, rating: f64) -> f64 {
        let margin = rating * prediction;
        match self {
            RatingLoss::Squared => 0.5 * (rating - prediction).powi(2),
            RatingLoss::Absolute => (rating - prediction).abs(),
            RatingLoss::KullbackLeibler => {
                let prediction = prediction.max(LEAST_PREDICTION);
                if rating > 0.0 {
                    rating * (rating / prediction).ln() - rating + prediction
                } else {
                    prediction
                }
            }
            // The exponential of what is not positive, so that nothing overflows.
            RatingLoss::Logistic => (-margin.abs()).exp().ln_1p() + (-margin).max(0.0),
            RatingLoss::SquaredHinge => 0.5 * (1.0 - margin).max(0.0).powi(2),
            RatingLoss::Hinge => (1.0 - margin).max(0.0),
        }
    }

    /// −∂f/∂x̂: how fast the loss falls as the prediction rises.
    ///
    /// ```
    /// use matfact_linalg::RatingLoss;
    /// assert_eq!(RatingLoss::Squared.descent(3.0_f32, 5.0), 2.0);
    /// assert_eq!(RatingLoss::KullbackLeibler.descent(2.0, 5.0), 1.5);
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn descent<T: Scalar>(self, prediction: T, rating: T) -> T {
        let (zero, one) = (T::zero(), T::one());
        let margin = rating * prediction;
        match self {
            RatingLoss::Squared => rating - prediction,
            RatingLoss::Absolute => {
                let error = rating - prediction;
                if error == zero { zero } else { error.signum() }
            }
            RatingLoss::KullbackLeibler => {
                rating / prediction.max(T::from_f64(LEAST_PREDICTION)) - one
            }
            RatingLoss::Logistic => rating / (one + margin.exp()),
            RatingLoss::SquaredHinge => rating * (one - margin).max(zero),
            RatingLoss::Hinge => {
                if margin < one {
                    rating
                } else {
                    zero
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [RatingLoss; 6] = [
        RatingLoss::Squared,
        RatingLoss::Absolute,
        RatingLoss::KullbackLeibler,
        RatingLoss::Logistic,
        RatingLoss::SquaredHinge,
        RatingLoss::Hinge,
    ];

    #[test]
    fn the_descent_is_the_negative_derivative() {
        for loss in ALL {
            for rating in [1.0, -1.0, 3.7] {
                if loss == RatingLoss::KullbackLeibler && rating < 0.0 {
                    continue;
                }
                for prediction in [0.3, 2.1, 0.9] {
                    let h = 1e-6;
                    let slope = (loss.value(prediction + h, rating)
                        - loss.value(prediction - h, rating))
                        / (2.0 * h);
                    let descent = loss.descent(prediction, rating);
                    assert!(
                        (descent + slope).abs() < 1e-6,
                        "{loss:?} at {prediction}, {rating}: {descent} against {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_overflows_far_away() {
        for (prediction, rating) in [(1e4, -1.0), (-1e4, 1.0), (-1e4, -1.0)] {
            let loss = RatingLoss::Logistic;
            assert!(loss.value(prediction, rating).is_finite());
            assert!(loss.descent(prediction as f32, rating as f32).is_finite());
        }
        let loss = RatingLoss::KullbackLeibler;
        assert_eq!(loss.value(0.0, 0.0), LEAST_PREDICTION);
        assert!(loss.value(0.0, 5.0).is_finite() && loss.descent(0.0_f64, 5.0).is_finite());
    }
}
