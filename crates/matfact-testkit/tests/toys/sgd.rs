//! Biased factors of ratings by stochastic gradients, one rating after the other.

use super::Fault;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Error, FactorModel, Factorizer, Fit, FitReport, ObservedEntries, Result, Run, Scalar,
};
use matfact_testkit::strategies::pseudo_random;
use matfact_testkit::{DynRatings, RatingsSubject};
use std::marker::PhantomData;

const EPOCHS: usize = 60;

pub(crate) struct TinySgd<T> {
    rank: usize,
    seed: u64,
    fault: Fault,
    scalar: PhantomData<T>,
}

impl<T: Scalar> TinySgd<T> {
    fn entries<X>(&self, x: &X) -> Result<Vec<(usize, usize, f64)>>
    where
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        let (rows, columns) = x.shape();
        let mut all = Vec::new();
        for row in 0..rows {
            let entries = x.row(row);
            for (column, value) in entries.columns.iter().zip(entries.values) {
                let index = i128::from(*column);
                let (column, value) = (*column as usize, value.as_f64());
                if column >= columns && self.fault != Fault::IndexesBlindly {
                    let (axis, position, bound) = ("column", all.len(), columns);
                    return Err(Error::IndexOutOfRange {
                        axis,
                        index,
                        position,
                        bound,
                    });
                }
                if !value.is_finite() && self.fault != Fault::AcceptsNan {
                    return Err(Error::NonFinite { row, column, value });
                }
                all.push((row, column, value));
            }
        }
        if all.is_empty() && self.fault != Fault::AcceptsEmpty {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        Ok(all)
    }
}

impl<T: Scalar, X: ObservedEntries<Scalar = T> + ?Sized> Factorizer<X> for TinySgd<T> {
    type Model = FactorModel<T>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<FactorModel<T>>> {
        run.begin()?;
        let (rank, shape, fault) = (self.rank, x.shape(), self.fault);
        if rank == 0 {
            return Err(Error::InvalidRank {
                rank,
                limit: usize::MAX,
                shape,
            });
        }
        let entries = self.entries(x)?;
        let mean = entries.iter().map(|e| e.2).sum::<f64>() / entries.len().max(1) as f64;
        let spread = entries
            .iter()
            .map(|e| (e.2 - mean).abs())
            .fold(0.0, f64::max);
        let spread = if spread > 0.0 { spread } else { 1.0 };
        let mut random = pseudo_random(self.seed);
        let mut p = Array2::from_shape_simple_fn((shape.0, rank), || 0.2 * (random() - 0.5));
        let mut q = Array2::from_shape_simple_fn((shape.1, rank), || 0.2 * (random() - 0.5));
        let (mut b, mut c) = (Array1::<f64>::zeros(shape.0), Array1::<f64>::zeros(shape.1));
        let mut rated = (vec![false; shape.0], vec![false; shape.1]);
        let mut report = FitReport::new("toy", shape, rank, self.seed);
        for epoch in 1..=EPOCHS {
            let mut squares = 0.0;
            for &(i, j, value) in &entries {
                (rated.0[i], rated.1[j]) = (true, true);
                let predicted: f64 = b[i] + c[j] + p.row(i).dot(&q.row(j));
                let error = (value - mean) / spread - predicted;
                squares += error * error;
                let rate = if fault == Fault::LearnsNothing {
                    0.0
                } else {
                    0.05
                };
                b[i] += rate * (error - 0.01 * b[i]);
                c[j] += rate * (error - 0.01 * c[j]);
                for t in 0..rank {
                    let (left, right) = (p[[i, t]], q[[j, t]]);
                    p[[i, t]] += rate * (error * right - 0.01 * left);
                    q[[j, t]] += rate * (error * left - 0.01 * right);
                }
            }
            report.history.push(squares);
            report.iterations = epoch;
            let interrupted = run.iteration(epoch, EPOCHS, squares);
            if let (Some(reason), true) = (interrupted, fault != Fault::IgnoresInterruption) {
                report.stop = reason;
                break;
            }
        }
        if fault != Fault::RandomForUnrated {
            for (mut row, _) in p.rows_mut().into_iter().zip(&rated.0).filter(|r| !r.1) {
                row.fill(0.0);
            }
            for (mut row, _) in q.rows_mut().into_iter().zip(&rated.1).filter(|r| !r.1) {
                row.fill(0.0);
            }
        }
        if fault == Fault::KnowsItsThreads {
            b[0] += 1e-3 * run.thread_count().unwrap_or(1) as f64;
        }
        let root = spread.sqrt();
        let number = |v: f64| T::from_f64(v);
        let model = FactorModel::new(p.mapv(|v| number(v * root)), q.mapv(|v| number(v * root)))?
            .with_mean(number(mean))
            .with_biases(
                b.mapv(|v| number(v * spread)),
                c.mapv(|v| number(v * spread)),
            )?;
        let all = matfact_core::Factorization::reconstruct(&model);
        let all_finite = mean.is_finite() && all.iter().all(|v| v.is_finite());
        if !all_finite && fault != Fault::AcceptsNan {
            let step = "the factors".to_owned();
            return Err(Error::Overflow {
                step,
                scalar: T::NAME,
            });
        }
        Ok(Fit { model, report })
    }
}

/// The subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sgd<T> {
    fault: Fault,
    scalar: PhantomData<T>,
}

pub(crate) fn sgd<T>(fault: Fault) -> Sgd<T> {
    Sgd {
        fault,
        scalar: PhantomData,
    }
}

impl<T: Scalar> RatingsSubject for Sgd<T> {
    type Scalar = T;
    type Model = FactorModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<T>, Model = FactorModel<T>> {
        TinySgd {
            rank,
            seed,
            fault: self.fault,
            scalar: PhantomData,
        }
    }

    fn fallback(&self, model: &FactorModel<T>) -> T {
        model.predict_or_fallback(None, None)
    }

    fn large_shape(&self) -> (usize, usize) {
        (100, 40)
    }
}
