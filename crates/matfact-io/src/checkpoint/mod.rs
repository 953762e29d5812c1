//! The state of a fit on disk: the format of a model file under another name, and a folder of the newest two.

mod folder;

pub use folder::{CheckpointFolder, CheckpointInterval};

use crate::model::{Kind, ModelFile, load, save};
use matfact_core::{Checkpoint, CheckpointState, DataFingerprint, Error, ModelRecord, Result};
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
    let mut record = ModelRecord::new(&checkpoint.algorithm);
    record.tensors.clone_from(&checkpoint.state.tensors);
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
    record.attributes = texts;
    save(path.as_ref(), &ModelFile::new(record), Kind::Checkpoint)
}

/// Loads a checkpoint; what is accepted is exactly what [`save_checkpoint`] writes.
///
/// # Errors
/// Those of [`load_model`](crate::load_model), and [`Error::ResumeMismatch`] for a checkpoint of another version of
/// matfact.
pub fn load_checkpoint(path: impl AsRef<Path>) -> Result<Checkpoint> {
    let path = path.as_ref();
    let mut record = load(path, Kind::Checkpoint)?.record;
    let corrupt = |reason: String| Error::Corrupt {
        path: path.to_owned(),
        reason,
    };
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
            let counter = value
                .parse()
                .map_err(|_| corrupt(format!("its counter {name} is no number")))?;
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
        let parsed = text(name)?.parse();
        parsed.map_err(|_| corrupt(format!("its {name} is no number")))
    };
    Ok(Checkpoint {
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
    })
}

const COUNTER: &str = "counter.";
const TEXT: &str = "text.";
