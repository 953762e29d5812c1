//! Factorization of observed entries by stochastic gradient descent: ratings by [`Sgd`], whose mathematics
//! this page has, and by [`SvdPlusPlus`] ([`svdpp`]); positives alone, to be ranked, by [`Bpr`], [`Warp`] and
//! [`LogisticFactorization`] ([`ranking`]).
//!
//! # Model and objective
//! A rating of row (user) i for column (item) j is predicted as
//!
//! > x̂_ij = μ + b_i + c_j + p_i · q_j
//!
//! with the mean μ of the ratings, biases b and c, and factor rows p_i and q_j of length k. Without
//! biases ([`Sgd::biased`]) it is p_i · q_j alone, and μ stands for 0 below. Let Ω be the set of
//! observed entries and σ the standard deviation of the ratings (without biases, at least a tenth of
//! their mean). The fit works on (x_ij − μ) / σ, so that no hyper-parameter depends on the scale of
//! the ratings, and lowers
//!
//! > ½ Σ_Ω ( e_ij² + λ ‖p_i‖² + λ ‖q_j‖² ) + ½ λ_b ( ‖b‖² + ‖c‖² ),  e_ij = (x_ij − x̂_ij) / σ
//!
//! with biases in units of σ and factors in units of √σ. λ ([`Sgd::regularization`]) stands inside
//! the sum: a factor row is penalized once for each of its ratings, as in LIBMF, Surprise and
//! ALS-WR. λ_b ([`Sgd::bias_regularization`]) stands outside: it weighs like λ_b ratings equal to
//! the mean, so biases of rows and columns with few ratings stay small.
//!
//! LIBMF divides by σ too: its λ for the unscaled ratings is this λ times σ.
//!
//! # Updates
//! Entries are visited one by one. A visit moves against the gradient of ½ e² and takes the penalty
//! at the new point (a proximal step), which is stable for every λ:
//!
//! - p_i ← (p_i + η e q_j) / (1 + η λ), q_j ← (q_j + η e p_i) / (1 + η λ), both from the old p_i, q_j
//! - b_i ← (b_i + η e) / (1 + η λ_b / n_i), c_j ← (c_j + η e) / (1 + η λ_b / n_j)
//!
//! where n_i and n_j count the ratings of the row and the column. The learning rate η falls linearly
//! from epoch to epoch ([`Sgd::decay`]).
//!
//! # Order and threads
//! Rows and columns that have ratings are dealt into B ranges with nearly equal numbers of ratings
//! each, which cuts the matrix into B x B blocks; B depends on the data alone. An epoch consists of
//! B strata in an order drawn anew. A stratum is B blocks that share neither rows nor columns, so it
//! runs in parallel without locks, and the result is the same to the bit for every number of
//! threads. Inside a block, groups of rows that fit into the first-level cache follow each other,
//! each with its entries shuffled.
//!
//! # Sources
//! - S. Funk, *Netflix update: try this at home*, 2006: the updates.
//! - Y. Koren, R. Bell, C. Volinsky, *Matrix factorization techniques for recommender systems*,
//!   Computer 42 (8), 2009: mean and biases.
//! - R. Gemulla, E. Nijkamp, P. J. Haas, Y. Sismanis, *Large-scale matrix factorization with
//!   distributed stochastic gradient descent*, KDD 2011: strata.
//! - Y. Zhuang, W.-S. Chin, Y.-C. Juan, C.-J. Lin, *A fast parallel SGD for matrix factorization in
//!   shared memory systems*, RecSys 2013: blocks, order inside a block.
//!
//! # Crate features
//! - `serde` (off): `Serialize` and `Deserialize` for hyper-parameters and models.
//!
//! # Example
//! ```
//! use matfact_core::{Duplicates, Factorization, Factorizer, Ratings};
//! use matfact_sgd::Sgd;
//! let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
//! let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
//! let fit = Sgd::new(2).epochs(50).seed(7).fit(&ratings)?;
//! assert!(fit.model.predict(2, 0)? > fit.model.predict(1, 1)?);
//! # Ok::<(), matfact_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod blocks;
mod descent;
pub mod ranking;
mod sgd;
mod size;
pub mod svdpp;

pub use ranking::{Bpr, LogisticFactorization, NegativeSampling, Popularity, Warp};
pub use sgd::Sgd;
pub use svdpp::{SvdPlusPlus, SvdPlusPlusModel};
