//! Reading a model file, with nothing taken on trust.

use super::header::{Header, Identity, LENGTH_BYTES, MAX_HEADER, TensorInfo, hex, identify};
use super::{COLUMN_IDS, FORMAT_VERSION, IdNames, Kind, ModelFile, ROW_IDS};
use crate::fault;
use crate::ids::Ids;
use crate::source::{open_regular, pickle_refused, read_full};
use half::f16;
use matfact_core::{Error, ModelRecord, Result, Tensor, TensorValues};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Loads a model file.
///
/// Accepted is exactly what [`save_model`](crate::save_model) and
/// [`save_model_in_half`](crate::save_model_in_half) write (halves come back as `f32`): checksums cover every byte,
/// the header must be the one that its content gives when written again, and the data must fill the
/// rest of the file. Memory is asked for only within the size of the file.
///
/// # Errors
/// [`Error::Corrupt`] for a file that differs from what was written, in whatever way, or that
/// matfact did not write; [`Error::VersionTooNew`] for one of a later format;
/// [`Error::PickleRefused`]; [`Error::Io`] where there is no readable file.
///
/// ```
/// use matfact_core::Error;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// std::fs::write(&path, "something else")?;
/// assert!(matches!(matfact_io::load_model(&path), Err(Error::Corrupt { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_model(path: impl AsRef<Path>) -> Result<ModelFile> {
    load(path.as_ref(), Kind::Model)
}

/// Loads a file of either kind.
pub(crate) fn load(path: &Path, kind: Kind) -> Result<ModelFile> {
    let (mut reader, size) = open_regular(path)?;
    let corrupt = |reason: String| kind.corrupt(path, reason);
    let mut bytes = vec![0; LENGTH_BYTES + 1];
    let filled = read_full(&mut reader, &mut bytes).map_err(|e| fault::io(path, e))?;
    bytes.truncate(filled);
    if is_pickle(&bytes) {
        return Err(pickle_refused(path));
    }
    if filled <= LENGTH_BYTES {
        return Err(corrupt(format!("it has {filled} bytes and no header")));
    }
    let length = header_length(&bytes);
    let end = match length.checked_add(LENGTH_BYTES as u64) {
        Some(end) if length <= MAX_HEADER && end <= size => end,
        _ => {
            return Err(corrupt(format!(
                "it says that its header has {length} bytes, and it has {size} bytes itself"
            )));
        }
    };
    // The header alone first: what it says decides whether the rest is worth reading.
    append(&mut bytes, &mut reader, end, path)?;
    if (bytes.len() as u64) < end {
        return Err(corrupt("it ends inside its header".to_owned()));
    }
    match identify(&bytes, kind.format()) {
        Identity::Version(FORMAT_VERSION) => {}
        Identity::Version(found) => {
            return Err(Error::VersionTooNew {
                path: path.to_owned(),
                found,
                supported: FORMAT_VERSION,
            });
        }
        Identity::Unknown(reason) => return Err(corrupt(reason)),
    }
    let header = Header::decode(&bytes).map_err(corrupt)?;
    let start = bytes.len();
    let data: usize = header
        .tensors
        .values()
        .map(|info| info.data_offsets.1)
        .max()
        .unwrap_or(0);
    let expected = (start as u64).checked_add(data as u64);
    if expected != Some(size) {
        return Err(corrupt(format!(
            "its header promises {data} bytes of data, and {} follow it",
            size - start as u64
        )));
    }
    // One byte more, to notice a file that has grown.
    append(&mut bytes, &mut reader, size.saturating_add(1), path)?;
    if bytes.len() as u64 != size {
        return Err(corrupt("it changed while it was read".to_owned()));
    }
    // The standard reader has to agree that the layout is valid.
    SafeTensors::deserialize(&bytes)
        .map_err(|e| corrupt(format!("it is no safetensors file: {e}")))?;
    decode(header, &bytes[start..], kind).map_err(corrupt)
}

/// Reads on until `bytes` has `end` bytes or the file ends.
fn append(bytes: &mut Vec<u8>, reader: &mut impl Read, end: u64, path: &Path) -> Result<()> {
    let wanted = end.saturating_sub(bytes.len() as u64);
    let room = usize::try_from(wanted).ok();
    if room.is_none_or(|room| bytes.try_reserve_exact(room).is_err()) {
        return Err(Error::TooLarge {
            what: format!("the model file {}", path.display()),
        });
    }
    let read = reader.take(wanted).read_to_end(bytes);
    read.map(|_| ()).map_err(|e| fault::io(path, e))
}

fn header_length(bytes: &[u8]) -> u64 {
    let mut length = [0; LENGTH_BYTES];
    length.copy_from_slice(&bytes[..LENGTH_BYTES]);
    u64::from_le_bytes(length)
}

/// Whether the file starts as a pickle of protocol 2 to 5 does, and not as a model whose header
/// happens to have a length of those first bytes (640 = 0x280, for one).
fn is_pickle(bytes: &[u8]) -> bool {
    let marked = matches!(bytes, [0x80, 2..=5, ..]);
    let model = match bytes.len() {
        0..=LENGTH_BYTES => bytes.get(2).is_none_or(|b| *b == 0),
        _ => bytes[LENGTH_BYTES] == b'{' && header_length(bytes) <= MAX_HEADER,
    };
    marked && !model
}

/// The content of an intact file. The header is canonical, so that offsets fit the data.
fn decode(mut header: Header, data: &[u8], kind: Kind) -> Result<ModelFile, String> {
    let mut parts: BTreeMap<String, (TensorInfo, &[u8])> = BTreeMap::new();
    for (name, info) in std::mem::take(&mut header.tensors) {
        let (from, to) = info.data_offsets;
        let Some(bytes) = data.get(from..to) else {
            return Err(format!("tensor {name} lies outside the file"));
        };
        let said = header.metadata.remove(&format!("tensor_crc32c.{name}"));
        if said != Some(hex(crc32c::crc32c(bytes))) {
            return Err(format!(
                "the checksum of tensor {name} is wrong: the file is damaged"
            ));
        }
        parts.insert(name, (info, bytes));
    }
    let row_ids = ids(&mut parts, &ROW_IDS)?;
    let column_ids = ids(&mut parts, &COLUMN_IDS)?;
    check_halves(&parts, kind)?;
    let mut take = |key: &str| {
        let missing = || format!("the header lacks {key}");
        header.metadata.remove(key).ok_or_else(missing)
    };
    take("format")?;
    take("format_version")?;
    let mut record = ModelRecord::new(&take("algorithm")?);
    let parameters = json("parameters", &take("parameters")?)?;
    let report = json("report", &take("report")?)?;
    let text = take("seed")?;
    let seed = match text.parse::<u64>() {
        Ok(seed) if seed.to_string() == text => seed,
        _ => return Err("the seed is not a number".to_owned()),
    };
    for (key, value) in header.metadata {
        match key.strip_prefix("attribute.") {
            Some(name) => record.attributes.insert(name.to_owned(), value),
            None => return Err(format!("the header holds an unknown text {key:?}")),
        };
    }
    for (name, (info, bytes)) in parts {
        let tensor =
            numbers(info, bytes, kind).map_err(|reason| format!("tensor {name} {reason}"))?;
        record.tensors.insert(name, tensor);
    }
    Ok(ModelFile {
        record,
        parameters,
        report,
        seed,
        row_ids,
        column_ids,
    })
}

fn json(name: &str, text: &str) -> Result<serde_json::Value, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let written = value.to_string();
    match written == text {
        true => Ok(value),
        false => Err(format!("{name} are not written as matfact writes them")),
    }
}

/// Halves are the matrices of a model, all of them or none.
fn check_halves(parts: &BTreeMap<String, (TensorInfo, &[u8])>, kind: Kind) -> Result<(), String> {
    let is_half = |info: &TensorInfo| info.dtype == "F16";
    if !parts.values().any(|(info, _)| is_half(info)) {
        return Ok(());
    }
    let as_written = |(info, _): &(TensorInfo, &[u8])| is_half(info) == (info.shape.len() == 2);
    match kind == Kind::Model && parts.values().all(as_written) {
        true => Ok(()),
        false => Err("it is of half precision where matfact writes none".to_owned()),
    }
}

fn numbers(info: TensorInfo, bytes: &[u8], kind: Kind) -> Result<Tensor, String> {
    let values = match &info.dtype[..] {
        "F32" => TensorValues::F32(finite(elements(bytes, f32::from_le_bytes), |v| {
            v.is_finite() || !kind.wants_finite()
        })?),
        "F64" => TensorValues::F64(finite(elements(bytes, f64::from_le_bytes), |v| {
            v.is_finite() || !kind.wants_finite()
        })?),
        // Exact: every half is a single.
        "F16" => {
            let single = |bytes| f16::from_le_bytes(bytes).to_f32();
            TensorValues::F32(finite(elements(bytes, single), |v| v.is_finite())?)
        }
        other => return Err(format!("is of type {other}, not F16, F32 or F64")),
    };
    Ok(Tensor {
        shape: info.shape,
        values,
    })
}

fn elements<V, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> V) -> Vec<V> {
    bytes
        .chunks_exact(N)
        .map(|chunk| {
            let mut raw = [0; N];
            raw.copy_from_slice(chunk);
            read(raw)
        })
        .collect()
}

fn finite<V: std::fmt::Display>(
    values: Vec<V>,
    is_finite: impl Fn(&V) -> bool,
) -> Result<Vec<V>, String> {
    match values.iter().position(|v| !is_finite(v)) {
        Some(at) => Err(format!("holds {} at {at}", values[at])),
        None => Ok(values),
    }
}

/// Takes the ids of one axis out of the tensors.
fn ids(
    parts: &mut BTreeMap<String, (TensorInfo, &[u8])>,
    names: &IdNames,
) -> Result<Option<Ids>, String> {
    let axis = names.axis;
    let (text, offsets) = match (parts.remove(names.text), parts.remove(names.offsets)) {
        (None, None) => return Ok(None),
        (Some(text), Some(offsets)) => (text, offsets),
        _ => return Err(format!("one of the two tensors of {axis} ids is missing")),
    };
    let (text_info, text) = text;
    let (offsets_info, offsets) = offsets;
    if (&text_info.dtype[..], &offsets_info.dtype[..]) != ("U8", "U64")
        || (text_info.shape.len(), offsets_info.shape.len()) != (1, 1)
    {
        return Err(format!("the {axis} ids are of the wrong type"));
    }
    let text = std::str::from_utf8(text).map_err(|_| format!("the {axis} ids are not UTF-8"))?;
    let offsets = elements(offsets, u64::from_le_bytes);
    if offsets.first() != Some(&0) || offsets.last() != Some(&(text.len() as u64)) {
        return Err(format!(
            "the offsets of the {axis} ids do not span their text"
        ));
    }
    let mut ids = Ids::new();
    for (index, pair) in offsets.windows(2).enumerate() {
        let place = usize::try_from(pair[0])
            .ok()
            .zip(usize::try_from(pair[1]).ok());
        let Some(name) = place.and_then(|(from, to)| text.get(from..to)) else {
            return Err(format!("{axis} id {index} lies outside the text"));
        };
        if ids.insert(name).map_err(|e| e.to_string())? != index {
            return Err(format!("the {axis} id {name:?} occurs twice"));
        }
    }
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_is_told_from_a_model_by_more_than_two_bytes() {
        for pickle in [
            &b"\x80\x04\x95\x10\0\0\0\0\0\0\0]"[..9],
            b"\x80\x03]q\0(K\x01K\x02",
            b"\x80\x02N.",
            b"\x80\x05K\x01.",
        ] {
            assert!(is_pickle(pickle), "{pickle:?}");
        }
        for model in [
            &b"\x80\x02\0\0\0\0\0\0{"[..],
            b"\x80\x03",
            b"\x80\x05\0\0\0\0\0\0",
            b"",
            b"{",
        ] {
            assert!(!is_pickle(model), "{model:?}");
        }
    }
}
