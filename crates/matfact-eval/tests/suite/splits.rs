//! Splits: nothing lost, nothing twice, as much as was asked for.

use crate::data::ratings;
use matfact_core::{Duplicates, Error, ObservedEntries, Ratings, Scalar};
use matfact_eval::{KFold, Split};
use std::collections::BTreeMap;

type Entries<T> = BTreeMap<(usize, usize), T>;

fn entries<T: Scalar>(ratings: &Ratings<T>) -> Entries<T> {
    ratings.triplets().map(|(i, j, v)| ((i, j), v)).collect()
}

/// Both parts together are the whole.
fn check<T: Scalar>(whole: &Ratings<T>, split: &Split<T>) {
    assert_eq!(split.train.shape(), whole.shape());
    assert_eq!(split.test.shape(), whole.shape());
    let mut all = entries(&split.train);
    all.append(&mut entries(&split.test));
    assert_eq!(all, entries(whole));
    assert_eq!(
        split.train.observed() + split.test.observed(),
        whole.observed()
    );
}

fn all_splits<T: Scalar>(whole: &Ratings<T>, seed: u64) -> Vec<Split<T>> {
    let ids = |count: usize| (0..count as u64).map(|id| 3 * id + 1).collect::<Vec<_>>();
    let (rows, columns) = whole.shape();
    let times: Vec<i64> = (0..whole.observed() as i64)
        .map(|t| t * 7919 % 1000)
        .collect();
    vec![
        Split::random(whole, 0.25, seed).unwrap(),
        Split::leave_out(whole, 2, seed).unwrap(),
        Split::by_share(whole, 0.3, seed).unwrap(),
        Split::by_hash(whole, 5, &ids(rows), &ids(columns)).unwrap(),
        Split::of_rows(whole, 0.25, seed).unwrap(),
        Split::by_time(whole, &times, 800).unwrap(),
        Split::latest(whole, &times, 1).unwrap(),
        KFold::new(4).seed(seed).split(whole, 1).unwrap(),
    ]
}

#[test]
fn every_split_parts_the_whole_alike_each_time() {
    let single = ratings::<f32>(40, 30);
    let double = ratings::<f64>(40, 30);
    let splits = all_splits(&single, 1);
    for (at, split) in splits.iter().enumerate() {
        check(&single, split);
        assert!(split.test.observed() > 0, "split {at}");
    }
    assert_eq!(splits, all_splits(&single, 1));
    for (a, b) in splits.iter().zip(all_splits(&double, 1)) {
        assert!(entries(&a.test).keys().eq(entries(&b.test).keys()));
    }
    let other = all_splits(&single, 2);
    for at in [0, 1, 2, 4, 7] {
        assert_ne!(
            splits[at], other[at],
            "split {at} does not depend on the seed"
        );
    }
}

#[test]
fn each_split_holds_out_what_it_says() {
    let whole = ratings::<f64>(60, 40);
    let count = |ratings: &Ratings<f64>, row| ratings.row(row).columns.len();
    let random = Split::random(&whole, 0.25, 3).unwrap();
    let share = random.test.observed() as f64 / whole.observed() as f64;
    assert!((0.2..0.3).contains(&share), "{share}");
    let left = Split::leave_out(&whole, 2, 3).unwrap();
    let shared = Split::by_share(&whole, 0.3, 3).unwrap();
    let of_rows = Split::of_rows(&whole, 0.25, 3).unwrap();
    let mut strangers = 0;
    for row in 0..60 {
        let all = count(&whole, row);
        assert_eq!(count(&left.test, row), if all > 2 { 2 } else { 0 });
        assert_eq!(count(&shared.test, row), (0.3 * all as f64) as usize);
        let held = count(&of_rows.test, row);
        assert!(held == 0 || held == all, "{held} of {all}");
        strangers += usize::from(held > 0);
    }
    assert!((7..24).contains(&strangers), "{strangers}");
}

#[test]
fn time_decides_where_it_is_asked_to() {
    let triplets = [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0), (1, 0, 4.0)];
    let whole = Ratings::from_triplets((2, 3), triplets, Duplicates::Error).unwrap();
    let times = [30, 10, 30, 20];
    let later = Split::by_time(&whole, &times, 20).unwrap().test;
    assert_eq!(
        entries(&later).into_keys().collect::<Vec<_>>(),
        [(0, 0), (0, 2)]
    );
    // A user of one entry keeps it; of equal times the higher column is the later.
    let latest = Split::latest(&whole, &times, 1).unwrap().test;
    assert_eq!(entries(&latest).into_keys().collect::<Vec<_>>(), [(0, 2)]);
}

/// splitmix64 worked out apart from this crate, by Python's integers, for user 196: items 242, 302, 377, 51, 346.
#[test]
fn the_hash_split_is_that_of_any_language() {
    let items = [242_u64, 302, 377, 51, 346];
    let triplets = (0..5).map(|column| (0, column, 1.0_f32));
    let whole = Ratings::from_triplets((1, 5), triplets, Duplicates::Error).unwrap();
    let split = Split::by_hash(&whole, 5, &[196], &items).unwrap();
    assert_eq!(
        entries(&split.test).into_keys().collect::<Vec<_>>(),
        [(0, 3)]
    );
    // Four entries are too few for one in five.
    let few =
        Ratings::from_triplets((1, 5), [(0, 1, 1.0), (0, 2, 1.0)], Duplicates::Error).unwrap();
    assert_eq!(
        Split::by_hash(&few, 5, &[196], &items)
            .unwrap()
            .test
            .observed(),
        0
    );
}

#[test]
fn folds_are_even_and_hold_everything_out_once() {
    let whole = ratings::<f32>(23, 17);
    for folds in [2, 3, 7] {
        let all = KFold::new(folds).seed(5);
        let parts: Vec<_> = (0..folds).map(|f| all.split(&whole, f).unwrap()).collect();
        parts.iter().for_each(|split| check(&whole, split));
        let mut together = Entries::new();
        for split in &parts {
            let size = split.test.observed();
            assert!((whole.observed() / folds..=whole.observed() / folds + 1).contains(&size));
            together.append(&mut entries(&split.test));
        }
        assert_eq!(together, entries(&whole));
    }
}

#[test]
fn weights_go_with_their_entries() {
    let whole = ratings::<f64>(20, 15);
    let weights: Vec<f64> = (0..whole.observed()).map(|at| at as f64).collect();
    let by_place: BTreeMap<_, _> = entries(&whole).into_keys().zip(weights.clone()).collect();
    let split = Split::random(&whole.with_weights(weights).unwrap(), 0.4, 1).unwrap();
    for part in [&split.train, &split.test] {
        for row in 0..20 {
            let columns = part.row(row).columns.iter();
            for (column, weight) in columns.zip(part.weights(row).unwrap()) {
                assert_eq!(by_place[&(row, *column as usize)], *weight);
            }
        }
    }
}

#[test]
fn what_cannot_be_split_is_refused_by_name() {
    let whole = ratings::<f32>(5, 6);
    let (rows, columns) = (vec![0; 5], vec![0; 6]);
    let named = |split: matfact_core::Result<Split<f32>>, part: &str| {
        let error = split.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    };
    for share in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        named(Split::random(&whole, share, 0), "share");
        named(Split::by_share(&whole, share, 0), "share");
        named(Split::of_rows(&whole, share, 0), "share");
    }
    named(Split::leave_out(&whole, 0, 0), "count");
    named(
        Split::latest(&whole, &vec![0; whole.observed()], 0),
        "count",
    );
    named(Split::latest(&whole, &[1], 1), "times");
    named(Split::by_time(&whole, &[1], 1), "times");
    named(
        Split::by_time(&whole, &vec![5; whole.observed()], 1),
        "nothing to learn from",
    );
    named(Split::by_hash(&whole, 1, &rows, &columns), "one_in");
    named(
        Split::by_hash(&whole, 5, &rows[..4], &columns),
        "number of ids",
    );
    named(Split::from_choice(&whole, &[true]), "marks");
    named(KFold::new(1).split(&whole, 0), "folds");
    named(KFold::new(10_000).split(&whole, 0), "folds");
    named(KFold::new(2).split(&whole, 2), "fold");
    let empty = Ratings::<f32>::from_triplets((3, 3), [], Duplicates::Error).unwrap();
    assert!(matches!(
        Split::random(&empty, 0.5, 0),
        Err(Error::InvalidParameter { .. })
    ));
}
