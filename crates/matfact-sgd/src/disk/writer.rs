//! From ratings that arrive in any order to ratings on disk.

use super::ratings::DiskRatings;
use super::spill::Spill;
use matfact_core::{DataFingerprint, Duplicates, Error, Result, Scalar};
use matfact_linalg::{BlockEntry, RatingCounts};
use rayon::prelude::*;
use std::path::Path;

/// Streams that rows are dealt to; one of them is sorted in memory at a time.
const STREAMS: usize = 128;

/// Takes ratings one after the other, in any order, and keeps them in a temporary file.
///
/// ```
/// use matfact_core::{DataFingerprint, Duplicates, Factorizer};
/// use matfact_sgd::{DiskRatingsWriter, Sgd};
/// let folder = std::env::temp_dir();
/// let mut writer = DiskRatingsWriter::<f32>::new(&folder)?.duplicates(Duplicates::Last);
/// for (user, item, rating) in [(0, 0, 4.0), (1, 1, 2.0), (0, 1, 3.0)] {
///     writer.push(user, item, rating)?;
/// }
/// let ratings = writer.finish()?;
/// assert_eq!((ratings.shape(), ratings.observed()), ((2, 2), 3));
/// let model = Sgd::new(3).fit(&ratings)?.model;
/// assert!(model.predict_or_fallback(Some(0), Some(0)) > model.mean());
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DiskRatingsWriter<T> {
    spill: Spill<T>,
    duplicates: Duplicates,
    /// Where it was given.
    shape: Option<(usize, usize)>,
    /// What the ratings so far take.
    seen: (usize, usize),
    pushed: usize,
}

impl<T: Scalar> DiskRatingsWriter<T> {
    /// Begins a temporary file in `folder`, which should be on a disk, not in memory as `/tmp` is on some systems.
    /// It takes 12 bytes a rating in f32, 16 in f64; twice that while [`DiskRatingsWriter::finish`] sorts, and three
    /// times during a fit.
    ///
    /// # Errors
    /// [`Error::Io`] with the folder, where no file can be made there.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self {
            spill: Spill::new_in(folder.as_ref(), STREAMS)?,
            duplicates: Duplicates::default(),
            shape: None,
            seen: (0, 0),
            pushed: 0,
        })
    }

    /// Sets rows m and columns n. Without, they are as many as the largest indices ask for.
    #[must_use]
    pub fn shape(mut self, rows: usize, columns: usize) -> Self {
        self.shape = Some((rows, columns));
        self
    }

    /// Sets what happens to a row and column that are rated twice: refused (the default), added up, or the last kept.
    #[must_use]
    pub fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Adds a rating.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] beyond the shape that was set (or 2³² − 1 rows or columns); [`Error::NonFinite`];
    /// [`Error::Io`] with the folder, for a full disk among others.
    pub fn push(&mut self, row: usize, column: usize, value: T) -> Result<()> {
        let bounds = self.shape.unwrap_or((usize::MAX, usize::MAX));
        for (axis, index, bound) in [("row", row, bounds.0), ("column", column, bounds.1)] {
            let bound = bound.min(u32::MAX as usize);
            if index >= bound {
                return Err(Error::IndexOutOfRange {
                    axis,
                    index: index as i128,
                    position: self.pushed,
                    bound,
                });
            }
        }
        check_finite(row, column, value)?;
        self.seen = (self.seen.0.max(row + 1), self.seen.1.max(column + 1));
        self.pushed += 1;
        let entry = BlockEntry {
            row: row as u32,
            column: column as u32,
            value,
        };
        self.spill.push(row % STREAMS, &entry)
    }

    /// Sorts the ratings and looks at them as a fit does first. The memory for it is that of the ratings of every
    /// 128th row, twice, and the counts of rows and columns; the sort uses the current `rayon` pool.
    ///
    /// # Errors
    /// [`Error::EmptyInput`] without ratings; [`Error::DuplicateEntry`] where that is refused, [`Error::NonFinite`] for a
    /// sum that overflows; [`Error::Io`] with the folder.
    pub fn finish(mut self) -> Result<DiskRatings<T>> {
        self.spill.finish()?;
        let shape = self.shape.unwrap_or(self.seen);
        if self.pushed == 0 {
            return Err(Error::EmptyInput {
                rows: shape.0,
                columns: shape.1,
                stored: 0,
            });
        }
        let mut sorted = Spill::new_in(self.spill.folder(), STREAMS)?;
        let mut counts = RatingCounts {
            shape,
            observed: 0,
            row_counts: vec![0; shape.0],
            column_counts: vec![0; shape.1],
            largest: 0.0,
        };
        let mut first_negative = None;
        let mut range = (T::infinity(), T::neg_infinity());
        let mut fingerprint = DataFingerprint::empty(shape);
        let mut entries = Vec::new();
        for stream in 0..STREAMS {
            self.spill.read(stream, &mut entries)?;
            entries.par_sort_by_key(place);
            merge(&mut entries, self.duplicates)?;
            for entry in &entries {
                sorted.push(stream, entry)?;
                fingerprint.observe(entry.row as usize, entry.column as usize, entry.value);
                range = (range.0.min(entry.value), range.1.max(entry.value));
                let value = entry.value.as_f64();
                counts.row_counts[entry.row as usize] += 1;
                counts.column_counts[entry.column as usize] += 1;
                counts.largest = counts.largest.max(value.abs());
                let earlier = |first: &BlockEntry<T>| place(first) < place(entry);
                if value < 0.0 && !first_negative.as_ref().is_some_and(earlier) {
                    first_negative = Some(*entry);
                }
            }
            counts.observed += entries.len();
        }
        sorted.finish()?;
        Ok(DiskRatings::new(
            sorted,
            counts,
            first_negative,
            range,
            fingerprint,
        ))
    }
}

fn check_finite<T: Scalar>(row: usize, column: usize, value: T) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let value = value.as_f64();
    Err(Error::NonFinite { row, column, value })
}

/// Row and column, to sort by.
fn place<T>(entry: &BlockEntry<T>) -> u64 {
    u64::from(entry.row) << 32 | u64::from(entry.column)
}

/// One entry for each place, of sorted ones.
fn merge<T: Scalar>(entries: &mut Vec<BlockEntry<T>>, duplicates: Duplicates) -> Result<()> {
    let mut kept = 0_usize;
    for position in 0..entries.len() {
        let entry = entries[position];
        if kept == 0 || place(&entries[kept - 1]) != place(&entry) {
            entries[kept] = entry;
            kept += 1;
            continue;
        }
        let last = &mut entries[kept - 1];
        let (row, column) = (entry.row as usize, entry.column as usize);
        match duplicates {
            Duplicates::Error => return Err(Error::DuplicateEntry { row, column }),
            Duplicates::Sum => last.value += entry.value,
            Duplicates::Last => last.value = entry.value,
        }
        check_finite(row, column, last.value)?;
    }
    entries.truncate(kept);
    Ok(())
}
