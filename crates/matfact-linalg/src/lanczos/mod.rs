//! Thick-restart block Lanczos bidiagonalization for the leading singular triplets.
//!
//! From a random block the process builds orthonormal U and V with
//!
//! ```text
//! X'V = U B        X'ᵀU = V Bᵀ + N C
//! ```
//!
//! where N is the block that V grows by next (Golub and Kahan 1965; blocks: Golub, Luk and Overton 1981).
//! With B = P S Qᵀ, the triplets (U p, s, V q) have ‖X'v − su‖ = 0 and ‖X'ᵀu − sv‖ = ‖C p‖, up to
//! rounding: how far they are from convergence is known without a product.
//!
//! - **Full orthogonalization**: every block is made orthogonal to all of the basis, and what is
//!   negligible beside it is dropped, so that a block may shrink, or end where the rank of X' does.
//! - **Thick restart** (Wu and Simon 2000; Baglama and Reichel 2005): a full basis is replaced by its
//!   leading approximate triplets, more of them than are wanted, with N as it is; B is then diagonal, and
//!   C couples all of it.
//! - **Multiple values**: a process that begins with b columns sees at most b copies of a value. When the
//!   wanted triplets have converged, random columns join N for a step; what they bring to light has to
//!   converge as well.
//! - **Fresh ties**: each restart rounds what holds between U and V; after some of them, both are tied to
//!   X' by fresh products.
//!
//! All is in blocks: X' is read once for a block, and the orthogonalization is memory-bound for a column,
//! not for a block.

mod basis;
mod bidiagonal;
mod panels;

use crate::{Products, Triplets};
use bidiagonal::{Bidiagonalization, Ritz};
use matfact_core::ndarray::Array1;
use matfact_core::{LinearOperator, Result, Scalar, StopReason};

/// Random columns of a look for values that were missed.
const LOOK: usize = 16;
/// How far a look may move the sum of the wanted values, relative to it, in units of the scalar's rounding.
const LOOK_ROUNDING: f64 = 100.0;

/// What restarts and steps leave of rounding between U and V, in units of the scalar's.
pub const ROUNDINGS: f64 = 32.0;
/// Restarts after which the bases are tied to X' by fresh products.
const TIE: usize = 16;
const TIE_FOR_ROUNDING: usize = 4;

/// When triplets are good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accuracy {
    /// The residuals are rounding: as accurate as the scalar allows.
    Rounding,
    /// ‖X'ᵀu − σv‖ <= tol·σ₁ for every wanted triplet.
    Residuals(f64),
    /// The relative error of every wanted singular value is about tol or less: by its squared residual,
    /// relative to the squared value, and by what it still grew between two looks.
    Values(f64),
}

/// How many triplets are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// So many.
    Rank(usize),
    /// The smallest number whose squared singular values sum to at least this.
    Energy(f64),
}

/// What [`lanczos_svd`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosSvd {
    /// Triplets wanted.
    pub wanted: Wanted,
    /// When they are good enough.
    pub accuracy: Accuracy,
    /// Columns that are multiplied at once (1 or more).
    pub block: usize,
    /// Columns of a basis from which the process restarts; raised to what the wanted triplets need.
    pub basis: usize,
    /// Steps, each a product with X' and one with X'ᵀ, after which to stop in any case (1 or more).
    pub max_steps: usize,
    /// Seed of the random columns.
    pub seed: u64,
}

/// The state of a run, without the bases.
struct Course {
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

/// The leading triplets of X' by thick-restart block Lanczos bidiagonalization, until they are as
/// accurate as is asked: see the head of `lanczos/mod.rs` for the method.
///
/// `watch(step, distance)` is called after every step with the distance from convergence at the last
/// look (1 or less is converged; infinite before the first look); what it returns stops the iterations.
/// [`Triplets::stop`] is `Converged` only if all triplets are accurate. The second result is ‖X'ᵀu − σv‖ of
/// each, and ‖X'v − σu‖ with it, but for rounding, which is below [`ROUNDINGS`] times that of σ₁.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn lanczos_svd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: LanczosSvd,
    mut watch: impl FnMut(usize, f64) -> Option<StopReason>,
) -> Result<(Triplets<X::Scalar>, Vec<f64>)> {
    let (m, n) = x.shape();
    let limit = m.min(n);
    let block = asked.block.clamp(1, limit.max(1));
    let mut course = Course::new(asked, limit, block);
    let mut process = Bidiagonalization::new(x, block, asked.seed);
    let mut distance = f64::INFINITY;
    let mut steps = 0;
    let (ritz, rank, stop, complete) = loop {
        if process.pending() == 0 {
            process.widen(block);
        }
        let mut reason = None;
        if process.pending() > 0 {
            process.step()?;
            steps += 1;
            reason = watch(steps, distance);
        }
        let complete = process.is_complete();
        let ended = complete || reason.is_some() || steps >= asked.max_steps;
        let full = process.dimension() + process.pending() > course.capacity;
        if process.dimension() < course.next_look && !full && !ended {
            continue;
        }
        let ritz = process.ritz();
        let (rank, enough) = course.rank(&ritz);
        distance = if complete {
            0.0
        } else if enough {
            course.distance(&ritz, rank, process.rounding())
        } else {
            f64::INFINITY
        };
        let converged = distance <= 1.0;
        if complete || (converged && course.is_confirmed::<X::Scalar>(&ritz, rank)) {
            let stop = reason.unwrap_or(StopReason::Converged);
            break (ritz, rank, stop, complete);
        }
        if ended {
            let stop = reason.unwrap_or(StopReason::MaxIterations);
            break (ritz, rank, stop, complete);
        }
        course.plan(process.dimension(), distance, block);
        if converged {
            process.widen(LOOK.min(block));
            course.next_look = process.dimension() + 1;
        } else if process.dimension() + process.pending() > course.capacity {
            course.make_room(&mut process, &ritz, rank, enough, block)?;
        }
    };
    let values = (0..rank).map(|i| ritz.values.get(i).copied().unwrap_or(0.0));
    let singular_values = values.map(X::Scalar::from_f64).collect();
    let residuals = (0..rank).map(|i| ritz.residuals.get(i).copied());
    // A triplet that was not found is one of an invented vector: nothing is known of it.
    let unknown = ritz.values.first().copied().unwrap_or(0.0);
    let residuals = residuals.map(|residual| match residual {
        Some(residual) => residual,
        None if complete => 0.0,
        None => unknown,
    });
    let residuals = residuals.collect();
    let (u, v) = process.vectors(&ritz, rank);
    let triplets = Triplets {
        u,
        singular_values,
        v,
        iterations: steps,
        stop,
    };
    Ok((triplets, residuals))
}

impl Course {
    fn new(asked: LanczosSvd, limit: usize, block: usize) -> Self {
        let rank = match asked.wanted {
            Wanted::Rank(rank) => rank.min(limit),
            Wanted::Energy(_) => 0,
        };
        let mut course = Self {
            asked,
            limit,
            capacity: 0,
            next_look: rank.max(block),
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
    fn rank(&self, ritz: &Ritz) -> (usize, bool) {
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
    fn distance(&mut self, ritz: &Ritz, rank: usize, rounding: f64) -> f64 {
        let largest = ritz.values.first().copied().unwrap_or(0.0);
        let mut worst = 0.0_f64;
        for i in 0..rank {
            let (value, residual) = (ritz.values[i], ritz.residuals[i]);
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
    fn is_confirmed<T: Scalar>(&mut self, ritz: &Ritz, rank: usize) -> bool {
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
    fn plan(&mut self, dimension: usize, distance: f64, block: usize) {
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

    /// Restarts, or makes the basis larger where it does not hold what is wanted.
    fn make_room<X: LinearOperator + ?Sized>(
        &mut self,
        process: &mut Bidiagonalization<'_, '_, X>,
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
}

#[cfg(test)]
mod tests;
