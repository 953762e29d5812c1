//! Ratings handed on as they are read, for those that exceed memory.

use super::chunk::Chunk;
use super::local::GlobalIds;
use super::{RatingsOptions, SkippedLine, open, rated_twice, scan_all};
use crate::ids::Ids;
use crate::pool::in_pool;
use crate::source;
use matfact_core::{Error, Result, Scalar};
use std::path::Path;

/// What is known of ratings that were handed on one by one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StreamedRatings {
    /// The users, in order of first appearance.
    pub rows: Ids,
    /// The items, in order of first appearance.
    pub columns: Ids,
    /// How many ratings there were; a pair given twice counts twice.
    pub count: usize,
    /// The first lines left out under [`OnError::Skip`](crate::OnError::Skip), at most 10.
    pub skipped: Vec<SkippedLine>,
    /// How many lines were left out.
    pub skipped_count: usize,
    /// Lines in the file (of all parts), header and blank ones included.
    pub lines: usize,
    /// The first line's fields, if it was taken as a header.
    pub header: Option<Vec<String>>,
}

/// Reads the lines of [`read_ratings`](crate::read_ratings) and hands each rating to `take` as row, column and value,
/// in the order of the file. In memory are the ids, and some chunks of the text for each thread.
///
/// Rows and columns have the indices that `read_ratings` gives them. A pair that is given twice is handed on twice,
/// whatever the options say about duplicates: see [`duplicate_rating`].
///
/// # Errors
/// As `read_ratings`, without the refusal of duplicates, and those of `take`, which end the reading.
///
/// ```
/// use matfact_io::{RatingsOptions, stream_ratings};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ratings.tsv");
/// std::fs::write(&path, "ada\tAlien\t4\nbob\tHeat\t2\nada\tHeat\t5\n")?;
/// let mut taken = Vec::new();
/// let read = stream_ratings::<f32>(&path, &RatingsOptions::default(), |row, column, value| {
///     taken.push((row, column, value));
///     Ok(())
/// })?;
/// assert_eq!(taken, [(0, 0, 4.0), (1, 1, 2.0), (0, 1, 5.0)]);
/// assert_eq!((read.rows.name(1), read.columns.len(), read.count), ("bob", 2, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stream_ratings<T: Scalar>(
    path: impl AsRef<Path>,
    options: &RatingsOptions,
    mut take: impl FnMut(usize, usize, T) -> Result<()> + Send,
) -> Result<StreamedRatings> {
    let path = path.as_ref();
    let files = source::parts(path)?;
    let (mut rows, mut columns) = (GlobalIds::default(), GlobalIds::default());
    let mut count = 0;
    let take_chunk = |chunk: Chunk<T>, _: &Path, _| {
        let users = rows.learn(&chunk.users)?;
        let items = columns.learn(&chunk.items)?;
        let (users, items) = (rows.codes(&users), columns.codes(&items));
        count += chunk.entries.len();
        let mut entries = chunk.entries.iter();
        entries.try_for_each(|(user, item, value)| {
            let (row, column) = (users.index(user), items.index(item));
            take(row as usize, column as usize, value)
        })
    };
    let outcome = in_pool(options.threads, || {
        scan_all(&files, open, options, true, take_chunk)
    })?;
    outcome.require_some(path, count, "ratings")?;
    Ok(StreamedRatings {
        rows: rows.ids,
        columns: columns.ids,
        count,
        skipped: outcome.skipped,
        skipped_count: outcome.skipped_count,
        lines: outcome.lines,
        header: outcome.header,
    })
}

/// The refusal of a user and an item that a file rates twice, as [`read_ratings`](crate::read_ratings) words it, with the
/// lines: for those who have found the pair among what [`stream_ratings`] handed on. The file is read again for the
/// lines, but standard input, which cannot be.
///
/// ```
/// use matfact_io::{RatingsOptions, duplicate_rating};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ratings.tsv");
/// std::fs::write(&path, "ada\tAlien\t4\nbob\tHeat\t2\nada\tAlien\t5\n")?;
/// let error = duplicate_rating(&path, &RatingsOptions::default(), ("ada", "Alien"));
/// assert!(error.to_string().contains("line 1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn duplicate_rating(
    path: impl AsRef<Path>,
    options: &RatingsOptions,
    (user, item): (&str, &str),
) -> Error {
    let files = match source::parts(path.as_ref()) {
        Ok(files) => files,
        Err(error) => return error,
    };
    // Of f64, so that no value is refused that the first reading took.
    let refusal = || Ok(rated_twice::<f64, _>(&files, open, options, (user, item)));
    in_pool(options.threads, refusal).unwrap_or_else(|error| error)
}
