//! The laws for multiplicative updates and mini-batches, in both precisions.
//!
//! Multiplicative updates come close to a minimum slowly, so that nothing here asks for one: the laws
//! are those of every fit, wherever it ends.

use matfact_core::ndarray::Array2;
use matfact_core::{Factorizer, Scalar};
use matfact_nmf::{Init, Loss, MiniBatchNmf, Nmf, NmfModel, Solver};
use matfact_testkit::{
    DynMatrix, MatrixSubject, MonotoneSubject, NonNegativeSubject, UnlimitedRank,
};
use std::marker::PhantomData;

struct Multiplicative<T> {
    loss: Loss,
    scalar: PhantomData<T>,
}

fn multiplicative<T>(loss: Loss) -> Multiplicative<T> {
    Multiplicative {
        loss,
        scalar: PhantomData,
    }
}

impl<T: Scalar> MatrixSubject for Multiplicative<T> {
    type Scalar = T;
    type Model = NmfModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = NmfModel<T>> {
        Nmf::new(rank)
            .loss(self.loss)
            .solver(Solver::Multiplicative)
            .init(Init::Random)
            .seed(seed)
            .max_iter(60)
            .tol(0.0)
    }

    fn tolerance(&self) -> f64 {
        1e-3
    }
}

impl<T: Scalar> NonNegativeSubject for Multiplicative<T> {
    fn factors(&self, model: &NmfModel<T>) -> (Array2<T>, Array2<T>) {
        (model.w().to_owned(), model.h().to_owned())
    }
}

impl<T: Scalar> MonotoneSubject for Multiplicative<T> {}
impl<T: Scalar> UnlimitedRank for Multiplicative<T> {}

struct MiniBatch<T> {
    loss: Loss,
    scalar: PhantomData<T>,
}

fn mini_batch<T>(loss: Loss) -> MiniBatch<T> {
    MiniBatch {
        loss,
        scalar: PhantomData,
    }
}

impl<T: Scalar> MatrixSubject for MiniBatch<T> {
    type Scalar = T;
    type Model = NmfModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = NmfModel<T>> {
        MiniBatchNmf::new(rank)
            .loss(self.loss)
            .init(Init::Random)
            .seed(seed)
            .batch_size(5)
            .max_iter(10)
    }

    fn tolerance(&self) -> f64 {
        1e-3
    }
}

impl<T: Scalar> NonNegativeSubject for MiniBatch<T> {
    fn factors(&self, model: &NmfModel<T>) -> (Array2<T>, Array2<T>) {
        (model.w().to_owned(), model.h().to_owned())
    }
}

impl<T: Scalar> UnlimitedRank for MiniBatch<T> {}

matfact_testkit::laws! {
    kl_f32: multiplicative::<f32>(Loss::KullbackLeibler) => matrix, non_negative, unlimited_rank;
    kl_f64: multiplicative::<f64>(Loss::KullbackLeibler) => matrix, non_negative, monotone, unlimited_rank;
    beta_f64: multiplicative::<f64>(Loss::Beta(1.5)) => matrix, monotone;
    squares_f32: multiplicative::<f32>(Loss::Frobenius) => matrix, monotone;
    mini_batch_f32: mini_batch::<f32>(Loss::Frobenius) => matrix, non_negative, unlimited_rank;
    mini_batch_kl_f64: mini_batch::<f64>(Loss::KullbackLeibler) => matrix, non_negative, unlimited_rank;
}
