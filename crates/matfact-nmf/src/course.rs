//! The course of the iterations: the objective after each, and when to stop.

use crate::fit::Problem;
use matfact_core::{CheckpointState, Matrix, Result, Run, StopReason};
use std::collections::VecDeque;

/// Iterations over which the fall of the objective is averaged.
const WINDOW: usize = 5;

/// What the iterations tell, and the rules by which they stop.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// The objective of X after each iteration. It may leave the range of `f64` where that of X' does
    /// not: decisions are made on X'.
    pub(crate) history: Vec<f64>,
    /// The objective of X' after each of the last iterations.
    recent: VecDeque<f64>,
    pub(crate) stop: StopReason,
    pub(crate) max_iter: usize,
    tol: f64,
    target: Option<f64>,
    /// What the objective of X' is multiplied by to be that of X.
    unit: f64,
    /// An objective of X' below this is rounding.
    floor: f64,
    /// A target of the data's part of the objective of X' (without penalties).
    target_fit: Option<f64>,
}

impl Course {
    pub(crate) fn new<X: Matrix + ?Sized>(problem: &Problem<'_, X>) -> Self {
        let nmf = problem.nmf;
        let unit = problem.unit();
        let (rows, columns) = problem.x.shape();
        let size = match problem.x.squared_norm() {
            Some(squares) if nmf.loss.beta() == 2.0 => squares,
            _ => rows as f64 * columns as f64 * problem.mean.powf(nmf.loss.beta()),
        };
        let half_squares = 0.5 * problem.x.squared_norm().unwrap_or(0.0);
        Self {
            history: Vec::new(),
            recent: VecDeque::new(),
            stop: StopReason::MaxIterations,
            max_iter: nmf.max_iter,
            tol: nmf.tol,
            target: nmf.target_objective,
            unit,
            floor: f64::EPSILON * size,
            target_fit: nmf.target_error.map(|error| error * error * half_squares),
        }
    }

    /// For a problem without targets: `unit` takes its objectives to those of the data as given, and
    /// an objective below `floor` is rounding.
    pub(crate) fn plain(max_iter: usize, tol: f64, unit: f64, floor: f64) -> Self {
        Self {
            history: Vec::new(),
            recent: VecDeque::new(),
            stop: StopReason::MaxIterations,
            max_iter,
            tol,
            target: None,
            unit,
            floor,
            target_fit: None,
        }
    }

    /// The last objective of X'; infinite before the first iteration.
    pub(crate) fn objective(&self) -> f64 {
        self.recent.back().copied().unwrap_or(f64::INFINITY)
    }

    fn push(&mut self, objective: f64) -> f64 {
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(objective);
        self.history.push(objective * self.unit);
        objective * self.unit
    }

    /// Notes an iteration that ended at `fit` + `penalty` (of X'), and says whether to stop: for
    /// `stationary` factors, an outside reason, a target, or a fall below the tolerance.
    pub(crate) fn ends(
        &mut self,
        fit: f64,
        penalty: f64,
        stationary: bool,
        run: &mut Run<'_>,
    ) -> bool {
        let objective = self.push(fit + penalty);
        let reached = self.target_fit.is_some_and(|target| fit <= target)
            || self.target.is_some_and(|target| objective <= target);
        let interrupted = run.iteration(self.history.len(), self.max_iter, objective);
        // What lies in the mathematics comes first: a fit that has converged is not one that was cut short.
        let reason = if reached {
            Some(StopReason::TargetError)
        } else if stationary || self.converged() {
            Some(StopReason::Converged)
        } else {
            interrupted
        };
        if let Some(reason) = reason {
            self.stop = reason;
        }
        reason.is_some() || self.history.len() >= self.max_iter
    }

    /// Whether a tolerance or a target was met.
    pub(crate) fn has_converged(&self) -> bool {
        matches!(self.stop, StopReason::Converged | StopReason::TargetError)
    }

    /// Puts what the rules look back on into a checkpoint.
    pub(crate) fn give(&self, state: &mut CheckpointState, prefix: &str) {
        state.insert_numbers(&format!("{prefix}course.history"), &self.history);
        let recent = self.recent.iter().copied();
        state.insert_values(&format!("{prefix}course.recent"), recent);
    }

    /// Takes what [`Course::give`] has put.
    pub(crate) fn resume(&mut self, state: &mut CheckpointState, prefix: &str) -> Result<()> {
        self.history = state.take_numbers(&format!("{prefix}course.history"))?;
        self.recent = state
            .take_numbers(&format!("{prefix}course.recent"))?
            .into();
        Ok(())
    }

    /// Whether an objective of X' is above the last one.
    pub(crate) fn rises(&self, objective: f64) -> bool {
        objective > self.objective()
    }

    /// Notes an iteration that was taken back: the objective is what it was.
    pub(crate) fn rejected(&mut self, run: &mut Run<'_>) -> bool {
        let objective = self.push(self.objective());
        if let Some(reason) = run.iteration(self.history.len(), self.max_iter, objective) {
            self.stop = reason;
            return true;
        }
        self.history.len() >= self.max_iter
    }

    /// Whether the objective has fallen by less than `tol` of itself an iteration, on the mean of the
    /// last few. An error of nothing but rounding has converged too.
    fn converged(&self) -> bool {
        match (self.recent.front(), self.recent.back()) {
            (Some(before), Some(now)) if self.tol > 0.0 && self.recent.len() > WINDOW => {
                *now <= self.floor || before - now <= self.tol * WINDOW as f64 * now
            }
            _ => false,
        }
    }
}
