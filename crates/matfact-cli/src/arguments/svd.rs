//! Options of `matfact fit svd`.

use super::{CommonOptions, MatrixOptions};
use clap::Args;
use matfact::TruncatedSvd;

#[derive(Debug, Args)]
pub(crate) struct SvdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Random columns beyond the rank [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) oversampling: Option<usize>,
    /// Applications of X X^T; more for flat spectra [default: 7]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) power_iterations: Option<usize>,
}

impl SvdOptions {
    /// The algorithm with these settings.
    pub(crate) fn algorithm(&self) -> TruncatedSvd {
        let mut svd = TruncatedSvd::new(self.common.rank()).seed(self.common.seed);
        if let Some(columns) = self.oversampling {
            svd = svd.oversampling(columns);
        }
        if let Some(iterations) = self.power_iterations {
            svd = svd.power_iterations(iterations);
        }
        svd
    }
}
