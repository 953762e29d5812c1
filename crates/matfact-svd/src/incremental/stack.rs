//! Leading triplets of what was kept with new rows below it.

use crate::decomposition::{fix_signs, in_range, leading_rows, product, thin_svd};
use crate::standardized::{centered, centered_product, centered_product_transposed};
use crate::{Tolerance, TruncatedSvd};
use matfact_core::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate};
use matfact_core::{Error, Factorizer, LinearOperator, Result, Scalar, Summary};
use matfact_linalg::{Lines, Products, multiply_dense};

/// A stack with a dense batch is decomposed exactly if its smaller side is at most this,
const EXACT_SIDE: usize = 400;
/// and any stack with at most so many entries.
const EXACT_ENTRIES: usize = 1 << 14;

/// What is kept of the rows seen: Σ and Vᵀ (l x n).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept<T> {
    pub(super) vt: Array2<T>,
    /// Descending, in `f64`.
    pub(super) sigma: Vec<f64>,
}

impl<T: Scalar> Kept<T> {
    /// ΣVᵀ times `factor`.
    fn weighted(&self, factor: f64) -> Array2<T> {
        let mut rows = self.vt.clone();
        for (mut row, s) in rows.rows_mut().into_iter().zip(&self.sigma) {
            row.mapv_inplace(|v| T::from_f64(v.as_f64() * (s * factor)));
        }
        rows
    }

    pub(super) fn largest(&self) -> f64 {
        self.sigma.first().copied().unwrap_or(0.0)
    }

    /// The `rank` leading singular values and vectors, for a model.
    ///
    /// # Errors
    /// [`Error::InvalidRank`] if fewer are known, [`Error::Overflow`].
    pub(super) fn leading(&self, rank: usize, rows: usize) -> Result<(Array1<T>, Array2<T>)> {
        if rank > self.sigma.len() {
            return Err(Error::InvalidRank {
                rank,
                limit: self.sigma.len(),
                shape: (rows, self.vt.ncols()),
            });
        }
        let values = self.sigma.iter().take(rank);
        let values = values.map(|s| in_range(*s, "the largest singular value"));
        Ok((
            values.collect::<Result<Array1<T>>>()?,
            leading_rows(self.vt.view(), rank),
        ))
    }
}

/// The power of two near `largest`, if products of such numbers would leave the range of `T`; else 1.
pub(super) fn unit<T: Scalar>(largest: f64) -> f64 {
    let bound = if T::NAME == f32::NAME { 1e12 } else { 1e120 };
    if largest == 0.0 || (1.0 / bound..=bound).contains(&largest) {
        return 1.0;
    }
    largest.log2().floor().clamp(-1000.0, 1000.0).exp2()
}

/// The relative error of the singular values of a stack.
const TOLERANCE: f64 = 1e-6;

/// A batch as it goes into the stack.
pub(super) struct Batch<'a, 'x, X: LinearOperator + ?Sized> {
    pub(super) x: &'a Products<'x, X>,
    /// What is taken from its columns, in its unit.
    pub(super) center: &'a [f64],
    /// The squared norm of the centred batch in its unit, where it is known.
    pub(super) squared_norm: Option<f64>,
    /// Its stored entries, where they are known.
    pub(super) stored: usize,
}

/// How many triplets are found, and the seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) width: usize,
    pub(super) seed: u64,
}

/// The leading triplets of decay·ΣVᵀ, the row `step` and the batch below one another.
pub(super) fn stack<X: LinearOperator + ?Sized>(
    kept: Option<&Kept<X::Scalar>>,
    decay: f64,
    step: Option<&[f64]>,
    batch: &Batch<'_, '_, X>,
    wanted: Wanted,
) -> Result<Kept<X::Scalar>> {
    let scale = batch.x.scale();
    let n = batch.x.shape().1;
    let mut top = match kept {
        Some(kept) => kept.weighted(decay / scale),
        None => Array2::default((0, n)),
    };
    if let Some(step) = step {
        let row: Array2<X::Scalar> =
            Array2::from_shape_fn((1, n), |(_, j)| X::Scalar::from_f64(step[j] / scale));
        top = concatenate![Axis(0), top, row];
    }
    if top.iter().any(|v| !v.as_f64().is_finite()) {
        in_range::<X::Scalar>(f64::INFINITY, "what was kept of earlier batches")?;
    }
    let stacked = Stacked { top, batch };
    let (p, n) = stacked.shape();
    let width = wanted.width.min(p).min(n);
    let small = p.min(n) <= EXACT_SIDE && batch.x.is_dense();
    if small || p.saturating_mul(n) <= EXACT_ENTRIES {
        return Ok(exact(stacked.dense()?, width, scale));
    }
    // What is lost in one batch is lost to all that follow.
    let tolerance = Tolerance::SingularValues(TOLERANCE);
    let svd = TruncatedSvd::new(width).tolerance(tolerance);
    let svd = svd.seed(wanted.seed);
    let model = svd.fit(&stacked)?.model;
    let values = model.singular_values();
    Ok(Kept {
        vt: model.vt().to_owned(),
        sigma: values.iter().map(|s| s.as_f64() * scale).collect(),
    })
}

/// The leading triplets of two that were kept, the first of them times `decay`, and of `step`.
pub(super) fn merge<T: Scalar>(
    first: &Kept<T>,
    decay: f64,
    second: &Kept<T>,
    step: Option<&[f64]>,
    width: usize,
) -> Result<Kept<T>> {
    let scale = unit::<f64>(first.largest().max(second.largest()));
    let wide = |kept: &Kept<T>, factor: f64| {
        let mut rows = kept.vt.mapv(|v| v.as_f64());
        for (mut row, s) in rows.rows_mut().into_iter().zip(&kept.sigma) {
            row.mapv_inplace(|v| v * (s * factor));
        }
        rows
    };
    let mut rows = concatenate![
        Axis(0),
        wide(first, decay / scale),
        wide(second, 1.0 / scale)
    ];
    if let Some(step) = step {
        let row = Array2::from_shape_fn((1, rows.ncols()), |(_, j)| step[j] / scale);
        rows = concatenate![Axis(0), rows, row];
    }
    let width = width.min(rows.nrows()).min(rows.ncols());
    Ok(exact(rows, width, scale))
}

fn exact<T: Scalar>(rows: Array2<f64>, width: usize, scale: f64) -> Kept<T> {
    let (_, sigma, vt) = thin_svd(rows.view());
    let mut vt = leading_rows(vt.view(), width);
    fix_signs(&mut vt);
    Kept {
        vt: vt.mapv(T::from_f64),
        sigma: sigma.iter().take(width).map(|s| s * scale).collect(),
    }
}

/// Dense rows above a centred batch, in the unit of the batch.
struct Stacked<'a, 'b, 'x, X: LinearOperator + ?Sized> {
    top: Array2<X::Scalar>,
    batch: &'a Batch<'b, 'x, X>,
}

impl<X: LinearOperator + ?Sized> Stacked<'_, '_, '_, X> {
    /// All of it.
    fn dense(&self) -> Result<Array2<f64>> {
        let n = self.top.ncols();
        let wide = match self.batch.x.rows() {
            Some(Lines::Dense(rows)) => rows.mapv(|v| v.as_f64()),
            Some(Lines::Sparse(rows)) => crate::moments::dense_rows(&rows, (0, rows.shape.0)),
            None => {
                let all = self.batch.x.multiply(Array2::eye(n).view())?;
                all.mapv(|v| v.as_f64())
            }
        };
        let below = centered(wide.view(), self.batch.center);
        Ok(concatenate![Axis(0), self.top.mapv(|v| v.as_f64()), below])
    }
}

impl<X: LinearOperator + ?Sized> LinearOperator for Stacked<'_, '_, '_, X> {
    type Scalar = X::Scalar;

    fn shape(&self) -> (usize, usize) {
        let (rows, columns) = self.batch.x.shape();
        (self.top.nrows() + rows, columns)
    }

    fn multiply(&self, right: ArrayView2<'_, X::Scalar>, out: ArrayViewMut2<'_, X::Scalar>) {
        let (above, mut below) = out.split_at(Axis(0), self.top.nrows());
        multiply_dense(self.top.view(), right, above);
        match centered_product(self.batch.x, self.batch.center, right) {
            Ok(product) => below.assign(&product),
            Err(_) => below.fill(X::Scalar::from_f64(f64::NAN)),
        }
    }

    fn multiply_transposed(
        &self,
        right: ArrayView2<'_, X::Scalar>,
        mut out: ArrayViewMut2<'_, X::Scalar>,
    ) {
        let (above, below) = right.split_at(Axis(0), self.top.nrows());
        match centered_product_transposed(self.batch.x, self.batch.center, below) {
            Ok(part) => {
                out.assign(&product(self.top.t(), above));
                out += &part;
            }
            Err(_) => out.fill(X::Scalar::from_f64(f64::NAN)),
        }
    }

    fn summary(&self) -> Option<Summary> {
        let below = self.batch.squared_norm?;
        let above: f64 = self.top.iter().map(|v| v.as_f64().powi(2)).sum();
        let squared_norm = above + below;
        let stored = self.top.len() + self.batch.stored;
        // No entry exceeds the norm.
        let largest = squared_norm.sqrt();
        Some(Summary::of_operator(
            self.shape(),
            stored,
            f64::NAN,
            squared_norm,
            largest,
        ))
    }
}
