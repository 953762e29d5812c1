//! Fits that are stopped and go on: every solver, starts, restarts, observed entries, batches.

use matfact_core::ndarray::Array2;
use matfact_core::{Duplicates, Factorizer, Fit, Ratings, Result, Run, Scalar, csr_from_triplets};
use matfact_linalg::random_normal;
use matfact_nmf::{Held, Init, Loss, MaskedNmf, MiniBatchNmf, Nmf, NmfModel, Solver, Start};
use matfact_testkit::{hold, resuming_another_fit_is_refused, resuming_gives_the_same_bits};

/// A matrix of rank 4 and noise.
fn matrix<T: Scalar>(shape: (usize, usize), seed: u64) -> Array2<T> {
    let side = |rows, stream| random_normal::<f64>((rows, 4), seed, stream).mapv(f64::abs);
    let product = side(shape.0, 1).dot(&side(shape.1, 2).t());
    let noise = random_normal::<f64>(shape, seed, 3).mapv(f64::abs);
    (product + noise).mapv(T::from_f64)
}

fn goes_on<T: Scalar>(nmf: &Nmf, x: &Array2<T>) {
    let fit = |run: &mut Run<'_>| nmf.fit_with(x, run);
    hold(resuming_gives_the_same_bits(&format!("{nmf:?}"), &fit));
}

fn every_solver<T: Scalar>() {
    let x = matrix::<T>((30, 20), 1);
    let nmf = || Nmf::new(3).max_iter(8).tol(0.0);
    goes_on(&nmf(), &x);
    goes_on(&nmf().compression(true).alpha_w(0.01), &x);
    goes_on(&nmf().max_iter(200).tol(1e-3), &x);
    // The error that five iterations reach.
    let random = || nmf().init(Init::Random);
    let reached = random().max_iter(5).fit(&x).unwrap().report;
    let error = reached.relative_error.unwrap() * (1.0 + 1e-4);
    goes_on(&random().max_iter(200).target_error(error), &x);
    goes_on(&nmf().solver(Solver::CoordinateDescent).shuffle(true), &x);
    goes_on(&nmf().solver(Solver::BlockPivoting), &x);
    let multiplicative = || nmf().solver(Solver::Multiplicative);
    goes_on(&multiplicative(), &x);
    // With this penalty the first exponent overshoots, and another one takes over.
    let overshooting = multiplicative().loss(Loss::KullbackLeibler);
    goes_on(&overshooting.alpha_w(3.0).l1_ratio(0.0), &x);
    goes_on(&multiplicative().loss(Loss::ItakuraSaito), &x);
    goes_on(&nmf().loss(Loss::KullbackLeibler), &x);
}

#[test]
fn solvers_go_on_in_single_precision() {
    every_solver::<f32>();
}

#[test]
fn solvers_go_on_in_double_precision() {
    every_solver::<f64>();
}

#[test]
fn restarts_and_given_starts_go_on() {
    let x = matrix::<f64>((30, 20), 2);
    let nmf = || Nmf::new(3).max_iter(4).tol(0.0).seed(5);
    goes_on(&nmf().init(Init::Random).restarts(3), &x);
    goes_on(
        &nmf().init(Init::Random).restarts(3).max_iter(60).tol(1e-2),
        &x,
    );
    let h = matrix::<f64>((3, 20), 3);
    let held = nmf().held(Held::H);
    let fit = |run: &mut Run<'_>| held.fit_from(&x, Start::from_h(h.clone()), run);
    hold(resuming_gives_the_same_bits("held", &fit));
}

#[test]
fn sparse_matrices_go_on() {
    let x = matrix::<f32>((40, 30), 4);
    let entries = x
        .indexed_iter()
        .filter(|((i, j), _)| (i * 7 + j * 3) % 4 == 0);
    let entries = entries.map(|((i, j), v)| (i, j, *v));
    let x = csr_from_triplets((40, 30), entries, Duplicates::Error).unwrap();
    for loss in [Loss::Frobenius, Loss::KullbackLeibler] {
        let nmf = Nmf::new(4).loss(loss).max_iter(6).tol(0.0);
        let fit = |run: &mut Run<'_>| nmf.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(
            &format!("sparse, {loss:?}"),
            &fit,
        ));
    }
}

fn observed<T: Scalar>() {
    let x = matrix::<T>((30, 20), 5);
    let kept = x
        .indexed_iter()
        .filter(|((i, j), _)| (i * 5 + j * 3) % 3 != 0);
    let triplets = kept.map(|((i, j), v)| (i, j, *v));
    let x = Ratings::from_triplets((30, 20), triplets, Duplicates::Error).unwrap();
    for loss in [Loss::Frobenius, Loss::KullbackLeibler] {
        let nmf = MaskedNmf::new(3).loss(loss).max_iter(6).tol(0.0);
        let fit = |run: &mut Run<'_>| nmf.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(
            &format!("observed, {loss:?}"),
            &fit,
        ));
    }
    let nmf = MaskedNmf::new(3).tol(1e-2).max_iter(100);
    let fit = |run: &mut Run<'_>| nmf.fit_with(&x, run);
    hold(resuming_gives_the_same_bits("observed, converging", &fit));
}

#[test]
fn observed_entries_go_on() {
    observed::<f32>();
    observed::<f64>();
}

fn batches<T: Scalar>() {
    let x = matrix::<T>((50, 20), 6);
    let small = || MiniBatchNmf::new(3).batch_size(12).max_iter(4).tol(0.0);
    for nmf in [
        small(),
        small().init(Init::Random),
        small().fresh_restarts(true).max_no_improvement(None),
        small().solver(Solver::Multiplicative),
        small()
            .solver(Solver::Multiplicative)
            .loss(Loss::KullbackLeibler),
        small().tol(1e-2).max_iter(40),
    ] {
        let fit = |run: &mut Run<'_>| nmf.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(&format!("{nmf:?}"), &fit));
    }
}

#[test]
fn batches_go_on() {
    batches::<f32>();
    batches::<f64>();
}

type OneFit<'a> = &'a dyn Fn(&mut Run<'_>) -> Result<Fit<NmfModel<f64>>>;

#[test]
fn another_fit_is_refused_by_name() {
    let (x, other) = (matrix::<f64>((20, 15), 1), matrix::<f64>((20, 15), 2));
    let start = || Start::from_h(matrix::<f64>((3, 15), 3));
    let nmf = || Nmf::new(3).max_iter(4).tol(0.0);
    let others: [(&str, OneFit<'_>); 5] = [
        ("max_iter", &|run| nmf().max_iter(5).fit_with(&x, run)),
        ("solver", &|run| {
            nmf().solver(Solver::BlockPivoting).fit_with(&x, run)
        }),
        ("data", &|run| nmf().fit_with(&other, run)),
        ("start", &|run| nmf().fit_from(&x, start(), run)),
        ("algorithm", &|run| MiniBatchNmf::new(3).fit_with(&x, run)),
    ];
    let same = |run: &mut Run<'_>| nmf().fit_with(&x, run);
    hold(resuming_another_fit_is_refused("nmf", &same, &others));
}
