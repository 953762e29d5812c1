//! Fits that begin with factors of one's own.

use matfact_core::ndarray::{Array2, array};
use matfact_core::{Error, Factorizer, Run, StopReason, Transform};
use matfact_nmf::{Held, Nmf, Start};

fn x() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0]
    ]
}

/// H of the rank 2 fit and the coordinates that `transform` finds for it.
#[test]
fn a_converged_start_is_kept_and_transform_agrees_with_it() {
    let nmf = Nmf::new(2).tol(1e-12).max_iter(5000);
    let first = nmf.fit(&x()).unwrap();
    let (w, h) = (first.model.w().to_owned(), first.model.h().to_owned());
    let start = Start::new(w.clone(), h.clone());
    let again = nmf.fit_from(&x(), start, &mut Run::new()).unwrap();
    assert!((again.report.objective / first.report.objective - 1.0).abs() < 1e-9);
    let coordinates = again.model.transform(&x()).unwrap();
    for (a, b) in coordinates.iter().zip(again.model.w()) {
        assert!((a - b).abs() < 1e-4, "{a} is not {b}");
    }
}

/// No iterations give the start itself, and say that this is not convergence.
#[test]
fn without_iterations_the_start_is_the_model() {
    let (w, h) = (array![[1.0], [2.0], [0.5]], array![[2.0, 1.0, 0.0, 0.25]]);
    let start = Start::new(w.clone(), h.clone());
    let fit = Nmf::new(1)
        .max_iter(0)
        .fit_from(&x(), start, &mut Run::new())
        .unwrap();
    assert!(fit.model.w() == w && fit.model.h() == h);
    assert_eq!(fit.report.stop, StopReason::MaxIterations);
}

#[test]
fn a_start_that_does_not_fit_is_refused() {
    let ones = |rows, columns| Array2::<f64>::ones((rows, columns));
    let refusal = |start| {
        let nmf = Nmf::new(2);
        nmf.fit_from(&x(), start, &mut Run::new()).unwrap_err()
    };
    for start in [
        Start::new(ones(2, 2), ones(2, 4)),
        Start::new(ones(3, 2), ones(2, 5)),
        Start::new(ones(3, 3), ones(3, 4)),
        Start::from_w(ones(3, 1)),
        Start::from_h(ones(1, 4)),
    ] {
        let error = refusal(start);
        assert!(matches!(error, Error::ShapeMismatch { .. }), "{error}");
    }
    let negative = Start::from_h(-ones(2, 4));
    assert!(matches!(refusal(negative), Error::Negative { .. }));
    let infinite = Start::from_w(ones(3, 2) / 0.0);
    assert!(matches!(refusal(infinite), Error::NonFinite { .. }));
    // What is held has to be there; a fit without a start has nothing to hold.
    let nmf = Nmf::new(2).held(Held::H);
    let start = Start::from_w(ones(3, 2));
    assert!(nmf.fit_from(&x(), start, &mut Run::new()).is_err());
    assert!(nmf.fit(&x()).is_err());
}
