//! What a fit will need.

use crate::{Pca, PcaMethod, PcaRank, SvdMethod, SvdRank, TruncatedSvd};
use matfact_core::{FitPlan, InputSize, Plan, Result};

/// Panels of (m + n) x k that the end of a fit holds beside the factors: products, their orthogonal bases, what is turned.
const FINAL_PANELS: f64 = 3.0;
/// Rows of the matrix in double precision of which a covariance is summed at a time, several times over.
const COVARIANCE_ROWS: f64 = 512.0 * 4.0;

/// Bytes of a decomposition's bases, and of what its end makes.
fn workspace(svd: &TruncatedSvd, input: &InputSize, rank: f64) -> f64 {
    let size = input.scalar_bytes as f64;
    let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
    let end = FINAL_PANELS * (m + n) * rank * size;
    let oversampled = rank + svd.oversampling as f64;
    let basis = svd.basis_columns(rank as usize, input.dense) as f64;
    end + match svd.method_for(input.shape) {
        // All in double precision: the matrix, both bases, and what the decomposition works on.
        SvdMethod::Exact => 4.0 * m * n * 8.0,
        SvdMethod::Randomized => (m + n) * oversampled * size,
        SvdMethod::BlockKrylov => {
            let powers = svd.power_iterations.unwrap_or(2) as f64;
            (m + n) * oversampled * (powers + 2.0) * size
        }
        SvdMethod::Lanczos => (m + n) * basis.min(m.min(n)) * size,
        _ => m.min(n) * basis.min(m.min(n)) * size,
    }
}

/// Operations of a step: a product with X and one with its transpose, of a block of columns.
fn operations(input: &InputSize, columns: f64) -> f64 {
    4.0 * input.stored as f64 * columns
}

impl Plan for TruncatedSvd {
    /// Where the rank follows from an error, a tenth of min(m, n) is taken for it.
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        self.check(input.shape)?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let rank = match self.rank {
            SvdRank::Fixed(rank) => rank as f64,
            SvdRank::RelativeError(_) => (0.1 * m.min(n)).ceil(),
        };
        // X in the other direction, at the first product with it.
        let prepared = if input.dense {
            0.0
        } else {
            input.transposed_bytes()
        };
        FitPlan::new(
            input,
            prepared,
            (m + n) * rank * size,
            workspace(self, input, rank),
            operations(input, if input.dense { 32.0 } else { 16.0 }),
            self.max_steps,
        )
    }
}

impl Plan for Pca {
    /// Where the rank is to be found, a tenth of min(m, n) is taken for it.
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        self.check_shape(input.shape)?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let rank = match self.rank {
            PcaRank::Fixed(rank) => rank as f64,
            _ => (0.1 * m.min(n)).ceil(),
        };
        let method = self.resolve(input.shape, input.dense);
        let svd = TruncatedSvd::new(rank as usize).tolerance(self.tolerance);
        let (prepared, workspace, operations, steps) = match method {
            PcaMethod::Covariance => {
                let work = 4.0 * n * n * 8.0 + COVARIANCE_ROWS * n * 8.0;
                (0.0, work + m * rank * size, m * n * n, 1)
            }
            PcaMethod::Exact => {
                let least = m.min(n);
                (0.0, 4.0 * m * n * 8.0, 8.0 * m * n * least, 1)
            }
            // A dense matrix is centred once, as a copy.
            _ => {
                let other = if input.dense {
                    input.bytes()
                } else {
                    input.transposed_bytes()
                };
                let work = workspace(&svd, input, rank);
                (other, work, operations(input, 32.0), svd.max_steps)
            }
        };
        let factors = (m + n) * rank * size + 8.0 * n;
        FitPlan::new(input, prepared, factors, workspace, operations, steps)
    }
}
