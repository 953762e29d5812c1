//! A matrix made ready for many products with narrow panels.

mod bands;
mod gram;
mod rows;
mod transpose;

pub use bands::transposed_copy_bytes;
pub use gram::Side;

use crate::dense::{multiply_dense, power_of_two_near};
use crate::sparse::Aligned;
use crate::{Simd, gram, inner_product, multiply_sparse, squared_distance};
use bands::Bands;
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{Error, Indices, Layout, LinearOperator, Result, Scalar, SparseRows, Summary};
use rayon::prelude::*;
use std::sync::{Mutex, OnceLock};
use transpose::transpose;

/// Sums of the search for what is not finite.
const LANES: usize = 32;
/// Scalars that are searched by one task.
const CHECKED: usize = 1 << 17;
/// Rows of a dense matrix whose residual is formed at once.
const RESIDUAL_ROWS: usize = 256;

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

/// The rows of a matrix in place.
#[derive(Debug, Clone, Copy)]
pub enum Lines<'a, T> {
    /// A dense array with any strides.
    Dense(ArrayView2<'a, T>),
    /// Compressed rows.
    Sparse(SparseRows<'a, T>),
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a matrix")]
enum Form<'a, T> {
    Dense(ArrayView2<'a, T>),
    DenseCopy(Array2<T>),
    /// As given (the rows of X', or of its transpose if `transposed`), and the other direction.
    Sparse {
        given: Rows<'a, T>,
        transposed: bool,
        other: OnceLock<Rows<'a, T>>,
        /// The other direction for products alone, where it is better in bands.
        bands: OnceLock<Bands<T>>,
        /// The product between the two of a Gram matrix, for the next: fresh memory costs more than a pass.
        between: Mutex<Option<Aligned<T>>>,
    },
    Opaque,
}

impl<T: Scalar> Form<'_, T> {
    /// The compressed rows of X', or of its transpose, of a sparse form.
    fn sparse_rows(&self, of_transpose: bool) -> Option<SparseRows<'_, T>> {
        match self {
            Form::Sparse {
                given, transposed, ..
            } if *transposed == of_transpose => Some(given.view()),
            Form::Sparse { given, other, .. } => {
                Some(other.get_or_init(|| transpose(&given.view())).view())
            }
            _ => None,
        }
    }

    /// The direction that is not given, where it is better in bands and not there already.
    fn bands(&self, of_transpose: bool) -> Option<&Bands<T>> {
        let Form::Sparse {
            given,
            transposed,
            other,
            bands,
            ..
        } = self
        else {
            return None;
        };
        let given = given.view();
        let wanted = *transposed != of_transpose && other.get().is_none();
        (wanted && bands::pay(given.shape, given.values.len()))
            .then(|| bands.get_or_init(|| Bands::new(&given)))
    }

    /// The product of a sparse form, or of its transpose, with a panel.
    fn multiply_sparse(
        &self,
        of_transpose: bool,
        right: ArrayView2<'_, T>,
        out: ArrayViewMut2<'_, T>,
    ) {
        if let Some(bands) = self.bands(of_transpose) {
            return bands.multiply_transposed(right, out, Simd::detect());
        }
        let rows = self.sparse_rows(of_transpose).expect("the form is sparse");
        multiply_sparse(&rows, right, out, Simd::detect());
    }
}

/// Compressed rows, borrowed or owned.
#[derive(Debug)]
enum Rows<'a, T> {
    Borrowed(SparseRows<'a, T>),
    Owned {
        shape: (usize, usize),
        pointers: Vec<usize>,
        columns: Vec<u32>,
        values: Vec<T>,
    },
}

impl<T> Rows<'_, T> {
    fn view(&self) -> SparseRows<'_, T> {
        match self {
            Rows::Borrowed(rows) => SparseRows { ..*rows },
            Rows::Owned {
                shape,
                pointers,
                columns,
                values,
            } => SparseRows {
                shape: *shape,
                pointers,
                columns: Indices::U32(columns),
                values,
            },
        }
    }
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
        let (extreme, mut scale) = (scale != 1.0, scale);
        let rescale = |v: &X::Scalar| X::Scalar::from_f64(v.as_f64() / scale);
        let form = match x.layout() {
            Layout::Dense(view) if extreme => Form::DenseCopy(view.map(rescale)),
            Layout::Dense(view) => Form::Dense(view),
            Layout::SparseRows(rows) if indexable(&rows) => sparse(
                if extreme {
                    scaled(&rows, rescale)
                } else {
                    Rows::Borrowed(rows)
                },
                false,
            ),
            Layout::SparseColumns(rows) if indexable(&rows) => sparse(
                if extreme {
                    scaled(&rows, rescale)
                } else {
                    Rows::Borrowed(rows)
                },
                true,
            ),
            _ => {
                scale = 1.0;
                Form::Opaque
            }
        };
        let mut products = Self {
            x,
            form,
            scale,
            squared_norm: None,
        };
        products.squared_norm = match summary {
            Some(summary) if scale == 1.0 => Some(summary.squared_norm),
            Some(_) => Some(products.sum_of_squares()),
            None => None,
        };
        products
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
        self.lines(false)
    }

    /// The columns of X', as the rows of its transpose; `None` for a matrix known by its products. A
    /// sparse matrix of the other direction is transposed at the first use.
    #[must_use]
    pub fn columns(&self) -> Option<Lines<'_, X::Scalar>> {
        self.lines(true)
    }

    fn lines(&self, of_transpose: bool) -> Option<Lines<'_, X::Scalar>> {
        match &self.form {
            Form::Dense(x) if of_transpose => Some(Lines::Dense(x.t())),
            Form::Dense(x) => Some(Lines::Dense(x.view())),
            Form::DenseCopy(x) if of_transpose => Some(Lines::Dense(x.t())),
            Form::DenseCopy(x) => Some(Lines::Dense(x.view())),
            Form::Sparse { .. } => self.form.sparse_rows(of_transpose).map(Lines::Sparse),
            Form::Opaque => None,
        }
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

    /// ‖X' − W Hᵀ‖² for W (m x k) and the transposed H (n x k), in `f64`.
    ///
    /// Entry by entry for a dense matrix. For a sparse one the stored entries directly, the others
    /// through the Gram matrices: ‖WHᵀ‖² + Σ_stored ((x − y)² − y²). Else, given the product
    /// `xh = X' H`, by the trace formula; `None` if the norm of X' is unknown.
    #[must_use]
    pub fn squared_residual(
        &self,
        w: ArrayView2<'_, X::Scalar>,
        h: ArrayView2<'_, X::Scalar>,
        xh: ArrayView2<'_, X::Scalar>,
    ) -> Option<f64> {
        let sum = match &self.form {
            Form::Dense(x) => dense_residual(&x.view(), w, h),
            Form::DenseCopy(x) => dense_residual(&x.view(), w, h),
            Form::Sparse {
                given, transposed, ..
            } => {
                let (outer, inner) = if *transposed { (h, w) } else { (w, h) };
                squared_product_norm(w, h) + sparse_residual(&given.view(), outer, inner)
            }
            Form::Opaque => {
                self.squared_norm? - 2.0 * inner_product(xh, w) + squared_product_norm(w, h)
            }
        };
        Some(sum.max(0.0))
    }

    fn sum_of_squares(&self) -> f64 {
        let squares = |values: &mut dyn Iterator<Item = &X::Scalar>| {
            values.map(|v| v.as_f64() * v.as_f64()).sum::<f64>()
        };
        match &self.form {
            Form::Dense(x) => squares(&mut x.iter()),
            Form::DenseCopy(x) => squares(&mut x.iter()),
            Form::Sparse { given, .. } => squares(&mut given.view().values.iter()),
            Form::Opaque => f64::NAN,
        }
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

fn sparse<T>(given: Rows<'_, T>, transposed: bool) -> Form<'_, T> {
    Form::Sparse {
        given,
        transposed,
        other: OnceLock::new(),
        bands: OnceLock::new(),
        between: Mutex::new(None),
    }
}

/// Whether both directions can be held with 32-bit indices.
fn indexable<T>(rows: &SparseRows<'_, T>) -> bool {
    u32::try_from(rows.shape.0.max(rows.shape.1)).is_ok()
}

fn scaled<T: Scalar>(rows: &SparseRows<'_, T>, rescale: impl Fn(&T) -> T) -> Rows<'static, T> {
    let base = rows.pointers[0];
    Rows::Owned {
        shape: rows.shape,
        pointers: rows.pointers.iter().map(|pointer| pointer - base).collect(),
        columns: (0..rows.values.len())
            .map(|i| rows.columns.get(i) as u32)
            .collect(),
        values: rows.values.iter().map(rescale).collect(),
    }
}

/// ‖W Hᵀ‖² = ⟨WᵀW, HᵀH⟩ for panels W (m x k) and H (n x k).
#[must_use]
pub fn squared_product_norm<T: Scalar>(w: ArrayView2<'_, T>, h: ArrayView2<'_, T>) -> f64 {
    inner_product(gram(w).view(), gram(h).view())
}

fn dense_residual<T: Scalar>(
    x: &ArrayView2<'_, T>,
    w: ArrayView2<'_, T>,
    h: ArrayView2<'_, T>,
) -> f64 {
    let blocks: Vec<_> = x
        .axis_chunks_iter(Axis(0), RESIDUAL_ROWS)
        .zip(w.axis_chunks_iter(Axis(0), RESIDUAL_ROWS))
        .collect();
    let sums: Vec<f64> = blocks
        .into_par_iter()
        .map(|(x, w)| {
            let mut product = Array2::default(x.dim());
            multiply_dense(w, h.t(), product.view_mut());
            squared_distance(x, product.view())
        })
        .collect();
    sums.into_iter().sum()
}

fn sparse_residual<T: Scalar>(
    x: &SparseRows<'_, T>,
    w: ArrayView2<'_, T>,
    h: ArrayView2<'_, T>,
) -> f64 {
    let sums: Vec<f64> = (0..x.shape.0)
        .into_par_iter()
        .with_min_len(64)
        .map(|i| {
            let row = w.row(i);
            x.row_range(i)
                .map(|position| {
                    let y = row.dot(&h.row(x.columns.get(position))).as_f64();
                    let x = x.values[position].as_f64();
                    // (x - y)^2 - y^2
                    x * (x - 2.0 * y)
                })
                .sum()
        })
        .collect();
    sums.into_iter().sum()
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
