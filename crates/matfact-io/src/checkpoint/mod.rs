//! The state of a fit on disk: the format of a model file under another name, and a folder of the newest two.

mod folder;

pub use folder::{CheckpointFolder, CheckpointInterval};

use crate::model::{Contents, Kind, ModelFile, load, save};
use matfact_core::{Checkpoint, CheckpointState, DataFingerprint, Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The version of matfact that a checkpoint is of: what lies in it may change with any.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes a checkpoint, which appears when it is complete, as [`save_model`](crate::save_model) writes a model.
/// Its numbers may be infinite or NaN.
///
/// ```
/// use matfact_core::{Checkpoint, CheckpointState, DataFingerprint};
/// use matfact_io::{load_checkpoint, save_checkpoint};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("checkpoint.safetensors");
/// let mut state = CheckpointState::default();
/// state.insert_numbers("best", &[f64::INFINITY]);
/// let checkpoint = Checkpoint {
///     algorithm: "als".to_owned(),
///     scalar: "f32".to_owned(),
///     settings: "Als { rank: 8 }".to_owned(),
///     data: DataFingerprint::default(),
///     iteration: 3,
///     state,
/// };
/// save_checkpoint(&path, &checkpoint)?;
/// assert_eq!(load_checkpoint(&path)?, checkpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Io`] with the path; [`Error::InvalidModel`] for a tensor whose shape disagrees with its values.
pub fn save_checkpoint(path: impl AsRef<Path>, checkpoint: &Checkpoint) -> Result<()> {
    let data = &checkpoint.data;
    let mut texts = BTreeMap::from([
        ("version".to_owned(), VERSION.to_owned()),
        ("scalar".to_owned(), checkpoint.scalar.clone()),
        ("settings".to_owned(), checkpoint.settings.clone()),
        ("iteration".to_owned(), checkpoint.iteration.to_string()),
        ("data.rows".to_owned(), data.shape.0.to_string()),
        ("data.columns".to_owned(), data.shape.1.to_string()),
        ("data.stored".to_owned(), data.stored.to_string()),
        ("data.checksum".to_owned(), data.checksum.to_string()),
        ("data.beside".to_owned(), data.beside.to_string()),
    ]);
    for (name, value) in &checkpoint.state.counters {
        texts.insert(format!("{COUNTER}{name}"), value.to_string());
    }
    for (name, text) in &checkpoint.state.texts {
        texts.insert(format!("{TEXT}{name}"), text.clone());
    }
    let contents = Contents {
        algorithm: &checkpoint.algorithm,
        tensors: &checkpoint.state.tensors,
        attributes: &texts,
        parameters: &Value::Null,
        report: &Value::Null,
        seed: 0,
        row_ids: None,
        column_ids: None,
    };
    save(path.as_ref(), &contents, Kind::Checkpoint)
}

/// Loads a checkpoint; what is accepted is exactly what [`save_checkpoint`] writes.
///
/// # Errors
/// [`Error::CorruptCheckpoint`] for a file that differs from what was written, in whatever way, and otherwise those of
/// [`load_model`](crate::load_model); [`Error::ResumeMismatch`] for a checkpoint of another version of matfact.
pub fn load_checkpoint(path: impl AsRef<Path>) -> Result<Checkpoint> {
    let path = path.as_ref();
    let corrupt = |reason: String| Kind::Checkpoint.corrupt(path, reason);
    let ModelFile {
        mut record,
        parameters,
        report,
        seed,
        row_ids,
        column_ids,
    } = load(path, Kind::Checkpoint)?;
    let is_plain = parameters.is_null() && report.is_null() && seed == 0;
    if !is_plain || row_ids.is_some() || column_ids.is_some() {
        return Err(corrupt("it holds what only a model has".to_owned()));
    }
    let version = record.attributes.remove("version").unwrap_or_default();
    if version != VERSION {
        return Err(Error::ResumeMismatch {
            what: "version of matfact".to_owned(),
            was: version,
            is: VERSION.to_owned(),
        });
    }
    let mut state = CheckpointState {
        tensors: record.tensors,
        ..CheckpointState::default()
    };
    let mut facts = BTreeMap::new();
    for (name, value) in record.attributes {
        if let Some(name) = name.strip_prefix(COUNTER) {
            let counter = plain_number(&value)
                .ok_or_else(|| corrupt(format!("its counter {name} is no number")))?;
            state.counters.insert(name.to_owned(), counter);
        } else if let Some(name) = name.strip_prefix(TEXT) {
            state.texts.insert(name.to_owned(), value);
        } else {
            facts.insert(name, value);
        }
    }
    let mut text = |name: &str| {
        let missing = || corrupt(format!("it does not tell its {name}"));
        facts.remove(name).ok_or_else(missing)
    };
    let (scalar, settings) = (text("scalar")?, text("settings")?);
    let mut number = |name: &str| -> Result<u64> {
        let text = text(name)?;
        plain_number(&text).ok_or_else(|| corrupt(format!("its {name} is no number")))
    };
    let checkpoint = Checkpoint {
        algorithm: record.algorithm,
        scalar,
        settings,
        data: DataFingerprint {
            shape: (
                number("data.rows")? as usize,
                number("data.columns")? as usize,
            ),
            stored: number("data.stored")? as usize,
            checksum: number("data.checksum")?,
            beside: number("data.beside")?,
        },
        iteration: number("iteration")? as usize,
        state,
    };
    match facts.keys().next() {
        Some(unknown) => Err(corrupt(format!("it holds an unknown text {unknown:?}"))),
        None => Ok(checkpoint),
    }
}

/// A number in the digits that it is written with.
fn plain_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

const COUNTER: &str = "counter.";
const TEXT: &str = "text.";
