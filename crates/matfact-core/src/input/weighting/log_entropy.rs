//! Counts weighted as in the first work on latent semantic analysis: log and entropy.

use super::{check_counts, check_weights, weighted_rows};
use crate::input::{Matrix, Summary};
use crate::{Result, Scalar};
use ndarray::{Array1, ArrayView1};
use sprs::CsMatI;

/// What refusals call the weighting.
const NAME: &str = "log-entropy";

/// The log-entropy weights of latent semantic analysis (Dumais 1991):
///
/// ```text
/// x_ij = g_j · ln(1 + c_ij)      g_j = 1 + Σ_i p_ij ln p_ij / ln m      p_ij = c_ij / Σ_i c_ij
/// ```
///
/// for counts C (m texts x n terms). A term that stands in one text alone has the weight 1, one that is
/// spread evenly over all has 0 (its entries stay stored, as zeros). A term that never stands, and every
/// term of a single text, has 1. `gensim`'s `LogEntropyModel` divides by ln(m + 1) instead and then gives
/// every text the length 1.
///
/// ```
/// use matfact_core::LogEntropy;
/// use ndarray::array;
/// let known = array![[1.0, 2.0], [1.0, 0.0]];
/// let weighting = LogEntropy::of(&known)?;
/// assert_eq!(weighting.global().to_vec(), [0.0, 1.0]);
/// let new = weighting.apply(&array![[5.0, 1.0]])?;
/// assert_eq!(new.get(0, 1), Some(&2.0_f64.ln()));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntropy<T> {
    global: Array1<T>,
}

impl<T: Scalar> LogEntropy<T> {
    /// The spread of each term of `counts` (m texts x n terms), dense or sparse.
    ///
    /// # Errors
    /// [`EmptyInput`](crate::Error::EmptyInput), [`NonFinite`](crate::Error::NonFinite),
    /// [`Negative`](crate::Error::Negative).
    pub fn of<X: Matrix<Scalar = T> + ?Sized>(counts: &X) -> Result<Self> {
        let summary = Summary::of(counts);
        summary.require_non_negative(NAME)?;
        let (m, n) = counts.shape();
        // Shares of a term do not change with the unit; in this one no sum overflows.
        let unit = summary.max_abs;
        let mut totals = vec![0.0_f64; n];
        counts.visit(&mut |_, column, value| totals[column] += value.as_f64() / unit);
        let mut entropies = vec![0.0_f64; n];
        counts.visit(&mut |_, column, value| {
            let share = value.as_f64() / unit / totals[column];
            if share > 0.0 {
                entropies[column] -= share * share.ln();
            }
        });
        let most = (m as f64).ln();
        let global = |entropy: f64| {
            let spread = if most > 0.0 { entropy / most } else { 0.0 };
            // Rounding may leave the range by a little.
            T::from_f64((1.0 - spread).clamp(0.0, 1.0))
        };
        Ok(Self {
            global: entropies.into_iter().map(global).collect(),
        })
    }

    /// A weighting from the weights of its terms, as [`LogEntropy::global`] gives them.
    ///
    /// # Errors
    /// [`InvalidModel`](crate::Error::InvalidModel) if one is negative or not finite.
    pub fn from_global(global: Array1<T>) -> Result<Self> {
        check_weights(&global, "global weight")?;
        Ok(Self { global })
    }

    /// The weight g of each term, from 0 to 1: n.
    pub fn global(&self) -> ArrayView1<'_, T> {
        self.global.view()
    }

    /// The weights of `counts` (p texts x n terms), dense or sparse, as compressed rows.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for another number of terms;
    /// [`EmptyInput`](crate::Error::EmptyInput), [`NonFinite`](crate::Error::NonFinite),
    /// [`Negative`](crate::Error::Negative); [`TooLarge`](crate::Error::TooLarge) for more than 2^32
    /// columns.
    pub fn apply<X: Matrix<Scalar = T> + ?Sized>(
        &self,
        counts: &X,
    ) -> Result<CsMatI<T, u32, usize>> {
        check_counts(counts, self.global.len(), NAME)?;
        weighted_rows(counts, |columns, values| {
            for (column, value) in columns.iter().zip(values) {
                let global = self.global[*column as usize].as_f64();
                *value = T::from_f64(global * value.as_f64().ln_1p());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use ndarray::{Array2, array};

    fn counts() -> Array2<f64> {
        array![
            [2.0, 1.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 0.0]
        ]
    }

    /// By hand: only the second term stands in more than one text, with shares 1/5, 3/5, 1/5.
    #[test]
    fn the_weights_are_those_of_the_formula() {
        let weighting = LogEntropy::of(&counts()).unwrap();
        let entropy = -(0.4 * 0.2_f64.ln() + 0.6 * 0.6_f64.ln());
        let second = 1.0 - entropy / 3.0_f64.ln();
        assert!((second - 0.1350264792820728).abs() < 1e-15);
        let global = [1.0, second, 1.0, 1.0];
        let given = weighting.global().to_vec();
        assert!(
            given.iter().zip(global).all(|(a, b)| (a - b).abs() < 1e-15),
            "{given:?}"
        );
        let weights = weighting.apply(&counts()).unwrap();
        assert_eq!(weights.nnz(), 5);
        for ((i, j), count) in counts().indexed_iter() {
            let weight = weights.get(i, j).copied().unwrap_or(0.0);
            assert!((weight - global[j] * (1.0 + count).ln()).abs() < 1e-14);
        }
    }

    #[test]
    fn one_text_and_extreme_counts_stay_finite() {
        let alone = LogEntropy::of(&array![[3.0_f32, 0.0]]).unwrap();
        assert_eq!(alone.global().to_vec(), [1.0, 1.0]);
        for magnitude in [f64::MAX, 1e-300] {
            let counts = array![[magnitude, 0.0], [magnitude, magnitude]];
            let weighting = LogEntropy::of(&counts).unwrap();
            assert_eq!(weighting.global().to_vec(), [0.0, 1.0]);
            let weights = weighting.apply(&counts).unwrap();
            assert!(weights.data().iter().all(|v| v.is_finite() && *v >= 0.0));
        }
        let nothing = LogEntropy::of(&Array2::<f64>::zeros((2, 2))).unwrap();
        assert_eq!(nothing.global().to_vec(), [1.0, 1.0]);
        let rebuilt = LogEntropy::from_global(alone.global().to_owned());
        assert_eq!(rebuilt.unwrap(), alone);
    }

    #[test]
    fn what_is_no_table_of_counts_is_refused() {
        assert!(matches!(
            LogEntropy::of(&array![[1.0, -1.0]]),
            Err(Error::Negative {
                algorithm: "log-entropy",
                ..
            })
        ));
        let weighting = LogEntropy::of(&counts()).unwrap();
        assert!(matches!(
            weighting.apply(&array![[1.0]]),
            Err(Error::ShapeMismatch { .. })
        ));
        assert!(LogEntropy::from_global(array![1.0, -0.5]).is_err());
    }
}
