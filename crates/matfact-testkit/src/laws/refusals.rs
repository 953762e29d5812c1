//! Laws on bad matrices: a typed error that names the place, before any work.

use super::{fit, law};
use crate::execution;
use crate::inputs::OpaqueMatrix;
use crate::inputs::{dense_layouts, other_forms};
use crate::reference::from_f64;
use crate::strategies::any_non_negative;
use crate::subject::{DynMatrix, MatrixSubject, NonNegativeSubject, OperatorSubject};
use crate::violation::{Outcome, refused, require};
use matfact_core::ndarray::Array2;
use matfact_core::sprs::CsMatI;
use matfact_core::{Error, Factorizer, Scalar};
use proptest::prelude::Strategy;

/// The matrix in all forms, dense ones included.
fn all_forms<T: Scalar>(x: &Array2<T>) -> Vec<(&'static str, Box<DynMatrix<T>>)> {
    let mut forms = other_forms(x);
    for (name, layout) in dense_layouts(x) {
        forms.push((name, Box::new(layout)));
    }
    forms
}

/// A case, and a position in its matrix.
fn with_position() -> impl Strategy<Value = (crate::strategies::MatrixCase, (usize, usize), usize)>
{
    (any_non_negative(), 0..1000_usize, 0..1000_usize, 0..3_usize).prop_map(
        |(case, i, j, which)| {
            let position = (i % case.x.nrows(), j % case.x.ncols());
            (case, position, which)
        },
    )
}

law! {
    /// A NaN or infinite entry is refused with its row and column, in every form of the matrix; where
    /// the form has no summary to name it by, refused.
    fn non_finite_entries_are_named<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &with_position(), |(case, at, which)| {
            let mut x: Array2<S::Scalar> = from_f64(case.x.view());
            let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][which];
            x[at] = S::Scalar::from_f64(bad);
            for (name, form) in all_forms(&x) {
                match fit(subject, &*form, case.rank, case.seed).map(|_| ()) {
                    Err(Error::NonFinite { row, column, value })
                        if (row, column) == at && same_kind(value, bad) => {}
                    // Seen through products alone, an entry has no place.
                    Err(Error::NonFinite { .. } | Error::Overflow { .. })
                        if form.summary().is_none() => {}
                    other => return Err(unexpected(name, bad, at, &other)),
                }
            }
            Ok(())
        })
    }
}

fn same_kind(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn unexpected(form: &str, bad: f64, at: (usize, usize), seen: &matfact_core::Result<()>) -> String {
    match seen {
        Ok(()) => format!("{form}: {bad} at {at:?} is accepted"),
        Err(error) => format!("{form}: {bad} at {at:?} gives {error:?}"),
    }
}

law! {
    /// A matrix without rows or without columns is refused as empty.
    fn empty_matrices_are_refused<S: MatrixSubject>(law, subject) {
        let shapes = [(0, 3), (3, 0), (0, 0)].map(|shape| (format!("{shape:?}"), shape));
        law.check_named(&subject.name(), shapes, |shape| {
            let dense = Array2::<S::Scalar>::zeros(*shape);
            let sparse = CsMatI::<S::Scalar, u32, usize>::zero(*shape);
            let opaque = OpaqueMatrix(dense.clone());
            let forms: [&DynMatrix<S::Scalar>; 3] = [&dense, &sparse, &opaque];
            for form in forms {
                execution::empty_is_refused(fit(subject, form, 1, 0))?;
            }
            Ok(())
        })
    }
}

law! {
    /// A negative entry is refused with its row, column and value; minus zero is zero, to the bit.
    fn negative_entries_are_named<S: NonNegativeSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &with_position(), |(case, at, _)| {
            let mut x: Array2<S::Scalar> = from_f64(case.x.view());
            x[at] = S::Scalar::from_f64(-0.25);
            for (name, form) in all_forms(&x) {
                match fit(subject, &*form, case.rank, case.seed).map(|_| ()) {
                    Err(Error::Negative { row, column, value, .. })
                        if (row, column) == at && value == -0.25 => {}
                    other => return Err(unexpected(name, -0.25, at, &other)),
                }
            }
            x[at] = S::Scalar::default();
            let zero = fit(subject, &x, case.rank, case.seed).map_err(refused)?;
            x[at] = S::Scalar::from_f64(-0.0);
            let minus_zero = fit(subject, &x, case.rank, case.seed).map_err(refused)?;
            execution::same_fit(&zero, &minus_zero)
                .map_err(|seen| format!("zero, then minus zero at {at:?}: {seen}"))
        })
    }
}

law! {
    /// An operator that is known by its products alone gives the dense matrix's model up to
    /// rounding, and is refused when its products are not finite.
    fn products_are_enough<S: OperatorSubject>(law, subject) {
        let cases = crate::strategies::planted_signed();
        law.check(&subject.name(), subject.cases(), &cases, |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            let dense = fit(subject, &x, case.rank, case.seed).map_err(refused)?;
            let factorizer = subject.operator_factorizer(case.rank, case.seed);
            let mut operator = OpaqueMatrix(x);
            let opaque = factorizer.fit(&operator).map_err(refused)?;
            super::require_close(
                "|dense - operator|",
                super::reconstruction(&dense.model).view(),
                super::reconstruction(&opaque.model).view(),
                case.x.view(),
                subject.tolerance(),
            )?;
            execution::report_fits(&opaque, case.x.dim(), case.rank)?;
            operator.0[[0, 0]] = S::Scalar::from_f64(f64::NAN);
            refuses(factorizer.fit(&operator).map(|_| ()))
        })
    }
}

fn refuses(fitted: matfact_core::Result<()>) -> Outcome {
    require(
        matches!(
            fitted,
            Err(Error::NonFinite { .. } | Error::Overflow { .. })
        ),
        || format!("products that are NaN give {fitted:?}, not NonFinite or Overflow"),
    )
}
