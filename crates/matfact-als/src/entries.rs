//! Ratings by rows and by columns.

use matfact_core::{ObservedEntries, ObservedRow, Result, Scalar};
use rayon::prelude::*;
use std::ops::Range;

/// The most parts that columns are written in, each of which reads all rows.
const MOST_PARTS: usize = 8;
/// Entries that a part is worth its reading for.
const ENTRIES_OF_A_PART: usize = 1 << 17;

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
        let (mut rows, mut values) = (vec![0; stored], vec![T::zero(); stored]);
        let mut weights = weighted.then(|| vec![T::from_f64(1.0); stored]);
        let mut parts = Vec::new();
        {
            let (mut rows, mut values) = (&mut rows[..], &mut values[..]);
            let mut weights = weights.as_deref_mut();
            for columns in parts_of(&pointers, increasing(x)) {
                let here = pointers[columns.end] - pointers[columns.start];
                let (of_rows, later) = rows.split_at_mut(here);
                rows = later;
                let (of_values, later) = values.split_at_mut(here);
                values = later;
                let of_weights = weights.take().map(|all| all.split_at_mut(here));
                let (of_weights, later) = of_weights.unzip();
                weights = later;
                parts.push(Part {
                    columns,
                    rows: of_rows,
                    values: of_values,
                    weights: of_weights,
                });
            }
        }
        parts
            .into_par_iter()
            .for_each(|part| part.fill(x, &pointers));
        Self {
            shape: (n, m),
            pointers,
            rows,
            values,
            weights,
        }
    }

    /// Whether there are weights.
    pub(crate) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// Puts what comes of each value and its weight in the value's place; no weights are left.
    ///
    /// # Errors
    /// The first of `of`.
    pub(crate) fn map_weighted(&mut self, of: impl Fn(T, T) -> Result<T> + Sync) -> Result<()> {
        let weights = self.weights.take();
        let parts = self.values.par_chunks_mut(ENTRIES_OF_A_PART).enumerate();
        let parts: Vec<Result<()>> = parts
            .map(|(part, values)| {
                let first = part * ENTRIES_OF_A_PART;
                for (e, value) in values.iter_mut().enumerate() {
                    let weight = weights.as_ref().map_or(T::one(), |all| all[first + e]);
                    *value = of(*value, weight)?;
                }
                Ok(())
            })
            .collect();
        parts.into_iter().collect()
    }
}

/// Columns that are written together.
struct Part<'a, T> {
    columns: Range<usize>,
    rows: &'a mut [u32],
    values: &'a mut [T],
    weights: Option<&'a mut [T]>,
}

impl<T: Scalar> Part<'_, T> {
    fn fill<X: ObservedEntries<Scalar = T> + ?Sized>(mut self, x: &X, pointers: &[usize]) {
        let Range { start, end } = self.columns;
        let whole = start == 0 && end + 1 == pointers.len();
        let places = pointers[start..end].iter();
        let mut next: Vec<usize> = places.map(|place| place - pointers[start]).collect();
        for row in 0..x.shape().0 {
            let entries = x.row(row);
            let range = if whole {
                0..entries.columns.len()
            } else {
                let first = |bound| entries.columns.partition_point(|c| (*c as usize) < bound);
                first(start)..first(end)
            };
            let own = x.weights(row);
            for e in range {
                let slot = &mut next[entries.columns[e] as usize - start];
                self.rows[*slot] = row as u32;
                self.values[*slot] = entries.values[e];
                if let (Some(weights), Some(own)) = (&mut self.weights, own) {
                    weights[*slot] = own[e];
                }
                *slot += 1;
            }
        }
    }
}

/// Columns in parts of about equally many entries; one if a part of a row would have to be searched for.
fn parts_of(pointers: &[usize], increasing: bool) -> Vec<Range<usize>> {
    let (columns, stored) = (pointers.len() - 1, pointers[pointers.len() - 1]);
    let count = if increasing {
        (stored / ENTRIES_OF_A_PART).clamp(1, MOST_PARTS)
    } else {
        1
    };
    let bounds: Vec<usize> = (0..=count)
        .map(|part| match part {
            0 => 0,
            part if part == count => columns,
            part => pointers.partition_point(|place| *place < stored * part / count),
        })
        .collect();
    bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Whether the columns of every row increase, as they should.
fn increasing<X: ObservedEntries + ?Sized>(x: &X) -> bool {
    (0..x.shape().0)
        .into_par_iter()
        .all(|row| x.row(row).columns.is_sorted())
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

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::{Duplicates, Ratings};

    /// Enough entries for several parts, with a weight for each of the second half.
    fn table(weighted: bool) -> Ratings<f64> {
        let (rows, columns) = (3000, 700);
        let entries = (0..rows).flat_map(|row| {
            let of_row = (0..columns).filter(move |column| (row * 31 + column * 17) % 5 < 2);
            of_row.map(move |column| (row, column, (row * columns + column) as f64))
        });
        let table = Ratings::from_triplets((rows, columns), entries, Duplicates::Error).unwrap();
        match weighted {
            true => {
                let weights = (0..table.observed()).map(|e| e as f64).collect();
                table.with_weights(weights).unwrap()
            }
            false => table,
        }
    }

    /// The same entries, with the columns of each row in falling order.
    struct Falling(Vec<(Vec<u32>, Vec<f64>)>, usize);

    impl ObservedEntries for Falling {
        type Scalar = f64;

        fn shape(&self) -> (usize, usize) {
            (self.0.len(), self.1)
        }

        fn observed(&self) -> usize {
            self.0.iter().map(|row| row.0.len()).sum()
        }

        fn row(&self, row: usize) -> ObservedRow<'_, f64> {
            let (columns, values) = &self.0[row];
            ObservedRow { columns, values }
        }
    }

    fn counts<X: ObservedEntries>(x: &X) -> Vec<usize> {
        let mut counts = vec![0; x.shape().1];
        for row in 0..x.shape().0 {
            let columns = x.row(row).columns.iter();
            columns.for_each(|column| counts[*column as usize] += 1);
        }
        counts
    }

    #[test]
    fn parts_make_what_one_makes_and_twice_is_where_it_began() {
        for weighted in [false, true] {
            let x = table(weighted);
            let of_columns = counts(&x);
            assert!(parts_of(&[0, x.observed()], true).len() > 1);
            let columns = ByColumns::of(&x, &of_columns);
            let rows = ByColumns::of(&columns, &counts(&columns));
            for row in 0..x.shape().0 {
                assert_eq!(rows.row(row).columns, x.row(row).columns);
                assert_eq!(rows.row(row).values, x.row(row).values);
                assert_eq!(rows.weights(row), x.weights(row));
            }
            let falling = (0..x.shape().0).map(|row| {
                let mut entries = (x.row(row).columns.to_vec(), x.row(row).values.to_vec());
                entries.0.reverse();
                entries.1.reverse();
                entries
            });
            let falling = Falling(falling.collect(), x.shape().1);
            let columns_of_falling = ByColumns::of(&falling, &of_columns);
            assert_eq!(columns_of_falling.rows, columns.rows);
            assert_eq!(columns_of_falling.values, columns.values);
        }
    }
}
