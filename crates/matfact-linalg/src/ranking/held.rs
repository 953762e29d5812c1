//! One row or one column that moves while all else is held: what was not there when a model was fitted.

use super::draws::{Draws, LogSum, Numbers, negative_of};
use super::{RankingLoss, RankingStep, RankingTotals, importance};
use crate::lanes::{move_row, product};
use crate::simd::{Kernel, multiply_add};
use crate::{FactorLanes, Simd};
use matfact_core::Scalar;

/// Factors and biases that are read alone.
#[derive(Debug, Clone, Copy)]
pub struct HeldSide<'a, T> {
    /// The factor rows, each of the step's width.
    pub factors: &'a [FactorLanes<T>],
    /// A bias of each; empty for rows, which have none.
    pub biases: &'a [T],
}

impl<'a, T: Scalar> HeldSide<'a, T> {
    #[inline(always)]
    fn row(&self, index: usize, width: usize) -> &'a [FactorLanes<T>] {
        &self.factors[index * width..][..width]
    }

    /// A function and no closure, since those are compiled without the instruction set of their caller.
    #[inline(always)]
    fn score<const FMA: bool>(&self, p: &[FactorLanes<T>], column: usize, width: usize) -> T {
        product::<FMA, T>(p, self.row(column, width)) + self.biases[column]
    }
}

/// A row with its positives, and the columns that it ranks.
#[derive(Debug)]
pub struct RankingRow<'a, T> {
    /// Columns with their weights, in the order in which they are visited.
    pub positives: &'a [(u32, T)],
    /// p of the row.
    pub factors: &'a mut [FactorLanes<T>],
    /// q and c of all columns.
    pub columns: HeldSide<'a, T>,
    /// The columns that negatives are drawn from: at least one.
    pub candidates: &'a [u32],
    /// A zero for each column, and zeros again afterwards.
    pub owners: &'a mut Vec<u8>,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// Goes once through the positives of a row, as
/// [`descend_ranking_block`](crate::descend_ranking_block) does, while no column moves.
///
/// # Panics
/// If a column does not exist, or lengths do not fit.
pub fn descend_ranking_row<T: Scalar>(
    simd: Simd,
    row: RankingRow<'_, T>,
    step: RankingStep<T>,
) -> RankingTotals {
    simd.run(RowDescent { row, step })
}

struct RowDescent<'a, T> {
    row: RankingRow<'a, T>,
    step: RankingStep<T>,
}

impl<T: Scalar> Kernel for RowDescent<'_, T> {
    type Output = RankingTotals;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> RankingTotals {
        let Self { row, step } = self;
        let RankingRow {
            positives, columns, ..
        } = row;
        let width = step.width;
        let p = row.factors;
        let mut draws = Draws {
            numbers: Numbers::new(row.seed),
            owners: std::mem::take(row.owners),
            drawn_from: Some(row.candidates),
        };
        let mark = |draws: &mut Draws<'_>, bit: u8| {
            for (column, _) in positives {
                draws.owners[*column as usize] = bit;
            }
        };
        mark(&mut draws, 1);
        let mut logarithms = LogSum::new();
        let mut totals = RankingTotals::default();
        for (column, weight) in positives {
            let own = *column as usize;
            let at_own = columns.score::<FMA>(p, own, width);
            let (change, other) = match step.loss {
                RankingLoss::Pairwise => {
                    let Some(other) = draws.negative(1) else {
                        continue;
                    };
                    let gain =
                        *weight * logarithms.add(columns.score::<FMA>(p, other, width) - at_own);
                    totals.samples += 1;
                    (gain, other)
                }
                RankingLoss::ByRank { trials } => {
                    totals.samples += 1;
                    let mut found = None;
                    for trial in 1..=trials {
                        let Some(other) = draws.negative(1) else {
                            break;
                        };
                        let short = T::one() - at_own + columns.score::<FMA>(p, other, width);
                        if short > T::zero() {
                            found = Some((trial, other, short));
                            break;
                        }
                    }
                    let Some((trial, other, short)) = found else {
                        continue;
                    };
                    let share = importance(step.columns, trial);
                    totals.loss += share * short.as_f64();
                    (*weight * T::from_f64(share), other)
                }
                RankingLoss::Pointwise { negatives } => {
                    let gain = *weight * logarithms.add(-at_own);
                    towards::<FMA, T>(p, columns.row(own, width), gain, &step);
                    totals.samples += 1;
                    for _ in 0..negatives {
                        let Some(other) = draws.negative(1) else {
                            break;
                        };
                        let gain = -logarithms.add(columns.score::<FMA>(p, other, width));
                        towards::<FMA, T>(p, columns.row(other, width), gain, &step);
                        totals.samples += 1;
                    }
                    continue;
                }
            };
            let apart = (columns.row(own, width), columns.row(other, width));
            along_difference::<FMA, T>(p, apart, change, &step);
        }
        mark(&mut draws, 0);
        *row.owners = draws.owners;
        totals.loss += logarithms.total();
        totals
    }
}

/// A row that has the column, or one that has another above which the column may stand wrongly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankingSample<T> {
    /// The row.
    pub row: u32,
    /// A positive of the row for which the column is a negative; none where the row has the column.
    pub rival: Option<u32>,
    /// The weight of the positive.
    pub weight: T,
}

/// A column, and the rows that rank it.
#[derive(Debug)]
pub struct RankingColumn<'a, T, H> {
    /// What is visited, in this order.
    pub samples: &'a [RankingSample<T>],
    /// q of the column.
    pub factors: &'a mut [FactorLanes<T>],
    /// c of the column.
    pub bias: &'a mut T,
    /// p of all rows.
    pub rows: HeldSide<'a, T>,
    /// q and c of all other columns.
    pub columns: HeldSide<'a, T>,
    /// The columns that other negatives are drawn from: at least one.
    pub candidates: &'a [u32],
    /// Whether a row has a column.
    pub has: H,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// Goes once through samples of a column while all else is held.
///
/// A row that has the column is visited as in [`descend_ranking_block`](crate::descend_ranking_block). For a rival j'
/// the column is the drawn negative; by rank it is that of a draw whose number is random, and counts only if
/// none drawn before it violates the order.
///
/// # Panics
/// If an index does not exist, or lengths do not fit.
pub fn descend_ranking_column<T: Scalar>(
    simd: Simd,
    column: RankingColumn<'_, T, impl Fn(u32, u32) -> bool>,
    step: RankingStep<T>,
) -> RankingTotals {
    simd.run(ColumnDescent { column, step })
}

struct ColumnDescent<'a, T, H> {
    column: RankingColumn<'a, T, H>,
    step: RankingStep<T>,
}

impl<T: Scalar, H: Fn(u32, u32) -> bool> Kernel for ColumnDescent<'_, T, H> {
    type Output = RankingTotals;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> RankingTotals {
        let Self { column, step } = self;
        let RankingColumn {
            samples,
            factors: q,
            bias,
            rows,
            columns,
            candidates,
            has,
            seed,
        } = column;
        let width = step.width;
        let mut numbers = Numbers::new(seed);
        let mut logarithms = LogSum::new();
        let mut totals = RankingTotals::default();
        for sample in samples {
            let p = rows.row(sample.row as usize, width);
            let own = product::<FMA, T>(p, q) + *bias;
            let lacks = |column: u32| !has(sample.row, column);
            let gain = match (step.loss, sample.rival) {
                (RankingLoss::Pairwise, None) => {
                    let Some(other) = negative_of(&mut numbers, candidates, lacks) else {
                        continue;
                    };
                    sample.weight * logarithms.add(columns.score::<FMA>(p, other, width) - own)
                }
                (RankingLoss::Pairwise, Some(rival)) => {
                    -sample.weight
                        * logarithms.add(own - columns.score::<FMA>(p, rival as usize, width))
                }
                (RankingLoss::Pointwise { .. }, None) => sample.weight * logarithms.add(-own),
                (RankingLoss::Pointwise { .. }, Some(_)) => -logarithms.add(own),
                (RankingLoss::ByRank { trials }, rival) => {
                    let ahead = match rival {
                        Some(rival) => columns.score::<FMA>(p, rival as usize, width),
                        None => own,
                    };
                    let least = ahead - T::one();
                    // A rival that the column does not disturb: whatever is drawn, nothing moves. Nearly all are so in the end.
                    if rival.is_some() && own <= least {
                        continue;
                    }
                    // The draw that the column itself is, where it is a negative.
                    let turn = rival.map(|_| 1 + numbers.below(trials));
                    let drawn = 1..=turn.unwrap_or(trials);
                    let mut found = None;
                    for trial in drawn {
                        if turn == Some(trial) {
                            found = Some((trial, own));
                            break;
                        }
                        let Some(other) = negative_of(&mut numbers, candidates, lacks) else {
                            break;
                        };
                        let other = columns.score::<FMA>(p, other, width);
                        if other > least {
                            found = Some((trial, other));
                            break;
                        }
                    }
                    let Some((trial, other)) = found.filter(|(_, other)| *other > least) else {
                        continue;
                    };
                    if turn.is_some_and(|turn| turn != trial) {
                        continue;
                    }
                    let share = importance(step.columns, trial);
                    totals.loss += share * (other - least).as_f64();
                    let gain = sample.weight * T::from_f64(share);
                    if rival.is_some() { -gain } else { gain }
                }
            };
            totals.samples += 1;
            *bias = (*bias + step.learning_rate * gain) * step.bias_shrinkage;
            towards::<FMA, T>(q, p, gain, &step);
        }
        totals.loss += logarithms.total();
        totals
    }
}

/// target ← s (target + η g direction).
#[inline(always)]
fn towards<const FMA: bool, T: Scalar>(
    target: &mut [FactorLanes<T>],
    direction: &[FactorLanes<T>],
    gain: T,
    step: &RankingStep<T>,
) {
    let gain = step.learning_rate * gain * step.shrinkage;
    move_row::<FMA, T>(target, step.shrinkage, gain, direction);
}

/// p ← s (p + η g (q − r)).
#[inline(always)]
fn along_difference<const FMA: bool, T: Scalar>(
    p: &mut [FactorLanes<T>],
    (q, r): (&[FactorLanes<T>], &[FactorLanes<T>]),
    gain: T,
    step: &RankingStep<T>,
) {
    let gain = step.learning_rate * gain * step.shrinkage;
    for (p, (q, r)) in p.iter_mut().zip(q.iter().zip(r)) {
        for lane in 0..FactorLanes::<T>::COUNT {
            let apart = q.0[lane] - r.0[lane];
            p.0[lane] = multiply_add::<FMA, T>(gain, apart, step.shrinkage * p.0[lane]);
        }
    }
}
