//! Matrix factorization under one trait: non-negative matrix factorization, truncated singular value
//! decomposition, and factorization of ratings.
//!
//! Every algorithm is a [`Factorizer`]: hyper-parameters in a builder, `fit` gives a model and a
//! report. What an absent entry means is a type: a [`Matrix`] (zero) or [`ObservedEntries`]
//! (unknown), so a wrong pairing does not compile. The same input, hyper-parameters and seed give
//! the same bits, for any number of threads.
//!
//! ```
//! # #[cfg(feature = "nmf")] {
//! use matfact::prelude::*;
//! let x = array![[5.0, 3.0, 0.0], [4.0, 0.0, 0.0], [0.0, 1.0, 5.0]];
//! let fit = Nmf::new(2).fit(&x)?;
//! println!("W = {:.2}", fit.model.w());
//! println!("{}", fit.report);
//! # }
//! # Ok::<(), matfact::Error>(())
//! ```
//!
//! # Which algorithm?
//! | data | want | use |
//! |---|---|---|
//! | non-negative, absent = zero (counts, pixels, spectra) | parts, topics | [`Nmf`] |
//! | non-negative, some entries missing or of unequal weight | the same, and the missing entries | [`MaskedNmf`] |
//! | non-negative, in parts or too large for memory | the same, from batches of rows | [`MiniBatchNmf`], [`OnlineNmf`] |
//! | any matrix or operator | the best low-rank approximation, a smaller space | [`TruncatedSvd`] |
//! | any matrix or operator | the directions of the largest variance | [`Pca`] |
//! | the same, in parts or too large for memory | the same, from batches of rows | [`IncrementalSvd`], [`IncrementalPca`] |
//! | ratings, absent = unknown | predicted ratings, recommendations | [`Als`], [`Sgd`] |
//!
//! [`Recommender`] makes lists of the best columns of any model for many rows, [`Similarities`] of what is alike.
//! [`CrossValidation`] and [`Consensus`] compare ranks of [`Nmf`].
//!
//! # Crate features
//! - `nmf`, `svd`, `sgd`, `als` (default): an algorithm each. They add code and never change results.
//! - `serde`: `Serialize` and `Deserialize` for hyper-parameters, models, reports and [`Algorithm`].
//! - `eval`: the `eval` module: splits, metrics, cross-validation and search.
//! - `io`: the `io` module: data files in, model files out and in; with `parquet`, Parquet among them.
//!
//! With one algorithm on, its crate can also be used alone: `matfact-nmf`, `matfact-svd`,
//! `matfact-sgd`, `matfact-als`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "nmf", feature = "svd", feature = "sgd", feature = "als")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the page names every algorithm"
    )
)]

#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
mod algorithm;
#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
mod any_model;
mod choice;
#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
mod plan;

#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
pub use algorithm::Algorithm;
#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
pub use any_model::AnyModel;
pub use choice::Input;

#[cfg(feature = "als")]
pub use matfact_als::{self as als, Als, AlsSolver, Confidence, ImplicitAls};
pub use matfact_core as core;
pub use matfact_core::{
    Bm25, Cancellation, Certificate, Contributions, Duplicates, Error, ErrorClass, FactorModel,
    Factorization, Factorizer, Fit, FitReport, FunctionOperator, LinearOperator, LogEntropy,
    Matrix, ObservedEntries, Persist, Progress, RankingMetric, Ratings, RatingsView, Recommend,
    Recommendation, Restart, Result, Run, Scalar, ScoreFactors, StopReason, TfIdf, Transform,
    Validation, ndarray, sprs, tf_idf,
};
#[cfg(feature = "eval")]
pub use matfact_eval as eval;
#[cfg(feature = "io")]
pub use matfact_io as io;
#[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
pub use matfact_linalg::{
    NO_COLUMN, RecommendOptions, Recommendations, Recommender, Similarities, Similarity,
};
#[cfg(feature = "nmf")]
pub use matfact_nmf::{
    self as nmf, Consensus, ConsensusTable, CrossValidation, Held, Init, Loss, MaskedNmf,
    MaskedNmfModel, MiniBatchNmf, Nmf, NmfModel, NormalizedFactors, OnlineNmf, PenaltyScaling,
    RankConsensus, RankScore, RankScores, Solver, Start, divergence, separable_rows,
};
#[cfg(feature = "sgd")]
pub use matfact_sgd::{
    self as sgd, Bpr, DiskRatings, DiskRatingsWriter, LogisticFactorization, Popularity, Sgd,
    SvdPlusPlus, SvdPlusPlusModel, Warp,
};
#[cfg(feature = "svd")]
pub use matfact_svd::{
    self as svd, IncrementalPca, IncrementalSvd, Pca, PcaMethod, PcaModel, PcaRank, Standardized,
    SvdMethod, SvdModel, SvdRank, Tolerance, TruncatedSvd,
};

/// What most programs need, for one `use`.
pub mod prelude {
    #[cfg(any(feature = "nmf", feature = "svd", feature = "sgd", feature = "als"))]
    pub use crate::Algorithm;
    #[cfg(feature = "als")]
    pub use crate::Als;
    #[cfg(feature = "sgd")]
    pub use crate::Sgd;
    pub use crate::{
        Duplicates, Factorization, Factorizer, Matrix, ObservedEntries, Ratings, Recommend, Run,
        Transform, tf_idf,
    };
    #[cfg(feature = "nmf")]
    pub use crate::{
        Held, Init, Loss, MaskedNmf, MiniBatchNmf, Nmf, PenaltyScaling, Solver, Start,
    };
    #[cfg(feature = "svd")]
    pub use crate::{IncrementalPca, IncrementalSvd, Pca, TruncatedSvd};
    pub use ndarray::{Array1, Array2, array};

    use matfact_core::ndarray;
}

/// The README's programs, compiled and run as they are printed.
#[cfg(all(doctest, feature = "nmf", feature = "sgd"))]
#[doc = include_str!("../../../README.md")]
mod readme {}
