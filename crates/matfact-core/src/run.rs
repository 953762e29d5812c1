//! What belongs to one execution and not to the mathematics.

use crate::checkpoint::{Checkpoint, CheckpointSink, CheckpointState, DataFingerprint};
use crate::{Error, Result, Scalar, StopReason, Validation};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One execution of a fit: threads, observer, cancellation and time budget.
///
/// Nothing in it changes the numbers that come out, except where the fit is stopped early. The
/// default runs on the caller's `rayon` pool (the global one, or the one whose `install` the call
/// is made from), watches nothing and never stops early.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `threads` | the current pool | a pool of this many threads for this fit alone |
/// | `observer` | none | called after every iteration |
/// | `cancellation` | none | checked between iterations |
/// | `time_budget` | none | wall-clock limit, checked between iterations |
/// | `validation` | none | entries kept aside that say when to stop, for algorithms on observed entries |
/// | `checkpoints` | none | takes the state after the iterations that it wants, and where the run is interrupted |
/// | `resume` | none | the state to go on from, in place of a beginning |
///
/// ```
/// use matfact_core::{Cancellation, Progress, Run};
/// use std::time::Duration;
/// let mut seen = Vec::new();
/// let mut observer = |progress: &Progress| seen.push(progress.iteration);
/// let stop = Cancellation::new();
/// let run = Run::new()
///     .threads(2)
///     .time_budget(Duration::from_secs(60))
///     .cancellation(&stop)
///     .observer(&mut observer);
/// assert_eq!(run.thread_count(), Some(2));
/// ```
#[derive(Default)]
pub struct Run<'a> {
    threads: Option<usize>,
    observer: Option<&'a mut dyn Observer>,
    cancellation: Option<Cancellation>,
    time_budget: Option<Duration>,
    validation: Option<&'a Validation>,
    sink: Option<&'a mut dyn CheckpointSink>,
    resume: Option<Checkpoint>,
    /// What the fit is, once the algorithm has said so; its state is empty.
    identity: Option<Checkpoint>,
    /// What every checkpoint has beside the state of its iteration.
    common: CheckpointState,
    gives_checkpoints: bool,
    started: Option<Instant>,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("threads", &self.threads)
            .field("observer", &self.observer.is_some())
            .field("cancellation", &self.cancellation)
            .field("time_budget", &self.time_budget)
            .field("validation", &self.validation.map(Validation::len))
            .field("checkpoints", &self.sink.is_some())
            .field("resume", &self.resume.as_ref().map(|from| from.iteration))
            .finish_non_exhaustive()
    }
}

impl<'a> Run<'a> {
    /// A run with the defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses a pool of `count` threads for this fit. The result is the same to the bit for every
    /// count. More than four times the machine's cores (at least 8) are capped there, with a notice
    /// in the report; 0 is refused when the fit starts.
    #[must_use]
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = Some(count);
        self
    }

    /// Calls `observer` after every iteration.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Stops at the next iteration once `cancellation` is raised; the model so far is returned.
    #[must_use]
    pub fn cancellation(mut self, cancellation: &Cancellation) -> Self {
        self.cancellation = Some(cancellation.clone());
        self
    }

    /// Stops at the first iteration that ends after `budget`; the model so far is returned.
    #[must_use]
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.time_budget = Some(budget);
        self
    }

    /// Stops once the model no longer gets better on these entries, and gives the best one.
    /// Algorithms that cannot refuse it.
    #[must_use]
    pub fn validation(mut self, validation: &'a Validation) -> Self {
        self.validation = Some(validation);
        self
    }

    /// Gives `sink` the state of the fit after each iteration that it wants, and after the one in which the run is
    /// cancelled or its time is up. Algorithms without iterations to go on from refuse it.
    ///
    /// ```
    /// use matfact_core::{Checkpoint, Run};
    /// let mut last = None;
    /// let mut keep = |checkpoint: &Checkpoint| {
    ///     last = Some(checkpoint.clone());
    ///     Ok(())
    /// };
    /// let run = Run::new().checkpoints(&mut keep);
    /// ```
    #[must_use]
    pub fn checkpoints(mut self, sink: &'a mut dyn CheckpointSink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Goes on from a checkpoint: the result has the same bits as that of a fit that was never stopped. Data,
    /// hyper-parameters, validation set and start have to be those that the checkpoint was made with
    /// ([`Error::ResumeMismatch`] names what is not); the rest of the run may differ.
    #[must_use]
    pub fn resume(mut self, checkpoint: Checkpoint) -> Self {
        self.resume = Some(checkpoint);
        self
    }

    /// For algorithms that stop by a validation set: the set, to be taken before [`Run::begin`].
    pub fn take_validation(&mut self) -> Option<&'a Validation> {
        self.validation.take()
    }

    /// The number of threads asked for; `None` means the current pool.
    #[must_use]
    pub fn thread_count(&self) -> Option<usize> {
        self.threads
    }

    /// For algorithms: starts the clock and checks the settings.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for zero threads, and for a validation set that the algorithm has not
    /// taken.
    pub fn begin(&mut self) -> Result<()> {
        if let Some(validation) = self.validation {
            let given = format!("{} entries", validation.len());
            let remedy = "left out: this algorithm does not stop by a validation set";
            return Err(Error::invalid_parameter("validation", given, remedy));
        }
        for (name, given) in [
            ("checkpoint", self.sink.is_some()),
            ("resume", self.resume.is_some()),
        ] {
            if given && !self.gives_checkpoints {
                let remedy = "left out: this algorithm keeps no state to go on from";
                return Err(Error::invalid_parameter(name, "given", remedy));
            }
        }
        if self.threads == Some(0) {
            return Err(Error::invalid_parameter("threads", 0, "at least 1"));
        }
        self.started = Some(Instant::now());
        Ok(())
    }

    /// For algorithms: tells the observer about a finished iteration, then says whether the fit has
    /// to stop here for a reason that lies outside the mathematics.
    pub fn iteration(
        &mut self,
        iteration: usize,
        limit: usize,
        objective: f64,
    ) -> Option<StopReason> {
        let elapsed = self.elapsed();
        if let Some(observer) = &mut self.observer {
            observer.observe(&Progress {
                iteration,
                limit,
                objective,
                elapsed,
            });
        }
        self.interrupted()
    }

    /// For algorithms: a run with the same clock, cancellation and time budget, and no observer, for
    /// iterations that are part of a preparation.
    #[must_use]
    pub fn silent(&self) -> Run<'static> {
        Run {
            threads: self.threads,
            observer: None,
            cancellation: self.cancellation.clone(),
            time_budget: self.time_budget,
            validation: None,
            sink: None,
            resume: None,
            identity: None,
            common: CheckpointState::default(),
            gives_checkpoints: false,
            started: self.started,
        }
    }

    /// For algorithms that give checkpoints: says so, before [`Run::begin`].
    pub fn gives_checkpoints(&mut self) {
        self.gives_checkpoints = true;
    }

    /// For algorithms: says what the fit is of, and gives the state to go on from, if there is one. Does nothing
    /// for a run without checkpoints; `data` is asked only where there are.
    ///
    /// # Errors
    /// [`Error::ResumeMismatch`] for the checkpoint of another fit.
    pub fn identify<T: Scalar>(
        &mut self,
        algorithm: &str,
        settings: &dyn std::fmt::Debug,
        data: impl FnOnce() -> DataFingerprint,
    ) -> Result<Option<CheckpointState>> {
        if self.sink.is_none() && self.resume.is_none() {
            return Ok(None);
        }
        let identity = Checkpoint {
            algorithm: algorithm.to_owned(),
            scalar: T::NAME.to_owned(),
            settings: format!("{settings:?}"),
            data: data(),
            iteration: 0,
            state: CheckpointState::default(),
        };
        let state = match self.resume.take() {
            Some(checkpoint) => {
                checkpoint.require_same_fit(&identity)?;
                Some(checkpoint.state)
            }
            None => None,
        };
        self.identity = Some(identity);
        Ok(state)
    }

    /// For algorithms: gives the state after an iteration to whoever wants it, at the latest when the run is
    /// interrupted. To be called after [`Run::iteration`], and not where the fit ends for a reason that lies in the
    /// mathematics: a fit that goes on from there would pass it by.
    ///
    /// # Errors
    /// What the sink says.
    pub fn checkpoint(
        &mut self,
        iteration: usize,
        give: impl FnOnce(&mut CheckpointState),
    ) -> Result<()> {
        let (elapsed, interrupted) = (self.elapsed(), self.interrupted().is_some());
        let (Some(sink), Some(identity)) = (&mut self.sink, &mut self.identity) else {
            return Ok(());
        };
        if sink.wants(iteration, elapsed) || interrupted {
            identity.iteration = iteration;
            identity.state = self.common.clone();
            give(&mut identity.state);
            let saved = sink.save(identity);
            identity.state = CheckpointState::default();
            saved?;
        }
        Ok(())
    }

    /// For algorithms: what all checkpoints from here on have beside the state of their iteration.
    pub fn common_to_checkpoints(&mut self, give: impl FnOnce(&mut CheckpointState)) {
        if self.sink.is_some() && self.identity.is_some() {
            self.common = CheckpointState::default();
            give(&mut self.common);
        }
    }

    /// For algorithms: no checkpoints from here on, because what a fit without interruption would have done was cut
    /// short.
    pub fn withhold_checkpoints(&mut self) {
        self.identity = None;
    }

    /// For algorithms: whether the run was cancelled or its time is up.
    #[must_use]
    pub fn interrupted(&self) -> Option<StopReason> {
        if self
            .cancellation
            .as_ref()
            .is_some_and(Cancellation::is_cancelled)
        {
            return Some(StopReason::Cancelled);
        }
        match self.time_budget {
            Some(budget) if self.elapsed() >= budget => Some(StopReason::TimeBudget),
            _ => None,
        }
    }

    /// Time since [`Run::begin`].
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started
            .map(|started| started.elapsed())
            .unwrap_or_default()
    }
}

/// Something that watches a fit: a progress bar, a log, a test.
///
/// Every `FnMut(&Progress) + Send` is one.
pub trait Observer: Send {
    /// Called after every iteration, from the thread that runs the fit.
    fn observe(&mut self, progress: &Progress);
}

impl<F: FnMut(&Progress) + Send> Observer for F {
    fn observe(&mut self, progress: &Progress) {
        self(progress);
    }
}

/// How far a fit has come.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Finished iterations (epochs, passes), counted from 1.
    pub iteration: usize,
    /// The most iterations that there can be.
    pub limit: usize,
    /// The objective after this iteration; NaN where an algorithm does not evaluate it.
    pub objective: f64,
    /// Time since the fit began.
    pub elapsed: Duration,
}

/// A flag that stops a fit from another thread or a signal handler.
///
/// ```
/// use matfact_core::Cancellation;
/// let stop = Cancellation::new();
/// let handle = stop.clone();
/// handle.cancel();
/// assert!(stop.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag, for good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is raised.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reports_progress_and_stops_for_each_reason() {
        let mut seen = Vec::new();
        let mut observer = |p: &Progress| seen.push((p.iteration, p.objective));
        let mut run = Run::new().observer(&mut observer);
        run.begin().unwrap();
        assert_eq!(run.iteration(1, 5, 2.5), None);
        assert_eq!(seen, [(1, 2.5)]);

        let stop = Cancellation::new();
        let mut run = Run::new().cancellation(&stop);
        run.begin().unwrap();
        assert_eq!(run.iteration(1, 5, 0.0), None);
        stop.cancel();
        assert_eq!(run.iteration(2, 5, 0.0), Some(StopReason::Cancelled));

        let mut run = Run::new().time_budget(Duration::ZERO);
        run.begin().unwrap();
        assert_eq!(run.iteration(1, 5, 0.0), Some(StopReason::TimeBudget));
        assert!(matches!(
            Run::new().threads(0).begin(),
            Err(Error::InvalidParameter {
                name: "threads",
                ..
            })
        ));
    }
}
