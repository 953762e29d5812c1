//! Options of `matfact fit nmf`.

use super::{CommonOptions, MatrixOptions};
use crate::choices::{InitChoice, ScalingChoice, SolverChoice, Switch, loss};
use clap::Args;
use matfact::{Error, Loss, Nmf, Result, Solver};

#[derive(Debug, Args)]
pub(crate) struct NmfOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) matrix: MatrixOptions,
    /// What is minimized: frobenius (squares), kullback-leibler (for counts), itakura-saito (for
    /// power spectra), or the beta of another beta-divergence [default: frobenius]
    #[arg(long, value_name = "LOSS", value_parser = loss, allow_negative_numbers = true)]
    pub(crate) loss: Option<Loss>,
    /// How it is minimized [default: auto: hals for frobenius, scalar-newton for kullback-leibler,
    /// else multiplicative]
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) solver: Option<SolverChoice>,
    /// How W and H start [default: auto: nndsvda where the rank allows, else random]
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) init: Option<InitChoice>,
    /// Starts from consecutive seeds, of which the best is kept [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) restarts: Option<usize>,
    /// Most iterations [default: 500]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_iter: Option<usize>,
    /// Relative fall of the objective an iteration that counts as converged [default: 1e-5]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Stop at this relative error ||X - WH|| / ||X|| (loss frobenius)
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) target_error: Option<f64>,
    /// Stop at this objective, penalties included (any loss)
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    pub(crate) target_objective: Option<f64>,
    /// Passes over the components for each pair of products [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) sweeps: Option<usize>,
    /// Random order of the components (solver coordinate-descent)
    #[arg(long)]
    pub(crate) shuffle: bool,
    /// Run on a sketch of the matrix first (solver hals) [default: for dense matrices much larger
    /// than the rank]
    #[arg(long, value_name = "SWITCH", value_enum)]
    pub(crate) compression: Option<Switch>,
    /// Strength of the penalty on W, scaled by the number of columns [default: 0]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_w: Option<f64>,
    /// Strength of the penalty on H, scaled by the number of rows [default: as --alpha-w]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha_h: Option<f64>,
    /// Share of L1 in the penalties [default: 0]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(crate) l1_ratio: Option<f64>,
    /// Whether the penalties are scaled by the shape of the matrix or stand as given [default:
    /// by-shape]
    #[arg(long, value_name = "RULE", value_enum)]
    pub(crate) penalty_scaling: Option<ScalingChoice>,
    /// Keep the entries of W at most this large
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    pub(crate) max_w: Option<f64>,
    /// Keep the entries of H at most this large
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    pub(crate) max_h: Option<f64>,
}

impl NmfOptions {
    /// The algorithm with these settings, all in range.
    pub(crate) fn algorithm(&self) -> Result<Nmf> {
        let mut nmf = Nmf::new(self.common.rank())
            .seed(self.common.seed)
            .shuffle(self.shuffle);
        set!(self, nmf: loss, solver, init, restarts, max_iter, tol, target_error, target_objective);
        set!(self, nmf: sweeps, compression, alpha_w, alpha_h, l1_ratio, penalty_scaling);
        set!(self, nmf: max_w, max_h);
        nmf.validate()?;
        self.refuse_idle()?;
        Ok(nmf)
    }

    /// Refuses options that the solver would ignore.
    fn refuse_idle(&self) -> Result<()> {
        let solver = self.solver.map(Solver::from).unwrap_or_default();
        if self.shuffle && solver != Solver::CoordinateDescent {
            let requirement = "coordinate-descent where --shuffle is given";
            return Err(Error::invalid_parameter("solver", solver, requirement));
        }
        let frobenius = self.loss.unwrap_or_default().beta() == 2.0;
        let hals = solver == Solver::Hals || (solver == Solver::Auto && frobenius);
        if self.compression == Some(Switch::On) && !hals {
            let requirement = "off or left out: it belongs to --solver hals";
            return Err(Error::invalid_parameter("compression", "on", requirement));
        }
        Ok(())
    }
}
