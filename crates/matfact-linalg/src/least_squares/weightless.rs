//! Entries that weigh no more than absent ones do: the sum over all has them already, and what is left of them is their
//! target. No product with them is needed, only their pull Σ m q, once.

use super::gather::Listed;
use super::pull::AddRows;
use super::{PrincipalEntries, RidgeRegression};
use matfact_core::Scalar;

/// The entries of a row, those that weigh apart from those that do not.
#[derive(Debug)]
pub(super) struct Parted<T> {
    rows: Vec<u32>,
    weights: Vec<T>,
    targets: Vec<T>,
    weightless: Vec<u32>,
    pulls: Vec<T>,
}

impl<T> Default for Parted<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            weights: Vec::new(),
            targets: Vec::new(),
            weightless: Vec::new(),
            pulls: Vec::new(),
        }
    }
}

impl<T: Scalar> Parted<T> {
    fn fill(&mut self, entries: PrincipalEntries<'_, T>) {
        self.rows.clear();
        self.weights.clear();
        self.targets.clear();
        self.weightless.clear();
        self.pulls.clear();
        let pairs = entries.weights.iter().zip(entries.targets);
        for (row, (weight, target)) in entries.rows.iter().zip(pairs) {
            if *weight == T::zero() {
                self.weightless.push(*row);
                self.pulls.push(*target);
            } else {
                self.rows.push(*row);
                self.weights.push(*weight);
                self.targets.push(*target);
            }
        }
    }
}

impl<T: Scalar> RidgeRegression<T> {
    /// What `solve` gives for the entries that weigh, while `pulled` is the pull of the others.
    pub(super) fn apart<R>(
        &mut self,
        entries: PrincipalEntries<'_, T>,
        solve: impl FnOnce(&mut Self, PrincipalEntries<'_, T>) -> R,
    ) -> R {
        self.pulled.as_mut_slice().fill(T::zero());
        let weightless = entries.weights.iter().filter(|w| **w == T::zero()).count();
        if weightless == 0 {
            return solve(self, entries);
        }
        if weightless == entries.weights.len() {
            self.pull(entries.listed(), entries.targets);
            let none = PrincipalEntries {
                rows: &[],
                weights: &[],
                targets: &[],
                ..entries
            };
            return solve(self, none);
        }
        // Taken while `solve` has all of this.
        let mut parted = std::mem::take(&mut self.parted);
        parted.fill(entries);
        let own = entries.listed();
        let panel = (own.values, own.stride);
        self.pull(
            Listed::new(panel, &parted.weightless, &parted.rows),
            &parted.pulls,
        );
        let weighing = PrincipalEntries {
            rows: &parted.rows,
            weights: &parted.weights,
            targets: &parted.targets,
            ..entries
        };
        let result = solve(self, weighing);
        self.parted = parted;
        result
    }

    fn pull(&mut self, rows: Listed<'_, T>, coefficients: &[T]) {
        self.simd.run(AddRows {
            rows,
            coefficients,
            out: self.pulled.as_mut_slice(),
        });
    }
}
