//! Implicit feedback: other libraries' numbers, the objective, its stationary point, new rows.

use matfact_als::{AlsSolver, Confidence, ImplicitAls};
use matfact_core::ndarray::{Array2, ArrayView2, array};
use matfact_core::{
    Certificate, Duplicates, FactorModel, Factorizer, ObservedEntries, RankingMetric, Ratings, Run,
    Scalar, StopReason, Validation,
};
use matfact_testkit::strategies::pseudo_random;

/// A table of 5 x 4, a row of nothing, and a row with a dislike.
fn small<T: Scalar>() -> Ratings<T> {
    let table = [
        [5., 3., 0., 1.],
        [4., 0., 0., 1.],
        [1., 1., 0., 5.],
        [1., 0., 0., 4.],
        [0., 1., 5., 4.],
        [0.; 4],
        [2., -3., 0., 0.],
    ];
    let entries = table.iter().enumerate().flat_map(|(i, row)| {
        let stored = row.iter().enumerate().filter(|(_, value)| **value != 0.0);
        stored.map(move |(j, value)| (i, j, T::from_f64(*value)))
    });
    Ratings::from_triplets((7, 4), entries, Duplicates::Error).unwrap()
}

fn start<T: Scalar>() -> FactorModel<T> {
    let ramp = |rows, step| {
        Array2::from_shape_fn((rows, 2), |(i, j)| {
            T::from_f64(0.1 + (2 * i + j) as f64 / step)
        })
    };
    FactorModel::new(ramp(7, 20.0), ramp(4, 10.0)).unwrap()
}

fn close<T: Scalar>(found: ArrayView2<'_, T>, expected: ArrayView2<'_, f64>, tolerance: f64) {
    assert_eq!(found.dim(), expected.dim());
    for ((place, found), expected) in found.indexed_iter().zip(expected) {
        let difference = (found.as_f64() - expected).abs();
        assert!(difference < tolerance, "{place:?}: {found} for {expected}");
    }
}

/// implicit 0.7.3 in f64: λ = 0.1, one iteration from a given start.
fn golden<T: Scalar>(tolerance: f64) {
    let x = small::<T>();
    let als = ImplicitAls::implicit(2).regularization(0.1).max_iter(1);
    let exact = als.clone().alpha(2.0).solver(AlsSolver::Cholesky);
    let fit = exact.fit_from(&x, &start(), &mut Run::new()).unwrap();
    let rows = array![
        [-1.615457713, 3.154893887],
        [-1.263636364, 2.409090909],
        [-0.165866434, 1.408409719],
        [0.150735294, 1.040441176],
        [0.383386581, 1.114660987],
        [0.0, 0.0],
        [-1.108870968, 1.189516129],
    ];
    close(fit.model.row_factors(), rows.view(), tolerance);
    let columns = array![
        [-0.054893172, 0.352413983],
        [0.614680664, 0.60226024],
        [0.905618989, 0.485703078],
        [0.72985309, 0.749915701],
    ];
    close(fit.model.column_factors(), columns.view(), tolerance);
    let confidence: f64 = (0..7)
        .flat_map(|row| x.row(row).values)
        .map(|value| 2.0 * value.as_f64().abs())
        .sum();
    // implicit counts the confidence of the dislike, 6, as if its preference were 1.
    let loss = (fit.report.objective + 6.0) / (confidence + (28 - x.observed()) as f64);
    assert!((loss - 0.1530002514).abs() < tolerance, "{loss}");
    let three = als.fit_from(&x, &start(), &mut Run::new()).unwrap();
    let first = three.model.row_factors().row(0).to_owned();
    let first = first.into_shape_with_order((1, 2)).unwrap();
    close(
        first.view(),
        array![[-0.688585589, 2.196029761]].view(),
        tolerance.max(1e-7),
    );
}

#[test]
fn the_numbers_are_those_of_implicit() {
    golden::<f64>(1e-8);
    golden::<f32>(2e-4);
}

#[test]
fn presets_have_the_penalties_of_others() {
    let stated = |als: ImplicitAls, lambda, power, absent| {
        let same = als.clone().regularization(lambda).count_power(power);
        assert_eq!(als, same.unobserved_weight(absent));
    };
    stated(ImplicitAls::implicit(3), 0.01, 0.0, 1.0);
    stated(ImplicitAls::spark(3), 0.1, 1.0, 1.0);
    stated(ImplicitAls::cmfrec(3), 1.0, 0.0, 1.0);
    stated(ImplicitAls::rendle(3), 0.003, 1.0, 0.1);
}

/// One row of Spark's and of cmfrec's equations, solved here by elimination.
#[test]
fn presets_solve_the_equations_of_others() {
    let x = small::<f64>();
    let start = start::<f64>();
    let y = start.column_factors();
    for (als, confidence, penalty) in [
        (ImplicitAls::spark(2), [6.0, 4.0, 0.0, 2.0], 0.1 * 3.0),
        (ImplicitAls::cmfrec(2), [6.0, 4.0, 0.0, 2.0], 1.0),
        (
            ImplicitAls::rendle(2),
            [1.1, 1.1, 0.0, 1.1],
            0.003 * (3.0 + 0.1 * 4.0),
        ),
    ] {
        let rendle = penalty < 0.1;
        let absent = if rendle { 0.1 } else { 1.0 };
        let mut a = array![[penalty, 0.0], [0.0, penalty]];
        let mut b = [0.0; 2];
        for j in 0..4 {
            let c = if confidence[j] > 0.0 {
                confidence[j]
            } else {
                absent
            };
            let target = if rendle { 1.0 } else { confidence[j] };
            for s in 0..2 {
                for t in 0..2 {
                    a[[s, t]] += c * y[[j, s]] * y[[j, t]];
                }
                b[s] += if confidence[j] > 0.0 {
                    target * y[[j, s]]
                } else {
                    0.0
                };
            }
        }
        let determinant = a[[0, 0]] * a[[1, 1]] - a[[0, 1]] * a[[1, 0]];
        let expected = array![[
            (b[0] * a[[1, 1]] - b[1] * a[[0, 1]]) / determinant,
            (b[1] * a[[0, 0]] - b[0] * a[[1, 0]]) / determinant,
        ]];
        let als = als.max_iter(1).solver(AlsSolver::Cholesky);
        let fit = als.fit_from(&x, &start, &mut Run::new()).unwrap();
        let first = fit.model.row_factors().row(0).to_owned();
        let first = first.into_shape_with_order((1, 2)).unwrap();
        close(first.view(), expected.view(), 1e-10);
    }
}

/// Two groups of rows that like two groups of columns, with values of all sizes, some below 0.
fn groups<T: Scalar>(shape: (usize, usize)) -> Ratings<T> {
    let mut random = pseudo_random(5);
    let mut entries = Vec::new();
    for i in 0..shape.0 {
        for j in 0..shape.1 {
            let likes = if (i + j) % 2 == 0 { 0.4 } else { 0.05 };
            if random() < likes {
                let sign = if random() < 0.1 { -1.0 } else { 1.0 };
                entries.push((i, j, T::from_f64(sign * (4.0 * random()).exp())));
            }
        }
    }
    Ratings::from_triplets(shape, entries, Duplicates::Error).unwrap()
}

/// What an objective is made of beside the confidence of stored entries.
#[derive(Clone, Copy)]
struct Settings {
    confidence: Confidence,
    absent: f64,
    everywhere: bool,
    lambda: f64,
    power: f64,
    count_absent: bool,
}

/// The objective of the documentation over all entries, from the model alone, for α = 0.5.
fn objective(x: &Ratings<f64>, (p, q): (&Array2<f64>, &Array2<f64>), of: Settings) -> f64 {
    let (m, n) = x.shape();
    let (mut rows, mut columns) = (vec![0.0; m], vec![0.0; n]);
    let mut sum = of.absent * p.dot(&q.t()).mapv(|score| score * score).sum();
    for i in 0..m {
        let entries = x.row(i);
        for (e, (j, value)) in entries.columns.iter().zip(entries.values).enumerate() {
            let j = *j as usize;
            let weight = x.weights(i).map_or(1.0, |weights| weights[e]);
            let score = p.row(i).dot(&q.row(j));
            let liked = f64::from(*value > 0.0 && weight > 0.0);
            let sure = weight * of.confidence.of(*value, 0.5);
            sum += sure * (liked - score).powi(2);
            sum -= if of.everywhere {
                0.0
            } else {
                of.absent * score * score
            };
            rows[i] += liked;
            columns[j] += liked;
        }
    }
    let side = |factors: &Array2<f64>, counts: &[f64], all: usize| -> f64 {
        let added = if of.count_absent {
            of.absent * all as f64
        } else {
            0.0
        };
        let rows = factors.rows().into_iter().zip(counts);
        rows.map(|(row, count)| of.lambda * (count + added).powf(of.power) * row.dot(&row))
            .sum()
    };
    sum + side(p, &rows, n) + side(q, &columns, m)
}

#[test]
fn the_objective_falls_to_a_stationary_point() {
    let plain = groups::<f64>((40, 30));
    let weights = (0..plain.observed()).map(|e| (e % 3) as f64).collect();
    let weighted = plain.clone().with_weights(weights).unwrap();
    let settings = |confidence, absent, everywhere, (lambda, power, count_absent)| Settings {
        confidence,
        absent,
        everywhere,
        lambda,
        power,
        count_absent,
    };
    for (x, of) in [
        (
            &plain,
            settings(Confidence::Constant, 0.1, true, (0.05, 1.0, true)),
        ),
        (
            &plain,
            settings(Confidence::Proportional, 1.0, false, (2.0, 0.0, false)),
        ),
        (
            &plain,
            settings(Confidence::OnePlus, 0.0, false, (0.5, 0.5, false)),
        ),
        (
            &weighted,
            settings(Confidence::Logarithmic, 0.5, false, (0.2, 0.5, true)),
        ),
    ] {
        let als = ImplicitAls::new(3)
            .alpha(0.5)
            .confidence(of.confidence)
            .unobserved_weight(of.absent)
            .unobserved_everywhere(of.everywhere)
            .regularization(of.lambda)
            .count_power(of.power)
            .count_absent(of.count_absent);
        let fit = als.max_iter(5000).tol(1e-15).fit(x).unwrap();
        assert_eq!(fit.report.stop, StopReason::Converged);
        let history = &fit.report.history;
        assert!(history.len() > 2);
        assert!(history.windows(2).all(|p| p[1] <= p[0] * (1.0 + 1e-12)));
        let p = fit.model.row_factors().to_owned();
        let q = fit.model.column_factors().to_owned();
        let lowest = objective(x, (&p, &q), of);
        assert!(
            (lowest / fit.report.objective - 1.0).abs() < 1e-10,
            "{of:?}"
        );
        let Some(Certificate::ProjectedGradient(gradient)) = fit.report.certificate else {
            panic!("a gradient");
        };
        assert!(gradient < 1e-5, "{of:?}: {gradient}");
        // Finite differences: the slope at the end is nothing beside the curvature.
        for at in [[3, 0], [17, 2], [29, 1]] {
            for rows in [true, false] {
                let moved = |by: f64| {
                    let (mut p, mut q) = (p.clone(), q.clone());
                    if rows {
                        p[at] += by;
                    } else {
                        q[at] += by;
                    }
                    objective(x, (&p, &q), of)
                };
                let (up, down) = (moved(1e-3), moved(-1e-3));
                let slope = (up - down).abs() / (up + down - 2.0 * lowest);
                assert!(
                    up > lowest && down > lowest && slope < 1e-2,
                    "{of:?}: {slope}"
                );
            }
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, absent {}", self.confidence, self.absent)
    }
}

const SOLVERS: [AlsSolver; 5] = [
    AlsSolver::Cholesky,
    AlsSolver::ConjugateGradients { steps: 3 },
    AlsSolver::CoordinateDescent { sweeps: 3 },
    AlsSolver::BlockCoordinateDescent { block: 1 },
    AlsSolver::BlockCoordinateDescent { block: 6 },
];

#[test]
fn every_solver_comes_to_the_same_objective_and_never_rises() {
    let x = groups::<f64>((40, 30));
    let objectives = SOLVERS.map(|solver| {
        let als = ImplicitAls::new(2).solver(solver).regularization(0.1);
        let fit = als.max_iter(3000).tol(1e-14).fit(&x).unwrap();
        let history = &fit.report.history;
        assert!(history.windows(2).all(|p| p[1] <= p[0] * (1.0 + 1e-12)));
        fit.report.objective
    });
    let same = |objective: &f64| (objective / objectives[0] - 1.0).abs() < 1e-7;
    assert!(objectives.iter().all(same), "{objectives:?}");
    let single = groups::<f32>((40, 30));
    let als = ImplicitAls::new(2)
        .regularization(0.1)
        .max_iter(40)
        .tol(0.0);
    let history = als.fit(&single).unwrap().report.history;
    assert!(history.windows(2).all(|p| p[1] <= p[0] * (1.0 + 1e-6)));
    let double = als.fit(&x).unwrap().report.history;
    let (single, double) = (history.last().unwrap(), double.last().unwrap());
    assert!((single / double - 1.0).abs() < 1e-3, "{single} {double}");
}

fn check_blocks<T: Scalar>(tolerance: f64) {
    let x = groups::<T>((60, 45));
    let fit = |rank, solver| {
        let als = ImplicitAls::new(rank).solver(solver).regularization(0.2);
        als.max_iter(4).tol(0.0).fit(&x).unwrap()
    };
    // One block for all is Cholesky.
    let exact = fit(9, AlsSolver::Cholesky);
    for block in [9, 64, usize::MAX] {
        let one = fit(9, AlsSolver::BlockCoordinateDescent { block });
        close(
            one.model.row_factors(),
            exact.model.row_factors().mapv(|v| v.as_f64()).view(),
            tolerance,
        );
    }
    // Smaller ones fall to about as little, and what is reported of the model is measured at it.
    let exact = fit(24, AlsSolver::Cholesky).report;
    for block in [4, 7, 16] {
        let few = fit(24, AlsSolver::BlockCoordinateDescent { block }).report;
        let last = few.history[few.history.len() - 1];
        assert!((last / few.objective - 1.0).abs() < tolerance, "{block}");
        assert!(few.objective < 1.1 * exact.objective, "{block}");
        assert!(few.history[0] < 1.5 * exact.history[0], "{block}");
    }
}

#[test]
fn blocks_are_a_short_way_to_what_cholesky_finds() {
    check_blocks::<f64>(1e-9);
    check_blocks::<f32>(2e-3);
}

#[test]
fn threads_do_not_change_a_bit_and_seeds_do() {
    // More rows than one task of a Gram matrix or of a half-step has.
    let x = groups::<f32>((2500, 60));
    for solver in SOLVERS {
        let als = ImplicitAls::new(17).solver(solver).max_iter(2);
        let with = |threads| als.fit_with(&x, &mut Run::new().threads(threads)).unwrap();
        let one = with(1);
        assert_eq!(one.model, with(2).model);
        assert_eq!(one.model, with(7).model);
        assert_eq!(one.report.history, with(2).report.history);
        assert_ne!(one.model, als.clone().seed(1).fit(&x).unwrap().model);
    }
}

#[test]
fn a_training_row_folded_in_is_its_fitted_row() {
    let x = groups::<f64>((30, 25));
    let als = ImplicitAls::new(2).max_iter(3000).tol(1e-16);
    let model = als.fit(&x).unwrap().model;
    let rows = als.fold_in_rows(&model, &x).unwrap();
    close(model.row_factors(), rows.view(), 1e-5);
    let columns = als.fold_in_columns(&model, &x).unwrap();
    close(model.column_factors(), columns.view(), 1e-5);
    // Who dislikes only, or is not there, gets zeros.
    let entries = [(0, 1, -2.0), (2, 1, 1.0)];
    let few = Ratings::from_triplets((3, 25), entries, Duplicates::Error).unwrap();
    let rows = als.fold_in_rows(&model, &few).unwrap();
    assert!(
        rows.rows()
            .into_iter()
            .take(2)
            .all(|row| row.dot(&row) == 0.0)
    );
    assert!(rows.row(2).dot(&rows.row(2)) > 0.0);
}

#[test]
fn a_fit_goes_on_from_a_model() {
    let x = groups::<f64>((30, 25));
    let als = ImplicitAls::new(3).solver(AlsSolver::Cholesky).tol(0.0);
    let whole = als.clone().max_iter(6).fit(&x).unwrap();
    let half = als.clone().max_iter(3).fit(&x).unwrap();
    let rest = als.max_iter(3).fit_from(&x, &half.model, &mut Run::new());
    let rest = rest.unwrap();
    assert_eq!(rest.model, whole.model);
    assert_eq!(rest.report.history[..], whole.report.history[3..]);
}

fn check_best_iteration<T: Scalar>() {
    let all = groups::<T>((80, 50));
    let part = |aside: bool| {
        let entries = all.triplets();
        let entries = entries.filter(|(i, j, _)| ((3 * i + 5 * j) % 4 == 0) == aside);
        Ratings::from_triplets(all.shape(), entries, Duplicates::Error).unwrap()
    };
    let (train, aside) = (part(false), part(true));
    let als = ImplicitAls::new(12).regularization(0.001).tol(0.0);
    let validation = Validation::of(&aside)
        .metric(RankingMetric::Recall(5))
        .every(2);
    let fit = |threads| {
        let mut run = Run::new().threads(threads).validation(&validation);
        als.clone()
            .max_iter(100)
            .fit_with(&train, &mut run)
            .unwrap()
    };
    let one = fit(1);
    assert_eq!(one.report.stop, StopReason::NoImprovement);
    assert_eq!(one.report.chosen["validation"], "recall@5 every 2");
    let best = one.report.best_iteration.unwrap();
    assert_eq!(best, one.report.iterations - 6, "three looks of patience");
    let value = one.report.validation[best / 2 - 1];
    assert!(value > 0.0 && one.report.validation.iter().all(|v| *v <= value));
    // A fit that ends there, its measures included.
    let plain = als.clone().max_iter(best).fit(&train).unwrap();
    assert_eq!(plain.model, one.model);
    assert_eq!(plain.report.objective, one.report.objective);
    assert_eq!(plain.report.certificate, one.report.certificate);
    for threads in [2, 7] {
        assert_eq!(fit(threads).model, one.model);
    }
}

#[test]
fn the_best_iteration_on_a_validation_set_is_given_to_the_bit() {
    check_best_iteration::<f32>();
    check_best_iteration::<f64>();
}

/// Clicks at the settings of implicit: every confidence is that of an absent entry. Each row is that of plain
/// least squares on all entries, and what all weigh alike is said.
fn clicks<T: Scalar>(tolerance: f64) {
    let positives = small::<T>();
    let entries = (0..7).flat_map(|i| {
        let columns = positives.row(i).columns.iter();
        columns.map(move |j| (i, *j as usize, T::one()))
    });
    let x = Ratings::from_triplets((7, 4), entries, Duplicates::Error).unwrap();
    let start = start::<T>();
    let y = start.column_factors().mapv(|value| value.as_f64());
    let als = ImplicitAls::implicit(2).max_iter(1);
    for solver in [
        AlsSolver::Cholesky,
        AlsSolver::ConjugateGradients { steps: 8 },
    ] {
        let als = als.clone().solver(solver);
        let fit = als.fit_from(&x, &start, &mut Run::new()).unwrap();
        let p = fit.model.row_factors().mapv(|value| value.as_f64());
        for i in 0..7 {
            let mut slope = y.t().dot(&y.dot(&p.row(i))) + 0.01 * &p.row(i);
            for j in x.row(i).columns {
                slope -= &y.row(*j as usize);
            }
            assert!(slope.iter().all(|s| s.abs() < tolerance), "{i}: {slope}");
        }
        let said = |fit: &matfact_core::Fit<FactorModel<T>>| {
            let mut notices = fit.report.notices.iter();
            notices.any(|notice| notice.contains("a larger alpha"))
        };
        assert!(said(&fit));
        let surer = als.alpha(2.0).fit(&x).unwrap();
        assert!(!said(&surer));
    }
}

#[test]
fn clicks_as_sure_as_absent_entries_are_plain_least_squares() {
    clicks::<f64>(1e-12);
    clicks::<f32>(1e-5);
}
