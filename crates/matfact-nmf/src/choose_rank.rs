//! How many components? Cross-validation on held-out entries.
//!
//! Some entries of X, spread over all of it ("speckled"; Owen and Perry 2009 discuss the ways to hold
//! out), are left out of the fit, and the fit predicts them. Too few components miss what is there, too
//! many repeat the noise of the training entries: the held-out error is smallest in between, while the
//! training error falls on and on. Rows and columns are never left out whole, so that both factors are
//! known everywhere.
//!
//! For a matrix, positions are drawn among all, zeros included, and filled in with the present W H in
//! each iteration ([`held_out`] has the mathematics). Of observed entries some are drawn, and the others
//! are what the fit observes.

mod held_out;
mod matrix;
mod observed;
mod scores;

use crate::Nmf;
use matfact_core::{Error, Result, Run};

pub use scores::{RankScore, RankScores};

/// Entries held out at most in one repeat: with so many the error is known to three digits.
const MAX_HELD_OUT: f64 = 2e6;

/// Cross-validation of the rank on held-out entries: of a matrix with [`Nmf`], of observed entries with
/// [`MaskedNmf`](crate::MaskedNmf).
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `method` | – | | settings of every fit; the rank is replaced |
/// | `ranks` | – | 1.. | the ranks to compare |
/// | `repeats` | 5 | 2.. | draws of entries to hold out, the same for each rank |
/// | `held_out` | 0.1 | above 0, at most 0.5 | share of the entries held out in each repeat, at most 2 million of them |
///
/// **A matrix**: all positions count, zeros included. Fits are by HALS, whatever Frobenius solver is
/// named; `restarts` are the starts of each, of which the one with the smallest training objective
/// counts. The loss has to be Frobenius, nothing held, and the `init` random (or auto, which is random
/// here: the others would see what is held out). Memory, beside the factors, is 16 bytes or less for
/// each position held out and two narrow panels.
///
/// **Observed entries**: each row holds out its share of those observed, but never its last one. Errors
/// count each entry by its weight. Memory is that of the entries and of a fit.
///
/// ```
/// use matfact_core::ndarray::Array2;
/// use matfact_core::Ratings;
/// use matfact_nmf::{CrossValidation, MaskedNmf, Nmf};
/// // Two groups of columns that vary on their own.
/// let x = Array2::from_shape_fn((30, 12), |(i, j)| {
///     let level = if j % 2 == 0 { i % 5 } else { i % 7 };
///     let noise = (i * i * 7919 + j * j * 104_729 + i * j * 31) % 1009;
///     level as f64 * (0.9 + 0.2 * noise as f64 / 1009.0)
/// });
/// let scores = CrossValidation::new(Nmf::new(1), 1..=4).fit(&x)?;
/// assert_eq!(scores.chosen_rank(), 2);
///
/// let known = Ratings::from_dense(x.view(), 0.0)?;
/// let method = MaskedNmf::new(1).regularization(0.001);
/// let scores = CrossValidation::new(method, 1..=4).fit(&known)?;
/// assert_eq!(scores.chosen_rank(), 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CrossValidation<A = Nmf> {
    method: A,
    ranks: Vec<usize>,
    repeats: usize,
    held_out: f64,
}

/// What one fit scored.
struct Score {
    train_error: f64,
    held_out_error: f64,
    objective: f64,
}

impl<A> CrossValidation<A> {
    /// Cross-validation of `ranks` by 5 repeats with a tenth of the entries held out, with the other
    /// settings of `method`.
    #[must_use]
    pub fn new(method: A, ranks: impl IntoIterator<Item = usize>) -> Self {
        Self {
            method,
            ranks: ranks.into_iter().collect(),
            repeats: 5,
            held_out: 0.1,
        }
    }

    /// Sets how many times entries are drawn.
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Sets the share of the entries that is held out.
    #[must_use]
    pub fn held_out(mut self, share: f64) -> Self {
        self.held_out = share;
        self
    }

    fn validate_draws(&self) -> Result<()> {
        let refuse = |name, value: String, requirement: &str| {
            Err(Error::invalid_parameter(name, value, requirement))
        };
        if self.ranks.is_empty() || self.ranks.contains(&0) {
            return refuse("ranks", format!("{:?}", self.ranks), "ranks from 1");
        }
        if self.repeats < 2 {
            return refuse("repeats", self.repeats.to_string(), "at least 2");
        }
        if !(self.held_out > 0.0 && self.held_out <= 0.5) {
            let requirement = "above 0 and at most 0.5";
            return refuse("held_out", self.held_out.to_string(), requirement);
        }
        Ok(())
    }

    /// Scores every rank on every draw; when the run is stopped, those done so far.
    fn compare<D>(
        &self,
        run: &mut Run<'_>,
        draw: impl Fn(u64) -> Result<D>,
        score: impl Fn(&D, usize, &Run<'_>) -> Result<Score>,
    ) -> Result<RankScores> {
        let mut scores: Vec<Vec<(f64, f64)>> = vec![Vec::new(); self.ranks.len()];
        let total = self.ranks.len() * self.repeats;
        let mut done = 0;
        // Ranks inside, so that a stopped run has compared them all.
        'repeats: for repeat in 0..self.repeats {
            let drawn = draw(repeat as u64)?;
            for (rank, scores) in self.ranks.iter().zip(&mut scores) {
                let found = score(&drawn, *rank, run)?;
                scores.push((found.train_error, found.held_out_error));
                done += 1;
                if run.iteration(done, total, found.objective).is_some() {
                    break 'repeats;
                }
            }
        }
        let ranks = self.ranks.iter().zip(&scores);
        Ok(RankScores {
            ranks: ranks
                .filter(|(_, scores)| !scores.is_empty())
                .map(|(rank, scores)| scores::summarize(*rank, scores))
                .collect(),
        })
    }
}
