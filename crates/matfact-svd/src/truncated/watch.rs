//! A run that looks on while the subspace is found, and keeps its state.

use matfact_core::{CheckpointState, Result, Run, StopReason};
use matfact_linalg::SvdWatch;
use std::cell::Cell;

/// What a checkpoint says of the method whose state it has.
const METHOD: &str = "method";
/// Steps of another method before it.
const BEFORE: &str = "steps before";

/// A method's steps within a run: after those of another, which gave up, maybe.
pub(super) struct RunWatch<'a, 'r> {
    pub(super) run: &'a mut Run<'r>,
    /// What the method is called in a checkpoint.
    pub(super) method: &'static str,
    /// Steps of the methods before it.
    pub(super) before: usize,
    /// The most steps of all.
    pub(super) most: usize,
    /// Whether what the steps come to is told.
    pub(super) measured: bool,
    /// Where the last step is told, those before included.
    pub(super) steps: &'a Cell<usize>,
    pub(super) resumed: Option<CheckpointState>,
}

impl SvdWatch for RunWatch<'_, '_> {
    fn step(&mut self, step: usize, measure: f64) -> Option<StopReason> {
        self.steps.set(self.before + step);
        let measure = if self.measured { measure } else { f64::NAN };
        self.run.iteration(self.before + step, self.most, measure)
    }

    fn keep(&mut self, step: usize, give: &dyn Fn(&mut CheckpointState)) -> Result<()> {
        let (method, before) = (self.method, self.before);
        self.run.checkpoint(before + step, |state| {
            give(state);
            state.texts.insert(METHOD.to_owned(), method.to_owned());
            state.insert_counter(BEFORE, before as u64);
        })
    }

    fn resume(&mut self) -> Option<CheckpointState> {
        let state = self.resumed.take()?;
        let steps = state.counter("steps").unwrap_or(0) as usize;
        self.steps.set(self.before + steps);
        Some(state)
    }
}

/// A state that a fit goes on from, and the steps of other methods before those of its own.
pub(super) struct Resumed(Option<CheckpointState>);

impl Resumed {
    pub(super) fn new(state: Option<CheckpointState>) -> Self {
        Self(state)
    }

    /// The state, if it is one of this method, and the steps before it.
    pub(super) fn of(&mut self, method: &str) -> Result<Option<(CheckpointState, usize)>> {
        let is = |state: &CheckpointState| state.texts.get(METHOD).is_some_and(|m| m == method);
        match self.0.take_if(|state| is(state)) {
            Some(state) => {
                let before = state.counter(BEFORE)? as usize;
                Ok(Some((state, before)))
            }
            None => Ok(None),
        }
    }
}
