//! What a fit will need.

use crate::{Pca, PcaMethod, PcaRank, SvdMethod, SvdRank, Tolerance, TruncatedSvd};
use matfact_core::{FitPlan, InputSize, Plan, Result};
use matfact_linalg::transposed_copy_bytes;

// What the allocator keeps of panels that were freed counts as half a panel: with that, plans of 23 fits were 0.91
// to 1.05 of what was seen (docs/benchmarks.md).

/// Panels of (m + n) x k at the end of a fit: what its products gave, and both sides turned from it.
const FINAL_PANELS: f64 = 3.5;
/// Blocks of the shorter side that are worked on beside its basis.
const SHORT_BLOCKS: f64 = 3.0;
/// After a look at what was found a block takes up as many random columns as it has.
const WIDENED: f64 = 2.0;
/// Panels of the longer side between both products of a step: the first product is the second's panel. Around a matrix
/// that is centred as it is multiplied there is a product inside.
const PLAIN_PANELS: f64 = 1.0;
const CENTERED_PANELS: f64 = 2.5;
/// Bytes of a row of a panel that compressed rows are multiplied with, a cache line at a time.
const LINE: f64 = 64.0;
/// Bytes that dense products pack their factors into, of some threads; less for a small matrix.
const PACKED: f64 = 8_388_608.0;
/// Numbers in double precision that the decomposition of a covariance holds, for each of its entries: itself, what it is
/// copied to and taken apart in, both sides of vectors twice.
const COVARIANCES: f64 = 13.0;
/// Rows of the matrix in double precision of which a covariance is summed at a time, as they are and centred.
const COVARIANCE_ROWS: f64 = 512.0 * 2.0;

/// Bytes at the moment of a decomposition where most is held, its triplets included: a step, or the end. A matrix that
/// is centred as it is multiplied is `centered`.
fn most(svd: &TruncatedSvd, input: &InputSize, rank: f64, centered: bool) -> f64 {
    let size = input.scalar_bytes as f64;
    let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
    let (short, long) = (m.min(n), m.max(n));
    let sides = (m + n) * size;
    let oversampled = (rank + svd.oversampling as f64).min(short);
    let dense = input.dense && !centered;
    let basis = (svd.basis_columns(rank as usize, dense) as f64).min(short);
    let block = WIDENED * svd.block_columns(dense) as f64;
    let panels = if centered {
        CENTERED_PANELS
    } else {
        PLAIN_PANELS
    };
    let lines = if input.dense { 0.0 } else { long * LINE };
    let step = (SHORT_BLOCKS * short + panels * long) * block * size + lines;
    // A panel and its orthogonal basis, and both in double precision while the one becomes the other.
    let orthogonal = long * (2.0 * size + 16.0);
    // Triplets that are measured and turned by products of their own, beside those that were found.
    let measured = 1.5 * sides * rank + m * rank * size + orthogonal * rank;
    let held = match svd.method_for(input.shape) {
        // All in double precision: the matrix, both bases, and what the decomposition works on.
        SvdMethod::Exact => 4.0 * m * n * 8.0,
        SvdMethod::Randomized => measured.max(sides * oversampled + orthogonal * oversampled),
        SvdMethod::BlockKrylov => {
            let powers = svd.power_iterations.unwrap_or(2) as f64;
            measured.max(sides * oversampled * (powers + 2.0) + step)
        }
        SvdMethod::Lanczos => {
            let found = sides * basis + step.max(2.0 * sides * rank);
            if matches!(svd.tolerance, Tolerance::Rounding) {
                found.max(measured)
            } else {
                found
            }
        }
        _ => short * basis * size + step,
    };
    held.max(FINAL_PANELS * sides * rank) + PACKED.min(input.bytes())
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
        let factors = (m + n) * rank * size;
        FitPlan::new(
            input,
            // X in the other direction, at the first product with it.
            transposed_copy_bytes(input),
            factors,
            most(self, input, rank, false) - factors,
            operations(input, self.block_columns(input.dense) as f64),
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
        let factors = (m + n) * rank * size + 8.0 * n;
        let (prepared, workspace, operations, steps) = match method {
            PcaMethod::Covariance => {
                let work = (COVARIANCES * n + COVARIANCE_ROWS) * n * 8.0;
                (0.0, work, m * n * n, 1)
            }
            PcaMethod::Exact => {
                let least = m.min(n);
                (0.0, 4.0 * m * n * 8.0, 8.0 * m * n * least, 1)
            }
            _ => {
                // A dense matrix is centred once, as a copy; a sparse one as it is multiplied.
                let other = if input.dense {
                    input.bytes()
                } else {
                    transposed_copy_bytes(input)
                };
                let work = most(&svd, input, rank, !input.dense) - factors;
                let columns = svd.block_columns(input.dense) as f64;
                (other, work, operations(input, columns), svd.max_steps)
            }
        };
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace.max(0.0),
            operations,
            steps,
        )
    }
}
