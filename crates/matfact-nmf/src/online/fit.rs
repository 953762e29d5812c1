//! Mini-batches of a matrix at hand, epoch by epoch.

use super::learner::{Coordinates, Learner, Step};
use super::{MiniBatchNmf, START_WEIGHT, sample};
use crate::checkpoint::with_start;
use crate::fit::{Problem, start_of};
use crate::frobenius::ProjectedGradient;
use crate::initialization::{Factors, Start};
use crate::loss::{Entries, Measure, with_l2};
use crate::{Init, NmfModel, Solver};
use matfact_core::ndarray::{Array2, Axis, concatenate};
use matfact_core::{
    CheckpointState, DataFingerprint, Factorizer, Fit, FitReport, Matrix, Result, Run, Scalar,
    StopReason, Summary,
};
use matfact_linalg::{DivergenceParts, Lines, PoolInfo, Products, fade_and_add, in_pool};
use std::ops::Range;

/// A share of ‖X_b‖² below which an error by the trace formula has lost digits.
const CLOSE: f64 = 0.05;

impl<X: Matrix + ?Sized> Factorizer<X> for MiniBatchNmf {
    type Model = NmfModel<X::Scalar>;

    /// The report counts epochs. Its history is the sum of the batches' objectives in each epoch, every
    /// batch with H as it was then; `objective`, `relative_error` and certificate are exact, for the
    /// model and all rows.
    ///
    /// # Errors
    /// As for [`Nmf`](crate::Nmf).
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<NmfModel<X::Scalar>>> {
        self.validate()?;
        run.gives_checkpoints();
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, None, run, pool))
    }
}

impl MiniBatchNmf {
    /// Fits from a start of one's own; see [`Nmf::fit_from`](crate::Nmf::fit_from).
    ///
    /// # Errors
    /// As a fit, and what is wrong with the start.
    pub fn fit_from<X: Matrix + ?Sized>(
        &self,
        x: &X,
        start: Start<X::Scalar>,
        run: &mut Run<'_>,
    ) -> Result<Fit<NmfModel<X::Scalar>>> {
        self.validate()?;
        start.check(&self.nmf()?, x.shape())?;
        run.gives_checkpoints();
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, Some(start), run, pool))
    }
}

/// The rules by which scikit-learn's `MiniBatchNMF` stops.
struct Watch {
    smoothed: Option<f64>,
    best: f64,
    without_improvement: usize,
}

/// Puts everything that a batch leaves to the next into a checkpoint.
fn give<T: Scalar>(
    state: &mut CheckpointState,
    (done, total): (usize, f64),
    watch: &Watch,
    learner: &Learner<T>,
    coordinates: &[Array2<T>],
    report: &FitReport,
) {
    state.insert_counter("batches", done as u64);
    state.insert_numbers("total", &[total]);
    watch.give(state);
    learner.give(state);
    for (number, block) in coordinates.iter().enumerate() {
        state.insert_counter(&format!("w.{number}.rows"), block.nrows() as u64);
        state.insert(&format!("w.{number}"), block);
    }
    state.insert_report(report);
}

impl Watch {
    fn give(&self, state: &mut CheckpointState) {
        // None as no number at all.
        state.insert_values("watch.smoothed", self.smoothed);
        state.insert_numbers("watch.best", &[self.best]);
        state.insert_counter("watch.waited", self.without_improvement as u64);
    }

    fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        self.smoothed = state.take_numbers("watch.smoothed")?.first().copied();
        self.best = state.take_number("watch.best")?;
        self.without_improvement = state.counter("watch.waited")? as usize;
        Ok(())
    }

    /// Whether to stop after a batch of `rows` rows among m. The first batch does not count.
    fn stops(&mut self, settings: &MiniBatchNmf, step: Step, rows: usize, m: usize) -> bool {
        let cost = step.objective / rows as f64;
        let weight = (rows as f64 / (m as f64 + 1.0)).min(1.0);
        let smoothed = match self.smoothed {
            None => cost,
            Some(before) => before * (1.0 - weight) + cost * weight,
        };
        self.smoothed = Some(smoothed);
        if settings.tol > 0.0 && step.change <= settings.tol {
            return true;
        }
        if smoothed < self.best {
            (self.best, self.without_improvement) = (smoothed, 0);
        } else {
            self.without_improvement += 1;
        }
        settings
            .max_no_improvement
            .is_some_and(|most| self.without_improvement >= most)
    }
}

fn fit<X: Matrix + ?Sized>(
    settings: &MiniBatchNmf,
    x: &X,
    given: Option<Start<X::Scalar>>,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<NmfModel<X::Scalar>>> {
    let nmf = settings.nmf()?;
    nmf.check_size(x.shape())?;
    let init = nmf.resolve_init(x.shape(), 0)?;
    let problem = Problem::of(&nmf, x)?;
    let ((m, n), scale) = (x.shape(), problem.x.scale());
    let mut report = FitReport::new("minibatch-nmf", (m, n), nmf.rank(), settings.seed);
    report.stored = Some(problem.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    if settings.solver == Solver::Auto {
        let solver = problem.solver.to_string();
        report.chosen.insert("solver".to_owned(), solver);
    }
    if settings.init == Init::Auto && given.is_none() {
        report.chosen.insert("init".to_owned(), init.to_string());
    }
    let entries = Entries::of(&problem.x)?;
    let rows = entries.rows();
    let size = settings.batch_size.min(m);
    let hals = problem.solver == Solver::Hals;
    let sampled = match sample::size(m, nmf.rank()) {
        Some(count) if hals && settings.init == Init::Auto && given.is_none() => {
            sample::learner(&nmf, &rows, count, init, settings.seed)?.map(|made| (made, count))
        }
        _ => None,
    };
    let (mut learner, mut coordinates) = match sampled {
        Some((learner, count)) => {
            let text = format!("{init} of {count} rows");
            report.chosen.insert("init".to_owned(), text);
            (learner, Vec::new())
        }
        None => {
            let Factors { w, h } = match &given {
                Some(given) => given.factors(&problem),
                None => start_of(&problem, init, settings.seed)?,
            };
            let learner = Learner::new(&nmf, problem.solver, h, Some((&w, START_WEIGHT)));
            let blocks = w.axis_chunks_iter(Axis(0), size);
            (learner, blocks.map(|block| block.to_owned()).collect())
        }
    };
    let ranges: Vec<Range<usize>> = (0..m)
        .step_by(size)
        .map(|first| first..m.min(first + size))
        .collect();
    let blocks: Vec<Lines<'_, X::Scalar>> = ranges
        .iter()
        .map(|range| rows.slice(range.clone()))
        .collect();
    let products: Vec<_> = blocks
        .iter()
        .map(|block| Products::new(block, None))
        .collect();
    let measures = products
        .iter()
        .map(|block| {
            let summary = Summary::of(block.source());
            let mean = summary.mean();
            let measure = Measure::with_norm(block, nmf.loss, mean, summary.squared_norm)?;
            Ok((measure, mean))
        })
        .collect::<Result<Vec<_>>>()?;
    // Without coordinates to begin with, the first epoch finds them afresh.
    let without = coordinates.is_empty();
    coordinates.resize(ranges.len(), Array2::default((0, nmf.rank())));
    report.seconds.initialization = run.elapsed().as_secs_f64();

    let fresh = |mean: f64, updates: usize| Coordinates::Fresh {
        level: (mean / nmf.rank() as f64).sqrt(),
        updates,
        tol: settings.tol,
    };
    let forget = settings.forget_factor.powf(size as f64 / m as f64);
    let mut watch = Watch {
        smoothed: None,
        best: f64::INFINITY,
        without_improvement: 0,
    };
    let mut stop = None;
    // Batches done in the present epoch, and the sum of their objectives.
    let (mut done, mut total) = (0, 0.0);
    let resumed = run.identify::<X::Scalar>("minibatch-nmf", settings, || {
        with_start(DataFingerprint::of_matrix(x), given.as_ref())
    })?;
    if let Some(mut state) = resumed {
        done = state.counter("batches")? as usize;
        total = state.take_number("total")?;
        watch.resume(&mut state)?;
        learner.resume(&mut state)?;
        for (number, block) in coordinates.iter_mut().enumerate() {
            let rows = state.counter(&format!("w.{number}.rows"))? as usize;
            *block = state.take_matrix(&format!("w.{number}"), (rows, nmf.rank()))?;
        }
        state.take_report(&mut report)?;
    }
    for epoch in report.history.len() + 1..=settings.max_iter {
        for (number, (measure, mean)) in measures.iter().enumerate().skip(done) {
            let count = ranges[number].len();
            let kind = if settings.fresh_restarts || (without && epoch == 1) {
                fresh(*mean, settings.fresh_restarts_max_iter)
            } else {
                Coordinates::Kept
            };
            std::mem::swap(&mut learner.factors.w, &mut coordinates[number]);
            let constraints = nmf.constraints((count, n), scale);
            let step = learner.step(measure, count, constraints, kind, forget);
            std::mem::swap(&mut learner.factors.w, &mut coordinates[number]);
            let step = step?;
            total += step.objective;
            let first = epoch == 1 && number == 0;
            if !first && watch.stops(settings, step, count, m) {
                stop = Some(StopReason::Converged);
            }
            done = number + 1;
            if stop.is_some() {
                break;
            }
            if let Some(reason) = run.interrupted() {
                stop = Some(reason);
                run.checkpoint(epoch, |state| {
                    give(
                        state,
                        (done, total),
                        &watch,
                        &learner,
                        &coordinates,
                        &report,
                    );
                })?;
                break;
            }
        }
        let objective = total * problem.unit();
        report.history.push(objective);
        let interrupted = run.iteration(epoch, settings.max_iter, objective);
        if stop.is_some() {
            break;
        }
        (done, total) = (0, 0.0);
        run.checkpoint(epoch, |state| {
            give(
                state,
                (done, total),
                &watch,
                &learner,
                &coordinates,
                &report,
            );
        })?;
        if interrupted.is_some() {
            stop = interrupted;
            break;
        }
    }
    report.stop = stop.unwrap_or(StopReason::MaxIterations);
    report.iterations = report.history.len();
    let ended = run.elapsed().as_secs_f64();
    report.seconds.iterations = ended - report.seconds.initialization;

    // The last H deserves coordinates of its own, where they can be had exactly or are asked for.
    let last = settings.transform_max_iter.unwrap_or(settings.max_iter);
    if hals {
        for (number, (measure, mean)) in measures.iter().enumerate() {
            let unseen = coordinates[number].nrows() < ranges[number].len();
            let kind = if settings.fresh_restarts || unseen {
                fresh(*mean, last)
            } else {
                Coordinates::Kept
            };
            let count = ranges[number].len();
            let side = nmf.constraints((count, n), scale).w;
            std::mem::swap(&mut learner.factors.w, &mut coordinates[number]);
            let found = learner.coordinates(measure, count, side, kind);
            std::mem::swap(&mut learner.factors.w, &mut coordinates[number]);
            found?;
        }
    } else if settings.fresh_restarts {
        // All rows at once, as in scikit-learn: they begin at one level, and stop together.
        let measure = Measure::new(&problem.x, nmf.loss, problem.mean)?;
        let kind = fresh(problem.mean, last);
        learner.coordinates(&measure, m, problem.constraints.w, kind)?;
        let blocks = learner.factors.w.axis_chunks_iter(Axis(0), size);
        coordinates = blocks.map(|block| block.to_owned()).collect();
    }
    finish(&problem, &measures, &coordinates, &mut learner, &mut report)?;
    let views: Vec<_> = coordinates.iter().map(|block| block.view()).collect();
    let w = concatenate(Axis(0), &views).expect("blocks of the same width");
    let factors = Factors {
        w,
        h: learner.factors.h,
    };
    let model = model_of(&problem, factors);
    report.seconds.finishing = run.elapsed().as_secs_f64() - ended;
    Ok(Fit { model, report })
}

/// The factors of X' as a model of X.
fn model_of<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: Factors<X::Scalar>,
) -> NmfModel<X::Scalar> {
    let restore = X::Scalar::from_f64(problem.x.scale().sqrt());
    let h = factors.h.t().as_standard_layout().into_owned();
    NmfModel::fitted(factors.w * restore, h * restore, problem.nmf)
}

/// The exact objective and the certificate, batch by batch.
fn finish<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    measures: &[(Measure<'_, '_, Lines<'_, X::Scalar>>, f64)],
    coordinates: &[Array2<X::Scalar>],
    learner: &mut Learner<X::Scalar>,
    report: &mut FitReport,
) -> Result<()> {
    let sides = problem.constraints;
    let mut certificate = ProjectedGradient::default();
    let mut value = sides.h.penalty(&learner.factors.h);
    let mut squares = Some(0.0);
    let mut of_h: Option<DivergenceParts<X::Scalar>> = None;
    for ((measure, _), w) in measures.iter().zip(coordinates) {
        learner.factors.w.clone_from(w);
        let Factors { w, h } = &learner.factors;
        let parts = measure.of_w(&learner.factors)?;
        // Entry by entry where little is left of large numbers.
        let squared = measure.squares().map(|(x, norm)| {
            let exact = (parts.value < CLOSE * norm)
                .then(|| x.squared_residual(w.view(), h.view(), parts.numerator.view()));
            exact.flatten().unwrap_or(2.0 * parts.value)
        });
        squares = squares.zip(squared).map(|(sum, squared)| sum + squared);
        value += squared.map_or(parts.value, |squared| 0.5 * squared) + sides.w.penalty(w);
        let model = with_l2(parts.denominator, w, sides.w);
        certificate.add(w, &parts.numerator, &model, sides.w, &problem.fitted_w());
        let batch = measure.of_h(&learner.factors)?;
        of_h = Some(match of_h {
            None => batch,
            Some(mut sum) => {
                fade_and_add(&mut sum.numerator, &batch.numerator, 1.0);
                fade_and_add(&mut sum.denominator, &batch.denominator, 1.0);
                sum
            }
        });
    }
    if let Some(parts) = of_h {
        let h = &learner.factors.h;
        let model = with_l2(parts.denominator, h, sides.h);
        let fitted = &problem.fitted_components;
        certificate.add(h, &parts.numerator, &model, sides.h, fitted);
    }
    report.objective = value * problem.unit();
    report.certificate = Some(certificate.relative());
    let norm = problem.x.squared_norm().unwrap_or(0.0);
    report.relative_error = squares.map(|squares: f64| {
        if norm > 0.0 {
            (squares / norm).sqrt()
        } else {
            0.0
        }
    });
    Ok(())
}
