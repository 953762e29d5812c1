//! Compressed rows from chunks of ratings, by several threads.
//!
//! The rows are cut into buckets. Every chunk sorts its ratings by bucket, keeping their order, and then
//! every bucket takes its own from chunk after chunk: it sorts them by row and column and writes them to
//! its part of the matrix, which no other bucket touches.

use crate::ids::Ids;
use matfact_core::sprs::CsMatI;
use matfact_core::{Duplicates, Error, Result, Scalar};
use rayon::prelude::*;
use std::path::Path;

/// Ratings of a bucket, about: what is sorted at a time should lie in the cache of a core.
const BUCKET: usize = 1 << 15;
const MOST_BUCKETS: usize = 1 << 11;

/// The ratings of a chunk.
pub(super) struct Part<T> {
    /// The row of each of its users, and the column of each of its items.
    pub(super) rows: Vec<u32>,
    pub(super) columns: Vec<u32>,
    /// User, item and rating.
    pub(super) entries: Vec<(u32, u32, T)>,
}

/// The ratings of a chunk by bucket: row, column and value.
struct Sorted<T> {
    entries: Vec<(u32, u32, T)>,
    /// Where each bucket ends.
    ends: Vec<usize>,
}

/// Why there is no matrix.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This row and column are rated twice.
    Twice(usize, usize),
    Other(Error),
}

/// The matrix of all ratings.
///
/// # Errors
/// `Twice` where that is refused, `Overflow` for a sum.
pub(super) fn assemble<T: Scalar>(
    parts: Vec<Part<T>>,
    rows: &Ids,
    columns: &Ids,
    path: &Path,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>, Refusal> {
    let total: usize = parts.iter().map(|part| part.entries.len()).sum();
    let buckets = (total / BUCKET).clamp(1, MOST_BUCKETS).min(rows.len());
    // A power of two, so that a shift tells the bucket.
    let shift = rows
        .len()
        .div_ceil(buckets)
        .next_power_of_two()
        .trailing_zeros();
    let buckets = rows.len().div_ceil(1 << shift);
    let sort = |scratch: &mut Vec<_>, part: Part<T>| part.sort(shift, buckets, scratch);
    let parts: Vec<Sorted<T>> = match total < BUCKET {
        // Not worth waking other threads.
        true => parts
            .into_iter()
            .map(|part| sort(&mut Vec::new(), part))
            .collect(),
        false => parts.into_par_iter().map_init(Vec::new, sort).collect(),
    };
    let size = |bucket: usize| {
        parts
            .iter()
            .map(|part| part.of(bucket).len())
            .sum::<usize>()
    };
    let sizes: Vec<usize> = (0..buckets).map(size).collect();

    let mut pointers = vec![0_usize; rows.len() + 1];
    let mut indices = vec![0_u32; total];
    let mut values = vec![T::zero(); total];
    let mut works = Vec::with_capacity(buckets);
    {
        let mut rest = (&mut pointers[1..], &mut indices[..], &mut values[..]);
        for (bucket, size) in sizes.iter().enumerate() {
            let height = (1 << shift).min(rest.0.len());
            let (counts, r0) = rest.0.split_at_mut(height);
            let (indices, r1) = rest.1.split_at_mut(*size);
            let (values, r2) = rest.2.split_at_mut(*size);
            rest = (r0, r1, r2);
            works.push(Work {
                bucket,
                first_row: bucket << shift,
                counts,
                indices,
                values,
            });
        }
    }
    let fill = |scratch: &mut Scratch<T>, work: Work<'_, T>| {
        work.run(&parts, columns.len(), duplicates, scratch)
    };
    let kept: Vec<_> = match total < BUCKET {
        true => works
            .into_iter()
            .map(|work| fill(&mut Scratch::default(), work))
            .collect(),
        false => works
            .into_par_iter()
            .map_init(Scratch::default, fill)
            .collect(),
    };
    let kept = kept
        .into_iter()
        .collect::<Result<Vec<usize>, (usize, usize)>>();
    let kept = kept.map_err(|(row, column)| Refusal::Twice(row, column))?;

    // Where ratings were merged, the buckets move together.
    let (mut from, mut to) = (0, 0);
    for (size, kept) in sizes.iter().zip(&kept) {
        if from != to {
            indices.copy_within(from..from + kept, to);
            values.copy_within(from..from + kept, to);
        }
        from += size;
        to += kept;
    }
    indices.truncate(to);
    values.truncate(to);
    for row in 0..rows.len() {
        pointers[row + 1] += pointers[row];
    }
    if let Some(position) = values.iter().position(|value| !value.is_finite()) {
        let row = pointers.partition_point(|pointer| *pointer <= position) - 1;
        return Err(Refusal::Other(Error::Overflow {
            step: format!(
                "{}: the sum of the ratings of user {:?} for item {:?}",
                path.display(),
                rows.name(row),
                columns.name(indices[position] as usize)
            ),
            scalar: T::NAME,
        }));
    }
    CsMatI::try_new((rows.len(), columns.len()), pointers, indices, values).map_err(
        |(_, _, _, error)| {
            Refusal::Other(Error::shape_mismatch(
                "sparse structure",
                "valid CSR",
                error,
            ))
        },
    )
}

impl<T: Scalar> Part<T> {
    /// The memory of the chunk is kept: `scratch` is used for one after the other.
    fn sort(mut self, shift: u32, buckets: usize, scratch: &mut Vec<(u32, u32, T)>) -> Sorted<T> {
        let mut next = vec![0_usize; buckets + 1];
        for (row, column, _) in &mut self.entries {
            *row = self.rows[*row as usize];
            *column = self.columns[*column as usize];
            next[(*row >> shift) as usize + 1] += 1;
        }
        add_up(&mut next);
        if scratch.len() < self.entries.len() {
            scratch.resize(self.entries.len(), Default::default());
        }
        for entry in &self.entries {
            let slot = &mut next[(entry.0 >> shift) as usize];
            scratch[*slot] = *entry;
            *slot += 1;
        }
        let count = self.entries.len();
        self.entries.copy_from_slice(&scratch[..count]);
        next.pop();
        Sorted {
            entries: self.entries,
            ends: next,
        }
    }
}

impl<T> Sorted<T> {
    fn of(&self, bucket: usize) -> &[(u32, u32, T)] {
        let start = bucket.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[start..self.ends[bucket]]
    }
}

/// The part of the matrix that a bucket writes.
struct Work<'a, T> {
    bucket: usize,
    first_row: usize,
    /// How many entries each row has in the end.
    counts: &'a mut [usize],
    indices: &'a mut [u32],
    values: &'a mut [T],
}

#[derive(Debug, Default)]
struct Scratch<T> {
    next: Vec<usize>,
    /// By column, then in order of arrival.
    by_column: Vec<(u32, u32, T)>,
    /// By row, then column, then in order of arrival.
    by_row: Vec<(u32, T)>,
}

impl<T: Scalar> Work<'_, T> {
    /// How many entries are kept; row and column of a pair that is given twice.
    fn run(
        self,
        parts: &[Sorted<T>],
        width: usize,
        duplicates: Duplicates,
        scratch: &mut Scratch<T>,
    ) -> Result<usize, (usize, usize)> {
        let size = self.indices.len();
        let Scratch {
            next,
            by_column,
            by_row,
        } = scratch;
        by_column.resize(size, Default::default());
        by_row.resize(size, Default::default());
        // Counting is for as many columns as there are entries, about; else a sort of what there is.
        if width <= 4 * size {
            start_counting(next, width);
            self.for_each(parts, |(_, column, _)| next[*column as usize + 1] += 1);
            add_up(next);
            self.for_each(parts, |entry| {
                let slot = &mut next[entry.1 as usize];
                by_column[*slot] = *entry;
                *slot += 1;
            });
        } else {
            let mut at = 0;
            self.for_each(parts, |entry| {
                by_column[at] = *entry;
                at += 1;
            });
            by_column.sort_by_key(|(_, column, _)| *column);
        }
        let first_row = self.first_row as u32;
        start_counting(next, self.counts.len());
        for (row, _, _) in by_column.iter() {
            next[(row - first_row) as usize + 1] += 1;
        }
        add_up(next);
        for (row, column, value) in by_column.iter() {
            let slot = &mut next[(row - first_row) as usize];
            by_row[*slot] = (*column, *value);
            *slot += 1;
        }
        // Now each row ends where the next began.
        let (mut start, mut kept) = (0, 0);
        for (row, count) in self.counts.iter_mut().enumerate() {
            let end = next[row];
            let first = kept;
            for (column, value) in &by_row[start..end] {
                if kept > first && self.indices[kept - 1] == *column {
                    match duplicates {
                        Duplicates::Error => return Err((self.first_row + row, *column as usize)),
                        Duplicates::Sum => self.values[kept - 1] += *value,
                        Duplicates::Last => self.values[kept - 1] = *value,
                    }
                } else {
                    self.indices[kept] = *column;
                    self.values[kept] = *value;
                    kept += 1;
                }
            }
            start = end;
            *count = kept - first;
        }
        Ok(kept)
    }

    fn for_each(&self, parts: &[Sorted<T>], mut take: impl FnMut(&(u32, u32, T))) {
        for part in parts {
            part.of(self.bucket).iter().for_each(&mut take);
        }
    }
}

fn start_counting(counts: &mut Vec<usize>, length: usize) {
    counts.clear();
    counts.resize(length + 1, 0);
}

/// From counts, each one place behind its own, to where each begins.
fn add_up(counts: &mut [usize]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}
