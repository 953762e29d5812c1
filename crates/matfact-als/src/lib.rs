//! Factorization by alternating least squares: of observed ratings, [`Als`], and of implicit feedback, whose
//! absent entries count, [`ImplicitAls`] (its page has objective and updates; what follows is of [`Als`]).
//!
//! # Model and objective
//! A rating of row (user) i for column (item) j is predicted as
//!
//! > x̂_ij = μ + b_i + c_j + p_i · q_j
//!
//! with the mean μ of the ratings, biases b and c, and factor rows p_i and q_j of length k. Without biases
//! ([`Als::biased`]) it is p_i · q_j alone, and μ stands for 0 below. Let Ω be the set of observed entries, w
//! their weights (1 where none are given), n_i and n_j the sums of the weights of a row and of a column, and
//! σ the standard deviation of the ratings (without biases, at least a tenth of their mean). The fit lowers
//!
//! > Σ_Ω w e² + λ ( Σ_i n_i^ν ‖p_i‖² + Σ_j n_j^ν ‖q_j‖² ) + λ_b ( ‖b‖² + ‖c‖² ),  e = (x − x̂) / σ
//!
//! with biases in units of σ and factors in units of √σ, so that no hyper-parameter depends on the scale of
//! the ratings. ν ([`Als::count_power`]) says how the penalty grows with the ratings of a row: 1 penalizes it
//! once for each (ALS-WR, Spark, cmfrec's `scale_lam`), 0 once (cmfrec's default). λ_b weighs like λ_b ratings
//! equal to the mean.
//!
//! # Updates
//! With the columns held, each row's factors and bias are a ridge regression of its own on the factors
//! of the columns that it rated, beside a constant:
//!
//! > (p_i, b_i) = argmin Σ_{j ∈ Ω_i} w (t_ij − q_j · p − b)² + λ n_i^ν ‖p‖² + λ_b b²,  t_ij = (x_ij − μ)/σ − c_j
//!
//! solved by its normal equations (Cholesky), or improved by conjugate gradients or coordinate descent
//! ([`AlsSolver`]), the latter with factors >= 0 if asked ([`Als::non_negative`]). Then the columns, with the
//! rows held. No half-step raises the objective. [`HalfStep`] is one of them, for any block of rows: what a distributed fit calls.
//!
//! The rows are independent of each other, so the result is the same to the bit for any number of threads.
//!
//! # New rows
//! [`fold_in_rows`] and [`fold_in_columns`] describe rows and columns that were not there: by the half-step
//! of a fit. A row of the training ratings gets what it has, at convergence.
//!
//! # Sources
//! - Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, *Large-scale parallel collaborative filtering for the
//!   Netflix prize*, AAIM 2008: ALS-WR.
//! - Y. Koren, R. Bell, C. Volinsky, *Matrix factorization techniques for recommender systems*, Computer
//!   42 (8), 2009: mean and biases.
//! - S. Rendle, L. Zhang, Y. Koren, *On the difficulty of evaluating baselines*, 2019, and S. Rendle, W.
//!   Krichene, L. Zhang, Y. Koren, *Revisiting the performance of iALS*, RecSys 2022: penalties that scale
//!   with a power of the count.
//! - G. Takács, I. Pilászy, D. Tikk, *Applications of the conjugate gradient method for implicit feedback
//!   collaborative filtering*, RecSys 2011: steps of conjugate gradients from the factors before.
//!
//! # Crate features
//! - `serde` (off): `Serialize` and `Deserialize` for [`Als`] and [`ImplicitAls`].
//!
//! # Example
//! ```
//! use matfact_als::Als;
//! use matfact_core::{Duplicates, Factorization, Factorizer, Ratings};
//! let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
//! let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
//! let fit = Als::new(2).fit(&ratings)?;
//! assert!(fit.model.predict(2, 0)? > fit.model.predict(1, 1)?);
//! # Ok::<(), matfact_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod als;
#[cfg(all(debug_assertions, not(test)))]
mod compiled;
mod entries;
mod fit;
mod fold_in;
mod half_step;
mod implicit;
mod plan;
mod size;

pub use als::{Als, AlsSolver};
pub use fold_in::{fold_in_columns, fold_in_rows};
pub use half_step::{Factors, HalfStep};
pub use implicit::{Confidence, Explanation, ImplicitAls};
