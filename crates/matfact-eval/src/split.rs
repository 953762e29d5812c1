//! What a model learns from, and what it is asked afterwards.

use crate::keys::{key, splitmix64, uniform};
use matfact_core::{Duplicates, Error, ObservedEntries, Ratings, Result, Scalar};

/// Ratings in two parts of the same shape: each entry is in one of them, with its weight if there are
/// weights.
///
/// | split | held out |
/// |---|---|
/// | [`Split::random`] | each entry with the same probability |
/// | [`Split::leave_out`] | so many entries of each row (leave-k-out) |
/// | [`Split::by_share`] | a share of each row's entries |
/// | [`Split::by_hash`] | the same, chosen by a hash of the ids that any language can repeat |
/// | [`Split::of_rows`] | all entries of a share of the rows: users whom the model does not know |
/// | [`Split::by_time`] | what came last in time |
/// | [`Split::latest`] | the last entries of each row |
///
/// None depends on threads or on anything but the entries and the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Split<T> {
    /// To learn from.
    pub train: Ratings<T>,
    /// To be asked for.
    pub test: Ratings<T>,
}

impl<T: Scalar> Split<T> {
    /// Holds out each entry with probability `share`.
    ///
    /// ```
    /// # use matfact_core::{Duplicates, ObservedEntries, Ratings};
    /// # use matfact_eval::Split;
    /// let entries = (0..100).map(|i| (i / 10, i % 10, 1.0));
    /// let ratings = Ratings::from_triplets((10, 10), entries, Duplicates::Error)?;
    /// let split = Split::random(&ratings, 0.2, 0)?;
    /// assert_eq!(split.train.observed() + split.test.observed(), 100);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a share outside 0 to 1, or one that leaves nothing to learn from.
    pub fn random(ratings: &Ratings<T>, share: f64, seed: u64) -> Result<Self> {
        check_share("share", share)?;
        let held: Vec<bool> = (0..ratings.observed() as u64)
            .map(|entry| uniform(seed, entry) < share)
            .collect();
        Self::from_choice(ratings, &held)
    }

    /// Holds out `count` random entries of each row that has more than `count`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if `count` is 0, or nothing would be left to learn from.
    pub fn leave_out(ratings: &Ratings<T>, count: usize, seed: u64) -> Result<Self> {
        check_count(count)?;
        let leaves = |entries: usize| if entries > count { count } else { 0 };
        Self::of_each_row(ratings, leaves, |_, entry| key(seed, entry as u64))
    }

    /// Holds out ⌊share · entries⌋ random entries of each row.
    ///
    /// # Errors
    /// As [`Split::random`].
    pub fn by_share(ratings: &Ratings<T>, share: f64, seed: u64) -> Result<Self> {
        check_share("share", share)?;
        let leaves = |entries: usize| (entries as f64 * share) as usize;
        Self::of_each_row(ratings, leaves, |_, entry| key(seed, entry as u64))
    }

    /// Holds out ⌊entries / `one_in`⌋ entries of each row: those with the least
    /// splitmix64(2³² · row id + column id), wrapping at 2⁶⁴, ties by the lower column id.
    ///
    /// There is no seed, and only the ids count, so that the same split can be made in any language
    /// and from a file in any order.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there is not an id for each row and column,
    /// [`Error::InvalidParameter`] for `one_in` below 2.
    pub fn by_hash(
        ratings: &Ratings<T>,
        one_in: usize,
        row_ids: &[u64],
        column_ids: &[u64],
    ) -> Result<Self> {
        if one_in < 2 {
            return Err(Error::invalid_parameter("one_in", one_in, "at least 2"));
        }
        let given = (row_ids.len(), column_ids.len());
        if given != ratings.shape() {
            return Err(Error::shape_mismatch(
                "number of ids",
                ratings.shape(),
                given,
            ));
        }
        let columns = ratings.csr().indices();
        let hash = |row: usize, entry: usize| {
            let column = column_ids[columns[entry] as usize];
            (
                splitmix64((row_ids[row] << 32).wrapping_add(column)),
                column,
            )
        };
        Self::of_each_row(ratings, |entries| entries / one_in, hash)
    }

    /// Holds out all entries of each row with probability `share`: of users whom the model then does
    /// not know, to be described by folding in.
    ///
    /// # Errors
    /// As [`Split::random`].
    pub fn of_rows(ratings: &Ratings<T>, share: f64, seed: u64) -> Result<Self> {
        check_share("share", share)?;
        let held: Vec<bool> = ratings
            .triplets()
            .map(|(row, _, _)| uniform(seed, row as u64) < share)
            .collect();
        Self::from_choice(ratings, &held)
    }

    /// Holds out what is later than `until`. `times` has a number for each entry, in the order of
    /// [`Ratings::triplets`].
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there is not a time for each entry, [`Error::InvalidParameter`] if
    /// nothing is left to learn from.
    pub fn by_time(ratings: &Ratings<T>, times: &[i64], until: i64) -> Result<Self> {
        check_times(ratings, times)?;
        let held: Vec<bool> = times.iter().map(|time| *time > until).collect();
        Self::from_choice(ratings, &held)
    }

    /// Holds out the last `count` entries, by `times`, of each row that has more than `count`; of
    /// the same time, those of the higher columns.
    ///
    /// # Errors
    /// As [`Split::by_time`] and [`Split::leave_out`].
    pub fn latest(ratings: &Ratings<T>, times: &[i64], count: usize) -> Result<Self> {
        check_count(count)?;
        check_times(ratings, times)?;
        let leaves = |entries: usize| if entries > count { count } else { 0 };
        let latest_first = |_: usize, entry: usize| std::cmp::Reverse((times[entry], entry));
        Self::of_each_row(ratings, leaves, latest_first)
    }

    /// Holds out the entries of each row with the least keys, as many as `leaves` says for a number of
    /// entries.
    fn of_each_row<K: Ord>(
        ratings: &Ratings<T>,
        leaves: impl Fn(usize) -> usize,
        key: impl Fn(usize, usize) -> K,
    ) -> Result<Self> {
        let mut held = vec![false; ratings.observed()];
        for (row, range) in ratings.csr().indptr().iter_outer_sz().enumerate() {
            let mut entries: Vec<usize> = range.collect();
            let count = leaves(entries.len());
            entries.sort_by_cached_key(|entry| key(row, *entry));
            for entry in &entries[..count] {
                held[*entry] = true;
            }
        }
        Self::from_choice(ratings, &held)
    }

    /// Holds out the entries, in the order of [`Ratings::triplets`], that `held` marks.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there is not a mark for each entry, [`Error::InvalidParameter`] if
    /// nothing is left to learn from.
    pub fn from_choice(ratings: &Ratings<T>, held: &[bool]) -> Result<Self> {
        if held.len() != ratings.observed() {
            let expected = format!("{} (one for each entry)", ratings.observed());
            return Err(Error::shape_mismatch("marks", expected, held.len()));
        }
        if held.iter().all(|held| *held) {
            let requirement = "fewer: they leave nothing to learn from";
            return Err(Error::invalid_parameter(
                "held-out entries",
                held.len(),
                requirement,
            ));
        }
        let part = |wanted: bool| {
            let chosen = ratings.triplets().zip(held).filter(|(_, h)| **h == wanted);
            let triplets = chosen.map(|(triplet, _)| triplet);
            let part = Ratings::from_triplets(ratings.shape(), triplets, Duplicates::Error)?;
            let rows = 0..ratings.shape().0;
            let weights: Option<Vec<&[T]>> = rows.map(|row| ratings.weights(row)).collect();
            match weights {
                Some(weights) if !weights.is_empty() => {
                    let all = weights.into_iter().flatten().zip(held);
                    let chosen = all.filter(|(_, h)| **h == wanted);
                    part.with_weights(chosen.map(|(weight, _)| *weight).collect())
                }
                _ => Ok(part),
            }
        };
        Ok(Self {
            train: part(false)?,
            test: part(true)?,
        })
    }
}

pub(crate) fn check_share(name: &'static str, share: f64) -> Result<()> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    Err(Error::invalid_parameter(name, share, "above 0 and below 1"))
}

fn check_count(count: usize) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::invalid_parameter("count", 0, "at least 1"))
}

fn check_times<T: Scalar>(ratings: &Ratings<T>, times: &[i64]) -> Result<()> {
    if times.len() == ratings.observed() {
        return Ok(());
    }
    let expected = format!("{} (one for each entry)", ratings.observed());
    Err(Error::shape_mismatch("times", expected, times.len()))
}
