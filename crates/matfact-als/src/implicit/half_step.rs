//! One side's factors, with those of the other side held, where every absent entry counts.

use super::confidence::Confidences;
use super::parameters::ImplicitAls;
use crate::AlsSolver;
use crate::half_step::{Factors, Measures};
use matfact_core::{ObservedEntries, Scalar};
use matfact_linalg::{RegressionEntries, RidgeRegression, SharedEntries, SharedGram, Simd, Sweeps};
use rayon::prelude::*;
use std::ops::Range;

/// Entries that one task solves for, about; a row's own equations count as some.
const ENTRIES_OF_A_TASK: usize = 1 << 13;

/// What a half-step needs to know beside the entries and the factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct ImplicitStep {
    regularization: f64,
    count_power: f64,
    /// Added to each row's count: w₀ times the number of columns, or 0.
    added_count: f64,
    /// w₀.
    unobserved: f64,
    /// What the confidence of a stored entry exceeds already by the sum over all: w₀, or 0.
    counted: f64,
    solver: AlsSolver,
}

impl ImplicitStep {
    /// For rows of so many entries, absent ones included.
    pub(super) fn of(als: &ImplicitAls, columns: usize) -> Self {
        Self {
            regularization: als.regularization,
            count_power: als.count_power,
            added_count: if als.count_absent {
                als.unobserved_weight * columns as f64
            } else {
                0.0
            },
            unobserved: als.unobserved_weight,
            counted: if als.unobserved_everywhere {
                0.0
            } else {
                als.unobserved_weight
            },
            solver: als.resolved_solver(),
        }
    }

    /// To the end, where there is no start to improve on.
    pub(super) fn exactly(self) -> Self {
        Self {
            solver: AlsSolver::Cholesky,
            ..self
        }
    }

    /// w₀ QᵀQ of the columns' factors.
    pub(super) fn gram<T: Scalar>(&self, others: &Factors<T>) -> SharedGram<T> {
        SharedGram::of(&others.factors, self.unobserved, Simd::detect())
    }

    /// λ n^ν of a row with so many positive entries.
    fn penalty(&self, positives: usize) -> f64 {
        let count = positives as f64 + self.added_count;
        self.regularization * count.powf(self.count_power)
    }

    /// Finds the factors of all rows from those in `solved`. If `measured`, gives what the stored entries have of
    /// the objective beyond the sum over all, and the rows' own penalties; else 0.
    pub(super) fn solve_into<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        (others, gram): (&Factors<T>, &SharedGram<T>),
        solved: &mut Factors<T>,
        measured: bool,
    ) -> f64 {
        let rank = others.factors.rank();
        let mut factors: Vec<&mut [T]> = solved.factors.rows_mut().collect();
        let mut rest = &mut factors[..];
        let mut tasks = Vec::new();
        for rows in tasks_of(confidences, rank) {
            let (mine, after) = rest.split_at_mut(rows.len());
            rest = after;
            tasks.push((rows, mine));
        }
        let parts: Vec<f64> = tasks
            .into_par_iter()
            .map_init(
                || Worker::new(rank),
                |worker, (rows, factors)| {
                    let mut sum = 0.0;
                    for (row, out) in rows.zip(factors) {
                        if confidences.positives(row) == 0 {
                            out.fill(T::zero());
                            continue;
                        }
                        let penalty = self.penalty(confidences.positives(row));
                        let of = (confidences, row, others, gram);
                        sum += self.solve_row(of, penalty, worker, out, measured);
                    }
                    sum
                },
            )
            .collect();
        parts.iter().sum()
    }

    fn solve_row<T: Scalar>(
        &self,
        of: RowOf<'_, T>,
        penalty: f64,
        worker: &mut Worker<T>,
        out: &mut [T],
        measured: bool,
    ) -> f64 {
        let Worker {
            regression,
            weights,
            targets,
        } = worker;
        let (entries, constant) = self.entries(of, weights, targets);
        match self.solver {
            AlsSolver::ConjugateGradients { steps } => {
                regression.conjugate_gradients_shared(entries, penalty, steps, out);
            }
            AlsSolver::CoordinateDescent { sweeps } => {
                let sweeps = Sweeps {
                    most: sweeps,
                    non_negative: false,
                };
                regression.coordinate_descent_shared(entries, penalty, sweeps, out);
            }
            AlsSolver::Auto | AlsSolver::Cholesky => {
                regression.solve_shared(entries, penalty, out);
            }
        }
        if !measured {
            return 0.0;
        }
        constant + regression.own_quadratic(entries, out) + penalty * squares(out)
    }

    /// The regression of one row, and Σ c p: what its errors come to at 0.
    fn entries<'a, T: Scalar>(
        &self,
        (confidences, row, others, gram): RowOf<'a, T>,
        weights: &'a mut Vec<T>,
        targets: &'a mut Vec<T>,
    ) -> (SharedEntries<'a, T>, f64) {
        let entries = confidences.entries.row(row);
        let counted = T::from_f64(self.counted);
        weights.clear();
        weights.extend(entries.values.iter().map(|c| c.abs() - counted));
        targets.clear();
        targets.extend(entries.values.iter().map(|c| c.max(T::zero())));
        let constant = targets.iter().map(|m| m.as_f64()).sum();
        let own = RegressionEntries {
            regressors: &others.factors,
            rows: entries.columns,
            targets,
            weights: Some(weights),
        };
        (SharedEntries { own, gram }, constant)
    }

    /// What these rows have of the objective beyond the sum over all, their penalties included, the squared norm
    /// of its gradient by them, and what that is where they are all 0.
    pub(super) fn measure<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        rows: &Factors<T>,
        (others, gram): (&Factors<T>, &SharedGram<T>),
    ) -> Measures {
        let rank = others.factors.rank();
        let parts: Vec<Measures> = tasks_of(confidences, rank)
            .into_par_iter()
            .map_init(
                || Worker::new(rank),
                |worker, task| {
                    let mut sum = Measures::default();
                    for row in task.filter(|row| confidences.positives(*row) > 0) {
                        let Worker {
                            regression,
                            weights,
                            targets,
                        } = worker;
                        let of = (confidences, row, others, gram);
                        let (entries, constant) = self.entries(of, weights, targets);
                        let penalty = self.penalty(confidences.positives(row));
                        let own = rows.row(row);
                        let (gradient, of_zero) =
                            regression.shared_gradient_squares(entries, penalty, own);
                        sum.objective += constant
                            + regression.own_quadratic(entries, own)
                            + penalty * squares(own);
                        sum.gradient += gradient;
                        sum.gradient_of_zero += of_zero;
                    }
                    sum
                },
            )
            .collect();
        parts.into_iter().fold(Measures::default(), Measures::plus)
    }

    /// The penalties of all rows.
    pub(super) fn penalties<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        rows: &Factors<T>,
    ) -> f64 {
        (0..rows.len())
            .filter(|row| confidences.positives(*row) > 0)
            .map(|row| self.penalty(confidences.positives(row)) * squares(rows.row(row)))
            .sum()
    }

    /// w₀ Σ (x·y)² over all pairs of the two sides.
    pub(super) fn shared<T: Scalar>(&self, a: &SharedGram<T>, b: &SharedGram<T>) -> f64 {
        self.unobserved * a.squared_products(b)
    }
}

/// A row of the confidences, the factors of the columns, and their Gram matrix.
type RowOf<'a, T> = (&'a Confidences<T>, usize, &'a Factors<T>, &'a SharedGram<T>);

fn squares<T: Scalar>(values: &[T]) -> f64 {
    values.iter().map(|v| v.as_f64() * v.as_f64()).sum()
}

/// Memory that is used for one row after the other.
struct Worker<T> {
    regression: RidgeRegression<T>,
    weights: Vec<T>,
    targets: Vec<T>,
}

impl<T: Scalar> Worker<T> {
    fn new(rank: usize) -> Self {
        Self {
            regression: RidgeRegression::new(rank, Simd::detect()),
            weights: Vec::new(),
            targets: Vec::new(),
        }
    }
}

/// Rows cut into tasks of about equal work, whatever the number of threads.
fn tasks_of<T: Scalar>(confidences: &Confidences<T>, rank: usize) -> Vec<Range<usize>> {
    let rows = confidences.entries.shape().0;
    let mut tasks = Vec::new();
    let (mut start, mut work) = (0, 0);
    for row in 0..rows {
        work += confidences.entries.row(row).values.len() + rank / 2 + 1;
        if work >= ENTRIES_OF_A_TASK {
            tasks.push(start..row + 1);
            (start, work) = (row + 1, 0);
        }
    }
    if start < rows {
        tasks.push(start..rows);
    }
    tasks
}
