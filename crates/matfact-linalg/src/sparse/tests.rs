use super::aligned::LINE_BYTES;
use super::gather::{FETCHED_FROM, slabs};
use super::*;
use crate::random_normal;
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::sprs::CsMatI;
use matfact_core::{ColumnIndex, Duplicates, Layout, LinearOperator, csr_from_triplets};

/// A matrix with empty rows, one dense row, and enough entries for the parallel path.
fn sample<T: Scalar>(m: usize, n: usize) -> CsMatI<T, u32, usize> {
    let chosen = |i: usize, j: usize| {
        i == m / 2 || (!i.is_multiple_of(5) && (i * 31 + j * 17).is_multiple_of(11))
    };
    let entries = (0..m)
        .flat_map(|i| (0..n).map(move |j| (i, j)))
        .filter(|(i, j)| chosen(*i, *j))
        .map(|(i, j)| (i, j, T::from_f64(((i * n + j) as f64).sin())));
    csr_from_triplets((m, n), entries, Duplicates::Error).unwrap()
}

fn rows<X: LinearOperator>(x: &X) -> SparseRows<'_, X::Scalar> {
    match x.layout() {
        Layout::SparseRows(rows) => rows,
        _ => unreachable!("the sample is CSR"),
    }
}

fn check<T: Scalar>(tolerance: f64) {
    let a = sample::<T>(230, 170);
    for k in [1, 3, 8, 16, 17, 50, 64, 65, 129, 200] {
        let right = random_normal::<T>((170, k), 1, 0);
        let left = random_normal::<T>((230, k), 2, 0);
        let (mut expected, mut back) = (Array2::default((230, k)), Array2::default((170, k)));
        a.multiply(right.view(), expected.view_mut());
        a.multiply_transposed(left.view(), back.view_mut());
        for simd in Simd::available() {
            let mut results = Vec::new();
            for threads in [1, 2, 7] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let (mut out, mut out_back) = (
                    Array2::from_elem((230, k), T::nan()),
                    Array2::from_elem((170, k), T::nan()),
                );
                pool.build().unwrap().install(|| {
                    multiply_sparse(&rows(&a), right.view(), out.view_mut(), simd);
                    let (left, out) = (left.view(), out_back.view_mut());
                    multiply_sparse_transposed(&rows(&a), left, out, simd);
                });
                for (x, y) in out
                    .iter()
                    .chain(&out_back)
                    .zip(expected.iter().chain(&back))
                {
                    assert!(
                        (x.as_f64() - y.as_f64()).abs() < tolerance,
                        "{simd:?} k = {k}"
                    );
                }
                results.push((out, out_back));
            }
            assert!(results.iter().all(|r| *r == results[0]), "{simd:?} k = {k}");
        }
    }
}

#[test]
fn every_path_agrees_with_the_plain_loop_and_with_itself_on_other_threads() {
    check::<f32>(2e-4);
    check::<f64>(1e-12);
}

#[test]
fn wide_indices_slices_and_strided_outputs_are_read_in_place() {
    let a = sample::<f64>(60, 40);
    let wide: CsMatI<f64, usize, usize> = a.to_other_types();
    let right = random_normal::<f64>((40, 20), 1, 0);
    let mut expected = Array2::default((60, 20));
    a.multiply(right.view(), expected.view_mut());
    let mut out = Array2::default((20, 60));
    multiply_sparse(
        &rows(&wide),
        right.view(),
        out.view_mut().reversed_axes(),
        Simd::detect(),
    );
    assert!(
        out.t()
            .iter()
            .zip(&expected)
            .all(|(x, y)| (x - y).abs() < 1e-12)
    );
    let tail = a.slice_outer(20..60);
    let mut out = Array2::default((40, 20));
    multiply_sparse(&rows(&tail), right.view(), out.view_mut(), Simd::detect());
    let expected = expected.select(Axis(0), &(20..60).collect::<Vec<_>>());
    assert!(
        out.iter()
            .zip(&expected)
            .all(|(x, y)| (x - y).abs() < 1e-12)
    );
    assert!(matches!(usize::wrap(&[1, 2]), Indices::Usize(_)));
}

#[test]
fn a_panel_too_large_for_the_caches_is_multiplied_by_slabs_of_its_columns() {
    assert_eq!(slabs(10, 50, 16).len(), 1);
    assert_eq!(slabs(1 << 17, 40, 16), [0..16, 16..32, 32..40]);
    assert_eq!(slabs(40_000, 100, 16), [0..32, 32..64, 64..96, 96..100]);
    let n = (FETCHED_FROM / LINE_BYTES) + 1;
    let entries = (0..400_usize).map(|e| (e % 7, (e * 7919) % n, (e as f32).sin()));
    let a = csr_from_triplets((7, n), entries, Duplicates::Last).unwrap();
    let right = random_normal::<f32>((n, 20), 1, 0);
    let (mut expected, mut out) = (Array2::default((7, 20)), Array2::default((7, 20)));
    a.multiply(right.view(), expected.view_mut());
    multiply_sparse(&rows(&a), right.view(), out.view_mut(), Simd::detect());
    let close = |(x, y): (&f32, &f32)| (x - y).abs() < 1e-4;
    assert!(out.iter().zip(&expected).all(close));
}

#[test]
fn empty_shapes_and_matrices_without_entries_give_zeros() {
    let a = csr_from_triplets::<f32>((3, 2), [], Duplicates::Error).unwrap();
    let mut out = Array2::from_elem((3, 2), 5.0);
    multiply_sparse(
        &rows(&a),
        Array2::ones((2, 2)).view(),
        out.view_mut(),
        Simd::detect(),
    );
    assert_eq!(out, Array2::<f32>::zeros((3, 2)));
    let mut out = Array2::from_elem((2, 2), 5.0);
    let ones = Array2::ones((3, 2));
    multiply_sparse_transposed(&rows(&a), ones.view(), out.view_mut(), Simd::detect());
    assert_eq!(out, Array2::<f32>::zeros((2, 2)));
}
