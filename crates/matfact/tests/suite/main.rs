//! The tests of the facade as its users call it. One program: each would compile the generics again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what is wrong by panicking, and that it was skipped by printing"
)]

mod algorithm;
mod real_data;
mod streams;
