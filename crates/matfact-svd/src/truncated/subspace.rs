//! The leading triplets, or the subspace of their right vectors, by each method.

use super::watch::{Resumed, RunWatch};
use super::{SvdMethod, SvdRank, Tolerance, TruncatedSvd};
use crate::decomposition::{epsilon, thin_svd};
use crate::moments::dense_rows;
use matfact_core::ndarray::{Array1, Array2, ArrayView2, Axis};
use matfact_core::{CheckpointState, LinearOperator, Result, Run, Scalar, StopReason};
use matfact_linalg::{
    Accuracy, LanczosSvd, Lines, Products, ROUNDINGS, RandomizedSvd, RefinedTriplets, ShiftedSvd,
    Wanted, gram_lanczos_span, lanczos_svd, randomized_svd, refine_conditioned, refine_triplets,
    shifted_svd,
};
use std::cell::Cell;

/// Columns that Lanczos multiplies at once: a cache line of the panel for sparse matrices, whose rows are
/// gathered; more where a dense matrix is read from memory for each block.
const BLOCK: usize = 16;
const DENSE_BLOCK: usize = 32;
/// Columns of a basis beyond the rank, at most: the small matrix is decomposed on one thread, at the
/// cube of its size.
const MOST_BEYOND: usize = 512;
/// Residuals as they are, beside those that the iterations saw.
const SLACK: f64 = 2.0;
/// Powers of XᵀX in a Krylov space.
const KRYLOV_POWERS: usize = 2;

/// What the two processes are called in checkpoints.
const LANCZOS: &str = "lanczos";
const GRAM_LANCZOS: &str = "gram-lanczos";

/// Columns of a basis of Lanczos from which it restarts, where none are given.
fn default_basis(rank: usize, block: usize) -> usize {
    let more = (rank + rank / 2).min(MOST_BEYOND) + 3 * block;
    rank.saturating_add(more)
}

impl TruncatedSvd {
    /// Columns that Lanczos multiplies at once.
    pub(crate) fn block_columns(&self, dense: bool) -> usize {
        self.block
            .unwrap_or(if dense { DENSE_BLOCK } else { BLOCK })
    }

    /// Columns of the basis for this rank.
    pub(crate) fn basis_columns(&self, rank: usize, dense: bool) -> usize {
        let block = self.block_columns(dense);
        self.basis.unwrap_or_else(|| default_basis(rank, block))
    }
}

/// What a method found.
pub(super) struct Found<T> {
    pub(super) triplets: RefinedTriplets<T>,
    pub(super) iterations: usize,
    pub(super) stop: StopReason,
    /// Whether XᵀX was left for the bidiagonalization.
    pub(super) left_gram: bool,
}

/// The triplets within the span of `basis`, by products of their own.
fn refined<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    basis: ArrayView2<'_, X::Scalar>,
    iterations: usize,
    stop: StopReason,
) -> Result<Found<X::Scalar>> {
    Ok(Found {
        triplets: refine_triplets(x, basis)?,
        iterations,
        stop,
        left_gram: false,
    })
}

pub(super) fn find<X: LinearOperator + ?Sized>(
    svd: &TruncatedSvd,
    method: SvdMethod,
    x: &Products<'_, X>,
    energy: Option<f64>,
    run: &mut Run<'_>,
    resumed: Option<CheckpointState>,
) -> Result<Found<X::Scalar>> {
    let (m, n) = x.shape();
    let rank = svd.rank().unwrap_or(m.min(n));
    let mut resumed = Resumed::new(resumed);
    match (method, svd.power_iterations) {
        (SvdMethod::Exact, _) => exact(svd, x, energy, run),
        (SvdMethod::Randomized, Some(power_iterations)) => {
            let asked = RandomizedSvd {
                rank,
                oversampling: svd.oversampling,
                power_iterations,
                seed: svd.seed,
            };
            let watch = RunWatch {
                run,
                method: "randomized",
                before: 0,
                most: power_iterations,
                measured: false,
                steps: &Cell::new(0),
                resumed: resumed.of("randomized")?.map(|(state, _)| state),
            };
            let found = randomized_svd(x, asked, watch)?;
            refined(x, found.v.view(), found.iterations, found.stop)
        }
        (SvdMethod::Randomized, None) => {
            let asked = ShiftedSvd {
                rank,
                oversampling: svd.oversampling.max(rank / 2),
                tolerance: match svd.tolerance {
                    Tolerance::SingularValues(tolerance) => tolerance,
                    Tolerance::Residuals(_) | Tolerance::Rounding => 0.0,
                },
                max_iterations: svd.max_steps,
                seed: svd.seed,
            };
            let watch = RunWatch {
                run,
                method: "shifted",
                before: 0,
                most: svd.max_steps,
                measured: false,
                steps: &Cell::new(0),
                resumed: resumed.of("shifted")?.map(|(state, _)| state),
            };
            let found = shifted_svd(x, asked, watch)?;
            refined(x, found.v.view(), found.iterations, found.stop)
        }
        (SvdMethod::BlockKrylov, _) => {
            let powers = svd.power_iterations.unwrap_or(KRYLOV_POWERS);
            let block = rank.saturating_add(svd.oversampling);
            let asked = LanczosSvd {
                wanted: Wanted::Rank(rank),
                accuracy: Accuracy::Rounding,
                block,
                basis: block.saturating_mul(powers + 2),
                max_steps: powers + 1,
                seed: svd.seed,
            };
            lanczos(x, asked, (0, resumed.of(LANCZOS)?), run)
        }
        (SvdMethod::Lanczos | SvdMethod::GramLanczos | SvdMethod::Auto, _) => {
            let block = svd.block_columns(x.is_dense());
            let wanted = match energy {
                Some(energy) => Wanted::Energy(energy),
                None => Wanted::Rank(rank),
            };
            let basis = match svd.rank {
                SvdRank::Fixed(rank) => default_basis(rank, block),
                SvdRank::RelativeError(_) => 8 * block,
            };
            let asked = LanczosSvd {
                wanted,
                accuracy: match svd.tolerance {
                    Tolerance::SingularValues(tolerance) => Accuracy::Values(tolerance),
                    Tolerance::Residuals(tolerance) => Accuracy::Residuals(tolerance),
                    Tolerance::Rounding => Accuracy::Rounding,
                },
                block,
                basis: svd.basis.unwrap_or(basis),
                max_steps: svd.max_steps,
                seed: svd.seed,
            };
            let went_on = resumed.of(LANCZOS)?;
            let steps = match (method, &went_on) {
                (SvdMethod::GramLanczos, None) => {
                    match gram_lanczos(x, asked, run, resumed.of(GRAM_LANCZOS)?)? {
                        Ok(found) => return Ok(found),
                        Err(steps) => {
                            if run.interrupted().is_some() {
                                // It might have gone on, had it not been cut short.
                                run.withhold_checkpoints();
                            }
                            steps
                        }
                    }
                }
                _ => 0,
            };
            let mut found = lanczos(x, asked, (steps, went_on), run)?;
            found.left_gram = method == SvdMethod::GramLanczos;
            Ok(found)
        }
    }
}

/// By XᵀX; where its rounding is too much for what is asked, the steps that it took to see that.
fn gram_lanczos<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: LanczosSvd,
    run: &mut Run<'_>,
    resumed: Option<(CheckpointState, usize)>,
) -> Result<std::result::Result<Found<X::Scalar>, usize>> {
    let steps = Cell::new(0);
    let watch = RunWatch {
        run,
        method: GRAM_LANCZOS,
        before: 0,
        most: asked.max_steps,
        measured: true,
        steps: &steps,
        resumed: resumed.map(|(state, _)| state),
    };
    let span = gram_lanczos_span(x, asked, watch)?;
    let steps = steps.get();
    let Some(span) = span else {
        return Ok(Err(steps));
    };
    let found = Found {
        triplets: refine_conditioned(
            x,
            span.right.view(),
            span.coupling.as_ref().map(|coupling| coupling.view()),
        )?,
        iterations: span.iterations,
        stop: span.stop,
        left_gram: false,
    };
    if let (Accuracy::Values(tol), StopReason::Converged) = (asked.accuracy, span.stop) {
        let (values, residuals) = (
            &found.triplets.singular_values,
            &found.triplets.right_residuals,
        );
        let mut pairs = values.iter().zip(residuals);
        if pairs.any(|(value, residual)| *residual > SLACK * tol.sqrt() * value) {
            return Ok(Err(steps));
        }
    }
    Ok(Ok(found))
}

/// By the bidiagonalization, after so many steps of something else.
fn lanczos<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    asked: LanczosSvd,
    (before, resumed): (usize, Option<(CheckpointState, usize)>),
    run: &mut Run<'_>,
) -> Result<Found<X::Scalar>> {
    let before = resumed.as_ref().map_or(before, |(_, before)| *before);
    let watch = RunWatch {
        run,
        method: LANCZOS,
        before,
        most: asked.max_steps,
        measured: true,
        steps: &Cell::new(before),
        resumed: resumed.map(|(state, _)| state),
    };
    let asked = LanczosSvd {
        max_steps: asked.max_steps.saturating_sub(before).max(1),
        ..asked
    };
    let (found, residuals) = lanczos_svd(x, asked, watch)?;
    if asked.accuracy == Accuracy::Rounding {
        return refined(x, found.v.view(), before + found.iterations, found.stop);
    }
    // The process knows its residuals; products would tell no more.
    let singular_values = found.singular_values.mapv(|s| s.as_f64());
    let largest = singular_values.first().copied().unwrap_or(0.0);
    let rounding = ROUNDINGS * epsilon::<X::Scalar>() * largest;
    let right_residuals = residuals.iter().map(|r| r.hypot(rounding));
    Ok(Found {
        iterations: before + found.iterations,
        stop: found.stop,
        left_gram: false,
        triplets: RefinedTriplets {
            xv: &found.u * &found.singular_values,
            left_residuals: Array1::from_elem(singular_values.len(), rounding),
            right_residuals: right_residuals.collect(),
            singular_values,
            u: found.u,
            v: found.v,
        },
    })
}

fn exact<X: LinearOperator + ?Sized>(
    svd: &TruncatedSvd,
    x: &Products<'_, X>,
    energy: Option<f64>,
    run: &mut Run<'_>,
) -> Result<Found<X::Scalar>> {
    let (m, n) = x.shape();
    let wide = match x.rows() {
        Some(Lines::Dense(rows)) => rows.mapv(|v| v.as_f64()),
        Some(Lines::Sparse(rows)) => dense_rows(&rows, (0, m)),
        None => x.multiply(Array2::eye(n).view())?.mapv(|v| v.as_f64()),
    };
    let (_, values, vt) = thin_svd(wide.view());
    let rank = match (svd.rank, energy) {
        (SvdRank::Fixed(rank), _) => rank,
        (SvdRank::RelativeError(_), energy) => {
            let target = energy.unwrap_or(f64::INFINITY);
            let mut sum = 0.0;
            let reached = values.iter().position(|s| {
                sum += s * s;
                sum >= target
            });
            reached.map_or(values.len(), |last| last + 1)
        }
    };
    let (vt, _) = vt.view().split_at(Axis(0), rank.min(values.len()));
    let basis = vt.t().mapv(X::Scalar::from_f64);
    // One decomposition, and nothing to stop.
    run.iteration(1, 1, f64::NAN);
    refined(x, basis.view(), 1, StopReason::Converged)
}
