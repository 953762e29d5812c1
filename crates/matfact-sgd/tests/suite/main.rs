//! The tests of the factorization of ratings as its users call it. One program: each would compile the generics again.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod checkpoints;
mod continued;
mod disk;
mod errors;
mod fit;
mod fold_in;
mod guide;
mod laws;
mod options;
mod ranking;
mod ranking_fold_in;
mod ranking_gradients;
mod ranking_laws;
mod ranking_stopping;
mod serde;
mod svdpp;
mod svdpp_fold_in;
