//! Ratings on disk, sorted, with what a fit asks of them first.

use super::spill::{Spill, StreamReader};
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
    /// The least and the largest.
    range: (T, T),
    fingerprint: DataFingerprint,
}

impl<T: Scalar> DiskRatings<T> {
    pub(super) fn new(
        sorted: Spill<T>,
        counts: RatingCounts,
        first_negative: Option<BlockEntry<T>>,
        range: (T, T),
        fingerprint: DataFingerprint,
    ) -> Self {
        Self {
            sorted,
            counts,
            first_negative,
            range,
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

    /// The least and the largest rating.
    #[must_use]
    pub fn range(&self) -> (T, T) {
        self.range
    }

    /// The mean of the ratings, to the bit as [`Ratings::mean`](matfact_core::Ratings::mean) has it. All of them are read.
    ///
    /// # Errors
    /// [`Error::Io`](matfact_core::Error::Io) with the folder.
    pub fn mean(&self) -> Result<f64> {
        let mut sum = 0.0;
        self.for_each(|_, _, value| {
            sum += value.as_f64();
            Ok(())
        })?;
        Ok(sum / self.observed() as f64)
    }

    /// Hands every rating to `visit`, as row, column and value: by row, and by column in each row. What is read ahead
    /// takes 8 MB in f32.
    ///
    /// # Errors
    /// Those of `visit`, which end the visits; [`Error::Io`](matfact_core::Error::Io) with the folder, also for bytes that
    /// are not those that were written.
    ///
    /// ```
    /// use matfact_sgd::DiskRatingsWriter;
    /// let mut writer = DiskRatingsWriter::new(std::env::temp_dir())?;
    /// for (user, item, rating) in [(1, 1, 2.0), (0, 1, 3.0), (0, 0, 4.0)] {
    ///     writer.push(user, item, rating)?;
    /// }
    /// let ratings = writer.finish()?;
    /// let mut seen = Vec::new();
    /// ratings.for_each(|user, item, rating| {
    ///     seen.push((user, item, rating));
    ///     Ok(())
    /// })?;
    /// assert_eq!(seen, [(0, 0, 4.0), (0, 1, 3.0), (1, 1, 2.0)]);
    /// assert_eq!((ratings.range(), ratings.mean()?), ((2.0, 4.0), 3.0));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize, T) -> Result<()>) -> Result<()> {
        let mut streams: Vec<_> = (0..self.sorted.streams()).map(StreamReader::new).collect();
        let count = streams.len();
        let mut bytes = Vec::new();
        for (row, entries) in self.counts.row_counts.iter().enumerate() {
            for _ in 0..*entries {
                if let Some(entry) = streams[row % count].next(&self.sorted, &mut bytes)? {
                    visit(row, entry.column as usize, entry.value)?;
                }
            }
        }
        Ok(())
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
