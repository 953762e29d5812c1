//! The kernels of `matfact`.
//!
//! - products of a matrix with narrow panels, dense and sparse, on the current `rayon` pool;
//! - thin QR, small singular value decompositions, randomized range finding;
//! - row updates of non-negative factors, of factors by stochastic gradients;
//! - the choice of instruction set ([`Simd`]), the pool of a fit ([`in_pool`]), random streams.
//!
//! Everything gives the same bits for any number of threads. This is the only crate that knows
//! `faer`, and the only one that may hold `unsafe` code.

mod pool;
mod random;
mod simd;

pub use pool::{PoolInfo, in_pool};
pub use random::{random_normal, random_stream};
pub use simd::Simd;
