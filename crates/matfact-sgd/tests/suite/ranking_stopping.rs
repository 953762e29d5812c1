//! Methods that rank stop by the lists that held-out positives should be in.

use crate::ranking::tastes;
use matfact_core::{
    Cancellation, Duplicates, Error, FactorModel, Factorizer, Fit, ObservedEntries, Progress,
    RankingMetric, Ratings, Recommend, Result, Run, Scalar, StopReason, Validation,
};
use matfact_sgd::{Bpr, LogisticFactorization, Popularity, Sgd, SvdPlusPlus, Warp};

/// Positives to train on, and the rest.
fn data<T: Scalar>() -> (Ratings<T>, Ratings<T>) {
    let (train, held_out) = tastes::<T>(90, 60);
    let entries = held_out.iter().map(|(i, j)| (*i, *j, T::one()));
    let held_out = Ratings::from_triplets((90, 60), entries, Duplicates::Error).unwrap();
    (train, held_out)
}

/// A method with a constant rate and so many epochs.
type Method<T> = fn(usize, &Ratings<T>, &mut Run<'_>) -> Result<Fit<FactorModel<T>>>;

fn methods<T: Scalar>() -> [(&'static str, Method<T>); 3] {
    [
        ("bpr", |epochs, x, run| {
            let bpr = Bpr::new(10).epochs(epochs).decay(0.0);
            bpr.learning_rate(0.3).fit_with(x, run)
        }),
        ("warp", |epochs, x, run| {
            let warp = Warp::new(10).epochs(epochs).decay(0.0);
            warp.regularization(0.0).fit_with(x, run)
        }),
        ("logistic", |epochs, x, run| {
            let logistic = LogisticFactorization::new(10).epochs(epochs);
            logistic.decay(0.0).learning_rate(0.3).fit_with(x, run)
        }),
    ]
}

/// The mean over rows, one by one.
fn mean<T: Scalar>(
    metric: RankingMetric,
    model: &FactorModel<T>,
    train: &Ratings<T>,
    held_out: &Ratings<T>,
) -> f64 {
    let (mut sum, mut rows) = (0.0, 0.0);
    for row in 0..held_out.shape().0 {
        let relevant = held_out.row(row).columns;
        if relevant.is_empty() {
            continue;
        }
        let list = model.recommend(row, metric.cutoff(), train.row(row).columns);
        let list: Vec<u32> = list.unwrap().iter().map(|r| r.column as u32).collect();
        sum += metric.of_list(&list, relevant);
        rows += 1.0;
    }
    sum / rows
}

fn check_best_state<T: Scalar>() {
    let (train, held_out) = data::<T>();
    let metrics = [
        RankingMetric::Ndcg(10),
        RankingMetric::Recall(5),
        RankingMetric::Map(7),
    ];
    for ((name, method), metric) in methods::<T>().into_iter().zip(metrics) {
        let validation = Validation::of(&held_out)
            .metric(metric)
            .every(3)
            .patience(2);
        let fit = |threads| {
            let mut run = Run::new().threads(threads).validation(&validation);
            method(400, &train, &mut run).unwrap()
        };
        let one = fit(1);
        let report = &one.report;
        assert_eq!(report.stop, StopReason::NoImprovement, "{name}");
        assert!(report.converged() && report.iterations < 400);
        assert_eq!(report.validation.len(), report.iterations / 3);
        assert_eq!(report.chosen["validation"], format!("{metric} every 3"));
        let best = report.best_iteration.unwrap();
        assert_eq!(best, report.iterations - 6, "two looks of patience");
        let value = report.validation[best / 3 - 1];
        assert!(report.validation.iter().all(|other| *other <= value));
        let reference = mean(metric, &one.model, &train, &held_out);
        assert!((value - reference).abs() < 1e-12, "{value} {reference}");
        assert_eq!(report.objective, report.history[best - 1]);
        // The rate is constant, so a fit of so many epochs ends there.
        let plain = method(best, &train, &mut Run::new()).unwrap();
        assert_eq!(plain.model, one.model, "{name}, epoch {best}");
        for threads in [2, 7] {
            assert_eq!(fit(threads).model, one.model);
        }
    }
}

#[test]
fn the_best_state_is_given_to_the_bit() {
    check_best_state::<f32>();
    check_best_state::<f64>();
}

#[test]
fn with_a_falling_rate_the_best_state_is_that_of_the_same_fit_stopped_there() {
    let (train, held_out) = data::<f32>();
    let validation = Validation::of(&held_out);
    let warp = Warp::new(10).epochs(100);
    let fit = warp
        .fit_with(&train, &mut Run::new().validation(&validation))
        .unwrap();
    assert_eq!(fit.report.chosen["validation"], "ndcg@10 every 5");
    let best = fit.report.best_iteration.unwrap();
    let stop = Cancellation::new();
    let mut observer = |progress: &Progress| {
        if progress.iteration == best {
            stop.cancel();
        }
    };
    let mut run = Run::new().cancellation(&stop).observer(&mut observer);
    let stopped = warp.fit_with(&train, &mut run).unwrap();
    assert_eq!(stopped.model, fit.model);
}

#[test]
fn the_last_epoch_is_looked_at_whatever_ends_the_fit() {
    let (train, held_out) = data::<f64>();
    let validation = Validation::of(&held_out).every(4).patience(100);
    let bpr = Bpr::new(4);
    let fit = bpr
        .clone()
        .epochs(6)
        .fit_with(&train, &mut Run::new().validation(&validation))
        .unwrap();
    assert_eq!(fit.report.stop, StopReason::MaxIterations);
    assert_eq!((fit.report.iterations, fit.report.validation.len()), (6, 2));
    let stop = Cancellation::new();
    let mut observer = |progress: &Progress| {
        if progress.iteration == 2 {
            stop.cancel();
        }
    };
    let mut run = Run::new().cancellation(&stop).observer(&mut observer);
    run = run.validation(&validation);
    let fit = bpr.clone().fit_with(&train, &mut run).unwrap();
    assert_eq!(fit.report.stop, StopReason::Cancelled);
    assert_eq!(fit.report.best_iteration, Some(2));
    let mut run = Run::new().validation(&validation);
    let fit = bpr.epochs(0).fit_with(&train, &mut run).unwrap();
    assert_eq!(fit.report.best_iteration, None);
    assert!(fit.report.validation.is_empty());
}

#[test]
fn sets_that_say_nothing_are_refused() {
    let (train, held_out) = data::<f64>();
    let fit = |validation: &Validation| {
        let mut run = Run::new().validation(validation);
        Bpr::new(2).epochs(1).fit_with(&train, &mut run)
    };
    let entries = |triplets: &[(usize, usize, f64)], shape| {
        let entries = triplets.iter().copied();
        let set = Ratings::from_triplets(shape, entries, Duplicates::Error).unwrap();
        Validation::of(&set)
    };
    assert!(matches!(
        fit(&entries(&[], (90, 60))),
        Err(Error::EmptyInput { .. })
    ));
    assert!(matches!(
        fit(&entries(&[(95, 1, 1.0)], (100, 60))),
        Err(Error::IndexOutOfRange { axis: "row", .. })
    ));
    let (i, j, value) = train.triplets().next().unwrap();
    let of_training = entries(&[(i, j, value)], (90, 60));
    let disliked = entries(&[(0, 1, -1.0)], (90, 60));
    let metric = Validation::of(&held_out).metric(RankingMetric::Ndcg(0));
    for (name, validation) in [
        ("validation", of_training),
        ("validation", disliked),
        ("validation_metric", metric),
    ] {
        match fit(&validation) {
            Err(Error::InvalidParameter { name: given, .. }) => assert_eq!(given, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn it_is_refused_where_nothing_iterates_and_its_metric_where_errors_count() {
    let (train, held_out) = data::<f64>();
    let refused = |name: &str, error: Option<Error>| match error {
        Some(Error::InvalidParameter { name: given, .. }) => assert_eq!(given, name),
        other => panic!("{name}: {other:?}"),
    };
    let plain = Validation::of(&held_out);
    let popularity = Popularity::new().fit_with(&train, &mut Run::new().validation(&plain));
    refused("validation", popularity.err());
    let metric = Validation::of(&held_out).metric(RankingMetric::Recall(5));
    let every = Validation::of(&held_out).every(2);
    for (name, set) in [("validation_metric", &metric), ("validation_every", &every)] {
        let sgd = Sgd::new(2).fit_with(&train, &mut Run::new().validation(set));
        refused(name, sgd.err());
        let svdpp = SvdPlusPlus::new(2).fit_with(&train, &mut Run::new().validation(set));
        refused(name, svdpp.err());
    }
}
