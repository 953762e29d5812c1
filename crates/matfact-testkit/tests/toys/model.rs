//! X̂ = L diag(s) R.

use super::Fault;
use matfact_core::ndarray::{Array1, Array2, ArrayViewMut2};
use matfact_core::{Error, Factorization, ModelRecord, Persist, Result, Scalar, model};
use std::ops::Range;

#[derive(Debug, Clone)]
pub(crate) struct ToyModel<T> {
    pub(crate) left: Array2<T>,
    pub(crate) scales: Array1<T>,
    pub(crate) right: Array2<T>,
    pub(crate) fault: Fault,
    /// What the fault of lying shows instead of the product.
    pub(crate) shown: Option<Array2<T>>,
}

impl<T: Scalar> ToyModel<T> {
    fn value(&self, row: usize, column: usize) -> T {
        if let Some(shown) = &self.shown {
            return shown[[row, column]];
        }
        let terms = (0..self.scales.len())
            .map(|t| self.left[[row, t]] * self.scales[t] * self.right[[t, column]]);
        terms.sum()
    }
}

impl<T: Scalar> Factorization for ToyModel<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        (self.left.nrows(), self.right.ncols())
    }

    fn rank(&self) -> usize {
        self.scales.len()
    }

    fn predict(&self, row: usize, column: usize) -> Result<T> {
        model::check_position(self.shape(), row, column)?;
        let off = if self.fault == Fault::PredictsOtherwise {
            1.25
        } else {
            1.0
        };
        Ok(self.value(row, column) * T::from_f64(off))
    }

    fn reconstruct_rows(&self, rows: Range<usize>, mut out: ArrayViewMut2<'_, T>) -> Result<()> {
        model::check_row_block(self.shape(), &rows, out.dim())?;
        for ((i, j), value) in out.indexed_iter_mut() {
            *value = self.value(rows.start + i, j);
        }
        Ok(())
    }
}

impl<T: Scalar> Persist for ToyModel<T> {
    fn to_record(&self) -> ModelRecord {
        let mut record = ModelRecord::new("toy");
        record.insert("left", &self.left);
        record.insert("scales", &self.scales);
        record.insert("right", &self.right);
        if self.fault == Fault::ForgetsInRecord {
            record
                .attributes
                .insert("forgets".to_owned(), "yes".to_owned());
        }
        record
    }

    fn from_record(record: &ModelRecord) -> Result<Self> {
        let mut left: Array2<T> = record.matrix("left")?;
        if record.attributes.contains_key("forgets") {
            left.mapv_inplace(|v| v * T::from_f64(1.0 + 1e-6));
        }
        let scales: Array1<T> = record.vector("scales")?;
        let right = record.matrix("right")?;
        if (left.ncols(), right.nrows()) != (scales.len(), scales.len()) {
            let reason = "ranks differ".to_owned();
            return Err(Error::InvalidModel { reason });
        }
        Ok(Self {
            left,
            scales,
            right,
            fault: Fault::None,
            shown: None,
        })
    }
}
