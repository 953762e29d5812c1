//! Options of the commands that use a model.

use super::ReadingOptions;
use crate::choices::{RowBlock, row_block};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    override_usage = "matfact predict [OPTIONS] <MODEL> <PAIRS>\n       matfact predict [OPTIONS] <MODEL> --user <ID> --item <ID>"
)]
#[command(
    after_help = "Examples:\n  matfact predict ratings.safetensors pairs.tsv > predictions.tsv\n  matfact predict ratings.safetensors --user 196 --item 242\n  matfact predict topics.safetensors --user 0 --item 17   (rows and columns from 0)"
)]
pub(crate) struct PredictOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// Pairs to predict, `user item` a line; with a third column, the error is measured too
    #[arg(required_unless_present_any = ["user", "item"])]
    pub(crate) pairs: Option<PathBuf>,
    /// One user's (row's) id
    #[arg(
        long,
        value_name = "ID",
        requires = "item",
        conflicts_with = "pairs",
        allow_hyphen_values = true
    )]
    pub(crate) user: Option<String>,
    /// One item's (column's) id
    #[arg(
        long,
        value_name = "ID",
        requires = "user",
        conflicts_with = "pairs",
        allow_hyphen_values = true
    )]
    pub(crate) item: Option<String>,
    /// Do not keep predictions of ratings inside the range of the training ratings
    #[arg(long)]
    pub(crate) no_clip: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingOptions,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact inspect topics.safetensors\n  matfact inspect ratings.safetensors --json"
)]
pub(crate) struct InspectOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact topics topics.safetensors --words vocabulary.txt\n  matfact topics topics.safetensors --words vocabulary.txt --count 20 --json\n\nFor models of nmf, svd and pca. In those of the last two a minus marks columns that pull the other way."
)]
pub(crate) struct TopicsOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// The names of the columns, one a line, in their order [default: their numbers, from 0]
    #[arg(long, value_name = "FILE")]
    pub(crate) words: Option<PathBuf>,
    /// Most columns shown for a component
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub(crate) count: usize,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact transform topics.safetensors new-counts.mtx --output w.npy\n  matfact transform space.safetensors table.npy --output coordinates.npy --json\n\nFor models of nmf, svd and pca. Rows go to a model in the form that it was fitted on; where that was with\n--tf-idf, they are counts and are weighted as those were."
)]
pub(crate) struct TransformOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// The new rows: .npy, .npz or .mtx with the columns of the training matrix; `.gz` and `.zst` are read
    /// in place, `-` is standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// Write the coordinates to this file (.npy): a row for each row, a column for each component
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact reconstruct parts.safetensors --output x.npy\n  matfact reconstruct parts.safetensors --rows 100..200 --output some.npy   (rows 100 to 199, from 0)"
)]
pub(crate) struct ReconstructOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// The rows to write, counted from 0, without the last one named: A..B, A.. or ..B [default: all]
    #[arg(
        long,
        value_name = "A..B",
        value_parser = row_block,
        allow_hyphen_values = true
    )]
    pub(crate) rows: Option<RowBlock>,
    /// Write the rows to this file (.npy)
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
