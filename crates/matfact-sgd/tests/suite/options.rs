//! Losses, learning rates, penalties, weights, validation, divergence: everything beyond the first settings.

use crate::fit::{every_tenth, planted, rmse};
use matfact_core::{
    Cancellation, Duplicates, Error, Factorizer, ObservedEntries, Progress, Ratings, Run, Scalar,
    StopReason, Validation,
};
use matfact_sgd::{LearningRates, OnDivergence, Sgd, SgdLoss, Units};

fn validation_set(test: &[(usize, usize, f64)]) -> Validation {
    let shape = (200, 150);
    Validation::of(&Ratings::from_triplets(shape, test.iter().copied(), Duplicates::Error).unwrap())
}

/// One of each.
fn variants() -> Vec<Sgd> {
    let sgd = || Sgd::new(20).epochs(3).seed(5);
    vec![
        sgd().loss(SgdLoss::Absolute),
        sgd().loss(SgdLoss::KullbackLeibler).biased(false),
        sgd().loss(SgdLoss::Logistic),
        sgd().loss(SgdLoss::Hinge).biased(false),
        sgd().loss(SgdLoss::SquaredHinge),
        sgd().learning_rates(LearningRates::AdaGrad).decay(0.0),
        sgd().learning_rates(LearningRates::Twin).row_l1(0.01),
        sgd().row_regularization(0.1).column_l1(0.02),
        sgd().non_negative(true).bias_learning_rate(0.02),
        Sgd::libmf(20).epochs(3),
        Sgd::surprise(20).epochs(3),
    ]
}

fn check_same_bits<T: Scalar>() {
    let (signed, _) = planted::<T>((120, 90), 1.0, every_tenth);
    let triplets = signed.triplets().map(|(i, j, v)| (i, j, v.abs()));
    let ratings = Ratings::from_triplets((120, 90), triplets, Duplicates::Error).unwrap();
    let weights = |e: usize| T::from_f64((e % 4) as f64 / 2.0);
    let weighted = (0..ratings.observed()).map(weights).collect();
    let weighted = ratings.clone().with_weights(weighted).unwrap();
    for sgd in variants() {
        for x in [&ratings, &weighted] {
            let one = sgd.fit_with(x, &mut Run::new().threads(1)).unwrap();
            assert!(one.model.row_factors().iter().all(|v| v.is_finite()));
            assert!(one.report.history[2] < one.report.history[0], "{sgd:?}");
            for threads in [2, 7] {
                let fit = sgd.fit_with(x, &mut Run::new().threads(threads)).unwrap();
                assert_eq!(fit.model, one.model, "{threads} threads, {sgd:?}");
                assert_eq!(fit.report.history, one.report.history);
            }
        }
    }
}

#[test]
fn every_variant_gives_the_same_bits_for_any_number_of_threads() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

#[test]
fn a_penalty_of_one_side_is_the_common_one_when_both_are_alike() {
    let (ratings, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let plain = Sgd::new(8).epochs(5).regularization(0.1);
    let sides = plain.clone().regularization(9.0).row_regularization(0.1);
    let sides = sides.column_regularization(0.1);
    let expected = plain.fit(&ratings).unwrap().model;
    assert_eq!(sides.fit(&ratings).unwrap().model, expected);
    // The general loop, by a rate that is hardly another.
    let general = plain.bias_learning_rate(0.05 * (1.0 + 1e-15));
    let model = general.fit(&ratings).unwrap().model;
    assert_ne!(model, expected);
    let apart = |(i, j, _): (usize, usize, f64)| {
        let [a, b] = [&model, &expected].map(|m| m.predict_or_fallback(Some(i), Some(j)));
        (a - b).abs()
    };
    assert!(test.into_iter().map(apart).fold(0.0, f64::max) < 1e-9);
}

#[test]
fn a_side_that_is_penalized_more_is_smaller_and_l1_makes_zeros() {
    let (ratings, _) = planted::<f64>((200, 150), 1.0, every_tenth);
    let norm = |sgd: &Sgd| {
        let model = sgd.fit(&ratings).unwrap().model;
        let squares = |factors: matfact_core::ndarray::ArrayView2<'_, f64>| {
            factors.iter().map(|v| v * v).sum::<f64>() / factors.nrows() as f64
        };
        (
            squares(model.row_factors()),
            squares(model.column_factors()),
        )
    };
    let (rows, columns) = norm(
        &Sgd::new(4)
            .row_regularization(0.2)
            .column_regularization(0.001),
    );
    assert!(rows < 0.5 * columns, "{rows} {columns}");
    let sparse = Sgd::new(6).row_l1(0.05).fit(&ratings).unwrap().model;
    let zeros = |factors: matfact_core::ndarray::ArrayView2<'_, f64>| {
        factors.iter().filter(|v| **v == 0.0).count()
    };
    assert!(zeros(sparse.row_factors()) > 200);
    assert_eq!(zeros(sparse.column_factors()), 0);
}

#[test]
fn non_negative_factors_are_and_still_fit() {
    let (signed, _) = planted::<f64>((200, 150), 1.0, every_tenth);
    let triplets = signed.triplets().map(|(i, j, v)| (i, j, v.abs()));
    let ratings = Ratings::from_triplets((200, 150), triplets, Duplicates::Error).unwrap();
    let square = Sgd::new(6).biased(false).non_negative(true);
    for sgd in [square.clone(), square.loss(SgdLoss::KullbackLeibler)] {
        let fit = sgd.fit(&ratings).unwrap();
        let both = [fit.model.row_factors(), fit.model.column_factors()];
        assert!(both.iter().all(|f| f.iter().all(|v| *v >= 0.0)));
        let error = rmse(&fit.model, ratings.triplets());
        let mean = ratings.mean();
        let squares = ratings.triplets().map(|(_, _, v)| (v - mean).powi(2));
        let deviation = (squares.sum::<f64>() / ratings.observed() as f64).sqrt();
        assert!(error < 0.9 * deviation, "{error} against {deviation}");
    }
}

/// The objective of the crate's page falls far from where it starts, for every loss.
#[test]
fn outliers_move_the_absolute_loss_less() {
    let (ratings, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let spoiled = ratings
        .triplets()
        .enumerate()
        .map(|(e, (i, j, v))| (i, j, if e % 20 == 0 { v + 60.0 } else { v }));
    let spoiled = Ratings::from_triplets((200, 150), spoiled, Duplicates::Error).unwrap();
    let error = |loss| {
        let model = Sgd::new(4)
            .epochs(40)
            .loss(loss)
            .fit(&spoiled)
            .unwrap()
            .model;
        let errors = test
            .iter()
            .map(|(i, j, v)| (model.predict_or_fallback(Some(*i), Some(*j)) - v).abs());
        errors.sum::<f64>() / test.len() as f64
    };
    let (squared, absolute) = (error(SgdLoss::Squared), error(SgdLoss::Absolute));
    assert!(absolute < 0.7 * squared, "{absolute} against {squared}");
}

#[test]
fn classes_are_told_apart_by_every_loss_of_classes() {
    let (numbers, test) = planted::<f32>((200, 150), 1.0, every_tenth);
    // Classes by any number above 0, and any other.
    let class = |v: f64| if v > 3.0 { 2.0 } else { 0.0 };
    let classes = numbers
        .triplets()
        .map(|(i, j, v)| (i, j, class(f64::from(v)) as f32));
    let classes = Ratings::from_triplets((200, 150), classes, Duplicates::Error).unwrap();
    for loss in [SgdLoss::Logistic, SgdLoss::Hinge, SgdLoss::SquaredHinge] {
        for biased in [true, false] {
            let sgd = Sgd::new(4).loss(loss).biased(biased).epochs(60);
            let sgd = sgd.learning_rate(0.2).regularization(0.01);
            let fit = sgd.fit(&classes).unwrap();
            assert_eq!(fit.model.mean(), 0.0);
            let right = test.iter().filter(|(i, j, v)| {
                let score = fit.model.predict_or_fallback(Some(*i), Some(*j));
                (score > 0.0) == (class(*v) > 0.0)
            });
            let share = right.count() as f64 / test.len() as f64;
            assert!(share > 0.8, "{loss:?}, biased {biased}: {share}");
        }
    }
}

#[test]
fn weights_count_entries_and_none_is_left_out() {
    let (ratings, _) = planted::<f64>((60, 50), 1.0, every_tenth);
    let some = |e: usize| !e.is_multiple_of(3);
    // A weight of 0 takes an entry out.
    let kept = ratings.triplets().enumerate().filter(|(e, _)| some(*e));
    let fewer = Ratings::from_triplets((60, 50), kept.map(|(_, t)| t), Duplicates::Error).unwrap();
    let ones = vec![1.0; fewer.observed()];
    let weights = (0..ratings.observed())
        .map(|e| f64::from(u8::from(some(e))))
        .collect();
    let weighted = ratings.clone().with_weights(weights).unwrap();
    let sgd = Sgd::new(5).epochs(6);
    let left_out = sgd.fit(&weighted).unwrap();
    let missing = sgd.fit(&fewer.with_weights(ones).unwrap()).unwrap();
    for (a, b) in left_out.report.history.iter().zip(&missing.report.history) {
        assert!((a - b).abs() < 1e-9 * b, "{a} {b}");
    }
    // What weighs more is fitted better.
    let heavy = |e: usize| if e.is_multiple_of(10) { 5.0 } else { 0.2 };
    let weights = (0..ratings.observed()).map(heavy).collect();
    let weighted = ratings.clone().with_weights(weights).unwrap();
    let errors = |x: &Ratings<f64>| {
        let model = sgd.clone().epochs(40).fit(x).unwrap().model;
        rmse(&model, ratings.triplets().step_by(10))
    };
    let (weighted, alike) = (errors(&weighted), errors(&ratings));
    assert!(weighted < alike, "{weighted} against {alike}");
}

#[test]
fn validation_stops_the_fit_and_gives_the_best_model() {
    let (ratings, test) = planted::<f32>((200, 150), 1.0, every_tenth);
    // Overfits: no penalty, many factors.
    let sgd = Sgd::new(40).regularization(0.0).decay(0.0).epochs(200);
    let validation = validation_set(&test);
    let fit = |threads| {
        let mut run = Run::new().validation(&validation).threads(threads);
        sgd.fit_with(&ratings, &mut run).unwrap()
    };
    let stopped = fit(2);
    let report = &stopped.report;
    assert_eq!(report.stop, StopReason::NoImprovement);
    let best = report.best_iteration.unwrap();
    assert_eq!(report.iterations, best + 3);
    assert_eq!(report.validation.len(), report.iterations);
    let least = report
        .validation
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    assert_eq!(report.validation[best - 1], least);
    assert_eq!(report.objective, report.history[best - 1]);
    assert!((rmse(&stopped.model, test.iter().copied()) - least).abs() < 1e-6);
    // The model of a fit of so many epochs: without decay their number changes nothing else.
    assert_eq!(
        sgd.clone().epochs(best).fit(&ratings).unwrap().model,
        stopped.model
    );
    assert_eq!(fit(7).model, stopped.model);

    let outside = Ratings::from_triplets((300, 1), [(299, 0, 1.0)], Duplicates::Error).unwrap();
    let outside = Validation::of(&outside);
    let refused = sgd.fit_with(&ratings, &mut Run::new().validation(&outside));
    assert!(matches!(
        refused,
        Err(Error::IndexOutOfRange { axis: "row", .. })
    ));
}

#[test]
fn a_cancelled_fit_gives_the_best_model_so_far() {
    let (ratings, test) = planted::<f32>((200, 150), 1.0, every_tenth);
    let validation = validation_set(&test);
    let stop = Cancellation::new();
    let raised = stop.clone();
    let mut observer = |progress: &Progress| {
        if progress.iteration == 2 {
            raised.cancel();
        }
    };
    let run = Run::new().cancellation(&stop).observer(&mut observer);
    let fit = Sgd::new(4)
        .fit_with(&ratings, &mut run.validation(&validation))
        .unwrap();
    assert_eq!(fit.report.stop, StopReason::Cancelled);
    assert!(fit.report.best_iteration.is_some_and(|best| best <= 2));
}

#[test]
fn divergence_halves_the_step_or_keeps_the_last_model() {
    let (ratings, test) = planted::<f32>((200, 150), 1.0, every_tenth);
    for biased in [true, false] {
        let sgd = Sgd::new(8).learning_rate(20.0).biased(biased);
        assert!(matches!(
            sgd.fit(&ratings),
            Err(Error::Diverged { epoch: 1, .. })
        ));
        let halved = sgd.clone().on_divergence(OnDivergence::HalveStep);
        let fit = halved.fit(&ratings).unwrap();
        assert_eq!(fit.report.iterations, 20);
        assert!(
            fit.report.notices[0]
                .contains("epoch 1 diverged with learning rate 20: done again with 10")
        );
        assert!(rmse(&fit.model, test.iter().copied()).is_finite());
        let last = sgd
            .on_divergence(OnDivergence::KeepLast)
            .fit(&ratings)
            .unwrap();
        assert_eq!(last.report.stop, StopReason::Diverged);
        assert_eq!(last.report.iterations, 0);
        let start = Sgd::new(8).biased(biased).epochs(0).fit(&ratings).unwrap();
        assert_eq!(last.model, start.model);
    }
}

#[test]
fn presets_speak_in_the_units_of_the_ratings() {
    // Surprise's update on one rating of a user and an item, by hand.
    let ratings =
        Ratings::from_triplets((2, 2), [(0, 0, 1.0_f64), (1, 1, 4.0)], Duplicates::Error).unwrap();
    let sgd = Sgd::surprise(3).epochs(1);
    let start = sgd.clone().epochs(0).fit(&ratings).unwrap().model;
    let end = sgd.fit(&ratings).unwrap().model;
    for i in 0..2 {
        let (p, q) = (start.row_factors(), start.column_factors());
        let (p, q) = (p.row(i), q.row(i));
        let error = [1.0, 4.0][i] - 2.5 - p.dot(&q);
        let bias = 0.005 * error / (1.0 + 0.005 * 0.02);
        assert!((end.row_bias().unwrap()[i] - bias).abs() < 1e-12);
        for t in 0..3 {
            let moved = (p[t] + 0.005 * error * q[t]) / (1.0 + 0.005 * 0.02);
            assert!((end.row_factors()[[i, t]] - moved).abs() < 1e-12);
        }
    }
    // LIBMF's do not depend on the unit of the ratings if the penalty goes with it.
    let (small, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let (large, _) = planted::<f64>((200, 150), 64.0, every_tenth);
    let sgd = Sgd::libmf(8).epochs(10);
    let small = sgd.fit(&small).unwrap().model;
    let large = sgd.regularization(6.4).fit(&large).unwrap().model;
    for (i, j, _) in test {
        let [a, b] = [&small, &large].map(|m| m.predict_or_fallback(Some(i), Some(j)));
        assert!((64.0 * a - b).abs() < 1e-6 * b.abs().max(1.0), "{a} {b}");
    }
    assert_eq!(
        Sgd::libmf(8).get_units(),
        Units::DeviationWithOriginalPenalties
    );
}

#[test]
fn counts_are_for_the_kullback_leibler_loss_alone() {
    let negative = Ratings::from_triplets((2, 2), [(1, 0, -2.0)], Duplicates::Error).unwrap();
    let sgd = Sgd::new(2).loss(SgdLoss::KullbackLeibler);
    assert!(matches!(
        sgd.fit(&negative),
        Err(Error::InvalidParameter { name: "biased", .. })
    ));
    assert!(matches!(
        sgd.biased(false).fit(&negative),
        Err(Error::Negative {
            row: 1,
            column: 0,
            ..
        })
    ));
}
