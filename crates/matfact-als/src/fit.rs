//! The iterations, from ratings to a model.

use crate::Als;
use crate::entries::ByColumns;
use crate::half_step::{Factors, HalfStep};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Error, FactorModel, Factorizer, Fit, FitReport, ObservedEntries, Result, Run, Scalar,
    StopReason,
};
use matfact_linalg::{PoolInfo, in_pool, random_normal, survey_ratings};

/// The largest rank: the normal equations of a row have its square of numbers.
const MOST_RANK: usize = 1 << 15;
/// The name of σ among what the report says was chosen.
pub(crate) const DEVIATION: &str = "deviation";

impl<X: ObservedEntries + ?Sized> Factorizer<X> for Als {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        in_pool(run, |run, pool| fit(self, x, run, pool))
    }
}

impl Als {
    /// Refuses what cannot be held in memory, before anything is allocated.
    fn check_size<T: Scalar>(&self, shape: (usize, usize)) -> Result<()> {
        let (rows, columns) = shape;
        if self.rank == 0 || self.rank > MOST_RANK {
            return Err(Error::InvalidRank {
                rank: self.rank,
                limit: MOST_RANK,
                shape,
            });
        }
        let too_large = || Error::TooLarge {
            what: format!("rank {} for a {rows} x {columns} matrix", self.rank),
        };
        if rows > u32::MAX as usize || columns > u32::MAX as usize {
            return Err(too_large());
        }
        // The factors stand twice in memory at the end: padded, and in the model.
        let values = (rows + columns)
            .checked_mul(2 * self.rank + 32)
            .ok_or_else(too_large)?;
        Vec::<T>::new()
            .try_reserve_exact(values)
            .map_err(|_| too_large())
    }

    pub(crate) fn half_step(&self, mean: f64, deviation: f64) -> HalfStep {
        HalfStep {
            mean,
            deviation,
            regularization: self.regularization,
            count_power: self.count_power,
            bias_regularization: if self.biased {
                self.bias_regularization
            } else {
                0.0
            },
        }
    }
}

fn fit<X: ObservedEntries + ?Sized>(
    als: &Als,
    x: &X,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    als.validate()?;
    let shape = x.shape();
    als.check_size::<X::Scalar>(shape)?;
    let survey = survey_ratings(x, als.biased)?;
    let mut report = FitReport::new("als", shape, als.rank, als.seed);
    report.stored = Some(survey.observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let deviation = format!("{:?}", survey.scale);
    report.chosen.insert(DEVIATION.to_owned(), deviation);
    let transposed = ByColumns::of(x, &survey.column_counts);
    let step = als.half_step(survey.mean.as_f64(), survey.scale);
    let mut rows = Factors::zeros(shape.0, als.rank, als.biased);
    let mut columns = start(als, &survey.column_counts);
    let begun = run.elapsed();
    report.stop = StopReason::MaxIterations;
    report.objective = step.objective(&transposed, &columns, &rows) + step.penalties(x, &rows);
    for iteration in 1..=als.max_iter {
        step.solve_into(x, 0..shape.0, &columns, &mut rows);
        step.solve_into(&transposed, 0..shape.1, &rows, &mut columns);
        let objective = step.objective(&transposed, &columns, &rows) + step.penalties(x, &rows);
        let before = std::mem::replace(&mut report.objective, objective);
        report.history.push(objective);
        report.iterations = iteration;
        if let Some(reason) = run.iteration(iteration, als.max_iter, objective) {
            report.stop = reason;
            break;
        }
        if iteration > 1 && before - objective <= als.tol * before {
            report.stop = StopReason::Converged;
            break;
        }
    }
    let ended = run.elapsed();
    let model = model(&rows, &columns, survey.mean, survey.scale)?;
    report.seconds.initialization = begun.as_secs_f64();
    report.seconds.iterations = (ended - begun).as_secs_f64();
    report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
    Ok(Fit { model, report })
}

/// Small random factors for the columns that have ratings, and no biases yet.
fn start<T: Scalar>(als: &Als, counts: &[usize]) -> Factors<T> {
    let deviation = als.initial_deviation / (als.rank as f64).sqrt();
    let random: Array2<f64> = random_normal((counts.len(), als.rank), als.seed, 0);
    let mut columns = Factors::zeros(counts.len(), als.rank, als.biased);
    let rated = columns.factors.rows_mut().zip(random.rows()).zip(counts);
    for ((row, random), _) in rated.filter(|(_, count)| **count > 0) {
        for (value, normal) in row.iter_mut().zip(random) {
            *value = T::from_f64(deviation * normal);
        }
    }
    columns
}

/// In the units of the ratings.
fn model<T: Scalar>(
    rows: &Factors<T>,
    columns: &Factors<T>,
    mean: T,
    scale: f64,
) -> Result<FactorModel<T>> {
    let (row_factors, row_biases) = scaled(rows, scale)?;
    let (column_factors, column_biases) = scaled(columns, scale)?;
    let model = FactorModel::new(row_factors, column_factors)?.with_mean(mean);
    match (row_biases, column_biases) {
        (Some(rows), Some(columns)) => model.with_biases(rows, columns),
        _ => Ok(model),
    }
}

/// Factors times √σ, biases times σ.
pub(crate) fn scaled<T: Scalar>(
    side: &Factors<T>,
    scale: f64,
) -> Result<(Array2<T>, Option<Array1<T>>)> {
    let (rank, root) = (side.factors.rank(), scale.sqrt());
    let factors = Array2::from_shape_fn((side.len(), rank), |(i, t)| {
        T::from_f64(side.row(i)[t].as_f64() * root)
    });
    let biases = side.biases.as_ref().map(|biases| {
        let scaled = biases.iter().map(|bias| T::from_f64(bias.as_f64() * scale));
        scaled.collect::<Array1<T>>()
    });
    let all = factors.iter().chain(biases.iter().flatten());
    if all.into_iter().any(|value| !value.is_finite()) {
        return Err(Error::Overflow {
            step: format!("scaling the factors by the ratings' deviation {scale:e}"),
            scalar: T::NAME,
        });
    }
    Ok((factors, biases))
}
