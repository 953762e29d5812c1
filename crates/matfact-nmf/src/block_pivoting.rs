//! Alternating non-negative least squares (ANLS), each solved exactly by block principal pivoting.
//!
//! With G = H Hᵀ + l₂·I and B = X Hᵀ, every row of W becomes the minimum of its convex problem
//!
//! ```text
//! w_i ← argmin over w >= 0 of ½ wᵀ G w − (b_i − l₁)ᵀ w
//! ```
//!
//! and the same for H with the new W (Kim and Park 2011; the method is that of
//! [`matfact_linalg::solve_non_negative_rows`]). Both blocks are minimized exactly, so the objective
//! never rises and every limit point is stationary. An iteration costs more than one of HALS, and the
//! two products are shared by no further passes; what it gives is an H or a W that is optimal for the
//! other to the last digit.
//!
//! Held components of H are exact too: with F the fitted ones and the rest held,
//! G becomes G_FF and b_F becomes b_F − G_F,held h_held. Upper bounds are refused: HALS takes them.

use crate::checkpoint::keep;
use crate::course::Course;
use crate::fit::Problem;
use crate::frobenius::{half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::parameters::Side;
use crate::{Nmf, Solver};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{Error, Matrix, Result, Run, Scalar};
use matfact_linalg::{Simd, multiply_dense, solve_non_negative_rows, wide_gram};

/// Refuses what this solver does not take.
///
/// # Errors
/// [`Error::InvalidParameter`] for upper bounds.
pub(crate) fn check(nmf: &Nmf) -> Result<()> {
    if nmf.solver != Solver::BlockPivoting {
        return Ok(());
    }
    for (name, bound) in [("max_w", nmf.max_w), ("max_h", nmf.max_h)] {
        if let Some(bound) = bound {
            let requirement = "left out for the solver block-pivoting (the solver hals takes it)";
            return Err(Error::invalid_parameter(name, bound, requirement));
        }
    }
    Ok(())
}

pub(crate) fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<()> {
    let (x, constraints) = (&problem.x, problem.constraints);
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    let (fitted_w, fitted_h) = (problem.fitted_w(), &problem.fitted_components);
    // With one side held, the other is optimal after one iteration.
    let convex = fitted_w.is_empty() || fitted_h.is_empty();
    for _ in course.history.len()..problem.nmf.max_iter {
        if !fitted_w.is_empty() {
            let xh = x.multiply(factors.h.view())?;
            let gram_h = wide_gram(factors.h.view());
            solve(&mut factors.w, &xh, &gram_h, constraints.w, &fitted_w);
        }
        let xw = x.multiply_transposed(factors.w.view())?;
        let gram_w = wide_gram(factors.w.view());
        solve(&mut factors.h, &xw, &gram_w, constraints.h, fitted_h);
        let gram_h = wide_gram(factors.h.view());
        let fit = half_squared_error(squared_norm, &xw, &factors.h, &gram_w, &gram_h);
        let penalty = constraints.w.penalty(&factors.w) + constraints.h.penalty(&factors.h);
        let ended = course.ends(fit, penalty, convex, run);
        keep(run, course, factors, |_| ())?;
        if ended {
            break;
        }
    }
    Ok(())
}

/// Replaces the `fitted` components of `factor` by the minimum, the others held.
fn solve<T: Scalar>(
    factor: &mut Array2<T>,
    linear: &Array2<T>,
    gram: &Array2<f64>,
    side: Side,
    fitted: &[usize],
) {
    let curvature = with_diagonal(gram, side.l2);
    if fitted.len() == factor.ncols() {
        let (b, g) = (linear.view(), curvature.view());
        solve_non_negative_rows(factor, b, g, side.l1, Simd::detect());
    } else if !fitted.is_empty() {
        let held: Vec<usize> = (0..factor.ncols())
            .filter(|t| !fitted.contains(t))
            .collect();
        let coupling = columns(&curvature.select(Axis(0), &held), fitted);
        let mut known = Array2::default((factor.nrows(), fitted.len()));
        let held_part = columns(factor, &held);
        multiply_dense(held_part.view(), coupling.view(), known.view_mut());
        let b = columns(linear, fitted) - known;
        let g = columns(&curvature.select(Axis(0), fitted), fitted);
        let mut part = columns(factor, fitted);
        solve_non_negative_rows(&mut part, b.view(), g.view(), side.l1, Simd::detect());
        for (column, t) in fitted.iter().enumerate() {
            factor.column_mut(*t).assign(&part.column(column));
        }
    }
}

/// Some columns, in row-major order.
fn columns<T: Scalar>(matrix: &Array2<T>, indices: &[usize]) -> Array2<T> {
    Array2::from_shape_fn((matrix.nrows(), indices.len()), |(i, t)| {
        matrix[[i, indices[t]]]
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use crate::{Held, Init, Start};
    use matfact_core::ndarray::array;
    use matfact_core::{Certificate, Factorizer, StopReason};
    use matfact_linalg::random_normal;

    fn a5() -> Array2<f64> {
        array![
            [5.0, 3.0, 0.0, 1.0],
            [4.0, 0.0, 0.0, 1.0],
            [1.0, 1.0, 0.0, 5.0],
            [1.0, 0.0, 0.0, 4.0],
            [0.0, 1.0, 5.0, 4.0]
        ]
    }

    fn anls(rank: usize) -> Nmf {
        Nmf::new(rank).solver(Solver::BlockPivoting)
    }

    fn noise(m: usize, n: usize) -> Array2<f64> {
        let product = random_normal::<f64>((m, 4), 1, 0)
            .mapv(f64::abs)
            .dot(&random_normal::<f64>((4, n), 2, 0).mapv(f64::abs));
        product + random_normal::<f64>((m, n), 3, 0).mapv(f64::abs)
    }

    #[test]
    fn the_small_matrix_reaches_the_known_errors() {
        for (rank, error, far) in [(2, 4.276529830555956, 1e-9), (3, 1.8626939134530147, 1e-5)] {
            let nmf = anls(rank).init(Init::Nndsvd).tol(1e-14).max_iter(3000);
            let fit = nmf.fit(&a5()).unwrap();
            assert_eq!(fit.report.stop, StopReason::Converged);
            let found = (2.0 * fit.report.objective).sqrt();
            assert!(found < error + far, "rank {rank}: {found}");
        }
    }

    #[test]
    fn the_objective_falls_to_a_stationary_point_with_penalties_too() {
        let x = noise(60, 40);
        for alpha in [0.0, 0.01] {
            let nmf = anls(5).init(Init::Random).alpha_w(alpha).l1_ratio(0.5);
            let report = nmf.tol(1e-13).max_iter(2000).fit(&x).unwrap().report;
            let history = &report.history;
            assert!(
                history
                    .windows(2)
                    .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-13))
            );
            let Some(Certificate::ProjectedGradient(gradient)) = report.certificate else {
                panic!("no certificate")
            };
            assert!(gradient < 1e-5, "alpha {alpha}: {gradient}");
        }
    }

    #[test]
    fn single_precision_goes_down_as_well() {
        let x = noise(60, 40).mapv(|v| v as f32);
        let report = anls(8).tol(0.0).max_iter(60).fit(&x).unwrap().report;
        let history = &report.history;
        assert!(
            history
                .windows(2)
                .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-5))
        );
    }

    #[test]
    fn held_parts_stay_and_the_rest_is_optimal() {
        let x = noise(30, 20);
        let (w, h) = (
            random_normal::<f64>((30, 4), 5, 0).mapv(f64::abs),
            random_normal::<f64>((4, 20), 6, 0).mapv(f64::abs),
        );
        for held in [Held::W, Held::H, Held::Components(vec![1, 3])] {
            let nmf = anls(4).held(held.clone()).tol(1e-13).max_iter(3000);
            let start = Start::new(w.clone(), h.clone());
            let fit = nmf.fit_from(&x, start, &mut Run::new()).unwrap();
            match held {
                Held::W => assert_eq!(fit.model.w(), w),
                Held::H => assert_eq!(fit.model.h(), h),
                _ => {
                    assert_eq!(fit.model.h().row(1), h.row(1));
                    assert_eq!(fit.model.h().row(3), h.row(3));
                    assert_ne!(fit.model.h().row(0), h.row(0));
                }
            }
            let limit = if nmf.held == Held::Components(vec![1, 3]) {
                1e-5
            } else {
                assert_eq!(fit.report.iterations, 1);
                1e-12
            };
            let Some(Certificate::ProjectedGradient(gradient)) = fit.report.certificate else {
                panic!("no certificate")
            };
            assert!(gradient < limit, "{:?}: {gradient}", nmf.held);
        }
    }

    #[test]
    fn bounds_are_refused_with_the_remedy() {
        for (nmf, bound) in [(anls(2).max_w(1.0), "max_w"), (anls(2).max_h(1.0), "max_h")] {
            match nmf.fit(&a5()) {
                Err(Error::InvalidParameter {
                    name, requirement, ..
                }) => {
                    assert_eq!(name, bound);
                    assert!(requirement.contains("hals"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn hard_input_gives_finite_factors() {
        let mut lonely = Array2::<f32>::zeros((6, 5));
        lonely[[2, 3]] = 1e30;
        for x in [
            Array2::zeros((4, 3)),
            Array2::from_elem((1, 7), 2.0),
            Array2::from_elem((7, 1), 2.0),
            Array2::from_elem((5, 5), 1e-35),
            lonely,
        ] {
            for init in [Init::Auto, Init::Random] {
                let fit = anls(3).init(init).max_iter(20).fit(&x).unwrap();
                let (w, h) = (fit.model.w(), fit.model.h());
                assert!(w.iter().chain(h).all(|v| v.is_finite() && *v >= 0.0));
                assert!(fit.report.relative_error.unwrap() < 1e-3);
            }
        }
    }
}
