//! Counts of words in texts, weighted: one new value for each stored entry, so that what is sparse stays
//! sparse.
//!
//! Each weighting is learned from the counts of one corpus (`of`) and applied to those or others of the
//! same terms (`apply`), such as new texts for a model that was fitted on weighted ones.

mod bm25;
mod log_entropy;
mod tf_idf;

pub use bm25::Bm25;
pub use log_entropy::LogEntropy;
pub use tf_idf::{TfIdf, tf_idf};

use super::sparse::{Duplicates, check_width, finish_rows};
use super::{Matrix, Summary};
use crate::{Error, Result, Scalar};
use ndarray::Array1;
use sprs::CsMatI;

/// Refuses counts that a weighting of `terms` terms, called `name`, cannot weigh.
fn check_counts<X: Matrix + ?Sized>(counts: &X, terms: usize, name: &'static str) -> Result<()> {
    let columns = counts.shape().1;
    if columns != terms {
        return Err(Error::shape_mismatch(
            "columns of the counts",
            terms,
            columns,
        ));
    }
    Summary::of(counts).require_non_negative(name)
}

/// In how many rows each column has an entry that is not zero.
fn document_frequencies<X: Matrix + ?Sized>(counts: &X) -> Vec<usize> {
    let mut frequencies = vec![0_usize; counts.shape().1];
    let zero = X::Scalar::from_f64(0.0);
    counts.visit(&mut |_, column, value| {
        frequencies[column] += usize::from(value != zero);
    });
    frequencies
}

/// The weights of terms that a caller gives: finite and >= 0.
fn check_weights<T: Scalar>(weights: &Array1<T>, what: &str) -> Result<()> {
    let bad = weights
        .iter()
        .position(|v| !v.is_finite() || *v < T::zero());
    match bad {
        Some(at) => Err(Error::InvalidModel {
            reason: format!("the {what} at {at} is {}", weights[at]),
        }),
        None => Ok(()),
    }
}

/// The entries that are not zero, as compressed rows: two passes, and no memory but the result's.
fn nonzero_rows<X: Matrix + ?Sized>(x: &X) -> Result<CsMatI<X::Scalar, u32, usize>> {
    let shape = x.shape();
    check_width(shape)?;
    let zero = X::Scalar::from_f64(0.0);
    let mut pointers = vec![0_usize; shape.0 + 1];
    x.visit(&mut |row, _, value| pointers[row + 1] += usize::from(value != zero));
    for row in 0..shape.0 {
        pointers[row + 1] += pointers[row];
    }
    let mut next = pointers.clone();
    let mut columns = vec![0_u32; pointers[shape.0]];
    let mut values = vec![zero; pointers[shape.0]];
    x.visit(&mut |row, column, value| {
        if value != zero {
            columns[next[row]] = column as u32;
            values[next[row]] = value;
            next[row] += 1;
        }
    });
    finish_rows(shape, pointers, columns, values, Duplicates::Error)
}

/// The entries that are not zero, each row of them changed by `weigh(columns, values)`.
fn weighted_rows<X: Matrix + ?Sized>(
    counts: &X,
    weigh: impl Fn(&[u32], &mut [X::Scalar]),
) -> Result<CsMatI<X::Scalar, u32, usize>> {
    let mut weights = nonzero_rows(counts)?;
    let (pointers, columns, values) = weights.view_mut().into_raw_storage();
    for bounds in pointers.windows(2) {
        let row = bounds[0]..bounds[1];
        weigh(&columns[row.clone()], &mut values[row]);
    }
    Ok(weights)
}
