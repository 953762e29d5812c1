//! One side's factors, with those of the other side held.

use matfact_core::ndarray::{ArrayView1, ArrayView2};
use matfact_core::{ObservedEntries, Scalar};
use matfact_linalg::{Regressors, Ridge, RidgeRegression, Simd};
use rayon::prelude::*;
use std::ops::Range;

/// Ratings that one task solves for, about.
const RATINGS_OF_A_TASK: usize = 1 << 14;
/// The most rows of one task.
const MOST_ROWS: usize = 1 << 12;

/// The factors and biases of one side, or of a block of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors<T> {
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
/// let step = HalfStep { mean: 2.0, deviation: 1.0, regularization: 0.0, count_power: 0.0, bias_regularization: 0.0 };
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
}

impl HalfStep {
    /// The factors of `rows` of `x`, of which the columns have `others`; biases where those have some.
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
        self.solve_into(x, rows, others, &mut solved);
        solved
    }

    pub(crate) fn solve_into<T, X>(
        &self,
        x: &X,
        rows: Range<usize>,
        others: &Factors<T>,
        solved: &mut Factors<T>,
    ) where
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
        tasks.into_par_iter().for_each_init(
            || (RidgeRegression::new(rank, simd), Vec::new()),
            |(regression, targets), (rows, factors, biases)| {
                for (position, row) in rows.enumerate() {
                    let bias =
                        self.solve_row(x, row, others, regression, targets, factors[position]);
                    if let Some(slot) = biases.get_mut(position) {
                        *slot = bias;
                    }
                }
            },
        );
    }

    fn solve_row<T, X>(
        &self,
        x: &X,
        row: usize,
        others: &Factors<T>,
        regression: &mut RidgeRegression<T>,
        targets: &mut Vec<T>,
        out: &mut [T],
    ) -> T
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let entries = x.row(row);
        let weights = x.weights(row);
        let count = self.count(entries.values.len(), weights);
        if count == 0.0 {
            out.fill(T::zero());
            return T::zero();
        }
        targets.clear();
        let pairs = entries.columns.iter().zip(entries.values);
        targets.extend(pairs.map(|(column, value)| {
            self.standard::<T>(value.as_f64()) - others.bias(*column as usize)
        }));
        let ridge = Ridge {
            factors: self.regularization * count.powf(self.count_power),
            constant: others.biases.as_ref().map(|_| self.bias_regularization),
        };
        regression.solve(
            &others.factors,
            entries.columns,
            targets,
            weights,
            ridge,
            out,
        )
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

    /// What the objective has of these rows: errors, and the penalties of their own factors and biases.
    pub(crate) fn objective<T, X>(&self, x: &X, rows: &Factors<T>, others: &Factors<T>) -> f64
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let of_row = |row: usize| -> f64 {
            let entries = x.row(row);
            let weights = x.weights(row);
            let own = rows.row(row);
            let bias = rows.bias(row).as_f64();
            let mut sum = 0.0;
            for (e, (column, value)) in entries.columns.iter().zip(entries.values).enumerate() {
                let other = others.row(*column as usize);
                let product: T = own.iter().zip(other).map(|(p, q)| *p * *q).sum();
                let target = self.standard::<T>(value.as_f64()).as_f64();
                let error =
                    target - bias - others.bias(*column as usize).as_f64() - product.as_f64();
                sum += error * error * weights.map_or(1.0, |weights| weights[e].as_f64());
            }
            sum + self.penalty(self.count(entries.values.len(), weights), own, bias)
        };
        let tasks: Vec<Range<usize>> = tasks_of(x, 0..x.shape().0);
        let sums: Vec<f64> = tasks
            .into_par_iter()
            .map(|rows| rows.map(of_row).sum())
            .collect();
        sums.iter().sum()
    }

    /// The penalties of a row of weight `count`.
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
