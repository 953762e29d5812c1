//! Ratings: a sparse matrix whose absent entries are unknown.

use super::{Duplicates, ObservedEntries, ObservedRow, csr_from_triplets};
use crate::{Error, Result, Scalar};
use ndarray::ArrayView2;
use sprs::{CsMatI, CsMatViewI};

/// Observed ratings of rows (users) for columns (items); what is not stored is unknown, and a
/// stored zero is a rating of zero.
///
/// Held as an `sprs` CSR matrix with 32-bit columns, reachable through [`Ratings::csr`]. All values
/// are finite.
///
/// ```
/// use matfact_core::{Duplicates, Ratings};
/// let triplets = [(0, 0, 5.0), (0, 2, 1.0), (1, 1, 4.0)];
/// let ratings = Ratings::from_triplets((2, 3), triplets, Duplicates::Error)?;
/// assert_eq!(ratings.mean(), 10.0 / 3.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings<T> {
    matrix: CsMatI<T, u32, usize>,
    /// One for each entry, in the order of the matrix.
    weights: Option<Vec<T>>,
}

/// Ratings that borrow an `sprs` view: nothing is copied.
///
/// ```
/// use matfact_core::{ObservedEntries, RatingsView};
/// let stored = sprs::CsMatI::<f32, u32, usize>::new((1, 2), vec![0, 1], vec![1], vec![3.0]);
/// assert_eq!(RatingsView::new(stored.view())?.observed(), 1);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RatingsView<'a, T> {
    matrix: CsMatViewI<'a, T, u32, usize>,
    weights: Option<&'a [T]>,
}

impl<T: Scalar> Ratings<T> {
    /// Ratings from `(row, column, value)` triplets in any order.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`], [`Error::DuplicateEntry`] under [`Duplicates::Error`],
    /// [`Error::NonFinite`].
    pub fn from_triplets(
        shape: (usize, usize),
        triplets: impl IntoIterator<Item = (usize, usize, T)>,
        duplicates: Duplicates,
    ) -> Result<Self> {
        Self::from_csr(csr_from_triplets(shape, triplets, duplicates)?)
    }

    /// Takes the stored entries of a CSR matrix as the observed ones, explicit zeros included.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] if the matrix is CSC, [`Error::NonFinite`].
    pub fn from_csr(matrix: CsMatI<T, u32, usize>) -> Result<Self> {
        check(matrix.view())?;
        Ok(Self {
            matrix,
            weights: None,
        })
    }

    /// The same ratings, each with a weight: how much it counts in a fit. A weight of 0 takes an entry
    /// out, one of 2 counts it twice.
    ///
    /// `weights` are in the order of [`Ratings::triplets`], by row and column.
    ///
    /// ```
    /// use matfact_core::{Duplicates, ObservedEntries, Ratings};
    /// let triplets = [(0, 1, 5.0), (1, 0, 2.0), (1, 1, 4.0)];
    /// let ratings = Ratings::from_triplets((2, 2), triplets, Duplicates::Error)?;
    /// let weighted = ratings.with_weights(vec![1.0, 0.5, 2.0])?;
    /// assert_eq!(weighted.weights(1), Some(&[0.5, 2.0][..]));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there is not one weight for each rating,
    /// [`Error::InvalidParameter`] for one that is negative or not finite.
    pub fn with_weights(mut self, weights: Vec<T>) -> Result<Self> {
        if weights.len() != self.matrix.nnz() {
            let expected = format!("{} (one for each rating)", self.matrix.nnz());
            return Err(Error::shape_mismatch("weights", expected, weights.len()));
        }
        let allowed = |weight: &T| weight.is_finite() && *weight >= T::zero();
        if let Some(position) = weights.iter().position(|weight| !allowed(weight)) {
            let (row, column, _) = self.triplets().nth(position).expect("it has a rating");
            return Err(Error::invalid_parameter(
                "weights",
                weights[position],
                format!("finite and at least 0 (that of row {row}, column {column})"),
            ));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The same ratings, each with a weight that halves with every `half_life` of age:
    /// 2^(−(newest − t) / half_life), times the weight that it had.
    ///
    /// `times` are in the order of [`Ratings::triplets`], in any unit, which is that of `half_life` (above 0).
    ///
    /// ```
    /// use matfact_core::{Duplicates, ObservedEntries, Ratings};
    /// let ratings = Ratings::from_triplets((1, 2), [(0, 0, 5.0), (0, 1, 2.0)], Duplicates::Error)?;
    /// let faded = ratings.with_half_life(&[2020.0, 2026.0], 3.0)?;
    /// assert_eq!(faded.weights(0), Some(&[0.25, 1.0][..]));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there is not one time for each rating, [`Error::InvalidParameter`] for a
    /// time that is not finite and for a half-life that is not above 0.
    pub fn with_half_life(self, times: &[f64], half_life: f64) -> Result<Self> {
        if times.len() != self.matrix.nnz() {
            let expected = format!("{} (one for each rating)", self.matrix.nnz());
            return Err(Error::shape_mismatch("times", expected, times.len()));
        }
        if !(half_life > 0.0 && half_life.is_finite()) {
            let requirement = "finite and above 0, in the unit of the times";
            return Err(Error::invalid_parameter(
                "half_life",
                half_life,
                requirement,
            ));
        }
        if let Some(time) = times.iter().find(|time| !time.is_finite()) {
            return Err(Error::invalid_parameter("times", time, "finite"));
        }
        let newest = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let faded = |(e, time): (usize, &f64)| {
            let before = self.weights.as_ref().map_or(1.0, |w| w[e].as_f64());
            T::from_f64(before * (-(newest - time) / half_life).exp2())
        };
        let weights = times.iter().enumerate().map(faded).collect();
        self.with_weights(weights)
    }

    /// Takes the entries of a dense table as ratings, except those equal to `absent` (NaN marks
    /// NaN).
    ///
    /// ```
    /// use matfact_core::{ObservedEntries, Ratings};
    /// let table = ndarray::array![[5.0, f64::NAN], [0.0, 3.0]];
    /// assert_eq!(Ratings::from_dense(table.view(), f64::NAN)?.observed(), 3);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NonFinite`] for other values that are not finite.
    pub fn from_dense(table: ArrayView2<'_, T>, absent: T) -> Result<Self> {
        let known = table
            .indexed_iter()
            .filter(|(_, v)| !(**v == absent || (v.is_nan() && absent.is_nan())))
            .map(|((row, column), value)| (row, column, *value));
        Self::from_triplets(table.dim(), known, Duplicates::Error)
    }

    /// The ratings as an `sprs` matrix.
    #[must_use]
    pub fn csr(&self) -> &CsMatI<T, u32, usize> {
        &self.matrix
    }

    /// The same ratings, borrowed.
    #[must_use]
    pub fn view(&self) -> RatingsView<'_, T> {
        RatingsView {
            matrix: self.matrix.view(),
            weights: self.weights.as_deref(),
        }
    }

    /// All `(row, column, value)` triplets, by row and column.
    pub fn triplets(&self) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        self.matrix
            .iter()
            .map(|(value, (row, column))| (row as usize, column as usize, *value))
    }

    /// The mean of the observed values, in `f64`; NaN without any.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let values = self.matrix.data();
        values.iter().map(|v| v.as_f64()).sum::<f64>() / values.len() as f64
    }
}

impl<'a, T: Scalar> RatingsView<'a, T> {
    /// Takes the stored entries of a CSR view as the observed ones.
    ///
    /// # Errors
    /// [`Error::UnsupportedInput`] if the matrix is CSC, [`Error::NonFinite`].
    pub fn new(matrix: CsMatViewI<'a, T, u32, usize>) -> Result<Self> {
        check(matrix.view())?;
        Ok(Self {
            matrix,
            weights: None,
        })
    }
}

fn check<T: Scalar>(matrix: CsMatViewI<'_, T, u32, usize>) -> Result<()> {
    if !matrix.is_csr() {
        return Err(Error::UnsupportedInput {
            algorithm: "Ratings",
            expected: "compressed rows (CSR)",
            actual: "compressed columns (CSC): call to_csr() on it first",
        });
    }
    // Piece by piece, without a branch for each value: as fast as memory is.
    let is_finite = |piece: &[T]| {
        piece
            .iter()
            .fold(true, |all, value| all & value.is_finite())
    };
    if matrix.data().chunks(1 << 12).all(is_finite) {
        return Ok(());
    }
    // Not through `Summary`, which has no opinion on an empty shape's entries.
    match matrix.iter().find(|(value, _)| !value.is_finite()) {
        Some((value, (row, column))) => Err(Error::NonFinite {
            row: row as usize,
            column: column as usize,
            value: value.as_f64(),
        }),
        None => Ok(()),
    }
}

fn row_of<'a, T: Clone>(matrix: &CsMatViewI<'a, T, u32, usize>, row: usize) -> ObservedRow<'a, T> {
    let (pointers, columns, values) = matrix.clone().into_raw_storage();
    let range = pointers[row] - pointers[0]..pointers[row + 1] - pointers[0];
    ObservedRow {
        columns: &columns[range.clone()],
        values: &values[range],
    }
}

impl<T: Scalar> ObservedEntries for Ratings<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.matrix.shape()
    }

    fn observed(&self) -> usize {
        self.matrix.nnz()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, T> {
        row_of(&self.matrix.view(), row)
    }

    fn weights(&self, row: usize) -> Option<&[T]> {
        let weights = self.weights.as_deref()?;
        Some(&weights[self.matrix.indptr().outer_inds_sz(row)])
    }
}

impl<T: Scalar> ObservedEntries for RatingsView<'_, T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.matrix.shape()
    }

    fn observed(&self) -> usize {
        self.matrix.nnz()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, T> {
        row_of(&self.matrix, row)
    }

    fn weights(&self, row: usize) -> Option<&[T]> {
        let weights = self.weights?;
        Some(&weights[self.matrix.indptr().outer_inds_sz(row)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_zero_is_a_rating_and_nan_is_refused_by_place() {
        let ratings =
            Ratings::from_triplets((2, 2), [(0, 1, 0.0), (1, 0, 2.0)], Duplicates::Error).unwrap();
        assert_eq!(ratings.observed(), 2);
        assert_eq!(
            ratings.row(0),
            ObservedRow {
                columns: &[1],
                values: &[0.0]
            }
        );
        let bad = Ratings::from_triplets((2, 2), [(1, 1, f32::NAN)], Duplicates::Error);
        assert!(matches!(
            bad,
            Err(Error::NonFinite {
                row: 1,
                column: 1,
                ..
            })
        ));
        let csc = ratings.csr().to_csc();
        assert!(matches!(
            Ratings::from_csr(csc),
            Err(Error::UnsupportedInput { .. })
        ));
    }

    #[test]
    fn a_view_of_some_rows_reads_its_own_rows() {
        let triplets = [(0, 0, 1.0), (1, 1, 2.0), (2, 0, 3.0)];
        let ratings = Ratings::from_triplets((3, 2), triplets, Duplicates::Error).unwrap();
        let csr = ratings.csr();
        let tail = RatingsView::new(csr.slice_outer(1..3)).unwrap();
        assert_eq!(
            tail.row(1),
            ObservedRow {
                columns: &[0],
                values: &[3.0]
            }
        );
        assert_eq!(tail.shape(), (2, 2));
    }

    #[test]
    fn weights_follow_their_entries_and_bad_ones_are_named() {
        let triplets = [(2, 0, 3.0), (0, 1, 1.0), (2, 1, 4.0)];
        let plain = Ratings::from_triplets((3, 2), triplets, Duplicates::Error).unwrap();
        assert_eq!(plain.weights(2), None);
        let weighted = plain.clone().with_weights(vec![1.0, 0.0, 2.5]).unwrap();
        let boxed: Box<dyn ObservedEntries<Scalar = f64>> = Box::new(weighted.clone());
        for (row, expected) in [&[1.0][..], &[], &[0.0, 2.5]].into_iter().enumerate() {
            assert_eq!(weighted.weights(row), Some(expected));
            assert_eq!(weighted.view().weights(row), Some(expected));
            assert_eq!(boxed.weights(row), Some(expected));
        }
        assert!(matches!(
            plain.clone().with_weights(vec![1.0]),
            Err(Error::ShapeMismatch { .. })
        ));
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let error = plain.clone().with_weights(vec![1.0, 1.0, bad]).unwrap_err();
            assert!(error.to_string().contains("row 2, column 1"), "{error}");
        }
    }

    #[test]
    fn weights_fade_with_age_and_multiply() {
        let triplets = [(0, 0, 1.0_f32), (0, 1, 2.0), (1, 0, 3.0)];
        let plain = Ratings::from_triplets((2, 2), triplets, Duplicates::Error).unwrap();
        let weighted = plain.clone().with_weights(vec![1.0, 4.0, 2.0]).unwrap();
        let faded = weighted.with_half_life(&[10.0, 0.0, -1e9], 5.0).unwrap();
        assert_eq!(faded.weights(0), Some(&[1.0, 1.0][..]));
        assert_eq!(faded.weights(1), Some(&[0.0][..]));
        for (times, half_life) in [
            (vec![1.0], 1.0),
            (vec![0.0; 3], 0.0),
            (vec![0.0; 3], f64::NAN),
            (vec![0.0, f64::INFINITY, 0.0], 1.0),
        ] {
            assert!(plain.clone().with_half_life(&times, half_life).is_err());
        }
    }

    #[test]
    fn a_dense_table_marks_what_is_missing_by_a_value_or_by_nan() {
        let nan = f64::NAN;
        let table = ndarray::array![[nan, 2.0], [0.0, nan]];
        let ratings = Ratings::from_dense(table.view(), nan).unwrap();
        let known: Vec<_> = ratings.triplets().collect();
        assert_eq!(known, [(0, 1, 2.0), (1, 0, 0.0)]);
        let ratings = Ratings::from_dense(ndarray::array![[0.0, 2.0]].view(), 0.0).unwrap();
        assert_eq!(ratings.observed(), 1);
        // A NaN that does not mean missing, and an infinity in any case, are refused.
        assert!(matches!(
            Ratings::from_dense(table.view(), 0.0),
            Err(Error::NonFinite {
                row: 0,
                column: 0,
                ..
            })
        ));
        let infinite = ndarray::array![[nan, f64::INFINITY]];
        assert!(matches!(
            Ratings::from_dense(infinite.view(), nan),
            Err(Error::NonFinite {
                row: 0,
                column: 1,
                ..
            })
        ));
    }
}
