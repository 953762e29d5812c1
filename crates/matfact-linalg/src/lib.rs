//! The kernels of `matfact`.
//!
//! - products of a matrix with narrow panels, dense and sparse, on the current `rayon` pool;
//! - thin QR, small singular value decompositions, randomized range finding;
//! - row updates of non-negative factors, of factors by stochastic gradients;
//! - lists of the best scores of a model for its rows, and of what is alike ([`Recommender`], [`Similarities`]);
//! - the choice of instruction set ([`Simd`]), the pool of a fit ([`in_pool`]), random streams.
//!
//! # Crate features
//! - `dense` (default): dense products, decompositions, [`Products`] and [`randomized_svd`], by `faer`.
//!   Without it the dependency tree is less than half as large.
//!
//! Everything gives the same bits for any number of threads. This is the only crate that knows
//! `faer`, and the only one that may hold `unsafe` code.

#[cfg(feature = "dense")]
mod cholesky_qr;
#[cfg(feature = "dense")]
mod dense;
#[cfg(feature = "dense")]
mod divergence;
mod entries;
mod hals;
#[cfg(feature = "dense")]
mod jacobi;
#[cfg(feature = "dense")]
mod lanczos;
mod lanes;
mod least_squares;
mod loss_descent;
mod nnls;
mod pages;
mod pool;
#[cfg(feature = "dense")]
mod products;
mod random;
#[cfg(feature = "dense")]
mod randomized;
mod ranking;
mod rating_loss;
mod recommend;
mod reductions;
#[cfg(feature = "dense")]
mod refined;
mod sampled;
mod sgd;
mod simd;
mod sparse;
mod survey;
mod svdpp;
mod top;
mod validation;
#[cfg(feature = "dense")]
mod watch;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(feature = "dense")]
pub use cholesky_qr::{conditioned_basis, tall_qr};
#[cfg(feature = "dense")]
pub use dense::{gram, multiply_dense, small_svd, symmetric_eigen, thin_qr, wide_gram};
#[cfg(feature = "dense")]
pub use divergence::{
    Divergence, DivergenceParts, MultiplicativeStep, accumulate_factor, fade_and_add,
    multiply_factor, squared_change,
};
pub use entries::{
    EntryGradients, EntryLoss, EntryRows, EntrySums, EntryUpdate, EntryWeights, ListedRow, NoRows,
    PoissonUpdate, SharedQuadratic, entry_gradients, stored_rows, update_rows_kullback_leibler,
    update_rows_squares,
};
pub use hals::{RowUpdate, Violation, update_non_negative_rows};
#[cfg(feature = "dense")]
pub use jacobi::jacobi_svd;
#[cfg(feature = "dense")]
pub use lanczos::{
    Accuracy, LanczosSvd, LeadingSpan, ROUNDINGS, Wanted, gram_lanczos_span, lanczos_svd,
};
#[cfg(feature = "dense")]
pub use least_squares::{
    PrincipalBlockEntries, PrincipalBlocks, PrincipalEntries, PrincipalRegressors,
};
pub use least_squares::{
    RegressionEntries, Regressors, Ridge, RidgeRegression, SharedEntries, SharedGram, Sweeps,
};
pub use loss_descent::{
    Adaptation, FactorPenalty, GradientSums, LEADING, LossStep, descend_block_by_loss,
};
pub use nnls::{Pivoting, solve_non_negative_rows};
pub use pool::{PoolInfo, in_pool};
#[cfg(feature = "dense")]
pub use products::{Lines, Products, Side, squared_product_norm, transposed_copy_bytes};
pub use random::{random_normal, random_stream};
#[cfg(feature = "dense")]
pub use randomized::{RandomizedSvd, ShiftedSvd, Triplets, randomized_svd, shifted_svd};
pub use ranking::{
    HeldSide, RankingBlock, RankingColumn, RankingLoss, RankingRow, RankingSample, RankingStep,
    RankingTotals, descend_ranking_block, descend_ranking_column, descend_ranking_row,
};
pub use rating_loss::RatingLoss;
pub use recommend::{
    NO_COLUMN, RecommendOptions, Recommendations, Recommender, Similarities, Similarity,
};
pub use reductions::{column_variances, inner_product, squared_distance};
#[cfg(feature = "dense")]
pub use refined::{RefinedTriplets, refine_conditioned, refine_triplets};
pub use sampled::sampled_products;
pub use sgd::{BlockEntry, BlockSide, DescentStep, FactorLanes, ShrunkBias, descend_block};
pub use simd::Simd;
pub use sparse::{multiply_sparse, multiply_sparse_transposed};
pub use survey::{
    RatingCounts, RatingsSurvey, SurveyTerm, add_row_sums, count_ratings, survey_from_sums,
    survey_ratings,
};
pub use svdpp::{
    ColumnVisit, SvdppColumns, SvdppGroup, SvdppRows, SvdppStep, SvdppVisits, svdpp_columns,
    svdpp_implicit_sum, svdpp_rows,
};
pub use validation::{RankingValidation, check_validation, validation_error, validation_mean};
#[cfg(feature = "dense")]
pub use watch::SvdWatch;
