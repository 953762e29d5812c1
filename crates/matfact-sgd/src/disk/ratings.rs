//! Ratings on disk, sorted, with what a fit asks of them first.

use super::spill::Spill;
use super::{Arrangement, StrataFile};
use crate::input::{BlockPlan, RatingSource, Weighing};
use crate::strata::Blocks;
use crate::survey::Targets;
use crate::{Sgd, fit};
use matfact_core::{DataFingerprint, FactorModel, Factorizer, Fit, Result, Run, Scalar};
use matfact_linalg::{BlockEntry, RatingCounts, RatingsSurvey, add_row_sums, survey_from_sums};

/// Ratings in a temporary file, made by a [`DiskRatingsWriter`](crate::DiskRatingsWriter): input of [`Sgd`] that need
/// not fit into memory. The file is removed when this value goes, also after an error.
///
/// A fit gives **the same bits** as one on the same ratings in memory, with every setting of [`Sgd`] (weights of ratings
/// are not kept here), and goes on from a checkpoint of it. It cuts the ratings into the same B x B blocks, B an eighth of the cube root of their number
/// and at most 256, writes them to a second temporary file in the order of their visits, and in every epoch reads
/// stratum after stratum, one ahead on a thread of its own. In memory are the factors, the counts of rows and
/// columns, and three times a B-th of the ratings (of 10 million a 26th, of 10 billion a 256th). On disk it takes
/// up to 36 bytes for each rating in f32, 48 in f64.
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings, Run};
/// use matfact_sgd::{DiskRatingsWriter, Sgd};
/// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
/// let mut writer = DiskRatingsWriter::new(std::env::temp_dir())?;
/// for (user, item, rating) in triplets {
///     writer.push(user, item, rating)?;
/// }
/// let on_disk = Sgd::new(2).fit_with(&writer.finish()?, &mut Run::new().threads(2))?;
/// let in_memory = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
/// assert_eq!(on_disk.model, Sgd::new(2).fit(&in_memory)?.model);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DiskRatings<T> {
    /// Each row in one stream, sorted by row and column.
    sorted: Spill<T>,
    counts: RatingCounts,
    /// The first by row and column.
    first_negative: Option<BlockEntry<T>>,
    fingerprint: DataFingerprint,
}

impl<T: Scalar> DiskRatings<T> {
    pub(super) fn new(
        sorted: Spill<T>,
        counts: RatingCounts,
        first_negative: Option<BlockEntry<T>>,
        fingerprint: DataFingerprint,
    ) -> Self {
        Self {
            sorted,
            counts,
            first_negative,
            fingerprint,
        }
    }

    /// Rows (users) m and columns (items) n.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.counts.shape
    }

    /// The number of ratings.
    #[must_use]
    pub fn observed(&self) -> usize {
        self.counts.observed
    }

    /// The sum of `term` over the ratings of each row.
    fn row_sums(&self, term: impl Fn(f64) -> f64) -> Result<Vec<f64>> {
        // As the sums of rows without ratings come out in memory, to the sign of their zero.
        let nothing: f64 = [0.0; 0].iter().sum();
        let mut sums = vec![nothing; self.counts.shape.0];
        let mut entries = Vec::new();
        for stream in 0..self.sorted.streams() {
            self.sorted.read(stream, &mut entries)?;
            for row in entries.chunk_by(|a, b| a.row == b.row) {
                let terms = row.iter().map(|entry| term(entry.value.as_f64()));
                sums[row[0].row as usize] = terms.sum();
            }
        }
        Ok(sums)
    }
}

impl<T: Scalar> Factorizer<DiskRatings<T>> for Sgd {
    type Model = FactorModel<T>;

    fn fit_with(&self, x: &DiskRatings<T>, run: &mut Run<'_>) -> Result<Fit<FactorModel<T>>> {
        fit::start(self, x, None, run)
    }
}

impl<T: Scalar> RatingSource for DiskRatings<T> {
    type Scalar = T;

    fn size(&self) -> (usize, usize) {
        self.counts.shape
    }

    fn fingerprint(&self) -> DataFingerprint {
        self.fingerprint.clone()
    }

    fn survey(&self, biased: bool) -> Result<RatingsSurvey<T>> {
        let counts = self.counts.clone();
        let total = counts.observed as f64;
        survey_from_sums(counts, total, biased, |term| {
            Ok(add_row_sums(&self.row_sums(|value| term.of(value))?))
        })
    }

    fn first_negative(&self) -> Option<(usize, usize, f64)> {
        let entry = self.first_negative?;
        Some((
            entry.row as usize,
            entry.column as usize,
            entry.value.as_f64(),
        ))
    }

    fn weighing(&self, _: (usize, usize)) -> Option<Weighing> {
        None
    }

    fn sums_over(&self, scale: f64) -> Result<Vec<f64>> {
        self.row_sums(|value| value / scale)
    }

    fn blocks(&self, targets: &Targets<T>, plan: &BlockPlan<'_>) -> Result<Blocks<T>> {
        let arrangement = Arrangement {
            plan,
            target: |value| targets.of(value),
        };
        Ok(Blocks::Disk(StrataFile::new(&self.sorted, &arrangement)?))
    }
}
