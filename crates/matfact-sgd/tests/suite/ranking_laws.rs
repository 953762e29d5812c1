//! The laws of methods on observed entries, for those that learn to rank: all but that the error of the
//! values is small, which they do not look at.

use matfact_core::{FactorModel, Factorizer, Scalar};
use matfact_sgd::{Bpr, LogisticFactorization, Popularity, Warp};
use matfact_testkit::laws::ratings as laws;
use matfact_testkit::{DynRatings, RatingsSubject, hold};
use std::marker::PhantomData;

macro_rules! subject {
    ($name:ident, |$rank:ident, $seed:ident| $method:expr) => {
        struct $name<T>(PhantomData<T>);

        impl<T: Scalar> RatingsSubject for $name<T> {
            type Scalar = T;
            type Model = FactorModel<T>;

            fn factorizer(
                &self,
                $rank: usize,
                $seed: u64,
            ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
                $method
            }

            fn fallback(&self, model: &FactorModel<T>) -> T {
                model.predict_or_fallback(None, None)
            }

            fn takes_negative_ratings(&self) -> bool {
                false
            }

            fn cases(&self) -> u32 {
                12
            }
        }
    };
}
subject!(Pairwise, |rank, seed| Bpr::new(rank)
    .epochs(20)
    .confidence(0.5)
    .seed(seed));
subject!(ByRank, |rank, seed| Warp::new(rank).epochs(20).seed(seed));
subject!(Pointwise, |rank, seed| LogisticFactorization::new(rank)
    .epochs(20)
    .seed(seed));

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

#[test]
fn bpr_holds() {
    hold_all(&Pairwise::<f32>(PhantomData));
    hold_all(&Pairwise::<f64>(PhantomData));
}

#[test]
fn warp_holds() {
    hold_all(&ByRank::<f32>(PhantomData));
    hold_all(&ByRank::<f64>(PhantomData));
}

#[test]
fn logistic_factorization_holds() {
    hold_all(&Pointwise::<f32>(PhantomData));
    hold_all(&Pointwise::<f64>(PhantomData));
}

/// Popularity, which has rank 0 whatever was asked for.
struct ByCount<T>(PhantomData<T>);

impl<T: Scalar> RatingsSubject for ByCount<T> {
    type Scalar = T;
    type Model = FactorModel<T>;

    fn factorizer(
        &self,
        _: usize,
        _: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
        Popularity::new()
    }

    fn fallback(&self, model: &FactorModel<T>) -> T {
        model.predict_or_fallback(None, None)
    }

    fn takes_negative_ratings(&self) -> bool {
        false
    }
}

#[test]
fn popularity_holds() {
    let subject = ByCount::<f32>(PhantomData);
    hold(laws::same_bits_for_any_threads(&subject));
    hold(laws::containers_give_the_same_bits(&subject));
    hold(laws::the_unrated_get_the_fallback(&subject));
    hold(laws::record_round_trip(&subject));
    hold(laws::predictions_agree(&subject));
    hold(laws::non_finite_ratings_are_named(&subject));
    hold(laws::columns_outside_are_named(&subject));
}
