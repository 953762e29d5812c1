//! Algorithms with a fault are caught, each by the law that is about it.

mod toys;

use matfact_testkit::laws::{equivariance, factors, matrix, rank, ratings, refusals, transform};
use matfact_testkit::{LawResult, LawViolation, MatrixSubject, check_matrix, check_ratings, hold};
use toys::Fault;
use toys::nmf::nmf;
use toys::sgd::sgd;
use toys::svd::svd;

/// Each fault breaks its law, in both precisions, and the violation tells the story.
fn caught<A, B>(
    law: &str,
    fault: Fault,
    make: (impl Fn(Fault) -> A, impl Fn(Fault) -> B),
    check: (impl Fn(&A) -> LawResult, impl Fn(&B) -> LawResult),
) {
    for (name, result) in [
        ("f32", check.0(&make.0(fault))),
        ("f64", check.1(&make.1(fault))),
    ] {
        let violation = result.expect_err(&format!("{fault:?} in {name} should break {law}"));
        assert_eq!(violation.law, law, "{fault:?}: {violation}");
        assert!(violation.subject.contains(name), "{violation}");
        assert!(violation.statement.ends_with('.'), "{violation}");
        assert!(!violation.detail.is_empty() && !violation.counterexample.is_empty());
    }
}

macro_rules! catches {
    ($($test:ident: $make:ident with $($fault:ident),+ => $module:ident::$law:ident;)+) => {$(
        #[test]
        fn $test() {
            $(caught(
                stringify!($law),
                Fault::$fault,
                ($make::<f32>, $make::<f64>),
                ($module::$law, $module::$law),
            );)+
        }
    )+};
}

catches! {
    threads: svd with KnowsItsThreads => matrix::same_bits_for_any_threads;
    lying_reconstruction: svd with LiesInReconstruction => matrix::error_at_least_that_of_the_svd;
    report: svd with LiesAboutError => matrix::report_tells_the_truth;
    layouts: svd with LayoutLeaks => matrix::layouts_give_the_same_bits;
    layouts_nmf: nmf with LayoutLeaks => matrix::layouts_give_the_same_bits;
    forms: svd with DropsSparseEntry => matrix::forms_give_the_same_model;
    forms_nmf: nmf with DropsSparseEntry => matrix::forms_give_the_same_model;
    record: svd with ForgetsInRecord => matrix::record_round_trip;
    predictions: svd with PredictsOtherwise => matrix::predictions_agree;
    observer: nmf with RepeatsIterations => matrix::observer_sees_progress;
    interruption: nmf with IgnoresInterruption => matrix::interruption_stops_the_fit;
    hard: svd with DividesByZero, PanicsOnOneRow => matrix::hard_matrices_give_finite_models;
    extreme: svd with OverflowsSilently => matrix::extreme_values_give_finite_models_or_overflow;
    settings: svd with AcceptsRankZero, AcceptsZeroThreads => matrix::settings_are_checked;
    non_finite: svd with AcceptsNan, NamesWrongPlace => refusals::non_finite_entries_are_named;
    empty: svd with AcceptsEmpty => refusals::empty_matrices_are_refused;
    operator: svd with AcceptsNan => refusals::products_are_enough;
    negative_entries: nmf with AcceptsNegative => refusals::negative_entries_are_named;
    negative_factors: nmf with FlipsFactorSign => factors::factors_are_non_negative;
    orthonormal: svd with NotOrthonormal => factors::factors_are_orthonormal;
    order: svd with Ascending => factors::singular_values_descend;
    best: svd with Suboptimal => factors::error_is_the_best_possible;
    full_rank: svd with AbsoluteThreshold => factors::more_rank_fits_no_worse;
    spectrum: svd with Suboptimal => factors::singular_values_are_right;
    rising: nmf with RisingObjective => factors::objective_never_rises;
    coordinates: svd with TransformsWrongly => transform::transform_agrees_with_the_fit;
    batches: svd with TransformsByBatch => transform::transform_takes_rows_one_by_one;
    bad_rows: svd with AcceptsNan => transform::transform_refuses_bad_rows;
    limited: svd with ClampsRank => rank::rank_is_limited;
    unlimited: nmf with ClampsRank => rank::rank_is_not_limited;
    permutation: svd with TiedToPositions => equivariance::permuting_permutes;
    transposition: svd with TallDiffers => equivariance::transposing_swaps_the_sides;
    scaling: svd with AbsoluteThreshold => equivariance::scaling_scales;
    ratings_threads: sgd with KnowsItsThreads => ratings::same_bits_for_any_threads;
    ratings_nan: sgd with AcceptsNan => ratings::non_finite_ratings_are_named;
    ratings_panic: sgd with IndexesBlindly => ratings::columns_outside_are_named;
    ratings_empty: sgd with AcceptsEmpty => ratings::settings_and_empty_input_are_checked;
    ratings_unrated: sgd with RandomForUnrated => ratings::the_unrated_get_the_fallback;
    ratings_learning: sgd with LearnsNothing => ratings::better_than_the_mean;
    ratings_interruption: sgd with IgnoresInterruption => ratings::interruption_stops_the_fit;
}

#[test]
fn precisions_that_differ_are_caught() {
    let (sound, faulty) = (svd::<f32>(Fault::None), svd::<f64>(Fault::Suboptimal));
    let violation = matrix::precisions_agree(&sound, &faulty).unwrap_err();
    assert!(violation.subject.contains("against"), "{violation}");
    assert_eq!(violation.law, "precisions_agree");
}

#[test]
fn the_checks_of_groups_find_the_first_violation() {
    let law = |result: Result<(), LawViolation>| result.unwrap_err().law;
    assert_eq!(
        law(check_matrix(&nmf::<f64>(Fault::IgnoresInterruption))),
        "interruption_stops_the_fit"
    );
    assert_eq!(
        law(check_ratings(&sgd::<f32>(Fault::LearnsNothing))),
        "better_than_the_mean"
    );
}

#[test]
fn a_violation_tells_law_subject_and_a_small_counterexample() {
    let result = refusals::non_finite_entries_are_named(&svd::<f32>(Fault::AcceptsNan));
    let text = result.as_ref().unwrap_err().to_string();
    for part in [
        "Svd<f32> breaks",
        "`non_finite_entries_are_named`",
        "rank 1",
        "1 x 1 matrix",
        "accepted",
    ] {
        assert!(text.contains(part), "{text:?} should contain {part:?}");
    }
    let panic = std::panic::catch_unwind(|| hold(result)).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&text));
}

#[test]
fn a_panicking_algorithm_is_a_violation_and_not_a_crash() {
    let violation = matrix::hard_matrices_give_finite_models(&svd::<f64>(Fault::PanicsOnOneRow));
    let violation = violation.unwrap_err();
    assert!(
        violation.detail.contains("panicked: two rows at least"),
        "{violation}"
    );
    let names = (
        svd::<f32>(Fault::None).name(),
        nmf::<f64>(Fault::None).name(),
    );
    assert_eq!(names, ("Svd<f32>".to_owned(), "Nmf<f64>".to_owned()));
}
