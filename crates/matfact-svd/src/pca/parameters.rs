//! Hyper-parameters of PCA.

use crate::{Tolerance, TruncatedSvd};
use matfact_core::{Error, Result};

/// How many components a [`Pca`] gives.
///
/// With serde: a number, `{"explained_variance": 0.95}` or `"mle"`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "PlainRank", into = "PlainRank"))]
#[non_exhaustive]
pub enum PcaRank {
    /// This many: 1..=min(m, n).
    Fixed(usize),
    /// The fewest whose variances together reach this share of the variance of all columns: above 0, at
    /// most 1.
    ExplainedVariance(f64),
    /// As many as are most likely by the Laplace approximation of the evidence (Minka 2000), which needs
    /// at least as many rows as columns.
    Mle,
}

/// [`PcaRank`] as a configuration writes it.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum PlainRank {
    Fixed(usize),
    ExplainedVariance { explained_variance: f64 },
    Named(Named),
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Named {
    Mle,
}

#[cfg(feature = "serde")]
impl From<PlainRank> for PcaRank {
    fn from(plain: PlainRank) -> Self {
        match plain {
            PlainRank::Fixed(rank) => PcaRank::Fixed(rank),
            PlainRank::ExplainedVariance { explained_variance } => {
                PcaRank::ExplainedVariance(explained_variance)
            }
            PlainRank::Named(Named::Mle) => PcaRank::Mle,
        }
    }
}

#[cfg(feature = "serde")]
impl From<PcaRank> for PlainRank {
    fn from(rank: PcaRank) -> Self {
        match rank {
            PcaRank::Fixed(rank) => PlainRank::Fixed(rank),
            PcaRank::ExplainedVariance(explained_variance) => {
                PlainRank::ExplainedVariance { explained_variance }
            }
            PcaRank::Mle => PlainRank::Named(Named::Mle),
        }
    }
}

/// How a [`Pca`] finds its components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PcaMethod {
    /// By shape and layout: `Exact` up to 500 rows and columns; else `Covariance` for a dense matrix of
    /// at most 1000 columns and ten times as many rows; else `Exact` for at least four fifths of all
    /// components of a dense matrix, and for [`PcaRank::Mle`]; else `Truncated`. The report says which
    /// it was.
    #[default]
    Auto,
    /// The singular value decomposition of the centred matrix, which is formed in `f64`: for small ones.
    Exact,
    /// The eigenvectors of the covariance (n x n), summed in `f64` over blocks of rows: for few columns
    /// and many rows. Singular values below 1e-8 of the largest are lost in it.
    Covariance,
    /// [`TruncatedSvd`](crate::TruncatedSvd) of the centred matrix: of a copy of a dense one, else of the
    /// operator, never formed.
    Truncated,
}

impl PcaMethod {
    /// The name as in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PcaMethod::Auto => "auto",
            PcaMethod::Exact => "exact",
            PcaMethod::Covariance => "covariance",
            PcaMethod::Truncated => "truncated",
        }
    }
}

/// Principal component analysis (Pearson 1901, Hotelling 1933) with its hyper-parameters, on any matrix
/// or operator; what is sparse stays sparse.
///
/// With the column means μ, the singular value decomposition X − 1·μᵀ = U Σ Vᵀ gives the components (the
/// rows of Vᵀ) and their variances σ²/(m − 1). Attributes and conventions are scikit-learn's `PCA`; in
/// each component the entry of largest magnitude is positive. The variances of a single row are 0.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | [`PcaRank`] | number of components k, or how it is chosen |
/// | `method` | `Auto` | [`PcaMethod`] | how they are found |
/// | `whiten` | false | | `transform` divides each coordinate by its deviation |
/// | `tolerance` | singular values to 1e-4 | > 0 | when the triplets of `Truncated` are good enough |
/// | `seed` | 0 | | of the random columns of `Truncated` |
///
/// The report's `relative_error` is ‖X − X̂‖ / ‖X‖ with X̂ = 1·μᵀ + (X − 1·μᵀ)VVᵀ, and its certificate
/// the residual of each triplet of the centred matrix (where the covariance cannot resolve a value, that
/// of a zero).
///
/// ```
/// use matfact_core::{Factorizer, Transform, ndarray::array};
/// use matfact_svd::Pca;
/// let x = array![[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [5.0, 5.0]];
/// let model = Pca::new(1).fit(&x)?.model;
/// assert_eq!(model.mean().to_vec(), [3.0, 3.0]);
/// assert!((model.explained_variance()[0] - 20.0 / 3.0).abs() < 1e-12);
/// let coordinates = model.transform(&array![[6.0, 6.0]])?;
/// assert!((coordinates[[0, 0]] - 18.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct Pca {
    pub(crate) rank: PcaRank,
    pub(super) method: PcaMethod,
    pub(super) whiten: bool,
    pub(crate) tolerance: Tolerance,
    pub(super) seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> Pca {
    Pca::new(0)
}

impl Pca {
    /// The `rank` leading components, with the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self::with_rank(PcaRank::Fixed(rank))
    }

    /// The fewest components that explain `share` of the variance, above 0 and at most 1.
    ///
    /// ```
    /// use matfact_core::{Factorization, Factorizer, ndarray::array};
    /// use matfact_svd::Pca;
    /// let x = array![[3.0, 0.1], [-3.0, 0.1], [3.0, -0.1], [-3.0, -0.1]];
    /// assert_eq!(Pca::explaining(0.9).fit(&x)?.model.rank(), 1);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    #[must_use]
    pub fn explaining(share: f64) -> Self {
        Self::with_rank(PcaRank::ExplainedVariance(share))
    }

    /// As many components as `rank` says.
    #[must_use]
    pub fn with_rank(rank: PcaRank) -> Self {
        Self {
            rank,
            method: PcaMethod::Auto,
            whiten: false,
            tolerance: Tolerance::SingularValues(1e-4),
            seed: 0,
        }
    }

    /// Sets how the components are found.
    #[must_use]
    pub fn method(mut self, method: PcaMethod) -> Self {
        self.method = method;
        self
    }

    /// Sets whether `transform` divides each coordinate by its deviation, so that all have variance 1.
    #[must_use]
    pub fn whiten(mut self, whiten: bool) -> Self {
        self.whiten = whiten;
        self
    }

    /// Sets when the triplets of [`PcaMethod::Truncated`] are good enough.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the seed of the random columns of [`PcaMethod::Truncated`].
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many components are given, or how that is chosen.
    #[must_use]
    pub fn rank(&self) -> PcaRank {
        self.rank
    }

    /// Checks what does not depend on the data.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a share outside 0..=1, a tolerance that is not above 0, or for `Mle` with the truncated method,
    /// which does not see all variances. A fixed rank is checked by the fit.
    pub fn validate(&self) -> Result<()> {
        TruncatedSvd::new(1).tolerance(self.tolerance).validate()?;
        match (self.rank, self.method) {
            (PcaRank::ExplainedVariance(share), _) if !(share > 0.0 && share <= 1.0) => {
                let requirement = "above 0 and at most 1, a share of the variance";
                Err(Error::invalid_parameter(
                    "explained_variance",
                    share,
                    requirement,
                ))
            }
            (PcaRank::Mle, PcaMethod::Truncated) => Err(Error::invalid_parameter(
                "method",
                self.method.name(),
                "auto, exact or covariance to choose the rank by likelihood, which needs all variances",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_shape(&self, shape: (usize, usize)) -> Result<()> {
        let (rows, columns) = shape;
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        let limit = rows.min(columns);
        match self.rank {
            PcaRank::Fixed(rank) if rank == 0 || rank > limit => {
                Err(Error::InvalidRank { rank, limit, shape })
            }
            PcaRank::Mle if rows < columns => Err(Error::invalid_parameter(
                "rank",
                "mle",
                format!(
                    "a number or a share of the variance for {rows} rows of {columns} columns: the likelihood needs at least as many rows"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// What `Auto` means for a matrix of `shape`.
    pub(crate) fn resolve(&self, shape: (usize, usize), dense: bool) -> PcaMethod {
        let (m, n) = shape;
        let nearly_all =
            matches!(self.rank, PcaRank::Fixed(rank) if rank as f64 >= 0.8 * m.min(n) as f64);
        match self.method {
            PcaMethod::Auto if m.max(n) <= 500 => PcaMethod::Exact,
            PcaMethod::Auto if n <= 1000 && m / 10 >= n && dense => PcaMethod::Covariance,
            PcaMethod::Auto if self.rank == PcaRank::Mle || (nearly_all && dense) => {
                PcaMethod::Exact
            }
            PcaMethod::Auto => PcaMethod::Truncated,
            chosen => chosen,
        }
    }
}
