//! The tests of the crate as its users call it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test says what is wrong by panicking"
)]

mod bootstrap;
mod data;
mod evaluation;
mod lists;
mod search;
mod splits;
