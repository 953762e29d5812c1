//! Debug builds share what is generic and compiled upstream: with its fits compiled here once, test programs and
//! examples need not compile them again, each for itself. Release builds compile what they use.

use crate::{Pca, PcaModel, SvdModel, TruncatedSvd};
use matfact_core::{Factorizer, Fit, LinearOperator, Result, Run};

type FitOf<A, X, M> = fn(&A, &X, &mut Run<'_>) -> Result<Fit<M>>;

macro_rules! compiled {
    ($($name:ident: $method:ident, $model:ident, $scalar:ty;)+) => {$(
        #[used]
        static $name: FitOf<$method, dyn LinearOperator<Scalar = $scalar>, $model<$scalar>> =
            <$method as Factorizer<dyn LinearOperator<Scalar = $scalar>>>::fit_with;
    )+};
}

compiled! {
    SVD_F32: TruncatedSvd, SvdModel, f32;
    SVD_F64: TruncatedSvd, SvdModel, f64;
    PCA_F32: Pca, PcaModel, f32;
    PCA_F64: Pca, PcaModel, f64;
}
