//! The laws that the methods on ratings are held to, in both precisions.

use matfact_core::{FactorModel, Factorizer, Scalar};
use matfact_sgd::{Sgd, SvdPlusPlus, SvdPlusPlusModel};
use matfact_testkit::{DynRatings, RatingsSubject};
use std::marker::PhantomData;

struct Descent<T> {
    biased: bool,
    scalar: PhantomData<T>,
}

fn descent<T>(biased: bool) -> Descent<T> {
    Descent {
        biased,
        scalar: PhantomData,
    }
}

impl<T: Scalar> RatingsSubject for Descent<T> {
    type Scalar = T;
    type Model = FactorModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
        Sgd::new(rank).epochs(40).biased(self.biased).seed(seed)
    }

    fn fallback(&self, model: &FactorModel<T>) -> T {
        model.predict_or_fallback(None, None)
    }
}

struct Implicit<T>(PhantomData<T>);

impl<T: Scalar> RatingsSubject for Implicit<T> {
    type Scalar = T;
    type Model = SvdPlusPlusModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = SvdPlusPlusModel<T>> {
        SvdPlusPlus::new(rank)
            .epochs(40)
            .learning_rate(0.05)
            .seed(seed)
    }

    fn fallback(&self, model: &SvdPlusPlusModel<T>) -> T {
        model.factors().predict_or_fallback(None, None)
    }
}

matfact_testkit::laws! {
    svdpp_f32: Implicit::<f32>(PhantomData) => ratings;
    svdpp_f64: Implicit::<f64>(PhantomData) => ratings;
    biased_f32: descent::<f32>(true) => ratings;
    biased_f64: descent::<f64>(true) => ratings;
    unbiased_f32: descent::<f32>(false) => ratings;
    unbiased_f64: descent::<f64>(false) => ratings;
}
