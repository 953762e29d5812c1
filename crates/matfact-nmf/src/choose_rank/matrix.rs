//! Cross-validation of a matrix whose absent entries are zero.

use super::held_out::{HeldOut, train};
use super::{CrossValidation, MAX_HELD_OUT, RankScores, Score};
use crate::course::Course;
use crate::fit::Problem;
use crate::initialization::start;
use crate::{Held, Init, Nmf, Solver};
use matfact_core::{Error, Matrix, Result, Run};
use matfact_linalg::in_pool;

impl CrossValidation<Nmf> {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        let nmf = &self.method;
        nmf.validate()?;
        self.validate_draws()?;
        let refuse = |name, value: String, requirement: &str| {
            Err(Error::invalid_parameter(name, value, requirement))
        };
        if nmf.loss.beta() != 2.0 {
            return refuse("loss", nmf.loss.to_string(), "frobenius");
        }
        if nmf.solver == Solver::Multiplicative {
            return refuse("solver", nmf.solver.to_string(), "auto or hals");
        }
        if !matches!(nmf.init, Init::Auto | Init::Random) {
            let requirement = "auto or random: other starts see what is held out";
            return refuse("init", nmf.init.to_string(), requirement);
        }
        if nmf.held != Held::Nothing {
            return refuse("held", format!("{:?}", nmf.held), "nothing");
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
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        self.validate()?;
        let (m, n) = x.shape();
        if u32::try_from(n).is_err() {
            let requirement = "at most 2^32 for cross-validation";
            return Err(Error::invalid_parameter("columns", n, requirement));
        }
        let settings = |rank: usize| {
            let mut nmf = self.method.clone().init(Init::Random);
            nmf.rank = rank;
            nmf
        };
        let positions = m as f64 * n as f64;
        let share = self.held_out.min(MAX_HELD_OUT / positions.max(1.0));
        in_pool(run, |run, _| {
            let any = settings(1);
            let scale = Problem::of(&any, x)?.x.scale();
            let draw = |repeat| {
                let held_out = HeldOut::draw(x, scale, share, self.method.seed, repeat);
                if held_out.count() == 0 {
                    let requirement = format!("enough for a position of {m} x {n}");
                    let name = "held_out";
                    return Err(Error::invalid_parameter(name, self.held_out, requirement));
                }
                Ok(held_out)
            };
            self.compare(run, draw, |held_out, rank, run| {
                let nmf = settings(rank);
                nmf.check_size(x.shape())?;
                score(&Problem::of(&nmf, x)?, held_out, run)
            })
        })
    }
}

/// The errors of the best start, on the entries fitted and on those held out, and its objective.
fn score<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    held_out: &HeldOut<X::Scalar>,
    run: &Run<'_>,
) -> Result<Score> {
    let (m, n) = problem.x.shape();
    let outside = held_out.count() as f64;
    let inside = (m as f64 * n as f64 - outside).max(1.0);
    let scale = problem.x.scale();
    let mean = |sum: f64, count: f64| scale * (sum / count).sqrt();
    let mut best: Option<Score> = None;
    for restart in 0..problem.nmf.restarts {
        let seed = problem.nmf.seed.wrapping_add(restart as u64);
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
        if best.as_ref().is_none_or(|best| objective < best.objective) {
            best = Some(Score {
                train_error: mean(errors.training, inside),
                held_out_error: mean(errors.held_out, outside),
                objective,
            });
        }
        if run.interrupted().is_some() {
            break;
        }
    }
    Ok(best.expect("there is at least one start"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use crate::{Loss, RankScore};
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
            (validation(nmf().loss(Loss::KullbackLeibler)), "loss"),
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
