//! What a fit asks of its ratings, wherever they are held.

use crate::blocks::{Partition, Source, block_rows};
use crate::strata::Blocks;
use crate::survey::Targets;
use matfact_core::{DataFingerprint, ObservedEntries, Result, Scalar};
use matfact_linalg::{RatingsSurvey, survey_ratings};
use rayon::prelude::*;

/// Ratings in memory or on disk.
pub(crate) trait RatingSource: Sync {
    type Scalar: Scalar;

    /// Rows m and columns n.
    fn size(&self) -> (usize, usize);

    /// What tells these ratings from others.
    fn fingerprint(&self) -> DataFingerprint;

    /// Checks every entry, and takes counts, mean and scale.
    fn survey(&self, biased: bool) -> Result<RatingsSurvey<Self::Scalar>>;

    /// Row, column and value of a rating below 0.
    fn first_negative(&self) -> Option<(usize, usize, f64)>;

    /// Counts and sums by weight for a model of this shape; nothing where ratings have no weights.
    fn weighing(&self, shape: (usize, usize)) -> Option<Weighing>;

    /// The sum of each row's ratings over `scale`, by weight.
    fn sums_over(&self, scale: f64) -> Result<Vec<f64>>;

    /// The blocks with the values to approximate.
    fn blocks(
        &self,
        targets: &Targets<Self::Scalar>,
        plan: &BlockPlan<'_>,
    ) -> Result<Blocks<Self::Scalar>>;
}

/// Ratings with a weight above 0, and the sums of the weights: of each row, of each column.
pub(crate) struct Weighing {
    pub(crate) counts: [Vec<usize>; 2],
    pub(crate) totals: [Vec<f64>; 2],
}

/// How blocks are cut and ordered.
pub(crate) struct BlockPlan<'a> {
    pub(crate) rows: &'a Partition,
    pub(crate) columns: &'a Partition,
    /// The number of pieces in a factor row.
    pub(crate) width: usize,
    pub(crate) seed: u64,
    /// The random stream of the first range of rows.
    pub(crate) first_stream: u64,
}

impl<X: ObservedEntries + ?Sized> RatingSource for X {
    type Scalar = X::Scalar;

    fn size(&self) -> (usize, usize) {
        self.shape()
    }

    fn fingerprint(&self) -> DataFingerprint {
        DataFingerprint::of_observed(self)
    }

    fn survey(&self, biased: bool) -> Result<RatingsSurvey<X::Scalar>> {
        survey_ratings(self, biased)
    }

    fn first_negative(&self) -> Option<(usize, usize, f64)> {
        (0..self.shape().0).find_map(|row| {
            let entries = self.row(row);
            let mut pairs = entries.columns.iter().zip(entries.values);
            let (column, value) = pairs.find(|(_, value)| value.as_f64() < 0.0)?;
            Some((row, *column as usize, value.as_f64()))
        })
    }

    fn weighing(&self, (m, n): (usize, usize)) -> Option<Weighing> {
        let rows = self.shape().0;
        if !(0..rows).any(|row| self.weights(row).is_some()) {
            return None;
        }
        let mut counts = [vec![0; m], vec![0; n]];
        let mut totals = [vec![0.0; m], vec![0.0; n]];
        for row in 0..rows {
            let weights = self.weights(row).unwrap_or_default();
            for (column, weight) in self.row(row).columns.iter().zip(weights) {
                if *weight > X::Scalar::from_f64(0.0) {
                    for (side, member) in [row, *column as usize].into_iter().enumerate() {
                        counts[side][member] += 1;
                        totals[side][member] += weight.as_f64();
                    }
                }
            }
        }
        Some(Weighing { counts, totals })
    }

    fn sums_over(&self, scale: f64) -> Result<Vec<f64>> {
        let of_row = |row: usize| -> f64 {
            let values = self.row(row).values;
            let terms = values.iter().map(|value| value.as_f64() / scale);
            match self.weights(row) {
                None => terms.sum(),
                Some(weights) => terms.zip(weights).map(|(t, w)| t * w.as_f64()).sum(),
            }
        };
        Ok((0..self.shape().0).into_par_iter().map(of_row).collect())
    }

    fn blocks(
        &self,
        targets: &Targets<X::Scalar>,
        plan: &BlockPlan<'_>,
    ) -> Result<Blocks<X::Scalar>> {
        let source = Source {
            x: self,
            weighted: targets.weighted,
            target: |value| targets.of(value),
        };
        let partitions = (plan.rows, plan.columns);
        let stream_of = |range| plan.first_stream + range as u64;
        let blocks = block_rows(&source, partitions, plan.width, plan.seed, stream_of);
        Ok(Blocks::Memory(blocks))
    }
}
