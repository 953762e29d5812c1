//! Bad hyper-parameters, bad input and divergence get a typed error.

use matfact_core::{
    Duplicates, Error, FactorModel, Factorizer, Fit, ObservedEntries, ObservedRow, Ratings, Result,
    Run,
};
use matfact_sgd::Sgd;

fn small() -> Ratings<f64> {
    let triplets = [(0, 0, 5.0), (0, 1, 3.0), (1, 1, 1.0), (2, 0, 4.0)];
    Ratings::from_triplets((3, 2), triplets, Duplicates::Error).unwrap()
}

#[test]
fn hyper_parameters_out_of_range_are_named() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let sgd = || Sgd::new(2);
    let mut cases = Vec::new();
    for bad in [0.0, -1.0, nan, infinity] {
        cases.push(("learning_rate", sgd().learning_rate(bad)));
    }
    for bad in [-0.1, 1.1, nan] {
        cases.push(("decay", sgd().decay(bad)));
        cases.push(("bias_count_power", sgd().bias_count_power(bad)));
    }
    for bad in [-1e-9, nan, infinity] {
        cases.push(("regularization", sgd().regularization(bad)));
        cases.push(("bias_regularization", sgd().bias_regularization(bad)));
        cases.push(("initial_deviation", sgd().initial_deviation(bad)));
        cases.push(("initial_mean", sgd().initial_mean(bad)));
        cases.push(("row_regularization", sgd().row_regularization(bad)));
        cases.push(("column_regularization", sgd().column_regularization(bad)));
        cases.push(("row_l1", sgd().row_l1(bad)));
        cases.push(("column_l1", sgd().column_l1(bad)));
        cases.push(("bias_learning_rate", sgd().bias_learning_rate(bad)));
    }
    for (expected, sgd) in cases {
        match sgd.fit(&small()) {
            Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let zero_threads = sgd().fit_with(&small(), &mut Run::new().threads(0));
    assert!(matches!(
        zero_threads,
        Err(Error::InvalidParameter {
            name: "threads",
            ..
        })
    ));
}

#[test]
fn ranks_out_of_range_are_refused_and_large_ones_are_not() {
    for rank in [0, usize::MAX] {
        let fit = Sgd::new(rank).fit(&small());
        assert!(matches!(fit, Err(Error::InvalidRank { .. })), "rank {rank}");
    }
    assert!(Sgd::new(50).fit(&small()).is_ok());
}

/// Rows of the caller's own making.
struct Own {
    shape: (usize, usize),
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl ObservedEntries for Own {
    type Scalar = f32;

    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn observed(&self) -> usize {
        self.columns.len()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, f32> {
        let end = if row == 0 { usize::MAX } else { 0 };
        ObservedRow {
            columns: &self.columns[..end.min(self.columns.len())],
            values: &self.values[..end.min(self.values.len())],
        }
    }
}

fn fit_own(
    shape: (usize, usize),
    columns: &[u32],
    values: &[f32],
) -> Result<Fit<FactorModel<f32>>> {
    Sgd::new(2).fit(&Own {
        shape,
        columns: columns.to_vec(),
        values: values.to_vec(),
    })
}

#[test]
fn input_that_cannot_be_is_refused_by_its_place() {
    assert!(matches!(
        fit_own((2, 3), &[0, 2], &[1.0, f32::NAN]),
        Err(Error::NonFinite {
            row: 0,
            column: 2,
            ..
        })
    ));
    assert!(matches!(
        fit_own((2, 3), &[0], &[f32::INFINITY]),
        Err(Error::NonFinite { .. })
    ));
    assert!(matches!(
        fit_own((2, 3), &[0, 3], &[1.0, 2.0]),
        Err(Error::IndexOutOfRange {
            axis: "column",
            index: 3,
            position: 1,
            bound: 3
        })
    ));
    assert!(matches!(
        fit_own((2, 3), &[0, 1], &[1.0]),
        Err(Error::ShapeMismatch { .. })
    ));
    for shape in [(0, 3), (2, 0), (0, 0), (2, 3)] {
        let fit = fit_own(shape, &[], &[]);
        assert!(matches!(fit, Err(Error::EmptyInput { .. })), "{shape:?}");
    }
    for shape in [(usize::MAX, 3), (3, usize::MAX), (1 << 32, 1)] {
        let fit = fit_own(shape, &[0], &[1.0]);
        assert!(matches!(fit, Err(Error::TooLarge { .. })), "{shape:?}");
    }
    let wide = Sgd::new(u32::MAX as usize).fit(&Own {
        shape: (u32::MAX as usize, u32::MAX as usize),
        columns: vec![0],
        values: vec![1.0],
    });
    assert!(matches!(wide, Err(Error::TooLarge { .. })));
}

#[test]
fn a_learning_rate_far_too_large_is_found_out() {
    let triplets = (0..100)
        .flat_map(|i| (0..80).map(move |j| (i, j, ((i * 7 + j * 5) % 11) as f32)))
        .collect::<Vec<_>>();
    let ratings = Ratings::from_triplets((100, 80), triplets, Duplicates::Error).unwrap();
    for biased in [true, false] {
        let sgd = Sgd::new(8).learning_rate(10.0).biased(biased);
        match sgd.fit(&ratings) {
            Err(Error::Diverged {
                epoch: 1,
                learning_rate,
            }) => assert_eq!(learning_rate, 10.0),
            other => panic!("{:?}", other.map(|fit| fit.report)),
        }
    }
    // Whatever the settings, a model never holds a NaN.
    for learning_rate in [0.1, 0.5, 1.0, 2.0, 1e300] {
        let sgd = Sgd::new(3).learning_rate(learning_rate).epochs(30);
        if let Ok(fit) = sgd.fit(&ratings) {
            assert!(fit.model.row_factors().iter().all(|v| v.is_finite()));
            assert!(fit.report.objective.is_finite());
        }
    }
}

#[test]
fn very_large_and_very_small_ratings_are_fitted_or_refused() {
    for scale in [1e-300, 1e-160, 1e150, 1e300, f64::MAX / 8.0] {
        let triplets = (0..12).flat_map(|i| {
            (0..9).map(move |j| (i, j, scale * (((i * 5 + j * 3) % 7) as f64 - 3.0)))
        });
        let ratings = Ratings::from_triplets((12, 9), triplets, Duplicates::Error).unwrap();
        let fit = Sgd::new(3).fit(&ratings).unwrap();
        assert!(fit.report.objective < 3.0 * scale);
        assert!(fit.model.row_factors().iter().all(|v| v.is_finite()));
        assert!(fit.model.row_bias().unwrap().iter().all(|v| v.is_finite()));
    }
}
