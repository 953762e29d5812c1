//! What a fit that is chosen at run time will need.

use crate::{Algorithm, Input};
use matfact_core::{Error, FitPlan, InputSize, Layout, ObservedEntries, Plan, Result, Scalar};

impl<T: Scalar> Input<'_, T> {
    /// Shape, stored entries and density; none for an operator that is known by its products. Entries of a matrix
    /// of one's own type are counted by listing them.
    #[must_use]
    pub fn size(&self) -> Option<InputSize> {
        let shape = self.shape();
        match self {
            Input::Matrix(x) => Some(match x.layout() {
                Layout::Dense(_) => InputSize::dense::<T>(shape),
                Layout::SparseRows(rows) | Layout::SparseColumns(rows) => {
                    InputSize::sparse::<T>(shape, rows.values.len())
                }
                _ => {
                    let mut stored = 0;
                    x.visit(&mut |_, _, _| stored += 1);
                    InputSize::sparse::<T>(shape, stored)
                }
            }),
            Input::Operator(_) => None,
            Input::Ratings(x) => {
                let stored = (0..shape.0).map(|row| x.row(row).columns.len()).sum();
                Some(InputSize::sparse::<T>(shape, stored))
            }
        }
    }
}

impl Plan for Algorithm {
    /// # Errors
    /// Those of the algorithm; [`Error::UnsupportedModel`] for the decompositions, mini-batches and popularity, which
    /// have no estimate.
    #[cfg_attr(
        not(any(feature = "nmf", feature = "sgd", feature = "als")),
        allow(unused_variables, reason = "the decompositions have no estimate")
    )]
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        match self {
            #[cfg(feature = "nmf")]
            Algorithm::Nmf(nmf) => nmf.plan(input),
            #[cfg(feature = "nmf")]
            Algorithm::MaskedNmf(nmf) => nmf.plan(input),
            #[cfg(feature = "sgd")]
            Algorithm::Sgd(sgd) => sgd.plan(input),
            #[cfg(feature = "sgd")]
            Algorithm::SvdPlusPlus(svdpp) => svdpp.plan(input),
            #[cfg(feature = "sgd")]
            Algorithm::Bpr(bpr) => bpr.plan(input),
            #[cfg(feature = "sgd")]
            Algorithm::Warp(warp) => warp.plan(input),
            #[cfg(feature = "sgd")]
            Algorithm::Logistic(logistic) => logistic.plan(input),
            #[cfg(feature = "als")]
            Algorithm::Als(als) => als.plan(input),
            #[cfg(feature = "als")]
            Algorithm::ImplicitAls(als) => als.plan(input),
            #[allow(
                unreachable_patterns,
                reason = "without features all patterns are above"
            )]
            _ => Err(Error::UnsupportedModel {
                algorithm: self.name().to_owned(),
                capability: "be planned: there is no estimate of its memory",
            }),
        }
    }
}
