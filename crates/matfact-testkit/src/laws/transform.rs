//! Laws of models that map new rows to their components.

use super::{fit, fit_good, law};
use crate::inputs::other_forms;
use crate::reference::{epsilon, frobenius_distance, frobenius_norm, from_f64, to_f64};
use crate::strategies::{any_non_negative, planted};
use crate::subject::TransformSubject;
use crate::violation::{Outcome, refused, require, require_at_most};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{Error, Scalar};

/// Fails unless `a` is within `tolerance` of `b`, as a part of ‖`b`‖.
fn close<T: Scalar>(what: &str, a: &Array2<T>, b: &Array2<T>, tolerance: f64) -> Outcome {
    require(a.dim() == b.dim(), || {
        format!("{what}: shapes {:?} and {:?}", a.dim(), b.dim())
    })?;
    let (a, b) = (to_f64(a.view()), to_f64(b.view()));
    let distance = frobenius_distance(a.view(), b.view());
    require_at_most(what, distance, tolerance * frobenius_norm(b.view()))
}

law! {
    /// Transforming the training matrix gives the coordinates that the fit gave its rows.
    fn transform_agrees_with_the_fit<S: TransformSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            let model = fit(subject, &x, case.rank, case.seed).map_err(refused)?.model;
            let coordinates = subject.transform(&model, &x).map_err(refused)?;
            let fitted = subject.row_coordinates(&model);
            close("|transform(X) - fit|", &coordinates, &fitted, subject.transform_tolerance())
        })
    }
}

law! {
    /// A row's coordinates do not depend on the rows around it, nor, beyond rounding, on the form
    /// that they come in; they are finite, and the same to the bit each time.
    fn transform_takes_rows_one_by_one<S: TransformSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            let model = fit(subject, &x, case.rank, case.seed).map_err(refused)?.model;
            let all = subject.transform(&model, &x).map_err(refused)?;
            require(all.iter().all(|v| v.as_f64().is_finite()), || format!("transform(X) is {all}"))?;
            let again = subject.transform(&model, &x).map_err(refused)?;
            let bits = |a: &Array2<S::Scalar>| -> Vec<u64> {
                a.iter().map(|v| v.as_f64().to_bits()).collect()
            };
            require(bits(&all) == bits(&again), || "twice, other bits".to_owned())?;
            // Rows in another number and order.
            let rows: Vec<usize> = (0..x.nrows()).rev().step_by(2).collect();
            let subset = subject.transform(&model, &x.select(Axis(0), &rows)).map_err(refused)?;
            let tolerance = subject.transform_tolerance().max(64.0 * epsilon::<S::Scalar>());
            let expected = all.select(Axis(0), &rows);
            close("|transform(rows) - rows of transform|", &subset, &expected, tolerance)?;
            for (name, form) in other_forms(&x) {
                let other = subject.transform(&model, &*form).map_err(refused)?;
                close(&format!("|transform of {name} - of dense|"), &other, &all, tolerance)?;
            }
            Ok(())
        })
    }
}

law! {
    /// New rows are refused as the fit would: another number of columns, and entries that are NaN
    /// or infinite, by their place.
    fn transform_refuses_bad_rows<S: TransformSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            let (m, n) = case.x.dim();
            for width in [n + 1, n - 1] {
                let wrong = Array2::<S::Scalar>::ones((2, width));
                match subject.transform(&model, &wrong) {
                    Err(Error::ShapeMismatch { .. }) => {}
                    // A matrix without columns is empty before it is too narrow.
                    Err(Error::EmptyInput { .. }) if width == 0 => {}
                    other => {
                        return Err(format!("{width} columns instead of {n} give {other:?}"));
                    }
                }
            }
            let at = (case.seed as usize % m, case.seed as usize % n);
            for bad in [S::Scalar::from_f64(f64::NAN), S::Scalar::from_f64(f64::INFINITY)] {
                let mut x: Array2<S::Scalar> = from_f64(case.x.view());
                x[at] = bad;
                match subject.transform(&model, &x) {
                    Err(Error::NonFinite { row, column, .. }) if (row, column) == at => {}
                    other => return Err(format!("{bad} at {at:?} gives {other:?}")),
                }
            }
            Ok(())
        })
    }
}
