//! What holds for every fit, whatever its input: the shared part of the laws of both kinds.

use crate::reference::{epsilon, to_f64};
use crate::violation::{Outcome, refused, require, require_at_most};
use matfact_core::ndarray::Array2;
use matfact_core::{
    Cancellation, Error, Factorization, Fit, FitReport, ModelRecord, Persist, Progress, Result,
    Run, Scalar, StopReason, TensorValues,
};
use std::time::Duration;

/// Fits one input with one setting of everything but the run.
pub(crate) type Fitter<'f, M> = &'f dyn Fn(&mut Run<'_>) -> Result<Fit<M>>;

/// Thread counts that must not change a bit.
const THREADS: [usize; 3] = [1, 2, 7];

/// Fails unless two records hold the same names and the same bits.
pub(crate) fn same_record(a: &ModelRecord, b: &ModelRecord) -> Outcome {
    require(
        a.algorithm == b.algorithm && a.attributes == b.attributes,
        || "algorithm or attributes differ".to_owned(),
    )?;
    require(a.tensors.keys().eq(b.tensors.keys()), || {
        "the tensors have different names".to_owned()
    })?;
    for (name, first) in &a.tensors {
        let second = &b.tensors[name];
        require(first.shape == second.shape, || {
            format!(
                "tensor {name} is {:?}, then {:?}",
                first.shape, second.shape
            )
        })?;
        let (x, y) = (bits(&first.values), bits(&second.values));
        if let Some(at) = (0..x.len().max(y.len())).find(|at| x.get(*at) != y.get(*at)) {
            return Err(format!(
                "tensor {name} differs at {at}: {:?}, then {:?}",
                value(&first.values, at),
                value(&second.values, at)
            ));
        }
    }
    Ok(())
}

/// The bit patterns.
fn bits(values: &TensorValues) -> Vec<u64> {
    match values {
        TensorValues::F32(v) => v.iter().map(|x| u64::from(x.to_bits())).collect(),
        TensorValues::F64(v) => v.iter().map(|x| !x.to_bits()).collect(),
    }
}

fn value(values: &TensorValues, at: usize) -> Option<f64> {
    match values {
        TensorValues::F32(v) => v.get(at).map(|x| f64::from(*x)),
        TensorValues::F64(v) => v.get(at).copied(),
    }
}

/// Fails unless two fits agree in every bit of the model and of the report, times aside.
pub(crate) fn same_fit<M: Persist>(a: &Fit<M>, b: &Fit<M>) -> Outcome {
    same_record(&a.model.to_record(), &b.model.to_record())?;
    let (a, b) = (&a.report, &b.report);
    let ends = |report: &FitReport| (report.iterations, report.stop);
    require(ends(a) == ends(b), || {
        format!("the reports say {:?}, then {:?}", ends(a), ends(b))
    })?;
    let numbers = |report: &FitReport| {
        let ends = [report.objective, report.relative_error.unwrap_or(-1.0)];
        [&ends, &report.history[..]].concat()
    };
    let (a, b) = (numbers(a), numbers(b));
    let mut pairs = a.iter().zip(&b).enumerate();
    let differs = pairs.find(|(_, (a, b))| a.to_bits() != b.to_bits());
    match differs {
        None => require(a.len() == b.len(), || {
            "the histories differ in length".to_owned()
        }),
        Some((at, (a, b))) => {
            let what = match at {
                0 => "objectives".to_owned(),
                1 => "relative errors".to_owned(),
                _ => format!("objectives of iteration {}", at - 1),
            };
            Err(format!(
                "the models agree, but the {what} are {a:e}, then {b:e}"
            ))
        }
    }
}

/// A fit that is cancelled after `limit` iterations, so that a large input stays cheap.
fn fit_briefly<M>(fit: Fitter<'_, M>, threads: Option<usize>, limit: usize) -> Result<Fit<M>> {
    let stop = Cancellation::new();
    let handle = stop.clone();
    let mut observer = move |progress: &Progress| {
        if progress.iteration >= limit {
            handle.cancel();
        }
    };
    let mut run = Run::new().observer(&mut observer).cancellation(&stop);
    if let Some(count) = threads {
        run = run.threads(count);
    }
    fit(&mut run)
}

/// Law 1 for one input: the same bits twice, and for every number of threads.
pub(crate) fn same_bits_for_any_threads<M: Persist>(fit: Fitter<'_, M>, limit: usize) -> Outcome {
    let first = fit_briefly(fit, None, limit).map_err(refused)?;
    let again = fit_briefly(fit, None, limit).map_err(refused)?;
    same_fit(&first, &again).map_err(|seen| format!("two runs on the current pool: {seen}"))?;
    for threads in THREADS {
        let other = fit_briefly(fit, Some(threads), limit).map_err(refused)?;
        same_fit(&first, &other)
            .map_err(|seen| format!("the current pool, then {threads} threads: {seen}"))?;
    }
    Ok(())
}

/// Every number that a fit gives out is finite (NaN where an objective is not evaluated).
pub(crate) fn finite<M: Factorization + Persist>(fit: &Fit<M>) -> Outcome {
    for (name, tensor) in &fit.model.to_record().tensors {
        let length = tensor.shape.iter().product();
        for at in 0..length {
            let seen = value(&tensor.values, at);
            require(seen.is_some_and(f64::is_finite), || {
                format!("tensor {name} holds {seen:?} at {at}")
            })?;
        }
    }
    finite_matrix("the reconstruction", &fit.model.reconstruct())?;
    let error = fit.report.relative_error;
    require(error.is_none_or(|e| e >= 0.0), || {
        format!("the report's relative error is {error:?}")
    })
}

fn finite_matrix<T: Scalar>(what: &str, x: &Array2<T>) -> Outcome {
    match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some((at, v)) => Err(format!("{what} holds {v} at {at:?}")),
        None => Ok(()),
    }
}

/// What the report and the model say about themselves fits the request.
pub(crate) fn report_fits<M: Factorization>(
    fit: &Fit<M>,
    shape: (usize, usize),
    rank: usize,
) -> Outcome {
    let report = &fit.report;
    require(fit.model.shape() == shape && report.shape == shape, || {
        format!(
            "shapes: model {:?}, report {:?}",
            fit.model.shape(),
            report.shape
        )
    })?;
    require(fit.model.rank() == rank && report.rank == rank, || {
        format!("ranks: model {}, report {}", fit.model.rank(), report.rank)
    })?;
    require(report.threads >= 1, || {
        "the report counts no threads".to_owned()
    })?;
    require(report.history.len() <= report.iterations + 1, || {
        let objectives = report.history.len();
        format!(
            "{objectives} objectives after {} iterations",
            report.iterations
        )
    })
}

/// The observer sees increasing iterations up to the limit, and watching changes no bit.
pub(crate) fn observer_sees_progress<M: Persist>(fit: Fitter<'_, M>) -> Outcome {
    let unwatched = fit(&mut Run::new()).map_err(refused)?;
    let mut seen: Vec<Progress> = Vec::new();
    let mut observer = |progress: &Progress| seen.push(*progress);
    let watched = fit(&mut Run::new().observer(&mut observer)).map_err(refused)?;
    same_fit(&unwatched, &watched).map_err(|seen| format!("unwatched, then watched: {seen}"))?;
    require(
        seen.windows(2)
            .all(|pair| pair[0].iteration < pair[1].iteration),
        || "the iterations do not increase".to_owned(),
    )?;
    for progress in &seen {
        let (at, limit) = (progress.iteration, progress.limit);
        require(1 <= at && at <= limit, || {
            format!("iteration {at} of {limit}")
        })?;
    }
    let history = &watched.report.history;
    if history.len() == seen.len() {
        for (progress, objective) in seen.iter().zip(history) {
            let told = progress.objective;
            require(
                told.is_nan() || told.to_bits() == objective.to_bits(),
                || {
                    let at = progress.iteration;
                    format!("iteration {at}: the observer saw {told}, the history has {objective}")
                },
            )?;
        }
    }
    match seen.last() {
        Some(last) => require(last.iteration == watched.report.iterations, || {
            let reported = watched.report.iterations;
            format!(
                "the last seen is {}, the report has {reported}",
                last.iteration
            )
        }),
        None => Ok(()),
    }
}

/// A cancelled or timed out fit stops within one iteration, says so, and gives a finite model.
pub(crate) fn interruption_stops<M: Factorization + Persist>(fit: Fitter<'_, M>) -> Outcome {
    let whole = fit(&mut Run::new()).map_err(refused)?.report;
    for limit in 0..3 {
        let stopped = if limit == 0 {
            let stop = Cancellation::new();
            stop.cancel();
            fit(&mut Run::new().cancellation(&stop))
        } else {
            fit_briefly(fit, None, limit)
        };
        let label = format!("cancelled in iteration {limit}");
        stopped_fit(stopped, &whole, limit, StopReason::Cancelled)
            .map_err(|seen| format!("{label}: {seen}"))?;
    }
    let timed_out = fit(&mut Run::new().time_budget(Duration::ZERO));
    stopped_fit(timed_out, &whole, 0, StopReason::TimeBudget)
        .map_err(|seen| format!("with no time at all: {seen}"))
}

fn stopped_fit<M: Factorization + Persist>(
    stopped: Result<Fit<M>>,
    whole: &FitReport,
    limit: usize,
    reason: StopReason,
) -> Outcome {
    let stopped = stopped.map_err(|error| format!("no model, but {error}"))?;
    finite(&stopped)?;
    let (done, stop) = (stopped.report.iterations, stopped.report.stop);
    require(done <= limit + 1, || {
        format!("it went on to iteration {done}")
    })?;
    require(whole.iterations <= limit + 1 || stop == reason, || {
        format!("the report says it stopped because: {stop}")
    })
}

/// The model out of its own record is the same to the bit.
pub(crate) fn record_round_trip<M: Factorization + Persist>(model: &M) -> Outcome {
    let record = model.to_record();
    let back =
        M::from_record(&record).map_err(|error| format!("its own record is refused: {error}"))?;
    same_record(&record, &back.to_record())?;
    require(
        (model.shape(), model.rank()) == (back.shape(), back.rank()),
        || "shape or rank differ".to_owned(),
    )?;
    let bits = |model: &M| -> Vec<u64> {
        let all = model.reconstruct();
        all.iter().map(|v| v.as_f64().to_bits()).collect()
    };
    require(bits(model) == bits(&back), || {
        "the reconstructions differ in some bits".to_owned()
    })
}

/// A record that is not a model is refused: nothing in it, or a NaN in one tensor.
pub(crate) fn bad_records_are_refused<M: Persist>(model: &M) -> Outcome {
    let whole = model.to_record();
    let mut empty = whole.clone();
    empty.tensors.clear();
    let mut bad = vec![("no tensors".to_owned(), empty)];
    for name in whole.tensors.keys() {
        let mut with_nan = whole.clone();
        let tensor = with_nan
            .tensors
            .get_mut(name)
            .expect("a name from the record");
        let poisoned = match &mut tensor.values {
            TensorValues::F32(v) => v.first_mut().map(|x| *x = f32::NAN),
            TensorValues::F64(v) => v.first_mut().map(|x| *x = f64::NAN),
        };
        if poisoned.is_some() {
            bad.push((format!("NaN in tensor {name}"), with_nan));
        }
    }
    for (what, record) in bad {
        match M::from_record(&record).map(|_| ()) {
            Err(Error::InvalidModel { .. }) => {}
            Err(other) => return Err(format!("a record with {what} gives {other:?}")),
            Ok(()) => return Err(format!("a record with {what} is accepted")),
        }
    }
    Ok(())
}

/// `predict`, `reconstruct_rows` and `reconstruct` tell one story, and refuse what is outside.
pub(crate) fn predictions_agree<M: Factorization>(model: &M) -> Outcome {
    let (m, n) = model.shape();
    let all = model.reconstruct();
    let wide = to_f64(all.view());
    // A sum of k products in another order; k is small here.
    let largest = wide.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    let bound = 64.0 * epsilon::<M::Scalar>() * largest + f64::MIN_POSITIVE;
    for ((i, j), value) in wide.indexed_iter() {
        let one = model
            .predict(i, j)
            .map_err(|error| format!("predict({i}, {j}) gives {error}"))?
            .as_f64();
        require_at_most(
            &format!("|predict({i}, {j}) - reconstruct()|"),
            (one - value).abs(),
            bound,
        )?;
    }
    let rows = m / 3..m;
    let mut block = Array2::from_elem((rows.len(), n), M::Scalar::from_f64(f64::NAN));
    model
        .reconstruct_rows(rows.clone(), block.view_mut())
        .map_err(|error| format!("reconstruct_rows({rows:?}) gives {error}"))?;
    for ((i, j), value) in block.indexed_iter() {
        let difference = (value.as_f64() - wide[[rows.start + i, j]]).abs();
        require_at_most("|reconstruct_rows - reconstruct|", difference, bound)?;
    }
    for (i, j) in [(m, 0), (0, n), (usize::MAX, 0)] {
        require(
            matches!(model.predict(i, j), Err(Error::IndexOutOfRange { .. })),
            || format!("predict({i}, {j}) of a {m} x {n} model is no IndexOutOfRange"),
        )?;
    }
    let mut small = Array2::default((1, n));
    require(
        matches!(
            model.reconstruct_rows(m..m + 1, small.view_mut()),
            Err(Error::IndexOutOfRange { .. })
        ),
        || format!("reconstruct_rows({m}..) of {m} rows is no IndexOutOfRange"),
    )?;
    let mut wrong = Array2::default((1, n + 1));
    require(
        matches!(
            model.reconstruct_rows(0..1, wrong.view_mut()),
            Err(Error::ShapeMismatch { .. })
        ),
        || "reconstruct_rows into a buffer that is too wide is no ShapeMismatch".to_owned(),
    )
}

/// Zero threads are refused by name.
pub(crate) fn no_threads_is_refused<M>(fit: Fitter<'_, M>) -> Outcome {
    match fit(&mut Run::new().threads(0)).map(|_| ()) {
        Err(Error::InvalidParameter {
            name: "threads", ..
        }) => Ok(()),
        Err(other) => Err(format!("zero threads give {other:?}")),
        Ok(()) => Err("zero threads are accepted".to_owned()),
    }
}

/// A rank of zero is refused as what it is.
pub(crate) fn no_rank_is_refused<M>(fitted: Result<Fit<M>>) -> Outcome {
    match fitted.map(|_| ()) {
        Err(Error::InvalidRank { rank: 0, .. } | Error::InvalidParameter { name: "rank", .. }) => {
            Ok(())
        }
        Err(other) => Err(format!("rank 0 gives {other:?}")),
        Ok(()) => Err("rank 0 is accepted".to_owned()),
    }
}

/// An input without rows, columns or entries is refused as what it is.
pub(crate) fn empty_is_refused<M>(fitted: Result<Fit<M>>) -> Outcome {
    match fitted.map(|_| ()) {
        Err(Error::EmptyInput { .. }) => Ok(()),
        Err(other) => Err(format!("not EmptyInput, but {other:?}")),
        Ok(()) => Err("it is accepted".to_owned()),
    }
}
