//! The hyper-parameters of NMF.

use matfact_core::{Error, Result};

/// How W and H start.
///
/// The three variants of NNDSVD (Boutsidis and Gallopoulos 2008) split the leading singular vectors
/// into their positive and negative parts; they need k <= min(m, n).
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
}

/// Non-negative matrix factorization with its hyper-parameters; the [crate page](crate) has the
/// mathematics.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1.. | number of components k |
/// | `init` | [`Init::Auto`] | | how W and H start |
/// | `max_iter` | 500 | 0.. | most iterations; 0 gives the initial model |
/// | `tol` | 1e-4 | >= 0 | relative fall of the objective an iteration that counts as converged; 0 runs all iterations |
/// | `target_error` | none | > 0 | stop at this ‖X − WH‖/‖X‖ |
/// | `sweeps` | 3 | 1.. | passes over the components for each pair of products, after the first 8 iterations (one pass each) |
/// | `alpha_w` | 0 | >= 0 | strength of W's penalty (scaled by the number of columns) |
/// | `alpha_h` | as `alpha_w` | >= 0 | strength of H's penalty (scaled by the number of rows) |
/// | `l1_ratio` | 0 | 0..=1 | share of L1 in the penalties |
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
    pub(crate) init: Init,
    pub(crate) max_iter: usize,
    pub(crate) tol: f64,
    pub(crate) target_error: Option<f64>,
    pub(crate) sweeps: usize,
    pub(crate) alpha_w: f64,
    pub(crate) alpha_h: Option<f64>,
    pub(crate) l1_ratio: f64,
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
            init: Init::Auto,
            max_iter: 500,
            tol: 1e-4,
            target_error: None,
            sweeps: 3,
            alpha_w: 0.0,
            alpha_h: None,
            l1_ratio: 0.0,
            seed: 0,
        }
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
        if self.sweeps == 0 {
            return Err(Error::invalid_parameter("sweeps", 0, "at least 1"));
        }
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
        match self.target_error {
            Some(error) if !(error.is_finite() && error > 0.0) => Err(Error::invalid_parameter(
                "target_error",
                error,
                "finite and above 0",
            )),
            _ => Ok(()),
        }
    }

    /// The penalties for a matrix of this shape, scaled as scikit-learn scales them.
    pub(crate) fn penalties(&self, shape: (usize, usize)) -> Penalties {
        let (m, n) = (shape.0 as f64, shape.1 as f64);
        let alpha_h = self.alpha_h.unwrap_or(self.alpha_w);
        Penalties {
            l1_w: self.alpha_w * self.l1_ratio * n,
            l2_w: self.alpha_w * (1.0 - self.l1_ratio) * n,
            l1_h: alpha_h * self.l1_ratio * m,
            l2_h: alpha_h * (1.0 - self.l1_ratio) * m,
        }
    }
}

/// Penalties as they stand in the objective.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalties {
    pub(crate) l1_w: f64,
    pub(crate) l2_w: f64,
    pub(crate) l1_h: f64,
    pub(crate) l2_h: f64,
}

impl Penalties {
    /// The penalties that give the same problem when X is divided by `scale`, and W and H by its
    /// square root, up to the factor scale² of the whole objective.
    pub(crate) fn rescaled(self, scale: f64) -> Self {
        let l1 = scale.powf(-1.5);
        Self {
            l1_w: self.l1_w * l1,
            l2_w: self.l2_w / scale,
            l1_h: self.l1_h * l1,
            l2_h: self.l2_h / scale,
        }
    }

    pub(crate) fn any(self) -> bool {
        [self.l1_w, self.l2_w, self.l1_h, self.l2_h]
            .iter()
            .any(|penalty| *penalty > 0.0)
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
