//! The truncated decomposition of a stream of rows.

use super::refine::power_iteration;
use super::stack::{Batch, Kept, Wanted, merge, stack, unit};
use crate::SvdModel;
use matfact_core::ndarray::Array2;
use matfact_core::{Error, LinearOperator, Result, Scalar};
use matfact_linalg::Products;

/// The truncated SVD of rows that come in batches, as `gensim`'s `LsiModel` keeps it: of what has been,
/// only the leading singular values and right vectors are kept. The page of the module
/// says how a batch is taken in.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of singular triplets k of the model |
/// | `oversampling` | 10 | 0.. | triplets kept beyond the rank |
/// | `decay` | 1 | above 0, at most 1 | what each batch leaves of the singular values before it |
/// | `seed` | 0 | | of the random columns for batches that are not small |
///
/// The work runs on the current `rayon` pool and gives the same bits for any number of threads.
///
/// ```
/// use matfact_core::{Transform, ndarray::Array2};
/// use matfact_svd::IncrementalSvd;
/// // Rows of rank 2, twenty at a time.
/// let block = |first: usize| {
///     Array2::from_shape_fn((20, 6), |(i, j)| {
///         let row = (first + i) as f64;
///         row.sin() * (j + 1) as f64 + row.cos() * (j % 2) as f64
///     })
/// };
/// let mut svd = IncrementalSvd::new(2)?;
/// svd.fit_stream((0..5).map(|number| Ok(block(20 * number))))?;
/// assert_eq!(svd.rows(), 100);
/// let model = svd.model()?;
/// let coordinates = model.transform(&block(7))?;
/// let rows = coordinates.dot(&model.vt());
/// assert!((rows - block(7)).iter().all(|d: &f64| d.abs() < 1e-10));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IncrementalSvd<T> {
    rank: usize,
    oversampling: usize,
    decay: f64,
    seed: u64,
    kept: Option<Kept<T>>,
    batches: usize,
    rows: usize,
}

impl<T: Scalar> IncrementalSvd<T> {
    /// No rows yet, for models of `rank` triplets.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for rank 0.
    pub fn new(rank: usize) -> Result<Self> {
        if rank == 0 {
            return Err(Error::invalid_parameter("rank", rank, "at least 1"));
        }
        Ok(Self {
            rank,
            oversampling: 10,
            decay: 1.0,
            seed: 0,
            kept: None,
            batches: 0,
            rows: 0,
        })
    }

    /// Sets the number of triplets kept beyond the rank.
    #[must_use]
    pub fn oversampling(mut self, triplets: usize) -> Self {
        self.oversampling = triplets;
        self
    }

    /// Sets what each batch leaves of the singular values before it: below 1, old rows fade.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless it is above 0 and at most 1.
    pub fn decay(mut self, decay: f64) -> Result<Self> {
        if !(decay > 0.0 && decay <= 1.0) {
            return Err(Error::invalid_parameter(
                "decay",
                decay,
                "above 0 and at most 1",
            ));
        }
        self.decay = decay;
        Ok(self)
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
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

    /// Takes in the rows of `batch` (any number x n, dense, sparse or an operator). An error leaves
    /// everything as it was.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`] (where entries can be listed),
    /// [`Error::ShapeMismatch`] for another number of columns than before, [`Error::Overflow`].
    pub fn partial_fit<X: LinearOperator<Scalar = T> + ?Sized>(&mut self, batch: &X) -> Result<()> {
        let columns = self.kept.as_ref().map(|kept| kept.vt.ncols());
        let (summary, scale) = check_batch(batch, columns, self.largest())?;
        let x = Products::with_scale(batch, summary.as_ref(), scale);
        let zeros = vec![0.0; batch.shape().1];
        let rows = Batch {
            x: &x,
            center: &zeros,
            squared_norm: x.squared_norm(),
            stored: summary.as_ref().map_or(0, |summary| summary.stored),
        };
        let wanted = self.wanted();
        self.kept = Some(stack(self.kept.as_ref(), self.decay, None, &rows, wanted)?);
        self.batches += 1;
        self.rows += batch.shape().0;
        Ok(())
    }

    /// Takes in blocks of rows one after the other, such as those that are read from a file: X may exceed
    /// memory. Ends at the first error; what came before it is taken in.
    ///
    /// # Errors
    /// That of a block, or as [`IncrementalSvd::partial_fit`].
    pub fn fit_stream<X: LinearOperator<Scalar = T>>(
        &mut self,
        blocks: impl IntoIterator<Item = Result<X>>,
    ) -> Result<()> {
        for block in blocks {
            self.partial_fit(&block?)?;
        }
        Ok(())
    }

    /// Passes over all rows that were taken in once more, in batches of any size and order: a power
    /// iteration that brings the triplets nearer to those of all rows at once. An error leaves everything
    /// as it was.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch, [`Error::InvalidParameter`] with a decay, by which rows do
    /// not count alike, [`Error::ShapeMismatch`] for another number of rows or columns than was seen; that
    /// of a block, [`Error::NonFinite`], [`Error::Overflow`].
    ///
    /// ```
    /// use matfact_core::ndarray::Array2;
    /// use matfact_svd::IncrementalSvd;
    /// let block = |first: usize| {
    ///     Array2::from_shape_fn((20, 6), |(i, j)| ((7 * (first + i) + 3 * j * j) % 11) as f64)
    /// };
    /// let blocks = || (0..5).map(|number| Ok(block(20 * number)));
    /// let mut svd = IncrementalSvd::new(2)?.oversampling(1);
    /// svd.fit_stream(blocks())?;
    /// let once = svd.model()?.singular_values()[1];
    /// svd.refine_stream(blocks())?;
    /// assert!(svd.model()?.singular_values()[1] >= once);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn refine_stream<X: LinearOperator<Scalar = T>>(
        &mut self,
        blocks: impl IntoIterator<Item = Result<X>>,
    ) -> Result<()> {
        let Some(kept) = &self.kept else {
            return Err(nothing_seen());
        };
        if self.decay < 1.0 {
            let requirement = "1 for a further pass, in which all rows count alike";
            return Err(Error::invalid_parameter("decay", self.decay, requirement));
        }
        self.kept = Some(power_iteration(kept, None, self.rows, blocks)?);
        Ok(())
    }

    /// Takes in what `other` has seen, as if its rows came as one batch: parts of X can be learned on
    /// different machines. The settings stay those of `self`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the columns differ.
    ///
    /// ```
    /// use matfact_core::ndarray::array;
    /// use matfact_svd::IncrementalSvd;
    /// let mut first = IncrementalSvd::new(1)?;
    /// first.partial_fit(&array![[3.0, 0.0]])?;
    /// let mut second = IncrementalSvd::new(1)?;
    /// second.partial_fit(&array![[4.0, 0.0]])?;
    /// first.merge(&second)?;
    /// assert!((first.model()?.singular_values()[0] - 5.0_f64).abs() < 1e-12);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let Some(theirs) = &other.kept else {
            return Ok(());
        };
        self.kept = Some(match &self.kept {
            None => theirs.clone(),
            Some(ours) => {
                check_columns(Some(ours.vt.ncols()), theirs.vt.ncols())?;
                merge(ours, self.decay, theirs, None, self.wanted().width)?
            }
        });
        self.batches += other.batches;
        self.rows += other.rows;
        Ok(())
    }

    /// The model so far. The rows are not kept, so that its U has none: `transform` gives coordinates.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch, [`Error::InvalidRank`] if so few rows or columns
    /// were seen that there are fewer triplets than the rank; [`Error::Overflow`].
    pub fn model(&self) -> Result<SvdModel<T>> {
        let Some(kept) = &self.kept else {
            return Err(nothing_seen());
        };
        let (values, vt) = kept.leading(self.rank, self.rows)?;
        SvdModel::new(Array2::default((0, self.rank)), values, vt)
    }

    fn largest(&self) -> f64 {
        self.kept.as_ref().map_or(0.0, Kept::largest)
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            width: self.rank.saturating_add(self.oversampling),
            seed: self.seed.wrapping_add(self.batches as u64),
        }
    }
}

pub(super) fn nothing_seen() -> Error {
    Error::EmptyInput {
        rows: 0,
        columns: 0,
        stored: 0,
    }
}

pub(super) fn check_columns(known: Option<usize>, columns: usize) -> Result<()> {
    match known {
        Some(known) if known != columns => {
            Err(Error::shape_mismatch("columns of a batch", known, columns))
        }
        _ => Ok(()),
    }
}

/// The summary of a batch that is good, and the unit for it and for what was kept, of magnitude `largest`.
pub(super) fn check_batch<X: LinearOperator + ?Sized>(
    batch: &X,
    known: Option<usize>,
    largest: f64,
) -> Result<(Option<matfact_core::Summary>, f64)> {
    let (rows, columns) = batch.shape();
    if rows == 0 || columns == 0 {
        return Err(Error::EmptyInput {
            rows,
            columns,
            stored: 0,
        });
    }
    let summary = batch.summary();
    if let Some(summary) = &summary {
        summary.require_finite()?;
    }
    check_columns(known, columns)?;
    let largest = summary
        .as_ref()
        .map_or(largest, |summary| summary.max_abs.max(largest));
    Ok((summary, unit::<X::Scalar>(largest)))
}
