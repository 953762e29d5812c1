//! Counts weighted as a search engine does: Okapi BM25.

use super::{check_counts, check_weights, document_frequencies, weighted_rows};
use crate::input::{Matrix, Summary};
use crate::{Error, Result, Scalar};
use ndarray::{Array1, ArrayView1};
use sprs::CsMatI;

/// What refusals call the weighting.
const NAME: &str = "bm25";

/// The weights of Okapi BM25 (Robertson et al. 1994), with the inverse document frequency of Lucene,
/// which is never negative:
///
/// ```text
/// idf_j = ln(1 + (m − df_j + ½) / (df_j + ½))
/// x_ij  = idf_j · c_ij (k₁ + 1) / (c_ij + k₁ (1 − b + b·|c_i| / mean |c|)),   |c_i| = Σ_j c_ij
/// ```
///
/// for counts C (m texts x n terms), of which df_j rows have an entry in column j. A count saturates: it
/// counts up to k₁ + 1 times, and less in texts longer than the mean. The mean length is that of the
/// texts that the weighting was learned from.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `k1` | 1.2 | >= 0 | how slowly a count saturates; 0: present or absent |
/// | `b` | 0.75 | 0..=1 | how far long texts count less |
///
/// `implicit`'s `bm25_weight` has k₁ = 100, b = 0.8 and ln(m / (1 + df)), which is negative for terms of
/// every text.
///
/// ```
/// use matfact_core::Bm25;
/// use ndarray::array;
/// let known = array![[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]];
/// let weighting = Bm25::of(&known)?;
/// let new = weighting.apply(&array![[0.0, 1.0, 1.0]])?;
/// // The third term is the rarer one.
/// assert!(new.get(0, 2) > new.get(0, 1));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bm25<T> {
    idf: Array1<T>,
    mean_length: f64,
    k1: f64,
    b: f64,
}

impl<T: Scalar> Bm25<T> {
    /// The frequencies and the mean length in `counts` (m texts x n terms), dense or sparse; an entry of
    /// zero counts as absent.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Negative`]; [`Error::Overflow`] if the sum
    /// of all counts is infinite.
    pub fn of<X: Matrix<Scalar = T> + ?Sized>(counts: &X) -> Result<Self> {
        let summary = Summary::of(counts);
        summary.require_non_negative(NAME)?;
        if !summary.sum.is_finite() {
            return Err(Error::Overflow {
                step: "the sum of the counts".to_owned(),
                scalar: "f64",
            });
        }
        let m = counts.shape().0 as f64;
        let idf = |frequency: usize| {
            let frequency = frequency as f64;
            T::from_f64(((m - frequency + 0.5) / (frequency + 0.5)).ln_1p())
        };
        let frequencies = document_frequencies(counts);
        Ok(Self {
            idf: frequencies.into_iter().map(idf).collect(),
            mean_length: summary.sum / m,
            k1: 1.2,
            b: 0.75,
        })
    }

    /// A weighting from its inverse document frequencies and its mean length, as [`Bm25::idf`] and
    /// [`Bm25::mean_length`] give them.
    ///
    /// # Errors
    /// [`Error::InvalidModel`] if one is negative or not finite.
    pub fn from_parts(idf: Array1<T>, mean_length: f64) -> Result<Self> {
        check_weights(&idf, "inverse document frequency")?;
        if !(mean_length.is_finite() && mean_length >= 0.0) {
            let reason = format!("the mean length of the texts is {mean_length}");
            return Err(Error::InvalidModel { reason });
        }
        Ok(Self {
            idf,
            mean_length,
            k1: 1.2,
            b: 0.75,
        })
    }

    /// Sets k₁ and b, by default 1.2 and 0.75.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless k₁ >= 0 is finite and b is from 0 to 1.
    pub fn with_parameters(mut self, k1: f64, b: f64) -> Result<Self> {
        if !(k1.is_finite() && k1 >= 0.0) {
            return Err(Error::invalid_parameter("k1", k1, "finite and >= 0"));
        }
        if !(0.0..=1.0).contains(&b) {
            return Err(Error::invalid_parameter("b", b, "from 0 to 1"));
        }
        (self.k1, self.b) = (k1, b);
        Ok(self)
    }

    /// The inverse document frequency of each term: n.
    pub fn idf(&self) -> ArrayView1<'_, T> {
        self.idf.view()
    }

    /// The mean of the lengths Σ_j c_ij of the texts that the weighting was learned from.
    #[must_use]
    pub fn mean_length(&self) -> f64 {
        self.mean_length
    }

    /// The weights of `counts` (p texts x n terms), dense or sparse, as compressed rows.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for another number of terms; [`Error::EmptyInput`],
    /// [`Error::NonFinite`], [`Error::Negative`]; [`Error::TooLarge`] for more than 2^32 columns.
    pub fn apply<X: Matrix<Scalar = T> + ?Sized>(
        &self,
        counts: &X,
    ) -> Result<CsMatI<T, u32, usize>> {
        check_counts(counts, self.idf.len(), NAME)?;
        weighted_rows(counts, |columns, values| self.weigh(columns, values))
    }

    fn weigh(&self, columns: &[u32], values: &mut [T]) {
        let length: f64 = values.iter().map(|v| v.as_f64()).sum();
        // Learned from empty texts alone, there is no mean to compare with.
        let relative = if self.mean_length > 0.0 {
            (length / self.mean_length).min(f64::MAX)
        } else {
            1.0
        };
        let longer = 1.0 - self.b + self.b * relative;
        for (column, value) in columns.iter().zip(values) {
            let idf = self.idf[*column as usize].as_f64();
            // Divided through by the count, so that nothing leaves the range.
            let saturated = (self.k1 + 1.0) / (1.0 + self.k1 * longer / value.as_f64());
            *value = T::from_f64(idf * saturated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn counts() -> Array2<f64> {
        array![
            [2.0, 1.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 0.0]
        ]
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
        a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14)
    }

    /// The formula written out in NumPy.
    #[test]
    fn the_weights_are_those_of_the_formula() {
        let weighting = Bm25::of(&counts()).unwrap();
        assert_eq!(weighting.mean_length(), 8.0 / 3.0);
        let weights = weighting.apply(&counts()).unwrap();
        assert_eq!(weights.nnz(), 5);
        let golden = array![
            [1.3028373473967083, 0.12703527082116742, 0.0, 0.0],
            [0.0, 0.18952842824125785, 0.0, 0.8142733421229427],
            [0.0, 0.17940095497645783, 0.0, 0.0]
        ];
        assert!(
            close(&weights.to_dense(), &golden),
            "{}",
            weights.to_dense()
        );
        let other = weighting.with_parameters(100.0, 0.8).unwrap();
        let weights = other.apply(&counts()).unwrap().to_dense();
        let golden = array![
            [1.7689956170390062, 0.12150153743312413, 0.0, 0.0],
            [0.0, 0.28293714661000235, 0.0, 0.7025798195332223],
            [0.0, 0.26444452264856433, 0.0, 0.0]
        ];
        assert!(close(&weights, &golden), "{weights}");
    }

    #[test]
    fn the_mean_length_of_one_corpus_weighs_the_texts_of_another() {
        let weighting = Bm25::of(&counts()).unwrap();
        let whole = weighting.apply(&counts()).unwrap().to_dense();
        let alone = weighting.apply(&array![[0.0, 3.0, 0.0, 1.0]]).unwrap();
        assert_eq!(alone.to_dense().row(0), whole.row(1));
        let rebuilt = Bm25::from_parts(weighting.idf().to_owned(), weighting.mean_length());
        assert_eq!(rebuilt.unwrap(), weighting);
    }

    #[test]
    fn empty_texts_and_extreme_counts_stay_finite() {
        for magnitude in [1e300, 1e-300] {
            let counts = array![[0.0, 0.0], [magnitude, magnitude], [magnitude, 0.0]];
            let weights = Bm25::of(&counts).unwrap().apply(&counts).unwrap();
            assert_eq!(weights.nnz(), 3);
            assert!(
                weights
                    .data()
                    .iter()
                    .all(|v: &f64| v.is_finite() && *v >= 0.0)
            );
        }
        let nothing = Bm25::of(&Array2::<f32>::zeros((2, 3))).unwrap();
        assert_eq!(nothing.apply(&Array2::zeros((1, 3))).unwrap().nnz(), 0);
        assert!(nothing.apply(&array![[1.0, 0.0, 0.0]]).unwrap().data()[0].is_finite());
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let weighting = Bm25::of(&counts()).unwrap();
        for (k1, b, wrong) in [(-1.0, 0.5, "k1"), (f64::NAN, 0.5, "k1"), (1.0, 1.5, "b")] {
            assert!(matches!(
                weighting.clone().with_parameters(k1, b),
                Err(Error::InvalidParameter { name, .. }) if name == wrong
            ));
        }
        assert!(matches!(
            Bm25::of(&array![[1.0, -1.0]]),
            Err(Error::Negative {
                algorithm: "bm25",
                ..
            })
        ));
        assert!(matches!(
            weighting.apply(&array![[1.0]]),
            Err(Error::ShapeMismatch { .. })
        ));
        assert!(Bm25::from_parts(array![1.0, f64::NAN], 1.0).is_err());
        assert!(Bm25::from_parts(array![1.0], -1.0).is_err());
        assert!(matches!(
            Bm25::of(&array![[f64::MAX, f64::MAX]]),
            Err(Error::Overflow { .. })
        ));
    }
}
