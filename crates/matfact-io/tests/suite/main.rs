//! The tests of the files as its users call it. One program: each would compile the generics again.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod archives;
mod checkpoints;
mod chunks;
mod common;
mod fuzz;
mod half;
mod matrices;
mod models;
mod ratings;
mod torn;
