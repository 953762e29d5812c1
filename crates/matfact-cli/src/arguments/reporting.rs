//! Options that say what is kept of a run beside its model, and where options come from.

use clap::Args;
use std::path::PathBuf;

/// What is kept of a run beside its model, and where options come from.
#[derive(Debug, Args)]
pub(crate) struct ReportingOptions {
    /// Write a report to this file (HTML): charts and tables, for a browser, without network
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Names of items or columns for the report: an item's id and its name a line for ratings, the names
    /// alone in the order of the columns for matrices
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    /// Take options from this file (TOML): their long names are the keys, `input` and `algorithm` may be
    /// there too; what stands on the command line wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Do nothing but print the configuration file that repeats this run
    #[arg(long)]
    pub(crate) print_config: bool,
}
