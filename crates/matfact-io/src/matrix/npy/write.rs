//! Writing an npy file of version 1.0.

use super::MAGIC;
use crate::atomic::write_atomically;
use matfact_core::ndarray::Array2;
use matfact_core::{Result, Scalar};
use std::path::Path;

/// The data start at a multiple of this, so that they can be mapped.
const ALIGNMENT: usize = 64;

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
    let (rows, columns) = array.dim();
    let single = T::NAME == f32::NAME;
    let descr = if single { "<f4" } else { "<f8" };
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let before = MAGIC.len() + 4;
    let length = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    text.push_str(&" ".repeat(length - 1 - text.len()));
    text.push('\n');
    write_atomically(path.as_ref(), |out| {
        out.write_all(MAGIC)?;
        out.write_all(&[1, 0])?;
        // Two numbers of at most 20 digits: far below the limit of 65,535 bytes.
        out.write_all(&(length as u16).to_le_bytes())?;
        out.write_all(text.as_bytes())?;
        for value in array {
            match single {
                true => out.write_all(&(value.as_f64() as f32).to_le_bytes())?,
                false => out.write_all(&value.as_f64().to_le_bytes())?,
            }
        }
        Ok(())
    })
}
