//! Inputs put right where a checksum would stop them at the door, so that what is behind it is tried too.

use serde_json::Value;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Stands between two members of an archive, each a name, a zero and its content.
pub(super) const BETWEEN: &[u8] = b"\n==MEMBER==\n";

/// A zip archive of the members, with right checksums.
pub(super) fn archive(bytes: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut rest = bytes;
    loop {
        let end = memchr::memmem::find(rest, BETWEEN).unwrap_or(rest.len());
        let member = &rest[..end];
        let name = member.iter().position(|byte| *byte == 0).unwrap_or(0);
        // A name that the writer refuses, such as one given twice, makes no member.
        if zip
            .start_file(String::from_utf8_lossy(&member[..name]), stored)
            .is_ok()
        {
            zip.write_all(&member[(name + 1).min(member.len())..])
                .unwrap();
        }
        if end == rest.len() {
            return zip.finish().unwrap().into_inner();
        }
        rest = &rest[end + BETWEEN.len()..];
    }
}

/// The model file with its header written as matfact writes it, and all checksums right; as it is where there is no
/// header to be read.
pub(super) fn checksums(bytes: &[u8]) -> Vec<u8> {
    let text = bytes.get(8..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let Some(Ok(Value::Object(mut header))) = values.next() else {
        return bytes.to_vec();
    };
    let end = values.byte_offset();
    let blanks = text[end..].iter().take_while(|byte| **byte == b' ').count();
    let data = &text[end + blanks..];
    let mut sums = Vec::new();
    for (name, entry) in &header {
        let place = |at: usize| entry.get("data_offsets")?.get(at)?.as_u64();
        let part = place(0)
            .zip(place(1))
            .and_then(|(from, to)| data.get(from as usize..to as usize));
        if let Some(part) = part {
            sums.push((format!("tensor_crc32c.{name}"), hex(part)));
        }
    }
    const KEY: &str = "header_crc32c";
    const NONE: &str = "00000000";
    if let Some(Value::Object(metadata)) = header.get_mut("__metadata__") {
        metadata.retain(|key, _| !key.starts_with("tensor_crc32c."));
        metadata.extend(sums.into_iter().map(|(key, sum)| (key, sum.into())));
        metadata.insert(KEY.to_owned(), NONE.into());
    }
    let mut repaired = vec![0; 8];
    serde_json::to_writer(&mut repaired, &header).unwrap();
    repaired.resize(repaired.len().next_multiple_of(8), b' ');
    let length = (repaired.len() - 8) as u64;
    repaired[..8].copy_from_slice(&length.to_le_bytes());
    let mark = format!("\"{KEY}\":\"");
    if let Some(at) = memchr::memmem::find(&repaired, mark.as_bytes()) {
        let sum = hex(&repaired);
        let at = at + mark.len();
        repaired[at..at + NONE.len()].copy_from_slice(sum.as_bytes());
    }
    repaired.extend_from_slice(data);
    repaired
}

fn hex(bytes: &[u8]) -> String {
    format!("{:08x}", crc32c::crc32c(bytes))
}
