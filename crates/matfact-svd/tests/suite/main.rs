//! The tests of the SVD and PCA as its users call it. One program: each would compile the generics again.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod checkpoints;
mod golden;
mod incremental;
mod laws;
mod methods;
mod pca;
mod pca_laws;
mod standardized;
