//! Factors and course as the state of a checkpoint, and back.

use crate::course::Course;
use crate::initialization::{Factors, Start};
use matfact_core::{CheckpointState, DataFingerprint, Result, Run, Scalar};

/// Gives the state after an iteration to whoever wants it, unless the fit has ended by itself; `more` adds what
/// the solver needs besides.
pub(crate) fn keep<T: Scalar>(
    run: &mut Run<'_>,
    course: &Course,
    factors: &Factors<T>,
    more: impl FnOnce(&mut CheckpointState),
) -> Result<()> {
    if course.has_converged() {
        return Ok(());
    }
    run.checkpoint(course.history.len(), |state| {
        course.give(state, "");
        factors.give(state, "");
        more(state);
    })
}

impl<T: Scalar> Factors<T> {
    /// Puts both under names that begin with `prefix`.
    pub(crate) fn give(&self, state: &mut CheckpointState, prefix: &str) {
        state.insert(&format!("{prefix}w"), &self.w);
        state.insert(&format!("{prefix}h"), &self.h);
    }

    /// Takes what [`Factors::give`] has put.
    pub(crate) fn take(
        state: &mut CheckpointState,
        prefix: &str,
        (m, n): (usize, usize),
        rank: usize,
    ) -> Result<Self> {
        Ok(Self {
            w: state.take_matrix(&format!("{prefix}w"), (m, rank))?,
            h: state.take_matrix(&format!("{prefix}h"), (n, rank))?,
        })
    }
}

/// With the start, where there is one.
pub(crate) fn with_start<T: Scalar>(
    data: DataFingerprint,
    start: Option<&Start<T>>,
) -> DataFingerprint {
    let Some(start) = start else { return data };
    let (w, h) = start.sides();
    // Which of the two there are, and their numbers.
    let given = [w, h].map(|side| if side.is_some() { 1.0 } else { 0.0 });
    [w, h]
        .into_iter()
        .flatten()
        .fold(data.with_start(&given), |data, side| data.with_start(side))
}
