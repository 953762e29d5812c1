//! When a process looks at its triplets, whether they are good enough, and when it restarts.

use super::{Accuracy, LanczosSvd, Process, Ritz, Wanted};
use matfact_core::ndarray::Array1;
use matfact_core::{CheckpointState, Result, Scalar};

/// How far a look may move the sum of the wanted values, relative to it, in units of the scalar's rounding.
const LOOK_ROUNDING: f64 = 100.0;
/// Restarts after which the bases are tied to X' by fresh products.
const TIE: usize = 16;
const TIE_FOR_ROUNDING: usize = 4;

/// The state of a run, without the bases.
pub(super) struct Course {
    asked: LanczosSvd,
    /// min(m, n).
    limit: usize,
    /// Columns of V at which to restart.
    capacity: usize,
    /// The dimension at which to look at the triplets next.
    next_look: usize,
    /// Dimension and worst ratio of the last look.
    before: Option<(f64, f64)>,
    /// The wanted values at the last look.
    values: Array1<f64>,
    /// The sum of the wanted values when random columns were added.
    looked: Option<f64>,
    restarts: usize,
}

impl Course {
    pub(super) fn new(asked: LanczosSvd, limit: usize, block: usize) -> Self {
        let rank = match asked.wanted {
            Wanted::Rank(rank) => rank.min(limit),
            Wanted::Energy(_) => 0,
        };
        let mut course = Self {
            asked,
            limit,
            capacity: 0,
            // The first columns beyond the rank tell little yet.
            next_look: (rank + rank / 4).max(block).min(limit),
            before: None,
            values: Array1::default(0),
            looked: None,
            restarts: 0,
        };
        course.raise(asked.basis.max(rank + 4 * block), block);
        course
    }

    /// Sets the capacity; no restart where a basis of everything is hardly larger.
    fn raise(&mut self, capacity: usize, block: usize) {
        self.capacity = if capacity >= self.limit {
            usize::MAX - 2 * block
        } else {
            capacity
        };
    }

    /// How many triplets are wanted, and whether the basis has them.
    pub(super) fn rank(&self, ritz: &Ritz) -> (usize, bool) {
        match self.asked.wanted {
            Wanted::Rank(rank) => {
                let rank = rank.min(self.limit);
                (rank, ritz.values.len() >= rank)
            }
            Wanted::Energy(target) => {
                let mut sum = 0.0;
                for (i, value) in ritz.values.iter().enumerate() {
                    sum += value * value;
                    if sum >= target {
                        return (i + 1, true);
                    }
                }
                (ritz.values.len(), false)
            }
        }
    }

    /// How far the worst wanted triplet is from good enough: 1 or less is good.
    pub(super) fn distance(&mut self, ritz: &Ritz, rank: usize) -> f64 {
        let largest = ritz.values.first().copied().unwrap_or(0.0);
        let mut worst = 0.0_f64;
        for i in 0..rank {
            let (value, residual) = (ritz.values[i], ritz.residuals[i]);
            let rounding = ritz.rounding(i);
            let allowed = match self.asked.accuracy {
                Accuracy::Rounding => rounding,
                Accuracy::Residuals(tol) => tol * largest,
                Accuracy::Values(tol) => tol.sqrt() * value,
            };
            let mut ratio = residual / allowed.max(rounding);
            if let Accuracy::Values(tol) = self.asked.accuracy
                && ratio <= 1.0
                && residual > rounding
            {
                // Before a value has shown up at all, the residuals of those in its place say little.
                let grown = value - self.values.get(i).copied().unwrap_or(0.0);
                ratio = ratio.max((grown / (tol * value)).sqrt());
            }
            worst = worst.max(ratio);
        }
        self.values = ritz.values.clone();
        worst
    }

    /// Whether random columns have been looked at since the triplets converged, and brought nothing new.
    pub(super) fn is_confirmed<T: Scalar>(&mut self, ritz: &Ritz, rank: usize) -> bool {
        let sum: f64 = ritz.values.iter().take(rank).sum();
        let tol = match self.asked.accuracy {
            Accuracy::Rounding => 0.0,
            Accuracy::Residuals(tol) | Accuracy::Values(tol) => tol,
        };
        let tol = tol.max(LOOK_ROUNDING * T::epsilon().as_f64());
        let confirmed = self.looked.is_some_and(|before| sum - before <= tol * sum);
        self.looked = Some(sum);
        confirmed
    }

    /// When to look next, from the fall of the distance since the last look: the decompositions of the
    /// small matrix cost little beside a few steps, but not beside one.
    pub(super) fn plan(&mut self, dimension: usize, distance: f64, block: usize) {
        let now = (dimension as f64, distance.ln());
        let forecast = match self.before {
            Some((at, before)) if now.1 < before && now.0 > at => {
                let slope = (before - now.1) / (now.0 - at);
                // The fall steepens as convergence sets in.
                (now.0 + 0.6 * now.1 / slope).min(1e9) as usize
            }
            _ => dimension + block,
        };
        self.before = distance.is_finite().then_some(now);
        let least = dimension + 1;
        self.next_look = forecast.min(dimension + dimension / 2).max(least);
    }

    pub(super) fn max_steps(&self) -> usize {
        self.asked.max_steps
    }

    /// Whether the bases are as large as they may get.
    pub(super) fn is_full(&self, process: &impl Process) -> bool {
        process.dimension() + process.pending() > self.capacity
    }

    /// Whether it is early to look.
    pub(super) fn is_early(&self, process: &impl Process) -> bool {
        process.dimension() < self.next_look && !self.is_full(process)
    }

    /// To look again after the next step.
    pub(super) fn look_next(&mut self, process: &impl Process) {
        self.next_look = process.dimension() + 1;
    }

    /// Restarts, or makes the basis larger where it does not hold what is wanted.
    pub(super) fn make_room(
        &mut self,
        process: &mut impl Process,
        ritz: &Ritz,
        rank: usize,
        enough: bool,
        block: usize,
    ) -> Result<()> {
        let needed = rank + 3 * block + process.pending();
        if !enough || needed > self.capacity {
            self.raise((2 * self.capacity).max(needed + rank), block);
            return Ok(());
        }
        let keep = rank + (self.capacity - rank) / 3;
        let keep = keep.min(self.capacity - process.pending() - block);
        let before = process.dimension();
        process.restart(ritz, keep);
        self.restarts += 1;
        let tie = match self.asked.accuracy {
            Accuracy::Rounding => TIE_FOR_ROUNDING,
            _ => TIE,
        };
        if self.restarts.is_multiple_of(tie) {
            process.refresh()?;
        }
        let removed = before - process.dimension();
        self.next_look -= removed;
        if let Some((at, _)) = &mut self.before {
            *at -= removed as f64;
        }
        Ok(())
    }

    /// Puts all that changes into a checkpoint.
    pub(super) fn give(&self, state: &mut CheckpointState) {
        state.insert_counter("capacity", self.capacity as u64);
        state.insert_counter("next look", self.next_look as u64);
        state.insert_counter("restarts", self.restarts as u64);
        state.insert_numbers("values", self.values.as_slice().unwrap_or_default());
        if let Some((at, worst)) = self.before {
            state.insert_numbers("last look", &[at, worst]);
        }
        if let Some(sum) = self.looked {
            state.insert_numbers("sum when columns were added", &[sum]);
        }
    }

    /// Takes what [`Course::give`] has put.
    pub(super) fn take(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.capacity = state.counter("capacity")? as usize;
        self.next_look = state.counter("next look")? as usize;
        self.restarts = state.counter("restarts")? as usize;
        self.values = state.take_numbers("values")?.into();
        self.before = match state.contains("last look") {
            true => {
                let both: Vec<f64> = state.take_values("last look", 2)?;
                Some((both[0], both[1]))
            }
            false => None,
        };
        self.looked = match state.contains("sum when columns were added") {
            true => Some(state.take_number("sum when columns were added")?),
            false => None,
        };
        Ok(())
    }
}
