//! The reference SVD as an algorithm.

use super::model::ToyModel;
use super::{Fault, check_input, dense_of_operator, rounded};
use matfact_core::ndarray::{Array1, Array2, Axis};
use matfact_core::{
    Error, Factorizer, Fit, FitReport, Layout, LinearOperator, Result, Run, Scalar, StopReason,
};
use matfact_testkit::reference::{frobenius_distance, frobenius_norm, jacobi_svd};
use matfact_testkit::{
    DynMatrix, DynOperator, LimitedRank, MatrixSubject, OperatorSubject, OptimalSubject,
    OrthonormalSubject, PermutationEquivariant, ScaleEquivariant, SvdParts, TransformSubject,
    TransposeEquivariant,
};
use std::marker::PhantomData;

pub(crate) struct ExactSvd<T> {
    rank: usize,
    seed: u64,
    fault: Fault,
    scalar: PhantomData<T>,
}

impl<T: Scalar, X: LinearOperator<Scalar = T> + ?Sized> Factorizer<X> for ExactSvd<T> {
    type Model = ToyModel<T>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<ToyModel<T>>> {
        let fault = self.fault;
        if fault != Fault::AcceptsZeroThreads || run.thread_count() != Some(0) {
            run.begin()?;
        }
        let mut dense = dense_of_operator(x);
        let summary = x
            .summary()
            .unwrap_or_else(|| matfact_core::Summary::of(&dense));
        check_input(&summary, self.rank, fault)?;
        let shape = dense.dim();
        let side = shape.0.min(shape.1);
        if self.rank > side && fault != Fault::ClampsRank {
            let (rank, limit) = (self.rank, side);
            return Err(Error::InvalidRank { rank, limit, shape });
        }
        assert!(
            shape.0 > 1 || fault != Fault::PanicsOnOneRow,
            "two rows at least"
        );
        match (fault, x.layout()) {
            (Fault::LayoutLeaks, Layout::Dense(view)) if !view.is_standard_layout() => {
                dense[[0, 0]] += 1e-6;
            }
            (Fault::DropsSparseEntry, Layout::SparseRows(_)) => dense[[0, 0]] = 0.0,
            (Fault::AbsoluteThreshold, _) => {
                dense.mapv_inplace(|v| if v.abs() < 0.5 { 0.0 } else { v });
            }
            (Fault::AcceptsNan, _) => {
                dense.mapv_inplace(|v| if v.is_finite() { v } else { 0.0 });
            }
            (Fault::TallDiffers, _) if shape.0 > shape.1 => dense[[0, 0]] *= 1.1,
            (Fault::TiedToPositions, _) => dense[[0, 0]] *= 1.1,
            _ => {}
        }
        let norm = frobenius_norm(dense.view());
        let svd = jacobi_svd(dense.view());
        let rank = self.rank.min(side);
        let mut kept: Vec<usize> = (0..rank).collect();
        match fault {
            Fault::Ascending => kept.reverse(),
            Fault::Suboptimal if rank < side => kept[rank - 1] = side - 1,
            _ => {}
        }
        let mut left: Array2<f64> = svd.u.select(Axis(1), &kept);
        let mut scales: Array1<f64> = svd.s.select(Axis(0), &kept);
        let right = svd.vt.select(Axis(0), &kept);
        match fault {
            Fault::NotOrthonormal => left.mapv_inplace(|v| v * (1.0 + 1e-4)),
            Fault::DividesByZero => scales.mapv_inplace(|s| s * s / s),
            Fault::KnowsItsThreads => {
                let threads = run.thread_count().unwrap_or(1) as f64;
                scales.mapv_inplace(|s| s * (1.0 + 1e-6 * threads));
            }
            _ => {}
        }
        let column = |s: &Array1<f64>| s.clone().insert_axis(Axis(1));
        let mut model = ToyModel {
            left: rounded(&left, fault)?,
            scales: rounded::<T>(&column(&scales), fault)?.remove_axis(Axis(1)),
            right: rounded(&right, fault)?,
            fault,
            shown: None,
        };
        if fault == Fault::LiesInReconstruction {
            model.shown = Some(rounded(&dense, fault)?);
        }
        let mut report = FitReport::new("toy", shape, rank, self.seed);
        let error = frobenius_distance(dense.view(), (&left * &scales).dot(&right).view());
        report.objective = error;
        report.relative_error = Some(match (norm > 0.0, fault) {
            (_, Fault::LiesAboutError) => 0.9,
            (true, _) => error / norm,
            (false, _) => 0.0,
        });
        report.stop = StopReason::Converged;
        Ok(Fit { model, report })
    }
}

/// The subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Svd<T> {
    fault: Fault,
    scalar: PhantomData<T>,
}

pub(crate) fn svd<T>(fault: Fault) -> Svd<T> {
    Svd {
        fault,
        scalar: PhantomData,
    }
}

impl<T: Scalar> Svd<T> {
    fn make(&self, rank: usize, seed: u64) -> ExactSvd<T> {
        ExactSvd {
            rank,
            seed,
            fault: self.fault,
            scalar: PhantomData,
        }
    }
}

impl<T: Scalar> MatrixSubject for Svd<T> {
    type Scalar = T;
    type Model = ToyModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = ToyModel<T>> {
        self.make(rank, seed)
    }

    fn tolerance(&self) -> f64 {
        100.0 * matfact_testkit::reference::epsilon::<T>()
    }

    fn large_shape(&self) -> (usize, usize) {
        (60, 12)
    }
}

impl<T: Scalar> OperatorSubject for Svd<T> {
    fn operator_factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynOperator<T>, Model = ToyModel<T>> {
        self.make(rank, seed)
    }
}

impl<T: Scalar> OrthonormalSubject for Svd<T> {
    fn parts(&self, model: &ToyModel<T>) -> SvdParts<T> {
        (
            model.left.clone(),
            model.scales.clone(),
            model.right.clone(),
        )
    }
}

impl<T: Scalar> TransformSubject for Svd<T> {
    fn transform(&self, model: &ToyModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        let (rows, columns) = x.shape();
        if columns != model.right.ncols() {
            return Err(Error::shape_mismatch(
                "columns",
                model.right.ncols(),
                columns,
            ));
        }
        let summary = matfact_core::Summary::of(x);
        if self.fault != Fault::AcceptsNan {
            summary.require_finite()?;
        }
        let mut out = Array2::default((rows, model.scales.len()));
        x.multiply(model.right.t(), out.view_mut());
        match self.fault {
            Fault::TransformsWrongly => out.mapv_inplace(|v| v * T::from_f64(1.5)),
            Fault::TransformsByBatch => {
                let first = out.row(0).to_owned();
                for mut row in out.rows_mut() {
                    row += &first;
                }
            }
            _ => {}
        }
        Ok(out)
    }

    fn row_coordinates(&self, model: &ToyModel<T>) -> Array2<T> {
        &model.left * &model.scales
    }
}

impl<T: Scalar> OptimalSubject for Svd<T> {}
impl<T: Scalar> LimitedRank for Svd<T> {}
impl<T: Scalar> PermutationEquivariant for Svd<T> {}
impl<T: Scalar> TransposeEquivariant for Svd<T> {}
impl<T: Scalar> ScaleEquivariant for Svd<T> {}
