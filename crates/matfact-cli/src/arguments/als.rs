//! Options of `matfact fit als`.

use super::{CommonOptions, SplitOptions};
use crate::choices::AlsSolverChoice;
use clap::Args;
use matfact::{Als, Result};

#[derive(Debug, Args)]
pub(crate) struct AlsOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    /// Most iterations, of a half-step for each side [default: 15]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Stop when an iteration lowers the objective by less than this part of it [default: 0.0001]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Penalty on the factors [default: 1.3]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Power of the number of ratings of a row or column that the penalty is multiplied by, from 0 to 1
    /// [default: 0.5]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) count_power: Option<f64>,
    /// Penalty on the biases [default: 4]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) bias_regularization: Option<f64>,
    /// How the factors of a row are found
    #[arg(long, value_name = "NAME", value_enum, default_value_t = AlsSolverChoice::Auto)]
    pub(crate) solver: AlsSolverChoice,
    /// Steps of conjugate gradients, or sweeps of coordinate descent, for each row [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) solver_steps: Option<usize>,
    /// Keep all factors from falling below 0
    #[arg(long)]
    pub(crate) non_negative: bool,
    /// Leave out mean and biases: the prediction is the product of the factors alone
    #[arg(long)]
    pub(crate) unbiased: bool,
}

impl AlsOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Als> {
        let mut als = Als::new(self.common.rank()).seed(self.common.seed);
        set!(self, als: max_iter, tol, regularization, count_power, bias_regularization);
        als = als.biased(!self.unbiased).non_negative(self.non_negative);
        als = als.solver(self.solver.with(self.solver_steps, None));
        als.validate()?;
        self.split.validate()?;
        Ok(als)
    }
}
