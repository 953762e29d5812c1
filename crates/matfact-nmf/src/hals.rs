//! Accelerated, extrapolated HALS: the default for the Frobenius loss.
//!
//! HALS (hierarchical alternating least squares; Cichocki and Phan 2009) minimizes exactly over one
//! column of W at a time: with G = Z Zᵀ + l₂·I and B = X Zᵀ − l₁, for each component t in turn
//!
//! ```text
//! w_t ← min(max, max(0, w_t − (W g_t − b_t) / G_tt))
//! ```
//!
//! and the same for H. Two things make it faster. The product X Zᵀ costs far more than a pass over the
//! components, so that several passes share it (Gillis and Glineur 2012). And each factor is taken
//! beyond where it arrived, in the direction of its last step (Ang and Gillis 2019):
//!
//! ```text
//! Z  = max(0, H + β (H − H₋₁))      W⁺ = HALS(W; X Zᵀ)
//! W' = max(0, W⁺ + β (W⁺ − W))      H' = HALS(Z; Xᵀ W')
//! ```
//!
//! (W', H') is feasible, and its objective is known from Xᵀ W'. If it has not risen, the pair is kept
//! and β grows towards its bound; else the iteration is taken back, the next one is plain, which
//! cannot rise, and β shrinks. So the objective never rises.

use crate::checkpoint::keep;
use crate::course::Course;
use crate::fit::Problem;
use crate::frobenius::{half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::parameters::{Constraints, Side};
use matfact_core::ndarray::Array2;
use matfact_core::{CheckpointState, LinearOperator, Matrix, Result, Run, Scalar};
use matfact_linalg::{Products, RowUpdate, Simd, update_non_negative_rows, wide_gram};

/// First iterations with a single pass over the components: while one factor is still far from where
/// it goes, solving the other exactly against it leads astray. On a sparse text matrix, to the same
/// error, 107 iterations became 11.
const SINGLE_PASSES: usize = 8;

/// The extrapolation's β at the start, its growth, the growth of its bound, and its fall.
const BETA: f64 = 0.5;
const GROWTH: f64 = 1.05;
const BOUND_GROWTH: f64 = 1.01;
const FALL: f64 = 1.5;
/// The ratio of the sizes of w_t and h_t from which they are balanced.
const UNBALANCED: f64 = 1e6;

/// Something that X' is multiplied through: itself, or a sketch of it.
pub(crate) trait Panels<T> {
    /// X' · h.
    fn multiply(&self, h: &Array2<T>) -> Result<Array2<T>>;
    /// X'ᵀ · w.
    fn multiply_transposed(&self, w: &Array2<T>) -> Result<Array2<T>>;
    /// ‖X'‖², of X' itself.
    fn squared_norm(&self) -> f64;
}

impl<X: LinearOperator + ?Sized> Panels<X::Scalar> for Products<'_, X> {
    fn multiply(&self, h: &Array2<X::Scalar>) -> Result<Array2<X::Scalar>> {
        self.multiply(h.view())
    }

    fn multiply_transposed(&self, w: &Array2<X::Scalar>) -> Result<Array2<X::Scalar>> {
        self.multiply_transposed(w.view())
    }

    fn squared_norm(&self) -> f64 {
        self.squared_norm().unwrap_or(0.0)
    }
}

/// What the iterations need besides the factors.
pub(crate) struct Descent<'a> {
    pub(crate) constraints: Constraints,
    pub(crate) fitted_w: &'a [usize],
    pub(crate) fitted_h: &'a [usize],
    pub(crate) sweeps: usize,
    /// First iterations that make a single pass.
    pub(crate) single_passes: usize,
}

impl Descent<'_> {
    /// Whether a component may be divided in W and multiplied in H without a change of the objective.
    fn scale_is_free(&self) -> bool {
        let free = |side: Side| side.l1 == 0.0 && side.l2 == 0.0 && side.max.is_none();
        free(self.constraints.w)
            && free(self.constraints.h)
            && !self.fitted_w.is_empty()
            && self.fitted_h.len() == self.fitted_w.len()
    }
}

pub(crate) fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    warmed: bool,
    resumed: &mut CheckpointState,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<Option<Array2<X::Scalar>>> {
    let descent = Descent {
        constraints: problem.constraints,
        fitted_w: &problem.fitted_w(),
        fitted_h: &problem.fitted_components,
        sweeps: problem.nmf.sweeps,
        single_passes: if warmed { 0 } else { SINGLE_PASSES },
    };
    descend(&problem.x, &descent, factors, resumed, run, course)
}

/// The iterations on X' or a sketch of it. Gives X'ᵀW of the factors it ends with, if that is at hand.
pub(crate) fn descend<T: Scalar>(
    x: &impl Panels<T>,
    descent: &Descent<'_>,
    factors: &mut Factors<T>,
    resumed: &mut CheckpointState,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<Option<Array2<T>>> {
    let mut at_hand = None;
    // The factors of the last accepted iteration but one, whence the direction; none means a plain
    // iteration.
    let (mut beta, mut bound, mut before) = take_extrapolation(resumed, factors)?;
    for iteration in course.history.len() + 1..=course.max_iter {
        let sweeps = if iteration <= descent.single_passes {
            1
        } else {
            descent.sweeps
        };
        let update = |side: Side, components| RowUpdate {
            l1: side.l1,
            max: side.max,
            components: Some(components),
            sweeps,
        };
        let Constraints {
            w: w_side,
            h: h_side,
        } = descent.constraints;
        let mut h = factors.h.clone();
        if let Some(before) = &before {
            extrapolate(&mut h, &before.h, beta, h_side.max);
        }
        // One panel less while the products are formed.
        at_hand = None;
        let xh = x.multiply(&h)?;
        let curvature = with_diagonal(&wide_gram(h.view()), w_side.l2);
        let mut w = factors.w.clone();
        let first = update_non_negative_rows(
            &mut w,
            xh.view(),
            curvature.view(),
            update(w_side, descent.fitted_w),
            Simd::detect(),
        );
        drop(xh);
        if before.is_some() {
            extrapolate(&mut w, &factors.w, beta, w_side.max);
        }
        let xw = x.multiply_transposed(&w)?;
        let gram_w = wide_gram(w.view());
        let curvature = with_diagonal(&gram_w, h_side.l2);
        let second = update_non_negative_rows(
            &mut h,
            xw.view(),
            curvature.view(),
            update(h_side, descent.fitted_h),
            Simd::detect(),
        );
        let gram_h = wide_gram(h.view());
        let fit = half_squared_error(x.squared_norm(), &xw, &h, &gram_w, &gram_h);
        let penalty = w_side.penalty(&w) + h_side.penalty(&h);
        if before.is_some() && course.rises(fit + penalty) {
            bound = beta;
            beta /= FALL;
            before = None;
            let ended = course.rejected(run);
            let more = |state: &mut _| give_extrapolation::<T>(state, beta, bound, None);
            keep(run, course, factors, more)?;
            if ended {
                break;
            }
            continue;
        }
        if before.is_some() {
            bound = (bound * BOUND_GROWTH).min(1.0);
            beta = (beta * GROWTH).min(bound);
        }
        before = Some(std::mem::replace(factors, Factors { w, h }));
        if descent.scale_is_free() && balance(factors, &gram_w, &gram_h) {
            before = None;
        } else {
            at_hand = Some(xw);
        }
        let ended = course.ends(fit, penalty, first.sum + second.sum == 0.0, run);
        let more = |state: &mut _| give_extrapolation(state, beta, bound, before.as_ref());
        keep(run, course, factors, more)?;
        if ended {
            break;
        }
    }
    Ok(at_hand)
}

/// Puts what the extrapolation looks back on into a checkpoint.
fn give_extrapolation<T: Scalar>(
    state: &mut CheckpointState,
    beta: f64,
    bound: f64,
    before: Option<&Factors<T>>,
) {
    state.insert_numbers("hals.beta", &[beta, bound]);
    if let Some(before) = before {
        before.give(state, "hals.before.");
    }
}

/// β, its bound and the factors before: those of a checkpoint, or those at the beginning.
fn take_extrapolation<T: Scalar>(
    state: &mut CheckpointState,
    factors: &Factors<T>,
) -> Result<(f64, f64, Option<Factors<T>>)> {
    if !state.contains("hals.beta") {
        return Ok((BETA, 1.0, None));
    }
    let pair: Vec<f64> = state.take_values("hals.beta", 2)?;
    let before = if state.contains("hals.before.w") {
        let shape = (factors.w.nrows(), factors.h.nrows());
        let rank = factors.w.ncols();
        Some(Factors::take(state, "hals.before.", shape, rank)?)
    } else {
        None
    };
    Ok((pair[0], pair[1], before))
}

/// Gives each component whose two factors differ in size by more than [`UNBALANCED`] a common size,
/// and says whether there was one. Powers of two: the product is the same to the bit.
///
/// Only the product of the two sizes is determined. The extrapolation lets them drift apart where the
/// error is nothing but rounding, until one overflows.
fn balance<T: Scalar>(
    factors: &mut Factors<T>,
    gram_w: &Array2<f64>,
    gram_h: &Array2<f64>,
) -> bool {
    let mut any = false;
    for t in 0..gram_w.nrows() {
        let ratio = (gram_w[[t, t]] / gram_h[[t, t]]).sqrt();
        if ratio.is_normal() && !(1.0 / UNBALANCED..UNBALANCED).contains(&ratio) {
            let scale = ratio.sqrt().log2().round().exp2();
            factors
                .w
                .column_mut(t)
                .mapv_inplace(|v| v / T::from_f64(scale));
            factors
                .h
                .column_mut(t)
                .mapv_inplace(|v| v * T::from_f64(scale));
            any = true;
        }
    }
    any
}

/// Takes `to` beyond itself by `beta` times its distance from `from`, within the bounds.
fn extrapolate<T: Scalar>(to: &mut Array2<T>, from: &Array2<T>, beta: f64, max: Option<f64>) {
    let beta = T::from_f64(beta);
    let max = T::from_f64(max.unwrap_or(f64::INFINITY));
    to.zip_mut_with(from, |to, from| {
        let beyond = *to + beta * (*to - *from);
        let beyond = if beyond > T::zero() {
            beyond
        } else {
            T::zero()
        };
        *to = if beyond < max { beyond } else { max };
    });
}
