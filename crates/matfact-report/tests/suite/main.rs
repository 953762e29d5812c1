//! The tests of reports as their users write them.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod page;
mod well_formed;
