//! The iterations, from what was seen to a model.

use super::confidence::{Confidences, both_sides};
use super::half_step::ImplicitStep;
use super::parameters::ImplicitAls;
use super::rooms::Rooms;
use crate::half_step::{Factors, Measures};
use crate::size::check_size;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{
    Certificate, DataFingerprint, Error, FactorModel, Factorizer, Fit, FitReport, ObservedEntries,
    Result, Run, Scalar, StopReason, Validation,
};
use matfact_linalg::{PoolInfo, RankingValidation, in_pool, random_normal};

impl<X: ObservedEntries + ?Sized> Factorizer<X> for ImplicitAls {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        let validation = run.take_validation();
        run.gives_checkpoints();
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, (None, validation), run, pool))
    }
}

impl ImplicitAls {
    /// A fit that starts from the factors of `model`, as more entries, users or items come in. `x` has at least
    /// the model's rows and columns; what it has beyond them starts as in any fit, and what has no positive
    /// entry in it gets zeros, as in any fit.
    ///
    /// ```
    /// use matfact_als::ImplicitAls;
    /// use matfact_core::{Duplicates, Factorization, Factorizer, Ratings, Run};
    /// let seen = [(0, 0, 1.0), (0, 1, 4.0), (1, 1, 1.0), (1, 2, 1.0)];
    /// let before = Ratings::from_triplets((2, 3), seen, Duplicates::Error)?;
    /// let als = ImplicitAls::new(2);
    /// let model = als.fit(&before)?.model;
    /// let more = seen.into_iter().chain([(2, 0, 1.0)]);
    /// let after = Ratings::from_triplets((3, 3), more, Duplicates::Error)?;
    /// let fit = als.max_iter(3).fit_from(&after, &model, &mut Run::new())?;
    /// assert_eq!(fit.model.shape(), (3, 3));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As a fit, and [`Error::ShapeMismatch`] for a model of another rank, with more rows or columns than `x`,
    /// or with biases.
    pub fn fit_from<X: ObservedEntries + ?Sized>(
        &self,
        x: &X,
        model: &FactorModel<X::Scalar>,
        run: &mut Run<'_>,
    ) -> Result<Fit<FactorModel<X::Scalar>>> {
        let validation = run.take_validation();
        run.gives_checkpoints();
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| {
            fit(self, x, (Some(model), validation), run, pool)
        })
    }
}

/// What is said where no confidence differs from that of absent entries.
const ALL_WEIGH_ALIKE: &str = "every entry has the confidence of an absent one: this is plain least squares on ones and \
    zeros; a larger alpha, another confidence or a smaller weight of unobserved entries makes what was seen count for more";

/// Looks at the model where lists are watched: whether to stop.
fn look<T: Scalar, X: ObservedEntries<Scalar = T> + ?Sized>(
    watch: &mut Option<RankingValidation<'_, T, X>>,
    iteration: usize,
    last: bool,
    model: impl FnOnce() -> Result<FactorModel<T>>,
) -> Result<bool> {
    match watch {
        Some(watch) => watch.look(iteration, last, model),
        None => Ok(false),
    }
}

fn fit<X: ObservedEntries + ?Sized>(
    als: &ImplicitAls,
    x: &X,
    (known, validation): (Option<&FactorModel<X::Scalar>>, Option<&Validation>),
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    als.validate()?;
    let shape = x.shape();
    check_size::<X::Scalar>(als.rank, shape)?;
    let (by_rows, by_columns, observed) = both_sides(x, (als.confidence, als.alpha))?;
    let mut report = FitReport::new("ials", shape, als.rank, als.seed);
    report.stored = Some(observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let of_rows = ImplicitStep::of(als, shape.1);
    let of_columns = ImplicitStep::of(als, shape.0);
    if of_columns.weighs_none(&by_columns) {
        report.notices.push(ALL_WEIGH_ALIKE.to_owned());
    }
    let mut rows = Factors::zeros(shape.0, als.rank, false);
    let mut columns = Factors::zeros(shape.1, als.rank, false);
    start(als, &by_columns, &mut columns);
    if let Some(model) = known {
        check_model(als, model)?;
        let (row_factors, column_factors) = (model.row_factors(), model.column_factors());
        take(&mut rows, &by_rows, row_factors, "rows")?;
        take(&mut columns, &by_columns, column_factors, "columns")?;
    }
    let mut watch = match validation {
        Some(validation) => Some(RankingValidation::new(validation, x, 1)?),
        None => None,
    };
    report.stop = StopReason::MaxIterations;
    report.objective = f64::INFINITY;
    let resumed = run.identify::<X::Scalar>("ials", als, || {
        let data = DataFingerprint::of_observed(x).with_validation(validation);
        match known {
            Some(model) => {
                data.with_start(model.row_factors().iter().chain(model.column_factors()))
            }
            None => data,
        }
    })?;
    if let Some(mut state) = resumed {
        rows.resume(&mut state, "rows")?;
        columns.resume(&mut state, "columns")?;
        if let Some(watch) = &mut watch {
            watch.resume(&mut state)?;
        }
        state.take_report(&mut report)?;
    }
    let begun = run.elapsed();
    let mut columns_gram = of_rows.gram(&columns);
    let mut rooms = Rooms::default();
    for iteration in report.iterations + 1..=als.max_iter {
        let held = (&columns, &columns_gram);
        of_rows.solve_into(&by_rows, held, &mut rows, &mut rooms, false);
        let rows_gram = of_columns.gram(&rows);
        let held = (&rows, &rows_gram);
        let own = of_columns.solve_into(&by_columns, held, &mut columns, &mut rooms, true);
        columns_gram = of_rows.gram(&columns);
        let shared = of_rows.shared(&rows_gram, &columns_gram);
        let objective = own + shared + of_rows.penalties(&by_rows, &rows);
        let before = std::mem::replace(&mut report.objective, objective);
        report.history.push(objective);
        report.iterations = iteration;
        let interrupted = run.iteration(iteration, als.max_iter, objective);
        let converged = iteration > 1 && before - objective <= als.tol * before;
        let last = converged || iteration == als.max_iter;
        let model = || FactorModel::new(finite(&rows)?, finite(&columns)?);
        let exhausted = look(&mut watch, iteration, last, model)?;
        if converged || exhausted {
            report.stop = match exhausted {
                true => StopReason::NoImprovement,
                false => StopReason::Converged,
            };
            break;
        }
        run.checkpoint(iteration, |state| {
            rows.give(state, "rows");
            columns.give(state, "columns");
            if let Some(watch) = &watch {
                watch.give(state);
            }
            state.insert_report(&report);
        })?;
        if let Some(reason) = interrupted {
            // After the checkpoint: a fit that goes on does not look here.
            look(&mut watch, iteration, true, model)?;
            report.stop = reason;
            break;
        }
    }
    let ended = run.elapsed();
    if let Some(best) = watch.and_then(|watch| watch.finish(&mut report)) {
        // The measures below are of the model that is given.
        restore(&mut rows, best.row_factors());
        restore(&mut columns, best.column_factors());
        columns_gram = of_rows.gram(&columns);
    }
    let rows_gram = of_columns.gram(&rows);
    let measured = of_columns.measure(&by_columns, &columns, (&rows, &rows_gram), &mut rooms);
    report.objective = measured.objective
        + of_rows.shared(&rows_gram, &columns_gram)
        + of_rows.penalties(&by_rows, &rows);
    let all = of_rows
        .measure(&by_rows, &rows, (&columns, &columns_gram), &mut rooms)
        .plus(measured);
    report.certificate = Some(Certificate::ProjectedGradient(relative(all)));
    // The model takes their place in memory.
    drop(rooms);
    let model = FactorModel::new(finite(&rows)?, finite(&columns)?)?;
    report.seconds.initialization = begun.as_secs_f64();
    report.seconds.iterations = (ended - begun).as_secs_f64();
    report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
    Ok(Fit { model, report })
}

fn relative(all: Measures) -> f64 {
    if all.gradient_of_zero > 0.0 {
        (all.gradient / all.gradient_of_zero).sqrt()
    } else {
        0.0
    }
}

/// Refuses a model that these settings do not give.
pub(super) fn check_model<T: Scalar>(als: &ImplicitAls, model: &FactorModel<T>) -> Result<()> {
    let rank = model.row_factors().ncols();
    if rank != als.rank {
        return Err(Error::shape_mismatch("rank of the model", als.rank, rank));
    }
    if model.row_bias().is_some() {
        let (expected, actual) = ("without biases", "with biases");
        return Err(Error::shape_mismatch("model", expected, actual));
    }
    Ok(())
}

/// Begins where a model is, for what has positive entries.
fn take<T: Scalar>(
    side: &mut Factors<T>,
    confidences: &Confidences<T>,
    known: ArrayView2<'_, T>,
    what: &str,
) -> Result<()> {
    if known.nrows() > side.len() {
        let what = format!("{what} of the model to start from, at most");
        return Err(Error::shape_mismatch(what, side.len(), known.nrows()));
    }
    for (i, (row, values)) in side.factors.rows_mut().zip(known.rows()).enumerate() {
        if confidences.positives(i) > 0 {
            row.iter_mut().zip(values).for_each(|(slot, v)| *slot = *v);
        }
    }
    Ok(())
}

/// Goes back to the factors of a model of the same shape.
fn restore<T: Scalar>(side: &mut Factors<T>, known: ArrayView2<'_, T>) {
    for (row, values) in side.factors.rows_mut().zip(known.rows()) {
        row.iter_mut().zip(values).for_each(|(slot, v)| *slot = *v);
    }
}

/// Small random factors for the columns that have positive entries.
fn start<T: Scalar>(als: &ImplicitAls, confidences: &Confidences<T>, columns: &mut Factors<T>) {
    let deviation = als.initial_deviation / (als.rank as f64).sqrt();
    let random: Array2<f64> = random_normal((columns.len(), als.rank), als.seed, 0);
    for (j, (row, random)) in columns.factors.rows_mut().zip(random.rows()).enumerate() {
        if confidences.positives(j) > 0 {
            let pairs = row.iter_mut().zip(random);
            pairs.for_each(|(slot, normal)| *slot = T::from_f64(deviation * normal));
        }
    }
}

/// The factors of one side for a model, all of them finite.
pub(super) fn finite<T: Scalar>(side: &Factors<T>) -> Result<Array2<T>> {
    let shape = (side.len(), side.factors.rank());
    let mut factors = Vec::with_capacity(shape.0 * shape.1);
    (0..shape.0).for_each(|row| factors.extend_from_slice(side.row(row)));
    let factors = Array2::from_shape_vec(shape, factors).expect("rows of one length");
    if factors.iter().any(|value| !value.is_finite()) {
        return Err(Error::Overflow {
            step: "solving for the factors".to_owned(),
            scalar: T::NAME,
        });
    }
    Ok(factors)
}
