//! The model of methods on observed entries: factors of rows and columns, biases and a mean.

use crate::model::{check_position, check_row_block};
use crate::{Error, Factorization, ModelRecord, Persist, Recommend, Result, Scalar, ScoreFactors};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use std::ops::Range;

/// Row (user) and column (item) factors with biases:
///
/// x̂_ij = μ + b_i + c_j + p_i · q_j
///
/// with the mean μ, row biases b (m), column biases c (n), row factors P (m x k) and column factors
/// Q (n x k). A row or column without training data has zero factors and a zero bias, so that its
/// prediction falls back on what remains: the other side's bias and the mean.
///
/// ```
/// use matfact_core::{FactorModel, Factorization};
/// use ndarray::array;
/// let model = FactorModel::new(array![[1.0], [2.0]], array![[3.0]])?
///     .with_mean(0.5)
///     .with_biases(array![0.0, 1.0], array![0.25])?;
/// assert_eq!(model.predict(1, 0)?, 0.5 + 1.0 + 0.25 + 6.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FactorModel<T> {
    row_factors: Array2<T>,
    column_factors: Array2<T>,
    biases: Option<(Array1<T>, Array1<T>)>,
    mean: T,
}

/// The parts that a prediction is the sum of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contributions<T> {
    /// The mean μ of all ratings.
    pub mean: T,
    /// The row's (user's) bias.
    pub row_bias: T,
    /// The column's (item's) bias.
    pub column_bias: T,
    /// The product of the two factor vectors: what this row and this column have in common.
    pub interaction: T,
}

impl<T: Scalar> FactorModel<T> {
    /// A model without biases and with mean 0, from row factors (m x k) and column factors (n x k).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the ranks differ.
    pub fn new(row_factors: Array2<T>, column_factors: Array2<T>) -> Result<Self> {
        if row_factors.ncols() != column_factors.ncols() {
            let (rows, columns) = (row_factors.ncols(), column_factors.ncols());
            return Err(Error::shape_mismatch(
                "rank of the column factors",
                rows,
                columns,
            ));
        }
        Ok(Self {
            row_factors,
            column_factors,
            biases: None,
            mean: T::zero(),
        })
    }

    /// Sets the mean μ.
    #[must_use]
    pub fn with_mean(mut self, mean: T) -> Self {
        self.mean = mean;
        self
    }

    /// Sets the biases of rows (m) and columns (n).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if their lengths do not fit the factors.
    pub fn with_biases(mut self, rows: Array1<T>, columns: Array1<T>) -> Result<Self> {
        if (rows.len(), columns.len()) != self.shape() {
            let given = (rows.len(), columns.len());
            return Err(Error::shape_mismatch(
                "number of biases",
                self.shape(),
                given,
            ));
        }
        self.biases = Some((rows, columns));
        Ok(self)
    }

    /// Row (user) factors P: m x k.
    pub fn row_factors(&self) -> ArrayView2<'_, T> {
        self.row_factors.view()
    }

    /// Column (item) factors Q: n x k.
    pub fn column_factors(&self) -> ArrayView2<'_, T> {
        self.column_factors.view()
    }

    /// Row (user) biases: m, or `None` for a model without.
    pub fn row_bias(&self) -> Option<ArrayView1<'_, T>> {
        self.biases.as_ref().map(|(rows, _)| rows.view())
    }

    /// Column (item) biases: n, or `None` for a model without.
    pub fn column_bias(&self) -> Option<ArrayView1<'_, T>> {
        self.biases.as_ref().map(|(_, columns)| columns.view())
    }

    /// The mean μ (0 for a model without).
    pub fn mean(&self) -> T {
        self.mean
    }

    /// What the prediction for one position is made of.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`].
    pub fn contributions(&self, row: usize, column: usize) -> Result<Contributions<T>> {
        check_position(self.shape(), row, column)?;
        let (row_bias, column_bias) = match &self.biases {
            Some((rows, columns)) => (rows[row], columns[column]),
            None => (T::zero(), T::zero()),
        };
        let interaction = self
            .row_factors
            .row(row)
            .dot(&self.column_factors.row(column));
        Ok(Contributions {
            mean: self.mean,
            row_bias,
            column_bias,
            interaction,
        })
    }

    /// The prediction where a side may be unknown: an unknown row or column contributes nothing, so
    /// with both unknown the mean remains. An index out of range counts as unknown too.
    ///
    /// ```
    /// # use matfact_core::FactorModel;
    /// # use ndarray::array;
    /// let model = FactorModel::new(array![[1.0]], array![[2.0]])?.with_mean(3.0);
    /// assert_eq!(model.predict_or_fallback(Some(0), None), 3.0);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn predict_or_fallback(&self, row: Option<usize>, column: Option<usize>) -> T {
        let (m, n) = self.shape();
        let row = row.filter(|row| *row < m);
        let column = column.filter(|column| *column < n);
        let mut sum = self.mean;
        if let Some((rows, columns)) = &self.biases {
            sum += row.map_or(T::zero(), |row| rows[row]);
            sum += column.map_or(T::zero(), |column| columns[column]);
        }
        if let (Some(row), Some(column)) = (row, column) {
            sum += self
                .row_factors
                .row(row)
                .dot(&self.column_factors.row(column));
        }
        sum
    }
}

impl<T: Scalar> Factorization for FactorModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.row_factors.nrows(), self.column_factors.nrows())
    }

    fn rank(&self) -> usize {
        self.row_factors.ncols()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        check_position(self.shape(), row, column)?;
        Ok(self.predict_or_fallback(Some(row), Some(column)))
    }

    fn reconstruct_rows(&self, rows: Range<usize>, mut out: ArrayViewMut2<'_, T>) -> Result<()> {
        check_row_block(self.shape(), &rows, out.dim())?;
        for (row, mut line) in rows.zip(out.rows_mut()) {
            for (column, value) in line.iter_mut().enumerate() {
                *value = self.predict_or_fallback(Some(row), Some(column));
            }
        }
        Ok(())
    }
}

impl<T: Scalar> Recommend for FactorModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        ScoreFactors {
            rows: self.row_factors.view().into(),
            columns: self.column_factors.view().into(),
            row_bias: self.row_bias().map(Into::into),
            column_bias: self.column_bias().map(Into::into),
            mean: self.mean,
        }
    }
}

impl<T: Scalar> Persist for FactorModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("factors");
        record.insert("row_factors", &self.row_factors);
        record.insert("col_factors", &self.column_factors);
        if let Some((rows, columns)) = &self.biases {
            record.insert("row_bias", rows);
            record.insert("col_bias", columns);
        }
        record.insert("mean", &Array1::from_elem(1, self.mean));
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let mean = record.vector::<T>("mean")?;
        if mean.len() != 1 {
            let reason = format!("tensor mean has {} values, not 1", mean.len());
            return Err(Error::InvalidModel { reason });
        }
        let invalid = |error: Error| Error::InvalidModel {
            reason: error.to_string(),
        };
        let model = Self::new(record.matrix("row_factors")?, record.matrix("col_factors")?)
            .map_err(invalid)?
            .with_mean(mean[0]);
        if record.contains("row_bias") || record.contains("col_bias") {
            model
                .with_biases(record.vector("row_bias")?, record.vector("col_bias")?)
                .map_err(invalid)
        } else {
            Ok(model)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn sample() -> FactorModel<f64> {
        FactorModel::new(
            array![[1.0, 0.0], [0.0, 1.0]],
            array![[1.0, 2.0], [3.0, 4.0], [3.0, 0.0]],
        )
        .unwrap()
        .with_mean(10.0)
        .with_biases(array![0.5, 0.0], array![0.0, 0.0, 0.0])
        .unwrap()
    }

    #[test]
    fn predictions_agree_with_the_reconstruction() {
        let model = sample();
        let all = model.reconstruct();
        assert_eq!(all, array![[11.5, 13.5, 13.5], [12.0, 14.0, 10.0]]);
        assert_eq!(model.predict(1, 1).unwrap(), 14.0);
        assert!(matches!(
            model.predict(2, 0),
            Err(Error::IndexOutOfRange { index: 2, .. })
        ));
    }

    #[test]
    fn recommendations_break_ties_low_and_leave_out_what_is_excluded() {
        let columns = |row, count, exclude: &[u32]| {
            let list = sample().recommend(row, count, exclude).unwrap();
            list.iter().map(|r| r.column).collect::<Vec<_>>()
        };
        assert_eq!(columns(0, 2, &[]), [1, 2]);
        assert_eq!(columns(0, 1, &[]), [1]);
        assert_eq!(columns(0, 9, &[1]), [2, 0]);
        assert_eq!(columns(0, 0, &[]), Vec::<usize>::new());
    }

    #[test]
    fn the_record_gives_the_same_model_back() {
        let model = sample();
        assert_eq!(FactorModel::from_record(&model.to_record()).unwrap(), model);
        let mut record = model.to_record();
        record.insert("col_bias", &array![1.0]);
        assert!(FactorModel::<f64>::from_record(&record).is_err());
    }
}
