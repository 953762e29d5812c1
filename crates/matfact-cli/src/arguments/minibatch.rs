//! Options of `matfact fit minibatch-nmf`.

use super::{CommonOptions, MatrixOptions};
use crate::choices::{InitChoice, ScalingChoice, SolverChoice, loss};
use clap::Args;
use matfact::{Loss, MiniBatchNmf, Result};

#[derive(Debug, Args)]
pub(crate) struct MiniBatchNmfOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Rows of a batch [default: 1024]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) batch_size: Option<usize>,
    /// What an epoch leaves of the weight of earlier batches: 0 forgets at once, 1 never [default:
    /// 0.7]
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub(crate) forget_factor: Option<f64>,
    /// What is minimized: frobenius (squares), kullback-leibler (for counts), itakura-saito (for
    /// power spectra), or the beta of another beta-divergence [default: frobenius]
    #[arg(long, value_name = "LOSS", value_parser = loss, allow_negative_numbers = true)]
    pub(crate) loss: Option<Loss>,
    /// How it is minimized: auto, hals or multiplicative [default: auto: hals for frobenius, else
    /// multiplicative]
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    pub(crate) solver: Option<SolverChoice>,
    /// How W and H start [default: auto: nndsvda where the rank allows, else random]
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) init: Option<InitChoice>,
    /// Most epochs (passes over the rows) [default: 200]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Relative change of H in a batch at which to stop; 0: never [default: 1e-4]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Batches without a better smoothed objective after which to stop; 0: never [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_no_improvement: Option<usize>,
    /// Find W of a batch afresh in every epoch instead of improving it
    #[arg(long)]
    pub(crate) fresh_restarts: bool,
    /// Strength of the penalty on W, scaled by the number of columns [default: 0]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_w: Option<f64>,
    /// Strength of the penalty on H, scaled by the rows of a batch [default: as --alpha-w]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_h: Option<f64>,
    /// Share of L1 in the penalties [default: 0]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) l1_ratio: Option<f64>,
    /// Whether the penalties are scaled by the shape of a batch or stand as given [default:
    /// by-shape]
    #[arg(long, value_name = "RULE", value_enum)]
    pub(crate) penalty_scaling: Option<ScalingChoice>,
}

impl MiniBatchNmfOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<MiniBatchNmf> {
        let mut nmf = MiniBatchNmf::new(self.common.rank())
            .seed(self.common.seed)
            .fresh_restarts(self.fresh_restarts);
        set!(self, nmf: batch_size, forget_factor, loss, solver, init, max_iter, tol);
        set!(self, nmf: alpha_w, alpha_h, l1_ratio, penalty_scaling);
        if let Some(batches) = self.max_no_improvement {
            nmf = nmf.max_no_improvement(Some(batches).filter(|batches| *batches > 0));
        }
        nmf.validate()?;
        Ok(nmf)
    }
}
