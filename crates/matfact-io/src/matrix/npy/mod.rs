//! NumPy's format for one array.

mod blocks;
mod header;
mod read;
mod write;

pub use blocks::{NpyRows, read_npy_rows};
pub(super) use read::{read, read_integers, read_text, read_vector};
pub use write::{write_npy, write_npy_rows};

/// The first bytes of every npy file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
