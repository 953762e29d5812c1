//! The state of a fit and the epochs that move it.

use super::groups::{Groups, OrderStreams, ROWS_OF_A_GROUP};
use super::parameters::SvdPlusPlus;
use crate::checkpoint::{give_biases, give_lanes, take_biases, take_lanes};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{CheckpointState, Error, ObservedEntries, Result, Scalar, Validation};
use matfact_linalg::{
    FactorLanes, RatingsSurvey, ShrunkBias, Simd, SvdppColumns, SvdppGroup, SvdppRows, SvdppStep,
    SvdppVisits, random_stream, svdpp_columns, svdpp_implicit_sum, svdpp_rows, validation_error,
};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Random streams, by purpose; the number of a row or a column is added.
mod stream {
    pub(super) const GROUPS: u64 = 0;
    pub(super) const ROWS: u64 = 1;
    pub(super) const RATINGS: u64 = 1 << 32;
    pub(super) const ROW_FACTORS: u64 = 2 << 32;
    pub(super) const COLUMN_FACTORS: u64 = 3 << 32;
    pub(super) const IMPLICIT_FACTORS: u64 = 4 << 32;
}

/// Rows that one thread takes at once.
const ROWS_AT_ONCE: usize = 4;

/// Rows that share a column may move its implicit factors in full if there are no more than these in a
/// group.
const SHARING: f64 = 4.0;

/// A root mean square error this many times that of the mean alone is no longer a fit.
const HOPELESS: f64 = 1e3;

/// What an epoch moves: all that a model is made of.
#[derive(Debug, Clone)]
struct State<T> {
    /// p of the rows in the order of the groups.
    rows: Vec<FactorLanes<T>>,
    row_biases: Vec<ShrunkBias<T>>,
    /// q of all columns.
    columns: Vec<FactorLanes<T>>,
    /// y of all columns.
    implicit: Vec<FactorLanes<T>>,
    column_biases: Vec<ShrunkBias<T>>,
}

impl<T: Scalar> State<T> {
    fn give(&self, state: &mut CheckpointState, prefix: &str) {
        let name = |part: &str| format!("{prefix}{part}");
        give_lanes(state, &name("rows"), &self.rows);
        give_lanes(state, &name("columns"), &self.columns);
        give_lanes(state, &name("implicit"), &self.implicit);
        give_biases(state, &name("rows.biases"), &self.row_biases);
        give_biases(state, &name("columns.biases"), &self.column_biases);
    }

    fn resume(&mut self, state: &mut CheckpointState, prefix: &str) -> Result<()> {
        let name = |part: &str| format!("{prefix}{part}");
        take_lanes(state, &name("rows"), &mut self.rows)?;
        take_lanes(state, &name("columns"), &mut self.columns)?;
        take_lanes(state, &name("implicit"), &mut self.implicit)?;
        take_biases(state, &name("rows.biases"), &mut self.row_biases)?;
        take_biases(state, &name("columns.biases"), &mut self.column_biases)
    }
}

/// Everything that an epoch needs.
#[derive(Debug)]
pub(super) struct Descent<T> {
    settings: SvdPlusPlus,
    pub(super) survey: RatingsSurvey<T>,
    groups: Groups<T>,
    /// Where each row is in the order of the groups; `u32::MAX` for one without ratings.
    places: Vec<u32>,
    state: State<T>,
    best: Option<State<T>>,
    width: usize,
    /// Of the largest group: x and the moves of z.
    combined: Vec<FactorLanes<T>>,
    changes: Vec<FactorLanes<T>>,
}

/// The parts of a model in the order and scale of the ratings.
pub(super) struct Parts<T> {
    /// p + z of each row: m x k.
    pub(super) rows: Array2<T>,
    pub(super) columns: Array2<T>,
    pub(super) implicit: Array2<T>,
    pub(super) row_biases: Array1<T>,
    pub(super) column_biases: Array1<T>,
}

impl<T: Scalar> Descent<T> {
    /// The groups, and the factors as they start.
    pub(super) fn new<X>(settings: &SvdPlusPlus, x: &X, survey: RatingsSurvey<T>) -> Self
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let streams = OrderStreams {
            rows: stream::ROWS,
            ratings: stream::RATINGS,
        };
        let groups = Groups::new(x, &survey, settings.seed, streams);
        let mut places = vec![u32::MAX; survey.shape.0];
        for (place, row) in groups.order.iter().enumerate() {
            places[*row as usize] = place as u32;
        }
        let width = settings.rank.div_ceil(FactorLanes::<T>::COUNT);
        let rated: Vec<Option<u32>> = (0..survey.shape.1 as u32)
            .map(|column| (survey.column_counts[column as usize] > 0).then_some(column))
            .collect();
        let rows: Vec<Option<u32>> = groups.order.iter().copied().map(Some).collect();
        let start = |members: &[Option<u32>], stream| start(settings, members, width, stream);
        let state = State {
            rows: start(&rows, stream::ROW_FACTORS),
            row_biases: vec![ShrunkBias::default(); rows.len()],
            columns: start(&rated, stream::COLUMN_FACTORS),
            implicit: start(&rated, stream::IMPLICIT_FACTORS),
            column_biases: vec![ShrunkBias::default(); rated.len()],
        };
        Self {
            settings: settings.clone(),
            survey,
            groups,
            places,
            state,
            best: None,
            width,
            combined: vec![FactorLanes::default(); ROWS_OF_A_GROUP * width],
            changes: vec![FactorLanes::default(); ROWS_OF_A_GROUP * width],
        }
    }

    /// One epoch (counted from 1): the root mean square of the errors that the ratings had just before
    /// their updates, in units of the ratings.
    pub(super) fn epoch(&mut self, epoch: usize) -> Result<f64> {
        let share = self.settings.share_of_rates(epoch);
        let learning_rate = self.settings.learning_rate * share;
        let implicit_rate = self.settings.implicit_learning_rate * share;
        let step = SvdppStep {
            learning_rate: T::from_f64(learning_rate),
            shrinkage: T::from_f64(1.0 / (1.0 + learning_rate * self.settings.regularization)),
            implicit_rate: T::from_f64(implicit_rate),
            implicit_penalty: implicit_rate * self.settings.implicit_regularization,
            sharing: SHARING,
            width: self.width,
        };
        self.shrink_biases(learning_rate);
        let mut order: Vec<usize> = (0..self.groups.groups.len()).collect();
        let mut rng = random_stream(self.settings.seed, stream::GROUPS);
        rng.set_word_pos(u128::from(epoch as u64) << 32);
        order.shuffle(&mut rng);
        let squares: f64 = order.iter().map(|group| self.visit(*group, step)).sum();
        let error = (squares / self.survey.observed as f64).sqrt();
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

    fn shrink_biases(&mut self, learning_rate: f64) {
        let penalty = learning_rate * self.settings.bias_regularization;
        let shrinkage = |count: usize| T::from_f64(1.0 / (1.0 + penalty / count.max(1) as f64));
        for (bias, row) in self.state.row_biases.iter_mut().zip(&self.groups.order) {
            bias.shrinkage = shrinkage(self.survey.row_counts[*row as usize]);
        }
        let counts = &self.survey.column_counts;
        for (bias, count) in self.state.column_biases.iter_mut().zip(counts) {
            bias.shrinkage = shrinkage(*count);
        }
    }

    /// Both passes over one group: the sum of the squared errors.
    fn visit(&mut self, number: usize, step: SvdppStep<T>) -> f64 {
        let (simd, width) = (Simd::detect(), self.width);
        let group = &self.groups.groups[number];
        let count = group.starts.len() - 1;
        let first = number * ROWS_OF_A_GROUP;
        let state = &mut self.state;
        let row_factors = &mut state.rows[first * width..][..count * width];
        let row_biases = &mut state.row_biases[first..][..count];
        let combined = &mut self.combined[..count * width];
        let changes = &mut self.changes[..count * width];
        let columns = SvdppColumns {
            factors: &state.columns,
            implicit: &state.implicit,
            biases: &state.column_biases,
        };
        let piece = ROWS_AT_ONCE * width;
        let squares: Vec<f64> = row_factors
            .par_chunks_mut(piece)
            .zip(row_biases.par_chunks_mut(ROWS_AT_ONCE))
            .zip(combined.par_chunks_mut(piece))
            .zip(changes.par_chunks_mut(piece))
            .enumerate()
            .map(|(at, (((factors, biases), combined), changes))| {
                let start = at * ROWS_AT_ONCE;
                let rows = SvdppRows {
                    starts: &group.starts[start..=start + biases.len()],
                    columns: &group.columns,
                    values: &group.values,
                    factors,
                    biases,
                    combined,
                    changes,
                };
                svdpp_rows(simd, rows, columns, step)
            })
            .collect();
        let rows = SvdppGroup {
            starts: &group.starts,
            combined,
            changes,
            biases: row_biases,
        };
        let length = self.groups.range_length;
        state
            .columns
            .par_chunks_mut(length * width)
            .zip(state.implicit.par_chunks_mut(length * width))
            .zip(state.column_biases.par_chunks_mut(length))
            .enumerate()
            .for_each(|(range, ((factors, implicit), biases))| {
                let visits = SvdppVisits {
                    visits: group.visits_to(range),
                    rows: &group.visit_rows,
                    values: &group.visit_values,
                    factors,
                    implicit,
                    biases,
                };
                svdpp_columns(simd, visits, rows, step);
            });
        squares.iter().sum()
    }

    /// x = p + z of every row, in the order of the groups.
    fn combined_rows(&self) -> Vec<FactorLanes<T>> {
        let (simd, width) = (Simd::detect(), self.width);
        let mut all = vec![FactorLanes::default(); self.state.rows.len()];
        all.par_chunks_mut(ROWS_OF_A_GROUP * width)
            .zip(self.state.rows.par_chunks(ROWS_OF_A_GROUP * width))
            .zip(&self.groups.groups)
            .for_each(|((sums, factors), group)| {
                for (row, ends) in group.starts.windows(2).enumerate() {
                    let sum = &mut sums[row * width..][..width];
                    let columns = &group.columns[ends[0]..ends[1]];
                    svdpp_implicit_sum(simd, columns, &self.state.implicit, sum);
                    let own = &factors[row * width..][..width];
                    let values = own.iter().flat_map(|lanes| &lanes.0);
                    for (sum, value) in sum.iter_mut().flat_map(|lanes| &mut lanes.0).zip(values) {
                        *sum += *value;
                    }
                }
            });
        all
    }

    /// The root mean square error on entries kept aside, in units of the ratings.
    pub(super) fn validation_error(&self, validation: &Validation) -> f64 {
        let rows = self.combined_rows();
        let width = self.width;
        let state = &self.state;
        let mean = self.survey.mean.as_f64();
        validation_error(validation, |row, column| {
            let mut sum = state.column_biases[column].bias.as_f64();
            let place = self.places[row];
            if place != u32::MAX {
                let place = place as usize;
                sum += state.row_biases[place].bias.as_f64();
                let x = rows[place * width..][..width].iter();
                let q = state.columns[column * width..][..width].iter();
                let x = x.flat_map(|lanes| &lanes.0);
                let pairs = x.zip(q.flat_map(|lanes| &lanes.0));
                sum += pairs.map(|(x, q)| x.as_f64() * q.as_f64()).sum::<f64>();
            }
            mean + self.survey.scale * sum
        })
    }

    /// Puts what an epoch moves into a checkpoint, and what was last kept.
    pub(super) fn give(&self, state: &mut CheckpointState) {
        self.state.give(state, "");
        if let Some(best) = &self.best {
            best.give(state, "best.");
        }
    }

    /// Takes what [`Descent::give`] has put.
    pub(super) fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.state.resume(state, "")?;
        if state.contains("best.rows") {
            let mut best = self.state.clone();
            best.resume(state, "best.")?;
            self.best = Some(best);
        }
        Ok(())
    }

    /// Keeps a copy of things as they stand.
    pub(super) fn keep(&mut self) {
        self.best = Some(self.state.clone());
    }

    /// Goes back to what was last kept.
    pub(super) fn restore(&mut self) {
        if let Some(best) = self.best.take() {
            self.state = best;
        }
    }

    /// The model's parts in the order and scale of the input; `epoch` is the last that was done.
    pub(super) fn into_parts(self, epoch: usize) -> Result<Parts<T>> {
        let rows = self.combined_rows();
        let (m, n) = self.survey.shape;
        let scale = self.survey.scale;
        let state = &self.state;
        let lanes = [&rows, &state.columns, &state.implicit];
        let finite = lanes.iter().all(|side| {
            let mut values = side.iter().flat_map(|lanes| &lanes.0);
            values.all(|value| value.is_finite())
        });
        let mut biases = state.row_biases.iter().chain(&state.column_biases);
        if !finite || !biases.all(|b| b.bias.is_finite()) {
            return Err(Error::Diverged {
                epoch,
                learning_rate: self.settings.learning_rate * self.settings.share_of_rates(epoch),
            });
        }
        let root = T::from_f64(scale.sqrt());
        let side = |lanes: &[FactorLanes<T>], length: usize, place: &dyn Fn(usize) -> usize| {
            let mut factors = Array2::default((length, self.settings.rank));
            for (member, mut row) in factors.rows_mut().into_iter().enumerate() {
                let at = place(member);
                if at == u32::MAX as usize {
                    continue;
                }
                let values = lanes[at * self.width..][..self.width].iter();
                let values = values.flat_map(|lanes| &lanes.0);
                for (target, value) in row.iter_mut().zip(values) {
                    *target = *value * root;
                }
            }
            factors
        };
        let place_of_row = |row: usize| self.places[row] as usize;
        let scaled = |bias: &ShrunkBias<T>| T::from_f64(bias.bias.as_f64() * scale);
        let row_bias = |place: &u32| {
            let bias = state.row_biases.get(*place as usize);
            bias.map_or(T::zero(), scaled)
        };
        let parts = Parts {
            rows: side(&rows, m, &place_of_row),
            columns: side(&state.columns, n, &|column| column),
            implicit: side(&state.implicit, n, &|column| column),
            row_biases: self.places.iter().map(row_bias).collect(),
            column_biases: state.column_biases.iter().map(scaled).collect(),
        };
        let factors = parts
            .rows
            .iter()
            .chain(&parts.columns)
            .chain(&parts.implicit);
        let mut all = factors.chain(&parts.row_biases).chain(&parts.column_biases);
        if all.all(|value| value.is_finite()) {
            Ok(parts)
        } else {
            Err(Error::Overflow {
                step: format!("scaling the factors by the ratings' deviation {scale:e}"),
                scalar: T::NAME,
            })
        }
    }
}

/// Small random factors, zero for `None`; the numbers of a row depend on the seed and the row alone.
fn start<T: Scalar>(
    settings: &SvdPlusPlus,
    members: &[Option<u32>],
    width: usize,
    stream: u64,
) -> Vec<FactorLanes<T>> {
    let deviation = settings.initial_deviation / (settings.rank as f64).sqrt();
    let mut factors = vec![FactorLanes::default(); members.len() * width];
    factors
        .par_chunks_exact_mut(width)
        .zip(members)
        .for_each(|(row, member)| {
            let Some(member) = member else { return };
            let mut rng = random_stream(settings.seed, stream + u64::from(*member));
            let values = row.iter_mut().flat_map(|lanes| &mut lanes.0);
            for value in values.take(settings.rank) {
                let normal: f64 = StandardNormal.sample(&mut rng);
                *value = T::from_f64(deviation * normal);
            }
        });
    factors
}
