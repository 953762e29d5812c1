//! The laws that `TruncatedSvd` is held to, in both precisions.

use matfact_core::ndarray::Array2;
use matfact_core::{Factorizer, Result, Scalar, Transform};
use matfact_svd::{SvdModel, TruncatedSvd};
use matfact_testkit::{
    DynMatrix, DynOperator, LimitedRank, MatrixSubject, OperatorSubject, OptimalSubject,
    OrthonormalSubject, PermutationEquivariant, ScaleEquivariant, SvdParts, TransformSubject,
    TransposeEquivariant, reference,
};
use std::marker::PhantomData;

#[derive(Default)]
struct Svd<T>(PhantomData<T>);

impl<T: Scalar> MatrixSubject for Svd<T> {
    type Scalar = T;
    type Model = SvdModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = SvdModel<T>> {
        TruncatedSvd::new(rank).seed(seed)
    }

    /// The random basis spans all of a small matrix, so that only rounding is left.
    fn tolerance(&self) -> f64 {
        100.0 * reference::epsilon::<T>()
    }
}

impl<T: Scalar> OperatorSubject for Svd<T> {
    fn operator_factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynOperator<T>, Model = SvdModel<T>> {
        TruncatedSvd::new(rank).seed(seed)
    }
}

impl<T: Scalar> OrthonormalSubject for Svd<T> {
    fn parts(&self, model: &SvdModel<T>) -> SvdParts<T> {
        (
            model.u().to_owned(),
            model.singular_values().to_owned(),
            model.vt().to_owned(),
        )
    }
}

impl<T: Scalar> TransformSubject for Svd<T> {
    fn transform(&self, model: &SvdModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        model.transform(x)
    }

    fn row_coordinates(&self, model: &SvdModel<T>) -> Array2<T> {
        &model.u() * &model.singular_values()
    }
}

impl<T: Scalar> OptimalSubject for Svd<T> {}
impl<T: Scalar> LimitedRank for Svd<T> {}
impl<T: Scalar> PermutationEquivariant for Svd<T> {}
impl<T: Scalar> TransposeEquivariant for Svd<T> {}
impl<T: Scalar> ScaleEquivariant for Svd<T> {}

matfact_testkit::laws! {
    svd_f32: Svd::<f32>::default() => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
    svd_f64: Svd::<f64>::default() => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
}

matfact_testkit::precision_laws! {
    precision: Svd::<f32>::default(), Svd::<f64>::default();
}
