//! Single rows and sums over rows of a matrix made ready.

use super::Products;
use super::form::Form;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Matrix, Result, Scalar, SparseRows};

impl<X: Matrix + ?Sized> Products<'_, X> {
    /// The sum Σ_j x'_ij and the sum of squares Σ_j x'_ij² of every row, in `f64`.
    #[must_use]
    pub fn row_sums(&self) -> (Vec<f64>, Vec<f64>) {
        let rows = self.shape().0;
        let (mut sums, mut squares) = (vec![0.0; rows], vec![0.0; rows]);
        self.x.visit(&mut |row, _, value| {
            let value = value.as_f64() / self.scale;
            sums[row] += value;
            squares[row] += value * value;
        });
        (sums, squares)
    }

    /// Row `row` of X', with its zeros.
    ///
    /// # Errors
    /// [`matfact_core::Error::Overflow`] if an operator's product is not finite.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Result<Array1<X::Scalar>> {
        assert!(row < self.shape().0, "row {row} of {}", self.shape().0);
        match &self.form {
            Form::Dense(x) => Ok(x.row(row).to_owned()),
            Form::DenseCopy(x) => Ok(x.row(row).to_owned()),
            Form::Sparse { .. } => {
                let rows = self.form.sparse_rows(false).expect("the form is sparse");
                Ok(scattered(&rows, row))
            }
            Form::Opaque => {
                let mut unit = Array2::default((self.shape().0, 1));
                unit[[row, 0]] = X::Scalar::from_f64(1.0);
                let product = self.multiply_transposed(unit.view())?;
                Ok(product.column(0).to_owned())
            }
        }
    }
}

fn scattered<T: Scalar>(rows: &SparseRows<'_, T>, row: usize) -> Array1<T> {
    let mut out = Array1::zeros(rows.shape.1);
    for position in rows.row_range(row) {
        out[rows.columns.get(position)] += rows.values[position];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;
    use matfact_core::{Duplicates, Summary, csr_from_triplets};

    #[test]
    fn every_form_gives_its_rows_and_their_sums() {
        let dense = array![[0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]];
        let entries = dense.indexed_iter().filter(|(_, v)| **v != 0.0);
        let entries = entries.map(|((i, j), v)| (i, j, *v));
        let csr = csr_from_triplets((3, 3), entries, Duplicates::Error).unwrap();
        let csc = csr.to_csc();
        let huge = dense.mapv(|v: f64| v * 2.0_f64.powi(1000));
        let check = |x: &dyn Matrix<Scalar = f64>| {
            let products = Products::new(x, Some(&Summary::of(x)));
            let unit = if products.scale() == 1.0 {
                1.0
            } else {
                2.0_f64.powi(1000) / products.scale()
            };
            for row in 0..3 {
                assert_eq!(products.row(row).unwrap(), &dense.row(row) * unit);
            }
            let (sums, squares) = products.row_sums();
            assert_eq!(sums, [7.0, 0.0, 3.0].map(|v| v * unit));
            assert_eq!(squares, [25.0, 0.0, 5.0].map(|v| v * unit * unit));
        };
        check(&dense);
        let turned = dense.t().as_standard_layout().into_owned();
        check(&turned.t());
        check(&csr);
        check(&csc);
        check(&huge);
    }
}
