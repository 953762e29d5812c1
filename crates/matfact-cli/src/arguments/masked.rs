//! Options of `matfact fit masked-nmf`.

use super::{CommonOptions, SplitOptions};
use crate::choices::{ScalingChoice, loss};
use clap::Args;
use matfact::{Loss, MaskedNmf, Result};

#[derive(Debug, Args)]
pub(crate) struct MaskedNmfOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) split: SplitOptions,
    /// What is minimized: frobenius (squares) or kullback-leibler (for counts) [default: frobenius]
    #[arg(long, value_name = "LOSS", value_parser = loss, allow_negative_numbers = true)]
    pub(crate) loss: Option<Loss>,
    /// Most iterations [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Relative fall of the objective an iteration that counts as converged [default: 1e-4]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Passes over the coordinates of a row or column in one iteration [default: 2]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) passes: Option<usize>,
    /// Strength of both penalties relative to the mean of the ratings, where --alpha-w does not say
    /// [default: 0.03]
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    pub(crate) regularization: Option<f64>,
    /// Strength of the penalty on W [default: by --regularization]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_w: Option<f64>,
    /// Strength of the penalty on H [default: as --alpha-w]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_h: Option<f64>,
    /// Share of L1 in the penalties [default: 0]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) l1_ratio: Option<f64>,
    /// Whether the penalty of a user or item is scaled by the number of its ratings or stands as
    /// given [default: by-shape]
    #[arg(long, value_name = "RULE", value_enum)]
    pub(crate) penalty_scaling: Option<ScalingChoice>,
    /// Keep the entries of W at most this large
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    pub(crate) max_w: Option<f64>,
    /// Keep the entries of H at most this large
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    pub(crate) max_h: Option<f64>,
}

impl MaskedNmfOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<MaskedNmf> {
        let mut nmf = MaskedNmf::new(self.common.rank()).seed(self.common.seed);
        set!(self, nmf: loss, max_iter, tol, passes, regularization, alpha_w, alpha_h, l1_ratio);
        set!(self, nmf: penalty_scaling, max_w, max_h);
        nmf.validate()?;
        self.split.validate()?;
        Ok(nmf)
    }
}
