//! Non-negative matrix factorization by hierarchical least squares, in forty lines.

use super::model::ToyModel;
use super::{Fault, check_input, dense_of_matrix, rounded};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Error, Factorizer, Fit, FitReport, Matrix, Result, Run, Scalar, StopReason, Summary,
};
use matfact_testkit::reference::{epsilon, frobenius_distance, frobenius_norm};
use matfact_testkit::strategies::pseudo_random;
use matfact_testkit::{
    DynMatrix, MatrixSubject, MonotoneSubject, NonNegativeSubject, ScaleEquivariant,
    TransformSubject, UnlimitedRank,
};
use std::marker::PhantomData;

const ITERATIONS: usize = 400;

pub(crate) struct TinyNmf<T> {
    rank: usize,
    seed: u64,
    fault: Fault,
    scalar: PhantomData<T>,
}

/// One pass over the columns of `w`, each set to its best value >= 0 in X ≈ W H.
fn sweep(w: &mut Array2<f64>, x: &Array2<f64>, h: &Array2<f64>) {
    let (cross, gram) = (x.dot(&h.t()), h.dot(&h.t()));
    for t in 0..w.ncols() {
        if gram[[t, t]] > 0.0 {
            let gradient = w.dot(&gram.column(t)) - cross.column(t);
            let best = &w.column(t) - &(gradient / gram[[t, t]]);
            w.column_mut(t).assign(&best.mapv(|v| v.max(0.0)));
        }
    }
}

impl<T: Scalar, X: Matrix<Scalar = T> + ?Sized> Factorizer<X> for TinyNmf<T> {
    type Model = ToyModel<T>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<ToyModel<T>>> {
        let (fault, rank) = (self.fault, self.rank);
        run.begin()?;
        let summary = Summary::of(x);
        check_input(&summary, rank, fault)?;
        if fault != Fault::AcceptsNegative {
            summary.require_non_negative("toy")?;
        }
        let (m, n) = summary.shape;
        if rank
            .checked_mul(8 * (m + n))
            .is_none_or(|bytes| bytes > 1 << 40)
        {
            return Err(Error::TooLarge {
                what: "the factors".to_owned(),
            });
        }
        let rank = if fault == Fault::ClampsRank {
            rank.min(m).min(n)
        } else {
            rank
        };
        let scale = match summary.max_abs {
            0.0 => 1.0,
            max => max.log2().floor().clamp(-1020.0, 1020.0).exp2(),
        };
        let x = dense_of_matrix(x, fault).mapv(|v| v / scale);
        let norm = frobenius_norm(x.view());
        let start = (x.sum() / (m * n * rank.max(1)) as f64).sqrt();
        let mut random = pseudo_random(self.seed);
        let mut w = Array2::from_shape_simple_fn((m, rank), || (0.1 + random()) * start);
        let mut h = Array2::from_shape_simple_fn((rank, n), || (0.1 + random()) * start);
        let mut report = FitReport::new("toy", (m, n), rank, self.seed);
        let squared = |w: &Array2<f64>, h: &Array2<f64>| {
            let error = frobenius_distance(x.view(), w.dot(h).view()) * scale;
            0.5 * error * error
        };
        for iteration in 1..=ITERATIONS {
            sweep(&mut w, &x, &h);
            let mut transposed = h.t().to_owned();
            sweep(&mut transposed, &x.t().to_owned(), &w.t().to_owned());
            h = transposed.t().to_owned();
            let mut objective = squared(&w, &h);
            if fault == Fault::RisingObjective {
                objective *= 1.0 + 1e-3 * f64::from(u8::from(iteration % 2 == 0));
            }
            report.history.push(objective);
            report.iterations = iteration;
            let told = if fault == Fault::RepeatsIterations {
                1
            } else {
                iteration
            };
            let interrupted = run.iteration(told, ITERATIONS, objective);
            if let (Some(reason), true) = (interrupted, fault != Fault::IgnoresInterruption) {
                report.stop = reason;
                break;
            }
            let before = report
                .history
                .len()
                .checked_sub(2)
                .map(|at| report.history[at]);
            if before.is_some_and(|b| b - objective <= 1e-15 * scale * scale * norm * norm) {
                report.stop = StopReason::Converged;
                break;
            }
        }
        let error = frobenius_distance(x.view(), w.dot(&h).view());
        report.objective = report.history.last().copied().unwrap_or(f64::NAN);
        report.relative_error = Some(if norm > 0.0 { error / norm } else { 0.0 });
        h.mapv_inplace(|v| v * scale);
        if fault == Fault::FlipsFactorSign {
            w.mapv_inplace(|v| -v);
            h.mapv_inplace(|v| -v);
        }
        let model = ToyModel {
            left: rounded(&w, fault)?,
            scales: Array1::ones(rank),
            right: rounded(&h, fault)?,
            fault,
            shown: None,
        };
        Ok(Fit { model, report })
    }
}

/// The subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nmf<T> {
    fault: Fault,
    scalar: PhantomData<T>,
}

pub(crate) fn nmf<T>(fault: Fault) -> Nmf<T> {
    Nmf {
        fault,
        scalar: PhantomData,
    }
}

impl<T: Scalar> MatrixSubject for Nmf<T> {
    type Scalar = T;
    type Model = ToyModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = ToyModel<T>> {
        TinyNmf {
            rank,
            seed,
            fault: self.fault,
            scalar: PhantomData,
        }
    }

    fn tolerance(&self) -> f64 {
        1e-5_f64.max(100.0 * epsilon::<T>())
    }

    fn large_shape(&self) -> (usize, usize) {
        (60, 12)
    }
}

impl<T: Scalar> NonNegativeSubject for Nmf<T> {
    fn factors(&self, model: &ToyModel<T>) -> (Array2<T>, Array2<T>) {
        (model.left.clone(), model.right.clone())
    }
}

impl<T: Scalar> TransformSubject for Nmf<T> {
    fn transform(&self, model: &ToyModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        if x.shape().1 != model.right.ncols() {
            return Err(Error::shape_mismatch(
                "columns",
                model.right.ncols(),
                x.shape().1,
            ));
        }
        Summary::of(x).require_non_negative("toy")?;
        let h = model.right.mapv(Scalar::as_f64);
        let x = dense_of_matrix(x, self.fault);
        let mut w = Array2::zeros((x.nrows(), h.nrows()));
        for _ in 0..ITERATIONS {
            sweep(&mut w, &x, &h);
        }
        rounded(&w, self.fault)
    }

    fn row_coordinates(&self, model: &ToyModel<T>) -> Array2<T> {
        model.left.clone()
    }

    fn transform_tolerance(&self) -> f64 {
        1e-3
    }
}

impl<T: Scalar> MonotoneSubject for Nmf<T> {}
impl<T: Scalar> UnlimitedRank for Nmf<T> {}
impl<T: Scalar> ScaleEquivariant for Nmf<T> {}
