//! What a fit will need.

use crate::blocks::range_count;
use crate::svdpp::groups::ROWS_OF_A_GROUP;
use crate::{Bpr, LogisticFactorization, OnDivergence, Popularity, Sgd, SvdPlusPlus, Warp};
use matfact_core::{FitPlan, InputSize, Plan, Result};
use matfact_linalg::ColumnVisit;

/// Bytes of ratings that wait to be written to disk: a piece for each stream.
const DISK_BUFFERS: f64 = 8_388_608.0;

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
        // Row, column and value of an entry; of entries on disk the strata that are visited, read and on their way, or
        // as many where blocks are arranged, and what waits to be written.
        let entries = stored * (8.0 + size);
        let prepared = if input.on_disk {
            let ranges = range_count(input.stored, input.shape.0, input.shape.1);
            4.0 * entries / ranges as f64 + DISK_BUFFERS
        } else {
            entries
        };
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
        // For each group and column that meet, where the visits begin: as many as of so many random pairs.
        let pairs = n * (m / ROWS_OF_A_GROUP as f64).ceil().max(1.0);
        let met = -pairs * (-stored / pairs).exp_m1();
        let prepared = stored * (8.0 + 2.0 * size) + met * size_of::<ColumnVisit>() as f64;
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

impl Plan for Popularity {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        let rows = input.shape.0 as f64 + input.shape.1 as f64;
        // Biases; and counts of rows and columns.
        let (factors, workspace) = (rows * input.scalar_bytes as f64, 8.0 * rows);
        FitPlan::new(input, 0.0, factors, workspace, input.stored as f64, 1)
    }
}
