//! What a fit will need.

use crate::{Als, AlsSolver, Confidence, ImplicitAls};
use matfact_core::{FitPlan, InputSize, Plan, Result};

/// Bytes of both sides' factors: in rows of whole cache lines for the fit, and as they are for the model.
fn factors(input: &InputSize, rank: usize) -> (f64, f64) {
    let size = input.scalar_bytes as f64;
    let rows = input.shape.0 as f64 + input.shape.1 as f64;
    let line = 64 / input.scalar_bytes.max(1);
    let padded = rank.div_ceil(line.max(1)) as f64 * 64.0;
    (rows * padded, rows * rank as f64 * size)
}

/// Multiplications and additions of one pass over both sides: of an entry for both, and of a row.
fn operations(solver: AlsSolver, rank: usize) -> (f64, f64) {
    let k = rank as f64;
    match solver {
        AlsSolver::Auto | AlsSolver::Cholesky => (2.0 * k * k, k * k * k / 3.0),
        AlsSolver::ConjugateGradients { steps } => (8.0 * k * (steps as f64 + 1.0), 0.0),
        AlsSolver::CoordinateDescent { sweeps } => (8.0 * k * (sweeps as f64 + 1.0), 0.0),
        AlsSolver::BlockCoordinateDescent { block } => {
            let d = block.min(rank) as f64;
            (2.0 * k * d + 12.0 * k, k * d * d / 3.0)
        }
    }
}

impl Plan for Als {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        let (padded, model) = factors(input, self.rank);
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let biases = if self.biased {
            (m + n) * input.scalar_bytes as f64
        } else {
            0.0
        };
        // The random numbers that it starts from are there before the model is.
        let random = n * self.rank as f64 * 8.0;
        let workspace = padded + biases + 16.0 * (m + n) + (random - model).max(0.0);
        let (of_entry, of_row) = operations(self.solver.with(self.non_negative), self.rank);
        let operations = input.stored as f64 * of_entry + (m + n) * of_row;
        let prepared = input.transposed_bytes();
        FitPlan::new(
            input,
            prepared,
            model + biases,
            workspace,
            operations,
            self.max_iter,
        )
    }
}

impl Plan for ImplicitAls {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        let (padded, model) = factors(input, self.rank);
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let random = n * self.rank as f64 * 8.0;
        let workspace = padded + 24.0 * (m + n) + (random - model).max(0.0);
        let (of_entry, of_row) = operations(self.solver, self.rank);
        let k = self.rank as f64;
        let operations = input.stored as f64 * of_entry + (m + n) * (of_row + 4.0 * k * k);
        // Logarithms of the rows' entries are kept; other confidences are computed as they are needed.
        let rows = match self.confidence {
            Confidence::Logarithmic => input.bytes(),
            _ => 0.0,
        };
        let prepared = rows + input.transposed_bytes();
        FitPlan::new(input, prepared, model, workspace, operations, self.max_iter)
    }
}
