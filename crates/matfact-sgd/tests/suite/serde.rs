//! Hyper-parameters as text.
#![cfg(feature = "serde")]

use matfact_sgd::{
    Bpr, LearningRates, LogisticFactorization, NegativeSampling, OnDivergence, Popularity, Sgd,
    SgdLoss, SvdPlusPlus, Warp,
};

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

#[test]
fn those_of_learning_to_rank_do_too() {
    let bpr = Bpr::new(12).negative_sampling(NegativeSampling::Popularity);
    let text = serde_json::to_string(&bpr).unwrap();
    assert!(
        text.contains(r#""negative_sampling":"popularity""#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Bpr>(&text).unwrap(), bpr);
    let warp: Warp = serde_json::from_str(r#"{"rank": 12, "trials": 7}"#).unwrap();
    assert_eq!(warp, Warp::new(12).trials(7));
    let logistic: LogisticFactorization =
        serde_json::from_str(r#"{"rank": 12, "negatives": 7}"#).unwrap();
    assert_eq!(logistic, LogisticFactorization::new(12).negatives(7));
    assert!(serde_json::from_str::<Bpr>(r#"{"rank": 3, "trials": 7}"#).is_err());
    assert_eq!(
        serde_json::from_str::<Popularity>("{}").unwrap(),
        Popularity::new()
    );
}
