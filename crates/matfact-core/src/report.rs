//! What a fit tells about itself.

use std::collections::BTreeMap;
use std::fmt;

/// A model and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit<M> {
    /// The model.
    pub model: M,
    /// How the fit went.
    pub report: FitReport,
}

impl<M> Fit<M> {
    /// The same report with the model converted.
    pub fn map<N>(self, convert: impl FnOnce(M) -> N) -> Fit<N> {
        Fit {
            model: convert(self.model),
            report: self.report,
        }
    }
}

/// Why a fit stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum StopReason {
    /// The tolerance was met.
    Converged,
    /// All iterations that were asked for were done (for methods without a tolerance, the normal
    /// end).
    MaxIterations,
    /// The asked-for error was reached.
    TargetError,
    /// The error on the [`Validation`](crate::Validation) set no longer fell, or the metric no longer rose; the model
    /// is the best one.
    NoImprovement,
    /// The time budget of the [`Run`](crate::Run) was used up.
    TimeBudget,
    /// The [`Cancellation`](crate::Cancellation) was raised.
    Cancelled,
    /// The iterates left all bounds; the model is the last one before, as was asked for.
    Diverged,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::Converged => "converged",
            StopReason::MaxIterations => "iterations done",
            StopReason::TargetError => "target error reached",
            StopReason::NoImprovement => "no longer better on the validation set",
            StopReason::TimeBudget => "time budget used up",
            StopReason::Cancelled => "cancelled",
            StopReason::Diverged => "diverged, last finite model kept",
        })
    }
}

/// How far a model is from what it should satisfy: a number that can be checked.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Certificate {
    /// Norm of the projected gradient divided by the norm of the data's part of the gradient: 0 at a
    /// stationary point, whatever the scale of the data.
    ProjectedGradient(
        #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::number"))] f64,
    ),
    /// How far each singular triplet (u, σ, v) is from one of A.
    TripletResiduals {
        /// ‖A v − σ u‖ / σ₁ of each.
        #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::numbers"))]
        left: Vec<f64>,
        /// ‖Aᵀ u − σ v‖ / σ₁ of each.
        #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::numbers"))]
        right: Vec<f64>,
    },
}

impl Certificate {
    /// The largest of its numbers: 0 at a stationary point, and for triplets that are exact.
    ///
    /// ```
    /// use matfact_core::Certificate;
    /// let certificate = Certificate::TripletResiduals { left: vec![1e-9, 0.0], right: vec![0.0, 1e-6] };
    /// assert_eq!(certificate.largest(), 1e-6);
    /// ```
    #[must_use]
    pub fn largest(&self) -> f64 {
        match self {
            Certificate::ProjectedGradient(gradient) => *gradient,
            Certificate::TripletResiduals { left, right } => {
                left.iter().chain(right).copied().fold(0.0, f64::max)
            }
        }
    }
}

/// One of several starts of a fit.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Restart {
    /// Its seed.
    pub seed: u64,
    /// Iterations done.
    pub iterations: usize,
    /// Why it stopped.
    pub stop: StopReason,
    /// The objective that it reached.
    #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::number"))]
    pub objective: f64,
}

/// Seconds of wall-clock time by phase.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Seconds {
    /// Validation and initialization.
    pub initialization: f64,
    /// The iterations.
    pub iterations: f64,
    /// The certificate and the final objective.
    pub finishing: f64,
}

impl Seconds {
    /// The whole fit.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.initialization + self.iterations + self.finishing
    }
}

/// How a fit went: iterations, why it stopped, objective, certificate, time.
///
/// With the feature `serde`, numbers that are not finite are written as nothing (`null` in JSON, which has no such
/// numbers) and read back as NaN.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FitReport {
    /// The algorithm's name as on the command line.
    pub algorithm: String,
    /// Rows and columns of the input.
    pub shape: (usize, usize),
    /// Stored or observed entries of the input; `None` for an operator known by its products.
    pub stored: Option<usize>,
    /// The rank.
    pub rank: usize,
    /// Iterations (epochs, power iterations) done.
    pub iterations: usize,
    /// Why the fit stopped.
    pub stop: StopReason,
    /// The value of the algorithm's objective at the end; each algorithm's page defines it. NaN where there is none.
    #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::number"))]
    pub objective: f64,
    /// ‖X − X̂‖ / ‖X‖ in the Frobenius norm, for matrix input whose norm is known.
    pub relative_error: Option<f64>,
    /// The objective after each iteration.
    #[cfg_attr(feature = "serde", serde(with = "crate::not_finite::numbers"))]
    pub history: Vec<f64>,
    /// The root mean square error on the validation set after each iteration, where there is one; of algorithms
    /// that rank the metric at each look, which `chosen["validation"]` names.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::not_finite::numbers"))]
    pub validation: Vec<f64>,
    /// The iteration that the model is of: the best one on the validation set.
    #[cfg_attr(feature = "serde", serde(default))]
    pub best_iteration: Option<usize>,
    /// How far from a stationary point, or the residual of each triplet.
    pub certificate: Option<Certificate>,
    /// Seconds by phase.
    pub seconds: Seconds,
    /// Threads that the fit ran on.
    pub threads: usize,
    /// Seed of the random numbers (of the start that was kept).
    pub seed: u64,
    /// What the settings left to the algorithm (`auto`) came to, by name.
    #[cfg_attr(feature = "serde", serde(default))]
    pub chosen: BTreeMap<String, String>,
    /// Every start, where there were several.
    #[cfg_attr(feature = "serde", serde(default))]
    pub restarts: Vec<Restart>,
    /// Things worth knowing that are no errors, in plain words.
    pub notices: Vec<String>,
}

impl FitReport {
    /// A report with everything else at zero or empty, for algorithms to fill in.
    #[must_use]
    pub fn new(algorithm: &str, shape: (usize, usize), rank: usize, seed: u64) -> Self {
        Self {
            algorithm: algorithm.to_owned(),
            shape,
            stored: None,
            rank,
            iterations: 0,
            stop: StopReason::MaxIterations,
            objective: f64::NAN,
            relative_error: None,
            history: Vec::new(),
            validation: Vec::new(),
            best_iteration: None,
            certificate: None,
            seconds: Seconds::default(),
            threads: 1,
            seed,
            chosen: BTreeMap::new(),
            restarts: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Whether a tolerance or a target was met, or nothing better came on the validation set.
    #[must_use]
    pub fn converged(&self) -> bool {
        matches!(
            self.stop,
            StopReason::Converged | StopReason::TargetError | StopReason::NoImprovement
        )
    }
}

impl fmt::Display for FitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.shape;
        write!(
            f,
            "{}: {rows} x {columns}, rank {}",
            self.algorithm, self.rank
        )?;
        write!(f, ", {} after {} iterations", self.stop, self.iterations)?;
        if let Some(error) = self.relative_error {
            write!(f, ", relative error {error:.6}")?;
        }
        write!(f, ", {:.3} s", self.seconds.total())
    }
}
