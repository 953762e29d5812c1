//! Model files: one safetensors file that is refused if a single bit of it is wrong.
//!
//! The format is described in `docs/model-format.md`.

mod header;
mod load;
mod save;

pub(crate) use load::load;
pub(crate) use save::{Contents, save};

use crate::ids::Ids;
use matfact_core::{Error, ModelRecord};
use std::path::Path;

pub use load::load_model;
pub use save::{save_model, save_model_in_half};

/// The version of the file format that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a model file holds: the model, how it came about, and the ids of its rows and columns.
///
/// ```
/// use matfact_core::{ModelRecord, ndarray::array};
/// use matfact_io::{ModelFile, load_model, save_model};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// let mut record = ModelRecord::new("nmf");
/// record.insert("w", &array![[1.0_f32], [2.0]]);
/// let file = ModelFile {
///     parameters: serde_json::json!({ "rank": 1, "tol": 1e-4 }),
///     seed: 7,
///     ..ModelFile::new(record)
/// };
/// save_model(&path, &file)?;
/// assert_eq!(load_model(&path)?, file);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// The model.
    pub record: ModelRecord,
    /// The hyper-parameters of the fit.
    pub parameters: serde_json::Value,
    /// The report of the fit.
    pub report: serde_json::Value,
    /// The seed of the fit.
    pub seed: u64,
    /// The ids of the rows (users), where they have any.
    pub row_ids: Option<Ids>,
    /// The ids of the columns (items), where they have any.
    pub column_ids: Option<Ids>,
}

impl ModelFile {
    /// A file of the model alone: no parameters, no report (both `null`), seed 0, no ids.
    #[must_use]
    pub fn new(record: ModelRecord) -> Self {
        Self {
            record,
            parameters: serde_json::Value::Null,
            report: serde_json::Value::Null,
            seed: 0,
            row_ids: None,
            column_ids: None,
        }
    }
}

/// What a file in this format is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A model: all its numbers are finite.
    Model,
    /// The state of a fit: any numbers.
    Checkpoint,
}

impl Kind {
    /// The name of the format in the header.
    fn format(self) -> &'static str {
        match self {
            Kind::Model => "matfact",
            Kind::Checkpoint => "matfact-checkpoint",
        }
    }

    /// The refusal of a file that is damaged or something else.
    pub(crate) fn corrupt(self, path: &Path, reason: String) -> Error {
        let path = path.to_owned();
        match self {
            Kind::Model => Error::Corrupt { path, reason },
            Kind::Checkpoint => Error::CorruptCheckpoint { path, reason },
        }
    }

    fn wants_finite(self) -> bool {
        self == Kind::Model
    }
}

/// Names of the two tensors that hold ids: the texts end to end, and where each begins and ends.
const ROW_IDS: IdNames = IdNames {
    axis: "row",
    text: "row_ids.text",
    offsets: "row_ids.offsets",
};
const COLUMN_IDS: IdNames = IdNames {
    axis: "column",
    text: "column_ids.text",
    offsets: "column_ids.offsets",
};

struct IdNames {
    axis: &'static str,
    text: &'static str,
    offsets: &'static str,
}
