//! NMF of a matrix with some positions held out, by filling them in (expectation and maximization).
//!
//! With M the positions held out, the training objective is ½Σ_{(i,j) ∉ M} (x_ij − w_i·h_j)² and the
//! penalties. X̃, which is X with the present W H at the positions of M, majorizes it:
//!
//! ```text
//! ½Σ_{∉M} (x − w·h)² <= ½‖X̃ − W H‖²,  equal at the present W H
//! ```
//!
//! so that HALS on X̃ never raises it. X̃ = X + S with S sparse, s_ij = w_i·h_j − x_ij at M alone: the
//! products are X H + S H and Xᵀ W + Sᵀ W, and memory is the factors and the positions.

use crate::course::Course;
use crate::fit::Problem;
use crate::frobenius::{half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::parameters::Side;
use matfact_core::ndarray::Array2;
use matfact_core::{Indices, Matrix, Result, Run, Scalar, SparseRows};
use matfact_linalg::{
    RowUpdate, Simd, multiply_sparse, multiply_sparse_transposed, random_stream, sampled_products,
    update_non_negative_rows, wide_gram,
};
use rand::RngExt;
use rand::seq::index;

/// First iterations with a single pass over the components, as in HALS.
const SINGLE_PASSES: usize = 8;

/// Positions held out, by rows, and the entries of X' there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeldOut<T> {
    shape: (usize, usize),
    pointers: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<T>,
}

impl<T: Scalar> HeldOut<T> {
    /// Each row holds out `share` of its n positions, rounded up or down at random.
    pub(super) fn draw<X: Matrix<Scalar = T> + ?Sized>(
        x: &X,
        scale: f64,
        share: f64,
        seed: u64,
        repeat: u64,
    ) -> Self {
        let shape = x.shape();
        // Streams 0 to 3 of a seed belong to the fit.
        let mut random = random_stream(seed, 1000 + repeat);
        let (mut pointers, mut columns) = (vec![0], Vec::new());
        for _ in 0..shape.0 {
            let expected = share * shape.1 as f64;
            let more = random.random::<f64>() < expected.fract();
            let count = (expected as usize + usize::from(more)).min(shape.1);
            let mut drawn: Vec<u32> = index::sample(&mut random, shape.1, count)
                .into_iter()
                .map(|column| column as u32)
                .collect();
            drawn.sort_unstable();
            columns.extend(drawn);
            pointers.push(columns.len());
        }
        let mut values = vec![T::zero(); columns.len()];
        x.visit(&mut |row, column, value| {
            let (start, end) = (pointers[row], pointers[row + 1]);
            if let Ok(place) = columns[start..end].binary_search(&(column as u32)) {
                values[start + place] = T::from_f64(value.as_f64() / scale);
            }
        });
        Self {
            shape,
            pointers,
            columns,
            values,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// S at these factors, and ‖S‖².
    fn difference(&self, factors: &Factors<T>) -> (Vec<T>, f64) {
        let (w, h) = (factors.w.view(), factors.h.view());
        let mut difference = sampled_products(w, h, &self.pointers, &self.columns);
        let mut squares = 0.0;
        for (difference, value) in difference.iter_mut().zip(&self.values) {
            *difference -= *value;
            squares += difference.as_f64() * difference.as_f64();
        }
        (difference, squares)
    }

    fn rows<'a>(&'a self, values: &'a [T]) -> SparseRows<'a, T> {
        SparseRows {
            shape: self.shape,
            pointers: &self.pointers,
            columns: Indices::U32(&self.columns),
            values,
        }
    }
}

/// Σ (x' − w·h)² over the positions trained on and over those held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SquaredErrors {
    pub(super) training: f64,
    pub(super) held_out: f64,
}

/// Improves the factors on the positions that are not held out.
pub(super) fn train<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    held_out: &HeldOut<X::Scalar>,
    factors: &mut Factors<X::Scalar>,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<SquaredErrors> {
    let (x, constraints) = (&problem.x, problem.constraints);
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    let simd = Simd::detect();
    let (mut difference, mut squares) = held_out.difference(factors);
    let mut errors = SquaredErrors {
        training: squared_norm,
        held_out: squares,
    };
    for iteration in 0..course.max_iter {
        let sweeps = if iteration < SINGLE_PASSES {
            1
        } else {
            problem.nmf.sweeps
        };
        let mut xh = x.multiply(factors.h.view())?;
        let mut correction = Array2::default(xh.dim());
        let rows = held_out.rows(&difference);
        multiply_sparse(&rows, factors.h.view(), correction.view_mut(), simd);
        xh += &correction;
        let gram_h = wide_gram(factors.h.view());
        let first = sweep(&mut factors.w, &xh, &gram_h, constraints.w, sweeps);

        (difference, _) = held_out.difference(factors);
        let xw = x.multiply_transposed(factors.w.view())?;
        let mut filled = Array2::default(xw.dim());
        let rows = held_out.rows(&difference);
        multiply_sparse_transposed(&rows, factors.w.view(), filled.view_mut(), simd);
        filled += &xw;
        let gram_w = wide_gram(factors.w.view());
        let second = sweep(&mut factors.h, &filled, &gram_w, constraints.h, sweeps);

        (difference, squares) = held_out.difference(factors);
        let gram_h = wide_gram(factors.h.view());
        let all = half_squared_error(squared_norm, &xw, &factors.h, &gram_w, &gram_h);
        let training = (all - 0.5 * squares).max(0.0);
        errors = SquaredErrors {
            training: 2.0 * training,
            held_out: squares,
        };
        let penalty = constraints.w.penalty(&factors.w) + constraints.h.penalty(&factors.h);
        if course.ends(training, penalty, first + second == 0.0, run) {
            break;
        }
    }
    Ok(errors)
}

fn sweep<T: Scalar>(
    factor: &mut Array2<T>,
    linear: &Array2<T>,
    gram: &Array2<f64>,
    side: Side,
    sweeps: usize,
) -> f64 {
    let update = RowUpdate {
        l1: side.l1,
        max: side.max,
        components: None,
        sweeps,
    };
    let curvature = with_diagonal(gram, side.l2);
    update_non_negative_rows(
        factor,
        linear.view(),
        curvature.view(),
        update,
        Simd::detect(),
    )
    .sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use crate::Nmf;
    use matfact_linalg::random_normal;

    #[test]
    fn each_row_holds_out_its_share_with_the_entries_of_x() {
        let x = random_normal::<f64>((50, 40), 1, 0).mapv(|v| v.max(0.0));
        let held = HeldOut::draw(&x, 2.0, 0.11, 5, 0);
        for row in 0..50 {
            let (start, end) = (held.pointers[row], held.pointers[row + 1]);
            assert!((4..=5).contains(&(end - start)));
            for place in start..end {
                let entry = x[[row, held.columns[place] as usize]];
                assert_eq!(held.values[place], entry / 2.0);
            }
        }
        assert_ne!(held, HeldOut::draw(&x, 2.0, 0.11, 5, 1));
    }

    /// What stands at the positions held out has no influence, and the objective is that of the others.
    #[test]
    fn training_falls_and_does_not_see_what_is_held_out() {
        let x = random_normal::<f64>((30, 20), 1, 0).mapv(f64::abs);
        let nmf = Nmf::new(3).max_iter(40).tol(0.0);
        let held = HeldOut::draw(&x, 1.0, 0.2, 5, 0);
        let mut other = x.clone();
        for row in 0..30 {
            for place in held.pointers[row]..held.pointers[row + 1] {
                other[[row, held.columns[place] as usize]] += 2.0;
            }
        }
        let fit = |x: &Array2<f64>| {
            let problem = Problem::of(&nmf, x).unwrap();
            let held = HeldOut::draw(x, 1.0, 0.2, 5, 0);
            let mut course = Course::new(&problem);
            let mut factors = Factors {
                w: random_normal::<f64>((30, 3), 2, 0).mapv(f64::abs),
                h: random_normal::<f64>((20, 3), 3, 0).mapv(f64::abs),
            };
            let errors =
                train(&problem, &held, &mut factors, &mut Run::new(), &mut course).unwrap();
            (factors, course.history, errors)
        };
        let (factors, history, errors) = fit(&x);
        assert!(
            history
                .windows(2)
                .all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12))
        );
        let product = factors.w.dot(&factors.h.t());
        let expected = (&x - &product).mapv(|v| v * v);
        let held_sum = |squares: &Array2<f64>| -> f64 {
            (0..30)
                .flat_map(|row| (held.pointers[row]..held.pointers[row + 1]).map(move |p| (row, p)))
                .map(|(row, place)| squares[[row, held.columns[place] as usize]])
                .sum()
        };
        let outside = held_sum(&expected);
        assert!((errors.held_out - outside).abs() < 1e-9);
        assert!((errors.training - (expected.sum() - outside)).abs() < 1e-9);
        let (same, _, _) = fit(&other);
        let far = (&same.w - &factors.w).mapv(f64::abs).sum();
        assert!(far < 1e-9, "{far}");
    }
}
