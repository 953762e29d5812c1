//! The fitted components.

use crate::decomposition::product;
use crate::standardized::centered_product;
use matfact_core::model::{check_position, check_row_block};
use matfact_core::ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{
    Error, Factorization, LinearOperator, ModelRecord, Persist, Recommend, Result, Scalar,
    ScoreFactors, Transform,
};
use matfact_linalg::{Products, multiply_dense};
use std::ops::Range;

/// X ≈ 1·μᵀ + S·Vᵀ with the column means μ, orthonormal components (the rows of Vᵀ) and the coordinates
/// S = (X − 1·μᵀ)V of the rows, uncorrelated and of falling variance.
///
/// A model of [`IncrementalPca`](crate::IncrementalPca), which does not keep the rows, has no coordinates:
/// its shape is 0 x n, and `transform` gives those of any rows.
///
/// ```
/// use matfact_core::{Factorization, Factorizer, ndarray::array};
/// use matfact_svd::Pca;
/// let x = array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]];
/// let model = Pca::new(1).fit(&x)?.model;
/// assert!((model.reconstruct() - x).iter().all(|d: &f64| d.abs() < 1e-12));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PcaModel<T> {
    mean: Array1<f64>,
    components: Array2<T>,
    singular_values: Array1<T>,
    scores: Array2<T>,
    rows: usize,
    whiten: bool,
    total_deviation: Option<f64>,
    noise_deviation: Option<f64>,
}

/// What a [`PcaModel`] is made of.
pub(crate) struct Parts<T> {
    pub(crate) mean: Array1<f64>,
    pub(crate) components: Array2<T>,
    pub(crate) singular_values: Array1<T>,
    pub(crate) scores: Array2<T>,
    pub(crate) rows: usize,
    pub(crate) whiten: bool,
    pub(crate) total_deviation: Option<f64>,
    pub(crate) noise_deviation: Option<f64>,
}

impl<T: Scalar> PcaModel<T> {
    /// # Errors
    /// [`Error::ShapeMismatch`] if the parts disagree.
    pub(crate) fn assembled(parts: Parts<T>) -> Result<Self> {
        let (k, n) = parts.components.dim();
        let given = (
            parts.mean.len(),
            parts.singular_values.len(),
            parts.scores.ncols(),
        );
        if given != (n, k, k) {
            let what = "numbers of means, singular values and coordinates of a row";
            return Err(Error::shape_mismatch(what, (n, k, k), given));
        }
        Ok(Self {
            mean: parts.mean,
            components: parts.components,
            singular_values: parts.singular_values,
            scores: parts.scores,
            rows: parts.rows,
            whiten: parts.whiten,
            total_deviation: parts.total_deviation,
            noise_deviation: parts.noise_deviation,
        })
    }

    /// The mean of each column, in `f64`: n (scikit-learn's `mean_`).
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The components as rows, orthonormal: k x n (`components_`).
    pub fn components(&self) -> ArrayView2<'_, T> {
        self.components.view()
    }

    /// The singular values of the centred matrix, descending: k (`singular_values_`).
    pub fn singular_values(&self) -> ArrayView1<'_, T> {
        self.singular_values.view()
    }

    /// The coordinates of the training rows, not whitened: m x k; without rows for an incremental model.
    pub fn scores(&self) -> ArrayView2<'_, T> {
        self.scores.view()
    }

    /// The rows that the model was fitted to.
    #[must_use]
    pub fn training_rows(&self) -> usize {
        self.rows
    }

    /// Whether `transform` divides each coordinate by its deviation.
    #[must_use]
    pub fn is_whitening(&self) -> bool {
        self.whiten
    }

    /// The standard deviation σ/√(m − 1) along each component: k.
    #[must_use]
    pub fn explained_deviation(&self) -> Array1<f64> {
        let freedom = (self.rows.max(2) - 1) as f64;
        self.singular_values.mapv(|s| s.as_f64() / freedom.sqrt())
    }

    /// The variance σ²/(m − 1) along each component: k (`explained_variance_`); infinite where the square
    /// leaves the range of `f64`.
    #[must_use]
    pub fn explained_variance(&self) -> Array1<f64> {
        self.explained_deviation().mapv(|d| d * d)
    }

    /// The variance along each component as a share of the variance of all columns: k
    /// (`explained_variance_ratio_`). `None` where that is unknown (operators without a summary) or zero.
    #[must_use]
    pub fn explained_variance_ratio(&self) -> Option<Array1<f64>> {
        let total = self.total_deviation.filter(|total| *total > 0.0)?;
        Some(self.explained_deviation().mapv(|d| (d / total).powi(2)))
    }

    /// The sum of the variances of all columns, with m − 1 as divisor; `None` where it is unknown.
    #[must_use]
    pub fn total_variance(&self) -> Option<f64> {
        self.total_deviation.map(|d| d * d)
    }

    /// The mean of the variances of the min(m, n) − k components left out (`noise_variance_`); 0 if none
    /// is, `None` where they are unknown.
    #[must_use]
    pub fn noise_variance(&self) -> Option<f64> {
        self.noise_deviation.map(|d| d * d)
    }

    /// The rows of X that have these coordinates (p x k, as `transform` gives them): p x n. Call it block
    /// by block for many rows.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there are k coordinates; [`Error::Overflow`].
    ///
    /// ```
    /// use matfact_core::{Factorizer, Transform, ndarray::array};
    /// use matfact_svd::Pca;
    /// let x = array![[1.0, 0.0], [3.0, 1.0], [2.0, 5.0]];
    /// let model = Pca::new(2).whiten(true).fit(&x)?.model;
    /// let back = model.inverse_transform(model.transform(&x)?.view())?;
    /// assert!((back - x).iter().all(|d: &f64| d.abs() < 1e-12));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn inverse_transform(&self, coordinates: ArrayView2<'_, T>) -> Result<Array2<T>> {
        let k = self.singular_values.len();
        if coordinates.ncols() != k {
            let what = "columns of the coordinates";
            return Err(Error::shape_mismatch(what, k, coordinates.ncols()));
        }
        let mut coordinates = coordinates.to_owned();
        if self.whiten {
            let deviations = self.whitening();
            for mut row in coordinates.rows_mut() {
                for (v, deviation) in row.iter_mut().zip(&deviations) {
                    *v = T::from_f64(v.as_f64() * deviation.unwrap_or(0.0));
                }
            }
        }
        let mut out = product(coordinates.view(), self.components.view());
        self.add_mean(out.view_mut());
        match out.iter().all(|v| v.is_finite()) {
            true => Ok(out),
            false => Err(Error::Overflow {
                step: "the inverse transform".to_owned(),
                scalar: T::NAME,
            }),
        }
    }

    fn add_mean(&self, mut rows: ArrayViewMut2<'_, T>) {
        for mut row in rows.rows_mut() {
            for (v, mean) in row.iter_mut().zip(&self.mean) {
                *v = T::from_f64(v.as_f64() + mean);
            }
        }
    }

    /// What whitening divides each coordinate by; `None` for a component without variance but for
    /// rounding, whose coordinates are then 0.
    fn whitening(&self) -> Vec<Option<f64>> {
        let side = self.rows.max(self.mean.len()) as f64;
        let largest = self.singular_values.first().map_or(0.0, |s| s.as_f64());
        let least = T::epsilon().as_f64() * side * largest;
        let deviations = self.explained_deviation();
        let pairs = deviations.iter().zip(&self.singular_values);
        pairs
            .map(|(deviation, s)| (s.as_f64() > least).then_some(*deviation))
            .collect()
    }
}

impl<T: Scalar> Factorization for PcaModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.scores.nrows(), self.components.ncols())
    }

    fn rank(&self) -> usize {
        self.singular_values.len()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        check_position(self.shape(), row, column)?;
        let terms = self.scores.row(row).into_iter();
        let terms = terms.zip(self.components.column(column));
        let sum: T = terms.map(|(s, v)| *s * *v).sum();
        Ok(T::from_f64(sum.as_f64() + self.mean[column]))
    }

    fn reconstruct_rows(&self, rows: Range<usize>, mut out: ArrayViewMut2<'_, T>) -> Result<()> {
        check_row_block(self.shape(), &rows, out.dim())?;
        let (_, tail) = self.scores.view().split_at(Axis(0), rows.start);
        let (block, _) = tail.split_at(Axis(0), rows.len());
        multiply_dense(block, self.components.view(), out.view_mut());
        self.add_mean(out);
        Ok(())
    }
}

impl<T: Scalar, X: LinearOperator<Scalar = T> + ?Sized> Transform<X> for PcaModel<T> {
    type Scalar = T;

    /// The coordinates (X − 1·μᵀ)V of each row of `x` (p x n), divided by the deviations if the model is
    /// whitening: p x k. A component without variance but for rounding then has the coordinate 0.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Overflow`].
    fn transform(&self, x: &X) -> Result<Array2<T>> {
        if x.shape().1 != self.mean.len() {
            let expected = format!("{} (those of the training matrix)", self.mean.len());
            return Err(Error::shape_mismatch(
                "columns of the new rows",
                expected,
                x.shape().1,
            ));
        }
        let summary = x.summary();
        if let Some(summary) = &summary {
            summary.require_finite()?;
        }
        let products = Products::new(x, summary.as_ref());
        let scale = products.scale();
        let center: Vec<f64> = self.mean.iter().map(|mean| mean / scale).collect();
        let mut out = centered_product(&products, &center, self.components.t())?;
        if scale != 1.0 || self.whiten {
            let factors: Vec<f64> = match self.whiten {
                true => {
                    let inverse = |d: Option<f64>| d.map_or(0.0, |d| scale / d);
                    self.whitening().into_iter().map(inverse).collect()
                }
                false => vec![scale; self.rank()],
            };
            for mut row in out.rows_mut() {
                for (v, factor) in row.iter_mut().zip(&factors) {
                    *v = T::from_f64(v.as_f64() * factor);
                }
            }
        }
        match out.iter().all(|v| v.is_finite()) {
            true => Ok(out),
            false => Err(Error::Overflow {
                step: "the coordinates of a row".to_owned(),
                scalar: T::NAME,
            }),
        }
    }
}

/// The names of the facts beside the tensors.
const ROWS: &str = "rows";
const WHITEN: &str = "whiten";
const TOTAL: &str = "total_deviation";
const NOISE: &str = "noise_deviation";

/// The score of a column is its entry of X̂.
impl<T: Scalar> Recommend for PcaModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        ScoreFactors {
            column_bias: Some(self.mean().mapv(T::from_f64).into()),
            ..ScoreFactors::products(self.scores(), self.components().reversed_axes())
        }
    }
}

impl<T: Scalar> Persist for PcaModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("pca");
        record.insert("components", &self.components);
        record.insert("mean", &self.mean);
        record.insert("s", &self.singular_values);
        record.insert("scores", &self.scores);
        let mut fact = |name: &str, text: String| {
            record.attributes.insert(name.to_owned(), text);
        };
        fact(ROWS, self.rows.to_string());
        fact(WHITEN, self.whiten.to_string());
        for (name, value) in [(TOTAL, self.total_deviation), (NOISE, self.noise_deviation)] {
            if let Some(value) = value {
                fact(name, format!("{value:?}"));
            }
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let text = |name: &str| record.attributes.get(name);
        fn parsed<V: std::str::FromStr>(name: &str, text: Option<&String>) -> Result<V> {
            text.and_then(|text| text.parse().ok())
                .ok_or_else(|| Error::InvalidModel {
                    reason: format!("attribute {name} is missing or not what it should be"),
                })
        }
        let deviation = |name: &str| match text(name) {
            None => Ok(None),
            some => match parsed::<f64>(name, some)? {
                value if value.is_finite() && value >= 0.0 => Ok(Some(value)),
                value => Err(invalid(format!("attribute {name} is {value}"))),
            },
        };
        let parts = Parts {
            mean: record.vector::<f64>("mean")?,
            components: record.matrix("components")?,
            singular_values: record.vector("s")?,
            scores: record.matrix("scores")?,
            rows: parsed(ROWS, text(ROWS))?,
            whiten: parsed(WHITEN, text(WHITEN))?,
            total_deviation: deviation(TOTAL)?,
            noise_deviation: deviation(NOISE)?,
        };
        if parts.scores.nrows() != 0 && parts.scores.nrows() != parts.rows {
            let (given, rows) = (parts.scores.nrows(), parts.rows);
            return Err(invalid(format!(
                "{given} rows of coordinates for {rows} rows"
            )));
        }
        Self::assembled(parts).map_err(|error| invalid(error.to_string()))
    }
}
