//! The update loops of learning to rank from positives alone: on one block of rows and columns, and for one
//! row or column while all else is held.
//!
//! The score of column j for row i is s_j = p_i · q_j + c_j. The rows of a block are visited four at
//! a time, a positive of each in turn, so that the processor need not wait for a row's last step before it
//! begins the next. For a positive column j with weight w, negatives l are drawn from the columns of
//! the block that are no positives of the row; one step then moves p and both columns against the gradient
//! and takes the penalties at the new point, with s and s_c the shrinkages:
//!
//! - **pairwise**: one negative, g = w σ(s_l − s_j)
//! - **by rank**: up to `trials` negatives, until s_l > s_j − 1 after N draws: g = w ln(1 + (n − 1) / N) / ln n,
//!   with n columns in all; none found: no step
//! - both: p ← s (p + η g (q_j − q_l)), q_j ← s (q_j + η g p), q_l ← s (q_l − η g p), c_j ← s_c (c_j + η g),
//!   c_l ← s_c (c_l − η g)
//! - **pointwise**: the positive by itself, g = w σ(−s_j), then each of `negatives` columns with g = −σ(s_l):
//!   p ← s (p + η g q), q ← s (q + η g p), c ← s_c (c + η g)

mod block;
mod draws;
mod held;
#[cfg(test)]
mod tests;

pub use block::{RankingBlock, descend_ranking_block};
pub use held::{
    HeldSide, RankingColumn, RankingRow, RankingSample, descend_ranking_column, descend_ranking_row,
};

/// What a step is taken against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankingLoss {
    /// −ln σ(s_j − s_l): Bayesian personalized ranking.
    Pairwise,
    /// The hinge 1 − s_j + s_l, weighed by an estimate of the rank of j: WARP.
    ByRank {
        /// Negatives that are tried for each positive.
        trials: usize,
    },
    /// −ln σ(s_j) and −ln (1 − σ(s_l)): logistic matrix factorization.
    Pointwise {
        /// Negatives for each positive.
        negatives: usize,
    },
}

/// What all updates of a block have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankingStep<T> {
    /// What a step is taken against.
    pub loss: RankingLoss,
    /// The learning rate η.
    pub learning_rate: T,
    /// The factors' shrinkage s, 1 for none.
    pub shrinkage: T,
    /// The biases' shrinkage s_c, 1 for none.
    pub bias_shrinkage: T,
    /// Whether negatives are drawn as often as they are positives of others; else all alike.
    pub by_popularity: bool,
    /// The number n of columns in all blocks.
    pub columns: usize,
    /// Number of [`FactorLanes`](crate::FactorLanes) in a factor row.
    pub width: usize,
}

/// What positives lost, just before their steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RankingTotals {
    /// The sum of the losses.
    pub loss: f64,
    /// How many samples it is of.
    pub samples: usize,
}

/// The weight of a violation that took so many draws: ln of one more than the rank that this suggests, as a
/// part of the largest.
#[inline(always)]
fn importance(columns: usize, trial: usize) -> f64 {
    let others = columns.max(2) as f64 - 1.0;
    (others / trial as f64).ln_1p() / others.ln_1p()
}
