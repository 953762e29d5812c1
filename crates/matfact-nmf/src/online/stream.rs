//! A model that is fed batch by batch.

use super::learner::{Coordinates, Learner};
use super::{MiniBatchNmf, START_WEIGHT};
use crate::fit::{Problem, start_of};
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
    learner: Option<Learner<T>>,
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
        let h = h.t().as_standard_layout().into_owned();
        let solver = self.nmf.solver;
        self.learner = Some(Learner::new(&self.nmf, solver, h, None));
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
        let mut learner = match &self.learner {
            Some(learner) => learner.clone(),
            None => self.begin(batch)?,
        };
        let known = learner.factors.h.nrows();
        if known != columns {
            return Err(Error::shape_mismatch("columns of a batch", known, columns));
        }
        let x = Products::new(batch, None);
        let mean = summary.mean();
        let measure = Measure::with_norm(&x, self.nmf.loss, mean, summary.squared_norm)?;
        let share = self
            .expected_rows
            .map_or(1.0, |expected| rows as f64 / expected as f64);
        let forget = self.settings.forget_factor.powf(share);
        let constraints: Constraints = self.nmf.constraints((rows, columns), 1.0);
        let kind = Coordinates::Fresh {
            level: (mean / self.nmf.rank() as f64).sqrt(),
            updates: self.settings.fresh_restarts_max_iter,
            tol: self.settings.tol,
        };
        let step = learner.step(&measure, rows, constraints, kind, forget)?;
        self.learner = Some(learner);
        self.batches += 1;
        self.rows += rows;
        Ok(step.objective / rows as f64)
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

    /// H so far (k x n); `None` before the first batch.
    #[must_use]
    pub fn components(&self) -> Option<ArrayView2<'_, T>> {
        self.learner.as_ref().map(|learner| learner.factors.h.t())
    }

    /// The model so far. The rows seen are not kept, so that its W has no rows: `transform` gives
    /// coordinates.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch.
    pub fn model(&self) -> Result<NmfModel<T>> {
        let Some(learner) = &self.learner else {
            return Err(Error::EmptyInput {
                rows: 0,
                columns: 0,
                stored: 0,
            });
        };
        let h = learner.factors.h.t().as_standard_layout().into_owned();
        let side = self.nmf.constraints((1, h.ncols()), 1.0).w;
        let w = Array2::default((0, h.nrows()));
        Ok(NmfModel::assembled(w, h, self.nmf.loss, side))
    }

    /// H from the first batch.
    fn begin<X: Matrix<Scalar = T> + ?Sized>(&self, batch: &X) -> Result<Learner<T>> {
        let nmf = &self.nmf;
        nmf.check_size(batch.shape())?;
        let init = nmf.resolve_init(batch.shape(), 0)?;
        let problem = Problem::of(nmf, batch)?;
        let factors = start_of(&problem, init, self.settings.seed)?;
        let restore = T::from_f64(problem.x.scale().sqrt());
        let (h, w) = (factors.h * restore, factors.w * restore);
        Ok(Learner::new(nmf, nmf.solver, h, Some((&w, START_WEIGHT))))
    }
}
