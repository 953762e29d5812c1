//! The tests of the program as its users call it. One program: each would compile the generics again.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

mod checkpoints;
mod common;
mod compare;
mod configuration;
mod demo;
mod evaluate;
mod export;
mod fit_disk;
mod fit_masked;
mod fit_matrix;
mod fit_minibatch;
mod fit_nmf;
mod fit_pca;
mod fit_positives;
mod fit_ratings;
mod help;
mod plan;
mod predict;
mod recommend;
mod refusals;
mod report;
mod rows;
mod safetensors;
mod tune;
mod use_model;
