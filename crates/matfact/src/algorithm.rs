//! An algorithm that is chosen at run time.

use crate::{AnyModel, Input};
#[cfg(feature = "als")]
use matfact_als::{Als, ImplicitAls};
use matfact_core::{Error, Factorizer, Fit, Result, Run, Scalar};
#[cfg(feature = "nmf")]
use matfact_nmf::{MaskedNmf, MiniBatchNmf, Nmf};
#[cfg(feature = "sgd")]
use matfact_sgd::{Bpr, LogisticFactorization, Popularity, Sgd, SvdPlusPlus, Warp};
#[cfg(feature = "svd")]
use matfact_svd::{Pca, TruncatedSvd};

/// Any algorithm that is compiled in, with its hyper-parameters.
///
/// With the feature `serde` it is what a configuration holds: the field `algorithm` names the
/// algorithm, as [`Algorithm::name`] does, the others are its hyper-parameters, and what is left out has its default.
///
/// ```
/// # #[cfg(all(feature = "serde", feature = "nmf"))] {
/// use matfact::prelude::*;
/// use matfact::Input;
/// let text = r#"{"algorithm": "nmf", "rank": 2, "init": "nndsvd"}"#;
/// let algorithm: Algorithm = serde_json::from_str(text).expect("valid JSON");
/// let x = array![[5.0, 3.0, 0.0], [4.0, 0.0, 1.0], [1.0, 1.0, 5.0]];
/// let fit = algorithm.fit(&Input::from(&x))?;
/// assert_eq!(fit.model.rank(), 2);
/// # }
/// # Ok::<(), matfact::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "algorithm", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Algorithm {
    /// Non-negative matrix factorization of a matrix.
    #[cfg(feature = "nmf")]
    Nmf(Nmf),
    /// Non-negative matrix factorization of observed entries.
    #[cfg(feature = "nmf")]
    MaskedNmf(MaskedNmf),
    /// Non-negative matrix factorization of a matrix from mini-batches of its rows.
    #[cfg(feature = "nmf")]
    #[cfg_attr(feature = "serde", serde(rename = "minibatch-nmf"))]
    MiniBatchNmf(MiniBatchNmf),
    /// Truncated singular value decomposition of a matrix or an operator.
    #[cfg(feature = "svd")]
    Svd(TruncatedSvd),
    /// Principal component analysis of a matrix or an operator.
    #[cfg(feature = "svd")]
    Pca(Pca),
    /// Factorization of observed ratings by stochastic gradient descent.
    #[cfg(feature = "sgd")]
    Sgd(Sgd),
    /// SVD++: factorization of observed ratings and of which columns a row rated.
    #[cfg(feature = "sgd")]
    #[cfg_attr(feature = "serde", serde(rename = "svdpp"))]
    SvdPlusPlus(SvdPlusPlus),
    /// Bayesian personalized ranking of positives.
    #[cfg(feature = "sgd")]
    Bpr(Bpr),
    /// Ranking of positives by weighted approximate-rank pairwise loss.
    #[cfg(feature = "sgd")]
    Warp(Warp),
    /// Logistic factorization of positives.
    #[cfg(feature = "sgd")]
    Logistic(LogisticFactorization),
    /// The columns by how many rows have them.
    #[cfg(feature = "sgd")]
    Popularity(Popularity),
    /// Factorization of observed ratings by alternating least squares.
    #[cfg(feature = "als")]
    Als(Als),
    /// Weighted factorization of positives, and of all that is absent, by alternating least squares.
    #[cfg(feature = "als")]
    #[cfg_attr(feature = "serde", serde(rename = "ials"))]
    ImplicitAls(ImplicitAls),
}

impl Algorithm {
    /// The names of the algorithms that are compiled in.
    pub const NAMES: &'static [&'static str] = &[
        #[cfg(feature = "nmf")]
        "nmf",
        #[cfg(feature = "nmf")]
        "masked-nmf",
        #[cfg(feature = "nmf")]
        "minibatch-nmf",
        #[cfg(feature = "svd")]
        "svd",
        #[cfg(feature = "svd")]
        "pca",
        #[cfg(feature = "sgd")]
        "sgd",
        #[cfg(feature = "sgd")]
        "svdpp",
        #[cfg(feature = "sgd")]
        "bpr",
        #[cfg(feature = "sgd")]
        "warp",
        #[cfg(feature = "sgd")]
        "logistic",
        #[cfg(feature = "sgd")]
        "popularity",
        #[cfg(feature = "als")]
        "als",
        #[cfg(feature = "als")]
        "ials",
    ];

    /// The algorithm called `name` with its defaults.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if none of that name is compiled in.
    pub fn by_name(name: &str, rank: usize) -> Result<Self> {
        match name {
            #[cfg(feature = "nmf")]
            "nmf" => Ok(Algorithm::Nmf(Nmf::new(rank))),
            #[cfg(feature = "nmf")]
            "masked-nmf" => Ok(Algorithm::MaskedNmf(MaskedNmf::new(rank))),
            #[cfg(feature = "nmf")]
            "minibatch-nmf" => Ok(Algorithm::MiniBatchNmf(MiniBatchNmf::new(rank))),
            #[cfg(feature = "svd")]
            "svd" => Ok(Algorithm::Svd(TruncatedSvd::new(rank))),
            #[cfg(feature = "svd")]
            "pca" => Ok(Algorithm::Pca(Pca::new(rank))),
            #[cfg(feature = "sgd")]
            "sgd" => Ok(Algorithm::Sgd(Sgd::new(rank))),
            #[cfg(feature = "sgd")]
            "svdpp" => Ok(Algorithm::SvdPlusPlus(SvdPlusPlus::new(rank))),
            #[cfg(feature = "sgd")]
            "bpr" => Ok(Algorithm::Bpr(Bpr::new(rank))),
            #[cfg(feature = "sgd")]
            "warp" => Ok(Algorithm::Warp(Warp::new(rank))),
            #[cfg(feature = "sgd")]
            "logistic" => Ok(Algorithm::Logistic(LogisticFactorization::new(rank))),
            #[cfg(feature = "sgd")]
            "popularity" => Ok(Algorithm::Popularity(Popularity::new())),
            #[cfg(feature = "als")]
            "als" => Ok(Algorithm::Als(Als::new(rank))),
            #[cfg(feature = "als")]
            "ials" => Ok(Algorithm::ImplicitAls(ImplicitAls::new(rank))),
            _ => {
                let names = format!("one of those compiled in: {}", Self::NAMES.join(", "));
                Err(Error::invalid_parameter("algorithm", name, names))
            }
        }
    }

    /// The name as on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            #[cfg(feature = "nmf")]
            Algorithm::Nmf(_) => "nmf",
            #[cfg(feature = "nmf")]
            Algorithm::MaskedNmf(_) => "masked-nmf",
            #[cfg(feature = "nmf")]
            Algorithm::MiniBatchNmf(_) => "minibatch-nmf",
            #[cfg(feature = "svd")]
            Algorithm::Svd(_) => "svd",
            #[cfg(feature = "svd")]
            Algorithm::Pca(_) => "pca",
            #[cfg(feature = "sgd")]
            Algorithm::Sgd(_) => "sgd",
            #[cfg(feature = "sgd")]
            Algorithm::SvdPlusPlus(_) => "svdpp",
            #[cfg(feature = "sgd")]
            Algorithm::Bpr(_) => "bpr",
            #[cfg(feature = "sgd")]
            Algorithm::Warp(_) => "warp",
            #[cfg(feature = "sgd")]
            Algorithm::Logistic(_) => "logistic",
            #[cfg(feature = "sgd")]
            Algorithm::Popularity(_) => "popularity",
            #[cfg(feature = "als")]
            Algorithm::Als(_) => "als",
            #[cfg(feature = "als")]
            Algorithm::ImplicitAls(_) => "ials",
        }
    }
}

impl<T: Scalar> Factorizer<Input<'_, T>> for Algorithm {
    type Model = AnyModel<T>;

    /// # Errors
    /// [`Error::UnsupportedInput`] if the algorithm does not take this kind of input, and the
    /// algorithm's own errors.
    fn fit_with(&self, x: &Input<'_, T>, run: &mut Run<'_>) -> Result<Fit<AnyModel<T>>> {
        match (self, x) {
            #[cfg(feature = "nmf")]
            (Algorithm::Nmf(nmf), Input::Matrix(x)) => {
                Ok(nmf.fit_with(*x, run)?.map(AnyModel::Nmf))
            }
            #[cfg(feature = "nmf")]
            (Algorithm::MaskedNmf(nmf), Input::Ratings(x)) => {
                Ok(nmf.fit_with(*x, run)?.map(AnyModel::MaskedNmf))
            }
            #[cfg(feature = "nmf")]
            (Algorithm::MiniBatchNmf(nmf), Input::Matrix(x)) => {
                Ok(nmf.fit_with(*x, run)?.map(AnyModel::Nmf))
            }
            #[cfg(feature = "svd")]
            (Algorithm::Svd(svd), Input::Matrix(x)) => {
                Ok(svd.fit_with(*x, run)?.map(AnyModel::Svd))
            }
            #[cfg(feature = "svd")]
            (Algorithm::Svd(svd), Input::Operator(x)) => {
                Ok(svd.fit_with(*x, run)?.map(AnyModel::Svd))
            }
            #[cfg(feature = "svd")]
            (Algorithm::Pca(pca), Input::Matrix(x)) => {
                Ok(pca.fit_with(*x, run)?.map(AnyModel::Pca))
            }
            #[cfg(feature = "svd")]
            (Algorithm::Pca(pca), Input::Operator(x)) => {
                Ok(pca.fit_with(*x, run)?.map(AnyModel::Pca))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Sgd(sgd), Input::Ratings(x)) => {
                Ok(sgd.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Sgd(sgd), Input::DiskRatings(x)) => {
                Ok(sgd.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::SvdPlusPlus(svdpp), Input::Ratings(x)) => {
                Ok(svdpp.fit_with(*x, run)?.map(AnyModel::SvdPlusPlus))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Bpr(bpr), Input::Ratings(x)) => {
                Ok(bpr.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Warp(warp), Input::Ratings(x)) => {
                Ok(warp.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Logistic(logistic), Input::Ratings(x)) => {
                Ok(logistic.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "sgd")]
            (Algorithm::Popularity(popularity), Input::Ratings(x)) => {
                Ok(popularity.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "als")]
            (Algorithm::Als(als), Input::Ratings(x)) => {
                Ok(als.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[cfg(feature = "als")]
            (Algorithm::ImplicitAls(ials), Input::Ratings(x)) => {
                Ok(ials.fit_with(*x, run)?.map(AnyModel::Factors))
            }
            #[allow(
                unreachable_patterns,
                reason = "with one algorithm every pair may be listed"
            )]
            (algorithm, input) => Err(Error::UnsupportedInput {
                algorithm: algorithm.name(),
                expected: match algorithm.name() {
                    "nmf" | "minibatch-nmf" => "a matrix (absent entries are zero)",
                    "svd" | "pca" => "a matrix or a linear operator (absent entries are zero)",
                    _ => "observed ratings (absent entries are unknown)",
                },
                actual: input.kind(),
            }),
        }
    }
}
