//! The epochs, from positives to a model.

use super::descent::Descent;
use super::settings::Settings;
use crate::size::check_size;
use matfact_core::{
    DataFingerprint, Error, FactorModel, Fit, FitReport, ObservedEntries, Result, Run, Scalar,
    StopReason, Validation,
};
use matfact_linalg::{PoolInfo, RankingValidation, RatingsSurvey, survey_ratings};

/// A look costs as much as an epoch or more.
const EPOCHS_FROM_LOOK_TO_LOOK: usize = 5;

pub(crate) fn fit<X: ObservedEntries + ?Sized>(
    settings: &Settings,
    x: &X,
    validation: Option<&Validation>,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<FactorModel<X::Scalar>>> {
    settings.validate()?;
    let shape = x.shape();
    check_size::<X::Scalar>(settings.rank, shape, shape)?;
    let survey = survey_positives(settings.algorithm, x)?;
    let mut watch = match validation {
        Some(validation) => Some(RankingValidation::new(
            validation,
            x,
            EPOCHS_FROM_LOOK_TO_LOOK,
        )?),
        None => None,
    };
    let mut report = FitReport::new(settings.algorithm, shape, settings.rank, settings.seed);
    report.stored = Some(survey.observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let mut descent = Descent::new(settings, x, &survey);
    report.stop = StopReason::MaxIterations;
    let data = || DataFingerprint::of_observed(x).with_validation(validation);
    if let Some(mut state) = run.identify::<X::Scalar>(settings.algorithm, settings, data)? {
        descent.resume(&mut state)?;
        if let Some(watch) = &mut watch {
            watch.resume(&mut state)?;
        }
        state.take_report(&mut report)?;
    }
    let begun = run.elapsed();
    for epoch in report.iterations + 1..=settings.epochs {
        let loss = descent.epoch(epoch)?;
        report.history.push(loss);
        report.iterations = epoch;
        let interrupted = run.iteration(epoch, settings.epochs, loss);
        if let Some(watch) = &mut watch
            && watch.look(epoch, epoch == settings.epochs, || descent.model(epoch))?
        {
            report.stop = StopReason::NoImprovement;
            break;
        }
        run.checkpoint(epoch, |state| {
            descent.give(state);
            if let Some(watch) = &watch {
                watch.give(state);
            }
            state.insert_report(&report);
        })?;
        if let Some(reason) = interrupted {
            // After the checkpoint: a fit that goes on does not look here.
            if let Some(watch) = &mut watch {
                watch.look(epoch, true, || descent.model(epoch))?;
            }
            report.stop = reason;
            break;
        }
    }
    let ended = run.elapsed();
    let best = watch.and_then(|watch| watch.finish(&mut report));
    report.objective = match (report.best_iteration, report.history.last()) {
        (Some(best), _) => report.history[best - 1],
        (None, Some(loss)) => *loss,
        (None, None) => descent.loss(),
    };
    let model = match best {
        Some(model) => model,
        None => descent.model(report.iterations)?,
    };
    report.seconds.initialization = begun.as_secs_f64();
    report.seconds.iterations = (ended - begun).as_secs_f64();
    report.seconds.finishing = (run.elapsed() - ended).as_secs_f64();
    Ok(Fit { model, report })
}

/// Checks that the entries can be positives, and counts them.
pub(crate) fn survey_positives<T: Scalar, X>(
    algorithm: &'static str,
    x: &X,
) -> Result<RatingsSurvey<T>>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let survey = survey_ratings(x, false)?;
    for row in 0..survey.shape.0 {
        if x.weights(row).is_some() {
            return Err(Error::UnsupportedInput {
                algorithm,
                expected: "positives whose values are their counts",
                actual: "ratings with weights",
            });
        }
        let entries = x.row(row);
        if let Some(at) = entries.values.iter().position(|value| *value < T::zero()) {
            return Err(Error::Negative {
                row,
                column: entries.columns[at] as usize,
                value: entries.values[at].as_f64(),
                algorithm,
            });
        }
    }
    Ok(survey)
}
