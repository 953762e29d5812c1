//! Laws on what a change of the matrix does to the model: permuting, transposing, scaling.

use super::{fit_good, law, reconstruction, require_close};
use crate::strategies::{permutation, planted};
use crate::subject::{
    MatrixSubject, PermutationEquivariant, ScaleEquivariant, TransposeEquivariant,
};
use crate::violation::Outcome;
use matfact_core::ndarray::{Array2, Axis};

/// Compares the model of `changed` with what `expected` makes of the model of `x`.
fn compare<S: MatrixSubject>(
    subject: &S,
    what: &str,
    (x, changed): (&Array2<f64>, &Array2<f64>),
    (rank, seed): (usize, u64),
    expected: impl Fn(Array2<f64>) -> Array2<f64>,
) -> Outcome {
    let model = expected(reconstruction(&fit_good(subject, x, rank, seed)?.model));
    let other = reconstruction(&fit_good(subject, changed, rank, seed)?.model);
    let tolerance = subject.tolerance();
    require_close(what, other.view(), model.view(), changed.view(), tolerance)
}

law! {
    /// Permuting the rows of X permutes the rows of X̂, and permuting columns the columns.
    fn permuting_permutes<S: PermutationEquivariant>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            for axis in [Axis(0), Axis(1)] {
                let order = permutation(case.x.len_of(axis), case.seed);
                let permuted = case.x.select(axis, &order);
                let what = format!("|permuted along {axis:?} - model permuted|");
                let setting = (case.rank, case.seed);
                compare(subject, &what, (&case.x, &permuted), setting, |model| {
                    model.select(axis, &order)
                })?;
            }
            Ok(())
        })
    }
}

law! {
    /// Transposing X transposes X̂.
    fn transposing_swaps_the_sides<S: TransposeEquivariant>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            let transposed = case.x.t().as_standard_layout().into_owned();
            let setting = (case.rank, case.seed);
            compare(subject, "|X̂ of Xᵀ - X̂ᵀ|", (&case.x, &transposed), setting, |model| {
                model.reversed_axes()
            })
        })
    }
}

law! {
    /// Scaling X by c scales X̂ by c.
    fn scaling_scales<S: ScaleEquivariant>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            for scale in [4.0, 3.0, 1.0 / 1024.0, 1048576.0] {
                let scaled = &case.x * scale;
                let what = format!("|X̂ of {scale} X - {scale} X̂|");
                let setting = (case.rank, case.seed);
                compare(subject, &what, (&case.x, &scaled), setting, |model| model * scale)?;
            }
            Ok(())
        })
    }
}
