//! Bad hyper-parameters and bad input of implicit feedback get a typed error; the laws hold.

use matfact_als::{Als, AlsSolver, Confidence, ImplicitAls};
use matfact_core::{Duplicates, Error, FactorModel, Factorizer, Ratings, Run, Scalar, Validation};
use matfact_testkit::laws::ratings as laws;
use matfact_testkit::{DynRatings, RatingsSubject, hold};
use std::marker::PhantomData;

fn small() -> Ratings<f64> {
    let entries = [(0, 0, 5.0), (0, 1, 3.0), (1, 1, 1.0), (2, 0, 4.0)];
    Ratings::from_triplets((3, 2), entries, Duplicates::Error).unwrap()
}

#[test]
fn hyper_parameters_out_of_range_are_named() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let als = || ImplicitAls::new(2);
    let mut cases = Vec::new();
    for bad in [-1e-9, nan, infinity] {
        cases.push(("tol", als().tol(bad)));
        cases.push(("regularization", als().regularization(bad)));
        cases.push(("unobserved_weight", als().unobserved_weight(bad)));
    }
    for bad in [-0.1, 1.1, nan] {
        cases.push(("count_power", als().count_power(bad)));
    }
    for bad in [0.0, -1.0, nan, infinity] {
        cases.push(("alpha", als().alpha(bad)));
        cases.push(("initial_deviation", als().initial_deviation(bad)));
    }
    let no_block = AlsSolver::BlockCoordinateDescent { block: 0 };
    cases.push(("block", als().solver(no_block)));
    let model = als().fit(&small()).unwrap().model;
    for (expected, als) in cases {
        let refusals = [
            als.fit(&small()).map(|_| ()),
            als.fold_in_rows(&model, &small()).map(|_| ()),
            als.fold_in_columns(&model, &small()).map(|_| ()),
        ];
        for refusal in refusals {
            match refusal {
                Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
    for rank in [0, usize::MAX] {
        let fit = ImplicitAls::new(rank).fit(&small());
        assert!(matches!(fit, Err(Error::InvalidRank { .. })), "rank {rank}");
    }
    assert!(ImplicitAls::new(50).fit(&small()).is_ok());
}

#[test]
fn blocks_are_for_what_is_absent_too() {
    let blocks = AlsSolver::BlockCoordinateDescent { block: 8 };
    match Als::new(2).solver(blocks).fit(&small()) {
        Err(Error::InvalidParameter {
            name,
            value,
            requirement,
        }) => {
            assert_eq!((name, &value[..]), ("solver", "block-coordinate-descent"));
            assert!(requirement.contains("cholesky"), "{requirement}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_validation_set_that_is_all_in_training_is_refused() {
    let (x, aside) = (small(), small());
    let validation = Validation::of(&aside);
    let fit = ImplicitAls::new(2).fit_with(&x, &mut Run::new().validation(&validation));
    assert!(
        matches!(
            fit,
            Err(Error::InvalidParameter {
                name: "validation",
                ..
            })
        ),
        "{fit:?}"
    );
}

#[test]
fn models_and_shapes_that_do_not_fit_are_refused() {
    let als = ImplicitAls::new(2);
    let model = als.fit(&small()).unwrap().model;
    let new = |shape| Ratings::from_triplets(shape, [(0, 0, 3.0)], Duplicates::Error).unwrap();
    assert!(als.fold_in_rows(&model, &new((1, 2))).is_ok());
    assert!(als.fold_in_columns(&model, &new((3, 1))).is_ok());
    let biased = model.clone();
    let biased = biased.with_biases(vec![0.0; 3].into(), vec![0.0; 2].into());
    let biased: FactorModel<f64> = biased.unwrap();
    let from = |als: &ImplicitAls, x: &Ratings<f64>, model| {
        als.fit_from(x, model, &mut Run::new()).map(|_| ())
    };
    let wrong = [
        als.fold_in_rows(&model, &new((1, 3))).map(|_| ()),
        als.fold_in_columns(&model, &new((2, 1))).map(|_| ()),
        als.fold_in_rows(&biased, &new((1, 2))).map(|_| ()),
        ImplicitAls::new(3)
            .fold_in_rows(&model, &new((1, 2)))
            .map(|_| ()),
        from(&als, &new((2, 2)), &model),
        from(&als, &new((3, 1)), &model),
        from(&als, &small(), &biased),
        from(&ImplicitAls::new(1), &small(), &model),
    ];
    for (case, wrong) in wrong.into_iter().enumerate() {
        assert!(
            matches!(wrong, Err(Error::ShapeMismatch { .. })),
            "{case}: {wrong:?}"
        );
    }
}

#[test]
fn confidences_beyond_the_range_are_refused() {
    let entries = [(0, 0, 1e30_f32), (1, 1, 1.0)];
    let x = Ratings::from_triplets((2, 2), entries, Duplicates::Error).unwrap();
    let fit = ImplicitAls::implicit(2).fit(&x);
    assert!(matches!(fit, Err(Error::Overflow { .. })));
    assert!(ImplicitAls::new(2).fit(&x).is_ok());
    let nothing = small().with_weights(vec![0.0; 4]).unwrap();
    let fit = ImplicitAls::new(2).fit(&nothing);
    assert!(matches!(fit, Err(Error::EmptyInput { .. })));
    // Dislikes alone teach nothing, and are no error.
    let entries = [(0, 0, -1.0), (1, 1, -3.0)];
    let x = Ratings::from_triplets((2, 2), entries, Duplicates::Error).unwrap();
    let fit = ImplicitAls::new(2).fit(&x).unwrap();
    assert!(fit.model.row_factors().iter().all(|value| *value == 0.0));
    assert_eq!(fit.report.objective, 0.0);
}

struct Implicit<T> {
    confidence: Confidence,
    scalar: PhantomData<T>,
}

impl<T: Scalar> RatingsSubject for Implicit<T> {
    type Scalar = T;
    type Model = FactorModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
        let als = ImplicitAls::new(rank).confidence(self.confidence);
        als.max_iter(20).seed(seed)
    }

    fn fallback(&self, model: &FactorModel<T>) -> T {
        model.predict_or_fallback(None, None)
    }

    fn cases(&self) -> u32 {
        12
    }
}

/// All but that the error of the values is small, which are no targets here.
fn hold_all<S: RatingsSubject>(subject: &S) {
    hold(laws::same_bits_for_any_threads(subject));
    hold(laws::containers_give_the_same_bits(subject));
    hold(laws::models_are_finite(subject));
    hold(laws::the_unrated_get_the_fallback(subject));
    hold(laws::record_round_trip(subject));
    hold(laws::predictions_agree(subject));
    hold(laws::observer_sees_progress(subject));
    hold(laws::interruption_stops_the_fit(subject));
    hold(laws::hard_ratings_give_finite_models(subject));
    hold(laws::non_finite_ratings_are_named(subject));
    hold(laws::columns_outside_are_named(subject));
    hold(laws::settings_and_empty_input_are_checked(subject));
}

fn subject<T>(confidence: Confidence) -> Implicit<T> {
    Implicit {
        confidence,
        scalar: PhantomData,
    }
}

#[test]
fn the_laws_hold_in_f32() {
    hold_all(&subject::<f32>(Confidence::Logarithmic));
    hold_all(&subject::<f32>(Confidence::Proportional));
}

#[test]
fn the_laws_hold_in_f64() {
    hold_all(&subject::<f64>(Confidence::Logarithmic));
    hold_all(&subject::<f64>(Confidence::Proportional));
}
