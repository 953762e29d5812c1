//! From a matrix to its principal components.

use super::likelihood::most_likely_rank;
use super::model::{Parts, PcaModel};
use super::{Pca, PcaMethod, PcaRank, exact};
use crate::decomposition::{epsilon, in_range};
use crate::standardized::{Standardized, centered};
use crate::truncated::identify;
use crate::{SvdMethod, SvdModel, TruncatedSvd, truncated};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Certificate, CheckpointState, Error, Factorizer, Fit, FitReport, Layout, LinearOperator,
    Result, Run, Scalar, StopReason,
};
use matfact_linalg::{Lines, PoolInfo, in_pool};

/// The components of X', however they were found.
pub(super) struct Components<T> {
    /// k x n.
    pub(super) vt: Array2<T>,
    /// Singular values of the centred X': k, descending.
    pub(super) sigma: Vec<f64>,
    /// The coordinates of the rows: m x k.
    pub(super) scores: Array2<T>,
    /// The sum of the squares of the singular values that are left out, where it is known.
    pub(super) rest: Option<f64>,
    /// The sum of all, where it is known.
    pub(super) total: Option<f64>,
    pub(super) residuals: Option<Certificate>,
}

/// How many components are wanted.
pub(super) struct Request<'a> {
    pca: &'a Pca,
}

impl Request<'_> {
    /// How many of the components with these squared singular values, all that there are.
    pub(super) fn rank(&self, squares: &[f64], shape: (usize, usize)) -> usize {
        match self.pca.rank {
            PcaRank::Fixed(rank) => rank,
            PcaRank::ExplainedVariance(share) => {
                fewest(squares, share * squares.iter().sum::<f64>(), f64::EPSILON)
            }
            PcaRank::Mle => most_likely_rank(squares, shape.0),
        }
    }
}

/// The fewest of `squares` whose sum reaches `goal` up to rounding of precision `epsilon`, at least one;
/// all if it is not reached.
fn fewest(squares: &[f64], goal: f64, epsilon: f64) -> usize {
    let goal = goal * (1.0 - 16.0 * epsilon);
    let mut sum = 0.0;
    let reached = squares.iter().position(|square| {
        sum += square;
        sum >= goal
    });
    reached.map_or(squares.len(), |at| at + 1)
}

impl<X: LinearOperator + ?Sized> Factorizer<X> for Pca {
    type Model = PcaModel<X::Scalar>;

    /// # Errors
    /// [`Error::EmptyInput`], [`Error::InvalidRank`] (k = 0 or k > min(m, n)),
    /// [`Error::InvalidParameter`], [`Error::NonFinite`] (where entries can be listed),
    /// [`Error::UnsupportedInput`] (a share of the variance of an operator without a summary, by the
    /// truncated method), [`Error::Overflow`], [`Error::TooLarge`].
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<PcaModel<X::Scalar>>> {
        self.validate()?;
        self.check_shape(x.shape())?;
        // One compiled fit for every type of matrix.
        let x: &dyn LinearOperator<Scalar = X::Scalar> = &x;
        let dense = matches!(x.layout(), Layout::Dense(_));
        let within = TruncatedSvd::new(1).tolerance(self.tolerance);
        let has_steps = within.method_for(x.shape()) != SvdMethod::Exact;
        if has_steps && self.resolve(x.shape(), dense) == PcaMethod::Truncated {
            run.gives_checkpoints();
        }
        in_pool(run, |run, pool| {
            let resumed = identify("pca", self, x, run)?;
            fit(self, x, (run, resumed), pool)
        })
    }
}

fn fit<X: LinearOperator + ?Sized>(
    pca: &Pca,
    x: &X,
    (run, resumed): (&mut Run<'_>, Option<CheckpointState>),
    pool: PoolInfo,
) -> Result<Fit<PcaModel<X::Scalar>>> {
    let clock = std::time::Instant::now();
    let seconds = || clock.elapsed().as_secs_f64();
    let y = Standardized::new(x)?.center_columns();
    let dense = matches!(x.layout(), Layout::Dense(_));
    let method = pca.resolve(x.shape(), dense);
    let mut report = FitReport::new("pca", x.shape(), 0, pca.seed);
    report.stored = y.source_summary().map(|summary| summary.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice.clone());
    let name = method.name().to_owned();
    report.chosen.insert("method".to_owned(), name);
    report.seconds.initialization = seconds();

    let (y, scale) = y.divided();
    let request = Request { pca };
    let center = y.moments().means.clone();
    let found = match method {
        PcaMethod::Truncated => truncated(&y, &center, pca, (run, resumed), &pool, &mut report)?,
        _ => {
            let found = if method == PcaMethod::Covariance {
                exact::by_covariance(y.products(), &center, &request)?
            } else {
                exact::by_svd(y.products(), &center, &request)?
            };
            report.iterations = 1;
            report.stop = StopReason::Converged;
            if let Some(stop) = run.iteration(1, 1, f64::NAN) {
                report.stop = stop;
            }
            found
        }
    };
    report.rank = found.sigma.len();
    if !matches!(pca.rank, PcaRank::Fixed(_)) {
        let rank = report.rank.to_string();
        report.chosen.insert("rank".to_owned(), rank);
    }
    report.seconds.iterations = seconds() - report.seconds.initialization;
    let model = finish(pca, found, &center, (x.shape().0, scale), &mut report)?;
    report.seconds.finishing =
        seconds() - report.seconds.initialization - report.seconds.iterations;
    Ok(Fit { model, report })
}

/// By the truncated decomposition of the centred matrix.
fn truncated<X: LinearOperator + ?Sized>(
    y: &Standardized<'_, X>,
    center: &[f64],
    pca: &Pca,
    run: (&mut Run<'_>, Option<CheckpointState>),
    pool: &PoolInfo,
    report: &mut FitReport,
) -> Result<Components<X::Scalar>> {
    let total = y.moments().total;
    let svd = match (y.products().is_dense(), y.products().rows()) {
        (true, Some(Lines::Dense(rows))) => {
            let copy = centered(rows, center);
            leading_triplets(&copy, total, pca, run, pool, report)?
        }
        _ => leading_triplets(y, total, pca, run, pool, report)?,
    };
    let sigma: Vec<f64> = svd.singular_values().iter().map(|s| s.as_f64()).collect();
    let captured: f64 = sigma.iter().map(|s| s * s).sum();
    Ok(Components {
        vt: svd.vt().to_owned(),
        scores: &svd.u() * &svd.singular_values(),
        rest: total.map(|total| (total - captured).max(0.0)),
        // Rounding must not leave a share above 1.
        total: total.map(|total| total.max(captured)),
        residuals: None,
        sigma,
    })
}

/// The triplets of `y` that are asked for; the report gets those of the fit inside.
fn leading_triplets<Y: LinearOperator + ?Sized>(
    y: &Y,
    total: Option<f64>,
    pca: &Pca,
    run: (&mut Run<'_>, Option<CheckpointState>),
    pool: &PoolInfo,
    report: &mut FitReport,
) -> Result<SvdModel<Y::Scalar>> {
    let (svd, energy) = match pca.rank {
        PcaRank::Fixed(rank) => (TruncatedSvd::new(rank), None),
        PcaRank::ExplainedVariance(share) => {
            let Some(total) = total else {
                return Err(Error::UnsupportedInput {
                    algorithm: "pca by a share of the variance",
                    expected: "a matrix whose variance is known (give a number of components)",
                    actual: "an operator without a summary",
                });
            };
            let energy = share * total * (1.0 - 16.0 * epsilon::<Y::Scalar>());
            // What is left out, of the norm: for the method alone, the energy says how many.
            let error = (1.0 - share).sqrt().clamp(f64::EPSILON, 1.0 - f64::EPSILON);
            (TruncatedSvd::to_error(error), Some(energy))
        }
        PcaRank::Mle => unreachable!("validate refuses it for the truncated method"),
    };
    let svd = svd.seed(pca.seed).tolerance(pca.tolerance);
    let inner = truncated::fit(&svd, y, energy, run, pool.clone())?;
    take_over(report, inner.report);
    Ok(inner.model)
}

/// What the report of the decomposition inside tells about the fit.
fn take_over(report: &mut FitReport, inner: FitReport) {
    report.iterations = inner.iterations;
    report.stop = inner.stop;
    report.history = inner.history;
    report.certificate = inner.certificate;
    for (name, value) in inner.chosen {
        report.chosen.entry(format!("svd {name}")).or_insert(value);
    }
    for notice in inner.notices {
        if !report.notices.contains(&notice) {
            report.notices.push(notice);
        }
    }
}

/// Back to the unit of X, with what the model and the report say about the variance.
fn finish<T: Scalar>(
    pca: &Pca,
    found: Components<T>,
    center: &[f64],
    (rows, scale): (usize, f64),
    report: &mut FitReport,
) -> Result<PcaModel<T>> {
    let columns = center.len();
    let rank = found.sigma.len();
    let others = rows.min(columns) - rank;
    let squared_means: f64 = center.iter().map(|mean| mean * mean).sum();
    if let (Some(rest), Some(total)) = (found.rest, found.total) {
        let squared_norm = total + rows as f64 * squared_means;
        report.objective = 0.5 * rest * scale * scale;
        report.relative_error = Some(if squared_norm > 0.0 {
            (rest / squared_norm).sqrt()
        } else {
            0.0
        });
    }
    if found.residuals.is_some() {
        report.certificate = found.residuals;
    }
    let freedom = (rows.max(2) - 1) as f64;
    let deviation =
        |squares: f64| in_range::<f64>((squares / freedom).sqrt() * scale, "the variance");
    let what = "the largest singular value";
    let value = |s: &f64| in_range::<T>(s * scale, what);
    let singular_values = found.sigma.iter().map(value);
    let singular_values = singular_values.collect::<Result<Array1<T>>>()?;
    let mut scores = found.scores;
    if scale != 1.0 {
        scores.mapv_inplace(|v| T::from_f64(v.as_f64() * scale));
    }
    if scores.iter().any(|v| !v.is_finite()) {
        in_range::<T>(f64::INFINITY, "a coordinate of a row")?;
    }
    let noise = match others {
        0 => Some(0.0),
        _ => found
            .rest
            .map(|rest| deviation(rest / others as f64))
            .transpose()?,
    };
    PcaModel::assembled(Parts {
        mean: center.iter().map(|c| c * scale).collect(),
        components: found.vt,
        singular_values,
        scores,
        rows,
        whiten: pca.whiten,
        total_deviation: found.total.map(deviation).transpose()?,
        noise_deviation: noise,
    })
}
