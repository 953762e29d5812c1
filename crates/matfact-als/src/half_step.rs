//! One side's factors, with those of the other side held.

use crate::AlsSolver;
use matfact_core::ndarray::{ArrayView1, ArrayView2};
use matfact_core::{CheckpointState, ObservedEntries, ObservedRow, Result, Scalar};
use matfact_linalg::{RegressionEntries, Regressors, Ridge, RidgeRegression, Simd, Sweeps};
use rayon::prelude::*;
use std::ops::Range;

/// Ratings that one task solves for, about.
const RATINGS_OF_A_TASK: usize = 1 << 14;
/// The most rows of one task.
const MOST_ROWS: usize = 1 << 12;

/// The factors and biases of one side, or of a block of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors<T: Scalar> {
    pub(crate) factors: Regressors<T>,
    pub(crate) biases: Option<Vec<T>>,
}

impl<T: Scalar> Factors<T> {
    /// Factors (rows x k) and biases (rows), in the units of the fit: factors of √σ, biases of σ.
    ///
    /// # Panics
    /// If there is not one bias for each row.
    #[must_use]
    pub fn new(factors: ArrayView2<'_, T>, biases: Option<ArrayView1<'_, T>>) -> Self {
        let mut rows = Regressors::zeros(factors.nrows(), factors.ncols());
        for (row, values) in rows.rows_mut().zip(factors.rows()) {
            row.iter_mut().zip(values).for_each(|(slot, v)| *slot = *v);
        }
        let biases: Option<Vec<T>> = biases.map(|biases| biases.to_vec());
        if let Some(biases) = &biases {
            assert_eq!(biases.len(), factors.nrows(), "one bias for each row");
        }
        Self {
            factors: rows,
            biases,
        }
    }

    pub(crate) fn zeros(rows: usize, rank: usize, biased: bool) -> Self {
        Self {
            factors: Regressors::zeros(rows, rank),
            biases: biased.then(|| vec![T::zero(); rows]),
        }
    }

    /// Begins with the rows of `known`, its factors below 0 as 0 if `non_negative`.
    pub(crate) fn copy_from(&mut self, known: &Self, non_negative: bool) {
        for (row, values) in self.factors.rows_mut().take(known.len()).enumerate() {
            for (slot, value) in values.iter_mut().zip(known.row(row)) {
                let below = non_negative && *value < T::zero();
                *slot = if below { T::zero() } else { *value };
            }
        }
        if let (Some(own), Some(known)) = (&mut self.biases, &known.biases) {
            own[..known.len()].copy_from_slice(known);
        }
    }

    /// Puts the factors under `name` into a checkpoint, and the biases beside them.
    pub(crate) fn give(&self, state: &mut CheckpointState, name: &str) {
        let rows = (0..self.len()).flat_map(|row| self.row(row).iter().copied());
        state.insert_values(name, rows);
        if let Some(biases) = &self.biases {
            state.insert_values(&format!("{name}.biases"), biases.iter().copied());
        }
    }

    /// Takes what [`Factors::give`] has put, into factors of the same size.
    pub(crate) fn resume(&mut self, state: &mut CheckpointState, name: &str) -> Result<()> {
        state.take_into(name, self.factors.rows_mut().flatten())?;
        match &mut self.biases {
            Some(biases) => state.take_into(&format!("{name}.biases"), biases.iter_mut()),
            None => Ok(()),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.factors.rows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The factors of one row: k.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        self.factors.row(row)
    }

    /// The bias of one row; 0 without biases.
    #[must_use]
    pub fn bias(&self, row: usize) -> T {
        self.biases.as_ref().map_or(T::zero(), |biases| biases[row])
    }
}

/// A half-step: the factors of rows of ratings that minimize the objective, with those of the columns
/// held. Everything that it needs is here and in its arguments, so that blocks of rows can be solved
/// wherever they are; rows that are columns of the ratings (the transposed matrix) give the other half.
///
/// ```
/// use matfact_als::{Factors, HalfStep};
/// use matfact_core::{Duplicates, Ratings, ndarray::array};
/// let ratings = Ratings::from_triplets((1, 2), [(0, 0, 3.0), (0, 1, 1.0)], Duplicates::Error)?;
/// let step = HalfStep { mean: 2.0, regularization: 0.0, ..HalfStep::default() };
/// let columns = Factors::new(array![[1.0], [-1.0]].view(), None);
/// let rows = step.solve(&ratings, 0..1, &columns);
/// assert!((rows.row(0)[0] - 1.0_f64).abs() < 1e-12);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfStep {
    /// μ.
    pub mean: f64,
    /// σ.
    pub deviation: f64,
    /// λ.
    pub regularization: f64,
    /// ν.
    pub count_power: f64,
    /// λ_b, of models with biases.
    pub bias_regularization: f64,
    /// How each row is solved for; block coordinate descent, which ratings do not have, counts as Cholesky.
    pub solver: AlsSolver,
    /// Whether no factor is below 0, which takes [`AlsSolver::CoordinateDescent`].
    pub non_negative: bool,
}

/// μ = 0, σ = 1, the penalties of [`Als`](crate::Als), solved exactly.
impl Default for HalfStep {
    fn default() -> Self {
        crate::Als::new(1).half_step(0.0, 1.0)
    }
}

impl HalfStep {
    /// The factors of `rows` of `x`, of which the columns have `others`; biases where those have some.
    /// A solver that improves on a start begins with zeros.
    ///
    /// # Panics
    /// If `x` has no such rows, or a column that `others` does not have.
    pub fn solve<T, X>(&self, x: &X, rows: Range<usize>, others: &Factors<T>) -> Factors<T>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let rank = others.factors.rank();
        let mut solved = Factors::zeros(rows.len(), rank, others.biases.is_some());
        self.solve_into(x, rows, others, &mut solved, false);
        solved
    }

    /// As [`HalfStep::solve`] from the factors in `solved`; gives their part of the objective (errors and
    /// own penalties) if `measured`, else 0.
    pub(crate) fn solve_into<T, X>(
        &self,
        x: &X,
        rows: Range<usize>,
        others: &Factors<T>,
        solved: &mut Factors<T>,
        measured: bool,
    ) -> f64
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let rank = others.factors.rank();
        let mut factors: Vec<&mut [T]> = solved.factors.rows_mut().collect();
        let mut no_biases = Vec::new();
        let biases = solved.biases.as_mut().unwrap_or(&mut no_biases);
        let mut tasks = Vec::new();
        let (mut rest, mut rest_biases) = (&mut factors[..], &mut biases[..]);
        for task in tasks_of(x, rows) {
            let (mine, after) = rest.split_at_mut(task.len());
            let taken = task.len().min(rest_biases.len());
            let (my_biases, biases_after) = rest_biases.split_at_mut(taken);
            (rest, rest_biases) = (after, biases_after);
            tasks.push((task, mine, my_biases));
        }
        let simd = Simd::detect();
        let parts: Vec<f64> = tasks
            .into_par_iter()
            .map_init(
                || Worker {
                    regression: RidgeRegression::new(rank, simd),
                    targets: Vec::new(),
                },
                |worker, (rows, factors, biases)| {
                    let mut sum = 0.0;
                    for (position, row) in rows.enumerate() {
                        let out = &mut *factors[position];
                        let (bias, part) = self.solve_row(x, row, others, worker, out, measured);
                        if let Some(slot) = biases.get_mut(position) {
                            *slot = bias;
                        }
                        sum += part;
                    }
                    sum
                },
            )
            .collect();
        parts.iter().sum()
    }

    /// The bias, and the part of the objective.
    fn solve_row<T, X>(
        &self,
        x: &X,
        row: usize,
        others: &Factors<T>,
        worker: &mut Worker<T>,
        out: &mut [T],
        measured: bool,
    ) -> (T, f64)
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let entries = x.row(row);
        let weights = x.weights(row);
        let count = self.count(entries.values.len(), weights);
        if count == 0.0 {
            out.fill(T::zero());
            return (T::zero(), 0.0);
        }
        let Worker {
            regression,
            targets,
        } = worker;
        let entries = self.entries((entries, next_columns(x, row)), weights, others, targets);
        let ridge = self.ridge(count, others);
        let bias = match self.solver.with(self.non_negative) {
            AlsSolver::ConjugateGradients { steps } => {
                regression.conjugate_gradients(entries, ridge, steps, out)
            }
            AlsSolver::CoordinateDescent { sweeps } => {
                let sweeps = Sweeps {
                    most: sweeps,
                    non_negative: self.non_negative,
                };
                regression.coordinate_descent(entries, ridge, sweeps, out)
            }
            AlsSolver::Auto | AlsSolver::Cholesky | AlsSolver::BlockCoordinateDescent { .. } => {
                regression.solve(entries, ridge, out)
            }
        };
        if !measured {
            return (bias, 0.0);
        }
        let errors = regression.squared_errors(entries, out, bias);
        (bias, errors + self.penalty(count, out, bias.as_f64()))
    }

    /// n: the sum of the weights.
    fn count<T: Scalar>(&self, entries: usize, weights: Option<&[T]>) -> f64 {
        match weights {
            None => entries as f64,
            Some(weights) => weights.iter().map(|w| w.as_f64()).sum(),
        }
    }

    /// (x − μ) / σ, in halves, whose difference does not leave the range.
    pub(crate) fn standard<T: Scalar>(&self, value: f64) -> T {
        T::from_f64(2.0 * ((0.5 * value - 0.5 * self.mean) / self.deviation))
    }

    /// The regression of one row on the others' factors, and the columns of the row after it; `targets` is written.
    fn entries<'a, T: Scalar>(
        &self,
        (observed, next): (ObservedRow<'a, T>, &'a [u32]),
        weights: Option<&'a [T]>,
        others: &'a Factors<T>,
        targets: &'a mut Vec<T>,
    ) -> RegressionEntries<'a, T> {
        targets.clear();
        let pairs = observed.columns.iter().zip(observed.values);
        targets.extend(pairs.map(|(column, value)| {
            self.standard::<T>(value.as_f64()) - others.bias(*column as usize)
        }));
        RegressionEntries {
            regressors: &others.factors,
            rows: observed.columns,
            targets,
            weights,
            next,
        }
    }

    /// The penalties of a row of weight `count`.
    fn ridge<T: Scalar>(&self, count: f64, others: &Factors<T>) -> Ridge {
        Ridge {
            factors: self.regularization * count.powf(self.count_power),
            constant: others.biases.as_ref().map(|_| self.bias_regularization),
        }
    }

    /// What the objective has of these rows (errors, and the penalties of their own factors and biases), the
    /// squared norm of its gradient by them, and what that is where they are all 0.
    pub(crate) fn measure<T, X>(&self, x: &X, rows: &Factors<T>, others: &Factors<T>) -> Measures
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let simd = Simd::detect();
        let worker = || Worker {
            regression: RidgeRegression::new(others.factors.rank(), simd),
            targets: Vec::new(),
        };
        let of_task = |worker: &mut Worker<T>, task: Range<usize>| {
            let mut sum = Measures::default();
            for row in task {
                let (entries, weights) = (x.row(row), x.weights(row));
                let count = self.count(entries.values.len(), weights);
                if count == 0.0 {
                    continue;
                }
                let entries = (entries, next_columns(x, row));
                let entries = self.entries(entries, weights, others, &mut worker.targets);
                let ridge = self.ridge(count, others);
                let (own, bias) = (rows.row(row), rows.bias(row));
                let regression = &mut worker.regression;
                let errors = regression.squared_errors(entries, own, bias);
                let at = (own, bias);
                let (gradient, of_zero) =
                    regression.gradient_squares(entries, ridge, at, self.non_negative);
                sum.objective += errors + self.penalty(count, own, bias.as_f64());
                sum.gradient += gradient;
                sum.gradient_of_zero += of_zero;
            }
            sum
        };
        let tasks = tasks_of(x, 0..x.shape().0);
        let parts: Vec<Measures> = tasks.into_par_iter().map_init(worker, of_task).collect();
        parts.into_iter().fold(Measures::default(), Measures::plus)
    }

    /// What the penalties of a row of weight `count` come to.
    pub(crate) fn penalty<T: Scalar>(&self, count: f64, factors: &[T], bias: f64) -> f64 {
        let squares: f64 = factors.iter().map(|v| v.as_f64() * v.as_f64()).sum();
        let scaled = if count > 0.0 {
            count.powf(self.count_power)
        } else {
            0.0
        };
        self.regularization * scaled * squares + self.bias_regularization * bias * bias
    }

    /// The penalties of all rows of `x`.
    pub(crate) fn penalties<T, X>(&self, x: &X, rows: &Factors<T>) -> f64
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        (0..rows.len())
            .map(|row| {
                let count = self.count(x.row(row).values.len(), x.weights(row));
                self.penalty(count, rows.row(row), rows.bias(row).as_f64())
            })
            .sum()
    }
}

/// Sums over the rows of one side.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measures {
    pub(crate) objective: f64,
    pub(crate) gradient: f64,
    pub(crate) gradient_of_zero: f64,
}

impl Measures {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            objective: self.objective + other.objective,
            gradient: self.gradient + other.gradient,
            gradient_of_zero: self.gradient_of_zero + other.gradient_of_zero,
        }
    }
}

/// Memory that is used for one row after the other.
struct Worker<T: Scalar> {
    regression: RidgeRegression<T>,
    targets: Vec<T>,
}

/// The columns of the row after this one, if there is one.
fn next_columns<X: ObservedEntries + ?Sized>(x: &X, row: usize) -> &[u32] {
    match row + 1 < x.shape().0 {
        true => x.row(row + 1).columns,
        false => &[],
    }
}

/// Rows cut into tasks of about equally many ratings, whatever the number of threads.
fn tasks_of<X: ObservedEntries + ?Sized>(x: &X, rows: Range<usize>) -> Vec<Range<usize>> {
    let mut tasks = Vec::new();
    let (mut start, mut ratings) = (rows.start, 0);
    for row in rows.clone() {
        ratings += x.row(row).values.len();
        if ratings >= RATINGS_OF_A_TASK || row + 1 - start >= MOST_ROWS {
            tasks.push(start..row + 1);
            (start, ratings) = (row + 1, 0);
        }
    }
    if start < rows.end {
        tasks.push(start..rows.end);
    }
    tasks
}
