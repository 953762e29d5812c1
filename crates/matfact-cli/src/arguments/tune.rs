//! Options of `matfact tune`.

use super::FitCommand;
use clap::{Args, ValueEnum};
use matfact::eval::Metric;
use std::path::PathBuf;

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchChoice {
    /// Every combination of the choices
    Grid,
    /// Points drawn by the seed
    Random,
    /// Many points with few iterations, the better ones with more
    Halving,
}

#[derive(Debug, Args)]
#[command(
    mut_subcommands(|algorithm| algorithm.mut_arg("rank", |rank| rank.required(false))),
    mut_subcommand("nmf", |matrix| matrix.hide(true)),
    mut_subcommand("minibatch-nmf", |matrix| matrix.hide(true)),
    mut_subcommand("svd", |matrix| matrix.hide(true)),
    mut_subcommand("pca", |matrix| matrix.hide(true)),
    mut_subcommand("popularity", |constant| constant.hide(true))
)]
#[command(
    after_help = "Examples:\n  matfact tune als ratings.tsv --output best.toml\n  matfact tune sgd ratings.tsv --rank 32 --search halving --samples 27 --report tuning.html\n  matfact tune ials plays.tsv --space space.toml --search grid --metric ndcg@10 --folds 3\n\nThen: matfact fit als --config best.toml --model ratings.safetensors\n\nThe space is a file of the algorithm's long options, each with its choices or its range:\n  rank = [16, 32, 64]\n  regularization = { low = 0.1, high = 10, scale = \"logarithmic\" }\nWithout a file, the two or three settings that matter most are searched around their defaults, and the\nrank from 8 to 64 where --rank does not say it. Each algorithm of ratings or choices takes the options that\nit has for `matfact fit`; they hold for every point. The score of the best of many points flatters itself:\nmeasure it on ratings that the search has not seen."
)]
pub(crate) struct TuneOptions {
    #[command(subcommand)]
    pub(crate) algorithm: FitCommand,
    /// The space to search (TOML) [default: one for the algorithm]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) space: Option<PathBuf>,
    /// How points are chosen
    #[arg(long, value_name = "HOW", value_enum, global = true, default_value_t = SearchChoice::Random)]
    pub(crate) search: SearchChoice,
    /// How many points are tried (random, halving)
    #[arg(
        long,
        value_name = "N",
        global = true,
        default_value_t = 20,
        allow_negative_numbers = true
    )]
    pub(crate) samples: usize,
    /// Fit and measure each point so many times, each rating being held out once
    #[arg(long, value_name = "N", global = true, allow_negative_numbers = true)]
    pub(crate) folds: Option<usize>,
    /// What decides [default: rmse for ratings, ndcg@10 for choices]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) metric: Option<Metric>,
    /// The least rating of a held-out item that should be in a list [default: any]
    #[arg(long, value_name = "R", global = true, allow_negative_numbers = true)]
    pub(crate) relevant_from: Option<f64>,
    /// Write the best setting to this file, as `matfact fit --config` takes it (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) output: Option<PathBuf>,
}
