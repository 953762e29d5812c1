//! Non-negative least squares for many rows: the exact minimum of ½ wᵀGw − (b − l₁)ᵀw over w >= 0, by
//! block principal pivoting (Kim and Park 2011).
//!
//! At the minimum the components fall into a passive set F, where the gradient is zero, and the rest,
//! where w is zero:
//!
//! ```text
//! G_FF w_F = b_F − l₁,  w_F >= 0;     y = G w − b + l₁,  y outside F >= 0
//! ```
//!
//! For a guess of F, the first system (by Cholesky, in `f64`) gives w and y; every component with a
//! negative w or y changes sides, and so on until there is none. Where the number of such components
//! has not fallen for three exchanges, only the one with the largest index changes sides (the backup
//! rule, under which no set comes twice). Rows start from the support of the factor at hand, which near
//! the end of a factorization is right at once, and rows with one passive set share one Cholesky
//! factor.
//!
//! **Dependent components.** G is brought to a unit diagonal. A component whose pivot is then below
//! 32 eps of the element type is, up to rounding, a combination of those before it, and leaves the
//! passive set: without a penalty the minimum is reached without it. Rows that are not done after
//! 20 + 2k exchanges (an L1 penalty that prefers the dependent component, or rounding, undo the backup
//! rule's proof) are solved by the classical active-set method (Lawson and Hanson 1974), which
//! changes one component at a time and always falls. No row ever ends with a larger objective than it
//! started with.

mod active_set;
mod cholesky;
#[cfg(test)]
mod tests;

use crate::Simd;
use crate::simd::Kernel;
use cholesky::{add_multiple, factorize, substitute};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Rows of a task, which share factors of equal passive sets.
const TASK_ROWS: usize = 256;
/// Full exchanges without progress before the backup rule.
const PATIENCE: usize = 3;
/// Relative size of a negative w or y that is rounding, in `f64`.
const ROUNDING: f64 = 1e-13;

/// How [`solve_non_negative_rows`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pivoting {
    /// Rounds of exchanges, of the task with the most.
    pub rounds: usize,
    /// Cholesky factors made.
    pub factorizations: usize,
    /// Rows that were finished by the active-set method.
    pub fallbacks: usize,
}

/// Replaces every row w of `factor` (rows x k) by the minimum of ½ wᵀGw − (b − l₁)ᵀw over w >= 0, where
/// b is the row of `linear` (rows x k) and G = `gram` (k x k, symmetric and positive semi-definite, with
/// any L2 penalty on its diagonal). The support of the row given is where the search starts; zeros are
/// a start like any other.
///
/// A component whose G_tt is zero, or below eps² times the largest, stays as it is, or becomes zero where
/// the penalty wants it. Runs on the current pool, with the same bits for any number of threads; rows do
/// not influence each other.
///
/// ```
/// use matfact_core::ndarray::{Array2, array};
/// use matfact_linalg::{Simd, solve_non_negative_rows};
/// let gram = array![[2.0, 1.0], [1.0, 2.0]];
/// let mut w = Array2::zeros((2, 2));
/// let linear = array![[3.0, 3.0], [2.0, -1.0]];
/// solve_non_negative_rows(&mut w, linear.view(), gram.view(), 0.0, Simd::detect());
/// assert!((w - array![[1.0, 1.0], [1.0, 0.0]]).iter().all(|d: &f64| d.abs() < 1e-12));
/// ```
///
/// # Panics
/// If the shapes do not fit, or the factor or the linear term is not in row-major order.
pub fn solve_non_negative_rows<T: Scalar>(
    factor: &mut Array2<T>,
    linear: ArrayView2<'_, T>,
    gram: ArrayView2<'_, T>,
    l1: f64,
    simd: Simd,
) -> Pivoting {
    let k = factor.ncols();
    assert_eq!(linear.dim(), factor.dim(), "shape of the linear term");
    assert_eq!(gram.dim(), (k, k), "shape of the Gram matrix");
    if k == 0 || factor.nrows() == 0 {
        return Pivoting::default();
    }
    let quadratic = Quadratic::new(gram, l1);
    let linear = linear
        .as_slice()
        .expect("the linear term is in row-major order");
    let factor = factor
        .as_slice_mut()
        .expect("the factor is in row-major order");
    let tasks: Vec<Pivoting> = factor
        .par_chunks_mut(TASK_ROWS * k)
        .zip(linear.par_chunks(TASK_ROWS * k))
        .map(|(factor, linear)| {
            let mut task = Task::new(&quadratic, factor, linear);
            let pivoting = task.pivot(simd);
            task.store(factor);
            pivoting
        })
        .collect();
    tasks
        .into_iter()
        .fold(Pivoting::default(), |total, part| Pivoting {
            rounds: total.rounds.max(part.rounds),
            factorizations: total.factorizations + part.factorizations,
            fallbacks: total.fallbacks + part.fallbacks,
        })
}

/// The quadratic that the rows share, in variables for which its diagonal is one: w = unit ∘ x.
struct Quadratic {
    k: usize,
    gram: Vec<f64>,
    /// 1/√G_tt, or 0 for a component that stays as it is.
    unit: Vec<f64>,
    l1: f64,
    /// A pivot at most this large is rounding.
    negligible: f64,
}

impl Quadratic {
    fn new<T: Scalar>(gram: ArrayView2<'_, T>, l1: f64) -> Self {
        let k = gram.nrows();
        let diagonal: Vec<f64> = gram.diag().iter().map(|g| g.as_f64()).collect();
        let largest = diagonal.iter().fold(0.0_f64, |most, g| most.max(*g));
        let epsilon = T::epsilon().as_f64();
        let unit: Vec<f64> = diagonal
            .iter()
            .map(|g| 1.0 / g.sqrt())
            .zip(&diagonal)
            .map(|(unit, g)| {
                if *g > largest * epsilon * epsilon && unit.is_finite() {
                    unit
                } else {
                    0.0
                }
            })
            .collect();
        let gram = gram
            .indexed_iter()
            .map(|((i, j), g)| g.as_f64() * unit[i] * unit[j])
            .collect();
        Self {
            k,
            gram,
            unit,
            l1,
            negligible: 32.0 * epsilon,
        }
    }
}

/// How a row's exchanges have gone.
#[derive(Debug, Clone, Copy)]
struct Exchanges {
    /// The fewest components on the wrong side so far.
    fewest: usize,
    /// Full exchanges left before the backup rule.
    patience: usize,
}

/// Some rows on their way to the minimum.
struct Task<'a> {
    quadratic: &'a Quadratic,
    /// (b − l₁) ∘ unit.
    linear: Vec<f64>,
    /// The rows in hand.
    solution: Vec<f64>,
    /// The gradient at `solution`.
    gradient: Vec<f64>,
    /// The passive set of each row, a bit for each component.
    passive: Vec<u64>,
    /// Words of a passive set.
    words: usize,
    /// Rows that are not done.
    pending: Vec<usize>,
}

impl<'a> Task<'a> {
    fn new<T: Scalar>(quadratic: &'a Quadratic, factor: &[T], linear: &[T]) -> Self {
        let k = quadratic.k;
        let (rows, words) = (factor.len() / k, k.div_ceil(64));
        let mut passive = vec![0_u64; rows * words];
        for (index, value) in factor.iter().enumerate() {
            let (row, t) = (index / k, index % k);
            if *value > T::zero() && quadratic.unit[t] > 0.0 {
                passive[row * words + t / 64] |= 1 << (t % 64);
            }
        }
        Self {
            quadratic,
            linear: linear
                .iter()
                .enumerate()
                .map(|(index, b)| (b.as_f64() - quadratic.l1) * quadratic.unit[index % k])
                .collect(),
            solution: vec![0.0; factor.len()],
            gradient: vec![0.0; factor.len()],
            passive,
            words,
            pending: (0..rows).collect(),
        }
    }

    /// Exchanges until all rows are done, or the cap.
    fn pivot(&mut self, simd: Simd) -> Pivoting {
        let k = self.quadratic.k;
        let mut exchanges = vec![
            Exchanges {
                fewest: k + 1,
                patience: PATIENCE,
            };
            self.pending.len()
        ];
        let mut pivoting = Pivoting::default();
        let mut workspace = Workspace::new(k);
        for _ in 0..20 + 2 * k {
            if self.pending.is_empty() {
                break;
            }
            pivoting.rounds += 1;
            let mut pending = std::mem::take(&mut self.pending);
            let words = self.words;
            let set = |row: &usize| &self.passive[row * words..(row + 1) * words];
            pending.sort_unstable_by(|a, b| set(a).cmp(set(b)).then(a.cmp(b)));
            for rows in pending.chunk_by(|a, b| set(a) == set(b)) {
                pivoting.factorizations += 1;
                let set = set(&rows[0]);
                workspace.indices.clear();
                workspace
                    .indices
                    .extend((0..k).filter(|t| set[t / 64] >> (t % 64) & 1 == 1));
                simd.run(Solve {
                    quadratic: self.quadratic,
                    workspace: &mut workspace,
                    rows,
                    linear: &self.linear,
                    solution: &mut self.solution,
                    gradient: &mut self.gradient,
                });
            }
            pending.retain(|row| self.exchange(*row, &mut exchanges[*row]));
            self.pending = pending;
        }
        pivoting.fallbacks = self.pending.len();
        for row in std::mem::take(&mut self.pending) {
            let place = row * k..(row + 1) * k;
            active_set::solve(
                self.quadratic,
                &self.linear[place.clone()],
                &mut self.solution[place.clone()],
                &mut self.gradient[place],
            );
        }
        pivoting
    }

    /// Lets the components on the wrong side change it, and says whether there were any.
    fn exchange(&mut self, row: usize, exchanges: &mut Exchanges) -> bool {
        let k = self.quadratic.k;
        let (x, y) = (&mut self.solution[row * k..], &self.gradient[row * k..]);
        let b = &self.linear[row * k..(row + 1) * k];
        let passive = &mut self.passive[row * self.words..(row + 1) * self.words];
        let (mut largest, mut total) = (0.0_f64, 0.0);
        let mut slope = 0.0_f64;
        for t in 0..k {
            largest = largest.max(x[t].abs());
            total += x[t].abs();
            slope = slope.max(b[t].abs());
        }
        let (low_x, low_y) = (-ROUNDING * largest, -ROUNDING * (slope + total));
        // A dependent component is passive at zero, where its gradient decides.
        let wrong = |t: usize, passive: &[u64]| {
            if passive[t / 64] >> (t % 64) & 1 == 1 && x[t] != 0.0 {
                x[t] < low_x
            } else {
                y[t] < low_y && self.quadratic.unit[t] > 0.0
            }
        };
        let count = (0..k).filter(|t| wrong(*t, passive)).count();
        if count == 0 {
            for x in &mut x[..k] {
                *x = x.max(0.0);
            }
            return false;
        }
        let mut all = true;
        if count < exchanges.fewest {
            exchanges.fewest = count;
            exchanges.patience = PATIENCE;
        } else if exchanges.patience > 0 {
            exchanges.patience -= 1;
        } else {
            all = false;
        }
        for t in (0..k).rev() {
            if wrong(t, passive) {
                passive[t / 64] ^= 1 << (t % 64);
                if !all {
                    break;
                }
            }
        }
        true
    }

    /// Writes the rows into `factor`, except where they were better before, by rounding.
    fn store<T: Scalar>(&self, factor: &mut [T]) {
        let (k, unit) = (self.quadratic.k, &self.quadratic.unit);
        let mut step = vec![0.0; k];
        for (row, factor) in factor.chunks_mut(k).enumerate() {
            let (x, y) = (&self.solution[row * k..], &self.gradient[row * k..]);
            // f(before) - f(x) = yᵀs + ½ sᵀGs for the step s from x.
            for t in 0..k {
                step[t] = if unit[t] > 0.0 {
                    factor[t].as_f64() / unit[t] - x[t]
                } else {
                    0.0
                };
            }
            let fall: f64 = (0..k)
                .map(|t| {
                    let line = &self.quadratic.gram[t * k..(t + 1) * k];
                    let product: f64 = line.iter().zip(&step).map(|(g, s)| g * s).sum();
                    step[t] * (y[t] + 0.5 * product)
                })
                .sum();
            let finite = (0..k).all(|t| T::from_f64(x[t] * unit[t]).is_finite());
            for t in 0..k {
                if unit[t] > 0.0 {
                    if fall >= 0.0 && finite {
                        factor[t] = T::from_f64(x[t] * unit[t]);
                    }
                } else if self.quadratic.l1 > 0.0 {
                    factor[t] = T::zero();
                }
            }
        }
    }
}

/// Memory of one passive set.
struct Workspace {
    /// The passive components, in order.
    indices: Vec<usize>,
    /// The upper triangle U of G_FF = UᵀU, by rows.
    upper: Vec<f64>,
    /// Whether a component is independent of those before it.
    independent: Vec<bool>,
    right: Vec<f64>,
}

impl Workspace {
    fn new(k: usize) -> Self {
        Self {
            indices: Vec::with_capacity(k),
            upper: vec![0.0; k * k],
            independent: vec![true; k],
            right: vec![0.0; k],
        }
    }
}

/// The rows of one passive set: its Cholesky factor, their solutions and gradients.
struct Solve<'a> {
    quadratic: &'a Quadratic,
    workspace: &'a mut Workspace,
    rows: &'a [usize],
    linear: &'a [f64],
    solution: &'a mut [f64],
    gradient: &'a mut [f64],
}

impl Kernel for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Quadratic { k, gram, .. } = self.quadratic;
        let k = *k;
        let Workspace {
            indices,
            upper,
            independent,
            right,
        } = self.workspace;
        let size = indices.len();
        let upper = &mut upper[..size * size];
        for (i, from) in indices.iter().enumerate() {
            let line = &gram[from * k..(from + 1) * k];
            for j in i..size {
                upper[i * size + j] = line[indices[j]];
            }
        }
        factorize::<FMA>(upper, independent, size, self.quadratic.negligible);
        for row in self.rows {
            let place = row * k..(row + 1) * k;
            let b = &self.linear[place.clone()];
            let right = &mut right[..size];
            for (i, from) in indices.iter().enumerate() {
                right[i] = b[*from];
            }
            substitute::<FMA>(upper, independent, right);
            let (x, y) = (&mut self.solution[place.clone()], &mut self.gradient[place]);
            x.fill(0.0);
            for (y, b) in y.iter_mut().zip(b) {
                *y = -b;
            }
            for (i, from) in indices.iter().enumerate() {
                x[*from] = right[i];
                add_multiple::<FMA>(y, right[i], &gram[from * k..(from + 1) * k]);
            }
        }
    }
}
