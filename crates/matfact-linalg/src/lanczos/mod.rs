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
mod course;
mod gram;
mod panels;
mod relation;

use crate::{Products, Side, SvdWatch, Triplets, tall_qr};
use bidiagonal::Bidiagonalization;
use course::Course;
use gram::GramLanczos;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{CheckpointState, Error, LinearOperator, Result, Scalar, StopReason};

/// Random columns of a look for values that were missed.
const LOOK: usize = 16;

/// What restarts and steps leave of rounding between U and V, in units of the scalar's.
pub const ROUNDINGS: f64 = 32.0;
/// What products of small matrices round by, in units of the scalar's.
const LEAST_ROUNDINGS: f64 = 8.0;
/// A bound on values for which [`ROUNDINGS`] of their squares are a quarter of a tolerance: the square is
/// 1 / (4 · ROUNDINGS).
const LITTLE: f64 = 0.0884;
/// How much a value may still grow in a basis of twice as many columns as values.
const MOST_GROWTH: f64 = 4.0;

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

/// A process that grows its bases block by block.
trait Process {
    type Scalar: Scalar;
    /// Columns of the basis.
    fn dimension(&self) -> usize;
    /// Columns that the next step adds to it.
    fn pending(&self) -> usize;
    /// Whether the basis spans all that X' does: the triplets are exact but for rounding.
    fn is_complete(&self) -> bool;
    /// Adds random columns to the pending ones, as many as there is room for up to `count`.
    fn widen(&mut self, count: usize);
    /// One product with X' and one with X'ᵀ.
    fn step(&mut self) -> Result<()>;
    /// The approximate triplets within the basis.
    fn ritz(&self) -> Ritz;
    /// Keeps the leading approximate triplets alone, and what is pending.
    fn restart(&mut self, ritz: &Ritz, keep: usize);
    /// Ties the basis to X' by fresh products. To be called after a restart: each rounds what holds
    /// between them, and the roundings add up.
    fn refresh(&mut self) -> Result<()>;
    /// Puts all that it is into a checkpoint.
    fn give(&self, state: &mut CheckpointState);
    /// Takes what [`Process::give`] has put, in the place of all that it is.
    fn take(&mut self, state: &mut CheckpointState) -> Result<()>;
}

/// Approximate triplets within the basis.
struct Ritz {
    /// Descending.
    values: Array1<f64>,
    /// What they are combined of: a row for each column of the basis, a column for each value.
    right: Array2<f64>,
    /// ‖X'ᵀu − σv‖ of each; ‖X'v − σu‖ is rounding.
    residuals: Vec<f64>,
    /// A residual of the first triplet that is below this is rounding.
    rounding: f64,
    /// Whether the process knows the squares of the values: the rounding of a residual is then that of
    /// the first, times σ₁ / σ.
    squares: bool,
}

impl Ritz {
    /// A residual of triplet `i` below this is rounding.
    fn rounding(&self, i: usize) -> f64 {
        match self.squares {
            true if self.values[i] > 0.0 => self.rounding * self.values[0] / self.values[i],
            true => f64::INFINITY,
            false => self.rounding,
        }
    }
}

/// How a run ended.
struct Ending {
    ritz: Ritz,
    rank: usize,
    steps: usize,
    stop: StopReason,
    complete: bool,
}

/// Steps until the wanted triplets are good enough, or something else ends it; `None` as soon as
/// `hopeless(ritz, rank)` at a look at enough triplets.
fn run<P: Process>(
    process: &mut P,
    mut course: Course,
    block: usize,
    hopeless: impl Fn(&Ritz, usize) -> bool,
    mut watch: impl SvdWatch,
) -> Result<Option<Ending>> {
    let mut distance = f64::INFINITY;
    let mut steps = 0;
    // A state is that after a step, before it was looked at.
    let mut stepped = false;
    if let Some(mut state) = watch.resume() {
        process.take(&mut state)?;
        course.take(&mut state)?;
        steps = state.counter("steps")? as usize;
        distance = state.take_number("distance")?;
        stepped = true;
    }
    loop {
        let mut reason = None;
        if !std::mem::take(&mut stepped) {
            if process.pending() == 0 {
                process.widen(block);
            }
            if process.pending() > 0 {
                process.step()?;
                steps += 1;
                reason = watch.step(steps, distance);
                watch.keep(steps, &|state| {
                    process.give(state);
                    course.give(state);
                    state.insert_counter("steps", steps as u64);
                    state.insert_numbers("distance", &[distance]);
                })?;
            }
        }
        let complete = process.is_complete();
        let ended = complete || reason.is_some() || steps >= course.max_steps();
        if course.is_early(process) && !ended {
            continue;
        }
        let ritz = process.ritz();
        let (rank, enough) = course.rank(&ritz);
        if enough && hopeless(&ritz, rank) {
            return Ok(None);
        }
        distance = if complete {
            0.0
        } else if enough {
            course.distance(&ritz, rank)
        } else {
            f64::INFINITY
        };
        let converged = distance <= 1.0;
        let confirmed = complete || (converged && course.is_confirmed::<P::Scalar>(&ritz, rank));
        if confirmed || ended {
            let otherwise = if confirmed {
                StopReason::Converged
            } else {
                StopReason::MaxIterations
            };
            return Ok(Some(Ending {
                ritz,
                rank,
                steps,
                stop: reason.unwrap_or(otherwise),
                complete,
            }));
        }
        course.plan(process.dimension(), distance, block);
        if converged {
            process.widen(LOOK.min(block));
            course.look_next(process);
        } else if course.is_full(process) {
            course.make_room(process, &ritz, rank, enough, block)?;
        }
    }
}

/// The leading triplets of X' by thick-restart block Lanczos bidiagonalization, until they are as
/// accurate as is asked: see the head of `lanczos/mod.rs` for the method.
///
/// `watch` is told after every step with the distance from convergence at the last
/// look (1 or less is converged; infinite before the first look); what it returns stops the iterations.
/// [`Triplets::stop`] is `Converged` only if all triplets are accurate. The second result is ‖X'ᵀu − σv‖ of
/// each, and ‖X'v − σu‖ with it, but for rounding, which is below [`ROUNDINGS`] times that of σ₁.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn lanczos_svd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: LanczosSvd,
    watch: impl SvdWatch,
) -> Result<(Triplets<X::Scalar>, Vec<f64>)> {
    let (m, n) = x.shape();
    let limit = m.min(n);
    let block = asked.block.clamp(1, limit.max(1));
    let course = Course::new(asked, limit, block);
    let mut process = Bidiagonalization::new(x, block, asked.seed);
    let Ending {
        ritz,
        rank,
        steps,
        stop,
        complete,
    } = run(&mut process, course, block, |_, _| false, watch)?.expect("nothing is hopeless");
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

/// The span of the leading right singular vectors, by Lanczos with XᵀX.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadingSpan<T> {
    /// n x k, orthonormal columns V.
    pub right: Array2<T>,
    /// C of X'ᵀX'V = V T + N C with orthonormal N outside of the span, but for [`ROUNDINGS`]·eps·σ₁². Where
    /// the process knows it (m >= n), and this rounding is little beside the tolerance.
    pub coupling: Option<Array2<f64>>,
    /// Steps done.
    pub iterations: usize,
    /// Why they ended.
    pub stop: StopReason,
}

/// The span of the leading right singular vectors of X' by thick-restart block Lanczos with the Gram
/// matrix of its shorter side, for [`Accuracy::Values`]: see the head of `lanczos/gram.rs`. `watch` as for
/// [`lanczos_svd`].
///
/// `None` where the rounding of the squared values does not allow what is asked (σ below
/// σ₁·(eps / √tol)^½), or nothing but zeros is there: [`lanczos_svd`] is for those.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product with X' is not finite.
pub fn gram_lanczos_span<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: LanczosSvd,
    watch: impl SvdWatch,
) -> Result<Option<LeadingSpan<X::Scalar>>> {
    let Accuracy::Values(tol) = asked.accuracy else {
        return Ok(None);
    };
    let (m, n) = x.shape();
    let side = if m < n { Side::Rows } else { Side::Columns };
    let limit = m.min(n);
    let block = asked.block.clamp(1, limit.max(1));
    let course = Course::new(asked, limit, block);
    let mut process = GramLanczos::new(x, side, block, asked.seed);
    let lost = |ritz: &Ritz, rank: usize, growth: f64| {
        let last = ritz.values.get(rank.saturating_sub(1)).copied();
        let last = growth * last.unwrap_or(0.0);
        let squares = ritz.values.first().map_or(0.0, |first| first * first);
        let rounding = epsilon::<X::Scalar>() * squares / last;
        // Zeros are lost too.
        rounding.is_nan() || rounding > tol.sqrt() * last
    };
    let hopeless = |ritz: &Ritz, rank: usize| {
        ritz.values.len() >= 2 * rank + block && lost(ritz, rank, MOST_GROWTH)
    };
    let ending = match run(&mut process, course, block, hopeless, watch) {
        // The squares are beyond the scalar; what they are of may not be.
        Err(Error::Overflow { .. }) => return Ok(None),
        ending => ending?,
    };
    let Some(ending) = ending else {
        return Ok(None);
    };
    if lost(&ending.ritz, ending.rank, 1.0) {
        return Ok(None);
    }
    let rounds_little = !lost(&ending.ritz, ending.rank, LITTLE);
    let (vectors, coupling) = process.vectors(&ending.ritz, ending.rank);
    let (right, coupling) = match side {
        Side::Columns => (vectors, rounds_little.then_some(coupling)),
        Side::Rows => {
            let right = tall_qr(x.multiply_transposed(vectors.view())?.view()).0;
            (right, None)
        }
    };
    Ok(Some(LeadingSpan {
        right,
        coupling,
        iterations: ending.steps,
        stop: ending.stop,
    }))
}

/// The length of the longest column.
fn longest_column<T: Scalar>(panel: &Array2<T>) -> f64 {
    let mut squares = vec![0.0; panel.ncols()];
    for row in panel.rows() {
        for (sum, value) in squares.iter_mut().zip(row) {
            *sum += value.as_f64() * value.as_f64();
        }
    }
    squares.into_iter().fold(0.0, f64::max).sqrt()
}

/// The relative rounding of a scalar.
fn epsilon<T: Scalar>() -> f64 {
    T::epsilon().as_f64()
}

#[cfg(test)]
mod tests;
