//! Hyper-parameters as text.
#![cfg(feature = "serde")]

use matfact_sgd::{Sgd, SvdPlusPlus};

#[test]
fn hyper_parameters_come_back_and_take_defaults() {
    let sgd = Sgd::new(12).epochs(7).biased(false).seed(u64::MAX);
    let text = serde_json::to_string(&sgd).unwrap();
    assert_eq!(serde_json::from_str::<Sgd>(&text).unwrap(), sgd);
    let short = r#"{"rank": 12, "epochs": 7}"#;
    let expected = Sgd::new(12).epochs(7);
    assert_eq!(serde_json::from_str::<Sgd>(short).unwrap(), expected);
    assert!(serde_json::from_str::<Sgd>(r#"{"rank": 3, "epoch": 7}"#).is_err());
}

#[test]
fn those_of_svdpp_do_too() {
    let svdpp = SvdPlusPlus::new(12).implicit_regularization(0.25).seed(7);
    let text = serde_json::to_string(&svdpp).unwrap();
    assert_eq!(serde_json::from_str::<SvdPlusPlus>(&text).unwrap(), svdpp);
    let short = r#"{"rank": 12, "epochs": 7}"#;
    let expected = SvdPlusPlus::new(12).epochs(7);
    assert_eq!(
        serde_json::from_str::<SvdPlusPlus>(short).unwrap(),
        expected
    );
    assert!(serde_json::from_str::<SvdPlusPlus>(r#"{"rank": 3, "epoch": 7}"#).is_err());
}
