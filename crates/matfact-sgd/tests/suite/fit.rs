//! What a fit finds, and that it is the same for any number of threads.

use matfact_core::{
    Cancellation, Duplicates, Factorization, Factorizer, ObservedEntries, Progress, Ratings, Run,
    Scalar, StopReason,
};
use matfact_linalg::{BlockEntry, BlockSide, DescentStep, FactorLanes, ShrunkBias, Simd};
use matfact_linalg::{descend_block, random_normal};
use matfact_sgd::Sgd;
use std::time::Duration;

/// Whether entry (i, j) is held out.
pub(crate) type HeldOut = fn(usize, usize) -> bool;

/// A table of rank 2 with biases, of which about a half is observed: training and held-out entries.
pub(crate) fn planted<T: Scalar>(
    (rows, columns): (usize, usize),
    scale: f64,
    held_out: HeldOut,
) -> (Ratings<T>, Vec<(usize, usize, f64)>) {
    let p = random_normal::<f64>((rows, 3), 1, 1);
    let q = random_normal::<f64>((columns, 3), 1, 2);
    let mut train = Vec::new();
    let mut test = Vec::new();
    for i in 0..rows {
        for j in 0..columns {
            if (i * 31 + j * 17 + i * j) % 2 == 0 {
                continue;
            }
            let interaction = p[[i, 0]] * q[[j, 0]] + p[[i, 1]] * q[[j, 1]];
            let value = scale * (3.0 + 0.5 * (p[[i, 2]] + q[[j, 2]]) + interaction);
            if held_out(i, j) {
                test.push((i, j, value));
            } else {
                train.push((i, j, T::from_f64(value)));
            }
        }
    }
    let ratings = Ratings::from_triplets((rows, columns), train, Duplicates::Error).unwrap();
    (ratings, test)
}

pub(crate) fn every_tenth(i: usize, j: usize) -> bool {
    (i + 3 * j) % 10 == 4
}

pub(crate) fn rmse<T: Scalar>(
    model: &impl Factorization<Scalar = T>,
    entries: impl IntoIterator<Item = (usize, usize, f64)>,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (i, j, value) in entries {
        sum += (model.predict(i, j).unwrap().as_f64() - value).powi(2);
        count += 1.0;
    }
    (sum / count).sqrt()
}

fn check_same_bits<T: Scalar>() {
    let (ratings, _) = planted::<T>((300, 200), 1.0, every_tenth);
    for biased in [true, false] {
        let sgd = Sgd::new(20).epochs(3).biased(biased).seed(5);
        let one = sgd.fit_with(&ratings, &mut Run::new().threads(1)).unwrap();
        for threads in [2, 3, 7] {
            let fit = sgd
                .fit_with(&ratings, &mut Run::new().threads(threads))
                .unwrap();
            assert_eq!(fit.model, one.model, "{threads} threads, biased {biased}");
            assert_eq!(fit.report.history, one.report.history);
            assert_eq!(fit.report.threads, threads);
        }
        let other = sgd.seed(6).fit(&ratings).unwrap();
        assert_ne!(other.model, one.model);
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bits() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

#[test]
fn a_planted_table_is_recovered_at_any_scale() {
    for scale in [1e-6, 1.0, 1e6] {
        let (ratings, test) = planted::<f64>((200, 150), scale, every_tenth);
        let sgd = Sgd::new(4)
            .epochs(150)
            .learning_rate(0.1)
            .regularization(1e-3)
            .bias_regularization(0.1);
        let fit = sgd.fit(&ratings).unwrap();
        let error = rmse(&fit.model, test) / scale;
        assert!(error < 0.1, "{error} at scale {scale}");
        let history = &fit.report.history;
        assert!(history[149] < 0.1 * history[0]);
        assert_eq!(fit.report.objective, history[149]);
    }
}

#[test]
fn f32_follows_f64() {
    let (single, _) = planted::<f32>((200, 150), 1.0, every_tenth);
    let (double, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let sgd = Sgd::new(8).epochs(10);
    let single = sgd.fit(&single).unwrap().model;
    let double = sgd.fit(&double).unwrap().model;
    for (i, j, _) in test {
        let difference = single.predict(i, j).unwrap().as_f64() - double.predict(i, j).unwrap();
        assert!(difference.abs() < 1e-3, "{difference} at {i}, {j}");
    }
}

#[test]
fn the_defaults_beat_the_mean_with_and_without_biases() {
    let (ratings, test) = planted::<f32>((200, 150), 1.0, every_tenth);
    let mean = ratings.mean();
    let baseline =
        (test.iter().map(|t| (t.2 - mean).powi(2)).sum::<f64>() / test.len() as f64).sqrt();
    for rank in [1, 10, 100] {
        for biased in [true, false] {
            let fit = Sgd::new(rank).biased(biased).fit(&ratings).unwrap();
            let error = rmse(&fit.model, test.iter().copied());
            assert!(
                error < 0.9 * baseline,
                "rank {rank}, biased {biased}: {error} against {baseline}"
            );
        }
    }
}

#[test]
fn without_biases_the_reconstruction_is_the_product_of_the_factors() {
    let (ratings, _) = planted::<f64>((40, 30), 1.0, every_tenth);
    let model = Sgd::new(5).biased(false).fit(&ratings).unwrap().model;
    assert_eq!(model.mean(), 0.0);
    assert!(model.row_bias().is_none() && model.column_bias().is_none());
    let product = model.row_factors().dot(&model.column_factors().t());
    let difference = &model.reconstruct() - &product;
    assert!(difference.iter().all(|d| d.abs() < 1e-12));
}

#[test]
fn without_biases_a_mean_far_above_the_spread_is_fitted_too() {
    let triplets =
        (0..30).flat_map(|i| (0..20).map(move |j| (i, j, 1000.0 + ((i * 3 + j) % 5) as f32)));
    let ratings = Ratings::from_triplets((30, 20), triplets, Duplicates::Error).unwrap();
    let fit = Sgd::new(6).biased(false).fit(&ratings).unwrap();
    assert!(fit.report.objective < 50.0, "{:?}", fit.report.history);
}

#[test]
fn rows_and_columns_without_ratings_contribute_nothing() {
    let triplets = [(1, 1, 2.0), (1, 3, 4.0), (3, 1, 3.0)];
    let ratings = Ratings::from_triplets((5, 4), triplets, Duplicates::Error).unwrap();
    let model = Sgd::new(3).fit(&ratings).unwrap().model;
    let (row_bias, column_bias) = (model.row_bias().unwrap(), model.column_bias().unwrap());
    for row in [0, 2, 4] {
        assert!(model.row_factors().row(row).iter().all(|v| *v == 0.0));
        assert_eq!(row_bias[row], 0.0);
        assert_eq!(
            model.predict(row, 3).unwrap(),
            model.mean() + column_bias[3]
        );
    }
    for column in [0, 2] {
        assert!(model.column_factors().row(column).iter().all(|v| *v == 0.0));
        assert_eq!(column_bias[column], 0.0);
    }
    assert!(model.row_factors().row(1).iter().any(|v| *v != 0.0));
}

#[test]
fn no_epochs_give_the_starting_point() {
    let (ratings, _) = planted::<f64>((60, 50), 1.0, every_tenth);
    let fit = Sgd::new(4).epochs(0).fit(&ratings).unwrap();
    assert_eq!((fit.report.iterations, fit.report.history.len()), (0, 0));
    assert!((fit.model.mean() - ratings.mean()).abs() < 1e-12);
    assert!(fit.model.row_bias().unwrap().iter().all(|b| *b == 0.0));
    assert!(fit.model.row_factors().iter().any(|p| *p != 0.0));
    let error = rmse(&fit.model, ratings.triplets());
    assert!((fit.report.objective - error).abs() < 1e-9 * error);
    // Without starting factors nothing but biases can move.
    let fit = Sgd::new(4).initial_deviation(0.0).fit(&ratings).unwrap();
    assert!(fit.model.row_factors().iter().all(|p| *p == 0.0));
    assert!(fit.model.row_bias().unwrap().iter().any(|b| *b != 0.0));
}

#[test]
fn constant_ratings_stay_what_they_are() {
    for value in [0.0_f32, 3.1, -1e30, 1e-30] {
        let triplets = (0..30).flat_map(|i| (0..20).map(move |j| (i, j, value)));
        let ratings = Ratings::from_triplets((30, 20), triplets, Duplicates::Error).unwrap();
        let fit = Sgd::new(6).fit(&ratings).unwrap();
        assert_eq!(fit.model.mean(), value);
        let tolerance = if value == 0.0 {
            0.02
        } else {
            0.02 * value.abs()
        };
        for (i, j, _) in ratings.triplets() {
            assert!((fit.model.predict(i, j).unwrap() - value).abs() <= tolerance);
        }
    }
    let one = Ratings::from_triplets((1, 1), [(0, 0, 5.0)], Duplicates::Error).unwrap();
    assert_eq!(Sgd::new(7).fit(&one).unwrap().model.mean(), 5.0);
}

#[test]
fn one_row_with_nearly_all_entries_finishes() {
    let heavy = (0..9900).map(|j| (17, j, (j % 5) as f32));
    let light = (0..100).map(|i| (i + 20, i * 7, (i % 3) as f32));
    let ratings =
        Ratings::from_triplets((200, 9900), heavy.chain(light), Duplicates::Error).unwrap();
    let fit = Sgd::new(8).epochs(5).fit(&ratings).unwrap();
    assert!(fit.model.row_factors().iter().all(|v| v.is_finite()));
    assert_eq!(fit.report.stored, Some(10_000));
}

#[test]
fn a_run_is_watched_and_can_be_stopped() {
    let (ratings, _) = planted::<f32>((60, 50), 1.0, every_tenth);
    let stop = Cancellation::new();
    let raised = stop.clone();
    let mut seen = Vec::new();
    let mut observer = |progress: &Progress| {
        seen.push(progress.objective);
        if progress.iteration == 3 {
            raised.cancel();
        }
    };
    let mut run = Run::new().cancellation(&stop).observer(&mut observer);
    let fit = Sgd::new(4).fit_with(&ratings, &mut run).unwrap();
    assert_eq!(fit.report.stop, StopReason::Cancelled);
    assert_eq!(fit.report.iterations, 3);
    assert_eq!(fit.report.history, seen);

    let mut run = Run::new().time_budget(Duration::ZERO);
    let fit = Sgd::new(4).fit_with(&ratings, &mut run).unwrap();
    assert_eq!(fit.report.stop, StopReason::TimeBudget);
    assert_eq!(fit.report.iterations, 1);
    assert!(fit.report.seconds.total() > 0.0);
}

#[test]
fn boxed_algorithms_and_inputs_work() {
    let (ratings, _) = planted::<f64>((30, 20), 1.0, every_tenth);
    let sgd = Sgd::new(4).epochs(2);
    let direct = sgd.fit(&ratings).unwrap();
    let input: Box<dyn ObservedEntries<Scalar = f64>> = Box::new(ratings);
    assert_eq!(sgd.fit(&input).unwrap().model, direct.model);
    assert_eq!(sgd.fit(input.as_ref()).unwrap().model, direct.model);
}

/// The update against the gradient of the objective by central differences.
#[test]
fn the_update_goes_down_the_gradient() {
    const K: usize = FactorLanes::<f64>::COUNT;
    let numbers = random_normal::<f64>((2, K), 4, 0);
    let (rating, learning_rate, lambda, bias_penalty) = (1.7, 0.03, 0.2, 0.4);
    let (b, c) = (0.3, -0.2);
    // p, q, b, c one after the other.
    let mut start: Vec<f64> = numbers.iter().map(|v| 0.3 * v).collect();
    start.extend([b, c]);
    let half_squared_error = |at: &[f64]| {
        let product: f64 = (0..K).map(|t| at[t] * at[K + t]).sum();
        0.5 * (rating - at[2 * K] - at[2 * K + 1] - product).powi(2)
    };

    let mut p = [FactorLanes::default()];
    let mut q = [FactorLanes::default()];
    p[0].0.copy_from_slice(&start[..K]);
    q[0].0.copy_from_slice(&start[K..2 * K]);
    let bias = |bias| ShrunkBias {
        bias,
        shrinkage: 1.0 / (1.0 + learning_rate * bias_penalty),
    };
    let (mut row_bias, mut column_bias) = ([bias(b)], [bias(c)]);
    let squared = descend_block(
        Simd::detect(),
        &[BlockEntry {
            row: 0,
            column: 0,
            value: rating,
        }],
        BlockSide {
            factors: &mut p,
            biases: &mut row_bias,
        },
        BlockSide {
            factors: &mut q,
            biases: &mut column_bias,
        },
        DescentStep {
            learning_rate,
            shrinkage: 1.0 / (1.0 + learning_rate * lambda),
            biased: true,
            width: 1,
        },
    );
    assert!((0.5 * squared - half_squared_error(&start)).abs() < 1e-12);
    let mut end = [p[0].0, q[0].0].concat();
    end.extend([row_bias[0].bias, column_bias[0].bias]);

    for t in 0..start.len() {
        let h = 1e-5;
        let (mut above, mut below) = (start.clone(), start.clone());
        above[t] += h;
        below[t] -= h;
        let slope = (half_squared_error(&above) - half_squared_error(&below)) / (2.0 * h);
        let penalty = if t < 2 * K { lambda } else { bias_penalty };
        // Down the error's gradient at the start, and the penalty's at the end.
        let downhill = -(end[t] - start[t]) / learning_rate - penalty * end[t];
        assert!(
            (downhill - slope).abs() < 1e-6,
            "{downhill} against {slope}"
        );
    }
}
