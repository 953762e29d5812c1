//! The tests of alternating least squares as its users call it.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod checkpoints;
mod errors;
mod fit;
mod implicit;
mod implicit_errors;
mod implicit_explain;
mod laws;
mod solvers;
