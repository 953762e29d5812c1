//! The principal components of a stream of rows.

use super::refine::power_iteration;
use super::stack::{Batch, Kept, Wanted, merge, stack};
use super::svd::{check_batch, check_columns, nothing_seen};
use crate::PcaModel;
use crate::decomposition::in_range;
use crate::moments::Moments;
use crate::pca::Parts;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Error, LinearOperator, Result, Scalar};
use matfact_linalg::Products;

/// PCA of rows that come in batches (Ross et al. 2008), as scikit-learn's `IncrementalPCA`: of what has
/// been, only the mean and the leading components are kept. Sparse batches stay sparse. The page of the
/// module says how a batch is taken in; the step of the mean is one more row,
/// √(m_old m_batch / m)·(mean_old − mean_batch).
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of components k of the model |
/// | `oversampling` | 0 | 0.. | components kept beyond the rank; 0 is scikit-learn's way |
/// | `whiten` | false | | `transform` divides each coordinate by its deviation |
/// | `seed` | 0 | | of the random columns for batches that are not small |
///
/// Mean and variances of the columns are exact, whatever the batches. The noise variance is the mean of
/// what the components leave of them, over min(m, n) − k. The work runs on the current `rayon` pool and
/// gives the same bits for any number of threads.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_svd::IncrementalPca;
/// let mut pca = IncrementalPca::new(1)?;
/// pca.partial_fit(&array![[1.0, 1.0], [2.0, 2.0]])?;
/// pca.partial_fit(&array![[4.0, 4.0], [5.0, 5.0]])?;
/// let model = pca.model()?;
/// assert_eq!(model.mean().to_vec(), [3.0, 3.0]);
/// assert!((model.explained_variance()[0] - 20.0_f64 / 3.0).abs() < 1e-12);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IncrementalPca<T> {
    rank: usize,
    oversampling: usize,
    whiten: bool,
    seed: u64,
    seen: Option<Seen<T>>,
    batches: usize,
}

/// What is known of the rows seen.
#[derive(Debug, Clone, PartialEq)]
struct Seen<T> {
    kept: Kept<T>,
    rows: usize,
    mean: Vec<f64>,
    /// The root of the sum of all squared deviations; `None` once a batch had no known norm.
    deviation: Option<f64>,
}

impl<T: Scalar> Seen<T> {
    /// The row for the step from the mean of these rows to that of others, and the new mean.
    fn step(&self, rows: usize, mean: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (old, new) = (self.rows as f64, rows as f64);
        let share = new / (old + new);
        let weight = (old * share).sqrt();
        let pairs = || self.mean.iter().zip(mean);
        (
            pairs().map(|(old, new)| weight * (old - new)).collect(),
            pairs()
                .map(|(old, new)| old + (new - old) * share)
                .collect(),
        )
    }
}

/// The root of a sum of squares of any magnitude.
fn norm(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, v| f64::hypot(sum, *v))
}

impl<T: Scalar> IncrementalPca<T> {
    /// No rows yet, for models of `rank` components.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for rank 0.
    pub fn new(rank: usize) -> Result<Self> {
        if rank == 0 {
            return Err(Error::invalid_parameter("rank", rank, "at least 1"));
        }
        Ok(Self {
            rank,
            oversampling: 0,
            whiten: false,
            seed: 0,
            seen: None,
            batches: 0,
        })
    }

    /// Sets the number of components kept beyond the rank.
    #[must_use]
    pub fn oversampling(mut self, components: usize) -> Self {
        self.oversampling = components;
        self
    }

    /// Sets whether `transform` of the models divides each coordinate by its deviation.
    #[must_use]
    pub fn whiten(mut self, whiten: bool) -> Self {
        self.whiten = whiten;
        self
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
        self.seen.as_ref().map_or(0, |seen| seen.rows)
    }

    /// Takes in the rows of `batch` (any number x n, dense, sparse or an operator). An error leaves
    /// everything as it was.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`] (where entries can be listed),
    /// [`Error::ShapeMismatch`] for another number of columns than before, [`Error::Overflow`].
    pub fn partial_fit<X: LinearOperator<Scalar = T> + ?Sized>(&mut self, batch: &X) -> Result<()> {
        let rows = batch.shape().0;
        let known = self.seen.as_ref().map(|seen| seen.mean.len());
        let (summary, scale) = check_batch(batch, known, self.largest())?;
        let x = Products::with_scale(batch, summary.as_ref(), scale);
        let moments = Moments::of(&x, summary.as_ref())?;
        let own: Vec<f64> = moments.means.iter().map(|mean| mean * x.scale()).collect();
        let spread = moments.total.map(|total| total.sqrt() * x.scale());
        let below = Batch {
            x: &x,
            center: &moments.means,
            squared_norm: moments.total,
            stored: summary.as_ref().map_or(0, |summary| summary.stored),
        };
        let wanted = self.wanted();
        self.seen = Some(match &self.seen {
            None => Seen {
                kept: stack(None, 1.0, None, &below, wanted)?,
                rows,
                mean: own,
                deviation: spread,
            },
            Some(seen) => {
                let (step, mean) = seen.step(rows, &own);
                Seen {
                    kept: stack(Some(&seen.kept), 1.0, Some(&step), &below, wanted)?,
                    rows: seen.rows + rows,
                    mean,
                    deviation: joined(seen.deviation, spread, &step),
                }
            }
        });
        self.batches += 1;
        Ok(())
    }

    /// Takes in blocks of rows one after the other, such as those that are read from a file: X may exceed
    /// memory. Ends at the first error; what came before it is taken in.
    ///
    /// # Errors
    /// That of a block, or as [`IncrementalPca::partial_fit`].
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
    /// iteration that brings the components nearer to those of all rows at once. An error leaves everything
    /// as it was.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch, [`Error::ShapeMismatch`] for another number of rows or
    /// columns than was seen; that of a block, [`Error::NonFinite`], [`Error::Overflow`].
    pub fn refine_stream<X: LinearOperator<Scalar = T>>(
        &mut self,
        blocks: impl IntoIterator<Item = Result<X>>,
    ) -> Result<()> {
        let Some(seen) = &mut self.seen else {
            return Err(nothing_seen());
        };
        seen.kept = power_iteration(&seen.kept, Some(&seen.mean), seen.rows, blocks)?;
        Ok(())
    }

    /// Takes in what `other` has seen, as if its rows came as one batch. The settings stay those of
    /// `self`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the columns differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let Some(theirs) = &other.seen else {
            return Ok(());
        };
        self.seen = Some(match &self.seen {
            None => theirs.clone(),
            Some(ours) => {
                check_columns(Some(ours.mean.len()), theirs.mean.len())?;
                let (step, mean) = ours.step(theirs.rows, &theirs.mean);
                let width = self.wanted().width;
                Seen {
                    kept: merge(&ours.kept, 1.0, &theirs.kept, Some(&step), width)?,
                    rows: ours.rows + theirs.rows,
                    mean,
                    deviation: joined(ours.deviation, theirs.deviation, &step),
                }
            }
        });
        self.batches += other.batches;
        Ok(())
    }

    /// The model so far. The rows are not kept, so that it has no coordinates of them: `transform` gives
    /// those of any rows.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] before the first batch, [`Error::InvalidRank`] if so few rows or columns
    /// were seen that there are fewer components than the rank; [`Error::Overflow`].
    pub fn model(&self) -> Result<PcaModel<T>> {
        let Some(seen) = &self.seen else {
            return Err(nothing_seen());
        };
        let (singular_values, components) = seen.kept.leading(self.rank, seen.rows)?;
        let freedom = (seen.rows.max(2) - 1) as f64;
        let total = match seen.deviation {
            Some(deviation) => {
                let found = norm(&seen.kept.sigma);
                // Rounding must not leave a share above 1.
                let deviation = deviation.max(found) / freedom.sqrt();
                Some(in_range::<f64>(deviation, "the variance")?)
            }
            None => None,
        };
        let others = seen.rows.min(seen.mean.len()).saturating_sub(self.rank);
        let kept = norm(&seen.kept.sigma[..self.rank]) / freedom.sqrt();
        let noise = match (others, total) {
            (0, _) => Some(0.0),
            (_, Some(total)) if total > 0.0 => {
                // total² − kept², without squares that leave the range.
                let share = (1.0 - (kept / total).powi(2)).max(0.0);
                Some(total * (share / others as f64).sqrt())
            }
            (_, total) => total,
        };
        PcaModel::assembled(Parts {
            mean: Array1::from_vec(seen.mean.clone()),
            components,
            singular_values,
            scores: Array2::default((0, self.rank)),
            rows: seen.rows,
            whiten: self.whiten,
            total_deviation: total,
            noise_deviation: noise,
        })
    }

    fn largest(&self) -> f64 {
        self.seen.as_ref().map_or(0.0, |seen| {
            let mean = seen.mean.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            seen.kept.largest().max(mean)
        })
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            width: self.rank.saturating_add(self.oversampling),
            seed: self.seed.wrapping_add(self.batches as u64),
        }
    }
}

/// The root of the sum of squared deviations of two sets of rows, with the step between their means.
fn joined(first: Option<f64>, second: Option<f64>, step: &[f64]) -> Option<f64> {
    Some(norm(&[first?, second?, norm(step)]))
}
