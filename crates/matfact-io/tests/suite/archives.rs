//! `.npz` archives as NumPy and SciPy wrote them (`tests/data`), torn and hostile ones: row 56 of the
//! reliability list.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::{Folder, parse_place};
use matfact_core::ndarray::array;
use matfact_core::{Error, Matrix};
use matfact_io::{MatrixData, read_matrix};
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn integers(values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", values.len()), &data)
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn coo(shape: &[i64], rows: &[i64], columns: &[i64]) -> Vec<u8> {
    archive(&[
        (
            "format.npy",
            npy(
                "<U3",
                "()",
                &"coo"
                    .chars()
                    .flat_map(|c| (c as u32).to_le_bytes())
                    .collect::<Vec<u8>>(),
            ),
        ),
        ("shape.npy", integers(shape)),
        ("row.npy", integers(rows)),
        ("col.npy", integers(columns)),
        ("data.npy", integers(&vec![1; rows.len()])),
    ])
}

#[test]
fn scipy_and_numpy_archives_are_read() {
    let expected = [(0, 1, 1.5), (1, 0, 2.0), (1, 2, -3.0)];
    for name in ["scipy-csr.npz", "scipy-csc-array.npz", "scipy-coo.npz"] {
        let MatrixData::Sparse(x) = read_matrix::<f64>(golden(name)).unwrap() else {
            panic!("{name} is sparse");
        };
        let mut seen = Vec::new();
        x.visit(&mut |i, j, v| seen.push((i, j, v)));
        assert_eq!((x.shape(), seen), ((2, 3), expected.to_vec()), "{name}");
    }
    let x = read_matrix::<f32>(golden("numpy-fortran.npz")).unwrap();
    assert_eq!(
        x,
        MatrixData::Dense(array![[0.0, 2.0], [1.0, 0.0], [0.0, -3.0]])
    );
}

#[test]
fn row_56_what_is_not_one_matrix_of_numbers_is_refused_by_reason() {
    parse_place(
        read_matrix::<f32>(golden("scipy-bsr.npz")),
        &["bsr", "tocsr"],
    );
    parse_place(
        read_matrix::<f32>(golden("numpy-two.npz")),
        &["2 arrays", "a.npy, b.npy"],
    );
    let objects = read_matrix::<f32>(golden("numpy-objects.npz"));
    assert!(
        matches!(objects, Err(Error::PickleRefused { .. })),
        "{objects:?}"
    );
    let folder = Folder::new();
    let refused = |bytes: Vec<u8>, word: &str| {
        parse_place(read_matrix::<f32>(folder.write("x.npz", bytes)), &[word]);
    };
    refused(archive(&[("note.txt", b"x".to_vec())]), "no npy files");
    refused(coo(&[2, 2], &[0, -1], &[0, 1]), "row");
    refused(coo(&[2, 2], &[0], &[2]), "column");
    refused(coo(&[2, 2, 2], &[0], &[0]), "3 axes");
    refused(coo(&[-2, 2], &[0], &[0]), "negative");
    refused(coo(&[1 << 60, 2], &[0], &[0]), "damage");
    refused(coo(&[2, 2], &[0, 1], &[0]), "as many");
    let data = npy("<U1", "(1, 1)", &[65, 0, 0, 0]);
    refused(archive(&[("x.npy", data)]), "texts");
    refused(b"PK\x03\x04and so on".to_vec(), "zip archive");
    refused(b"1,2\n".to_vec(), "not an npz file");
    let empty = read_matrix::<f32>(folder.write("x.npz", coo(&[0, 2], &[], &[])));
    assert!(matches!(empty, Err(Error::EmptyInput { .. })));
}

/// A header that claims more than the archive holds, and an archive that claims more than deflate can
/// make of its bytes: no memory is asked for on their word.
#[test]
fn row_56_bombs_are_refused_before_memory_is_asked_for() {
    let folder = Folder::new();
    let claims = npy("<f8", "(1000000000, 1000)", &[0; 64]);
    let path = folder.write("x.npz", archive(&[("x.npy", claims)]));
    parse_place(read_matrix::<f32>(&path), &["cut short"]);
    let huge = npy("<f8", "(1, 100)", &[0; 800]);
    let mut bytes = archive(&[("x.npy", huge)]);
    // The uncompressed size in the central directory.
    let central = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    bytes[central + 24..central + 28].copy_from_slice(&u32::to_le_bytes(0xffff_fff0));
    let refused = read_matrix::<f32>(folder.write("x.npz", bytes));
    assert!(matches!(refused, Err(Error::Parse { .. })), "{refused:?}");
}

#[test]
fn row_56_a_torn_archive_is_an_error_or_the_same_matrix() {
    let folder = Folder::new();
    for name in ["scipy-csr.npz", "numpy-fortran.npz"] {
        let bytes = fs::read(golden(name)).unwrap();
        let whole = read_matrix::<f64>(golden(name)).unwrap();
        for cut in 0..bytes.len() {
            let torn = read_matrix::<f64>(folder.write("x.npz", &bytes[..cut]));
            assert!(torn.is_err(), "{name} cut at {cut}");
        }
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Times, attributes and the like do not matter; the content has a checksum.
            if let Ok(x) = read_matrix::<f64>(folder.write("x.npz", &flipped)) {
                assert_eq!(x, whole, "{name}, bit {bit}");
            }
        }
    }
}
