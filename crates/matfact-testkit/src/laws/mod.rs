//! The laws, by what they need to know of a subject.
//!
//! Each is a function of a subject and gives the violation it found. The names are those of the
//! tests that [`laws!`](macro@crate::laws) makes.

pub mod equivariance;
pub mod factors;
pub mod matrix;
pub mod rank;
pub mod ratings;
pub mod refusals;
pub mod transform;

use crate::reference::{frobenius_distance, frobenius_norm, from_f64, to_f64};
use crate::subject::{DynMatrix, MatrixSubject};
use crate::violation::{Outcome, refused, require_at_most};
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Factorization, Factorizer, Fit, Result, Run};

/// Makes a law's function: its documentation is its statement.
macro_rules! law {
    (
        $(#[doc = $statement:literal])+
        fn $name:ident<$s:ident: $bound:ident $(+ $other:ident)*>($law:ident, $subject:ident) $body:block
    ) => {
        $(#[doc = $statement])+
        ///
        /// # Errors
        /// The violation found, with its counterexample.
        pub fn $name<$s: $bound $(+ $other)*>($subject: &$s) -> $crate::LawResult {
            let $law = $crate::Law {
                name: stringify!($name),
                statement: concat!($($statement),+).trim_ascii(),
            };
            $body
        }
    };
}
pub(crate) use law;

/// One fit under the default run.
fn fit<S: MatrixSubject>(
    subject: &S,
    x: &DynMatrix<S::Scalar>,
    rank: usize,
    seed: u64,
) -> Result<Fit<S::Model>> {
    fit_with(subject, x, rank, seed, &mut Run::new())
}

fn fit_with<S: MatrixSubject>(
    subject: &S,
    x: &DynMatrix<S::Scalar>,
    rank: usize,
    seed: u64,
    run: &mut Run<'_>,
) -> Result<Fit<S::Model>> {
    subject.factorizer(rank, seed).fit_with(x, run)
}

/// The fit of a good dense matrix.
fn fit_good<S: MatrixSubject>(
    subject: &S,
    x: &Array2<f64>,
    rank: usize,
    seed: u64,
) -> Result<Fit<S::Model>, String> {
    let x: Array2<S::Scalar> = from_f64(x.view());
    fit(subject, &x, rank, seed).map_err(refused)
}

/// X̂ in double precision.
fn reconstruction<M: Factorization>(model: &M) -> Array2<f64> {
    to_f64(model.reconstruct().view())
}

/// Fails unless two matrices differ by at most `tolerance` of ‖`x`‖.
fn require_close(
    what: &str,
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    x: ArrayView2<'_, f64>,
    tolerance: f64,
) -> Outcome {
    let distance = frobenius_distance(a, b);
    require_at_most(what, distance, tolerance * frobenius_norm(x))
}
