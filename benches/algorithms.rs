//! Algorithms by kind of input, precision, size, rank and threads.
#![allow(missing_docs, reason = "the macros of criterion make items without")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use matfact::{Factorizer, Matrix, Nmf, Run, Scalar, Sgd, TruncatedSvd};
use matfact_benches::{dense, measuring, ratings, sparse};
use std::time::Duration;

/// One fit on each number of threads, under an id of input, precision, shape, rank and threads.
fn fit<X: ?Sized, F: Factorizer<X>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    factorizer: &F,
    x: &X,
) {
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new(name, format!("{threads}t")), |bencher| {
            bencher.iter(|| {
                factorizer
                    .fit_with(x, &mut Run::new().threads(threads))
                    .expect("the data are good")
            });
        });
    }
}

fn matrices<T: Scalar>(criterion: &mut Criterion) {
    let mut inputs: Vec<(&str, Box<dyn Matrix<Scalar = T>>)> = vec![
        ("dense-500x200", Box::new(dense::<T>(500, 200, 10))),
        (
            "sparse-2000x1000",
            Box::new(sparse::<T>(2000, 1000, 40_000)),
        ),
    ];
    if measuring() {
        inputs.push(("dense-2000x1000", Box::new(dense::<T>(2000, 1000, 20))));
        let large = sparse::<T>(20_000, 10_000, 1_000_000);
        inputs.push(("sparse-20000x10000", Box::new(large)));
    }
    let mut group = criterion.benchmark_group("nmf-20-iterations");
    for (name, x) in &inputs {
        let nmf = Nmf::new(20).max_iter(20).tol(0.0);
        fit(&mut group, &format!("{name}-{}-k20", T::NAME), &nmf, &**x);
    }
    group.finish();
    let mut group = criterion.benchmark_group("svd");
    for (name, x) in &inputs {
        let svd = TruncatedSvd::new(20);
        fit(&mut group, &format!("{name}-{}-k20", T::NAME), &svd, &**x);
    }
    group.finish();
}

fn observed<T: Scalar>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sgd-5-epochs");
    let mut sizes = vec![(1000, 500, 50_000)];
    if measuring() {
        sizes.push((6000, 4000, 1_000_000));
    }
    for (users, items, count) in sizes {
        let x = ratings::<T>(users, items, count);
        for rank in [32, 128] {
            let sgd = Sgd::new(rank).epochs(5);
            fit(
                &mut group,
                &format!("{users}x{items}-{count}-{}-k{rank}", T::NAME),
                &sgd,
                &x,
            );
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = matrices::<f32>, matrices::<f64>, observed::<f32>, observed::<f64>
}
criterion_main!(benches);
