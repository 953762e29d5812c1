//! Options of `matfact fit sgd`, and how files of ratings are read.

use super::CommonOptions;
use crate::choices::{DuplicatesChoice, OnErrorChoice};
use crate::input::check_share;
use clap::Args;
use matfact::io::{OnError, RatingsOptions, Separator};
use matfact::{Result, Sgd};
use std::path::PathBuf;

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

impl SgdOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Sgd> {
        let mut sgd = Sgd::new(self.common.rank).seed(self.common.seed);
        if let Some(epochs) = self.epochs {
            sgd = sgd.epochs(epochs);
        }
        if let Some(rate) = self.learning_rate {
            sgd = sgd.learning_rate(rate);
        }
        if let Some(penalty) = self.regularization {
            sgd = sgd.regularization(penalty);
        }
        if let Some(penalty) = self.bias_regularization {
            sgd = sgd.bias_regularization(penalty);
        }
        sgd = sgd.biased(!self.unbiased);
        sgd.validate()?;
        if let Some(share) = self.holdout {
            check_share(share)?;
        }
        Ok(sgd)
    }
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
    pub(crate) fn resolve(&self) -> Result<RatingsOptions> {
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
