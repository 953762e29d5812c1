//! NMF from mini-batches of rows, for data that come in parts or exceed memory.
//!
//! Of every batch X_b (b x n), the coordinates W_b are found with H held; then H is improved from sums
//! over all batches so far, in which older ones fade. With the forgetting factor φ, m rows in all and
//! ρ = φ^(b/m):
//!
//! **Multiplicative** (any loss; Guan et al. 2012, Févotte and Idier 2011; the rules and results of
//! scikit-learn's `MiniBatchNMF`): with N and D the numerator and denominator of the
//! [multiplicative update](crate::Solver::Multiplicative) of H from the batch, penalties included,
//!
//! ```text
//! A ← ρA + H^(1/γ) ∘ N      B ← ρB + D      H ← (A/B)^γ
//! ```
//!
//! where A starts as H and B as 1.
//!
//! **HALS** (Frobenius; Mairal et al. 2010 with the constraint of NMF): with
//!
//! ```text
//! G ← ρG + W_bᵀW_b          B ← ρB + X_bᵀW_b
//! ```
//!
//! H is improved by one pass of coordinate descent on ½ tr(HᵀGH) − ⟨Bᵀ, H⟩ + penalties: exactly what it
//! would be with all X at hand and the coordinates found so far. G and B begin with a tenth of an epoch
//! of rows that the start fits exactly, so that the first batch does not sweep the start away. This is
//! far faster: it needs few epochs where the multiplicative updates need dozens.
//!
//! The objective of a batch is D_β(X_b‖W_b H) with penalties scaled by the batch:
//! l₁(W) = α_W·r·n, l₂(W) = α_W·(1 − r)·n and for H with b in place of n. As everywhere in this crate an
//! L2 penalty counts half its squares in what is watched for convergence; scikit-learn watches the
//! whole (its updates are those of the half).

mod fit;
mod learner;
pub(crate) mod sample;
mod stream;

pub use stream::OnlineNmf;

use crate::{Init, Loss, Nmf, PenaltyScaling, Solver};
use matfact_core::{Error, Result};

/// Weight of the rows that the start fits, beside those of an epoch (or the first batch of a stream), in
/// the sums of HALS.
const START_WEIGHT: f64 = 0.1;

/// Non-negative matrix factorization from mini-batches of rows.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of components k |
/// | `loss` | [`Loss::Frobenius`] | | the divergence that is minimized |
/// | `solver` | [`Solver::Auto`] | | [`Solver::Hals`] (Frobenius, there the default) or [`Solver::Multiplicative`] (scikit-learn's results) |
/// | `init` | [`Init::Auto`] | | how W and H start |
/// | `batch_size` | 1024 | 1.. | rows of a batch |
/// | `forget_factor` | 0.7 | 0..=1 | what an epoch leaves of the weight of earlier batches |
/// | `fresh_restarts` | false | | whether W of a batch is found afresh in every epoch |
/// | `fresh_restarts_max_iter` | 30 | 1.. | most updates for that |
/// | `max_no_improvement` | 10 | 1.., or none | batches without a better smoothed objective after which to stop |
/// | `max_iter` | 200 | 1.. | most epochs |
/// | `tol` | 1e-4 | >= 0 | relative change of H in a batch at which to stop; 0: never |
/// | `transform_max_iter` | as `max_iter` | 1.. | most updates of W in the end, with `fresh_restarts` |
/// | `alpha_w`, `alpha_h`, `l1_ratio`, `penalty_scaling` | as in [`Nmf`] | | penalties |
/// | `seed` | 0 | | of the random numbers in the initialization |
///
/// [`MiniBatchNmf::online`] begins a model that is fed batch by batch.
///
/// ```
/// use matfact_core::{Factorizer, ndarray::Array2};
/// use matfact_nmf::MiniBatchNmf;
/// let x = Array2::from_shape_fn((60, 5), |(i, j)| ((i % 4 + 1) * (j + 1)) as f64);
/// let fit = MiniBatchNmf::new(1).batch_size(10).fit(&x)?;
/// assert!(fit.report.relative_error.is_some_and(|error| error < 1e-3));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct MiniBatchNmf {
    pub(crate) rank: usize,
    pub(crate) loss: Loss,
    pub(crate) solver: Solver,
    pub(crate) init: Init,
    pub(crate) batch_size: usize,
    forget_factor: f64,
    fresh_restarts: bool,
    fresh_restarts_max_iter: usize,
    max_no_improvement: Option<usize>,
    pub(crate) max_iter: usize,
    tol: f64,
    transform_max_iter: Option<usize>,
    alpha_w: f64,
    alpha_h: Option<f64>,
    l1_ratio: f64,
    penalty_scaling: PenaltyScaling,
    seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> MiniBatchNmf {
    MiniBatchNmf::new(0)
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $kind) -> Self {
            self.$name = $name.into();
            self
        }
    )*};
}

impl MiniBatchNmf {
    /// Mini-batch NMF with `rank` components and the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            loss: Loss::Frobenius,
            solver: Solver::Auto,
            init: Init::Auto,
            batch_size: 1024,
            forget_factor: 0.7,
            fresh_restarts: false,
            fresh_restarts_max_iter: 30,
            max_no_improvement: Some(10),
            max_iter: 200,
            tol: 1e-4,
            transform_max_iter: None,
            alpha_w: 0.0,
            alpha_h: None,
            l1_ratio: 0.0,
            penalty_scaling: PenaltyScaling::ByShape,
            seed: 0,
        }
    }

    setters! {
        /// Sets the divergence that is minimized.
        loss: Loss,
        /// Sets how a batch improves W and H: [`Solver::Auto`], [`Solver::Hals`] or
        /// [`Solver::Multiplicative`].
        solver: Solver,
        /// Sets how W and H start.
        init: Init,
        /// Sets the rows of a batch.
        batch_size: usize,
        /// Sets what an epoch leaves of the weight of earlier batches: 0 forgets at once, 1 never.
        forget_factor: f64,
        /// Sets whether W of a batch is found afresh in every epoch instead of improved.
        fresh_restarts: bool,
        /// Sets the most updates for W of a batch that is found afresh.
        fresh_restarts_max_iter: usize,
        /// Sets after how many batches without a better smoothed objective to stop; `None`: never.
        max_no_improvement: Option<usize>,
        /// Sets the most epochs (passes over the rows).
        max_iter: usize,
        /// Sets the relative change of H in a batch at which to stop, and of W at which it stands
        /// still when found afresh; 0: never.
        tol: f64,
        /// Sets the most updates of W in the end, with `fresh_restarts`; by default `max_iter`.
        transform_max_iter: usize,
        /// Sets the strength of the penalty on W, and on H unless [`MiniBatchNmf::alpha_h`] sets that.
        alpha_w: f64,
        /// Sets the strength of the penalty on H.
        alpha_h: f64,
        /// Sets the share of L1 in the penalties: 0 is L2 alone, 1 is L1 alone.
        l1_ratio: f64,
        /// Sets what multiplies `alpha_w` and `alpha_h` in the objective of a batch.
        penalty_scaling: PenaltyScaling,
        /// Sets the seed of the random numbers in the initialization.
        seed: u64,
    }

    /// The number of components k.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Refuses hyper-parameters out of range; the rank is held against the shape in the fit.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        for (name, count) in [
            ("batch_size", Some(self.batch_size)),
            (
                "fresh_restarts_max_iter",
                Some(self.fresh_restarts_max_iter),
            ),
            ("max_no_improvement", self.max_no_improvement),
            ("max_iter", Some(self.max_iter)),
            ("transform_max_iter", self.transform_max_iter),
        ] {
            if count == Some(0) {
                return Err(Error::invalid_parameter(name, 0, "at least 1"));
            }
        }
        if !(0.0..=1.0).contains(&self.forget_factor) {
            return Err(Error::invalid_parameter(
                "forget_factor",
                self.forget_factor,
                "between 0 and 1",
            ));
        }
        let offered = [Solver::Auto, Solver::Hals, Solver::Multiplicative];
        if !offered.contains(&self.solver) {
            let requirement = "auto, hals or multiplicative";
            return Err(Error::invalid_parameter("solver", self.solver, requirement));
        }
        self.nmf()?.validate()
    }

    /// NMF of the whole with the same loss, start and penalties.
    pub(crate) fn nmf(&self) -> Result<Nmf> {
        let frobenius = self.loss.beta() == 2.0;
        let solver = match self.solver {
            Solver::Auto if frobenius => Solver::Hals,
            Solver::Auto => Solver::Multiplicative,
            other => other,
        };
        let mut nmf = Nmf::new(self.rank)
            .loss(self.loss)
            .solver(solver)
            .init(self.init)
            .tol(self.tol)
            .alpha_w(self.alpha_w)
            .l1_ratio(self.l1_ratio)
            .penalty_scaling(self.penalty_scaling)
            .seed(self.seed);
        nmf.alpha_h = self.alpha_h;
        solver.resolve(self.loss)?;
        Ok(nmf)
    }
}
