//! Options of `matfact fit svd`.

use super::{CommonOptions, MatrixOptions};
use crate::choices::SvdMethodChoice;
use clap::Args;
use matfact::{Result, Tolerance, TruncatedSvd};

#[derive(Debug, Args)]
#[command(mut_arg("rank", |rank| rank
    .required(false)
    .required_unless_present("relative_error")
    .conflicts_with("relative_error")))]
pub(crate) struct SvdOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Instead of --rank: the fewest triplets whose relative error is at most this, above 0 and below 1
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) relative_error: Option<f64>,
    /// How the triplets are found [default: auto: exact for small matrices, else gram-lanczos, or
    /// lanczos where its rounding is too much; randomized with --power-iterations]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<SvdMethodChoice>,
    /// Relative error of the singular values at which to stop; 0: as accurate as the precision allows
    /// [default: 1e-4]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Random columns beyond the rank (randomized, block-krylov) [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) oversampling: Option<usize>,
    /// Applications of X X^T, so many (randomized, block-krylov) [default: by --tol; 2 for block-krylov]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) power_iterations: Option<usize>,
}

impl SvdOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<TruncatedSvd> {
        let svd = match self.relative_error {
            Some(error) => TruncatedSvd::to_error(error),
            None => TruncatedSvd::new(self.common.rank()),
        };
        let mut svd = svd.seed(self.common.seed);
        if let Some(method) = self.method {
            svd = svd.method(method.into());
        }
        match self.tol {
            Some(0.0) => svd = svd.tolerance(Tolerance::Rounding),
            Some(tol) => svd = svd.tolerance(Tolerance::SingularValues(tol)),
            None => {}
        }
        if let Some(columns) = self.oversampling {
            svd = svd.oversampling(columns);
        }
        if let Some(iterations) = self.power_iterations {
            svd = svd.power_iterations(iterations);
        }
        svd.validate()?;
        Ok(svd)
    }
}
