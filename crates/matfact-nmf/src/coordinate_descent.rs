//! Cyclic coordinate descent as in scikit-learn (`solver="cd"`).
//!
//! With G = H Hᵀ + l₂·I and B = X Hᵀ − l₁, one pass over the components t, in order or in a fresh random
//! order (Hsieh and Dhillon 2011): w_t ← min(max, max(0, w_t − (W g_t − b_t) / G_tt)); then the same for
//! H with the new W. One iteration is one pass over each factor, from one product each.

use crate::checkpoint::keep;
use crate::course::Course;
use crate::fit::Problem;
use crate::frobenius::{half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::parameters::Side;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Matrix, Result, Run, Scalar};
use matfact_linalg::{RowUpdate, Simd, random_stream, update_non_negative_rows, wide_gram};
use rand::seq::SliceRandom;

pub(crate) fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    seed: u64,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<()> {
    let x = &problem.x;
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    let (mut order_w, mut order_h) = (problem.fitted_w(), problem.fitted_components.clone());
    let mut random = random_stream(seed, 3);
    let mut gram_h = wide_gram(factors.h.view());
    let mut shuffle = |order_w: &mut [usize], order_h: &mut [usize]| {
        if problem.nmf.shuffle {
            order_w.shuffle(&mut random);
            order_h.shuffle(&mut random);
        }
    };
    // A fit that goes on is at the place in the random stream where it was.
    for _ in 0..course.history.len() {
        shuffle(&mut order_w, &mut order_h);
    }
    for _ in course.history.len()..problem.nmf.max_iter {
        shuffle(&mut order_w, &mut order_h);
        let xh = x.multiply(factors.h.view())?;
        let side = problem.constraints.w;
        let first = one_pass(&mut factors.w, xh.view(), &gram_h, side, &order_w);
        let xw = x.multiply_transposed(factors.w.view())?;
        let gram_w = wide_gram(factors.w.view());
        let side = problem.constraints.h;
        let second = one_pass(&mut factors.h, xw.view(), &gram_w, side, &order_h);
        gram_h = wide_gram(factors.h.view());
        let fit = half_squared_error(squared_norm, &xw, &factors.h, &gram_w, &gram_h);
        let penalty =
            problem.constraints.w.penalty(&factors.w) + problem.constraints.h.penalty(&factors.h);
        let ended = course.ends(fit, penalty, first + second == 0.0, run);
        keep(run, course, factors, |_| ())?;
        if ended {
            break;
        }
    }
    Ok(())
}

/// One pass over the components in `order`; gives the violation that it met.
fn one_pass<T: Scalar>(
    factor: &mut Array2<T>,
    linear: ArrayView2<'_, T>,
    gram: &Array2<f64>,
    side: Side,
    order: &[usize],
) -> f64 {
    let update = RowUpdate {
        l1: side.l1,
        max: side.max,
        components: Some(order),
        sweeps: 1,
    };
    let curvature = with_diagonal(gram, side.l2);
    update_non_negative_rows(factor, linear, curvature.view(), update, Simd::detect()).sum
}
