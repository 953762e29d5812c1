//! Truncated singular value decomposition: X ≈ U Σ Vᵀ of rank k.
//!
//! For X (m x n: dense, sparse with absent entries zero, or any [`LinearOperator`]),
//! [`TruncatedSvd`] finds the k largest singular values with their vectors, hence the best
//! approximation of rank k in the Frobenius and the spectral norm (Eckart and Young 1936).
//!
//! **Method**: randomized subspace iteration (Halko, Martinsson and Tropp 2011): a Gaussian Ω
//! (n x l), l = k + `oversampling`, is multiplied to Y = XΩ; `power_iterations` times
//! Q = orth(Y), Z = orth(XᵀQ), Y = XZ; and the small SVD of QᵀX with Q = orth(Y) gives the triplets.
//! The vectors are orthonormal to rounding for every X. The singular values are lower bounds that
//! approach the true ones with the power iterations, fast where the spectrum decays and slowly where
//! it is flat (text): the report's certificate gives the residual of every triplet, so the accuracy
//! is never a guess.
//!
//! **Signs**: in each row of Vᵀ the entry of largest magnitude (the first of equals) is positive, as
//! in scikit-learn's `TruncatedSVD` and `PCA`.
//!
//! **Beside it**: [`Pca`] centres the columns first, without forming what is sparse; [`Standardized`] is
//! that centring and scaling alone; [`IncrementalSvd`] and [`IncrementalPca`] take rows in batches and keep
//! only the leading triplets.
//!
//! ```
//! use matfact_core::Factorizer;
//! use matfact_svd::TruncatedSvd;
//! let x = matfact_core::ndarray::array![[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]];
//! let model = TruncatedSvd::new(1).fit(&x)?.model;
//! assert!((model.singular_values()[0] - 4.0_f64).abs() < 1e-12);
//! # Ok::<(), matfact_core::Error>(())
//! ```
//!
//! [`LinearOperator`]: matfact_core::LinearOperator
#![forbid(unsafe_code)]

mod decomposition;
mod incremental;
mod model;
mod moments;
mod pca;
mod standardized;
mod truncated;

pub use incremental::{IncrementalPca, IncrementalSvd};
pub use model::SvdModel;
pub use pca::{Pca, PcaMethod, PcaModel, PcaRank};
pub use standardized::Standardized;
pub use truncated::{SvdMethod, SvdRank, Tolerance, TruncatedSvd};
