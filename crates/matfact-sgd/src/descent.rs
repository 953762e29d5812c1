//! The state of a fit: factors and biases by range, and the epochs that move them.

use crate::Sgd;
use crate::blocks::{Partition, range_count};
use crate::checkpoint::{give_chunks, take_chunks};
use crate::chunk::{Beginning, Chunk};
use crate::input::{BlockPlan, RatingSource};
use crate::strata::Blocks;
use crate::survey::Targets;
use matfact_core::ndarray::{Array1, Array2, Axis};
use matfact_core::{CheckpointState, Error, FactorModel, Result, Scalar};
use matfact_linalg::{
    DescentStep, FactorLanes, FactorPenalty, LossStep, Simd, descend_block, descend_block_by_loss,
    random_stream,
};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::ops::ControlFlow;

/// Random streams, by purpose; the number of a row or a range is added.
mod stream {
    pub(super) const STRATA: u64 = 0;
    pub(super) const ROW_RANGES: u64 = 1;
    pub(super) const COLUMN_RANGES: u64 = 2;
    pub(super) const BLOCKS: u64 = 1 << 32;
    pub(super) const ROW_FACTORS: u64 = 2 << 32;
    pub(super) const COLUMN_FACTORS: u64 = 3 << 32;
}

/// Factors and biases, and all that an epoch changes.
#[derive(Debug, Clone)]
pub(crate) struct State<T> {
    rows: Vec<Chunk<T>>,
    /// The chunk at position i is the one that meets row range i.
    columns: Vec<Chunk<T>>,
}

/// Everything that an epoch needs.
pub(crate) struct Descent<'a, T> {
    settings: &'a Sgd,
    targets: Targets<T>,
    /// The model that the fit began with.
    base: Option<&'a FactorModel<T>>,
    partitions: [Partition; 2],
    blocks: Blocks<T>,
    state: State<T>,
    penalties: [FactorPenalty<f64>; 2],
    plain: bool,
    width: usize,
    /// What the learning rates are multiplied by.
    pace: f64,
}

impl<'a, T: Scalar> Descent<'a, T> {
    /// The blocks, and the factors as they start.
    pub(crate) fn new<X>(
        settings: &'a Sgd,
        x: &X,
        targets: Targets<T>,
        base: Option<&'a FactorModel<T>>,
    ) -> Result<Self>
    where
        X: RatingSource<Scalar = T> + ?Sized,
    {
        let seed = settings.seed;
        let rated = |counts: &[usize]| counts.iter().filter(|count| **count > 0).count();
        let [row_counts, column_counts] = &targets.counts;
        let visits = row_counts.iter().sum();
        let ranges = range_count(visits, rated(row_counts), rated(column_counts));
        let deal = |counts: &[usize], number: u64| {
            Partition::new(counts, ranges, &mut random_stream(seed, number))
        };
        let row_partition = deal(row_counts, stream::ROW_RANGES);
        let column_partition = deal(column_counts, stream::COLUMN_RANGES);
        let width = settings.rank.div_ceil(FactorLanes::<T>::COUNT);
        let plan = BlockPlan {
            rows: &row_partition,
            columns: &column_partition,
            width,
            seed,
            first_stream: stream::BLOCKS,
        };
        let blocks = x.blocks(&targets, &plan)?;
        // Without a mean the factors have to make it up: p · q starts there.
        let root = (settings.rank as f64).sqrt();
        let centre = settings.initial_mean.unwrap_or(targets.level.abs().sqrt()) / root;
        let sign = if targets.level < 0.0 { -1.0 } else { 1.0 };
        let rows = Beginning {
            totals: &targets.totals[0],
            stream: stream::ROW_FACTORS,
            centre,
            scale: targets.scale,
            known: base.map(|base| (base.row_factors(), base.row_bias())),
        };
        let columns = Beginning {
            totals: &targets.totals[1],
            stream: stream::COLUMN_FACTORS,
            centre: centre * sign,
            known: base.map(|base| (base.column_factors(), base.column_bias())),
            ..rows
        };
        let state = State {
            rows: rows.chunks(settings, &row_partition.ranges),
            columns: columns.chunks(settings, &column_partition.ranges),
        };
        let penalties = settings.penalties(targets.scale);
        let plain = settings.is_plain(&penalties) && !targets.weighted;
        Ok(Self {
            settings,
            targets,
            base,
            partitions: [row_partition, column_partition],
            blocks,
            state,
            penalties,
            plain,
            width,
            pace: 1.0,
        })
    }

    /// What an epoch changes, to come back to.
    pub(crate) fn state(&self) -> State<T> {
        self.state.clone()
    }

    /// Back to an earlier state.
    pub(crate) fn restore(&mut self, state: &State<T>) {
        self.state = state.clone();
    }

    /// Puts what an epoch changes into a checkpoint; learning rates are the caller's to restore.
    pub(crate) fn give(&self, state: &mut CheckpointState) {
        give_chunks(state, "rows", &self.state.rows);
        give_chunks(state, "columns", &self.state.columns);
    }

    /// Takes what [`Descent::give`] has put.
    pub(crate) fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        take_chunks(state, "rows", &mut self.state.rows)?;
        take_chunks(state, "columns", &mut self.state.columns)
    }

    /// Halves all learning rates from here on.
    pub(crate) fn halve(&mut self) {
        self.pace *= 0.5;
    }

    /// The learning rate of the factors in an epoch, counted from 1.
    pub(crate) fn learning_rate(&self, epoch: usize) -> f64 {
        self.settings.learning_rates_in(epoch).0 * self.pace
    }

    /// One epoch (counted from 1): the root mean square of the errors that the ratings had just
    /// before their updates (or the mean of their losses), in units of the ratings.
    pub(crate) fn epoch(&mut self, epoch: usize) -> Result<f64> {
        let (factors, biases) = self.settings.learning_rates_in(epoch);
        let rates = (factors * self.pace, biases * self.pace);
        let mut strata: Vec<usize> = (0..self.state.rows.len()).collect();
        let mut rng = random_stream(self.settings.seed, stream::STRATA);
        rng.set_word_pos(u128::from(epoch as u64) << 32);
        strata.shuffle(&mut rng);
        match self.pass(&strata, epoch, rates, self.penalties)? {
            Some(error) => Ok(error),
            None => Err(self.diverged(epoch)),
        }
    }

    /// The error for factors that have left the finite range.
    pub(crate) fn diverged(&self, epoch: usize) -> Error {
        Error::Diverged {
            epoch,
            learning_rate: self.learning_rate(epoch),
        }
    }

    /// The training error as things stand.
    pub(crate) fn training_error(&mut self) -> Result<f64> {
        let strata: Vec<usize> = (0..self.state.rows.len()).collect();
        let none = [FactorPenalty::default(); 2];
        let error = self.pass(&strata, 0, (0.0, 0.0), none)?;
        Ok(error.unwrap_or(f64::MAX))
    }

    /// Visits every rating once; nothing if the errors leave all bounds.
    fn pass(
        &mut self,
        strata: &[usize],
        epoch: usize,
        (learning_rate, bias_learning_rate): (f64, f64),
        penalties: [FactorPenalty<f64>; 2],
    ) -> Result<Option<f64>> {
        let plain = DescentStep {
            learning_rate: T::from_f64(learning_rate),
            shrinkage: T::from_f64(1.0 / (1.0 + learning_rate * penalties[0].squares)),
            biased: self.settings.biased,
            width: self.width,
        };
        let [rows, columns] = penalties.map(|penalty| FactorPenalty {
            squares: T::from_f64(penalty.squares),
            absolutes: T::from_f64(penalty.absolutes),
        });
        let sparse = penalties.iter().any(|penalty| penalty.absolutes > 0.0);
        let general = LossStep {
            loss: self.settings.loss.kernel(),
            learning_rate: T::from_f64(learning_rate),
            bias_learning_rate: T::from_f64(bias_learning_rate),
            rows,
            columns,
            non_negative: self.settings.is_non_negative(),
            adaptation: self.settings.learning_rates.adaptation(epoch, sparse),
            biased: self.settings.biased,
            rank: self.settings.rank,
        };
        let State { rows, columns } = &mut self.state;
        for chunk in rows.iter_mut().chain(columns.iter_mut()) {
            for (bias, penalty) in chunk.biases.iter_mut().zip(&chunk.bias_penalties) {
                bias.shrinkage = T::from_f64(1.0 / (1.0 + bias_learning_rate * penalty));
            }
        }
        let simd = Simd::detect();
        let ranges = columns.len();
        let bound = self.targets.hopeless(self.settings.loss);
        let mut total = 0.0;
        let mut hopeless = false;
        self.blocks.visit(strata, |stratum, blocks| {
            // Row range i meets column range i + stratum.
            let ahead = columns[0].range;
            columns.rotate_left((stratum + ranges - ahead) % ranges);
            let of_blocks: Vec<f64> = rows
                .par_iter_mut()
                .zip(columns.par_iter_mut())
                .zip(blocks)
                .with_max_len(1)
                .map(|((rows, columns), (entries, weights))| {
                    let ((rows, row_sums), (columns, column_sums)) =
                        (rows.split(), columns.split());
                    if self.plain {
                        0.5 * descend_block(simd, entries, rows, columns, plain)
                    } else {
                        let sums = (row_sums, column_sums);
                        let block = (*entries, *weights);
                        descend_block_by_loss(simd, block, rows, columns, sums, general)
                    }
                })
                .collect();
            total += of_blocks.iter().sum::<f64>();
            hopeless = total.is_nan() || total >= bound;
            match hopeless {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if hopeless {
            return Ok(None);
        }
        let loss = self.settings.loss;
        let figure = loss.figure(total / self.targets.total);
        Ok(Some(figure * loss.unit(self.targets.scale)))
    }

    /// Whether every factor and bias is finite.
    pub(crate) fn is_finite(&self) -> bool {
        let sides = [&self.state.rows, &self.state.columns];
        sides
            .into_iter()
            .all(|side| side.par_iter().all(Chunk::is_finite))
    }

    /// The model as things stand, in units of the ratings.
    pub(crate) fn model(&self, epoch: usize) -> Result<FactorModel<T>> {
        let (m, n) = self.targets.shape;
        let scale = self.targets.scale;
        let [row_partition, column_partition] = &self.partitions;
        let (row_factors, row_biases) = self.side(0, &self.state.rows, row_partition, m);
        let (column_factors, column_biases) =
            self.side(1, &self.state.columns, column_partition, n);
        let model = FactorModel::new(row_factors, column_factors)?.with_mean(self.targets.mean);
        let model = if self.settings.biased {
            model.with_biases(row_biases, column_biases)?
        } else {
            model
        };
        if !self.is_finite() {
            return Err(self.diverged(epoch));
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

    /// One side's factors and biases: those of the model that the fit began with for rows without ratings, zero
    /// without such.
    fn side(
        &self,
        side: usize,
        chunks: &[Chunk<T>],
        partition: &Partition,
        length: usize,
    ) -> (Array2<T>, Array1<T>) {
        let rank = self.settings.rank;
        let scale = self.targets.scale;
        let root = T::from_f64(scale.sqrt());
        let mut factors = Array2::default((length, rank));
        let mut biases = Array1::default(length);
        if let Some(base) = self.base {
            let (known, known_biases) = match side {
                0 => (base.row_factors(), base.row_bias()),
                _ => (base.column_factors(), base.column_bias()),
            };
            for (target, row) in factors.rows_mut().into_iter().zip(known.rows()) {
                row.assign_to(target);
            }
            for (target, bias) in biases.iter_mut().zip(known_biases.iter().flatten()) {
                *target = *bias;
            }
        }
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
