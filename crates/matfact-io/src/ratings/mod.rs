//! Ratings as delimited text: `user item rating [time]`.

mod assemble;
mod chunk;
mod columns;
mod entries;
mod fields;
mod local;
mod options;
mod parser;
mod plain;
mod quick;
mod scan;
mod stream;

use crate::ids::Ids;
use crate::pool::in_pool;
use crate::{fault, parquet, source};
use assemble::{Refusal, assemble};
use chunk::Chunk;
use entries::Part;
use local::{GlobalIds, Numbers, UNKNOWN};
use matfact_core::{Error, Ratings, Result, Scalar};
use scan::{Outcome, scan};
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) use fields::{Field, split};
pub use options::{OnError, RatingsOptions, Separator};
pub use stream::{StreamedRatings, duplicate_rating, stream_ratings};

/// A line that was left out under [`OnError::Skip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// Line, counted from 1.
    pub line: usize,
    /// Field, counted from 1, where the fault lies in one.
    pub column: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

/// Ratings with the ids that their rows and columns stand for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RatingsData<T> {
    /// The ratings.
    pub ratings: Ratings<T>,
    /// The users, in order of first appearance.
    pub rows: Ids,
    /// The items, in order of first appearance.
    pub columns: Ids,
    /// The first lines left out under [`OnError::Skip`], at most 10.
    pub skipped: Vec<SkippedLine>,
    /// How many lines were left out.
    pub skipped_count: usize,
    /// Ratings merged into another one of the same user and item.
    pub duplicates: usize,
    /// Lines in the file (of all parts), header and blank ones included.
    pub lines: usize,
    /// The first line's fields, if it was taken as a header.
    pub header: Option<Vec<String>>,
}

/// A rating whose user or item may be unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatedPair<T> {
    /// The user's index; `None` if the id is unknown.
    pub row: Option<usize>,
    /// The item's index; `None` if the id is unknown.
    pub column: Option<usize>,
    /// The rating.
    pub value: T,
}

/// Ratings read against existing ids, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RatedPairs<T> {
    /// The ratings; a pair given twice stands here twice.
    pub pairs: Vec<RatedPair<T>>,
    /// The first lines left out under [`OnError::Skip`], at most 10.
    pub skipped: Vec<SkippedLine>,
    /// How many lines were left out.
    pub skipped_count: usize,
    /// Lines in the file, header and blank ones included.
    pub lines: usize,
}

/// A user and an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair<T> {
    /// The user's index in [`Pairs::rows`].
    pub row: usize,
    /// The item's index in [`Pairs::columns`].
    pub column: usize,
    /// The rating, if the line has one.
    pub value: Option<T>,
}

/// Pairs of users and items in the order of the file, with ids of their own: looking each id up in
/// a model is left to the caller, once for each id and not for each line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pairs<T> {
    /// The pairs; one given twice stands here twice.
    pub pairs: Vec<Pair<T>>,
    /// The users of this file.
    pub rows: Ids,
    /// The items of this file.
    pub columns: Ids,
    /// The first lines left out under [`OnError::Skip`], at most 10.
    pub skipped: Vec<SkippedLine>,
    /// How many lines were left out.
    pub skipped_count: usize,
    /// Lines in the file, header and blank ones included.
    pub lines: usize,
}

/// Reads ratings from delimited text, plain or compressed (`.gz`, `.zst`): one `user item rating [time]` a
/// line. `-` stands for standard input, and a directory for the files in it, sorted by name (without empty
/// ones and those whose names begin with a dot or an underscore), each of which may have its own header.
/// Parquet is read as the text that it would be (feature `parquet`).
///
/// Separator and header are found from the first lines unless the options say them. Columns are
/// found by the header's names (`user`, `userId`, `user_id`, `item`, `movieId`, `rating`, `score`,
/// ...) in any order, else by position. Ids are any text; blanks around a field do not count, and
/// with commas or semicolons a field may stand in double quotes (RFC 4180, without line ends). The
/// time and, in a file with a header, further columns are not looked at. Blank lines, a byte order
/// mark and either kind of line end are fine.
///
/// # Errors
/// [`Error::Io`] where there is no readable file; [`Error::Parse`] with line and field for a line
/// that is not a finite rating of a user for an item, and for a pair that is rated twice (unless
/// the options say what to do); [`Error::Overflow`] for a rating beyond `f32` read as `f32`;
/// [`Error::PickleRefused`].
///
/// ```
/// use matfact_core::ObservedEntries;
/// use matfact_io::{RatingsOptions, read_ratings};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("ratings.csv");
/// std::fs::write(&path, "userId,movieId,rating\nada,\"Alien, 1979\",5\nbob,Heat,3.5\n")?;
/// let data = read_ratings::<f32>(&path, &RatingsOptions::default())?;
/// assert_eq!(data.ratings.shape(), (2, 2));
/// assert_eq!(data.columns.name(0), "Alien, 1979");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_ratings<T: Scalar>(
    path: impl AsRef<Path>,
    options: &RatingsOptions,
) -> Result<RatingsData<T>> {
    let path = path.as_ref();
    let parts = source::parts(path)?;
    in_pool(options.threads, || {
        ratings_from(&parts, open, path, options)
    })
}

/// The content of a part from its first byte.
fn open(part: &Path) -> Result<Box<dyn Read + Send>> {
    parquet::open_table(part, columns::needed)
}

fn ratings_from<T: Scalar, R: Read + Send>(
    files: &[PathBuf],
    open: impl Fn(&Path) -> Result<R>,
    path: &Path,
    options: &RatingsOptions,
) -> Result<RatingsData<T>> {
    let (mut rows, mut columns) = (GlobalIds::default(), GlobalIds::default());
    let mut parts: Vec<Part<T>> = Vec::new();
    let mut count = 0;
    let take = |chunk: Chunk<T>, _: &Path, _| {
        count += chunk.entries.len();
        parts.push(Part {
            users: rows.learn(&chunk.users)?,
            items: columns.learn(&chunk.items)?,
            entries: chunk.entries,
        });
        Ok(())
    };
    let outcome = scan_all(files, &open, options, true, take)?;
    outcome.require_some(path, count, "ratings")?;
    let matrix = assemble(parts, &rows, &columns, path, options.duplicates);
    let (rows, columns) = (rows.ids, columns.ids);
    let matrix = match matrix {
        Ok(matrix) => matrix,
        Err(Refusal::Other(error)) => return Err(error),
        Err(Refusal::Twice(row, column)) => {
            let pair = (rows.name(row), columns.name(column));
            return Err(rated_twice::<T, R>(files, open, options, pair));
        }
    };
    Ok(RatingsData {
        duplicates: count - matrix.nnz(),
        ratings: Ratings::from_csr(matrix)?,
        rows,
        columns,
        skipped: outcome.skipped,
        skipped_count: outcome.skipped_count,
        lines: outcome.lines,
        header: outcome.header,
    })
}

/// The refusal of a pair that is rated twice, with the first two lines that do. Lines are not kept, so the
/// files are read again.
fn rated_twice<T: Scalar, R: Read + Send>(
    files: &[PathBuf],
    open: impl Fn(&Path) -> Result<R>,
    options: &RatingsOptions,
    (user, item): (&str, &str),
) -> Error {
    let mut given: Vec<(PathBuf, usize)> = Vec::new();
    if !files.iter().any(|file| source::is_standard_input(file)) {
        let take = |chunk: Chunk<T>, file: &Path, before: usize| {
            let (user, item) = (chunk.users.find(user), chunk.items.find(item));
            for (position, entry) in chunk.entries.iter().enumerate() {
                if given.len() < 2 && (Some(entry.0), Some(entry.1)) == (user, item) {
                    given.push((file.to_owned(), before + chunk.places.line(position)));
                }
            }
            Ok(())
        };
        if let Err(error) = scan_all(files, open, options, true, take) {
            return error;
        }
    }
    let (first, file, second) = match &given[..] {
        [(a, line), (b, second)] if a == b => (format!(", on line {line}"), b.as_path(), *second),
        [(a, line), (b, second)] => (
            format!(", in {}, line {line}", a.display()),
            b.as_path(),
            *second,
        ),
        // Standard input cannot be read again, and a file may have changed.
        _ => (String::new(), files[0].as_path(), 0),
    };
    let text = format!(
        "user {user:?} has rated item {item:?} before{first}: remove one of the lines, or choose what to do with duplicates (keep the last, or sum them)"
    );
    fault::parse(file, second, None, text)
}

/// Hands the chunks of one file after the other to `take`, with the file and the lines of it before.
fn scan_all<T: Scalar, R: Read + Send>(
    files: &[PathBuf],
    open: impl Fn(&Path) -> Result<R>,
    options: &RatingsOptions,
    value_needed: bool,
    mut take: impl FnMut(Chunk<T>, &Path, usize) -> Result<()> + Send,
) -> Result<Outcome> {
    let mut all = Outcome::default();
    for file in files {
        let take = |chunk: Chunk<T>, before: usize| take(chunk, file, before);
        let known;
        let options = match parquet::is_parquet(file) {
            true => {
                known = options.clone().separator(Separator::Comma).header(true);
                &known
            }
            false => options,
        };
        let one = scan(open(file)?, file, options, value_needed, take)?;
        all.lines += one.lines;
        all.skipped_count += one.skipped_count;
        all.header = all.header.or(one.header);
        let room = chunk::LISTED - all.skipped.len();
        for mut skipped in one.skipped.into_iter().take(room) {
            if files.len() > 1 {
                skipped.message = format!("{}: {}", file.display(), skipped.message);
            }
            all.skipped.push(skipped);
        }
    }
    Ok(all)
}

/// Reads ratings against the ids of a model or of training data: the way to read test data.
///
/// The lines are those of [`read_ratings`]. A pair that occurs twice is kept twice, whatever the
/// options say about duplicates.
///
/// # Errors
/// As [`read_ratings`], without the refusal of duplicates.
///
/// ```
/// use matfact_io::{Ids, RatingsOptions, read_ratings_with_ids};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("test.tsv");
/// std::fs::write(&path, "ada\tAlien\t4\nbob\tHeat\t2\n")?;
/// let (mut rows, mut columns) = (Ids::new(), Ids::new());
/// rows.insert("ada")?;
/// columns.insert("Heat")?;
/// let test = read_ratings_with_ids::<f64>(&path, &RatingsOptions::default(), &rows, &columns)?;
/// assert_eq!((test.pairs[0].row, test.pairs[0].column), (Some(0), None));
/// assert_eq!((test.pairs[1].row, test.pairs[1].column), (None, Some(0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_ratings_with_ids<T: Scalar>(
    path: impl AsRef<Path>,
    options: &RatingsOptions,
    rows: &Ids,
    columns: &Ids,
) -> Result<RatedPairs<T>> {
    let path = path.as_ref();
    let files = source::parts(path)?;
    let mut pairs = Vec::new();
    let (mut row_numbers, mut column_numbers) = (Numbers::default(), Numbers::default());
    let index_in = |ids: &Ids, id: &str| Ok(ids.index(id).map_or(UNKNOWN, |index| index as u32));
    let take = |chunk: Chunk<T>, _: &Path, _| {
        let users = row_numbers.learn(&chunk.users, |id| index_in(rows, id))?;
        let items = column_numbers.learn(&chunk.items, |id| index_in(columns, id))?;
        let (users, items) = (row_numbers.codes(&users), column_numbers.codes(&items));
        let known = |index: u32| (index != UNKNOWN).then_some(index as usize);
        pairs.extend(chunk.entries.iter().map(|(user, item, value)| RatedPair {
            row: known(users.index(user)),
            column: known(items.index(item)),
            value,
        }));
        Ok(())
    };
    let outcome = in_pool(options.threads, || {
        scan_all(&files, open, options, true, take)
    })?;
    outcome.require_some(path, pairs.len(), "ratings")?;
    Ok(RatedPairs {
        pairs,
        skipped: outcome.skipped,
        skipped_count: outcome.skipped_count,
        lines: outcome.lines,
    })
}

/// Reads the pairs to predict: the lines of [`read_ratings`], of which the rating may be missing.
///
/// In a file of two columns without known names in its first line, that line is a pair; say so with
/// [`RatingsOptions::header`] if it is a header.
///
/// # Errors
/// As [`read_ratings`], without the refusal of duplicates.
///
/// ```
/// use matfact_io::{RatingsOptions, read_pairs};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("pairs.csv");
/// std::fs::write(&path, "user,item\nada,Alien\nada,Heat\n")?;
/// let asked = read_pairs::<f32>(&path, &RatingsOptions::default())?;
/// assert_eq!((asked.rows.len(), asked.pairs[1].column, asked.pairs[1].value), (1, 1, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_pairs<T: Scalar>(path: impl AsRef<Path>, options: &RatingsOptions) -> Result<Pairs<T>> {
    let path = path.as_ref();
    let files = source::parts(path)?;
    let (mut rows, mut columns) = (GlobalIds::default(), GlobalIds::default());
    let mut pairs = Vec::new();
    let take = |chunk: Chunk<T>, _: &Path, _| {
        let users = rows.learn(&chunk.users)?;
        let items = columns.learn(&chunk.items)?;
        let (users, items) = (rows.codes(&users), columns.codes(&items));
        pairs.extend(chunk.entries.iter().map(|(user, item, value)| Pair {
            row: users.index(user) as usize,
            column: items.index(item) as usize,
            value: (!value.is_nan()).then_some(value),
        }));
        Ok(())
    };
    let outcome = in_pool(options.threads, || {
        scan_all(&files, open, options, false, take)
    })?;
    outcome.require_some(path, pairs.len(), "pairs")?;
    Ok(Pairs {
        pairs,
        rows: rows.ids,
        columns: columns.ids,
        skipped: outcome.skipped,
        skipped_count: outcome.skipped_count,
        lines: outcome.lines,
    })
}

impl Outcome {
    /// Refuses a file of which nothing is left.
    fn require_some(&self, path: &Path, count: usize, what: &str) -> Result<()> {
        if count > 0 {
            return Ok(());
        }
        let text = match self.skipped.first() {
            Some(first) => format!(
                "all {} lines were skipped, the first (line {}) because {}",
                self.skipped_count, first.line, first.message
            ),
            None => format!("the file has no {what}"),
        };
        Err(fault::parse(path, self.lines, None, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::trickle;
    use matfact_core::ObservedEntries;

    #[test]
    fn the_size_of_the_reads_does_not_matter() {
        let text = b"\xef\xbb\xbfuser,item,rating\r\n\r\na,x,1\r\n\"b, c\",y,2\r\na,y,3";
        let path = Path::new("x.csv");
        let options = RatingsOptions::default();
        let files = [path.to_owned()];
        let whole = ratings_from::<f32, _>(&files, |_| Ok(&text[..]), path, &options).unwrap();
        let slow = ratings_from(&files, |_| Ok(trickle(text)), path, &options).unwrap();
        assert_eq!(whole, slow);
        assert_eq!((whole.ratings.shape(), whole.lines), ((2, 2), 5));
        assert_eq!(whole.rows.name(1), "b, c");
    }
}
