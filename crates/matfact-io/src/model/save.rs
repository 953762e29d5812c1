//! Writing a model file.

use super::header::{Header, MAX_HEADER, METADATA, TensorInfo, hex};
use super::{COLUMN_IDS, FORMAT_VERSION, IdNames, Kind, ModelFile, ROW_IDS};
use crate::atomic::write_atomically;
use crate::ids::Ids;
use half::f16;
use matfact_core::{Error, Result, Tensor, TensorValues};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Values converted to bytes at a time.
const CHUNK: usize = 8 << 10;

/// Writes a model file, which appears when it is complete: into a temporary file in the same
/// folder, synced, renamed, the folder synced. If anything fails, a file that was there before is
/// left as it was.
///
/// A symbolic link at `path` stays, and what it points to is replaced.
///
/// # Errors
/// [`Error::Io`] with the path, also where it names a directory, a device or a read-only file;
/// [`Error::InvalidModel`] for what could not be loaded again: a tensor whose shape disagrees with
/// its values, a value that is not finite, a name that the format needs itself, parameters nested
/// more than about 100 deep.
///
/// ```
/// use matfact_core::{Error, ModelRecord, ndarray::array};
/// use matfact_io::{ModelFile, save_model};
/// let mut record = ModelRecord::new("nmf");
/// record.insert("w", &array![f64::NAN]);
/// let refused = save_model("never-written.safetensors", &ModelFile::new(record));
/// assert!(matches!(refused, Err(Error::InvalidModel { .. })));
/// ```
pub fn save_model(path: impl AsRef<Path>, file: &ModelFile) -> Result<()> {
    save(path.as_ref(), &Contents::of(file), Kind::Model)
}

/// As [`save_model`] in about half the space: every matrix of the model (its factors) is rounded to 16 bits (IEEE half
/// precision: 11 significant bits, steps of 2⁻²⁴ below 6.1e-5), while vectors (biases, means, singular values) stay
/// as they are. [`load_model`](crate::load_model) gives it back in `f32`.
///
/// For models of `f32` whose factors are of moderate size, as those of ratings are: there the predictions' errors changed
/// by less than 2e-5 of themselves on all sets that were tried. Orthonormal factors are so to three digits only.
///
/// # Errors
/// Those of [`save_model`], and [`Error::InvalidModel`] for matrices of `f64`, and for values beyond 65504.
///
/// ```
/// use matfact_core::{ModelRecord, ndarray::array};
/// use matfact_io::{ModelFile, load_model, save_model_in_half};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// let mut record = ModelRecord::new("sgd");
/// record.insert("row_factors", &array![[0.5_f32, 0.1]]);
/// save_model_in_half(&path, &ModelFile::new(record))?;
/// let factors = load_model(&path)?.record.matrix::<f32>("row_factors")?;
/// assert_eq!(factors[[0, 0]], 0.5);
/// assert!((factors[[0, 1]] - 0.1).abs() < 5e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_model_in_half(path: impl AsRef<Path>, file: &ModelFile) -> Result<()> {
    let contents = Contents::of(file);
    let mut tensors = tensors(&contents, Kind::Model)?;
    for (name, content) in &mut tensors {
        if let Content::Numbers(tensor) = content
            && tensor.shape.len() == 2
        {
            *content = Content::Halves(tensor, halves(name, tensor)?);
        }
    }
    write(path.as_ref(), &contents, tensors, Kind::Model)
}

/// The values, if all of them can be halves.
fn halves<'a>(name: &str, tensor: &'a Tensor) -> Result<&'a [f32]> {
    let TensorValues::F32(values) = &tensor.values else {
        return Err(invalid(format!(
            "tensor {name} is of f64, and half precision is for models of f32"
        )));
    };
    match values.iter().find(|v| !f16::from_f32(**v).is_finite()) {
        Some(value) => Err(invalid(format!(
            "tensor {name} holds {value}, and half precision ends at 65504"
        ))),
        None => Ok(values),
    }
}

/// What a file of either kind holds, borrowed: a checkpoint may be as large as the rest of the fit.
pub(crate) struct Contents<'a> {
    pub(crate) algorithm: &'a str,
    pub(crate) tensors: &'a BTreeMap<String, Tensor>,
    pub(crate) attributes: &'a BTreeMap<String, String>,
    pub(crate) parameters: &'a Value,
    pub(crate) report: &'a Value,
    pub(crate) seed: u64,
    pub(crate) row_ids: Option<&'a Ids>,
    pub(crate) column_ids: Option<&'a Ids>,
}

impl<'a> Contents<'a> {
    fn of(file: &'a ModelFile) -> Self {
        Self {
            algorithm: &file.record.algorithm,
            tensors: &file.record.tensors,
            attributes: &file.record.attributes,
            parameters: &file.parameters,
            report: &file.report,
            seed: file.seed,
            row_ids: file.row_ids.as_ref(),
            column_ids: file.column_ids.as_ref(),
        }
    }
}

/// Writes a file of either kind.
pub(crate) fn save(path: &Path, file: &Contents<'_>, kind: Kind) -> Result<()> {
    write(path, file, tensors(file, kind)?, kind)
}

fn write(
    path: &Path,
    file: &Contents<'_>,
    tensors: BTreeMap<&str, Content<'_>>,
    kind: Kind,
) -> Result<()> {
    let mut header = Header {
        tensors: BTreeMap::new(),
        metadata: metadata(file, kind)?,
    };
    for (name, content) in &tensors {
        header.tensors.insert((*name).to_owned(), content.info());
        let mut checksum = 0;
        content
            .write(&mut |bytes| {
                checksum = crc32c::crc32c_append(checksum, bytes);
                Ok(())
            })
            .map_err(|error| invalid(error.to_string()))?;
        header
            .metadata
            .insert(format!("tensor_crc32c.{name}"), hex(checksum));
    }
    if header.lay_out().is_none() {
        return Err(invalid("its tensors are larger than any file".to_owned()));
    }
    let encoded = header.encode().map_err(|e| invalid(e.to_string()))?;
    if encoded.len() as u64 > MAX_HEADER {
        return Err(invalid(format!(
            "attributes, parameters and report take {} bytes, and at most {MAX_HEADER} are allowed",
            encoded.len()
        )));
    }
    write_atomically(path, |out| emit(out, &encoded, &header, &tensors))
}

/// Hands the whole file on.
fn emit(
    out: &mut dyn Write,
    encoded: &[u8],
    header: &Header,
    tensors: &BTreeMap<&str, Content<'_>>,
) -> io::Result<()> {
    out.write_all(encoded)?;
    for name in header.by_place() {
        if let Some(content) = tensors.get(name) {
            content.write(&mut |bytes| out.write_all(bytes))?;
        }
    }
    Ok(())
}

fn invalid(reason: String) -> Error {
    Error::InvalidModel { reason }
}

/// What becomes a tensor of the file.
enum Content<'a> {
    Numbers(&'a Tensor),
    /// The tensor, and its values to be rounded.
    Halves(&'a Tensor, &'a [f32]),
    IdText(&'a Ids),
    IdOffsets(&'a Ids),
}

/// All tensors by name, checked.
fn tensors<'a>(file: &Contents<'a>, kind: Kind) -> Result<BTreeMap<&'a str, Content<'a>>> {
    let mut tensors = BTreeMap::new();
    for (name, tensor) in file.tensors {
        check(name, tensor, kind)?;
        tensors.insert(&name[..], Content::Numbers(tensor));
    }
    for (names, ids) in [(ROW_IDS, file.row_ids), (COLUMN_IDS, file.column_ids)] {
        let IdNames { text, offsets, .. } = names;
        if let Some(ids) = ids {
            tensors.insert(text, Content::IdText(ids));
            tensors.insert(offsets, Content::IdOffsets(ids));
        }
    }
    Ok(tensors)
}

fn check(name: &str, tensor: &Tensor, kind: Kind) -> Result<()> {
    let reserved = [
        METADATA,
        ROW_IDS.text,
        ROW_IDS.offsets,
        COLUMN_IDS.text,
        COLUMN_IDS.offsets,
    ];
    if reserved.contains(&name) {
        return Err(invalid(format!("a tensor cannot have the name {name}")));
    }
    let (length, bad) = match &tensor.values {
        TensorValues::F32(values) => (values.len(), values.iter().position(|v| !v.is_finite())),
        TensorValues::F64(values) => (values.len(), values.iter().position(|v| !v.is_finite())),
    };
    let count = tensor
        .shape
        .iter()
        .try_fold(1_usize, |count, n| count.checked_mul(*n));
    if count != Some(length) {
        return Err(invalid(format!(
            "tensor {name} of shape {:?} has {length} values",
            tensor.shape
        )));
    }
    match bad.filter(|_| kind.wants_finite()) {
        Some(at) => Err(invalid(format!("tensor {name} is not finite at {at}"))),
        None => Ok(()),
    }
}

fn metadata(file: &Contents<'_>, kind: Kind) -> Result<BTreeMap<String, String>> {
    let mut metadata = BTreeMap::from([
        ("format".to_owned(), kind.format().to_owned()),
        ("format_version".to_owned(), FORMAT_VERSION.to_string()),
        ("algorithm".to_owned(), file.algorithm.to_owned()),
        (
            "parameters".to_owned(),
            json("parameters", file.parameters)?,
        ),
        ("report".to_owned(), json("report", file.report)?),
        ("seed".to_owned(), file.seed.to_string()),
    ]);
    for (name, value) in file.attributes {
        metadata.insert(format!("attribute.{name}"), value.clone());
    }
    Ok(metadata)
}

/// The value as text, if that text can be read again.
fn json(name: &str, value: &Value) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|e| invalid(format!("{name}: {e}")))?;
    match serde_json::from_str::<Value>(&text) {
        Ok(back) if back == *value => Ok(text),
        Ok(_) => Err(invalid(format!(
            "{name}: a number would not come back the same"
        ))),
        Err(error) => Err(invalid(format!("{name}: {error}"))),
    }
}

impl Content<'_> {
    /// The header's line, its place still open.
    fn info(&self) -> TensorInfo {
        let (dtype, shape) = match self {
            Content::Numbers(tensor) => match tensor.values {
                TensorValues::F32(_) => ("F32", tensor.shape.clone()),
                TensorValues::F64(_) => ("F64", tensor.shape.clone()),
            },
            Content::Halves(tensor, _) => ("F16", tensor.shape.clone()),
            Content::IdText(ids) => ("U8", vec![ids.text().len()]),
            Content::IdOffsets(ids) => ("U64", vec![ids.len() + 1]),
        };
        TensorInfo {
            dtype: dtype.to_owned(),
            shape,
            data_offsets: (0, 0),
        }
    }

    /// Hands on the little-endian bytes in pieces.
    fn write(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Content::Numbers(tensor) => match &tensor.values {
                TensorValues::F32(values) => in_pieces(values, |v| v.to_le_bytes(), sink),
                TensorValues::F64(values) => in_pieces(values, |v| v.to_le_bytes(), sink),
            },
            Content::Halves(_, values) => {
                in_pieces(values, |v| f16::from_f32(*v).to_le_bytes(), sink)
            }
            Content::IdText(ids) => sink(ids.text().as_bytes()),
            Content::IdOffsets(ids) => {
                sink(&0_u64.to_le_bytes())?;
                in_pieces(ids.ends(), |end| (*end as u64).to_le_bytes(), sink)
            }
        }
    }
}

fn in_pieces<V, const N: usize>(
    values: &[V],
    bytes: impl Fn(&V) -> [u8; N],
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK * N);
    for piece in values.chunks(CHUNK) {
        buffer.clear();
        for value in piece {
            buffer.extend_from_slice(&bytes(value));
        }
        sink(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::load_model;
    use matfact_core::{ModelRecord, ndarray::array};

    /// Takes one byte at a time, is interrupted before each, and fails where the disk is full.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
        interrupt: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.interrupt = !self.interrupt;
            if self.interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.taken.len() == self.room {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.taken.extend(&bytes[..bytes.len().min(1)]);
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_make_the_same_file_and_a_failure_at_any_byte_is_told() {
        let mut record = ModelRecord::new("nmf");
        record.insert("w", &array![[1.0_f32, 2.0], [3.0, 4.0]]);
        record.insert("h", &array![0.5_f64]);
        let mut ids = Ids::new();
        ids.insert("ada").unwrap();
        let file = ModelFile {
            row_ids: Some(ids),
            ..ModelFile::new(record)
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        save_model(&path, &file).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let (length, rest) = whole.split_at(8);
        let end = 8 + u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let header = Header::decode(&whole[..end]).unwrap();
        assert!(rest.len() > end);
        let contents = Contents::of(&file);
        let tensors = tensors(&contents, Kind::Model).unwrap();
        for room in 0..=whole.len() {
            let mut out = Narrow {
                taken: Vec::new(),
                room,
                interrupt: false,
            };
            let written = emit(&mut out, &whole[..end], &header, &tensors);
            assert_eq!(written.is_ok(), room == whole.len(), "{room}");
            assert_eq!(out.taken, whole[..room]);
        }
        assert_eq!(load_model(&path).unwrap(), file);
    }
}
