//! Algorithms chosen at run time.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
#![cfg(all(feature = "nmf", feature = "svd", feature = "sgd"))]

use matfact::prelude::*;
use matfact::{AnyModel, Error, Input, Persist};

fn table() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [0.0, 1.0, 5.0, 4.0]
    ]
}

#[test]
fn every_algorithm_fits_what_it_takes_and_refuses_the_rest() {
    let x = table();
    let ratings = Ratings::from_dense(x.view(), 0.0).unwrap();
    for name in Algorithm::NAMES {
        let algorithm = Algorithm::by_name(name, 2).unwrap();
        assert_eq!(algorithm.name(), *name);
        let (takes, refuses) = match *name {
            "sgd" => (Input::from(&ratings), Input::from(&x)),
            _ => (Input::from(&x), Input::from(&ratings)),
        };
        let fit = algorithm.fit(&takes).unwrap();
        assert_eq!(fit.model.shape(), (4, 4), "{name}");
        assert_eq!(fit.model.rank(), 2, "{name}");
        assert_eq!(
            AnyModel::from_record(&fit.model.to_record()).unwrap(),
            fit.model
        );
        assert!(
            matches!(algorithm.fit(&refuses), Err(Error::UnsupportedInput { algorithm: a, .. }) if a == *name)
        );
    }
    assert!(matches!(
        Algorithm::by_name("pca", 2),
        Err(Error::InvalidParameter {
            name: "algorithm",
            ..
        })
    ));
}

#[test]
fn models_say_what_they_cannot_do() {
    let x = table();
    let nmf = Algorithm::by_name("nmf", 2)
        .unwrap()
        .fit(&Input::from(&x))
        .unwrap()
        .model;
    assert!(matches!(
        nmf.recommend(0, 1, &[]),
        Err(Error::UnsupportedModel { .. })
    ));
    assert_eq!(nmf.transform(&x).unwrap().dim(), (4, 2));
    let ratings = Ratings::from_dense(x.view(), 0.0).unwrap();
    let sgd = Algorithm::by_name("sgd", 2)
        .unwrap()
        .fit(&Input::from(&ratings))
        .unwrap()
        .model;
    assert_eq!(sgd.recommend(0, 9, &[0]).unwrap().len(), 3);
    assert!(matches!(
        sgd.transform(&x),
        Err(Error::UnsupportedModel { .. })
    ));
}

#[test]
fn boxed_factorizers_and_boxed_inputs_work() {
    type Boxed = Box<dyn Factorizer<dyn Matrix<Scalar = f64>, Model = matfact::NmfModel<f64>>>;
    let factorizer: Boxed = Box::new(Nmf::new(2));
    let input: Box<dyn Matrix<Scalar = f64>> = Box::new(table());
    let boxed = factorizer.fit(&*input).unwrap();
    assert_eq!(boxed.model, Nmf::new(2).fit(&table()).unwrap().model);
}

#[cfg(feature = "serde")]
#[test]
fn a_configuration_builds_any_algorithm_and_unknown_fields_are_refused() {
    for (text, rank) in [
        (
            r#"{"algorithm":"nmf","rank":3,"tol":1e-6,"init":"random","seed":9}"#,
            3,
        ),
        (r#"{"algorithm":"svd","rank":2,"power_iterations":4}"#, 2),
        (r#"{"algorithm":"sgd","rank":5,"epochs":3}"#, 5),
    ] {
        let algorithm: Algorithm = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&algorithm).unwrap();
        assert_eq!(
            serde_json::from_str::<Algorithm>(&again).unwrap(),
            algorithm
        );
        assert!(again.contains(&format!("\"rank\":{rank}")), "{again}");
    }
    let wrong = r#"{"algorithm":"nmf","rank":3,"tolerance":1e-6}"#;
    let error = serde_json::from_str::<Algorithm>(wrong)
        .unwrap_err()
        .to_string();
    assert!(error.contains("tolerance"), "{error}");
    assert!(serde_json::from_str::<Algorithm>(r#"{"algorithm":"lda"}"#).is_err());
}
