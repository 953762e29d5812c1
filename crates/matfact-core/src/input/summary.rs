//! One pass over the entries: what validation, initialization and scaling need to know.

use super::Matrix;
use crate::{Error, Result, Scalar};

/// What one pass over a matrix's stored entries tells. Sums are accumulated in `f64`.
///
/// ```
/// use matfact_core::Summary;
/// let summary = Summary::of(&ndarray::array![[3.0_f32, 0.0], [0.0, -4.0]]);
/// assert_eq!(summary.squared_norm, 25.0);
/// assert_eq!(summary.max_abs, 4.0);
/// assert_eq!(summary.first_negative, Some((1, 1, -4.0)));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Stored entries (all of them for a dense matrix).
    pub stored: usize,
    /// Sum of the entries.
    pub sum: f64,
    /// Squared Frobenius norm; infinite when it exceeds the range of `f64`.
    pub squared_norm: f64,
    /// Largest absolute value.
    pub max_abs: f64,
    /// The first NaN or infinite entry: row, column, value.
    pub first_non_finite: Option<(usize, usize, f64)>,
    /// The first negative entry: row, column, value (minus zero counts as zero).
    pub first_negative: Option<(usize, usize, f64)>,
}

impl Summary {
    /// The summary of any matrix: its own, or one pass of [`Matrix::visit`].
    pub fn of<X: Matrix + ?Sized>(x: &X) -> Self {
        x.summary().unwrap_or_else(|| {
            let mut summary = Summary::empty(x.shape());
            x.visit(&mut |row, column, value| summary.add(row, column, value.as_f64()));
            summary
        })
    }

    /// The summary of an operator of finite entries whose norm is known without listing them: of
    /// `shape`, made from a matrix of `stored` entries, with the sum of its entries, its squared Frobenius
    /// norm and a bound on their magnitude.
    ///
    /// ```
    /// use matfact_core::Summary;
    /// let summary = Summary::of_operator((2, 2), 4, 0.0, 2.0, 1.0);
    /// assert_eq!(summary.squared_norm, 2.0);
    /// ```
    #[must_use]
    pub fn of_operator(
        shape: (usize, usize),
        stored: usize,
        sum: f64,
        squared_norm: f64,
        max_abs: f64,
    ) -> Self {
        Self {
            stored,
            sum,
            squared_norm,
            max_abs,
            ..Self::empty(shape)
        }
    }

    /// The mean over all positions, absent entries counting as zero.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / (self.shape.0 as f64 * self.shape.1 as f64)
    }

    /// Refuses an empty shape and entries that are NaN or infinite.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`].
    pub fn require_finite(&self) -> Result<()> {
        let (rows, columns) = self.shape;
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: self.stored,
            });
        }
        match self.first_non_finite {
            Some((row, column, value)) => Err(Error::NonFinite { row, column, value }),
            None => Ok(()),
        }
    }

    /// Refuses, besides what [`Summary::require_finite`] refuses, negative entries.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Negative`].
    pub fn require_non_negative(&self, algorithm: &'static str) -> Result<()> {
        self.require_finite()?;
        match self.first_negative {
            Some((row, column, value)) => Err(Error::Negative {
                row,
                column,
                value,
                algorithm,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn empty(shape: (usize, usize)) -> Self {
        Self {
            shape,
            stored: 0,
            sum: 0.0,
            squared_norm: 0.0,
            max_abs: 0.0,
            first_non_finite: None,
            first_negative: None,
        }
    }

    fn add(&mut self, row: usize, column: usize, value: f64) {
        self.stored += 1;
        self.sum += value;
        self.squared_norm += value * value;
        self.max_abs = self.max_abs.max(value.abs());
        if !value.is_finite() && self.first_non_finite.is_none() {
            self.first_non_finite = Some((row, column, value));
        }
        if value < 0.0 && self.first_negative.is_none() {
            self.first_negative = Some((row, column, value));
        }
    }

    /// Adds a run of values; `position(i)` tells where the i-th of them stands. The fast path has
    /// no branch per entry, and a second look is taken only when something is wrong.
    pub(super) fn add_run<T: Scalar>(
        &mut self,
        values: &[T],
        position: impl Fn(usize) -> (usize, usize),
    ) {
        const LANES: usize = 8;
        let (mut sum, mut squares) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        let (mut low, mut high) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        let mut chunks = values.chunks_exact(LANES);
        for chunk in &mut chunks {
            for lane in 0..LANES {
                let value = chunk[lane].as_f64();
                sum[lane] += value;
                squares[lane] += value * value;
                low[lane] = if value < low[lane] { value } else { low[lane] };
                high[lane] = if value > high[lane] {
                    value
                } else {
                    high[lane]
                };
            }
        }
        for (lane, value) in chunks.remainder().iter().enumerate() {
            let value = value.as_f64();
            sum[lane] += value;
            squares[lane] += value * value;
            low[lane] = low[lane].min(value);
            high[lane] = high[lane].max(value);
        }
        let total = squares.iter().sum::<f64>();
        let lowest = low.iter().copied().fold(0.0, f64::min);
        let highest = high.iter().copied().fold(0.0, f64::max);
        self.stored += values.len();
        self.sum += sum.iter().sum::<f64>();
        self.squared_norm += total;
        self.max_abs = self.max_abs.max(highest.max(-lowest));
        if !total.is_finite() && self.first_non_finite.is_none() {
            self.first_non_finite = values.iter().position(|v| !v.is_finite()).map(|i| {
                let (row, column) = position(i);
                (row, column, values[i].as_f64())
            });
        }
        if lowest < 0.0 && self.first_negative.is_none() {
            self.first_negative = values.iter().position(|v| v.as_f64() < 0.0).map(|i| {
                let (row, column) = position(i);
                (row, column, values[i].as_f64())
            });
        }
    }
}
