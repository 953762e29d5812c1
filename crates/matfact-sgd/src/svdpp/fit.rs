//! The epochs, from ratings to a model.

use super::descent::{Descent, Parts};
use super::model::SvdPlusPlusModel;
use super::parameters::SvdPlusPlus;
use crate::size::check_size;
use matfact_core::{
    DataFingerprint, EarlyStopping, Error, FactorModel, Factorizer, Fit, FitReport,
    ObservedEntries, Result, Run, Standing, StopReason, Validation,
};
use matfact_linalg::{PoolInfo, check_validation, in_pool, survey_ratings};

impl<X: ObservedEntries + ?Sized> Factorizer<X> for SvdPlusPlus {
    type Model = SvdPlusPlusModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        let validation = run.take_validation();
        run.gives_checkpoints();
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, validation, run, pool))
    }
}

fn fit<X: ObservedEntries + ?Sized>(
    settings: &SvdPlusPlus,
    x: &X,
    validation: Option<&Validation>,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<SvdPlusPlusModel<X::Scalar>>> {
    settings.validate()?;
    let shape = x.shape();
    // Three sides: rows, columns and the implicit factors of the columns.
    let sides = (shape.0, shape.1.saturating_mul(2));
    check_size::<X::Scalar>(settings.rank, shape, sides)?;
    if (0..shape.0).any(|row| x.weights(row).is_some()) {
        return Err(Error::UnsupportedInput {
            algorithm: "svdpp",
            expected: "ratings that all count the same",
            actual: "ratings with weights",
        });
    }
    let survey = survey_ratings(x, true)?;
    if let Some(validation) = validation {
        check_validation(validation, shape)?;
    }
    let mut report = FitReport::new("svdpp", shape, settings.rank, settings.seed);
    report.stored = Some(survey.observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let mut stopping =
        validation.map(|validation| (validation, EarlyStopping::new(validation.get_patience())));
    let (mean, deviation) = (survey.mean, survey.scale);
    let mut descent = Descent::new(settings, x, survey);
    let resumed = run.identify::<X::Scalar>("svdpp", settings, || {
        DataFingerprint::of_observed(x).with_validation(validation)
    })?;
    if let Some(mut state) = resumed {
        if let Some((_, stopping)) = &mut stopping {
            state.take_stopping(stopping)?;
        }
        descent.resume(&mut state)?;
        state.take_report(&mut report)?;
    }
    let begun = run.elapsed();
    for epoch in report.iterations + 1..=settings.epochs {
        let error = descent.epoch(epoch)?;
        report.history.push(error);
        report.objective = error;
        report.iterations = epoch;
        if let Some((validation, stopping)) = &mut stopping {
            match stopping.observe(descent.validation_error(validation)) {
                Standing::Best => descent.keep(),
                Standing::Waiting => {}
                Standing::Exhausted => report.stop = StopReason::NoImprovement,
            }
        }
        let interrupted = run.iteration(epoch, settings.epochs, error);
        if report.stop == StopReason::NoImprovement {
            break;
        }
        run.checkpoint(epoch, |state| {
            if let Some((_, stopping)) = &stopping {
                state.insert_stopping(stopping);
            }
            descent.give(state);
            state.insert_report(&report);
        })?;
        if let Some(reason) = interrupted {
            report.stop = reason;
            break;
        }
    }
    if let Some((_, stopping)) = stopping {
        descent.restore();
        report.best_iteration = stopping.best_iteration();
        report.validation = stopping.into_history();
    }
    if report.history.is_empty() {
        report.objective = descent.validation_error(&Validation::of(x));
    }
    let ended = run.elapsed();
    let parts = descent.into_parts(report.iterations)?;
    let Parts {
        rows,
        columns,
        implicit,
        row_biases,
        column_biases,
    } = parts;
    let factors = FactorModel::new(rows, columns)?
        .with_mean(mean)
        .with_biases(row_biases, column_biases)?;
    let model = SvdPlusPlusModel::new(factors, implicit, deviation)?;
    report.seconds.initialization = begun.as_secs_f64();
    report.seconds.iterations = (ended - begun).as_secs_f64();
    report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
    Ok(Fit { model, report })
}
