//! Evaluations against everything written out: all scores, sorted.

use crate::data::{model, ratings};
use matfact_als::Als;
use matfact_core::ndarray::Array2;
use matfact_core::{
    Duplicates, Error, FactorModel, Factorizer, ObservedEntries, Ratings, Recommend, Scalar,
};
use matfact_eval::{
    Evaluation, KFold, Metric, Split, cross_validate, cross_validate_with, list_value,
};

/// All columns that a row does not have in training, best first.
fn ranked<T: Scalar>(model: &FactorModel<T>, split: &Split<T>, row: usize) -> Vec<u32> {
    let known = split.train.row(row).columns;
    let mut columns: Vec<u32> = (0..split.train.shape().1 as u32)
        .filter(|c| !known.contains(c))
        .collect();
    let score = |c: &u32| model.score_factors().score(row, *c as usize).as_f64();
    columns.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.cmp(b)));
    columns
}

fn lists_agree<T: Scalar>() {
    let whole = ratings::<T>(50, 33);
    let split = Split::leave_out(&whole, 3, 1).unwrap();
    let model = model::<T>(50, 33, 1);
    let metrics = [
        Metric::Ndcg(5),
        Metric::Recall(7),
        Metric::ImplicitPrecision(4),
        Metric::Coverage(2),
        Metric::Gini(2),
        Metric::Novelty(3),
    ];
    let evaluation = Evaluation::new(metrics).relevant_from(3.0);
    let scores = evaluation.of(&model, &split).unwrap();
    let (mut listed, mut novelty, mut users) = (vec![0.0; 33], 0.0, 0.0);
    let mut sums = [(0.0, 0.0); 3];
    for row in 0..50 {
        let entries = split.test.row(row);
        let pairs = entries.columns.iter().zip(entries.values);
        let relevant: Vec<u32> = pairs
            .filter(|(_, v)| v.as_f64() >= 3.0)
            .map(|(c, _)| *c)
            .collect();
        if relevant.is_empty() {
            assert!(!scores[0].rows.contains(&row));
            continue;
        }
        let list = ranked(&model, &split, row);
        users += 1.0;
        for (sum, metric) in sums.iter_mut().zip(metrics) {
            let (value, weight) = list_value(metric, &list, &relevant, 33).unwrap();
            *sum = (sum.0 + weight * value, sum.1 + weight);
        }
        for column in &list[..2] {
            listed[*column as usize] += 1.0;
        }
        for column in &list[..3] {
            let held = (0..50)
                .filter(|r| split.train.row(*r).columns.contains(column))
                .count();
            novelty += (50.0 / held.max(1) as f64).log2() / 3.0;
        }
    }
    for (score, (sum, total)) in scores.iter().zip(sums) {
        assert!((score.value - sum / total).abs() < 1e-12, "{score}");
    }
    let covered = listed.iter().filter(|count| **count > 0.0).count() as f64 / 33.0;
    assert_eq!(scores[3].value, covered);
    // Half the mean difference between all pairs, relative to the mean.
    let mut differences = 0.0;
    for a in &listed {
        for b in &listed {
            differences += (a - b as &f64).abs();
        }
    }
    let gini = differences / (2.0 * 33.0 * listed.iter().sum::<f64>());
    assert!(
        (scores[4].value - gini).abs() < 1e-12,
        "{} {gini}",
        scores[4].value
    );
    assert!((scores[5].value - novelty / users).abs() < 1e-9);
    assert!(scores[3].rows.is_empty() && scores[0].rows.len() == users as usize);
}

#[test]
fn lists_are_those_of_sorting_all_scores() {
    lists_agree::<f32>();
    lists_agree::<f64>();
}

#[test]
fn the_area_is_over_all_columns_that_are_not_in_training() {
    let whole = ratings::<f64>(30, 25);
    let split = Split::leave_out(&whole, 2, 1).unwrap();
    let model = model::<f64>(30, 25, 2);
    let scores = Evaluation::new([Metric::Auc, Metric::Ndcg(3)])
        .of(&model, &split)
        .unwrap();
    let factors = model.score_factors();
    for (row, area) in scores[0].rows.iter().zip(&scores[0].values) {
        let (known, held) = (split.train.row(*row).columns, split.test.row(*row).columns);
        let (mut sum, mut pairs) = (0.0, 0.0);
        for a in held {
            for b in (0..25).filter(|b| !known.contains(b) && !held.contains(b)) {
                let (a, b) = (
                    factors.score(*row, *a as usize),
                    factors.score(*row, b as usize),
                );
                pairs += 1.0;
                sum += if a > b {
                    1.0
                } else {
                    0.5 * f64::from(u8::from(a == b))
                };
            }
        }
        assert!((area - sum / pairs).abs() < 1e-12);
    }
    // The shorter list beside it is not changed by it.
    let alone = Evaluation::new([Metric::Ndcg(3)])
        .of(&model, &split)
        .unwrap();
    assert_eq!(alone[0], scores[1]);
}

#[test]
fn errors_of_ratings_are_within_their_range_unless_told_otherwise() {
    let train =
        Ratings::from_triplets((2, 3), [(0, 0, 1.0), (1, 1, 4.0)], Duplicates::Error).unwrap();
    let test = [(0, 1, 3.0), (0, 2, 2.0), (1, 2, 4.0)];
    let test = Ratings::from_triplets((2, 3), test, Duplicates::Error).unwrap();
    let split = Split { train, test };
    let model = FactorModel::new(
        Array2::from_elem((2, 1), 3.0),
        Array2::from_elem((3, 1), 2.0),
    )
    .unwrap();
    let both = Evaluation::new([Metric::Rmse, Metric::Mae]);
    // Predictions of 6, kept at 4: errors 1, 2 and 0.
    let scores = both.of(&model, &split).unwrap();
    assert!((scores[0].value - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!((scores[1].value - 1.0).abs() < 1e-12);
    assert_eq!(
        (&scores[0].rows[..], &scores[0].weights[..]),
        (&[0, 1][..], &[2.0, 1.0][..])
    );
    // Free: errors 3, 4 and 2.
    let scores = both.clip(false).of(&model, &split).unwrap();
    assert!((scores[0].value - (29.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!((scores[1].value - 3.0).abs() < 1e-12);
}

#[test]
fn sampled_metrics_say_so_and_repeat() {
    let whole = ratings::<f32>(40, 60);
    let split = Split::leave_out(&whole, 1, 1).unwrap();
    let model = model::<f32>(40, 60, 3);
    let metrics = [Metric::HitRate(5), Metric::Auc];
    let full = Evaluation::new(metrics).of(&model, &split).unwrap();
    assert!(full[0].sampled.is_none() && !full[0].to_string().contains("sampled"));
    for negatives in [3, 15, 1000] {
        let sampled = Evaluation::new(metrics).sampled_negatives(negatives, 9);
        let scores = sampled.of(&model, &split).unwrap();
        assert_eq!(scores[0].sampled, Some(negatives));
        assert!(scores[0].to_string().contains("sampled"), "{}", scores[0]);
        assert_eq!(scores, sampled.of(&model, &split).unwrap());
        if negatives == 1000 {
            // That is all there are.
            assert_eq!(
                (&scores[0].values, &scores[1].values),
                (&full[0].values, &full[1].values)
            );
        } else {
            // Fewer rivals: a hit is easier.
            assert!(scores[0].value > full[0].value);
        }
    }
}

#[test]
fn values_do_not_depend_on_threads() {
    let whole = ratings::<f32>(90, 70);
    let split = Split::random(&whole, 0.3, 1).unwrap();
    let model = model::<f32>(90, 70, 4);
    let evaluation = Evaluation::new([Metric::Rmse, Metric::Ndcg(10), Metric::Auc]);
    let scores = [1, 2, 7].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| evaluation.of(&model, &split).unwrap())
    });
    assert!(scores[1] == scores[0] && scores[2] == scores[0]);
}

#[test]
fn cross_validation_fits_without_the_fold_that_it_asks() {
    let whole = ratings::<f64>(40, 30);
    let folds = KFold::new(3).seed(2);
    let evaluation = Evaluation::new([Metric::Rmse, Metric::Recall(5)]);
    let als = Als::new(2);
    let result = cross_validate(&als, &whole, &folds, &evaluation).unwrap();
    assert_eq!(result.metrics().collect::<Vec<_>>(), evaluation.metrics());
    for fold in 0..3 {
        let split = folds.split(&whole, fold).unwrap();
        let model = als.fit(&split.train).unwrap().model;
        assert_eq!(result.folds[fold], evaluation.of(&model, &split).unwrap());
    }
    let values = result.values(Metric::Rmse);
    assert!((result.mean(Metric::Rmse) - values.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    assert!(result.deviation(Metric::Rmse) > 0.0);
    assert!(result.mean(Metric::Mae).is_nan());
    // An error of a fit ends it.
    let error = cross_validate_with(&whole, &folds, &evaluation, |fold, train| match fold {
        1 => Err(Error::EmptyInput {
            rows: 0,
            columns: 0,
            stored: 0,
        }),
        _ => Ok(als.fit(train)?.model),
    });
    assert!(matches!(error, Err(Error::EmptyInput { .. })));
}

#[test]
fn bad_requests_are_refused_by_name() {
    let whole = ratings::<f32>(20, 10);
    let split = Split::random(&whole, 0.3, 1).unwrap();
    let fits = model::<f32>(20, 10, 1);
    let refused = |evaluation: Evaluation, part: &str| {
        let error = evaluation.of(&fits, &split).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(Evaluation::new([]), "at least one");
    refused(Evaluation::new([Metric::Ndcg(0)]), "cut at 1 or more");
    refused(Evaluation::new([Metric::Mae, Metric::Mae]), "given once");
    for metric in [Metric::Coverage(3), Metric::Gini(3), Metric::ImplicitAuc(3)] {
        refused(
            Evaluation::new([metric]).sampled_negatives(5, 0),
            "no columns sampled",
        );
    }
    refused(
        Evaluation::new([Metric::Auc]).sampled_negatives(0, 0),
        "at least 1",
    );
    let other = model::<f32>(20, 11, 1);
    let error = Evaluation::new([Metric::Rmse]).of(&other, &split);
    assert!(matches!(error, Err(Error::ShapeMismatch { .. })));
    let nothing = Split {
        train: whole.clone(),
        test: Ratings::from_triplets((20, 10), [], Duplicates::Error).unwrap(),
    };
    let error = Evaluation::new([Metric::Rmse]).of(&fits, &nothing);
    assert!(matches!(error, Err(Error::EmptyInput { .. })));
    // Nobody has anything relevant: no value, and no panic.
    let none = Evaluation::new([Metric::Ndcg(3)]).relevant_from(99.0);
    let scores = none.of(&fits, &split).unwrap();
    assert!(scores[0].value.is_nan() && scores[0].rows.is_empty());
}
