//! Named inputs that solvers are known to fail on: hangs, panics, NaN, wrong answers.

use crate::inputs::OwnRatings;
use matfact_core::Scalar;
use matfact_core::ndarray::Array2;

/// Non-negative matrices that every algorithm must factor, to a finite model.
///
/// | name | why |
/// |---|---|
/// | zeros, zero entry | divisions by a norm; solvers that wait for a residual to fall |
/// | identity, repeated singular values | no gap: singular vectors are not unique |
/// | constant, equal rows | rank 1: the other components have nothing to hold on to |
/// | one row, one column, one entry | edges of every loop |
/// | rank 2 | exactly fewer components than are asked for |
/// | zero row and column | factors without data |
/// | one dense row | all the work in one place |
/// | empty column, rank 3 | fewer components than are asked for, and rows and a column without data |
/// | graded, Hilbert | ill-conditioned beyond single precision |
#[must_use]
pub fn hard_matrices<T: Scalar>() -> Vec<(&'static str, Array2<T>)> {
    let make = |shape, entry: fn(usize, usize) -> f64| {
        Array2::from_shape_fn(shape, |(i, j)| T::from_f64(entry(i, j)))
    };
    vec![
        ("zeros", make((5, 4), |_, _| 0.0)),
        ("zero entry", make((1, 1), |_, _| 0.0)),
        ("identity", make((6, 6), |i, j| f64::from(u8::from(i == j)))),
        (
            "repeated singular values",
            make(
                (7, 4),
                |i, j| if i == j { [3.0, 3.0, 3.0, 1.0][j] } else { 0.0 },
            ),
        ),
        ("constant", make((4, 6), |_, _| 2.5)),
        ("equal rows", make((6, 3), |_, j| (j + 1) as f64)),
        ("one row", make((1, 6), |_, j| (j + 1) as f64)),
        ("one column", make((6, 1), |i, _| (i % 3) as f64)),
        ("one entry", make((1, 1), |_, _| 0.75)),
        (
            "rank 2",
            make((6, 5), |i, j| {
                ((i + 1) * (j % 2) + (i % 3) * (j + 2)) as f64
            }),
        ),
        (
            "zero row and column",
            make((6, 5), |i, j| {
                if i == 2 || j == 3 {
                    0.0
                } else {
                    (i * j % 4 + 1) as f64
                }
            }),
        ),
        (
            "one dense row",
            make((7, 6), |i, j| if i == 4 { (j + 1) as f64 } else { 0.0 }),
        ),
        (
            "graded",
            make((6, 6), |i, j| {
                if i == j {
                    10_f64.powi(-3 * i as i32)
                } else {
                    0.0
                }
            }),
        ),
        ("empty column, rank 3", from_rows(EMPTY_COLUMN)),
        ("Hilbert", make((7, 5), |i, j| 1.0 / (i + j + 1) as f64)),
    ]
}

/// Found by the laws: four components of it, in single precision, once left the range.
const EMPTY_COLUMN: [[f64; 4]; 8] = [
    [0.0, 2.140625, 0.0, 2.078125],
    [0.15625, 0.0, 0.0, 0.0],
    [0.0, 3.859375, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0],
    [2.15625, 0.0, 0.0, 0.0],
    [3.328125, 0.46875, 0.0, 0.34375],
    [0.0, 0.0, 0.0, 0.0],
    [1.90625, 0.0, 0.0, 0.0],
];

fn from_rows<T: Scalar, const M: usize, const N: usize>(rows: [[f64; N]; M]) -> Array2<T> {
    Array2::from_shape_fn((M, N), |(i, j)| T::from_f64(rows[i][j]))
}

/// Non-negative matrices at the ends of the element type's range: a finite model, or
/// [`Error::Overflow`](matfact_core::Error::Overflow).
#[must_use]
pub fn extreme_matrices<T: Scalar>() -> Vec<(&'static str, Array2<T>)> {
    let largest = T::max_value().as_f64();
    let smallest = T::min_positive_value().as_f64();
    let filled = |scale: f64| {
        Array2::from_shape_fn((5, 4), |(i, j)| {
            T::from_f64(((i * 3 + j * 5) % 7 + 1) as f64 / 8.0 * scale)
        })
    };
    let mut mixed = filled(1.0);
    mixed[[0, 0]] = T::from_f64(largest / 16.0);
    mixed[[4, 3]] = T::from_f64(smallest / 16.0);
    let mut one_spike = filled(0.0);
    one_spike[[2, 1]] = T::from_f64(largest / 2.0);
    vec![
        ("subnormal values", filled(smallest / 4.0)),
        ("values near the smallest normal", filled(smallest * 16.0)),
        (
            "values whose squares vanish",
            filled(smallest.sqrt() / 16.0),
        ),
        (
            "values whose squares overflow",
            filled(largest.sqrt() * 16.0),
        ),
        ("values near the largest", filled(largest / 64.0)),
        ("half the largest value alone", one_spike),
        (
            "half the largest value everywhere",
            Array2::from_elem((5, 4), T::from_f64(largest / 2.0)),
        ),
        ("the whole range at once", mixed),
    ]
}

/// Ratings that every algorithm must learn from, to a finite model.
#[must_use]
pub fn hard_ratings<T: Scalar>() -> Vec<(&'static str, OwnRatings<T>)> {
    let make = |shape, triplets: Vec<(usize, usize, f64)>| {
        let converted = triplets.into_iter().map(|(i, j, v)| (i, j, T::from_f64(v)));
        OwnRatings::from_sorted(shape, converted)
    };
    vec![
        ("one rating", make((1, 1), vec![(0, 0, 4.0)])),
        (
            "one rating in a large shape",
            make((40, 30), vec![(17, 23, 4.0)]),
        ),
        (
            "all ratings zero",
            make((3, 3), vec![(0, 0, 0.0), (1, 1, 0.0), (2, 0, 0.0)]),
        ),
        (
            "all ratings equal",
            make(
                (4, 3),
                (0..4)
                    .flat_map(|i| (0..3).map(move |j| (i, j, 3.5)))
                    .collect(),
            ),
        ),
        (
            "one row holds all",
            make(
                (9, 30),
                (0..30).map(|j| (4, j, (j % 5 + 1) as f64)).collect(),
            ),
        ),
        (
            "one column holds all",
            make(
                (30, 9),
                (0..30).map(|i| (i, 4, (i % 5 + 1) as f64)).collect(),
            ),
        ),
        (
            "negative ratings",
            make((3, 2), vec![(0, 0, -1.0), (1, 1, 1.0), (2, 0, -0.5)]),
        ),
        (
            "one rating far from the others",
            make(
                (3, 2),
                vec![(0, 0, 1.0), (0, 1, 2.0), (1, 0, 1.5), (2, 1, 20.0)],
            ),
        ),
        (
            "subnormal ratings",
            make(
                (3, 2),
                vec![(0, 0, 0.0), (1, 1, T::min_positive_value().as_f64() / 4.0)],
            ),
        ),
    ]
}

/// Finite ratings with which steps of gradient descent overflow: a finite model or an error of the
/// classes that numbers can give.
#[must_use]
pub fn extreme_ratings<T: Scalar>() -> Vec<(&'static str, OwnRatings<T>)> {
    let largest = T::max_value().as_f64();
    let make = |name, values: [f64; 4]| {
        let triplets = values.iter().enumerate();
        let triplets = triplets.map(|(at, v)| (at / 2, at % 2, T::from_f64(*v)));
        (name, OwnRatings::from_sorted((2, 2), triplets))
    };
    let root = largest.sqrt();
    vec![
        make("thousands", [1e3, 2e3, 5e3, 1e3]),
        make("squares overflow", [root * 16.0, root, -root * 16.0, root]),
        // Half, so that rounding alone does not leave the range.
        make("half the largest value", [largest / 2.0; 4]),
        make("both ends", [largest, -largest, largest, -largest]),
    ]
}
