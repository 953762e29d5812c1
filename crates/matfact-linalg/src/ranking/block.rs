//! One block of rows and columns, all of which move.

use super::draws::{Draws, LogSum, Numbers};
use super::{RankingLoss, RankingStep, RankingTotals, importance};
use crate::lanes::{move_row, product, product_with_difference};
use crate::simd::{Kernel, multiply_add};
use crate::{FactorLanes, Simd};
use matfact_core::Scalar;

/// Rows that are visited in turn.
const ROWS_IN_TURN: usize = 4;

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

/// Goes through the positives of a block in their order (see the head of the module).
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

impl<T: Scalar> Descent<'_, T> {
    /// All updates; `WIDTH` is the step's width, or 0 for one that is known at run time only.
    #[inline(always)]
    fn positives<const FMA: bool, const WIDTH: usize>(self) -> RankingTotals {
        let Self { mut block, step } = self;
        let width = if WIDTH == 0 { step.width } else { WIDTH };
        let mut draws = Draws {
            numbers: Numbers::new(block.seed),
            owners: vec![0; block.column_biases.len()],
            drawn_from: step.by_popularity.then_some(block.columns),
        };
        let mut logarithms = LogSum::new();
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
        totals.loss += logarithms.total();
        totals
    }
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
