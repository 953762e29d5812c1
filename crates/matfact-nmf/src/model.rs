//! The fitted factors.

use crate::{Loss, Nmf};
use matfact_core::model::{check_position, check_row_block};
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2};
use matfact_core::{
    Error, Factorization, Matrix, ModelRecord, Persist, Result, Scalar, Summary, Transform,
};
use matfact_linalg::{Products, RowUpdate, Simd, gram, multiply_dense, update_non_negative_rows};
use std::ops::Range;

/// Sweeps of a transform between two looks at its violation.
const TRANSFORM_SWEEPS: usize = 20;
/// Looks after which a transform ends in any case.
const TRANSFORM_LOOKS: usize = 500;

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
    /// The penalties l₁ and l₂ of W, as they stand in the objective, for `transform`.
    penalty_w: (f64, f64),
    /// The upper bound of W.
    max_w: Option<f64>,
}

impl<T: Scalar> NmfModel<T> {
    /// A model from its factors: W (m x k) and H (k x n).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the ranks differ; [`Error::Negative`] or [`Error::NonFinite`] for
    /// entries that NMF cannot have given.
    pub fn new(w: Array2<T>, h: Array2<T>) -> Result<Self> {
        if w.ncols() != h.nrows() {
            return Err(Error::shape_mismatch("rows of H", w.ncols(), h.nrows()));
        }
        for factor in [&w, &h] {
            Summary::of(factor).require_non_negative("nmf")?;
        }
        Ok(Self {
            w,
            h,
            loss: Loss::Frobenius,
            penalty_w: (0.0, 0.0),
            max_w: None,
        })
    }

    pub(crate) fn fitted(w: Array2<T>, h: Array2<T>, nmf: &Nmf) -> Self {
        let side = nmf.constraints((w.nrows(), h.ncols()), 1.0).w;
        Self {
            w,
            h,
            loss: nmf.loss,
            penalty_w: (side.l1, side.l2),
            max_w: side.max,
        }
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

impl<T: Scalar, X: Matrix<Scalar = T> + ?Sized> Transform<X> for NmfModel<T> {
    type Scalar = T;

    /// The non-negative coordinates of each row of `x` (p x n) that fit best with H held, under the
    /// penalty on W of the fit: p x k. Rows do not influence each other.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], and what the fit refuses in its input.
    fn transform(&self, x: &X) -> Result<Array2<T>> {
        if x.shape().1 != self.h.ncols() {
            let expected = format!("{} (those of the training matrix)", self.h.ncols());
            return Err(Error::shape_mismatch(
                "columns of the new rows",
                expected,
                x.shape().1,
            ));
        }
        let summary = Summary::of(x);
        summary.require_non_negative("nmf")?;
        let products = Products::new(x, Some(&summary));
        // X = scale·X' has the coordinates scale·W', where W' fits X' under l1/scale and l2.
        let scale = products.scale();
        let l1 = self.penalty_w.0 / scale;
        let l2 = T::from_f64(self.penalty_w.1);
        let h = self.h.t().as_standard_layout().into_owned();
        let linear = products.multiply(h.view())?;
        let mut gram = gram(h.view());
        gram.diag_mut().mapv_inplace(|g| g + l2);
        let mut w = Array2::default((x.shape().0, self.rank()));
        let mut first = None;
        for _ in 0..TRANSFORM_LOOKS {
            let violation = update_non_negative_rows(
                &mut w,
                linear.view(),
                gram.view(),
                RowUpdate {
                    l1,
                    max: self.max_w.map(|max| max / scale),
                    components: None,
                    sweeps: TRANSFORM_SWEEPS,
                },
                Simd::detect(),
            );
            let first = *first.get_or_insert(violation.sum);
            if violation.sum <= first * 10.0 * T::epsilon().as_f64() {
                break;
            }
        }
        Ok(w.mapv(|v| T::from_f64(v.as_f64() * scale)))
    }
}

impl<T: Scalar> Persist for NmfModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("nmf");
        record.insert("w", &self.w);
        record.insert("h", &self.h);
        for (name, value) in [("l1_w", self.penalty_w.0), ("l2_w", self.penalty_w.1)] {
            record
                .attributes
                .insert(name.to_owned(), format!("{value:?}"));
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidModel { reason };
        let mut model = Self::new(record.matrix("w")?, record.matrix("h")?)
            .map_err(|error| invalid(error.to_string()))?;
        let penalty = |name: &str| match record.attributes.get(name) {
            None => Ok(0.0),
            Some(text) => text
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(|| invalid(format!("attribute {name} is {text:?}"))),
        };
        model.penalty_w = (penalty("l1_w")?, penalty("l2_w")?);
        Ok(model)
    }
}
