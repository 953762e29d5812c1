//! Compressed rows from chunks of ratings, by several threads.
//!
//! The rows are cut into buckets. Every chunk sorts its ratings by bucket, keeping their order, and then
//! every bucket takes its own from chunk after chunk: it sorts them by row and column and writes them to
//! its part of the matrix, which no other bucket touches.

use super::chunk::LineMap;
use super::options::RatingsOptions;
use crate::fault;
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
    pub(super) places: LineMap,
    pub(super) lines_before: usize,
}

/// The ratings of a chunk by bucket.
struct Sorted<T> {
    entries: Vec<Entry<T>>,
    /// Where each bucket ends.
    ends: Vec<usize>,
    places: LineMap,
    lines_before: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry<T> {
    row: u32,
    column: u32,
    value: T,
    /// Its place in the chunk, which tells its line.
    position: u32,
}

/// The matrix of all ratings.
///
/// # Errors
/// `Parse` with the line of a pair that is rated twice, where that is refused; `Overflow` for a sum.
pub(super) fn assemble<T: Scalar>(
    parts: Vec<Part<T>>,
    rows: &Ids,
    columns: &Ids,
    path: &Path,
    options: &RatingsOptions,
) -> Result<CsMatI<T, u32, usize>> {
    let total: usize = parts.iter().map(|part| part.entries.len()).sum();
    let buckets = (total / BUCKET).clamp(1, MOST_BUCKETS).min(rows.len());
    // A power of two, so that a shift tells the bucket.
    let shift = rows
        .len()
        .div_ceil(buckets)
        .next_power_of_two()
        .trailing_zeros();
    let buckets = rows.len().div_ceil(1 << shift);
    let parts: Vec<Sorted<T>> = parts
        .into_par_iter()
        .map(|part| part.sort(shift, buckets))
        .collect();
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
    let kept = works
        .into_par_iter()
        .map_init(Scratch::default, |scratch, work| {
            work.run(&parts, options.duplicates, scratch)
        })
        .collect::<Vec<_>>();
    let kept = kept
        .into_iter()
        .collect::<Result<Vec<usize>, (usize, usize)>>();
    let kept = kept.map_err(|(row, column)| twice(&parts, row, column, rows, columns, path))?;

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
        return Err(Error::Overflow {
            step: format!(
                "{}: the sum of the ratings of user {:?} for item {:?}",
                path.display(),
                rows.name(row),
                columns.name(indices[position] as usize)
            ),
            scalar: T::NAME,
        });
    }
    CsMatI::try_new((rows.len(), columns.len()), pointers, indices, values)
        .map_err(|(_, _, _, error)| Error::shape_mismatch("sparse structure", "valid CSR", error))
}

impl<T: Scalar> Part<T> {
    fn sort(self, shift: u32, buckets: usize) -> Sorted<T> {
        let bucket = |user: u32| (self.rows[user as usize] >> shift) as usize;
        let mut next = vec![0_usize; buckets + 1];
        for (user, _, _) in &self.entries {
            next[bucket(*user) + 1] += 1;
        }
        for bucket in 0..buckets {
            next[bucket + 1] += next[bucket];
        }
        let mut entries = vec![Entry::default(); self.entries.len()];
        for (position, (user, item, value)) in self.entries.iter().enumerate() {
            let slot = &mut next[bucket(*user)];
            entries[*slot] = Entry {
                row: self.rows[*user as usize],
                column: self.columns[*item as usize],
                value: *value,
                position: position as u32,
            };
            *slot += 1;
        }
        next.pop();
        Sorted {
            entries,
            ends: next,
            places: self.places,
            lines_before: self.lines_before,
        }
    }
}

impl<T> Sorted<T> {
    fn of(&self, bucket: usize) -> &[Entry<T>] {
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
    /// Column and order of arrival of each entry, by row.
    keys: Vec<u64>,
    /// Values by order of arrival.
    values: Vec<T>,
}

impl<T: Scalar> Work<'_, T> {
    /// How many entries are kept; row and column of a pair that is given twice.
    fn run(
        self,
        parts: &[Sorted<T>],
        duplicates: Duplicates,
        scratch: &mut Scratch<T>,
    ) -> Result<usize, (usize, usize)> {
        let Scratch { next, keys, values } = scratch;
        let entries = || parts.iter().flat_map(|part| part.of(self.bucket));
        next.clear();
        next.resize(self.counts.len() + 1, 0);
        for part in parts {
            for entry in part.of(self.bucket) {
                next[entry.row as usize - self.first_row + 1] += 1;
            }
        }
        for row in 0..self.counts.len() {
            next[row + 1] += next[row];
        }
        values.clear();
        keys.clear();
        keys.resize(self.indices.len(), 0);
        for entry in entries() {
            let slot = &mut next[entry.row as usize - self.first_row];
            keys[*slot] = u64::from(entry.column) << 32 | values.len() as u64;
            values.push(entry.value);
            *slot += 1;
        }
        // Now each row ends where the next began.
        let (mut start, mut kept) = (0, 0);
        for (row, count) in self.counts.iter_mut().enumerate() {
            let keys = &mut keys[start..next[row]];
            start = next[row];
            keys.sort_unstable();
            let first = kept;
            for key in keys.iter() {
                let column = (key >> 32) as u32;
                let value = values[(key & u64::from(u32::MAX)) as usize];
                if kept > first && self.indices[kept - 1] == column {
                    match duplicates {
                        Duplicates::Error => return Err((self.first_row + row, column as usize)),
                        Duplicates::Sum => self.values[kept - 1] += value,
                        Duplicates::Last => self.values[kept - 1] = value,
                    }
                } else {
                    self.indices[kept] = column;
                    self.values[kept] = value;
                    kept += 1;
                }
            }
            *count = kept - first;
        }
        Ok(kept)
    }
}

/// The refusal of a pair that is rated twice, with both lines.
fn twice<T: Scalar>(
    parts: &[Sorted<T>],
    row: usize,
    column: usize,
    rows: &Ids,
    columns: &Ids,
    path: &Path,
) -> Error {
    let given = parts.iter().flat_map(|part| {
        let same = |entry: &&Entry<T>| (entry.row as usize, entry.column as usize) == (row, column);
        let line = |entry: &Entry<T>| part.lines_before + part.places.line(entry.position as usize);
        part.entries.iter().filter(same).map(line)
    });
    let mut lines: Vec<usize> = given.take(2).collect();
    let second = lines.pop().unwrap_or(0);
    let first = lines.pop().unwrap_or(0);
    let text = format!(
        "user {:?} has rated item {:?} before, on line {first}: remove one of the lines, or choose what to do with duplicates (keep the last, or sum them)",
        rows.name(row),
        columns.name(column)
    );
    fault::parse(path, second, None, text)
}
