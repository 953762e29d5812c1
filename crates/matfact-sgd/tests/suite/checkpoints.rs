//! Fits that are stopped and go on: every loss loop, adaptive rates, halved steps, several blocks, rankings.

use matfact_core::{
    Duplicates, FactorModel, Factorizer, Fit, Ratings, Result, Run, Scalar, Validation,
};
use matfact_linalg::random_normal;
use matfact_sgd::{
    Bpr, LearningRates, LogisticFactorization, OnDivergence, Popularity, Sgd, SgdLoss, SvdPlusPlus,
    Warp,
};
use matfact_testkit::{hold, resuming_another_fit_is_refused, resuming_gives_the_same_bits};
use std::sync::atomic::{AtomicUsize, Ordering};

/// About 0.7 of a table of ratings around 3.
fn ratings<T: Scalar>(seed: u64, shape: (usize, usize)) -> Ratings<T> {
    let draws = random_normal::<f64>(shape, seed, 1);
    let kept = draws.indexed_iter().filter(|(_, draw)| **draw < 0.5);
    let triplets = kept.map(|((i, j), draw)| (i, j, T::from_f64((3.0 + draw).abs())));
    Ratings::from_triplets(shape, triplets, Duplicates::Error).unwrap()
}

/// A validation set for runs that are made elsewhere, which may outlive any other.
fn kept_aside(seed: u64, shape: (usize, usize)) -> &'static Validation {
    Box::leak(Box::new(
        Validation::of(&ratings::<f64>(seed, shape)).patience(2),
    ))
}

fn every_way<T: Scalar>() {
    // Enough for two ranges on each side.
    let shape = (90, 70);
    let x = ratings::<T>(1, shape);
    let plain = || Sgd::new(5).epochs(4);
    for sgd in [
        plain(),
        plain().biased(false).loss(SgdLoss::Absolute),
        plain().learning_rates(LearningRates::Twin),
        plain().row_l1(0.02).non_negative(true),
        plain()
            .learning_rate(40.0)
            .on_divergence(OnDivergence::HalveStep),
    ] {
        let fit = |run: &mut Run<'_>| sgd.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(&format!("{sgd:?}"), &fit));
    }
    let validation = kept_aside(4, shape);
    let sgd = plain().epochs(12).learning_rate(0.3);
    let fit = |run: &mut Run<'_>| sgd.fit_with(&x, &mut std::mem::take(run).validation(validation));
    hold(resuming_gives_the_same_bits("with a validation set", &fit));
}

#[test]
fn sgd_goes_on_in_single_precision() {
    every_way::<f32>();
}

#[test]
fn sgd_goes_on_in_double_precision() {
    every_way::<f64>();
}

#[test]
fn a_fit_from_disk_goes_on_from_one_in_memory_and_the_reverse() {
    let x = ratings::<f32>(1, (90, 70));
    let folder = tempfile::tempdir().unwrap();
    let on_disk = crate::disk::stored(&x, folder.path()).unwrap();
    let sgd = Sgd::new(5).epochs(4);
    let turns = AtomicUsize::new(0);
    let fit = |run: &mut Run<'_>| match turns.fetch_add(1, Ordering::Relaxed) % 2 {
        0 => sgd.fit_with(&x, run),
        _ => sgd.fit_with(&on_disk, run),
    };
    hold(resuming_gives_the_same_bits("now here, now there", &fit));
    let mut triplets: Vec<_> = x.triplets().collect();
    triplets[7].2 += 1.0;
    let other = Ratings::from_triplets((90, 70), triplets, Duplicates::Error).unwrap();
    let other = crate::disk::stored(&other, folder.path()).unwrap();
    let same = |run: &mut Run<'_>| sgd.fit_with(&on_disk, run);
    let of_others = |run: &mut Run<'_>| sgd.fit_with(&other, run);
    hold(resuming_another_fit_is_refused(
        "disk",
        &same,
        &[("content of the data", &of_others)],
    ));
}

#[test]
fn a_warm_start_goes_along() {
    let before = ratings::<f64>(1, (30, 25));
    let first = Sgd::new(4).epochs(3).fit(&before).unwrap().model;
    let more = ratings::<f64>(2, (33, 20));
    let sgd = Sgd::new(4).epochs(4);
    let fit = |run: &mut Run<'_>| sgd.fit_from(&first, &more, run);
    hold(resuming_gives_the_same_bits("fit_from", &fit));
    let fit = |run: &mut Run<'_>| sgd.partial_fit(&first, 0.9, &more, run);
    hold(resuming_gives_the_same_bits("partial_fit", &fit));
}

fn svdpp<T: Scalar>() {
    let shape = (60, 40);
    let x = ratings::<T>(1, shape);
    let settings = SvdPlusPlus::new(5).epochs(4);
    let fit = |run: &mut Run<'_>| settings.fit_with(&x, run);
    hold(resuming_gives_the_same_bits("svdpp", &fit));
    let validation = kept_aside(4, shape);
    let settings = settings.epochs(12).regularization(0.0);
    let fit =
        |run: &mut Run<'_>| settings.fit_with(&x, &mut std::mem::take(run).validation(validation));
    hold(resuming_gives_the_same_bits("with a validation set", &fit));
}

#[test]
fn svdpp_goes_on() {
    svdpp::<f32>();
    svdpp::<f64>();
}

fn rankings<T: Scalar>() {
    // Enough for two ranges on each side.
    let x = ratings::<T>(1, (250, 90));
    let bpr = Bpr::new(5).epochs(3);
    hold(resuming_gives_the_same_bits("bpr", &|run: &mut Run<'_>| {
        bpr.fit_with(&x, run)
    }));
    let warp = Warp::new(5).epochs(3).confidence(1.0);
    hold(resuming_gives_the_same_bits("warp", &|run: &mut Run<
        '_,
    >| {
        warp.fit_with(&x, run)
    }));
    let logistic = LogisticFactorization::new(5).epochs(3);
    let fit = |run: &mut Run<'_>| logistic.fit_with(&x, run);
    hold(resuming_gives_the_same_bits("logistic", &fit));
}

#[test]
fn rankings_go_on() {
    rankings::<f32>();
    rankings::<f64>();
}

type OneFit<'a> = &'a dyn Fn(&mut Run<'_>) -> Result<Fit<FactorModel<f32>>>;

#[test]
fn another_fit_is_refused_by_name() {
    let shape = (20, 15);
    let x = ratings::<f32>(1, shape);
    let other = ratings::<f32>(3, shape);
    let first = Sgd::new(3).epochs(2).fit(&x).unwrap().model;
    let validation = kept_aside(4, shape);
    let sgd = || Sgd::new(3).epochs(3);
    let others: [(&str, OneFit<'_>); 7] = [
        ("epochs", &|run| sgd().epochs(4).fit_with(&x, run)),
        ("learning_rate", &|run| {
            sgd().learning_rate(0.01).fit_with(&x, run)
        }),
        ("loss", &|run| {
            sgd().loss(SgdLoss::Absolute).fit_with(&x, run)
        }),
        ("data", &|run| sgd().fit_with(&other, run)),
        ("start", &|run| sgd().fit_from(&first, &x, run)),
        ("validation set", &|run| {
            sgd().fit_with(&x, &mut std::mem::take(run).validation(validation))
        }),
        ("algorithm", &|run| Bpr::new(3).fit_with(&x, run)),
    ];
    let same = |run: &mut Run<'_>| sgd().fit_with(&x, run);
    hold(resuming_another_fit_is_refused("sgd", &same, &others));
}

#[test]
fn popularity_has_nothing_to_go_on_from() {
    let x = ratings::<f32>(1, (20, 15));
    let mut keep = |_: &matfact_core::Checkpoint| Ok(());
    let refused = Popularity::new().fit_with(&x, &mut Run::new().checkpoints(&mut keep));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("no state to go on from"), "{said}");
}
