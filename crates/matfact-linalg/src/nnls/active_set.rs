//! The active-set method for one row (Lawson and Hanson 1974), on the Gram matrix.
//!
//! x is always feasible and the passive set F always independent. The component t with the steepest
//! descent enters: x moves along the minimizing direction d (d_t = 1, d_F = −G_FF⁻¹ G_Ft) as far as the
//! minimum, or until a component of F reaches zero and leaves. Along a dependent t there is no
//! curvature, and the first component to reach zero leaves, whereupon F is independent again. The
//! objective falls with every step that is not zero.

use super::cholesky::{factorize, substitute};
use super::{Quadratic, ROUNDING};

/// Replaces `x` by the minimum of ½ xᵀGx − bᵀx over x >= 0, with its gradient.
pub(super) fn solve(quadratic: &Quadratic, b: &[f64], x: &mut [f64], gradient: &mut [f64]) {
    let k = quadratic.k;
    let mut passive: Vec<usize> = Vec::with_capacity(k);
    x.fill(0.0);
    for _ in 0..50 + 10 * k {
        refresh(quadratic, b, x, gradient);
        let scale = x.iter().sum::<f64>() + b.iter().fold(0.0, |most, b| b.abs().max(most));
        let entering = (0..k)
            .filter(|t| quadratic.unit[*t] > 0.0 && !passive.contains(t))
            .filter(|t| gradient[*t] < -ROUNDING * scale)
            .min_by(|s, t| gradient[*s].total_cmp(&gradient[*t]));
        let Some(entering) = entering else { break };
        enter(quadratic, x, gradient[entering], &mut passive, entering);
        settle(quadratic, b, x, &mut passive);
    }
    refresh(quadratic, b, x, gradient);
}

/// gradient = G x − b.
fn refresh(quadratic: &Quadratic, b: &[f64], x: &[f64], gradient: &mut [f64]) {
    let k = quadratic.k;
    for t in 0..k {
        let line = &quadratic.gram[t * k..(t + 1) * k];
        gradient[t] = line.iter().zip(x).map(|(g, x)| g * x).sum::<f64>() - b[t];
    }
}

/// Moves along the direction of the `entering` component with this `slope`.
fn enter(
    quadratic: &Quadratic,
    x: &mut [f64],
    slope: f64,
    passive: &mut Vec<usize>,
    entering: usize,
) {
    let k = quadratic.k;
    let coupling = |t: usize| quadratic.gram[t * k + entering];
    let mut direction: Vec<f64> = passive.iter().map(|t| -coupling(*t)).collect();
    solve_block(quadratic, passive, &mut direction);
    let curvature = coupling(entering)
        + passive
            .iter()
            .zip(&direction)
            .map(|(t, d)| coupling(*t) * d)
            .sum::<f64>();
    let minimum = if curvature > quadratic.negligible {
        -slope / curvature
    } else {
        f64::INFINITY
    };
    let (step, leaving) = longest(x, passive, &direction, minimum);
    if !step.is_finite() {
        // Only rounding can show a descent without an end: the objective is bounded below.
        return;
    }
    for (t, d) in passive.iter().zip(&direction) {
        x[*t] = (x[*t] + step * d).max(0.0);
    }
    x[entering] = step;
    leave(x, passive, leaving);
    let place = passive.partition_point(|t| *t < entering);
    passive.insert(place, entering);
}

/// Brings x to the minimum over its passive set; components that reach zero on the way leave it.
fn settle(quadratic: &Quadratic, b: &[f64], x: &mut [f64], passive: &mut Vec<usize>) {
    for _ in 0..=quadratic.k {
        let mut target: Vec<f64> = passive.iter().map(|t| b[*t]).collect();
        solve_block(quadratic, passive, &mut target);
        let direction: Vec<f64> = passive
            .iter()
            .zip(&target)
            .map(|(t, target)| target - x[*t])
            .collect();
        let (step, leaving) = longest(x, passive, &direction, 1.0);
        for (t, d) in passive.iter().zip(&direction) {
            x[*t] = (x[*t] + step * d).max(0.0);
        }
        if leaving.is_none() {
            return;
        }
        leave(x, passive, leaving);
    }
}

fn leave(x: &mut [f64], passive: &mut Vec<usize>, leaving: Option<usize>) {
    if let Some(place) = leaving {
        x[passive.remove(place)] = 0.0;
    }
}

/// The longest step up to `limit` that keeps x >= 0, and the place in the passive set of the
/// component that stops it.
fn longest(x: &[f64], passive: &[usize], direction: &[f64], limit: f64) -> (f64, Option<usize>) {
    let mut found = (limit, None);
    for (place, (t, d)) in passive.iter().zip(direction).enumerate() {
        if *d < 0.0 && x[*t] / -d < found.0 {
            found = (x[*t] / -d, Some(place));
        }
    }
    found
}

/// Solves G_FF z = `right` in place.
fn solve_block(quadratic: &Quadratic, passive: &[usize], right: &mut [f64]) {
    let (k, size) = (quadratic.k, passive.len());
    let mut upper: Vec<f64> = passive
        .iter()
        .flat_map(|i| passive.iter().map(move |j| quadratic.gram[i * k + j]))
        .collect();
    let mut independent = vec![true; size];
    factorize::<false>(&mut upper, &mut independent, size, quadratic.negligible);
    substitute::<false>(&upper, &independent, right);
}
