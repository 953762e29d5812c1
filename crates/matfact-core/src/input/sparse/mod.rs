//! Sparse matrices of `sprs`: compressed rows in place, their plain products, and the checked ways to make a
//! matrix from untrusted parts.

mod construction;
mod operator;
mod rows;

pub use construction::{Duplicates, RawIndex, csr_from_raw_parts, csr_from_triplets};
pub(super) use construction::{check_width, finish_rows};
pub use rows::{ColumnIndex, Indices, SparseRows};
