//! The steps of learning to rank against the gradients of their losses by central differences.

use matfact_linalg::{
    FactorLanes, RankingBlock, RankingLoss, RankingStep, RankingTotals, Simd,
    descend_ranking_block, random_normal,
};

const K: usize = FactorLanes::<f64>::COUNT;
const RATE: f64 = 1e-6;
const PENALTY: f64 = 0.3;
const BIAS_PENALTY: f64 = 0.7;
const WEIGHT: f64 = 1.6;
/// Columns that the method believes there are.
const COLUMNS: usize = 50;

/// p, q of the positive, q of the negative, and their biases, one after the other.
fn start() -> Vec<f64> {
    let mut values: Vec<f64> = random_normal::<f64>((3, K), 4, 0)
        .iter()
        .map(|v| 0.2 * v)
        .collect();
    values.extend([0.15, -0.1]);
    values
}

/// One step from there, with a row that has the first of two columns.
fn step(loss: RankingLoss, at: &[f64]) -> (Vec<f64>, RankingTotals) {
    let lanes = |from: usize| {
        let mut lanes = FactorLanes::default();
        lanes.0.copy_from_slice(&at[from..from + K]);
        lanes
    };
    let mut row = [lanes(0)];
    let mut columns = [lanes(K), lanes(2 * K)];
    let mut biases = [at[3 * K], at[3 * K + 1]];
    let totals = descend_ranking_block(
        Simd::detect(),
        RankingBlock {
            starts: &[0, 1],
            columns: &[0],
            weights: Some(&[WEIGHT]),
            row_factors: &mut row,
            column_factors: &mut columns,
            column_biases: &mut biases,
            seed: 3,
        },
        RankingStep {
            loss,
            learning_rate: RATE,
            shrinkage: 1.0 / (1.0 + RATE * PENALTY),
            bias_shrinkage: 1.0 / (1.0 + RATE * BIAS_PENALTY),
            by_popularity: false,
            columns: COLUMNS,
            width: 1,
        },
    );
    let factors = row.iter().chain(&columns).flat_map(|lanes| lanes.0);
    (factors.chain(biases).collect(), totals)
}

/// Scores of the positive and the negative.
fn scores(at: &[f64]) -> (f64, f64) {
    let product = |from: usize| -> f64 { (0..K).map(|t| at[t] * at[from + t]).sum() };
    (product(K) + at[3 * K], product(2 * K) + at[3 * K + 1])
}

fn logistic(x: f64) -> f64 {
    (1.0 + (-x).exp()).ln()
}

/// `steps` is how often p, the positive and the negative take their penalties.
fn check(loss: RankingLoss, weighted: impl Fn(f64, f64) -> f64, plain: f64, steps: [f64; 3]) {
    let at = start();
    let (after, totals) = step(loss, &at);
    assert!(
        (totals.loss - plain).abs() < 1e-5,
        "{} against {plain}",
        totals.loss
    );
    for t in 0..at.len() {
        let beside = |h: f64| {
            let mut moved = at.clone();
            moved[t] += h;
            let (positive, negative) = scores(&moved);
            weighted(positive, negative)
        };
        let slope = (beside(1e-5) - beside(-1e-5)) / 2e-5;
        let (side, penalty) = match t.checked_sub(3 * K) {
            None => (t / K, PENALTY),
            Some(bias) => (bias + 1, BIAS_PENALTY),
        };
        let expected = slope + steps[side] * penalty * at[t];
        let downhill = (at[t] - after[t]) / RATE;
        assert!(
            (downhill - expected).abs() < 1e-4,
            "{downhill} against {expected} at {t}"
        );
    }
}

#[test]
fn pairs() {
    let (positive, negative) = scores(&start());
    let plain = logistic(positive - negative);
    let weighted = |positive: f64, negative: f64| WEIGHT * logistic(positive - negative);
    check(RankingLoss::Pairwise, weighted, plain, [1.0; 3]);
}

#[test]
fn pairs_by_rank() {
    let (positive, negative) = scores(&start());
    // Draws of the positive itself are drawn again and count no trial, so that the first one violates.
    let importance = (COLUMNS as f64).ln() / (COLUMNS as f64).ln();
    let plain = importance * (1.0 - positive + negative);
    let weighted = |positive: f64, negative: f64| WEIGHT * importance * (1.0 - positive + negative);
    check(RankingLoss::ByRank { trials: 3 }, weighted, plain, [1.0; 3]);
}

#[test]
fn single_columns() {
    let (positive, negative) = scores(&start());
    let plain = logistic(positive) + logistic(-negative);
    let weighted = |positive: f64, negative: f64| WEIGHT * logistic(positive) + logistic(-negative);
    let loss = RankingLoss::Pointwise { negatives: 1 };
    check(loss, weighted, plain, [2.0, 1.0, 1.0]);
}

#[test]
fn a_positive_far_ahead_takes_no_step_by_rank() {
    let mut at = start();
    at[3 * K] = 5.0;
    let (after, totals) = step(RankingLoss::ByRank { trials: 3 }, &at);
    assert_eq!(after, at);
    assert_eq!((totals.loss, totals.samples), (0.0, 1));
}
