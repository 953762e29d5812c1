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
            #[cfg(feature = "sgd")]
            Input::DiskRatings(x) => Some(InputSize::sparse::<T>(shape, x.observed()).on_disk()),
        }
    }
}

impl Plan for Algorithm {
    /// # Errors
    /// Those of the algorithm; [`Error::UnsupportedInput`] for ratings on disk, which `Sgd` alone takes.
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        if input.on_disk && self.name() != "sgd" {
            return Err(Error::UnsupportedInput {
                algorithm: self.name(),
                expected: "data in memory",
                actual: "ratings on disk, which sgd alone takes",
            });
        }
        match self {
            #[cfg(feature = "nmf")]
            Algorithm::Nmf(nmf) => nmf.plan(input),
            #[cfg(feature = "nmf")]
            Algorithm::MaskedNmf(nmf) => nmf.plan(input),
            #[cfg(feature = "nmf")]
            Algorithm::MiniBatchNmf(nmf) => nmf.plan(input),
            #[cfg(feature = "svd")]
            Algorithm::Svd(svd) => svd.plan(input),
            #[cfg(feature = "svd")]
            Algorithm::Pca(pca) => pca.plan(input),
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
            #[cfg(feature = "sgd")]
            Algorithm::Popularity(popularity) => popularity.plan(input),
            #[cfg(feature = "als")]
            Algorithm::Als(als) => als.plan(input),
            #[cfg(feature = "als")]
            Algorithm::ImplicitAls(als) => als.plan(input),
        }
    }
}
