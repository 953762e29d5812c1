//! Options of `matfact fit sgd`.

use super::{CommonOptions, SplitOptions};
use crate::choices::{LearningRatesChoice, OnDivergenceChoice, PresetChoice, SgdLossChoice};
use clap::Args;
use matfact::{Result, Sgd};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SgdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    /// Keep the ratings in temporary files of this folder, on a disk, instead of in memory: the model is the same to
    /// the bit. Needs up to 36 bytes a rating there (48 in f64), and in memory the factors, the ids and, for a while,
    /// what is held out
    #[arg(long, value_name = "DIR")]
    pub(crate) disk: Option<PathBuf>,
    /// Begin with another library's objective and settings, which the other options then change
    #[arg(long, value_name = "LIBRARY", value_enum)]
    pub(crate) preset: Option<PresetChoice>,
    /// Passes over all ratings [default: 20]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) epochs: Option<usize>,
    /// Step of the first epoch [default: 0.05]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// How far the step falls until the end: 0 keeps it, 1 lets it fall to 0 [default: 1]
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    pub(crate) decay: Option<f64>,
    /// How steps are chosen [default: common]
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) learning_rates: Option<LearningRatesChoice>,
    /// What a wrong prediction costs [default: squared]
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) loss: Option<SgdLossChoice>,
    /// Penalty on the factors [default: 0.06]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Penalty on the biases [default: 4]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) bias_regularization: Option<f64>,
    /// Penalty on the absolute values of the users' factors [default: 0]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) row_l1: Option<f64>,
    /// Penalty on the absolute values of the items' factors [default: 0]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) column_l1: Option<f64>,
    /// Keep all factors from falling below 0
    #[arg(long)]
    pub(crate) non_negative: bool,
    /// What to do when the steps are too large [default: error]
    #[arg(long, value_name = "RULE", value_enum)]
    pub(crate) on_divergence: Option<OnDivergenceChoice>,
    /// Leave out mean and biases: the prediction is the product of the factors alone
    #[arg(long)]
    pub(crate) unbiased: bool,
}

impl SgdOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Sgd> {
        let rank = self.common.rank();
        let mut sgd = match self.preset {
            None => Sgd::new(rank),
            Some(PresetChoice::Surprise) => Sgd::surprise(rank),
            Some(PresetChoice::Libmf) => Sgd::libmf(rank),
        };
        sgd = sgd.seed(self.common.seed);
        set!(self, sgd: epochs, learning_rate, decay, learning_rates, loss, regularization);
        set!(self, sgd: bias_regularization, row_l1, column_l1, on_divergence);
        if self.non_negative {
            sgd = sgd.non_negative(true);
        }
        if self.unbiased {
            sgd = sgd.biased(false);
        }
        sgd.validate()?;
        self.split.validate()?;
        Ok(sgd)
    }
}
