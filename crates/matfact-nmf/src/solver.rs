//! The HALS iterations.

use crate::initialization::start;
use crate::parameters::Penalties;
use crate::{Init, Nmf, NmfModel};
use matfact_core::ndarray::{Array2, Zip};
use matfact_core::{
    Certificate, Error, Factorizer, Fit, FitReport, LinearOperator, Matrix, Result, Run, Scalar,
    StopReason, Summary,
};
use matfact_linalg::{
    PoolInfo, Products, Simd, gram, in_pool, inner_product, update_non_negative_rows,
};

/// Iterations over which the fall of the objective is averaged.
const WINDOW: usize = 5;
/// First iterations with a single pass over the components: while one factor is still far from where
/// it goes, solving the other exactly against it leads astray. On a sparse text matrix, to the same
/// error, 107 iterations became 11.
const SINGLE_PASSES: usize = 8;

impl<X: Matrix + ?Sized> Factorizer<X> for Nmf {
    type Model = NmfModel<X::Scalar>;

    /// # Errors
    /// [`Error::InvalidParameter`], [`Error::InvalidRank`] (k = 0, or NNDSVD with k > min(m, n)),
    /// [`Error::EmptyInput`], [`Error::NonFinite`], [`Error::Negative`], [`Error::Overflow`],
    /// [`Error::TooLarge`].
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<NmfModel<X::Scalar>>> {
        self.validate()?;
        let init = self.resolve_init(x.shape())?;
        in_pool(run, |run, pool| fit(self, init, x, run, pool))
    }
}

impl Nmf {
    fn resolve_init(&self, shape: (usize, usize)) -> Result<Init> {
        let limit = shape.0.min(shape.1);
        if self.rank == 0 {
            return Err(Error::InvalidRank {
                rank: 0,
                limit: limit.max(1),
                shape,
            });
        }
        let elements = shape
            .0
            .checked_add(shape.1)
            .and_then(|sum| sum.checked_mul(self.rank));
        if elements
            .and_then(|count| count.checked_mul(8))
            .is_none_or(|b| b > isize::MAX as usize)
        {
            let what = format!(
                "factors of rank {} for {} x {}",
                self.rank, shape.0, shape.1
            );
            return Err(Error::TooLarge { what });
        }
        match self.init {
            Init::Auto if self.rank <= limit => Ok(Init::Nndsvda),
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

/// Both factors with what the iterations keep of them.
struct State<T> {
    w: Array2<T>,
    /// Hᵀ (n x k): both factors have one row for each line of X.
    h: Array2<T>,
    gram_h: Array2<T>,
}

fn fit<X: Matrix + ?Sized>(
    nmf: &Nmf,
    init: Init,
    x: &X,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<NmfModel<X::Scalar>>> {
    let summary = Summary::of(x);
    summary.require_non_negative("nmf")?;
    let mut report = FitReport::new("nmf", x.shape(), nmf.rank, nmf.seed);
    report.stored = Some(summary.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    if nmf.init == Init::Auto {
        report
            .notices
            .push(format!("init auto chose {init:?}").to_lowercase());
    }
    let products = Products::new(x, Some(&summary));
    let scale = products.scale();
    let penalties = nmf.penalties(x.shape()).rescaled(scale);
    let (w, h) = start(&products, nmf.rank, init, summary.mean() / scale, nmf.seed)?;
    let gram_h = gram(h.view());
    let mut state = State { w, h, gram_h };
    report.seconds.initialization = run.elapsed().as_secs_f64();

    iterate(nmf, &products, penalties, &mut state, run, &mut report)?;
    report.seconds.iterations = run.elapsed().as_secs_f64() - report.seconds.initialization;

    finish(&products, penalties, &state, &mut report)?;
    // The objective and its history are those of X, not of X / scale.
    for value in report.history.iter_mut().chain([&mut report.objective]) {
        *value *= scale * scale;
    }
    let restore = X::Scalar::from_f64(scale.sqrt());
    let rescaled = |factor: Array2<X::Scalar>| {
        if scale == 1.0 {
            factor
        } else {
            factor.mapv(|v| v * restore)
        }
    };
    let h = state.h.t().as_standard_layout().into_owned();
    let model = NmfModel::fitted(rescaled(state.w), rescaled(h), nmf.penalties(x.shape()));
    report.seconds.finishing =
        run.elapsed().as_secs_f64() - report.seconds.initialization - report.seconds.iterations;
    Ok(Fit { model, report })
}

fn iterate<X: LinearOperator + ?Sized>(
    nmf: &Nmf,
    x: &Products<'_, X>,
    penalties: Penalties,
    state: &mut State<X::Scalar>,
    run: &mut Run<'_>,
    report: &mut FitReport,
) -> Result<()> {
    let simd = Simd::detect();
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    let target = nmf
        .target_error
        .map(|error| 0.5 * error * error * squared_norm);
    for iteration in 1..=nmf.max_iter {
        let xh = x.multiply(state.h.view())?;
        let curvature = with_diagonal(&state.gram_h, penalties.l2_w);
        let l1 = X::Scalar::from_f64(penalties.l1_w);
        let sweeps = if iteration <= SINGLE_PASSES {
            1
        } else {
            nmf.sweeps
        };
        let first =
            update_non_negative_rows(&mut state.w, xh.view(), curvature.view(), l1, sweeps, simd);

        let xw = x.multiply_transposed(state.w.view())?;
        let gram_w = gram(state.w.view());
        let curvature = with_diagonal(&gram_w, penalties.l2_h);
        let l1 = X::Scalar::from_f64(penalties.l1_h);
        let second =
            update_non_negative_rows(&mut state.h, xw.view(), curvature.view(), l1, sweeps, simd);
        state.gram_h = gram(state.h.view());

        let fit = half_squared_error(squared_norm, &xw, state, &gram_w);
        let objective = fit + penalty(penalties, state);
        report.history.push(objective);
        report.iterations = iteration;
        if let Some(reason) = run.iteration(iteration, nmf.max_iter, objective) {
            report.stop = reason;
            break;
        }
        if target.is_some_and(|target| fit <= target) {
            report.stop = StopReason::TargetError;
            break;
        }
        let stationary = first.sum + second.sum == 0.0;
        if stationary || converged(&report.history, nmf.tol, squared_norm) {
            report.stop = StopReason::Converged;
            break;
        }
    }
    Ok(())
}

/// ½‖X − WH‖² from what the iteration has at hand: ‖X‖² − 2⟨XᵀW, Hᵀ⟩ + ⟨WᵀW, HHᵀ⟩.
fn half_squared_error<T: Scalar>(
    squared_norm: f64,
    xw: &Array2<T>,
    state: &State<T>,
    gram_w: &Array2<T>,
) -> f64 {
    let cross = inner_product(xw.view(), state.h.view());
    let product = inner_product(gram_w.view(), state.gram_h.view());
    (0.5 * (squared_norm - 2.0 * cross + product)).max(0.0)
}

fn penalty<T: Scalar>(penalties: Penalties, state: &State<T>) -> f64 {
    if !penalties.any() {
        return 0.0;
    }
    let side = |factor: &Array2<T>, l1: f64, l2: f64| {
        factor
            .iter()
            .map(|v| v.as_f64())
            .map(|v| l1 * v + 0.5 * l2 * v * v)
            .sum::<f64>()
    };
    side(&state.w, penalties.l1_w, penalties.l2_w) + side(&state.h, penalties.l1_h, penalties.l2_h)
}

/// Whether the objective has fallen by less than `tol` of itself an iteration, on the mean of the
/// last few. An error of nothing but rounding has converged too.
fn converged(history: &[f64], tol: f64, squared_norm: f64) -> bool {
    if tol == 0.0 || history.len() <= WINDOW {
        return false;
    }
    let now = history[history.len() - 1];
    let before = history[history.len() - 1 - WINDOW];
    before - now <= tol * WINDOW as f64 * now.max(f64::EPSILON * squared_norm)
}

fn with_diagonal<T: Scalar>(gram: &Array2<T>, l2: f64) -> Array2<T> {
    let mut curvature = gram.clone();
    curvature.diag_mut().mapv_inplace(|g| g + T::from_f64(l2));
    curvature
}

/// The exact error and the certificate: the projected gradient of both factors against the data's
/// part of it.
fn finish<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    penalties: Penalties,
    state: &State<X::Scalar>,
    report: &mut FitReport,
) -> Result<()> {
    let xh = x.multiply(state.h.view())?;
    let xw = x.multiply_transposed(state.w.view())?;
    let squared = x.squared_residual(state.w.view(), state.h.view(), xh.view());
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    if let Some(squared) = squared {
        report.objective = 0.5 * squared + penalty(penalties, state);
        report.relative_error = Some(if squared_norm > 0.0 {
            (squared / squared_norm).sqrt()
        } else {
            0.0
        });
    }
    let gram_w = gram(state.w.view());
    let sides = [
        (&state.w, &xh, &state.gram_h, penalties.l1_w, penalties.l2_w),
        (&state.h, &xw, &gram_w, penalties.l1_h, penalties.l2_h),
    ];
    let (mut projected, mut data) = (0.0, 0.0);
    for (factor, linear, gram, l1, l2) in sides {
        let curvature = with_diagonal(gram, l2);
        let mut product = Array2::default(factor.dim());
        matfact_linalg::multiply_dense(factor.view(), curvature.view(), product.view_mut());
        Zip::from(factor)
            .and(linear)
            .and(&product)
            .for_each(|value, linear, product| {
                let slope = product.as_f64() - linear.as_f64() + l1;
                if value.as_f64() > 0.0 || slope < 0.0 {
                    projected += slope * slope;
                }
                data += linear.as_f64() * linear.as_f64();
            });
    }
    let relative = if data > 0.0 {
        (projected / data).sqrt()
    } else {
        0.0
    };
    report.certificate = Some(Certificate::ProjectedGradient(relative));
    Ok(())
}
