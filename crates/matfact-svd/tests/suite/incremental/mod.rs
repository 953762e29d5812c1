//! Decompositions of batches.

mod joined;
mod robust;
mod whole;

use matfact_core::ndarray::{Array2, ArrayView1, Axis};
use matfact_core::{Duplicates, Scalar, csr_from_triplets, sprs::CsMatI};
use matfact_testkit::strategies::pseudo_random;

fn sparse<T: Scalar>(x: &Array2<T>) -> CsMatI<T, u32, usize> {
    let stored = x.indexed_iter().filter(|(_, v)| **v != T::zero());
    let stored = stored.map(|((i, j), v)| (i, j, *v));
    csr_from_triplets(x.dim(), stored, Duplicates::Error).unwrap()
}

fn rows<T: Scalar>(x: &Array2<T>, from: usize, to: usize) -> Array2<T> {
    x.select(Axis(0), &(from..to).collect::<Vec<_>>())
}

/// A matrix of rank `rank` with columns of mean about 1.
fn low_rank(shape: (usize, usize), rank: usize, seed: u64) -> Array2<f64> {
    let mut random = pseudo_random(seed);
    let w = Array2::from_shape_simple_fn((shape.0, rank), &mut random);
    let h = Array2::from_shape_simple_fn((rank, shape.1), &mut random);
    w.dot(&h)
}

fn close(given: ArrayView1<'_, f64>, golden: &[f64], tolerance: f64) {
    assert_eq!(given.len(), golden.len());
    let worst = given.iter().zip(golden).map(|(a, b)| (a - b).abs());
    assert!(
        worst.fold(0.0, f64::max) < tolerance,
        "{given} is not {golden:?}"
    );
}

fn same_rows(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    let worst = worst.fold(0.0, f64::max);
    assert!(worst < tolerance, "{worst:e}");
}
