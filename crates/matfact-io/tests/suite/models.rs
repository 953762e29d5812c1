//! Model files, with rows 58, 61, 62 and 64 of the reliability list.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::models::{corrupt, sample, saved};
use crate::common::{Folder, refuses_what_is_no_file};
use matfact_core::ndarray::{Array1, array};
use matfact_core::{Error, ModelRecord, Tensor, TensorValues};
use matfact_io::{FORMAT_VERSION, ModelFile, load_model, save_model};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Header length, header and data of a file.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    (header, bytes[8 + length..].to_vec())
}

/// A file with the given header, whose checksums are made right again: a forgery, not damage.
fn forge(mut header: Value, data: &[u8]) -> Vec<u8> {
    for (name, entry) in header.clone().as_object().unwrap() {
        let Some(place) = entry.get("data_offsets") else {
            continue;
        };
        let at = |i: usize| place[i].as_u64().unwrap() as usize;
        if let Some(bytes) = data.get(at(0)..at(1)) {
            let checksum = format!("{:08x}", crc32c::crc32c(bytes));
            header["__metadata__"][format!("tensor_crc32c.{name}")] = checksum.into();
        }
    }
    header["__metadata__"]["header_crc32c"] = "00000000".into();
    seal(serde_json::to_vec(&header).unwrap(), data)
}

fn seal(mut text: Vec<u8>, data: &[u8]) -> Vec<u8> {
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text);
    let mark = b"\"header_crc32c\":\"";
    let at = bytes.windows(mark.len()).position(|w| w == mark).unwrap() + mark.len();
    let checksum = format!("{:08x}", crc32c::crc32c(&bytes));
    bytes[at..at + 8].copy_from_slice(checksum.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_model_comes_back_bit_for_bit() {
    let folder = Folder::new();
    let file = sample();
    let bytes = saved(&folder, &file);
    let back = load_model(folder.at("saved")).unwrap();
    assert_eq!(back, file);
    for (name, tensor) in &file.record.tensors {
        match (&tensor.values, &back.record.tensors[name].values) {
            (TensorValues::F32(a), TensorValues::F32(b)) => {
                assert!(
                    a.iter()
                        .map(|v| v.to_bits())
                        .eq(b.iter().map(|v| v.to_bits()))
                );
            }
            (TensorValues::F64(a), TensorValues::F64(b)) => {
                assert!(
                    a.iter()
                        .map(|v| v.to_bits())
                        .eq(b.iter().map(|v| v.to_bits()))
                );
            }
            _ => panic!("the type changed"),
        }
    }
    // The same model gives the same bytes, and a forgery without a change is the file itself.
    assert_eq!(saved(&folder, &back), bytes);
    let (header, data) = parts(&bytes);
    assert_eq!(forge(header, &data), bytes);
    let bare = ModelFile::new(ModelRecord::new("mean"));
    saved(&folder, &bare);
    assert_eq!(load_model(folder.at("saved")).unwrap(), bare);
}

#[test]
fn standard_readers_open_the_file() {
    let bytes = saved(&Folder::new(), &sample());
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let w = tensors.tensor("w").unwrap();
    assert_eq!((w.dtype(), w.shape()), (Dtype::F32, &[3, 2][..]));
    assert_eq!(w.data()[..4], 1_f32.to_le_bytes());
    let text = tensors.tensor("row_ids.text").unwrap();
    assert_eq!(
        (text.dtype(), text.data()),
        (Dtype::U8, "adacaf\u{e9}".as_bytes())
    );
    let offsets = tensors.tensor("row_ids.offsets").unwrap();
    let expected: Vec<u8> = [0_u64, 3, 3, 8]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    assert_eq!(
        (offsets.dtype(), offsets.data()),
        (Dtype::U64, &expected[..])
    );
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let texts = metadata.metadata().as_ref().unwrap();
    assert_eq!(texts["format"], "matfact");
    assert_eq!(texts["format_version"], FORMAT_VERSION.to_string());
    assert_eq!(texts["seed"], u64::MAX.to_string());
    // Every tensor begins at a multiple of its element size, so that it can be mapped.
    let start = bytes.len() - metadata.data_len();
    for (name, info) in metadata.tensors() {
        let size = info.dtype.bitsize() / 8;
        assert_eq!((start + info.data_offsets.0) % size, 0, "{name}");
    }
}

#[test]
fn row_61_a_forged_header_is_corrupt_even_with_right_checksums() {
    let folder = Folder::new();
    let (header, data) = parts(&saved(&folder, &sample()));
    let change = |edit: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        edit(&mut header);
        corrupt(&folder, &forge(header, &data))
    };
    for (word, edit) in [
        (
            "places",
            &(|h: &mut Value| h["w"]["shape"] = json!([2, 2])) as &dyn Fn(&mut Value),
        ),
        ("places", &|h| {
            h["w"]["shape"] = json!([1_u64 << 62, 1_u64 << 62])
        }),
        ("not one of matfact", &|h| h["w"]["shape"] = json!([-3, -2])),
        ("places", &|h| h["w"]["dtype"] = json!("BF16")),
        ("places", &|h| h["row_ids.text"]["dtype"] = json!("I8")),
        ("ids are of the wrong type", &|h| {
            h["column_ids.text"]["shape"] = json!([3, 1])
        }),
        ("places", &|h| h["w"]["data_offsets"] = json!([0, 24])),
        ("not one of matfact", &|h| h["w"]["extra"] = json!(1)),
        ("unknown text", &|h| {
            h["__metadata__"]["unknown"] = json!("x")
        }),
        ("not one of matfact", &|h| {
            h["__metadata__"]["seed"] = json!(7)
        }),
        ("seed", &|h| h["__metadata__"]["seed"] = json!("007")),
        ("parameters", &|h| {
            h["__metadata__"]["parameters"] = json!("{")
        }),
        ("parameters", &|h| {
            h["__metadata__"]["parameters"] = json!("[".repeat(100_000));
        }),
        ("did not write", &|h| {
            h["__metadata__"]["format"] = json!("other")
        }),
        ("version 0", &|h| {
            h["__metadata__"]["format_version"] = json!("0")
        }),
        ("no format version", &|h| {
            h["__metadata__"]["format_version"] = json!("one")
        }),
        ("lacks report", &|h| {
            drop(h["__metadata__"].as_object_mut().unwrap().remove("report"))
        }),
        ("no format version", &|h| {
            drop(
                h["__metadata__"]
                    .as_object_mut()
                    .unwrap()
                    .remove("format_version"),
            );
        }),
        ("bytes of data", &|h| {
            drop(h.as_object_mut().unwrap().remove("row_ids.text"))
        }),
    ] {
        let reason = change(edit);
        assert!(reason.contains(word), "{reason:?} should contain {word:?}");
    }
    // One tensor of the ids is missing, and nothing else.
    let mut alone = header.clone();
    alone.as_object_mut().unwrap().remove("row_ids.text");
    alone["__metadata__"]
        .as_object_mut()
        .unwrap()
        .remove("tensor_crc32c.row_ids.text");
    let reason = corrupt(&folder, &forge(alone, &data[..data.len() - 8]));
    assert!(reason.contains("row ids is missing"), "{reason}");
    // A tensor named twice, written as matfact would write it otherwise.
    let mut unsealed = header.clone();
    unsealed["__metadata__"]["header_crc32c"] = "00000000".into();
    let text = serde_json::to_string(&unsealed).unwrap();
    let twice = text.replacen(
        "\"none\":",
        "\"none\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[48,48]},\"none\":",
        1,
    );
    assert_ne!(text, twice);
    let reason = corrupt(&folder, &seal(twice.into_bytes(), &data));
    assert!(reason.contains("not written as"), "{reason}");
}

#[test]
fn row_61_values_and_ids_that_cannot_be_are_corrupt() {
    let folder = Folder::new();
    let (header, data) = parts(&saved(&folder, &sample()));
    let place = |name: &str| header[name]["data_offsets"][0].as_u64().unwrap() as usize;
    let put = |at: usize, bytes: &[u8]| {
        let mut data = data.clone();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        corrupt(&folder, &forge(header.clone(), &data))
    };
    let reason = put(place("w") + 4, &f32::NAN.to_le_bytes());
    assert!(reason.contains("tensor w holds NaN at 1"), "{reason}");
    let reason = put(place("h"), &f64::INFINITY.to_le_bytes());
    assert!(reason.contains("tensor h holds inf at 0"), "{reason}");
    let reason = put(place("column_ids.text") + 1, b"x");
    assert!(reason.contains("\"x\" occurs twice"), "{reason}");
    put(place("row_ids.text"), &[0xff]);
    let offsets = place("row_ids.offsets");
    for (entry, value) in [(0, 1), (1, 7), (2, 2), (3, 7), (3, u64::MAX), (1, u64::MAX)] {
        put(offsets + 8 * entry, &u64::to_le_bytes(value));
    }
}

#[test]
fn row_61_a_later_version_is_told_from_damage() {
    let folder = Folder::new();
    let (mut header, data) = parts(&saved(&folder, &sample()));
    header["__metadata__"]["format_version"] = json!("2");
    header["w"]["dtype"] = json!("F8_E4M3");
    header["__metadata__"]["what_comes"] = json!("x");
    let later = forge(header.clone(), &data);
    let refused = load_model(folder.write("model", &later));
    assert!(
        matches!(
            refused,
            Err(Error::VersionTooNew {
                found: 2,
                supported: 1,
                ..
            })
        ),
        "{refused:?}"
    );
    // With another checksum, under another name.
    let texts = header["__metadata__"].as_object_mut().unwrap();
    texts.remove("header_crc32c");
    texts.insert("header_sum".into(), json!("abc"));
    let text = serde_json::to_vec(&header).unwrap();
    let bytes = [&(text.len() as u64).to_le_bytes()[..], &text, &data].concat();
    let refused = load_model(folder.write("model", bytes));
    assert!(
        matches!(refused, Err(Error::VersionTooNew { found: 2, .. })),
        "{refused:?}"
    );
    // A flipped bit in the version's digit is damage.
    let bytes = saved(&folder, &sample());
    let mark = b"\"format_version\":\"";
    let at = bytes.windows(mark.len()).position(|w| w == mark).unwrap() + mark.len();
    let mut flipped = bytes.clone();
    flipped[at] = b'3';
    assert!(corrupt(&folder, &flipped).contains("checksum"));
}

#[test]
fn row_62_a_pickle_is_refused_and_a_model_that_begins_like_one_is_not() {
    let folder = Folder::new();
    for bytes in [
        &b"\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94."[..],
        b"\x80\x03]q\0(K\x01K\x02e.",
        b"\x80\x02N.",
    ] {
        let refused = load_model(folder.write("model.safetensors", bytes));
        assert!(matches!(refused, Err(Error::PickleRefused { .. })));
    }
    // Header lengths of 0x280, 0x380, 0x480 and 0x580 give the first two bytes of a pickle.
    let mut seen = Vec::new();
    // Headers are padded to multiples of 8.
    for filler in (0..1400).step_by(8) {
        let mut record = ModelRecord::new("x");
        record.insert("w", &array![1.0_f32]);
        record.attributes.insert("a".into(), "b".repeat(filler));
        let file = ModelFile::new(record);
        save_model(folder.at("model"), &file).unwrap();
        let bytes = fs::read(folder.at("model")).unwrap();
        if let [0x80, second @ 2..=5, ..] = bytes[..]
            && !seen.contains(&second)
        {
            assert_eq!(load_model(folder.at("model")).unwrap(), file);
            seen.push(second);
        }
    }
    assert_eq!(seen, [2, 3, 4, 5]);
}

#[test]
fn row_64_readers_see_one_writers_file_or_the_others() {
    let folder = Folder::new();
    let path = folder.at("model");
    let file = |value: f32| {
        let mut record = ModelRecord::new("x");
        record.insert("w", &Array1::from_elem(5000, value));
        ModelFile::new(record)
    };
    save_model(&path, &file(0.0)).unwrap();
    std::thread::scope(|scope| {
        for writer in 1..3 {
            let (path, file) = (&path, file(writer as f32));
            scope.spawn(move || (0..20).for_each(|_| save_model(path, &file).unwrap()));
        }
        for _ in 0..100 {
            let seen = load_model(&path).unwrap();
            assert!((0..3).any(|writer| seen == file(writer as f32)));
        }
    });
    assert_eq!(folder.names(), ["model"]);
}

#[cfg(unix)]
#[test]
fn row_64_a_link_stays_a_link() {
    let folder = Folder::new();
    fs::create_dir(folder.at("real")).unwrap();
    std::os::unix::fs::symlink("real/model", folder.at("link")).unwrap();
    save_model(folder.at("link"), &sample()).unwrap();
    save_model(folder.at("link"), &sample()).unwrap();
    assert!(
        fs::symlink_metadata(folder.at("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(load_model(folder.at("real/model")).unwrap(), sample());
    assert_eq!(folder.names(), ["link", "real"]);
}

#[test]
fn a_save_that_cannot_be_done_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let is_io = |path: &Path| {
        let refused = save_model(path, &sample());
        assert!(
            matches!(&refused, Err(Error::Io { path: p, .. }) if p == path),
            "{refused:?}"
        );
    };
    is_io(&folder.at("missing/model"));
    fs::create_dir(folder.at("folder")).unwrap();
    is_io(&folder.at("folder"));
    is_io(&folder.at("folder/.."));
    let old = folder.write("old", "old");
    let mut permissions = fs::metadata(&old).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&old, permissions).unwrap();
    is_io(&old);
    assert_eq!(fs::read(&old).unwrap(), b"old");
    is_io(&folder.at("old/model"));
    assert_eq!(folder.names(), ["folder", "old"]);
    #[cfg(unix)]
    {
        is_io(Path::new("/dev/null"));
        is_io(Path::new("/proc/model"));
    }
}

#[test]
fn what_could_not_be_loaded_again_is_not_saved() {
    let folder = Folder::new();
    let tensor = |shape: &[usize], values: &[f32]| Tensor {
        shape: shape.to_vec(),
        values: TensorValues::F32(values.to_vec()),
    };
    for (name, tensor) in [
        ("w", tensor(&[2], &[1.0])),
        ("w", tensor(&[usize::MAX, 2], &[1.0])),
        ("w", tensor(&[1], &[f32::INFINITY])),
        ("__metadata__", tensor(&[1], &[1.0])),
        ("row_ids.text", tensor(&[1], &[1.0])),
    ] {
        let mut file = sample();
        file.record.tensors.insert(name.into(), tensor);
        let refused = save_model(folder.at("model"), &file);
        assert!(
            matches!(refused, Err(Error::InvalidModel { .. })),
            "{refused:?}"
        );
    }
    let deep = (0..200).fold(Value::Null, |inner, _| json!([inner]));
    let refused = save_model(
        folder.at("model"),
        &ModelFile {
            report: deep,
            ..sample()
        },
    );
    assert!(
        matches!(refused, Err(Error::InvalidModel { .. })),
        "{refused:?}"
    );
    assert!(folder.names().is_empty());
}

#[test]
fn row_58_what_is_no_readable_file_names_its_path() {
    refuses_what_is_no_file(|path| load_model(path));
}
