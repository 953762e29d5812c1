//! Rows and columns that were not there when the model was fitted: descent for them alone, all else held.

use super::fit::survey_positives;
use super::settings::{NegativeSampling, Settings};
use crate::size::check_size;
use matfact_core::ndarray::{Array1, Array2, ArrayView2};
use matfact_core::{Error, FactorModel, Factorization, ObservedEntries, Result, Scalar};
use matfact_linalg::{
    FactorLanes, HeldSide, RankingColumn, RankingRow, RankingSample, RankingStep, Simd,
    descend_ranking_column, descend_ranking_row, random_stream,
};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rayon::prelude::*;

/// Positives and rivals that are visited for one row or column, whatever it has: its end is near long before.
const MOST_VISITS: usize = 1 << 16;

/// The random stream of every row and column: what one gets depends on its own positives alone.
const STREAM: u64 = 4 << 32;

/// Draws of a row that lacks the column before it is given up.
const MOST_DRAWS: usize = 16;

/// What new rows and columns are fitted against.
struct Held<'a, T> {
    settings: &'a Settings,
    width: usize,
    rows: Vec<FactorLanes<T>>,
    columns: Vec<FactorLanes<T>>,
    /// Scores without the row, as the fit has them: c with the smallest of them, the mean of the model.
    biases: Vec<T>,
    /// The columns that negatives are drawn from.
    candidates: Vec<u32>,
}

impl<'a, T: Scalar> Held<'a, T> {
    /// For `count` new rows or columns, with the sides that they are fitted against.
    fn new(
        settings: &'a Settings,
        model: &FactorModel<T>,
        count: usize,
        sides: [bool; 2],
    ) -> Result<Self> {
        settings.validate()?;
        let (rows, columns) = model.shape();
        check_size::<T>(settings.rank, (rows, columns), (rows + count, columns))?;
        if model.rank() != settings.rank {
            let what = "rank of the model";
            return Err(Error::shape_mismatch(what, settings.rank, model.rank()));
        }
        let Some(biases) = model.column_bias() else {
            let (expected, given) = ("with biases of columns", "without");
            return Err(Error::shape_mismatch("model", expected, given));
        };
        let factors = model.column_factors();
        // A column that no row had has zeros; among such alone there is nothing to choose.
        let known = |column: &u32| {
            let column = *column as usize;
            biases[column] != T::zero() || factors.row(column).iter().any(|v| *v != T::zero())
        };
        let mut candidates: Vec<u32> = (0..model.shape().1 as u32).filter(known).collect();
        if candidates.is_empty() {
            candidates = (0..model.shape().1 as u32).collect();
        }
        let width = settings.rank.div_ceil(FactorLanes::<T>::COUNT);
        let lanes = |wanted: bool, factors| match wanted {
            true => in_lanes(factors, width),
            false => Vec::new(),
        };
        Ok(Self {
            settings,
            width,
            rows: lanes(sides[0], model.row_factors()),
            columns: lanes(sides[1], factors),
            biases: biases.iter().map(|bias| *bias + model.mean()).collect(),
            candidates,
        })
    }

    fn weight(&self, value: T) -> T {
        T::from_f64(1.0 + self.settings.confidence * value.as_f64().ln_1p())
    }

    /// How many epochs, and the step of each.
    fn steps(&self, visits: usize) -> impl Iterator<Item = RankingStep<T>> + '_ {
        let most = (MOST_VISITS / visits.max(1)).max(1);
        let epochs = self.settings.epochs.min(most);
        (1..=epochs).map(move |epoch| {
            let rate = self.settings.learning_rate_among(epoch, epochs);
            let shrinkage = |penalty: f64| T::from_f64(1.0 / (1.0 + rate * penalty));
            RankingStep {
                loss: self.settings.loss,
                learning_rate: T::from_f64(rate),
                shrinkage: shrinkage(self.settings.regularization),
                bias_shrinkage: shrinkage(self.settings.bias_regularization),
                by_popularity: self.settings.negative_sampling == NegativeSampling::Popularity,
                columns: self.candidates.len(),
                width: self.width,
            }
        })
    }

    fn rows_side(&self) -> HeldSide<'_, T> {
        HeldSide {
            factors: &self.rows,
            biases: &[],
        }
    }

    fn columns_side(&self) -> HeldSide<'_, T> {
        HeldSide {
            factors: &self.columns,
            biases: &self.biases,
        }
    }

    /// p of a row with these positives, written over zeros.
    fn row(&self, positives: &mut [(u32, T)], owners: &mut Vec<u8>, p: &mut [FactorLanes<T>]) {
        if positives.is_empty() {
            return;
        }
        let simd = Simd::detect();
        let mut rng = random_stream(self.settings.seed, STREAM);
        for step in self.steps(positives.len()) {
            positives.shuffle(&mut rng);
            let row = RankingRow {
                positives,
                factors: p,
                columns: self.columns_side(),
                candidates: &self.candidates,
                owners,
                seed: rng.next_u64(),
            };
            descend_ranking_row(simd, row, step);
        }
    }
}

/// See [`Bpr::fold_in_rows`](crate::Bpr::fold_in_rows).
pub(crate) fn fold_in_rows<T: Scalar, X>(
    settings: &Settings,
    model: &FactorModel<T>,
    x: &X,
) -> Result<Array2<T>>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let held = Held::new(settings, model, x.shape().0, [false, true])?;
    let (count, columns) = (x.shape().0, model.shape().1);
    if x.shape().1 != columns {
        return Err(Error::shape_mismatch("columns", columns, x.shape().1));
    }
    survey_positives(settings.algorithm, x)?;
    let width = held.width;
    let mut lanes = vec![FactorLanes::default(); count * width];
    lanes.par_chunks_exact_mut(width).enumerate().for_each_init(
        || vec![0; columns],
        |owners, (row, p)| {
            let entries = x.row(row);
            let pairs = entries.columns.iter().zip(entries.values);
            let mut positives: Vec<(u32, T)> = pairs
                .map(|(column, value)| (*column, held.weight(*value)))
                .collect();
            held.row(&mut positives, owners, p);
        },
    );
    from_lanes(settings, &lanes, width)
}

/// The rows that have a new column, with the values.
type Owners<T> = Vec<(u32, T)>;

/// See [`Bpr::fold_in_columns`](crate::Bpr::fold_in_columns).
pub(crate) fn fold_in_columns<T: Scalar, X, K>(
    settings: &Settings,
    model: &FactorModel<T>,
    x: &X,
    known: &K,
) -> Result<(Array2<T>, Array1<T>)>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
    K: ObservedEntries<Scalar = T> + ?Sized,
{
    let held = Held::new(settings, model, x.shape().1, [true, true])?;
    if known.shape() != model.shape() {
        let what = "shape of the positives that the model was fitted to";
        return Err(Error::shape_mismatch(what, model.shape(), known.shape()));
    }
    let (rows, count) = (model.shape().0, x.shape().1);
    if x.shape().0 != rows {
        return Err(Error::shape_mismatch("rows", rows, x.shape().0));
    }
    survey_positives(settings.algorithm, x)?;
    let survey = survey_positives(settings.algorithm, known)?;
    let mut starts = vec![0];
    for row_count in &survey.row_counts {
        starts.push(starts[starts.len() - 1] + row_count);
    }
    let mut columns: Vec<Owners<T>> = vec![Vec::new(); count];
    for row in 0..rows {
        let entries = x.row(row);
        for (column, value) in entries.columns.iter().zip(entries.values) {
            columns[*column as usize].push((row as u32, held.weight(*value)));
        }
    }
    let known = Known { known, starts };
    let width = held.width;
    let mut lanes = vec![FactorLanes::default(); count * width];
    let mut biases = vec![T::zero(); count];
    lanes
        .par_chunks_exact_mut(width)
        .zip(&mut biases)
        .zip(&columns)
        .for_each(|((q, bias), owners)| {
            if !owners.is_empty() {
                *bias = held.column(&known, owners, q) - model.mean();
            }
        });
    let biases = Array1::from(biases);
    if biases.iter().any(|bias| !bias.is_finite()) {
        return Err(diverged(settings));
    }
    Ok((from_lanes(settings, &lanes, width)?, biases))
}

/// The positives that a model was fitted to, to draw from.
struct Known<'a, K: ?Sized> {
    known: &'a K,
    /// Where the positives of each row begin, and the end.
    starts: Vec<usize>,
}

impl<K: ObservedEntries + ?Sized> Known<'_, K> {
    fn has(&self, row: u32, column: u32) -> bool {
        let columns = self.known.row(row as usize).columns;
        columns.binary_search(&column).is_ok()
    }

    fn count(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// A positive of a row that is none of `owners`: each is as likely as any other.
    fn rival<R: Rng>(&self, owners: &[(u32, K::Scalar)], rng: &mut R) -> Option<(u32, usize)> {
        (0..MOST_DRAWS).find_map(|_| {
            let place = rng.random_range(0..self.count());
            let row = self.starts.partition_point(|start| *start <= place) - 1;
            let free = owners
                .binary_search_by_key(&(row as u32), |(owner, _)| *owner)
                .is_err();
            free.then(|| (row as u32, place - self.starts[row]))
        })
    }
}

impl<T: Scalar> Held<'_, T> {
    /// q, written over zeros, and c of a column with these rows.
    fn column<K>(&self, known: &Known<'_, K>, owners: &Owners<T>, q: &mut [FactorLanes<T>]) -> T
    where
        K: ObservedEntries<Scalar = T> + ?Sized,
    {
        let simd = Simd::detect();
        let mut rng = random_stream(self.settings.seed, STREAM);
        // As often as a column is drawn as a negative in an epoch.
        let draws = known.count() * self.settings.draws_for_a_positive();
        let rivals = draws.div_ceil(self.candidates.len());
        // An epoch of no more than may be visited: the same share of both.
        let visits = owners.len() + rivals;
        let share = (MOST_VISITS as f64 / visits as f64).min(1.0);
        let rivals = (rivals as f64 * share).round() as usize;
        let mut bias = T::zero();
        let mut order = owners.clone();
        let mut samples = Vec::with_capacity(visits.min(MOST_VISITS + 1));
        for step in self.steps(visits) {
            samples.clear();
            order.shuffle(&mut rng);
            let taken = (owners.len() as f64 * share).ceil() as usize;
            samples.extend(order[..taken].iter().map(|(row, weight)| RankingSample {
                row: *row,
                rival: None,
                weight: *weight,
            }));
            for _ in 0..rivals {
                if let Some((row, place)) = known.rival(owners, &mut rng) {
                    let entries = known.known.row(row as usize);
                    samples.push(RankingSample {
                        row,
                        rival: Some(entries.columns[place]),
                        weight: self.weight(entries.values[place]),
                    });
                }
            }
            samples.shuffle(&mut rng);
            let column = RankingColumn {
                samples: &samples,
                factors: &mut *q,
                bias: &mut bias,
                rows: self.rows_side(),
                columns: self.columns_side(),
                candidates: &self.candidates,
                has: |row, column| known.has(row, column),
                seed: rng.next_u64(),
            };
            descend_ranking_column(simd, column, step);
        }
        bias
    }
}

fn in_lanes<T: Scalar>(factors: ArrayView2<'_, T>, width: usize) -> Vec<FactorLanes<T>> {
    let mut lanes = vec![FactorLanes::default(); factors.nrows() * width];
    for (row, factors) in lanes.chunks_exact_mut(width).zip(factors.rows()) {
        let values = row.iter_mut().flat_map(|lanes| &mut lanes.0);
        for (slot, value) in values.zip(factors) {
            *slot = *value;
        }
    }
    lanes
}

fn from_lanes<T: Scalar>(
    settings: &Settings,
    lanes: &[FactorLanes<T>],
    width: usize,
) -> Result<Array2<T>> {
    let rank = settings.rank;
    let factors = Array2::from_shape_fn((lanes.len() / width, rank), |(row, component)| {
        let at = component / FactorLanes::<T>::COUNT;
        lanes[row * width + at].0[component % FactorLanes::<T>::COUNT]
    });
    if factors.iter().any(|value| !value.is_finite()) {
        return Err(diverged(settings));
    }
    Ok(factors)
}

fn diverged(settings: &Settings) -> Error {
    Error::Diverged {
        epoch: settings.epochs,
        learning_rate: settings.learning_rate,
    }
}
