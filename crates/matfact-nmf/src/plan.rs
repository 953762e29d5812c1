//! What a fit will need.

use crate::online::sample;
use crate::{Init, MaskedNmf, MiniBatchNmf, Nmf, Solver};
use matfact_core::{FitPlan, InputSize, Plan, Result};

/// Columns that the randomized SVD of a start has beyond the rank.
const OVERSAMPLING: f64 = 10.0;

/// The largest block that glibc's allocator keeps for itself: a mapped block that is freed makes it serve blocks of that
/// size from its heap from then on, if it is no larger than this (32 MiB on 64 bits).
const LARGEST_KEPT: f64 = 33_554_432.0;

/// Bytes of the randomized SVD that a start is made of, where most is held: a panel of one side and its orthogonal
/// basis, and both in double precision while the one becomes the other. Of these panels the
/// allocator keeps the largest that it keeps at all: of ten fits of 100,000 x 20,000 each held 21 to 45 MB beyond what was in use.
fn start_bytes(rows: f64, columns: f64, rank: f64, size: f64) -> f64 {
    let width = rank + OVERSAMPLING;
    let orthogonal = 2.0 * size + 16.0;
    let first = rows * orthogonal;
    let second = 2.0 * rows * size + columns * orthogonal;
    let panels = [8.0, size].map(|bytes| width * rows.max(columns) * bytes);
    let kept = panels.into_iter().find(|panel| *panel <= LARGEST_KEPT);
    width * first.max(second) + kept.unwrap_or(0.0)
}

impl Plan for Nmf {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        self.check_size(input.shape)?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let (stored, k) = (input.stored as f64, self.rank as f64);
        let (sides, larger) = ((m + n) * size, m.max(n) * size);
        let factors = sides * k;
        let solver = self.solver.resolve(self.loss)?;
        let workspace = match solver {
            // Those before the last iteration, those that it makes, products, and what the row updates turn
            // around: measured on 30000 x 200 (k = 150) and 2000 x 2000 (k = 200).
            Solver::Hals | Solver::Auto => 5.0 * sides * k,
            Solver::CoordinateDescent | Solver::BlockPivoting => 2.0 * larger * k,
            Solver::Multiplicative => sides * k + 4.0 * m * k * size,
            Solver::ScalarNewton => 2.0 * sides * k,
        };
        let start = match self.init {
            Init::Random | Init::Separable => 0.0,
            _ => start_bytes(m, n, k, size),
        };
        // X in the other direction, at the first product with it.
        let prepared = if input.dense {
            0.0
        } else {
            input.transposed_bytes()
        };
        let products = 4.0 * stored * k;
        let passes = 2.0 * (m + n) * k * k;
        let operations = match solver {
            Solver::Hals | Solver::Auto => products + passes * (self.sweeps as f64 + 2.0),
            Solver::Multiplicative | Solver::ScalarNewton => 2.0 * products,
            _ => products + 3.0 * passes,
        };
        let workspace = workspace.max(start);
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace,
            operations,
            self.max_iter,
        )
    }
}

impl Plan for MaskedNmf {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        self.check_size(input.shape)?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let (stored, k) = (input.stored as f64, self.rank() as f64);
        let factors = (m + n) * k * size;
        // The gradients at the end are two panels for each side.
        let workspace = 2.0 * factors + 32.0 * (m + n);
        let prepared = input.transposed_bytes();
        let operations = 8.0 * stored * k * self.passes as f64;
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace,
            operations,
            self.max_iter,
        )
    }
}

impl Plan for MiniBatchNmf {
    fn plan(&self, input: &InputSize) -> Result<FitPlan> {
        self.validate()?;
        let nmf = self.nmf()?;
        nmf.check_size(input.shape)?;
        let size = input.scalar_bytes as f64;
        let (m, n) = (input.shape.0 as f64, input.shape.1 as f64);
        let (stored, k) = (input.stored as f64, nmf.rank() as f64);
        let factors = (m + n) * k * size;
        // What is known of H, W of all batches once more at the end, and the products of a batch.
        let batch = (self.batch_size as f64).min(m);
        let course = 3.0 * n * k * size + m * k * size + 2.0 * batch * k * size;
        // A start by the SVD of the matrix, or of some of its rows, which are copied.
        let sampled = sample::size(input.shape.0, nmf.rank())
            .filter(|_| nmf.solver == Solver::Hals && self.init == Init::Auto)
            .map(|rows| rows as f64);
        let copied = sampled.map_or(0.0, |rows| rows / m * input.bytes());
        let start = copied + start_bytes(sampled.unwrap_or(m), n, k, size);
        // Of sparse entries the batches in the other direction, each with its pointers, and the sample likewise.
        let (prepared, turned) = if input.dense {
            (0.0, 0.0)
        } else {
            let pointers = 8.0 * n * ((m / batch).ceil() - 1.0);
            (input.transposed_bytes() + pointers, copied)
        };
        let workspace = (course + prepared).max(start + turned) - prepared;
        let operations = 4.0 * stored * k + 8.0 * (m + n) * k * k;
        FitPlan::new(
            input,
            prepared,
            factors,
            workspace,
            operations,
            self.max_iter,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Peaks of the program (8 MB of them its own) on 100,000 x 20,000 with 7,850,072 entries, f32 and two threads, the
    /// least and the most of several fits alike.
    #[test]
    fn plans_of_sparse_matrices_are_near_what_was_seen() {
        let input = InputSize::sparse::<f32>((100_000, 20_000), 7_850_072);
        for (rank, least, most) in [(20, 223e6, 262e6), (50, 328e6, 339e6)] {
            let planned = Nmf::new(rank).plan(&input).unwrap().peak_bytes() as f64 + 8e6;
            assert!((0.9..1.1).contains(&(planned / least)), "{rank}: {planned}");
            assert!((0.9..1.1).contains(&(planned / most)), "{rank}: {planned}");
        }
    }
}
