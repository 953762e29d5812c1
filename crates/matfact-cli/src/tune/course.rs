//! A search while it runs: how far it is, and the scores that its result is judged by.

use crate::held_out::{Behind, of_folds};
use crate::progress::Tries;
use matfact::Result;
use matfact::eval::{Metric, Score};
use std::time::Instant;

/// What a search has seen so far. Of the users' own values it keeps those of the defaults and of the best, not of all.
pub(super) struct Course {
    metric: Metric,
    tries: Tries,
    defaults: Option<Vec<Vec<Score>>>,
    best: Option<(f64, Vec<Vec<Score>>)>,
    /// Of each try.
    pub(super) seconds: Vec<f64>,
}

impl Course {
    /// Of so many tries with so much work in all.
    pub(super) fn new(metric: Metric, tries: usize, work: usize) -> Self {
        Self {
            metric,
            tries: Tries::new(tries, work),
            defaults: None,
            best: None,
            seconds: Vec::new(),
        }
    }

    /// The mean over folds of what `scores` comes to, which is a try with this part of the work.
    pub(super) fn attempt(
        &mut self,
        work: usize,
        by_default: bool,
        scores: impl FnOnce() -> Result<Vec<Vec<Score>>>,
    ) -> Result<f64> {
        let started = Instant::now();
        let scores = scores();
        let seconds = started.elapsed().as_secs_f64();
        self.seconds.push(seconds);
        let score = scores.map(|folds| self.keep(folds, by_default));
        let best = self.best.as_ref();
        let best = best.map(|(value, _)| format!("{} {value:.4}", self.metric));
        self.tries.done(work, best);
        let (number, of) = self.tries.count();
        match &score {
            Ok(score) => tracing::info!(number, of, score, seconds, "tried"),
            Err(error) => tracing::info!(number, of, %error, seconds, "failed"),
        }
        score
    }

    fn keep(&mut self, folds: Vec<Vec<Score>>, by_default: bool) -> f64 {
        let (value, _) = of_folds(&folds, self.metric);
        if by_default {
            self.defaults = Some(folds.clone());
        }
        let best = self.best.as_ref();
        let is_best = best.is_none_or(|(best, _)| is_better(self.metric, value, *best));
        if is_best && !value.is_nan() {
            self.best = Some((value, folds));
        }
        value
    }

    /// Whether no try has come to a score.
    pub(super) fn is_without_score(&self) -> bool {
        self.best.is_none()
    }

    /// How much the defaults differ from the best, where both are known.
    pub(super) fn behind(&self) -> Result<Option<Behind>> {
        match (&self.defaults, &self.best) {
            (Some(defaults), Some((_, best))) => Behind::of(defaults, best, self.metric),
            _ => Ok(None),
        }
    }
}

/// Whether a score is better than another; of equal ones the first is kept.
pub(super) fn is_better(metric: Metric, score: f64, than: f64) -> bool {
    match metric.larger_is_better() {
        true => score > than,
        false => score < than,
    }
}
