//! Products with the Gram matrix of one side, X' read once.

use super::form::Form;
use super::{Products, finite};
use crate::Simd;
use crate::dense::{add_product_here, multiply_here};
use crate::sparse::{Aligned, line, multiply_lines};
use matfact_core::ndarray::{Array2, ArrayView2, Axis};
use matfact_core::{LinearOperator, Result, Scalar};
use rayon::prelude::*;
use std::sync::PoisonError;

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
        if let Some(out) = self.form.multiply_gram_by_bands(side, panel) {
            return finite(out, "the product of the Gram matrix with a panel");
        }
        match side {
            Side::Rows => self.multiply(self.multiply_transposed(panel)?.view()),
            Side::Columns => self.multiply_transposed(self.multiply(panel)?.view()),
        }
    }
}

impl<T: Scalar> Form<'_, T> {
    /// Both products of a sparse form one cache line of columns at a time, where the second is in bands: what
    /// is between them stays as the second reads it, in memory that is used again.
    fn multiply_gram_by_bands(&self, side: Side, panel: ArrayView2<'_, T>) -> Option<Array2<T>> {
        let bands = self.bands(side == Side::Columns)?;
        let Form::Sparse { given, between, .. } = self else {
            return None;
        };
        let (given, simd) = (given.view(), Simd::detect());
        let length = given.shape.0 * line::<T>();
        // What a panic of another thread left there is as good as anything.
        let held = between
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut held = held.unwrap_or_else(|| Aligned::zeros(length));
        let mut out = Array2::zeros(panel.dim());
        for first in (0..panel.ncols()).step_by(line::<T>()) {
            let width = line::<T>().min(panel.ncols() - first);
            let (_, from) = panel.split_at(Axis(1), first);
            let (columns, _) = from.split_at(Axis(1), width);
            let columns = Aligned::padded(columns, line::<T>());
            multiply_lines(&given, columns.as_slice(), held.as_mut_slice(), simd);
            let (_, slab) = out.view_mut().split_at(Axis(1), first);
            bands.multiply_lines(held.as_slice(), slab, simd);
        }
        *between.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Some(out)
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

    /// A matrix in bands: the bits of two products, for every width, again and again.
    #[test]
    fn the_gram_matrix_by_bands_is_that_of_two_products() {
        let (m, n) = (25_000, 20);
        let entries = (0..m).flat_map(|i| {
            let column = move |t: usize| (i * 7 + t * 3) % n;
            (0..5).map(move |t| (i, column(t), ((i + t) % 13) as f32 / 4.0 - 1.0))
        });
        let x = csr_from_triplets((m, n), entries, Duplicates::Sum).unwrap();
        let wide = x.transpose_view().to_csr();
        for width in [1, 16, 21] {
            let panel = random_normal::<f32>((n, width), 2, 0);
            let products = Products::new(&x, None);
            let expected = products
                .multiply_transposed(products.multiply(panel.view()).unwrap().view())
                .unwrap();
            let transposed = Products::new(&wide, None);
            for threads in [1, 2, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.unwrap().install(|| {
                    let found = products.multiply_gram(Side::Columns, panel.view());
                    assert_eq!(found.unwrap(), expected, "{width} columns");
                    let found = transposed.multiply_gram(Side::Rows, panel.view());
                    assert_eq!(found.unwrap(), expected, "{width} columns, transposed");
                });
            }
            assert!(products.form.bands(true).is_some(), "by bands");
        }
    }
}
