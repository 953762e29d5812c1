//! Options of `matfact compare`.

use super::{CommonOptions, MatrixOptions, PositivesOptions};
use clap::Args;
use matfact::eval::Metric;

#[derive(Debug, Args)]
#[command(
    mut_arg("rank", |rank| rank.required(false).hide(true)),
    mut_arg("model", |model| model.hide(true)),
    mut_arg("validation", |validation| validation.hide(true)),
    mut_arg("checkpoint", |checkpoint| checkpoint.hide(true)),
    mut_arg("checkpoint_every", |every| every.hide(true)),
    mut_arg("resume", |resume| resume.hide(true))
)]
#[command(
    after_help = "Examples:\n  matfact compare ratings.tsv --algorithms als,sgd,svdpp --ranks 10,20,50\n  matfact compare ratings.tsv --algorithms als,ials,svd,popularity --positive-from 4 --metrics ndcg@10,rmse\n  matfact compare counts.mtx --algorithms nmf,svd,pca --ranks 5,10,20 --report report.html\n  matfact compare ratings.tsv --algorithms als,sgd --ranks 32 --folds 5 --set als.regularization=2 --json\n\nOf ratings, all are fitted to the same part and measured on the same rest: a tenth, without --folds,\n--holdout or --test. The first metric decides which is best. nmf, minibatch-nmf, svd and pca take what is\nabsent for zero, so that of ratings only their lists are measured. Of matrices (.npy, .npz, .mtx) the\nrelative error is told: how much of the matrix itself a model leaves out.\nA configuration file has the same options, and those of an algorithm in a table: [als]."
)]
pub(crate) struct CompareOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) positives: PositivesOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// The algorithms, with commas between
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    pub(crate) algorithms: Vec<String>,
    /// The ranks, with commas between
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "10,20,50"
    )]
    pub(crate) ranks: Vec<usize>,
    /// Fit and measure so many times, each rating being held out once
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) folds: Option<usize>,
    /// What is measured of ratings, with commas between [default: rmse,mae,ndcg@10,recall@20 as far as the
    /// algorithms have them]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) metrics: Vec<Metric>,
    /// The least rating of a held-out item that should be in a list [default: any]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) relevant_from: Option<f64>,
    /// An option of one algorithm, as ALGORITHM.OPTION=VALUE; may be given again
    #[arg(long, value_name = "SETTING")]
    pub(crate) set: Vec<String>,
}
