//! Options of `matfact fit pca`.

use super::{CommonOptions, MatrixOptions};
use clap::Args;
use matfact::{Pca, PcaRank, Result};

#[derive(Debug, Args)]
#[command(mut_arg("rank", |rank| rank
    .required(false)
    .required_unless_present_any(["explained_variance", "mle"])
    .conflicts_with_all(["explained_variance", "mle"])))]
pub(crate) struct PcaOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// Instead of --rank: as many components as explain this share of the variance, above 0 and at
    /// most 1
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) explained_variance: Option<f64>,
    /// Instead of --rank: as many components as are most likely (Minka 2000); for at least as many rows as columns, all
    /// of whose variances are found
    #[arg(long, conflicts_with = "explained_variance")]
    pub(crate) mle: bool,
    /// Let `transform` divide each coordinate by its deviation, so that all have variance 1
    #[arg(long)]
    pub(crate) whiten: bool,
}

impl PcaOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Pca> {
        let pca = match self.explained_variance {
            Some(share) => Pca::explaining(share),
            None if self.mle => Pca::with_rank(PcaRank::Mle),
            None => Pca::new(self.common.rank()),
        };
        let pca = pca.whiten(self.whiten).seed(self.common.seed);
        pca.validate()?;
        Ok(pca)
    }
}
