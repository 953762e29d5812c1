//! A model file, opened to be used.

use matfact::io::{ModelFile, load_model};
use matfact::{AnyModel, Error, Persist, Result, Scalar};
use std::path::{Path, PathBuf};

/// A model file and where it came from.
pub(crate) struct Opened {
    pub(crate) file: ModelFile,
    path: PathBuf,
}

impl Opened {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self {
            file: load_model(path)?,
            path: path.to_owned(),
        })
    }

    /// Whether the model is of `f64`, else it is of `f32`.
    pub(crate) fn is_double(&self) -> bool {
        self.file.record.scalar() == Some(f64::NAME)
    }

    /// The model itself, of its own precision.
    pub(crate) fn model<T: Scalar>(&self) -> Result<AnyModel<T>> {
        AnyModel::from_record(&self.file.record).map_err(|error| self.corrupt(error))
    }

    /// Refuses ids that are not those of the factors.
    pub(crate) fn check_ids(&self, shape: (usize, usize)) -> Result<()> {
        for (axis, ids, bound) in [
            ("row", &self.file.row_ids, shape.0),
            ("column", &self.file.column_ids, shape.1),
        ] {
            if let Some(ids) = ids.as_ref().filter(|ids| ids.len() != bound) {
                let reason = format!("it has {} {axis} ids for {bound} {axis}s", ids.len());
                return Err(Error::Corrupt {
                    path: self.path.clone(),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// Names an error of the record by the file it came from.
    pub(crate) fn corrupt(&self, error: Error) -> Error {
        match error {
            Error::InvalidModel { reason } => Error::Corrupt {
                path: self.path.clone(),
                reason,
            },
            other => other,
        }
    }

    /// The refusal of what this kind of model cannot do.
    pub(crate) fn cannot(&self, capability: &'static str) -> Error {
        Error::UnsupportedModel {
            algorithm: self.file.record.algorithm.clone(),
            capability,
        }
    }
}
