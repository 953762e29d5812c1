//! Kernels: sparse times dense, by columns, precision, instruction set and threads, beside the
//! product of `sprs`; and the dense products of NMF's shapes.
#![allow(missing_docs, reason = "the macros of criterion make items without")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use matfact::core::{Layout, LinearOperator};
use matfact::ndarray::Array2;
use matfact::{Scalar, sprs};
use matfact_benches::{dense, sparse};
use matfact_linalg::{
    Simd, multiply_dense, multiply_sparse, multiply_sparse_transposed, random_normal,
};
use std::time::Duration;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads can be had")
}

fn sparse_products<T: Scalar + sprs::MulAcc>(criterion: &mut Criterion) {
    let x = sparse::<T>(50_000, 10_000, 2_000_000);
    let Layout::SparseRows(rows) = x.layout() else {
        unreachable!("the matrix is CSR")
    };
    let mut group = criterion.benchmark_group(format!("sparse/50000x10000/{}", T::NAME));
    for columns in [20, 64] {
        let right = random_normal::<T>((10_000, columns), 1, 0);
        let left = random_normal::<T>((50_000, columns), 1, 1);
        let mut out = Array2::<T>::default((50_000, columns));
        let mut back = Array2::<T>::default((10_000, columns));
        group.throughput(Throughput::Elements((2 * x.nnz() * columns) as u64));
        group.bench_function(BenchmarkId::new("sprs", columns), |bencher| {
            bencher.iter(|| {
                out.fill(T::zero());
                sprs::prod::csr_mulacc_dense_rowmaj(x.view(), right.view(), out.view_mut());
            });
        });
        for threads in [1, 2] {
            let pool = pool(threads);
            for simd in Simd::available() {
                let id = BenchmarkId::new(format!("multiply-{simd:?}-{threads}t"), columns);
                group.bench_function(id, |bencher| {
                    let mut run = || multiply_sparse(&rows, right.view(), out.view_mut(), simd);
                    pool.install(|| bencher.iter(&mut run));
                });
            }
            let id = BenchmarkId::new(format!("multiply-transposed-{threads}t"), columns);
            group.bench_function(id, |bencher| {
                let simd = Simd::detect();
                let mut run =
                    || multiply_sparse_transposed(&rows, left.view(), back.view_mut(), simd);
                pool.install(|| bencher.iter(&mut run));
            });
        }
    }
    group.finish();
}

fn dense_products<T: Scalar>(criterion: &mut Criterion) {
    let (m, n, k) = (4000, 1000, 50);
    let x = dense::<T>(m, n, 10);
    let (right, left) = (
        random_normal::<T>((n, k), 1, 0),
        random_normal::<T>((m, k), 1, 1),
    );
    let (mut out, mut back) = (Array2::<T>::default((m, k)), Array2::<T>::default((n, k)));
    let mut group = criterion.benchmark_group(format!("dense/4000x1000x50/{}", T::NAME));
    group.throughput(Throughput::Elements((2 * m * n * k) as u64));
    for threads in [1, 2] {
        let pool = pool(threads);
        group.bench_function(format!("multiply-{threads}t"), |bencher| {
            let mut run = || multiply_dense(x.view(), right.view(), out.view_mut());
            pool.install(|| bencher.iter(&mut run));
        });
        group.bench_function(format!("multiply-transposed-{threads}t"), |bencher| {
            let mut run = || multiply_dense(x.t(), left.view(), back.view_mut());
            pool.install(|| bencher.iter(&mut run));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = sparse_products::<f32>, sparse_products::<f64>, dense_products::<f32>,
        dense_products::<f64>
}
criterion_main!(benches);
