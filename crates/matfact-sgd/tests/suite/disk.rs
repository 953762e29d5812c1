//! Ratings on disk give the fit that ratings in memory give, and leave nothing behind.

use crate::fit::{every_tenth, planted};
use matfact_core::{
    Cancellation, Duplicates, Error, FactorModel, Factorizer, Fit, Ratings, Result, Run, Scalar,
    StopReason, Validation,
};
use matfact_sgd::{
    DiskRatings, DiskRatingsWriter, LearningRates, OnDivergence, Sgd, SgdLoss, Units,
};
use std::path::Path;

/// The ratings on disk, given to it from the last to the first.
pub(crate) fn stored<T: Scalar>(ratings: &Ratings<T>, folder: &Path) -> Result<DiskRatings<T>> {
    let (rows, columns) = ratings.csr().shape();
    let mut writer = DiskRatingsWriter::new(folder)?.shape(rows, columns);
    let mut triplets: Vec<_> = ratings.triplets().collect();
    triplets.reverse();
    for (row, column, value) in triplets {
        writer.push(row, column, value)?;
    }
    writer.finish()
}

/// Everything but the times and threads.
fn same<T: Scalar>(one: &Fit<FactorModel<T>>, other: &Fit<FactorModel<T>>, what: &str) {
    assert!(one.model == other.model, "{what}");
    let (one, other) = (&one.report, &other.report);
    assert_eq!(one.history, other.history, "{what}");
    assert_eq!(one.validation, other.validation, "{what}");
    assert_eq!(one.chosen, other.chosen, "{what}");
    assert_eq!(
        (
            one.objective,
            one.stop,
            one.iterations,
            one.best_iteration,
            one.stored
        ),
        (
            other.objective,
            other.stop,
            other.iterations,
            other.best_iteration,
            other.stored
        ),
        "{what}"
    );
}

fn settings() -> Vec<Sgd> {
    let sgd = || Sgd::new(5).epochs(4).seed(3);
    vec![
        sgd(),
        Sgd::new(20).epochs(3).biased(false),
        sgd().epochs(0),
        sgd().loss(SgdLoss::Absolute).row_l1(0.01),
        sgd().loss(SgdLoss::Logistic).biased(false),
        sgd().learning_rates(LearningRates::Twin).non_negative(true),
        sgd().units(Units::Original).learning_rate(0.01),
    ]
}

fn check_same_bits<T: Scalar>() {
    let folder = tempfile::tempdir().unwrap();
    let (ratings, _) = planted::<T>((300, 200), 1.0, every_tenth);
    let on_disk = stored(&ratings, folder.path()).unwrap();
    assert_eq!(on_disk.shape(), (300, 200));
    for sgd in settings() {
        let memory = sgd.fit(&ratings).unwrap();
        for threads in [1, 2, 7] {
            let disk = sgd.fit_with(&on_disk, &mut Run::new().threads(threads));
            same(
                &disk.unwrap(),
                &memory,
                &format!("{threads} threads, {sgd:?}"),
            );
        }
    }
}

#[test]
fn a_fit_from_disk_has_the_bits_of_one_from_memory_for_any_number_of_threads() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

#[test]
fn counts_keep_non_negative_factors_and_refuse_what_memory_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let counts = |sign: f64| {
        let value = |i: usize, j: usize| sign * ((i * 7 + j * 3) % 5) as f64;
        let triplets = (0..60).flat_map(|i| (i % 3..40).step_by(3).map(move |j| (i, j)));
        let triplets = triplets.map(|(i, j)| (i, j, value(i, j)));
        Ratings::from_triplets((60, 40), triplets, Duplicates::Error).unwrap()
    };
    let sgd = Sgd::new(3)
        .epochs(3)
        .loss(SgdLoss::KullbackLeibler)
        .biased(false);
    let on_disk = stored(&counts(1.0), folder.path()).unwrap();
    same(
        &sgd.fit(&on_disk).unwrap(),
        &sgd.fit(&counts(1.0)).unwrap(),
        "Kullback-Leibler",
    );
    let on_disk = stored(&counts(-1.0), folder.path()).unwrap();
    let expected = sgd.fit(&counts(-1.0)).unwrap_err().to_string();
    assert_eq!(sgd.fit(&on_disk).unwrap_err().to_string(), expected);
}

#[test]
fn stopping_diverging_and_validation_are_as_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (ratings, aside) = planted::<f64>((120, 90), 1.0, every_tenth);
    let aside = Ratings::from_triplets((120, 90), aside, Duplicates::Error).unwrap();
    let on_disk = stored(&ratings, folder.path()).unwrap();
    let validation = Validation::of(&aside).patience(2);
    let sgd = Sgd::new(8).epochs(30).regularization(0.0).decay(0.0);
    let disk = sgd.fit_with(&on_disk, &mut Run::new().validation(&validation));
    let memory = sgd.fit_with(&ratings, &mut Run::new().validation(&validation));
    let disk = disk.unwrap();
    assert_eq!(disk.report.stop, StopReason::NoImprovement);
    same(&disk, &memory.unwrap(), "validation");

    let wild = Sgd::new(4).epochs(5).learning_rate(40.0);
    assert_eq!(
        wild.fit(&on_disk).unwrap_err().to_string(),
        wild.fit(&ratings).unwrap_err().to_string()
    );
    let halved = wild.on_divergence(OnDivergence::HalveStep);
    let disk = halved.fit(&on_disk).unwrap();
    assert!(!disk.report.notices.is_empty());
    same(&disk, &halved.fit(&ratings).unwrap(), "halved");

    let cancelled = Cancellation::new();
    cancelled.cancel();
    let fit = sgd.fit_with(&on_disk, &mut Run::new().cancellation(&cancelled));
    assert_eq!(fit.unwrap().report.stop, StopReason::Cancelled);
}

#[test]
fn nothing_is_left_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let (ratings, _) = planted::<f32>((60, 50), 1.0, every_tenth);
    let on_disk = stored(&ratings, folder.path()).unwrap();
    Sgd::new(4).fit(&on_disk).unwrap();
    Sgd::new(4).learning_rate(40.0).fit(&on_disk).unwrap_err();
    drop(on_disk);
    assert_eq!(files(), 0);
    let mut broken_off = DiskRatingsWriter::new(folder.path()).unwrap();
    broken_off.push(0, 0, f32::NAN).unwrap_err();
    drop(broken_off);
    assert_eq!(files(), 0);
}

#[test]
fn what_is_rated_twice_is_refused_added_or_replaced_in_the_order_of_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let triplets = [(1, 1, 4.0), (0, 0, 1.0), (1, 1, 2.0), (0, 1, 5.0)];
    let write = |duplicates| {
        let mut writer = DiskRatingsWriter::<f64>::new(folder.path())?.duplicates(duplicates);
        for (row, column, value) in triplets {
            writer.push(row, column, value)?;
        }
        writer.finish()
    };
    assert!(matches!(
        write(Duplicates::Error),
        Err(Error::DuplicateEntry { row: 1, column: 1 })
    ));
    for duplicates in [Duplicates::Sum, Duplicates::Last] {
        let on_disk = write(duplicates).unwrap();
        assert_eq!((on_disk.shape(), on_disk.observed()), ((2, 2), 3));
        let memory = Ratings::from_triplets((2, 2), triplets, duplicates).unwrap();
        same(
            &Sgd::new(2).fit(&on_disk).unwrap(),
            &Sgd::new(2).fit(&memory).unwrap(),
            "duplicates",
        );
    }
    let mut writer = DiskRatingsWriter::new(folder.path())
        .unwrap()
        .duplicates(Duplicates::Sum);
    writer.push(3, 2, f64::MAX).unwrap();
    writer.push(3, 2, f64::MAX).unwrap();
    assert!(matches!(
        writer.finish(),
        Err(Error::NonFinite {
            row: 3,
            column: 2,
            ..
        })
    ));
}

#[test]
fn bad_ratings_and_folders_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let writer = || DiskRatingsWriter::<f32>::new(folder.path()).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        assert!(matches!(
            writer().push(4, 5, bad),
            Err(Error::NonFinite {
                row: 4,
                column: 5,
                ..
            })
        ));
    }
    let mut bounded = writer().shape(2, 3);
    bounded.push(1, 2, 1.0).unwrap();
    for (row, column, expected) in [
        (2, 0, ("row", 2)),
        (0, 3, ("column", 3)),
        (usize::MAX, 0, ("row", 2)),
    ] {
        match bounded.push(row, column, 1.0) {
            Err(Error::IndexOutOfRange {
                axis,
                bound,
                position: 1,
                ..
            }) => assert_eq!((axis, bound), expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(writer().push(u32::MAX as usize, 0, 1.0).is_err());
    assert!(matches!(
        writer().shape(2, 2).finish(),
        Err(Error::EmptyInput { stored: 0, .. })
    ));
    let absent = folder.path().join("absent");
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    for path in [absent, file] {
        match DiskRatingsWriter::<f32>::new(&path) {
            Err(Error::Io { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn rows_and_columns_without_ratings_and_a_single_rating_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let ratings = Ratings::from_triplets((5, 4), [(3, 1, 2.5_f32)], Duplicates::Error).unwrap();
    for sgd in [Sgd::new(2), Sgd::new(2).biased(false)] {
        same(
            &sgd.fit(&stored(&ratings, folder.path()).unwrap()).unwrap(),
            &sgd.fit(&ratings).unwrap(),
            "one rating",
        );
    }
}

/// By row and column, as in memory, with the same range and the same bits of the mean.
#[test]
fn the_ratings_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (ratings, _) = planted::<f32>((300, 200), 1.0, every_tenth);
    let on_disk = stored(&ratings, folder.path()).unwrap();
    let mut visited = Vec::new();
    on_disk
        .for_each(|row, column, value| {
            visited.push((row, column, value));
            Ok(())
        })
        .unwrap();
    assert!(visited.iter().copied().eq(ratings.triplets()));
    let values = || ratings.csr().data().iter().copied();
    let range = (
        values().fold(f32::INFINITY, f32::min),
        values().fold(f32::NEG_INFINITY, f32::max),
    );
    assert_eq!(on_disk.range(), range);
    assert_eq!(on_disk.mean().unwrap(), ratings.mean());
    let mut count = 0;
    let refused = on_disk.for_each(|row, column, _| {
        count += 1;
        Err(Error::DuplicateEntry { row, column })
    });
    assert!(matches!(refused, Err(Error::DuplicateEntry { row: 0, .. })));
    assert_eq!(count, 1);
}
