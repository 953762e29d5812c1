//! Decompositions of rows that come in batches, each seen once, or again.
//!
//! What has been seen is kept as its leading triplets alone, ΣVᵀ (l x n). A batch B (b x n) is put below
//! them, and the leading triplets of
//!
//! ```text
//!     ⎡ decay · Σ Vᵀ ⎤
//!     ⎣      B       ⎦        (for PCA centred, with a row for the step of the mean)
//! ```
//!
//! take their place (Brand 2006; Ross et al. 2008; Řehůřek 2011). The memory is that of ΣVᵀ, of the batch
//! and of a few panels of l columns. A small dense stack is decomposed exactly, in `f64`; any other by
//! [`TruncatedSvd`](crate::TruncatedSvd), with the products of the batch by the fast kernels: a sparse
//! batch stays sparse.
//!
//! What a batch has beyond the l triplets kept is lost, so that the result depends on the order of the
//! rows unless their rank is at most l. More triplets than are asked for (`oversampling`) bring it nearer
//! to that of all rows at once; so does a further pass over the same rows (`refine_stream`), a power
//! iteration: the part of each vector that lies outside the span wanted shrinks by (σ_{l+1}/σ)².

mod pca;
mod refine;
mod stack;
mod svd;

pub use pca::IncrementalPca;
pub use svd::IncrementalSvd;
