//! The trait that every algorithm implements.

use crate::{Fit, Result, Run};

/// An algorithm with its hyper-parameters: turns a matrix of kind `X` into a model.
///
/// `X` is one of the kinds of [`input`](crate::input) or a trait object of them, so that algorithms
/// can be chosen at run time: `Box<dyn Factorizer<dyn Matrix<Scalar = f32>, Model = M>>` works.
///
/// The contract, which `matfact-testkit` checks:
/// - the same input, hyper-parameters and seed give the same bits, for any number of threads;
/// - bad input is refused with a typed [`Error`](crate::Error) before work starts; a model never
///   holds a NaN;
/// - every loop is capped, and [`Run`] can stop it between iterations with the model so far.
///
/// # Example
/// The best rank-0 approximation, as small as an algorithm can be:
/// ```
/// use matfact_core::{Factorizer, Fit, FitReport, Matrix, Result, Run, Summary};
/// struct Mean;
/// impl<X: Matrix + ?Sized> Factorizer<X> for Mean {
///     type Model = f64;
///     fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<f64>> {
///         run.begin()?;
///         let summary = Summary::of(x);
///         summary.require_finite()?;
///         Ok(Fit { model: summary.mean(), report: FitReport::new("mean", x.shape(), 0, 0) })
///     }
/// }
/// assert_eq!(Mean.fit(&ndarray::array![[1.0, 2.0], [3.0, 6.0]])?.model, 3.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub trait Factorizer<X: ?Sized> {
    /// What a fit gives: plain data.
    type Model;

    /// Fits `x` under the conditions of `run`.
    ///
    /// # Errors
    /// A hyper-parameter out of range, or input that the algorithm cannot take; each algorithm's
    /// page lists them.
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>>;

    /// Fits `x` with the default [`Run`].
    ///
    /// # Errors
    /// As [`Factorizer::fit_with`].
    fn fit(&self, x: &X) -> Result<Fit<Self::Model>> {
        self.fit_with(x, &mut Run::default())
    }
}

impl<X: ?Sized, F: Factorizer<X> + ?Sized> Factorizer<X> for &F {
    type Model = F::Model;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        (**self).fit_with(x, run)
    }
}

impl<X: ?Sized, F: Factorizer<X> + ?Sized> Factorizer<X> for Box<F> {
    type Model = F::Model;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        (**self).fit_with(x, run)
    }
}
