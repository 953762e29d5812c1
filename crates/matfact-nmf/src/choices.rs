//! What can be chosen: loss, solver, start, what is held.

use matfact_core::{Error, Result};
use std::fmt;

/// What the factorization minimizes: a β-divergence D(X‖WH), summed over the entries, with the
/// definitions of scikit-learn.
///
/// | loss | β | d(x‖y) |
/// |---|---|---|
/// | `Frobenius` | 2 | ½(x − y)² |
/// | `KullbackLeibler` | 1 | x ln(x/y) − x + y |
/// | `ItakuraSaito` | 0 | x/y − ln(x/y) − 1 |
/// | `Beta(β)` | any | \[x^β + (β − 1)y^β − βxy^(β−1)\] / (β(β − 1)) |
///
/// Squares suit measurements with noise of one size, Kullback-Leibler counts (Poisson noise),
/// Itakura-Saito power spectra (noise in proportion). β <= 0 needs every entry of X above zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Loss {
    /// Half the squared error.
    #[default]
    Frobenius,
    /// The generalized Kullback-Leibler divergence.
    KullbackLeibler,
    /// The Itakura-Saito divergence.
    ItakuraSaito,
    /// Any other β, finite.
    Beta(f64),
}

impl Loss {
    /// The β of this loss.
    #[must_use]
    pub fn beta(self) -> f64 {
        match self {
            Loss::Frobenius => 2.0,
            Loss::KullbackLeibler => 1.0,
            Loss::ItakuraSaito => 0.0,
            Loss::Beta(beta) => beta,
        }
    }

    /// The loss with this β, by its name where it has one.
    #[must_use]
    pub fn from_beta(beta: f64) -> Self {
        match beta {
            2.0 => Loss::Frobenius,
            1.0 => Loss::KullbackLeibler,
            0.0 => Loss::ItakuraSaito,
            beta => Loss::Beta(beta),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Frobenius => f.write_str("frobenius"),
            Loss::KullbackLeibler => f.write_str("kullback-leibler"),
            Loss::ItakuraSaito => f.write_str("itakura-saito"),
            Loss::Beta(beta) => write!(f, "beta {beta}"),
        }
    }
}

/// How W and H are improved. Each solver's module page has its update and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Solver {
    /// `Hals` for Frobenius, `ScalarNewton` for Kullback-Leibler, else `Multiplicative`; the report
    /// says which.
    #[default]
    Auto,
    /// Accelerated and extrapolated HALS (Gillis and Glineur 2012; Ang and Gillis 2019). Frobenius.
    Hals,
    /// scikit-learn's cyclic coordinate descent: one pass over the components for each product, in
    /// order or shuffled ([`Nmf::shuffle`](crate::Nmf::shuffle)). Frobenius.
    CoordinateDescent,
    /// Alternating non-negative least squares, each solved exactly by block principal pivoting (Kim
    /// and Park 2011). Frobenius.
    BlockPivoting,
    /// Multiplicative updates (Lee and Seung 2001; Févotte and Idier 2011). Any loss.
    Multiplicative,
    /// Newton steps on one coordinate at a time (Hsieh and Dhillon 2011; Hien and Gillis 2021).
    /// Kullback-Leibler.
    ScalarNewton,
}

impl Solver {
    /// The solver that this choice means for `loss`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a solver that cannot minimize it.
    pub(crate) fn resolve(self, loss: Loss) -> Result<Self> {
        let beta = loss.beta();
        match self {
            Solver::Auto if beta == 2.0 => Ok(Solver::Hals),
            Solver::Auto if beta == 1.0 => Ok(Solver::ScalarNewton),
            Solver::Auto => Ok(Solver::Multiplicative),
            Solver::Hals | Solver::CoordinateDescent | Solver::BlockPivoting if beta != 2.0 => {
                Err(Error::invalid_parameter(
                    "solver",
                    self,
                    format!("auto or multiplicative for the loss {loss}"),
                ))
            }
            Solver::ScalarNewton if beta != 1.0 => Err(Error::invalid_parameter(
                "solver",
                self,
                format!("auto or multiplicative for the loss {loss}"),
            )),
            other => Ok(other),
        }
    }
}

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Solver::Auto => "auto",
            Solver::Hals => "hals",
            Solver::CoordinateDescent => "coordinate-descent",
            Solver::BlockPivoting => "block-pivoting",
            Solver::Multiplicative => "multiplicative",
            Solver::ScalarNewton => "scalar-newton",
        })
    }
}

/// How W and H start.
///
/// The three variants of NNDSVD (Boutsidis and Gallopoulos 2008) split the leading singular vectors
/// into their positive and negative parts; they and `Separable` need k <= min(m, n). A start of one's
/// own goes to [`Nmf::fit_from`](crate::Nmf::fit_from).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Init {
    /// `Nndsvda` where k <= min(m, n), else `Random`; the report says which.
    #[default]
    Auto,
    /// √(mean(X)/k)·|N(0, 1)|.
    Random,
    /// NNDSVD: zeros stay zeros in coordinate descent, so the factors are sparse.
    Nndsvd,
    /// NNDSVD with zeros replaced by the mean of X.
    Nndsvda,
    /// NNDSVD with zeros replaced by |mean(X)·N(0, 1)/100|.
    Nndsvdar,
    /// k rows of X itself as H, found by successive projection (SPA; Araújo et al. 2001, Gillis and
    /// Vavasis 2014), and their best mixtures as W: for data whose pure samples are among the rows,
    /// such as the pixels of a hyperspectral image.
    Separable,
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Init::Auto => "auto",
            Init::Random => "random",
            Init::Nndsvd => "nndsvd",
            Init::Nndsvda => "nndsvda",
            Init::Nndsvdar => "nndsvdar",
            Init::Separable => "separable",
        })
    }
}

/// What stands before the penalties in the objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PenaltyScaling {
    /// scikit-learn's: α_W is multiplied by the number of columns n, α_H by the number of rows m, so
    /// that one value means the same for samples of any size.
    #[default]
    ByShape,
    /// α_W and α_H stand in the objective as they are.
    Plain,
}

/// Which parts of the start stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Held {
    /// Both factors are fitted.
    #[default]
    Nothing,
    /// W is held, H fitted.
    W,
    /// H is held, W fitted.
    H,
    /// The rows of H with these indices are held; the other rows of H and all of W are fitted.
    Components(Vec<usize>),
}
