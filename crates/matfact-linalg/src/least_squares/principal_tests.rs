//! Regressions in the eigenvectors of a shared Gram matrix, against the plain formulas.

use super::*;
use crate::random_normal;
use matfact_core::ndarray::{Array1, Array2};

/// A panel, a row's entries of it (some twice, some weights below 0), and what all rows share.
pub(super) struct Case<T: Scalar> {
    pub(super) q: Array2<f64>,
    pub(super) regressors: Regressors<T>,
    gram: SharedGram<T>,
    pub(super) rows: Vec<u32>,
    pub(super) weights: Vec<T>,
    pub(super) targets: Vec<T>,
}

const OMEGA: f64 = 0.25;
const LAMBDA: f64 = 0.5;

impl<T: Scalar> Case<T> {
    pub(super) fn new(panel_rows: usize, rank: usize, count: usize) -> Self {
        // Columns of unlike size, as eigenvalues are.
        let scale = |t: usize| 1.0 / (1.0 + t as f64).sqrt();
        let mut q = random_normal::<f64>((panel_rows, rank), 7, 0);
        q.indexed_iter_mut()
            .for_each(|((_, t), v)| *v = T::from_f64(*v * scale(t)).as_f64());
        let regressors = panel(&q);
        let rows = (0..count).map(|e| (e * 7 % panel_rows) as u32);
        // No more is taken away than all share.
        let weights = (0..count).map(|e| match e % 5 {
            0 if e < panel_rows => -0.2,
            other => other as f64 * 0.3,
        });
        Self {
            gram: SharedGram::of(&regressors, OMEGA, Simd::detect()),
            q,
            regressors,
            rows: rows.collect(),
            weights: weights.map(T::from_f64).collect(),
            targets: (0..count)
                .map(|e| T::from_f64((e % 3) as f64 * 0.5))
                .collect(),
        }
    }

    /// With no weight for each `every`-th entry.
    fn weightless(mut self, every: usize) -> Self {
        let weights = self.weights.iter_mut().step_by(every);
        weights.for_each(|weight| *weight = T::zero());
        self
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, f64, f64)> + '_ {
        let pairs = self.weights.iter().zip(&self.targets);
        let entries = self.rows.iter().zip(pairs);
        entries.map(|(row, (w, m))| (*row as usize, w.as_f64(), m.as_f64()))
    }

    /// Σ_e w (q·p)² − 2 m q·p.
    fn own(&self, p: &Array1<f64>) -> f64 {
        let parts = self.entries().map(|(row, w, m)| {
            let product = self.q.row(row).dot(p);
            product * (w * product - 2.0 * m)
        });
        parts.sum()
    }

    /// What is minimized.
    fn whole(&self, p: &Array1<f64>) -> f64 {
        let products = self.q.dot(p);
        self.own(p) + OMEGA * products.dot(&products) + LAMBDA * p.dot(p)
    }

    /// Half of its gradient, the number farthest from 0.
    fn slope(&self, p: &Array1<f64>) -> f64 {
        let mut g = self.q.t().dot(&self.q.dot(p)) * OMEGA + p * LAMBDA;
        for (row, w, m) in self.entries() {
            let q = self.q.row(row);
            g.scaled_add(w * q.dot(p) - m, &q);
        }
        g.iter().fold(0.0, |most, v| most.max(v.abs()))
    }

    fn principal<'a>(&'a self, shared: &'a PrincipalRegressors<T>) -> PrincipalEntries<'a, T> {
        PrincipalEntries {
            shared,
            rows: &self.rows,
            weights: &self.weights,
            targets: &self.targets,
            next: &[0],
        }
    }

    fn blocks<'a>(&'a self, shared: &'a PrincipalBlocks<T>) -> PrincipalBlockEntries<'a, T> {
        PrincipalBlockEntries {
            shared,
            rows: &self.rows,
            weights: &self.weights,
            targets: &self.targets,
        }
    }
}

fn panel<T: Scalar>(values: &Array2<f64>) -> Regressors<T> {
    let mut panel = Regressors::zeros(values.nrows(), values.ncols());
    for (row, values) in panel.rows_mut().zip(values.rows()) {
        let pairs = row.iter_mut().zip(values);
        pairs.for_each(|(slot, value)| *slot = T::from_f64(*value));
    }
    panel
}

fn basis_of<T: Scalar>(case: &Case<T>) -> PrincipalRegressors<T> {
    let room = Regressors::zeros(0, case.regressors.rank());
    PrincipalRegressors::of(&case.regressors, &case.gram, room)
}

/// What a turn of some solutions writes.
fn turned<T: Scalar>(
    solutions: &Regressors<T>,
    turn: impl Fn(&Regressors<T>, &mut Regressors<T>),
) -> Regressors<T> {
    let mut room = Regressors::zeros(0, solutions.rank());
    turn(solutions, &mut room);
    room
}

fn one<T: Scalar>(row: &[T]) -> Regressors<T> {
    let mut panel = Regressors::zeros(1, row.len());
    panel.rows_mut().for_each(|slot| slot.copy_from_slice(row));
    panel
}

pub(super) fn wide<T: Scalar>(row: &[T]) -> Array1<f64> {
    row.iter().map(|v| v.as_f64()).collect()
}

/// Ranks within, at and beyond a cache line, and beyond a block; few entries, none, and many.
const SIZES: [(usize, usize, usize); 7] = [
    (9, 1, 4),
    (30, 5, 0),
    (40, 16, 1),
    (60, 17, 130),
    (200, 64, 90),
    (150, 70, 260),
    (900, 64, 2500),
];

fn check_basis<T: Scalar>(tolerance: f64) {
    for (panel_rows, rank, _) in SIZES {
        let case = Case::<T>::new(panel_rows, rank, 0);
        let basis = basis_of(&case);
        let panel = basis.regressors();
        let of = |i: usize, j: usize| -> f64 {
            let rows = (0..panel_rows).map(|row| panel.row(row));
            rows.map(|q| q[i].as_f64() * q[j].as_f64()).sum()
        };
        let mut before = f64::INFINITY;
        let scale = of(0, 0);
        for i in 0..rank {
            for j in 0..i {
                assert!(of(i, j).abs() < tolerance * scale, "{rank}: {i}, {j}");
            }
            assert!(of(i, i) <= before + tolerance * scale, "descending");
            before = of(i, i);
        }
        // Products are what they were, and the way back leads back.
        let p = turned(&case.regressors, |p, out| basis.turn(p, out));
        let back = turned(&p, |p, out| basis.turn_back(p, out));
        for row in [0, panel_rows / 2, panel_rows - 1] {
            let (there, was) = (wide(p.row(row)), case.q.row(row));
            let product = wide(panel.row(0)).dot(&there);
            assert!((product - case.q.row(0).dot(&was)).abs() < tolerance * scale.max(1.0));
            let difference = &wide(back.row(row)) - &was;
            assert!(difference.iter().all(|d| d.abs() < tolerance * 10.0));
        }
    }
}

#[test]
fn the_gram_matrix_is_a_diagonal_and_products_stay() {
    check_basis::<f64>(1e-13);
    check_basis::<f32>(2e-6);
}

fn check_solutions<T: Scalar>(tolerance: f64) {
    for (size, (panel_rows, rank, count)) in SIZES.into_iter().enumerate() {
        // All, every second and every third entry without a weight, and none.
        let every = [1, 2, 3, count + 1][size % 4];
        let case = Case::<T>::new(panel_rows, rank, count).weightless(every);
        let basis = basis_of(&case);
        let entries = case.principal(&basis);
        let tolerance = tolerance * (count + panel_rows) as f64;
        for simd in Simd::available() {
            let mut regression = RidgeRegression::new(rank, simd);
            let judge = |p: &[T], own: f64, what: &str| {
                let p = wide(turned(&one(p), |p, out| basis.turn_back(p, out)).row(0));
                let place = format!("{what}, {simd:?}, rank {rank}, {count} entries");
                assert!(case.slope(&p) < tolerance, "{place}: {}", case.slope(&p));
                assert!((own - case.own(&p)).abs() < tolerance, "{place}: {own}");
            };
            let mut exact = vec![T::one(); rank];
            let own = regression.solve_principal(entries, LAMBDA, &mut exact);
            judge(&exact, own, "Cholesky");
            let mut p = vec![T::one(); rank];
            let own =
                regression.conjugate_gradients_principal(entries, LAMBDA, 4 * rank + 20, &mut p);
            judge(&p, own, "conjugate gradients");
            // One number at a time comes to the end in many rounds: for small cases alone.
            let sizes = [1, 16, 24, 64, 100].into_iter();
            let least = if rank < 20 { 1 } else { 24 };
            let least = if count > 300 { rank } else { least };
            for size in sizes.filter(|size| *size >= least) {
                let blocks = PrincipalBlocks::of(&case.regressors, &case.gram, size);
                let mut regression = RidgeRegression::new(blocks.block(), simd);
                let mut p = vec![T::zero(); rank];
                let sweeps = if size >= rank { 1 } else { 400 };
                let mut own = 0.0;
                for _ in 0..sweeps {
                    own = regression.descend_blocks(case.blocks(&blocks), LAMBDA, &mut p);
                }
                judge(&p, own, "blocks");
            }
        }
    }
}

#[test]
fn the_gradient_of_the_plain_sum_is_zero_at_the_solutions() {
    check_solutions::<f64>(1e-11);
    check_solutions::<f32>(2e-5);
}

/// Fewer entries than numbers, which are solved for in the place of these.
fn check_few<T: Scalar>(tolerance: f64) {
    for (panel_rows, rank, count) in [(50, 33, 1), (60, 64, 7), (90, 64, 32), (300, 128, 100)] {
        let mut case = Case::<T>::new(panel_rows, rank, count);
        for (e, weight) in case.weights.iter_mut().enumerate() {
            *weight = T::from_f64(0.1 + (e % 4) as f64);
        }
        for every in [count + 1, 3, 1] {
            case = case.weightless(every);
            let basis = basis_of(&case);
            for simd in Simd::available() {
                let mut regression = RidgeRegression::new(rank, simd);
                let mut p = vec![T::one(); rank];
                let few = regression.apart(case.principal(&basis), |regression, entries| {
                    assert!(entries.weights.iter().all(|weight| *weight > T::zero()));
                    regression.solve_few(entries, LAMBDA, &mut p)
                });
                let own = few.expect("few entries");
                let p = wide(turned(&one(&p), |p, out| basis.turn_back(p, out)).row(0));
                let place = format!("{simd:?}, rank {rank}, {count} entries, {every}");
                assert!(case.slope(&p) < tolerance, "{place}: {}", case.slope(&p));
                assert!((own - case.own(&p)).abs() < tolerance, "{place}: {own}");
            }
        }
    }
}

/// The measures of a solution, of the other side's too where it is the plain sum.
fn check_measures<T: Scalar>(tolerance: f64) {
    for every in [1000, 4, 1] {
        let case = Case::<T>::new(120, 40, 90).weightless(every);
        let basis = basis_of(&case);
        let solution: Vec<T> = (0..40)
            .map(|t| T::from_f64(0.3 - 0.01 * t as f64))
            .collect();
        let p = wide(turned(&one(&solution), |p, out| basis.turn_back(p, out)).row(0));
        let squares = |p: &Array1<f64>| {
            let mut g = case.q.t().dot(&case.q.dot(p)) * OMEGA + p * LAMBDA;
            for (row, w, m) in case.entries() {
                let q = case.q.row(row);
                g.scaled_add(w * q.dot(p) - m, &q);
            }
            g.dot(&g)
        };
        for simd in Simd::available() {
            let mut regression = RidgeRegression::new(40, simd);
            let entries = case.principal(&basis);
            let (own, gradient, of_zero) = regression.measure_principal(entries, LAMBDA, &solution);
            let near = |found: f64, expected: f64| {
                let off = (found - expected).abs() / expected.abs();
                assert!(off < tolerance, "{simd:?}, {every}: {found}, {expected}");
            };
            near(own, case.own(&p));
            near(gradient, squares(&p));
            near(of_zero, squares(&Array1::zeros(40)));
        }
    }
}

#[test]
fn measures_are_those_of_the_plain_sum() {
    check_measures::<f64>(1e-11);
    check_measures::<f32>(1e-4);
}

#[test]
fn few_entries_are_solved_for_in_the_place_of_many_numbers() {
    check_few::<f64>(1e-11);
    check_few::<f32>(1e-4);
}

#[test]
fn few_entries_that_do_not_allow_it_are_solved_as_many() {
    let mut case = Case::<f64>::new(60, 64, 7);
    let basis = basis_of(&case);
    let mut regression = RidgeRegression::new(64, Simd::detect());
    let mut p = vec![0.0; 64];
    // Weights below 0.
    let none = regression.solve_few(case.principal(&basis), LAMBDA, &mut p);
    assert!(none.is_none());
    case.weights.fill(1.0);
    case.weights[2] = 0.0;
    let none = regression.solve_few(case.principal(&basis), LAMBDA, &mut p);
    assert!(none.is_none(), "entries without weight are to be apart");
    case.weights[2] = 1.0;
    assert!(
        regression
            .solve_few(case.principal(&basis), LAMBDA, &mut p)
            .is_some()
    );
    // Numbers that nothing but the entries determines: 60 rows have no more than 60 eigenvectors.
    assert!(
        regression
            .solve_few(case.principal(&basis), 0.0, &mut p)
            .is_none()
    );
}

/// No step and no block raises the sum, and what they give for it is so.
fn check_falls<T: Scalar>(tolerance: f64) {
    let case = Case::<T>::new(150, 70, 260);
    let basis = basis_of(&case);
    let blocks = PrincipalBlocks::of(&case.regressors, &case.gram, 16);
    assert_eq!(blocks.block(), 14, "five blocks of one size");
    let start = vec![T::from_f64(0.3); 70];
    let back = |p: &[T]| wide(turned(&one(p), |p, out| basis.turn_back(p, out)).row(0));
    let mut regression = RidgeRegression::new(70, Simd::detect());
    let mut unmoved = start.clone();
    let own =
        regression.conjugate_gradients_principal(case.principal(&basis), LAMBDA, 0, &mut unmoved);
    assert_eq!(unmoved, start);
    let expected = case.own(&back(&start));
    assert!((own / expected - 1.0).abs() < tolerance);
    let mut of_blocks = RidgeRegression::new(14, Simd::detect());
    let (mut before, mut p) = (case.whole(&back(&start)), start.clone());
    for _ in 0..4 {
        let own = of_blocks.descend_blocks(case.blocks(&blocks), LAMBDA, &mut p);
        assert!((own / case.own(&back(&p)) - 1.0).abs() < tolerance);
        let after = case.whole(&back(&p));
        assert!(
            after <= before + tolerance * before.abs(),
            "{after} {before}"
        );
        before = after;
    }
    let mut p = start;
    before = case.whole(&back(&p));
    for _ in 0..6 {
        let entries = case.principal(&basis);
        regression.conjugate_gradients_principal(entries, LAMBDA, 1, &mut p);
        let after = case.whole(&back(&p));
        assert!(
            after <= before + tolerance * before.abs(),
            "{after} {before}"
        );
        before = after;
    }
}

#[test]
fn steps_and_blocks_never_raise_the_sum() {
    check_falls::<f64>(1e-11);
    check_falls::<f32>(1e-4);
}

#[test]
fn what_nothing_determines_is_zero_in_every_basis() {
    let mut q = Array2::<f64>::zeros((4, 20));
    q.column_mut(3).fill(1.5);
    let regressors = panel::<f64>(&q);
    let gram = SharedGram::of(&regressors, 0.0, Simd::detect());
    let (rows, weights, targets) = ([0, 2], [1.0, 1.0], [3.0, 3.0]);
    let basis = PrincipalRegressors::of(&regressors, &gram, Regressors::zeros(0, 20));
    let blocks = PrincipalBlocks::of(&regressors, &gram, 8);
    let mut p = vec![0.0; 20];
    let entries = PrincipalEntries {
        shared: &basis,
        rows: &rows,
        weights: &weights,
        targets: &targets,
        next: &[],
    };
    let simd = Simd::detect();
    RidgeRegression::new(20, simd).solve_principal(entries, 0.0, &mut p);
    let back = wide(turned(&one(&p), |p, out| basis.turn_back(p, out)).row(0));
    assert!((q.row(0).dot(&back) - 3.0).abs() < 1e-12, "{back}");
    assert!(back.iter().enumerate().all(|(t, v)| t == 3 || *v == 0.0));
    let entries = PrincipalBlockEntries {
        shared: &blocks,
        rows: &rows,
        weights: &weights,
        targets: &targets,
    };
    let mut p = vec![0.0; 20];
    RidgeRegression::new(blocks.block(), simd).descend_blocks(entries, 0.0, &mut p);
    let back = wide(turned(&one(&p), |p, out| blocks.turn_back(p, out)).row(0));
    assert!((q.row(0).dot(&back) - 3.0).abs() < 1e-12, "{back}");
    assert!(back.iter().enumerate().all(|(t, v)| t == 3 || *v == 0.0));
}
