//! From observed entries and hyper-parameters to a model and its report.

use super::observations::Observations;
use super::{MaskedNmf, MaskedNmfModel};
use crate::course::Course;
use crate::frobenius::ProjectedGradient;
use crate::parameters::Side;
use crate::scalar_newton::floor;
use crate::{Loss, PenaltyScaling};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    DataFingerprint, Factorizer, Fit, FitReport, ObservedEntries, Result, Run, Scalar, StopReason,
};
use matfact_linalg::{
    EntryLoss, EntryRows, EntrySums, EntryUpdate, ListedRow, PoissonUpdate, PoolInfo, Simd,
    entry_gradients, in_pool, random_normal, update_rows_kullback_leibler, update_rows_squares,
};

impl<X: ObservedEntries + ?Sized> Factorizer<X> for MaskedNmf {
    type Model = MaskedNmfModel<X::Scalar>;

    /// # Errors
    /// [`Error::InvalidParameter`](matfact_core::Error::InvalidParameter) (weights included),
    /// [`Error::InvalidRank`](matfact_core::Error::InvalidRank) for rank 0,
    /// [`Error::EmptyInput`](matfact_core::Error::EmptyInput) without observed entries,
    /// [`Error::NonFinite`](matfact_core::Error::NonFinite),
    /// [`Error::Negative`](matfact_core::Error::Negative),
    /// [`Error::IndexOutOfRange`](matfact_core::Error::IndexOutOfRange) and
    /// [`Error::ShapeMismatch`](matfact_core::Error::ShapeMismatch) for entries of a type of one's own
    /// that do not fit, [`Error::TooLarge`](matfact_core::Error::TooLarge).
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        self.validate()?;
        run.gives_checkpoints();
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| fit(self, x, run, pool))
    }
}

/// The row problems of one factor: penalty and bound, for X'.
#[derive(Debug, Clone)]
pub(super) struct Penalties {
    pub(super) side: Side,
    /// What multiplies the penalty of each row; 0 where nothing is observed.
    pub(super) scale: Vec<f64>,
}

impl Penalties {
    pub(super) fn new(
        side: Side,
        scaling: PenaltyScaling,
        line_weights: &[f64],
        weight_scale: f64,
    ) -> Self {
        let scale = line_weights.iter().map(|weight| match scaling {
            PenaltyScaling::ByShape => *weight,
            PenaltyScaling::Plain if *weight > 0.0 => 1.0 / weight_scale,
            PenaltyScaling::Plain => 0.0,
        });
        Self {
            side,
            scale: scale.collect(),
        }
    }

    fn total<T: Scalar>(&self, factor: &Array2<T>) -> f64 {
        let Side { l1, l2, .. } = self.side;
        if l1 == 0.0 && l2 == 0.0 {
            return 0.0;
        }
        let rows = factor.rows().into_iter().zip(&self.scale);
        let terms = rows.map(|(row, scale)| {
            let values = row.iter().map(|v| v.as_f64());
            scale * values.map(|v| l1 * v + 0.5 * l2 * v * v).sum::<f64>()
        });
        terms.sum()
    }
}

/// One pass over all rows of a factor.
pub(super) fn update_rows<'a, T: Scalar>(
    factor: &mut Array2<T>,
    other: &Array2<T>,
    list: impl Fn(usize) -> ListedRow<'a, T> + Sync,
    penalties: &Penalties,
    loss: EntryLoss,
    passes: usize,
) -> EntrySums {
    let components: Vec<usize> = (0..factor.ncols()).collect();
    let update = EntryUpdate {
        l1: penalties.side.l1,
        l2: penalties.side.l2,
        penalty_scale: Some(&penalties.scale),
        max: penalties.side.max,
        components: &components,
        passes,
    };
    let rows = EntryRows::Listed(list);
    let simd = Simd::detect();
    match loss {
        EntryLoss::Squares => update_rows_squares(factor, other.view(), &rows, update, None, simd),
        EntryLoss::KullbackLeibler { floor } => {
            let linear = vec![0.0; factor.ncols()];
            let poisson = PoissonUpdate {
                linear: &linear,
                floor,
            };
            update_rows_kullback_leibler(factor, other.view(), &rows, update, poisson, simd)
        }
    }
}

/// The loss of the entries of X'.
pub(super) fn entry_loss<T: Scalar>(loss: Loss, mean: f64) -> EntryLoss {
    if loss == Loss::KullbackLeibler {
        EntryLoss::KullbackLeibler {
            floor: floor::<T>(mean),
        }
    } else {
        EntryLoss::Squares
    }
}

impl MaskedNmf {
    /// The penalties and bounds of W and H for X' = X / `scale` with this mean.
    fn sides(&self, scale: f64, mean: f64) -> (Side, Side) {
        let beta = self.loss.beta();
        let side = |alpha: Option<f64>, max: Option<f64>| {
            // W and H go with √X.
            let (for_l1, for_l2) = match alpha {
                Some(alpha) => (
                    alpha * scale.powf(0.5 - beta),
                    alpha * scale.powf(1.0 - beta),
                ),
                None => (
                    self.regularization * mean.powf(beta - 0.5),
                    self.regularization * mean.powf(beta - 1.0),
                ),
            };
            Side {
                l1: self.l1_ratio * for_l1,
                l2: (1.0 - self.l1_ratio) * for_l2,
                max: max.map(|max| max / scale.sqrt()),
            }
        };
        (
            side(self.alpha_w, self.max_w),
            side(self.alpha_h.or(self.alpha_w), self.max_h),
        )
    }
}

fn fit<X: ObservedEntries + ?Sized>(
    nmf: &MaskedNmf,
    x: &X,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<MaskedNmfModel<X::Scalar>>> {
    nmf.check_size(x.shape())?;
    let began = run.elapsed().as_secs_f64();
    let observations = Observations::of(x, nmf.loss, false)?;
    let (m, n) = observations.shape;
    let mut report = FitReport::new("masked-nmf", (m, n), nmf.rank, nmf.seed);
    report.stored = Some(observations.observed);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);

    let Observations { scale, mean, .. } = observations;
    let (side_w, side_h) = nmf.sides(scale, mean);
    let weight_scale = observations.weight_scale;
    let penalties =
        |side, weights: &[f64]| Penalties::new(side, nmf.penalty_scaling, weights, weight_scale);
    let penalties_w = penalties(side_w, &observations.row_weights);
    let penalties_h = penalties(side_h, &observations.column_weights);
    let loss = entry_loss::<X::Scalar>(nmf.loss, mean);

    let start = |rows, stream, side: Side| {
        let size = (mean / nmf.rank as f64).sqrt();
        let max = side.max.unwrap_or(f64::INFINITY);
        random_normal::<X::Scalar>((rows, nmf.rank), nmf.seed, stream)
            .mapv(|v| X::Scalar::from_f64((v.as_f64().abs() * size).min(max)))
    };
    let (mut h, mut w) = (start(n, 1, side_h), start(m, 2, side_w));
    let ready = run.elapsed().as_secs_f64();
    report.seconds.initialization = ready - began;

    let unit = scale.powf(nmf.loss.beta()) * weight_scale;
    let rounding = f64::EPSILON
        * observations
            .squares
            .max(mean * observations.observed as f64);
    let mut course = Course::plain(nmf.max_iter, nmf.tol, unit, rounding);
    let constant = constant_part(&observations, nmf.loss);
    let data = || DataFingerprint::of_observed(x);
    if let Some(mut state) = run.identify::<X::Scalar>("masked-nmf", nmf, data)? {
        course.resume(&mut state, "")?;
        w = state.take_matrix("w", (m, nmf.rank))?;
        h = state.take_matrix("h", (n, nmf.rank))?;
    }
    for _ in course.history.len()..nmf.max_iter {
        let before = (w.clone(), h.clone());
        let list = |row| observations.row(row);
        let first = update_rows(&mut w, &h, list, &penalties_w, loss, nmf.passes);
        let list = |column| observations.column(column);
        let second = update_rows(&mut h, &w, list, &penalties_h, loss, nmf.passes);
        let fit = match loss {
            EntryLoss::Squares => second.loss,
            EntryLoss::KullbackLeibler { .. } => constant + second.linear - second.loss,
        };
        let penalty = penalties_w.total(&w) + penalties_h.total(&h);
        if course.rises(fit + penalty) {
            // No step can raise the objective but by rounding: this is as far as the scalar goes.
            (w, h) = before;
            course.rejected(run);
            course.stop = StopReason::Converged;
            break;
        }
        let ended = course.ends(fit, penalty, first.moved + second.moved == 0.0, run);
        if !course.has_converged() {
            run.checkpoint(course.history.len(), |state| {
                course.give(state, "");
                state.insert("w", &w);
                state.insert("h", &h);
            })?;
        }
        if ended {
            break;
        }
    }
    let ended = run.elapsed().as_secs_f64();
    report.seconds.iterations = ended - ready;
    report.iterations = course.history.len();
    report.stop = course.stop;
    report.history = course.history;

    let typical_w = fill_unobserved(&mut w, &observations.row_weights);
    fill_unobserved(&mut h, &observations.column_weights);
    finish(
        &observations,
        (&w, &penalties_w),
        (&h, &penalties_h),
        loss,
        unit,
        &mut report,
    );
    let restore = X::Scalar::from_f64(scale.sqrt());
    let rescaled = |factor: Array2<X::Scalar>| {
        if scale == 1.0 {
            factor
        } else {
            factor.mapv(|v| v * restore)
        }
    };
    let h = h.t().as_standard_layout().into_owned();
    let typical = if scale == 1.0 {
        typical_w
    } else {
        typical_w.mapv(|v| v * restore)
    };
    let model = MaskedNmfModel::fitted(
        rescaled(w),
        rescaled(h),
        typical,
        nmf,
        // Of X itself.
        Side {
            l1: side_w.l1 * scale.powf(nmf.loss.beta() - 0.5),
            l2: side_w.l2 * scale.powf(nmf.loss.beta() - 1.0),
            max: nmf.max_w,
        },
    );
    report.seconds.finishing = run.elapsed().as_secs_f64() - ended;
    Ok(Fit { model, report })
}

/// The terms of the loss that do not depend on the model: Σ v (x ln x − x), for Kullback-Leibler.
fn constant_part<X: ObservedEntries + ?Sized>(
    observations: &Observations<'_, X>,
    loss: Loss,
) -> f64 {
    if loss != Loss::KullbackLeibler {
        return 0.0;
    }
    let mut sum = 0.0;
    for row in 0..observations.shape.0 {
        let listed = observations.row(row);
        for (position, value) in listed.values.iter().enumerate() {
            let (c, v) = (value.as_f64(), listed.weights.get(position).as_f64());
            if c > 0.0 && v > 0.0 {
                sum += c * (c / v).ln() - c;
            }
        }
    }
    sum
}

/// Gives the rows without observations the mean of the others, which is returned.
fn fill_unobserved<T: Scalar>(factor: &mut Array2<T>, weights: &[f64]) -> Array1<T> {
    let observed = weights.iter().filter(|weight| **weight > 0.0).count();
    let mut sums = vec![0.0; factor.ncols()];
    for (row, weight) in factor.rows().into_iter().zip(weights) {
        if *weight > 0.0 {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value.as_f64();
            }
        }
    }
    let mean = sums
        .iter()
        .map(|sum| T::from_f64(sum / observed.max(1) as f64));
    let mean: Array1<T> = mean.collect();
    for (mut row, weight) in factor.rows_mut().into_iter().zip(weights) {
        if *weight == 0.0 {
            row.assign(&mean);
        }
    }
    mean
}

/// The objective entry by entry, the error, and the certificate, all over the observed entries.
fn finish<X: ObservedEntries + ?Sized>(
    observations: &Observations<'_, X>,
    (w, penalties_w): (&Array2<X::Scalar>, &Penalties),
    (h, penalties_h): (&Array2<X::Scalar>, &Penalties),
    loss: EntryLoss,
    unit: f64,
    report: &mut FitReport,
) {
    let by_rows = entry_gradients(w.view(), h.view(), |row| observations.row(row), loss);
    let by_columns = entry_gradients(
        h.view(),
        w.view(),
        |column| observations.column(column),
        loss,
    );
    let penalty = penalties_w.total(w) + penalties_h.total(h);
    report.objective = (by_rows.loss + penalty) * unit;
    report.relative_error = Some(if observations.squares > 0.0 {
        (by_rows.squares / observations.squares).sqrt()
    } else {
        0.0
    });
    let mut certificate = ProjectedGradient::default();
    let all: Vec<usize> = (0..w.ncols()).collect();
    for (factor, penalties, mut gradients) in
        [(w, penalties_w, by_rows), (h, penalties_h, by_columns)]
    {
        let Side { l1, l2, max } = penalties.side;
        let rows = gradients.model.rows_mut().into_iter().zip(factor.rows());
        for ((model, values), scale) in rows.zip(&penalties.scale) {
            for (slope, value) in model.into_iter().zip(values) {
                let penalty = scale * (l1 + l2 * value.as_f64());
                *slope = X::Scalar::from_f64(slope.as_f64() + penalty);
            }
        }
        let side = Side {
            max,
            ..Side::default()
        };
        certificate.add(factor, &gradients.data, &gradients.model, side, &all);
    }
    report.certificate = Some(certificate.relative());
}
