//! Options of `matfact fit ials`.

use super::{CommonOptions, PositivesOptions};
use crate::choices::{AlsSolverChoice, ConfidenceChoice};
use clap::Args;
use matfact::{ImplicitAls, Result};

#[derive(Debug, Args)]
pub(crate) struct IalsOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) positives: PositivesOptions,
    /// Most iterations, of a half-step for each side [default: 15]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Stop when an iteration lowers the objective by less than this part of it [default: 0.0001]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// How the value x of a choice makes it count: A; A x; 1 + A x; 1 + A ln (1 + x)
    #[arg(long, value_name = "NAME", value_enum, default_value_t = ConfidenceChoice::Constant)]
    pub(crate) confidence: ConfidenceChoice,
    /// The A of the confidence [default: 1]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha: Option<f64>,
    /// How much what was not chosen counts [default: 0.05]
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub(crate) unobserved_weight: Option<f64>,
    /// Penalty on the factors [default: 0.25]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Power of the number of choices of a user or item that the penalty is multiplied by, from 0 to 1
    /// [default: 0.7]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) count_power: Option<f64>,
    /// How the factors of a row are found
    #[arg(long, value_name = "NAME", value_enum, default_value_t = AlsSolverChoice::Auto)]
    pub(crate) solver: AlsSolverChoice,
    /// Steps of conjugate gradients, or sweeps of coordinate descent, for each row [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) solver_steps: Option<usize>,
    /// Numbers of a block of block coordinate descent (iALS++), at most [default: 64]
    #[arg(long, value_name = "N")]
    pub(crate) solver_block: Option<usize>,
}

impl IalsOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<ImplicitAls> {
        let mut ials = ImplicitAls::new(self.common.rank()).seed(self.common.seed);
        set!(self, ials: max_iter, tol, alpha, unobserved_weight, regularization, count_power);
        ials = ials.confidence(self.confidence.into());
        ials = ials.solver(self.solver.with(self.solver_steps, self.solver_block));
        ials.validate()?;
        self.positives.validate()?;
        Ok(ials)
    }
}
