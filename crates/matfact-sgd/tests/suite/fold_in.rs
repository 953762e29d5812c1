//! New rows and columns by ridge regression.

use crate::fit::{every_tenth, planted};
use matfact_core::{Duplicates, Error, FactorModel, Factorizer, ObservedEntries, Ratings, Scalar};
use matfact_sgd::{Sgd, SgdLoss, Units, fold_in_columns, fold_in_rows};

fn transposed<T: Scalar>(x: &Ratings<T>) -> Ratings<T> {
    let (m, n) = x.shape();
    let triplets = x.triplets().map(|(i, j, v)| (j, i, v));
    Ratings::from_triplets((n, m), triplets, Duplicates::Error).unwrap()
}

fn swapped<T: Scalar>(model: &FactorModel<T>) -> FactorModel<T> {
    let (p, q) = (model.row_factors(), model.column_factors());
    let swapped = FactorModel::new(q.to_owned(), p.to_owned())
        .unwrap()
        .with_mean(model.mean());
    match (model.row_bias(), model.column_bias()) {
        (Some(b), Some(c)) => swapped.with_biases(c.to_owned(), b.to_owned()).unwrap(),
        _ => swapped,
    }
}

fn check_training_rows<T: Scalar>(tolerance: f64) {
    let (x, _) = planted::<T>((120, 90), 3.0, every_tenth);
    for biased in [true, false] {
        for units in [Units::Deviation, Units::DeviationWithOriginalPenalties] {
            let sgd = Sgd::new(5).biased(biased).units(units).epochs(400);
            let sgd = sgd.regularization(0.1).initial_mean(0.0);
            let fit = sgd.fit(&x).unwrap();
            let sigma = fit.report.chosen["deviation"].parse().unwrap();
            let (factors, biases) = fold_in_rows(&sgd, &fit.model, sigma, &x).unwrap();
            let size = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
            let apart = size(
                &mut (&factors - &fit.model.row_factors())
                    .iter()
                    .map(|v| v.as_f64()),
            );
            let whole = size(&mut factors.iter().map(|v| v.as_f64()));
            assert!(
                apart < tolerance * whole,
                "{apart} of {whole}, biased {biased}"
            );
            if let (Some(folded), Some(fitted)) = (&biases, fit.model.row_bias()) {
                let apart = size(&mut (folded - &fitted).iter().map(|v| v.as_f64()));
                let whole = size(&mut fitted.iter().map(|v| v.as_f64()));
                assert!(apart < tolerance * whole, "biases: {apart} of {whole}");
            }
            // The same question from the other side.
            let (columns, column_biases) =
                fold_in_columns(&sgd, &swapped(&fit.model), sigma, &transposed(&x)).unwrap();
            assert_eq!((columns, column_biases), (factors, biases));
        }
    }
}

/// At convergence a training row folded in is its fitted row.
#[test]
fn a_training_row_folded_in_is_its_fitted_row() {
    check_training_rows::<f64>(1e-3);
    check_training_rows::<f32>(1e-3);
}

#[test]
fn weights_count_and_rows_without_ratings_get_zeros() {
    let (x, _) = planted::<f64>((40, 30), 1.0, every_tenth);
    let sgd = Sgd::new(3);
    let fit = sgd.fit(&x).unwrap();
    let sigma = fit.report.chosen["deviation"].parse().unwrap();
    let new = [(0, 1, 5.0), (0, 2, 1.0), (2, 1, 5.0)];
    let new = Ratings::from_triplets((4, 30), new, Duplicates::Error).unwrap();
    let fold = |x: &Ratings<f64>| fold_in_rows(&sgd, &fit.model, sigma, x).unwrap();
    let (factors, biases) = fold(&new.clone().with_weights(vec![1.0, 0.0, 1.0]).unwrap());
    let biases = biases.unwrap();
    // The entry of weight 0 is not there, so both rows are alike.
    assert_eq!((factors.row(0), biases[0]), (factors.row(2), biases[2]));
    assert!(
        factors
            .row(1)
            .iter()
            .chain(factors.row(3))
            .all(|v| *v == 0.0)
    );
    assert_eq!((biases[1], biases[3]), (0.0, 0.0));
    assert_ne!(fold(&new).0.row(0), factors.row(0));
}

#[test]
fn what_has_no_regression_is_refused_with_the_remedy() {
    let (x, _) = planted::<f64>((40, 30), 1.0, every_tenth);
    let sgd = Sgd::new(3);
    let model = sgd.fit(&x).unwrap().model;
    let fold = |sgd: Sgd, deviation| fold_in_rows(&sgd, &model, deviation, &x).unwrap_err();
    for other in [
        sgd.clone().loss(SgdLoss::Absolute),
        sgd.clone().row_l1(0.1),
        sgd.clone().non_negative(true),
    ] {
        assert!(fold(other, 1.0).to_string().contains("partial_fit"));
    }
    assert!(matches!(
        fold(Sgd::new(4), 1.0),
        Error::ShapeMismatch { .. }
    ));
    assert!(matches!(
        fold(sgd.clone(), 0.0),
        Error::InvalidParameter { .. }
    ));
    let narrow = Ratings::from_triplets((1, 3), [(0, 0, 1.0)], Duplicates::Error).unwrap();
    let refused = fold_in_rows(&sgd, &model, 1.0, &narrow);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
    let refused = fold_in_columns(&sgd, &model, 1.0, &narrow);
    assert!(matches!(refused, Err(Error::ShapeMismatch { .. })));
}
