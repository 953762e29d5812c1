//! Centring and scaling of any operator, never formed.
//!
//! It stands in this crate and not in core, because it holds `Products`: the product inside is that of the
//! fast kernels for the matrix given, and centring adds one row of numbers to it.

use crate::moments::Moments;
use matfact_core::ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, CowArray,
};
use matfact_core::{Error, LinearOperator, Result, Scalar, Summary};
use matfact_linalg::{Lines, Products, multiply_dense};

/// Rows of a dense matrix that are centred at once.
const BLOCK_ROWS: usize = 512;

/// The matrix Y = D_r (X − 1·cᵀ) D_s⁻¹ for any operator X (m x n): the numbers `c` taken from the columns,
/// the columns divided by `s`, and the rows then multiplied by `r`. Nothing is formed: a sparse X keeps
/// its zeros, and a product of Y is one product of X by the fast kernels, plus a rank-one correction. The
/// rows of a dense X are centred block by block, so that means far above the deviations cost no digits.
///
/// It is a [`LinearOperator`], hence input for [`TruncatedSvd`](crate::TruncatedSvd); [`Pca`](crate::Pca)
/// uses it for sparse matrices and operators. New rows for the model of a standardized matrix are
/// standardized by [`Standardized::center_by`] and [`Standardized::scale_by`] with the same numbers.
///
/// ```
/// use matfact_core::{LinearOperator, ndarray::{Array2, array}};
/// use matfact_svd::Standardized;
/// let x = array![[1.0, 10.0], [3.0, 30.0]];
/// let y = Standardized::new(&x)?.center_columns().scale_columns()?;
/// let mut out = Array2::zeros((2, 2));
/// y.multiply(Array2::eye(2).view(), out.view_mut());
/// assert_eq!(out, array![[-1.0, -1.0], [1.0, 1.0]]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Standardized<'a, X: LinearOperator + ?Sized> {
    x: Products<'a, X>,
    summary: Option<Summary>,
    /// Of X' = X / scale, as are `center` and `scales`.
    moments: Moments,
    center: Vec<f64>,
    scales: Option<Vec<f64>>,
    row_weights: Option<Vec<f64>>,
    /// Products are those of Y / `unit`.
    unit: f64,
}

impl<'a, X: LinearOperator + ?Sized> Standardized<'a, X> {
    /// X as it is: the methods below change it.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`] (where entries can be listed), [`Error::Overflow`].
    pub fn new(x: &'a X) -> Result<Self> {
        let (rows, columns) = x.shape();
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        let summary = x.summary();
        if let Some(summary) = &summary {
            summary.require_finite()?;
        }
        let x = Products::new(x, summary.as_ref());
        let moments = Moments::of(&x, summary.as_ref())?;
        Ok(Self {
            unit: 1.0,
            x,
            summary,
            moments,
            center: vec![0.0; columns],
            scales: None,
            row_weights: None,
        })
    }

    /// Takes its mean from every column.
    #[must_use]
    pub fn center_columns(mut self) -> Self {
        self.center.clone_from(&self.moments.means);
        self
    }

    /// Takes `center[j]` from column j: the means of other rows, say.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there are n numbers; [`Error::InvalidParameter`] if one is not
    /// finite.
    pub fn center_by(mut self, center: ArrayView1<'_, f64>) -> Result<Self> {
        check_numbers("center", center, self.x.shape().1, |v| v.is_finite())?;
        self.center = center.iter().map(|v| v / self.x.scale()).collect();
        Ok(self)
    }

    /// Divides every column by its standard deviation √(Σ_i (x_ij − mean_j)² / m), as scikit-learn's
    /// `StandardScaler`; a constant column stays as it is.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] for a matrix known by its products alone.
    pub fn scale_columns(mut self) -> Result<Self> {
        let Some(squares) = &self.moments.squared_deviations else {
            return Err(Error::UnsupportedInput {
                algorithm: "scaling by standard deviations",
                expected: "a dense or compressed matrix (give the scales of others by `scale_by`)",
                actual: "a matrix known by its products alone",
            });
        };
        let rows = self.moments.rows as f64;
        let own = |(square, mean): (&f64, &f64)| {
            let deviation = (square / rows).sqrt();
            // What rounding leaves of a constant.
            let constant = deviation <= f64::EPSILON * rows * mean.abs();
            if constant {
                1.0 / self.x.scale()
            } else {
                deviation
            }
        };
        self.scales = Some(squares.iter().zip(&self.moments.means).map(own).collect());
        Ok(self)
    }

    /// Divides column j by `scales[j]`: the deviations of other rows, say.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there are n numbers; [`Error::InvalidParameter`] unless all are
    /// finite and positive.
    pub fn scale_by(mut self, scales: ArrayView1<'_, f64>) -> Result<Self> {
        check_numbers("scales", scales, self.x.shape().1, |v| {
            v.is_finite() && v > 0.0
        })?;
        self.scales = Some(scales.iter().map(|v| v / self.x.scale()).collect());
        Ok(self)
    }

    /// Multiplies row i by `weights[i]` after centring and scaling the columns: √w_i for a row that counts
    /// w_i times. The norm of such an operator is not known.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there are m numbers; [`Error::InvalidParameter`] if one is not
    /// finite.
    pub fn weigh_rows(mut self, weights: ArrayView1<'_, f64>) -> Result<Self> {
        check_numbers("weights", weights, self.x.shape().0, |v| v.is_finite())?;
        self.row_weights = Some(weights.to_vec());
        Ok(self)
    }

    /// What is taken from each column: n.
    #[must_use]
    pub fn center(&self) -> Array1<f64> {
        self.center.iter().map(|v| v * self.x.scale()).collect()
    }

    /// What each column is divided by: n; `None` if nothing.
    #[must_use]
    pub fn scales(&self) -> Option<Array1<f64>> {
        let scales = self.scales.as_ref()?;
        Some(scales.iter().map(|v| v * self.x.scale()).collect())
    }

    /// The mean of each column of X: n.
    #[must_use]
    pub fn means(&self) -> Array1<f64> {
        let means = self.moments.means.iter();
        means.map(|v| v * self.x.scale()).collect()
    }

    /// The same operator divided by a power of two that brings entries of any magnitude near 1, and that
    /// number.
    pub(crate) fn divided(mut self) -> (Self, f64) {
        self.unit = if self.scales.is_none() {
            self.x.scale()
        } else {
            1.0
        };
        let unit = self.unit;
        (self, unit)
    }

    /// The moments of X' = X / scale.
    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    /// X' made ready.
    pub(crate) fn products(&self) -> &Products<'a, X> {
        &self.x
    }

    /// The summary of X.
    pub(crate) fn source_summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// What products of X' are multiplied by to become those of Y / `unit`, without the scales.
    fn factor(&self) -> f64 {
        match self.scales {
            Some(_) => 1.0 / self.unit,
            None => self.x.scale() / self.unit,
        }
    }

    fn row_factor(&self, row: usize) -> f64 {
        self.row_weights
            .as_ref()
            .map_or(1.0, |weights| weights[row])
    }

    fn column_scale(&self, column: usize) -> f64 {
        self.scales.as_ref().map_or(1.0, |scales| scales[column])
    }

    fn try_multiply(&self, right: ArrayView2<'_, X::Scalar>) -> Result<Array2<X::Scalar>> {
        let factor = self.factor();
        // The panel is copied only where it changes.
        let mut inner = CowArray::from(right);
        if self.scales.is_some() {
            for (j, mut row) in inner.rows_mut().into_iter().enumerate() {
                let scale = self.column_scale(j);
                row.mapv_inplace(|v| X::Scalar::from_f64(v.as_f64() / scale));
            }
        }
        let mut out = centered_product(&self.x, &self.center, inner.view())?;
        if factor != 1.0 || self.row_weights.is_some() {
            for (i, mut row) in out.rows_mut().into_iter().enumerate() {
                let factor = factor * self.row_factor(i);
                row.mapv_inplace(|v| X::Scalar::from_f64(v.as_f64() * factor));
            }
        }
        Ok(out)
    }

    fn try_multiply_transposed(
        &self,
        right: ArrayView2<'_, X::Scalar>,
    ) -> Result<Array2<X::Scalar>> {
        let factor = self.factor();
        let mut inner = CowArray::from(right);
        if self.row_weights.is_some() {
            for (i, mut row) in inner.rows_mut().into_iter().enumerate() {
                let weight = self.row_factor(i);
                row.mapv_inplace(|v| X::Scalar::from_f64(v.as_f64() * weight));
            }
        }
        let mut out = centered_product_transposed(&self.x, &self.center, inner.view())?;
        if factor != 1.0 || self.scales.is_some() {
            for (j, mut row) in out.rows_mut().into_iter().enumerate() {
                let factor = factor / self.column_scale(j);
                row.mapv_inplace(|v| X::Scalar::from_f64(v.as_f64() * factor));
            }
        }
        Ok(out)
    }

    /// ‖Y / unit‖² and the sum of its entries, where they are known.
    fn norm_and_sum(&self) -> Option<(f64, f64)> {
        if self.row_weights.is_some() {
            return None;
        }
        let (moments, rows) = (&self.moments, self.moments.rows as f64);
        let shifts = moments.means.iter().zip(&self.center);
        let shifts: Vec<f64> = shifts.map(|(mean, center)| mean - center).collect();
        let factor = self.factor();
        let mut sum = 0.0;
        let mut squares = 0.0;
        for (j, shift) in shifts.iter().enumerate() {
            let scale = self.column_scale(j);
            let own = moments.squared_deviations.as_ref().map_or(0.0, |s| s[j]);
            sum += rows * shift / scale;
            squares += (own + rows * shift * shift) / (scale * scale);
        }
        match (&moments.squared_deviations, &self.scales) {
            (Some(_), _) => {}
            (None, None) => squares += moments.total?,
            (None, Some(_)) => return None,
        }
        Some((squares * factor * factor, sum * factor))
    }
}

impl<X: LinearOperator + ?Sized> LinearOperator for Standardized<'_, X> {
    type Scalar = X::Scalar;

    fn shape(&self) -> (usize, usize) {
        self.x.shape()
    }

    /// A product that leaves the range is NaN, which a fit refuses as
    /// [`Error::Overflow`].
    fn multiply(&self, right: ArrayView2<'_, X::Scalar>, mut out: ArrayViewMut2<'_, X::Scalar>) {
        match self.try_multiply(right) {
            Ok(product) => out.assign(&product),
            Err(_) => out.fill(X::Scalar::from_f64(f64::NAN)),
        }
    }

    fn multiply_transposed(
        &self,
        right: ArrayView2<'_, X::Scalar>,
        mut out: ArrayViewMut2<'_, X::Scalar>,
    ) {
        match self.try_multiply_transposed(right) {
            Ok(product) => out.assign(&product),
            Err(_) => out.fill(X::Scalar::from_f64(f64::NAN)),
        }
    }

    /// The norm follows from the means and deviations of the columns; `None` where those are unknown,
    /// and with weights of rows. `stored` is that of X.
    fn summary(&self) -> Option<Summary> {
        let given = self.summary.as_ref()?;
        let (squared_norm, sum) = self.norm_and_sum()?;
        let largest = given.max_abs / self.x.scale();
        let bound = |j: usize| (largest + self.center[j].abs()) / self.column_scale(j);
        let max_abs = (0..self.center.len()).map(bound).fold(0.0, f64::max);
        Some(Summary::of_operator(
            self.shape(),
            given.stored,
            sum,
            squared_norm,
            max_abs * self.factor(),
        ))
    }
}

fn check_numbers(
    name: &'static str,
    numbers: ArrayView1<'_, f64>,
    expected: usize,
    allowed: impl Fn(f64) -> bool,
) -> Result<()> {
    if numbers.len() != expected {
        return Err(Error::shape_mismatch(name, expected, numbers.len()));
    }
    match numbers.iter().position(|v| !allowed(*v)) {
        Some(at) => {
            let requirement = if name == "scales" {
                format!("finite and positive, also at {at}")
            } else {
                format!("finite, also at {at}")
            };
            Err(Error::invalid_parameter(name, numbers[at], requirement))
        }
        None => Ok(()),
    }
}

/// (X' − 1·cᵀ) · `right`: (m x n) times (n x k).
pub(crate) fn centered_product<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    center: &[f64],
    right: ArrayView2<'_, X::Scalar>,
) -> Result<Array2<X::Scalar>> {
    if center.iter().all(|c| *c == 0.0) {
        return x.multiply(right);
    }
    if let (true, Some(Lines::Dense(rows))) = (x.is_dense(), x.rows()) {
        let mut out = Array2::default((rows.nrows(), right.ncols()));
        let blocks = rows.axis_chunks_iter(Axis(0), BLOCK_ROWS);
        for (block, part) in blocks.zip(out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)) {
            multiply_dense(centered(block, center).view(), right, part);
        }
        return Ok(out);
    }
    let mut offset = vec![0.0; right.ncols()];
    for (row, c) in right.rows().into_iter().zip(center) {
        for (sum, v) in offset.iter_mut().zip(row) {
            *sum += c * v.as_f64();
        }
    }
    let mut out = x.multiply(right)?;
    for mut row in out.rows_mut() {
        for (v, offset) in row.iter_mut().zip(&offset) {
            *v = X::Scalar::from_f64(v.as_f64() - offset);
        }
    }
    Ok(out)
}

/// (X' − 1·cᵀ)ᵀ · `right`: (n x m) times (m x k).
pub(crate) fn centered_product_transposed<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    center: &[f64],
    right: ArrayView2<'_, X::Scalar>,
) -> Result<Array2<X::Scalar>> {
    if center.iter().all(|c| *c == 0.0) {
        return x.multiply_transposed(right);
    }
    if let (true, Some(Lines::Dense(rows))) = (x.is_dense(), x.rows()) {
        let mut sum = Array2::<f64>::zeros((rows.ncols(), right.ncols()));
        let mut part = Array2::default(sum.dim());
        let blocks = rows.axis_chunks_iter(Axis(0), BLOCK_ROWS);
        for (block, panel) in blocks.zip(right.axis_chunks_iter(Axis(0), BLOCK_ROWS)) {
            multiply_dense(centered(block, center).t(), panel, part.view_mut());
            sum.zip_mut_with(&part, |sum, v| *sum += v.as_f64());
        }
        return Ok(sum.mapv(X::Scalar::from_f64));
    }
    let sums: Vec<f64> = right
        .columns()
        .into_iter()
        .map(|column| column.iter().map(|v| v.as_f64()).sum())
        .collect();
    let mut out = x.multiply_transposed(right)?;
    for (mut row, c) in out.rows_mut().into_iter().zip(center) {
        for (v, sum) in row.iter_mut().zip(&sums) {
            *v = X::Scalar::from_f64(v.as_f64() - c * sum);
        }
    }
    Ok(out)
}

/// The rows with `center` taken from them, as rows in order.
pub(crate) fn centered<T: Scalar>(rows: ArrayView2<'_, T>, center: &[f64]) -> Array2<T> {
    let mut out = Array2::default(rows.dim());
    for (mut out, row) in out.rows_mut().into_iter().zip(rows.rows()) {
        for ((out, v), c) in out.iter_mut().zip(row).zip(center) {
            *out = T::from_f64(v.as_f64() - c);
        }
    }
    out
}
