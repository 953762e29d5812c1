//! What is asked of a recommender, and its answer.

use crate::top::{NONE, Unwanted};
use matfact_core::ndarray::Array2;
use matfact_core::{Error, ObservedEntries, Recommendation, Result, Scalar};
use std::fmt;

/// Stands for "no column" in lists that are shorter than asked for.
pub const NO_COLUMN: u32 = NONE;

/// The columns seen by a row.
type Seen<'a> = Box<dyn Fn(usize) -> &'a [u32] + Sync + 'a>;

/// How many columns are wanted for each row, and which are not.
///
/// | option | default | meaning |
/// |---|---|---|
/// | `count` | 10 | columns of a list |
/// | `exclude` | none | what each row has among these entries, usually its training data |
/// | `deny` | none | columns that nobody gets |
/// | `allow` | all | the only columns that anybody gets |
///
/// ```
/// use matfact_core::{Duplicates, Ratings};
/// use matfact_linalg::RecommendOptions;
/// let seen = Ratings::from_triplets((2, 3), [(0, 1, 5.0)], Duplicates::Error)?;
/// let options = RecommendOptions::new().count(5).exclude(&seen).deny(&[2]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub struct RecommendOptions<'a> {
    pub(crate) count: usize,
    seen: Option<Seen<'a>>,
    denied: Option<Vec<bool>>,
    pub(crate) allowed: Option<Vec<u32>>,
}

impl fmt::Debug for RecommendOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecommendOptions")
            .field("count", &self.count)
            .field("exclude", &self.seen.is_some())
            .field("deny", &self.denied.is_some())
            .field("allow", &self.allowed.as_ref().map(Vec::len))
            .finish()
    }
}

impl Default for RecommendOptions<'_> {
    fn default() -> Self {
        Self {
            count: 10,
            seen: None,
            denied: None,
            allowed: None,
        }
    }
}

impl<'a> RecommendOptions<'a> {
    /// The defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many columns a list has. It is shorter only where fewer exist.
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Leaves out of each row's list the columns that `x` has for it. Rows beyond those of `x` have
    /// seen nothing.
    #[must_use]
    pub fn exclude<X: ObservedEntries + ?Sized>(mut self, x: &'a X) -> Self {
        let rows = x.shape().0;
        self.seen = Some(Box::new(move |row| match row < rows {
            true => x.row(row).columns,
            false => &[],
        }));
        self
    }

    /// Leaves these columns out of all lists; any order, and indices that the model does not have are
    /// passed over.
    #[must_use]
    pub fn deny(mut self, columns: &[u32]) -> Self {
        let denied = self.denied.get_or_insert_default();
        for column in columns.iter().map(|column| *column as usize) {
            if column >= denied.len() {
                denied.resize(column + 1, false);
            }
            denied[column] = true;
        }
        self
    }

    /// Takes only these columns into any list; any order, and indices that the model does not have
    /// are passed over.
    #[must_use]
    pub fn allow(mut self, columns: &[u32]) -> Self {
        let mut allowed = columns.to_vec();
        allowed.sort_unstable();
        allowed.dedup();
        self.allowed = Some(allowed);
        self
    }

    pub(crate) fn unwanted(&self, row: Option<usize>) -> Unwanted<'_> {
        let seen = self.seen.as_ref().zip(row);
        Unwanted {
            listed: seen.map_or(&[], |(seen, row)| seen(row)),
            denied: self.denied.as_deref(),
        }
    }
}

/// A list of columns with their scores for each of some rows.
///
/// Also a buffer: given again to [`Recommender::for_rows_into`](crate::Recommender::for_rows_into) it
/// is filled anew, and grows only if it has to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recommendations<T> {
    pub(crate) columns: Array2<u32>,
    pub(crate) scores: Array2<T>,
}

impl<T: Scalar> Recommendations<T> {
    /// The number of lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.nrows()
    }

    /// Whether there are no lists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One list, best first; `position` counts the rows as they were given.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn list(&self, position: usize) -> impl Iterator<Item = Recommendation<T>> + '_ {
        let columns = self.columns.row(position).into_iter();
        let scores = self.scores.row(position).into_iter();
        columns
            .zip(scores)
            .take_while(|(column, _)| **column != NO_COLUMN)
            .map(|(column, score)| Recommendation {
                column: *column as usize,
                score: *score,
            })
    }

    /// The columns of all lists, a row each, [`NO_COLUMN`] after the end of a short one.
    #[must_use]
    pub fn columns(&self) -> &Array2<u32> {
        &self.columns
    }

    /// The scores beside the columns, NaN after the end of a short list.
    #[must_use]
    pub fn scores(&self) -> &Array2<T> {
        &self.scores
    }

    /// Makes room for `rows` lists of `count`.
    pub(crate) fn reshape(&mut self, rows: usize, count: usize) {
        if self.columns.dim() != (rows, count) {
            self.columns = Array2::default((rows, count));
            self.scores = Array2::default((rows, count));
        }
    }
}

/// Refuses an index that is none.
pub(crate) fn check_indices(axis: &'static str, indices: &[usize], bound: usize) -> Result<()> {
    match indices.iter().position(|index| *index >= bound) {
        None => Ok(()),
        Some(position) => Err(Error::IndexOutOfRange {
            axis,
            index: indices[position] as i128,
            position,
            bound,
        }),
    }
}
