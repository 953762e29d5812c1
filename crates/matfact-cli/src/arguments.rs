//! The command line.

use crate::choices::{DuplicatesChoice, InitChoice, OnErrorChoice, Precision, duration};
use clap::{Args, Parser, Subcommand};
use matfact::io::{OnError, RatingsOptions, Separator};
use std::path::PathBuf;
use std::time::Duration;

/// Matrix factorization from the command line: NMF, truncated SVD, and ratings.
#[derive(Debug, Parser)]
#[command(
    name = "matfact",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(
    after_help = "Examples:\n  matfact demo\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1 --model ratings.safetensors\n  matfact predict ratings.safetensors --user 196 --item 242\n  matfact fit nmf --help   (what one algorithm takes)"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Factor handwritten digits and generated ratings, and show what was learned
    Demo(DemoOptions),
    /// Fit a model to a data file
    #[command(
        subcommand,
        after_help = "Examples:\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit svd table.npy --rank 10 --json\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1\n\nnmf and svd read matrices (.npy, .mtx); sgd reads text, one `user item rating` a line."
    )]
    Fit(FitCommand),
    /// Predict ratings or entries with a model
    Predict(PredictOptions),
    /// Show what a model file holds
    Inspect(InspectOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  matfact demo\n  matfact demo --output models --json")]
pub(crate) struct DemoOptions {
    /// Keep the models in this folder instead of removing them
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Threads to use [default: all cores]; the result does not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FitCommand {
    /// Non-negative matrix factorization: X = W H with W, H >= 0
    #[command(
        after_help = "Examples:\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit nmf images.npy --rank 49 --init random --seed 7 --json"
    )]
    Nmf(NmfOptions),
    /// Truncated singular value decomposition: X = U S V^T
    #[command(
        after_help = "Examples:\n  matfact fit svd counts.mtx --rank 100 --model space.safetensors\n  matfact fit svd table.npy --rank 10 --precision f64 --json"
    )]
    Svd(SvdOptions),
    /// Ratings (user item rating [time]) by stochastic gradient descent
    #[command(
        after_help = "Examples:\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1\n  matfact fit sgd train.csv --rank 100 --test test.csv --model ratings.safetensors"
    )]
    Sgd(SgdOptions),
}

/// Options of every fit.
#[derive(Debug, Args)]
pub(crate) struct CommonOptions {
    /// The data file: .npy or .mtx for nmf and svd, text with `user item rating` lines for sgd; `.gz`
    /// is read in place
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// Number of components
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub(crate) rank: usize,
    /// Seed of the random numbers
    #[arg(
        long,
        value_name = "S",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Threads to use [default: all cores]; the result does not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
    /// Precision of data and model
    #[arg(long, value_name = "TYPE", value_enum, default_value_t = Precision::F32)]
    pub(crate) precision: Precision,
    /// Write the model to this file (safetensors)
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Stop after this time (60s, 5m, 1h) with the model so far
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) time_budget: Option<Duration>,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NmfOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    /// How W and H start [default: nndsvda where the rank allows, else random]
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) init: Option<InitChoice>,
    /// Most iterations [default: 500]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Relative fall of the objective an iteration that counts as converged [default: 1e-4]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Stop at this relative error ||X - WH|| / ||X||
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) target_error: Option<f64>,
    /// Passes over the components for each pair of products [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) sweeps: Option<usize>,
    /// Strength of the penalty on W, scaled by the number of columns [default: 0]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_w: Option<f64>,
    /// Strength of the penalty on H, scaled by the number of rows [default: as --alpha-w]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_h: Option<f64>,
    /// Share of L1 in the penalties [default: 0]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) l1_ratio: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct SvdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    /// Random columns beyond the rank [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) oversampling: Option<usize>,
    /// Applications of X X^T; more for flat spectra [default: 7]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) power_iterations: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct SgdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) reading: ReadingOptions,
    /// What to do with a second rating of an item by a user
    #[arg(long, value_name = "RULE", value_enum, default_value_t = DuplicatesChoice::Error)]
    pub(crate) duplicates: DuplicatesChoice,
    /// Passes over all ratings [default: 20]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,
    /// Step of the first epoch [default: 0.05]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// Penalty on the factors [default: 0.06]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Penalty on the biases [default: 4]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) bias_regularization: Option<f64>,
    /// Leave out mean and biases: the prediction is the product of the factors alone
    #[arg(long)]
    pub(crate) unbiased: bool,
    /// Measure the error on the ratings of this file
    #[arg(long, value_name = "FILE", conflicts_with = "holdout")]
    pub(crate) test: Option<PathBuf>,
    /// Hold out this share of the ratings, chosen by the seed, and measure the error on it
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) holdout: Option<f64>,
}

/// How files of ratings are read.
#[derive(Debug, Args)]
pub(crate) struct ReadingOptions {
    /// What stands between two fields: tab, comma, semicolon, colons (::), spaces [default: found]
    #[arg(long, value_name = "SEP")]
    pub(crate) separator: Option<String>,
    /// Whether the first line names the columns [default: found]
    #[arg(long, value_name = "BOOL")]
    pub(crate) header: Option<bool>,
    /// What to do with a line that cannot be read
    #[arg(long, value_name = "RULE", value_enum, default_value_t = OnErrorChoice::Stop)]
    pub(crate) on_error: OnErrorChoice,
}

impl ReadingOptions {
    pub(crate) fn resolve(&self) -> matfact::Result<RatingsOptions> {
        let mut options = RatingsOptions::default().on_error(match self.on_error {
            OnErrorChoice::Stop => OnError::Stop,
            OnErrorChoice::Skip => OnError::Skip,
        });
        if let Some(separator) = &self.separator {
            options = options.separator(separator.parse::<Separator>()?);
        }
        if let Some(header) = self.header {
            options = options.header(header);
        }
        Ok(options)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// Every option whose default is the library's says which it is.
    #[test]
    fn the_defaults_in_the_help_are_those_of_the_library() {
        let help = |name: &str| {
            let mut command = Arguments::command();
            let fit = command.find_subcommand_mut("fit").unwrap();
            let algorithm = fit.find_subcommand_mut(name).unwrap();
            algorithm
                .get_arguments()
                .map(|a| {
                    (
                        a.get_id().to_string(),
                        a.get_help().map(ToString::to_string),
                    )
                })
                .collect::<std::collections::BTreeMap<String, Option<String>>>()
        };
        let fields = |algorithm: matfact::Algorithm| serde_json::to_value(algorithm).unwrap();
        for (name, algorithm, options) in [
            (
                "nmf",
                matfact::Algorithm::Nmf(matfact::Nmf::new(1)),
                &["max_iter", "tol", "sweeps", "alpha_w", "l1_ratio"][..],
            ),
            (
                "svd",
                matfact::Algorithm::Svd(matfact::TruncatedSvd::new(1)),
                &["oversampling", "power_iterations"],
            ),
            (
                "sgd",
                matfact::Algorithm::Sgd(matfact::Sgd::new(1)),
                &[
                    "epochs",
                    "learning_rate",
                    "regularization",
                    "bias_regularization",
                ],
            ),
        ] {
            let (help, fields) = (help(name), fields(algorithm));
            for option in options {
                let text = help[*option].clone().unwrap();
                let said = text
                    .rsplit_once("[default: ")
                    .and_then(|(_, rest)| rest.strip_suffix(']'));
                let said: f64 = said
                    .unwrap_or_else(|| panic!("{name} {option}: {text}"))
                    .parse()
                    .unwrap();
                assert_eq!(
                    Some(said),
                    fields[*option].as_f64(),
                    "the help of fit {name} --{option}"
                );
            }
        }
    }
}
