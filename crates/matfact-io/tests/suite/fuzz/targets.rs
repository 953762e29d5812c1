//! What is done with an input, and what must hold then: each target tells whether the bytes were accepted.

use super::repair;
use crate::common::Folder;
use matfact_core::{Error, ObservedEntries, Result, Scalar};
use matfact_io::{
    Ids, MatrixData, Names, NamesOptions, OnError, RatingsOptions, load_checkpoint, load_model,
    read_libmf, read_matrix, read_npy_rows, read_pairs, read_ratings, read_ratings_with_ids,
    save_checkpoint, save_model, save_model_in_half, write_libmf,
};
use std::fs;
use std::path::{Path, PathBuf};

thread_local! {
    /// Making a folder for each input would take longer than reading it.
    static FOLDER: Folder = Folder::new();
}

fn with_file<R>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> R) -> R {
    let path = FOLDER.with(|folder| folder.write(name, bytes));
    read(&path)
}

fn beside(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.at(name))
}

pub(super) fn ratings(bytes: &[u8]) -> bool {
    with_file("x.csv", bytes, read_as_ratings)
}

/// Reads ratings in all ways; whether the strict one accepts them.
pub(super) fn read_as_ratings(path: &Path) -> bool {
    let skipping = RatingsOptions::default()
        .on_error(OnError::Skip)
        .default_value(1.0);
    let mut accepted = false;
    for (strict, options) in [(true, RatingsOptions::default()), (false, skipping)] {
        let read = read_ratings::<f32>(path, &options);
        accepted |= strict && read.is_ok();
        match read {
            Ok(data) => {
                let (m, n) = data.ratings.shape();
                assert_eq!((m, n), (data.rows.len(), data.columns.len()));
                assert!(data.ratings.csr().data().iter().all(|v| v.is_finite()));
                let again = read_ratings_with_ids::<f32>(path, &options, &data.rows, &data.columns)
                    .unwrap();
                let known =
                    |pair: &matfact_io::RatedPair<f32>| pair.row.is_some() && pair.column.is_some();
                assert!(again.pairs.iter().all(known));
                assert!(again.pairs.len() >= data.ratings.csr().nnz());
            }
            Err(error) => about(path, &error),
        }
        let _ = read_ratings_with_ids::<f64>(path, &options, &Ids::new(), &Ids::new());
        let _ = read_pairs::<f64>(path, &options);
    }
    accepted
}

/// Every refusal is of a kind that files can bring about, on one line.
fn about(path: &Path, error: &Error) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message:?}");
    match error {
        Error::Parse { .. } | Error::PickleRefused { .. } => {
            assert!(message.contains(name), "{message}")
        }
        Error::Overflow { .. } | Error::EmptyInput { .. } => {}
        other => panic!("{other:?}"),
    }
}

pub(super) fn names(bytes: &[u8]) -> bool {
    with_file("x.csv", bytes, |path| {
        match Names::read(path, &NamesOptions::default()) {
            Ok(names) => {
                assert!(!names.is_empty());
                true
            }
            Err(error) => {
                about(path, &error);
                false
            }
        }
    })
}

/// As a matrix, as ratings and as names, whatever they are.
pub(super) fn any(name: &str, bytes: &[u8]) {
    with_file(name, bytes, |path| {
        matrix(path);
        read_as_ratings(path);
        let _ = Names::read(path, &NamesOptions::default());
    });
}

fn matrix(path: &Path) -> bool {
    let single = sound(path, read_matrix::<f32>(path));
    let double = sound(path, read_matrix::<f64>(path));
    // What f64 cannot hold, f32 cannot either.
    assert!(double || !single);
    double
}

fn sound<T: Scalar>(path: &Path, read: Result<MatrixData<T>>) -> bool {
    let data = match read {
        Ok(data) => data,
        Err(error) => {
            about(path, &error);
            return false;
        }
    };
    let (rows, columns) = data.shape();
    assert!(rows > 0 && columns > 0);
    let mut seen = 0;
    data.as_matrix().visit(&mut |i, j, _| {
        assert!(i < rows && j < columns);
        seen += 1;
    });
    assert_eq!(seen, data.stored());
    true
}

pub(super) fn market(bytes: &[u8]) -> bool {
    with_file("x.mtx", bytes, matrix)
}

pub(super) fn npy(bytes: &[u8]) -> bool {
    with_file("x.npy", bytes, |path| {
        let whole = matrix(path);
        if let Ok(blocks) = read_npy_rows::<f64>(path, 2) {
            let shape = blocks.shape();
            let read: Result<Vec<_>> = blocks.collect();
            assert_eq!(read.is_ok(), whole);
            if let Ok(blocks) = read {
                assert_eq!(
                    blocks.iter().map(|block| block.nrows()).sum::<usize>(),
                    shape.0
                );
            }
        }
        whole
    })
}

pub(super) fn npz(bytes: &[u8]) -> bool {
    with_file("x.npz", bytes, matrix)
}

pub(super) fn members(bytes: &[u8]) -> bool {
    npz(&repair::archive(bytes))
}

pub(super) fn libmf(bytes: &[u8]) -> bool {
    with_file("x.txt", bytes, |path| {
        let libmf = match read_libmf::<f64>(path) {
            Ok(libmf) => libmf,
            Err(error) => {
                about(path, &error);
                return false;
            }
        };
        let copy = beside("copy.txt");
        write_libmf(
            &copy,
            &libmf.model,
            Some(&libmf.rows),
            Some(&libmf.columns),
            libmf.mean,
        )
        .unwrap();
        assert_eq!(read_libmf::<f64>(&copy).unwrap().model, libmf.model);
        true
    })
}

pub(super) fn compressed(bytes: &[u8]) -> bool {
    with_file("x", bytes, |path| {
        let _ = Names::read(path, &NamesOptions::default());
        matrix(path) || read_as_ratings(path)
    })
}

#[cfg(feature = "parquet")]
pub(super) fn parquet(bytes: &[u8]) -> bool {
    with_file("x.parquet", bytes, |path| {
        let _ = Names::read(path, &NamesOptions::default());
        read_as_ratings(path)
    })
}

/// What loads is exactly what saving it writes.
pub(super) fn model(bytes: &[u8]) -> bool {
    with_file("m", bytes, |path| match load_model(path) {
        Ok(model) => {
            let copy = beside("copy");
            save_model(&copy, &model).unwrap();
            if fs::read(&copy).unwrap() != bytes {
                save_model_in_half(&copy, &model).unwrap();
                assert!(
                    fs::read(&copy).unwrap() == bytes,
                    "it is saved as something else"
                );
            }
            true
        }
        Err(Error::Corrupt { .. } | Error::VersionTooNew { .. } | Error::PickleRefused { .. }) => {
            false
        }
        Err(other) => panic!("{other:?}"),
    })
}

/// As of a model.
pub(super) fn checkpoint(bytes: &[u8]) -> bool {
    with_file("c", bytes, |path| match load_checkpoint(path) {
        Ok(checkpoint) => {
            let copy = beside("copy");
            save_checkpoint(&copy, &checkpoint).unwrap();
            assert!(
                fs::read(&copy).unwrap() == bytes,
                "it is saved as something else"
            );
            true
        }
        Err(
            Error::CorruptCheckpoint { .. }
            | Error::VersionTooNew { .. }
            | Error::PickleRefused { .. }
            | Error::ResumeMismatch { .. },
        ) => false,
        Err(other) => panic!("{other:?}"),
    })
}
