//! Products with the Gram matrix of one side, X' read once.

use super::{Form, Products, finite};
use crate::dense::{add_product_here, multiply_here};
use matfact_core::ndarray::{Array2, ArrayView2, Axis};
use matfact_core::{LinearOperator, Result, Scalar};
use rayon::prelude::*;

/// A side of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The rows: vectors of length m, and XXᵀ.
    Rows,
    /// The columns: vectors of length n, and XᵀX.
    Columns,
}

/// Bytes of the rows of a dense matrix that are multiplied twice while they are in the cache nearest to
/// a processor.
const CHUNK_BYTES: usize = 1 << 19;
/// Rows of a chunk, at least: fewer do not pay for the sums that are read and written for each.
const LEAST_ROWS: usize = 24;
const MOST_ROWS: usize = 256;
/// Partial sums, whatever the number of threads.
const PARTS: usize = 8;

impl<X: LinearOperator + ?Sized> Products<'_, X> {
    /// `X'ᵀX' · panel` for a panel of [`Side::Columns`] (n x k), `X'X'ᵀ · panel` for one of [`Side::Rows`]
    /// (m x k). A dense X' of some thousand columns (rows) is read once.
    ///
    /// # Errors
    /// [`matfact_core::Error::Overflow`] if a product is not finite.
    pub fn multiply_gram(
        &self,
        side: Side,
        panel: ArrayView2<'_, X::Scalar>,
    ) -> Result<Array2<X::Scalar>> {
        let dense = match &self.form {
            Form::Dense(x) => Some(x.view()),
            Form::DenseCopy(x) => Some(x.view()),
            _ => None,
        };
        let dense = dense.map(|x| match side {
            Side::Rows => x.reversed_axes(),
            Side::Columns => x,
        });
        if let Some(x) = dense
            && let Some(rows) = chunk_rows(x, panel.ncols())
        {
            let out = multiply_twice(x, panel, rows);
            return finite(out, "the product of the Gram matrix with a panel");
        }
        match side {
            Side::Rows => self.multiply(self.multiply_transposed(panel)?.view()),
            Side::Columns => self.multiply_transposed(self.multiply(panel)?.view()),
        }
    }
}

/// The rows of a chunk, where chunks pay.
fn chunk_rows<T: Scalar>(x: ArrayView2<'_, T>, width: usize) -> Option<usize> {
    let (m, n) = x.dim();
    let rows = (CHUNK_BYTES / (n * size_of::<T>()).max(1)).min(MOST_ROWS);
    let worth = rows >= LEAST_ROWS && m >= PARTS * rows && width > 1;
    worth.then_some(rows)
}

/// xᵀ·(x·panel), `rows` rows of x at a time.
fn multiply_twice<T: Scalar>(
    x: ArrayView2<'_, T>,
    panel: ArrayView2<'_, T>,
    rows: usize,
) -> Array2<T> {
    let (m, n) = x.dim();
    let width = panel.ncols();
    let sum = |part: usize| {
        let (start, end) = (part * m / PARTS, (part + 1) * m / PARTS);
        let (_, mine) = x.split_at(Axis(0), start);
        let (mine, _) = mine.split_at(Axis(0), end - start);
        let mut sum = Array2::zeros((n, width));
        let mut product = Array2::zeros((rows, width));
        for chunk in mine.axis_chunks_iter(Axis(0), rows) {
            let (mut product, _) = product.view_mut().split_at(Axis(0), chunk.nrows());
            multiply_here(chunk, panel, product.view_mut());
            add_product_here(chunk.t(), product.view(), sum.view_mut());
        }
        sum
    };
    let sums: Vec<Array2<T>> = (0..PARTS).into_par_iter().map(sum).collect();
    let mut sums = sums.into_iter();
    let mut total = sums.next().expect("at least one part");
    for sum in sums {
        total += &sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::ShapeBuilder;
    use matfact_core::{Duplicates, Summary, csr_from_triplets};

    /// Tall and wide, in chunks and not, in every layout, dense and sparse: against two products.
    #[test]
    fn the_gram_matrix_of_either_side_is_multiplied() {
        for (m, n) in [(3000, 150), (150, 3000), (40, 30)] {
            let x = random_normal::<f64>((m, n), 1, 0);
            let mut columns_first = Array2::zeros((m, n).f());
            columns_first.assign(&x);
            let entries = x.indexed_iter().map(|((i, j), v)| (i, j, *v));
            let sparse = csr_from_triplets((m, n), entries, Duplicates::Error).unwrap();
            for (side, length) in [(Side::Columns, n), (Side::Rows, m)] {
                let panel = random_normal::<f64>((length, 9), 2, 0);
                let expected = match side {
                    Side::Columns => x.t().dot(&x.dot(&panel)),
                    Side::Rows => x.dot(&x.t().dot(&panel)),
                };
                let size = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
                let product = |x: &dyn matfact_core::Matrix<Scalar = f64>| {
                    let products = Products::new(x, Some(&Summary::of(x)));
                    let found = products.multiply_gram(side, panel.view()).unwrap();
                    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-13 * size;
                    assert!(found.iter().zip(&expected).all(close), "{m} {n} {side:?}");
                    found
                };
                let first = product(&x);
                assert_eq!(first, product(&columns_first));
                product(&sparse);
            }
        }
    }
}
