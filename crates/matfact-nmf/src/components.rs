//! What the components are: their shares, their terms, their order, their scale.
//!
//! X̂ = Σ_t w_t h_t is a sum of non-negative parts, so that the sum of all entries of a part,
//! (Σ_i w_it)(Σ_j h_tj), over that of X̂ is the share of X̂ that comes from it, and the shares add
//! up to 1.

use crate::NmfModel;
use matfact_core::ndarray::{Array1, Array2, ArrayView1, Axis};
use matfact_core::{Error, Factorization, Result, Scalar};
use std::cmp::Ordering;

/// X ≈ W diag(d) H with the scale taken out of the factors, as RcppML writes it; see
/// [`NmfModel::normalized`].
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_nmf::NmfModel;
/// let model = NmfModel::new(array![[1.0], [3.0]], array![[6.0, 2.0]])?;
/// let factors = model.normalized();
/// assert_eq!(factors.w, array![[0.25], [0.75]]);
/// assert_eq!(factors.h, array![[0.75, 0.25]]);
/// assert_eq!(factors.d, array![32.0]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NormalizedFactors<T> {
    /// W (m x k), the sum of each column 1.
    pub w: Array2<T>,
    /// The weights (k): the sum of the entries of each component's part of the reconstruction.
    pub d: Array1<f64>,
    /// H (k x n), the sum of each row 1: of the terms of a topic, say, the distribution.
    pub h: Array2<T>,
}

impl<T: Scalar> NmfModel<T> {
    /// The share of each component (k) in the sum of the reconstruction's entries. The shares
    /// add up to 1, or are all 0 for a model of zeros.
    ///
    /// ```
    /// use matfact_core::ndarray::array;
    /// use matfact_nmf::NmfModel;
    /// let w = array![[1.0, 0.0], [0.0, 3.0]];
    /// let model = NmfModel::new(w, array![[1.0, 1.0], [1.0, 1.0]])?;
    /// assert_eq!(model.contributions(), [0.25, 0.75]);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    #[must_use]
    pub fn contributions(&self) -> Vec<f64> {
        let ratio_to_most = |sums: Vec<f64>| {
            let most = sums.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
            sums.into_iter().map(move |sum| sum / most)
        };
        let products: Vec<f64> = ratio_to_most(self.w_sums())
            .zip(ratio_to_most(self.h_sums()))
            .map(|(w, h)| w * h)
            .collect();
        let total: f64 = products.iter().sum();
        if total > 0.0 {
            products.iter().map(|product| product / total).collect()
        } else {
            products
        }
    }

    /// The columns (terms, items, bands) that weigh most in a component, heaviest first, each with its
    /// entry of H; columns without weight are left out, so that there may be fewer than `count`.
    ///
    /// ```
    /// use matfact_core::ndarray::array;
    /// use matfact_nmf::NmfModel;
    /// let model = NmfModel::new(array![[1.0]], array![[0.1, 0.0, 0.7, 0.2]])?;
    /// assert_eq!(model.top_columns(0, 2)?, [(2, 0.7), (3, 0.2)]);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for a component that is not there.
    pub fn top_columns(&self, component: usize, count: usize) -> Result<Vec<(usize, T)>> {
        self.require_component(component)?;
        Ok(heaviest(self.h().row(component), count))
    }

    /// The rows (documents, users, pixels) that a component weighs most in, heaviest first, each with its
    /// entry of W; rows without weight are left out, so that there may be fewer than `count`.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for a component that is not there.
    pub fn top_rows(&self, component: usize, count: usize) -> Result<Vec<(usize, T)>> {
        self.require_component(component)?;
        Ok(heaviest(self.w().column(component), count))
    }

    /// The same model with its components in the order of [`NmfModel::contributions`], largest first;
    /// equal ones keep their order. Predictions and `transform` are the same up to that order.
    #[must_use]
    pub fn ordered(&self) -> Self {
        let shares = self.contributions();
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
        let w = self.w().select(Axis(1), &order);
        let h = self.h().select(Axis(0), &order);
        self.with_factors(
            w.as_standard_layout().into_owned(),
            h.as_standard_layout().into_owned(),
        )
    }

    /// The factors with their scale taken out: W's columns and H's rows add up to 1, and the weights d
    /// carry the size, so that components can be compared, and H's rows read as distributions. A component
    /// of zeros stays zero, with d = 0. The order of components is this model's;
    /// `model.ordered().normalized()` has d falling, as in RcppML.
    #[must_use]
    pub fn normalized(&self) -> NormalizedFactors<T> {
        let (w_sums, h_sums) = (self.w_sums(), self.h_sums());
        let (mut w, mut h) = (self.w().to_owned(), self.h().to_owned());
        let mut d = Array1::zeros(self.rank());
        for (t, (w_sum, h_sum)) in w_sums.into_iter().zip(h_sums).enumerate() {
            d[t] = w_sum * h_sum;
            for (mut line, sum) in [(w.column_mut(t), w_sum), (h.row_mut(t), h_sum)] {
                if sum > 0.0 {
                    line.mapv_inplace(|v| T::from_f64(v.as_f64() / sum));
                }
            }
        }
        NormalizedFactors { w, d, h }
    }

    fn w_sums(&self) -> Vec<f64> {
        self.w().columns().into_iter().map(sum).collect()
    }

    fn h_sums(&self) -> Vec<f64> {
        self.h().rows().into_iter().map(sum).collect()
    }

    fn require_component(&self, component: usize) -> Result<()> {
        if component < self.rank() {
            return Ok(());
        }
        Err(Error::IndexOutOfRange {
            axis: "component",
            index: component as i128,
            position: 0,
            bound: self.rank(),
        })
    }
}

fn sum<T: Scalar>(values: ArrayView1<'_, T>) -> f64 {
    values.iter().map(|v| v.as_f64()).sum()
}

/// The largest entries above zero with their places, largest first, then by place.
fn heaviest<T: Scalar>(values: ArrayView1<'_, T>, count: usize) -> Vec<(usize, T)> {
    let by_weight = |a: &(usize, T), b: &(usize, T)| {
        b.1.partial_cmp(&a.1)
            .unwrap_or(Ordering::Equal)
            .then(a.0.cmp(&b.0))
    };
    let mut found: Vec<(usize, T)> = values
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, value)| *value > T::zero())
        .collect();
    if count < found.len() {
        found.select_nth_unstable_by(count, by_weight);
        found.truncate(count);
    }
    found.sort_unstable_by(by_weight);
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    fn model() -> NmfModel<f64> {
        let w = array![[1.0, 0.0, 2.0], [0.0, 0.0, 6.0], [3.0, 0.0, 2.0]];
        let h = array![
            [0.5, 0.5, 0.0, 1.0],
            [1.0, 0.0, 0.0, 0.0],
            [3.0, 0.0, 4.0, 3.0]
        ];
        NmfModel::new(w, h).unwrap()
    }

    #[test]
    fn shares_add_up_and_set_the_order() {
        let model = model();
        let shares = model.contributions();
        assert!((shares[0] - 8.0 / 108.0).abs() < 1e-15 && shares[1] == 0.0);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        let ordered = model.ordered();
        assert_eq!(ordered.w().column(0), model.w().column(2));
        assert_eq!(ordered.h().row(1), model.h().row(0));
        assert_eq!(ordered.h().row(2), model.h().row(1));
        assert_eq!(ordered.w().dot(&ordered.h()), model.w().dot(&model.h()));
        assert_eq!(ordered.ordered(), ordered);
    }

    #[test]
    fn the_heaviest_come_first_and_ties_by_place() {
        let model = model();
        assert_eq!(model.top_columns(2, 2).unwrap(), [(2, 4.0), (0, 3.0)]);
        assert_eq!(
            model.top_columns(2, 9).unwrap(),
            [(2, 4.0), (0, 3.0), (3, 3.0)]
        );
        assert_eq!(model.top_rows(0, 1).unwrap(), [(2, 3.0)]);
        assert!(model.top_rows(1, 5).unwrap().is_empty());
        assert!(model.top_rows(2, 0).unwrap().is_empty());
        for refused in [model.top_rows(3, 1), model.top_columns(3, 1)] {
            assert!(matches!(
                refused,
                Err(Error::IndexOutOfRange {
                    index: 3,
                    bound: 3,
                    ..
                })
            ));
        }
    }

    #[test]
    fn normalized_factors_have_unit_sums_and_the_same_product() {
        let model = model();
        let NormalizedFactors { w, d, h } = model.ordered().normalized();
        assert!(d[0] > d[1] && d[1] > d[2] && d[2] == 0.0);
        let product = (&w * &d).dot(&h);
        let expected = model.w().dot(&model.h());
        assert!((product - expected).iter().all(|v| v.abs() < 1e-12));
        for (t, total) in [1.0, 1.0, 0.0].into_iter().enumerate() {
            assert!((w.column(t).sum() - total).abs() < 1e-12);
        }
        assert!(
            h.sum_axis(Axis(1))
                .iter()
                .all(|sum| (sum - 1.0).abs() < 1e-12)
        );
    }

    #[test]
    fn zeros_and_huge_factors_have_finite_shares() {
        let zeros = NmfModel::<f32>::new(Array2::zeros((3, 2)), Array2::zeros((2, 4))).unwrap();
        assert_eq!(zeros.contributions(), [0.0, 0.0]);
        assert!(zeros.normalized().w.iter().all(|v| *v == 0.0));
        let huge = array![[1e300, 1e-300]];
        let huge = NmfModel::new(huge, array![[1e300], [1e300]]).unwrap();
        assert_eq!(huge.contributions(), [1.0, 0.0]);
    }
}
