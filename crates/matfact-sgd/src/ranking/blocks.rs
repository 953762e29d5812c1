//! The positives by ranges of rows, and dealt anew into blocks for every epoch.

use matfact_core::{ObservedEntries, Scalar};
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// The most ranges, however many positives there are.
const MOST_RANGES: usize = 64;

/// The fewest columns of a range: negatives are drawn from these.
const FEWEST_COLUMNS: usize = 32;

/// The number B of ranges on each side, from the data alone: a twelfth of the cube root of the number of
/// positives. Fewer leave threads without work, more leave too few positives of a row in a block.
pub(super) fn range_count(positives: usize, rows: usize, columns: usize) -> usize {
    let most = MOST_RANGES.min(rows).min(columns / FEWEST_COLUMNS).max(1);
    (1..most)
        .take_while(|ranges| (12 * (ranges + 1)).pow(3) <= positives)
        .count()
        + 1
}

/// One range of rows with its positives.
#[derive(Debug)]
pub(super) struct RowRange<T> {
    /// The rows.
    pub(super) members: Vec<u32>,
    /// Where the positives of each row begin, and the end.
    starts: Vec<usize>,
    /// Candidates: columns that are positives of some row, counted among themselves.
    candidates: Vec<u32>,
    weights: Option<Vec<T>>,
    dealt: Dealt<T>,
}

/// The positives of a range of rows by the column ranges of an epoch.
#[derive(Debug)]
struct Dealt<T> {
    /// Where each block begins, and the end.
    offsets: Vec<usize>,
    /// Of each block, where the positives of each row begin, and the end: from the block's beginning.
    starts: Vec<u32>,
    columns: Vec<u32>,
    weights: Option<Vec<T>>,
}

/// Positives of a block, by rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockPositives<'a, T> {
    pub(super) starts: &'a [u32],
    pub(super) columns: &'a [u32],
    pub(super) weights: Option<&'a [T]>,
}

/// Where a candidate is in an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) range: u32,
    pub(super) index: u32,
}

/// Deals the rows that have positives, in random order, into `count` ranges of about equally many positives.
/// `candidate_of` gives each column its number among the candidates; `weight` turns a value into a weight.
pub(super) fn row_ranges<T: Scalar, X>(
    x: &X,
    row_counts: &[usize],
    count: usize,
    candidate_of: &[u32],
    weight: Option<impl Fn(T) -> T + Sync>,
    rng: &mut impl Rng,
) -> Vec<RowRange<T>>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let mut order: Vec<u32> = (0..row_counts.len() as u32)
        .filter(|row| row_counts[*row as usize] > 0)
        .collect();
    order.shuffle(rng);
    let total: usize = row_counts.iter().sum();
    let (mut pieces, mut rest, mut seen) = (Vec::new(), &order[..], 0);
    for range in 1..=count {
        let mut length = 0;
        // At least one row for each range that is still to come.
        let most = rest.len() - (count - range).min(rest.len());
        while length < most && (seen * count < total * range || length == 0) {
            seen += row_counts[rest[length] as usize];
            length += 1;
        }
        let (mine, others) = rest.split_at(if range == count { rest.len() } else { length });
        pieces.push(mine);
        rest = others;
    }
    let build = |members: &&[u32]| {
        let (mut starts, mut candidates, mut weights) = (vec![0], Vec::new(), Vec::new());
        for row in members.iter() {
            let entries = x.row(*row as usize);
            candidates.extend(entries.columns.iter().map(|j| candidate_of[*j as usize]));
            if let Some(weight) = &weight {
                weights.extend(entries.values.iter().map(|value| weight(*value)));
            }
            starts.push(candidates.len());
        }
        RowRange {
            members: members.to_vec(),
            dealt: Dealt {
                offsets: Vec::new(),
                starts: Vec::new(),
                columns: vec![0; candidates.len()],
                weights: weight.as_ref().map(|_| vec![T::zero(); candidates.len()]),
            },
            starts,
            candidates,
            weights: weight.as_ref().map(|_| weights),
        }
    };
    pieces.par_iter().map(build).collect()
}

impl<T: Scalar> RowRange<T> {
    /// Deals the positives into blocks by where the candidates are.
    pub(super) fn deal(&mut self, places: &[Place], ranges: usize) {
        let rows = self.members.len();
        let Dealt {
            offsets,
            starts,
            columns,
            weights,
        } = &mut self.dealt;
        starts.clear();
        starts.resize(ranges * (rows + 1), 0);
        for row in 0..rows {
            for candidate in &self.candidates[self.starts[row]..self.starts[row + 1]] {
                let range = places[*candidate as usize].range as usize;
                starts[range * (rows + 1) + row + 1] += 1;
            }
        }
        offsets.clear();
        offsets.push(0);
        for of_range in starts.chunks_exact_mut(rows + 1) {
            let mut sum = 0;
            for start in of_range.iter_mut() {
                sum += *start;
                *start = sum;
            }
            offsets.push(offsets[offsets.len() - 1] + sum as usize);
        }
        let mut next: Vec<usize> = vec![0; ranges];
        for row in 0..rows {
            for (range, next) in next.iter_mut().enumerate() {
                *next = offsets[range] + starts[range * (rows + 1) + row] as usize;
            }
            for positive in self.starts[row]..self.starts[row + 1] {
                let place = places[self.candidates[positive] as usize];
                let slot = &mut next[place.range as usize];
                columns[*slot] = place.index;
                if let (Some(dealt), Some(weights)) = (weights.as_mut(), &self.weights) {
                    dealt[*slot] = weights[positive];
                }
                *slot += 1;
            }
        }
    }

    /// The positives in one range of columns, as they were dealt.
    pub(super) fn block(&self, range: usize) -> BlockPositives<'_, T> {
        let rows = self.members.len();
        let dealt = &self.dealt;
        let own = dealt.offsets[range]..dealt.offsets[range + 1];
        BlockPositives {
            starts: &dealt.starts[range * (rows + 1)..][..rows + 1],
            columns: &dealt.columns[own.clone()],
            weights: dealt.weights.as_ref().map(|weights| &weights[own]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::{Duplicates, Ratings};
    use matfact_linalg::random_stream;

    #[test]
    fn the_number_of_ranges_follows_the_data() {
        assert_eq!(range_count(1, 1, 1), 1);
        assert_eq!(range_count(100_000, 900, 1600), 3);
        assert_eq!(range_count(100_000, 900, 70), 2);
        assert_eq!(range_count(100_000, 2, 1600), 2);
        assert_eq!(range_count(5_000_000, 70_000, 10_000), 14);
        assert_eq!(range_count(1 << 60, usize::MAX, usize::MAX), MOST_RANGES);
    }

    #[test]
    fn blocks_hold_every_positive_once_with_its_weight() {
        let mut triplets: Vec<(usize, usize, f64)> = (0..40)
            .flat_map(|i| (0..30).map(move |j| (i, j, (i * 100 + j) as f64)))
            .filter(|(i, j, _)| (i * 7 + j * 3) % 4 != 0 && *i != 5)
            .collect();
        // A row with most of the positives.
        triplets.retain(|(i, j, _)| *i == 8 || (i + j) % 5 == 0);
        let ratings =
            Ratings::from_triplets((40, 30), triplets.clone(), Duplicates::Error).unwrap();
        let mut counts = vec![0; 40];
        for (i, _, _) in &triplets {
            counts[*i] += 1;
        }
        let candidate_of: Vec<u32> = (0..30).collect();
        let mut rng = random_stream(1, 0);
        let weight = Some(|value: f64| value + 0.5);
        let mut ranges = row_ranges(&ratings, &counts, 4, &candidate_of, weight, &mut rng);
        assert!(ranges.iter().all(|range| !range.members.is_empty()));
        // Candidate j in range j mod 3.
        let places: Vec<Place> = (0..30)
            .map(|j| Place {
                range: j % 3,
                index: j / 3,
            })
            .collect();
        // Twice, because what was dealt before must not stay.
        for _ in 0..2 {
            let mut back = Vec::new();
            for range in &mut ranges {
                range.deal(&places, 3);
                for column_range in 0..3 {
                    let block = range.block(column_range);
                    for (row, ends) in block.starts.windows(2).enumerate() {
                        for at in ends[0] as usize..ends[1] as usize {
                            let column = block.columns[at] as usize * 3 + column_range;
                            let value = block.weights.unwrap()[at] - 0.5;
                            back.push((range.members[row] as usize, column, value));
                        }
                    }
                }
            }
            back.sort_by(|a, b| a.partial_cmp(b).unwrap());
            assert_eq!(back, triplets);
        }
    }
}
