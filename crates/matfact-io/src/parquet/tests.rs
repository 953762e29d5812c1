use crate::{
    Ids, Names, NamesOptions, OnError, RatingsOptions, read_pairs, read_ratings, write_parquet,
};
use matfact_core::ndarray::{Array2, array};
use matfact_core::{Error, ObservedEntries};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

const SCHEMA: &str = "message ratings {
    required int64 timestamp;
    required int32 itemId (INTEGER(32, false));
    optional double rating;
    required binary user (UTF8);
    repeated int32 tags;
}";

/// Two row groups of ratings; of the second one rating may be missing.
fn write(path: &Path, missing: bool, compression: Compression) -> parquet::errors::Result<()> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(compression);
    let file = File::create(path)?;
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties.build()))?;
    for group in 0..2 {
        let mut rows = file.next_row_group()?;
        let mut place = 0;
        while let Some(mut column) = rows.next_column()? {
            match place {
                0 => column
                    .typed::<Int64Type>()
                    .write_batch(&[10, 11], None, None),
                1 => column
                    .typed::<Int32Type>()
                    .write_batch(&[-1, 7 + group], None, None),
                2 if group == 1 && missing => {
                    column
                        .typed::<DoubleType>()
                        .write_batch(&[0.1], Some(&[1, 0]), None)
                }
                2 => column
                    .typed::<DoubleType>()
                    .write_batch(&[4.5, 0.1], Some(&[1, 1]), None),
                3 => {
                    let names = match group {
                        0 => ["ada, \"countess\"", "bob"],
                        _ => ["bob", "ada, \"countess\""],
                    };
                    let names = names.map(ByteArray::from);
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&names, None, None)
                }
                _ => column
                    .typed::<Int32Type>()
                    .write_batch(&[], Some(&[0, 0]), Some(&[0, 0])),
            }?;
            column.close()?;
            place += 1;
        }
        rows.close()?;
    }
    file.close()?;
    Ok(())
}

#[test]
fn ratings_are_read_by_the_names_of_the_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratings.parquet");
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::GZIP(Default::default()),
    ] {
        write(&path, false, compression).unwrap();
        let data = read_ratings::<f64>(&path, &RatingsOptions::default()).unwrap();
        let users: Vec<&str> = data.rows.iter().collect();
        let items: Vec<&str> = data.columns.iter().collect();
        assert_eq!(users, ["ada, \"countess\"", "bob"]);
        assert_eq!(items, ["4294967295", "7", "8"]);
        assert_eq!(data.ratings.shape(), (2, 3));
        let dense = data.ratings.csr().to_dense();
        assert_eq!(dense, array![[4.5, 0.0, 0.1], [4.5, 0.1, 0.0]]);
    }
    // A folder of parts, as Spark writes it.
    fs::write(folder.path().join("_SUCCESS"), "").unwrap();
    let data = read_ratings::<f64>(folder.path(), &RatingsOptions::default()).unwrap();
    assert_eq!(data.ratings.observed(), 4);
    let pairs = read_pairs::<f64>(&path, &RatingsOptions::default()).unwrap();
    assert_eq!(pairs.pairs.len(), 4);
}

#[test]
fn a_missing_rating_has_a_row_and_follows_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratings.parquet");
    write(&path, true, Compression::SNAPPY).unwrap();
    let error = read_ratings::<f64>(&path, &RatingsOptions::default()).unwrap_err();
    let Error::Parse { line, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(line, 5);
    let options = RatingsOptions::default().on_error(OnError::Skip);
    let data = read_ratings::<f64>(&path, &options).unwrap();
    assert_eq!((data.ratings.observed(), data.skipped_count), (3, 1));
}

#[test]
fn factors_come_back_bit_for_bit_and_by_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("factors.parquet");
    let mut ids = Ids::new();
    for id in ["1", " two", "drei, \"3\""] {
        ids.insert(id).unwrap();
    }
    let factors = array![[1.0_f32 / 3.0], [f32::MIN_POSITIVE / 4.0], [-2.5]];
    write_parquet(&path, Some(&ids), &factors).unwrap();
    let options = NamesOptions::default().name_column(2);
    let names = Names::read(&path, &options).unwrap();
    for (row, id) in ids.iter().enumerate() {
        let text = names.get(id.trim()).or_else(|| names.get(id)).unwrap();
        assert_eq!(
            text.parse::<f32>().unwrap().to_bits(),
            factors[[row, 0]].to_bits()
        );
    }
    write_parquet(&path, None, &Array2::<f64>::zeros((70_000, 2))).unwrap();
    assert!(write_parquet(&path, Some(&ids), &array![[1.0]]).is_err());
}

#[test]
fn every_cut_and_every_changed_byte_is_an_answer_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratings.parquet");
    write(&path, false, Compression::UNCOMPRESSED).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in (1..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            read_ratings::<f32>(&path, &RatingsOptions::default()).is_err(),
            "{length}"
        );
    }
    for place in (4..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[place] ^= 0x41;
        fs::write(&path, &changed).unwrap();
        // Values may change without a sign of it; the rest has to be refused.
        let _ = read_ratings::<f32>(&path, &RatingsOptions::default());
    }
}

#[test]
fn a_line_end_in_an_id_and_a_compressed_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ids.parquet");
    let mut ids = Ids::new();
    ids.insert("a\nb").unwrap();
    write_parquet(&path, Some(&ids), &array![[1.0_f32]]).unwrap();
    let error = Names::read(&path, &NamesOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("row 1 has a line end"),
        "{error}"
    );
    let packed = folder.path().join("ids.parquet.gz");
    let file = File::create(&packed).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &fs::read(&path).unwrap()).unwrap();
    encoder.finish().unwrap();
    let error = read_ratings::<f32>(&packed, &RatingsOptions::default()).unwrap_err();
    assert!(error.to_string().contains("read from its end"), "{error}");
}
