//! The kernels against what they must keep to.

use super::*;
use crate::{FactorLanes, Simd, random_stream};
use matfact_core::Scalar;
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

/// Four columns in one component each, and a row that has the first.
fn apart<T: Scalar>() -> (Vec<FactorLanes<T>>, Vec<T>) {
    let mut columns = vec![FactorLanes::default(); 4 * WIDTH];
    for column in 0..4 {
        columns[column * WIDTH].0[column] = T::one();
    }
    (columns, vec![T::zero(); 4])
}

fn held_rows_move_against_the_gradient<T: Scalar>() {
    let (columns, biases) = apart::<T>();
    let side = HeldSide {
        factors: &columns,
        biases: &biases,
    };
    for loss in LOSSES {
        let mut row = vec![FactorLanes::default(); WIDTH];
        let mut owners = vec![0; 4];
        let step = step::<T>(loss);
        let row_of = RankingRow {
            positives: &[(0, T::one())],
            factors: &mut row,
            columns: side,
            candidates: &[0, 2],
            owners: &mut owners,
            seed: 3,
        };
        let totals = descend_ranking_row(Simd::detect(), row_of, step);
        assert_eq!(owners, [0; 4]);
        // η g s, with the g of each loss at scores of 0; column 2 is the only negative there is.
        let (gain, times, samples) = match loss {
            RankingLoss::Pairwise => (0.5, 1, 1),
            RankingLoss::ByRank { .. } => (1.0, 1, 1),
            RankingLoss::Pointwise { .. } => (0.5, 2, 3),
        };
        let up = row[0].0[0].as_f64();
        let down = row[0].0[2].as_f64();
        assert_eq!(totals.samples, samples);
        let single = 0.1 * gain * 0.99;
        if times == 1 {
            assert!(
                (up - single).abs() < 1e-6 && (down + single).abs() < 1e-6,
                "{up} {down}"
            );
        } else {
            // Two negatives shrink what the positive gave.
            assert!((up - single * 0.99 * 0.99).abs() < 1e-6, "{up}");
            assert!(down < -single && down > -2.0 * single, "{down}");
        }
        assert!(row[0].0[1].as_f64() == 0.0 && row[0].0[3].as_f64() == 0.0);
    }
}

#[test]
fn a_row_alone_moves_against_the_gradient_of_each_loss() {
    held_rows_move_against_the_gradient::<f32>();
    held_rows_move_against_the_gradient::<f64>();
}

#[test]
fn a_column_alone_rises_for_its_rows_and_falls_for_others() {
    let (columns, biases) = apart::<f64>();
    let rows = columns.clone();
    for loss in LOSSES {
        let (mut q, mut bias) = (vec![FactorLanes::default(); WIDTH], 0.0);
        let sample = |row, rival| RankingSample {
            row,
            rival,
            weight: 1.0,
        };
        // Row 0 has the column, row 1 has column 3 instead. By rank it may be the first draw or a later one.
        let samples: Vec<_> = (0..8)
            .flat_map(|_| [sample(0, None), sample(1, Some(3))])
            .collect();
        let column = RankingColumn {
            samples: &samples,
            factors: &mut q,
            bias: &mut bias,
            rows: HeldSide {
                factors: &rows,
                biases: &[],
            },
            columns: HeldSide {
                factors: &columns,
                biases: &biases,
            },
            candidates: &[2, 3],
            has: |_, column| column == 3,
            seed: 1,
        };
        let totals = descend_ranking_column(Simd::detect(), column, step(loss));
        assert!(
            totals.samples >= 8 && totals.loss > 0.0,
            "{loss:?}: {totals:?}"
        );
        assert!(q[0].0[0] > 0.05 && q[0].0[1] < 0.0, "{loss:?}: {:?}", q[0]);
        assert_eq!((q[0].0[2], q[0].0[3]), (0.0, 0.0));
    }
}
