//! The lists of laws, and what is made of them: tests and checks.

/// Makes a test of every law in the given groups, each named by its law.
///
/// Each line is `module: subject => groups;`. The module holds one module for each group, with a
/// test for each law. A group needs its trait, so a law that does not apply to a backend does not
/// compile:
///
/// | group | trait of the subject |
/// |---|---|
/// | `matrix` | [`MatrixSubject`](crate::MatrixSubject) |
/// | `non_negative` | [`NonNegativeSubject`](crate::NonNegativeSubject) |
/// | `orthonormal` | [`OrthonormalSubject`](crate::OrthonormalSubject) |
/// | `optimal` | [`OptimalSubject`](crate::OptimalSubject) |
/// | `spectrum` | both of the last two |
/// | `monotone` | [`MonotoneSubject`](crate::MonotoneSubject) |
/// | `transform` | [`TransformSubject`](crate::TransformSubject) |
/// | `operator` | [`OperatorSubject`](crate::OperatorSubject) |
/// | `limited_rank`, `unlimited_rank` | [`LimitedRank`](crate::LimitedRank), [`UnlimitedRank`](crate::UnlimitedRank) |
/// | `permutation` | [`PermutationEquivariant`](crate::PermutationEquivariant) |
/// | `transpose` | [`TransposeEquivariant`](crate::TransposeEquivariant) |
/// | `scale` | [`ScaleEquivariant`](crate::ScaleEquivariant) |
/// | `ratings` | [`RatingsSubject`](crate::RatingsSubject) |
///
/// The crate's front page has an example.
#[macro_export]
macro_rules! laws {
    ($($module:ident: $subject:expr => $($group:ident),+ $(,)?);+ $(;)?) => {$(
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $($crate::__laws_of!($group, __tests, $subject);)+
        }
    )+};
}

/// Makes a test that single and double precision agree: `module: single, double;`.
#[macro_export]
macro_rules! precision_laws {
    ($($module:ident: $single:expr, $double:expr);+ $(;)?) => {$(
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            #[test]
            fn precisions_agree() {
                $crate::hold($crate::laws::matrix::precisions_agree(&$single, &$double));
            }
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($subject:expr, $group:ident: $($law:ident::$name:ident),+ $(,)?) => {
        mod $group {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $name() {
                    $crate::hold($crate::laws::$law::$name(&$subject));
                }
            )+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __check {
    ($subject:expr, $group:ident: $($law:ident::$name:ident),+ $(,)?) => {{
        $($crate::laws::$law::$name($subject)?;)+
        Ok(())
    }};
}

/// The one list of laws by group.
#[doc(hidden)]
#[macro_export]
macro_rules! __laws_of {
    (matrix, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, matrix:
            matrix::same_bits_for_any_threads,
            matrix::error_at_least_that_of_the_svd,
            matrix::report_tells_the_truth,
            matrix::layouts_give_the_same_bits,
            matrix::forms_give_the_same_model,
            matrix::record_round_trip,
            matrix::predictions_agree,
            matrix::observer_sees_progress,
            matrix::interruption_stops_the_fit,
            matrix::hard_matrices_give_finite_models,
            matrix::extreme_values_give_finite_models_or_overflow,
            matrix::settings_are_checked,
            matrix::a_refused_fit_changes_nothing,
            refusals::non_finite_entries_are_named,
            refusals::empty_matrices_are_refused,
        }
    };
    (non_negative, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, non_negative:
            factors::factors_are_non_negative,
            factors::factors_make_the_model,
            refusals::negative_entries_are_named,
        }
    };
    (orthonormal, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, orthonormal:
            factors::factors_are_orthonormal,
            factors::singular_values_descend,
            factors::parts_make_the_model,
        }
    };
    (optimal, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, optimal:
            factors::error_is_the_best_possible,
            factors::more_rank_fits_no_worse,
        }
    };
    (spectrum, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, spectrum: factors::singular_values_are_right }
    };
    (monotone, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, monotone: factors::objective_never_rises }
    };
    (transform, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, transform:
            transform::transform_agrees_with_the_fit,
            transform::transform_takes_rows_one_by_one,
            transform::transform_refuses_bad_rows,
        }
    };
    (operator, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, operator: refusals::products_are_enough }
    };
    (limited_rank, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, limited_rank: rank::rank_is_limited }
    };
    (unlimited_rank, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, unlimited_rank: rank::rank_is_not_limited }
    };
    (permutation, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, permutation: equivariance::permuting_permutes }
    };
    (transpose, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, transpose: equivariance::transposing_swaps_the_sides }
    };
    (scale, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, scale: equivariance::scaling_scales }
    };
    (ratings, $then:ident, $subject:expr) => {
        $crate::$then! { $subject, ratings:
            ratings::same_bits_for_any_threads,
            ratings::containers_give_the_same_bits,
            ratings::models_are_finite,
            ratings::the_unrated_get_the_fallback,
            ratings::better_than_the_mean,
            ratings::record_round_trip,
            ratings::predictions_agree,
            ratings::observer_sees_progress,
            ratings::interruption_stops_the_fit,
            ratings::hard_ratings_give_finite_models,
            ratings::non_finite_ratings_are_named,
            ratings::columns_outside_are_named,
            ratings::settings_and_empty_input_are_checked,
        }
    };
}
