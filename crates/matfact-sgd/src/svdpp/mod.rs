//! SVD++: ratings, and which columns (items) a row (user) rated at all.
//!
//! # Model and objective
//! A rating of row i for column j is predicted as
//!
//! > x̂_ij = μ + b_i + c_j + q_j · (p_i + z_i),  z_i = |N(i)|^-½ Σ_{l ∈ N(i)} y_l
//!
//! with the mean μ, biases b and c, factor rows p_i and q_j of length k as in [`Sgd`](crate::Sgd), the
//! columns N(i) that row i has ratings of, and an implicit factor row y_l of each column: what having
//! rated it, however high, tells of a row. With Ω the observed entries, σ the deviation of the ratings and
//! e_ij = (x_ij − x̂_ij) / σ, the fit lowers
//!
//! > ½ Σ_Ω ( e_ij² + λ ‖p_i‖² + λ ‖q_j‖² ) + ½ λ_y Σ_i |N(i)|^½ Σ_{l ∈ N(i)} ‖y_l‖² + ½ λ_b ( ‖b‖² + ‖c‖² )
//!
//! with factors in units of √σ and biases in units of σ. The penalty of y_l stands once for each row that
//! has column l, weighed by the root of that row's ratings, as its gradient grows.
//!
//! # Updates
//! Rows are dealt into groups of 32 at random. A group is visited twice: a **row pass** goes through the
//! ratings of each row with the columns held, then a **column pass** through those of each column with the
//! rows held. In the row pass every y_l of a row has the same gradient |N|^-½ e q_j, so that the sum moves by
//! z_i ← z_i + η_y e q_j, in k operations a rating; the y_l themselves take their parts of the sum of these
//! moves in the column pass (S = Σ_{i} |N(i)|^-½ Δz_i over the rows of the group that have l):
//!
//! - row: p_i ← (p_i + η e q_j) / (1 + η λ), b_i ← (b_i + η e) / (1 + η λ_b / n_i), z_i as above
//! - column: q_j ← (q_j + η e x_i) / (1 + η λ) with x_i = p_i + z_i, c_j ← (c_j + η e) / (1 + η λ_b / n_j)
//! - column: y_l ← (y_l + d S) / (1 + d η_y λ_y Σ_i |N(i)|^½), d = min(1, 4 / rows of the group that have l)
//!
//! The rows of a group share their y_l without seeing each other's moves, so d keeps them from overshooting.
//! Learning rates fall linearly from epoch to epoch.
//!
//! # Order and threads
//! The rows of a group run in parallel, then ranges of its columns do. Groups, and the order inside them, are
//! drawn from the seed alone, so the result is the same to the bit for every number of threads.
//!
//! # Sources
//! - Y. Koren, *Factorization meets the neighborhood: a multifaceted collaborative filtering model*, KDD
//!   2008: the model and its gradients.

mod descent;
mod fit;
pub(crate) mod groups;
mod model;
mod parameters;

pub use model::SvdPlusPlusModel;
pub use parameters::SvdPlusPlus;
