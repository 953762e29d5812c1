//! Compressed rows made of untrusted parts, everything checked first.

use crate::{Error, Result, Scalar};
use sprs::CsMatI;

/// What to do with a position that is given more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Duplicates {
    /// Refuse it: [`Error::DuplicateEntry`].
    #[default]
    Error,
    /// Add the values up, as SciPy does.
    Sum,
    /// Keep the value that was given last.
    Last,
}

/// An integer type that raw indices from elsewhere may have.
pub trait RawIndex: Copy {
    /// The same number, wide enough for every type, negative ones included.
    fn widen(self) -> i128;
}

macro_rules! raw_index {
    ($($integer:ty),*) => {$(
        impl RawIndex for $integer {
            fn widen(self) -> i128 {
                self as i128
            }
        }
    )*};
}
raw_index!(u32, u64, usize, i32, i64);

/// Columns are stored as `u32`; a wider matrix would have to be compacted first.
pub(in crate::input) fn check_width(shape: (usize, usize)) -> Result<()> {
    if u64::try_from(shape.1).is_ok_and(|columns| columns <= 1 << 32) {
        Ok(())
    } else {
        Err(Error::TooLarge {
            what: format!("a column index below {} in 32 bits", shape.1),
        })
    }
}

fn check_index(axis: &'static str, index: i128, position: usize, bound: usize) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|i| *i < bound)
        .ok_or(Error::IndexOutOfRange {
            axis,
            index,
            position,
            bound,
        })
}

/// A CSR matrix from the three raw arrays of any library, everything checked first.
///
/// Unsorted rows are sorted (the same matrix, hence the same bits as from sorted ones); explicit
/// zeros are kept.
///
/// # Errors
/// [`Error::InvalidRowPointers`] if the pointers do not start at 0, decrease, do not end at the
/// number of entries or are not one more than the rows; [`Error::ShapeMismatch`] if indices and
/// values differ in length; [`Error::IndexOutOfRange`] for a negative or too large column;
/// [`Error::DuplicateEntry`] under [`Duplicates::Error`]; [`Error::TooLarge`] for more than 2^32
/// columns.
///
/// ```
/// use matfact_core::{Duplicates, Error, csr_from_raw_parts};
/// let x = csr_from_raw_parts((2, 3), &[0, 2, 3], &[2, 0, 1], &[5.0, 4.0, 3.0], Duplicates::Error)?;
/// assert_eq!(x.get(0, 2), Some(&5.0));
/// let bad = csr_from_raw_parts((1, 3), &[0, 1], &[-7], &[1.0], Duplicates::Error);
/// assert!(matches!(bad, Err(Error::IndexOutOfRange { index: -7, position: 0, bound: 3, .. })));
/// # Ok::<(), Error>(())
/// ```
pub fn csr_from_raw_parts<T: Scalar, P: RawIndex, J: RawIndex>(
    shape: (usize, usize),
    pointers: &[P],
    columns: &[J],
    values: &[T],
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    check_width(shape)?;
    let invalid = |position: usize, reason: String| Error::InvalidRowPointers { position, reason };
    if pointers.len() != shape.0 + 1 {
        let reason = format!(
            "{} pointers for {} rows (one more is needed)",
            pointers.len(),
            shape.0
        );
        return Err(invalid(pointers.len(), reason));
    }
    if columns.len() != values.len() {
        return Err(Error::shape_mismatch(
            "column indices and values",
            columns.len(),
            values.len(),
        ));
    }
    if pointers[0].widen() != 0 {
        return Err(invalid(
            0,
            format!("the first is {}, not 0", pointers[0].widen()),
        ));
    }
    for (position, pair) in pointers.windows(2).enumerate() {
        if pair[1].widen() < pair[0].widen() {
            let reason = format!("{} follows {}", pair[1].widen(), pair[0].widen());
            return Err(invalid(position + 1, reason));
        }
    }
    if pointers[shape.0].widen() != values.len() as i128 {
        let reason = format!(
            "the last is {}, not {}",
            pointers[shape.0].widen(),
            values.len()
        );
        return Err(invalid(shape.0, reason));
    }
    let mut checked = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter().enumerate() {
        checked.push(check_index("column", column.widen(), position, shape.1)? as u32);
    }
    let pointers: Vec<usize> = pointers.iter().map(|p| p.widen() as usize).collect();
    finish_rows(shape, pointers, checked, values.to_vec(), duplicates)
}

/// A CSR matrix from `(row, column, value)` triplets in any order.
///
/// # Errors
/// [`Error::IndexOutOfRange`], [`Error::DuplicateEntry`] under [`Duplicates::Error`],
/// [`Error::TooLarge`] for more than 2^32 columns.
///
/// ```
/// use matfact_core::{Duplicates, csr_from_triplets};
/// let x = csr_from_triplets((2, 2), [(1, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0)], Duplicates::Sum)?;
/// assert_eq!(x.get(1, 0), Some(&4.0));
/// # Ok::<(), matfact_core::Error>(())
/// ```
pub fn csr_from_triplets<T: Scalar>(
    shape: (usize, usize),
    triplets: impl IntoIterator<Item = (usize, usize, T)>,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    check_width(shape)?;
    let mut pointers = vec![0_usize; shape.0 + 1];
    let mut entries = Vec::new();
    for (position, (row, column, value)) in triplets.into_iter().enumerate() {
        check_index("row", row as i128, position, shape.0)?;
        let column = check_index("column", column as i128, position, shape.1)?;
        pointers[row + 1] += 1;
        entries.push((row, column as u32, value));
    }
    for row in 0..shape.0 {
        pointers[row + 1] += pointers[row];
    }
    // A counting sort by row keeps the order of arrival inside a row.
    let mut next = pointers.clone();
    let mut columns = vec![0_u32; entries.len()];
    let mut values = vec![T::zero(); entries.len()];
    for (row, column, value) in entries {
        columns[next[row]] = column;
        values[next[row]] = value;
        next[row] += 1;
    }
    finish_rows(shape, pointers, columns, values, duplicates)
}

/// Sorts each row by column and settles duplicates; indices are in range already.
pub(in crate::input) fn finish_rows<T: Scalar>(
    shape: (usize, usize),
    mut pointers: Vec<usize>,
    mut columns: Vec<u32>,
    mut values: Vec<T>,
    duplicates: Duplicates,
) -> Result<CsMatI<T, u32, usize>> {
    let increasing = |row: &[u32]| row.windows(2).all(|pair| pair[0] < pair[1]);
    let mut order: Vec<(u32, T)> = Vec::new();
    let mut kept = 0;
    for row in 0..shape.0 {
        let range = pointers[row]..pointers[row + 1];
        pointers[row] = kept;
        if increasing(&columns[range.clone()]) {
            columns.copy_within(range.clone(), kept);
            values.copy_within(range.clone(), kept);
            kept += range.len();
            continue;
        }
        order.clear();
        order.extend(range.map(|position| (columns[position], values[position])));
        // Stable, so that the last of equal columns is the one that came last.
        order.sort_by_key(|(column, _)| *column);
        let start = kept;
        for &(column, value) in &order {
            if kept > start && columns[kept - 1] == column {
                match duplicates {
                    Duplicates::Error => {
                        return Err(Error::DuplicateEntry {
                            row,
                            column: column as usize,
                        });
                    }
                    Duplicates::Sum => values[kept - 1] += value,
                    Duplicates::Last => values[kept - 1] = value,
                }
            } else {
                columns[kept] = column;
                values[kept] = value;
                kept += 1;
            }
        }
    }
    pointers[shape.0] = kept;
    columns.truncate(kept);
    values.truncate(kept);
    CsMatI::try_new(shape, pointers, columns, values)
        .map_err(|(_, _, _, error)| Error::shape_mismatch("sparse structure", "valid CSR", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 22 to 28 and 36 of the reliability list: no raw array reaches a kernel unchecked.
    #[test]
    fn raw_parts_are_checked() {
        let make = |shape, pointers: &[i64], columns: &[i64], values: &[f64]| {
            csr_from_raw_parts(shape, pointers, columns, values, Duplicates::Error).map(|_| ())
        };
        let three = [1.0, 1.0, 1.0];
        assert!(make((2, 3), &[0, 2, 3], &[0, 1, 2], &three).is_ok());
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 10_000, 2], &three),
            Err(Error::IndexOutOfRange {
                index: 10_000,
                position: 1,
                bound: 3,
                ..
            })
        ));
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 1, -7], &three),
            Err(Error::IndexOutOfRange {
                index: -7,
                position: 2,
                ..
            })
        ));
        for (pointers, position) in [
            (&[0, 4, 3][..], 2),
            (&[1, 2, 3][..], 0),
            (&[0, 2, 2][..], 2),
            (&[0, 3][..], 2),
            (&[0, -1, 3][..], 1),
        ] {
            match make((2, 3), pointers, &[0, 1, 2], &three) {
                Err(Error::InvalidRowPointers { position: at, .. }) => assert_eq!(at, position),
                other => panic!("{pointers:?} gave {other:?}"),
            }
        }
        assert!(matches!(
            make((2, 3), &[0, 2, 3], &[0, 1, 2], &[1.0]),
            Err(Error::ShapeMismatch { .. })
        ));
    }

    #[test]
    fn unsorted_rows_and_duplicates_are_settled_by_the_stated_rule() {
        let make = |duplicates| {
            let columns = [2, 0, 2, 1];
            csr_from_raw_parts((1, 3), &[0, 4], &columns, &[1.0, 2.0, 3.0, 4.0], duplicates)
        };
        assert!(matches!(
            make(Duplicates::Error),
            Err(Error::DuplicateEntry { row: 0, column: 2 })
        ));
        assert_eq!(make(Duplicates::Sum).unwrap().data(), [2.0, 4.0, 4.0]);
        assert_eq!(make(Duplicates::Last).unwrap().data(), [2.0, 4.0, 3.0]);
    }
}
