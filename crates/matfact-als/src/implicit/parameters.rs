//! The algorithm with its hyper-parameters.

use super::Confidence;
use crate::AlsSolver;
use matfact_core::{Error, Result};

/// The largest rank that `AlsSolver::Auto` solves for exactly.
const MOST_EXACT_RANK: usize = 128;
/// Steps of conjugate gradients beyond it.
const STEPS: usize = 3;

/// Factorization of implicit feedback (clicks, plays, purchases) by alternating least squares: iALS.
///
/// # Model and objective
/// Row (user) i has factors x_i, column (item) j has y_j, both of length k, and x_i · y_j says how much i likes
/// j, from about 0 to 1. A stored entry of value r has the preference p = 1 for r > 0, else 0, with a confidence
/// c ([`Confidence`]; times its weight, where weights are given): a value below 0 says that i does not like j.
/// All other entries have the preference 0 with the confidence w₀. The fit lowers
///
/// > Σ_stored c_ij (p_ij − x_i · y_j)² + w₀ Σ_others (x_i · y_j)² + λ ( Σ_i n_i^ν ‖x_i‖² + Σ_j n_j^ν ‖y_j‖² )
///
/// where n counts the positive entries of a row or column and, if [`ImplicitAls::count_absent`], w₀ times all
/// that it could have. With [`ImplicitAls::unobserved_everywhere`] the second sum is over all entries, the stored
/// ones too.
///
/// # Updates
/// With the columns held, each row solves
///
/// > ( w₀ YᵀY + Σ_j (c_ij − w₀) y_j y_jᵀ + λ n_i^ν I ) x_i = Σ_j c_ij p_ij y_j
///
/// with j over the stored entries alone, since YᵀY is formed once for all rows; by Cholesky, conjugate gradients,
/// coordinate descent, or block coordinate descent. Then the columns, with the rows held. All but coordinate descent work in the
/// basis of the eigenvectors of YᵀY, where what all rows share is a diagonal w₀Λ. Block coordinate descent (iALS++) goes once
/// through blocks π of d numbers of a row, each of which it moves by
///
/// > δ_π = ( w₀ Λ_π + Σ_j (c_ij − w₀) y_jπ y_jπᵀ + λ n_i^ν I )⁻¹ ( Σ_j (c_ij p_ij − (c_ij − w₀) ŷ_j) y_jπ − (w₀ Λ_π + λ n_i^ν) x_iπ )
///
/// with the predictions ŷ_j = x_i · y_j, which follow by y_jπ · δ_π. No half-step raises the objective, which is measured
/// without the absent entries, as tr(XᵀX YᵀY) has their sum. Rows and columns without positive entries get zeros.
///
/// # Parameters
/// | parameter | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | none | 1 .. 2¹⁵ | length k of the factor rows; it may exceed rows and columns |
/// | `max_iter` | 15 | ≥ 0 | iterations, of a half-step for the rows and one for the columns; 0 gives the starting point |
/// | `tol` | 1e-4 | ≥ 0 | stop when an iteration lowers the objective by less than this part of it |
/// | `confidence` | `Constant` | | from a value to its confidence: [`Confidence`] |
/// | `alpha` | 1 | > 0 | its parameter α |
/// | `unobserved_weight` | 0.05 | ≥ 0 | w₀, the confidence of absent entries |
/// | `unobserved_everywhere` | false | | whether w₀ counts for stored entries too, beside their confidence |
/// | `regularization` | 0.25 | ≥ 0 | penalty λ |
/// | `count_power` | 0.7 | 0 .. 1 | power ν of the counts that λ is multiplied by |
/// | `count_absent` | false | | whether the counts have w₀ times the number of columns (or rows) added |
/// | `initial_deviation` | 0.1 | > 0 | standard deviation of the starting column factors times √k |
/// | `solver` | `Auto` | | Cholesky up to rank 128, beyond it 3 steps of conjugate gradients: [`AlsSolver`] |
/// | `seed` | 0 | | seed of the starting factors |
///
/// The defaults of w₀, λ and ν are those with which the worst of six sets of unlike kinds came nearest to what it has with
/// settings of its own: 91 % of that NDCG@10. Dense sets and a few popular columns want w₀ of 0.2 to 0.6, sparse tastes
/// without them 0.003; search w₀ first, then λ. `docs/ranking.md` has the figures.
///
/// [`ImplicitAls::implicit`], [`ImplicitAls::spark`], [`ImplicitAls::cmfrec`] and [`ImplicitAls::rendle`] are the
/// settings of others.
///
/// # Report
/// In the [`FitReport`](matfact_core::FitReport) `history` and `objective` are the objective above, and
/// `certificate` is the norm of its gradient divided by that where one side's factors are 0 and the other's are
/// those of the model. A [`Validation`](matfact_core::Validation) set, whose error is of ratings, is refused.
///
/// Memory: the entries are held twice more, by rows and by columns (8 bytes each in f32, 12 in f64), and the factors twice
/// while a side is solved for.
///
/// # Errors of a fit
/// - [`Error::InvalidParameter`], [`Error::InvalidRank`]: a hyper-parameter is out of range;
/// - [`Error::TooLarge`]: the factors do not fit into memory;
/// - [`Error::EmptyInput`]: no rows, no columns or no entries (of any weight);
/// - [`Error::NonFinite`], [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`]: an input type of the
///   caller's own gives entries that cannot be;
/// - [`Error::Overflow`]: a confidence beyond the root of the largest number of the element type.
///
/// # Sources
/// - Y. Hu, Y. Koren, C. Volinsky, *Collaborative filtering for implicit feedback datasets*, ICDM 2008.
/// - G. Takács, I. Pilászy, D. Tikk, *Applications of the conjugate gradient method for implicit feedback
///   collaborative filtering*, RecSys 2011.
/// - S. Rendle, W. Krichene, L. Zhang, Y. Koren, *Revisiting the performance of iALS on item recommendation
///   benchmarks*, RecSys 2022: w₀ and penalties by frequency.
/// - S. Rendle, W. Krichene, L. Zhang, Y. Koren, *iALS++: speeding up matrix factorization with subspace optimization*, 2021.
///
/// ```
/// use matfact_als::ImplicitAls;
/// use matfact_core::{Duplicates, Factorization, Factorizer, Ratings};
/// let plays = [(0, 0, 9.0), (0, 1, 3.0), (1, 0, 7.0), (2, 2, 1.0), (2, 3, 5.0), (3, 3, 2.0)];
/// let fit = ImplicitAls::new(2).fit(&Ratings::from_triplets((4, 4), plays, Duplicates::Error)?)?;
/// assert!(fit.model.predict(1, 1)? > fit.model.predict(1, 2)?);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "without_rank", deny_unknown_fields)
)]
pub struct ImplicitAls {
    pub(crate) rank: usize,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
    pub(crate) confidence: Confidence,
    pub(crate) alpha: f64,
    pub(crate) unobserved_weight: f64,
    pub(crate) unobserved_everywhere: bool,
    pub(crate) regularization: f64,
    pub(crate) count_power: f64,
    pub(crate) count_absent: bool,
    pub(crate) initial_deviation: f64,
    pub(crate) solver: AlsSolver,
    pub(crate) seed: u64,
}

/// What is not given takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> ImplicitAls {
    ImplicitAls::new(0)
}

impl ImplicitAls {
    /// The defaults of the table above, with factor rows of length `rank`.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            max_iter: 15,
            tol: 1e-4,
            confidence: Confidence::Constant,
            alpha: 1.0,
            unobserved_weight: 0.05,
            unobserved_everywhere: false,
            regularization: 0.25,
            count_power: 0.7,
            count_absent: false,
            initial_deviation: 0.1,
            solver: AlsSolver::Auto,
            seed: 0,
        }
    }

    /// implicit 0.7's objective and defaults: c = α r with α = 1, w₀ = 1, λ = 0.01 whatever the counts, 15
    /// iterations, 3 steps of conjugate gradients. (Its factors start from uniform numbers.)
    ///
    /// ```
    /// use matfact_als::{AlsSolver, ImplicitAls};
    /// let als = ImplicitAls::implicit(64).alpha(10.0).regularization(50.0).solver(AlsSolver::Cholesky);
    /// assert!(als.validate().is_ok());
    /// ```
    #[must_use]
    pub fn implicit(rank: usize) -> Self {
        Self::new(rank)
            .tol(0.0)
            .confidence(Confidence::Proportional)
            .unobserved_weight(1.0)
            .regularization(0.01)
            .count_absent(false)
            .count_power(0.0)
            .solver(AlsSolver::ConjugateGradients { steps: STEPS })
    }

    /// The objective and the defaults of Spark's ALS with implicit preferences: c = 1 + α |r| with α = 1, w₀ = 1, λ = 0.1
    /// times the number of positive entries, 10 iterations, Cholesky. (Spark solves for the items first.)
    ///
    /// ```
    /// assert!(matfact_als::ImplicitAls::spark(10).validate().is_ok());
    /// ```
    #[must_use]
    pub fn spark(rank: usize) -> Self {
        Self::implicit(rank)
            .max_iter(10)
            .confidence(Confidence::OnePlus)
            .regularization(0.1)
            .count_power(1.0)
            .solver(AlsSolver::Cholesky)
    }

    /// The objective and the defaults of cmfrec's `CMF_implicit`: c = 1 + α r with α = 1, w₀ = 1, λ = 1 whatever the counts,
    /// 10 iterations, 3 steps of conjugate gradients.
    ///
    /// ```
    /// assert!(matfact_als::ImplicitAls::cmfrec(50).validate().is_ok());
    /// ```
    #[must_use]
    pub fn cmfrec(rank: usize) -> Self {
        Self::implicit(rank)
            .max_iter(10)
            .confidence(Confidence::OnePlus)
            .regularization(1.0)
    }

    /// The objective of Rendle, Krichene, Zhang and Koren (2022): c = 1 for every entry, w₀ = 0.1 for all
    /// entries, the stored ones too, λ = 0.003 times (positive entries + w₀ · all entries) of the row, 16 iterations, Cholesky.
    /// They tune w₀ and λ for each set.
    ///
    /// ```
    /// assert!(matfact_als::ImplicitAls::rendle(64).validate().is_ok());
    /// ```
    #[must_use]
    pub fn rendle(rank: usize) -> Self {
        Self::new(rank)
            .max_iter(16)
            .tol(0.0)
            .confidence(Confidence::Constant)
            .alpha(1.0)
            .unobserved_weight(0.1)
            .unobserved_everywhere(true)
            .regularization(0.003)
            .count_power(1.0)
            .count_absent(true)
            .solver(AlsSolver::Cholesky)
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

    /// Sets how a value becomes a confidence.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Sets the parameter α of the confidence.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the confidence w₀ of absent entries.
    #[must_use]
    pub fn unobserved_weight(mut self, weight: f64) -> Self {
        self.unobserved_weight = weight;
        self
    }

    /// Sets whether w₀ (x · y)² is summed over the stored entries too.
    #[must_use]
    pub fn unobserved_everywhere(mut self, everywhere: bool) -> Self {
        self.unobserved_everywhere = everywhere;
        self
    }

    /// Sets the penalty λ.
    #[must_use]
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// Sets the power ν of the counts that λ is multiplied by.
    #[must_use]
    pub fn count_power(mut self, power: f64) -> Self {
        self.count_power = power;
        self
    }

    /// Sets whether the counts have w₀ times the number of columns (of a row) or rows (of a column) added.
    #[must_use]
    pub fn count_absent(mut self, absent: bool) -> Self {
        self.count_absent = absent;
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
    /// use matfact_als::ImplicitAls;
    /// assert!(ImplicitAls::new(8).validate().is_ok());
    /// assert!(ImplicitAls::new(8).alpha(0.0).validate().is_err());
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
        if let AlsSolver::BlockCoordinateDescent { block: 0 } = self.solver {
            return Err(Error::invalid_parameter("block", 0, "at least 1"));
        }
        let power = self.count_power;
        let within = (0.0..=1.0).contains(&power);
        check("count_power", power, within, "in 0..=1")?;
        for (name, value) in [
            ("alpha", self.alpha),
            ("initial_deviation", self.initial_deviation),
        ] {
            check(name, value, value > 0.0, "finite and above 0")?;
        }
        for (name, value) in [
            ("tol", self.tol),
            ("unobserved_weight", self.unobserved_weight),
            ("regularization", self.regularization),
        ] {
            check(name, value, value >= 0.0, "finite and at least 0")?;
        }
        Ok(())
    }

    /// What `Auto` stands for at this rank.
    pub(super) fn resolved_solver(&self) -> AlsSolver {
        match self.solver {
            AlsSolver::Auto if self.rank > MOST_EXACT_RANK => {
                AlsSolver::ConjugateGradients { steps: STEPS }
            }
            AlsSolver::Auto => AlsSolver::Cholesky,
            chosen => chosen,
        }
    }
}
