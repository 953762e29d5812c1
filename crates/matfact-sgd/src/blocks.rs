//! The ratings cut into B x B blocks of nearly equal weight.

use matfact_core::{ObservedEntries, Scalar};
use matfact_linalg::{BlockEntry, FactorLanes, random_stream};
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most ranges, however many ratings there are.
const MOST_RANGES: usize = 256;

/// Bytes of row factors that stay near while the entries of a group of rows are visited: half of a
/// small first-level cache.
const GROUP_BYTES: usize = 16 * 1024;

/// The number B of ranges on each side, from the data alone: an eighth of the cube root of the
/// number of ratings. Fewer leave threads without work, more bring every factor row into the caches
/// too often.
pub(crate) fn range_count(observed: usize, rows: usize, columns: usize) -> usize {
    let most = MOST_RANGES.min(rows).min(columns).max(1);
    (1..most)
        .take_while(|ranges| (8 * (ranges + 1)).pow(3) <= observed)
        .count()
        + 1
}

/// Rows (or columns) with ratings, dealt into ranges.
#[derive(Debug)]
pub(crate) struct Partition {
    /// The members of each range.
    pub(crate) ranges: Vec<Vec<u32>>,
    /// Where each row is; meaningless for one without ratings.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    range: u32,
    index: u32,
}

/// What the entries of a block are made from.
pub(crate) struct Source<'a, X: ?Sized, F> {
    /// The ratings.
    pub(crate) x: &'a X,
    /// Whether they have weights; entries of weight 0 are left out.
    pub(crate) weighted: bool,
    /// From a rating to the value to approximate.
    pub(crate) target: F,
}

impl Partition {
    /// Deals whatever has ratings into `count` ranges: heaviest first, each to the lightest range;
    /// equals in random order.
    pub(crate) fn new(counts: &[usize], count: usize, rng: &mut impl Rng) -> Self {
        let mut order: Vec<u32> = (0..counts.len() as u32)
            .filter(|member| counts[*member as usize] > 0)
            .collect();
        order.shuffle(rng);
        order.sort_by_key(|member| Reverse(counts[*member as usize]));
        let mut loads: BinaryHeap<_> = (0..count).map(|range| Reverse((0, range))).collect();
        let mut ranges = vec![Vec::new(); count];
        let mut places = vec![Place::default(); counts.len()];
        for member in order {
            let Some(Reverse((load, range))) = loads.pop() else {
                break;
            };
            places[member as usize] = Place {
                range: range as u32,
                index: ranges[range].len() as u32,
            };
            ranges[range].push(member);
            loads.push(Reverse((load + counts[member as usize], range)));
        }
        Self { ranges, places }
    }

    /// The range of a member that has ratings, and its index there.
    pub(crate) fn place(&self, member: u32) -> (usize, u32) {
        let place = self.places[member as usize];
        (place.range as usize, place.index)
    }
}

/// All blocks of one range of rows.
#[derive(Debug)]
pub(crate) struct BlockRow<T> {
    entries: Vec<BlockEntry<T>>,
    /// One for each entry, or none at all.
    weights: Vec<T>,
    /// Where the block of each range of columns begins, and the end.
    starts: Vec<usize>,
}

impl<T: Scalar> BlockRow<T> {
    /// From entries by range of columns, then by row and column, and where each range begins.
    pub(crate) fn new(entries: Vec<BlockEntry<T>>, starts: Vec<usize>) -> Self {
        Self {
            entries,
            weights: Vec::new(),
            starts,
        }
    }

    /// Puts the entries of each block into the order of their visits: groups of rows that fit into the
    /// first-level cache, each shuffled. `width` is the number of [`FactorLanes`] in a factor row.
    pub(crate) fn shuffle(&mut self, width: usize, rng: &mut (impl Rng + Clone)) {
        let group = (GROUP_BYTES / (width * size_of::<FactorLanes<T>>())).max(4);
        for pair in self.starts.windows(2) {
            let block = &mut self.entries[pair[0]..pair[1]];
            let mut position = pair[0];
            for rows in block.chunk_by_mut(|a, b| a.row as usize / group == b.row as usize / group)
            {
                if !self.weights.is_empty() {
                    // The same numbers, so the same order.
                    self.weights[position..position + rows.len()].shuffle(&mut rng.clone());
                }
                position += rows.len();
                rows.shuffle(rng);
            }
        }
    }

    /// The entries in one range of columns, in the order of their visits, and their weights, if any.
    pub(crate) fn block(&self, column_range: usize) -> (&[BlockEntry<T>], &[T]) {
        let range = self.starts[column_range]..self.starts[column_range + 1];
        let weights = self.weights.get(range.clone()).unwrap_or_default();
        (&self.entries[range], weights)
    }
}

/// The blocks with their scaled ratings; `width` is the number of [`FactorLanes`] in a factor row,
/// and `stream_of` names the random stream of a range of rows.
pub(crate) fn block_rows<T: Scalar, X, F>(
    source: &Source<'_, X, F>,
    (rows, columns): (&Partition, &Partition),
    width: usize,
    seed: u64,
    stream_of: impl Fn(usize) -> u64 + Sync,
) -> Vec<BlockRow<T>>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
    F: Fn(f64) -> T + Sync,
{
    let build = |(range, members): (usize, &Vec<u32>)| {
        let mut block_row = gather(source, members, columns);
        block_row.shuffle(width, &mut random_stream(seed, stream_of(range)));
        block_row
    };
    rows.ranges.par_iter().enumerate().map(build).collect()
}

/// The entries of the rows `members`, by range of columns and then by row.
fn gather<T: Scalar, X, F>(
    source: &Source<'_, X, F>,
    members: &[u32],
    columns: &Partition,
) -> BlockRow<T>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
    F: Fn(f64) -> T,
{
    let x = source.x;
    // The weight of an entry of a row, or none if it is left out.
    let counts = |weights: Option<&[T]>, e: usize| match weights {
        None => Some(T::one()),
        Some(weights) => Some(weights[e]).filter(|weight| *weight > T::zero()),
    };
    let mut starts = vec![0; columns.ranges.len() + 1];
    for row in members {
        let weights = x.weights(*row as usize);
        for (e, column) in x.row(*row as usize).columns.iter().enumerate() {
            if counts(weights, e).is_some() {
                starts[columns.places[*column as usize].range as usize + 1] += 1;
            }
        }
    }
    for range in 1..starts.len() {
        starts[range] += starts[range - 1];
    }
    let nothing = BlockEntry {
        row: 0,
        column: 0,
        value: T::zero(),
    };
    let stored = starts[columns.ranges.len()];
    let mut entries = vec![nothing; stored];
    let mut of_entries = vec![T::zero(); if source.weighted { stored } else { 0 }];
    let mut next = starts.clone();
    for (row, member) in members.iter().enumerate() {
        let observed = x.row(*member as usize);
        let weights = x.weights(*member as usize);
        for (e, (column, value)) in observed.columns.iter().zip(observed.values).enumerate() {
            let Some(weight) = counts(weights, e) else {
                continue;
            };
            let place = columns.places[*column as usize];
            let slot = &mut next[place.range as usize];
            entries[*slot] = BlockEntry {
                row: row as u32,
                column: place.index,
                value: (source.target)(value.as_f64()),
            };
            if source.weighted {
                of_entries[*slot] = weight;
            }
            *slot += 1;
        }
    }
    BlockRow {
        entries,
        weights: of_entries,
        starts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::{Duplicates, Ratings};
    use matfact_linalg::survey_ratings;

    #[test]
    fn the_number_of_ranges_follows_the_data() {
        assert_eq!(range_count(1, 1, 1), 1);
        assert_eq!(range_count(100_000, 900, 1600), 5);
        assert_eq!(range_count(100_000, 900, 4), 4);
        assert_eq!(range_count(10_000_000, 70_000, 10_000), 26);
        assert_eq!(range_count(usize::MAX, usize::MAX, usize::MAX), MOST_RANGES);
    }

    #[test]
    fn ranges_are_balanced_and_hold_every_rated_row_once() {
        let counts: Vec<usize> = (0..200)
            .map(|i| if i % 7 == 0 { 0 } else { i * i })
            .collect();
        let partition = Partition::new(&counts, 6, &mut random_stream(1, 0));
        let mut all = partition.ranges.concat();
        all.sort_unstable();
        let rated: Vec<u32> = (0..200).filter(|i| counts[*i as usize] > 0).collect();
        assert_eq!(all, rated);
        let loads: Vec<usize> = partition
            .ranges
            .iter()
            .map(|range| range.iter().map(|i| counts[*i as usize]).sum())
            .collect();
        let total: usize = loads.iter().sum();
        assert!(
            loads.iter().all(|load| load * 6 < total + total / 50),
            "{loads:?}"
        );
    }

    #[test]
    fn blocks_hold_every_rating_once_and_scaled() {
        let triplets: Vec<(usize, usize, f64)> = (0..40)
            .flat_map(|i| (0..30).map(move |j| (i, j, (i * 100 + j) as f64)))
            .filter(|(i, j, _)| (i * 7 + j * 3) % 4 != 0 && *i != 5)
            .collect();
        let weights = triplets.iter().map(|(_, _, value)| 1.0 + value).collect();
        let ratings = Ratings::from_triplets((40, 30), triplets.clone(), Duplicates::Error)
            .and_then(|ratings| ratings.with_weights(weights))
            .unwrap();
        let survey = survey_ratings::<f64, _>(&ratings, true).unwrap();
        let rows = Partition::new(&survey.row_counts, 3, &mut random_stream(1, 0));
        let columns = Partition::new(&survey.column_counts, 3, &mut random_stream(1, 1));
        let source = Source {
            x: &ratings,
            weighted: true,
            target: |value| (value - survey.mean) / survey.scale,
        };
        let blocks = block_rows(&source, (&rows, &columns), 1, 9, |range| range as u64);
        let mut back = Vec::new();
        for (row_range, block_row) in blocks.iter().enumerate() {
            for column_range in 0..3 {
                let (entries, weights) = block_row.block(column_range);
                for (entry, weight) in entries.iter().zip(weights) {
                    let rating = (entry.value * survey.scale + survey.mean).round();
                    assert_eq!(*weight, 1.0 + rating);
                    back.push((
                        rows.ranges[row_range][entry.row as usize] as usize,
                        columns.ranges[column_range][entry.column as usize] as usize,
                        rating,
                    ));
                }
            }
        }
        back.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(back, triplets);
    }
}
