//! Newton steps on one coordinate at a time: the default for the Kullback-Leibler loss.
//!
//! The loss is D(X‖WH) = Σ x ln(x / y) − x + y with y = (WH)_ij. Given H, every row w of W has a problem
//! of its own over the entries x_j > 0 of its row of X:
//!
//! ```text
//! min  a·w − Σ_j x_j ln(w·h_j + ε) + l₁ Σw + ½ l₂ ‖w‖²,   0 <= w <= max,   a = Σ_j h_j over all columns
//! ```
//!
//! so that entries of zero cost nothing, and no array of the size of X (or of its stored entries
//! times k) is formed. One coordinate after another takes a safeguarded Newton step on the
//! reciprocal of its slope (`matfact_linalg::update_rows_kullback_leibler` has the mathematics), a few
//! passes for each row; then the rows of Hᵀ against the columns of X alike. The method is that of Hsieh
//! and Dhillon (2011), made monotone as in Hien and Gillis (2021) but with bounds of each coordinate.
//!
//! ε is the mean of X times the scalar's epsilon (1.2e-7 for f32): it keeps the loss finite where the
//! model is zero and the data are not. scikit-learn floors y for the same reason.

use crate::checkpoint::keep;
use crate::course::Course;
use crate::fit::Problem;
use crate::initialization::Factors;
use matfact_core::ndarray::Array2;
use matfact_core::sprs::CsMatI;
use matfact_core::{
    Duplicates, Layout, LinearOperator, Matrix, Result, Run, Scalar, StopReason, csr_from_triplets,
};
use matfact_linalg::{
    EntryRows, EntrySums, EntryUpdate, Lines, NoRows, PoissonUpdate, Simd, stored_rows,
    update_rows_kullback_leibler,
};

/// Passes over the coordinates of a row in one iteration.
const PASSES: usize = 2;

pub(crate) fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<()> {
    let collected = Collected::of(problem)?;
    let (rows, columns) = collected.lines(problem);
    let fitted_w = problem.fitted_w();
    let fitted_h = &problem.fitted_components;
    let constant = x_terms(&rows);
    let update = |side: crate::parameters::Side, components| EntryUpdate {
        l1: side.l1,
        l2: side.l2,
        penalty_scale: None,
        max: side.max,
        components,
        passes: PASSES,
    };
    let floor = floor::<X::Scalar>(problem.mean);
    for _ in course.history.len()..problem.nmf.max_iter {
        let before = factors.clone();
        let mut sums = EntrySums::default();
        let mut moved = 0.0;
        if !fitted_w.is_empty() {
            let side = problem.constraints.w;
            let (w, h) = (&mut factors.w, &factors.h);
            sums = one_side(w, h, &rows, update(side, &fitted_w), floor);
            moved += sums.moved;
        }
        if !fitted_h.is_empty() {
            let side = problem.constraints.h;
            let (w, h) = (&factors.w, &mut factors.h);
            sums = one_side(h, w, &columns, update(side, fitted_h), floor);
            moved += sums.moved;
        }
        let fit = (constant - sums.loss + sums.linear).max(0.0);
        let penalty =
            problem.constraints.w.penalty(&factors.w) + problem.constraints.h.penalty(&factors.h);
        if course.rises(fit + penalty) {
            // No step can raise the objective but by rounding: this is as far as the scalar goes.
            *factors = before;
            course.rejected(run);
            course.stop = StopReason::Converged;
            break;
        }
        let ended = course.ends(fit, penalty, moved == 0.0, run);
        keep(run, course, factors, |_| ())?;
        if ended {
            break;
        }
    }
    Ok(())
}

/// ε for a matrix with this mean.
pub(crate) fn floor<T: Scalar>(mean: f64) -> f64 {
    T::epsilon().as_f64() * mean
}

/// Updates one factor, given the other and the lines of X that belong to its rows.
fn one_side<T: Scalar>(
    factor: &mut Array2<T>,
    other: &Array2<T>,
    lines: &Lines<'_, T>,
    update: EntryUpdate<'_>,
    floor: f64,
) -> EntrySums {
    let simd = Simd::detect();
    let linear = column_sums(other);
    let loss = PoissonUpdate {
        linear: &linear,
        floor,
    };
    match lines {
        Lines::Dense(x) => {
            let rows: EntryRows<'_, T, NoRows<'_, T>> = EntryRows::Dense(*x, T::zero());
            update_rows_kullback_leibler(factor, other.view(), &rows, update, loss, simd)
        }
        Lines::Sparse(x) => {
            let rows = EntryRows::Listed(stored_rows(*x, T::zero()));
            update_rows_kullback_leibler(factor, other.view(), &rows, update, loss, simd)
        }
    }
}

/// The sum of each column, in `f64`.
fn column_sums<T: Scalar>(factor: &Array2<T>) -> Vec<f64> {
    let mut sums = vec![0.0; factor.ncols()];
    for row in factor.rows() {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value.as_f64();
        }
    }
    sums
}

/// Σ x ln x − x over the entries above zero.
fn x_terms<T: Scalar>(rows: &Lines<'_, T>) -> f64 {
    let term = |x: &T| {
        let x = x.as_f64();
        if x > 0.0 { x * x.ln() - x } else { 0.0 }
    };
    match rows {
        Lines::Dense(x) => x.iter().map(term).sum(),
        Lines::Sparse(x) => x.values.iter().map(term).sum(),
    }
}

/// The entries of a matrix that is known by its products, listed once for each direction.
struct Collected<T> {
    rows_and_columns: Option<[CsMatI<T, u32, usize>; 2]>,
}

impl<T: Scalar> Collected<T> {
    fn of<X: Matrix<Scalar = T> + ?Sized>(problem: &Problem<'_, X>) -> Result<Self> {
        if problem.x.rows().is_some() {
            return Ok(Self {
                rows_and_columns: None,
            });
        }
        let (mut entries, mut reversed) = (Vec::new(), Vec::new());
        problem.x.source().visit(&mut |row, column, value| {
            entries.push((row, column, value));
            reversed.push((column, row, value));
        });
        let (m, n) = problem.x.shape();
        Ok(Self {
            rows_and_columns: Some([
                csr_from_triplets((m, n), entries, Duplicates::Sum)?,
                csr_from_triplets((n, m), reversed, Duplicates::Sum)?,
            ]),
        })
    }

    /// The rows and the columns of X'.
    fn lines<'a, X>(&'a self, problem: &'a Problem<'_, X>) -> (Lines<'a, T>, Lines<'a, T>)
    where
        X: Matrix<Scalar = T> + ?Sized,
    {
        let stored = |matrix: &'a CsMatI<T, u32, usize>| match matrix.layout() {
            Layout::SparseRows(rows) => Lines::Sparse(rows),
            _ => unreachable!("it was built by rows"),
        };
        match &self.rows_and_columns {
            Some([rows, columns]) => (stored(rows), stored(columns)),
            None => (
                problem.x.rows().expect("its entries are in place"),
                problem.x.columns().expect("its entries are in place"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Held, Init, Loss, Nmf, Solver, Start};
    use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, array};
    use matfact_core::{Factorization, Factorizer};

    fn kullback_leibler(rank: usize) -> Nmf {
        Nmf::new(rank)
            .loss(Loss::KullbackLeibler)
            .solver(Solver::ScalarNewton)
    }

    /// D(X‖Y) by definition.
    fn divergence(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
        let terms = x.iter().zip(y).map(|(x, y)| {
            if *x > 0.0 {
                x * (x / y).ln() - x + y
            } else {
                *y
            }
        });
        terms.sum()
    }

    /// Counts with zeros, around a matrix of rank 3.
    fn counts(m: usize, n: usize) -> Array2<f64> {
        let w = Array2::from_shape_fn((m, 3), |(i, t)| ((i * 7 + t * 5) % 6) as f64 / 3.0);
        let h = Array2::from_shape_fn((3, n), |(t, j)| ((j * 5 + t * 3) % 7) as f64 / 2.0);
        let mut x = w.dot(&h);
        for ((i, j), value) in x.indexed_iter_mut() {
            *value = (*value + ((i * 13 + j * 29) % 5) as f64 / 2.0 - 1.0)
                .floor()
                .max(0.0);
        }
        x
    }

    /// A matrix known by its products and its entries alone.
    struct Opaque(Array2<f64>);

    impl LinearOperator for Opaque {
        type Scalar = f64;
        fn shape(&self) -> (usize, usize) {
            self.0.dim()
        }
        fn multiply(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
            out.assign(&self.0.dot(&right));
        }
        fn multiply_transposed(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
            out.assign(&self.0.t().dot(&right));
        }
    }

    impl Matrix for Opaque {
        fn visit(&self, visit: &mut dyn FnMut(usize, usize, f64)) {
            for ((i, j), value) in self.0.indexed_iter() {
                visit(i, j, *value);
            }
        }
    }

    #[test]
    fn the_history_is_the_divergence_and_every_form_of_a_matrix_has_it() {
        let x = counts(40, 30);
        let entries = x.indexed_iter().filter(|(_, v)| **v > 0.0);
        let entries = entries.map(|((i, j), v)| (i, j, *v));
        let sparse = csr_from_triplets(x.dim(), entries, Duplicates::Error).unwrap();
        let transposed = sparse.to_csc();
        let opaque = Opaque(x.clone());
        let forms: [&dyn Matrix<Scalar = f64>; 4] = [&x, &sparse, &transposed, &opaque];
        for form in forms {
            let nmf = kullback_leibler(3).init(Init::Random).max_iter(20).tol(0.0);
            let fit = nmf.fit(form).unwrap();
            let expected = divergence(&x, &fit.model.reconstruct());
            let last = *fit.report.history.last().unwrap();
            assert!(
                (last / expected - 1.0).abs() < 1e-6,
                "{last} for {expected}"
            );
            assert!(fit.report.history.windows(2).all(|pair| pair[1] <= pair[0]));
        }
    }

    /// At the end, x/y has the mean 1 along every component in use: Σ_j h_j (1 − x_j/y_j) = 0 where w > 0,
    /// and >= 0 elsewhere.
    #[test]
    fn it_ends_where_the_slopes_vanish() {
        let x = counts(25, 20);
        let nmf = kullback_leibler(3)
            .init(Init::Random)
            .max_iter(3000)
            .tol(1e-14);
        let model = nmf.fit(&x).unwrap().model;
        let ratio = 1.0 - &x / &(model.reconstruct() + f64::EPSILON);
        let slopes = [ratio.dot(&model.h().t()), model.w().t().dot(&ratio)];
        for (slopes, factor) in slopes.iter().zip([model.w(), model.h()]) {
            for (slope, value) in slopes.iter().zip(factor) {
                let size = x.sum() / 20.0;
                assert!(*slope > -1e-3 * size, "{slope} at {value}");
                assert!(slope * value < 1e-3 * size, "{slope} at {value}");
            }
        }
    }

    /// scikit-learn's updates from the same start, by their definition, as the rival.
    #[test]
    fn one_iteration_goes_further_than_a_multiplicative_one() {
        let x = array![
            [1.0, 1.0],
            [2.0, 1.0],
            [3.0, 1.2],
            [4.0, 1.0],
            [5.0, 0.8],
            [6.0, 1.0]
        ];
        let w0 = array![
            [0.5, 0.4],
            [0.6, 0.3],
            [0.7, 0.2],
            [0.8, 0.1],
            [0.9, 0.3],
            [1.0, 0.2]
        ];
        let h0 = array![[1.0, 0.5], [0.2, 0.9]];
        assert!((divergence(&x, &w0.dot(&h0)) - 16.687_073_655_696_267).abs() < 1e-12);
        // The golden H of one multiplicative iteration, with the W that gives it.
        let ratio = &x / &w0.dot(&h0);
        let sums = h0.sum_axis(matfact_core::ndarray::Axis(1));
        let w1 = &w0 * &(ratio.dot(&h0.t()) / &sums);
        let h1 = array![
            [1.284_459_862_9, 0.266_948_292_9],
            [0.244_167_914_9, 0.589_005_883_9]
        ];
        let rival = divergence(&x, &w1.dot(&h1));
        let nmf = kullback_leibler(2).max_iter(1).tol(0.0);
        let start = Start::new(w0, h0);
        let fit = nmf.fit_from(&x, start, &mut Run::new()).unwrap();
        assert!(
            fit.report.history[0] < rival,
            "{} against {rival}",
            fit.report.history[0]
        );
    }

    #[test]
    fn held_parts_stay_and_bounds_and_penalties_are_kept() {
        let x = counts(12, 10);
        let (w, h) = (
            Array2::from_elem((12, 3), 0.5),
            Array2::from_elem((3, 10), 0.7),
        );
        let fit = |held: Held| {
            let nmf = kullback_leibler(3).held(held).max_iter(30);
            let start = Start::new(w.clone(), h.clone());
            nmf.fit_from(&x, start, &mut Run::new()).unwrap().model
        };
        assert_eq!(fit(Held::W).w(), w);
        assert_ne!(fit(Held::W).h(), h);
        assert_eq!(fit(Held::H).h(), h);
        let some = fit(Held::Components(vec![1]));
        assert_eq!(some.h().row(1), h.row(1));
        assert_ne!(some.h().row(0), h.row(0));
        let bounded = kullback_leibler(3)
            .max_w(0.4)
            .max_h(1.1)
            .fit(&x)
            .unwrap()
            .model;
        assert!(bounded.w().iter().all(|v| *v <= 0.4) && bounded.h().iter().all(|v| *v <= 1.1));
        let penalized = kullback_leibler(3).alpha_w(0.05).l1_ratio(0.5).max_iter(40);
        let report = penalized.fit(&x).unwrap().report;
        assert!(report.history.windows(2).all(|pair| pair[1] <= pair[0]));
        let plain = kullback_leibler(3).max_iter(40).fit(&x).unwrap().report;
        assert!(report.history.last() > plain.history.last());
    }

    #[test]
    fn hard_matrices_give_finite_models() {
        let mut hole = counts(6, 5);
        hole.row_mut(2).fill(0.0);
        hole.column_mut(3).fill(0.0);
        let cases = [
            Array2::zeros((4, 3)),
            array![[3.0]],
            array![[1.0, 0.0, 2.0]],
            hole.clone(),
            hole.mapv(|v| v * 1e-30),
            hole.mapv(|v| v * 1e30),
        ];
        for x in cases {
            let narrow = x.mapv(|v| v as f32);
            for rank in [1, 4] {
                let fit = kullback_leibler(rank).max_iter(60).fit(&x).unwrap();
                assert!(
                    fit.report
                        .history
                        .iter()
                        .all(|objective| objective.is_finite())
                );
                assert!(fit.report.history.windows(2).all(|pair| pair[1] <= pair[0]));
                let model = kullback_leibler(rank)
                    .max_iter(60)
                    .fit(&narrow)
                    .unwrap()
                    .model;
                assert!(model.reconstruct().iter().all(|v| v.is_finite()));
            }
        }
    }
}
