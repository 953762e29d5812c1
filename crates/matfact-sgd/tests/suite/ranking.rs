//! Learning to rank: what the methods find, and what they refuse.

use matfact_core::{
    Duplicates, Error, FactorModel, Factorization, Factorizer, Fit, Ratings, Recommend, Result,
    Run, Scalar,
};
use matfact_linalg::random_normal;
use matfact_sgd::{Bpr, LogisticFactorization, NegativeSampling, Popularity, Warp};

/// Rows of three tastes and columns of three kinds: each row has about a half of its own kind, and a few of
/// the others. What was held out of the own kind.
pub(crate) fn tastes<T: Scalar>(rows: usize, columns: usize) -> (Ratings<T>, Vec<(usize, usize)>) {
    let draws = random_normal::<f64>((rows, columns), 11, 0);
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    for i in 0..rows {
        for j in 0..columns {
            let own = i % 3 == j % 3;
            if draws[[i, j]] < if own { 0.0 } else { 1.9 } {
                continue;
            }
            if own && (i * 7 + j) % 10 == 0 {
                held_out.push((i, j));
            } else {
                train.push((i, j, T::from_f64(1.0 + (j % 4) as f64)));
            }
        }
    }
    let train = Ratings::from_triplets((rows, columns), train, Duplicates::Error).unwrap();
    (train, held_out)
}

/// The part of the pairs of a held-out column and one that the row does not have that are in order.
pub(crate) fn area_under_the_curve<T: Scalar>(
    model: &FactorModel<T>,
    train: &Ratings<T>,
    held_out: &[(usize, usize)],
) -> f64 {
    let (mut right, mut all) = (0, 0);
    for (i, j) in held_out {
        let score = model.predict(*i, *j).unwrap();
        for other in 0..model.shape().1 {
            let has = train.csr().get(*i, other).is_some() || held_out.contains(&(*i, other));
            if !has {
                all += 1;
                right += usize::from(score > model.predict(*i, other).unwrap());
            }
        }
    }
    right as f64 / all as f64
}

/// A method at its defaults but for a few epochs.
type Method<T> = fn(usize, &Ratings<T>, &mut Run<'_>) -> Result<Fit<FactorModel<T>>>;

fn methods<T: Scalar>() -> [(&'static str, Method<T>); 4] {
    [
        ("bpr", |rank, x, run| {
            Bpr::new(rank).epochs(10).fit_with(x, run)
        }),
        ("bpr by popularity", |rank, x, run| {
            let bpr = Bpr::new(rank).negative_sampling(NegativeSampling::Popularity);
            bpr.epochs(10).confidence(0.3).fit_with(x, run)
        }),
        ("warp", |rank, x, run| {
            Warp::new(rank).epochs(10).fit_with(x, run)
        }),
        ("logistic", |rank, x, run| {
            let logistic = LogisticFactorization::new(rank).epochs(10);
            logistic.confidence(0.3).fit_with(x, run)
        }),
    ]
}

#[test]
fn held_out_positives_come_before_what_a_row_does_not_have() {
    let (train, held_out) = tastes::<f32>(150, 90);
    for (name, method) in methods() {
        let fit = method(8, &train, &mut Run::new()).unwrap();
        let area = area_under_the_curve(&fit.model, &train, &held_out);
        assert!(area > 0.9, "{name}: {area}");
        let history = &fit.report.history;
        assert!(history[9] < history[0], "{name}: {history:?}");
        assert_eq!(fit.report.objective, history[9]);
    }
    // The same for everyone is not enough here.
    let popular = Popularity::new().fit(&train).unwrap().model;
    let area = area_under_the_curve(&popular, &train, &held_out);
    assert!(area < 0.75, "{area}");
}

fn check_same_bits<T: Scalar>() {
    // Two ranges on each side.
    let (train, _) = tastes::<T>(700, 150);
    assert!(train.csr().nnz() > 24_usize.pow(3));
    for (name, method) in methods() {
        let fit = |threads| method(20, &train, &mut Run::new().threads(threads)).unwrap();
        let one = fit(1);
        for threads in [2, 7] {
            let other = fit(threads);
            assert_eq!(other.model, one.model, "{name}, {threads} threads");
            assert_eq!(other.report.history, one.report.history);
        }
    }
    let fit = |seed| Bpr::new(4).epochs(1).seed(seed).fit(&train).unwrap().model;
    assert_ne!(fit(1), fit(2));
}

#[test]
fn every_number_of_threads_gives_the_same_bits() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

#[test]
fn f32_follows_f64() {
    let (single, double) = (tastes::<f32>(60, 40).0, tastes::<f64>(60, 40).0);
    let single = Bpr::new(8).epochs(3).fit(&single).unwrap().model;
    let double = Bpr::new(8).epochs(3).fit(&double).unwrap().model;
    for (i, j) in (0..60).zip((0..40).cycle()) {
        let difference = single.predict(i, j).unwrap().as_f64() - double.predict(i, j).unwrap();
        assert!(difference.abs() < 1e-4, "{difference} at {i}, {j}");
    }
}

#[test]
fn columns_that_no_row_has_are_below_all_others() {
    let triplets = [(0, 1), (0, 2), (2, 1), (2, 4)].map(|(i, j)| (i, j, 1.0_f64));
    let x = Ratings::from_triplets((4, 6), triplets, Duplicates::Error).unwrap();
    for (name, method) in methods() {
        let model = method(3, &x, &mut Run::new()).unwrap().model;
        let biases = model.column_bias().unwrap();
        let rated = [1, 2, 4].map(|j| biases[j]);
        assert_eq!(
            rated.into_iter().fold(f64::INFINITY, f64::min),
            0.0,
            "{name}"
        );
        for column in [0, 3, 5] {
            assert_eq!(biases[column], 0.0);
            assert!(model.column_factors().row(column).iter().all(|v| *v == 0.0));
        }
        for row in [1, 3] {
            assert!(model.row_factors().row(row).iter().all(|v| *v == 0.0));
        }
        assert!(model.row_bias().unwrap().iter().all(|b| *b == 0.0));
    }
}

#[test]
fn popularity_counts_rows_whatever_the_values() {
    let triplets = [
        (0, 3, 9.0),
        (1, 1, 1.0),
        (2, 1, 0.5),
        (2, 3, 2.0),
        (0, 0, 100.0),
    ];
    let x = Ratings::<f64>::from_triplets((3, 4), triplets, Duplicates::Error).unwrap();
    let fit = Popularity::new().fit(&x).unwrap();
    let order = fit.model.recommend(0, 4, &[]).unwrap();
    let order = order
        .iter()
        .map(|r| (r.column, r.score))
        .collect::<Vec<_>>();
    assert_eq!(order, [(1, 2.0), (3, 2.0), (0, 1.0), (2, 0.0)]);
    assert_eq!((fit.report.rank, fit.report.iterations), (0, 0));
}

#[test]
fn confidence_lets_large_values_weigh_more() {
    // Both columns are had by half of the rows, one of them with large values.
    let triplets = (0..40).map(|i| (i, i % 2, if i % 2 == 0 { 1000.0 } else { 0.0 }));
    let x = Ratings::<f64>::from_triplets((40, 2), triplets, Duplicates::Error).unwrap();
    let bias = |alpha| {
        let bpr = Bpr::new(1)
            .initial_deviation(0.0)
            .confidence(alpha)
            .epochs(20);
        let model = bpr.fit(&x).unwrap().model;
        let biases = model.column_bias().unwrap();
        biases[0] - biases[1]
    };
    assert!(bias(0.0).abs() < 0.1, "{}", bias(0.0));
    assert!(bias(1.0) > 0.5, "{}", bias(1.0));
}

#[test]
fn a_row_that_has_every_column_is_fitted_without_negatives() {
    let triplets = (0..5).map(|j| (0, j, 1.0_f32));
    let x = Ratings::from_triplets((1, 5), triplets, Duplicates::Error).unwrap();
    let fit = Bpr::new(2).epochs(3).fit(&x).unwrap();
    assert_eq!(fit.report.history, [0.0; 3]);
    assert!(fit.model.column_bias().unwrap().iter().all(|b| *b == 0.0));
}

#[test]
fn no_epochs_give_the_starting_point() {
    let (train, _) = tastes::<f64>(30, 20);
    let fit = Bpr::new(4)
        .epochs(0)
        .initial_deviation(0.0)
        .fit(&train)
        .unwrap();
    assert_eq!((fit.report.iterations, fit.report.history.len()), (0, 0));
    assert!((fit.report.objective - 2.0_f64.ln()).abs() < 1e-9);
    assert!(fit.model.column_factors().iter().all(|q| *q == 0.0));
}

#[test]
fn settings_and_input_that_cannot_be_are_refused() {
    let (train, _) = tastes::<f32>(30, 20);
    let bpr = || Bpr::new(2);
    let mut cases = Vec::new();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        cases.push(("learning_rate", bpr().learning_rate(bad).fit(&train)));
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        cases.push(("decay", bpr().decay(bad).fit(&train)));
    }
    for bad in [-1e-9, f64::NAN, f64::INFINITY] {
        cases.push(("regularization", bpr().regularization(bad).fit(&train)));
        cases.push((
            "bias_regularization",
            bpr().bias_regularization(bad).fit(&train),
        ));
        cases.push(("confidence", bpr().confidence(bad).fit(&train)));
        cases.push((
            "initial_deviation",
            bpr().initial_deviation(bad).fit(&train),
        ));
    }
    cases.push(("trials", Warp::new(2).trials(0).fit(&train)));
    cases.push((
        "negatives",
        LogisticFactorization::new(2).negatives(0).fit(&train),
    ));
    for (expected, fit) in cases {
        match fit {
            Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let negative = [(0, 0, 1.0), (1, 2, -0.5)];
    let negative = Ratings::<f64>::from_triplets((2, 3), negative, Duplicates::Error).unwrap();
    for fit in [Bpr::new(2).fit(&negative), Popularity::new().fit(&negative)] {
        assert!(matches!(
            fit,
            Err(Error::Negative {
                row: 1,
                column: 2,
                ..
            })
        ));
    }
    let count = train.csr().nnz();
    let weighted = train.clone().with_weights(vec![1.0; count]).unwrap();
    assert!(matches!(
        bpr().fit(&weighted),
        Err(Error::UnsupportedInput { .. })
    ));
    let diverged = Warp::new(2)
        .learning_rate(1e30)
        .regularization(0.0)
        .fit(&train);
    assert!(
        matches!(diverged, Err(Error::Diverged { .. })),
        "{diverged:?}"
    );
}
