//! The fitted factors.

use crate::parameters::Side;
use crate::{Loss, Nmf};
use matfact_core::model::{check_position, check_row_block};
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2};
use matfact_core::{
    Error, Factorization, ModelRecord, Persist, Recommend, Result, Scalar, ScoreFactors, Summary,
};
use matfact_linalg::multiply_dense;
use std::ops::Range;

/// X ≈ W H with W (m x k) and H (k x n), both >= 0.
///
/// ```
/// use matfact_core::{Factorizer, Transform, ndarray::array};
/// use matfact_nmf::Nmf;
/// let x = array![[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]];
/// let model = Nmf::new(2).fit(&x)?.model;
/// assert_eq!(model.h().dim(), (2, 2));
/// let w = model.transform(&array![[4.0, 6.0]])?;
/// assert!((w.dot(&model.h()) - array![[4.0, 6.0]]).iter().all(|d: &f64| d.abs() < 1e-6));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NmfModel<T> {
    w: Array2<T>,
    h: Array2<T>,
    /// What was minimized.
    loss: Loss,
    /// The penalties and the bound of W, as they stand in the objective, for `transform`.
    side_w: Side,
}

impl<T: Scalar> NmfModel<T> {
    /// A model from its factors: W (m x k, where m may be 0) and H (k x n).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the ranks differ; [`Error::Negative`] or [`Error::NonFinite`] for
    /// entries that NMF cannot have given.
    pub fn new(w: Array2<T>, h: Array2<T>) -> Result<Self> {
        if w.ncols() != h.nrows() {
            return Err(Error::shape_mismatch("rows of H", w.ncols(), h.nrows()));
        }
        // A model from a stream of rows knows no rows.
        if w.nrows() > 0 {
            Summary::of(&w).require_non_negative("nmf")?;
        }
        Summary::of(&h).require_non_negative("nmf")?;
        Ok(Self {
            w,
            h,
            loss: Loss::Frobenius,
            side_w: Side::default(),
        })
    }

    pub(crate) fn fitted(w: Array2<T>, h: Array2<T>, nmf: &Nmf) -> Self {
        let side_w = nmf.constraints((w.nrows(), h.ncols()), 1.0).w;
        Self::assembled(w, h, nmf.loss, side_w)
    }

    pub(crate) fn assembled(w: Array2<T>, h: Array2<T>, loss: Loss, side_w: Side) -> Self {
        Self { w, h, loss, side_w }
    }

    /// The penalties and the bound of W.
    pub(crate) fn side_w(&self) -> Side {
        self.side_w
    }

    /// The same model with other factors.
    pub(crate) fn with_factors(&self, w: Array2<T>, h: Array2<T>) -> Self {
        Self {
            w,
            h,
            ..self.clone()
        }
    }

    /// What the fit minimized, and `transform` does.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// W (m x k): the coordinates of each row, or how much of each part is in it.
    pub fn w(&self) -> ArrayView2<'_, T> {
        self.w.view()
    }

    /// H (k x n): the components, or parts.
    pub fn h(&self) -> ArrayView2<'_, T> {
        self.h.view()
    }

    /// The components in the order of their share ‖w_t‖·‖h_t‖ in the reconstruction, largest first,
    /// each with that share.
    #[must_use]
    pub fn components_by_share(&self) -> Vec<(usize, f64)> {
        let norm = |values: matfact_core::ndarray::ArrayView1<'_, T>| {
            values
                .iter()
                .map(|v| v.as_f64() * v.as_f64())
                .sum::<f64>()
                .sqrt()
        };
        let mut shares: Vec<_> = (0..self.rank())
            .map(|t| (t, norm(self.w.column(t)) * norm(self.h.row(t))))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares
    }
}

impl<T: Scalar> Factorization for NmfModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.w.nrows(), self.h.ncols())
    }

    fn rank(&self) -> usize {
        self.w.ncols()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        check_position(self.shape(), row, column)?;
        Ok(self.w.row(row).dot(&self.h.column(column)))
    }

    fn reconstruct_rows(&self, rows: Range<usize>, out: ArrayViewMut2<'_, T>) -> Result<()> {
        check_row_block(self.shape(), &rows, out.dim())?;
        let (_, tail) = self
            .w
            .view()
            .split_at(matfact_core::ndarray::Axis(0), rows.start);
        let (block, _) = tail.split_at(matfact_core::ndarray::Axis(0), rows.len());
        multiply_dense(block, self.h.view(), out);
        Ok(())
    }
}

/// The score of a column is its entry of X̂.
impl<T: Scalar> Recommend for NmfModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        ScoreFactors::products(self.w(), self.h().reversed_axes())
    }
}

impl<T: Scalar> Persist for NmfModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("nmf");
        record.insert("w", &self.w);
        record.insert("h", &self.h);
        let Side { l1, l2, max } = self.side_w;
        let mut note = |name: &str, value: f64| {
            let text = format!("{value:?}");
            record.attributes.insert(name.to_owned(), text);
        };
        note("beta", self.loss.beta());
        note("l1_w", l1);
        note("l2_w", l2);
        if let Some(max) = max {
            note("max_w", max);
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let mut model = Self::new(record.matrix("w")?, record.matrix("h")?)
            .map_err(|error| invalid(error.to_string()))?;
        let number = |name: &str, allowed: fn(f64) -> bool| match record.attributes.get(name) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(value) if value.is_finite() && allowed(value) => Ok(Some(value)),
                _ => Err(invalid(format!("attribute {name} is {text:?}"))),
            },
        };
        let at_least_zero = |value| value >= 0.0;
        model.loss = number("beta", |_| true)?.map_or(Loss::Frobenius, Loss::from_beta);
        model.side_w = Side {
            l1: number("l1_w", at_least_zero)?.unwrap_or(0.0),
            l2: number("l2_w", at_least_zero)?.unwrap_or(0.0),
            max: number("max_w", |value| value > 0.0)?,
        };
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    #[test]
    fn loss_penalties_and_bound_survive_and_old_records_are_read() {
        let (w, h) = (array![[1.0_f32], [2.0]], array![[3.0_f32, 0.5]]);
        let side = Side {
            l1: 0.1,
            l2: 1e-300,
            max: Some(7.5),
        };
        for loss in [Loss::KullbackLeibler, Loss::Frobenius, Loss::Beta(-1.25)] {
            let model = NmfModel::assembled(w.clone(), h.clone(), loss, side);
            let mut record = model.to_record();
            assert_eq!(NmfModel::from_record(&record).unwrap(), model);
            for (name, bad) in [
                ("beta", "inf"),
                ("l1_w", "-1"),
                ("l2_w", "x"),
                ("max_w", "0"),
            ] {
                let good = record.attributes.insert(name.to_owned(), bad.to_owned());
                let error = NmfModel::<f32>::from_record(&record).unwrap_err();
                assert!(error.to_string().contains(name), "{error}");
                record
                    .attributes
                    .extend(good.map(|good| (name.to_owned(), good)));
            }
        }
        let mut record = ModelRecord::new("nmf");
        record.insert("w", &w);
        record.insert("h", &h);
        assert_eq!(
            NmfModel::from_record(&record).unwrap(),
            NmfModel::new(w, h).unwrap()
        );
    }
}
