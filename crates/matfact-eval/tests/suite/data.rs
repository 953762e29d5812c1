//! Small ratings and models.

use matfact_core::ndarray::Array2;
use matfact_core::{Duplicates, FactorModel, Ratings, Scalar};

/// A number in [0, 1) for a position, without a pattern.
pub(crate) fn noise(i: usize, j: usize) -> f64 {
    let mixed = (i as u64 + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((j as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

/// About a third of all entries, from 1 to 5.
pub(crate) fn ratings<T: Scalar>(rows: usize, columns: usize) -> Ratings<T> {
    let all = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let some = all.filter(|(i, j)| noise(*i, *j) < 0.35);
    let rated = some.map(|(i, j)| (i, j, T::from_f64((1.0 + 4.99 * noise(j, i)).floor())));
    Ratings::from_triplets((rows, columns), rated, Duplicates::Error).unwrap()
}

/// Factors of small integers, so that many scores tie.
pub(crate) fn model<T: Scalar>(rows: usize, columns: usize, seed: usize) -> FactorModel<T> {
    let number = |i: usize, j: usize| T::from_f64((noise(i + 1000 * seed, j) * 5.0).floor() - 1.0);
    FactorModel::new(
        Array2::from_shape_fn((rows, 3), |(i, l)| number(i, l)),
        Array2::from_shape_fn((columns, 3), |(j, l)| number(j + 500, l)),
    )
    .unwrap()
}
