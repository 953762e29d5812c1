//! Writing an npy file of version 1.0.

use super::MAGIC;
use crate::atomic::write_atomically;
use matfact_core::ndarray::{Array2, ArrayViewMut2, Axis};
use matfact_core::{Result, Scalar};
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

/// The data start at a multiple of this, so that they can be mapped.
const ALIGNMENT: usize = 64;
/// Entries that are formed at a time, unless a row alone has more.
const BLOCK: usize = 1 << 20;

/// Writes a matrix of any memory layout as an npy file (version 1.0, C order, little endian),
/// which `numpy.load` and [`read_matrix`](crate::read_matrix) give back bit for bit. The file
/// appears when it is complete.
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io).
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_io::{MatrixData, read_matrix, write_npy};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("w.npy");
/// let w = array![[1.0, -0.0], [5e-324, 3.0]];
/// write_npy(&path, &w)?;
/// assert_eq!(read_matrix(&path)?, MatrixData::Dense(w));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_npy<T: Scalar>(path: impl AsRef<Path>, array: &Array2<T>) -> Result<()> {
    write_atomically(path.as_ref(), |out| {
        write_header::<T>(out, array.dim())?;
        write_values(out, array)
    })
}

/// Writes a matrix that is never whole in memory, of `shape`, as [`write_npy`] would: `fill` is
/// called for one block of rows after the other, from the first to the last, and fills the block (of
/// zeros) that it is given. If it fails, no file is left and its error is given back.
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io), and those of `fill`.
///
/// ```
/// use matfact_core::Factorization;
/// use matfact_core::ndarray::array;
/// use matfact_io::{MatrixData, read_matrix, write_npy_rows};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.npy");
/// let model = matfact_core::FactorModel::new(array![[1.0], [2.0]], array![[3.0], [5.0]])?;
/// write_npy_rows(&path, model.shape(), |rows, block| model.reconstruct_rows(rows, block))?;
/// assert_eq!(read_matrix(&path)?, MatrixData::Dense(array![[3.0, 5.0], [6.0, 10.0]]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_npy_rows<T: Scalar>(
    path: impl AsRef<Path>,
    shape: (usize, usize),
    mut fill: impl FnMut(Range<usize>, ArrayViewMut2<'_, T>) -> Result<()>,
) -> Result<()> {
    let (rows, columns) = shape;
    let height = (BLOCK / columns.max(1)).clamp(1, rows.max(1));
    let mut refusal = None;
    let written = write_atomically(path.as_ref(), |out| {
        write_header::<T>(out, shape)?;
        let mut buffer = Array2::default((height, columns));
        for start in (0..rows).step_by(height) {
            let range = start..rows.min(start + height);
            let (mut block, _) = buffer.view_mut().split_at(Axis(0), range.len());
            block.fill(T::zero());
            if let Err(error) = fill(range, block.view_mut()) {
                refusal = Some(error);
                return Err(io::Error::other("the rows could not be formed"));
            }
            write_values(out, &block)?;
        }
        Ok(())
    });
    match refusal {
        Some(error) => Err(error),
        None => written,
    }
}

fn write_header<T: Scalar>(out: &mut dyn Write, (rows, columns): (usize, usize)) -> io::Result<()> {
    let descr = if T::NAME == f32::NAME { "<f4" } else { "<f8" };
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let before = MAGIC.len() + 4;
    let length = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    text.push_str(&" ".repeat(length - 1 - text.len()));
    text.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    // Two numbers of at most 20 digits: far below the limit of 65,535 bytes.
    out.write_all(&(length as u16).to_le_bytes())?;
    out.write_all(text.as_bytes())
}

fn write_values<'a, T: Scalar>(
    out: &mut dyn Write,
    values: impl IntoIterator<Item = &'a T>,
) -> io::Result<()> {
    for value in values {
        match T::NAME == f32::NAME {
            true => out.write_all(&(value.as_f64() as f32).to_le_bytes())?,
            false => out.write_all(&value.as_f64().to_le_bytes())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::Error;

    #[test]
    fn rows_written_block_by_block_are_the_array_written_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, blocks) = (folder.path().join("whole"), folder.path().join("blocks"));
        for shape in [(5, 3), (3, BLOCK / 2), (2, BLOCK + 1), (1, 1)] {
            let array = Array2::from_shape_fn(shape, |(i, j)| (i * 7 + j % 13) as f32);
            write_npy(&whole, &array).unwrap();
            let mut next = 0;
            write_npy_rows(&blocks, shape, |rows, mut block| {
                assert_eq!((rows.start, block.dim()), (next, (rows.len(), shape.1)));
                assert!(block.iter().all(|v| *v == 0.0));
                next = rows.end;
                let (_, tail) = array.view().split_at(Axis(0), rows.start);
                block.assign(&tail.split_at(Axis(0), rows.len()).0);
                Ok(())
            })
            .unwrap();
            assert_eq!(next, shape.0);
            let bytes = |path| std::fs::read(path).unwrap();
            assert!(bytes(&whole) == bytes(&blocks), "{shape:?}");
        }
    }

    #[test]
    fn a_failure_on_the_way_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let outcome = write_npy_rows::<f64>(&path, (4, BLOCK), |rows, _| match rows.start {
            2 => Err(Error::invalid_parameter("row", 2, "another")),
            _ => Ok(()),
        });
        assert!(matches!(
            outcome,
            Err(Error::InvalidParameter { name: "row", .. })
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
