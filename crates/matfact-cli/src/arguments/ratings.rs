//! How files of ratings are read, and which ratings are kept to measure the error on.

use crate::choices::{DuplicatesChoice, OnErrorChoice};
use crate::input::check_share;
use clap::Args;
use matfact::io::{OnError, RatingsOptions, Separator};
use matfact::{Error, Result};
use std::path::PathBuf;

/// The ratings of a fit, and those to test it on.
#[derive(Debug, Args)]
pub(crate) struct SplitOptions {
    #[command(flatten)]
    pub(crate) reading: ReadingOptions,
    /// What to do with a second rating of an item by a user
    #[arg(long, value_name = "RULE", value_enum, default_value_t = DuplicatesChoice::Error)]
    pub(crate) duplicates: DuplicatesChoice,
    /// Measure the error on the ratings of this file
    #[arg(long, value_name = "FILE", conflicts_with = "holdout")]
    pub(crate) test: Option<PathBuf>,
    /// Hold out this share of the ratings, chosen by the seed, and measure the error on it
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) holdout: Option<f64>,
    /// Stop once the model no longer gets better on these ratings, by their error or by lists, and keep the best, for
    /// algorithms that can: a file, or a share of the training ratings, which the fit then does not learn from
    #[arg(long, value_name = "FILE|SHARE", allow_hyphen_values = true)]
    pub(crate) validation: Option<String>,
}

impl SplitOptions {
    /// Refuses a share that is none.
    pub(crate) fn validate(&self) -> Result<()> {
        self.holdout.map_or(Ok(()), check_share)?;
        match self.validation_share() {
            Some(share) if !(share > 0.0 && share < 1.0) => Err(Error::invalid_parameter(
                "validation",
                share,
                "above 0 and below 1, or a file",
            )),
            _ => Ok(()),
        }
    }

    /// The share that the validation is, if it is one.
    pub(crate) fn validation_share(&self) -> Option<f64> {
        self.validation.as_ref()?.parse().ok()
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
