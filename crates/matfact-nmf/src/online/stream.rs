//! A model that is fed batch by batch.

use super::learner::{Coordinates, Learner};
use super::{MiniBatchNmf, START_WEIGHT};
use crate::fit::{Problem, start_of};
use crate::initialization::Factors;
use crate::loss::{Measure, require_positive_entries};
use crate::parameters::Constraints;
use crate::{Nmf, NmfModel};
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Error, Matrix, Result, Scalar, Summary};
use matfact_linalg::Products;

/// NMF of rows that come in batches, each seen once: of what has been, only H and sums of its size are
/// kept.
///
/// Each batch counts as [`MiniBatchNmf`] says, with coordinates found afresh. How fast earlier batches
/// fade: by `forget_factor` with every batch, or, once [`OnlineNmf::expect_rows`] has told how many rows
/// there will be, by `forget_factor` over all of them. The work runs on the current `rayon` pool.
///
/// ```
/// use matfact_core::{Transform, ndarray::Array2};
/// use matfact_nmf::MiniBatchNmf;
/// let block = |first: usize| {
///     Array2::from_shape_fn((20, 4), |(i, j)| ((first + i) % 3 + 1) as f64 * (j + 1) as f64)
/// };
/// let mut online = MiniBatchNmf::new(1).online::<f64>()?;
/// online.partial_fit(&block(0))?;
/// online.fit_stream((1..5).map(|number| Ok(block(20 * number))))?;
/// let model = online.model()?;
/// let w = model.transform(&block(100))?;
/// let rows = model.inverse_transform(w.view())?;
/// assert!((&rows - &block(100)).iter().all(|d| d.abs() < 1e-6));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnlineNmf<T> {
    settings: MiniBatchNmf,
    nmf: Nmf,
    /// Of X' = X / `scale`.
    learner: Option<Learner<T>>,
    /// H (n x k) to begin with.
    given: Option<Array2<T>>,
    /// A power of two, 1 unless the first batch with entries above zero is of an extreme size.
    scale: Option<f64>,
    expected_rows: Option<usize>,
    batches: usize,
    rows: usize,
}

impl MiniBatchNmf {
    /// A model without data yet; `batch_size` and what concerns epochs is not used.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`], [`Error::InvalidRank`] for rank 0.
    pub fn online<T: Scalar>(&self) -> Result<OnlineNmf<T>> {
        self.validate()?;
        let nmf = self.nmf()?;
        nmf.check_size((1, 1))?;
        Ok(OnlineNmf {
            settings: self.clone(),
            nmf,
            learner: None,
            given: None,
            scale: None,
            expected_rows: None,
            batches: 0,
            rows: 0,
        })
    }
}

impl<T: Scalar> OnlineNmf<T> {
    /// Tells how many rows there will be: `forget_factor` then applies to so many rows together.
    #[must_use]
    pub fn expect_rows(mut self, rows: usize) -> Self {
        self.expected_rows = Some(rows.max(1));
        self
    }

    /// Begins with this H (k x n) instead of one from the first batch.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if it has not k rows; [`Error::EmptyInput`], [`Error::NonFinite`],
    /// [`Error::Negative`].
    pub fn start_from(mut self, h: ArrayView2<'_, T>) -> Result<Self> {
        if h.nrows() != self.nmf.rank() {
            let what = "rows of the H to start from";
            return Err(Error::shape_mismatch(what, self.nmf.rank(), h.nrows()));
        }
        Summary::of(&h).require_non_negative("nmf")?;
        self.given = Some(h.t().as_standard_layout().into_owned());
        self.learner = None;
        Ok(self)
    }

    /// Batches seen.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Rows seen.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Learns from the rows of `batch` (any number x n, dense or sparse), and forgets them. Gives the
    /// objective of the batch by row, with H as it was before. An error leaves the model as it was.
    ///
    /// # Errors
    /// What a fit refuses in its input; [`Error::ShapeMismatch`] for another number of columns than
    /// before; [`Error::InvalidRank`] if H is to come from the first batch and that has fewer rows or
    /// columns than the initialization needs.
    pub fn partial_fit<X: Matrix<Scalar = T> + ?Sized>(&mut self, batch: &X) -> Result<f64> {
        let (rows, columns) = batch.shape();
        let summary = Summary::of(batch);
        summary.require_non_negative("nmf")?;
        require_positive_entries(self.nmf.loss, batch, &summary)?;
        let x = match self.scale {
            Some(scale) => Products::with_scale(batch, Some(&summary), scale),
            None => Products::new(batch, Some(&summary)),
        };
        let scale = x.scale();
        if self.scale.is_some_and(|fixed| fixed != scale) {
            return Err(Error::UnsupportedInput {
                algorithm: "nmf by batches of extreme size",
                expected: "dense or compressed batches, which can be rescaled",
                actual: "a matrix known by its products alone",
            });
        }
        let mut learner = match (&self.learner, &self.given) {
            // Batches of zeros alone have taught nothing, and are no start.
            (Some(learner), _) if self.scale.is_some() => learner.clone(),
            (_, Some(h)) => {
                let h = rescaled(h, 1.0 / scale.sqrt());
                Learner::new(&self.nmf, self.nmf.solver, h, None)
            }
            (_, None) => self.begin(batch)?,
        };
        let known = learner.factors.h.nrows();
        if known != columns {
            return Err(Error::shape_mismatch("columns of a batch", known, columns));
        }
        let mean = summary.mean() / scale;
        let squared_norm = x.squared_norm().unwrap_or(0.0);
        let measure = Measure::with_norm(&x, self.nmf.loss, mean, squared_norm)?;
        let share = self
            .expected_rows
            .map_or(1.0, |expected| rows as f64 / expected as f64);
        let forget = self.settings.forget_factor.powf(share);
        let constraints: Constraints = self.nmf.constraints((rows, columns), scale);
        let kind = Coordinates::Fresh {
            level: (mean / self.nmf.rank() as f64).sqrt(),
            updates: self.settings.fresh_restarts_max_iter,
            tol: self.settings.tol,
        };
        let step = learner.step(&measure, rows, constraints, kind, forget)?;
        self.learner = Some(learner);
        if summary.max_abs > 0.0 {
            self.scale = Some(scale);
        }
        self.batches += 1;
        self.rows += rows;
        Ok(step.objective / rows as f64 * scale.powf(self.nmf.loss.beta()))
    }

    /// Learns from row blocks one after the other, such as those that are read from a file: X may exceed
    /// memory. Ends at the first error; what came before it is learned.
    ///
    /// # Errors
    /// That of a block, or as [`OnlineNmf::partial_fit`].
    pub fn fit_stream<X: Matrix<Scalar = T>>(
        &mut self,
        blocks: impl IntoIterator<Item = Result<X>>,
    ) -> Result<()> {
        for block in blocks {
            self.partial_fit(&block?)?;
        }
        Ok(())
    }

    /// H so far (k x n); `None` before the first batch, unless H was given.
    #[must_use]
    pub fn components(&self) -> Option<Array2<T>> {
        let h = match &self.learner {
            Some(learner) => rescaled(&learner.factors.h, self.scale.unwrap_or(1.0).sqrt()),
            None => self.given.clone()?,
        };
        Some(h.t().as_standard_layout().into_owned())
    }

    /// The model so far. The rows seen are not kept, so that its W has no rows: `transform` gives
    /// coordinates.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch.
    pub fn model(&self) -> Result<NmfModel<T>> {
        let Some(h) = self.components() else {
            return Err(Error::EmptyInput {
                rows: 0,
                columns: 0,
                stored: 0,
            });
        };
        let side = self.nmf.constraints((1, h.ncols()), 1.0).w;
        let w = Array2::default((0, h.nrows()));
        Ok(NmfModel::assembled(w, h, self.nmf.loss, side))
    }

    /// H from the first batch, of X'.
    fn begin<X: Matrix<Scalar = T> + ?Sized>(&self, batch: &X) -> Result<Learner<T>> {
        let nmf = &self.nmf;
        nmf.check_size(batch.shape())?;
        let init = nmf.resolve_init(batch.shape(), 0)?;
        let problem = Problem::of(nmf, batch)?;
        let Factors { w, h } = start_of(&problem, init, self.settings.seed)?;
        Ok(Learner::new(nmf, nmf.solver, h, Some((&w, START_WEIGHT))))
    }
}

fn rescaled<T: Scalar>(factor: &Array2<T>, scale: f64) -> Array2<T> {
    if scale == 1.0 {
        return factor.clone();
    }
    factor.mapv(|v| T::from_f64(v.as_f64() * scale))
}
