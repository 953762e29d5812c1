//! How a matrix is held for its products: as given where that is fast, beside it the other direction of a
//! sparse one.

use super::bands::{self, Bands};
use super::transpose::transpose;
use crate::sparse::Aligned;
use crate::{Simd, multiply_sparse};
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2};
use matfact_core::{Indices, Layout, Scalar, SparseRows};
use std::sync::{Mutex, OnceLock};

/// The rows of a matrix in place.
#[derive(Debug, Clone, Copy)]
pub enum Lines<'a, T> {
    /// A dense array with any strides.
    Dense(ArrayView2<'a, T>),
    /// Compressed rows.
    Sparse(SparseRows<'a, T>),
}

/// X' = X / scale, as its products are made.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a matrix")]
pub(super) enum Form<'a, T> {
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

impl<'a, T: Scalar> Form<'a, T> {
    /// The matrix of a layout, divided by `scale`, a power of two: in place if that is 1. One without a
    /// layout is [`Form::Opaque`], and not divided.
    pub(super) fn new(layout: Layout<'a, T>, scale: f64) -> Self {
        let extreme = scale != 1.0;
        let rescale = |v: &T| T::from_f64(v.as_f64() / scale);
        let held = |rows: SparseRows<'a, T>| {
            if extreme {
                scaled(&rows, rescale)
            } else {
                Rows::Borrowed(rows)
            }
        };
        match layout {
            Layout::Dense(view) if extreme => Form::DenseCopy(view.map(rescale)),
            Layout::Dense(view) => Form::Dense(view),
            Layout::SparseRows(rows) if indexable(&rows) => sparse(held(rows), false),
            Layout::SparseColumns(rows) if indexable(&rows) => sparse(held(rows), true),
            _ => Form::Opaque,
        }
    }
}

impl<T: Scalar> Form<'_, T> {
    /// The compressed rows of X', or of its transpose, of a sparse form.
    pub(super) fn sparse_rows(&self, of_transpose: bool) -> Option<SparseRows<'_, T>> {
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
    pub(super) fn bands(&self, of_transpose: bool) -> Option<&Bands<T>> {
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
    pub(super) fn multiply_sparse(
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

    /// The rows of X', or its columns, as they are stored or transposed at the first use.
    pub(super) fn lines(&self, of_transpose: bool) -> Option<Lines<'_, T>> {
        match self {
            Form::Dense(x) if of_transpose => Some(Lines::Dense(x.t())),
            Form::Dense(x) => Some(Lines::Dense(x.view())),
            Form::DenseCopy(x) if of_transpose => Some(Lines::Dense(x.t())),
            Form::DenseCopy(x) => Some(Lines::Dense(x.view())),
            Form::Sparse { .. } => self.sparse_rows(of_transpose).map(Lines::Sparse),
            Form::Opaque => None,
        }
    }

    /// ‖X'‖², entry by entry; NaN where there are none to list.
    pub(super) fn sum_of_squares(&self) -> f64 {
        let squares = |values: &mut dyn Iterator<Item = &T>| {
            values.map(|v| v.as_f64() * v.as_f64()).sum::<f64>()
        };
        match self {
            Form::Dense(x) => squares(&mut x.iter()),
            Form::DenseCopy(x) => squares(&mut x.iter()),
            Form::Sparse { given, .. } => squares(&mut given.view().values.iter()),
            Form::Opaque => f64::NAN,
        }
    }
}

/// Compressed rows, borrowed or owned.
#[derive(Debug)]
pub(super) enum Rows<'a, T> {
    Borrowed(SparseRows<'a, T>),
    Owned {
        shape: (usize, usize),
        pointers: Vec<usize>,
        columns: Vec<u32>,
        values: Vec<T>,
    },
}

impl<T> Rows<'_, T> {
    pub(super) fn view(&self) -> SparseRows<'_, T> {
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
