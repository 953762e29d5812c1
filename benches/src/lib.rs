//! Generated data for the benchmarks: the same for every run and every machine.

use matfact::core::csr_from_triplets;
use matfact::ndarray::Array2;
use matfact::sprs::CsMatI;
use matfact::{Duplicates, Ratings, Scalar};
use matfact_linalg::{random_normal, random_stream};
use rand::RngExt;

/// Whether this is `cargo bench`. In a test each benchmark runs once, and its smallest inputs will do.
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A non-negative matrix of the given rank, with noise of one per cent.
pub fn dense<T: Scalar>(rows: usize, columns: usize, rank: usize) -> Array2<T> {
    let factor =
        |count, stream| random_normal::<f64>((count, rank), 11, stream).mapv(|v| v.max(0.0));
    let clean = factor(rows, 0).dot(&factor(columns, 1).t());
    let noise = random_normal::<f64>((rows, columns), 11, 2) * (0.01 * rank as f64);
    (clean + noise).mapv(|v| T::from_f64(v.max(0.0)))
}

/// A sparse matrix with `entries` entries at random places (fewer where two coincide).
pub fn sparse<T: Scalar>(rows: usize, columns: usize, entries: usize) -> CsMatI<T, u32, usize> {
    let mut rng = random_stream(12, 0);
    let triplets: Vec<_> = (0..entries)
        .map(|_| {
            let place = (rng.random_range(0..rows), rng.random_range(0..columns));
            (place.0, place.1, T::from_f64(rng.random::<f64>()))
        })
        .collect();
    csr_from_triplets((rows, columns), triplets, Duplicates::Last).expect("indices are in range")
}

/// Ratings of 1 to 5 by users of different activity for items of different popularity, with a
/// planted term of rank 8.
pub fn ratings<T: Scalar>(users: usize, items: usize, count: usize) -> Ratings<T> {
    let mut rng = random_stream(13, 0);
    let p = random_normal::<f64>((users, 8), 13, 1) * 0.35;
    let q = random_normal::<f64>((items, 8), 13, 2);
    // Squaring the uniform number makes low indices more likely.
    let mut draw = |bound: usize| {
        let u: f64 = rng.random();
        ((u * u * bound as f64) as usize).min(bound - 1)
    };
    let triplets: Vec<_> = (0..count)
        .map(|_| {
            let (user, item) = (draw(users), draw(items));
            let rating = (3.5 + p.row(user).dot(&q.row(item)))
                .round()
                .clamp(1.0, 5.0);
            (user, item, T::from_f64(rating))
        })
        .collect();
    Ratings::from_triplets((users, items), triplets, Duplicates::Last)
        .expect("indices are in range and values finite")
}
