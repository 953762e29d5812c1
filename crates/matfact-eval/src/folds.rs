//! Folds of cross-validation.

use crate::Split;
use crate::keys::key;
use matfact_core::{Error, ObservedEntries, Ratings, Result, Scalar};

/// Entries in `folds` random parts of equal size (within one): each part is held out once.
///
/// | field | default | range |
/// |---|---|---|
/// | `folds` | none | ≥ 2, and at most the number of entries |
/// | `seed` | 0 | |
///
/// ```
/// use matfact_core::{Duplicates, ObservedEntries, Ratings};
/// use matfact_eval::KFold;
/// let entries = (0..11).map(|i| (0, i, 1.0));
/// let ratings = Ratings::from_triplets((1, 11), entries, Duplicates::Error)?;
/// let folds = KFold::new(5).seed(3);
/// assert_eq!(folds.split(&ratings, 0)?.test.observed(), 3);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KFold {
    folds: usize,
    seed: u64,
}

impl KFold {
    /// So many folds.
    #[must_use]
    pub fn new(folds: usize) -> Self {
        Self { folds, seed: 0 }
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The number of folds.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// The split with fold number `fold`, from 0, held out.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than 2 folds, more than there are entries, or a fold that
    /// there is not.
    pub fn split<T: Scalar>(&self, ratings: &Ratings<T>, fold: usize) -> Result<Split<T>> {
        let entries = ratings.observed();
        if self.folds < 2 || self.folds > entries {
            let requirement = format!("at least 2 and at most the {entries} entries");
            return Err(Error::invalid_parameter("folds", self.folds, requirement));
        }
        if fold >= self.folds {
            let requirement = format!("below the {} folds", self.folds);
            return Err(Error::invalid_parameter("fold", fold, requirement));
        }
        let mut order: Vec<usize> = (0..entries).collect();
        order.sort_by_cached_key(|entry| (key(self.seed, *entry as u64), *entry));
        let mut held = vec![false; entries];
        for entry in order.into_iter().skip(fold).step_by(self.folds) {
            held[entry] = true;
        }
        Split::from_choice(ratings, &held)
    }
}
