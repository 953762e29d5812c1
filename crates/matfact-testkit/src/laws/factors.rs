//! Laws of factors and objectives: signs, orthonormality, optimality, monotony.

use super::{fit, fit_good, law, reconstruction, require_close};
use crate::hard::{extreme_matrices, hard_matrices};
use crate::reference::{
    epsilon, frobenius_distance, frobenius_norm, from_f64, jacobi_svd, orthonormality_error,
    product, to_f64,
};
use crate::strategies::{any_non_negative, large_matrix, planted, planted_signed, signed};
use crate::subject::{MonotoneSubject, NonNegativeSubject, OptimalSubject, OrthonormalSubject};
use crate::violation::{Outcome, refused, require, require_at_most};
use matfact_core::ndarray::{Array2, ArrayView2, Axis, concatenate};
use matfact_core::{Factorization, Scalar};

law! {
    /// Both factors are >= 0, exactly.
    fn factors_are_non_negative<S: NonNegativeSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            non_negative(subject, &model)
        })?;
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            let rank = x.nrows().min(x.ncols()).min(3);
            non_negative(subject, &fit(subject, x, rank, 1).map_err(refused)?.model)
        })
    }
}

fn non_negative<S: NonNegativeSubject>(subject: &S, model: &S::Model) -> Outcome {
    let (w, h) = subject.factors(model);
    for (name, factor) in [("W", w), ("H", h)] {
        // A NaN fails too.
        let fits = |v: &S::Scalar| *v >= S::Scalar::default();
        if let Some((at, value)) = factor.indexed_iter().find(|(_, v)| !fits(v)) {
            return Err(format!("{name} holds {value} at {at:?}"));
        }
    }
    Ok(())
}

law! {
    /// The factors have the shapes m x k and k x n, and their product is the reconstruction.
    fn factors_make_the_model<S: NonNegativeSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            let (w, h) = subject.factors(&model);
            shapes(&case.x, case.rank, w.dim(), h.dim())?;
            let product = product(to_f64(w.view()).view(), to_f64(h.view()).view());
            same_product(&product, &model)
        })
    }
}

fn shapes(x: &Array2<f64>, rank: usize, left: (usize, usize), right: (usize, usize)) -> Outcome {
    let expected = ((x.nrows(), rank), (rank, x.ncols()));
    require((left, right) == expected, || {
        format!("the factors are {left:?} and {right:?}, not {expected:?}")
    })
}

fn same_product<M: Factorization>(product: &Array2<f64>, model: &M) -> Outcome {
    let all = reconstruction(model);
    let rounding = 64.0 * epsilon::<M::Scalar>();
    require_close(
        "|factors - X̂|",
        product.view(),
        all.view(),
        product.view(),
        rounding,
    )
}

/// The most that ‖QᵀQ − I‖₁ may be, in units of rounding for each row of Q: LAPACK allows 30 to 50.
const ORTHONORMAL: f64 = 10.0;

law! {
    /// The columns of U and V are orthonormal to ten units of rounding for each row, on every
    /// matrix: also where its rank is too low and singular values are zero or equal.
    fn factors_are_orthonormal<S: OrthonormalSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() * 2, &signed(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            orthonormal(subject, &model)
        })?;
        let mut named = hard_matrices::<S::Scalar>();
        named.extend(extreme_matrices());
        // Larger than a basis with some columns to spare, dense and sparse.
        for (name, zeros) in [("large_matrix((60, 40), 0.0)", 0.0), ("large_matrix((60, 40), 0.9)", 0.9)] {
            named.push((name, from_f64(large_matrix((60, 40), zeros).view())));
        }
        law.check_named(&subject.name(), named, |x| {
            for rank in 1..=x.nrows().min(x.ncols()).min(8) {
                // Whether extremes may be refused is the matter of another law.
                if let Ok(fit) = fit(subject, x, rank, 1) {
                    orthonormal(subject, &fit.model)
                        .map_err(|seen| format!("rank {rank}: {seen}"))?;
                }
            }
            Ok(())
        })
    }
}

fn orthonormal<S: OrthonormalSubject>(subject: &S, model: &S::Model) -> Outcome {
    let (u, _, vt) = subject.parts(model);
    for (name, q) in [("U", to_f64(u.view())), ("V", to_f64(vt.t()))] {
        let bound = ORTHONORMAL * q.nrows() as f64 * epsilon::<S::Scalar>();
        let error = orthonormality_error(q.view());
        require_at_most(&format!("‖{name}ᵀ{name} - I‖₁"), error, bound)?;
    }
    Ok(())
}

law! {
    /// Singular values are >= 0 and descend.
    fn singular_values_descend<S: OrthonormalSubject>(law, subject) {
        let test = |x: &Array2<S::Scalar>, rank, seed| {
            let model = fit(subject, x, rank, seed).map_err(refused)?.model;
            let (_, s, _) = subject.parts(&model);
            require(
                s.len() == rank
                    && s.iter().all(|v| *v >= S::Scalar::default())
                    && s.iter().is_sorted_by(|a, b| a >= b),
                || format!("the singular values are {s}"),
            )
        };
        law.check(&subject.name(), subject.cases(), &signed(), |case| {
            test(&from_f64(case.x.view()), case.rank, case.seed)
        })?;
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            test(x, x.nrows().min(x.ncols()), 1)
        })
    }
}

law! {
    /// The parts have the shapes m x k, k and k x n, and U diag(s) Vᵀ is the reconstruction.
    fn parts_make_the_model<S: OrthonormalSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &signed(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            let (u, s, vt) = subject.parts(&model);
            shapes(&case.x, case.rank, u.dim(), vt.dim())?;
            let scaled = to_f64(u.view()) * s.mapv(Scalar::as_f64);
            same_product(&product(scaled.view(), to_f64(vt.view()).view()), &model)
        })
    }
}

law! {
    /// The error is that of the best approximation of the rank, and the approximation is the best
    /// one where there is only one; for models with column means, of the centred matrix.
    fn error_is_the_best_possible<S: OptimalSubject>(law, subject) {
        law.check(&subject.name(), subject.cases() * 2, &signed(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            best_error(subject, case.x.view(), &model, case.rank)
        })?;
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            for rank in 1..=x.nrows().min(x.ncols()) {
                let model = fit(subject, x, rank, 1).map_err(refused)?.model;
                best_error(subject, to_f64(x.view()).view(), &model, rank)
                    .map_err(|seen| format!("rank {rank}: {seen}"))?;
            }
            Ok(())
        })?;
        law.check(&subject.name(), subject.cases(), &planted_signed(), |case| {
            let model = fit_good(subject, &case.x, case.rank, case.seed)?.model;
            let (offset, deviations) = offset(subject, case.x.view());
            let spectrum = jacobi_svd(deviations.view());
            // Centring may have closed the gap of the planted matrix.
            if subject.is_centered() && !has_gap(&spectrum.s.to_vec(), case.rank) {
                return Ok(());
            }
            let best = offset + spectrum.truncated(case.rank);
            // The gap of the planted matrices bounds what a small residual can hide.
            let tolerance = 32.0 * subject.optimality_tolerance();
            let all = reconstruction(&model);
            require_close("|X̂ - best|", all.view(), best.view(), case.x.view(), tolerance)
        })
    }
}

fn best_error<S: OptimalSubject>(
    subject: &S,
    x: ArrayView2<'_, f64>,
    model: &S::Model,
    rank: usize,
) -> Outcome {
    let error = frobenius_distance(x, reconstruction(model).view());
    let best = jacobi_svd(offset(subject, x).1.view()).best_error(rank);
    let slack = subject.optimality_tolerance() * frobenius_norm(x);
    require_at_most("the error beyond the best", error - best, slack)
}

/// What every model of the subject holds of X (zero, or the column means), and the rest.
fn offset<S: OptimalSubject>(subject: &S, x: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
    let means = x.mean_axis(Axis(0)).filter(|_| subject.is_centered());
    let offset = match means {
        Some(means) => Array2::from_shape_fn(x.dim(), |(_, j)| means[j]),
        None => Array2::zeros(x.dim()),
    };
    let deviations = &x - &offset;
    (offset, deviations)
}

/// Whether the best approximation of the rank is unique and well conditioned.
fn has_gap(s: &[f64], rank: usize) -> bool {
    let next = s.get(rank).copied().unwrap_or(0.0);
    s[rank - 1] >= 0.05 * s[0] && s[rank - 1] >= 3.0 * next
}

law! {
    /// A larger rank never fits worse, and the full rank fits exactly.
    fn more_rank_fits_no_worse<S: OptimalSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &signed(), |case| {
            let slack = subject.optimality_tolerance() * frobenius_norm(case.x.view());
            let mut before = f64::INFINITY;
            for rank in 1..=case.x.nrows().min(case.x.ncols()) {
                let model = fit_good(subject, &case.x, rank, case.seed)?.model;
                let error = frobenius_distance(case.x.view(), reconstruction(&model).view());
                require(error <= before + slack, || {
                    format!("rank {rank} has error {error:e}, one less has {before:e}")
                })?;
                before = error;
            }
            require_at_most("the error at full rank", before, slack)
        })
    }
}

law! {
    /// Singular values are those of the matrix, of its transpose and of the matrix twice on top of
    /// itself (times √2).
    fn singular_values_are_right<S: OrthonormalSubject + OptimalSubject>(law, subject) {
        law.check(&subject.name(), subject.cases(), &signed(), |case| {
            let expected = jacobi_svd(case.x.view()).s;
            let twice = concatenate(Axis(0), &[case.x.view(), case.x.view()])
                .expect("two matrices of one width");
            for (form, x, factor) in [
                ("X", case.x.clone(), 1.0),
                ("Xᵀ", case.x.t().to_owned(), 1.0),
                ("X twice", twice, 2.0_f64.sqrt()),
            ] {
                let model = fit_good(subject, &x, case.rank, case.seed)?.model;
                let (_, s, _) = subject.parts(&model);
                let slack = subject.optimality_tolerance() * expected[0] * factor;
                for (at, value) in s.iter().enumerate() {
                    let difference = (value.as_f64() - factor * expected[at]).abs();
                    require_at_most(&format!("{form}: |σ̂ - σ| at {at}"), difference, slack)?;
                }
            }
            Ok(())
        })
    }
}

law! {
    /// The objective never rises from one iteration to the next; the history holds every iteration,
    /// and its last is the objective reported.
    fn objective_never_rises<S: MonotoneSubject>(law, subject) {
        let strategy = proptest::prop_oneof![any_non_negative(), planted()];
        law.check(&subject.name(), subject.cases() * 2, &strategy, |case| {
            let report = fit_good(subject, &case.x, case.rank, case.seed)?.report;
            let history = &report.history;
            require(history.len() >= report.iterations, || {
                let (count, done) = (history.len(), report.iterations);
                format!("{count} objectives for {done} iterations")
            })?;
            // A difference of squared norms is exact to a few units of rounding of the norm.
            let norm = frobenius_norm(case.x.view());
            let rounding = 8.0 * epsilon::<S::Scalar>() * norm * norm;
            for (at, pair) in history.windows(2).enumerate() {
                let bound = pair[0] + subject.rise_tolerance() * pair[0].abs() + rounding;
                require(pair[1] <= bound, || {
                    format!("{:e} in iteration {}, then {:e}", pair[0], at + 1, pair[1])
                })?;
            }
            let Some(last) = history.last() else { return Ok(()) };
            let difference = (report.objective - last).abs();
            let bound = subject.tolerance() * last.abs() + rounding;
            require_at_most("|objective - last of the history|", difference, bound)
        })
    }
}
