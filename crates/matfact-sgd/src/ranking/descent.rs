//! The state of a fit and the epochs that move it.

use super::blocks::{Place, RowRange, range_count, row_ranges};
use super::settings::{NegativeSampling, Settings};
use crate::checkpoint::{give_lanes, take_lanes};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{CheckpointState, Error, FactorModel, ObservedEntries, Result, Scalar};
use matfact_linalg::{
    FactorLanes, RankingBlock, RankingStep, RankingTotals, RatingsSurvey, Simd,
    descend_ranking_block, random_stream,
};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Random streams, by purpose; the number of a row, a column or a block is added.
mod stream {
    pub(super) const STRATA: u64 = 0;
    pub(super) const ROWS: u64 = 1;
    pub(super) const COLUMNS: u64 = 2;
    pub(super) const BLOCKS: u64 = 1 << 32;
    pub(super) const ROW_FACTORS: u64 = 2 << 32;
    pub(super) const COLUMN_FACTORS: u64 = 3 << 32;
}

/// The factors and biases of one range of candidates.
#[derive(Debug)]
struct Chunk<T> {
    range: usize,
    factors: Vec<FactorLanes<T>>,
    biases: Vec<T>,
}

/// Everything that an epoch needs.
#[derive(Debug)]
pub(super) struct Descent<T> {
    settings: Settings,
    shape: (usize, usize),
    /// The columns that are positives of some row.
    candidates: Vec<u32>,
    rows: Vec<RowRange<T>>,
    row_factors: Vec<Vec<FactorLanes<T>>>,
    /// Where each candidate is.
    places: Vec<Place>,
    columns: Vec<Chunk<T>>,
    width: usize,
}

impl<T: Scalar> Descent<T> {
    /// The ranges of rows, and the factors as they start.
    pub(super) fn new<X>(settings: &Settings, x: &X, survey: &RatingsSurvey<T>) -> Self
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let mut candidates = Vec::new();
        let mut candidate_of = vec![u32::MAX; survey.shape.1];
        for (column, count) in survey.column_counts.iter().enumerate() {
            if *count > 0 {
                candidate_of[column] = candidates.len() as u32;
                candidates.push(column as u32);
            }
        }
        let rated = survey.row_counts.iter().filter(|count| **count > 0).count();
        let count = range_count(survey.observed, rated, candidates.len());
        let alpha = settings.confidence;
        let weight =
            (alpha > 0.0).then_some(|value: T| T::from_f64(1.0 + alpha * value.as_f64().ln_1p()));
        let mut rng = random_stream(settings.seed, stream::ROWS);
        let counts = &survey.row_counts;
        let rows = row_ranges(x, counts, count, &candidate_of, weight, &mut rng);
        let width = settings.rank.div_ceil(FactorLanes::<T>::COUNT);
        let row_factors = rows
            .iter()
            .map(|range| start(settings, &range.members, width, stream::ROW_FACTORS))
            .collect();
        let factors = start(settings, &candidates, width, stream::COLUMN_FACTORS);
        let places = (0..candidates.len() as u32)
            .map(|index| Place { range: 0, index })
            .collect();
        let columns = Chunk {
            range: 0,
            factors,
            biases: vec![T::zero(); candidates.len()],
        };
        Self {
            settings: settings.clone(),
            shape: survey.shape,
            candidates,
            rows,
            row_factors,
            places,
            columns: vec![columns],
            width,
        }
    }

    /// One epoch (counted from 1): the mean loss of its samples, each just before its step.
    pub(super) fn epoch(&mut self, epoch: usize) -> Result<f64> {
        let learning_rate = self.settings.learning_rate_in(epoch);
        let loss = self.pass(epoch, learning_rate);
        let finite = |chunk: &Chunk<T>| {
            let factors = chunk.factors.iter().flat_map(|lanes| &lanes.0);
            factors.chain(&chunk.biases).all(|value| value.is_finite())
        };
        if loss.is_finite() && self.columns.par_iter().all(finite) {
            Ok(loss)
        } else {
            Err(Error::Diverged {
                epoch,
                learning_rate,
            })
        }
    }

    /// The mean loss as things stand.
    pub(super) fn loss(&mut self) -> f64 {
        self.pass(0, 0.0)
    }

    /// Puts what an epoch changes into a checkpoint: the rows by ranges, the columns in the order of the candidates,
    /// since each epoch deals them anew.
    pub(super) fn give(&self, state: &mut CheckpointState) {
        give_lanes(state, "rows", self.row_factors.iter().flatten());
        let mut order: Vec<&Chunk<T>> = self.columns.iter().collect();
        order.sort_by_key(|chunk| chunk.range);
        let at = |place: &Place| (order[place.range as usize], place.index as usize);
        let factors = self.places.iter().flat_map(|place| {
            let (chunk, index) = at(place);
            &chunk.factors[index * self.width..][..self.width]
        });
        give_lanes(state, "columns", factors);
        let biases = self.places.iter().map(|place| {
            let (chunk, index) = at(place);
            chunk.biases[index]
        });
        state.insert_values("columns.biases", biases);
    }

    /// Takes what [`Descent::give`] has put, before the first epoch.
    pub(super) fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        take_lanes(state, "rows", self.row_factors.iter_mut().flatten())?;
        let columns = &mut self.columns[0];
        take_lanes(state, "columns", &mut columns.factors)?;
        state.take_into("columns.biases", columns.biases.iter_mut())
    }

    fn pass(&mut self, epoch: usize, learning_rate: f64) -> f64 {
        self.deal(epoch);
        let settings = &self.settings;
        let shrinkage = |penalty: f64| T::from_f64(1.0 / (1.0 + learning_rate * penalty));
        let step = RankingStep {
            loss: settings.loss,
            learning_rate: T::from_f64(learning_rate),
            shrinkage: shrinkage(settings.regularization),
            bias_shrinkage: shrinkage(settings.bias_regularization),
            by_popularity: settings.negative_sampling == NegativeSampling::Popularity,
            columns: self.candidates.len(),
            width: self.width,
        };
        let ranges = self.rows.len();
        let mut strata: Vec<usize> = (0..ranges).collect();
        strata.shuffle(&mut self.stream(stream::STRATA, epoch));
        let simd = Simd::detect();
        let mut all = RankingTotals::default();
        for stratum in strata {
            // Row range i meets column range i + stratum.
            let ahead = self.columns[0].range;
            self.columns
                .rotate_left((stratum + ranges - ahead) % ranges);
            let seed = settings.seed;
            let totals: Vec<RankingTotals> = self
                .row_factors
                .par_iter_mut()
                .zip(&mut self.columns)
                .zip(&self.rows)
                .enumerate()
                .with_max_len(1)
                .map(|(number, ((row_factors, columns), rows))| {
                    let positives = rows.block(columns.range);
                    let block = (number * ranges + columns.range) as u64;
                    let mut rng = stream_in(seed, stream::BLOCKS + block, epoch);
                    let block = RankingBlock {
                        starts: positives.starts,
                        columns: positives.columns,
                        weights: positives.weights,
                        row_factors,
                        column_factors: &mut columns.factors,
                        column_biases: &mut columns.biases,
                        seed: rng.next_u64(),
                    };
                    descend_ranking_block(simd, block, step)
                })
                .collect();
            for totals in totals {
                all.loss += totals.loss;
                all.samples += totals.samples;
            }
        }
        all.loss / all.samples.max(1) as f64
    }

    /// Deals the candidates into ranges anew, so that over the epochs every two of them meet.
    fn deal(&mut self, epoch: usize) {
        let mut order: Vec<u32> = (0..self.candidates.len() as u32).collect();
        order.shuffle(&mut self.stream(stream::COLUMNS, epoch));
        let (ranges, width) = (self.rows.len(), self.width);
        self.columns.sort_unstable_by_key(|chunk| chunk.range);
        let (before, places) = (&self.columns, &self.places);
        let gather = |range: usize| {
            let bound = |range: usize| range * order.len() / ranges;
            let members = &order[bound(range)..bound(range + 1)];
            let mut factors = Vec::with_capacity(members.len() * width);
            let mut biases = Vec::with_capacity(members.len());
            for member in members {
                let place = places[*member as usize];
                let (chunk, index) = (&before[place.range as usize], place.index as usize);
                factors.extend_from_slice(&chunk.factors[index * width..][..width]);
                biases.push(chunk.biases[index]);
            }
            Chunk {
                range,
                factors,
                biases,
            }
        };
        let columns: Vec<Chunk<T>> = (0..ranges).into_par_iter().map(gather).collect();
        let mut left = &order[..];
        for chunk in &columns {
            let (members, rest) = left.split_at(chunk.biases.len());
            for (index, member) in members.iter().enumerate() {
                self.places[*member as usize] = Place {
                    range: chunk.range as u32,
                    index: index as u32,
                };
            }
            left = rest;
        }
        self.columns = columns;
        let places = &self.places;
        self.rows
            .par_iter_mut()
            .for_each(|range| range.deal(places, ranges));
    }

    fn stream(&self, stream: u64, epoch: usize) -> impl Rng + use<T> {
        stream_in(self.settings.seed, stream, epoch)
    }

    /// The model in the order of the input; `epoch` is the last that was done.
    pub(super) fn model(&mut self, epoch: usize) -> Result<FactorModel<T>> {
        let (m, n) = self.shape;
        let rank = self.settings.rank;
        let mut row_factors = Array2::default((m, rank));
        for (range, factors) in self.rows.iter().zip(&self.row_factors) {
            for (member, lanes) in range.members.iter().zip(factors.chunks_exact(self.width)) {
                copy_row(lanes, row_factors.row_mut(*member as usize).iter_mut());
            }
        }
        self.columns.sort_unstable_by_key(|chunk| chunk.range);
        let biases = self.columns.iter().flat_map(|chunk| &chunk.biases);
        let floor = biases.copied().fold(T::infinity(), T::min);
        let mut column_factors = Array2::default((n, rank));
        let mut column_biases = Array1::default(n);
        for (column, place) in self.candidates.iter().zip(&self.places) {
            let (chunk, index) = (&self.columns[place.range as usize], place.index as usize);
            let lanes = &chunk.factors[index * self.width..][..self.width];
            copy_row(lanes, column_factors.row_mut(*column as usize).iter_mut());
            column_biases[*column as usize] = chunk.biases[index] - floor;
        }
        // Plus zero, because that of a negative zero is zero.
        let mean = floor + T::zero();
        let mut all = row_factors
            .iter()
            .chain(&column_factors)
            .chain(&column_biases);
        if !(mean.is_finite() && all.all(|value| value.is_finite())) {
            return Err(Error::Diverged {
                epoch,
                learning_rate: self.settings.learning_rate_in(epoch),
            });
        }
        FactorModel::new(row_factors, column_factors)?
            .with_mean(mean)
            .with_biases(Array1::default(m), column_biases)
    }
}

/// A stream at the place where an epoch's part of it begins.
fn stream_in(seed: u64, stream: u64, epoch: usize) -> impl Rng {
    let mut rng = random_stream(seed, stream);
    rng.set_word_pos(u128::from(epoch as u64) << 32);
    rng
}

fn copy_row<'a, T: Scalar>(lanes: &[FactorLanes<T>], row: impl Iterator<Item = &'a mut T>) {
    for (target, value) in row.zip(lanes.iter().flat_map(|lanes| &lanes.0)) {
        *target = *value;
    }
}

/// Small random factors; the numbers of a row depend on the seed and the row alone.
fn start<T: Scalar>(
    settings: &Settings,
    members: &[u32],
    width: usize,
    stream: u64,
) -> Vec<FactorLanes<T>> {
    let deviation = settings.initial_deviation / (settings.rank as f64).sqrt();
    let mut factors = vec![FactorLanes::default(); members.len() * width];
    factors
        .par_chunks_exact_mut(width)
        .zip(members)
        .for_each(|(row, member)| {
            let mut rng = random_stream(settings.seed, stream + u64::from(*member));
            let values = row.iter_mut().flat_map(|lanes| &mut lanes.0);
            for value in values.take(settings.rank) {
                let normal: f64 = StandardNormal.sample(&mut rng);
                *value = T::from_f64(deviation * normal);
            }
        });
    factors
}
