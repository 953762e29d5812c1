//! Small random inputs, as `proptest` strategies, and two large fixed ones.
//!
//! All values are multiples of a power of two that single precision holds exactly, so that one case
//! serves both element types. Sizes are bounded: a law takes a fraction of a second.

use crate::reference::{jacobi_svd, product};
use matfact_core::ndarray::Array2;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use std::fmt;

/// Largest side of [`non_negative`], [`sparse`] and [`signed`].
const SIDE: usize = 8;
/// Largest side of the planted matrices.
const PLANTED_SIDE: usize = 9;
/// Largest planted rank.
const PLANTED_RANK: usize = 3;
/// Largest sides of [`ratings`].
const RATINGS: (usize, usize) = (9, 7);
/// One part of the unit in which matrix entries are given.
const UNIT: f64 = 1.0 / 64.0;

/// A matrix with the rank and seed to factor it with.
#[derive(Clone, PartialEq)]
pub struct MatrixCase {
    /// The matrix (m x n), exact in single precision.
    pub x: Array2<f64>,
    /// A rank from 1 to min(m, n).
    pub rank: usize,
    /// The algorithm's seed.
    pub seed: u64,
}

impl fmt::Debug for MatrixCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, rank, seed } = self;
        let (m, n) = x.dim();
        write!(f, "rank {rank}, seed {seed}, {m} x {n} matrix {x}")
    }
}

/// Ratings as triplets, with the rank and seed to factor them with.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingsCase {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Row, column and value, by row and column, each position at most once.
    pub triplets: Vec<(usize, usize, f64)>,
    /// The rank.
    pub rank: usize,
    /// The algorithm's seed.
    pub seed: u64,
}

/// The upper left m x n corner of a grid: shrinks in its sides and in its values.
fn corner(side: usize, value: impl Strategy<Value = f64>) -> impl Strategy<Value = Array2<f64>> {
    (1..=side, 1..=side, vec(value, side * side))
        .prop_map(move |(m, n, grid)| Array2::from_shape_fn((m, n), |(i, j)| grid[i * side + j]))
}

fn with_rank_and_seed(x: impl Strategy<Value = Array2<f64>>) -> impl Strategy<Value = MatrixCase> {
    (x, 1..=4_usize, 0..1000_u64).prop_map(|(x, rank, seed)| {
        let rank = rank.min(x.nrows()).min(x.ncols());
        MatrixCase { x, rank, seed }
    })
}

fn magnitude() -> impl Strategy<Value = f64> {
    (0..=256_u16).prop_map(|parts| f64::from(parts) * UNIT)
}

fn mostly_zero() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.0), 1 => magnitude()]
}

/// Dense matrices up to 8 x 8 with entries from 0 to 4.
pub fn non_negative() -> impl Strategy<Value = MatrixCase> {
    with_rank_and_seed(corner(SIDE, magnitude()))
}

/// Matrices up to 8 x 8 with entries from 0 to 4 of which three in four are zero: whole rows and
/// columns, or everything, may be.
pub fn sparse() -> impl Strategy<Value = MatrixCase> {
    with_rank_and_seed(corner(SIDE, mostly_zero()))
}

/// Dense matrices up to 8 x 8 with entries from -4 to 4.
pub fn signed() -> impl Strategy<Value = MatrixCase> {
    let value = (-256..=256_i16).prop_map(|parts| f64::from(parts) * UNIT);
    with_rank_and_seed(corner(SIDE, value))
}

/// Non-negative matrices of every kind here: [`non_negative`], [`sparse`] and [`planted`].
pub fn any_non_negative() -> impl Strategy<Value = MatrixCase> {
    prop_oneof![non_negative(), sparse(), planted()]
}

/// Non-negative matrices from 4 x 4 to 9 x 9 of rank 1 to 3 plus a little noise, some entries zero.
///
/// The case's rank is the planted one. Its last singular value is at least 0.05 of the first and
/// three times the next, so that the best approximation is unique and well conditioned, and two
/// fits can be compared by their models.
pub fn planted() -> impl Strategy<Value = MatrixCase> {
    planted_with(1.0)
}

/// As [`planted`], with entries of both signs.
pub fn planted_signed() -> impl Strategy<Value = MatrixCase> {
    planted_with(-1.0)
}

/// `other_sign` times is what every second entry of the factors is.
fn planted_with(other_sign: f64) -> impl Strategy<Value = MatrixCase> {
    let small = || prop_oneof![Just(0.0), (0..64_u16).prop_map(f64::from)];
    let factor = move || vec(small(), PLANTED_SIDE * PLANTED_RANK);
    let noise = vec(mostly_zero(), PLANTED_SIDE * PLANTED_SIDE);
    let sides = (4..=PLANTED_SIDE, 4..=PLANTED_SIDE);
    (
        sides,
        1..=PLANTED_RANK,
        factor(),
        factor(),
        noise,
        0..1000_u64,
    )
        .prop_map(move |((m, n), rank, left, right, noise, seed)| {
            // Each row and column leans towards one component.
            let entry = |values: &[f64], i: usize, t: usize| {
                let lean = if i % rank == t { 2.0 } else { 0.0 };
                let sign = if (i / rank + t) % 2 == 1 {
                    other_sign
                } else {
                    1.0
                };
                sign * (lean + values[i * PLANTED_RANK + t] * UNIT)
            };
            let w = Array2::from_shape_fn((m, rank), |(i, t)| entry(&left, i, t));
            let h = Array2::from_shape_fn((rank, n), |(t, j)| entry(&right, j, t));
            let mut x = product(w.view(), h.view());
            for ((i, j), value) in x.indexed_iter_mut() {
                *value += noise[i * PLANTED_SIDE + j] * UNIT;
            }
            MatrixCase { x, rank, seed }
        })
        .prop_filter("a gap after the planted rank", |case| {
            let s = jacobi_svd(case.x.view()).s;
            s[case.rank - 1] >= 0.05 * s[0] && s[case.rank - 1] >= 3.0 * s[case.rank]
        })
}

/// Up to 63 ratings of 1 to 9 x 1 to 7, from 1 to 5 in halves, at least one; rows and columns
/// without ratings occur.
pub fn ratings() -> impl Strategy<Value = RatingsCase> {
    let (rows, columns) = RATINGS;
    let cell = prop_oneof![
        Just(None),
        (2..=10_u8).prop_map(|halves| Some(f64::from(halves) / 2.0))
    ];
    (
        1..=rows,
        1..=columns,
        vec(cell, rows * columns),
        1..=3_usize,
        0..1000_u64,
    )
        .prop_map(move |(m, n, cells, rank, seed)| {
            let positions = (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
            let mut triplets: Vec<_> = positions
                .filter_map(|(i, j)| cells[i * columns + j].map(|value| (i, j, value)))
                .collect();
            if triplets.is_empty() {
                triplets.push((m - 1, n - 1, 3.0));
            }
            RatingsCase {
                shape: (m, n),
                triplets,
                rank,
                seed,
            }
        })
}

/// Ratings with structure to learn: `shape.0` x `shape.1`, about `density` of the positions observed,
/// from 1 to 5, made of row and column biases and two components. The same for the same `seed`.
#[must_use]
pub fn planted_ratings(shape: (usize, usize), density: f64, seed: u64) -> RatingsCase {
    let mut random = pseudo_random(seed);
    let row: Vec<[f64; 3]> = (0..shape.0)
        .map(|_| [random(), random(), random()])
        .collect();
    let column: Vec<[f64; 3]> = (0..shape.1)
        .map(|_| [random(), random(), random()])
        .collect();
    let mut triplets = Vec::new();
    for (i, p) in row.iter().enumerate() {
        for (j, q) in column.iter().enumerate() {
            if random() < density {
                let biases = p[0] + q[0] - 1.0;
                let interaction = (p[1] - 0.5) * (q[1] - 0.5) + (p[2] - 0.5) * (q[2] - 0.5);
                let value = (3.0 + biases + 4.0 * interaction).clamp(1.0, 5.0);
                triplets.push((i, j, (value * 64.0).round() / 64.0));
            }
        }
    }
    RatingsCase {
        shape,
        triplets,
        rank: 2,
        seed,
    }
}

/// A large non-negative matrix of rank 4 plus noise, dense (`zeros` = 0) or with that part of its
/// entries zero. The same for the same arguments.
#[must_use]
pub fn large_matrix(shape: (usize, usize), zeros: f64) -> Array2<f64> {
    let mut random = pseudo_random(11);
    let w = Array2::from_shape_simple_fn((shape.0, 4), &mut random);
    let h = Array2::from_shape_simple_fn((4, shape.1), &mut random);
    Array2::from_shape_fn(shape, |(i, j)| {
        let clean: f64 = (0..4).map(|t| w[[i, t]] * h[[t, j]]).sum();
        let (noise, chance) = (random(), random());
        if chance < zeros {
            0.0
        } else {
            ((clean + 0.1 * noise) * 4096.0).round() / 4096.0
        }
    })
}

/// Uniform numbers in [0, 1) from a seed (SplitMix64), the same on every machine.
pub fn pseudo_random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The numbers 0..`count` in an order that depends on `seed`.
#[must_use]
pub fn permutation(count: usize, seed: u64) -> Vec<usize> {
    let mut random = pseudo_random(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, (random() * (last + 1) as f64) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Law;

    const LAW: Law = Law {
        name: "strategy",
        statement: "cases are what their strategy says",
    };

    #[test]
    fn cases_are_exact_in_single_precision_and_of_their_kind() {
        let exact = |case: &MatrixCase| case.x.iter().all(|v| f64::from(*v as f32) == *v);
        let check = |case: MatrixCase, smallest: f64| {
            let side = case.x.nrows().min(case.x.ncols());
            crate::violation::require(
                exact(&case)
                    && (1..=side).contains(&case.rank)
                    && case.x.iter().all(|v| *v >= smallest),
                || "not as promised".to_owned(),
            )
        };
        LAW.check("any_non_negative", 200, &any_non_negative(), |c| {
            check(c, 0.0)
        })
        .unwrap();
        LAW.check("signed", 100, &signed(), |c| check(c, -4.0))
            .unwrap();
        LAW.check("planted_signed", 100, &planted_signed(), |c| {
            check(c, -99.0)
        })
        .unwrap();
    }

    #[test]
    fn ratings_are_within_their_shape_and_planted_ones_are_many() {
        LAW.check("ratings", 200, &ratings(), |case| {
            let inside = |t: &(usize, usize, f64)| t.0 < case.shape.0 && t.1 < case.shape.1;
            let sorted = case.triplets.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1));
            crate::violation::require(
                sorted && !case.triplets.is_empty() && case.triplets.iter().all(inside),
                || "not as promised".to_owned(),
            )
        })
        .unwrap();
        let planted = planted_ratings((30, 20), 0.5, 1);
        assert!((200..400).contains(&planted.triplets.len()));
        assert_eq!(planted, planted_ratings((30, 20), 0.5, 1));
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        let mut order = permutation(9, 3);
        assert_ne!(order, (0..9).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..9).collect::<Vec<_>>());
    }
}
