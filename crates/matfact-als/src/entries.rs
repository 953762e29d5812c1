//! Ratings by rows and by columns.

use matfact_core::{ObservedEntries, ObservedRow, Result, Scalar};

/// The ratings of another matrix by its columns: a copy, 4 bytes of index and the values (and weights).
#[derive(Debug)]
pub(crate) struct ByColumns<T> {
    shape: (usize, usize),
    pointers: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<T>,
    weights: Option<Vec<T>>,
}

impl<T: Scalar> ByColumns<T> {
    /// Of `x`, whose columns have so many entries.
    pub(crate) fn of<X>(x: &X, counts: &[usize]) -> Self
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let (m, n) = x.shape();
        let mut pointers = vec![0; n + 1];
        for (j, count) in counts.iter().enumerate() {
            pointers[j + 1] = pointers[j] + count;
        }
        let stored = pointers[n];
        let weighted = (0..m).any(|row| x.weights(row).is_some());
        let mut next = pointers.clone();
        let (mut rows, mut values) = (vec![0; stored], vec![T::zero(); stored]);
        let mut weights = weighted.then(|| vec![T::from_f64(1.0); stored]);
        for row in 0..m {
            let entries = x.row(row);
            let own = x.weights(row);
            for (e, (column, value)) in entries.columns.iter().zip(entries.values).enumerate() {
                let slot = &mut next[*column as usize];
                rows[*slot] = row as u32;
                values[*slot] = *value;
                if let (Some(weights), Some(own)) = (&mut weights, own) {
                    weights[*slot] = own[e];
                }
                *slot += 1;
            }
        }
        Self {
            shape: (n, m),
            pointers,
            rows,
            values,
            weights,
        }
    }

    /// Puts what comes of each value and its weight in the value's place; no weights are left.
    pub(crate) fn map_weighted(&mut self, of: impl Fn(T, T) -> Result<T>) -> Result<()> {
        let weights = self.weights.take();
        for (e, value) in self.values.iter_mut().enumerate() {
            let weight = weights.as_ref().map_or(T::one(), |weights| weights[e]);
            *value = of(*value, weight)?;
        }
        Ok(())
    }
}

impl<T: Scalar> ObservedEntries for ByColumns<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn observed(&self) -> usize {
        self.values.len()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, T> {
        let range = self.pointers[row]..self.pointers[row + 1];
        ObservedRow {
            columns: &self.rows[range.clone()],
            values: &self.values[range],
        }
    }

    fn weights(&self, row: usize) -> Option<&[T]> {
        let range = self.pointers[row]..self.pointers[row + 1];
        self.weights.as_ref().map(|weights| &weights[range])
    }
}
