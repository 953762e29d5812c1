//! Intervals and comparisons.

use crate::data::{model, ratings};
use matfact_als::Als;
use matfact_core::Factorizer;
use matfact_eval::{Evaluation, Metric, Resampling, Score, Split, compare};

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
