//! An npy file, one block of rows after the other.

use super::MAGIC;
use super::read::{Contents, open};
use crate::fault;
use crate::source::{self, Source};
use matfact_core::ndarray::Array2;
use matfact_core::{Result, Scalar};
use std::io::Read;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// The rows of an npy file in blocks, as [`read_npy_rows`] opens them: an iterator that ends after the
/// last row or the first error.
pub struct NpyRows<T> {
    reader: Box<dyn Read + Send>,
    path: PathBuf,
    contents: Contents,
    rows_per_block: usize,
    rows_left: usize,
    scalar: PhantomData<T>,
}

/// Opens an npy file (plain or `.gz`) to be read by blocks of `rows_per_block` rows (at least one; the
/// last block may have fewer), so that the matrix may exceed memory: for
/// `OnlineNmf::fit_stream`, say, or to transform a matrix by parts.
///
/// # Errors
/// As [`read_matrix`](crate::read_matrix), and [`Error::Parse`](matfact_core::Error::Parse) for another
/// format than npy and for an array stored by columns. Those of the data come with their block.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_io::{read_npy_rows, write_npy};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &array![[1.0], [2.0], [3.0]])?;
/// let blocks = read_npy_rows::<f64>(&path, 2)?;
/// assert_eq!(blocks.shape(), (3, 1));
/// let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(blocks, [array![[1.0], [2.0]], array![[3.0]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_npy_rows<T: Scalar>(
    path: impl AsRef<Path>,
    rows_per_block: usize,
) -> Result<NpyRows<T>> {
    let path = path.as_ref();
    let Source {
        mut reader,
        head,
        size,
    } = source::open(path)?;
    if !head.starts_with(MAGIC) {
        let text = "this is not an npy file, the format that is read by blocks of rows: write it with numpy.save";
        return Err(fault::parse(path, 0, None, text));
    }
    let contents = open(&mut reader, path, size)?;
    if contents.header.fortran_order && contents.columns > 1 {
        let text = "the array is stored by columns, so that its rows do not come one after the other: save numpy.ascontiguousarray(x)";
        return Err(fault::parse(path, 0, None, text));
    }
    Ok(NpyRows {
        reader,
        path: path.to_owned(),
        rows_per_block: rows_per_block.max(1),
        rows_left: contents.rows,
        contents,
        scalar: PhantomData,
    })
}

impl<T> NpyRows<T> {
    /// Rows and columns of the whole matrix.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.contents.rows, self.contents.columns)
    }
}

impl<T: Scalar> NpyRows<T> {
    fn block(&mut self, rows: usize) -> Result<Array2<T>> {
        let columns = self.contents.columns;
        let mut values = Vec::new();
        let (reader, path) = (&mut self.reader, &self.path);
        self.contents
            .append(reader, path, rows * columns, &mut values)?;
        if self.rows_left == rows {
            self.contents.end(reader, path)?;
        }
        Ok(Array2::from_shape_vec((rows, columns), values)
            .expect("as many values as were asked for"))
    }
}

impl<T: Scalar> Iterator for NpyRows<T> {
    type Item = Result<Array2<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows_per_block.min(self.rows_left);
        if rows == 0 {
            return None;
        }
        let block = self.block(rows);
        self.rows_left = match block {
            Ok(_) => self.rows_left - rows,
            Err(_) => 0,
        };
        Some(block)
    }
}

impl<T> std::fmt::Debug for NpyRows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NpyRows")
            .field("path", &self.path)
            .field("shape", &self.shape())
            .field("rows_left", &self.rows_left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use crate::write_npy;
    use matfact_core::Error;
    use matfact_core::ndarray::{Axis, concatenate};

    #[test]
    fn blocks_make_the_whole_plain_and_compressed() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let x = Array2::from_shape_fn((7, 30_000), |(i, j)| (i * 31 + j) as f32);
        let path = folder.path().join("x.npy");
        write_npy(&path, &x).unwrap();
        let packed = folder.path().join("x.npy.gz");
        let file = std::fs::File::create(&packed).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&std::fs::read(&path).unwrap()).unwrap();
        encoder.finish().unwrap();
        for path in [path, packed] {
            for rows in [0, 1, 3, 7, 100] {
                let blocks: Vec<_> = read_npy_rows::<f32>(&path, rows)
                    .unwrap()
                    .collect::<Result<_>>()
                    .unwrap();
                assert_eq!(blocks.len(), 7_usize.div_ceil(rows.clamp(1, 7)));
                let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
                assert_eq!(concatenate(Axis(0), &views).unwrap(), x);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_by_rows_is_refused_and_damage_ends_the_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        write_npy(&path, &Array2::from_elem((4, 2), 1e300)).unwrap();
        let mut blocks = read_npy_rows::<f32>(&path, 3).unwrap();
        assert!(matches!(blocks.next(), Some(Err(Error::Overflow { .. }))));
        assert!(blocks.next().is_none());
        let bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(5).position(|w| w == b"False").unwrap();
        let mut by_columns = bytes.clone();
        by_columns[at..at + 5].copy_from_slice(b"True ");
        std::fs::write(&path, &by_columns).unwrap();
        let message = read_npy_rows::<f64>(&path, 2).unwrap_err().to_string();
        assert!(message.contains("ascontiguousarray"), "{message}");
        for damaged in [&bytes[..bytes.len() - 1], b"1,2\n"] {
            std::fs::write(&path, damaged).unwrap();
            let refused = read_npy_rows::<f64>(&path, 2);
            assert!(matches!(refused, Err(Error::Parse { .. })));
        }
    }
}
