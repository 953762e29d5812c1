//! Fits that go on from a model.

use crate::fit::{every_tenth, planted, rmse};
use matfact_core::{Duplicates, Error, Factorization, Factorizer, Ratings, Run};
use matfact_sgd::Sgd;

type Triplets = Vec<(usize, usize, f64)>;

/// Ratings of the first rows and columns, and the others.
fn parts((rows, columns): (usize, usize)) -> (Triplets, Triplets, Triplets) {
    let (all, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let (old, new) = all
        .triplets()
        .partition(|(i, j, _)| *i < rows && *j < columns);
    (old, new, test)
}

fn ratings(shape: (usize, usize), triplets: &Triplets) -> Ratings<f64> {
    Ratings::from_triplets(shape, triplets.iter().copied(), Duplicates::Error).unwrap()
}

fn deviation(report: &matfact_core::FitReport) -> f64 {
    report.chosen["deviation"].parse().unwrap()
}

#[test]
fn no_epochs_leave_the_model_as_it_is() {
    let (all, _) = planted::<f64>((60, 50), 3.0, every_tenth);
    for biased in [true, false] {
        let sgd = Sgd::new(5).biased(biased).epochs(4);
        let model = sgd.fit(&all).unwrap().model;
        let again = sgd
            .epochs(0)
            .fit_from(&model, &all, &mut Run::new())
            .unwrap()
            .model;
        let apart = &again.row_factors() - &model.row_factors();
        assert!(apart.iter().all(|d| d.abs() < 1e-12));
        assert_eq!(again.mean(), model.mean());
    }
}

#[test]
fn a_warm_start_is_ahead_of_a_cold_one_and_the_same_for_any_number_of_threads() {
    let (all, test) = planted::<f64>((200, 150), 1.0, every_tenth);
    let sgd = Sgd::new(4).learning_rate(0.1).regularization(1e-3);
    let first = sgd.clone().epochs(60).fit(&all).unwrap();
    let further = sgd.epochs(2);
    let cold = further.fit(&all).unwrap();
    let warm = |threads| {
        let mut run = Run::new().threads(threads);
        further.fit_from(&first.model, &all, &mut run).unwrap()
    };
    assert!(rmse(&warm(1).model, test.iter().copied()) < 0.5 * rmse(&cold.model, test));
    assert_eq!(warm(1).model, warm(7).model);
}

#[test]
fn new_rows_and_columns_grow_the_model_and_leave_others_alone() {
    let (old, new, test) = parts((150, 110));
    let sgd = Sgd::new(4)
        .learning_rate(0.1)
        .regularization(1e-3)
        .epochs(100);
    let first = sgd.fit(&ratings((150, 110), &old)).unwrap();
    // Ratings of new rows by new columns alone, first.
    let apart: Triplets = new
        .iter()
        .copied()
        .filter(|(i, j, _)| *i >= 150 && *j >= 110)
        .collect();
    let x = ratings((200, 150), &apart);
    let sigma = deviation(&first.report);
    let fit = sgd
        .partial_fit(&first.model, sigma, &x, &mut Run::new())
        .unwrap();
    assert_eq!(fit.model.shape(), (200, 150));
    for (i, j) in [(0, 0), (149, 109), (75, 3)] {
        assert_eq!(
            fit.model.predict(i, j).unwrap(),
            first.model.predict(i, j).unwrap()
        );
    }
    assert_eq!(deviation(&fit.report), sigma);
    // Then all new ones, which tie them to the known.
    let x = ratings((200, 150), &new);
    let fit = sgd
        .clone()
        .epochs(30)
        .partial_fit(&first.model, sigma, &x, &mut Run::new())
        .unwrap();
    let known = |t: &&(usize, usize, f64)| t.0 < 150 && t.1 < 110;
    let error = |model: &_, new: bool| {
        let entries = test.iter().filter(|t| known(t) != new);
        rmse::<f64>(model, entries.copied())
    };
    assert!(error(&fit.model, true) < 0.4, "{}", error(&fit.model, true));
    assert!(error(&fit.model, false) < error(&first.model, false) + 0.1);
    assert!(fit.report.iterations == 30);
}

#[test]
fn fewer_rows_than_the_model_has_are_fine() {
    let (all, _) = planted::<f64>((60, 50), 1.0, every_tenth);
    let sgd = Sgd::new(4);
    let fit = sgd.fit(&all).unwrap();
    let x = ratings((1, 2), &vec![(0, 1, 4.0)]);
    let sigma = deviation(&fit.report);
    let more = sgd
        .partial_fit(&fit.model, sigma, &x, &mut Run::new())
        .unwrap()
        .model;
    assert_eq!(more.shape(), (60, 50));
    assert_eq!(more.row_factors().row(7), fit.model.row_factors().row(7));
    assert_ne!(more.row_factors().row(0), fit.model.row_factors().row(0));
    let error = |model: &matfact_core::FactorModel<f64>| (model.predict(0, 1).unwrap() - 4.0).abs();
    assert!(error(&more) < error(&fit.model));
}

#[test]
fn models_that_do_not_fit_the_settings_are_refused() {
    let x = ratings((2, 2), &vec![(0, 0, 1.0), (1, 1, 3.0)]);
    let model = Sgd::new(3).fit(&x).unwrap().model;
    for sgd in [Sgd::new(4), Sgd::new(3).biased(false)] {
        let refused = sgd.fit_from(&model, &x, &mut Run::new());
        assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = Sgd::new(3).partial_fit(&model, bad, &x, &mut Run::new());
        assert!(matches!(
            refused,
            Err(Error::InvalidParameter {
                name: "deviation",
                ..
            })
        ));
    }
}
