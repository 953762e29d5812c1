//! The laws that `Nmf` is held to, in both precisions.
//!
//! Transposition is none of them: W is updated before H, so that the fit of the transposed matrix may
//! end at another stationary point.

use matfact_core::ndarray::Array2;
use matfact_core::{Factorizer, Result, Scalar, Transform};
use matfact_nmf::{Init, Nmf, NmfModel};
use matfact_testkit::{
    DynMatrix, MatrixSubject, MonotoneSubject, NonNegativeSubject, PermutationEquivariant,
    ScaleEquivariant, TransformSubject, UnlimitedRank, reference,
};
use std::marker::PhantomData;

struct Hals<T> {
    init: Init,
    scalar: PhantomData<T>,
}

fn hals<T>(init: Init) -> Hals<T> {
    Hals {
        init,
        scalar: PhantomData,
    }
}

impl<T: Scalar> MatrixSubject for Hals<T> {
    type Scalar = T;
    type Model = NmfModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = NmfModel<T>> {
        Nmf::new(rank)
            .init(self.init)
            .seed(seed)
            .max_iter(5000)
            .tol(1e-12)
    }

    /// Rounding, and what is left of convergence: the objective is flat around a minimum.
    fn tolerance(&self) -> f64 {
        1e-3_f64.max(10.0 * reference::epsilon::<T>().sqrt())
    }
}

impl<T: Scalar> NonNegativeSubject for Hals<T> {
    fn factors(&self, model: &NmfModel<T>) -> (Array2<T>, Array2<T>) {
        (model.w().to_owned(), model.h().to_owned())
    }
}

impl<T: Scalar> TransformSubject for Hals<T> {
    fn transform(&self, model: &NmfModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        model.transform(x)
    }

    fn row_coordinates(&self, model: &NmfModel<T>) -> Array2<T> {
        model.w().to_owned()
    }
}

impl<T: Scalar> MonotoneSubject for Hals<T> {}
impl<T: Scalar> UnlimitedRank for Hals<T> {}
impl<T: Scalar> PermutationEquivariant for Hals<T> {}
/// From a random start alone: NNDSVDa fills zeros with the mean of X, which does not scale as the
/// factors do, so that another scale may begin near another minimum.
impl<T: Scalar> ScaleEquivariant for Hals<T> {}

matfact_testkit::laws! {
    auto_f32: hals::<f32>(Init::Auto) => matrix, non_negative, monotone, transform, unlimited_rank,
        permutation;
    auto_f64: hals::<f64>(Init::Auto) => matrix, non_negative, monotone, transform, unlimited_rank,
        permutation;
    random_f32: hals::<f32>(Init::Random) => non_negative, monotone, unlimited_rank, scale;
    random_f64: hals::<f64>(Init::Random) => non_negative, monotone, unlimited_rank, scale;
}

matfact_testkit::precision_laws! {
    precision: hals::<f32>(Init::Auto), hals::<f64>(Init::Auto);
}
