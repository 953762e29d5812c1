//! The header of a model file: the one way to write it, and the checks that it was written so.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name under which safetensors keeps texts.
pub(super) const METADATA: &str = "__metadata__";
/// The safetensors format allows no longer header.
pub(super) const MAX_HEADER: u64 = 100_000_000;
/// Bytes of the header's length in front of it.
pub(super) const LENGTH_BYTES: usize = 8;
/// The value's place is found by this text, which no escaped text inside a value can contain.
const CHECKSUM_MARK: &[u8] = b"\"header_crc32c\":\"";
pub(super) const CHECKSUM_KEY: &str = "header_crc32c";
const CHECKSUM_DIGITS: usize = 8;
const NO_CHECKSUM: &str = "00000000";

/// One tensor's line in the header; the fields stand in the order of their names, as all keys do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TensorInfo {
    pub(super) data_offsets: (usize, usize),
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
}

/// Bytes of one element; `None` for types that matfact does not write.
pub(super) fn element_bytes(dtype: &str) -> Option<usize> {
    match dtype {
        "F64" | "U64" => Some(8),
        "F32" => Some(4),
        "F16" => Some(2),
        "U8" => Some(1),
        _ => None,
    }
}

/// Tensors and texts, each by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Header {
    pub(super) tensors: BTreeMap<String, TensorInfo>,
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Tensor(TensorInfo),
    Metadata(BTreeMap<String, String>),
}

impl Header {
    /// Gives every tensor its place: larger elements first, so that all are aligned, then by name,
    /// without gaps. The number of bytes in all; `None` if it cannot be counted.
    pub(super) fn lay_out(&mut self) -> Option<usize> {
        let mut order: Vec<&mut TensorInfo> = self.tensors.values_mut().collect();
        // A stable sort: names stay in order within a size.
        order.sort_by_key(|info| std::cmp::Reverse(element_bytes(&info.dtype)));
        let mut end = 0_usize;
        for info in order {
            let length = info
                .shape
                .iter()
                .try_fold(element_bytes(&info.dtype)?, |size, n| size.checked_mul(*n))?;
            let start = end;
            end = end.checked_add(length)?;
            info.data_offsets = (start, end);
        }
        Some(end)
    }

    /// The names in the order of their data.
    pub(super) fn by_place(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.tensors.keys().map(|name| &name[..]).collect();
        names.sort_by_key(|name| {
            let info = &self.tensors[*name];
            // A tensor without elements shares its place with the next one.
            (
                info.data_offsets,
                std::cmp::Reverse(element_bytes(&info.dtype)),
            )
        });
        names
    }

    /// The bytes up to the data: length, JSON with sorted keys and without blanks, blanks up to a
    /// multiple of 8, the checksum put in.
    pub(super) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut metadata = self.metadata.clone();
        metadata.insert(CHECKSUM_KEY.to_owned(), NO_CHECKSUM.to_owned());
        let mut entries: BTreeMap<&str, Entry> = BTreeMap::new();
        for (name, info) in &self.tensors {
            entries.insert(name, Entry::Tensor(info.clone()));
        }
        entries.insert(METADATA, Entry::Metadata(metadata));
        let mut bytes = vec![0; LENGTH_BYTES];
        serde_json::to_writer(&mut bytes, &entries)?;
        bytes.resize(bytes.len().next_multiple_of(8), b' ');
        let length = (bytes.len() - LENGTH_BYTES) as u64;
        bytes[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        let digits = hex(crc32c::crc32c(&bytes));
        if let Some(at) = checksum_place(&bytes) {
            bytes[at..at + CHECKSUM_DIGITS].copy_from_slice(digits.as_bytes());
        }
        Ok(bytes)
    }

    /// The header in `bytes` (its length included), if these are exactly what
    /// [`Header::encode`] makes of it; otherwise what does not hold.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = bytes.get(LENGTH_BYTES..).unwrap_or_default();
        let entries: BTreeMap<String, Entry> = serde_json::from_slice(text)
            .map_err(|e| format!("the header is not one of matfact: {e}"))?;
        let mut header = Self::default();
        for (name, entry) in entries {
            match entry {
                Entry::Metadata(metadata) if name == METADATA => header.metadata = metadata,
                Entry::Tensor(info) if name != METADATA => {
                    header.tensors.insert(name, info);
                }
                _ => return Err(format!("the header's entry {name:?} is of the wrong kind")),
            }
        }
        let mut canonical = header.clone();
        canonical.metadata.remove(CHECKSUM_KEY);
        if canonical.lay_out().is_none() || canonical.tensors != header.tensors {
            return Err("the header places tensors where matfact does not".to_owned());
        }
        match canonical.encode() {
            Ok(encoded) if encoded == bytes => Ok(canonical),
            _ => Err("the header is not written as matfact writes it".to_owned()),
        }
    }
}

/// What can be known of a header without knowing its version.
#[derive(Debug, PartialEq)]
pub(super) enum Identity {
    /// An intact header of this version.
    Version(u32),
    /// The reason why there is none.
    Unknown(String),
}

/// Looks at format, version and checksum alone, which stay the same in all versions to come.
pub(super) fn identify(bytes: &[u8], format: &str) -> Identity {
    #[derive(Deserialize)]
    struct Outline {
        #[serde(rename = "__metadata__")]
        metadata: BTreeMap<String, serde_json::Value>,
    }
    let unknown = |reason: String| Identity::Unknown(reason);
    let text = bytes.get(LENGTH_BYTES..).unwrap_or_default();
    let outline: Outline = match serde_json::from_slice(text) {
        Ok(outline) => outline,
        Err(error) => return unknown(format!("the header is not one of matfact: {error}")),
    };
    let text = |key: &str| outline.metadata.get(key).and_then(|value| value.as_str());
    if text("format") != Some(format) {
        return unknown(format!(
            "matfact did not write it, or as something else (the header says no format `{format}`)"
        ));
    }
    let version = text("format_version").and_then(|version| version.parse::<u32>().ok());
    let Some(version) = version else {
        return unknown("the header names no format version".to_owned());
    };
    match (verify_checksum(bytes), version) {
        (Some(true), 0) => unknown("there is no format version 0".to_owned()),
        (Some(true), version) => Identity::Version(version),
        // A version to come may have another kind of checksum, under another name.
        (None, 2..) => Identity::Version(version),
        _ => unknown("the header's checksum is wrong: the file is damaged".to_owned()),
    }
}

/// Whether the header has the checksum that it says; `None` if it says none.
fn verify_checksum(bytes: &[u8]) -> Option<bool> {
    let at = checksum_place(bytes)?;
    let said = bytes.get(at..at + CHECKSUM_DIGITS)?;
    let mut crc = crc32c::crc32c(&bytes[..at]);
    crc = crc32c::crc32c_append(crc, NO_CHECKSUM.as_bytes());
    crc = crc32c::crc32c_append(crc, &bytes[at + CHECKSUM_DIGITS..]);
    // Compared as text: an upper-case digit is a flipped bit as well.
    Some(said == hex(crc).as_bytes())
}

fn checksum_place(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, CHECKSUM_MARK).map(|at| at + CHECKSUM_MARK.len())
}

/// A checksum as it stands in the header.
pub(super) fn hex(checksum: u32) -> String {
    format!("{checksum:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        let info = |dtype: &str, shape: &[usize]| TensorInfo {
            dtype: dtype.to_owned(),
            shape: shape.to_vec(),
            data_offsets: (0, 0),
        };
        let mut header = Header::default();
        header.tensors.insert("b".into(), info("U8", &[3]));
        header.tensors.insert("c".into(), info("F32", &[2, 2]));
        header.tensors.insert("a".into(), info("F32", &[0, 2]));
        header.tensors.insert("d".into(), info("U64", &[1]));
        for (key, value) in [
            ("format", "matfact"),
            ("format_version", "1"),
            // A value that looks like the mark of the checksum.
            ("attribute.x", "\"header_crc32c\":\"12345678\""),
        ] {
            header.metadata.insert(key.into(), value.into());
        }
        assert_eq!(header.lay_out(), Some(27));
        header
    }

    #[test]
    fn a_header_is_aligned_and_comes_back() {
        let header = sample();
        assert_eq!(header.by_place(), ["d", "a", "c", "b"]);
        let bytes = header.encode().unwrap();
        assert_eq!(bytes.len() % 8, 0);
        assert_eq!(identify(&bytes, "matfact"), Identity::Version(1));
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn another_way_to_write_the_same_content_is_refused() {
        let bytes = sample().encode().unwrap();
        let mut padded = bytes.clone();
        padded.extend([b' '; 8]);
        let length = (padded.len() - LENGTH_BYTES) as u64;
        padded[..8].copy_from_slice(&length.to_le_bytes());
        assert!(Header::decode(&padded).is_err());
    }

    #[test]
    fn sizes_that_cannot_be_counted_have_no_layout() {
        let mut header = sample();
        if let Some(info) = header.tensors.get_mut("c") {
            info.shape = vec![usize::MAX, 2];
        }
        assert_eq!(header.lay_out(), None);
    }
}
