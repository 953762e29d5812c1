//! Hyper-parameters as text.
#![cfg(feature = "serde")]

use matfact_sgd::{LearningRates, OnDivergence, Sgd, SgdLoss};

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
fn options_have_names_of_their_own() {
    let text = r#"{"rank": 4, "loss": "squared-hinge", "learning_rates": "adagrad", "on_divergence": "halve-step"}"#;
    let expected = Sgd::new(4)
        .loss(SgdLoss::SquaredHinge)
        .learning_rates(LearningRates::AdaGrad)
        .on_divergence(OnDivergence::HalveStep);
    let read = serde_json::from_str::<Sgd>(text).unwrap();
    assert_eq!(read, expected);
    assert!(serde_json::from_str::<Sgd>(r#"{"rank": 4, "loss": "cubic"}"#).is_err());
    let preset = Sgd::libmf(8).row_l1(0.5).bias_learning_rate(0.2);
    let text = serde_json::to_string(&preset).unwrap();
    assert_eq!(serde_json::from_str::<Sgd>(&text).unwrap(), preset);
}
