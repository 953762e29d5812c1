//! Options of `matfact fit bpr`, `warp`, `logistic` and `popularity`, which rank positives.

use super::{CommonOptions, SplitOptions};
use crate::choices::NegativeSamplingChoice;
use clap::Args;
use matfact::{Bpr, Error, LogisticFactorization, Popularity, RankingMetric, Result, Warp};

/// What is read, and which of it is a positive.
#[derive(Debug, Args)]
pub(crate) struct PositivesOptions {
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    /// Take only what is rated at least this for positives [default: everything]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) positive_from: Option<f64>,
    /// What the lists are judged by where --validation is given: ndcg@10, recall@10, precision@10 or map@10, or of
    /// another length [default: ndcg@10]
    #[arg(long, value_name = "METRIC", requires = "validation")]
    pub(crate) validation_metric: Option<RankingMetric>,
}

impl PositivesOptions {
    pub(crate) fn validate(&self) -> Result<()> {
        self.split.validate()?;
        match self.positive_from {
            Some(least) if !least.is_finite() => Err(Error::invalid_parameter(
                "positive_from",
                least,
                "a finite number",
            )),
            _ => Ok(()),
        }
    }
}

/// What bpr, warp and logistic have in common.
#[derive(Debug, Args)]
pub(crate) struct RankingOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) positives: PositivesOptions,
    /// Passes over all positives [default: 100 for bpr, 50 else]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,
    /// Step of the first epoch [default: 0.15 for bpr, 0.1 else]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// Penalty on the factors [default: 0.007 for bpr, 0.1 for warp, 0.013 for logistic]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Penalty on the biases of items [default: 0.01]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) bias_regularization: Option<f64>,
    /// How much more the value x of a positive makes it count: 1 + A ln (1 + x) [default: 0]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) confidence: Option<f64>,
    /// How negatives are drawn
    #[arg(long, value_name = "NAME", value_enum, default_value_t = NegativeSamplingChoice::Uniform)]
    pub(crate) negative_sampling: NegativeSamplingChoice,
}

#[derive(Debug, Args)]
pub(crate) struct BprOptions {
    #[command(flatten)]
    pub(crate) ranking: RankingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct WarpOptions {
    #[command(flatten)]
    pub(crate) ranking: RankingOptions,
    /// Negatives that are tried for a positive until one violates the order [default: 20]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) trials: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct LogisticOptions {
    #[command(flatten)]
    pub(crate) ranking: RankingOptions,
    /// Negatives that are drawn for each positive [default: 5]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) negatives: Option<usize>,
}

#[derive(Debug, Args)]
#[command(mut_arg("rank", |rank| rank.required(false).hide(true)))]
pub(crate) struct PopularityOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) positives: PositivesOptions,
}

/// Hands the options of all three on.
macro_rules! ranking {
    ($options:expr, $builder:ident) => {
        let options = $options;
        options.positives.validate()?;
        $builder = $builder.seed(options.common.seed);
        $builder = $builder.negative_sampling(options.negative_sampling.into());
        set!(options, $builder: epochs, learning_rate, regularization, bias_regularization, confidence);
    };
}

impl BprOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Bpr> {
        let mut bpr = Bpr::new(self.ranking.common.rank());
        ranking!(&self.ranking, bpr);
        bpr.validate()?;
        Ok(bpr)
    }
}

impl WarpOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Warp> {
        let mut warp = Warp::new(self.ranking.common.rank());
        ranking!(&self.ranking, warp);
        set!(self, warp: trials);
        warp.validate()?;
        Ok(warp)
    }
}

impl LogisticOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<LogisticFactorization> {
        let mut logistic = LogisticFactorization::new(self.ranking.common.rank());
        ranking!(&self.ranking, logistic);
        set!(self, logistic: negatives);
        logistic.validate()?;
        Ok(logistic)
    }
}

impl PopularityOptions {
    /// The algorithm, which has no settings.
    pub(crate) fn algorithm(&self) -> Result<Popularity> {
        self.positives.validate()?;
        if self.positives.split.validation.is_some() {
            let requirement = "left out: there is nothing to stop, popularity counts once";
            return Err(Error::invalid_parameter("validation", "given", requirement));
        }
        Ok(Popularity::new())
    }
}
