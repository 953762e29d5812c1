//! The update loop of learning to rank from positives alone, on one block of rows and columns.
//!
//! The score of column j for row i is s_j = p_i · q_j + c_j. The rows of a block follow each other, and of
//! each row its positives. For a positive column j with weight w, negatives l are drawn from the columns of
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

use crate::lanes::{move_row, product};
use crate::simd::{Kernel, multiply_add, prefetch};
use crate::{FactorLanes, Simd};
use matfact_core::Scalar;

/// Draws for one negative before it is given up: the row has nearly all columns of the block.
const MOST_DRAWS: usize = 16;

/// How many positives ahead the factors are asked for.
const PREFETCH_DISTANCE: usize = 4;

/// Above this the product of many (1 + e^x) is turned into its logarithm.
const LARGE_PRODUCT: f64 = 1e200;

/// Scores that differ by more are treated as if they differed by this much: e^40 is far from overflow.
const LARGEST_SCORE: f64 = 40.0;

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
    /// Number of [`FactorLanes`] in a factor row.
    pub width: usize,
}

/// One block: its positives, and the factors that they move.
#[derive(Debug)]
pub struct RankingBlock<'a, T> {
    /// Where the positives of each row begin, and the end: one more than rows.
    pub starts: &'a [u32],
    /// The column of each positive, inside the block's range.
    pub columns: &'a [u32],
    /// The weight of each positive; none for 1.
    pub weights: Option<&'a [T]>,
    /// p of each row.
    pub row_factors: &'a mut [FactorLanes<T>],
    /// q of each column.
    pub column_factors: &'a mut [FactorLanes<T>],
    /// c of each column.
    pub column_biases: &'a mut [T],
    /// Where the block's random numbers begin.
    pub seed: u64,
}

/// What the positives of a block lost, just before their steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RankingTotals {
    /// The sum of the losses.
    pub loss: f64,
    /// How many samples it is of.
    pub samples: usize,
}

/// Goes through the positives of a block in their order (see the head of this file).
///
/// # Panics
/// If a positive lies outside the block, or lengths do not fit.
pub fn descend_ranking_block<T: Scalar>(
    simd: Simd,
    block: RankingBlock<'_, T>,
    step: RankingStep<T>,
) -> RankingTotals {
    simd.run(Descent { block, step })
}

struct Descent<'a, T> {
    block: RankingBlock<'a, T>,
    step: RankingStep<T>,
}

impl<T: Scalar> Kernel for Descent<'_, T> {
    type Output = RankingTotals;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> RankingTotals {
        // With the width known to the compiler, the loops over short factor rows are unrolled.
        match self.step.width {
            1 => self.positives::<FMA, 1>(),
            2 => self.positives::<FMA, 2>(),
            4 => self.positives::<FMA, 4>(),
            8 => self.positives::<FMA, 8>(),
            _ => self.positives::<FMA, 0>(),
        }
    }
}

/// The positives of the row in hand, and the draws.
struct Draws<'a> {
    state: u64,
    /// The row, counted from 1, that last had each column.
    owners: Vec<u32>,
    /// What to draw from by popularity; none for all alike.
    popular: Option<&'a [u32]>,
}

impl Draws<'_> {
    /// A column that is no positive of `row`.
    #[inline(always)]
    fn negative(&mut self, row: u32) -> Option<usize> {
        for _ in 0..MOST_DRAWS {
            let column = self.column();
            if self.owners[column] != row {
                return Some(column);
            }
        }
        None
    }

    #[inline(always)]
    fn column(&mut self) -> usize {
        match self.popular {
            Some(columns) => columns[self.below(columns.len())] as usize,
            None => self.below(self.owners.len()),
        }
    }

    /// A number below `bound`, by SplitMix64.
    #[inline(always)]
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (((mixed >> 32) * bound as u64) >> 32) as usize
    }
}

/// Σ ln (1 + e^x), by products.
struct LogSum {
    product: f64,
    sum: f64,
}

impl LogSum {
    /// Adds ln (1 + e^x) and gives σ(x).
    #[inline(always)]
    fn add<T: Scalar>(&mut self, x: T) -> T {
        let bound = T::from_f64(LARGEST_SCORE);
        let power = x.max(-bound).min(bound).exp();
        self.product *= 1.0 + power.as_f64();
        if self.product > LARGE_PRODUCT {
            self.sum += self.product.ln();
            self.product = 1.0;
        }
        power / (T::one() + power)
    }
}

impl<T: Scalar> Descent<'_, T> {
    /// All updates; `WIDTH` is the step's width, or 0 for one that is known at run time only.
    #[inline(always)]
    fn positives<const FMA: bool, const WIDTH: usize>(self) -> RankingTotals {
        let Self { mut block, step } = self;
        let width = if WIDTH == 0 { step.width } else { WIDTH };
        let mut draws = Draws {
            state: block.seed,
            owners: vec![0; block.column_biases.len()],
            popular: step.by_popularity.then_some(block.columns),
        };
        let mut logarithms = LogSum {
            product: 1.0,
            sum: 0.0,
        };
        let mut totals = RankingTotals::default();
        for (row, ends) in block.starts.windows(2).enumerate() {
            let positives = ends[0] as usize..ends[1] as usize;
            let owner = row as u32 + 1;
            for column in &block.columns[positives.clone()] {
                draws.owners[*column as usize] = owner;
            }
            for positive in positives {
                if let Some(far) = block.columns.get(positive + PREFETCH_DISTANCE) {
                    prefetch_row(block.column_factors, *far as usize * width, width);
                }
                let weight = match block.weights {
                    Some(weights) => weights[positive],
                    None => T::one(),
                };
                let own = (row, block.columns[positive] as usize);
                match step.loss {
                    RankingLoss::Pairwise => {
                        let Some(other) = draws.negative(owner) else {
                            continue;
                        };
                        let ahead = block.score::<FMA>(own.0, own.1, width)
                            - block.score::<FMA>(own.0, other, width);
                        let gain = weight * logarithms.add(-ahead);
                        block.move_pair::<FMA>(own, other, gain, &step, width);
                        totals.samples += 1;
                    }
                    RankingLoss::ByRank { trials } => {
                        totals.samples += 1;
                        let score = block.score::<FMA>(own.0, own.1, width);
                        for trial in 1..=trials {
                            let Some(other) = draws.negative(owner) else {
                                break;
                            };
                            let short = T::one() - score + block.score::<FMA>(own.0, other, width);
                            if short > T::zero() {
                                let share = importance(step.columns, trial);
                                totals.loss += share * short.as_f64();
                                let gain = weight * T::from_f64(share);
                                block.move_pair::<FMA>(own, other, gain, &step, width);
                                break;
                            }
                        }
                    }
                    RankingLoss::Pointwise { negatives } => {
                        let score = block.score::<FMA>(own.0, own.1, width);
                        let gain = weight * logarithms.add(-score);
                        block.move_one::<FMA>(own, gain, &step, width);
                        totals.samples += 1;
                        for _ in 0..negatives {
                            let Some(other) = draws.negative(owner) else {
                                break;
                            };
                            let score = block.score::<FMA>(own.0, other, width);
                            let gain = -logarithms.add(score);
                            block.move_one::<FMA>((own.0, other), gain, &step, width);
                            totals.samples += 1;
                        }
                    }
                }
            }
        }
        totals.loss += logarithms.sum + logarithms.product.ln();
        totals
    }
}

/// The weight of a violation that took so many draws: ln of one more than the rank that this suggests, as a
/// part of the largest.
#[inline(always)]
fn importance(columns: usize, trial: usize) -> f64 {
    let others = columns.max(2) as f64 - 1.0;
    (others / trial as f64).ln_1p() / others.ln_1p()
}

impl<T: Scalar> RankingBlock<'_, T> {
    #[inline(always)]
    fn score<const FMA: bool>(&self, row: usize, column: usize, width: usize) -> T {
        let p = &self.row_factors[row * width..][..width];
        let q = &self.column_factors[column * width..][..width];
        product::<FMA, T>(p, q) + self.column_biases[column]
    }

    #[inline(always)]
    fn move_pair<const FMA: bool>(
        &mut self,
        (row, column): (usize, usize),
        other: usize,
        gain: T,
        step: &RankingStep<T>,
        width: usize,
    ) {
        let change = step.learning_rate * gain;
        let (up, down) = (&self.column_biases[column], &self.column_biases[other]);
        let moved = (
            (*up + change) * step.bias_shrinkage,
            (*down - change) * step.bias_shrinkage,
        );
        (self.column_biases[column], self.column_biases[other]) = moved;
        let (shrinkage, gain) = (step.shrinkage, change * step.shrinkage);
        let p = &mut self.row_factors[row * width..][..width];
        for (piece, p) in p.iter_mut().enumerate() {
            // Copies, because the compiler does not see that the rows are apart.
            let before = p.0;
            let up = self.column_factors[column * width + piece].0;
            let down = self.column_factors[other * width + piece].0;
            let (mut new_p, mut new_up, mut new_down) = (before, up, down);
            for lane in 0..FactorLanes::<T>::COUNT {
                let apart = up[lane] - down[lane];
                new_p[lane] = multiply_add::<FMA, T>(gain, apart, shrinkage * before[lane]);
                new_up[lane] = multiply_add::<FMA, T>(gain, before[lane], shrinkage * up[lane]);
                new_down[lane] =
                    multiply_add::<FMA, T>(-gain, before[lane], shrinkage * down[lane]);
            }
            p.0 = new_p;
            self.column_factors[column * width + piece].0 = new_up;
            self.column_factors[other * width + piece].0 = new_down;
        }
    }

    #[inline(always)]
    fn move_one<const FMA: bool>(
        &mut self,
        (row, column): (usize, usize),
        gain: T,
        step: &RankingStep<T>,
        width: usize,
    ) {
        let change = step.learning_rate * gain;
        let bias = &mut self.column_biases[column];
        *bias = (*bias + change) * step.bias_shrinkage;
        let gain = change * step.shrinkage;
        let p = &mut self.row_factors[row * width..][..width];
        let q = &mut self.column_factors[column * width..][..width];
        for (p, q) in p.iter_mut().zip(q) {
            let before = [*p];
            move_row::<FMA, T>(std::slice::from_mut(p), step.shrinkage, gain, &[*q]);
            move_row::<FMA, T>(std::slice::from_mut(q), step.shrinkage, gain, &before);
        }
    }
}

/// Asks for every cache line of one factor row.
#[inline(always)]
fn prefetch_row<T>(factors: &[FactorLanes<T>], start: usize, width: usize) {
    for piece in factors.iter().skip(start).take(width) {
        prefetch(&piece.0, 0);
        if size_of::<T>() > 4 {
            prefetch(&piece.0, 8);
        }
    }
}
