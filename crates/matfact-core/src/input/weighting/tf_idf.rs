//! Counts of words in texts, weighted for topics.
//!
//! For counts C (m texts x n terms), of which df_j rows have an entry in column j, the weights are
//! those of scikit-learn's `TfidfTransformer` with its defaults:
//!
//! ```text
//! idf_j = ln((1 + m) / (1 + df_j)) + 1        x_ij = c_ij·idf_j / ‖(c_i1·idf_1, …, c_in·idf_n)‖
//! ```
//!
//! Words that stand everywhere count least (Spärck Jones 1972), and every text counts alike, however
//! long it is. A row without entries stays without.

use super::{check_counts, check_weights, document_frequencies, weighted_rows};
use crate::input::{Matrix, Summary};
use crate::{Result, Scalar};
use ndarray::{Array1, ArrayView1};
use sprs::CsMatI;

/// What refusals call the weighting.
const NAME: &str = "tf-idf";

/// The inverse document frequencies of some counts, with which other counts of the same terms can be
/// weighted alike: new texts for a model that was fitted on weighted ones.
///
/// ```
/// use matfact_core::TfIdf;
/// use ndarray::array;
/// let known = array![[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]];
/// let weighting = TfIdf::of(&known)?;
/// assert_eq!(weighting.idf()[1], 1.0);
/// let new = weighting.apply(&array![[0.0, 7.0, 0.0]])?;
/// assert_eq!(new.get(0, 1), Some(&1.0));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TfIdf<T> {
    idf: Array1<T>,
}

impl<T: Scalar> TfIdf<T> {
    /// The frequencies in `counts` (m texts x n terms), dense or sparse; an entry of zero counts as
    /// absent.
    ///
    /// # Errors
    /// [`EmptyInput`](crate::Error::EmptyInput), [`NonFinite`](crate::Error::NonFinite), [`Negative`](crate::Error::Negative).
    pub fn of<X: Matrix<Scalar = T> + ?Sized>(counts: &X) -> Result<Self> {
        Summary::of(counts).require_non_negative(NAME)?;
        let m = counts.shape().0;
        let idf = |frequency: usize| {
            T::from_f64(((1.0 + m as f64) / (1.0 + frequency as f64)).ln() + 1.0)
        };
        Ok(Self {
            idf: document_frequencies(counts).into_iter().map(idf).collect(),
        })
    }

    /// A weighting from its inverse document frequencies, as [`TfIdf::idf`] gives them.
    ///
    /// # Errors
    /// [`InvalidModel`](crate::Error::InvalidModel) if one is negative or not finite.
    pub fn from_idf(idf: Array1<T>) -> Result<Self> {
        check_weights(&idf, "inverse document frequency")?;
        Ok(Self { idf })
    }

    /// The inverse document frequency of each term: n.
    pub fn idf(&self) -> ArrayView1<'_, T> {
        self.idf.view()
    }

    /// The weights of `counts` (p texts x n terms), dense or sparse, as compressed rows of length 1.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for another number of terms; [`EmptyInput`](crate::Error::EmptyInput),
    /// [`NonFinite`](crate::Error::NonFinite), [`Negative`](crate::Error::Negative); [`TooLarge`](crate::Error::TooLarge) for more than 2^32 columns.
    pub fn apply<X: Matrix<Scalar = T> + ?Sized>(
        &self,
        counts: &X,
    ) -> Result<CsMatI<T, u32, usize>> {
        check_counts(counts, self.idf.len(), NAME)?;
        weighted_rows(counts, |columns, values| self.weigh(columns, values))
    }

    /// One row: divided by its largest count first, so that no square leaves the range.
    fn weigh(&self, columns: &[u32], values: &mut [T]) {
        let largest = values.iter().fold(0.0, |most, v| v.as_f64().max(most));
        let weight =
            |column: u32, value: T| value.as_f64() / largest * self.idf[column as usize].as_f64();
        let squares = columns.iter().zip(&*values).map(|(column, value)| {
            let weight = weight(*column, *value);
            weight * weight
        });
        let norm = squares.sum::<f64>().sqrt();
        for (column, value) in columns.iter().zip(values) {
            // Only where every idf of the row is zero has it no length.
            let share = if norm > 0.0 {
                weight(*column, *value) / norm
            } else {
                0.0
            };
            *value = T::from_f64(share);
        }
    }
}

/// The weights of `counts` (m texts x n terms), dense or sparse, by their own inverse document
/// frequencies: `TfIdf::of(counts)?.apply(counts)`.
///
/// # Errors
/// As [`TfIdf::of`] and [`TfIdf::apply`].
///
/// ```
/// use matfact_core::tf_idf;
/// use ndarray::array;
/// let x = tf_idf(&array![[3.0, 4.0], [6.0, 8.0]])?;
/// assert!((x.to_dense() - array![[0.6, 0.8], [0.6, 0.8]]).iter().all(|d: &f64| d.abs() < 1e-15));
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub fn tf_idf<X: Matrix + ?Sized>(counts: &X) -> Result<CsMatI<X::Scalar, u32, usize>> {
    TfIdf::of(counts)?.apply(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use ndarray::{Array2, array};
    use sprs::CsMat;

    fn counts() -> Array2<f64> {
        array![
            [2.0, 1.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 0.0]
        ]
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
        a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15)
    }

    /// By hand: idf = ln(4/2) + 1, ln(4/4) + 1, ln(4/1) + 1, ln(4/2) + 1.
    #[test]
    fn the_weights_are_those_of_the_formula() {
        let weighting = TfIdf::of(&counts()).unwrap();
        let rare = 2.0_f64.ln() + 1.0;
        let idf = [rare, 1.0, 4.0_f64.ln() + 1.0, rare];
        let given = weighting.idf().to_vec();
        assert!(
            given.iter().zip(idf).all(|(a, b)| (a - b).abs() < 1e-15),
            "{given:?}"
        );
        let first = (4.0 * rare * rare + 1.0).sqrt();
        let second = (9.0 + rare * rare).sqrt();
        let expected = array![
            [2.0 * rare / first, 1.0 / first, 0.0, 0.0],
            [0.0, 3.0 / second, 0.0, rare / second],
            [0.0, 1.0, 0.0, 0.0]
        ];
        let weights = tf_idf(&counts()).unwrap();
        assert_eq!(weights.nnz(), 5);
        assert!(
            close(&weights.to_dense(), &expected),
            "{}",
            weights.to_dense()
        );
    }

    /// scikit-learn 1.9.1's `TfidfTransformer().fit_transform` of the same counts.
    #[test]
    fn the_weights_are_those_of_scikit_learn() {
        let golden = array![
            [0.95905587605771, 0.2832169249871526, 0.0, 0.0],
            [0.0, 0.8708741631617776, 0.0, 0.4915060446599552],
            [0.0, 1.0, 0.0, 0.0]
        ];
        let weights = tf_idf(&counts()).unwrap().to_dense();
        assert!(close(&weights, &golden), "{weights}");
    }

    #[test]
    fn every_layout_gives_the_same_weights_and_stored_zeros_are_none() {
        let dense = tf_idf(&counts()).unwrap();
        let csr = CsMat::new(
            (3, 4),
            vec![0, 3, 5, 6],
            vec![0, 1, 2, 1, 3, 1],
            vec![2.0, 1.0, 0.0, 3.0, 1.0, 1.0],
        );
        assert_eq!(tf_idf(&csr).unwrap(), dense);
        assert_eq!(tf_idf(&csr.to_csc()).unwrap(), dense);
    }

    #[test]
    fn empty_rows_and_extreme_counts_stay_finite() {
        let weights = tf_idf(&array![[0.0, 0.0], [1e300, 1e300], [1e-300, 0.0]]).unwrap();
        let half = 0.5_f64.sqrt();
        let expected = array![[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]];
        let dense = weights.to_dense();
        assert_eq!(dense.row(0), expected.row(0));
        assert_eq!(dense.row(2), expected.row(2));
        // The second column is the rarer one.
        assert!(dense[[1, 0]] < half && dense[[1, 1]] > half, "{dense}");
        assert!((dense.row(1).dot(&dense.row(1)) - 1.0).abs() < 1e-12);
        let nothing = TfIdf::from_idf(array![0.0_f32]).unwrap();
        assert_eq!(nothing.apply(&array![[5.0_f32]]).unwrap().data(), [0.0]);
    }

    #[test]
    fn what_is_no_table_of_counts_is_refused() {
        assert!(matches!(
            tf_idf(&array![[1.0, -1.0]]),
            Err(Error::Negative {
                column: 1,
                algorithm: "tf-idf",
                ..
            })
        ));
        assert!(matches!(
            tf_idf(&array![[1.0, f32::NAN]]),
            Err(Error::NonFinite { column: 1, .. })
        ));
        assert!(matches!(
            tf_idf(&Array2::<f32>::zeros((0, 3))),
            Err(Error::EmptyInput { .. })
        ));
        let weighting = TfIdf::of(&counts()).unwrap();
        assert!(matches!(
            weighting.apply(&array![[1.0, 2.0]]),
            Err(Error::ShapeMismatch { .. })
        ));
        for bad in [-1.0, f64::INFINITY, f64::NAN] {
            assert!(matches!(
                TfIdf::from_idf(array![1.0, bad]),
                Err(Error::InvalidModel { .. })
            ));
        }
    }
}
