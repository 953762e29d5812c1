//! One side's factors, with those of the other side held, where every absent entry counts.

use super::confidence::Confidences;
use super::parameters::ImplicitAls;
use crate::AlsSolver;
use crate::half_step::{Factors, Measures};
use matfact_core::{ObservedEntries, Recommendation, Scalar};
use matfact_linalg::{
    PrincipalBlockEntries, PrincipalBlocks, PrincipalEntries, PrincipalRegressors,
    RegressionEntries, RidgeRegression, SharedEntries, SharedGram, Simd, Sweeps,
};
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
        let factors = &others.factors;
        let basis = match self.solver {
            AlsSolver::CoordinateDescent { .. } => Basis::AsItIs,
            AlsSolver::BlockCoordinateDescent { block } => {
                Basis::Blocks(PrincipalBlocks::of(factors, gram, block))
            }
            _ => Basis::Principal(PrincipalRegressors::of(factors, gram)),
        };
        match (&basis, self.solver) {
            (Basis::Principal(basis), AlsSolver::ConjugateGradients { .. }) => {
                solved.factors = basis.turn(&solved.factors);
            }
            (Basis::Blocks(basis), _) => solved.factors = basis.turn(&solved.factors),
            _ => {}
        }
        let held = Held {
            others,
            gram,
            basis: &basis,
        };
        let sum = self.solve_rows(confidences, held, solved, measured);
        match &basis {
            Basis::AsItIs => {}
            Basis::Principal(basis) => solved.factors = basis.turn_back(&solved.factors),
            Basis::Blocks(basis) => solved.factors = basis.turn_back(&solved.factors),
        }
        sum
    }

    fn solve_rows<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        held: Held<'_, T>,
        solved: &mut Factors<T>,
        measured: bool,
    ) -> f64 {
        let rank = held.others.factors.rank();
        let mut factors: Vec<&mut [T]> = solved.factors.rows_mut().collect();
        let mut rest = &mut factors[..];
        let mut tasks = Vec::new();
        for rows in tasks_of(confidences, rank) {
            let (mine, after) = rest.split_at_mut(rows.len());
            rest = after;
            tasks.push((rows, mine));
        }
        let numbers = match held.basis {
            Basis::Blocks(blocks) => blocks.block(),
            _ => rank,
        };
        let parts: Vec<f64> = tasks
            .into_par_iter()
            .map_init(
                || Worker::new(numbers),
                |worker, (rows, factors)| {
                    let mut sum = 0.0;
                    for (row, out) in rows.zip(factors) {
                        if confidences.positives(row) == 0 {
                            out.fill(T::zero());
                            continue;
                        }
                        let own = self.solve_row((confidences, row), held, worker, out);
                        if measured {
                            let penalty = self.penalty(confidences.positives(row));
                            sum += own + penalty * squares(out);
                        }
                    }
                    sum
                },
            )
            .collect();
        parts.iter().sum()
    }

    /// Finds the factors of one row, and what its stored entries have of the objective beyond the sum over all.
    fn solve_row<T: Scalar>(
        &self,
        (confidences, row): (&Confidences<T>, usize),
        held: Held<'_, T>,
        worker: &mut Worker<T>,
        out: &mut [T],
    ) -> f64 {
        let penalty = self.penalty(confidences.positives(row));
        let Worker {
            regression,
            weights,
            targets,
        } = worker;
        let of = (confidences, row, held.others, held.gram);
        let (entries, constant) = self.entries(of, weights, targets);
        let (rows, targets) = (entries.own.rows, entries.own.targets);
        let weights = entries.own.weights.unwrap_or_default();
        let own = match held.basis {
            Basis::AsItIs => {
                let most = match self.solver {
                    AlsSolver::CoordinateDescent { sweeps } => sweeps,
                    _ => 0,
                };
                let sweeps = Sweeps {
                    most,
                    non_negative: false,
                };
                regression.coordinate_descent_shared(entries, penalty, sweeps, out);
                regression.own_quadratic(entries, out)
            }
            Basis::Principal(shared) => {
                let entries = PrincipalEntries {
                    shared,
                    rows,
                    weights,
                    targets,
                };
                match self.solver {
                    AlsSolver::ConjugateGradients { steps } => {
                        regression.conjugate_gradients_principal(entries, penalty, steps, out)
                    }
                    _ => regression.solve_principal(entries, penalty, out),
                }
            }
            Basis::Blocks(shared) => {
                let entries = PrincipalBlockEntries {
                    shared,
                    rows,
                    weights,
                    targets,
                };
                regression.descend_blocks(entries, penalty, out)
            }
        };
        constant + own
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

    /// What each positive entry of the first row brings to its scores of `columns`: c_j y_jᵀ A⁻¹ y_i, with A of the row's
    /// equations.
    pub(super) fn contributions<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        others: &Factors<T>,
        columns: &[usize],
    ) -> Vec<Vec<Recommendation<T>>> {
        let positives = confidences.positives(0);
        if positives == 0 {
            return vec![Vec::new(); columns.len()];
        }
        let gram = self.gram(others);
        let basis = PrincipalRegressors::of(&others.factors, &gram);
        let rank = others.factors.rank();
        let (mut worker, mut solution) = (Worker::new(rank), vec![T::zero(); rank]);
        let own = confidences.entries.row(0);
        let of = (confidences, 0, others, &gram);
        self.entries(of, &mut worker.weights, &mut worker.targets);
        let (mut weights, mut rows) = (worker.weights, own.columns.to_vec());
        // One more entry, which weighs nothing and has the target 1, makes the right side of the equations y_i.
        weights.push(T::zero());
        let mut targets = vec![T::zero(); own.columns.len()];
        targets.push(T::one());
        let mut contributions = Vec::new();
        for column in columns {
            rows.truncate(own.columns.len());
            rows.push(*column as u32);
            let entries = PrincipalEntries {
                shared: &basis,
                rows: &rows,
                weights: &weights,
                targets: &targets,
            };
            let penalty = self.penalty(positives);
            worker
                .regression
                .solve_principal(entries, penalty, &mut solution);
            let pairs = own.columns.iter().zip(own.values);
            let pairs = pairs.filter(|(_, confidence)| **confidence > T::zero());
            let parts = pairs.map(|(seen, confidence)| {
                let regressor = basis.regressors().row(*seen as usize);
                let pairs = regressor.iter().zip(&solution);
                let product: f64 = pairs.map(|(q, z)| q.as_f64() * z.as_f64()).sum();
                Recommendation {
                    column: *seen as usize,
                    score: T::from_f64(confidence.as_f64() * product),
                }
            });
            contributions.push(parts.collect());
        }
        contributions
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

/// The side that is held: its factors, their Gram matrix, and both in the basis that rows are solved in.
#[derive(Clone, Copy)]
struct Held<'a, T: Scalar> {
    others: &'a Factors<T>,
    gram: &'a SharedGram<T>,
    basis: &'a Basis<T>,
}

/// What rows are solved in: the factors of the other side as they are, or turned to the eigenvectors of their Gram matrix.
enum Basis<T: Scalar> {
    AsItIs,
    Principal(PrincipalRegressors<T>),
    Blocks(PrincipalBlocks<T>),
}

/// A row of the confidences, the factors of the columns, and their Gram matrix.
type RowOf<'a, T> = (&'a Confidences<T>, usize, &'a Factors<T>, &'a SharedGram<T>);

fn squares<T: Scalar>(values: &[T]) -> f64 {
    values.iter().map(|v| v.as_f64() * v.as_f64()).sum()
}

/// Memory that is used for one row after the other.
struct Worker<T: Scalar> {
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
