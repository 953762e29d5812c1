//! The hyper-parameters of NMF.

use crate::{Held, Init, Loss, PenaltyScaling, Solver};
use matfact_core::ndarray::Array2;
use matfact_core::{Error, Result, Scalar};

/// Non-negative matrix factorization with its hyper-parameters; the [crate page](crate) has the
/// mathematics.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of components k |
/// | `loss` | [`Loss::Frobenius`] | | the divergence that is minimized |
/// | `solver` | [`Solver::Auto`] | by loss | how it is minimized |
/// | `init` | [`Init::Auto`] | | how W and H start |
/// | `restarts` | 1 | 1.. | starts from consecutive seeds, the best kept; after the first, `Auto` starts are random |
/// | `max_iter` | 500 | 0.. | most iterations; 0 gives the initial model |
/// | `tol` | 1e-5 | >= 0 | relative fall of the objective an iteration that counts as converged; 0 runs all iterations |
/// | `target_error` | none | > 0 | stop at this ‖X − WH‖/‖X‖ (Frobenius) |
/// | `target_objective` | none | finite | stop when the objective, penalties included, is at most this |
/// | `sweeps` | 3 | 1.. | passes over the components for each pair of products, after the first 8 iterations (one pass each) |
/// | `shuffle` | false | | random order of the components in [`Solver::CoordinateDescent`] |
/// | `compression` | as needed | | see [`Nmf::compression`] |
/// | `alpha_w` | 0 | >= 0 | strength of W's penalty (scaled by the number of columns) |
/// | `alpha_h` | as `alpha_w` | >= 0 | strength of H's penalty (scaled by the number of rows) |
/// | `l1_ratio` | 0 | 0..=1 | share of L1 in the penalties |
/// | `penalty_scaling` | [`PenaltyScaling::ByShape`] | | what multiplies `alpha_w` and `alpha_h` |
/// | `max_w`, `max_h` | none | > 0 | upper bounds of the entries of W and H |
/// | `held` | [`Held::Nothing`] | | what [`Nmf::fit_from`] leaves as it starts |
/// | `seed` | 0 | | of the random numbers in the initialization |
///
/// ```
/// use matfact_nmf::{Init, Nmf};
/// let nmf = Nmf::new(20).init(Init::Random).alpha_w(1e-4).l1_ratio(0.5).seed(7);
/// assert!(nmf.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct Nmf {
    pub(crate) rank: usize,
    pub(crate) loss: Loss,
    pub(crate) solver: Solver,
    pub(crate) init: Init,
    pub(crate) restarts: usize,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
    pub(crate) target_error: Option<f64>,
    pub(crate) target_objective: Option<f64>,
    pub(crate) sweeps: usize,
    pub(crate) shuffle: bool,
    pub(crate) compression: Option<bool>,
    pub(crate) alpha_w: f64,
    pub(crate) alpha_h: Option<f64>,
    pub(crate) l1_ratio: f64,
    pub(crate) penalty_scaling: PenaltyScaling,
    pub(crate) max_w: Option<f64>,
    pub(crate) max_h: Option<f64>,
    pub(crate) held: Held,
    pub(crate) seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> Nmf {
    Nmf::new(0)
}

impl Nmf {
    /// NMF with `rank` components and the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            loss: Loss::Frobenius,
            solver: Solver::Auto,
            init: Init::Auto,
            restarts: 1,
            max_iter: 500,
            tol: 1e-5,
            target_error: None,
            target_objective: None,
            sweeps: 3,
            shuffle: false,
            compression: None,
            alpha_w: 0.0,
            alpha_h: None,
            l1_ratio: 0.0,
            penalty_scaling: PenaltyScaling::ByShape,
            max_w: None,
            max_h: None,
            held: Held::Nothing,
            seed: 0,
        }
    }

    /// Sets the divergence that is minimized.
    #[must_use]
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets how it is minimized.
    #[must_use]
    pub fn solver(mut self, solver: Solver) -> Self {
        self.solver = solver;
        self
    }

    /// Sets how many starts there are, from the seeds `seed`, `seed + 1`, ...: the one with the
    /// smallest objective is kept, and the report lists all.
    #[must_use]
    pub fn restarts(mut self, restarts: usize) -> Self {
        self.restarts = restarts;
        self
    }

    /// Sets how W and H start.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
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

    /// Stops as soon as ‖X − WH‖/‖X‖ is at most `error`.
    #[must_use]
    pub fn target_error(mut self, error: f64) -> Self {
        self.target_error = Some(error);
        self
    }

    /// Stops as soon as the objective, penalties included, is at most `objective`.
    #[must_use]
    pub fn target_objective(mut self, objective: f64) -> Self {
        self.target_objective = Some(objective);
        self
    }

    /// Sets whether [`Solver::CoordinateDescent`] visits the components in a fresh random order in
    /// each pass.
    #[must_use]
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets whether [`Solver::Hals`] first runs on a randomized sketch of X of rank l (a little above
    /// k), where an iteration costs (m + n)·l·k instead of m·n·k, and then on X itself (Tepper and
    /// Sapiro 2016; Erichson et al. 2018). Every error, stop and certificate is that of X. By
    /// default this is done for dense matrices much larger than the sketch.
    #[must_use]
    pub fn compression(mut self, compression: bool) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sets the passes over the components for each pair of products, after the first 8 iterations;
    /// 1 is the classical method.
    #[must_use]
    pub fn sweeps(mut self, sweeps: usize) -> Self {
        self.sweeps = sweeps;
        self
    }

    /// Sets the strength of the penalty on W, and on H unless [`Nmf::alpha_h`] sets that.
    #[must_use]
    pub fn alpha_w(mut self, alpha_w: f64) -> Self {
        self.alpha_w = alpha_w;
        self
    }

    /// Sets the strength of the penalty on H.
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

    /// Sets what multiplies `alpha_w` and `alpha_h` in the objective.
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

    /// Sets what [`Nmf::fit_from`] leaves as it starts; a plain fit has nothing to hold and refuses
    /// it.
    #[must_use]
    pub fn held(mut self, held: Held) -> Self {
        self.held = held;
        self
    }

    /// Sets the seed of the random numbers in the initialization.
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

    /// Refuses hyper-parameters out of range; the rank is held against the shape in the fit.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        for (name, count) in [("sweeps", self.sweeps), ("restarts", self.restarts)] {
            if count == 0 {
                return Err(Error::invalid_parameter(name, 0, "at least 1"));
            }
        }
        if !self.loss.beta().is_finite() {
            let beta = self.loss.beta();
            return Err(Error::invalid_parameter("loss", beta, "a finite beta"));
        }
        self.solver.resolve(self.loss)?;
        crate::block_pivoting::check(self)?;
        let at_least_zero = [
            ("tol", self.tol),
            ("alpha_w", self.alpha_w),
            ("alpha_h", self.alpha_h.unwrap_or(0.0)),
        ];
        for (name, value) in at_least_zero {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::invalid_parameter(
                    name,
                    value,
                    "finite and at least 0",
                ));
            }
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(Error::invalid_parameter(
                "l1_ratio",
                self.l1_ratio,
                "between 0 and 1",
            ));
        }
        for (name, value) in [
            ("target_error", self.target_error),
            ("max_w", self.max_w),
            ("max_h", self.max_h),
        ] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                let requirement = "finite and above 0";
                return Err(Error::invalid_parameter(name, value, requirement));
            }
        }
        if self.target_error.is_some() && self.loss.beta() != 2.0 {
            let requirement = "left out for this loss (target_objective is for every loss)";
            let value = self.target_error.unwrap_or_default();
            return Err(Error::invalid_parameter("target_error", value, requirement));
        }
        match self.target_objective {
            Some(value) if !value.is_finite() => Err(Error::invalid_parameter(
                "target_objective",
                value,
                "finite",
            )),
            _ => Ok(()),
        }
    }

    /// The constraints of the problem for X / `scale` (m x n) that has the same solution, with W and H
    /// divided by √scale and the objective by scale^β.
    pub(crate) fn constraints(&self, shape: (usize, usize), scale: f64) -> Constraints {
        let (by_columns, by_rows) = match self.penalty_scaling {
            PenaltyScaling::ByShape => (shape.1 as f64, shape.0 as f64),
            PenaltyScaling::Plain => (1.0, 1.0),
        };
        let beta = self.loss.beta();
        let alpha_h = self.alpha_h.unwrap_or(self.alpha_w);
        // A power of an extreme scale may be infinite, and no penalty stays none.
        let times = |penalty: f64, power: f64| if penalty == 0.0 { 0.0 } else { penalty * power };
        let side = |alpha: f64, max: Option<f64>| Side {
            l1: times(alpha * self.l1_ratio, scale.powf(0.5 - beta)),
            l2: times(alpha * (1.0 - self.l1_ratio), scale.powf(1.0 - beta)),
            max: max.map(|max| max / scale.sqrt()),
        };
        Constraints {
            w: side(self.alpha_w * by_columns, self.max_w),
            h: side(alpha_h * by_rows, self.max_h),
        }
    }
}

/// Penalties and bounds of both factors, as they stand in the objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Constraints {
    pub(crate) w: Side,
    pub(crate) h: Side,
}

/// Penalty and bound of one factor: `l1`·ΣF + ½·`l2`·‖F‖², 0 <= F <= `max`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Side {
    pub(crate) l1: f64,
    pub(crate) l2: f64,
    pub(crate) max: Option<f64>,
}

impl Side {
    /// The penalty of `factor`.
    pub(crate) fn penalty<T: Scalar>(&self, factor: &Array2<T>) -> f64 {
        if self.l1 == 0.0 && self.l2 == 0.0 {
            return 0.0;
        }
        let values = factor.iter().map(|v| v.as_f64());
        values.map(|v| self.l1 * v + 0.5 * self.l2 * v * v).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 37 of the reliability list for the parameters of NMF.
    #[test]
    fn each_parameter_out_of_range_is_named() {
        let nmf = || Nmf::new(2);
        for (bad, name) in [
            (nmf().sweeps(0), "sweeps"),
            (nmf().tol(-1e-4), "tol"),
            (nmf().tol(f64::NAN), "tol"),
            (nmf().alpha_w(-1.0), "alpha_w"),
            (nmf().alpha_h(f64::INFINITY), "alpha_h"),
            (nmf().l1_ratio(1.5), "l1_ratio"),
            (nmf().l1_ratio(f64::NAN), "l1_ratio"),
            (nmf().target_error(0.0), "target_error"),
        ] {
            match bad.validate() {
                Err(Error::InvalidParameter { name: named, .. }) => assert_eq!(named, name),
                other => panic!("{bad:?} gave {other:?}"),
            }
        }
        assert!(nmf().tol(0.0).max_iter(0).validate().is_ok());
    }
}
