//! From a matrix and hyper-parameters to a model and its report.

use crate::course::Course;
use crate::initialization::{Factors, Start, start};
use crate::parameters::Constraints;
use crate::{Held, Init, Nmf, NmfModel, Solver};
use crate::{compression, hals, loss};
use matfact_core::ndarray::Array2;
use matfact_core::{
    Error, Factorizer, Fit, FitReport, Matrix, Restart, Result, Run, Scalar, Summary,
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
        let elements = shape
            .0
            .checked_add(shape.1)
            .and_then(|sum| sum.checked_mul(self.rank));
        if elements
            .and_then(|count| count.checked_mul(8))
            .is_none_or(|bytes| bytes > isize::MAX as usize)
        {
            let what = format!(
                "factors of rank {} for {} x {}",
                self.rank, shape.0, shape.1
            );
            return Err(Error::TooLarge { what });
        }
        Ok(())
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
    let mut best: Option<(Fitted<X::Scalar>, Course)> = None;
    for number in 0..nmf.restarts {
        let began = run.elapsed().as_secs_f64();
        let seed = nmf.seed.wrapping_add(number as u64);
        let (mut factors, warmed) = match &given {
            Some(given) if number == 0 => (given.factors(&problem), false),
            Some(_) => break,
            None => {
                let init = nmf.resolve_init(x.shape(), number)?;
                let beginning = start(&problem, init, seed)?;
                compression::warm_up(&problem, beginning, seed, run, &mut report)?
            }
        };
        let ready = run.elapsed().as_secs_f64();
        let mut course = Course::new(&problem);
        let xw = iterate(&problem, &mut factors, warmed, seed, run, &mut course)?;
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
        let interrupted = run.interrupted().is_some();
        if best
            .as_ref()
            .is_none_or(|(_, kept)| course.objective() < kept.objective())
        {
            report.seed = seed;
            best = Some((Fitted { factors, xw }, course));
        }
        if interrupted {
            break;
        }
    }
    let (Fitted { factors, xw }, course) = best.expect("there is at least one start");
    let ended = run.elapsed().as_secs_f64();
    report.iterations = course.history.len();
    report.stop = course.stop;
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

fn iterate<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &mut Factors<X::Scalar>,
    warmed: bool,
    seed: u64,
    run: &mut Run<'_>,
    course: &mut Course,
) -> Result<Option<Array2<X::Scalar>>> {
    match problem.solver {
        Solver::Multiplicative => crate::multiplicative::iterate(problem, factors, run, course)?,
        Solver::ScalarNewton => crate::scalar_newton::iterate(problem, factors, run, course)?,
        Solver::BlockPivoting => crate::block_pivoting::iterate(problem, factors, run, course)?,
        Solver::CoordinateDescent => {
            crate::coordinate_descent::iterate(problem, factors, seed, run, course)?;
        }
        Solver::Hals | Solver::Auto => {
            return hals::iterate(problem, factors, warmed, run, course);
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
