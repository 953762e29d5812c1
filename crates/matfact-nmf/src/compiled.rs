//! Debug builds share what is generic and compiled upstream: with its fits compiled here once, test programs and
//! examples need not compile them again, each for itself. Release builds compile what they use.

use crate::{MaskedNmf, MaskedNmfModel, MiniBatchNmf, Nmf, NmfModel};
use matfact_core::{Factorizer, Fit, Matrix, ObservedEntries, Result, Run};

type FitOf<A, X, M> = fn(&A, &X, &mut Run<'_>) -> Result<Fit<M>>;

macro_rules! compiled {
    ($($name:ident: $method:ident of $input:ident, $model:ident, $scalar:ty;)+) => {$(
        #[used]
        static $name: FitOf<$method, dyn $input<Scalar = $scalar>, $model<$scalar>> =
            <$method as Factorizer<dyn $input<Scalar = $scalar>>>::fit_with;
    )+};
}

compiled! {
    NMF_F32: Nmf of Matrix, NmfModel, f32;
    NMF_F64: Nmf of Matrix, NmfModel, f64;
    MINI_BATCH_F32: MiniBatchNmf of Matrix, NmfModel, f32;
    MINI_BATCH_F64: MiniBatchNmf of Matrix, NmfModel, f64;
    MASKED_F32: MaskedNmf of ObservedEntries, MaskedNmfModel, f32;
    MASKED_F64: MaskedNmf of ObservedEntries, MaskedNmfModel, f64;
}
