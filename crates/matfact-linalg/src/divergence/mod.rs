//! β-divergences between a matrix and a product of two factors: value and gradient.
//!
//! For X (m x n), F (m x k) and G (n x k), both factors by rows, y = (F Gᵀ)_ij:
//!
//! ```text
//! β = 1:  Σ x ln(x/y) − x + y
//! β = 0:  Σ x/y − ln(x/y) − 1
//! else:   Σ [x^β + (β − 1)·y^β − β·x·y^(β−1)] / (β(β − 1))
//! ```
//!
//! The gradient with respect to F is `denominator` − `numerator`, the two parts from which the
//! multiplicative update is made:
//!
//! ```text
//! numerator = (X ∘ Y^(β−2)) G        denominator = Y^(β−1) G
//! ```
//!
//! The numerator needs the stored entries alone; the denominator is a sum of columns for β = 1, and a
//! sum over all entries for other β, whose y are formed in tiles and dropped. So neither an m x n nor a
//! stored x k array is made.

mod elementary;
mod elements;
mod stored;
#[cfg(test)]
mod tests;
mod tiles;
mod update;

use crate::products::Lines;
use crate::{Simd, multiply_dense, multiply_sparse, multiply_sparse_transposed};
use elements::{Elements, Sums};
use matfact_core::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{Indices, Layout, LinearOperator, Matrix, Scalar, SparseRows};
use rayon::prelude::*;
use std::ops::Range;

pub use update::{
    MultiplicativeStep, accumulate_factor, fade_and_add, multiply_factor, squared_change,
};

/// The β-divergence from one matrix, with the rules by which scikit-learn keeps clear of zeros: terms
/// with x count where x > `floor`, with y raised to `floor`; terms of y alone count everywhere.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_linalg::{Divergence, Lines, Simd};
/// let x = array![[1.0, 2.0], [3.0, 4.0]];
/// let rows = Lines::Dense(x.view());
/// let (f, g) = (array![[1.0], [2.0]], array![[1.0], [2.0]]);
/// let parts = Divergence::new(&rows, 1.0, 1e-7).parts(&rows, f.view(), g.view(), Simd::detect());
/// // Only (3 | 2) differs from its model.
/// assert!((parts.value - (3.0 * 1.5_f64.ln() - 1.0)).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergence {
    beta: f64,
    floor: f64,
    /// Σ x^β over x > floor, where it stands in the value.
    data: f64,
}

/// Value and parts of the gradient of a β-divergence.
#[derive(Debug, Clone, PartialEq)]
pub struct DivergenceParts<T> {
    /// (X ∘ Y^(β−2)) G, rows x k.
    pub numerator: Array2<T>,
    /// Y^(β−1) G, rows x k.
    pub denominator: Array2<T>,
    /// D(X‖F Gᵀ); NaN where it was not asked for.
    pub value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Both,
    Gradient,
    Value,
}

impl Divergence {
    /// The divergence of `beta` from the matrix with the rows `x` (its columns serve as well).
    pub fn new<T: Scalar>(x: &Lines<'_, T>, beta: f64, floor: f64) -> Self {
        let data = if beta == 0.0 || beta == 1.0 {
            0.0
        } else {
            power_sum(x, beta, floor)
        };
        Self { beta, floor, data }
    }

    /// Value and gradient with respect to `left` (F), for `x` the rows that belong to the rows of
    /// `left`. Runs on the current pool, with the same bits for any number of threads.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn parts<T: Scalar>(
        &self,
        x: &Lines<'_, T>,
        left: ArrayView2<'_, T>,
        right: ArrayView2<'_, T>,
        simd: Simd,
    ) -> DivergenceParts<T> {
        self.evaluate(x, left, right, Asked::Both, simd)
    }

    /// The gradient alone, for less work than [`Divergence::parts`].
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn gradient<T: Scalar>(
        &self,
        x: &Lines<'_, T>,
        left: ArrayView2<'_, T>,
        right: ArrayView2<'_, T>,
        simd: Simd,
    ) -> DivergenceParts<T> {
        self.evaluate(x, left, right, Asked::Gradient, simd)
    }

    /// The value alone.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn value<T: Scalar>(
        &self,
        x: &Lines<'_, T>,
        left: ArrayView2<'_, T>,
        right: ArrayView2<'_, T>,
        simd: Simd,
    ) -> f64 {
        self.evaluate(x, left, right, Asked::Value, simd).value
    }

    fn evaluate<T: Scalar>(
        &self,
        x: &Lines<'_, T>,
        left: ArrayView2<'_, T>,
        right: ArrayView2<'_, T>,
        asked: Asked,
        simd: Simd,
    ) -> DivergenceParts<T> {
        assert_eq!(x.shape(), (left.nrows(), right.nrows()), "shape of F Gᵀ");
        assert_eq!(left.ncols(), right.ncols(), "ranks of the factors");
        let (left, right) = (left.as_standard_layout(), right.as_standard_layout());
        let (left, right) = (left.view(), right.view());
        let (gradient, value) = (asked != Asked::Value, asked != Asked::Gradient);
        let elements = Elements {
            beta: self.beta,
            floor: self.floor,
            value,
        };
        let by_sums = self.beta == 1.0;
        let wanted = tiles::Asked {
            numerator: gradient,
            denominator: gradient && !by_sums,
        };
        let (numerator, mut denominator, sums) = match x {
            Lines::Dense(x) => {
                tiles::all_entries(Some(x.view()), left, right, wanted, elements, simd)
            }
            Lines::Sparse(x) => {
                let (numerator, stored) =
                    stored::stored_entries(x, left, right, gradient, elements, simd);
                let no_tiles = by_sums || (self.beta == 0.0 && !gradient);
                let (denominator, every) = if no_tiles {
                    (Array2::default(left.dim()), Sums::default())
                } else {
                    let (_, denominator, sums) =
                        tiles::all_entries(None, left, right, wanted, elements, simd);
                    (denominator, sums)
                };
                let sums = Sums {
                    stored: stored.stored + every.stored,
                    every: every.every,
                };
                (numerator, denominator, sums)
            }
        };
        let right_sums = by_sums.then(|| column_sums(right));
        if let Some(right_sums) = right_sums.as_ref().filter(|_| gradient) {
            denominator.assign(&right_sums.mapv(T::from_f64));
        }
        let value = match (value, right_sums, x) {
            (false, ..) => f64::NAN,
            // All y from the sums of the factors: most are formed nowhere else.
            (true, Some(right_sums), Lines::Sparse(_)) => {
                sums.stored + column_sums(left).dot(&right_sums)
            }
            // The same y as in the other terms: what rounding did to it cancels.
            (true, Some(_), Lines::Dense(_)) => sums.stored + sums.every,
            (true, None, _) => self.value_of(sums, left.nrows() as f64 * right.nrows() as f64),
        };
        DivergenceParts {
            numerator,
            denominator,
            value,
        }
    }

    fn value_of(&self, sums: Sums, count: f64) -> f64 {
        let beta = self.beta;
        if beta == 0.0 {
            return sums.stored - count;
        }
        let sum = self.data - beta * sums.stored + (beta - 1.0) * sums.every;
        sum / (beta * (beta - 1.0))
    }
}

impl<'a, T: Scalar> Lines<'a, T> {
    /// The rows with these numbers, in place.
    ///
    /// # Panics
    /// If the range ends beyond the last row.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        match self {
            Lines::Dense(x) => {
                let (_, tail) = x.split_at(Axis(0), rows.start);
                Lines::Dense(tail.split_at(Axis(0), rows.len()).0)
            }
            Lines::Sparse(x) => {
                let base = x.pointers[0];
                let pointers = &x.pointers[rows.start..=rows.end];
                let entries = pointers[0] - base..pointers[rows.len()] - base;
                Lines::Sparse(SparseRows {
                    shape: (rows.len(), x.shape.1),
                    pointers,
                    columns: match x.columns {
                        Indices::U32(columns) => Indices::U32(&columns[entries.clone()]),
                        Indices::Usize(columns) => Indices::Usize(&columns[entries.clone()]),
                    },
                    values: &x.values[entries],
                })
            }
        }
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Lines::Dense(x) => x.dim(),
            Lines::Sparse(x) => x.shape,
        }
    }
}

impl<T: Scalar> LinearOperator for Lines<'_, T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        Lines::shape(self)
    }

    fn multiply(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        match self {
            Lines::Dense(x) => multiply_dense(x.view(), right, out),
            Lines::Sparse(x) => multiply_sparse(x, right, out, Simd::detect()),
        }
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, T>, out: ArrayViewMut2<'_, T>) {
        match self {
            Lines::Dense(x) => multiply_dense(x.t(), right, out),
            Lines::Sparse(x) => multiply_sparse_transposed(x, right, out, Simd::detect()),
        }
    }

    fn layout(&self) -> Layout<'_, T> {
        match self {
            Lines::Dense(x) => Layout::Dense(x.view()),
            Lines::Sparse(x) => Layout::SparseRows(*x),
        }
    }
}

impl<T: Scalar> Matrix for Lines<'_, T> {
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, T)) {
        match self {
            Lines::Dense(x) => x.visit(visit),
            Lines::Sparse(x) => {
                for row in 0..x.shape.0 {
                    for position in x.row_range(row) {
                        visit(row, x.columns.get(position), x.values[position]);
                    }
                }
            }
        }
    }
}

/// The sum of each column, in `f64`, in the order of the rows.
fn column_sums<T: Scalar>(factor: ArrayView2<'_, T>) -> Array1<f64> {
    let mut sums = Array1::zeros(factor.ncols());
    for row in factor.rows() {
        sums.zip_mut_with(&row, |sum, value| *sum += value.as_f64());
    }
    sums
}

/// Σ x^β over the entries above `floor`.
fn power_sum<T: Scalar>(x: &Lines<'_, T>, beta: f64, floor: f64) -> f64 {
    const RUN: usize = 4096;
    let of_run = |run: &mut dyn Iterator<Item = &T>| {
        run.map(|x| x.as_f64())
            .filter(|x| *x > floor)
            .map(|x| elementary::power::<false>(x, beta))
            .sum::<f64>()
    };
    let sums: Vec<f64> = match x {
        // Row by row, whatever the strides are: the sum does not depend on the layout.
        Lines::Dense(x) => {
            let rows: Vec<_> = x.axis_iter(Axis(0)).collect();
            rows.into_par_iter()
                .map(|row| of_run(&mut row.iter()))
                .collect()
        }
        Lines::Sparse(x) => x
            .values
            .par_chunks(RUN)
            .map(|run| of_run(&mut run.iter()))
            .collect(),
    };
    sums.into_iter().sum()
}
