//! Against scores one by one, sorted.

use super::panels::Panels;
use super::{NONE, Unwanted, best_products};
use crate::random::random_normal;
use crate::simd::Simd;
use crate::top::best::{Best, Names};
use crate::top::panels::GROUP;
use crate::top::reach::Reach;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Recommendation, Scalar};

/// Integers, so that every order of a sum gives the same bits, and many scores tie.
fn integers<T: Scalar>(shape: (usize, usize), seed: u64) -> Array2<T> {
    random_normal::<T>(shape, seed, 0).mapv(|value| (value + value).round())
}

fn reference<T: Scalar>(
    query: &[T],
    targets: &Array2<T>,
    constants: &Array1<T>,
    unwanted: &[u32],
    count: usize,
) -> Vec<(u32, T)> {
    let mut all: Vec<_> = (0..targets.nrows())
        .filter(|column| !unwanted.contains(&(*column as u32)))
        .map(|column| {
            let products = targets.row(column).into_iter().zip(query);
            let score = products.fold(constants[column], |sum, (a, b)| sum + *a * *b);
            Recommendation { column, score }
        })
        .collect();
    all.sort_by(Recommendation::best_first);
    all.truncate(count);
    all.into_iter()
        .map(|r| (r.column as u32, r.score))
        .collect()
}

fn agrees_with_sorting_everything<T: Scalar>() {
    for (queries, targets, rank) in [(1, 1, 1), (7, 40, 3), (13, 333, 5), (100, 17, 8), (3, 5, 0)] {
        let q = integers::<T>((queries, rank), 1);
        let t = integers::<T>((targets, rank), 2);
        let constants = integers::<T>((targets, 1), 3).column(0).to_owned();
        let plain = Panels::new(t.view(), Some(constants.view()), None);
        let sorted = Panels::by_length(t.view(), Some(constants.view()));
        let seen: Vec<Vec<u32>> = (0..queries)
            .map(|query| {
                (0..targets as u32)
                    .filter(|t| (t + query as u32).is_multiple_of(3))
                    .collect()
            })
            .collect();
        let counts = [0, 1, 2, 10, 60, 400];
        for (count, panels) in counts.iter().flat_map(|n| [(*n, &plain), (*n, &sorted)]) {
            let mut names = Array2::default((queries, count));
            let mut scores = Array2::default((queries, count));
            best_products(
                q.view(),
                |_| T::zero(),
                panels,
                |query| Unwanted {
                    listed: &seen[query],
                    denied: None,
                },
                names.view_mut(),
                scores.view_mut(),
            );
            for query in 0..queries {
                let row: Vec<T> = q.row(query).to_vec();
                let expected = reference(&row, &t, &constants, &seen[query], count);
                for place in 0..count {
                    let given = (names[[query, place]], scores[[query, place]]);
                    match expected.get(place) {
                        Some(entry) => assert_eq!(given, *entry, "{queries} x {targets}, {query}"),
                        None => assert!(given.0 == NONE && given.1.is_nan()),
                    }
                }
            }
        }
    }
}

#[test]
fn lists_are_those_of_sorting_everything() {
    agrees_with_sorting_everything::<f32>();
    agrees_with_sorting_everything::<f64>();
}

#[test]
fn what_is_not_a_number_never_wins() {
    let targets = matfact_core::ndarray::array![[f32::NAN], [1.0], [f32::NEG_INFINITY], [2.0]];
    let panels = Panels::new(targets.view(), None, None);
    let queries = Array2::from_elem((1, 1), 1.0_f32);
    let (mut names, mut scores) = (Array2::default((1, 4)), Array2::default((1, 4)));
    let nothing = |_| Unwanted::default();
    best_products(
        queries.view(),
        |_| 0.0,
        &panels,
        nothing,
        names.view_mut(),
        scores.view_mut(),
    );
    assert_eq!(names.row(0).to_vec(), [3, 1, NONE, NONE]);
}

/// Lengths that fall as in factors that least squares gives, and targets of no length at all.
fn falling<T: Scalar>(shape: (usize, usize), seed: u64) -> Array2<T> {
    let mut targets = random_normal::<T>(shape, seed, 0);
    for (target, mut row) in targets.rows_mut().into_iter().enumerate() {
        let place = target * 7919 % shape.0;
        let length = if place.is_multiple_of(9) {
            0.0
        } else {
            1.0 / (1.0 + place as f64)
        };
        row.mapv_inplace(|value| T::from_f64(value.as_f64() * length));
    }
    targets
}

/// The same columns and the same bits of the scores, though most targets are never looked at.
fn stopping_early_changes_nothing<T: Scalar>() {
    let (queries, targets, rank) = (50, 3000, 6);
    let mut q = random_normal::<T>((queries, rank), 1, 0);
    q.row_mut(3).fill(T::zero());
    let t = falling::<T>((targets, rank), 2);
    let offsets = random_normal::<T>((queries, 1), 4, 0);
    let constants = random_normal::<T>((targets, 1), 3, 0)
        .column(0)
        .mapv(|c| c * T::from_f64(0.01));
    let denied: Vec<bool> = (0..targets).map(|target| target % 11 == 0).collect();
    let seen: Vec<u32> = (0..targets as u32).step_by(3).collect();
    for constants in [None, Some(constants.view())] {
        for count in [1, 10, 100] {
            let lists = |panels: &Panels<T>| {
                let mut names = Array2::default((queries, count));
                let mut scores = Array2::default((queries, count));
                best_products(
                    q.view(),
                    |query| offsets[[query, 0]],
                    panels,
                    |query| Unwanted {
                        listed: &seen[query..],
                        denied: Some(&denied),
                    },
                    names.view_mut(),
                    scores.view_mut(),
                );
                (names, scores)
            };
            let plain = lists(&Panels::new(t.view(), constants, None));
            assert_eq!(lists(&Panels::by_length(t.view(), constants)), plain);
        }
    }
}

#[test]
fn stopping_early_gives_the_same_lists() {
    stopping_early_changes_nothing::<f32>();
    stopping_early_changes_nothing::<f64>();
}

#[test]
fn what_is_too_short_to_reach_the_list_is_left_out() {
    let targets = falling::<f32>((3200, 4), 5);
    let (reach, order) = Reach::new(targets.view(), None, 16);
    let length = |target: u32| {
        let row = targets.row(target as usize);
        row.iter().map(|v| v.as_f64().powi(2)).sum::<f64>().sqrt()
    };
    assert!(
        order
            .windows(2)
            .all(|pair| length(pair[0]) >= length(pair[1]))
    );
    let of_tenth = length(order[160]);
    assert!(reach.reaches(10, (2.0, 0.5), 0.5 + 2.0 * of_tenth));
    assert!(!reach.reaches(10, (2.0, 0.5), 0.5 + 2.001 * of_tenth));
    assert!(!reach.reaches(199, (2.0, 0.0), 1e-4));
    // What is unknown never stops a query.
    assert!(reach.reaches(199, (f64::NAN, 0.0), 1e9));
    assert!(reach.reaches(199, (f64::INFINITY, 0.0), 1e9));
    let missing = matfact_core::ndarray::array![[f32::NAN], [3.0], [f32::INFINITY]];
    assert_eq!(Reach::new(missing.view(), None, 16).1, [2, 1, 0]);
}

/// Every instruction set finds the same lists; the last bits of scores may differ.
#[test]
fn every_instruction_set_gives_the_same_lists() {
    let q = integers::<f32>((GROUP, 9), 4);
    let t = integers::<f32>((100, 9), 5);
    let panels = Panels::new(t.view(), None, None);
    let mut interleaved = vec![0.0; GROUP * 9];
    for query in 0..GROUP {
        for component in 0..9 {
            interleaved[component * GROUP + query] = q[[query, component]];
        }
    }
    let mut found = Simd::available().into_iter().map(|simd| {
        let mut best = vec![Best::new(7, Unwanted::default(), Names::Positions); GROUP];
        panels.offer_all(simd, &interleaved, &[0.5; GROUP], &mut best);
        best.iter_mut()
            .map(|best| best.finish().to_vec())
            .collect::<Vec<_>>()
    });
    let first = found.next().unwrap();
    assert!(found.all(|lists| lists == first));
}
