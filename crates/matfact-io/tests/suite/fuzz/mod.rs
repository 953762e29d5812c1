//! Whatever is in a file, reading it gives a value or a typed error: for the stored corpus, for inputs made of it, and
//! for text made of the formats' own characters. `docs/testing.md` tells how to run it for longer.

mod formats;
mod repair;
mod targets;

use crate::common::Folder;
use matfact_io::save_checkpoint;
use matfact_testkit::mutation::fuzz;
use std::fs;
use std::path::PathBuf;

/// Inputs made of each corpus in an ordinary run.
const CASES: u64 = 300;

/// The files of a folder of the corpus, by name.
fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Replays a corpus, where `good-` files are accepted and `bad-` ones are not, and goes on with inputs made of it.
fn run(folder: &str, words: &[&[u8]], accepts: impl Fn(&[u8]) -> bool) {
    run_with(folder, corpus(folder), words, accepts);
}

fn run_with(
    folder: &str,
    corpus: Vec<(String, Vec<u8>)>,
    words: &[&[u8]],
    accepts: impl Fn(&[u8]) -> bool,
) {
    for (name, bytes) in &corpus {
        let expected = match name.split_once('-') {
            Some(("good", _)) => true,
            Some(("bad", _)) => false,
            _ => panic!("{folder}/{name} begins neither with `good-` nor with `bad-`"),
        };
        assert_eq!(accepts(bytes), expected, "{folder}/{name}");
    }
    let files: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    fuzz(folder, &files, words, CASES, |bytes| {
        accepts(bytes);
    });
    #[cfg(target_os = "linux")]
    check_memory();
}

/// No input is larger than some 100 KiB, so that what takes a gigabyte has been taken in by its claims. Compressed
/// zeros may become a line of 64 MiB, the longest that there is.
#[cfg(target_os = "linux")]
fn check_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    assert!(kibibytes.unwrap() < 1 << 20, "{kibibytes:?} KiB");
}

const NUMBER_WORDS: [&[u8]; 6] = [b"1", b"-2.5", b"3e4", b"nan", b"1e999", b"0"];

#[test]
fn ratings() {
    let mut words: Vec<&[u8]> = vec![
        b",",
        b"\t",
        b"::",
        b";",
        b" ",
        b"\"",
        b"\"\"",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"user",
        b"item",
        b"rating",
        b"timestamp",
        b"#",
        b"\xc3\xa9",
        b"\xe9",
        b"\0",
    ];
    words.extend(NUMBER_WORDS);
    run("ratings", &words, targets::ratings);
}

#[test]
fn names() {
    let words: [&[u8]; 10] = [
        b",",
        b"\t",
        b"::",
        b"|",
        b"\"",
        b"\n",
        b"id",
        b"title",
        b"\xe9",
        b"\xef\xbb\xbf",
    ];
    run("names", &words, targets::names);
}

#[test]
fn market() {
    let mut words: Vec<&[u8]> = vec![
        b"%%MatrixMarket matrix ",
        b"coordinate",
        b"array",
        b"real",
        b"integer",
        b"pattern",
        b"complex",
        b"general",
        b"symmetric",
        b"skew-symmetric",
        b"hermitian",
        b"\n",
        b" ",
        b"%",
        b"1 1 1\n",
        b"\r\n",
    ];
    words.extend(NUMBER_WORDS);
    run("market", &words, targets::market);
}

const NPY_WORDS: [&[u8]; 20] = [
    b"\x93NUMPY\x01\0",
    b"\x93NUMPY\x02\0",
    b"'descr': ",
    b"'fortran_order': ",
    b"'shape': ",
    b"True",
    b"False",
    b"'<f4'",
    b"'>f8'",
    b"'|b1'",
    b"'|O'",
    b"'<U3'",
    b"'|S9'",
    b"'<i8'",
    b"'|u1'",
    b"(2, 2)",
    b"(4,)",
    b"()",
    b"[('a', '<f4')]",
    b", ",
];

#[test]
fn npy() {
    run("npy", &NPY_WORDS, targets::npy);
}

#[test]
fn npz() {
    let words: [&[u8]; 6] = [
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"PK\x06\x07",
        b".npy",
    ];
    run("npz", &words, targets::npz);
}

#[test]
fn members() {
    let mut words = NPY_WORDS.to_vec();
    let more: [&[u8]; 9] = [
        repair::BETWEEN,
        b"format.npy\0",
        b"shape.npy\0",
        b"indptr.npy\0",
        b"indices.npy\0",
        b"data.npy\0",
        b"row.npy\0",
        b"col.npy\0",
        b"csc",
    ];
    words.extend(more);
    run("members", &words, targets::members);
}

#[test]
fn libmf() {
    let mut words: Vec<&[u8]> = vec![b" T ", b" F ", b"p0", b"q1", b"\n", b"f 0\n", b"k 1\n"];
    words.extend(NUMBER_WORDS);
    run("libmf", &words, targets::libmf);
}

#[test]
fn compressed() {
    let words: [&[u8]; 3] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"];
    run("compressed", &words, targets::compressed);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet() {
    run(
        "parquet",
        &[b"PAR1", b"user", b"\x15\x00"],
        targets::parquet,
    );
}

const HEADER_WORDS: [&[u8]; 20] = [
    b"\"F16\"",
    b"\"F32\"",
    b"\"F64\"",
    b"\"U8\"",
    b"\"U64\"",
    b"\"BF16\"",
    b"[]",
    b"[0,0]",
    b"\"shape\":",
    b"\"dtype\":",
    b"\"data_offsets\":",
    b"__metadata__",
    b"format_version",
    b"row_ids.text",
    b"attribute.x",
    b"null",
    b"{}",
    b"\\u0000",
    b",",
    b"\"\"",
];

/// As they are, and with checksums put right, so that what is behind them is tried as well.
#[test]
fn model() {
    run("model", &HEADER_WORDS, |bytes| {
        targets::model(&repair::checksums(bytes));
        targets::model(bytes)
    });
}

/// A checkpoint is of one version of matfact, so that no good one can be stored.
#[test]
fn checkpoint() {
    let folder = Folder::new();
    let path = folder.at("c");
    save_checkpoint(&path, &crate::checkpoints::sample(7)).unwrap();
    let mut files = corpus("checkpoint");
    files.push(("good-of-this-version".to_owned(), fs::read(path).unwrap()));
    run_with("checkpoint", files, &HEADER_WORDS, |bytes| {
        targets::checkpoint(&repair::checksums(bytes));
        targets::checkpoint(bytes)
    });
}
