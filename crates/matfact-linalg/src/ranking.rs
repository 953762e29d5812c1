//! The update loop of learning to rank from positives alone, on one block of rows and columns.
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

use crate::lanes::{move_row, product, product_with_difference};
use crate::simd::{Kernel, multiply_add};
use crate::{FactorLanes, Simd};
use matfact_core::Scalar;

/// Draws for one negative before it is given up: the row has nearly all columns of the block.
const MOST_DRAWS: usize = 16;

/// Rows that are visited in turn.
const ROWS_IN_TURN: usize = 4;

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

/// The positives of the rows in hand, and the draws.
struct Draws<'a> {
    state: u64,
    /// Of each column, a bit for each of the rows in hand that have it.
    owners: Vec<u8>,
    /// What to draw from by popularity; none for all alike.
    popular: Option<&'a [u32]>,
}

impl Draws<'_> {
    /// A column that the row of this bit does not have.
    #[inline(always)]
    fn negative(&mut self, bit: u8) -> Option<usize> {
        for _ in 0..MOST_DRAWS {
            let column = self.column();
            if self.owners[column] & bit == 0 {
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
        let rows = block.starts.len().saturating_sub(1);
        for first in (0..rows).step_by(ROWS_IN_TURN) {
            let (starts, columns) = (block.starts, block.columns);
            let group = first..rows.min(first + ROWS_IN_TURN);
            let of = |row: usize| starts[row] as usize..starts[row + 1] as usize;
            let mark = |draws: &mut Draws<'_>, held: bool| {
                for row in group.clone() {
                    for column in &columns[of(row)] {
                        let bit = u8::from(held) << (row - first);
                        let owner = &mut draws.owners[*column as usize];
                        *owner = if held { *owner | bit } else { 0 };
                    }
                }
            };
            mark(&mut draws, true);
            let longest = group.clone().map(|row| of(row).len()).max().unwrap_or(0);
            for turn in 0..longest {
                for row in group.clone() {
                    let positive = starts[row] as usize + turn;
                    if positive < starts[row + 1] as usize {
                        let bit = 1 << (row - first);
                        let sums = (&mut draws, &mut logarithms, &mut totals);
                        block.visit::<FMA>((row, positive), bit, sums, &step, width);
                    }
                }
            }
            mark(&mut draws, false);
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
    /// The step of one positive, by its place in the list.
    #[inline(always)]
    fn visit<const FMA: bool>(
        &mut self,
        (row, positive): (usize, usize),
        bit: u8,
        (draws, logarithms, totals): (&mut Draws<'_>, &mut LogSum, &mut RankingTotals),
        step: &RankingStep<T>,
        width: usize,
    ) {
        let weight = match self.weights {
            Some(weights) => weights[positive],
            None => T::one(),
        };
        let own = (row, self.columns[positive] as usize);
        match step.loss {
            RankingLoss::Pairwise => {
                let Some(other) = draws.negative(bit) else {
                    return;
                };
                let ahead = self.lead::<FMA>(own, other, width);
                let gain = weight * logarithms.add(-ahead);
                self.move_pair::<FMA>(own, other, gain, step, width);
                totals.samples += 1;
            }
            RankingLoss::ByRank { trials } => {
                totals.samples += 1;
                let score = self.score::<FMA>(own, width);
                for trial in 1..=trials {
                    let Some(other) = draws.negative(bit) else {
                        break;
                    };
                    let short = T::one() - score + self.score::<FMA>((row, other), width);
                    if short > T::zero() {
                        let share = importance(step.columns, trial);
                        totals.loss += share * short.as_f64();
                        let gain = weight * T::from_f64(share);
                        self.move_pair::<FMA>(own, other, gain, step, width);
                        break;
                    }
                }
            }
            RankingLoss::Pointwise { negatives } => {
                let gain = weight * logarithms.add(-self.score::<FMA>(own, width));
                self.move_one::<FMA>(own, gain, step, width);
                totals.samples += 1;
                for _ in 0..negatives {
                    let Some(other) = draws.negative(bit) else {
                        break;
                    };
                    let gain = -logarithms.add(self.score::<FMA>((row, other), width));
                    self.move_one::<FMA>((row, other), gain, step, width);
                    totals.samples += 1;
                }
            }
        }
    }

    /// How far the score of the first column is above that of the other.
    #[inline(always)]
    fn lead<const FMA: bool>(
        &self,
        (row, column): (usize, usize),
        other: usize,
        width: usize,
    ) -> T {
        let p = &self.row_factors[row * width..][..width];
        let q = &self.column_factors[column * width..][..width];
        let r = &self.column_factors[other * width..][..width];
        let biases = self.column_biases[column] - self.column_biases[other];
        product_with_difference::<FMA, T>(p, q, r) + biases
    }

    #[inline(always)]
    fn score<const FMA: bool>(&self, (row, column): (usize, usize), width: usize) -> T {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_stream;
    use rand::RngExt;

    const WIDTH: usize = 2;

    fn step<T: Scalar>(loss: RankingLoss) -> RankingStep<T> {
        RankingStep {
            loss,
            learning_rate: T::from_f64(0.1),
            shrinkage: T::from_f64(0.99),
            bias_shrinkage: T::from_f64(0.98),
            by_popularity: false,
            columns: 12,
            width: WIDTH,
        }
    }

    /// Row factors, column factors and column biases.
    type State<T> = (Vec<FactorLanes<T>>, Vec<FactorLanes<T>>, Vec<T>);

    fn state<T: Scalar>(rows: usize, columns: usize) -> State<T> {
        let mut rng = random_stream(5, 0);
        let mut lanes = |count: usize| {
            let mut side = vec![FactorLanes::default(); count * WIDTH];
            for value in side.iter_mut().flat_map(|lanes| &mut lanes.0) {
                *value = T::from_f64(rng.random::<f64>() - 0.5);
            }
            side
        };
        (lanes(rows), lanes(columns), vec![T::zero(); columns])
    }

    fn descend<T: Scalar>(
        simd: Simd,
        (starts, columns): (&[u32], &[u32]),
        (row_factors, column_factors, column_biases): &mut State<T>,
        step: RankingStep<T>,
    ) -> RankingTotals {
        let block = RankingBlock {
            starts,
            columns,
            weights: None,
            row_factors,
            column_factors,
            column_biases,
            seed: 7,
        };
        descend_ranking_block(simd, block, step)
    }

    const LOSSES: [RankingLoss; 3] = [
        RankingLoss::Pairwise,
        RankingLoss::ByRank { trials: 4 },
        RankingLoss::Pointwise { negatives: 2 },
    ];

    /// Six rows: one more than are visited in turn has positives, and one has none.
    const POSITIVES: (&[u32], &[u32]) = (&[0, 3, 4, 4, 6, 9, 10], &[0, 4, 7, 1, 2, 3, 5, 6, 7, 9]);

    #[test]
    fn instruction_sets_agree() {
        for loss in LOSSES {
            let mut expected = state::<f64>(6, 12);
            let totals = descend(Simd::Portable, POSITIVES, &mut expected, step(loss));
            assert!(totals.samples >= 10 && totals.loss > 0.0);
            for simd in Simd::available() {
                let mut other = state(6, 12);
                let again = descend(simd, POSITIVES, &mut other, step(loss));
                assert!((again.loss - totals.loss).abs() < 1e-9 * totals.loss);
                let values = |state: &State<f64>| -> Vec<f64> {
                    let lanes = state.0.iter().chain(&state.1).flat_map(|lanes| lanes.0);
                    lanes.chain(state.2.iter().copied()).collect()
                };
                for (a, b) in values(&expected).iter().zip(values(&other)) {
                    assert!((a - b).abs() < 1e-12, "{loss:?}, {simd:?}");
                }
            }
        }
    }

    #[test]
    fn negatives_are_columns_that_the_row_does_not_have() {
        // Every row has every column but the last, so that this one alone can be a negative.
        let columns: Vec<u32> = (0..6).flat_map(|_| 0..4).collect();
        let starts: Vec<u32> = (0..=6).map(|row| row * 4).collect();
        let mut state = state::<f32>(6, 5);
        let step = RankingStep {
            bias_shrinkage: 1.0,
            ..step(RankingLoss::Pairwise)
        };
        let totals = descend(Simd::detect(), (&starts, &columns), &mut state, step);
        assert!(totals.samples > 12);
        assert!(state.2[..4].iter().all(|bias| *bias > 0.0) && state.2[4] < 0.0);
        let sum: f32 = state.2.iter().sum();
        assert!(sum.abs() < 1e-5);
    }

    #[test]
    fn a_row_with_every_column_takes_no_step_but_that_of_its_positives() {
        let mut before = state::<f64>(1, 3);
        for loss in [LOSSES[0], LOSSES[1]] {
            let mut after = before.clone();
            descend(
                Simd::detect(),
                (&[0, 3], &[0, 1, 2]),
                &mut after,
                step(loss),
            );
            assert_eq!(after, before);
        }
        let positives = (&[0, 3][..], &[0, 1, 2][..]);
        let totals = descend(Simd::detect(), positives, &mut before, step(LOSSES[2]));
        assert_eq!(totals.samples, 3);
    }

    #[test]
    fn by_popularity_columns_that_are_no_positives_are_never_drawn() {
        let mut state = state::<f64>(6, 12);
        let step = RankingStep {
            by_popularity: true,
            ..step(RankingLoss::Pointwise { negatives: 9 })
        };
        descend(Simd::detect(), POSITIVES, &mut state, step);
        for column in [8, 10, 11] {
            assert_eq!(state.2[column], 0.0);
        }
        assert!(state.2[0] != 0.0);
    }
}
