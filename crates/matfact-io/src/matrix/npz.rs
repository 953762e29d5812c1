//! Zip archives of npy files: NumPy's with one array, and SciPy's sparse matrices.

use super::MatrixData;
use super::npy;
use crate::fault::{self, excerpt};
use crate::source::open_regular;
use matfact_core::sprs::CsMatI;
use matfact_core::{Duplicates, Error, Result, Scalar, csr_from_raw_parts, csr_from_triplets};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// Deflate makes at most so many bytes of one.
const MOST_INFLATED: u64 = 1032;

/// A side of a sparse matrix may be so long, and so much longer for each entry.
const FREE_SIDE: usize = 1 << 20;
const SIDE_PER_ENTRY: usize = 64;

/// Reads the matrix of an archive.
pub(super) fn read<T: Scalar>(path: &Path) -> Result<MatrixData<T>> {
    let (file, size) = open_regular(path)?;
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, error))?;
    let mut archive = Archive {
        archive,
        path,
        size,
    };
    let names = archive.names();
    let has = |name: &str| names.iter().any(|known| known == name);
    if has("format.npy") && has("shape.npy") {
        return sparse(&mut archive).map(MatrixData::Sparse);
    }
    match &names[..] {
        [name] => archive.member(name, |reader, path, size| {
            npy::read(reader, path, Some(size))
        }),
        [] => Err(fault::parse(path, 0, None, "the archive has no npy files")),
        _ => {
            let text = format!(
                "the archive has {} arrays ({}): save the one to be read with numpy.save",
                names.len(),
                excerpt(names.join(", ").as_bytes())
            );
            Err(fault::parse(path, 0, None, text))
        }
    }
    .map(MatrixData::Dense)
}

struct Archive<'a> {
    archive: ZipArchive<BufReader<File>>,
    path: &'a Path,
    size: u64,
}

impl Archive<'_> {
    /// The npy files in it.
    fn names(&self) -> Vec<String> {
        let names = self
            .archive
            .file_names()
            .filter_map(|name| Some(name.ok()?.into_owned()));
        names.filter(|name| name.ends_with(".npy")).collect()
    }

    /// Hands a member's content, a path that names it and its size to `read`.
    fn member<R>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn std::io::Read, &Path, u64) -> Result<R>,
    ) -> Result<R> {
        // Messages stay on one line, whatever an archive calls its members.
        let shown = name.replace(char::is_control, "?");
        let path = PathBuf::from(format!("{}:{shown}", self.path.display()));
        let mut file = self
            .archive
            .by_name(name)
            .map_err(|error| damaged(&path, error))?;
        let (size, packed) = (file.size(), file.compressed_size());
        // What the archive says about a size decides how much memory is asked for.
        let most = match file.compression() {
            CompressionMethod::Stored => packed,
            _ => packed.saturating_mul(MOST_INFLATED).saturating_add(64),
        };
        if packed > self.size || size > most {
            let text = format!(
                "the archive claims {size} bytes made of {packed}, more than there can be: it is damaged"
            );
            return Err(fault::parse(&path, 0, None, text));
        }
        read(&mut file, &path, size)
    }

    fn integers(&mut self, name: &str) -> Result<Vec<i64>> {
        self.member(name, |reader, path, size| {
            npy::read_integers(reader, path, size)
        })
    }

    fn values<T: Scalar>(&mut self, name: &str) -> Result<Vec<T>> {
        self.member(name, |reader, path, size| {
            npy::read_vector(reader, path, size)
        })
    }
}

/// A matrix as `scipy.sparse.save_npz` writes it.
fn sparse<T: Scalar>(archive: &mut Archive<'_>) -> Result<CsMatI<T, u32, usize>> {
    let path = archive.path;
    let refuse = |text: String| fault::parse(path, 0, None, text);
    let format = archive.member("format.npy", |reader, path, _| npy::read_text(reader, path))?;
    let shape = archive.integers("shape.npy")?;
    let [rows, columns] = shape[..] else {
        return Err(refuse(format!(
            "the matrix has {} axes, and not 2",
            shape.len()
        )));
    };
    let (Ok(rows), Ok(columns)) = (usize::try_from(rows), usize::try_from(columns)) else {
        return Err(refuse(format!("the shape {rows} x {columns} is negative")));
    };
    if rows == 0 || columns == 0 {
        return Err(Error::EmptyInput {
            rows,
            columns,
            stored: 0,
        });
    }
    let compressed = |archive: &mut Archive<'_>, shape| {
        let pointers = archive.integers("indptr.npy")?;
        let indices = archive.integers("indices.npy")?;
        let values = archive.values::<T>("data.npy")?;
        // SciPy keeps positions that are given twice, and counts them as their sum.
        csr_from_raw_parts(shape, &pointers, &indices, &values, Duplicates::Sum)
            .map_err(|error| refuse(error.to_string()))
    };
    let check_sides = |entries: usize| {
        // As in MatrixMarket: nothing is allocated for rows that can only be empty.
        let most = entries
            .saturating_mul(SIDE_PER_ENTRY)
            .saturating_add(FREE_SIDE);
        match rows.max(columns) > most {
            true => Err(refuse(format!(
                "{rows} x {columns} for {entries} entries: nearly all rows or columns would be empty, so this is taken for damage"
            ))),
            false => Ok(()),
        }
    };
    let matrix = match &format[..] {
        "csr" => {
            let matrix = compressed(archive, (rows, columns))?;
            check_sides(matrix.nnz())?;
            matrix
        }
        "csc" => {
            let transposed = compressed(archive, (columns, rows))?;
            check_sides(transposed.nnz())?;
            transposed.transpose_into().to_csr()
        }
        "coo" => {
            let is = archive.integers("row.npy")?;
            let js = archive.integers("col.npy")?;
            let values = archive.values::<T>("data.npy")?;
            if is.len() != values.len() || js.len() != values.len() {
                let text = format!(
                    "{} rows, {} columns and {} values: as many of each are needed",
                    is.len(),
                    js.len(),
                    values.len()
                );
                return Err(refuse(text));
            }
            // A negative index is out of range as a huge one.
            check_sides(values.len())?;
            let index = |index: &i64| usize::try_from(*index).unwrap_or(usize::MAX);
            let triplets = is
                .iter()
                .zip(&js)
                .zip(values)
                .map(|((i, j), v)| (index(i), index(j), v));
            csr_from_triplets((rows, columns), triplets, Duplicates::Sum)
                .map_err(|error| refuse(error.to_string()))?
        }
        other => {
            let shown = excerpt(other.as_bytes());
            return Err(refuse(format!(
                "sparse matrices of format {shown} are not read: save x.tocsr()"
            )));
        }
    };
    Ok(matrix)
}

fn damaged(path: &Path, error: zip::result::ZipError) -> Error {
    fault::parse(
        path,
        0,
        None,
        format!("the zip archive cannot be read ({error}): save it again"),
    )
}
