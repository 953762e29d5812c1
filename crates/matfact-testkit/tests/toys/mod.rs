//! Small algorithms that keep the laws, each with faults that can be switched on to break them.
#![allow(dead_code)] // Each test file uses its own part.

pub(crate) mod model;
pub(crate) mod nmf;
pub(crate) mod sgd;
pub(crate) mod svd;

use matfact_core::ndarray::Array2;
use matfact_core::{Error, Layout, LinearOperator, Matrix, Scalar};

/// What is wrong with an algorithm, or its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    AcceptsEmpty,
    AcceptsNan,
    AcceptsNegative,
    AcceptsRankZero,
    AcceptsZeroThreads,
    AbsoluteThreshold,
    Ascending,
    ClampsRank,
    DividesByZero,
    DropsSparseEntry,
    FlipsFactorSign,
    ForgetsInRecord,
    IgnoresInterruption,
    IndexesBlindly,
    KnowsItsThreads,
    LayoutLeaks,
    LearnsNothing,
    LiesAboutError,
    LiesInReconstruction,
    NamesWrongPlace,
    NotOrthonormal,
    OverflowsSilently,
    PanicsOnOneRow,
    PredictsOtherwise,
    RandomForUnrated,
    RepeatsIterations,
    RisingObjective,
    Suboptimal,
    TallDiffers,
    TiedToPositions,
    TransformsByBatch,
    TransformsWrongly,
}

/// The entries of a matrix in double precision, from its products.
pub(crate) fn dense_of_operator<X: LinearOperator + ?Sized>(x: &X) -> Array2<f64> {
    let (m, n) = x.shape();
    let mut out = Array2::default((m, n));
    x.multiply(Array2::eye(n).view(), out.view_mut());
    out.mapv(Scalar::as_f64)
}

/// The entries of a matrix in double precision, from its list of them.
pub(crate) fn dense_of_matrix<X: Matrix + ?Sized>(x: &X, fault: Fault) -> Array2<f64> {
    let mut out = Array2::zeros(x.shape());
    let mut entries = Vec::new();
    x.visit(&mut |i, j, v| entries.push((i, j, v.as_f64())));
    if fault == Fault::DropsSparseEntry && matches!(x.layout(), Layout::SparseRows(_)) {
        entries.pop();
    }
    for (i, j, v) in entries {
        out[[i, j]] = v;
    }
    if let (Fault::LayoutLeaks, Layout::Dense(view)) = (fault, x.layout())
        && !view.is_standard_layout()
    {
        out.mapv_inplace(|v| v * (1.0 + 1e-6));
    }
    out
}

/// Rounds to the element type, refusing what exceeds it.
pub(crate) fn rounded<T: Scalar>(x: &Array2<f64>, fault: Fault) -> Result<Array2<T>, Error> {
    let x = x.mapv(T::from_f64);
    if fault != Fault::OverflowsSilently && x.iter().any(|v| !v.is_finite()) {
        let step = "rounding the factors".to_owned();
        return Err(Error::Overflow {
            step,
            scalar: T::NAME,
        });
    }
    Ok(x)
}

/// Refuses NaN and infinities, empty shapes and rank 0, as far as the fault lets it.
pub(crate) fn check_input(
    summary: &matfact_core::Summary,
    rank: usize,
    fault: Fault,
) -> Result<(), Error> {
    let empty = summary.shape.0 == 0 || summary.shape.1 == 0;
    match summary.require_finite() {
        Err(Error::EmptyInput { .. }) if empty && fault == Fault::AcceptsEmpty => {}
        Err(Error::NonFinite { .. }) if fault == Fault::AcceptsNan => {}
        Err(Error::NonFinite { row, column, value }) if fault == Fault::NamesWrongPlace => {
            let (row, column) = (column, row);
            return Err(Error::NonFinite { row, column, value });
        }
        other => other?,
    }
    if rank == 0 && fault != Fault::AcceptsRankZero {
        let shape = summary.shape;
        return Err(Error::InvalidRank {
            rank,
            limit: shape.0.min(shape.1),
            shape,
        });
    }
    Ok(())
}
