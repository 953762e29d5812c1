//! The fitted triplets.

use matfact_core::model::{check_position, check_row_block};
use matfact_core::ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{
    Error, Factorization, LinearOperator, ModelRecord, Persist, Recommend, Result, Scalar,
    ScoreFactors, Transform,
};
use matfact_linalg::{Products, multiply_dense};
use std::ops::Range;

/// X ≈ U Σ Vᵀ with orthonormal U (m x k) and V (n x k), and σ₁ >= … >= σ_k >= 0.
///
/// ```
/// use matfact_core::{Factorization, Factorizer, ndarray::array};
/// use matfact_svd::TruncatedSvd;
/// let x = array![[1.0, 2.0], [2.0, 4.0]];
/// let model = TruncatedSvd::new(1).fit(&x)?.model;
/// assert!((model.reconstruct() - x).iter().all(|d: &f64| d.abs() < 1e-12));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SvdModel<T> {
    u: Array2<T>,
    singular_values: Array1<T>,
    vt: Array2<T>,
    explained_variance: Option<Array1<f64>>,
    total_variance: Option<f64>,
}

impl<T: Scalar> SvdModel<T> {
    /// A model from U (m x k), the singular values (k) and Vᵀ (k x n).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the ranks differ.
    pub fn new(u: Array2<T>, singular_values: Array1<T>, vt: Array2<T>) -> Result<Self> {
        let k = singular_values.len();
        if u.ncols() != k || vt.nrows() != k {
            let given = (u.ncols(), vt.nrows());
            return Err(Error::shape_mismatch(
                "columns of U and rows of V transposed",
                k,
                given,
            ));
        }
        Ok(Self {
            u,
            singular_values,
            vt,
            explained_variance: None,
            total_variance: None,
        })
    }

    pub(crate) fn fitted(
        u: Array2<T>,
        singular_values: Array1<T>,
        vt: Array2<T>,
        explained_variance: Array1<f64>,
        total_variance: Option<f64>,
    ) -> Result<Self> {
        let mut model = Self::new(u, singular_values, vt)?;
        model.explained_variance = Some(explained_variance);
        model.total_variance = total_variance;
        Ok(model)
    }

    /// Left singular vectors U: m x k.
    pub fn u(&self) -> ArrayView2<'_, T> {
        self.u.view()
    }

    /// Singular values, descending: k.
    pub fn singular_values(&self) -> ArrayView1<'_, T> {
        self.singular_values.view()
    }

    /// Right singular vectors as rows, Vᵀ: k x n (scikit-learn's `components_`).
    pub fn vt(&self) -> ArrayView2<'_, T> {
        self.vt.view()
    }

    /// The population variance of each column of X·V (scikit-learn's `explained_variance_` of
    /// `TruncatedSVD`); since X is not centred it need not fall with σ. `None` for a model that was
    /// not fitted here.
    #[must_use]
    pub fn explained_variance(&self) -> Option<ArrayView1<'_, f64>> {
        self.explained_variance
            .as_ref()
            .map(|variance| variance.view())
    }

    /// The explained variance as a share of the variance of all columns of X; `None` where that is
    /// unknown (operators) or zero.
    #[must_use]
    pub fn explained_variance_ratio(&self) -> Option<Array1<f64>> {
        let total = self.total_variance.filter(|total| *total > 0.0)?;
        self.explained_variance
            .as_ref()
            .map(|variance| variance / total)
    }
}

impl<T: Scalar> Factorization for SvdModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.u.nrows(), self.vt.ncols())
    }

    fn rank(&self) -> usize {
        self.singular_values.len()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        check_position(self.shape(), row, column)?;
        let terms = self.u.row(row).into_iter().zip(&self.singular_values);
        Ok(terms
            .zip(self.vt.column(column))
            .map(|((u, s), v)| *u * *s * *v)
            .sum())
    }

    fn reconstruct_rows(&self, rows: Range<usize>, out: ArrayViewMut2<'_, T>) -> Result<()> {
        check_row_block(self.shape(), &rows, out.dim())?;
        let (_, tail) = self.u.view().split_at(Axis(0), rows.start);
        let (block, _) = tail.split_at(Axis(0), rows.len());
        let weighted = &block * &self.singular_values;
        multiply_dense(weighted.view(), self.vt.view(), out);
        Ok(())
    }
}

impl<T: Scalar, X: LinearOperator<Scalar = T> + ?Sized> Transform<X> for SvdModel<T> {
    type Scalar = T;

    /// The coordinates X·V of each row of `x` (p x n): p x k. For the training matrix this is UΣ up
    /// to the residuals of the triplets.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Overflow`].
    fn transform(&self, x: &X) -> Result<Array2<T>> {
        if x.shape().1 != self.vt.ncols() {
            let expected = format!("{} (those of the training matrix)", self.vt.ncols());
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
        let coordinates = products.multiply(self.vt.t())?;
        let scale = products.scale();
        Ok(coordinates.mapv(|v| T::from_f64(v.as_f64() * scale)))
    }
}

/// The score of a column is its entry of X̂.
impl<T: Scalar> Recommend for SvdModel<T> {
    type Scalar = T;

    fn score_factors(&self) -> ScoreFactors<'_, T> {
        let rows = &self.u() * &self.singular_values();
        ScoreFactors::products(rows, self.vt().reversed_axes())
    }
}

impl<T: Scalar> Persist for SvdModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("svd");
        record.insert("u", &self.u);
        record.insert("s", &self.singular_values);
        record.insert("vt", &self.vt);
        if let Some(variance) = &self.explained_variance {
            let text: Vec<String> = variance.iter().map(|v| format!("{v:?}")).collect();
            record
                .attributes
                .insert("explained_variance".to_owned(), text.join(" "));
        }
        if let Some(total) = self.total_variance {
            record
                .attributes
                .insert("total_variance".to_owned(), format!("{total:?}"));
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let mut model = Self::new(
            record.matrix("u")?,
            record.vector("s")?,
            record.matrix("vt")?,
        )
        .map_err(|error| invalid(error.to_string()))?;
        let numbers = |name: &str| {
            let Some(text) = record.attributes.get(name) else {
                return Ok(None);
            };
            text.split(' ')
                .map(|word| word.parse::<f64>().ok().filter(|v| v.is_finite()))
                .collect::<Option<Vec<f64>>>()
                .map(Some)
                .ok_or_else(|| invalid(format!("attribute {name} is not a list of numbers")))
        };
        if let Some(variance) = numbers("explained_variance")? {
            if variance.len() != model.rank() {
                return Err(invalid(format!("{} explained variances", variance.len())));
            }
            model.explained_variance = Some(Array1::from_vec(variance));
        }
        model.total_variance = match numbers("total_variance")?.as_deref() {
            None => None,
            Some([total]) => Some(*total),
            Some(_) => return Err(invalid("total_variance is not one number".to_owned())),
        };
        Ok(model)
    }
}
