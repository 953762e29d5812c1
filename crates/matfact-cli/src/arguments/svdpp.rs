//! Options of `matfact fit svdpp`.

use super::{CommonOptions, SplitOptions};
use clap::Args;
use matfact::{Result, SvdPlusPlus};

#[derive(Debug, Args)]
pub(crate) struct SvdppOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    /// Passes over all ratings [default: 20]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,
    /// Step of the first epoch [default: 0.025]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// Step of the first epoch for the implicit factors [default: 0.02]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) implicit_learning_rate: Option<f64>,
    /// Penalty on the factors [default: 0.05]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Penalty on the implicit factors [default: 0.1]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) implicit_regularization: Option<f64>,
    /// Penalty on the biases [default: 4]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) bias_regularization: Option<f64>,
}

impl SvdppOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<SvdPlusPlus> {
        let mut svdpp = SvdPlusPlus::new(self.common.rank()).seed(self.common.seed);
        set!(self, svdpp: epochs, learning_rate, implicit_learning_rate, regularization);
        set!(self, svdpp: implicit_regularization, bias_regularization);
        svdpp.validate()?;
        self.split.validate()?;
        Ok(svdpp)
    }
}
