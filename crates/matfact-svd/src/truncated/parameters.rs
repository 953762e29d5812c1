//! What a truncated SVD is asked for.

use matfact_core::{Error, Result, require_memory};
use std::fmt;

/// How the triplets are found; the [crate page](crate) has the mathematics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SvdMethod {
    /// `Exact` where the shorter side is at most 256, `Randomized` where `power_iterations` are given, else
    /// `GramLanczos` for a tolerance on the singular values, and `Lanczos` for any other, and where XᵀX
    /// turns out to round too much. The report says which it was.
    #[default]
    Auto,
    /// Thick-restart block Lanczos bidiagonalization (Golub, Luk and Overton 1981; Baglama and Reichel
    /// 2005): to any tolerance, down to rounding.
    Lanczos,
    /// Thick-restart block Lanczos with XᵀX or XXᵀ, of the shorter side, and the triplets from X within what
    /// it finds (as ARPACK does): twice as fast as `Lanczos`, for a tolerance on singular values that are not
    /// lost in the rounding of σ₁². `Lanczos` takes over where they are.
    GramLanczos,
    /// Randomized block Krylov iteration (Musco and Musco 2015): k + `oversampling` columns, and all
    /// powers of XᵀX up to `power_iterations` (2) of them, orthogonalized.
    BlockKrylov,
    /// Randomized subspace iteration (Halko, Martinsson and Tropp 2011). With `power_iterations`: so many,
    /// as in scikit-learn. Without: dynamically shifted (Feng, Yu et al. 2022), until the tolerance is kept.
    Randomized,
    /// All of it, in `f64`: for a small matrix, which is formed if it is sparse or an operator.
    Exact,
}

impl fmt::Display for SvdMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SvdMethod::Auto => "auto",
            SvdMethod::Lanczos => "lanczos",
            SvdMethod::GramLanczos => "gram-lanczos",
            SvdMethod::BlockKrylov => "block-krylov",
            SvdMethod::Randomized => "randomized",
            SvdMethod::Exact => "exact",
        })
    }
}

/// When triplets are good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Tolerance {
    /// The relative error of every singular value is about this or less.
    SingularValues(f64),
    /// ‖Xv − σu‖ and ‖Xᵀu − σv‖ are at most this times σ₁, for every triplet. Not by `Randomized`.
    Residuals(f64),
    /// As accurate as the scalar allows. Not by `Randomized`.
    Rounding,
}

/// How many triplets. In a configuration a whole number is a rank, and a fraction an error.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
#[non_exhaustive]
pub enum SvdRank {
    /// So many.
    Fixed(usize),
    /// The fewest with ‖X − UΣVᵀ‖ at most this times ‖X‖ (Frobenius).
    RelativeError(f64),
}

/// Truncated SVD with its hyper-parameters; the [crate page](crate) has the mathematics.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1..=min(m, n), or an error in 0..1 | number of singular triplets k, or the relative error that it has to reach |
/// | `method` | [`SvdMethod::Auto`] | | how they are found |
/// | `tolerance` | singular values to 1e-4 | > 0 | when they are good enough |
/// | `oversampling` | 10 | 0.. | random columns beyond the rank, of the randomized methods |
/// | `power_iterations` | by tolerance; 2 for block Krylov | 0.. | applications of XXᵀ, of the randomized methods |
/// | `block` | 16, for dense matrices 32 | 1.. | columns that Lanczos multiplies at once |
/// | `basis` | by rank | 1.. | columns of a basis from which Lanczos restarts: memory is about (m + n) times this |
/// | `max_steps` | 1000 | 1.. | most steps (Lanczos) or iterations (randomized, by tolerance) |
/// | `seed` | 0 | | of the random columns |
///
/// ```
/// use matfact_svd::{SvdMethod, Tolerance, TruncatedSvd};
/// let svd = TruncatedSvd::new(100).tolerance(Tolerance::SingularValues(1e-6)).seed(7);
/// assert_eq!(svd.rank(), Some(100));
/// let quick = TruncatedSvd::new(100).method(SvdMethod::Randomized).power_iterations(5);
/// let enough = TruncatedSvd::to_error(0.1);
/// assert_eq!(enough.rank(), None);
/// # let _ = quick;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct TruncatedSvd {
    pub(crate) rank: SvdRank,
    pub(super) method: SvdMethod,
    pub(crate) tolerance: Tolerance,
    pub(crate) oversampling: usize,
    pub(crate) power_iterations: Option<usize>,
    pub(super) block: Option<usize>,
    pub(super) basis: Option<usize>,
    pub(crate) max_steps: usize,
    pub(super) seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> TruncatedSvd {
    TruncatedSvd::new(0)
}

impl TruncatedSvd {
    /// The `rank` leading triplets, with the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self::of(SvdRank::Fixed(rank))
    }

    /// The fewest triplets whose relative error ‖X − UΣVᵀ‖ / ‖X‖ (Frobenius) is at most `error`, above 0 and
    /// below 1: they hold a share 1 − error² of the squared norm. By the Lanczos methods and `Exact`.
    #[must_use]
    pub fn to_error(error: f64) -> Self {
        Self::of(SvdRank::RelativeError(error))
    }

    fn of(rank: SvdRank) -> Self {
        Self {
            rank,
            method: SvdMethod::Auto,
            tolerance: Tolerance::SingularValues(1e-4),
            oversampling: 10,
            power_iterations: None,
            block: None,
            basis: None,
            max_steps: 1000,
            seed: 0,
        }
    }

    /// Sets how the triplets are found.
    #[must_use]
    pub fn method(mut self, method: SvdMethod) -> Self {
        self.method = method;
        self
    }

    /// Sets when the triplets are good enough.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the number of random columns beyond the rank, of the randomized methods.
    #[must_use]
    pub fn oversampling(mut self, columns: usize) -> Self {
        self.oversampling = columns;
        self
    }

    /// Sets the number of applications of XXᵀ, and with it the method `Randomized` where it is `Auto`.
    #[must_use]
    pub fn power_iterations(mut self, iterations: usize) -> Self {
        self.power_iterations = Some(iterations);
        self
    }

    /// Sets the columns that Lanczos multiplies at once.
    #[must_use]
    pub fn block(mut self, columns: usize) -> Self {
        self.block = Some(columns);
        self
    }

    /// Sets the columns of a basis from which Lanczos restarts; raised to what the rank needs.
    #[must_use]
    pub fn basis(mut self, columns: usize) -> Self {
        self.basis = Some(columns);
        self
    }

    /// Sets the most steps of Lanczos, or iterations of the randomized method by tolerance.
    #[must_use]
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// Sets the seed of the random columns.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The number of triplets k, where it is given.
    #[must_use]
    pub fn rank(&self) -> Option<usize> {
        match self.rank {
            SvdRank::Fixed(rank) => Some(rank),
            SvdRank::RelativeError(_) => None,
        }
    }

    /// Refuses hyper-parameters out of range; a rank is held against the shape in the fit.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        let refuse = |name, value: String, requirement: &str| {
            Err(Error::invalid_parameter(name, value, requirement))
        };
        if let SvdRank::RelativeError(error) = self.rank {
            if !(error > 0.0 && error < 1.0) {
                return refuse(
                    "rank",
                    format!("to an error of {error}"),
                    "above 0 and below 1",
                );
            }
            if matches!(
                self.resolved_method(),
                SvdMethod::Randomized | SvdMethod::BlockKrylov
            ) {
                let requirement = "lanczos or exact, for a rank by its error";
                return refuse("method", self.resolved_method().to_string(), requirement);
            }
        }
        match self.tolerance {
            Tolerance::SingularValues(tol) | Tolerance::Residuals(tol)
                if !(tol.is_finite() && tol > 0.0) =>
            {
                return refuse("tolerance", tol.to_string(), "finite and above 0");
            }
            Tolerance::Residuals(_) | Tolerance::Rounding
                if self.method == SvdMethod::Randomized && self.power_iterations.is_none() =>
            {
                let requirement = "on singular values, for the randomized method";
                return refuse("tolerance", format!("{:?}", self.tolerance), requirement);
            }
            Tolerance::Residuals(_) | Tolerance::Rounding
                if self.method == SvdMethod::GramLanczos =>
            {
                let requirement = "on singular values, for gram-lanczos";
                return refuse("tolerance", format!("{:?}", self.tolerance), requirement);
            }
            _ => {}
        }
        let max_steps = Some(self.max_steps);
        let counts = [
            ("block", self.block),
            ("basis", self.basis),
            ("max_steps", max_steps),
        ];
        for (name, value) in counts {
            if value == Some(0) {
                return refuse(name, "0".to_owned(), "at least 1");
            }
        }
        Ok(())
    }

    /// The method, but for what only the shape decides.
    fn resolved_method(&self) -> SvdMethod {
        match (self.method, self.power_iterations) {
            (SvdMethod::Auto, Some(_)) => SvdMethod::Randomized,
            (method, _) => method,
        }
    }

    /// The method for a matrix of this shape.
    pub(crate) fn method_for(&self, (m, n): (usize, usize)) -> SvdMethod {
        match self.resolved_method() {
            SvdMethod::Auto if m.min(n) <= EXACT_SIDE && m.saturating_mul(n) <= EXACT_ENTRIES => {
                SvdMethod::Exact
            }
            SvdMethod::Auto if matches!(self.tolerance, Tolerance::SingularValues(_)) => {
                SvdMethod::GramLanczos
            }
            SvdMethod::Auto => SvdMethod::Lanczos,
            other => other,
        }
    }

    pub(crate) fn check(&self, shape: (usize, usize)) -> Result<()> {
        let (rows, columns) = shape;
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        let limit = rows.min(columns);
        if let SvdRank::Fixed(rank) = self.rank
            && (rank == 0 || rank > limit)
        {
            return Err(Error::InvalidRank { rank, limit, shape });
        }
        let rank = self.rank().unwrap_or(1);
        let width = rank.saturating_add(self.oversampling).min(limit);
        let too_large = |bytes: Option<usize>| bytes.is_none_or(|b| b > isize::MAX as usize);
        // Both bases in single precision, and a small matrix between them.
        let lines = rows as f64 + columns as f64 + width as f64;
        require_memory(4.0 * lines * width as f64, || {
            format!("bases of {width} columns")
        })?;
        let whole = rows
            .checked_mul(columns)
            .and_then(|count| count.checked_mul(8));
        if self.method_for(shape) == SvdMethod::Exact && too_large(whole) {
            return Err(Error::TooLarge {
                what: format!("a dense {rows} x {columns} matrix"),
            });
        }
        Ok(())
    }
}

/// The shorter side, and the entries, up to which all of a matrix is decomposed.
const EXACT_SIDE: usize = 256;
const EXACT_ENTRIES: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_out_of_range_is_named() {
        let svd = || TruncatedSvd::new(2);
        for (bad, name) in [
            (TruncatedSvd::to_error(0.0), "rank"),
            (TruncatedSvd::to_error(f64::NAN), "rank"),
            (TruncatedSvd::to_error(0.1).power_iterations(3), "method"),
            (svd().tolerance(Tolerance::SingularValues(0.0)), "tolerance"),
            (
                svd().tolerance(Tolerance::Residuals(f64::INFINITY)),
                "tolerance",
            ),
            (
                svd()
                    .tolerance(Tolerance::Rounding)
                    .method(SvdMethod::Randomized),
                "tolerance",
            ),
            (
                svd()
                    .tolerance(Tolerance::Residuals(1e-3))
                    .method(SvdMethod::GramLanczos),
                "tolerance",
            ),
            (svd().block(0), "block"),
            (svd().basis(0), "basis"),
            (svd().max_steps(0), "max_steps"),
        ] {
            match bad.validate() {
                Err(Error::InvalidParameter { name: named, .. }) => assert_eq!(named, name),
                other => panic!("{bad:?} gave {other:?}"),
            }
        }
        assert!(
            svd()
                .tolerance(Tolerance::Rounding)
                .power_iterations(2)
                .validate()
                .is_ok()
        );
    }

    #[test]
    fn the_shape_and_what_is_given_choose_the_method() {
        let svd = TruncatedSvd::new(5);
        assert_eq!(svd.method_for((10_000, 200)), SvdMethod::Exact);
        assert_eq!(svd.method_for((10_000_000, 200)), SvdMethod::GramLanczos);
        assert_eq!(svd.method_for((1000, 1000)), SvdMethod::GramLanczos);
        let exactly = svd.clone().tolerance(Tolerance::Rounding);
        assert_eq!(exactly.method_for((1000, 1000)), SvdMethod::Lanczos);
        let svd = svd.power_iterations(4);
        assert_eq!(svd.method_for((100, 200)), SvdMethod::Randomized);
        let svd = svd.method(SvdMethod::BlockKrylov);
        assert_eq!(svd.method_for((100, 200)), SvdMethod::BlockKrylov);
    }
}
