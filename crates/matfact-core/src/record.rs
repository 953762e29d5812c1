//! A model as named tensors: what a model file holds, without a file format.

use crate::{Error, Result, Scalar};
use ndarray::{Array, Array1, Array2, Dimension};
use std::collections::BTreeMap;

/// The numbers of a tensor in either precision.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorValues {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// A dense array of any dimension, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Row-major values, as many as the product of `shape`.
    pub values: TensorValues,
}

impl Tensor {
    /// The tensor's numbers copied from an array of any layout.
    pub fn from_array<T: Scalar, D: Dimension>(array: &Array<T, D>) -> Self {
        let values = array.iter().copied().collect();
        Self {
            shape: array.shape().to_vec(),
            values: wrap(values),
        }
    }
}

pub(crate) fn wrap<T: Scalar>(values: Vec<T>) -> TensorValues {
    // The two conversions are exact: T is one of the two types.
    if T::NAME == f32::NAME {
        TensorValues::F32(values.into_iter().map(|v| v.as_f64() as f32).collect())
    } else {
        TensorValues::F64(values.into_iter().map(Scalar::as_f64).collect())
    }
}

/// A model taken apart: named tensors and named texts.
///
/// ```
/// use matfact_core::ModelRecord;
/// let mut record = ModelRecord::new("nmf");
/// record.insert("w", &ndarray::array![[1.0_f32], [2.0]]);
/// assert_eq!(record.matrix::<f32>("w")?, ndarray::array![[1.0], [2.0]]);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRecord {
    /// The algorithm that made the model, as on the command line.
    pub algorithm: String,
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Small facts by name.
    pub attributes: BTreeMap<String, String>,
}

impl ModelRecord {
    /// A record without tensors.
    #[must_use]
    pub fn new(algorithm: &str) -> Self {
        Self {
            algorithm: algorithm.to_owned(),
            tensors: BTreeMap::new(),
            attributes: BTreeMap::new(),
        }
    }

    /// Puts an array under `name`.
    pub fn insert<T: Scalar, D: Dimension>(&mut self, name: &str, array: &Array<T, D>) {
        self.tensors
            .insert(name.to_owned(), Tensor::from_array(array));
    }

    /// Whether a tensor of that name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// `"f32"` or `"f64"`, from the first tensor; `None` without tensors.
    #[must_use]
    pub fn scalar(&self) -> Option<&'static str> {
        self.tensors
            .values()
            .next()
            .map(|tensor| match tensor.values {
                TensorValues::F32(_) => f32::NAME,
                TensorValues::F64(_) => f64::NAME,
            })
    }

    /// The matrix under `name`, all finite.
    ///
    /// # Errors
    /// [`Error::InvalidModel`] if it is missing, has another dimension or type, or is not finite.
    pub fn matrix<T: Scalar>(&self, name: &str) -> Result<Array2<T>> {
        let (shape, values) = self.values::<T>(name)?;
        let [rows, columns] = shape[..] else {
            return Err(invalid(format!(
                "tensor {name} has {} axes, not 2",
                shape.len()
            )));
        };
        Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| invalid(format!("tensor {name}: {error}")))
    }

    /// The vector under `name`, all finite.
    ///
    /// # Errors
    /// As [`ModelRecord::matrix`].
    pub fn vector<T: Scalar>(&self, name: &str) -> Result<Array1<T>> {
        let (shape, values) = self.values::<T>(name)?;
        if shape != [values.len()] {
            return Err(invalid(format!(
                "tensor {name} has {} axes, not 1",
                shape.len()
            )));
        }
        Ok(Array1::from_vec(values))
    }

    fn values<T: Scalar>(&self, name: &str) -> Result<(&[usize], Vec<T>)> {
        let tensor = self
            .tensors
            .get(name)
            .ok_or_else(|| invalid(format!("tensor {name} is missing")))?;
        let values: Vec<T> = match &tensor.values {
            TensorValues::F32(v) if T::NAME == f32::NAME => {
                v.iter().map(|v| T::from_f64(f64::from(*v))).collect()
            }
            TensorValues::F64(v) if T::NAME == f64::NAME => {
                v.iter().map(|v| T::from_f64(*v)).collect()
            }
            _ => return Err(invalid(format!("tensor {name} is not of type {}", T::NAME))),
        };
        match values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(invalid(format!(
                "tensor {name} holds {} at {at}",
                values[at]
            ))),
            None => Ok((&tensor.shape, values)),
        }
    }
}

fn invalid(reason: String) -> Error {
    Error::InvalidModel { reason }
}

/// A model that can be taken apart into named tensors and put together again, bit for bit.
pub trait Persist: Sized {
    /// The model as tensors.
    fn to_record(&self) -> ModelRecord;

    /// The model from tensors.
    ///
    /// # Errors
    /// [`Error::InvalidModel`] if something is missing, not finite, or shapes disagree.
    fn from_record(record: &ModelRecord) -> Result<Self>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_does_not_fit_is_named() {
        let mut record = ModelRecord::new("nmf");
        record.insert("w", &array![[1.0_f64, f64::NAN]]);
        record.insert("s", &array![1.0_f64]);
        for (result, text) in [
            (record.matrix::<f64>("h").map(|_| ()), "h is missing"),
            (record.matrix::<f64>("w").map(|_| ()), "holds NaN at 1"),
            (record.matrix::<f32>("w").map(|_| ()), "not of type f32"),
            (record.matrix::<f64>("s").map(|_| ()), "1 axes, not 2"),
            (record.vector::<f64>("w").map(|_| ()), "holds NaN"),
        ] {
            let message = result.unwrap_err().to_string();
            assert!(
                message.contains(text),
                "{message:?} should contain {text:?}"
            );
        }
    }

    #[test]
    fn subnormals_and_signed_zeros_survive() {
        let values = array![f32::MIN_POSITIVE / 8.0, -0.0, f32::MAX];
        let mut record = ModelRecord::new("x");
        record.insert("v", &values);
        let back = record.vector::<f32>("v").unwrap();
        assert!(
            values
                .iter()
                .zip(&back)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }
}
