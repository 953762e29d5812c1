//! The example of docs/ratings.md.

use matfact_core::{
    Duplicates, Factorization, Factorizer, ObservedEntries, Ratings, Run, Validation,
};
use matfact_sgd::{LearningRates, OnDivergence, Sgd, SgdLoss};

#[test]
fn the_example_of_the_guide_works() {
    let triplets = [
        (0, 0, 5.0),
        (0, 1, 4.0),
        (1, 0, 1.0),
        (1, 2, 1.0),
        (2, 1, 4.5),
        (2, 2, 2.0),
    ];
    let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error).unwrap();
    let aside = Ratings::from_triplets((3, 3), [(2, 0, 5.0)], Duplicates::Error).unwrap();

    let sgd = Sgd::new(2)
        .learning_rate(0.2)
        .on_divergence(OnDivergence::HalveStep);
    let validation = Validation::of(&aside);
    let mut run = Run::new().validation(&validation);
    let fit = sgd.fit_with(&ratings, &mut run).unwrap();
    assert!(fit.report.best_iteration.is_some());

    let classes = Sgd::new(2).loss(SgdLoss::Logistic);
    let counts = Sgd::new(2).loss(SgdLoss::KullbackLeibler).biased(false);
    let robust = Sgd::new(2).loss(SgdLoss::Absolute).row_l1(0.01);
    let parts = Sgd::new(2).biased(false).non_negative(true);
    let parts = parts.learning_rates(LearningRates::AdaGrad);
    for sgd in [classes, counts, robust, parts] {
        let history = sgd.fit(&ratings).unwrap().report.history;
        assert!(history[19] < history[0], "{history:?}");
    }

    let days = [0.0, 10.0, 200.0, 350.0, 360.0, 365.0];
    let faded = ratings.clone().with_half_life(&days, 180.0).unwrap();
    assert!(faded.weights(0).unwrap()[0] < 0.25);
    let fit = sgd.fit(&faded).unwrap();

    let deviation = fit.report.chosen["deviation"].parse().unwrap();
    let new = [(3, 0, 2.0), (3, 1, 5.0)];
    let new = Ratings::from_triplets((4, 3), new, Duplicates::Error).unwrap();
    let grown = sgd
        .epochs(5)
        .partial_fit(&fit.model, deviation, &new, &mut Run::new())
        .unwrap()
        .model;
    assert_eq!(grown.shape(), (4, 3));
}
