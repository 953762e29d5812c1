//! Counts that are weighted before they meet a model.

use matfact::core::ModelRecord;
use matfact::io::{MatrixData, read_matrix};
use matfact::{Result, Scalar, TfIdf};
use std::path::Path;

/// The inverse document frequencies in a model file: one number for each column.
const TENSOR: &str = "idf";

/// A matrix as a fit or a model takes it.
pub(crate) struct Weighted<T> {
    pub(crate) data: MatrixData<T>,
    pub(crate) by: Option<TfIdf<T>>,
}

impl<T: Scalar> Weighted<T> {
    /// The matrix of a file, weighted by its own document frequencies if `tf_idf` asks for it.
    pub(crate) fn read(path: &Path, tf_idf: bool) -> Result<Self> {
        let data = read_matrix::<T>(path)?;
        match tf_idf {
            true => {
                let by = TfIdf::of(data.as_matrix())?;
                Self::apply(data, Some(by))
            }
            false => Self::apply(data, None),
        }
    }

    /// A matrix weighted as that of a model was.
    pub(crate) fn apply(data: MatrixData<T>, by: Option<TfIdf<T>>) -> Result<Self> {
        let data = match &by {
            Some(by) => MatrixData::Sparse(by.apply(data.as_matrix())?),
            None => data,
        };
        Ok(Self { data, by })
    }
}

/// Puts a weighting into the record of a model.
pub(crate) fn write<T: Scalar>(by: &TfIdf<T>, record: &mut ModelRecord) {
    record.insert(TENSOR, &by.idf().to_owned());
}

/// The weighting of a model of `columns` columns, where it has one.
pub(crate) fn read<T: Scalar>(record: &ModelRecord, columns: usize) -> Result<Option<TfIdf<T>>> {
    if !record.contains(TENSOR) {
        return Ok(None);
    }
    let idf = record.vector(TENSOR)?;
    if idf.len() != columns {
        let reason = format!(
            "tensor {TENSOR} has {} values for {columns} columns",
            idf.len()
        );
        return Err(matfact::Error::InvalidModel { reason });
    }
    TfIdf::from_idf(idf).map(Some)
}
