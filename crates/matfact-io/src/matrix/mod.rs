//! Matrices whose absent entries are zero.

mod market;
mod npy;
mod npz;

use crate::source::{self, Source};
use crate::{fault, source::has_extension};
use matfact_core::ndarray::Array2;
use matfact_core::sprs::CsMatI;
use matfact_core::{Matrix, Result, Scalar};
use std::path::Path;

pub use npy::{NpyRows, read_npy_rows, write_npy, write_npy_rows};

/// A matrix as its file stores it.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_io::MatrixData;
/// let data = MatrixData::Dense(array![[1.0, 2.0]]);
/// assert_eq!(data.as_matrix().shape(), (1, 2));
/// assert_eq!(data.stored(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum MatrixData<T> {
    /// Every entry is there; row-major or column-major, as in the file.
    Dense(Array2<T>),
    /// Compressed rows.
    Sparse(CsMatI<T, u32, usize>),
}

impl<T: Scalar> MatrixData<T> {
    /// The matrix for an algorithm chosen at run time.
    #[must_use]
    pub fn as_matrix(&self) -> &dyn Matrix<Scalar = T> {
        match self {
            MatrixData::Dense(array) => array,
            MatrixData::Sparse(matrix) => matrix,
        }
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.as_matrix().shape()
    }

    /// Stored entries, zeros included.
    #[must_use]
    pub fn stored(&self) -> usize {
        match self {
            MatrixData::Dense(array) => array.len(),
            MatrixData::Sparse(matrix) => matrix.nnz(),
        }
    }
}

/// Reads a matrix from a NumPy `.npy` or `.npz`, a SciPy `.npz` or a MatrixMarket `.mtx` file, plain or
/// compressed (`.gz`, `.zst`; not `.npz`); `-` stands for standard input. The first bytes decide the format.
///
/// | format | taken | not taken |
/// |---|---|---|
/// | npy 1.0, 2.0, 3.0 | two axes; `f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1`; both byte orders; C and Fortran order | other numbers of axes, `f2`, complex, text, structures, objects |
/// | npz, stored or deflated | one array as above; SciPy's `csr`, `csc` and `coo` | several arrays; `bsr`, `dia` |
/// | MatrixMarket | coordinate and array; real, integer and pattern; general, symmetric and skew-symmetric (expanded) | complex, Hermitian |
///
/// Positions given twice in a coordinate file are added up, as SciPy does. NaN and infinities are
/// refused in MatrixMarket; in npy they are kept, for the algorithms to refuse by position or for
/// [`Ratings::from_dense`](matfact_core::Ratings::from_dense) to read as "unknown". Values too
/// small for the element type become zero.
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io) where there is no readable file;
/// [`Error::Parse`](matfact_core::Error::Parse) with the line (0 in npy) for content that is not
/// what the format says; [`Error::Overflow`](matfact_core::Error::Overflow) for a value beyond
/// `f32` read as `f32`; [`Error::EmptyInput`](matfact_core::Error::EmptyInput) without rows or
/// columns; [`Error::PickleRefused`](matfact_core::Error::PickleRefused) for object arrays and
/// pickles.
///
/// ```
/// use matfact_core::ndarray::array;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.mtx");
/// std::fs::write(&path, "%%MatrixMarket matrix coordinate real general\n2 3 1\n2 3 1.5\n")?;
/// let x = matfact_io::read_matrix::<f64>(&path)?;
/// assert_eq!((x.shape(), x.stored()), ((2, 3), 1));
///
/// let path = folder.path().join("x.npy");
/// matfact_io::write_npy(&path, &array![[1.0_f32, 2.0]])?;
/// assert_eq!(matfact_io::read_matrix::<f32>(&path)?.shape(), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_matrix<T: Scalar>(path: impl AsRef<Path>) -> Result<MatrixData<T>> {
    let path = path.as_ref();
    let Source { reader, head, size } = source::open(path)?;
    let plain_name = if has_extension(path, source::COMPRESSED) {
        path.with_extension("")
    } else {
        path.to_owned()
    };
    if head.starts_with(npy::MAGIC) {
        return npy::read(reader, path, size).map(MatrixData::Dense);
    }
    if market::has_banner(&head) || has_extension(&plain_name, &["mtx", "mm"]) {
        return market::read(reader, path, size);
    }
    if head.starts_with(b"PK\x03\x04") {
        drop(reader);
        return npz::read(path);
    }
    let message = if has_extension(&plain_name, &["npz"]) {
        "this is not an npz file (its first bytes are not those of a zip archive): write it with numpy.savez or scipy.sparse.save_npz"
    } else if has_extension(&plain_name, &["npy"]) {
        "this is not an npy file (its first bytes are not \\x93NUMPY): write it with numpy.save"
    } else {
        "unknown format: a matrix is read from .npz, .npy (NumPy) and .mtx (MatrixMarket), plain or compressed (.gz, .zst)"
    };
    Err(fault::parse(path, 0, None, message))
}
