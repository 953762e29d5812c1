//! Options of `matfact evaluate`.

use super::FitCommand;
use clap::Args;
use matfact::eval::Metric;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  matfact evaluate als ratings.tsv --rank 32 --folds 5\n  matfact evaluate sgd ratings.tsv --rank 32 --holdout 0.1 --metrics rmse,ndcg@10 --json\n  matfact evaluate als train.tsv --rank 32 --test test.tsv --relevant-from 4\n\nEach algorithm of ratings (als, masked-nmf, sgd, svdpp) or choices (bpr, ials, logistic, popularity,\nwarp) takes the options that it has for `matfact fit`; those of matrices are compared by\n`matfact compare`. Without --folds,\n--test or --holdout a tenth of the ratings is held out. Metrics: rmse, mae, auc, and of lists of\n10, or of another length: precision@10, recall@10, recall-of-all@10, ndcg@10, map@10, mrr@10,\nhit-rate@10, coverage@10, novelty@10, gini@10, implicit-precision@10, implicit-auc@10."
)]
#[command(
    mut_subcommand("nmf", |matrix| matrix.hide(true)),
    mut_subcommand("minibatch-nmf", |matrix| matrix.hide(true)),
    mut_subcommand("svd", |matrix| matrix.hide(true)),
    mut_subcommand("pca", |matrix| matrix.hide(true))
)]
pub(crate) struct EvaluateOptions {
    #[command(subcommand)]
    pub(crate) algorithm: FitCommand,
    /// Fit and measure so many times, each rating being held out once
    #[arg(long, value_name = "N", global = true, allow_negative_numbers = true)]
    pub(crate) folds: Option<usize>,
    /// What is measured, with commas between
    #[arg(
        long,
        value_name = "LIST",
        global = true,
        value_delimiter = ',',
        default_value = "rmse,mae,ndcg@10,recall@20"
    )]
    pub(crate) metrics: Vec<Metric>,
    /// The least rating of a held-out item that should be in a list [default: any]
    #[arg(long, value_name = "R", global = true, allow_negative_numbers = true)]
    pub(crate) relevant_from: Option<f64>,
}
