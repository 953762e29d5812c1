//! Successive projection (SPA): rows of X itself as parts.
//!
//! X is *separable* if each of its rows is a mixture Σ_t w_t x_{r_t}, w >= 0, Σ w_t <= 1, of k of its
//! rows: the pure pixels of a picture, the anchor documents of a collection. The pure rows are the
//! corners of a simplex that holds all others, and a corner is what has the largest norm. So (Araújo
//! et al. 2001), for r = 1, ..., k:
//!
//! ```text
//! r_t = argmax over i of ‖P x_i‖,      P ← P (I − q qᵀ),   q = P x_{r_t} / ‖P x_{r_t}‖
//! ```
//!
//! P projects on what is orthogonal to the rows found so far. The rows that it finds are near the true ones in the presence of noise (Gillis and Vavasis 2014). Nothing is
//! projected in fact: the squared norms are kept for all rows, and fall by (x_i·q)², so that each step
//! is a single product X q, dense or sparse, and memory is one number a row and k directions.
//!
//! **Scale.** The rows are first divided by their sums, as Gillis and Vavasis advise: mixtures of any
//! brightness or length then have Σ w_t = 1, and dark corners count like bright ones. On the Samson picture
//! the rows as they are give three pixels of which two have a cosine of 0.994; divided, the
//! largest is 0.89. The noise of faint rows is magnified too, so that rows whose sum is below a hundredth of
//! the mean one are passed over, and rows that tie up to rounding go by their norm in X, then by order.
//!
//! Then H consists of these rows, and W of the best mixtures of them (non-negative least squares). If X
//! has fewer than k independent rows, so that nothing is left but rounding, the rest of the k are the
//! rows of largest norm not taken yet; zero rows come last.

use crate::fit::Problem;
use crate::frobenius::with_diagonal;
use crate::initialization::Factors;
use matfact_core::ndarray::{Array1, Array2, Axis};
use matfact_core::{Error, Matrix, Result, Scalar, Summary};
use matfact_linalg::{Products, Simd, solve_non_negative_rows, wide_gram};

/// Rows whose sum is below this share of the mean one are passed over.
const FAINT: f64 = 0.01;
/// A squared norm that has fallen below this many eps of where it was is rounding.
const ROUNDING: f64 = 64.0;

/// The indices of `k` rows of `x` (m x n) that the others are best mixtures of, in the order in which
/// successive projection (SPA) finds them: if each row is a mixture of k rows of `x` with weights >= 0,
/// these are they (Araújo et al. 2001; near them under noise, Gillis and Vavasis 2014).
///
/// The scale of a row does not matter, except that rows whose sum is below a hundredth of the mean one are
/// passed over. With fewer than `k` independent rows, the rest are the largest rows not taken yet. All
/// indices differ.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_nmf::separable_rows;
/// // The middle rows are mixtures of the first and the last.
/// let x = array![[4.0, 0.0, 1.0], [2.0, 1.5, 1.0], [1.0, 2.25, 1.0], [0.0, 3.0, 1.0]];
/// assert_eq!(separable_rows(&x, 2)?, [0, 3]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidRank`] for k = 0 or k > m; [`Error::EmptyInput`], [`Error::NonFinite`],
/// [`Error::Negative`].
pub fn separable_rows<X: Matrix + ?Sized>(x: &X, k: usize) -> Result<Vec<usize>> {
    let summary = Summary::of(x);
    summary.require_non_negative("nmf")?;
    let shape = x.shape();
    if k == 0 || k > shape.0 {
        return Err(Error::InvalidRank {
            rank: k,
            limit: shape.0,
            shape,
        });
    }
    rows(&Products::new(x, Some(&summary)), k)
}

/// The factors that SPA gives for X'.
pub(crate) fn start<X: Matrix + ?Sized>(problem: &Problem<'_, X>) -> Result<Factors<X::Scalar>> {
    let (x, rank) = (&problem.x, problem.nmf.rank);
    let mut h = Array2::default((x.shape().1, rank));
    for (t, row) in rows(x, rank)?.into_iter().enumerate() {
        h.column_mut(t).assign(&x.row(row)?);
    }
    let linear = x.multiply(h.view())?;
    let mut w = Array2::default((x.shape().0, rank));
    let side = problem.constraints.w;
    let curvature = with_diagonal(&wide_gram(h.view()), side.l2);
    let simd = Simd::detect();
    solve_non_negative_rows(&mut w, linear.view(), curvature.view(), side.l1, simd);
    Ok(Factors { w, h })
}

fn rows<X: Matrix + ?Sized>(x: &Products<'_, X>, k: usize) -> Result<Vec<usize>> {
    let (sums, squares) = x.row_sums();
    let negligible = ROUNDING * epsilon::<X::Scalar>();
    let faint = FAINT * sums.iter().sum::<f64>() / sums.len() as f64;
    // What the rows are divided by; 0 for those passed over.
    let inverse: Vec<f64> = sums
        .iter()
        .map(|sum| 1.0 / sum)
        .zip(&sums)
        .map(|(inverse, sum)| {
            if *sum > 0.0 && *sum >= faint && inverse.is_finite() {
                inverse
            } else {
                0.0
            }
        })
        .collect();
    let whole: Vec<f64> = squares
        .iter()
        .zip(&inverse)
        .map(|(square, inverse)| square * inverse * inverse)
        .collect();
    let mut left = whole.clone();
    let mut directions: Vec<Array1<f64>> = Vec::with_capacity(k);
    let mut found: Vec<usize> = Vec::with_capacity(k);
    while found.len() < k {
        let alive = |row: usize| left[row] > negligible * whole[row];
        let Some(most) = largest(&left, alive) else {
            break;
        };
        let tie = left[most] * (1.0 - negligible);
        let best = largest(&squares, |row| alive(row) && left[row] >= tie).unwrap_or(most);
        let row = x.row(best)?.mapv(|v| v.as_f64() * inverse[best]);
        // What is left of a row has been kept by subtraction; the row itself tells exactly.
        let Some(direction) = remainder(row, &directions, whole[best] * negligible) else {
            left[best] = 0.0;
            continue;
        };
        let panel = direction.mapv(X::Scalar::from_f64).insert_axis(Axis(1));
        let product = x.multiply(panel.view())?;
        for ((left, along), inverse) in left.iter_mut().zip(product.column(0)).zip(&inverse) {
            let along = along.as_f64() * inverse;
            *left = (*left - along * along).max(0.0);
        }
        left[best] = 0.0;
        directions.push(direction);
        found.push(best);
    }
    let mut taken = vec![false; squares.len()];
    for row in &found {
        taken[*row] = true;
    }
    while found.len() < k {
        let next = largest(&squares, |row| !taken[row]).expect("k is at most the number of rows");
        taken[next] = true;
        found.push(next);
    }
    Ok(found)
}

fn epsilon<T: Scalar>() -> f64 {
    T::epsilon().as_f64()
}

/// The first index of the largest value among the `allowed` ones.
fn largest(values: &[f64], allowed: impl Fn(usize) -> bool) -> Option<usize> {
    (0..values.len())
        .filter(|index| allowed(*index))
        .reduce(|best, index| {
            if values[index] > values[best] {
                index
            } else {
                best
            }
        })
}

/// The unit vector along the part of `row` that is orthogonal to `directions`, unless its squared norm is
/// at most `negligible`.
fn remainder(
    mut row: Array1<f64>,
    directions: &[Array1<f64>],
    negligible: f64,
) -> Option<Array1<f64>> {
    // The second pass takes away what rounding left of the first.
    for _ in 0..2 {
        for direction in directions {
            let along = direction.dot(&row);
            row.scaled_add(-along, direction);
        }
    }
    let squared = row.dot(&row);
    (squared > negligible && squared > 0.0).then(|| row / squared.sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use crate::{Init, Nmf};
    use matfact_core::ndarray::array;
    use matfact_core::{Duplicates, Factorizer, csr_from_triplets};
    use matfact_linalg::random_normal;

    /// 60 mixtures of 5 pure rows, which stand at 7, 20, 33, 41 and 59.
    fn mixtures(noise: f64) -> (Array2<f64>, [usize; 5]) {
        let places = [7, 20, 33, 41, 59];
        let pure = random_normal::<f64>((5, 30), 1, 0).mapv(f64::abs);
        let mut weights = random_normal::<f64>((60, 5), 2, 0).mapv(|v| v * v);
        for mut row in weights.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        for (t, place) in places.iter().enumerate() {
            weights.row_mut(*place).fill(0.0);
            weights[[*place, t]] = 1.0;
        }
        let error = random_normal::<f64>((60, 30), 3, 0).mapv(|v| v.abs() * noise);
        (weights.dot(&pure) + error, places)
    }

    fn sorted(mut found: Vec<usize>) -> Vec<usize> {
        found.sort_unstable();
        found
    }

    #[test]
    fn the_pure_rows_are_found_through_noise_dense_and_sparse_in_both_precisions() {
        for noise in [0.0, 1e-3] {
            let (x, places) = mixtures(noise);
            let found = separable_rows(&x, 5).unwrap();
            assert_eq!(sorted(found.clone()), places);
            assert_eq!(separable_rows(&x.mapv(|v| v as f32), 5).unwrap(), found);
            assert_eq!(separable_rows(&(&x * 1e200), 5).unwrap(), found);
            let entries = x.indexed_iter().map(|((i, j), v)| (i, j, *v));
            let csr = csr_from_triplets(x.dim(), entries, Duplicates::Error).unwrap();
            assert_eq!(separable_rows(&csr, 5).unwrap(), found);
            assert_eq!(separable_rows(&csr.to_csc(), 5).unwrap(), found);
            let mut scaled = x;
            for (i, mut row) in scaled.rows_mut().into_iter().enumerate() {
                row *= 2.0_f64.powi((i % 5) as i32);
            }
            assert_eq!(separable_rows(&scaled, 5).unwrap(), found);
        }
    }

    #[test]
    fn a_separable_matrix_is_solved_by_the_start() {
        let (x, _) = mixtures(0.0);
        let nmf = Nmf::new(5).init(Init::Separable).max_iter(0);
        let report = nmf.fit(&x).unwrap().report;
        assert!(report.relative_error.unwrap() < 1e-12);
        let huge = nmf.fit(&(&x * 1e200)).unwrap().report;
        assert!(huge.relative_error.unwrap() < 1e-12);
    }

    #[test]
    fn with_too_few_independent_rows_the_largest_follow() {
        let mut x = array![
            [0.0, 0.0, 0.0, 0.0],
            [1.0, 2.0, 0.0, 0.0],
            [0.1, 0.2, 0.0, 0.0],
            [0.0, 0.0, 3.0, 1.0],
            [1.0, 2.0, 0.0, 0.0],
            [0.0, 0.0, 0.3, 0.1],
        ];
        assert_eq!(separable_rows(&x, 2).unwrap(), [3, 1]);
        assert_eq!(separable_rows(&x, 6).unwrap(), [3, 1, 4, 5, 2, 0]);
        for rank in 1..=4 {
            let nmf = Nmf::new(rank).init(Init::Separable);
            let fit = nmf.fit(&x).unwrap();
            assert!(
                fit.model
                    .w()
                    .iter()
                    .chain(fit.model.h())
                    .all(|v: &f64| v.is_finite())
            );
            if rank >= 2 {
                assert!(fit.report.relative_error.unwrap() < 1e-6);
            }
        }
        x.fill(0.0);
        assert_eq!(separable_rows(&x, 3).unwrap(), [0, 1, 2]);
        let fit = Nmf::new(3).init(Init::Separable).fit(&x).unwrap();
        assert_eq!(fit.report.objective, 0.0);
    }

    #[test]
    fn a_rank_outside_the_rows_is_refused() {
        let x = array![[1.0, 2.0]];
        for k in [0, 2] {
            let refused = separable_rows(&x, k);
            assert!(matches!(refused, Err(Error::InvalidRank { .. })));
        }
        let empty = Array2::<f64>::zeros((0, 3));
        assert!(matches!(
            separable_rows(&empty, 1),
            Err(Error::EmptyInput { .. })
        ));
    }
}
