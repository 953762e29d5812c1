//! One side's factors, with those of the other side held, where every absent entry counts.

use super::confidence::Confidences;
use super::parameters::ImplicitAls;
use super::rooms::Rooms;
use crate::AlsSolver;
use crate::half_step::{Factors, Measures};
use matfact_core::{Recommendation, Scalar};
use matfact_linalg::{
    PrincipalBlockEntries, PrincipalBlocks, PrincipalEntries, PrincipalRegressors,
    RegressionEntries, Regressors, RidgeRegression, SharedEntries, SharedGram, Simd, Sweeps,
};
use rayon::prelude::*;
use std::ops::Range;

/// Entries that one task solves for, about; a row's own equations count as some.
const ENTRIES_OF_A_TASK: usize = 1 << 13;

/// Rows whose penalties are summed in one go.
const ROWS_OF_A_SUM: usize = 1 << 11;

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

    /// Whether there are entries, all of them with no more confidence than absent ones have.
    pub(super) fn weighs_none<T: Scalar>(&self, confidences: &Confidences<T>) -> bool {
        let counted = T::from_f64(self.counted);
        let (mut own, mut some) = (Vec::new(), false);
        for row in 0..confidences.rows() {
            confidences.write(row, &mut own);
            if own.iter().any(|c| c.abs() != counted) {
                return false;
            }
            some |= !own.is_empty();
        }
        some
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
        rooms: &mut Rooms<T>,
        measured: bool,
    ) -> f64 {
        let factors = &others.factors;
        let basis = match self.solver {
            AlsSolver::CoordinateDescent { .. } => Basis::AsItIs,
            AlsSolver::BlockCoordinateDescent { block } => {
                Basis::Blocks(PrincipalBlocks::of(factors, gram, block))
            }
            _ => {
                let room = rooms.take(factors);
                Basis::Principal(PrincipalRegressors::of(factors, gram, room))
            }
        };
        let mut room = match &basis {
            Basis::AsItIs => Regressors::zeros(0, factors.rank()),
            _ => rooms.take(&solved.factors),
        };
        match (&basis, self.solver) {
            (Basis::Principal(basis), AlsSolver::ConjugateGradients { .. }) => {
                basis.turn(&solved.factors, &mut room);
                std::mem::swap(&mut solved.factors, &mut room);
            }
            (Basis::Blocks(basis), _) => {
                basis.turn(&solved.factors, &mut room);
                std::mem::swap(&mut solved.factors, &mut room);
            }
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
            Basis::Principal(basis) => {
                basis.turn_back(&solved.factors, &mut room);
                std::mem::swap(&mut solved.factors, &mut room);
            }
            Basis::Blocks(basis) => {
                basis.turn_back(&solved.factors, &mut room);
                std::mem::swap(&mut solved.factors, &mut room);
            }
        }
        rooms.give(room);
        if let Basis::Principal(basis) = basis {
            rooms.give(basis.into_room());
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
                            sum += own + total(&worker.targets) + penalty * squares(out);
                        }
                    }
                    sum
                },
            )
            .collect();
        parts.iter().sum()
    }

    /// Finds the factors of one row, and what its stored entries have of the objective beyond the sum over all, but for
    /// what their errors come to at 0: the sum of the worker's targets.
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
        let entries = self.entries(of, weights, targets);
        let (rows, targets) = (entries.own.rows, entries.own.targets);
        let next = entries.own.next;
        let weights = entries.own.weights.unwrap_or_default();
        match held.basis {
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
                    next,
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
        }
    }

    /// The regression of one row.
    fn entries<'a, T: Scalar>(
        &self,
        (confidences, row, others, gram): RowOf<'a, T>,
        weights: &'a mut Vec<T>,
        targets: &'a mut Vec<T>,
    ) -> SharedEntries<'a, T> {
        let counted = T::from_f64(self.counted);
        confidences.write(row, targets);
        weights.clear();
        weights.extend(targets.iter().map(|c| c.abs() - counted));
        targets.iter_mut().for_each(|c| *c = c.max(T::zero()));
        let own = RegressionEntries {
            regressors: &others.factors,
            rows: confidences.columns(row),
            targets,
            weights: Some(weights),
            next: confidences.columns_after(row),
        };
        SharedEntries { own, gram }
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
        let room = Rooms::default().take(&others.factors);
        let basis = PrincipalRegressors::of(&others.factors, &gram, room);
        let rank = others.factors.rank();
        let (mut worker, mut solution) = (Worker::new(rank), vec![T::zero(); rank]);
        let columns_of_row = confidences.columns(0);
        let mut own = Vec::new();
        confidences.write(0, &mut own);
        let of = (confidences, 0, others, &gram);
        self.entries(of, &mut worker.weights, &mut worker.targets);
        let (mut weights, mut rows) = (worker.weights, columns_of_row.to_vec());
        // One more entry, which weighs nothing and has the target 1, makes the right side of the equations y_i.
        weights.push(T::zero());
        let mut targets = vec![T::zero(); own.len()];
        targets.push(T::one());
        let mut contributions = Vec::new();
        for column in columns {
            rows.truncate(own.len());
            rows.push(*column as u32);
            let entries = PrincipalEntries {
                shared: &basis,
                rows: &rows,
                weights: &weights,
                targets: &targets,
                next: &[],
            };
            let penalty = self.penalty(positives);
            worker
                .regression
                .solve_principal(entries, penalty, &mut solution);
            let pairs = columns_of_row.iter().zip(&own);
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
        rooms: &mut Rooms<T>,
    ) -> Measures {
        let rank = others.factors.rank();
        let basis = PrincipalRegressors::of(&others.factors, gram, rooms.take(&others.factors));
        let mut turned = rooms.take(&rows.factors);
        basis.turn(&rows.factors, &mut turned);
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
                        let entries = self.entries(of, weights, targets);
                        let entries = PrincipalEntries {
                            shared: &basis,
                            rows: entries.own.rows,
                            weights: entries.own.weights.unwrap_or_default(),
                            targets: entries.own.targets,
                            next: entries.own.next,
                        };
                        let penalty = self.penalty(confidences.positives(row));
                        let solution = turned.row(row);
                        let (own, gradient, of_zero) =
                            regression.measure_principal(entries, penalty, solution);
                        let constant = total(entries.targets);
                        sum.objective += constant + own + penalty * squares(rows.row(row));
                        sum.gradient += gradient;
                        sum.gradient_of_zero += of_zero;
                    }
                    sum
                },
            )
            .collect();
        rooms.give(turned);
        rooms.give(basis.into_room());
        parts.into_iter().fold(Measures::default(), Measures::plus)
    }

    /// The penalties of all rows.
    pub(super) fn penalties<T: Scalar>(
        &self,
        confidences: &Confidences<T>,
        rows: &Factors<T>,
    ) -> f64 {
        let of_row = |row: usize| match confidences.positives(row) {
            0 => 0.0,
            positives => self.penalty(positives) * squares(rows.row(row)),
        };
        let parts = (0..rows.len().div_ceil(ROWS_OF_A_SUM)).into_par_iter();
        let parts = parts.map(|part| -> f64 {
            let last = rows.len().min((part + 1) * ROWS_OF_A_SUM);
            (part * ROWS_OF_A_SUM..last).map(of_row).sum()
        });
        parts.collect::<Vec<f64>>().iter().sum()
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
type RowOf<'a, T> = (
    &'a Confidences<'a, T>,
    usize,
    &'a Factors<T>,
    &'a SharedGram<T>,
);

/// Sums that are kept apart, so that none waits for another.
const SUMS: usize = 8;

fn sum_of<T: Scalar>(values: &[T], of: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; SUMS];
    for values in values.chunks(SUMS) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += of(value.as_f64());
        }
    }
    sums.iter().sum()
}

fn squares<T: Scalar>(values: &[T]) -> f64 {
    sum_of(values, |v| v * v)
}

/// Σ c p of a row.
fn total<T: Scalar>(targets: &[T]) -> f64 {
    sum_of(targets, |m| m)
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
    let rows = confidences.rows();
    let mut tasks = Vec::new();
    let (mut start, mut work) = (0, 0);
    for row in 0..rows {
        work += confidences.columns(row).len() + rank / 2 + 1;
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
