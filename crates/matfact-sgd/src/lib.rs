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
//! LIBMF divides by σ too: its λ for the unscaled ratings is this λ times σ ([`Units`]).
//!
//! In general, with a loss f ([`SgdLoss`]), weights w_ij, and penalties of each side,
//!
//! > Σ_Ω w_ij ( f(x̂_ij, x_ij) + ½ λ_P ‖p_i‖² + ½ λ_Q ‖q_j‖² + μ_P ‖p_i‖₁ + μ_Q ‖q_j‖₁ )
//! > \+ ½ λ_b ( Σ n_i^ν_b b_i² + Σ n_j^ν_b c_j² ),  P, Q ≥ 0 on request
//!
//! which with f = ½ e², λ_P = λ_Q = λ and nothing else is the one above.
//!
//! # Updates
//! Entries are visited one by one. A visit moves against the gradient of the loss and takes the penalty
//! at the new point (a proximal step), which is stable for every λ. With z = −∂f/∂x̂ (which is e):
//!
//! - p_i ← S(p_i + η w z q_j, η w μ_P) / (1 + η w λ_P), q_j likewise, both from the old p_i, q_j
//! - b_i ← (b_i + η w z) / (1 + η w λ_b n_i^(ν_b − 1)), c_j likewise
//!
//! where S(v, t) = sign(v) max(0, |v| − t), or max(0, v − t) for non-negative factors, and n_i and n_j count the
//! ratings of the row and the column (or add up their weights). The learning rate η falls linearly from epoch
//! to epoch ([`Sgd::decay`]), and with the gradients that a row has had ([`LearningRates`]).
//!
//! Factors start at random numbers around 0. Without biases they start around ±√(|μ̂| / k), μ̂ the mean of the
//! ratings over σ: p · q then starts at the mean, from where it takes fewer epochs than from 0, and the error on
//! new ratings was 5 % less (anime-5k, k = 32).
//!
//! # Going on
//! [`Sgd::fit_from`] begins with a model (a warm start), [`Sgd::partial_fit`] learns new ratings, rows and columns,
//! [`fold_in_rows`] and [`fold_in_columns`] give factors to new ones while all else stays.
//!
//! # More ratings than memory
//! [`DiskRatingsWriter`] takes ratings one by one and gives [`DiskRatings`], which [`Sgd`] fits as it fits any others, to the
//! same bits: blocks lie on disk by strata, and an epoch reads them in order.
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
//! - J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods for online learning and stochastic
//!   optimization*, JMLR 12, 2011: AdaGrad, proximal steps.
//! - W.-S. Chin, Y. Zhuang, Y.-C. Juan, C.-J. Lin, *A learning-rate schedule for stochastic gradient methods to
//!   matrix factorization*, PAKDD 2015: twin learning rates.
//! - W.-S. Chin, B.-W. Yuan, M.-Y. Yang, Y. Zhuang, Y.-C. Juan, C.-J. Lin, *LIBMF: a library for parallel matrix
//!   factorization in shared-memory systems*, JMLR 17, 2016: the losses.
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
mod checkpoint;
mod chunk;
#[cfg(all(debug_assertions, not(test)))]
mod compiled;
mod descent;
mod disk;
mod fit;
mod fold_in;
mod input;
mod loss;
mod options;
mod plan;
pub mod ranking;
mod sgd;
mod size;
mod strata;
mod survey;
pub mod svdpp;

pub use disk::{DiskRatings, DiskRatingsWriter};
pub use fold_in::{fold_in_columns, fold_in_rows};
pub use loss::{LearningRates, OnDivergence, SgdLoss, Units};
pub use ranking::{Bpr, LogisticFactorization, NegativeSampling, Popularity, Warp};
pub use sgd::Sgd;
pub use svdpp::{SvdPlusPlus, SvdPlusPlusModel};
