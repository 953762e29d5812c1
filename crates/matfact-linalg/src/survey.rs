//! One look at ratings before a fit: are they sound, how many, how large.

use matfact_core::{Error, ObservedEntries, ObservedRow, Result, Scalar};
use rayon::prelude::*;
use std::ops::Range;

/// Rows that are summed in one go; fixed, so that sums do not depend on threads.
const ROWS_AT_ONCE: usize = 1024;

/// The most parts that entries are counted in at once.
const MOST_PARTS: usize = 8;
/// Entries that a part is worth its column counts for.
const ENTRIES_OF_A_COUNT: usize = 1 << 16;

/// A standard deviation below this part of the largest rating is rounding error.
const NEGLIGIBLE: f64 = 1e-14;

/// Without biases the factors have to make up the mean; it is at most this many units, or a step
/// would overshoot.
const LARGEST_MEAN: f64 = 10.0;

/// What a fit needs to know about its ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingsSurvey<T> {
    /// Rows (users) m and columns (items) n.
    pub shape: (usize, usize),
    /// The number of ratings.
    pub observed: usize,
    /// Ratings of each row (m).
    pub row_counts: Vec<usize>,
    /// Ratings of each column (n).
    pub column_counts: Vec<usize>,
    /// The mean μ, by weight where ratings have weights; 0 without biases.
    pub mean: T,
    /// The unit σ of a fit: the standard deviation of the ratings, or what stands for it where that is
    /// too small; never 0.
    pub scale: f64,
}

/// What one pass over ratings counts, whatever their order.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingCounts {
    /// Rows m and columns n.
    pub shape: (usize, usize),
    /// The number of ratings.
    pub observed: usize,
    /// Ratings of each row (m).
    pub row_counts: Vec<usize>,
    /// Ratings of each column (n).
    pub column_counts: Vec<usize>,
    /// The largest absolute value.
    pub largest: f64,
}

/// What a survey adds up over all ratings: their shares of a unit, or the squares of what those shares are from
/// their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurveyTerm {
    unit: f64,
    centre: Option<f64>,
}

impl SurveyTerm {
    /// The term of one rating.
    #[inline]
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        let share = value / self.unit;
        match self.centre {
            None => share,
            Some(centre) => (share - centre).powi(2),
        }
    }
}

/// Checks every entry and takes counts, mean and scale.
///
/// # Errors
/// [`Error::EmptyInput`] without rows, columns or ratings; [`Error::ShapeMismatch`],
/// [`Error::IndexOutOfRange`], [`Error::NonFinite`] for entries that cannot be.
pub fn survey_ratings<T: Scalar, X>(x: &X, biased: bool) -> Result<RatingsSurvey<T>>
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let (counts, total) = count_ratings(x)?;
    survey_from_sums(counts, total, biased, |term| {
        Ok(sum_over(x, |value| term.of(value)))
    })
}

/// The survey of ratings that are not in memory: from their counts, the sum `total` of their weights, and
/// `sum_over`, which adds a term up over all ratings (for the sums of rows: [`add_row_sums`]).
///
/// # Errors
/// [`Error::EmptyInput`] without ratings, and those of `sum_over`.
pub fn survey_from_sums<T: Scalar>(
    counts: RatingCounts,
    total: f64,
    biased: bool,
    mut sum_over: impl FnMut(SurveyTerm) -> Result<f64>,
) -> Result<RatingsSurvey<T>> {
    if counts.observed == 0 {
        return Err(Error::EmptyInput {
            rows: counts.shape.0,
            columns: counts.shape.1,
            stored: 0,
        });
    }
    // Relative to the largest value, so that nothing overflows.
    let unit = if counts.largest > 0.0 {
        counts.largest
    } else {
        1.0
    };
    let centre = None;
    let mean = T::from_f64(unit * (sum_over(SurveyTerm { unit, centre })? / total));
    let centre = mean.as_f64() / unit;
    let squares = sum_over(SurveyTerm {
        unit,
        centre: Some(centre),
    })?;
    let deviation = (squares / total).sqrt();
    let scale = if !biased {
        deviation.max(centre.abs() / LARGEST_MEAN)
    } else if deviation > NEGLIGIBLE {
        deviation
    } else {
        1.0
    };
    let scale = if scale > 0.0 { scale * unit } else { unit };
    Ok(RatingsSurvey {
        shape: counts.shape,
        observed: counts.observed,
        row_counts: counts.row_counts,
        column_counts: counts.column_counts,
        mean: if biased { mean } else { T::zero() },
        scale,
    })
}

/// The sum of the sums of all rows, added in the order in which [`survey_ratings`] adds them.
#[must_use]
pub fn add_row_sums(sums: &[f64]) -> f64 {
    let groups = sums.chunks(ROWS_AT_ONCE).map(|group| group.iter().sum());
    groups.collect::<Vec<f64>>().iter().sum()
}

/// Checks every entry and takes the counts, and the sum of the weights (the number of entries where there are none).
///
/// # Errors
/// As [`survey_ratings`].
pub fn count_ratings<X: ObservedEntries + ?Sized>(x: &X) -> Result<(RatingCounts, f64)> {
    let counts = count_entries(x)?;
    let weighted = (0..counts.shape.0).any(|row| x.weights(row).is_some());
    let total = if weighted {
        sum_over(x, |_| 1.0)
    } else {
        counts.observed as f64
    };
    if total == 0.0 {
        return Err(Error::EmptyInput {
            rows: counts.shape.0,
            columns: counts.shape.1,
            stored: counts.observed,
        });
    }
    Ok((counts, total))
}

fn count_entries<X: ObservedEntries + ?Sized>(x: &X) -> Result<RatingCounts> {
    let shape = x.shape();
    let empty = |stored| Error::EmptyInput {
        rows: shape.0,
        columns: shape.1,
        stored,
    };
    if shape.0 == 0 || shape.1 == 0 {
        return Err(empty(x.observed()));
    }
    // Each part has column counts of its own.
    let affordable = x.observed() / ENTRIES_OF_A_COUNT.max(shape.1);
    let parts = affordable.clamp(1, MOST_PARTS);
    let of_part = shape.0.div_ceil(parts);
    let first_of = |part: usize| shape.0.min(part * of_part);
    let counted: Vec<Result<RatingCounts>> = (0..parts)
        .into_par_iter()
        .map(|part| count_part(x, first_of(part)..first_of(part + 1)))
        .collect();
    let mut all = RatingCounts {
        shape,
        observed: 0,
        row_counts: Vec::with_capacity(shape.0),
        column_counts: vec![0; shape.1],
        largest: 0.0,
    };
    for part in counted {
        let part = match part {
            // Its place among all entries.
            Err(Error::IndexOutOfRange {
                axis,
                index,
                position,
                bound,
            }) => {
                return Err(Error::IndexOutOfRange {
                    axis,
                    index,
                    position: position + all.observed,
                    bound,
                });
            }
            part => part?,
        };
        all.observed += part.observed;
        all.largest = all.largest.max(part.largest);
        all.row_counts.extend(part.row_counts);
        let pairs = all.column_counts.iter_mut().zip(part.column_counts);
        pairs.for_each(|(all, own)| *all += own);
    }
    if all.observed == 0 {
        return Err(empty(0));
    }
    Ok(all)
}

/// Checks and counts the entries of some rows.
fn count_part<X: ObservedEntries + ?Sized>(x: &X, rows: Range<usize>) -> Result<RatingCounts> {
    let shape = x.shape();
    let mut row_counts = vec![0; rows.len()];
    let mut column_counts = vec![0; shape.1];
    let (mut observed, mut largest) = (0_usize, 0.0_f64);
    for (row, count) in rows.zip(&mut row_counts) {
        let entries = x.row(row);
        check_row(row, entries, shape.1, observed)?;
        if let Some(weights) = x.weights(row)
            && weights.len() != entries.values.len()
        {
            let what = format!("number of weights in row {row}");
            return Err(Error::shape_mismatch(
                what,
                entries.values.len(),
                weights.len(),
            ));
        }
        for (column, value) in entries.columns.iter().zip(entries.values) {
            column_counts[*column as usize] += 1;
            largest = largest.max(value.as_f64().abs());
        }
        *count = entries.values.len();
        observed += *count;
    }
    Ok(RatingCounts {
        shape,
        observed,
        row_counts,
        column_counts,
        largest,
    })
}

fn check_row<T: Scalar>(
    row: usize,
    entries: ObservedRow<'_, T>,
    bound: usize,
    position: usize,
) -> Result<()> {
    let ObservedRow { columns, values } = entries;
    if columns.len() != values.len() {
        let what = format!("number of values in row {row}");
        return Err(Error::shape_mismatch(what, columns.len(), values.len()));
    }
    if let Some(offset) = columns.iter().position(|column| *column as usize >= bound) {
        return Err(Error::IndexOutOfRange {
            axis: "column",
            index: i128::from(columns[offset]),
            position: position + offset,
            bound,
        });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(offset) => Err(Error::NonFinite {
            row,
            column: columns[offset] as usize,
            value: values[offset].as_f64(),
        }),
        None => Ok(()),
    }
}

/// The sum of `term` over all values, each by its weight, in an order that does not depend on threads.
fn sum_over<T: Scalar, X>(x: &X, term: impl Fn(f64) -> f64 + Sync) -> f64
where
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let rows = x.shape().0;
    let sum_of_group = |group: usize| -> f64 {
        (group * ROWS_AT_ONCE..rows.min((group + 1) * ROWS_AT_ONCE))
            .map(|row| {
                let terms = x.row(row).values.iter().map(|value| term(value.as_f64()));
                match x.weights(row) {
                    None => terms.sum::<f64>(),
                    Some(weights) => terms.zip(weights).map(|(t, w)| t * w.as_f64()).sum(),
                }
            })
            .sum()
    };
    let groups: Vec<f64> = (0..rows.div_ceil(ROWS_AT_ONCE))
        .into_par_iter()
        .map(sum_of_group)
        .collect();
    groups.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_A_ROW: usize = 100;

    /// Rows of as many entries each.
    struct Many {
        columns: Vec<u32>,
        values: Vec<f32>,
    }

    impl ObservedEntries for Many {
        type Scalar = f32;

        fn shape(&self) -> (usize, usize) {
            (self.columns.len() / OF_A_ROW, 2 * OF_A_ROW)
        }

        fn observed(&self) -> usize {
            self.columns.len()
        }

        fn row(&self, row: usize) -> ObservedRow<'_, f32> {
            let range = row * OF_A_ROW..(row + 1) * OF_A_ROW;
            ObservedRow {
                columns: &self.columns[range.clone()],
                values: &self.values[range],
            }
        }
    }

    #[test]
    fn entries_are_counted_in_parts_as_in_one() {
        let rows = 4321;
        let columns = (0..rows).flat_map(|i| (0..OF_A_ROW).map(move |e| (e + i % 90) as u32));
        let columns: Vec<u32> = columns.collect();
        let mut values = vec![1.0; columns.len()];
        values[300_000] = -7.0;
        let mut x = Many { columns, values };
        let parts = x.observed() / ENTRIES_OF_A_COUNT;
        assert!(parts > 2, "so many that there are parts");
        let (counts, total) = count_ratings(&x).unwrap();
        assert_eq!((counts.observed, counts.largest), (x.observed(), 7.0));
        assert_eq!(total, x.observed() as f64);
        assert_eq!(counts.row_counts, vec![OF_A_ROW; rows]);
        let mut of_columns = vec![0; 2 * OF_A_ROW];
        x.columns.iter().for_each(|j| of_columns[*j as usize] += 1);
        assert_eq!(counts.column_counts, of_columns);
        // The first that cannot be is named, by its place among all.
        x.values[410_000] = f32::NAN;
        x.columns[400_099] = 200;
        x.columns[420_099] = 201;
        let Err(Error::IndexOutOfRange {
            index, position, ..
        }) = count_ratings(&x)
        else {
            panic!("a column that is not there");
        };
        assert_eq!((index, position), (200, 400_099));
        x.columns[400_099] = 199;
        let refused = count_ratings(&x);
        assert!(matches!(refused, Err(Error::NonFinite { row: 4100, .. })));
    }
}
