//! The tests of NMF as its users call it. One program: each would compile the generics again.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod beta_laws;
mod beta_losses;
mod checkpoints;
mod golden;
mod laws;
mod masked;
mod masked_laws;
mod online;
mod starts;
