//! The general loop against a plain one, against the fast loop, and against finite differences.

use super::*;
use crate::random_stream;
use crate::sgd::{DescentStep, FactorLanes, descend_block};
use rand::RngExt;

const SIZES: [usize; 2] = [7, 5];

#[derive(Clone, PartialEq, Debug)]
struct Block<T> {
    entries: Vec<BlockEntry<T>>,
    weights: Vec<T>,
    factors: [Vec<FactorLanes<T>>; 2],
    biases: [Vec<ShrunkBias<T>>; 2],
    sums: [Vec<GradientSums<T>>; 2],
    step: LossStep<T>,
}

/// Positive factors and ratings, or classes, as the loss asks for.
fn block<T: Scalar>(loss: RatingLoss, rank: usize, biased: bool) -> Block<T> {
    let mut rng = random_stream(3, rank as u64);
    let mut number = |low: f64, high: f64| T::from_f64(low + (high - low) * rng.random::<f64>());
    let width = rank.div_ceil(LANES);
    let factors = SIZES.map(|size| {
        let mut lanes = vec![FactorLanes::default(); size * width];
        for position in 0..size * width * LANES {
            if position % (width * LANES) < rank {
                lanes[position / LANES].0[position % LANES] = number(0.05, 0.4);
            }
        }
        lanes
    });
    let biases = SIZES.map(|size| {
        let bias = |_| ShrunkBias {
            bias: number(0.0, 1.0),
            shrinkage: T::from_f64(0.98),
        };
        (0..size).map(bias).collect()
    });
    let classes = !matches!(
        loss,
        RatingLoss::Squared | RatingLoss::Absolute | RatingLoss::KullbackLeibler
    );
    let entry = |position: u32| BlockEntry {
        row: position * 3 % 7,
        column: position * position % 5,
        value: match number(0.0, 4.0) {
            value if !classes => value,
            value if value > T::from_f64(2.0) => T::one(),
            _ => -T::one(),
        },
    };
    Block {
        entries: (0..60).map(entry).collect(),
        weights: Vec::new(),
        factors,
        biases,
        sums: SIZES.map(|size| vec![GradientSums::default(); size]),
        step: LossStep {
            loss,
            learning_rate: T::from_f64(0.05),
            bias_learning_rate: T::from_f64(0.03),
            rows: FactorPenalty::default(),
            columns: FactorPenalty::default(),
            non_negative: false,
            adaptation: Adaptation::None,
            biased,
            rank,
        },
    }
}

impl<T: Scalar> Block<T> {
    fn descend(&mut self, simd: Simd) -> f64 {
        let [rows, columns] = &mut self.factors;
        let [row_biases, column_biases] = &mut self.biases;
        let [row_sums, column_sums] = &mut self.sums;
        descend_block_by_loss(
            simd,
            (&self.entries, &self.weights),
            BlockSide {
                factors: rows,
                biases: row_biases,
            },
            BlockSide {
                factors: columns,
                biases: column_biases,
            },
            (row_sums, column_sums),
            self.step,
        )
    }

    fn value(&self, side: usize, row: usize, t: usize) -> T {
        let width = self.step.rank.div_ceil(LANES);
        self.factors[side][row * width + t / LANES].0[t % LANES]
    }

    /// The same as plain as can be, number by number.
    fn reference(&mut self) -> f64 {
        let (step, k) = (self.step, self.step.rank);
        let (one, width) = (T::one(), k.div_ceil(LANES));
        let mut total = 0.0;
        for (position, entry) in self.entries.clone().iter().enumerate() {
            let at = [entry.row as usize, entry.column as usize];
            let w = self.weights.get(position).copied().unwrap_or(one);
            let before: [Vec<T>; 2] =
                [0, 1].map(|side| (0..k).map(|t| self.value(side, at[side], t)).collect());
            let [p, q] = [0, 1].map(|side| &self.factors[side][at[side] * width..][..width]);
            let mut prediction = dot::<false, T>(p, q);
            if step.biased {
                prediction += self.biases[0][at[0]].bias + self.biases[1][at[1]].bias;
            }
            total += w.as_f64() * step.loss.value(prediction.as_f64(), entry.value.as_f64());
            let z = w * step.loss.descent(prediction, entry.value);
            for side in [0, 1] {
                let sums = &mut self.sums[side][at[side]];
                let bias = &mut self.biases[side][at[side]];
                if step.biased {
                    let part = if step.adaptation == Adaptation::None {
                        one
                    } else {
                        one / sums.bias.sqrt()
                    };
                    sums.bias += if step.adaptation == Adaptation::None {
                        T::zero()
                    } else {
                        z * z
                    };
                    let s = bias.shrinkage;
                    bias.bias = (bias.bias + step.bias_learning_rate * part * z)
                        * (s / (s + w * part * (one - s)));
                }
                let penalty = [step.rows, step.columns][side];
                let (old, twins) = (*sums, step.adaptation != Adaptation::Rows);
                let mut squares = [[T::zero(); LANES]; 2];
                for t in 0..k {
                    let leads = t < LEADING;
                    let root = if leads || !twins {
                        old.leading.sqrt()
                    } else {
                        old.rest.sqrt()
                    };
                    let rate = match step.adaptation {
                        Adaptation::None => step.learning_rate,
                        Adaptation::LeadingTwin if !leads => T::zero(),
                        _ => step.learning_rate / root,
                    };
                    let (own, other) = (before[side][t], before[1 - side][t]);
                    let (l1, l2) = (w * penalty.absolutes, w * penalty.squares);
                    let ahead = rate * z * other + own;
                    let soft = if step.non_negative {
                        (ahead - rate * l1).max(T::zero())
                    } else {
                        ahead.signum() * (ahead.abs() - rate * l1).max(T::zero())
                    };
                    self.factors[side][at[side] * width + t / LANES].0[t % LANES] =
                        soft * (one / (one + rate * l2));
                    let gradient = -z * other + l2 * own;
                    squares[usize::from(t >= LANES)][t % LANES] += gradient * gradient;
                }
                let sum =
                    |e: &[T]| ((e[0] + e[4]) + (e[2] + e[6])) + ((e[1] + e[5]) + (e[3] + e[7]));
                let [first, others] = squares;
                let leading = sum(&first[..8]);
                let rest: Vec<T> = (0..8)
                    .map(|l| first[8 + l] + (others[l] + others[8 + l]))
                    .collect();
                let rest = sum(&rest);
                let over = |sum: T, count: usize| sum / T::from_f64(count.max(1) as f64);
                let ahead = k.min(LEADING);
                match step.adaptation {
                    Adaptation::None => {}
                    Adaptation::Rows => sums.leading += over(leading + rest, k),
                    Adaptation::Twins => {
                        sums.leading += over(leading, ahead);
                        sums.rest += over(rest, k - ahead);
                    }
                    Adaptation::LeadingTwin => sums.leading += over(leading, ahead),
                }
            }
        }
        total
    }

    fn apart(&self, other: &Self) -> f64 {
        let mut largest = 0.0_f64;
        for side in [0, 1] {
            let factors = |block: &Self| {
                block.factors[side]
                    .iter()
                    .flat_map(|l| l.0)
                    .collect::<Vec<_>>()
            };
            for (a, b) in factors(self).into_iter().zip(factors(other)) {
                largest = largest.max((a - b).abs().as_f64());
            }
            for (a, b) in self.biases[side].iter().zip(&other.biases[side]) {
                largest = largest.max((a.bias - b.bias).abs().as_f64());
            }
            for (a, b) in self.sums[side].iter().zip(&other.sums[side]) {
                for (a, b) in [(a.leading, b.leading), (a.rest, b.rest), (a.bias, b.bias)] {
                    largest = largest.max(((a - b) / b).abs().as_f64());
                }
            }
        }
        largest
    }
}

const LOSSES: [RatingLoss; 6] = [
    RatingLoss::Squared,
    RatingLoss::Absolute,
    RatingLoss::KullbackLeibler,
    RatingLoss::Logistic,
    RatingLoss::SquaredHinge,
    RatingLoss::Hinge,
];

/// Everything at once, in turns.
fn cases<T: Scalar>() -> Vec<Block<T>> {
    let adaptations = [
        Adaptation::None,
        Adaptation::Rows,
        Adaptation::Twins,
        Adaptation::LeadingTwin,
    ];
    let mut cases = Vec::new();
    for loss in LOSSES {
        for (number, adaptation) in adaptations.into_iter().enumerate() {
            for rank in [3, 13, 40] {
                let biased = (number + rank) % 2 == 0 && loss != RatingLoss::KullbackLeibler;
                let mut case = block::<T>(loss, rank, biased);
                case.step.adaptation = adaptation;
                case.step.non_negative = loss == RatingLoss::KullbackLeibler || rank == 13;
                case.step.rows = FactorPenalty {
                    squares: T::from_f64(0.1),
                    absolutes: T::from_f64(0.02),
                };
                case.step.columns.squares = T::from_f64(0.2);
                if rank != 3 {
                    let weight = |e: usize| T::from_f64(0.2 + (e % 4) as f64);
                    case.weights = (0..case.entries.len()).map(weight).collect();
                }
                cases.push(case);
            }
        }
    }
    cases
}

fn check_against_reference<T: Scalar>(tolerance: f64) {
    for case in cases::<T>() {
        let mut expected = case.clone();
        let loss = expected.reference();
        for simd in Simd::available() {
            let mut actual = case.clone();
            let value = actual.descend(simd);
            let apart = actual.apart(&expected);
            assert!(apart < tolerance, "{simd:?}, {:?}: {apart:e}", case.step);
            assert!((value - loss).abs() < tolerance * loss, "{value} {loss}");
            if simd == Simd::Portable && !cfg!(target_arch = "aarch64") {
                assert_eq!(actual, expected, "{:?}", case.step);
            }
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_a_plain_loop_and_the_portable_one_to_the_bit() {
    check_against_reference::<f64>(1e-12);
    check_against_reference::<f32>(1e-3);
}

#[test]
fn the_plain_case_agrees_with_the_fast_loop() {
    for biased in [true, false] {
        let mut case = block::<f64>(RatingLoss::Squared, 40, biased);
        case.step.bias_learning_rate = case.step.learning_rate;
        let penalty = FactorPenalty {
            squares: 0.1,
            absolutes: 0.0,
        };
        (case.step.rows, case.step.columns) = (penalty, penalty);
        let mut fast = case.clone();
        let [rows, columns] = &mut fast.factors;
        let [row_biases, column_biases] = &mut fast.biases;
        let squares = descend_block(
            Simd::detect(),
            &fast.entries,
            BlockSide {
                factors: rows,
                biases: row_biases,
            },
            BlockSide {
                factors: columns,
                biases: column_biases,
            },
            DescentStep {
                learning_rate: 0.05,
                shrinkage: 1.0 / (1.0 + 0.05 * 0.1),
                biased,
                width: 3,
            },
        );
        let loss = case.descend(Simd::detect());
        assert!((0.5 * squares - loss).abs() < 1e-12 * loss);
        assert!(case.apart(&fast) < 1e-13);
    }
}

/// One update against central differences of the loss: w f moves the factors, the penalties pull at the end.
#[test]
fn the_update_goes_down_the_gradient_of_every_loss() {
    for loss in LOSSES {
        let mut case = block::<f64>(loss, 13, loss != RatingLoss::KullbackLeibler);
        case.entries.truncate(1);
        case.weights = vec![1.5];
        case.step.rows = FactorPenalty {
            squares: 0.3,
            absolutes: 0.01,
        };
        let (i, j) = (
            case.entries[0].row as usize,
            case.entries[0].column as usize,
        );
        let objective = |block: &Block<f64>| {
            let product: f64 = (0..13)
                .map(|t| block.value(0, i, t) * block.value(1, j, t))
                .sum();
            let biases = match block.step.biased {
                true => block.biases[0][i].bias + block.biases[1][j].bias,
                false => 0.0,
            };
            1.5 * loss.value(product + biases, block.entries[0].value)
        };
        let mut after = case.clone();
        let value = after.descend(Simd::detect());
        assert!((value - objective(&case)).abs() < 1e-12);
        let h = 1e-6;
        for t in 0..13 {
            for side in [0, 1] {
                let row = [i, j][side];
                let (mut above, mut below) = (case.clone(), case.clone());
                above.factors[side][row].0[t] += h;
                below.factors[side][row].0[t] -= h;
                let slope = (objective(&above) - objective(&below)) / (2.0 * h);
                let (start, end) = (case.value(side, row, t), after.value(side, row, t));
                let (l2, l1) = if side == 0 { (0.45, 0.015) } else { (0.0, 0.0) };
                let downhill = (start - end) / 0.05 - l2 * end - l1 * end.signum();
                assert!(
                    (downhill - slope).abs() < 1e-6,
                    "{loss:?}: {downhill} against {slope}"
                );
            }
        }
        if case.step.biased {
            let mut above = case.clone();
            above.biases[0][i].bias += h;
            let mut below = case.clone();
            below.biases[0][i].bias -= h;
            let slope = (objective(&above) - objective(&below)) / (2.0 * h);
            let (start, end) = (case.biases[0][i].bias, after.biases[0][i].bias);
            // The shrinkage 0.98 is that of a penalty of (1/0.98 − 1) / η for each rating of weight 1.
            let downhill = (start - end) / 0.03 - 1.5 * (1.0 / 0.98 - 1.0) / 0.03 * end;
            assert!(
                (downhill - slope).abs() < 1e-6,
                "{loss:?}: {downhill} against {slope}"
            );
        }
    }
}

#[test]
fn the_threshold_makes_zeros_and_the_sign_is_kept() {
    let mut case = block::<f64>(RatingLoss::Squared, 5, false);
    case.step.rows.absolutes = 1e3;
    case.descend(Simd::detect());
    assert!(case.factors[0].iter().all(|lanes| lanes.0 == [0.0; LANES]));
    let mut case = block::<f64>(RatingLoss::Squared, 5, false);
    for entry in &mut case.entries {
        entry.value = -10.0;
    }
    case.step.non_negative = true;
    case.descend(Simd::detect());
    let all = case.factors.iter().flatten().flat_map(|lanes| lanes.0);
    assert!(all.into_iter().all(|value| value >= 0.0));
}
