//! How many components? Cross-validation on held-out entries.
//!
//! Some positions of X, spread over all of it ("speckled"; Owen and Perry 2009 discuss the ways to hold
//! out), are left out of the fit, and the fit predicts them. Too few components miss what is there, too
//! many repeat the noise of the training entries: the held-out error is smallest in between, while the
//! training error falls on and on. Rows and columns are never left out whole, so that both factors are
//! known everywhere.
//!
//! For a matrix, the positions are drawn among all, zeros included; they are filled in with the present
//! W H in each iteration ([`held_out`] has the mathematics).

mod held_out;

use crate::course::Course;
use crate::fit::Problem;
use crate::initialization::start;
use crate::{Held, Init, Nmf, Solver};
use held_out::{HeldOut, train};
use matfact_core::{Error, Matrix, Result, Run};
use matfact_linalg::in_pool;
use std::fmt;

/// Positions held out at most in one repeat: with so many the error is known to three digits.
const MAX_HELD_OUT: f64 = 2e6;

/// Cross-validation of the rank on held-out entries.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `nmf` | – | | settings of every fit: Frobenius loss, nothing held, a random `init` (or auto, which is random here: the others would see what is held out); the rank is replaced |
/// | `ranks` | – | 1.. | the ranks to compare |
/// | `repeats` | 5 | 2.. | draws of positions to hold out, the same for each rank |
/// | `held_out` | 0.1 | above 0, at most 0.5 | share of the positions held out in each repeat, at most 2 million of them |
///
/// Fits are by HALS, whatever Frobenius solver `nmf` names; its `restarts` are the starts of each, of which
/// the one with the smallest training objective counts. Memory, beside the factors, is 16 bytes or less for
/// each position held out and two narrow panels.
///
/// ```
/// use matfact_core::ndarray::Array2;
/// use matfact_nmf::{CrossValidation, Nmf};
/// // Two groups of columns that vary on their own.
/// let x = Array2::from_shape_fn((30, 12), |(i, j)| {
///     let level = if j % 2 == 0 { i % 5 } else { i % 7 };
///     let noise = (i * i * 7919 + j * j * 104_729 + i * j * 31) % 1009;
///     level as f64 * (0.9 + 0.2 * noise as f64 / 1009.0)
/// });
/// let scores = CrossValidation::new(Nmf::new(1), 1..=4).fit(&x)?;
/// assert_eq!(scores.chosen_rank(), 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CrossValidation {
    nmf: Nmf,
    ranks: Vec<usize>,
    repeats: usize,
    held_out: f64,
}

/// How well one rank predicts.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RankScore {
    /// The rank k.
    pub rank: usize,
    /// Repeats done; fewer than asked for if the run was stopped.
    pub repeats: usize,
    /// The root mean squared error of the entries fitted, mean over the repeats.
    pub train_error: f64,
    /// The root mean squared error of the entries held out, mean over the repeats.
    pub held_out_error: f64,
    /// The standard error of that mean: the deviation between repeats over √repeats.
    pub standard_error: f64,
}

/// The scores of each rank, in the order asked for; [`fmt::Display`] writes them as a table.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RankScores {
    /// How well each rank predicts; never empty.
    pub ranks: Vec<RankScore>,
}

impl RankScores {
    /// The rank with the smallest held-out error, the smaller one on ties.
    #[must_use]
    pub fn best_rank(&self) -> usize {
        self.best().map_or(0, |score| score.rank)
    }

    /// The smallest rank whose held-out error is at most one standard error above the best one: the
    /// simplest of those that the data cannot tell apart (Breiman et al. 1984).
    #[must_use]
    pub fn chosen_rank(&self) -> usize {
        let Some(best) = self.best() else { return 0 };
        let limit = best.held_out_error + best.standard_error;
        self.ranks
            .iter()
            .filter(|score| score.held_out_error <= limit)
            .map(|score| score.rank)
            .min()
            .unwrap_or(best.rank)
    }

    fn best(&self) -> Option<&RankScore> {
        self.ranks.iter().min_by(|a, b| {
            a.held_out_error
                .total_cmp(&b.held_out_error)
                .then(a.rank.cmp(&b.rank))
        })
    }
}

impl fmt::Display for RankScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["train error", "held-out error", "standard error"];
        writeln!(
            f,
            "{:>5} {:>14} {:>15} {:>15}",
            "rank", titles[0], titles[1], titles[2]
        )?;
        for score in &self.ranks {
            writeln!(
                f,
                "{:>5} {:>14.6} {:>15.6} {:>15.6}",
                score.rank, score.train_error, score.held_out_error, score.standard_error
            )?;
        }
        let (best, chosen) = (self.best_rank(), self.chosen_rank());
        write!(f, "best rank: {best}, within one standard error: {chosen}")
    }
}

impl CrossValidation {
    /// Cross-validation of `ranks` by 5 repeats with a tenth of the positions held out, with the other
    /// settings of `nmf`.
    #[must_use]
    pub fn new(nmf: Nmf, ranks: impl IntoIterator<Item = usize>) -> Self {
        Self {
            nmf,
            ranks: ranks.into_iter().collect(),
            repeats: 5,
            held_out: 0.1,
        }
    }

    /// Sets how many times positions are drawn.
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Sets the share of the positions that is held out.
    #[must_use]
    pub fn held_out(mut self, share: f64) -> Self {
        self.held_out = share;
        self
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        self.nmf.validate()?;
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
        if self.nmf.loss.beta() != 2.0 {
            return refuse("loss", self.nmf.loss.to_string(), "frobenius");
        }
        if self.nmf.solver == Solver::Multiplicative {
            return refuse("solver", self.nmf.solver.to_string(), "auto or hals");
        }
        if !matches!(self.nmf.init, Init::Auto | Init::Random) {
            let requirement = "auto or random: other starts see what is held out";
            return refuse("init", self.nmf.init.to_string(), requirement);
        }
        if self.nmf.held != Held::Nothing {
            return refuse("held", format!("{:?}", self.nmf.held), "nothing");
        }
        Ok(())
    }

    /// Compares the ranks on `x` with the default [`Run`].
    ///
    /// # Errors
    /// As [`CrossValidation::fit_with`].
    pub fn fit<X: Matrix + ?Sized>(&self, x: &X) -> Result<RankScores> {
        self.fit_with(x, &mut Run::default())
    }

    /// Compares the ranks on `x` (m x n), all positions of which count, zeros included. The observer of
    /// `run` is called after each fit; when the run is stopped, the scores hold what was done so far.
    ///
    /// # Errors
    /// What a fit refuses; [`Error::InvalidParameter`] for settings out of range and for a share that holds
    /// no position out, or more columns than 32-bit indices count.
    pub fn fit_with<X: Matrix + ?Sized>(&self, x: &X, run: &mut Run<'_>) -> Result<RankScores> {
        self.validate()?;
        let (m, n) = x.shape();
        if u32::try_from(n).is_err() {
            let requirement = "at most 2^32 for cross-validation";
            return Err(Error::invalid_parameter("columns", n, requirement));
        }
        let settings: Vec<Nmf> = self
            .ranks
            .iter()
            .map(|rank| {
                let mut nmf = self.nmf.clone().init(Init::Random);
                nmf.rank = *rank;
                nmf
            })
            .collect();
        let positions = m as f64 * n as f64;
        let share = self.held_out.min(MAX_HELD_OUT / positions.max(1.0));
        in_pool(run, |run, _| {
            let mut scores: Vec<Vec<(f64, f64)>> = vec![Vec::new(); settings.len()];
            let total = settings.len() * self.repeats;
            let mut done = 0;
            // Ranks inside, so that a stopped run has compared them all.
            'repeats: for repeat in 0..self.repeats {
                for (nmf, scores) in settings.iter().zip(&mut scores) {
                    nmf.check_size(x.shape())?;
                    let problem = Problem::of(nmf, x)?;
                    let (seed, scale) = (nmf.seed, problem.x.scale());
                    let held_out = HeldOut::draw(x, scale, share, seed, repeat as u64);
                    if held_out.count() == 0 {
                        let requirement = format!("enough for a position of {m} x {n}");
                        let name = "held_out";
                        return Err(Error::invalid_parameter(name, self.held_out, requirement));
                    }
                    let (score, objective) = self.score(&problem, &held_out, run)?;
                    scores.push(score);
                    done += 1;
                    if run.iteration(done, total, objective).is_some() {
                        break 'repeats;
                    }
                }
            }
            let ranks = self.ranks.iter().zip(&scores);
            Ok(RankScores {
                ranks: ranks
                    .filter(|(_, scores)| !scores.is_empty())
                    .map(|(rank, scores)| summarize(*rank, scores))
                    .collect(),
            })
        })
    }

    /// The errors of the best start, on the entries fitted and on those held out, and its objective.
    fn score<X: Matrix + ?Sized>(
        &self,
        problem: &Problem<'_, X>,
        held_out: &HeldOut<X::Scalar>,
        run: &Run<'_>,
    ) -> Result<((f64, f64), f64)> {
        let (m, n) = problem.x.shape();
        let outside = held_out.count() as f64;
        let inside = (m as f64 * n as f64 - outside).max(1.0);
        let mut best = ((0.0, 0.0), f64::INFINITY);
        for restart in 0..self.nmf.restarts {
            let seed = self.nmf.seed.wrapping_add(restart as u64);
            let mut factors = start(problem, Init::Random, seed)?.factors;
            let mut course = Course::new(problem);
            let errors = train(
                problem,
                held_out,
                &mut factors,
                &mut run.silent(),
                &mut course,
            )?;
            let objective = course.objective();
            if restart == 0 || objective < best.1 {
                let scale = problem.x.scale();
                let mean = |sum: f64, count: f64| scale * (sum / count).sqrt();
                let score = (
                    mean(errors.training, inside),
                    mean(errors.held_out, outside),
                );
                best = (score, objective);
            }
            if run.interrupted().is_some() {
                break;
            }
        }
        Ok(best)
    }
}

/// Means and the standard error over the repeats (train error, held-out error) of a rank.
fn summarize(rank: usize, scores: &[(f64, f64)]) -> RankScore {
    let count = scores.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| scores.iter().map(of).sum::<f64>() / count;
    let held_out_error = mean(&|score| score.1);
    // Divided by the error, so that the squares of huge errors stay in range.
    let size = if held_out_error > 0.0 {
        held_out_error
    } else {
        1.0
    };
    let squares = mean(&|score| ((score.1 - held_out_error) / size).powi(2));
    // Variance over count − 1, divided by count; unknown (infinite) after a single repeat would choose
    // rank 1 always, so that it counts as none then.
    let standard_error = if scores.len() > 1 {
        size * (squares / (count - 1.0)).sqrt()
    } else {
        0.0
    };
    RankScore {
        rank,
        repeats: scores.len(),
        train_error: mean(&|score| score.0),
        held_out_error,
        standard_error,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use matfact_core::ndarray::{Array2, array};
    use matfact_core::{Duplicates, csr_from_triplets};
    use matfact_linalg::random_normal;

    /// Rank 3 in noise.
    fn three_parts(rows: usize, columns: usize) -> Array2<f64> {
        let part = |shape, stream| random_normal::<f64>(shape, 9, stream).mapv(|v| v.max(0.0));
        let product = part((rows, 3), 0).dot(&part((3, columns), 1));
        product + part((rows, columns), 2) * 0.3
    }

    #[test]
    fn the_rank_is_found_dense_and_sparse_with_the_same_figures() {
        let x = three_parts(60, 40);
        let validation = CrossValidation::new(Nmf::new(1).tol(1e-5), 1..=6).repeats(3);
        let scores = validation.fit(&x).unwrap();
        assert_eq!(scores.chosen_rank(), 3, "{scores}");
        let errors: Vec<f64> = scores.ranks.iter().map(|s| s.train_error).collect();
        assert!(errors.windows(2).all(|pair| pair[1] < pair[0]), "{scores}");
        let six = &scores.ranks[5];
        assert!(six.held_out_error > scores.ranks[2].held_out_error);
        assert!(scores.to_string().lines().count() == 8);
        let entries = x.indexed_iter().filter(|(_, v)| **v != 0.0);
        let entries = entries.map(|((i, j), v)| (i, j, *v));
        let csr = csr_from_triplets(x.dim(), entries, Duplicates::Error).unwrap();
        let sparse = validation.fit(&csr).unwrap();
        for (a, b) in scores.ranks.iter().zip(&sparse.ranks) {
            assert!((a.held_out_error / b.held_out_error - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn threads_do_not_matter_and_scale_is_followed() {
        let x = three_parts(40, 30);
        let validation = CrossValidation::new(Nmf::new(1).max_iter(30), [2, 3]).repeats(2);
        let with = |threads| {
            validation
                .fit_with(&x, &mut Run::new().threads(threads))
                .unwrap()
        };
        let scores = with(1);
        assert_eq!(scores, with(3));
        let factor = 2.0_f64.powi(600);
        let huge = validation.fit(&(&x * factor)).unwrap();
        for (a, b) in scores.ranks.iter().zip(&huge.ranks) {
            // An error far below the entries (which are near 1) is what is left of convergence.
            let difference = (b.held_out_error / factor - a.held_out_error).abs();
            assert!(difference < 1e-2 * a.held_out_error + 1e-3, "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_one_standard_error_rule_takes_the_simplest() {
        let score = |rank, held_out_error, standard_error| RankScore {
            rank,
            repeats: 5,
            train_error: 1.0 / rank as f64,
            held_out_error,
            standard_error,
        };
        let ranks = vec![score(4, 1.0, 0.1), score(2, 1.2, 0.3), score(3, 1.1, 0.1)];
        let scores = RankScores { ranks };
        assert_eq!((scores.best_rank(), scores.chosen_rank()), (4, 3));
        let figures = summarize(2, &[(1.0, 2.0), (3.0, 4.0), (5.0, 9.0)]);
        assert_eq!((figures.train_error, figures.held_out_error), (3.0, 5.0));
        // Variance (9 + 1 + 16)/2 = 13.
        assert!((figures.standard_error - (13.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn hard_input_gives_finite_scores() {
        for x in [
            Array2::<f32>::zeros((6, 5)),
            Array2::from_elem((1, 9), 2.0),
            Array2::from_elem((9, 1), 2.0),
        ] {
            let validation = CrossValidation::new(Nmf::new(1).max_iter(20), [1, 4]);
            let scores = validation.repeats(2).held_out(0.3).fit(&x).unwrap();
            let figures = |s: &RankScore| s.held_out_error.is_finite() && s.train_error.is_finite();
            assert!(scores.ranks.iter().all(figures), "{scores}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        let nmf = || Nmf::new(1);
        let validation = |nmf| CrossValidation::new(nmf, [1]);
        for (refused, expected) in [
            (CrossValidation::new(nmf(), []), "ranks"),
            (validation(nmf()).repeats(1), "repeats"),
            (validation(nmf()).held_out(0.0), "held_out"),
            (validation(nmf()).held_out(f64::NAN), "held_out"),
            (validation(nmf()).held_out(1e-9), "held_out"),
            (validation(nmf().loss(crate::Loss::KullbackLeibler)), "loss"),
            (validation(nmf().init(Init::Nndsvda)), "init"),
            (validation(nmf().held(Held::W)), "held"),
        ] {
            match refused.fit(&x) {
                Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
