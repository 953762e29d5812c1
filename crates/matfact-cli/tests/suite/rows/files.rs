//! The files of the rows.

use crate::common::Folder;
use matfact::io::write_npy;
use matfact::ndarray::{Array2, array};
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(super) fn with_files() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.at("folder")).unwrap();
    dense(&folder);
    npy_files(&folder);
    sparse(&folder);
    market(&folder);
    text(&folder);
    parquet(&folder);
    models(&folder);
    special(&folder);
    folder
}

fn dense(folder: &Folder) {
    let good = Array2::from_shape_fn((4, 3), |(i, j)| (i * j + 1) as f32);
    let write = |name: &str, x: &Array2<f32>| write_npy(folder.at(name), x).unwrap();
    write("good.npy", &good);
    for (name, value) in [
        ("nan.npy", f32::NAN),
        ("infinite.npy", f32::INFINITY),
        ("negative.npy", -4.0),
        ("minus-zero.npy", -0.0),
    ] {
        let mut x = good.clone();
        x[[1, 0]] = value;
        write(name, &x);
    }
    write("subnormal.npy", &array![[1e-40, 2e-40], [3e-40, 1e-41]]);
    write("near-maximum.npy", &array![[3e38, 1e38], [1e38, 2e38]]);
    write("near-minimum.npy", &array![[3e-37, 1e-37], [1e-37, 2e-37]]);
    write("one-row.npy", &array![[1.0, 2.0, 3.0, 4.0]]);
    write("one-column.npy", &array![[1.0], [2.0]]);
    write("one.npy", &array![[3.0]]);
    write("zeros.npy", &Array2::zeros((4, 3)));
    write("constant.npy", &Array2::from_elem((5, 4), 2.5));
    let hole = |(i, j)| {
        if i == 1 || j == 2 {
            0.0
        } else {
            (i + j + 1) as f32
        }
    };
    write(
        "zero-row-and-column.npy",
        &Array2::from_shape_fn((4, 4), hole),
    );
    write_npy(
        folder.at("above-f32.npy"),
        &array![[1e300, 2.0], [1.0, 3e299]],
    )
    .unwrap();
}

/// An array as NumPy writes it.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn npy_files(folder: &Folder) {
    let eight = [1, 0, 0, 0, 2, 0, 0, 0];
    folder.write("no-rows.npy", npy("<f4", "(0, 3)", b""));
    folder.write("no-columns.npy", npy("<f4", "(3, 0)", b""));
    folder.write("integers.npy", npy("<i2", "(2, 2)", &eight));
    folder.write("booleans.npy", npy("|b1", "(2, 2)", &[1, 0, 1, 1]));
    folder.write("complex.npy", npy("<c8", "(1, 1)", &eight));
    folder.write("objects.npy", npy("|O", "(1, 1)", b"\x80\x04N."));
    folder.write("texts.npy", npy("<U1", "(1, 2)", &eight));
    folder.write("claims.npy", npy("<f8", "(4000000000, 4)", &eight));
    let good = fs::read(folder.at("good.npy")).unwrap();
    folder.write("cut.npy", &good[..good.len() - 1]);
    folder.write("longer.npy", [&good[..], b"\0"].concat());
    let mut lying = good;
    lying[8..10].copy_from_slice(&[0xff, 0xff]);
    folder.write("header-length.npy", lying);
}

fn numbers<const N: usize>(descr: &str, values: &[i64], bytes: fn(i64) -> [u8; N]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| bytes(*value)).collect();
    npy(descr, &format!("({},)", values.len()), &data)
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A matrix of two rows as SciPy writes it, with these pointers, indices and values.
fn compressed(
    format: &str,
    columns: i64,
    pointers: &[i64],
    indices: &[i64],
    values: &[f64],
) -> Vec<u8> {
    let integers = |values: &[i64]| numbers("<i8", values, i64::to_le_bytes);
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    archive(&[
        ("indices.npy", integers(indices)),
        ("indptr.npy", integers(pointers)),
        ("format.npy", npy("|S3", "()", format.as_bytes())),
        ("shape.npy", integers(&[2, columns])),
        (
            "data.npy",
            npy("<f8", &format!("({},)", values.len()), &data),
        ),
    ])
}

fn sparse(folder: &Folder) {
    let three = [1.0, 2.0, 3.0];
    for (name, pointers, indices, values) in [
        (
            "nan.npz",
            &[0, 2, 3][..],
            &[0, 1, 2][..],
            &[1.0, f64::NAN, 3.0][..],
        ),
        ("index-beyond.npz", &[0, 2, 3], &[0, 9, 2], &three),
        ("index-negative.npz", &[0, 2, 3], &[0, -7, 2], &three),
        ("pointers-fall.npz", &[0, 4, 3], &[0, 1, 2], &three),
        ("pointers-start.npz", &[1, 2, 3], &[0, 1, 2], &three),
        ("pointers-end.npz", &[0, 2, 2], &[0, 1, 2], &three),
        ("pointers-few.npz", &[0, 3], &[0, 1, 2], &three),
        (
            "pointers-to-2-31.npz",
            &[0, 1 << 31, (1 << 31) + 1],
            &[0, 1, 2],
            &three,
        ),
        ("lengths-differ.npz", &[0, 2, 3], &[0, 1], &three),
        ("sorted.npz", &[0, 2, 3], &[0, 2, 1], &three),
        (
            "twice.npz",
            &[0, 3, 4],
            &[0, 1, 1, 2],
            &[1.0, 2.0, 2.5, 3.0],
        ),
        (
            "explicit-zero.npz",
            &[0, 2, 3],
            &[0, 1, 2],
            &[1.0, 0.0, 3.0],
        ),
        ("nothing-stored.npz", &[0, 0, 0], &[], &[]),
    ] {
        folder.write(name, compressed("csr", 3, pointers, indices, values));
    }
    folder.write(
        "unsorted.npz",
        compressed("csr", 3, &[0, 2, 3], &[2, 0, 1], &[2.0, 1.0, 3.0]),
    );
    folder.write(
        "other-layout.npz",
        compressed("csc", 3, &[0, 2, 3], &[0, 1, 2], &three),
    );
    folder.write(
        "objects.npz",
        archive(&[("x.npy", npy("|O", "(1, 1)", b"\x80\x04N."))]),
    );
    let wide = compressed("csr", 4_000_000_000, &[0, 2, 3], &[0, 1, 2], &three);
    folder.write("wide.npz", wide);
    let claims = npy("<f8", "(4000000000, 4)", &[0; 64]);
    folder.write("claims.npz", archive(&[("x.npy", claims)]));
    folder.write("text.npz", "PK\x03\x04and so on");
}

fn market(folder: &Folder) {
    for (name, content) in [
        ("good", "coordinate real general\n3 3 2\n1 1 1\n2 2 5\n"),
        ("nan", "coordinate real general\n3 3 1\n1 1 nan\n"),
        ("no-rows", "coordinate real general\n0 3 0\n"),
        (
            "count-of-2-31",
            "coordinate real general\n3 3 2147483648\n1 1 1\n",
        ),
        (
            "rows-of-2-32",
            "coordinate real general\n4294967296 3 1\n1 1 1\n",
        ),
        ("nothing-stored", "coordinate real general\n4 3 0\n"),
        ("beyond-the-size", "coordinate real general\n3 3 1\n1 4 1\n"),
        ("word", "matrices real general\n3 3 1\n1 1 1\n"),
        ("short", "coordinate real general\n3 3 2\n1 1 1\n"),
        (
            "long",
            "coordinate real general\n3 3 2\n1 1 1\n2 2 1\n3 3 1\n",
        ),
        ("index-zero", "coordinate real general\n3 3 1\n0 1 1\n"),
        (
            "above-the-diagonal",
            "coordinate real symmetric\n3 3 1\n1 2 1\n",
        ),
        ("pattern", "coordinate pattern general\n2 3 2\n1 3\n2 1\n"),
        ("complex", "coordinate complex general\n3 3 1\n1 1 1 2\n"),
        ("negative-size", "coordinate real general\n-3 3 1\n1 1 1\n"),
        (
            "size-of-2-63",
            "coordinate real general\n9223372036854775808 3 1\n1 1 1\n",
        ),
        (
            "array-of-2-62",
            "array real general\n2147483648 2147483648\n1\n",
        ),
    ] {
        folder.write(
            &format!("{name}.mtx"),
            format!("%%MatrixMarket matrix {content}"),
        );
    }
    // One row has 400 of 404 entries.
    let mut heavy = String::from("%%MatrixMarket matrix coordinate real general\n5 400 404\n");
    let mut rated = String::new();
    for column in 1..=400 {
        let _ = writeln!(heavy, "1 {column} {}", column % 7 + 1);
        let _ = writeln!(rated, "all\ti{column}\t{}", column % 5 + 1);
    }
    for row in 2..=5 {
        let _ = writeln!(heavy, "{row} {row} 3");
        let _ = writeln!(rated, "u{row}\ti{row}\t3");
    }
    folder.write("one-heavy-row.mtx", heavy);
    folder.write("one-heavy-row.tsv", rated);
}

fn text(folder: &Folder) {
    let files: &[(&str, &[u8])] = &[
        ("good.tsv", b"ada\talien\t5\nada\theat\t3\nbob\talien\t4\n"),
        ("empty.tsv", b""),
        ("empty.npy", b""),
        ("header.csv", b"user,item,rating\n"),
        ("one.tsv", b"ada\talien\t5\n"),
        ("above-f32.tsv", b"ada\talien\t1e300\nada\theat\t3\n"),
        ("twice.tsv", b"ada\talien\t5\nada\theat\t3\nada\talien\t4\n"),
        (
            "zero-rating.tsv",
            b"ada\talien\t0\nada\theat\t3\nbob\theat\t2\n",
        ),
        (
            "wide-ids.tsv",
            b"4294967296\t18446744073709551616\t5\n4294967297\t7\t3\n",
        ),
        (
            "minus.tsv",
            b"ada\talien\t1\nbob\talien\t-1\nbob\theat\t2\n",
        ),
        ("field-missing.tsv", b"ada\talien\t5\nada\theat\n"),
        (
            "field-too-many.tsv",
            b"ada\talien\t5\nada\theat\t3\t881250949\tx\ty\n",
        ),
        (
            "word.tsv",
            b"ada\talien\t5\nada\theat\tfour\nbob\theat\t2\n",
        ),
        ("comma.tsv", b"ada\talien\t2\nada\theat\t1,5\n"),
        ("nan.tsv", b"ada\talien\tNaN\nada\theat\t3\n"),
        ("latin.tsv", b"ada\talien\t2\nada\tAm\xe9lie\t5\n"),
        ("mark.csv", b"\xef\xbb\xbfada,alien,2\nbob,heat,5\n"),
        ("carriage-returns.tsv", b"ada\talien\t2\r\nbob\theat\t5\r\n"),
        ("empty-last-lines.tsv", b"ada\talien\t2\nbob\theat\t5\n\n\n"),
        ("pickle.tsv", b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]"),
        ("pickle.safetensors", b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]"),
        ("model.pkl", b"anything"),
    ];
    for (name, content) in files {
        folder.write(name, content);
    }
    let long = format!("ada\talien\t2\nada\t{}\n", "x".repeat(1_000_000));
    folder.write("long-line.tsv", long);
}

/// From the corpus of the readers.
fn parquet(folder: &Folder) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../matfact-io/tests/corpus/parquet");
    for (name, from) in [
        ("good", "good-snappy"),
        ("null", "bad-nulls"),
        ("lists", "bad-lists"),
        ("cut", "bad-cut-footer"),
    ] {
        let bytes = fs::read(corpus.join(format!("{from}.parquet"))).unwrap();
        folder.write(&format!("{name}.parquet"), bytes);
    }
}

fn models(folder: &Folder) {
    folder.ok("fit als good.tsv --rank 2 --model m-als.safetensors");
    folder.ok("fit nmf good.npy --rank 2 --model m-nmf.safetensors");
    let intact = fs::read(folder.at("m-als.safetensors")).unwrap();
    folder.write("cut.safetensors", &intact[..intact.len() / 2]);
    folder.write("longer.safetensors", [&intact[..], b"\0"].concat());
    let mut flipped = intact.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    folder.write("flipped.safetensors", flipped);
    let file = |header: &str, data: &[u8]| {
        let length = header.len() as u64;
        [&length.to_le_bytes()[..], header.as_bytes(), data].concat()
    };
    let metadata = r#""__metadata__":{"format":"matfact","format_version":"1"}"#;
    for (name, shape) in [("shapes", "[3]"), ("product", "[9223372036854775807,9]")] {
        let tensor = format!(r#""w":{{"data_offsets":[0,4],"dtype":"F32","shape":{shape}}}"#);
        let header = format!("{{{metadata},{tensor}}}");
        folder.write(&format!("{name}.safetensors"), file(&header, &[0; 4]));
    }
    let newer = r#"{"__metadata__":{"format":"matfact","format_version":"2"}}"#;
    folder.write("newer.safetensors", file(newer, b""));
    folder.write(
        "header-of-2-64.safetensors",
        [&[0xff; 8][..], b"{}"].concat(),
    );
    let nested = format!("{{\"__metadata__\":{}", "[".repeat(100_000));
    folder.write("nested.safetensors", file(&nested, b""));
}

#[cfg(unix)]
fn special(folder: &Folder) {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let made = std::process::Command::new("mkfifo")
        .arg(folder.at("pipe"))
        .status();
    assert!(made.unwrap().success());
    folder.write("secret.tsv", "ada\talien\t5\n");
    fs::set_permissions(folder.at("secret.tsv"), fs::Permissions::from_mode(0o000)).unwrap();
    symlink("m-als.safetensors", folder.at("link.safetensors")).unwrap();
}

#[cfg(not(unix))]
fn special(_: &Folder) {}
