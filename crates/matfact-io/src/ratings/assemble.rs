//! Compressed rows from chunks of ratings, by several threads.
//!
//! The rows are cut into buckets. Every chunk sorts its ratings by bucket, keeping their order, and then
//! every bucket takes its own from chunk after chunk: it sorts them by row and column and writes them to
//! its part of the matrix, which no other bucket touches.

use super::entries::{Dictionary, Entry, Part};
use super::local::GlobalIds;
use crate::ids::Ids;
use matfact_core::sprs::CsMatI;
use matfact_core::{Duplicates, Error, Result, Scalar};
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;

/// Ratings of a bucket, about: what is sorted at a time should lie in the cache of a core.
const BUCKET: usize = 1 << 16;
const MOST_BUCKETS: usize = 1 << 11;

/// The ratings of a chunk by bucket.
struct Sorted<E> {
    entries: Vec<E>,
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
    rows: &GlobalIds,
    columns: &GlobalIds,
    path: &Path,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>, Refusal> {
    let total = parts.iter().map(|part| part.entries.len()).sum();
    let all = All {
        rows: &rows.ids,
        columns: &columns.ids,
        buckets: Buckets::new(total, rows.ids.len()),
        total,
        path,
        duplicates,
    };
    match Dictionary::of(&parts, rows.ids.len(), columns.ids.len()) {
        Some(Dictionary { values, numbers }) => {
            let parts = parts.into_iter().zip(numbers).collect();
            let words = |(part, numbers): (Part<T>, Vec<u32>)| part.words(rows, columns, &numbers);
            all.matrix(parts, words, &values)
        }
        None => all.matrix(parts, |part: Part<T>| part.widen(rows, columns), &[]),
    }
}

/// How the rows are cut: a power of two of them to each bucket, so that a shift tells it.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    count: usize,
    shift: u32,
}

impl Buckets {
    fn new(total: usize, rows: usize) -> Self {
        let count = (total / BUCKET).clamp(1, MOST_BUCKETS).min(rows);
        let shift = rows.div_ceil(count).next_power_of_two().trailing_zeros();
        Self {
            count: rows.div_ceil(1 << shift),
            shift,
        }
    }
}

/// What all ratings have in common.
#[derive(Debug, Clone, Copy)]
struct All<'a> {
    rows: &'a Ids,
    columns: &'a Ids,
    buckets: Buckets,
    total: usize,
    path: &'a Path,
    duplicates: Duplicates,
}

impl All<'_> {
    /// The matrix of parts that `entries` makes ratings of, in the order of the file; `dictionary` has the values
    /// that they number.
    fn matrix<T: Scalar, E: Entry<T>, P: Send>(
        self,
        parts: Vec<P>,
        entries: impl Fn(P) -> Vec<E> + Sync + Send,
        dictionary: &[T],
    ) -> Result<CsMatI<T, u32, usize>, Refusal> {
        let Self {
            rows,
            columns,
            buckets: Buckets {
                count: buckets,
                shift,
            },
            total,
            duplicates,
            ..
        } = self;
        let sort = |scratch: &mut Vec<E>, part| sort::<T, E>(entries(part), self.buckets, scratch);
        let parts: Vec<Sorted<E>> = match total < BUCKET {
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
        let fill = |scratch: &mut Scratch<E>, work: Work<'_, T>| {
            work.run(&parts, columns.len(), duplicates, dictionary, scratch)
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

        let finish = move || self.finish((pointers, indices, values), &sizes, &kept);
        if total < BUCKET {
            return finish();
        }
        // What the chunks took is given back meanwhile.
        rayon::join(|| drop(parts), finish).1
    }

    /// The matrix from what the buckets have written: how many entries they had, and kept.
    fn finish<T: Scalar>(
        self,
        (mut pointers, mut indices, mut values): (Vec<usize>, Vec<u32>, Vec<T>),
        sizes: &[usize],
        kept: &[usize],
    ) -> Result<CsMatI<T, u32, usize>, Refusal> {
        // Where ratings were merged, the buckets move together.
        let (mut from, mut to) = (0, 0);
        for (size, kept) in sizes.iter().zip(kept) {
            if from != to {
                indices.copy_within(from..from + kept, to);
                values.copy_within(from..from + kept, to);
            }
            from += size;
            to += kept;
        }
        indices.truncate(to);
        values.truncate(to);
        add_up(&mut pointers);
        // What was read is finite, but not what was added up.
        let overflow = match to < self.total {
            true => values.iter().position(|value| !value.is_finite()),
            false => None,
        };
        if let Some(position) = overflow {
            let row = pointers.partition_point(|pointer| *pointer <= position) - 1;
            return Err(Refusal::Other(Error::Overflow {
                step: format!(
                    "{}: the sum of the ratings of user {:?} for item {:?}",
                    self.path.display(),
                    self.rows.name(row),
                    self.columns.name(indices[position] as usize)
                ),
                scalar: T::NAME,
            }));
        }
        let shape = (self.rows.len(), self.columns.len());
        CsMatI::try_new(shape, pointers, indices, values).map_err(|(_, _, _, error)| {
            Refusal::Other(Error::shape_mismatch(
                "sparse structure",
                "valid CSR",
                error,
            ))
        })
    }
}

/// The ratings by bucket, in their order. Their memory is kept: `scratch` is used for one after the other.
fn sort<T: Scalar, E: Entry<T>>(
    mut entries: Vec<E>,
    buckets: Buckets,
    scratch: &mut Vec<E>,
) -> Sorted<E> {
    let mut next = vec![0_usize; buckets.count + 1];
    for entry in &entries {
        next[(entry.row() >> buckets.shift) as usize + 1] += 1;
    }
    add_up(&mut next);
    if scratch.len() < entries.len() {
        scratch.resize(entries.len(), Default::default());
    }
    for entry in &entries {
        let slot = &mut next[(entry.row() >> buckets.shift) as usize];
        scratch[*slot] = *entry;
        *slot += 1;
    }
    let count = entries.len();
    entries.copy_from_slice(&scratch[..count]);
    next.pop();
    Sorted {
        entries,
        ends: next,
    }
}

impl<E> Sorted<E> {
    fn of(&self, bucket: usize) -> &[E] {
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
struct Scratch<E> {
    next_column: Vec<usize>,
    next_row: Vec<usize>,
    /// By column, then in order of arrival.
    by_column: Vec<E>,
}

impl<T: Scalar> Work<'_, T> {
    /// How many entries are kept; row and column of a pair that is given twice.
    fn run<E: Entry<T>>(
        mut self,
        parts: &[Sorted<E>],
        width: usize,
        duplicates: Duplicates,
        dictionary: &[T],
        scratch: &mut Scratch<E>,
    ) -> Result<usize, (usize, usize)> {
        let size = self.indices.len();
        let first_row = self.first_row as u32;
        let Scratch {
            next_column,
            next_row,
            by_column,
        } = scratch;
        if by_column.len() < size {
            by_column.resize(size, Default::default());
        }
        let by_column = &mut by_column[..size];
        start_counting(next_row, self.counts.len());
        // Counting is for as many columns as there are entries, about; else a sort of what there is.
        if width <= 4 * size {
            start_counting(next_column, width);
            self.for_each(parts, |entry| {
                next_column[entry.column() as usize + 1] += 1;
                next_row[(entry.row() - first_row) as usize + 1] += 1;
            });
            add_up(next_column);
            self.for_each(parts, |entry| {
                let slot = &mut next_column[entry.column() as usize];
                by_column[*slot] = *entry;
                *slot += 1;
            });
        } else {
            let mut at = 0;
            self.for_each(parts, |entry| {
                next_row[(entry.row() - first_row) as usize + 1] += 1;
                by_column[at] = *entry;
                at += 1;
            });
            by_column.sort_by_key(|entry| entry.column());
        }
        add_up(next_row);
        for entry in by_column.iter() {
            let slot = &mut next_row[(entry.row() - first_row) as usize];
            self.indices[*slot] = entry.column();
            self.values[*slot] = entry.value(dictionary);
            *slot += 1;
        }
        // Now each row ends where the next began.
        let (mut start, mut kept) = (0, 0);
        for row in 0..self.counts.len() {
            let end = next_row[row];
            let columns = &self.indices[start..end];
            let twice = |found, pair: &[u32]| found | (pair[0] == pair[1]);
            let count = match columns.windows(2).fold(false, twice) {
                false if kept == start => end - start,
                _ => self
                    .merge(start..end, kept, duplicates)
                    .map_err(|column| (self.first_row + row, column as usize))?,
            };
            self.counts[row] = count;
            kept += count;
            start = end;
        }
        Ok(kept)
    }

    /// Moves the entries of a row to where they belong, those of a column into one; how many there are then.
    fn merge(
        &mut self,
        row: Range<usize>,
        first: usize,
        duplicates: Duplicates,
    ) -> Result<usize, u32> {
        let mut kept = first;
        for at in row {
            let (column, value) = (self.indices[at], self.values[at]);
            if kept > first && self.indices[kept - 1] == column {
                match duplicates {
                    Duplicates::Error => return Err(column),
                    Duplicates::Sum => self.values[kept - 1] += value,
                    Duplicates::Last => self.values[kept - 1] = value,
                }
            } else {
                self.indices[kept] = column;
                self.values[kept] = value;
                kept += 1;
            }
        }
        Ok(kept - first)
    }

    fn for_each<E>(&self, parts: &[Sorted<E>], mut take: impl FnMut(&E)) {
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
