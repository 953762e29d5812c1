//! Debug builds share what is generic and compiled upstream: with its fits compiled here once, test programs and
//! examples need not compile them again, each for itself. Release builds compile what they use.

use crate::{Bpr, LogisticFactorization, Sgd, SvdPlusPlus, SvdPlusPlusModel, Warp};
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
    SGD_F32: Sgd, FactorModel, f32;
    SGD_F64: Sgd, FactorModel, f64;
    SVDPP_F32: SvdPlusPlus, SvdPlusPlusModel, f32;
    SVDPP_F64: SvdPlusPlus, SvdPlusPlusModel, f64;
    BPR_F32: Bpr, FactorModel, f32;
    BPR_F64: Bpr, FactorModel, f64;
    WARP_F32: Warp, FactorModel, f32;
    WARP_F64: Warp, FactorModel, f64;
    LOGISTIC_F32: LogisticFactorization, FactorModel, f32;
    LOGISTIC_F64: LogisticFactorization, FactorModel, f64;
}
