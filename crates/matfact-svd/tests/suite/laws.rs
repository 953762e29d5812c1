//! The laws that `TruncatedSvd` is held to, in both precisions.

use matfact_core::ndarray::Array2;
use matfact_core::{Factorizer, Result, Scalar, Transform};
use matfact_svd::{SvdMethod, SvdModel, Tolerance, TruncatedSvd};
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

    /// A small matrix is decomposed whole, so that only rounding is left.
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

/// Restarts as often as it can, to rounding.
fn lanczos(rank: usize, seed: u64) -> TruncatedSvd {
    let svd = TruncatedSvd::new(rank).method(SvdMethod::Lanczos);
    svd.tolerance(Tolerance::Rounding)
        .block(2)
        .basis(1)
        .seed(seed)
}

#[derive(Default)]
struct Lanczos<T>(PhantomData<T>);

impl<T: Scalar> MatrixSubject for Lanczos<T> {
    type Scalar = T;
    type Model = SvdModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = SvdModel<T>> {
        lanczos(rank, seed)
    }

    /// Restarts add roundings.
    fn tolerance(&self) -> f64 {
        300.0 * reference::epsilon::<T>()
    }
}

impl<T: Scalar> OperatorSubject for Lanczos<T> {
    fn operator_factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynOperator<T>, Model = SvdModel<T>> {
        lanczos(rank, seed)
    }
}

impl<T: Scalar> OrthonormalSubject for Lanczos<T> {
    fn parts(&self, model: &SvdModel<T>) -> SvdParts<T> {
        (
            model.u().to_owned(),
            model.singular_values().to_owned(),
            model.vt().to_owned(),
        )
    }
}

impl<T: Scalar> TransformSubject for Lanczos<T> {
    fn transform(&self, model: &SvdModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        model.transform(x)
    }

    fn row_coordinates(&self, model: &SvdModel<T>) -> Array2<T> {
        &model.u() * &model.singular_values()
    }
}

impl<T: Scalar> OptimalSubject for Lanczos<T> {}
impl<T: Scalar> LimitedRank for Lanczos<T> {}
impl<T: Scalar> PermutationEquivariant for Lanczos<T> {}
impl<T: Scalar> TransposeEquivariant for Lanczos<T> {}
impl<T: Scalar> ScaleEquivariant for Lanczos<T> {}

matfact_testkit::laws! {
    svd_f32: Svd::<f32>::default() => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
    svd_f64: Svd::<f64>::default() => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
    lanczos_f32: Lanczos::<f32>::default() => matrix, orthonormal, optimal, spectrum, transform,
        operator, limited_rank, permutation, transpose, scale;
    lanczos_f64: Lanczos::<f64>::default() => matrix, orthonormal, optimal, spectrum, transform,
        operator, limited_rank, permutation, transpose, scale;
}

matfact_testkit::precision_laws! {
    precision: Svd::<f32>::default(), Svd::<f64>::default();
}
