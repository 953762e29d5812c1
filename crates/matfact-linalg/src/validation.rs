//! The error on entries kept aside, and the lists that should hold them.

mod ranked;

use matfact_core::{Error, Result, Validation};
use rayon::prelude::*;

pub use ranked::RankingValidation;

/// Entries that are summed in one go; fixed, so that the sum does not depend on threads.
const ENTRIES_AT_ONCE: usize = 1 << 13;

/// Refuses a validation set that says nothing about a model of ratings of `shape`.
///
/// # Errors
/// [`Error::InvalidParameter`] where it asks for a metric of lists; [`Error::EmptyInput`],
/// [`Error::IndexOutOfRange`], [`Error::NonFinite`].
pub fn check_validation(validation: &Validation, shape: (usize, usize)) -> Result<()> {
    let refuse = |name, value: &dyn ToString| {
        let requirement =
            "left out: an algorithm of ratings stops by their error, after every iteration";
        Err(Error::invalid_parameter(
            name,
            value.to_string(),
            requirement,
        ))
    };
    if let Some(metric) = validation.get_metric() {
        return refuse("validation_metric", &metric);
    }
    if let Some(every) = validation.get_every() {
        return refuse("validation_every", &every);
    }
    check_entries(validation, shape)
}

/// Refuses entries that are none of a matrix of `shape`.
fn check_entries(validation: &Validation, shape: (usize, usize)) -> Result<()> {
    let (rows, columns, values) = validation.entries();
    if values.is_empty() {
        return Err(Error::EmptyInput {
            rows: shape.0,
            columns: shape.1,
            stored: 0,
        });
    }
    for (axis, indices, bound) in [("row", rows, shape.0), ("column", columns, shape.1)] {
        if let Some(position) = indices.iter().position(|index| *index as usize >= bound) {
            return Err(Error::IndexOutOfRange {
                axis,
                index: i128::from(indices[position]),
                position,
                bound,
            });
        }
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(Error::NonFinite {
            row: rows[position] as usize,
            column: columns[position] as usize,
            value: values[position],
        }),
        None => Ok(()),
    }
}

/// The root mean square of value − `predict(row, column)`; the same bits for any number of threads.
///
/// ```
/// use matfact_core::{Duplicates, Ratings, Validation};
/// use matfact_linalg::validation_error;
/// let ratings = Ratings::from_triplets((2, 1), [(0, 0, 1.0), (1, 0, 3.0)], Duplicates::Error)?;
/// let error = validation_error(&Validation::of(&ratings), |row, _| row as f64);
/// assert!((error - 2.5_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub fn validation_error(
    validation: &Validation,
    predict: impl Fn(usize, usize) -> f64 + Sync,
) -> f64 {
    validation_mean(validation, |row, column, value| {
        (value - predict(row, column)).powi(2)
    })
    .sqrt()
}

/// The mean of `term(row, column, value)` over the entries; the same bits for any number of threads.
pub fn validation_mean(
    validation: &Validation,
    term: impl Fn(usize, usize, f64) -> f64 + Sync,
) -> f64 {
    let (rows, columns, values) = validation.entries();
    let sum = |start: usize| -> f64 {
        let end = values.len().min(start + ENTRIES_AT_ONCE);
        (start..end)
            .map(|e| term(rows[e] as usize, columns[e] as usize, values[e]))
            .sum()
    };
    let starts: Vec<usize> = (0..values.len()).step_by(ENTRIES_AT_ONCE).collect();
    let sums: Vec<f64> = starts.into_par_iter().map(sum).collect();
    sums.iter().sum::<f64>() / values.len() as f64
}
