//! Both row solvers against plain loops in double precision.

use super::*;
use crate::{Simd, random_normal};
use matfact_core::ndarray::Array2;

/// Rows of X listed by hand: a third of all columns, none, a few, all, with weights.
struct Sample<T> {
    panel: Array2<T>,
    factor: Array2<T>,
    columns: Vec<Vec<u32>>,
    values: Vec<Vec<T>>,
    weights: Vec<Vec<T>>,
}

fn sample<T: Scalar>(rows: usize, others: usize, k: usize) -> Sample<T> {
    let positive = |shape, stream| {
        random_normal::<T>(shape, 5, stream).mapv(|v| if v < T::zero() { -v } else { v })
    };
    let chosen = |row: usize, column: usize| match row % 4 {
        0 => column.is_multiple_of(3),
        1 => false,
        2 => column < 5,
        _ => true,
    };
    let columns: Vec<Vec<u32>> = (0..rows)
        .map(|row| {
            let mine = (0..others).filter(|column| chosen(row, *column));
            mine.map(|column| column as u32).collect()
        })
        .collect();
    let number = |row: usize, column: u32, modulus: usize| {
        T::from_f64(((row * 7 + column as usize * 5) % modulus) as f64 / 3.0)
    };
    let by_entry = |modulus| -> Vec<Vec<T>> {
        let lists = columns.iter().enumerate();
        lists
            .map(|(row, columns)| {
                let numbers = columns.iter().map(|column| number(row, *column, modulus));
                numbers.collect()
            })
            .collect()
    };
    Sample {
        panel: positive((others, k), 1),
        // Within the bound, so that the start is feasible.
        factor: positive((rows, k), 2).mapv(|v| v.min(T::from_f64(MAX))),
        // Zeros among both.
        values: by_entry(11),
        weights: by_entry(4),
        columns,
    }
}

impl<T: Scalar> Sample<T> {
    fn list(&self, row: usize, weighted: bool) -> ListedRow<'_, T> {
        ListedRow {
            columns: Indices::U32(&self.columns[row]),
            values: &self.values[row],
            weights: if weighted {
                EntryWeights::Each(&self.weights[row])
            } else {
                EntryWeights::Uniform(T::zero())
            },
        }
    }

    /// The entries of one row in double precision: h, c, v.
    fn entries(&self, row: usize, weighted: bool) -> Vec<(Vec<f64>, f64, f64)> {
        let listed = self.list(row, weighted);
        (0..listed.values.len())
            .map(|position| {
                let h = self.panel.row(listed.columns.get(position));
                let h = h.iter().map(|v| v.as_f64()).collect();
                let weight = listed.weights.get(position).as_f64();
                (h, listed.values[position].as_f64(), weight)
            })
            .collect()
    }

    fn row(&self, row: usize) -> Vec<f64> {
        self.factor.row(row).iter().map(|v| v.as_f64()).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

const L1: f64 = 0.05;
const L2: f64 = 0.3;
const MAX: f64 = 1.5;
const FLOOR: f64 = 1e-3;

fn update<'a>(components: &'a [usize], passes: usize, scale: Option<&'a [f64]>) -> EntryUpdate<'a> {
    EntryUpdate {
        l1: L1,
        l2: L2,
        penalty_scale: scale,
        max: Some(MAX),
        components,
        passes,
    }
}

/// One pass over a row, and its loss, as the module page has it.
fn squares_by_definition(
    w: &mut [f64],
    entries: &[(Vec<f64>, f64, f64)],
    shared: Option<(&Array2<f64>, &[f64])>,
    components: &[usize],
) -> f64 {
    for &t in components {
        let (mut pull, mut curvature) = (-L1 - L2 * w[t], L2);
        for (h, c, v) in entries {
            pull += v * (c - dot(w, h)) * h[t];
            curvature += v * h[t] * h[t];
        }
        if let Some((gram, linear)) = shared {
            pull += linear[t] - dot(&gram.row(t).to_vec(), w);
            curvature += gram[[t, t]];
        }
        w[t] = (w[t] + pull / curvature).clamp(0.0, MAX);
    }
    let terms = entries.iter();
    terms
        .map(|(h, c, v)| 0.5 * v * (c - dot(w, h)).powi(2))
        .sum()
}

fn check_squares<T: Scalar>(others: usize, k: usize, tolerance: f64) {
    let sample = sample::<T>(13, others, k);
    let components: Vec<usize> = (0..k).rev().collect();
    let gram = Array2::<f64>::eye(k) * 2.0 + 0.1;
    let linear = Array2::<f64>::from_shape_fn((13, k), |(i, t)| ((i + t) % 3) as f64);
    for with_shared in [false, true] {
        let mut expected = Array2::<f64>::zeros((13, k));
        let mut loss = 0.0;
        for row in 0..13 {
            let mut w = sample.row(row);
            let b = linear.row(row).to_vec();
            let shared = with_shared.then_some((&gram, &b[..]));
            let entries = sample.entries(row, true);
            squares_by_definition(&mut w, &entries, shared, &components);
            loss += squares_by_definition(&mut w, &entries, shared, &components);
            expected
                .row_mut(row)
                .assign(&Array2::from_shape_vec((1, k), w).unwrap().row(0));
        }
        let narrow = |array: &Array2<f64>| array.mapv(T::from_f64);
        let (narrow_gram, narrow_linear) = (narrow(&gram), narrow(&linear));
        let shared = with_shared.then_some(SharedQuadratic {
            gram: narrow_gram.view(),
            linear: narrow_linear.view(),
        });
        for simd in Simd::available() {
            let mut factor = sample.factor.clone();
            let rows = EntryRows::Listed(|row| sample.list(row, true));
            let sums = update_rows_squares(
                &mut factor,
                sample.panel.view(),
                &rows,
                update(&components, 2, None),
                shared,
                simd,
            );
            for (actual, expected) in factor.iter().zip(&expected) {
                let error = (actual.as_f64() - expected).abs();
                assert!(error < tolerance, "{simd:?} k {k}: {actual} for {expected}");
            }
            assert!((sums.loss / loss - 1.0).abs() < tolerance, "{simd:?}");
            assert!(sums.moved > 0.0);
        }
    }
}

#[test]
fn squares_agree_with_the_definition_on_every_instruction_set() {
    // 40 columns: some rows by tile, some by the transposed factor; 200: all but the full rows.
    for (others, k) in [(40, 1), (40, 7), (200, 20)] {
        check_squares::<f64>(others, k, 1e-11);
        check_squares::<f32>(others, k, 2e-4);
    }
}

fn divergence(w: &[f64], entries: &[(Vec<f64>, f64, f64)], linear: &[f64]) -> f64 {
    let penalty: f64 = w.iter().map(|w| L1 * w + 0.5 * L2 * w * w).sum();
    let terms = entries.iter().map(|(h, c, v)| {
        let y = dot(w, h);
        v * y - if *c > 0.0 { c * (y + FLOOR).ln() } else { 0.0 }
    });
    dot(w, linear) + penalty + terms.sum::<f64>()
}

/// Slope of the objective along each coordinate.
fn slopes(w: &[f64], entries: &[(Vec<f64>, f64, f64)], linear: &[f64]) -> Vec<f64> {
    let along = |t: usize| {
        let terms = entries.iter();
        let sum: f64 = terms
            .map(|(h, c, v)| (v - c / (dot(w, h) + FLOOR)) * h[t])
            .sum();
        linear[t] + L1 + L2 * w[t] + sum
    };
    (0..w.len()).map(along).collect()
}

fn check_divergence<T: Scalar>(others: usize, k: usize, weighted: bool, tolerance: f64) {
    let sample = sample::<T>(13, others, k);
    let components: Vec<usize> = (0..k).collect();
    let linear: Vec<f64> = (0..k).map(|t| 3.0 + t as f64).collect();
    let loss = PoissonUpdate {
        linear: &linear,
        floor: FLOOR,
    };
    let row_of = |factor: &Array2<T>, row: usize| -> Vec<f64> {
        factor.row(row).iter().map(|v| v.as_f64()).collect()
    };
    let mut results = Vec::new();
    for simd in Simd::available() {
        let mut factor = sample.factor.clone();
        let rows = EntryRows::Listed(|row| sample.list(row, weighted));
        let one = update(&components, 1, None);
        let step = |factor: &mut Array2<T>| {
            update_rows_kullback_leibler(factor, sample.panel.view(), &rows, one, loss, simd)
        };
        let mut sums = EntrySums::default();
        for _ in 0..300 {
            let before = factor.clone();
            sums = step(&mut factor);
            for row in 0..13 {
                let entries = sample.entries(row, weighted);
                let old = divergence(&row_of(&before, row), &entries, &linear);
                let new = divergence(&row_of(&factor, row), &entries, &linear);
                assert!(
                    new <= old + tolerance * (1.0 + old.abs()),
                    "{simd:?} row {row}"
                );
            }
        }
        // Where it ends, every coordinate is at its minimum, and the sums are those of the definition.
        let (mut logarithms, mut straight) = (0.0, 0.0);
        for row in 0..13 {
            let (w, entries) = (row_of(&factor, row), sample.entries(row, weighted));
            straight += dot(&w, &linear);
            for (h, c, v) in &entries {
                straight += v * dot(&w, h);
                if *c > 0.0 {
                    logarithms += c * (dot(&w, h) + FLOOR).ln();
                }
            }
            for (t, slope) in slopes(&w, &entries, &linear).into_iter().enumerate() {
                let held = (w[t] == 0.0 && slope > 0.0) || (w[t] == MAX && slope < 0.0);
                let size = 1.0 + linear[t] + entries.len() as f64;
                let small = slope.abs() < size * tolerance.sqrt();
                assert!(
                    held || small,
                    "{simd:?} row {row} component {t}: slope {slope}"
                );
            }
        }
        assert!((sums.loss - logarithms).abs() < tolerance * (1.0 + logarithms.abs()));
        assert!((sums.linear / straight - 1.0).abs() < tolerance);
        results.push(factor);
    }
    for other in &results[1..] {
        for (a, b) in results[0].iter().zip(other) {
            assert!((a.as_f64() - b.as_f64()).abs() < 30.0 * tolerance.sqrt());
        }
    }
}

#[test]
fn divergences_fall_to_their_minimum_on_every_instruction_set() {
    for (others, k) in [(40, 1), (40, 7), (200, 5)] {
        for weighted in [false, true] {
            check_divergence::<f64>(others, k, weighted, 1e-11);
            check_divergence::<f32>(others, k, weighted, 2e-5);
        }
    }
}

/// One small value beside large ones would damp steps to nothing under a global constant of
/// self-concordance; and no start is too far away.
#[test]
fn steps_are_safe_and_long_whatever_the_magnitudes() {
    let components = [0, 1];
    let panel = matfact_core::ndarray::array![[1.0, 0.5], [1e-3, 2.0], [3.0, 1e-6]];
    let (columns, values) = ([0_u32, 1, 2], [1e-8, 2.0, 1e6]);
    let list = |_| ListedRow {
        columns: Indices::U32(&columns),
        values: &values,
        weights: EntryWeights::Uniform(1.0),
    };
    for start in [0.0, 1e-12, 1.0, 1e9] {
        let mut factor = Array2::from_elem((1, 2), start);
        let unpenalized = EntryUpdate {
            l1: 0.0,
            l2: 0.0,
            penalty_scale: None,
            max: None,
            components: &components,
            passes: 100,
        };
        let loss = PoissonUpdate {
            linear: &[0.0, 0.0],
            floor: 1e-12,
        };
        let simd = Simd::detect();
        let rows = EntryRows::Listed(list);
        update_rows_kullback_leibler(&mut factor, panel.view(), &rows, unpenalized, loss, simd);
        let (w, v) = (factor[[0, 0]], factor[[0, 1]]);
        let y = [w + 0.5 * v, 1e-3 * w + 2.0 * v, 3.0 * w + 1e-6 * v];
        let slope = |h: [f64; 3]| -> f64 {
            (0..3)
                .map(|j| h[j] * (1.0 - values[j] / (y[j] + 1e-12)))
                .sum()
        };
        assert!(
            slope([1.0, 1e-3, 3.0]).abs() < 1e-6,
            "from {start}: {w}, {v}"
        );
        // Here the model is above all small values: w alone explains more than they hold.
        assert!(
            v == 0.0 && slope([0.5, 2.0, 1e-6]) > 0.0,
            "from {start}: {w}, {v}"
        );
    }
}

#[test]
fn a_dense_matrix_its_listing_and_any_number_of_threads_give_the_same_rows() {
    let (m, n, k) = (70, 50, 6);
    let x = random_normal::<f64>((m, n), 1, 0).mapv(|v| v.max(0.0));
    let factor = random_normal::<f64>((m, k), 2, 0).mapv(f64::abs);
    let panel = random_normal::<f64>((n, k), 3, 0).mapv(f64::abs);
    let columns: Vec<u32> = (0..n as u32).collect();
    let components: Vec<usize> = (0..k).collect();
    let list = |row: usize| ListedRow {
        columns: Indices::U32(&columns),
        values: &x.as_slice().unwrap()[row * n..(row + 1) * n],
        weights: EntryWeights::Uniform(1.0),
    };
    let loss = PoissonUpdate {
        linear: &[0.5; 6],
        floor: FLOOR,
    };
    let simd = Simd::detect();
    let run = |threads: usize, dense: bool, columns_first: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let copy = x.t().as_standard_layout().into_owned();
            let view = if columns_first { copy.t() } else { x.view() };
            let (mut a, mut b) = (factor.clone(), factor.clone());
            let change = update(&components, 2, None);
            let (first, second) = if dense {
                let rows: EntryRows<'_, f64, NoRows<'_, f64>> = EntryRows::Dense(view, 1.0);
                (
                    update_rows_squares(&mut a, panel.view(), &rows, change, None, simd),
                    update_rows_kullback_leibler(&mut b, panel.view(), &rows, change, loss, simd),
                )
            } else {
                let rows = EntryRows::Listed(list);
                (
                    update_rows_squares(&mut a, panel.view(), &rows, change, None, simd),
                    update_rows_kullback_leibler(&mut b, panel.view(), &rows, change, loss, simd),
                )
            };
            (a, b, first.loss, second.loss)
        })
    };
    let expected = run(1, true, false);
    assert_eq!(run(3, true, false), expected);
    assert_eq!(run(2, true, true), expected);
    let listed = run(1, false, false);
    assert_eq!(run(3, false, false), listed);
    for (a, b) in expected
        .0
        .iter()
        .chain(&expected.1)
        .zip(listed.0.iter().chain(&listed.1))
    {
        assert!((a - b).abs() < 1e-12);
    }
    assert!((expected.2 / listed.2 - 1.0).abs() < 1e-12);
}

#[test]
fn penalties_scale_by_row_and_other_components_stay() {
    let sample = sample::<f64>(4, 40, 3);
    let scale: &[f64] = &[1.0, 1.0, 1e12, 1.0];
    let mut factor = sample.factor.clone();
    let rows = EntryRows::Listed(|row| sample.list(row, true));
    let change = update(&[0, 2], 3, Some(scale));
    update_rows_squares(
        &mut factor,
        sample.panel.view(),
        &rows,
        change,
        None,
        Simd::detect(),
    );
    assert_eq!(factor.column(1), sample.factor.column(1));
    // A penalty that outweighs everything, and a row without entries.
    for row in [1, 2] {
        for t in [0, 2] {
            assert!(factor[[row, t]] < 1e-9);
        }
    }
    assert!(factor[[3, 0]] > 1e-3 || factor[[3, 2]] > 1e-3);
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let sample = sample::<f64>(13, 40, 3);
    for loss in [
        EntryLoss::Squares,
        EntryLoss::KullbackLeibler { floor: FLOOR },
    ] {
        let of = |factor: &Array2<f64>| {
            let list = |row| sample.list(row, true);
            entry_gradients(factor.view(), sample.panel.view(), list, loss)
        };
        let here = of(&sample.factor);
        for place in [(0, 0), (2, 1), (3, 2), (12, 1)] {
            let step = 1e-6;
            let (mut up, mut down) = (sample.factor.clone(), sample.factor.clone());
            up[place] += step;
            down[place] -= step;
            let slope = (of(&up).loss - of(&down).loss) / (2.0 * step);
            let gradient = here.model[place] - here.data[place];
            assert!(
                (slope - gradient).abs() < 1e-4 * (1.0 + slope.abs()),
                "{slope} {gradient}"
            );
        }
    }
}
