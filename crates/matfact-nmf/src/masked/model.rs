//! The fitted factors of observed entries.

use super::MaskedNmf;
use super::fit::{Penalties, entry_loss, update_rows};
use super::observations::Observations;
use crate::parameters::Side;
use crate::{Loss, PenaltyScaling};
use matfact_core::model::{check_position, check_row_block};
use matfact_core::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{
    Error, Factorization, ModelRecord, ObservedEntries, Persist, Recommend, Result, Scalar,
    ScoreFactors, Summary, Transform,
};
use matfact_linalg::multiply_dense;
use std::ops::Range;

/// Passes of a transform between two looks at how far they went.
const TRANSFORM_PASSES: usize = 20;
/// Looks after which a transform ends in any case.
const TRANSFORM_LOOKS: usize = 200;

/// X ≈ W H with W (m x k) and H (k x n), both >= 0, fitted to observed entries.
///
/// ```
/// use matfact_core::{Factorizer, Ratings, Transform, ndarray::array};
/// use matfact_nmf::MaskedNmf;
/// let nan = f64::NAN;
/// let known = Ratings::from_dense(array![[1.0, 2.0, 3.0], [2.0, nan, 6.0]].view(), nan)?;
/// let model = MaskedNmf::new(1).regularization(0.0).tol(1e-10).fit(&known)?.model;
/// // Only what is missing is filled.
/// let full = model.impute(&known)?;
/// assert_eq!(full[[1, 2]], 6.0);
/// assert!((full[[1, 1]] - 4.0_f64).abs() < 1e-3);
/// // A new row of which one value is known.
/// let row = Ratings::from_dense(array![[nan, nan, 9.0]].view(), nan)?;
/// let coordinates = model.transform(&row)?;
/// assert!((coordinates.dot(&model.h())[[0, 1]] - 6.0).abs() < 1e-2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MaskedNmfModel<T> {
    w: Array2<T>,
    h: Array2<T>,
    /// The coordinates of a row of which nothing is known: the mean of the others.
    typical: Array1<T>,
    /// What was minimized.
    loss: Loss,
    /// The penalties l₁ and l₂ of W, for `transform`.
    penalty_w: (f64, f64),
    /// Whether they are multiplied by the weights of the row.
    penalty_by_weights: bool,
    /// The upper bound of W.
    max_w: Option<f64>,
}

impl<T: Scalar> MaskedNmfModel<T> {
    pub(super) fn fitted(
        w: Array2<T>,
        h: Array2<T>,
        typical: Array1<T>,
        nmf: &MaskedNmf,
        side: Side,
    ) -> Self {
        Self {
            w,
            h,
            typical,
            loss: nmf.loss,
            penalty_w: (side.l1, side.l2),
            penalty_by_weights: nmf.penalty_scaling == PenaltyScaling::ByShape,
            max_w: side.max,
        }
    }

    /// What the fit minimized, and `transform` does.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// W (m x k): the coordinates of each row.
    pub fn w(&self) -> ArrayView2<'_, T> {
        self.w.view()
    }

    /// H (k x n): the components.
    pub fn h(&self) -> ArrayView2<'_, T> {
        self.h.view()
    }

    /// The matrix `x` with what is missing filled by the model: an observed entry is as it was, to the
    /// bit, any other is W H. `x` is what the model was fitted to, or another set of observations of
    /// the same rows and columns; for new rows, [`Transform::transform`] gives their coordinates.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `x` has another shape than the model;
    /// [`Error::IndexOutOfRange`] for a column outside it.
    pub fn impute<X: ObservedEntries<Scalar = T> + ?Sized>(&self, x: &X) -> Result<Array2<T>> {
        let shape = self.shape();
        if x.shape() != shape {
            let pair = |(rows, columns)| format!("{rows} x {columns}");
            let what = "the matrix to fill";
            return Err(Error::shape_mismatch(what, pair(shape), pair(x.shape())));
        }
        let mut full = self.reconstruct();
        for (row, mut line) in full.rows_mut().into_iter().enumerate() {
            let entries = x.row(row);
            for (column, value) in entries.columns.iter().zip(entries.values) {
                check_position(shape, row, *column as usize)?;
                line[*column as usize] = *value;
            }
        }
        Ok(full)
    }
}

impl<T: Scalar> Factorization for MaskedNmfModel<T> {
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
        let (_, tail) = self.w.view().split_at(Axis(0), rows.start);
        let (block, _) = tail.split_at(Axis(0), rows.len());
        multiply_dense(block, self.h.view(), out);
        Ok(())
    }
}

impl<T: Scalar, X: ObservedEntries<Scalar = T> + ?Sized> Transform<X> for MaskedNmfModel<T> {
    type Scalar = T;

    /// The non-negative coordinates of each row of `x` (p x n) that fit its observed entries best with
    /// H held, under the penalty on W of the fit: p x k. A row without any gets the mean coordinates of
    /// the training rows. Rows do not influence each other.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], and what the fit refuses in its input, an empty one excepted.
    fn transform(&self, x: &X) -> Result<Array2<T>> {
        let columns = self.h.ncols();
        if x.shape().1 != columns {
            let expected = format!("{columns} (those of the training matrix)");
            return Err(Error::shape_mismatch(
                "columns of the new rows",
                expected,
                x.shape().1,
            ));
        }
        let observations = Observations::of(x, self.loss, true)?;
        // X = scale·X' has the coordinates √scale·W' against H = √scale·H'.
        let root = observations.scale.sqrt();
        let beta = self.loss.beta();
        let side = Side {
            l1: self.penalty_w.0 * observations.scale.powf(0.5 - beta),
            l2: self.penalty_w.1 * observations.scale.powf(1.0 - beta),
            max: self.max_w.map(|max| max / root),
        };
        let scaling = if self.penalty_by_weights {
            PenaltyScaling::ByShape
        } else {
            PenaltyScaling::Plain
        };
        let penalties = Penalties::new(
            side,
            scaling,
            &observations.row_weights,
            observations.weight_scale,
        );
        let h = self.h.t().mapv(|v| T::from_f64(v.as_f64() / root));
        let h = h.as_standard_layout().into_owned();
        let loss = entry_loss::<T>(self.loss, observations.mean);
        let mut w = Array2::from_shape_fn((x.shape().0, self.rank()), |(_, t)| {
            T::from_f64(self.typical[t].as_f64() / root)
        });
        let size: f64 = w.iter().map(|v| v.as_f64()).sum();
        for _ in 0..TRANSFORM_LOOKS {
            let list = |row| observations.row(row);
            let sums = update_rows(&mut w, &h, list, &penalties, loss, TRANSFORM_PASSES);
            if sums.moved <= size * T::epsilon().as_f64() {
                break;
            }
        }
        for ((mut row, weight), t) in w
            .rows_mut()
            .into_iter()
            .zip(&observations.row_weights)
            .zip(std::iter::repeat(&self.typical))
        {
            if *weight == 0.0 {
                row.assign(t);
            } else if root != 1.0 {
                row.mapv_inplace(|v| T::from_f64(v.as_f64() * root));
            }
        }
        Ok(w)
    }
}

/// The score of a column is its entry of X̂.
impl<T: Scalar> Recommend for MaskedNmfModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        ScoreFactors::products(self.w(), self.h().reversed_axes())
    }
}

impl<T: Scalar> Persist for MaskedNmfModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("masked-nmf");
        record.insert("w", &self.w);
        record.insert("h", &self.h);
        record.insert("typical", &self.typical);
        let mut attribute = |name: &str, value: String| {
            record.attributes.insert(name.to_owned(), value);
        };
        attribute("loss", self.loss.to_string());
        attribute("l1_w", format!("{:?}", self.penalty_w.0));
        attribute("l2_w", format!("{:?}", self.penalty_w.1));
        attribute("penalty_by_weights", self.penalty_by_weights.to_string());
        if let Some(max) = self.max_w {
            attribute("max_w", format!("{max:?}"));
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let (w, h): (Array2<T>, Array2<T>) = (record.matrix("w")?, record.matrix("h")?);
        let typical = record.vector("typical")?;
        if w.ncols() != h.nrows() || typical.len() != w.ncols() {
            let (k, rows) = (w.ncols(), h.nrows());
            let reason = format!(
                "W has {k} columns, H {rows} rows, typical {}",
                typical.len()
            );
            return Err(invalid(reason));
        }
        let row = typical.clone().insert_axis(Axis(0));
        for factor in [&w, &h, &row] {
            Summary::of(factor)
                .require_non_negative("masked-nmf")
                .map_err(|error| invalid(error.to_string()))?;
        }
        let text = |name: &str| {
            let value = record.attributes.get(name);
            value.ok_or_else(|| invalid(format!("there is no attribute {name}")))
        };
        let number = |name: &str| {
            let text = text(name)?;
            let value = text.parse::<f64>().ok();
            value
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(|| invalid(format!("attribute {name} is {text:?}")))
        };
        let loss = match text("loss")?.as_str() {
            "frobenius" => Loss::Frobenius,
            "kullback-leibler" => Loss::KullbackLeibler,
            other => return Err(invalid(format!("attribute loss is {other:?}"))),
        };
        let penalty_by_weights = match text("penalty_by_weights")?.as_str() {
            "true" => true,
            "false" => false,
            other => {
                return Err(invalid(format!(
                    "attribute penalty_by_weights is {other:?}"
                )));
            }
        };
        let max_w = match record.attributes.contains_key("max_w") {
            true => Some(number("max_w")?),
            false => None,
        };
        Ok(Self {
            penalty_w: (number("l1_w")?, number("l2_w")?),
            w,
            h,
            typical,
            loss,
            penalty_by_weights,
            max_w,
        })
    }
}
