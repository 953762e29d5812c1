//! The laws that `Als` is held to, in both precisions.

use matfact_als::Als;
use matfact_core::{FactorModel, Factorizer, Scalar};
use matfact_testkit::{DynRatings, RatingsSubject};
use std::marker::PhantomData;

struct Alternation<T> {
    biased: bool,
    scalar: PhantomData<T>,
}

fn alternation<T>(biased: bool) -> Alternation<T> {
    Alternation {
        biased,
        scalar: PhantomData,
    }
}

impl<T: Scalar> RatingsSubject for Alternation<T> {
    type Scalar = T;
    type Model = FactorModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
        Als::new(rank).max_iter(40).biased(self.biased).seed(seed)
    }

    fn fallback(&self, model: &FactorModel<T>) -> T {
        model.predict_or_fallback(None, None)
    }
}

matfact_testkit::laws! {
    biased_f32: alternation::<f32>(true) => ratings;
    biased_f64: alternation::<f64>(true) => ratings;
    unbiased_f32: alternation::<f32>(false) => ratings;
    unbiased_f64: alternation::<f64>(false) => ratings;
}
