//! What is asked for, and what is refused.

use super::*;
use crate::random::random_normal;
use matfact_core::ndarray::Array1;
use matfact_core::{Duplicates, FactorModel, Ratings};

fn model<T: Scalar>(rows: usize, columns: usize) -> FactorModel<T> {
    let bias = |length, seed| -> Array1<T> {
        random_normal::<T>((length, 1), seed, 0)
            .column(0)
            .to_owned()
    };
    FactorModel::new(
        random_normal((rows, 4), 1, 0),
        random_normal((columns, 4), 2, 0),
    )
    .unwrap()
    .with_mean(T::one())
    .with_biases(bias(rows, 3), bias(columns, 4))
    .unwrap()
}

fn columns<T>(list: &[Recommendation<T>]) -> Vec<usize> {
    list.iter().map(|entry| entry.column).collect()
}

fn lists_are_those_of_the_plain_method<T: Scalar>() {
    let (rows, all) = (200, 75);
    let model = model::<T>(rows, all);
    let triplets = (0..rows).flat_map(|row| {
        (0..all)
            .step_by(3)
            .map(move |j| (row, (j + row) % all, T::one()))
    });
    let seen = Ratings::from_triplets((rows, all), triplets, Duplicates::Last).unwrap();
    let recommender = Recommender::new(&model);
    let options = RecommendOptions::new().count(7).exclude(&seen);
    let lists = recommender.for_all(&options).unwrap();
    for row in 0..rows {
        let plain = model
            .recommend(row, 7, recommender_seen(&seen, row))
            .unwrap();
        let list: Vec<_> = lists.list(row).collect();
        assert_eq!(columns(&list), columns(&plain));
        for (a, b) in list.iter().zip(&plain) {
            assert!((a.score.as_f64() - b.score.as_f64()).abs() < 1e-4);
        }
        // One at a time: the same to the bit.
        assert_eq!(recommender.for_row(row, &options).unwrap(), list);
    }
}

fn recommender_seen<T: Scalar>(seen: &Ratings<T>, row: usize) -> &[u32] {
    use matfact_core::ObservedEntries;
    seen.row(row).columns
}

#[test]
fn every_row_gets_its_own_list() {
    lists_are_those_of_the_plain_method::<f32>();
    lists_are_those_of_the_plain_method::<f64>();
}

#[test]
fn lists_do_not_depend_on_threads_or_on_who_else_is_asked_for() {
    let model = model::<f32>(300, 90);
    let recommender = Recommender::new(&model);
    let options = RecommendOptions::new().count(60);
    let all = [1, 2, 7].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| recommender.for_all(&options).unwrap())
    });
    assert!(all[1] == all[0] && all[2] == all[0]);
    let some = recommender.for_rows(&[299, 3, 3], &options).unwrap();
    for (position, row) in [299, 3, 3].into_iter().enumerate() {
        assert!(some.list(position).eq(all[0].list(row)));
    }
}

#[test]
fn deny_and_allow_lists_are_kept_to_and_lists_stay_full() {
    let model = model::<f64>(5, 40);
    let recommender = Recommender::new(&model);
    let everything = recommender
        .for_row(2, &RecommendOptions::new().count(99))
        .unwrap();
    assert_eq!(everything.len(), 40);
    let best: Vec<u32> = everything[..10]
        .iter()
        .map(|entry| entry.column as u32)
        .collect();
    let denied = RecommendOptions::new().count(30).deny(&best).deny(&[1000]);
    assert_eq!(recommender.for_row(2, &denied).unwrap(), everything[10..]);
    let mut wanted = best.clone();
    wanted.extend([best[0], 1000, 40]);
    let allowed = RecommendOptions::new().count(30).allow(&wanted);
    assert_eq!(recommender.for_row(2, &allowed).unwrap(), everything[..10]);
    let both = RecommendOptions::new()
        .count(30)
        .allow(&wanted)
        .deny(&best[..4]);
    assert_eq!(recommender.for_row(2, &both).unwrap(), everything[4..10]);
    let nothing = RecommendOptions::new().allow(&[]);
    assert_eq!(recommender.for_row(2, &nothing).unwrap(), []);
    // What is seen is left out of an allow list by its own name.
    let seen =
        Ratings::from_triplets((5, 40), [(2, best[1] as usize, 1.0)], Duplicates::Error).unwrap();
    let options = RecommendOptions::new()
        .count(3)
        .allow(&wanted)
        .exclude(&seen);
    let list = recommender.for_row(2, &options).unwrap();
    assert_eq!(columns(&list)[..2], [best[0] as usize, best[2] as usize]);
    let ranked = recommender.rank(2, &best[3..6]).unwrap();
    assert_eq!(ranked, everything[3..6]);
}

#[test]
fn new_rows_are_asked_for_by_their_factors() {
    let model = model::<f32>(6, 30);
    let recommender = Recommender::new(&model);
    let seen = Ratings::from_triplets((6, 30), [(0, 1, 1.0)], Duplicates::Error).unwrap();
    let options = RecommendOptions::new().count(5).exclude(&seen);
    let folded = recommender
        .for_factors(model.row_factors(), &options)
        .unwrap();
    let plain = RecommendOptions::new().count(5);
    for row in 0..6 {
        let known = recommender.for_row(row, &plain).unwrap();
        let list: Vec<_> = folded.list(row).collect();
        assert_eq!(columns(&list), columns(&known));
    }
    let wrong = Array2::<f32>::default((1, 3));
    assert!(matches!(
        recommender.for_factors(wrong.view(), &plain),
        Err(Error::ShapeMismatch { .. })
    ));
}

#[test]
fn what_is_alike_is_found_by_angle_or_by_product() {
    let model = model::<f64>(20, 50);
    for similarity in [Similarity::Cosine, Similarity::InnerProduct] {
        for (vectors, found) in [
            (
                model.column_factors(),
                Similarities::of_columns(&model, similarity),
            ),
            (
                model.row_factors(),
                Similarities::of_rows(&model, similarity),
            ),
        ] {
            let alike = |a: usize, b: usize| {
                let (a, b) = (vectors.row(a), vectors.row(b));
                let product = a.dot(&b);
                match similarity {
                    Similarity::Cosine => product / (a.dot(&a) * b.dot(&b)).sqrt(),
                    Similarity::InnerProduct => product,
                }
            };
            let mut expected: Vec<usize> =
                (0..vectors.nrows()).filter(|other| *other != 7).collect();
            expected.sort_by(|a, b| alike(7, *b).total_cmp(&alike(7, *a)));
            let list = found.nearest(7, 12).unwrap();
            assert_eq!(columns(&list), expected[..12]);
            assert!((list[0].score - alike(7, expected[0])).abs() < 1e-12);
        }
    }
    // A vector of zeros is like nothing.
    let zeros = Similarities::of_vectors(Array2::<f32>::zeros((3, 2)), Similarity::Cosine);
    let list = zeros.nearest(1, 5).unwrap();
    assert_eq!(columns(&list), [0, 2]);
    assert_eq!(list[0].score, 0.0);
    assert!(zeros.nearest(3, 1).is_err());
}

#[test]
fn buffers_are_filled_to_their_end_or_refused() {
    let model = model::<f32>(4, 3);
    let recommender = Recommender::new(&model);
    let options = RecommendOptions::new().count(5);
    let mut found = Array2::from_elem((2, 5), 77);
    let mut scores = Array2::from_elem((2, 5), 77.0);
    recommender
        .write(&[3, 0], &options, found.view_mut(), scores.view_mut())
        .unwrap();
    assert_eq!(found.column(3).to_vec(), [NO_COLUMN; 2]);
    assert!(scores.column(4).iter().all(|score| score.is_nan()));
    let mut lists = Recommendations::default();
    for rows in [&[0, 1, 2][..], &[3], &[]] {
        recommender
            .for_rows_into(rows, &options, &mut lists)
            .unwrap();
        assert_eq!(
            (lists.len(), lists.is_empty()),
            (rows.len(), rows.is_empty())
        );
    }
    let mut small = Array2::default((2, 4));
    assert!(matches!(
        recommender.write(&[3, 0], &options, small.view_mut(), scores.view_mut()),
        Err(Error::ShapeMismatch { .. })
    ));
    for error in [
        recommender.for_row(4, &options).map(drop),
        recommender.for_rows(&[0, 9], &options).map(drop),
        recommender.rank(0, &[3]).map(drop),
    ] {
        assert!(matches!(error, Err(Error::IndexOutOfRange { .. })));
    }
    let none = RecommendOptions::new().count(0);
    assert_eq!(recommender.for_row(0, &none).unwrap(), []);
}
