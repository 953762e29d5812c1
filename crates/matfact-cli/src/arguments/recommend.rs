//! Options of `matfact recommend` and `matfact similar`.

use super::ReadingOptions;
use crate::choices::SimilarityChoice;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    override_usage = "matfact recommend [OPTIONS] <MODEL> --user <ID>\n       matfact recommend [OPTIONS] <MODEL> --users <FILE>\n       matfact recommend [OPTIONS] <MODEL> --all"
)]
#[command(
    after_help = "Examples:\n  matfact recommend ratings.safetensors --user 196 --exclude ratings.tsv --names items.tsv\n  matfact recommend ratings.safetensors --users some.txt --count 20 --json\n  matfact recommend ratings.safetensors --all --exclude ratings.tsv > lists.tsv\n\nA line for each item, best first: user, item, score, and the name where there are names."
)]
pub(crate) struct RecommendOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// One user's (row's) id
    #[arg(
        long,
        visible_alias = "row",
        value_name = "ID",
        required_unless_present_any = ["users", "all"],
        conflicts_with_all = ["users", "all"],
        allow_hyphen_values = true
    )]
    pub(crate) user: Option<String>,
    /// The users whose ids stand in this file, one a line
    #[arg(
        long,
        visible_alias = "rows",
        value_name = "FILE",
        conflicts_with = "all"
    )]
    pub(crate) users: Option<PathBuf>,
    /// Every user of the model
    #[arg(long)]
    pub(crate) all: bool,
    /// Items for each user; fewer only where fewer exist
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub(crate) count: usize,
    /// Leave out what users have in this file, `user item` a line, as a rule their training ratings
    #[arg(long, value_name = "RATINGS")]
    pub(crate) exclude: Option<PathBuf>,
    /// Show names from this file: an item's id and its name a line, or the columns that a header calls
    /// `id` (`movieId`, `isbn`, ...) and `title` or `name`; further columns are unread
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: ReadingOptions,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "matfact similar [OPTIONS] <MODEL> --item <ID>\n       matfact similar [OPTIONS] <MODEL> --user <ID>"
)]
#[command(
    after_help = "Examples:\n  matfact similar ratings.safetensors --item 50 --names items.tsv\n  matfact similar ratings.safetensors --user 196 --count 5 --json"
)]
pub(crate) struct SimilarOptions {
    /// The model file
    pub(crate) model: PathBuf,
    /// An item's (column's) id; with --names its name will do
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "user",
        conflicts_with = "user",
        allow_hyphen_values = true
    )]
    pub(crate) item: Option<String>,
    /// A user's (row's) id
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) user: Option<String>,
    /// How many are listed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    pub(crate) count: usize,
    /// How alike two factor vectors are; the inner product prefers what is popular
    #[arg(long, value_name = "HOW", value_enum, default_value_t = SimilarityChoice::Cosine)]
    pub(crate) similarity: SimilarityChoice,
    /// Show names of items from this file: an item's id and its name a line, or the columns that a header
    /// calls `id` (`movieId`, `isbn`, ...) and `title` or `name`; further columns are unread
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}
