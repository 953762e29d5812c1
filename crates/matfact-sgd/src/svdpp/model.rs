//! The model of SVD++, and rows that were not there when it was fitted.

use super::parameters::SvdPlusPlus;
use matfact_core::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use matfact_core::{
    Error, FactorModel, Factorization, ModelRecord, ObservedEntries, Persist, Recommend, Result,
    Scalar, ScoreFactors,
};
use matfact_linalg::{RegressionEntries, Regressors, Ridge, RidgeRegression, Simd, survey_ratings};
use rayon::prelude::*;
use std::ops::Range;

/// A model of SVD++: a [`FactorModel`] whose row factors are p_i + |N(i)|^-½ Σ y_j, with the implicit
/// factors Y (n x k) and the ratings' deviation σ beside it, so that new rows can be folded in
/// ([`SvdPlusPlus::fold_in`]).
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings, Recommend};
/// use matfact_sgd::SvdPlusPlus;
/// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
/// let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
/// let model = SvdPlusPlus::new(2).fit(&ratings)?.model;
/// assert_eq!(model.implicit_factors().dim(), (3, 2));
/// assert_eq!(model.recommend(0, 1, &[0, 1])?[0].column, 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SvdPlusPlusModel<T> {
    factors: FactorModel<T>,
    implicit: Array2<T>,
    deviation: f64,
}

impl<T: Scalar> SvdPlusPlusModel<T> {
    /// From a model of ratings, implicit factors (n x k) and the deviation σ of the ratings.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the implicit factors do not have the shape of the column factors;
    /// [`Error::InvalidParameter`] for a deviation that is not above 0.
    pub fn new(factors: FactorModel<T>, implicit: Array2<T>, deviation: f64) -> Result<Self> {
        let expected = factors.column_factors().dim();
        if implicit.dim() != expected {
            let actual = implicit.dim();
            return Err(Error::shape_mismatch("implicit factors", expected, actual));
        }
        if !(deviation.is_finite() && deviation > 0.0) {
            let requirement = "finite and above 0";
            return Err(Error::invalid_parameter(
                "deviation",
                deviation,
                requirement,
            ));
        }
        Ok(Self {
            factors,
            implicit,
            deviation,
        })
    }

    /// The model as row factors (p + implicit part), column factors, biases and mean: it predicts the same.
    pub fn factors(&self) -> &FactorModel<T> {
        &self.factors
    }

    /// As [`SvdPlusPlusModel::factors`], without the implicit factors.
    #[must_use]
    pub fn into_factors(self) -> FactorModel<T> {
        self.factors
    }

    /// The implicit factors Y: n x k.
    pub fn implicit_factors(&self) -> ArrayView2<'_, T> {
        self.implicit.view()
    }

    /// The deviation σ of the training ratings.
    pub fn deviation(&self) -> f64 {
        self.deviation
    }
}

impl<T: Scalar> Factorization for SvdPlusPlusModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.factors.shape()
    }

    fn rank(&self) -> usize {
        self.factors.rank()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        self.factors.predict(row, column)
    }

    fn reconstruct_rows(&self, rows: Range<usize>, out: ArrayViewMut2<'_, T>) -> Result<()> {
        self.factors.reconstruct_rows(rows, out)
    }
}

impl<T: Scalar> Recommend for SvdPlusPlusModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        self.factors.score_factors()
    }
}

/// The name of the deviation among a record's attributes.
const DEVIATION: &str = "deviation";

impl<T: Scalar> Persist for SvdPlusPlusModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = self.factors.to_record();
        record.algorithm = "svdpp".to_owned();
        record.insert("implicit_factors", &self.implicit);
        // The shortest text that gives the same bits back.
        let deviation = format!("{:?}", self.deviation);
        record.attributes.insert(DEVIATION.to_owned(), deviation);
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let factors = FactorModel::from_record(record)?;
        let text = record.attributes.get(DEVIATION);
        let text = text.ok_or_else(|| invalid("attribute deviation is missing".to_owned()))?;
        let deviation: f64 = text
            .parse()
            .map_err(|_| invalid(format!("attribute deviation is {text:?}, not a number")))?;
        Self::new(factors, record.matrix("implicit_factors")?, deviation)
            .map_err(|error| invalid(error.to_string()))
    }
}

impl SvdPlusPlus {
    /// New rows (users) by their ratings `x` (p x n) of the model's columns: a model of the p rows and the
    /// same columns. The implicit part follows from which columns a row has; p_i and b_i are then the exact
    /// minimum of the row's part of the objective, with everything else held. A row without ratings gets
    /// zeros.
    ///
    /// ```
    /// use matfact_core::{Duplicates, Factorizer, Ratings, Recommend};
    /// use matfact_sgd::SvdPlusPlus;
    /// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
    /// let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
    /// let algorithm = SvdPlusPlus::new(2);
    /// let model = algorithm.fit(&ratings)?.model;
    /// let new = Ratings::from_triplets((1, 3), [(0, 0, 5.0), (0, 1, 4.0)], Duplicates::Error)?;
    /// let folded_in = algorithm.fold_in(&model, &new)?;
    /// assert_eq!(folded_in.recommend(0, 1, &[0, 1])?[0].column, 2);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::ShapeMismatch`] for another number of
    /// columns or a model of another rank; [`Error::EmptyInput`] without any rating; those of entries that
    /// cannot be; [`Error::Overflow`].
    pub fn fold_in<T, X>(&self, model: &SvdPlusPlusModel<T>, x: &X) -> Result<FactorModel<T>>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        self.validate()?;
        let (m, n) = x.shape();
        if n != model.shape().1 {
            return Err(Error::shape_mismatch("columns", model.shape().1, n));
        }
        if model.rank() != self.rank {
            let (expected, actual) = (self.rank, model.rank());
            return Err(Error::shape_mismatch("rank of the model", expected, actual));
        }
        survey_ratings(x, true)?;
        let rank = self.rank;
        let root = model.deviation.sqrt();
        let columns = model.factors.column_factors();
        let mut regressors = Regressors::zeros(n, rank);
        for (row, factors) in regressors.rows_mut().zip(columns.rows()) {
            for (target, value) in row.iter_mut().zip(factors) {
                *target = T::from_f64(value.as_f64() / root);
            }
        }
        let simd = Simd::detect();
        let mut factors = Array2::default((m, rank));
        let mut biases = Array1::default(m);
        let rows: Vec<(Vec<T>, T)> = (0..m)
            .into_par_iter()
            .map_init(
                || RidgeRegression::new(rank, simd),
                |regression, row| self.fold_in_row(model, x, row, &regressors, regression),
            )
            .collect();
        for (row, (values, bias)) in rows.into_iter().enumerate() {
            factors.row_mut(row).assign(&Array1::from_vec(values));
            biases[row] = bias;
        }
        if !factors.iter().chain(&biases).all(|value| value.is_finite()) {
            return Err(Error::Overflow {
                step: "folding in".to_owned(),
                scalar: T::NAME,
            });
        }
        let column_bias = model.factors.column_bias();
        let column_bias = column_bias.map_or_else(|| Array1::default(n), |bias| bias.to_owned());
        FactorModel::new(factors, columns.to_owned())?
            .with_mean(model.factors.mean())
            .with_biases(biases, column_bias)
    }

    /// p + z and b of one row, in the units of the ratings.
    fn fold_in_row<T, X>(
        &self,
        model: &SvdPlusPlusModel<T>,
        x: &X,
        row: usize,
        regressors: &Regressors<T>,
        regression: &mut RidgeRegression<T>,
    ) -> (Vec<T>, T)
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let entries = x.row(row);
        let mut factors = vec![T::zero(); self.rank];
        if entries.columns.is_empty() {
            return (factors, T::zero());
        }
        let (deviation, root) = (model.deviation, model.deviation.sqrt());
        let count = entries.columns.len() as f64;
        let mut implicit = vec![0.0; self.rank];
        for column in entries.columns {
            for (sum, y) in implicit
                .iter_mut()
                .zip(model.implicit.row(*column as usize))
            {
                *sum += y.as_f64() / (root * count.sqrt());
            }
        }
        let column_bias = model.factors.column_bias();
        let half_mean = 0.5 * model.factors.mean().as_f64();
        let target = |(column, value): (&u32, &T)| {
            let column = *column as usize;
            let bias = column_bias.map_or(0.0, |bias| bias[column].as_f64() / deviation);
            let q = regressors.row(column).iter();
            let product: f64 = implicit.iter().zip(q).map(|(z, q)| z * q.as_f64()).sum();
            let standard = 2.0 * ((0.5 * value.as_f64() - half_mean) / deviation);
            T::from_f64(standard - bias - product)
        };
        let targets: Vec<T> = entries
            .columns
            .iter()
            .zip(entries.values)
            .map(target)
            .collect();
        let ridge = Ridge {
            factors: self.regularization * count,
            constant: Some(self.bias_regularization),
        };
        let columns = entries.columns;
        let entries = RegressionEntries {
            regressors,
            rows: columns,
            targets: &targets,
            weights: None,
            next: &[],
        };
        let bias = regression.solve(entries, ridge, &mut factors);
        for (value, z) in factors.iter_mut().zip(&implicit) {
            *value = T::from_f64((value.as_f64() + z) * root);
        }
        (factors, T::from_f64(bias.as_f64() * deviation))
    }
}
