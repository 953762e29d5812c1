//! NMF of a matrix of which only some entries are observed, each with a weight.
//!
//! For observed entries x_ij >= 0 with weights v_ij (1 by default), [`MaskedNmf`] finds W (m x k) and
//! H (k x n), both >= 0, that minimize
//!
//! ```text
//! Σ_observed v_ij d(x_ij, w_i·h_j)  +  Σ_i s_i (l₁ Σw_i + ½ l₂ ‖w_i‖²)  +  Σ_j s_j (l₁ Σh_j + ½ l₂ ‖h_j‖²)
//! ```
//!
//! with d(x, y) = ½(x − y)² or x ln(x/y) − x + y. What is not observed costs nothing, whatever the model
//! says there.
//!
//! **Penalty**: s_i is the sum of the weights of row i, s_j that of column j, so that a row is held
//! back in proportion to what is known of it. That is the weighted regularization of Zhou et al. 2008
//! (ALS-WR), which ratings need, and scikit-learn's scaling by the shape where everything is
//! observed. With l1_ratio r, l₁ = α r and l₂ = α (1 − r).
//!
//! **Update**: given H, each row of W has a small problem of its own over its observed entries, which
//! coordinate descent improves: exact steps for squares, safeguarded Newton steps for
//! Kullback-Leibler (`matfact_linalg::update_rows_squares` and `update_rows_kullback_leibler` have the
//! mathematics). Then the columns of H alike. No step raises the objective.
//!
//! **Rows and columns without observations** (or with weights of zero alone) take no part in the
//! objective. They get the mean coordinates of the others, so that the model predicts for them what
//! it does on average.

mod fit;
mod model;
mod observations;
mod parameters;

pub use model::MaskedNmfModel;
pub(crate) use observations::check_observations;
pub use parameters::MaskedNmf;
