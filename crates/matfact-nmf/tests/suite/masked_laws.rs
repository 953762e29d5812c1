//! The laws that `MaskedNmf` is held to, in both precisions and for both losses.

use matfact_core::{Factorization, Factorizer, Scalar};
use matfact_nmf::{Loss, MaskedNmf, MaskedNmfModel};
use matfact_testkit::{DynRatings, RatingsSubject};
use std::marker::PhantomData;

struct Masked<T> {
    loss: Loss,
    scalar: PhantomData<T>,
}

fn masked<T>(loss: Loss) -> Masked<T> {
    Masked {
        loss,
        scalar: PhantomData,
    }
}

impl<T: Scalar> RatingsSubject for Masked<T> {
    type Scalar = T;
    type Model = MaskedNmfModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = MaskedNmfModel<T>> {
        MaskedNmf::new(rank).loss(self.loss).seed(seed)
    }

    /// The law asks where row and column are the last and without ratings: the mean coordinates.
    fn fallback(&self, model: &MaskedNmfModel<T>) -> T {
        let (m, n) = model.shape();
        model.w().row(m - 1).dot(&model.h().column(n - 1))
    }

    fn takes_negative_ratings(&self) -> bool {
        false
    }
}

matfact_testkit::laws! {
    squares_f32: masked::<f32>(Loss::Frobenius) => ratings;
    squares_f64: masked::<f64>(Loss::Frobenius) => ratings;
    kullback_leibler_f32: masked::<f32>(Loss::KullbackLeibler) => ratings;
    kullback_leibler_f64: masked::<f64>(Loss::KullbackLeibler) => ratings;
}
