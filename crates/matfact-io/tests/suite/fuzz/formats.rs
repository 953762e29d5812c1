//! Random and half-random bytes, in files of any name.
// Clippy allows it in test functions by itself, and not in what they call.

use super::targets;
use crate::common::Folder;
use matfact_core::{ModelRecord, ndarray::array};
use matfact_io::{ModelFile, save_model, write_npy};
use proptest::prelude::*;

/// Reads the bytes as everything that they could be.
fn read_all(name: &str, bytes: &[u8]) {
    targets::any(name, bytes);
    targets::model(bytes);
    targets::libmf(bytes);
}

fn model() -> Vec<u8> {
    let folder = Folder::new();
    let mut record = ModelRecord::new("nmf");
    record.insert("w", &array![[1.0_f32, 2.0]]);
    save_model(folder.at("m"), &ModelFile::new(record)).unwrap();
    std::fs::read(folder.at("m")).unwrap()
}

fn npy() -> Vec<u8> {
    let folder = Folder::new();
    write_npy(folder.at("m"), &array![[1.0_f32, 2.0], [3.0, 4.0]]).unwrap();
    std::fs::read(folder.at("m")).unwrap()
}

const NAMES: [&str; 4] = ["x.npy", "x.mtx", "x.csv", "x.mtx.gz"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes(name in 0..4_usize, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(NAMES[name], &bytes);
    }

    #[test]
    fn files_with_a_few_bytes_changed(
        kind in 0..4_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let market = b"%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 1.5\n3 3 2\n";
        let ratings = b"user,item,rating\n\"a,b\",x,1\nb,y,2.5\n";
        let mut bytes = [market.to_vec(), ratings.to_vec(), npy(), model()][kind].clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(NAMES[kind % 3], &bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_all(NAMES[kind % 3], &bytes);
    }

    #[test]
    fn text_made_of_the_formats_own_characters(
        head in 0..4_usize,
        text in "[0-9 ,;:.\\-+eE\"\t\r\n%a]{0,80}",
    ) {
        let head = [
            "",
            "%%MatrixMarket matrix coordinate real general\n",
            "%%MatrixMarket matrix array integer symmetric\n",
            "%%MatrixMarket matrix coordinate pattern skew-symmetric\n",
        ][head];
        read_all("x.mtx", format!("{head}{text}").as_bytes());
    }

    #[test]
    fn npy_headers_of_the_formats_own_words(
        descr in prop::sample::select(vec!["'<f8'", "'>i2'", "'|b1'", "'|O'", "[]", "'<f8"]),
        rows in prop::sample::select(vec!["0", "1", "2", "-1", "99999999999", "18446744073709551615"]),
        columns in prop::sample::select(vec!["", "1", "4", "9223372036854775807"]),
        order in prop::sample::select(vec!["True", "False", "None"]),
        data in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({rows}, {columns})}}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        read_all("x.npy", &bytes);
    }
}
