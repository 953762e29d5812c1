//! Learning to rank from positives alone (clicks, plays, purchases): [`Bpr`], [`Warp`],
//! [`LogisticFactorization`], and [`Popularity`] to compare with.
//!
//! # Data and model
//! Every stored entry of row i and column j is a positive, j ∈ N(i), whatever its value x_ij ≥ 0; with
//! `confidence` α it has the weight w_ij = 1 + α ln (1 + x_ij), else 1. The score of column j for row i is
//!
//! > s_ij = p_i · q_j + c_j
//!
//! with factor rows of length k and a bias of each column. In the model the smallest of the biases is the
//! mean, and the biases begin at 0, so that a column that no row has is below all others.
//!
//! # Objectives
//! Negatives l ∉ N(i) are drawn among the columns that some row has. With σ(x) = 1 / (1 + e^−x), over all
//! positives and their draws:
//!
//! - [`Bpr`]: Σ −w_ij ln σ(s_ij − s_il)
//! - [`Warp`]: Σ w_ij L_N max(0, 1 − s_ij + s_il), l the first of up to `trials` negatives with
//!   s_il > s_ij − 1, found by draw N; then about (n − 1) / N columns stand above j, and
//!   L_N = ln (1 + (n − 1) / N) / ln n
//! - [`LogisticFactorization`]: Σ ( −w_ij ln σ(s_ij) − Σ_l ln σ(−s_il) ), with `negatives` draws l
//!
//! and penalties ½ λ (‖p‖² + ‖q‖²) and ½ λ_b c² of whatever a step moves, each time it does.
//!
//! # Updates
//! A step goes against the gradient of one sample and takes the penalties at the new point. For a pair, with
//! g = w σ(s_il − s_ij) for BPR and g = w L_N for WARP:
//!
//! - p_i ← (p_i + η g (q_j − q_l)) / (1 + η λ)
//! - q_j ← (q_j + η g p_i) / (1 + η λ), q_l ← (q_l − η g p_i) / (1 + η λ), all from the old p, q
//! - c_j ← (c_j + η g) / (1 + η λ_b), c_l ← (c_l − η g) / (1 + η λ_b)
//!
//! and for a single column, with g = w σ(−s) for a positive, −σ(s) for a negative:
//! p ← (p + η g q) / (1 + η λ), and q and c likewise. η falls linearly from epoch to epoch.
//!
//! # Order and threads
//! Rows are dealt into B ranges at random once, columns anew in every epoch; B depends on the data alone. An
//! epoch consists of B strata of B blocks that share neither rows nor columns, so a stratum runs in parallel
//! without locks. In a block, rows are visited four at a time, and **their negatives are drawn from the
//! block's own columns**: at least 32 wherever the data have more than one range. Since columns are dealt
//! anew, every two columns meet in some epochs, and uniform negatives are uniform over all columns. The random
//! numbers belong to the block and the epoch, so the result is the same to the bit for every number of threads.
//! Negatives are verified: a draw that is a positive of the row is drawn again, 16 times at most.
//!
//! # New rows and columns
//! `fold_in_rows` gives p of new rows by the same steps while all q and c stay, each row by itself from zeros with
//! draws from all columns; `fold_in_columns` gives q and c of new columns, which also stand as negatives of
//! the rows that do not have them, as often as a column does in a fit.
//!
//! ```
//! use matfact_core::{Duplicates, Factorizer, Ratings};
//! use matfact_sgd::Bpr;
//! let positives = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 3), (2, 4), (3, 3), (3, 4), (3, 5)];
//! let positives = positives.map(|(i, j)| (i, j, 1.0_f32));
//! let x = Ratings::from_triplets((4, 6), positives, Duplicates::Error)?;
//! let bpr = Bpr::new(4).epochs(200);
//! let model = bpr.fit(&x)?.model;
//! // A user of the second taste.
//! let new = Ratings::from_triplets((1, 6), [(0, 3, 1.0), (0, 5, 1.0)], Duplicates::Error)?;
//! let factors = bpr.fold_in_rows(&model, &new)?;
//! let scores = factors.dot(&model.column_factors().t()) + model.column_bias().unwrap();
//! assert!(scores[[0, 4]] > scores[[0, 0]]);
//! # Ok::<(), matfact_core::Error>(())
//! ```
//!
//! # Sources
//! - S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, *BPR: Bayesian personalized ranking from
//!   implicit feedback*, UAI 2009.
//! - J. Weston, S. Bengio, N. Usunier, *WSABIE: scaling up to large vocabulary image annotation*, IJCAI 2011.
//! - C. C. Johnson, *Logistic matrix factorization for implicit feedback data*, NIPS workshop 2014: the
//!   weights, and the loss over all columns that is sampled here.
//! - R. Gemulla et al., *Large-scale matrix factorization with distributed stochastic gradient descent*, KDD
//!   2011: strata.

mod blocks;
mod bpr;
mod descent;
pub(crate) mod fit;
pub(crate) mod fold_in;
mod logistic;
mod popularity;
mod settings;
mod warp;

pub use bpr::Bpr;
pub use logistic::LogisticFactorization;
pub use popularity::Popularity;
pub use settings::NegativeSampling;
pub use warp::Warp;
