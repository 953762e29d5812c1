//! Random and half-random bytes: whatever is in a file, reading it gives a value or a typed error.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::Folder;
use matfact_core::{ModelRecord, Scalar, ndarray::array};
use matfact_io::{
    Ids, MatrixData, ModelFile, OnError, RatingsOptions, load_model, read_matrix, read_pairs,
    read_ratings, read_ratings_with_ids, save_model, write_npy,
};
use proptest::prelude::*;

/// Reads the bytes as everything that they could be.
fn read_all(folder: &Folder, name: &str, bytes: &[u8]) {
    let path = folder.write(name, bytes);
    check(read_matrix::<f32>(&path));
    check(read_matrix::<f64>(&path));
    let skipping = RatingsOptions::default()
        .on_error(OnError::Skip)
        .default_value(1.0);
    for options in [RatingsOptions::default(), skipping] {
        if let Ok(data) = read_ratings::<f32>(&path, &options) {
            assert!(data.ratings.csr().data().iter().all(|v| v.is_finite()));
            let (rows, columns) = (&data.rows, &data.columns);
            let again = read_ratings_with_ids::<f32>(&path, &options, rows, columns).unwrap();
            assert!(
                again
                    .pairs
                    .iter()
                    .all(|p| p.row.is_some() && p.column.is_some())
            );
        }
        let _ = read_ratings_with_ids::<f64>(&path, &options, &Ids::new(), &Ids::new());
        let _ = read_pairs::<f64>(&path, &options);
    }
    // What loads is exactly what saving it writes.
    if let Ok(model) = load_model(&path) {
        let copy = folder.at("copy");
        save_model(&copy, &model).unwrap();
        assert_eq!(std::fs::read(copy).unwrap(), bytes);
    }
}

fn check<T: Scalar>(read: matfact_core::Result<MatrixData<T>>) {
    if let Ok(data) = read {
        let (rows, columns) = data.shape();
        assert!(rows > 0 && columns > 0);
        let mut seen = 0;
        data.as_matrix().visit(&mut |i, j, _| {
            assert!(i < rows && j < columns);
            seen += 1;
        });
        assert_eq!(seen, data.stored());
    }
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
        read_all(&Folder::new(), NAMES[name], &bytes);
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
        let folder = Folder::new();
        read_all(&folder, NAMES[kind % 3], &bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_all(&folder, NAMES[kind % 3], &bytes);
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
        read_all(&Folder::new(), "x.mtx", format!("{head}{text}").as_bytes());
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
        read_all(&Folder::new(), "x.npy", &bytes);
    }
}
