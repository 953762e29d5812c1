//! The blocks of a fit in a temporary file, by strata: what an epoch visits together lies together.

use super::file::{Piece, TemporaryFile, decode, encode, entry_bytes};
use super::spill::Spill;
use crate::blocks::BlockRow;
use crate::input::BlockPlan;
use crate::strata::Block;
use matfact_core::{Result, Scalar};
use matfact_linalg::{BlockEntry, random_stream};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::{channel, sync_channel};

/// Stratum s has the blocks of row range i and column range i + s, for every i.
#[derive(Debug)]
pub(crate) struct StrataFile {
    file: TemporaryFile,
    ranges: usize,
    /// By stratum, then by row range.
    pieces: Vec<Piece>,
}

/// How many entries each block has, and where it begins, by stratum and row range.
struct Layout {
    ranges: usize,
    counts: Vec<usize>,
    offsets: Vec<u64>,
}

impl Layout {
    fn new<T>(ranges: usize, counts: Vec<usize>) -> Self {
        let mut end = 0;
        let place = |count: &usize| {
            let offset = end;
            end += (count * entry_bytes::<T>()) as u64;
            offset
        };
        let offsets = counts.iter().map(place).collect();
        Self {
            ranges,
            counts,
            offsets,
        }
    }

    /// The position of a block in the lists.
    fn position(ranges: usize, row_range: usize, column_range: usize) -> usize {
        let stratum = (column_range + ranges - row_range) % ranges;
        stratum * ranges + row_range
    }

    fn starts(&self, row_range: usize) -> Vec<usize> {
        let mut starts = vec![0];
        for column_range in 0..self.ranges {
            let count = self.counts[Self::position(self.ranges, row_range, column_range)];
            starts.push(starts[column_range] + count);
        }
        starts
    }
}

/// What blocks are made with.
pub(crate) struct Arrangement<'a, F> {
    pub(crate) plan: &'a BlockPlan<'a>,
    /// From a rating to the value to approximate.
    pub(crate) target: F,
}

impl StrataFile {
    /// From entries of `ratings`, of which each row's stand together and by increasing column, to the same blocks
    /// in the same order as in memory.
    pub(crate) fn new<T: Scalar>(
        ratings: &Spill<T>,
        arrangement: &Arrangement<'_, impl Fn(f64) -> T + Sync>,
    ) -> Result<Self> {
        let ranges = arrangement.plan.rows.ranges.len();
        let (by_range, counts) = deal(ratings, arrangement)?;
        let layout = Layout::new::<T>(ranges, counts);
        let file = TemporaryFile::new_in(ratings.folder())?;
        let write = |row_range: usize| -> Result<Vec<Piece>> {
            let block_row = arrange(&by_range, arrangement, &layout, row_range)?;
            let mut bytes = Vec::new();
            let write_block = |column_range: usize| {
                bytes.clear();
                let (entries, _) = block_row.block(column_range);
                entries.iter().for_each(|entry| encode(entry, &mut bytes));
                let position = Layout::position(ranges, row_range, column_range);
                file.write(layout.offsets[position], &bytes)
            };
            (0..ranges).map(write_block).collect()
        };
        let of_ranges: Vec<Result<Vec<Piece>>> = (0..ranges)
            .into_par_iter()
            .with_max_len(1)
            .map(write)
            .collect();
        let mut pieces = vec![Piece::default(); ranges * ranges];
        for (row_range, of_range) in of_ranges.into_iter().enumerate() {
            for (column_range, piece) in of_range?.into_iter().enumerate() {
                pieces[Layout::position(ranges, row_range, column_range)] = piece;
            }
        }
        Ok(Self {
            file,
            ranges,
            pieces,
        })
    }

    /// Reads strata in the order given, one ahead of the visit, until a visit breaks off.
    pub(crate) fn visit<T: Scalar>(
        &self,
        order: &[usize],
        mut visit: impl FnMut(usize, &[Block<'_, T>]) -> ControlFlow<()>,
    ) -> Result<()> {
        std::thread::scope(|scope| {
            // Without room of its own, the channel holds back the reader: one stratum is visited, one is ready.
            let (ready, next) = sync_channel::<Result<Vec<BlockEntry<T>>>>(0);
            let (used, free) = channel::<Vec<BlockEntry<T>>>();
            let read_all = move || {
                let mut bytes = Vec::new();
                for stratum in order {
                    let mut entries = free.try_recv().unwrap_or_default();
                    let read = self.read(*stratum, &mut bytes, &mut entries);
                    let failed = read.is_err();
                    // Refused once the visits have ended.
                    if ready.send(read.map(|()| entries)).is_err() || failed {
                        return;
                    }
                }
            };
            std::thread::Builder::new()
                .name("matfact-read-ahead".to_owned())
                .spawn_scoped(scope, read_all)
                .map_err(|source| self.file.error(source))?;
            for stratum in order {
                let Ok(entries) = next.recv() else {
                    break;
                };
                let entries = entries?;
                let mut rest = &entries[..];
                let blocks = self.of_stratum(*stratum).iter().map(|piece| {
                    let (block, after) = rest.split_at(piece.bytes / entry_bytes::<T>());
                    rest = after;
                    (block, &[][..])
                });
                let blocks: Vec<Block<'_, T>> = blocks.collect();
                if visit(*stratum, &blocks).is_break() {
                    break;
                }
                // Refused once all is read.
                let _ = used.send(entries);
            }
            Ok(())
        })
    }

    fn of_stratum(&self, stratum: usize) -> &[Piece] {
        &self.pieces[stratum * self.ranges..][..self.ranges]
    }

    fn read<T: Scalar>(
        &self,
        stratum: usize,
        bytes: &mut Vec<u8>,
        entries: &mut Vec<BlockEntry<T>>,
    ) -> Result<()> {
        self.file.read(self.of_stratum(stratum), bytes)?;
        entries.clear();
        decode(bytes, entries);
        Ok(())
    }
}

/// Entries by range of rows, with the row's index in its range and the column as it was; and the number of each
/// block's, by stratum and row range.
fn deal<T: Scalar, F>(
    ratings: &Spill<T>,
    arrangement: &Arrangement<'_, F>,
) -> Result<(Spill<T>, Vec<usize>)> {
    let ranges = arrangement.plan.rows.ranges.len();
    let mut by_range = Spill::new_in(ratings.folder(), ranges)?;
    let mut counts = vec![0; ranges * ranges];
    let mut entries = Vec::new();
    for stream in 0..ratings.streams() {
        ratings.read(stream, &mut entries)?;
        for entry in &entries {
            let (row_range, row) = arrangement.plan.rows.place(entry.row);
            let (column_range, _) = arrangement.plan.columns.place(entry.column);
            counts[Layout::position(ranges, row_range, column_range)] += 1;
            by_range.push(row_range, &BlockEntry { row, ..*entry })?;
        }
    }
    by_range.finish()?;
    Ok((by_range, counts))
}

/// The blocks of a range of rows as they are in memory.
fn arrange<T: Scalar>(
    by_range: &Spill<T>,
    arrangement: &Arrangement<'_, impl Fn(f64) -> T>,
    layout: &Layout,
    row_range: usize,
) -> Result<BlockRow<T>> {
    let mut entries = Vec::new();
    by_range.read(row_range, &mut entries)?;
    // Stable: columns stay in their order.
    entries.sort_by_key(|entry| entry.row);
    let starts = layout.starts(row_range);
    let mut next = starts.clone();
    let nothing = BlockEntry {
        row: 0,
        column: 0,
        value: T::zero(),
    };
    let mut dealt = vec![nothing; entries.len()];
    for entry in &entries {
        let (column_range, column) = arrangement.plan.columns.place(entry.column);
        dealt[next[column_range]] = BlockEntry {
            row: entry.row,
            column,
            value: (arrangement.target)(entry.value.as_f64()),
        };
        next[column_range] += 1;
    }
    drop(entries);
    let mut block_row = BlockRow::new(dealt, starts);
    let stream = arrangement.plan.first_stream + row_range as u64;
    block_row.shuffle(
        arrangement.plan.width,
        &mut random_stream(arrangement.plan.seed, stream),
    );
    Ok(block_row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::Partition;
    use matfact_core::Error;
    use std::io::ErrorKind;

    fn partition(members: usize) -> Partition {
        Partition::new(&vec![1; members], 3, &mut random_stream(0, 0))
    }

    /// Every second entry of a 30 x 20 table, in 3 x 3 blocks.
    fn strata() -> StrataFile {
        let mut ratings = Spill::<f64>::new_in(&std::env::temp_dir(), 4).unwrap();
        for row in 0..30 {
            for column in (row % 2..20).step_by(2) {
                let value = f64::from(100 * row + column);
                let entry = BlockEntry { row, column, value };
                ratings.push(row as usize % 4, &entry).unwrap();
            }
        }
        ratings.finish().unwrap();
        let (rows, columns) = (partition(30), partition(20));
        let plan = BlockPlan {
            rows: &rows,
            columns: &columns,
            width: 1,
            seed: 1,
            first_stream: 5,
        };
        let arrangement = Arrangement {
            plan: &plan,
            target: |value| value,
        };
        StrataFile::new(&ratings, &arrangement).unwrap()
    }

    #[test]
    fn every_entry_is_visited_once_and_a_visit_may_break_off() {
        let (strata, mut values) = (strata(), Vec::new());
        let collect = |_: usize, blocks: &[Block<'_, f64>]| {
            values.extend(blocks.iter().flat_map(|block| block.0).map(|e| e.value));
            ControlFlow::Continue(())
        };
        strata.visit(&[2, 0, 1], collect).unwrap();
        values.sort_by(f64::total_cmp);
        values.dedup();
        assert_eq!(values.len(), 300);
        let mut seen = Vec::new();
        let first = |stratum, _: &[Block<'_, f64>]| {
            seen.push(stratum);
            ControlFlow::Break(())
        };
        strata.visit(&[1, 0, 2], first).unwrap();
        assert_eq!(seen, [1]);
    }

    #[test]
    fn a_torn_block_ends_the_visit_with_a_typed_error() {
        let strata = strata();
        let torn = strata.pieces[4];
        strata.file.write(torn.offset + 3, &[255]).unwrap();
        let mut seen = Vec::new();
        let visit = |stratum, _: &[Block<'_, f64>]| {
            seen.push(stratum);
            ControlFlow::Continue(())
        };
        let error = strata.visit(&[0, 1, 2], visit).unwrap_err();
        assert_eq!(seen, [0]);
        match error {
            Error::Io { path, source } => {
                assert_eq!(path, std::env::temp_dir());
                assert_eq!(source.kind(), ErrorKind::InvalidData);
            }
            other => panic!("{other}"),
        }
    }
}
