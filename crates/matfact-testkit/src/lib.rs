//! The laws of `matfact` as property tests that any [`Factorizer`](matfact_core::Factorizer), ours
//! or a third party's, can be held to.
//!
//! A backend is described by a *subject*: a small struct in its own tests that says how to fit
//! ([`MatrixSubject`], [`RatingsSubject`]) and, by the other traits of this crate, what more is
//! promised. A law that does not apply is left out by that type; there is no list of exceptions.
//!
//! # Example
//! An algorithm, its subject, and its laws, each a test of its own:
//! ```
//! # use matfact_core::{FactorModel, Factorizer, Matrix, Scalar, Fit, Run, Result};
//! use matfact_testkit::{DynMatrix, MatrixSubject, PermutationEquivariant};
//!
//! # struct Mine;
//! # impl Mine {
//! #     fn new(_rank: usize) -> Self { Mine }
//! #     fn seed(self, _seed: u64) -> Self { self }
//! # }
//! # impl<X: Matrix<Scalar = f64> + ?Sized> Factorizer<X> for Mine {
//! #     type Model = FactorModel<f64>;
//! #     fn fit_with(&self, _: &X, _: &mut Run<'_>) -> Result<Fit<Self::Model>> { todo!() }
//! # }
//! struct MySubject;
//!
//! impl MatrixSubject for MySubject {
//!     type Scalar = f64;
//!     type Model = FactorModel<f64>;
//!     fn factorizer(
//!         &self,
//!         rank: usize,
//!         seed: u64,
//!     ) -> impl Factorizer<DynMatrix<f64>, Model = Self::Model> {
//!         Mine::new(rank).seed(seed)
//!     }
//! }
//! impl PermutationEquivariant for MySubject {}
//!
//! matfact_testkit::laws! {
//!     mine: MySubject => matrix, permutation;
//! }
//! # fn main() {}
//! ```
//!
//! Every law is also a function that returns the [`LawViolation`] it found (module [`laws`](mod@laws)), and every
//! group of laws has one that checks all of them ([`check_matrix`] and its neighbours). Cases come
//! from fixed seeds, so a failure repeats; counterexamples are shrunk.
//!
//! A law of your own is a [`Law`] with its [`Law::check`]. What laws are made of is public too, for a backend's own tests: [`strategies`] of small
//! matrices and ratings, tables of [`hard`] cases, one matrix in all its forms ([`inputs`]), and
//! [`reference`](mod@reference) computations. For readers of files there are the inputs of [`mutation`].
#![forbid(unsafe_code)]

mod check;
mod execution;
pub mod hard;
pub mod inputs;
pub mod laws;
mod macros;
pub mod mutation;
pub mod reference;
mod resuming;
pub mod strategies;
mod subject;
mod violation;

pub use check::{
    check_limited_rank, check_matrix, check_monotone, check_non_negative, check_operator,
    check_optimal, check_orthonormal, check_permutation, check_ratings, check_scale,
    check_spectrum, check_transform, check_transpose, check_unlimited_rank,
};
pub use proptest;
pub use resuming::{OneFit, resuming_another_fit_is_refused, resuming_gives_the_same_bits};
pub use subject::{
    DynMatrix, DynOperator, DynRatings, LimitedRank, MatrixSubject, MonotoneSubject,
    NonNegativeSubject, OperatorSubject, OptimalSubject, OrthonormalSubject,
    PermutationEquivariant, RatingsSubject, ScaleEquivariant, SvdParts, TransformSubject,
    TransposeEquivariant, UnlimitedRank,
};
pub use violation::{Law, LawResult, LawViolation, Outcome, hold};
