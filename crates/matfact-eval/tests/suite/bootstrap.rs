//! Intervals and comparisons.

use crate::data::{model, ratings};
use matfact_als::Als;
use matfact_core::Factorizer;
use matfact_eval::{
    Evaluation, Interval, KFold, Metric, Resampling, Score, Split, compare, compare_folds,
};

fn scores(metric: Metric) -> (Score, Score) {
    let split = Split::random(&ratings::<f64>(80, 40), 0.25, 1).unwrap();
    let good = Als::new(1).fit(&split.train).unwrap().model;
    let evaluation = Evaluation::new([metric]);
    let good = evaluation.of(&good, &split).unwrap().remove(0);
    let bad = evaluation.of(&model(80, 40, 1), &split).unwrap().remove(0);
    (good, bad)
}

#[test]
fn the_interval_is_about_two_standard_errors_on_each_side() {
    let (score, _) = scores(Metric::Mae);
    let interval = score.interval(&Resampling::new()).unwrap().unwrap();
    // The standard error of a ratio of sums over rows.
    let total: f64 = score.weights.iter().sum();
    let residual = |(v, w): (&f64, &f64)| (w * (v - score.value)).powi(2);
    let squares: f64 = score.values.iter().zip(&score.weights).map(residual).sum();
    let error = squares.sqrt() / total;
    assert!(interval.low < score.value && score.value < interval.high);
    let width = (interval.high - interval.low) / (2.0 * 1.96 * error);
    assert!((0.85..1.15).contains(&width), "{width}");
    let narrow = score
        .interval(&Resampling::new().level(0.5))
        .unwrap()
        .unwrap();
    assert!(narrow.high - narrow.low < 0.5 * (interval.high - interval.low));
    assert_eq!(score.interval(&Resampling::new()).unwrap(), Some(interval));
    let other = score.interval(&Resampling::new().seed(1)).unwrap();
    assert_ne!(other, Some(interval));
}

#[test]
fn rmse_has_an_interval_of_roots() {
    let (score, _) = scores(Metric::Rmse);
    let interval = score.interval(&Resampling::new()).unwrap().unwrap();
    assert!(interval.low < score.value && score.value < interval.high);
    assert!(interval.high < 1.3 * score.value);
}

#[test]
fn a_model_is_as_good_as_itself_and_better_than_a_bad_one() {
    let resampling = Resampling::new().resamples(400);
    for metric in [Metric::Rmse, Metric::Mae] {
        let (good, bad) = scores(metric);
        let same = compare(&good, &good, &resampling).unwrap();
        assert_eq!((same.difference, same.first_better), (0.0, 0.5));
        assert_eq!((same.interval.low, same.interval.high), (0.0, 0.0));
        let better = compare(&good, &bad, &resampling).unwrap();
        assert!(better.difference < 0.0 && better.interval.high < 0.0);
        assert_eq!(better.first_better, 1.0);
        let worse = compare(&bad, &good, &resampling).unwrap();
        assert_eq!(worse.first_better, 0.0);
        assert!((worse.difference + better.difference).abs() < 1e-12);
    }
    // Of a metric that is better large, the sign is the other way.
    let split = Split::random(&ratings::<f64>(80, 40), 0.25, 1).unwrap();
    let evaluation = Evaluation::new([Metric::Recall(5)]);
    let [a, b] = [1, 2].map(|seed| {
        evaluation
            .of(&model(80, 40, seed), &split)
            .unwrap()
            .remove(0)
    });
    let comparison = compare(&a, &b, &resampling).unwrap();
    assert_eq!(comparison.first_better > 0.5, comparison.difference > 0.0);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let ((rmse, _), (mae, _)) = (scores(Metric::Rmse), scores(Metric::Mae));
    let default = Resampling::new();
    assert!(
        compare(&rmse, &mae, &default)
            .unwrap_err()
            .to_string()
            .contains("same metric")
    );
    let mut fewer = rmse.clone();
    fewer.rows.pop();
    assert!(compare(&rmse, &fewer, &default).is_err());
    for bad in [
        default.resamples(0),
        default.level(0.0),
        default.level(1.0),
        default.level(f64::NAN),
    ] {
        assert!(compare(&rmse, &rmse, &bad).is_err());
        assert!(rmse.interval(&bad).is_err());
    }
    let (coverage, _) = scores(Metric::Coverage(3));
    assert_eq!(coverage.interval(&default).unwrap(), None);
    assert!(compare(&coverage, &coverage, &default).is_err());
}

/// The scores of two models on each of four folds.
fn on_folds(metric: Metric) -> (Vec<Score>, Vec<Score>) {
    let ratings = ratings::<f64>(80, 40);
    let evaluation = Evaluation::new([metric]);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for fold in 0..4 {
        let split = KFold::new(4).split(&ratings, fold).unwrap();
        let fitted = Als::new(1).fit(&split.train).unwrap().model;
        good.extend(evaluation.of(&fitted, &split).unwrap());
        bad.extend(evaluation.of(&model(80, 40, 1), &split).unwrap());
    }
    (good, bad)
}

#[test]
fn folds_are_compared_by_the_means_over_them() {
    let resampling = Resampling::new().resamples(400);
    let (good, bad) = on_folds(Metric::Rmse);
    let mean = |scores: &[Score]| scores.iter().map(|score| score.value).sum::<f64>() / 4.0;
    let found = compare_folds(&good, &bad, &resampling).unwrap();
    assert!((found.difference - (mean(&good) - mean(&bad))).abs() < 1e-12);
    assert!(found.interval.low < found.difference && found.difference < found.interval.high);
    assert!(found.interval.high < 0.0 && found.first_better == 1.0);
    // All folds say more than one of them.
    let one = compare(&good[0], &bad[0], &resampling).unwrap();
    let width = |interval: Interval| interval.high - interval.low;
    assert!(width(found.interval) < width(one.interval));
    // One fold is a comparison, to the bit.
    let alone = compare_folds(&good[..1], &bad[..1], &resampling).unwrap();
    assert_eq!(alone, one);
    let same = compare_folds(&good, &good, &resampling).unwrap();
    assert_eq!((same.difference, same.first_better), (0.0, 0.5));
}

/// A fold of one row alone is often without any row that was drawn, and then says nothing.
#[test]
fn a_fold_without_drawn_rows_is_left_out() {
    let (mut good, mut bad) = on_folds(Metric::Mae);
    for scores in [&mut good[1], &mut bad[1]] {
        scores.rows.truncate(1);
        scores.values.truncate(1);
        scores.weights.truncate(1);
        scores.value = scores.values[0];
    }
    let found = compare_folds(&good, &bad, &Resampling::new()).unwrap();
    let numbers = [found.interval.low, found.interval.high, found.first_better];
    assert!(numbers.iter().all(|number| number.is_finite()), "{found:?}");
    assert!(found.interval.low < found.interval.high);
}

#[test]
fn folds_that_do_not_belong_together_are_refused() {
    let default = Resampling::new();
    let ((rmse, _), (mae, _)) = (on_folds(Metric::Rmse), on_folds(Metric::Mae));
    let of = |first: &[Score], second: &[Score]| compare_folds(first, second, &default);
    let error = of(&rmse, &rmse[1..]).unwrap_err().to_string();
    assert!(
        error.contains("4 folds") && error.contains("3 folds"),
        "{error}"
    );
    assert!(of(&[], &[]).is_err());
    let mixed = [rmse[0].clone(), mae[1].clone()];
    assert!(of(&mixed, &mixed).is_err());
    let mut fewer = mae.clone();
    fewer[2].rows.pop();
    assert!(of(&mae, &fewer).is_err());
    assert!(compare_folds(&mae, &mae, &default.resamples(0)).is_err());
}
