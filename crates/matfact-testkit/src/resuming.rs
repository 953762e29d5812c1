//! The law on checkpoints: a fit that was stopped and goes on is the fit that was never stopped.

use crate::execution::same_fit;
use crate::violation::{LawResult, LawViolation, Outcome, refused, require};
use matfact_core::{
    Cancellation, Checkpoint, Error, Fit, FitReport, Persist, Progress, Result, Run, StopReason,
};

/// One fit of one input under a run.
pub type OneFit<'f, M> = &'f dyn Fn(&mut Run<'_>) -> Result<Fit<M>>;

/// After whichever iteration a fit is stopped, and however often, going on from its checkpoint gives the same bits
/// and the same report as never stopping, for one thread and for two.
///
/// `fit` is one fit of one input under the run it is given; it should have a handful of iterations. Looked at are
/// the checkpoints of a fit that is watched to its end (as one that is killed leaves them), and those of a fit that
/// is cancelled again after every iteration that it does.
///
/// ```
/// use matfact_core::{FactorModel, Fit, Result, Run};
/// use matfact_testkit::{hold, resuming_gives_the_same_bits};
/// // An algorithm that gives no checkpoints breaks the law.
/// let fit = |run: &mut Run<'_>| -> Result<Fit<FactorModel<f32>>> {
///     run.begin()?;
///     unreachable!("the run is refused before");
/// };
/// let violation = resuming_gives_the_same_bits("mine", &fit).unwrap_err();
/// assert_eq!(violation.law, "resuming_gives_the_same_bits");
/// ```
///
/// # Errors
/// The violation found.
pub fn resuming_gives_the_same_bits<M: Persist>(
    subject: &str,
    fit: &dyn Fn(&mut Run<'_>) -> Result<Fit<M>>,
) -> LawResult {
    check(fit).map_err(|detail| LawViolation {
        law: "resuming_gives_the_same_bits",
        statement: "A fit that goes on from a checkpoint gives the same bits as one that was never stopped.",
        subject: subject.to_owned(),
        counterexample: "that of the test".to_owned(),
        detail,
    })
}

fn check<M: Persist>(fit: &dyn Fn(&mut Run<'_>) -> Result<Fit<M>>) -> Outcome {
    let mut checkpoints = Vec::new();
    let mut keep = |checkpoint: &Checkpoint| {
        checkpoints.push(checkpoint.clone());
        Ok(())
    };
    let watched = fit(&mut Run::new().threads(1).checkpoints(&mut keep)).map_err(refused)?;
    let whole = fit(&mut Run::new().threads(1)).map_err(refused)?;
    same(&whole, &watched).map_err(|seen| format!("without checkpoints, then with: {seen}"))?;
    require(checkpoints.len() >= 2, || {
        let count = checkpoints.len();
        format!("{count} checkpoints tell too little: give a fit more iterations")
    })?;
    for (number, checkpoint) in checkpoints.into_iter().enumerate() {
        let at = checkpoint.iteration;
        let threads = 1 + number % 2;
        let resumed = fit(&mut Run::new().threads(threads).resume(checkpoint)).map_err(refused)?;
        same(&whole, &resumed).map_err(|seen| {
            format!("resumed after iteration {at} with {threads} threads: {seen}")
        })?;
    }
    let stepped = step_by_step(fit, &whole.report)?;
    same(&whole, &stepped).map_err(|seen| format!("stopped after every iteration: {seen}"))
}

/// A fit that is cancelled in every iteration and resumed, until it ends by itself.
fn step_by_step<M>(
    fit: &dyn Fn(&mut Run<'_>) -> Result<Fit<M>>,
    whole: &FitReport,
) -> Result<Fit<M>, String> {
    let most = 2 + whole.iterations + whole.restarts.iter().map(|r| r.iterations).sum::<usize>();
    let mut last: Option<Checkpoint> = None;
    for step in 0..=most {
        let stop = Cancellation::new();
        let handle = stop.clone();
        let mut observer = move |_: &Progress| handle.cancel();
        let before = last.take();
        let mut keep = |checkpoint: &Checkpoint| {
            last = Some(checkpoint.clone());
            Ok(())
        };
        let run = Run::new().threads(1 + step % 2).observer(&mut observer);
        let mut run = run.cancellation(&stop).checkpoints(&mut keep);
        if let Some(checkpoint) = before {
            run = run.resume(checkpoint);
        }
        let fitted = fit(&mut run).map_err(refused)?;
        if fitted.report.stop != StopReason::Cancelled {
            return Ok(fitted);
        }
        require(last.is_some(), || {
            format!("cancelled a time number {step}, it gave no checkpoint")
        })?;
    }
    Err(format!("it had not ended after {most} times of going on"))
}

/// Fails unless model and report agree, times and threads aside.
fn same<M: Persist>(a: &Fit<M>, b: &Fit<M>) -> Outcome {
    same_fit(a, b)?;
    let rest = |report: &FitReport| {
        format!(
            "{:?}",
            (
                &report.validation,
                report.best_iteration,
                &report.certificate,
                report.seed,
                &report.chosen,
                &report.restarts,
                &report.notices,
            )
        )
    };
    let (a, b) = (rest(&a.report), rest(&b.report));
    require(a == b, || format!("the reports say {a}, then {b}"))
}

/// A checkpoint is refused for what differs, by name: `same` is the fit that gives it, `others` are fits that
/// differ from it, each with what the refusal has to name.
///
/// # Errors
/// The violation found.
pub fn resuming_another_fit_is_refused<M>(
    subject: &str,
    same: &dyn Fn(&mut Run<'_>) -> Result<Fit<M>>,
    others: &[(&str, OneFit<'_, M>)],
) -> LawResult {
    let refusals = || -> Outcome {
        let mut last = None;
        let mut keep = |checkpoint: &Checkpoint| {
            last = Some(checkpoint.clone());
            Ok(())
        };
        same(&mut Run::new().checkpoints(&mut keep)).map_err(refused)?;
        let Some(checkpoint) = last else {
            return Err("there was no checkpoint".to_owned());
        };
        for (named, other) in others {
            match other(&mut Run::new().resume(checkpoint.clone())).map(|_| ()) {
                Err(Error::ResumeMismatch { what, .. }) if what.contains(named) => {}
                Err(error) => return Err(format!("for another {named}: {error}")),
                Ok(()) => return Err(format!("another {named} is accepted")),
            }
        }
        Ok(())
    };
    refusals().map_err(|detail| LawViolation {
        law: "resuming_another_fit_is_refused",
        statement: "A checkpoint goes on with the data and settings that it was made with, or not at all.",
        subject: subject.to_owned(),
        counterexample: "those of the test".to_owned(),
        detail,
    })
}
