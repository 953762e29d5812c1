//! The update loop of stochastic gradient descent in general: any loss, weights, penalties of each side,
//! non-negative factors, a learning rate for each row. The plain case (squared error, one penalty) has a
//! faster loop of its own, [`descend_block`](crate::descend_block).
//!
//! One call runs through the entries of one block in their order. For an entry of row i and column j with
//! value x and weight w, with x̂ = b_i + c_j + p_i · q_j and z = −∂f(x̂, x)/∂x̂ as things were before:
//!
//! - p_i ← S( p_i + η_i w z q_j, η_i w λ₁ ) / (1 + η_i w λ₂), and q_j likewise from the old p_i,
//! - b_i ← s (b_i + η_b w z), c_j ← s (c_j + η_b w z)
//!
//! S(v, t) = sign(v) max(0, |v| − t), or max(0, v − t) for non-negative factors: a step against the gradient
//! of the loss, then the exact minimum of the penalties and the distance from there (a proximal step).
//!
//! η_i = η, or η / √G_i with G_i the sum of 1 and the mean squares of the gradients that the row had so far
//! (AdaGrad, one sum for a row; or two, one for the leading numbers and one for the rest, as in LIBMF).

use crate::rating_loss::RatingLoss;
use crate::sgd::{BlockEntry, BlockSide, LANES, ShrunkBias, dot, fold_half, prefetch_row};
use crate::simd::{Kernel, Simd, multiply_add};
use matfact_core::Scalar;
use std::hint::black_box;

/// How many entries ahead the factors are asked for.
const PREFETCH_DISTANCE: usize = 4;

/// Leading numbers of a factor row with a sum of squared gradients of their own.
pub const LEADING: usize = 8;

/// The penalties on the factors of one side, for each of their ratings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FactorPenalty<T> {
    /// λ₂: ½ λ₂ ‖p‖².
    pub squares: T,
    /// λ₁: λ₁ ‖p‖₁.
    pub absolutes: T,
}

/// The sums of squared gradients of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientSums<T> {
    /// Of the leading numbers, or of all.
    pub leading: T,
    /// Of the other numbers, where they have one of their own.
    pub rest: T,
    /// Of the bias.
    pub bias: T,
}

impl<T: Scalar> Default for GradientSums<T> {
    /// 1 each, so that the first step has the full rate.
    fn default() -> Self {
        Self {
            leading: T::one(),
            rest: T::one(),
            bias: T::one(),
        }
    }
}

/// Whose learning rates fall with the gradients that have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adaptation {
    /// Nobody's: η for all.
    None,
    /// Each row's as a whole.
    Rows,
    /// Those of the leading [`LEADING`] numbers of each row, and of the rest.
    Twins,
    /// As `Twins`, and only the leading numbers move.
    LeadingTwin,
}

/// What all updates of a block have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossStep<T> {
    /// f.
    pub loss: RatingLoss,
    /// η.
    pub learning_rate: T,
    /// η_b, that the biases' shrinkage was made with.
    pub bias_learning_rate: T,
    /// Of the row factors.
    pub rows: FactorPenalty<T>,
    /// Of the column factors.
    pub columns: FactorPenalty<T>,
    /// Whether factors are kept at 0 or above.
    pub non_negative: bool,
    /// How learning rates fall.
    pub adaptation: Adaptation,
    /// Whether there are biases.
    pub biased: bool,
    /// Numbers in a factor row that are in use.
    pub rank: usize,
}

/// Goes through the entries of a block in their order (see the head of this file for the update) and gives
/// the sum of the losses that the entries had just before their updates, each times its weight.
///
/// `weights` has one number for each entry, or none at all for weights of 1. `sums` are those of the rows and
/// of the columns, and are not read without adaptation.
///
/// # Panics
/// If an entry lies outside the block's factors, biases or sums.
///
/// ```
/// use matfact_linalg::{
///     Adaptation, BlockEntry, BlockSide, FactorLanes, LossStep, RatingLoss, Simd, descend_block_by_loss,
/// };
/// let mut row = [FactorLanes::default()];
/// let mut column = [FactorLanes::default()];
/// (row[0].0[0], column[0].0[0]) = (1.0, 2.0);
/// let step = LossStep {
///     loss: RatingLoss::Absolute,
///     learning_rate: 0.5,
///     bias_learning_rate: 0.5,
///     rows: Default::default(),
///     columns: Default::default(),
///     non_negative: false,
///     adaptation: Adaptation::None,
///     biased: false,
///     rank: 1,
/// };
/// let loss = descend_block_by_loss(
///     Simd::detect(),
///     (&[BlockEntry { row: 0, column: 0, value: 5.0 }], &[]),
///     BlockSide { factors: &mut row, biases: &mut [] },
///     BlockSide { factors: &mut column, biases: &mut [] },
///     (&mut [], &mut []),
///     step,
/// );
/// assert_eq!(loss, 3.0);
/// assert_eq!((row[0].0[0], column[0].0[0]), (1.0 + 0.5 * 2.0, 2.0 + 0.5 * 1.0));
/// ```
pub fn descend_block_by_loss<T: Scalar>(
    simd: Simd,
    (entries, weights): (&[BlockEntry<T>], &[T]),
    rows: BlockSide<'_, T>,
    columns: BlockSide<'_, T>,
    sums: (&mut [GradientSums<T>], &mut [GradientSums<T>]),
    step: LossStep<T>,
) -> f64 {
    simd.run(LossDescent {
        entries,
        weights,
        rows,
        columns,
        sums,
        step,
    })
}

struct LossDescent<'a, T> {
    entries: &'a [BlockEntry<T>],
    weights: &'a [T],
    rows: BlockSide<'a, T>,
    columns: BlockSide<'a, T>,
    sums: (&'a mut [GradientSums<T>], &'a mut [GradientSums<T>]),
    step: LossStep<T>,
}

/// How far numbers move: rate, threshold and shrinkage.
#[derive(Clone, Copy)]
struct Pace<T> {
    gain: T,
    threshold: T,
    shrinkage: T,
}

impl<T: Scalar> Pace<T> {
    #[inline(always)]
    fn new(rate: T, descent: T, penalty: FactorPenalty<T>) -> Self {
        Self {
            gain: rate * descent,
            threshold: rate * penalty.absolutes,
            shrinkage: T::one() / (T::one() + rate * penalty.squares),
        }
    }
}

/// What one side of one entry does: the paces, and what the gradients are made of.
struct Turn<T> {
    leading: Pace<T>,
    rest: Pace<T>,
    /// w z.
    descent: T,
    /// w λ₂.
    squares: T,
    /// Whether there is an L1 penalty.
    sparse: bool,
}

/// Sums of squared gradients: of the first piece of a factor row, and of all others.
type Squares<T> = [[T; LANES]; 2];

impl<T: Scalar> Kernel for LossDescent<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        match self.step.adaptation {
            Adaptation::None => self.entries::<FMA, false>(),
            _ => self.entries::<FMA, true>(),
        }
    }
}

impl<T: Scalar> LossDescent<'_, T> {
    #[inline(always)]
    fn entries<const FMA: bool, const ADAPTIVE: bool>(self) -> f64 {
        let LossDescent {
            entries,
            weights,
            rows,
            columns,
            sums,
            step,
        } = self;
        let width = step.rank.div_ceil(LANES);
        let mut total = 0.0;
        for (position, entry) in entries.iter().enumerate() {
            if let Some(far) = entries.get(position + PREFETCH_DISTANCE) {
                prefetch_row(rows.factors, far.row as usize * width, width);
                prefetch_row(columns.factors, far.column as usize * width, width);
            }
            let (i, j) = (entry.row as usize, entry.column as usize);
            let weight = if weights.is_empty() {
                T::one()
            } else {
                weights[position]
            };
            let p = &mut rows.factors[i * width..][..width];
            let q = &mut columns.factors[j * width..][..width];
            let mut prediction = dot::<FMA, T>(p, q);
            if step.biased {
                prediction += rows.biases[i].bias + columns.biases[j].bias;
            }
            let value = step.loss.value(prediction.as_f64(), entry.value.as_f64());
            total += weight.as_f64() * value;
            let descent = weight * step.loss.descent(prediction, entry.value);
            if step.biased {
                let bias_sums = if ADAPTIVE {
                    (Some(&mut sums.0[i].bias), Some(&mut sums.1[j].bias))
                } else {
                    (None, None)
                };
                move_bias(&mut rows.biases[i], weight, descent, &step, bias_sums.0);
                move_bias(&mut columns.biases[j], weight, descent, &step, bias_sums.1);
            }
            let row_sums = if ADAPTIVE {
                sums.0[i]
            } else {
                GradientSums::default()
            };
            let column_sums = if ADAPTIVE {
                sums.1[j]
            } else {
                GradientSums::default()
            };
            let row = Turn::new::<ADAPTIVE>(weight, descent, step.rows, &row_sums, &step);
            let column = Turn::new::<ADAPTIVE>(weight, descent, step.columns, &column_sums, &step);
            let mut squares = [[[T::zero(); LANES]; 2]; 2];
            let [row_squares, column_squares] = &mut squares;
            for (piece, (p, q)) in p.iter_mut().zip(q).enumerate() {
                // Copies, because the compiler does not see that p and q are apart.
                let (before, other) = (p.0, q.0);
                p.0 = row.moved::<FMA, ADAPTIVE>(
                    piece,
                    &before,
                    &other,
                    step.non_negative,
                    row_squares,
                );
                q.0 = column.moved::<FMA, ADAPTIVE>(
                    piece,
                    &other,
                    &before,
                    step.non_negative,
                    column_squares,
                );
            }
            if ADAPTIVE {
                add_squares(&mut sums.0[i], &squares[0], &step);
                add_squares(&mut sums.1[j], &squares[1], &step);
            }
        }
        total
    }
}

impl<T: Scalar> Turn<T> {
    #[inline(always)]
    fn new<const ADAPTIVE: bool>(
        weight: T,
        descent: T,
        penalty: FactorPenalty<T>,
        sums: &GradientSums<T>,
        step: &LossStep<T>,
    ) -> Self {
        let penalty = FactorPenalty {
            squares: weight * penalty.squares,
            absolutes: weight * penalty.absolutes,
        };
        let (mut leading, mut rest) = (step.learning_rate, step.learning_rate);
        if ADAPTIVE {
            leading /= sums.leading.sqrt();
            rest = match step.adaptation {
                Adaptation::Twins => rest / sums.rest.sqrt(),
                Adaptation::LeadingTwin => T::zero(),
                _ => leading,
            };
        }
        Self {
            leading: Pace::new(leading, descent, penalty),
            rest: Pace::new(rest, descent, penalty),
            descent,
            squares: penalty.squares,
            sparse: penalty.absolutes > T::zero(),
        }
    }

    /// Where a piece of a factor row goes; its squared gradients are added to `squares`.
    #[inline(always)]
    fn moved<const FMA: bool, const ADAPTIVE: bool>(
        &self,
        piece: usize,
        values: &[T; LANES],
        direction: &[T; LANES],
        non_negative: bool,
        squares: &mut Squares<T>,
    ) -> [T; LANES] {
        let split = ADAPTIVE && piece == 0;
        let first = if split || !ADAPTIVE {
            self.leading
        } else {
            self.rest
        };
        let second = if ADAPTIVE { self.rest } else { self.leading };
        let gain = lanes(first.gain, second.gain);
        let shrinkage = lanes(first.shrinkage, second.shrinkage);
        let mut moved = [T::zero(); LANES];
        for lane in 0..LANES {
            moved[lane] = multiply_add::<FMA, T>(gain[lane], direction[lane], values[lane]);
        }
        if self.sparse {
            let threshold = lanes(first.threshold, second.threshold);
            for lane in 0..LANES {
                let inside = moved[lane].min(threshold[lane]).max(-threshold[lane]);
                moved[lane] -= if non_negative {
                    threshold[lane]
                } else {
                    inside
                };
            }
        }
        if non_negative {
            for lane in 0..LANES {
                moved[lane] = moved[lane].max(T::zero());
            }
        }
        for lane in 0..LANES {
            moved[lane] *= shrinkage[lane];
        }
        if ADAPTIVE {
            let gradient = self.gradient::<FMA>(values, direction);
            let [first, others] = squares;
            let sums = if piece == 0 { first } else { others };
            for lane in 0..LANES {
                sums[lane] = multiply_add::<FMA, T>(gradient[lane], gradient[lane], sums[lane]);
            }
        }
        moved
    }
}

impl<T: Scalar> Turn<T> {
    /// w (λ₂ p − z q).
    #[inline(always)]
    fn gradient<const FMA: bool>(&self, values: &[T; LANES], direction: &[T; LANES]) -> [T; LANES] {
        let mut gradient = [T::zero(); LANES];
        for lane in 0..LANES {
            let penalty = self.squares * values[lane];
            gradient[lane] = multiply_add::<FMA, T>(-self.descent, direction[lane], penalty);
        }
        gradient
    }
}

/// One number for the leading lanes of a piece, and one for the others.
#[inline(always)]
fn lanes<T: Scalar>(leading: T, rest: T) -> [T; LANES] {
    let mut lanes = [rest; LANES];
    for lane in lanes.iter_mut().take(LEADING) {
        *lane = leading;
    }
    lanes
}

/// Adds the mean squared gradients of an entry.
#[inline(always)]
fn add_squares<T: Scalar>(sums: &mut GradientSums<T>, squares: &Squares<T>, step: &LossStep<T>) {
    let [first, others] = squares;
    let (mut leading, mut rest) = ([T::zero(); LEADING], [T::zero(); LEADING]);
    for lane in 0..LEADING {
        leading[lane] = first[lane];
        rest[lane] = first[LEADING + lane] + (others[lane] + others[LEADING + lane]);
    }
    let (leading, rest) = (fold(leading), fold(rest));
    let ahead = step.rank.min(LEADING);
    let mean = |sum: T, count: usize| sum / T::from_f64(count.max(1) as f64);
    match step.adaptation {
        Adaptation::None => {}
        Adaptation::Rows => sums.leading += mean(leading + rest, step.rank),
        Adaptation::Twins => {
            sums.leading += mean(leading, ahead);
            sums.rest += mean(rest, step.rank - ahead);
        }
        Adaptation::LeadingTwin => sums.leading += mean(leading, ahead),
    }
}

/// The sum of eight numbers, halves at a time.
#[inline(always)]
fn fold<T: Scalar>(eight: [T; LEADING]) -> T {
    // Through memory, because the compiler otherwise takes the sums apart into single lanes.
    let eight = black_box(eight);
    let four: [T; 4] = fold_half(&eight);
    let two: [T; 2] = fold_half(&four);
    two[0] + two[1]
}

/// One step of a bias. Its shrinkage s = 1 / (1 + η_b π) was made for the full rate and a weight of 1; for the
/// part r of it, 1 / (1 + r η_b π) = s / (s + r (1 − s)).
#[inline(always)]
fn move_bias<T: Scalar>(
    bias: &mut ShrunkBias<T>,
    weight: T,
    descent: T,
    step: &LossStep<T>,
    sum: Option<&mut T>,
) {
    let part = match sum {
        Some(sum) => {
            let part = T::one() / sum.sqrt();
            *sum += descent * descent;
            part
        }
        None => T::one(),
    };
    let ahead = bias.bias + step.bias_learning_rate * part * descent;
    let shrinkage = bias.shrinkage / (bias.shrinkage + weight * part * (T::one() - bias.shrinkage));
    bias.bias = ahead * shrinkage;
}

#[cfg(test)]
mod tests;
