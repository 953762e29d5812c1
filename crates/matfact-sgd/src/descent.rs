//! The state of a fit: factors and biases by range, and the epochs that move them.

use crate::blocks::{BlockRow, Partition, block_rows, range_count};
use crate::sgd::Sgd;
use matfact_core::ndarray::{Array1, Array2, Axis};
use matfact_core::{Error, FactorModel, ObservedEntries, Result, Scalar};
use matfact_linalg::{
    BlockSide, DescentStep, FactorLanes, RatingsSurvey, ShrunkBias, Simd, descend_block,
    random_stream,
};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Random streams, by purpose; the number of a row or a range is added.
mod stream {
    pub(super) const STRATA: u64 = 0;
    pub(super) const ROW_RANGES: u64 = 1;
    pub(super) const COLUMN_RANGES: u64 = 2;
    pub(super) const BLOCKS: u64 = 1 << 32;
    pub(super) const ROW_FACTORS: u64 = 2 << 32;
    pub(super) const COLUMN_FACTORS: u64 = 3 << 32;
}

/// A root mean square error this many times that of the mean alone is no longer a fit.
const HOPELESS: f64 = 1e3;

/// The factors and biases of one range of rows or columns.
#[derive(Debug)]
struct Chunk<T> {
    range: usize,
    factors: Vec<FactorLanes<T>>,
    biases: Vec<ShrunkBias<T>>,
    /// λ_b / n of each member.
    bias_penalties: Vec<f64>,
}

/// Everything that an epoch needs.
pub(crate) struct Descent<T> {
    settings: Sgd,
    survey: RatingsSurvey<T>,
    partitions: [Partition; 2],
    blocks: Vec<BlockRow<T>>,
    rows: Vec<Chunk<T>>,
    /// The chunk at position i is the one that meets row range i.
    columns: Vec<Chunk<T>>,
    width: usize,
}

impl<T: Scalar> Descent<T> {
    /// The blocks, and the factors as they start.
    pub(crate) fn new<X>(settings: &Sgd, x: &X, survey: RatingsSurvey<T>) -> Self
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let seed = settings.get_seed();
        let rated = |counts: &[usize]| counts.iter().filter(|count| **count > 0).count();
        let ranges = range_count(
            survey.observed,
            rated(&survey.row_counts),
            rated(&survey.column_counts),
        );
        let deal = |counts: &[usize], number: u64| {
            Partition::new(counts, ranges, &mut random_stream(seed, number))
        };
        let row_partition = deal(&survey.row_counts, stream::ROW_RANGES);
        let column_partition = deal(&survey.column_counts, stream::COLUMN_RANGES);
        let width = settings.rank().div_ceil(FactorLanes::<T>::COUNT);
        let blocks = block_rows(
            x,
            &survey,
            (&row_partition, &column_partition),
            width,
            seed,
            |range| stream::BLOCKS + range as u64,
        );
        let rows = chunks(
            settings,
            &row_partition,
            &survey.row_counts,
            stream::ROW_FACTORS,
        );
        let columns = chunks(
            settings,
            &column_partition,
            &survey.column_counts,
            stream::COLUMN_FACTORS,
        );
        Self {
            settings: settings.clone(),
            survey,
            partitions: [row_partition, column_partition],
            blocks,
            rows,
            columns,
            width,
        }
    }

    /// One epoch (counted from 1): the root mean square of the errors that the ratings had just
    /// before their updates, in units of the ratings.
    pub(crate) fn epoch(&mut self, epoch: usize) -> Result<f64> {
        let learning_rate = self.settings.learning_rate_in(epoch);
        let mut strata: Vec<usize> = (0..self.rows.len()).collect();
        let mut rng = random_stream(self.settings.get_seed(), stream::STRATA);
        rng.set_word_pos(u128::from(epoch as u64) << 32);
        strata.shuffle(&mut rng);
        let error = self.pass(&strata, learning_rate, self.settings.get_regularization());
        // An error that is not a number fails the comparison.
        if error < HOPELESS {
            Ok(error * self.survey.scale)
        } else {
            Err(Error::Diverged {
                epoch,
                learning_rate,
            })
        }
    }

    /// The root mean square training error as things stand.
    pub(crate) fn training_error(&mut self) -> f64 {
        let strata: Vec<usize> = (0..self.rows.len()).collect();
        self.pass(&strata, 0.0, 0.0) * self.survey.scale
    }

    /// Visits every rating once; the error is in units of the scale.
    fn pass(&mut self, strata: &[usize], learning_rate: f64, regularization: f64) -> f64 {
        let step = DescentStep {
            learning_rate: T::from_f64(learning_rate),
            shrinkage: T::from_f64(1.0 / (1.0 + learning_rate * regularization)),
            biased: self.settings.is_biased(),
            width: self.width,
        };
        for chunk in self.rows.iter_mut().chain(&mut self.columns) {
            for (bias, penalty) in chunk.biases.iter_mut().zip(&chunk.bias_penalties) {
                bias.shrinkage = T::from_f64(1.0 / (1.0 + learning_rate * penalty));
            }
        }
        let simd = Simd::detect();
        let ranges = self.columns.len();
        let mut squares = 0.0;
        for stratum in strata {
            // Row range i meets column range i + stratum.
            let ahead = self.columns[0].range;
            self.columns
                .rotate_left((stratum + ranges - ahead) % ranges);
            let of_blocks: Vec<f64> = self
                .rows
                .par_iter_mut()
                .zip(&mut self.columns)
                .zip(&self.blocks)
                .with_max_len(1)
                .map(|((rows, columns), blocks)| {
                    let entries = blocks.block(columns.range);
                    descend_block(simd, entries, rows.side(), columns.side(), step)
                })
                .collect();
            squares += of_blocks.iter().sum::<f64>();
        }
        (squares / self.survey.observed as f64).sqrt()
    }

    /// The model in the order and scale of the input; `epoch` is the last that was done.
    pub(crate) fn into_model(self, epoch: usize) -> Result<FactorModel<T>> {
        let (m, n) = self.survey.shape;
        let scale = self.survey.scale;
        let [row_partition, column_partition] = &self.partitions;
        let (row_factors, row_biases) = self.side(&self.rows, row_partition, m);
        let (column_factors, column_biases) = self.side(&self.columns, column_partition, n);
        let model = FactorModel::new(row_factors, column_factors)?.with_mean(self.survey.mean);
        let model = if self.settings.is_biased() {
            model.with_biases(row_biases, column_biases)?
        } else {
            model
        };
        let finite = |side: &[Chunk<T>]| {
            side.par_iter().all(|chunk| {
                let factors = chunk.factors.iter().flat_map(|lanes| &lanes.0);
                let mut values = factors.chain(chunk.biases.iter().map(|b| &b.bias));
                values.all(|value| value.is_finite())
            })
        };
        if !finite(&self.rows) || !finite(&self.columns) {
            return Err(Error::Diverged {
                epoch,
                learning_rate: self.settings.learning_rate_in(epoch),
            });
        }
        let biases = [model.row_bias(), model.column_bias()];
        let in_range = biases.iter().flatten().flatten().all(|v| v.is_finite())
            && model.row_factors().iter().all(|v| v.is_finite())
            && model.column_factors().iter().all(|v| v.is_finite());
        if !in_range {
            return Err(Error::Overflow {
                step: format!("scaling the factors by the ratings' deviation {scale:e}"),
                scalar: T::NAME,
            });
        }
        Ok(model)
    }

    /// One side's factors and biases, zero for rows without ratings.
    fn side(
        &self,
        chunks: &[Chunk<T>],
        partition: &Partition,
        length: usize,
    ) -> (Array2<T>, Array1<T>) {
        let rank = self.settings.rank();
        let scale = self.survey.scale;
        let root = T::from_f64(scale.sqrt());
        let mut factors = Array2::default((length, rank));
        let mut biases = Array1::default(length);
        for chunk in chunks {
            let members = &partition.ranges[chunk.range];
            let rows = chunk.factors.chunks_exact(self.width);
            for (member, row) in members.iter().zip(rows) {
                let values = row.iter().flat_map(|lanes| &lanes.0);
                let target = factors.index_axis_mut(Axis(0), *member as usize);
                for (target, value) in target.into_iter().zip(values) {
                    *target = *value * root;
                }
            }
            for (member, bias) in members.iter().zip(&chunk.biases) {
                biases[*member as usize] = T::from_f64(bias.bias.as_f64() * scale);
            }
        }
        (factors, biases)
    }
}

impl<T> Chunk<T> {
    fn side(&mut self) -> BlockSide<'_, T> {
        BlockSide {
            factors: &mut self.factors,
            biases: &mut self.biases,
        }
    }
}

/// Small random factors and zero biases; the numbers of a row depend on the seed and the row alone.
fn chunks<T: Scalar>(
    settings: &Sgd,
    partition: &Partition,
    counts: &[usize],
    stream: u64,
) -> Vec<Chunk<T>> {
    let rank = settings.rank();
    let width = rank.div_ceil(FactorLanes::<T>::COUNT);
    let deviation = settings.get_initial_deviation() / (rank as f64).sqrt();
    let start = |(range, members): (usize, &Vec<u32>)| {
        let mut factors = vec![FactorLanes::default(); members.len() * width];
        for (member, row) in members.iter().zip(factors.chunks_exact_mut(width)) {
            let mut rng = random_stream(settings.get_seed(), stream + u64::from(*member));
            for value in row.iter_mut().flat_map(|lanes| &mut lanes.0).take(rank) {
                let normal: f64 = StandardNormal.sample(&mut rng);
                *value = T::from_f64(deviation * normal);
            }
        }
        let penalty =
            |member: &u32| settings.get_bias_regularization() / counts[*member as usize] as f64;
        Chunk {
            range,
            factors,
            biases: vec![ShrunkBias::default(); members.len()],
            bias_penalties: members.iter().map(penalty).collect(),
        }
    };
    partition.ranges.par_iter().enumerate().map(start).collect()
}
