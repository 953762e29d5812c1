//! Compressed rows transposed.
//!
//! Entries that go to columns far apart would each wait for memory. So they go there in two moves, some
//! rows at a time: into buckets of neighbouring columns, which are written from front to back, and from each
//! bucket to its columns, of which the ends stay in the cache nearest to a processor. Buckets are in the
//! order of the rows, and so is every new row, whatever the number of threads.

use super::form::Rows;
use matfact_core::{Indices, Scalar, SparseRows};
use rayon::prelude::*;
use std::ops::Range;

/// Columns of a bucket: two cache lines of each are being filled at any time.
const BUCKET_COLUMNS: usize = 1 << 10;
/// Buckets, at least, of many columns: so that threads share them evenly.
const LEAST_BUCKETS: usize = 32;
/// Entries that are sorted into buckets at once, by one thread.
const PIECE_ENTRIES: usize = 1 << 16;
/// Pieces between two moves out of the buckets.
const PIECES: usize = 8;

/// An entry on its way.
#[derive(Clone, Copy)]
struct Moving<T> {
    row: u32,
    column: u32,
    value: T,
}

/// Entries by bucket.
#[derive(Default)]
struct Piece<T> {
    entries: Vec<Moving<T>>,
    /// Where each bucket begins, and the end.
    starts: Vec<usize>,
    /// Where the next entry of each goes.
    next: Vec<usize>,
}

/// The compressed rows of the transposed matrix, each sorted.
pub(super) fn transpose<T: Scalar>(a: &SparseRows<'_, T>) -> Rows<'static, T> {
    match a.columns {
        Indices::U32(columns) => transpose_with(a, columns, |column| column),
        Indices::Usize(columns) => transpose_with(a, columns, |column| column as u32),
    }
}

fn transpose_with<T: Scalar, I: Copy + Sync>(
    a: &SparseRows<'_, T>,
    columns: &[I],
    index: impl Fn(I) -> u32 + Sync,
) -> Rows<'static, T> {
    let (m, n) = a.shape;
    let mut pointers = vec![0_usize; n + 1];
    for row in 0..m {
        for position in a.row_range(row) {
            pointers[index(columns[position]) as usize + 1] += 1;
        }
    }
    for j in 0..n {
        pointers[j + 1] += pointers[j];
    }
    let stored = pointers[n];
    let (mut rows, mut values) = (vec![0_u32; stored], vec![T::zero(); stored]);
    let ranges = bucket_ranges(&pointers);
    let mut bucket_of = vec![0_u32; n];
    for (number, range) in ranges.iter().enumerate() {
        bucket_of[range.clone()].fill(number as u32);
    }
    let mut buckets = buckets(&pointers, &ranges, &mut rows, &mut values);
    let mut pieces: Vec<Piece<T>> = (0..PIECES).map(|_| Piece::default()).collect();
    for of_pieces in piece_ranges(a).chunks(PIECES) {
        pieces
            .par_iter_mut()
            .zip(of_pieces)
            .for_each(|(piece, rows)| {
                piece.sort(
                    rows.clone().map(|row| (row, a.row_range(row))),
                    |position| (index(columns[position]), a.values[position]),
                    (&bucket_of, buckets.len()),
                );
            });
        buckets
            .par_iter_mut()
            .enumerate()
            .for_each(|(number, bucket)| {
                for piece in &pieces[..of_pieces.len()] {
                    bucket.take(&piece.entries[piece.starts[number]..piece.starts[number + 1]]);
                }
            });
    }
    drop(buckets);
    Rows::Owned {
        shape: (n, m),
        pointers,
        columns: rows,
        values,
    }
}

/// Rows cut into pieces of about [`PIECE_ENTRIES`].
fn piece_ranges<T>(a: &SparseRows<'_, T>) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for row in 0..a.shape.0 {
        if a.pointers[row + 1] - a.pointers[start] >= PIECE_ENTRIES || row + 1 == a.shape.0 {
            ranges.push(start..row + 1);
            start = row + 1;
        }
    }
    ranges
}

impl<T: Scalar> Piece<T> {
    /// Takes the entries of some rows, sorted by bucket and in their order within each; the buffers of
    /// other rows before are used again.
    fn sort(
        &mut self,
        rows: impl Iterator<Item = (usize, Range<usize>)> + Clone,
        entry: impl Fn(usize) -> (u32, T),
        (bucket_of, buckets): (&[u32], usize),
    ) {
        let Self {
            entries,
            starts,
            next,
        } = self;
        starts.clear();
        starts.resize(buckets + 1, 0);
        for (_, positions) in rows.clone() {
            for position in positions {
                starts[bucket_of[entry(position).0 as usize] as usize + 1] += 1;
            }
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        next.clone_from(starts);
        let nothing = Moving {
            row: 0,
            column: 0,
            value: T::zero(),
        };
        entries.resize(starts[buckets], nothing);
        for (row, positions) in rows {
            for position in positions {
                let (column, value) = entry(position);
                let slot = &mut next[bucket_of[column as usize] as usize];
                entries[*slot] = Moving {
                    row: row as u32,
                    column,
                    value,
                };
                *slot += 1;
            }
        }
    }
}

/// Columns cut into buckets, so that none has much more than its share of the entries.
fn bucket_ranges(pointers: &[usize]) -> Vec<Range<usize>> {
    let n = pointers.len() - 1;
    let share = pointers[n].div_ceil(LEAST_BUCKETS).max(1);
    let mut ranges = Vec::new();
    let mut start = 0;
    for column in 0..n {
        let entries = pointers[column + 1] - pointers[start];
        if entries >= share || column + 1 - start >= BUCKET_COLUMNS || column + 1 == n {
            ranges.push(start..column + 1);
            start = column + 1;
        }
    }
    ranges
}

/// The columns of one bucket, as far as they are filled.
struct Bucket<'a, T> {
    first_column: usize,
    /// Where the next entry of each column goes.
    next: Vec<usize>,
    rows: &'a mut [u32],
    values: &'a mut [T],
}

impl<T: Scalar> Bucket<'_, T> {
    fn take(&mut self, entries: &[Moving<T>]) {
        for entry in entries {
            let slot = &mut self.next[entry.column as usize - self.first_column];
            self.rows[*slot] = entry.row;
            self.values[*slot] = entry.value;
            *slot += 1;
        }
    }
}

fn buckets<'a, T>(
    pointers: &[usize],
    ranges: &[Range<usize>],
    mut rows: &'a mut [u32],
    mut values: &'a mut [T],
) -> Vec<Bucket<'a, T>> {
    let mut buckets = Vec::new();
    for range in ranges {
        let base = pointers[range.start];
        let length = pointers[range.end] - base;
        let (mine_rows, after_rows) = rows.split_at_mut(length);
        let (mine_values, after_values) = values.split_at_mut(length);
        (rows, values) = (after_rows, after_values);
        let starts = &pointers[range.clone()];
        buckets.push(Bucket {
            first_column: range.start,
            next: starts.iter().map(|pointer| pointer - base).collect(),
            rows: mine_rows,
            values: mine_values,
        });
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::sprs::CsMatI;
    use matfact_core::{Duplicates, Layout, LinearOperator, csr_from_triplets};

    #[test]
    fn transposing_in_parallel_sorts_every_row() {
        // More pieces than are moved at once, more columns than a bucket has, empty rows.
        let entries = (0..1_300_000_u64).map(|i| {
            let row = (i * 7919) % 3001;
            (row as usize, ((i * 104_729) % 2503) as usize, i as f32)
        });
        let entries = entries.filter(|(row, _, _)| row % 5 != 4);
        let a = csr_from_triplets((3001, 2600), entries, Duplicates::Last).unwrap();
        assert!(a.nnz() > (PIECES + 1) * PIECE_ENTRIES / 2);
        let wide: CsMatI<f32, usize, usize> = a.to_other_types();
        let expected = a.to_csc();
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            for layout in [a.layout(), wide.layout()] {
                let Layout::SparseRows(rows) = layout else {
                    unreachable!("CSR")
                };
                let Rows::Owned {
                    pointers,
                    columns,
                    values,
                    ..
                } = pool.install(|| transpose(&rows))
                else {
                    unreachable!("a copy is owned")
                };
                assert_eq!(expected.indptr().raw_storage(), pointers);
                assert_eq!(expected.indices(), columns);
                assert_eq!(expected.data(), values);
            }
        }
    }

    #[test]
    fn what_has_no_entries_or_is_a_slice_is_transposed() {
        let a = csr_from_triplets::<f64>((3, 2), [], Duplicates::Error).unwrap();
        let Layout::SparseRows(rows) = a.layout() else {
            unreachable!("CSR")
        };
        assert_eq!(transpose(&rows).view().pointers, [0, 0, 0]);
        let a = csr_from_triplets(
            (3, 2),
            [(0, 1, 1.0), (1, 0, 2.0), (2, 0, 3.0)],
            Duplicates::Error,
        );
        let a = a.unwrap();
        let tail = a.slice_outer(1..3);
        let Layout::SparseRows(rows) = tail.layout() else {
            unreachable!("CSR")
        };
        let transposed = transpose(&rows);
        let view = transposed.view();
        assert_eq!(view.pointers, [0, 2, 2]);
        assert_eq!(view.values, [2.0, 3.0]);
    }
}
