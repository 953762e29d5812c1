//! Truncated singular value decomposition: X ≈ U Σ Vᵀ of rank k.
//!
//! For X (m x n: dense, sparse with absent entries zero, or any [`LinearOperator`]),
//! [`TruncatedSvd`] finds the k largest singular values with their vectors, hence the best
//! approximation of rank k in the Frobenius and the spectral norm (Eckart and Young 1936).
//!
//! **Methods** ([`SvdMethod`]; `Auto` takes the exact one for small matrices, else one of the two Lanczos):
//!
//! - *Lanczos*, thick-restart block bidiagonalization: from a random block, orthonormal U and V grow with
//!   XV = UB and XᵀU = VBᵀ + NC; with B = PSQᵀ the triplets (Up, s, Vq) have ‖Xv − su‖ = 0 and
//!   ‖Xᵀu − sv‖ = ‖Cp‖. A full basis restarts from its leading triplets (Golub, Luk and Overton 1981; Wu and
//!   Simon 2000; Baglama and Reichel 2005). All blocks are orthogonalized against all of the basis.
//! - *Gram Lanczos*, the same with XᵀX (n <= m; else XXᵀ) alone: XᵀXV = VT + NC; with T = QS²Qᵀ the residual
//!   of (XVq/s, s, Vq) is ‖Cq‖/s. Half the work, for values that are not lost in the rounding of σ₁².
//! - *Randomized* subspace iteration (Halko, Martinsson and Tropp 2011): Y = XΩ with a Gaussian Ω of
//!   k + `oversampling` columns; `power_iterations` times Q = orth(Y), Z = orth(XᵀQ), Y = XZ. To a tolerance,
//!   with dynamic shifts: Q ← orth((XᵀX − αI)Q) (Feng, Yu, Xie and Tang 2022).
//! - *Block Krylov* (Musco and Musco 2015): all powers (XᵀX)^i Ω up to i = `power_iterations`, orthonormal.
//! - *Exact*: all of X, in `f64`.
//!
//! From a subspace the triplets follow by Rayleigh and Ritz: the SVD of XV. The vectors are orthonormal to
//! rounding for every X, the singular values are lower bounds, and the report's certificate gives both
//! residuals of every triplet, so that the accuracy is never a guess. [`Tolerance`] says when it is enough.
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

#[cfg(all(debug_assertions, not(test)))]
mod compiled;
mod decomposition;
mod incremental;
mod model;
mod moments;
mod pca;
mod plan;
mod standardized;
mod truncated;

pub use incremental::{IncrementalPca, IncrementalSvd};
pub use model::SvdModel;
pub use pca::{Pca, PcaMethod, PcaModel, PcaRank};
pub use standardized::Standardized;
pub use truncated::{SvdMethod, SvdRank, Tolerance, TruncatedSvd};
