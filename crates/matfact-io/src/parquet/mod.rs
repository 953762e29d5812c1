//! Parquet: ratings and names from it, factors to it.
//!
//! A table is read as the text that it would be with commas and a header, so that whatever holds for
//! delimited text (columns by name, ids of any kind, policies for bad lines and duplicates) holds for it: row r
//! is line r + 1. Numbers are written in the shortest way that gives the same bits back.

#[cfg(feature = "parquet")]
mod cells;
#[cfg(feature = "parquet")]
mod text;
#[cfg(feature = "parquet")]
mod write;

#[cfg(feature = "parquet")]
pub use write::write_parquet;

use crate::{fault, source};
use matfact_core::{Error, Result};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The first bytes of every Parquet file.
const MARK: &[u8; 4] = b"PAR1";

/// Whether a file is Parquet, by its first bytes. What cannot be opened is not: opening it again will
/// say why.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let mut mark = [0; 4];
    !source::is_standard_input(path)
        && path.is_file()
        && File::open(path).is_ok_and(|mut file| file.read_exact(&mut mark).is_ok())
        && &mark == MARK
}

/// A table with its content as text; Parquet becomes comma-separated text with a header. `wanted` chooses
/// columns by their names.
///
/// # Errors
/// As [`source::open`]; `Parse` for a damaged Parquet file, and for one from standard input.
pub(crate) fn open_table(
    path: &Path,
    wanted: fn(&[String]) -> Vec<bool>,
) -> Result<Box<dyn Read + Send>> {
    if is_parquet(path) {
        let (file, _) = source::open_regular(path)?;
        return text(file, path, wanted);
    }
    let source = source::open(path)?;
    if source.head.starts_with(MARK) {
        let message = "Parquet is read from its end, so not from a stream or a compressed file: give the file itself";
        return Err(fault::parse(path, 0, None, message));
    }
    Ok(source.reader)
}

#[cfg(feature = "parquet")]
fn text(
    file: File,
    path: &Path,
    wanted: fn(&[String]) -> Vec<bool>,
) -> Result<Box<dyn Read + Send>> {
    let opened = text::ParquetText::open(file, wanted).map_err(|e| damaged(path, e))?;
    Ok(Box::new(opened))
}

#[cfg(not(feature = "parquet"))]
fn text(_: File, path: &Path, _: fn(&[String]) -> Vec<bool>) -> Result<Box<dyn Read + Send>> {
    let error = io::Error::other(
        "this is Parquet, which this build does not read: enable the feature `parquet`",
    );
    Err(damaged(path, error))
}

fn damaged(path: &Path, error: io::Error) -> Error {
    fault::parse(path, 0, None, error.to_string())
}

#[cfg(all(test, feature = "parquet"))]
mod tests;
