//! A matrix made ready for many products with narrow panels.

mod bands;
mod form;
mod gram;
mod residual;
mod rows;
mod transpose;

pub use bands::transposed_copy_bytes;
pub use form::Lines;
pub use gram::Side;
pub use residual::squared_product_norm;

use crate::dense::{multiply_dense, power_of_two_near};
use form::Form;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Error, LinearOperator, Result, Scalar, Summary};
use rayon::prelude::*;

/// Sums of the search for what is not finite.
const LANES: usize = 32;
/// Scalars that are searched by one task.
const CHECKED: usize = 1 << 17;

/// A matrix X = `scale` · X' with fast products of X', whatever the layout.
///
/// - A dense array is used in place, through the GEMM.
/// - Compressed rows or columns are used in place for the one product, and transposed at the first
///   use of the other (the entries' memory a second time): gathering is three to four times as fast
///   as scattering, which pays from the second product on. A tall matrix is transposed by bands of its
///   rows, so that gathering stays in the near cache.
/// - Anything else is asked for its products.
///
/// Entries so large or small that their products with each other leave the range of the scalar are
/// copied once, scaled by a power of two; `scale` is 1 otherwise.
#[derive(Debug)]
pub struct Products<'a, X: LinearOperator + ?Sized> {
    x: &'a X,
    form: Form<'a, X::Scalar>,
    scale: f64,
    squared_norm: Option<f64>,
}

/// The range of magnitudes whose products with each other are safe: its square root, and some room
/// for sums.
fn comfortable<T: Scalar>() -> std::ops::RangeInclusive<f64> {
    if T::NAME == f32::NAME {
        1e-12..=1e12
    } else {
        1e-120..=1e120
    }
}

impl<'a, X: LinearOperator + ?Sized> Products<'a, X> {
    /// Makes `x` ready; `summary` is its summary, where entries can be listed.
    pub fn new(x: &'a X, summary: Option<&Summary>) -> Self {
        let largest = summary.map_or(0.0, |summary| summary.max_abs);
        let extreme = largest > 0.0 && !comfortable::<X::Scalar>().contains(&largest);
        let scale = if extreme {
            power_of_two_near(largest)
        } else {
            1.0
        };
        Self::with_scale(x, summary, scale)
    }

    /// Makes X' = `x` / `scale` ready for a scale chosen elsewhere, a power of two: that of other rows
    /// of the same matrix, say. [`Products::scale`] is 1 all the same for a matrix known by its products.
    pub fn with_scale(x: &'a X, summary: Option<&Summary>, scale: f64) -> Self {
        let form = Form::new(x.layout(), scale);
        let scale = match form {
            Form::Opaque => 1.0,
            _ => scale,
        };
        let squared_norm = match summary {
            Some(summary) if scale == 1.0 => Some(summary.squared_norm),
            Some(_) => Some(form.sum_of_squares()),
            None => None,
        };
        Self {
            x,
            form,
            scale,
            squared_norm,
        }
    }

    /// Rows m and columns n.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.x.shape()
    }

    /// Whether X' is a dense array.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        matches!(self.form, Form::Dense(_) | Form::DenseCopy(_))
    }

    /// X itself, as given.
    #[must_use]
    pub fn source(&self) -> &'a X {
        self.x
    }

    /// The rows of X' as they are stored; `None` for a matrix known by its products.
    #[must_use]
    pub fn rows(&self) -> Option<Lines<'_, X::Scalar>> {
        self.form.lines(false)
    }

    /// The columns of X', as the rows of its transpose; `None` for a matrix known by its products. A
    /// sparse matrix of the other direction is transposed at the first use.
    #[must_use]
    pub fn columns(&self) -> Option<Lines<'_, X::Scalar>> {
        self.form.lines(true)
    }

    /// The power of two that X was divided by.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// ‖X'‖² in the Frobenius norm, where entries can be listed.
    #[must_use]
    pub fn squared_norm(&self) -> Option<f64> {
        self.squared_norm
    }

    /// `X' · right`: (m x n) times (n x k).
    ///
    /// # Errors
    /// [`Error::Overflow`] if a product is not finite.
    pub fn multiply(&self, right: ArrayView2<'_, X::Scalar>) -> Result<Array2<X::Scalar>> {
        let mut out = Array2::default((self.shape().0, right.ncols()));
        match &self.form {
            Form::Dense(x) => multiply_dense(x.view(), right, out.view_mut()),
            Form::DenseCopy(x) => multiply_dense(x.view(), right, out.view_mut()),
            Form::Sparse { .. } => self.form.multiply_sparse(false, right, out.view_mut()),
            Form::Opaque => self.x.multiply(right, out.view_mut()),
        }
        finite(out, "the product of the matrix with a panel")
    }

    /// `X'ᵀ · right`: (n x m) times (m x k).
    ///
    /// # Errors
    /// [`Error::Overflow`] if a product is not finite.
    pub fn multiply_transposed(
        &self,
        right: ArrayView2<'_, X::Scalar>,
    ) -> Result<Array2<X::Scalar>> {
        let mut out = Array2::default((self.shape().1, right.ncols()));
        match &self.form {
            Form::Dense(x) => multiply_dense(x.t(), right, out.view_mut()),
            Form::DenseCopy(x) => multiply_dense(x.t(), right, out.view_mut()),
            Form::Sparse { .. } => self.form.multiply_sparse(true, right, out.view_mut()),
            Form::Opaque => self.x.multiply_transposed(right, out.view_mut()),
        }
        finite(out, "the product of the transposed matrix with a panel")
    }
}

/// `out`, if all of it is finite.
fn finite<T: Scalar>(out: Array2<T>, step: &str) -> Result<Array2<T>> {
    let Some(values) = out.as_slice() else {
        unreachable!("products are made here, in one piece");
    };
    // Adding zeros of one sign is finite exactly if all entries are, and has no branch; in lanes, so that
    // no sum waits for another.
    let all_finite = values.par_chunks(CHECKED).all(|values| {
        let (chunks, rest) = values.as_chunks::<LANES>();
        let mut poison = [T::zero(); LANES];
        for values in chunks {
            for (sum, value) in poison.iter_mut().zip(values) {
                *sum += *value * T::zero();
            }
        }
        let poison = poison.iter().chain(rest);
        poison.fold(T::zero(), |sum, value| sum + *value * T::zero()) == T::zero()
    });
    if all_finite {
        Ok(out)
    } else {
        Err(Error::Overflow {
            step: step.to_owned(),
            scalar: T::NAME,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::{Duplicates, csr_from_triplets};

    #[test]
    fn every_form_gives_the_products_and_the_residual_of_the_definition() {
        let dense = random_normal::<f64>((40, 30), 1, 0).mapv(|v| if v > 0.4 { v } else { 0.0 });
        let entries = dense
            .indexed_iter()
            .filter(|(_, v)| **v != 0.0)
            .map(|(p, v)| (p.0, p.1, *v));
        let csr = csr_from_triplets((40, 30), entries, Duplicates::Error).unwrap();
        let csc = csr.to_csc();
        let (w, h) = (
            random_normal((40, 5), 2, 0),
            random_normal::<f64>((30, 5), 3, 0),
        );
        let residual = &dense - &w.dot(&h.t());
        let expected = residual.iter().map(|v| v * v).sum::<f64>();
        let check = |x: &dyn matfact_core::Matrix<Scalar = f64>| {
            let products = Products::new(x, Some(&Summary::of(x)));
            let close = |a: &Array2<f64>, b: &Array2<f64>| {
                a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-11)
            };
            let xh = products.multiply(h.view()).unwrap();
            assert!(close(&xh, &dense.dot(&h)));
            assert!(close(
                &products.multiply_transposed(w.view()).unwrap(),
                &dense.t().dot(&w)
            ));
            let squared = products
                .squared_residual(w.view(), h.view(), xh.view())
                .unwrap();
            assert!((squared / expected - 1.0).abs() < 1e-12);
        };
        check(&dense);
        check(&csr);
        check(&csc);
    }

    #[test]
    fn extreme_entries_are_scaled_and_overflow_is_an_error_where_they_cannot_be() {
        for magnitude in [1e38_f32, 1e-38] {
            let x = Array2::from_elem((50, 40), magnitude);
            let products = Products::new(&x, Some(&Summary::of(&x)));
            assert!((products.scale() / f64::from(magnitude)).log2().abs() <= 1.0);
            let ones = Array2::ones((40, 2));
            let row = products.multiply(ones.view()).unwrap()[[0, 0]];
            let expected = 40.0 * f64::from(magnitude) / products.scale();
            assert!((f64::from(row) / expected - 1.0).abs() < 1e-6);
        }
        let x = Array2::from_elem((5, 4), f32::MAX);
        let unscaled = Products::new(&x, None);
        let ones = Array2::ones((4, 1));
        assert!(matches!(
            unscaled.multiply(ones.view()),
            Err(Error::Overflow { .. })
        ));
    }
}
