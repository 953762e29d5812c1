//! The hyper-parameters of masked NMF.

use crate::{Loss, PenaltyScaling};
use matfact_core::{Error, Result, require_memory};

/// Non-negative matrix factorization of observed entries, with its hyper-parameters: for ratings, for
/// tables with missing values, for entries that count differently.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of components k |
/// | `loss` | [`Loss::Frobenius`] | or [`Loss::KullbackLeibler`] | the divergence that is minimized |
/// | `max_iter` | 100 | 0.. | most iterations; 0 gives the initial model |
/// | `tol` | 1e-4 | >= 0 | relative fall of the objective an iteration that counts as converged; 0 runs all iterations |
/// | `passes` | 2 | 1.. | passes over the coordinates of a row in one iteration |
/// | `regularization` | 0.03 | >= 0 | strength of both penalties relative to the data, where `alpha_w` does not say |
/// | `alpha_w` | by `regularization` | >= 0 | strength of W's penalty |
/// | `alpha_h` | as `alpha_w` | >= 0 | strength of H's penalty |
/// | `l1_ratio` | 0 | 0..=1 | share of L1 in the penalties |
/// | `penalty_scaling` | [`PenaltyScaling::ByShape`] | | whether a row's penalty is multiplied by the sum of its weights |
/// | `max_w`, `max_h` | none | > 0 | upper bounds of the entries of W and H |
/// | `seed` | 0 | | of the random start |
///
/// `regularization` ρ stands for α = ρ·x̄ (squares) or α = ρ (Kullback-Leibler), where x̄ is the mean of
/// the observed entries: the fit of c·X is then c times the fit of X. The default suits ratings; a table
/// with few missing values and little noise wants less.
///
/// ```
/// use matfact_core::{Factorization, Factorizer, Ratings, ndarray::array};
/// use matfact_nmf::MaskedNmf;
/// let nan = f64::NAN;
/// // (1, 2, 3) times (1, 2, 4), with two values missing.
/// let table = array![[1.0, 2.0, 4.0], [2.0, nan, 8.0], [3.0, 6.0, nan]];
/// let known = Ratings::from_dense(table.view(), nan)?;
/// let nmf = MaskedNmf::new(1).regularization(0.0).tol(1e-9).max_iter(1000);
/// let model = nmf.fit(&known)?.model;
/// assert!((model.predict(1, 1)? - 4.0).abs() < 1e-3);
/// assert!((model.predict(2, 2)? - 12.0).abs() < 1e-2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct MaskedNmf {
    pub(crate) rank: usize,
    pub(crate) loss: Loss,
    pub(crate) max_iter: usize,
    pub(super) tol: f64,
    pub(crate) passes: usize,
    pub(super) regularization: f64,
    pub(super) alpha_w: Option<f64>,
    pub(super) alpha_h: Option<f64>,
    pub(super) l1_ratio: f64,
    pub(super) penalty_scaling: PenaltyScaling,
    pub(super) max_w: Option<f64>,
    pub(super) max_h: Option<f64>,
    pub(crate) seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> MaskedNmf {
    MaskedNmf::new(0)
}

impl MaskedNmf {
    /// Masked NMF with `rank` components and the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            loss: Loss::Frobenius,
            max_iter: 100,
            tol: 1e-4,
            passes: 2,
            regularization: 0.03,
            alpha_w: None,
            alpha_h: None,
            l1_ratio: 0.0,
            penalty_scaling: PenaltyScaling::ByShape,
            max_w: None,
            max_h: None,
            seed: 0,
        }
    }

    /// Sets the divergence that is minimized: [`Loss::Frobenius`] or [`Loss::KullbackLeibler`].
    #[must_use]
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets the most iterations.
    #[must_use]
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// Sets the relative fall of the objective that counts as converged.
    #[must_use]
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// Sets the passes over the coordinates of a row in one iteration.
    #[must_use]
    pub fn passes(mut self, passes: usize) -> Self {
        self.passes = passes;
        self
    }

    /// Sets the strength of both penalties relative to the data; [`MaskedNmf::alpha_w`] and
    /// [`MaskedNmf::alpha_h`] go before it.
    #[must_use]
    pub fn regularization(mut self, regularization: f64) -> Self {
        self.regularization = regularization;
        self
    }

    /// Sets the strength α of the penalty on W, and on H unless [`MaskedNmf::alpha_h`] sets that.
    #[must_use]
    pub fn alpha_w(mut self, alpha_w: f64) -> Self {
        self.alpha_w = Some(alpha_w);
        self
    }

    /// Sets the strength α of the penalty on H.
    #[must_use]
    pub fn alpha_h(mut self, alpha_h: f64) -> Self {
        self.alpha_h = Some(alpha_h);
        self
    }

    /// Sets the share of L1 in the penalties: 0 is L2 alone, 1 is L1 alone.
    #[must_use]
    pub fn l1_ratio(mut self, l1_ratio: f64) -> Self {
        self.l1_ratio = l1_ratio;
        self
    }

    /// Sets what multiplies the penalty of a row of W or a column of H: the sum of the weights of its
    /// observed entries ([`PenaltyScaling::ByShape`]) or nothing.
    #[must_use]
    pub fn penalty_scaling(mut self, scaling: PenaltyScaling) -> Self {
        self.penalty_scaling = scaling;
        self
    }

    /// Keeps every entry of W at most `bound`.
    #[must_use]
    pub fn max_w(mut self, bound: f64) -> Self {
        self.max_w = Some(bound);
        self
    }

    /// Keeps every entry of H at most `bound`.
    #[must_use]
    pub fn max_h(mut self, bound: f64) -> Self {
        self.max_h = Some(bound);
        self
    }

    /// Sets the seed of the random start.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The number of components k.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Refuses hyper-parameters out of range; the rank is checked by the fit.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        if !matches!(self.loss, Loss::Frobenius | Loss::KullbackLeibler) {
            let requirement = "frobenius or kullback-leibler";
            return Err(Error::invalid_parameter("loss", self.loss, requirement));
        }
        if self.passes == 0 {
            return Err(Error::invalid_parameter("passes", 0, "at least 1"));
        }
        for (name, value) in [
            ("tol", self.tol),
            ("regularization", self.regularization),
            ("alpha_w", self.alpha_w.unwrap_or(0.0)),
            ("alpha_h", self.alpha_h.unwrap_or(0.0)),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                let requirement = "finite and at least 0";
                return Err(Error::invalid_parameter(name, value, requirement));
            }
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            let requirement = "between 0 and 1";
            return Err(Error::invalid_parameter(
                "l1_ratio",
                self.l1_ratio,
                requirement,
            ));
        }
        for (name, value) in [("max_w", self.max_w), ("max_h", self.max_h)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                let requirement = "finite and above 0";
                return Err(Error::invalid_parameter(name, value, requirement));
            }
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, shape: (usize, usize)) -> Result<()> {
        if self.rank == 0 {
            let limit = shape.0.min(shape.1).max(1);
            return Err(Error::InvalidRank {
                rank: 0,
                limit,
                shape,
            });
        }
        let what = || format!("rank {} for {} x {}", self.rank, shape.0, shape.1);
        if u32::try_from(shape.0.max(shape.1)).is_err() {
            return Err(Error::TooLarge { what: what() });
        }
        // The factors twice in single precision.
        require_memory(
            8.0 * (shape.0 as f64 + shape.1 as f64) * self.rank as f64,
            what,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_out_of_range_is_named() {
        let nmf = || MaskedNmf::new(2);
        for (bad, name) in [
            (nmf().loss(Loss::ItakuraSaito), "loss"),
            (nmf().passes(0), "passes"),
            (nmf().tol(f64::NAN), "tol"),
            (nmf().regularization(-1.0), "regularization"),
            (nmf().alpha_w(f64::INFINITY), "alpha_w"),
            (nmf().alpha_h(-0.1), "alpha_h"),
            (nmf().l1_ratio(1.1), "l1_ratio"),
            (nmf().max_w(0.0), "max_w"),
            (nmf().max_h(f64::NAN), "max_h"),
        ] {
            match bad.validate() {
                Err(Error::InvalidParameter { name: named, .. }) => assert_eq!(named, name),
                other => panic!("{bad:?} gave {other:?}"),
            }
        }
        assert!(nmf().tol(0.0).max_iter(0).alpha_w(0.0).validate().is_ok());
    }
}
