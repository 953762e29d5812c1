//! The algorithm with its hyper-parameters.

use matfact_core::{Error, Result};

/// How the factors of one row are found, with those of the columns held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum AlsSolver {
    /// Cholesky; for non-negative factors coordinate descent, 10 sweeps.
    #[default]
    Auto,
    /// The normal equations, exactly: n k² / 2 + k³ / 6 operations for a row of n ratings.
    Cholesky,
    /// Conjugate gradients from the factors before (Takács, Pilászy and Tikk 2011): 2 n k operations a step.
    /// An iteration takes less time than Cholesky's from ranks of about 64 on; 3 steps are common.
    ConjugateGradients {
        /// Steps for each row.
        steps: usize,
    },
    /// Coordinate descent on the normal equations, from the factors before.
    CoordinateDescent {
        /// The most rounds over the k numbers of a row; fewer where nothing changes any more.
        sweeps: usize,
    },
    /// One block of a row's numbers after the other, exactly, from the factors before: iALS++ (Rendle, Krichene, Zhang and
    /// Koren 2021), n k d / 2 + k d² / 6 operations for blocks of d. For [`ImplicitAls`](crate::ImplicitAls) alone.
    BlockCoordinateDescent {
        /// The most numbers of a block d, at least 1; 64 is common. From the rank on it is Cholesky.
        block: usize,
    },
}

/// Sweeps of coordinate descent where none are given.
const SWEEPS: usize = 10;

impl AlsSolver {
    /// What `Auto` stands for.
    pub(crate) fn with(self, non_negative: bool) -> Self {
        match self {
            AlsSolver::Auto if non_negative => AlsSolver::CoordinateDescent { sweeps: SWEEPS },
            AlsSolver::Auto => AlsSolver::Cholesky,
            chosen => chosen,
        }
    }
}

/// Factorization of observed ratings by alternating least squares.
///
/// The [crate's page](crate) gives objective, updates and sources.
///
/// | parameter | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | none | 1 .. 2¹⁵ | length k of the factor rows; it may exceed rows and columns |
/// | `max_iter` | 15 | ≥ 0 | iterations, of a half-step for the rows and one for the columns; 0 gives the starting point: mean, zero biases, random column factors |
/// | `tol` | 1e-4 | ≥ 0 | stop when an iteration lowers the objective by less than this part of it |
/// | `regularization` | 1.3 | ≥ 0 | penalty λ on the factors |
/// | `count_power` | 0.5 | 0 .. 1 | power ν of the number of ratings that λ is multiplied by |
/// | `bias_regularization` | 4 | ≥ 0 | penalty λ_b on the biases, in ratings |
/// | `biased` | true | | mean and biases; without, the prediction is p · q alone |
/// | `initial_deviation` | 0.1 | > 0 | standard deviation of the starting column factors times √k |
/// | `solver` | `Auto` | | how a row is solved for: [`AlsSolver`] |
/// | `non_negative` | false | | factors >= 0 (biases are free), by coordinate descent |
/// | `seed` | 0 | | seed of the starting factors |
///
/// Weights of the ratings count in the errors, in the mean, and in n_i. Rows and columns without ratings (or
/// whose ratings weigh nothing) get zero factors and a zero bias.
///
/// In the [`FitReport`](matfact_core::FitReport) `history` and `objective` are the objective as the crate's
/// page has it, after each iteration and at the end, and `chosen["deviation"]` is σ, which folding in asks for.
/// `certificate` is the norm of the objective's gradient (projected, for non-negative factors) divided by that
/// where each side's factors and biases are 0 and the other's are those of the model.
///
/// With a [`Validation`](matfact_core::Validation) set in the [`Run`](matfact_core::Run) the fit stops once the
/// error on it no longer falls, and gives the model with the least (a second copy of the factors is kept for
/// it). [`Als::fit_from`] starts from a model.
///
/// Memory: the ratings are held a second time by columns (8 bytes each in f32, 12 in f64, and the weights), and
/// the factors twice at the end.
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`], [`Error::InvalidRank`]: a hyper-parameter is out of range;
/// - [`Error::TooLarge`]: the factors do not fit into memory;
/// - [`Error::EmptyInput`]: no rows, no columns or no ratings (of any weight);
/// - [`Error::NonFinite`], [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`]: an input type of the
///   caller's own gives entries that cannot be;
/// - [`Error::Overflow`]: the ratings are so large that the factors leave the element type.
///
/// ```
/// use matfact_als::Als;
/// use matfact_core::{Duplicates, Factorizer, Ratings, Run};
/// let ratings = Ratings::from_triplets((2, 2), [(0, 0, 4.0), (1, 1, 2.0)], Duplicates::Error)?;
/// let als = Als::new(3).regularization(0.1).seed(1);
/// let fit = als.fit_with(&ratings, &mut Run::new().threads(2))?;
/// assert!(fit.report.history.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "without_rank", deny_unknown_fields)
)]
pub struct Als {
    pub(crate) rank: usize,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
    pub(crate) regularization: f64,
    pub(crate) count_power: f64,
    pub(crate) bias_regularization: f64,
    pub(crate) biased: bool,
    pub(crate) initial_deviation: f64,
    pub(crate) solver: AlsSolver,
    pub(crate) non_negative: bool,
    pub(crate) seed: u64,
}

/// What is not given takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> Als {
    Als::new(0)
}

impl Als {
    /// The defaults of the table above, with factor rows of length `rank`.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            max_iter: 15,
            tol: 1e-4,
            regularization: 1.3,
            count_power: 0.5,
            bias_regularization: 4.0,
            biased: true,
            initial_deviation: 0.1,
            solver: AlsSolver::Auto,
            non_negative: false,
            seed: 0,
        }
    }

    /// Sets the most iterations.
    #[must_use]
    pub fn max_iter(mut self, iterations: usize) -> Self {
        self.max_iter = iterations;
        self
    }

    /// Sets the relative fall of the objective below which to stop.
    #[must_use]
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// Sets the penalty λ on the factors.
    #[must_use]
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// Sets the power ν of the number of ratings that λ is multiplied by.
    #[must_use]
    pub fn count_power(mut self, power: f64) -> Self {
        self.count_power = power;
        self
    }

    /// Sets the penalty λ_b on the biases.
    #[must_use]
    pub fn bias_regularization(mut self, bias_regularization: f64) -> Self {
        self.bias_regularization = bias_regularization;
        self
    }

    /// Sets whether the model has a mean and biases. Without, predictions are exactly
    /// row factors · column factorsᵀ.
    #[must_use]
    pub fn biased(mut self, biased: bool) -> Self {
        self.biased = biased;
        self
    }

    /// Sets the standard deviation of the starting column factors, times √k.
    #[must_use]
    pub fn initial_deviation(mut self, initial_deviation: f64) -> Self {
        self.initial_deviation = initial_deviation;
        self
    }

    /// Sets how a row is solved for.
    #[must_use]
    pub fn solver(mut self, solver: AlsSolver) -> Self {
        self.solver = solver;
        self
    }

    /// Sets whether no factor may be below 0.
    #[must_use]
    pub fn non_negative(mut self, non_negative: bool) -> Self {
        self.non_negative = non_negative;
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The rank.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Checks every hyper-parameter that can be checked without data (the rank is checked by the fit, which
    /// knows the shape).
    ///
    /// ```
    /// use matfact_als::Als;
    /// assert!(Als::new(8).validate().is_ok());
    /// assert!(Als::new(8).regularization(-1.0).validate().is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] names the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |name, value: f64, fits: bool, requirement: &str| {
            if fits && value.is_finite() {
                Ok(())
            } else {
                Err(Error::invalid_parameter(name, value, requirement))
            }
        };
        let power = self.count_power;
        check(
            "count_power",
            power,
            (0.0..=1.0).contains(&power),
            "in 0..=1",
        )?;
        let start = self.initial_deviation;
        check(
            "initial_deviation",
            start,
            start > 0.0,
            "finite and above 0",
        )?;
        let (solver, able) = match self.solver {
            AlsSolver::Auto => ("auto", true),
            AlsSolver::Cholesky => ("cholesky", !self.non_negative),
            AlsSolver::ConjugateGradients { .. } => ("conjugate-gradients", !self.non_negative),
            AlsSolver::CoordinateDescent { .. } => ("coordinate-descent", true),
            AlsSolver::BlockCoordinateDescent { .. } => ("block-coordinate-descent", false),
        };
        if !able {
            let requirement = match self.non_negative {
                true => "auto or coordinate-descent, for non-negative factors",
                false => "auto, cholesky, conjugate-gradients or coordinate-descent, for ratings",
            };
            return Err(Error::invalid_parameter("solver", solver, requirement));
        }
        for (name, value) in [
            ("tol", self.tol),
            ("regularization", self.regularization),
            ("bias_regularization", self.bias_regularization),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        Ok(())
    }
}
