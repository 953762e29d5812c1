//! Decompositions that are stopped and go on: every method, one that leaves the Gram matrix, principal components.

use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Error, Factorizer, Fit, Result, Run, Scalar};
use matfact_linalg::{random_normal, thin_qr};
use matfact_svd::{Pca, PcaMethod, SvdMethod, SvdModel, Tolerance, TruncatedSvd};
use matfact_testkit::{hold, resuming_another_fit_is_refused, resuming_gives_the_same_bits};

type OneFit<'a, M> = &'a dyn Fn(&mut Run<'_>) -> Result<Fit<M>>;

/// Singular values that fall by `fall` each.
fn matrix<T: Scalar>((m, n): (usize, usize), fall: f64, seed: u64) -> Array2<T> {
    let rank = m.min(n);
    let (q, _) = thin_qr(random_normal::<f64>((m, rank), seed, 0).view());
    let (p, _) = thin_qr(random_normal::<f64>((n, rank), seed, 1).view());
    let values: Array1<f64> = (0..rank as i32).map(|i| fall.powi(i)).collect();
    (&q * &values).dot(&p.t()).mapv(T::from_f64)
}

fn methods<T: Scalar>() {
    let x = matrix::<T>((150, 120), 0.97, 1);
    let svd = TruncatedSvd::new(6).block(4).basis(30).seed(3);
    let asked = [
        svd.clone()
            .method(SvdMethod::Lanczos)
            .tolerance(Tolerance::SingularValues(1e-3)),
        svd.clone()
            .method(SvdMethod::Lanczos)
            .tolerance(Tolerance::Rounding),
        svd.clone()
            .method(SvdMethod::GramLanczos)
            .tolerance(Tolerance::SingularValues(1e-3)),
        svd.clone()
            .method(SvdMethod::Randomized)
            .power_iterations(5),
        svd.clone()
            .method(SvdMethod::Randomized)
            .tolerance(Tolerance::SingularValues(1e-2)),
        TruncatedSvd::new(6).method(SvdMethod::BlockKrylov),
    ];
    for asked in asked {
        let fit = |run: &mut Run<'_>| asked.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(&format!("{asked:?}"), &fit));
    }
}

#[test]
fn every_method_goes_on_in_single_precision() {
    methods::<f32>();
}

#[test]
fn every_method_goes_on_in_double_precision() {
    methods::<f64>();
}

/// The squares of the last values wanted are lost beside the first: the bidiagonalization takes over, and states of both go on.
#[test]
fn a_fit_that_leaves_the_gram_matrix_goes_on() {
    let x = matrix::<f32>((150, 120), 0.5, 2);
    let svd = TruncatedSvd::new(16)
        .method(SvdMethod::GramLanczos)
        .tolerance(Tolerance::SingularValues(1e-4))
        .block(4);
    let fit = |run: &mut Run<'_>| svd.fit_with(&x, run);
    let left = fit(&mut Run::new()).unwrap().report.notices;
    assert!(
        left.iter().any(|notice| notice.contains("gram-lanczos")),
        "{left:?}"
    );
    hold(resuming_gives_the_same_bits(
        "one that leaves the Gram matrix",
        &fit,
    ));
}

#[test]
fn principal_components_go_on() {
    // Large enough that one decomposition of all of it is not the faster way.
    let x = matrix::<f64>((700, 600), 0.99, 4);
    let pca = Pca::new(5).method(PcaMethod::Truncated);
    let fit = |run: &mut Run<'_>| pca.fit_with(&x, run);
    hold(resuming_gives_the_same_bits("pca", &fit));
}

#[test]
fn other_data_and_settings_are_refused() {
    let shape = (90, 70);
    let (x, other) = (matrix::<f64>(shape, 0.95, 4), matrix::<f64>(shape, 0.95, 5));
    let svd = || TruncatedSvd::new(5).method(SvdMethod::Lanczos);
    let others: [(&str, OneFit<'_, SvdModel<f64>>); 3] = [
        ("data", &|run| svd().fit_with(&other, run)),
        ("seed", &|run| svd().seed(9).fit_with(&x, run)),
        ("method", &|run| {
            let other = svd().method(SvdMethod::GramLanczos);
            other.fit_with(&x, run)
        }),
    ];
    let same = |run: &mut Run<'_>| svd().fit_with(&x, run);
    hold(resuming_another_fit_is_refused("svd", &same, &others));
}

/// One decomposition has no steps to go on from.
#[test]
fn what_has_no_steps_refuses_checkpoints() {
    let x = matrix::<f64>((20, 10), 0.9, 6);
    let mut sink = |_: &matfact_core::Checkpoint| Ok(());
    let svd = TruncatedSvd::new(2).method(SvdMethod::Exact);
    let refused = svd.fit_with(&x, &mut Run::new().checkpoints(&mut sink));
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    let pca = Pca::new(2).method(PcaMethod::Covariance);
    let refused = pca.fit_with(&x, &mut Run::new().checkpoints(&mut sink));
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
}
