//! What a fit will need.

use crate::{Bpr, LogisticFactorization, OnDivergence, Sgd, SvdPlusPlus, Warp};
use matfact_core::{FitPlan, InputSize, Plan, Result};

/// Numbers in a row of factors that is filled up to whole pieces.
fn padded(rank: usize) -> f64 {
    rank.div_ceil(16) as f64 * 16.0
}

impl Plan for Sgd {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        let size = input.scalar_bytes as f64;
        let (rows, stored) = (
            input.shape.0 as f64 + input.shape.1 as f64,
            input.stored as f64,
        );
        let k = self.rank as f64;
        let factors = rows * k * size;
        // Factors, biases with their shrinkage and penalty; counts, totals and places.
        let state = rows * (padded(self.rank) * size + 2.0 * size + 8.0);
        let kept = if self.on_divergence == OnDivergence::Error {
            0.0
        } else {
            state
        };
        let workspace = state + kept + rows * (8.0 + 8.0 + 8.0 + 4.0 + size);
        // Row, column and value of an entry.
        let prepared = stored * (8.0 + size);
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace,
            8.0 * stored * k,
            self.epochs,
        )
    }
}

impl Plan for SvdPlusPlus {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let (stored, k) = (input.stored as f64, self.rank() as f64);
        let factors = (m + 2.0 * n) * k * size;
        // Three sides, and at the end the rows once more with what they imply.
        let state = (2.0 * m + 2.0 * n) * padded(self.rank()) * size;
        let workspace = state + (m + n) * (2.0 * size + 20.0);
        // By rows, and by columns within a group of rows.
        let prepared = stored * (8.0 + 2.0 * size);
        let operations = 16.0 * stored * k;
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace,
            operations,
            self.get_epochs(),
        )
    }
}

/// What the three rankings have in common.
fn ranking(input: &InputSize, rank: usize, weighted: bool, epochs: usize) -> Result<FitPlan> {
    let size = input.scalar_bytes as f64;
    let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
    let (stored, k) = (input.stored as f64, rank as f64);
    let factors = (m + n) * k * size;
    // The columns are dealt anew in every epoch.
    let workspace = (m + 2.0 * n) * padded(rank) * size + (m + n) * (32.0 + size);
    // Positives as they are and as they are dealt, and where rows begin in up to 64 blocks.
    let weights = if weighted { 2.0 * size } else { 0.0 };
    let ranges = (stored.cbrt() / 12.0).clamp(1.0, 64.0).floor();
    let prepared = stored * (8.0 + weights) + 4.0 * ranges * m;
    FitPlan::new(
        input,
        prepared,
        factors,
        workspace,
        16.0 * stored * k,
        epochs,
    )
}

macro_rules! ranking_plan {
    ($($method:ty),*) => {$(
        impl Plan for $method {
            fn plan(&self, input: &InputSize) -> Result<FitPlan> {
                self.validate()?;
                let settings = self.settings();
                let weighted = settings.confidence > 0.0;
                ranking(input, settings.rank, weighted, settings.epochs)
            }
        }
    )*};
}
ranking_plan!(Bpr, Warp, LogisticFactorization);
