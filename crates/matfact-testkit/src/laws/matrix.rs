//! Laws of every algorithm on matrices.

use super::{fit, fit_good, fit_with, law, reconstruction, require_close};
use crate::execution;
use crate::hard::{extreme_matrices, hard_matrices};
use crate::inputs::{OpaqueMatrix, dense_layouts, other_forms};
use crate::reference::{epsilon, frobenius_distance, frobenius_norm, from_f64, jacobi_svd, to_f64};
use crate::strategies::{MatrixCase, any_non_negative, large_matrix, planted};
use crate::subject::{DynMatrix, MatrixSubject};
use crate::violation::{LawResult, Outcome, refused, require, require_at_most};
use crate::{Law, laws};
use matfact_core::ndarray::Array2;
use matfact_core::{Duplicates, Error, Run, Scalar, csr_from_triplets};

/// Iterations of the law on threads for large matrices.
const BRIEF: usize = 3;
/// Seeds for the hard matrices: the second once met a component that rounding let vanish.
const HARD_SEEDS: [u64; 2] = [1, 399];
/// No limit on iterations, for small matrices.
const WHOLE: usize = usize::MAX;

law! {
    /// The same data, hyper-parameters and seed give the same bits, twice in a row and for any
    /// number of threads.
    fn same_bits_for_any_threads<S: MatrixSubject>(law, subject) {
        let small = any_non_negative();
        law.check(&subject.name(), subject.cases() / 2, &small, |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            execution::same_bits_for_any_threads(
                &|run| fit_with(subject, &x, case.rank, case.seed, run),
                WHOLE,
            )
        })?;
        let (m, n) = subject.large_shape();
        let mut inputs: Vec<(String, Box<DynMatrix<S::Scalar>>)> = Vec::new();
        for shape in [(m, n), (n, m)] {
            let dense: Array2<S::Scalar> = from_f64(large_matrix(shape, 0.0).view());
            let sparse = large_matrix(shape, 0.9);
            let stored = sparse.indexed_iter().filter(|(_, v)| **v != 0.0);
            let csr = csr_from_triplets(
                shape,
                stored.map(|((i, j), v)| (i, j, S::Scalar::from_f64(*v))),
                Duplicates::Error,
            )
            .expect("positions of a matrix are inside it");
            inputs.push((format!("large dense {shape:?}"), Box::new(dense)));
            inputs.push((format!("large CSC {shape:?}"), Box::new(csr.to_csc())));
            inputs.push((format!("large CSR {shape:?}"), Box::new(csr)));
        }
        law.check_named(&subject.name(), inputs, |x| {
            execution::same_bits_for_any_threads(&|run| fit_with(subject, &**x, 4, 5, run), BRIEF)
        })
    }
}

law! {
    /// No model of rank k has a smaller Frobenius error than the singular value decomposition cut
    /// to rank k; to rank k + 1 for models with column means.
    fn error_at_least_that_of_the_svd<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            let error = frobenius_distance(case.x.view(), reconstruction(&model).view());
            let rank = case.rank + usize::from(subject.is_centered());
            let best = jacobi_svd(case.x.view()).best_error(rank);
            let rounding = 16.0 * epsilon::<S::Scalar>() * frobenius_norm(case.x.view());
            require(error >= best - rounding, || {
                format!("error {error:e}, but the best of rank {rank} is {best:e}")
            })
        })
    }
}

law! {
    /// Model and report have the shape and rank asked for, and a relative error that is reported is
    /// the one of the reconstruction.
    fn report_tells_the_truth<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let fit = fit_good(subject, &case.x, case.rank, case.seed)?;
            execution::report_fits(&fit, case.x.dim(), case.rank)?;
            require(fit.report.seed == case.seed, || {
                format!("seed {}, reported {}", case.seed, fit.report.seed)
            })?;
            let norm = frobenius_norm(case.x.view());
            let (Some(reported), true) = (fit.report.relative_error, norm > 0.0) else {
                return Ok(());
            };
            let model = reconstruction(&fit.model);
            let true_error = frobenius_distance(case.x.view(), model.view()) / norm;
            // A small error may come from a difference of squared norms.
            let bound = subject.tolerance().max(4.0 * epsilon::<S::Scalar>().sqrt());
            require_at_most(
                &format!("|{reported:e} reported - {true_error:e} true relative error|"),
                (reported - true_error).abs(),
                bound,
            )
        })
    }
}

law! {
    /// A dense array gives the same bits in every memory layout: rows or columns first, negative
    /// strides, a part of a larger array.
    fn layouts_give_the_same_bits<S: MatrixSubject>(law, subject) {
        let test = |x: &Array2<S::Scalar>, rank, seed| {
            let expected = fit(subject, x, rank, seed).map_err(refused)?;
            for (name, layout) in dense_layouts(x) {
                let other = fit(subject, &layout, rank, seed).map_err(refused)?;
                execution::same_fit(&expected, &other)
                    .map_err(|seen| format!("rows in order, then {name}: {seen}"))?;
            }
            Ok(())
        };
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            test(&from_f64(case.x.view()), case.rank, case.seed)
        })?;
        // One row, one column: where strides can be anything.
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            test(x, x.nrows().min(x.ncols()).min(2), 1)
        })
    }
}

law! {
    /// The same matrix gives the same model up to rounding, dense, compressed by rows or columns
    /// with either index type, and as a type of the user's own.
    fn forms_give_the_same_model<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &planted(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            let expected = fit(subject, &x, case.rank, case.seed).map_err(refused)?;
            let expected = reconstruction(&expected.model);
            for (name, form) in other_forms(&x) {
                let other = fit(subject, &*form, case.rank, case.seed).map_err(refused)?;
                let other = reconstruction(&other.model);
                let what = format!("|dense - {name}|");
                let tolerance = subject.tolerance();
                require_close(&what, expected.view(), other.view(), case.x.view(), tolerance)?;
            }
            Ok(())
        })
    }
}

law! {
    /// A model that is taken apart into tensors and put together again is the same to the bit; a
    /// record that is no model is refused.
    fn record_round_trip<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            execution::record_round_trip(&model)?;
            execution::bad_records_are_refused(&model)
        })
    }
}

law! {
    /// Single predictions, blocks of rows and the whole reconstruction agree; positions outside the
    /// matrix are refused.
    fn predictions_agree<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            execution::predictions_agree(&model)
        })
    }
}

law! {
    /// An observer sees increasing iterations within the limit and the objectives of the history,
    /// and watching changes no bit.
    fn observer_sees_progress<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() / 2, &any_non_negative(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            execution::observer_sees_progress(&|run| {
                fit_with(subject, &x, case.rank, case.seed, run)
            })
        })
    }
}

law! {
    /// A fit that is cancelled, or has no time left, stops within one iteration, says why, and gives
    /// a finite model.
    fn interruption_stops_the_fit<S: MatrixSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() / 2, &any_non_negative(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            execution::interruption_stops(&|run| {
                fit_with(subject, &x, case.rank, case.seed, run)
            })
        })
    }
}

law! {
    /// Hard matrices (no gap, no data, no room, ill-conditioned) give a finite model in every form,
    /// never a panic, a hang or a NaN.
    fn hard_matrices_give_finite_models<S: MatrixSubject>(law, subject) {
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            let ranks = 1..=x.nrows().min(x.ncols()).min(4);
            for (rank, seed) in ranks.flat_map(|rank| HARD_SEEDS.map(|seed| (rank, seed))) {
                let mut forms = other_forms(x);
                forms.push(("dense", Box::new(x.clone())));
                for (form, input) in forms {
                    let label = format!("rank {rank}, seed {seed}, {form}");
                    let fit = fit(subject, &*input, rank, seed)
                        .map_err(|error| format!("{label}: {}", refused(error)))?;
                    check_hard(&fit, x, rank).map_err(|seen| format!("{label}: {seen}"))?;
                }
            }
            Ok(())
        })
    }
}

fn check_hard<M: matfact_core::Factorization + matfact_core::Persist>(
    fit: &matfact_core::Fit<M>,
    x: &Array2<M::Scalar>,
    rank: usize,
) -> Outcome {
    execution::finite(fit)?;
    execution::report_fits(fit, x.dim(), rank)?;
    // Zero is a model too: no fit may be much worse than it.
    let x = to_f64(x.view());
    let error = frobenius_distance(x.view(), reconstruction(&fit.model).view());
    let rounding = 64.0 * epsilon::<M::Scalar>();
    require_at_most(
        "‖X - X̂‖",
        error,
        frobenius_norm(x.view()) * (1.0 + rounding),
    )
}

law! {
    /// Values at the ends of the element type's range give a finite model or an overflow error.
    fn extreme_values_give_finite_models_or_overflow<S: MatrixSubject>(law, subject) {
        law.check_named(&subject.name(), extreme_matrices::<S::Scalar>(), |x| {
            for rank in 1..=2 {
                let opaque = OpaqueMatrix(x.clone());
                for input in [x as &DynMatrix<S::Scalar>, &opaque] {
                    match fit(subject, input, rank, 1) {
                        Ok(fit) => execution::finite(&fit)?,
                        Err(Error::Overflow { .. }) => {}
                        Err(other) => return Err(format!("rank {rank}: {other:?}")),
                    }
                }
            }
            Ok(())
        })
    }
}

/// Single and double precision give the same model to the precision of `single`.
///
/// # Errors
/// The violation found, with its counterexample.
pub fn precisions_agree<A, B>(single: &A, double: &B) -> LawResult
where
    A: MatrixSubject<Scalar = f32>,
    B: MatrixSubject<Scalar = f64>,
{
    let law = Law {
        name: "precisions_agree",
        statement: "Single and double precision give the same model to single precision.",
    };
    let name = format!("{} against {}", single.name(), double.name());
    law.check(&name, single.cases(), &planted(), |case: MatrixCase| {
        let x = &case.x;
        let narrow = reconstruction(&fit_good(single, x, case.rank, case.seed)?.model);
        let wide = reconstruction(&fit_good(double, x, case.rank, case.seed)?.model);
        let tolerance = single.tolerance();
        require_close(
            "|f32 - f64|",
            narrow.view(),
            wide.view(),
            x.view(),
            tolerance,
        )
    })
}

law! {
    /// Zero threads and rank 0 are refused by name.
    fn settings_are_checked<S: MatrixSubject>(law, subject) {
        let x: Array2<S::Scalar> = from_f64(large_matrix((6, 5), 0.0).view());
        law.check_named(&subject.name(), [("a 6 x 5 matrix", &x)], |x| {
            execution::no_threads_is_refused(&|run| fit_with(subject, *x, 2, 1, run))?;
            execution::no_rank_is_refused(laws::fit(subject, *x, 0, 1))
        })
    }
}

law! {
    /// A fit leaves nothing behind: after a fit that was refused, the next one is the same to the
    /// bit as before.
    fn a_refused_fit_changes_nothing<S: MatrixSubject>(law, subject) {
        let x: Array2<S::Scalar> = from_f64(large_matrix((6, 5), 0.0).view());
        law.check_named(&subject.name(), [("a 6 x 5 matrix", x)], |x| {
            let factorizer = subject.factorizer(2, 1);
            let fit = |x: &Array2<S::Scalar>| {
                matfact_core::Factorizer::fit_with(&factorizer, x as &DynMatrix<S::Scalar>, &mut Run::new())
            };
            let before = fit(x).map_err(refused)?;
            let mut bad = x.clone();
            bad[[3, 2]] = S::Scalar::from_f64(f64::NAN);
            // What it gives is the matter of another law.
            let _ = fit(&bad);
            execution::same_fit(&before, &fit(x).map_err(refused)?)
        })
    }
}
