//! Torn and hostile model files: rows 59, 60 and 63 of the reliability list.

// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::Folder;
use crate::common::models::{corrupt, sample, saved};
use matfact_core::ModelRecord;
use matfact_core::ndarray::Array1;
use matfact_io::{ModelFile, load_model};
use std::time::{Duration, Instant};

#[test]
fn row_59_a_file_cut_at_any_byte_is_corrupt() {
    let folder = Folder::new();
    let bytes = saved(&folder, &sample());
    assert!(bytes.len() <= 4096, "{}", bytes.len());
    for cut in 0..bytes.len() {
        corrupt(&folder, &bytes[..cut]);
    }
    for tail in [&[0][..], b" ", &[0; 512], &bytes] {
        corrupt(&folder, &[&bytes, tail].concat());
    }
}

#[test]
fn row_60_a_file_with_any_bit_flipped_is_corrupt() {
    let folder = Folder::new();
    let mut bytes = saved(&folder, &sample());
    assert!(bytes.len() <= 4096, "{}", bytes.len());
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        corrupt(&folder, &bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    load_model(folder.write("model", &bytes)).unwrap();
}

#[test]
fn row_60_sectors_swapped_or_zeroed_are_corrupt() {
    let folder = Folder::new();
    let mut record = ModelRecord::new("svd");
    record.insert("u", &Array1::from_shape_fn(1500, |i| i as f32));
    let bytes = saved(&folder, &ModelFile::new(record));
    let sectors = bytes.len() / 512;
    assert!(sectors > 10);
    for a in 0..sectors {
        let range = |sector: usize| sector * 512..(sector + 1) * 512;
        for b in 0..a {
            let mut swapped = bytes.clone();
            swapped[range(a)].copy_from_slice(&bytes[range(b)]);
            swapped[range(b)].copy_from_slice(&bytes[range(a)]);
            corrupt(&folder, &swapped);
        }
        let mut zeroed = bytes.clone();
        zeroed[range(a)].fill(0);
        corrupt(&folder, &zeroed);
    }
    let mut zeroed = bytes.clone();
    let page = zeroed.len() / 4096 * 4096;
    zeroed[page..].fill(0);
    corrupt(&folder, &zeroed);
}

#[test]
fn row_63_what_would_exhaust_memory_or_stack_is_refused_at_once() {
    let folder = Folder::new();
    let with_length = |length: u64, text: &[u8]| [&length.to_le_bytes()[..], text].concat();
    let nested = |open: &str, close: &str| {
        let text = format!(
            "{{\"__metadata__\":{}1{}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        with_length(text.len() as u64, text.as_bytes())
    };
    let deep_tensor = {
        let text = format!("{{\"a\":{}", "[".repeat(100_000));
        with_length(text.len() as u64, text.as_bytes())
    };
    let overflow = b"{\"w\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9],\"data_offsets\":[0,4]},\"__metadata__\":{\"format\":\"matfact\",\"format_version\":\"1\"}}";
    for bytes in [
        with_length(u64::MAX, b"{}"),
        with_length(u64::MAX - 7, b"{}"),
        with_length(100_000_001, b"{}"),
        with_length(3, b"{}"),
        with_length(0, b""),
        with_length(0, b"{}"),
        with_length(2, b"{}"),
        nested("[", "]"),
        nested("{\"a\":", "}"),
        deep_tensor,
        with_length(overflow.len() as u64, overflow),
    ] {
        let start = Instant::now();
        corrupt(&folder, &bytes);
        // 10 ms is asked for of an optimized build on an idle machine.
        assert!(start.elapsed() < Duration::from_millis(200));
    }
}
