//! Bad hyper-parameters and bad input get a typed error.

use matfact_als::{Als, fold_in_columns, fold_in_rows};
use matfact_core::{Duplicates, Error, Factorizer, ObservedEntries, ObservedRow, Ratings, Run};

fn small() -> Ratings<f64> {
    let triplets = [(0, 0, 5.0), (0, 1, 3.0), (1, 1, 1.0), (2, 0, 4.0)];
    Ratings::from_triplets((3, 2), triplets, Duplicates::Error).unwrap()
}

#[test]
fn hyper_parameters_out_of_range_are_named() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let als = || Als::new(2);
    let mut cases = Vec::new();
    for bad in [-1e-9, nan, infinity] {
        cases.push(("tol", als().tol(bad)));
        cases.push(("regularization", als().regularization(bad)));
        cases.push(("bias_regularization", als().bias_regularization(bad)));
    }
    for bad in [-0.1, 1.1, nan] {
        cases.push(("count_power", als().count_power(bad)));
    }
    for bad in [0.0, -1.0, nan, infinity] {
        cases.push(("initial_deviation", als().initial_deviation(bad)));
    }
    for (expected, als) in cases {
        match als.fit(&small()) {
            Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let zero_threads = als().fit_with(&small(), &mut Run::new().threads(0));
    assert!(matches!(zero_threads, Err(Error::InvalidParameter { .. })));
    for rank in [0, usize::MAX] {
        let fit = Als::new(rank).fit(&small());
        assert!(matches!(fit, Err(Error::InvalidRank { .. })), "rank {rank}");
    }
    assert!(Als::new(50).fit(&small()).is_ok());
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

#[test]
fn input_that_cannot_be_is_refused_by_its_place() {
    let fit = |shape, columns: &[u32], values: &[f32]| {
        let (columns, values) = (columns.to_vec(), values.to_vec());
        Als::new(2).fit(&Own {
            shape,
            columns,
            values,
        })
    };
    assert!(matches!(
        fit((2, 3), &[0, 2], &[1.0, f32::NAN]),
        Err(Error::NonFinite {
            row: 0,
            column: 2,
            ..
        })
    ));
    let outside = fit((2, 3), &[0, 3], &[1.0, 2.0]);
    assert!(matches!(outside, Err(Error::IndexOutOfRange { .. })));
    let short = fit((2, 3), &[0, 1], &[1.0]);
    assert!(matches!(short, Err(Error::ShapeMismatch { .. })));
    for shape in [(0, 3), (2, 0), (0, 0), (2, 3)] {
        assert!(matches!(
            fit(shape, &[], &[]),
            Err(Error::EmptyInput { .. })
        ));
    }
    for shape in [(usize::MAX, 3), (3, usize::MAX), (1 << 32, 1)] {
        let fit = fit(shape, &[0], &[1.0]);
        assert!(matches!(fit, Err(Error::TooLarge { .. })), "{shape:?}");
    }
    let nothing = small().with_weights(vec![0.0; 4]).unwrap();
    let fit = Als::new(2).fit(&nothing);
    assert!(matches!(fit, Err(Error::EmptyInput { .. })));
}

#[test]
fn folding_in_refuses_what_does_not_fit_the_model() {
    let als = Als::new(2);
    let model = als.fit(&small()).unwrap().model;
    let new = |shape| Ratings::from_triplets(shape, [(0, 0, 3.0)], Duplicates::Error).unwrap();
    assert!(fold_in_rows(&als, &model, 1.0, &new((1, 2))).is_ok());
    assert!(fold_in_columns(&als, &model, 1.0, &new((3, 1))).is_ok());
    let wrong = [
        fold_in_rows(&als, &model, 1.0, &new((1, 3))),
        fold_in_columns(&als, &model, 1.0, &new((2, 1))),
        fold_in_rows(&Als::new(3), &model, 1.0, &new((1, 2))),
        fold_in_rows(&als.clone().biased(false), &model, 1.0, &new((1, 2))),
    ];
    for wrong in wrong {
        assert!(matches!(wrong, Err(Error::ShapeMismatch { .. })));
    }
    for deviation in [0.0, -1.0, f64::NAN] {
        let wrong = fold_in_rows(&als, &model, deviation, &new((1, 2)));
        assert!(matches!(wrong, Err(Error::InvalidParameter { .. })));
    }
}

#[test]
fn very_large_and_very_small_ratings_are_fitted() {
    for scale in [1e-300, 1e-160, 1e150, 1e300, f64::MAX / 8.0] {
        let triplets = (0..12).flat_map(|i| {
            (0..9).map(move |j| (i, j, scale * (((i * 5 + j * 3) % 7) as f64 - 3.0)))
        });
        let ratings = Ratings::from_triplets((12, 9), triplets, Duplicates::Error).unwrap();
        let fit = Als::new(3).fit(&ratings).unwrap();
        assert!(fit.report.objective.is_finite());
        assert!(fit.model.row_factors().iter().all(|v| v.is_finite()));
        assert!(fit.model.row_bias().unwrap().iter().all(|v| v.is_finite()));
    }
}
