//! Non-negative matrix factorization: X ≈ W H with W, H >= 0.
//!
//! For a non-negative X (m x n, dense or sparse, an absent entry being zero), [`Nmf`] finds W (m x k,
//! the coordinates of the rows) and H (k x n, the parts) that minimize
//!
//! ```text
//! D(X‖W H)  + l₁(W)·ΣW + ½ l₂(W)·‖W‖²  + l₁(H)·ΣH + ½ l₂(H)·‖H‖²
//! ```
//!
//! where D is half the squared error or another β-divergence ([`Loss`]), and the penalties are scaled
//! as in scikit-learn: l₁(W) = α_W·r·n, l₂(W) = α_W·(1 − r)·n, l₁(H) = α_H·r·m, l₂(H) = α_H·(1 − r)·m,
//! where r is `l1_ratio`, or plainly ([`PenaltyScaling`]).
//!
//! | for | use |
//! |---|---|
//! | a matrix whose absent entries are zero | [`Nmf`], with a [`Solver`] for each [`Loss`] |
//! | missing entries, a weight for each entry | [`MaskedNmf`] |
//! | rows that come in batches, or a matrix larger than memory | [`MiniBatchNmf`], [`OnlineNmf`] |
//! | a start of one's own, held parts | [`Nmf::fit_from`] |
//! | the rank | [`CrossValidation`] on held-out entries, [`Consensus`] of restarts |
//! | pure rows of a mixture | [`separable_rows`], [`Init::Separable`] |
//! | new rows, the components' terms and shares | [`NmfModel`] |
//!
//! Each solver's update and source stand with [`Solver`]. The default for squares is HALS, accelerated
//! and extrapolated: with G = H Hᵀ + l₂(W)·I and B = X Hᵀ − l₁(W), for each component t in turn
//!
//! ```text
//! w_t ← max(0, w_t − (W g_t − b_t) / G_tt)
//! ```
//!
//! and the same for H with the roles exchanged; several passes share a product with X, the factors are
//! taken beyond where they arrive, and what would raise the objective is taken back. A large dense X is
//! first replaced by a randomized sketch.
//!
//! **Stop**: when the objective has fallen by less than `tol` (relative, an iteration, on the mean of
//! the last five), at a target, or after `max_iter` iterations. The certificate in the report is the
//! norm of the projected gradient over that of the data's part of the gradient.
//!
//! ```
//! use matfact_core::{Factorization, Factorizer};
//! use matfact_nmf::Nmf;
//! let x = matfact_core::ndarray::array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]];
//! let fit = Nmf::new(1).fit(&x)?;
//! assert!((fit.model.predict(2, 1)? - 6.0_f64).abs() < 1e-6);
//! # Ok::<(), matfact_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod block_pivoting;
mod checkpoint;
mod choices;
mod choose_rank;
#[cfg(all(debug_assertions, not(test)))]
mod compiled;
mod components;
mod compression;
mod consensus;
mod coordinate_descent;
mod course;
mod fit;
mod frobenius;
mod hals;
mod initialization;
mod loss;
mod masked;
mod model;
mod multiplicative;
mod online;
mod parameters;
mod plan;
mod scalar_newton;
mod separable;
mod transform;

pub use choices::{Held, Init, Loss, PenaltyScaling, Solver};
pub use choose_rank::{CrossValidation, RankScore, RankScores};
pub use components::NormalizedFactors;
pub use consensus::{Consensus, ConsensusTable, RankConsensus};
pub use initialization::Start;
pub use loss::divergence;
pub use masked::{MaskedNmf, MaskedNmfModel};
pub use model::NmfModel;
pub use online::{MiniBatchNmf, OnlineNmf};
pub use parameters::Nmf;
pub use separable::separable_rows;
