//! The iterations, from ratings to a model.

use crate::Als;
use crate::entries::ByColumns;
use crate::fold_in::{check_known, in_units};
use crate::half_step::{Factors, HalfStep};
use crate::size::check_size;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Certificate, CheckpointState, DataFingerprint, EarlyStopping, Error, FactorModel, Factorizer,
    Fit, FitReport, ObservedEntries, Result, Run, Scalar, Standing, StopReason, Validation,
};
use matfact_linalg::{
    PoolInfo, check_validation, in_pool, random_normal, survey_ratings, validation_error,
};

/// The name of σ among what the report says was chosen.
pub(crate) const DEVIATION: &str = "deviation";

impl<X: ObservedEntries + ?Sized> Factorizer<X> for Als {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        fit(self, x, None, run)
    }
}

impl Als {
    /// A fit that starts from the factors of `model`, as more ratings, users or items come in. `x` has at least
    /// the model's rows and columns; what it has beyond them starts as in any fit, and what has no ratings in it
    /// gets zeros, as in any fit. Mean and σ are those of `x`.
    ///
    /// ```
    /// use matfact_als::Als;
    /// use matfact_core::{Duplicates, Factorization, Factorizer, Ratings, Run};
    /// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
    /// let before = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
    /// let als = Als::new(2);
    /// let model = als.fit(&before)?.model;
    /// let more = triplets.into_iter().chain([(3, 0, 2.0)]);
    /// let after = Ratings::from_triplets((4, 3), more, Duplicates::Error)?;
    /// let fit = als.max_iter(3).fit_from(&after, &model, &mut Run::new())?;
    /// assert_eq!(fit.model.shape(), (4, 3));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As a fit, and [`Error::ShapeMismatch`] for a model of another rank, with more rows or columns than `x`,
    /// or with biases where the settings have none (or the reverse).
    pub fn fit_from<X: ObservedEntries + ?Sized>(
        &self,
        x: &X,
        model: &FactorModel<X::Scalar>,
        run: &mut Run<'_>,
    ) -> Result<Fit<FactorModel<X::Scalar>>> {
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        fit(self, x, Some(model), run)
    }
}

impl Als {
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
            solver: self.solver.with(self.non_negative),
            non_negative: self.non_negative,
        }
    }
}

fn fit<X: ObservedEntries + ?Sized>(
    als: &Als,
    x: &X,
    known: Option<&FactorModel<X::Scalar>>,
    run: &mut Run<'_>,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    let validation = run.take_validation();
    run.gives_checkpoints();
    in_pool(run, |run, pool| {
        fit_here(als, x, known, validation, run, pool)
    })
}

/// The factors of both sides.
#[derive(Clone)]
struct Sides<T: Scalar> {
    rows: Factors<T>,
    columns: Factors<T>,
}

fn fit_here<X: ObservedEntries + ?Sized>(
    als: &Als,
    x: &X,
    known: Option<&FactorModel<X::Scalar>>,
    validation: Option<&Validation>,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    als.validate()?;
    let shape = x.shape();
    check_size::<X::Scalar>(als.rank, shape)?;
    let survey = survey_ratings(x, als.biased)?;
    let mut report = FitReport::new("als", shape, als.rank, als.seed);
    report.stored = Some(survey.observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let deviation = format!("{:?}", survey.scale);
    report.chosen.insert(DEVIATION.to_owned(), deviation);
    let transposed = ByColumns::of(x, &survey.column_counts);
    let step = als.half_step(survey.mean.as_f64(), survey.scale);
    if let Some(validation) = validation {
        check_validation(validation, shape)?;
    }
    let mut sides = Sides {
        rows: Factors::zeros(shape.0, als.rank, als.biased),
        columns: start(als, &survey.column_counts),
    };
    if let Some(model) = known {
        sides.take(als, model, survey.scale)?;
    }
    let mut stopping = validation.map(|validation| EarlyStopping::new(validation.get_patience()));
    let mut best = None;
    report.stop = StopReason::MaxIterations;
    report.objective = f64::INFINITY;
    let resumed = run.identify::<X::Scalar>("als", als, || {
        let data = DataFingerprint::of_observed(x).with_validation(validation);
        match known {
            Some(model) => {
                data.with_start(model.row_factors().iter().chain(model.column_factors()))
            }
            None => data,
        }
    })?;
    if let Some(mut state) = resumed {
        sides.resume(&mut state, "")?;
        if let Some(stopping) = &mut stopping {
            state.take_stopping(stopping)?;
            if stopping.best_iteration().is_some() {
                let mut kept = sides.clone();
                kept.resume(&mut state, "best.")?;
                best = Some(kept);
            }
        }
        state.take_report(&mut report)?;
    }
    let begun = run.elapsed();
    for iteration in report.iterations + 1..=als.max_iter {
        let Sides { rows, columns } = &mut sides;
        step.solve_into(x, 0..shape.0, columns, rows, false);
        let measured = step.solve_into(&transposed, 0..shape.1, rows, columns, true);
        let objective = measured + step.penalties(x, rows);
        let before = std::mem::replace(&mut report.objective, objective);
        report.history.push(objective);
        report.iterations = iteration;
        let mut exhausted = false;
        if let (Some(validation), Some(stopping)) = (validation, &mut stopping) {
            let error = validation_error(validation, |row, column| {
                survey.mean.as_f64() + survey.scale * sides.predict(row, column)
            });
            match stopping.observe(error) {
                Standing::Best => best = Some(sides.clone()),
                Standing::Waiting => {}
                Standing::Exhausted => exhausted = true,
            }
        }
        let interrupted = run.iteration(iteration, als.max_iter, objective);
        if exhausted {
            report.stop = StopReason::NoImprovement;
            break;
        }
        if iteration > 1 && before - objective <= als.tol * before {
            report.stop = StopReason::Converged;
            break;
        }
        run.checkpoint(iteration, |state| {
            sides.give(state, "");
            if let Some(stopping) = &stopping {
                state.insert_stopping(stopping);
            }
            if let Some(best) = &best {
                best.give(state, "best.");
            }
            state.insert_report(&report);
        })?;
        if let Some(reason) = interrupted {
            report.stop = reason;
            break;
        }
    }
    if let Some(stopping) = stopping {
        report.best_iteration = stopping.best_iteration();
        report.validation = stopping.into_history();
    }
    let sides = best.unwrap_or(sides);
    let ended = run.elapsed();
    let Sides { rows, columns } = &sides;
    let of_columns = step.measure(&transposed, columns, rows);
    let of_rows = step.measure(x, rows, columns);
    report.objective = of_columns.objective + step.penalties(x, rows);
    let data = of_columns.gradient_of_zero + of_rows.gradient_of_zero;
    let gradient = of_columns.gradient + of_rows.gradient;
    let relative = if data > 0.0 {
        (gradient / data).sqrt()
    } else {
        0.0
    };
    report.certificate = Some(Certificate::ProjectedGradient(relative));
    let model = model(rows, columns, survey.mean, survey.scale)?;
    report.seconds.initialization = begun.as_secs_f64();
    report.seconds.iterations = (ended - begun).as_secs_f64();
    report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
    Ok(Fit { model, report })
}

impl<T: Scalar> Sides<T> {
    /// Puts both sides into a checkpoint.
    fn give(&self, state: &mut CheckpointState, prefix: &str) {
        self.rows.give(state, &format!("{prefix}rows"));
        self.columns.give(state, &format!("{prefix}columns"));
    }

    /// Takes both sides from a checkpoint.
    fn resume(&mut self, state: &mut CheckpointState, prefix: &str) -> Result<()> {
        self.rows.resume(state, &format!("{prefix}rows"))?;
        self.columns.resume(state, &format!("{prefix}columns"))
    }

    /// (x̂ − μ) / σ.
    fn predict(&self, row: usize, column: usize) -> f64 {
        let pairs = self.rows.row(row).iter().zip(self.columns.row(column));
        let product: T = pairs.map(|(p, q)| *p * *q).sum();
        (product + self.rows.bias(row) + self.columns.bias(column)).as_f64()
    }

    /// Begins where a model is.
    fn take(&mut self, als: &Als, model: &FactorModel<T>, deviation: f64) -> Result<()> {
        let of_rows = (model.row_factors(), model.row_bias());
        let of_columns = (model.column_factors(), model.column_bias());
        for (side, known, what) in [
            (
                &mut self.rows,
                of_rows,
                "rows of the model to start from, at most",
            ),
            (
                &mut self.columns,
                of_columns,
                "columns of the model to start from, at most",
            ),
        ] {
            if known.0.nrows() > side.len() {
                return Err(Error::shape_mismatch(what, side.len(), known.0.nrows()));
            }
            check_known(als, known)?;
            side.copy_from(&in_units(known, deviation), als.non_negative);
        }
        Ok(())
    }
}

/// Small random factors for the columns that have ratings, and no biases yet.
fn start<T: Scalar>(als: &Als, counts: &[usize]) -> Factors<T> {
    let deviation = als.initial_deviation / (als.rank as f64).sqrt();
    let random: Array2<f64> = random_normal((counts.len(), als.rank), als.seed, 0);
    let mut columns = Factors::zeros(counts.len(), als.rank, als.biased);
    let rated = columns.factors.rows_mut().zip(random.rows()).zip(counts);
    for ((row, random), _) in rated.filter(|(_, count)| **count > 0) {
        for (value, normal) in row.iter_mut().zip(random) {
            let value_of = deviation * normal;
            *value = T::from_f64(if als.non_negative {
                value_of.abs()
            } else {
                value_of
            });
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
