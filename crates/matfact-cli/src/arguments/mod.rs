//! The command line.

/// Hands an option on where it was given.
macro_rules! set {
    ($options:expr, $builder:ident: $($name:ident),*) => {$(
        if let Some(value) = $options.$name {
            $builder = $builder.$name(value.into());
        }
    )*};
}

mod als;
mod compare;
mod evaluate;
mod export;
mod ials;
mod masked;
mod minibatch;
mod models;
mod nmf;
mod pca;
mod ranking;
mod ratings;
mod recommend;
mod reporting;
mod sgd;
mod svd;
mod svdpp;
mod tune;

pub(crate) use als::AlsOptions;
pub(crate) use compare::CompareOptions;
pub(crate) use evaluate::EvaluateOptions;
pub(crate) use export::{ExportFormat, ExportOptions, ImportOptions};
pub(crate) use ials::IalsOptions;
pub(crate) use masked::MaskedNmfOptions;
pub(crate) use minibatch::MiniBatchNmfOptions;
pub(crate) use models::{
    InspectOptions, PredictOptions, ReconstructOptions, TopicsOptions, TransformOptions,
};
pub(crate) use nmf::NmfOptions;
pub(crate) use pca::PcaOptions;
pub(crate) use ranking::{
    BprOptions, LogisticOptions, PopularityOptions, PositivesOptions, RankingOptions, WarpOptions,
};
pub(crate) use ratings::{ReadingOptions, SplitOptions};
pub(crate) use recommend::{RecommendOptions, SimilarOptions};
pub(crate) use reporting::ReportingOptions;
pub(crate) use sgd::SgdOptions;
pub(crate) use svd::SvdOptions;
pub(crate) use svdpp::SvdppOptions;
pub(crate) use tune::{SearchChoice, TuneOptions};

use crate::choices::{Precision, WeightsChoice, bytes, duration, interval};
use clap::{Args, Parser, Subcommand};
use matfact::io::CheckpointInterval;
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
    after_help = "Examples:\n  matfact demo\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1 --model ratings.safetensors\n  matfact predict ratings.safetensors --user 196 --item 242\n  matfact recommend ratings.safetensors --user 196 --exclude ratings.tsv\n  matfact topics topics.safetensors --words vocabulary.txt\n  matfact compare ratings.tsv --algorithms als,sgd --ranks 10,20 --report report.html\n  matfact fit nmf --help   (what one algorithm takes)"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Tell on standard error what is being done; -vv each iteration too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Factor handwritten digits and generated ratings, and show what was learned
    Demo(DemoOptions),
    /// Fit a model to a data file
    #[command(
        subcommand,
        after_help = "Examples:\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit svd table.npy --rank 10 --json\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1\n\nnmf, minibatch-nmf, svd and pca read matrices (.npy, .npz, .mtx), where an absent entry is zero;\nmasked-nmf, als, sgd and svdpp read text, one `user item rating` a line, where it is unknown; bpr,\nwarp, logistic and popularity take every line as a choice, `user item` with or without a count."
    )]
    Fit(FitCommand),
    /// Tell what a fit would need, in memory and work, without fitting
    Plan(PlanOptions),
    /// Measure how well an algorithm predicts ratings that it has not seen
    Evaluate(EvaluateOptions),
    /// Compare algorithms and ranks on the same data
    Compare(Box<CompareOptions>),
    /// Search for good hyper-parameters
    Tune(TuneOptions),
    /// Predict ratings or entries with a model
    Predict(PredictOptions),
    /// List the best items for users
    Recommend(RecommendOptions),
    /// List the items most like an item, or the users most like a user
    Similar(SimilarOptions),
    /// Describe new rows by the components of a model
    Transform(TransformOptions),
    /// Show the components of a model, each with its strongest columns
    Topics(TopicsOptions),
    /// Write the matrix that a model stands for, or some rows of it
    Reconstruct(ReconstructOptions),
    /// Show what a model file holds
    Inspect(InspectOptions),
    /// Write a model for other programs: NumPy, tables of text, LIBMF
    Export(ExportOptions),
    /// Make a model file of LIBMF's text model
    Import(ImportOptions),
    /// Print what completes the command line in a shell
    #[command(
        after_help = "Examples:\n  matfact completions bash > ~/.local/share/bash-completion/completions/matfact\n  matfact completions zsh > ~/.zfunc/_matfact\n  matfact completions fish > ~/.config/fish/completions/matfact.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
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
        after_help = "Examples:\n  matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit nmf counts.mtx --rank 20 --tf-idf --restarts 5 --model topics.safetensors\n  matfact fit nmf counts.mtx --rank 20 --loss kullback-leibler --json\n  matfact fit nmf images.npy --rank 49 --init random --seed 7 --alpha-w 1e-3 --l1-ratio 1"
    )]
    // Boxed, since these have many more options than the others.
    Nmf(Box<NmfOptions>),
    /// Non-negative matrix factorization of ratings (user item rating [time])
    #[command(
        after_help = "Examples:\n  matfact fit masked-nmf ratings.tsv --rank 8 --holdout 0.1\n  matfact fit masked-nmf train.tsv --rank 8 --test test.tsv --model ratings.safetensors\n  matfact fit masked-nmf counts.tsv --rank 5 --loss kullback-leibler --regularization 0.1"
    )]
    MaskedNmf(Box<MaskedNmfOptions>),
    /// Non-negative matrix factorization from mini-batches of rows
    #[command(
        after_help = "Examples:\n  matfact fit minibatch-nmf counts.mtx --rank 20 --model topics.safetensors\n  matfact fit minibatch-nmf images.npy --rank 49 --batch-size 256 --json\n  matfact fit minibatch-nmf counts.mtx --rank 20 --solver multiplicative --loss kullback-leibler"
    )]
    MinibatchNmf(Box<MiniBatchNmfOptions>),
    /// Truncated singular value decomposition: X = U S V^T
    #[command(
        after_help = "Examples:\n  matfact fit svd counts.mtx --rank 100 --model space.safetensors\n  matfact fit svd counts.mtx --rank 100 --weights log-entropy --model space.safetensors\n  matfact fit svd table.npy --rank 10 --precision f64 --json"
    )]
    Svd(SvdOptions),
    /// Principal component analysis: the directions of the largest variance
    #[command(
        after_help = "Examples:\n  matfact fit pca table.npy --rank 10 --model components.safetensors\n  matfact fit pca table.npy --explained-variance 0.95 --whiten --model components.safetensors\n  matfact fit pca table.npy --mle --json\n  matfact fit pca counts.mtx --rank 50 --json\n\nThe column means are taken from the matrix without forming it: what is sparse stays sparse."
    )]
    Pca(PcaOptions),
    /// Ratings (user item rating [time]) by alternating least squares
    #[command(
        after_help = "Examples:\n  matfact fit als ratings.tsv --rank 32 --holdout 0.1\n  matfact fit als train.csv --rank 50 --test test.csv --model ratings.safetensors"
    )]
    Als(AlsOptions),
    /// Ratings (user item rating [time]) by stochastic gradient descent
    #[command(
        after_help = "Examples:\n  matfact fit sgd ratings.tsv --rank 32 --holdout 0.1\n  matfact fit sgd train.csv --rank 100 --test test.csv --model ratings.safetensors\n  matfact fit sgd large.tsv.gz --rank 64 --disk /var/tmp --model ratings.safetensors"
    )]
    Sgd(Box<SgdOptions>),
    /// Ratings, and which items a user rated, by stochastic gradient descent: SVD++
    #[command(
        after_help = "Examples:\n  matfact fit svdpp ratings.tsv --rank 20 --holdout 0.1\n  matfact fit svdpp ratings.tsv --rank 20 --validation 0.05 --model ratings.safetensors"
    )]
    Svdpp(SvdppOptions),
    /// What users have chosen (user item [count]), and what not, by weighted alternating least squares
    #[command(
        after_help = "Examples:\n  matfact fit ials plays.tsv --rank 64 --model plays.safetensors\n  matfact fit ials plays.tsv --rank 64 --confidence logarithmic --model plays.safetensors\n  matfact evaluate ials ratings.tsv --rank 64 --positive-from 4 --metrics ndcg@10,recall@20"
    )]
    Ials(IalsOptions),
    /// What users have chosen (user item [count]), ranked: Bayesian personalized ranking
    #[command(
        after_help = "Examples:\n  matfact fit bpr plays.tsv --rank 64 --model plays.safetensors\n  matfact fit bpr ratings.tsv --rank 64 --positive-from 4 --model likes.safetensors\n  matfact evaluate bpr plays.tsv --rank 64 --metrics ndcg@10,recall@20"
    )]
    Bpr(BprOptions),
    /// What users have chosen (user item [count]), ranked for the top of the list: WARP
    #[command(
        after_help = "Examples:\n  matfact fit warp plays.tsv --rank 64 --model plays.safetensors\n  matfact evaluate warp ratings.tsv --rank 64 --positive-from 4 --metrics ndcg@10"
    )]
    Warp(WarpOptions),
    /// What users have chosen (user item [count]), by its probability: logistic factorization
    #[command(
        after_help = "Examples:\n  matfact fit logistic plays.tsv --rank 64 --model plays.safetensors"
    )]
    Logistic(LogisticOptions),
    /// The items that most users have chosen: what any other algorithm has to beat
    #[command(
        after_help = "Examples:\n  matfact fit popularity plays.tsv --model popular.safetensors\n  matfact evaluate popularity plays.tsv --metrics ndcg@10,recall@20"
    )]
    Popularity(PopularityOptions),
}

/// What may be done to a matrix before the fit.
#[derive(Debug, Args)]
pub(crate) struct MatrixOptions {
    /// Weight counts first (TF-IDF: rare columns count more, every row alike); the model keeps the
    /// weights of the columns, so that `transform` weights new rows in the same way
    #[arg(long, conflicts_with = "weights")]
    pub(crate) tf_idf: bool,
    /// Weight counts first, in one of several ways; the model keeps the weights, as with --tf-idf, which is the same as
    /// --weights tf-idf
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) weights: Option<WeightsChoice>,
}

impl MatrixOptions {
    /// How counts are weighted, if they are.
    pub(crate) fn weighting(&self) -> Option<WeightsChoice> {
        match self.tf_idf {
            true => Some(WeightsChoice::TfIdf),
            false => self.weights,
        }
    }
}

/// Options of every fit.
#[derive(Debug, Args)]
pub(crate) struct CommonOptions {
    /// The data file: .npy, .npz or .mtx for nmf, svd and pca, text with `user item rating` lines (or a
    /// folder of such files) for the others; `.gz` and `.zst` are read in place, `-` is standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// Number of components
    #[arg(long, value_name = "K", required = true, allow_negative_numbers = true)]
    pub(crate) rank: Option<usize>,
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
    /// Write the matrices of the model (its factors) in 16 bits, which halves the file. Their values keep three digits:
    /// errors of ratings changed by less than 0.002 % on all sets that were tried; orthonormal factors (svd, pca) are so
    /// to three digits only
    #[arg(long, requires = "model")]
    pub(crate) half: bool,
    /// Stop after this time (60s, 5m, 1h) with the model so far
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) time_budget: Option<Duration>,
    /// Refuse a fit that would need more memory than this (8GiB, 500MB, bytes): `matfact plan` tells what
    /// it needs
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_budget: Option<u64>,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointOptions,
    #[command(flatten)]
    pub(crate) reporting: ReportingOptions,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact plan nmf images.npy --rank 100\n  matfact plan als ratings.tsv --rank 256 --json\n\nEach algorithm takes the options that it has for `matfact fit`. The memory is that of the\nwhole program at its highest, with all ratings for training: what --holdout and --validation keep\naside comes to it. Where the rank is to be found, a tenth of the shorter side stands for it."
)]
pub(crate) struct PlanOptions {
    #[command(subcommand)]
    pub(crate) algorithm: FitCommand,
}

/// How a fit can be interrupted and go on.
#[derive(Debug, Args)]
pub(crate) struct CheckpointOptions {
    /// Keep the state of the fit in this folder, so that --resume can go on after a kill or an interrupt;
    /// removed when the fit is at its end
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Write the state every so many iterations (10), or every so often (30s, 5m, 1h) [default: 60s]
    #[arg(long, value_name = "N|TIME", requires = "checkpoint", value_parser = interval)]
    pub(crate) checkpoint_every: Option<CheckpointInterval>,
    /// Go on from the state in --checkpoint, with the same data and options: the result is the same to the bit
    #[arg(long, requires = "checkpoint")]
    pub(crate) resume: bool,
}

impl CommonOptions {
    /// The rank; 0 where another option stands for it.
    pub(crate) fn rank(&self) -> usize {
        self.rank.unwrap_or(0)
    }
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
                &[
                    "restarts", "max_iter", "tol", "sweeps", "alpha_w", "l1_ratio",
                ][..],
            ),
            (
                "masked-nmf",
                matfact::Algorithm::MaskedNmf(matfact::MaskedNmf::new(1)),
                &["max_iter", "tol", "passes", "regularization", "l1_ratio"],
            ),
            (
                "minibatch-nmf",
                matfact::Algorithm::MiniBatchNmf(matfact::MiniBatchNmf::new(1)),
                &[
                    "batch_size",
                    "forget_factor",
                    "max_iter",
                    "tol",
                    "max_no_improvement",
                    "alpha_w",
                    "l1_ratio",
                ],
            ),
            (
                "svd",
                matfact::Algorithm::Svd(matfact::TruncatedSvd::new(1)),
                &["oversampling"],
            ),
            (
                "als",
                matfact::Algorithm::Als(matfact::Als::new(1)),
                &[
                    "max_iter",
                    "tol",
                    "regularization",
                    "count_power",
                    "bias_regularization",
                ],
            ),
            (
                "sgd",
                matfact::Algorithm::Sgd(matfact::Sgd::new(1)),
                &[
                    "epochs",
                    "learning_rate",
                    "decay",
                    "regularization",
                    "bias_regularization",
                ],
            ),
            (
                "svdpp",
                matfact::Algorithm::SvdPlusPlus(matfact::SvdPlusPlus::new(1)),
                &[
                    "epochs",
                    "learning_rate",
                    "implicit_learning_rate",
                    "regularization",
                    "implicit_regularization",
                    "bias_regularization",
                ],
            ),
            (
                "ials",
                matfact::Algorithm::ImplicitAls(matfact::ImplicitAls::new(1)),
                &[
                    "max_iter",
                    "tol",
                    "alpha",
                    "unobserved_weight",
                    "regularization",
                    "count_power",
                ],
            ),
            (
                "warp",
                matfact::Algorithm::Warp(matfact::Warp::new(1)),
                &["bias_regularization", "confidence", "trials"],
            ),
            (
                "logistic",
                matfact::Algorithm::Logistic(matfact::LogisticFactorization::new(1)),
                &["negatives"],
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
