//! Data files in, model files out and in.
//!
//! | function | reads or writes |
//! |---|---|
//! | [`read_matrix`] | a matrix: NumPy `.npy` and `.npz`, SciPy `.npz` or MatrixMarket `.mtx` |
//! | [`read_npy_rows`] | a dense matrix from `.npy`, block by block |
//! | [`write_npy`], [`write_npy_rows`] | a dense matrix as `.npy`, whole or block by block |
//! | [`read_ratings`] | `user item rating` lines with ids of any kind, as training data |
//! | [`stream_ratings`] | the same, one rating after the other: for those that exceed memory |
//! | [`read_ratings_with_ids`] | the same lines against the ids of a model, as test data |
//! | [`read_pairs`] | `user item` lines, to be predicted |
//! | [`Names`] | `id name` lines: what to show in the place of ids |
//! | [`write_tsv`] | factors as a table of text, with ids |
//! | `write_parquet` | the same as Parquet, with the feature `parquet` |
//! | [`read_libmf`], [`write_libmf`] | the text model of LIBMF |
//! | [`save_model`], [`load_model`] | a model in one safetensors file with checksums |
//! | [`CheckpointFolder`] | the state of a fit that may be interrupted, in the same format |
//!
//! Data files may be compressed (gzip, zstd), and `-` stands for standard input. Ratings, pairs and names
//! are read from Parquet too, with the feature `parquet` (snappy, gzip, LZ4 or no compression).
//!
//! Three rules hold everywhere:
//! - what a file says about its own size is checked against the bytes that are there before memory
//!   is asked for;
//! - every refusal names the file, the line and field where it has them, and what to do;
//! - a file is written beside its final name and renamed when it is complete, so that a reader sees
//!   the old file or the new one, never a part.
#![forbid(unsafe_code)]

mod atomic;
mod checkpoint;
mod fault;
mod ids;
mod libmf;
mod matrix;
mod model;
mod names;
mod parquet;
mod pool;
mod ratings;
mod source;
mod table;
mod text;

#[cfg(feature = "parquet")]
pub use crate::parquet::write_parquet;
pub use atomic::write_text;
pub use checkpoint::{CheckpointFolder, CheckpointInterval, load_checkpoint, save_checkpoint};
pub use ids::Ids;
pub use libmf::{LibmfModel, read_libmf, write_libmf};
pub use matrix::{MatrixData, NpyRows, read_matrix, read_npy_rows, write_npy, write_npy_rows};
pub use model::{FORMAT_VERSION, ModelFile, load_model, save_model, save_model_in_half};
pub use names::{Names, NamesOptions};
pub use ratings::{
    OnError, Pair, Pairs, RatedPair, RatedPairs, RatingsData, RatingsOptions, Separator,
    SkippedLine, StreamedRatings, duplicate_rating, read_pairs, read_ratings,
    read_ratings_with_ids, stream_ratings,
};
pub use table::write_tsv;
