//! Non-negative matrix factorization: X ≈ W H with W, H >= 0.
//!
//! For a non-negative X (m x n, dense or sparse, an absent entry being zero), [`Nmf`] finds W (m x k,
//! the coordinates of the rows) and H (k x n, the parts) that minimize
//!
//! ```text
//! ½‖X − W H‖²  + l₁(W)·ΣW + ½ l₂(W)·‖W‖²  + l₁(H)·ΣH + ½ l₂(H)·‖H‖²
//! ```
//!
//! in the Frobenius norm, with the penalties of scikit-learn:
//! l₁(W) = α_W·r·n, l₂(W) = α_W·(1 − r)·n, l₁(H) = α_H·r·m, l₂(H) = α_H·(1 − r)·m, where r is
//! `l1_ratio`, n the number of columns and m the number of rows.
//!
//! **Update** (HALS, hierarchical alternating least squares; Cichocki and Phan 2009, and the
//! coordinate descent of scikit-learn): with G = H Hᵀ + l₂(W)·I and B = X Hᵀ − l₁(W), for each
//! component t in turn
//!
//! ```text
//! w_t ← max(0, w_t − (W g_t − b_t) / G_tt)
//! ```
//!
//! and the same for H with the roles exchanged. Each update is the exact minimum over its column, so
//! the objective never rises. The products X Hᵀ and Xᵀ W, made once an iteration each, are nearly all
//! of the work; after the first iterations `sweeps` passes over the components share them (accelerated
//! HALS; Gillis and Glineur 2012).
//!
//! **Stop**: when the objective has fallen by less than `tol` (relative, an iteration, on the mean of
//! the last five), at `target_error`, or after `max_iter` iterations. The certificate in the report
//! is the norm of the projected gradient over that of the data's part of the gradient.
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
mod choices;
mod choose_rank;
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
