//! A warm-up on a sketch of X.
//!
//! The randomized SVD behind NNDSVD gives X ≈ U Σ Vᵀ of rank l, a little above k. HALS on that sketch
//! costs (m + n)·l·k an iteration instead of m·n·k, and where X is near a matrix of low rank it ends
//! close to where HALS on X would (Tepper and Sapiro 2016; Erichson et al. 2018). HALS on X itself
//! then goes on from there, so that the result and every figure reported are those of X.

use crate::course::Course;
use crate::fit::Problem;
use crate::hals::{Descent, Panels, descend};
use crate::initialization::{Beginning, Factors, sketch_of};
use crate::{Init, Solver};
use matfact_core::ndarray::Array2;
use matfact_core::{CheckpointState, FitReport, Matrix, Result, Run, Scalar};
use matfact_linalg::{Triplets, multiply_dense};

/// How many times the rank of the sketch the shorter side of a dense X has to be for a warm-up that
/// was not asked for.
const MUCH_LARGER: usize = 8;

/// Passes over the components on a sketch for one on X: its products cost as little as the passes, so
/// that more of them pay. On a 2000 x 1000 matrix of rank 20 in noise, 57 iterations became 30.
const SWEEPS: usize = 2;

/// X' ≈ (U Σ) Vᵀ.
struct Sketch<T> {
    left: Array2<T>,
    right: Array2<T>,
    squared_norm: f64,
}

impl<T: Scalar> Sketch<T> {
    fn of(triplets: Triplets<T>, squared_norm: f64) -> Self {
        Self {
            left: &triplets.u * &triplets.singular_values,
            right: triplets.v,
            squared_norm,
        }
    }

    fn product(a: &Array2<T>, bt: &Array2<T>, panel: &Array2<T>) -> Array2<T> {
        let mut inner = Array2::default((bt.ncols(), panel.ncols()));
        multiply_dense(bt.t(), panel.view(), inner.view_mut());
        let mut out = Array2::default((a.nrows(), panel.ncols()));
        multiply_dense(a.view(), inner.view(), out.view_mut());
        out
    }
}

impl<T: Scalar> Panels<T> for Sketch<T> {
    fn multiply(&self, h: &Array2<T>) -> Result<Array2<T>> {
        Ok(Self::product(&self.left, &self.right, h))
    }

    fn multiply_transposed(&self, w: &Array2<T>) -> Result<Array2<T>> {
        Ok(Self::product(&self.right, &self.left, w))
    }

    /// That of X', so that the objective is close to that of X'.
    fn squared_norm(&self) -> f64 {
        self.squared_norm
    }
}

/// Whether there is a warm-up: as asked for, else where an iteration on X costs far more than one on
/// the sketch.
fn wanted<X: Matrix + ?Sized>(problem: &Problem<'_, X>) -> bool {
    let nmf = problem.nmf;
    if problem.solver != Solver::Hals || nmf.max_iter == 0 {
        return false;
    }
    let (m, n) = problem.x.shape();
    let large = problem.x.is_dense() && m.min(n) >= MUCH_LARGER * (nmf.rank + 10);
    nmf.compression
        .unwrap_or(large && nmf.init != Init::Separable)
}

/// The factors to begin with, after the warm-up where there is one, and whether there was.
pub(crate) fn warm_up<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    beginning: Beginning<X::Scalar>,
    seed: u64,
    run: &mut Run<'_>,
    report: &mut FitReport,
) -> Result<(Factors<X::Scalar>, bool)> {
    let Beginning {
        mut factors,
        sketch,
    } = beginning;
    if !wanted(problem) {
        return Ok((factors, false));
    }
    let sketch = match sketch {
        Some(sketch) => sketch,
        None => sketch_of(&problem.x, problem.nmf.rank, seed)?,
    };
    let rank = sketch.singular_values.len();
    let sketch = Sketch::of(sketch, problem.x.squared_norm().unwrap_or(0.0));
    let mut course = Course::new(problem);
    let descent = Descent {
        constraints: problem.constraints,
        fitted_w: &problem.fitted_w(),
        fitted_h: &problem.fitted_components,
        sweeps: SWEEPS * problem.nmf.sweeps,
        single_passes: 0,
    };
    descend(
        &sketch,
        &descent,
        &mut factors,
        &mut CheckpointState::default(),
        &mut run.silent(),
        &mut course,
    )?;
    if run.interrupted().is_some() {
        // Without the interruption the fit would begin elsewhere.
        run.withhold_checkpoints();
    }
    let iterations = course.history.len();
    let text = format!("rank {rank}, {iterations} iterations");
    report.chosen.insert("compression".to_owned(), text);
    Ok((factors, true))
}
