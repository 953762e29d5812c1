//! Debug builds share what is generic and compiled upstream: with its fits compiled here once, test programs and
//! examples need not compile them again, each for itself. Release builds compile what they use.

use crate::{Als, ImplicitAls};
use matfact_core::{FactorModel, Factorizer, Fit, ObservedEntries, Result, Run};

type FitOf<A, X, M> = fn(&A, &X, &mut Run<'_>) -> Result<Fit<M>>;

macro_rules! compiled {
    ($($name:ident: $method:ident, $model:ident, $scalar:ty;)+) => {$(
        #[used]
        static $name: FitOf<$method, dyn ObservedEntries<Scalar = $scalar>, $model<$scalar>> =
            <$method as Factorizer<dyn ObservedEntries<Scalar = $scalar>>>::fit_with;
    )+};
}

compiled! {
    ALS_F32: Als, FactorModel, f32;
    ALS_F64: Als, FactorModel, f64;
    IMPLICIT_F32: ImplicitAls, FactorModel, f32;
    IMPLICIT_F64: ImplicitAls, FactorModel, f64;
}
