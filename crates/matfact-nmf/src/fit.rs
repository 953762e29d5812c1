//! From a matrix and hyper-parameters to a model and its report.

use crate::checkpoint::with_start;
use crate::course::Course;
use crate::initialization::{Factors, Start, start};
use crate::parameters::Constraints;
use crate::{Held, Init, Nmf, NmfModel, Solver};
use crate::{compression, hals, loss};
use matfact_core::ndarray::Array2;
use matfact_core::{
    CheckpointState, DataFingerprint, Error, Factorizer, Fit, FitReport, Matrix, Restart, Result,
    Run, Scalar, StopReason, Summary, require_memory,
};
use matfact_linalg::{PoolInfo, Products, in_pool};

impl<X: Matrix + ?Sized> Factorizer<X> for Nmf {
    type Model = NmfModel<X::Scalar>;

    /// # Errors
    /// [`Error::InvalidParameter`], [`Error::InvalidRank`] (k = 0, or an initialization that needs
    /// k <= min(m, n)), [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Negative`],
    /// [`Error::Overflow`], [`Error::TooLarge`].
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<NmfModel<X::Scalar>>> {
        self.validate()?;
        if self.held != Held::Nothing {
            let requirement = "nothing for a fit without a start (fit_from takes one)";
            let held = format!("{:?}", self.held);
            return Err(Error::invalid_parameter("held", held, requirement));
        }
        run.gives_checkpoints();
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, None, run, pool))
    }
}

impl Nmf {
    /// Fits from a start of one's own: a warm start, or factors of which [`Nmf::held`] holds parts.
    /// A side that the start leaves out begins at √(mean(X)/k).
    ///
    /// ```
    /// use matfact_core::{Run, ndarray::array};
    /// use matfact_nmf::{Held, Nmf, Start};
    /// let x = array![[2.0, 0.0, 2.0], [0.0, 3.0, 3.0]];
    /// let parts = array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]];
    /// let nmf = Nmf::new(2).held(Held::H);
    /// let model = nmf.fit_from(&x, Start::from_h(parts.clone()), &mut Run::new())?.model;
    /// assert_eq!(model.h(), parts);
    /// assert!((model.w()[[1, 1]] - 3.0_f64).abs() < 1e-6);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As a fit, and [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::Negative`] for the
    /// start, [`Error::InvalidParameter`] for held components outside 0..k and a held side that the
    /// start leaves out.
    pub fn fit_from<X: Matrix + ?Sized>(
        &self,
        x: &X,
        start: Start<X::Scalar>,
        run: &mut Run<'_>,
    ) -> Result<Fit<NmfModel<X::Scalar>>> {
        self.validate()?;
        start.check(self, x.shape())?;
        run.gives_checkpoints();
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, Some(start), run, pool))
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
        // The factors twice in single precision, and both Gram matrices.
        let (lines, rank) = (shape.0 as f64 + shape.1 as f64, self.rank as f64);
        require_memory(8.0 * lines * rank + 16.0 * rank * rank, || {
            format!(
                "factors of rank {} for {} x {}",
                self.rank, shape.0, shape.1
            )
        })
    }

    /// What `init` means for the start with this number (from 0).
    pub(crate) fn resolve_init(&self, shape: (usize, usize), restart: usize) -> Result<Init> {
        let limit = shape.0.min(shape.1);
        match self.init {
            Init::Auto if self.rank <= limit && restart == 0 => Ok(Init::Nndsvda),
            Init::Auto | Init::Random => Ok(Init::Random),
            _ if self.rank > limit && limit > 0 => Err(Error::InvalidRank {
                rank: self.rank,
                limit,
                shape,
            }),
            other => Ok(other),
        }
    }
}

/// What every solver works on: X' = X / scale made ready, with the constraints that belong to it.
pub(crate) struct Problem<'a, X: Matrix + ?Sized> {
    pub(crate) nmf: &'a Nmf,
    pub(crate) solver: Solver,
    pub(crate) x: Products<'a, X>,
    pub(crate) constraints: Constraints,
    /// The mean of X'.
    pub(crate) mean: f64,
    /// Whether W stays as it is.
    pub(crate) w_held: bool,
    /// The components whose rows of H are fitted, in order.
    pub(crate) fitted_components: Vec<usize>,
    /// Stored entries of X.
    pub(crate) stored: usize,
}

impl<'a, X: Matrix + ?Sized> Problem<'a, X> {
    /// Checks X and makes it ready.
    pub(crate) fn of(nmf: &'a Nmf, x: &'a X) -> Result<Self> {
        let summary = Summary::of(x);
        summary.require_non_negative("nmf")?;
        loss::require_positive_entries(nmf.loss, x, &summary)?;
        let products = Products::new(x, Some(&summary));
        let scale = products.scale();
        Ok(Self {
            nmf,
            solver: nmf.solver.resolve(nmf.loss)?,
            constraints: nmf.constraints(x.shape(), scale),
            mean: summary.mean() / scale,
            x: products,
            w_held: nmf.held == Held::W,
            fitted_components: match &nmf.held {
                Held::Nothing | Held::W => (0..nmf.rank).collect(),
                Held::H => Vec::new(),
                Held::Components(held) => (0..nmf.rank).filter(|t| !held.contains(t)).collect(),
            },
            stored: summary.stored,
        })
    }

    /// What the objective of X' is multiplied by to be that of X.
    pub(crate) fn unit(&self) -> f64 {
        self.x.scale().powf(self.nmf.loss.beta())
    }

    /// The components of W that are fitted, in order.
    pub(crate) fn fitted_w(&self) -> Vec<usize> {
        if self.w_held {
            Vec::new()
        } else {
            (0..self.nmf.rank).collect()
        }
    }
}

pub(crate) fn fit<X: Matrix + ?Sized>(
    nmf: &Nmf,
    x: &X,
    given: Option<Start<X::Scalar>>,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<NmfModel<X::Scalar>>> {
    nmf.check_size(x.shape())?;
    let first_init = nmf.resolve_init(x.shape(), 0)?;
    let problem = Problem::of(nmf, x)?;
    if problem.solver == Solver::ScalarNewton {
        // It lists the columns of sparse entries: turned before the start, whose products then take them as they are
        // and make no copy by bands beside.
        let _ = problem.x.columns();
    }
    let mut report = FitReport::new("nmf", x.shape(), nmf.rank, nmf.seed);
    report.stored = Some(problem.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let mut chosen = |name: &str, value: String| report.chosen.insert(name.to_owned(), value);
    if nmf.init == Init::Auto && given.is_none() {
        chosen("init", first_init.to_string());
    }
    if nmf.solver == Solver::Auto {
        chosen("solver", problem.solver.to_string());
    }

    if nmf.init == Init::Nndsvd && problem.solver == Solver::Multiplicative && given.is_none() {
        let notice = "multiplicative updates cannot change the zeros of the start nndsvd: nndsvda and nndsvdar have none";
        report.notices.push(notice.to_owned());
    }
    let mut resumed = run.identify::<X::Scalar>("nmf", nmf, || {
        with_start(DataFingerprint::of_matrix(x), given.as_ref())
    })?;
    let (mut best, first) = match &mut resumed {
        Some(state) => take_starts(&problem, state, &mut report)?,
        None => (None, 0),
    };
    let mut interrupted = None;
    for number in first..nmf.restarts {
        let began = run.elapsed().as_secs_f64();
        let seed = nmf.seed.wrapping_add(number as u64);
        let mut state = resumed.take().unwrap_or_default();
        let mut course = Course::new(&problem);
        let (mut factors, warmed) = match &given {
            _ if state.contains("w") => {
                course.resume(&mut state, "")?;
                let factors = Factors::take(&mut state, "", x.shape(), nmf.rank)?;
                (factors, state.counter("warmed")? == 1)
            }
            Some(given) if number == 0 => (given.factors(&problem), false),
            Some(_) => break,
            None => {
                let init = nmf.resolve_init(x.shape(), number)?;
                let beginning = start(&problem, init, seed)?;
                compression::warm_up(&problem, beginning, seed, run, &mut report)?
            }
        };
        let ready = run.elapsed().as_secs_f64();
        run.common_to_checkpoints(|state| {
            state.insert_report(&report);
            state.insert_counter("warmed", u64::from(warmed));
            give_starts(state, number, report.seed, best.as_ref());
        });
        let from = (warmed, seed, state);
        let xw = iterate(&problem, &mut factors, from, run, &mut course)?;
        report.seconds.initialization += ready - began;
        report.seconds.iterations += run.elapsed().as_secs_f64() - ready;
        if nmf.restarts > 1 && given.is_none() {
            report.restarts.push(Restart {
                seed,
                iterations: course.history.len(),
                stop: course.stop,
                objective: course.objective() * problem.unit(),
            });
        }
        // The best start may be one that had come to its end.
        let within = matches!(course.stop, StopReason::Cancelled | StopReason::TimeBudget);
        let cut_short = match course.stop {
            stop if within => Some(stop),
            _ if number + 1 == nmf.restarts || given.is_some() => None,
            _ => run.interrupted(),
        };
        if best
            .as_ref()
            .is_none_or(|(_, kept)| course.objective() < kept.objective())
        {
            report.seed = seed;
            best = Some((Fitted { factors, xw }, course));
        }
        if cut_short.is_some() {
            interrupted = cut_short;
            if !within {
                // Between two starts: the next one from its beginning.
                run.common_to_checkpoints(|state| {
                    state.insert_report(&report);
                    give_starts(state, number + 1, report.seed, best.as_ref());
                });
                run.checkpoint(0, |_| ())?;
            }
            break;
        }
    }
    let (Fitted { factors, xw }, course) = best.expect("there is at least one start");
    let ended = run.elapsed().as_secs_f64();
    report.iterations = course.history.len();
    report.stop = interrupted.unwrap_or(course.stop);
    report.history = course.history;
    finish(&problem, &factors, xw, &mut report)?;
    let scale = problem.x.scale();
    let restore = X::Scalar::from_f64(scale.sqrt());
    let rescaled = |factor: Array2<X::Scalar>| {
        if scale == 1.0 {
            factor
        } else {
            factor.mapv(|v| v * restore)
        }
    };
    let h = factors.h.t().as_standard_layout().into_owned();
    let model = NmfModel::fitted(rescaled(factors.w), rescaled(h), nmf);
    report.seconds.finishing = run.elapsed().as_secs_f64() - ended;
    Ok(Fit { model, report })
}

/// Where the iterations ended.
struct Fitted<T> {
    factors: Factors<T>,
    /// X'ᵀW of these factors, where the iterations have it at hand.
    xw: Option<Array2<T>>,
}

/// The best start so far with its course.
type Best<T> = (Fitted<T>, Course);

/// Puts which start it is, and the best one before it.
fn give_starts<T: Scalar>(
    state: &mut CheckpointState,
    number: usize,
    seed: u64,
    best: Option<&Best<T>>,
) {
    state.insert_counter("start", number as u64);
    if let Some((fitted, course)) = best {
        fitted.factors.give(state, "best.");
        course.give(state, "best.");
        state.insert_counter("best.seed", seed);
    }
}

/// Takes what [`give_starts`] has put, and the report.
fn take_starts<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    state: &mut CheckpointState,
    report: &mut FitReport,
) -> Result<(Option<Best<X::Scalar>>, usize)> {
    state.take_report(report)?;
    let first = state.counter("start")? as usize;
    if !state.contains("best.w") {
        return Ok((None, first));
    }
    let (shape, rank) = (problem.x.shape(), problem.nmf.rank);
    let factors = Factors::take(state, "best.", shape, rank)?;
    report.seed = state.counter("best.seed")?;
    let mut course = Course::new(problem);
    course.resume(state, "best.")?;
    let ended = report
        .restarts
        .iter()
        .find(|start| start.seed == report.seed);
    course.stop = ended.map_or(course.stop, |start| start.stop);
    Ok((Some((Fitted { factors, xw: None }, course)), first))
}

fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    (warmed, seed, mut resumed): (bool, u64, CheckpointState),
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<Option<Array2<X::Scalar>>> {
    match problem.solver {
        Solver::Multiplicative => {
            crate::multiplicative::iterate(problem, factors, &mut resumed, run, course)?;
        }
        Solver::ScalarNewton => crate::scalar_newton::iterate(problem, factors, run, course)?,
        Solver::BlockPivoting => crate::block_pivoting::iterate(problem, factors, run, course)?,
        Solver::CoordinateDescent => {
            crate::coordinate_descent::iterate(problem, factors, seed, run, course)?;
        }
        Solver::Hals | Solver::Auto => {
            return hals::iterate(problem, factors, warmed, &mut resumed, run, course);
        }
    }
    Ok(None)
}

/// The factors that `init` gives for X'.
pub(crate) fn start_of<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    init: Init,
    seed: u64,
) -> Result<Factors<X::Scalar>> {
    Ok(start(problem, init, seed)?.factors)
}

/// The exact objective and the certificate: the projected gradient of both factors against the
/// data's part of it.
fn finish<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &Factors<X::Scalar>,
    xw: Option<Array2<X::Scalar>>,
    report: &mut FitReport,
) -> Result<()> {
    if problem.nmf.loss.beta() == 2.0 {
        crate::frobenius::finish(problem, factors, xw, report)
    } else {
        loss::finish(problem, factors, report)
    }
}
