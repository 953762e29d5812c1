//! New rows of a model of SVD++.

use matfact_core::{Duplicates, Error, FactorModel, Factorization, Factorizer, Persist, Ratings};
use matfact_sgd::{SvdPlusPlus, SvdPlusPlusModel};

fn ratings() -> Ratings<f64> {
    let triplets = (0..30).flat_map(|i| (0..12).map(move |j| (i, j)));
    let triplets = triplets
        .filter(|(i, j)| (i * 7 + j * 5 + i * j) % 3 != 0)
        .map(|(i, j)| (i, j, 3.0 + ((i % 3) as f64 - 1.0) * ((j % 2) as f64 - 0.5)));
    Ratings::from_triplets((30, 12), triplets, Duplicates::Error).unwrap()
}

/// At convergence a training row is folded in to what the fit left of it.
#[test]
fn a_training_row_comes_back() {
    let ratings = ratings();
    let svdpp = SvdPlusPlus::new(3)
        .epochs(1500)
        .learning_rate(0.1)
        .implicit_learning_rate(0.05);
    let model = svdpp.fit(&ratings).unwrap().model;
    let folded_in = svdpp.fold_in(&model, &ratings).unwrap();
    assert_eq!(folded_in.shape(), (30, 12));
    let (mut distance, mut norm) = (0.0, 0.0);
    for i in 0..30 {
        for j in 0..12 {
            let (a, b) = (
                folded_in.predict(i, j).unwrap(),
                model.predict(i, j).unwrap(),
            );
            distance += (a - b) * (a - b);
            norm += (b - model.factors().mean()).powi(2);
        }
    }
    let relative: f64 = f64::sqrt(distance / norm);
    assert!(relative < 0.02, "{relative}");
}

#[test]
fn a_row_without_ratings_gets_zeros_and_a_single_one_is_read() {
    let ratings = ratings();
    let svdpp = SvdPlusPlus::new(3);
    let model = svdpp.fit(&ratings).unwrap().model;
    let new = Ratings::from_triplets((2, 12), [(1, 4, 9.0)], Duplicates::Error).unwrap();
    let folded_in = svdpp.fold_in(&model, &new).unwrap();
    assert!(folded_in.row_factors().row(0).iter().all(|v| *v == 0.0));
    assert_eq!(folded_in.row_bias().unwrap()[0], 0.0);
    assert!(folded_in.row_bias().unwrap()[1] > 0.1);
    assert_eq!(folded_in.column_factors(), model.factors().column_factors());
    // What was rated counts, however it was rated: the row keeps its implicit part.
    let at_mean = [(0, 4, model.factors().predict_or_fallback(None, Some(4)))];
    let at_mean = Ratings::from_triplets((1, 12), at_mean, Duplicates::Error).unwrap();
    let folded_in = svdpp.fold_in(&model, &at_mean).unwrap();
    assert!(folded_in.row_factors().iter().any(|v| v.abs() > 1e-3));
}

#[test]
fn what_does_not_fit_is_refused() {
    let ratings = ratings();
    let svdpp = SvdPlusPlus::new(3).epochs(2);
    let model = svdpp.fit(&ratings).unwrap().model;
    let wider = Ratings::from_triplets((1, 13), [(0, 0, 1.0)], Duplicates::Error).unwrap();
    let nothing = Ratings::from_triplets((1, 12), [], Duplicates::Error).unwrap();
    assert!(matches!(
        svdpp.fold_in(&model, &wider),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(
        svdpp.fold_in(&model, &nothing),
        Err(Error::EmptyInput { .. })
    ));
    let other_rank = SvdPlusPlus::new(4);
    assert!(matches!(
        other_rank.fold_in(&model, &ratings),
        Err(Error::ShapeMismatch { .. })
    ));
    let invalid = SvdPlusPlus::new(3).regularization(-1.0);
    assert!(matches!(
        invalid.fold_in(&model, &ratings),
        Err(Error::InvalidParameter { .. })
    ));
}

#[test]
fn a_record_holds_what_folding_in_needs_and_reads_as_a_plain_model_too() {
    let model = SvdPlusPlus::new(3).epochs(2).fit(&ratings()).unwrap().model;
    let record = model.to_record();
    assert_eq!(SvdPlusPlusModel::from_record(&record).unwrap(), model);
    assert_eq!(&FactorModel::from_record(&record).unwrap(), model.factors());
    for text in ["", "none", "NaN", "-1.0", "0"] {
        let mut bad = record.clone();
        bad.attributes
            .insert("deviation".to_owned(), text.to_owned());
        let back = SvdPlusPlusModel::<f64>::from_record(&bad);
        assert!(matches!(back, Err(Error::InvalidModel { .. })), "{text:?}");
    }
    let mut bad = record.clone();
    bad.attributes.clear();
    assert!(SvdPlusPlusModel::<f64>::from_record(&bad).is_err());
    let mut bad = record;
    bad.tensors.remove("implicit_factors");
    assert!(SvdPlusPlusModel::<f64>::from_record(&bad).is_err());
}
