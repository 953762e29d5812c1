//! Multiplicative updates, for every β-divergence.
//!
//! With Y = W H, and both products taken elementwise (Lee and Seung 2001; Févotte and Idier 2011; the
//! rules for zeros and penalties are those of scikit-learn's `solver="mu"`):
//!
//! ```text
//! W ← W ∘ [ (X ∘ Y^(β−2)) Hᵀ / (Y^(β−1) Hᵀ + l₁ + l₂·W) ]^γ
//! γ = 1/(2 − β) for β < 1,  1 for 1 <= β <= 2,  1/(β − 1) for β > 2
//! ```
//!
//! and the same for H with the new W. Each is the minimum of a function that lies above the objective
//! and touches it at the present factor, so that the objective never rises; an upper bound is kept by
//! cutting off at it. An entry of zero stays zero for good.
//!
//! With an L2 penalty and β < 2 that minimum has another exponent: γ = 1/(3 − β). scikit-learn's γ
//! is larger and mostly faster, but may overshoot. It is used until the objective rises for the first
//! time; that iteration is taken back, and γ = 1/(3 − β) takes over.
//!
//! The pass over the data that the update of W needs gives the objective too, so that it is known after
//! each iteration at no cost.

use crate::checkpoint::keep;
use crate::course::Course;
use crate::fit::Problem;
use crate::initialization::Factors;
use crate::loss::{Measure, require_finite};
use crate::parameters::Side;
use matfact_core::ndarray::Array2;
use matfact_core::{CheckpointState, Matrix, Result, Run, Scalar};
use matfact_linalg::{DivergenceParts, MultiplicativeStep, multiply_factor};

/// The exponents of the update: scikit-learn's, and the one with which the objective cannot rise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exponents {
    pub(crate) usual: f64,
    pub(crate) safe: f64,
}

impl Exponents {
    pub(crate) fn new(beta: f64, l2: f64) -> Self {
        let usual = if beta < 1.0 {
            1.0 / (2.0 - beta)
        } else if beta > 2.0 {
            1.0 / (beta - 1.0)
        } else {
            1.0
        };
        let safe = if l2 > 0.0 && beta < 2.0 {
            1.0 / (3.0 - beta)
        } else {
            usual
        };
        Self { usual, safe }
    }
}

/// One update of one factor from the parts of its gradient; gives the squared norms of its change and
/// of what it has become.
pub(crate) fn update<T: Scalar>(
    factor: &mut Array2<T>,
    parts: &DivergenceParts<T>,
    side: Side,
    step: MultiplicativeStep<'_>,
) -> Result<(f64, f64)> {
    let step = MultiplicativeStep {
        l1: side.l1,
        l2: side.l2,
        max: side.max,
        ..step
    };
    let (change, norm) = multiply_factor(
        factor,
        parts.numerator.view(),
        parts.denominator.view(),
        step,
    );
    require_finite::<T>(norm)?;
    Ok((change, norm))
}

pub(crate) fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    resumed: &mut CheckpointState,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<()> {
    if problem.nmf.max_iter == 0 {
        return Ok(());
    }
    let (beta, sides) = (problem.nmf.loss.beta(), problem.constraints);
    let measure = Measure::new(&problem.x, problem.nmf.loss, problem.mean)?;
    let exponents = Exponents::new(beta, sides.w.l2.max(sides.h.l2));
    let mut exponent = exponents.usual;
    if resumed.contains("exponent") {
        exponent = resumed.take_number("exponent")?;
    }
    let penalty =
        |factors: &Factors<X::Scalar>| sides.w.penalty(&factors.w) + sides.h.penalty(&factors.h);
    let mut of_w = measure.of_w(factors)?;
    let mut penalized = penalty(factors);
    for _ in course.history.len()..problem.nmf.max_iter {
        let step = |clears_zeros: bool| MultiplicativeStep {
            exponent,
            floor: measure.floor,
            negligible: if clears_zeros {
                measure.negligible
            } else {
                0.0
            },
            ..MultiplicativeStep::default()
        };
        let mut next = factors.clone();
        if !problem.w_held {
            update(&mut next.w, &of_w, sides.w, step(beta < 1.0))?;
        }
        if !problem.fitted_components.is_empty() {
            let of_h = measure.of_h(&next)?;
            let step = MultiplicativeStep {
                components: Some(&problem.fitted_components),
                ..step(beta <= 1.0)
            };
            update(&mut next.h, &of_h, sides.h, step)?;
        }
        let next_of_w = measure.of_w(&next)?;
        let next_penalty = penalty(&next);
        let mut stationary = false;
        if next_of_w.value + next_penalty > of_w.value + penalized {
            // Taken back. Where the exponent was a safe one, the rise is rounding, and no further
            // iteration can do better.
            stationary = exponent == exponents.safe;
            exponent = exponents.safe;
        } else {
            (*factors, of_w, penalized) = (next, next_of_w, next_penalty);
        }
        let ended = course.ends(of_w.value, penalized, stationary, run);
        keep(run, course, factors, |state| {
            state.insert_numbers("exponent", &[exponent]);
        })?;
        if ended {
            break;
        }
    }
    Ok(())
}
