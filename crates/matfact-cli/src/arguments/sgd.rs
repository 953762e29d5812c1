//! Options of `matfact fit sgd`.

use super::{CommonOptions, SplitOptions};
use clap::Args;
use matfact::{Result, Sgd};

#[derive(Debug, Args)]
pub(crate) struct SgdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
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
}

impl SgdOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Sgd> {
        let mut sgd = Sgd::new(self.common.rank()).seed(self.common.seed);
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
        self.split.validate()?;
        Ok(sgd)
    }
}
