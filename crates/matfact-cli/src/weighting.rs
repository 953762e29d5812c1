//! Counts that are weighted before they meet a model.

use crate::choices::WeightsChoice;
use matfact::core::ModelRecord;
use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::Array1;
use matfact::{Bm25, Error, LogEntropy, Matrix, Result, Scalar, TfIdf, sprs};
use std::path::Path;

/// What a model file keeps of a weighting: one number for each column.
const TF_IDF: &str = "idf";
const BM25: &str = "bm25_idf";
const LOG_ENTROPY: &str = "log_entropy";
/// And the mean length of the rows, among the attributes.
const MEAN_LENGTH: &str = "bm25_mean_length";

/// Weights learned from counts.
#[derive(Debug, Clone)]
pub(crate) enum Weighting<T> {
    TfIdf(TfIdf<T>),
    Bm25(Bm25<T>),
    LogEntropy(LogEntropy<T>),
}

impl<T: Scalar> Weighting<T> {
    fn of(choice: WeightsChoice, counts: &dyn Matrix<Scalar = T>) -> Result<Self> {
        Ok(match choice {
            WeightsChoice::TfIdf => Weighting::TfIdf(TfIdf::of(counts)?),
            WeightsChoice::Bm25 => Weighting::Bm25(Bm25::of(counts)?),
            WeightsChoice::LogEntropy => Weighting::LogEntropy(LogEntropy::of(counts)?),
        })
    }

    fn apply(&self, counts: &dyn Matrix<Scalar = T>) -> Result<sprs::CsMatI<T, u32, usize>> {
        match self {
            Weighting::TfIdf(by) => by.apply(counts),
            Weighting::Bm25(by) => by.apply(counts),
            Weighting::LogEntropy(by) => by.apply(counts),
        }
    }

    /// As `--weights` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Weighting::TfIdf(_) => "tf-idf",
            Weighting::Bm25(_) => "bm25",
            Weighting::LogEntropy(_) => "log-entropy",
        }
    }

    /// For people.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Weighting::TfIdf(_) => "TF-IDF",
            Weighting::Bm25(_) => "BM25",
            Weighting::LogEntropy(_) => "log-entropy",
        }
    }
}

/// A matrix as a fit or a model takes it.
pub(crate) struct Weighted<T> {
    pub(crate) data: MatrixData<T>,
    pub(crate) by: Option<Weighting<T>>,
}

impl<T: Scalar> Weighted<T> {
    /// The matrix of a file, weighted by what its own counts say where that is asked for.
    pub(crate) fn read(path: &Path, choice: Option<WeightsChoice>) -> Result<Self> {
        let data = read_matrix::<T>(path)?;
        let by = choice.map(|choice| Weighting::of(choice, data.as_matrix()));
        Self::apply(data, by.transpose()?)
    }

    /// A matrix weighted as that of a model was.
    pub(crate) fn apply(data: MatrixData<T>, by: Option<Weighting<T>>) -> Result<Self> {
        let data = match &by {
            Some(by) => MatrixData::Sparse(by.apply(data.as_matrix())?),
            None => data,
        };
        Ok(Self { data, by })
    }
}

/// Puts a weighting into the record of a model.
pub(crate) fn write<T: Scalar>(by: &Weighting<T>, record: &mut ModelRecord) {
    match by {
        Weighting::TfIdf(by) => record.insert(TF_IDF, &by.idf().to_owned()),
        Weighting::Bm25(by) => {
            record.insert(BM25, &by.idf().to_owned());
            let length = format!("{:?}", by.mean_length());
            record.attributes.insert(MEAN_LENGTH.to_owned(), length);
        }
        Weighting::LogEntropy(by) => record.insert(LOG_ENTROPY, &by.global().to_owned()),
    }
}

/// The weighting of a model of `columns` columns, where it has one.
pub(crate) fn read<T: Scalar>(
    record: &ModelRecord,
    columns: usize,
) -> Result<Option<Weighting<T>>> {
    let weights = |name: &str| -> Result<Option<Array1<T>>> {
        if !record.contains(name) {
            return Ok(None);
        }
        let weights = record.vector(name)?;
        if weights.len() == columns {
            return Ok(Some(weights));
        }
        let reason = format!(
            "tensor {name} has {} values for {columns} columns",
            weights.len()
        );
        Err(Error::InvalidModel { reason })
    };
    if let Some(idf) = weights(TF_IDF)? {
        return Ok(Some(Weighting::TfIdf(TfIdf::from_idf(idf)?)));
    }
    if let Some(global) = weights(LOG_ENTROPY)? {
        let by = LogEntropy::from_global(global)?;
        return Ok(Some(Weighting::LogEntropy(by)));
    }
    let Some(idf) = weights(BM25)? else {
        return Ok(None);
    };
    let length = record.attributes.get(MEAN_LENGTH);
    match length.and_then(|text| text.parse().ok()) {
        Some(length) => Ok(Some(Weighting::Bm25(Bm25::from_parts(idf, length)?))),
        None => Err(Error::InvalidModel {
            reason: format!("tensor {BM25} is there, and attribute {MEAN_LENGTH} is not a number"),
        }),
    }
}
