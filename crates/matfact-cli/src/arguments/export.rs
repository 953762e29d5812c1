//! Options of `matfact export` and `matfact import`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// In what form a model leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A NumPy file for each tensor
    Npy,
    /// A table of text for each tensor, the ids in the first column
    Tsv,
    /// A Parquet table for each tensor, the ids in the first column
    Parquet,
    /// LIBMF's model, for `mf-predict`
    Libmf,
    /// A model file again, its matrices in 16 bits: half as large, to three digits
    Half,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact export ratings.safetensors --format npy --output factors\n  matfact export ratings.safetensors --format tsv --output tables\n  matfact export ratings.safetensors --format parquet --output tables\n  matfact export ratings.safetensors --format libmf --output model.txt\n  matfact export ratings.safetensors --format half --output small.safetensors\n\nThe model file itself is open too: Python's safetensors reads it as it is."
)]
pub(crate) struct ExportOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// The form to write
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: ExportFormat,
    /// The folder to write the tensors to, each under its name, with the model's ids as row_ids.txt and
    /// column_ids.txt (made if it is not there); for libmf and half, the file
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact import model.txt --model ratings.safetensors\n  matfact predict ratings.safetensors --user 196 --item 242\n\nThe ids of the model are LIBMF's numbers of rows and columns."
)]
pub(crate) struct ImportOptions {
    /// The text model that LIBMF's `mf-train` has written
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// Write the model to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
