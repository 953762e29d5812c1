//! Metrics of one list, against golden values and written out another way.

use crate::data::noise;
use matfact_eval::{Metric, area_under_curve, list_value};
use std::collections::BTreeSet;

/// implicit 0.7.3 on lists of 4 columns: (0, 1, …) and (3, 2, …) against {0, 2} and {1}.
#[test]
fn golden_values_of_implicit() {
    let lists = [[0, 1, 2], [3, 2, 1]];
    let relevant = [&[0, 2][..], &[1][..]];
    for (k, precision, map, ndcg, area) in [
        (2, 1.0 / 3.0, 0.25, 0.306_573_596_4, 0.395_833_333_3),
        (3, 1.0, 0.583_333_333_3, 0.709_860_394_6, 0.541_666_666_7),
    ] {
        for (metric, golden) in [
            (Metric::ImplicitPrecision(k), precision),
            (Metric::Map(k), map),
            (Metric::Ndcg(k), ndcg),
            (Metric::ImplicitAuc(k), area),
        ] {
            let (mut sum, mut total) = (0.0, 0.0);
            for (list, relevant) in lists.iter().zip(relevant) {
                let (value, weight) = list_value(metric, list, relevant, 4).unwrap();
                sum += weight * value;
                total += weight;
            }
            assert!(
                (sum / total - golden).abs() < 1e-9,
                "{metric}: {}",
                sum / total
            );
        }
    }
}

/// Each definition once more, by sets and loops.
fn reference(metric: Metric, list: &[u32], relevant: &BTreeSet<u32>) -> f64 {
    let k = metric.cutoff().unwrap();
    let gains: Vec<f64> = (0..k)
        .map(|i| list.get(i).is_some_and(|c| relevant.contains(c)) as u8 as f64)
        .collect();
    let hits: f64 = gains.iter().sum();
    let dcg = |gains: &[f64]| {
        let mut sum = 0.0;
        for (i, gain) in gains.iter().enumerate() {
            sum += gain * std::f64::consts::LN_2 / (i as f64 + 2.0).ln();
        }
        sum
    };
    let mut ideal = vec![0.0; k];
    ideal
        .iter_mut()
        .take(relevant.len())
        .for_each(|gain| *gain = 1.0);
    match metric {
        Metric::Precision(_) => hits / k as f64,
        Metric::Recall(_) => hits / ideal.iter().sum::<f64>(),
        Metric::RecallOfAll(_) => hits / relevant.len() as f64,
        Metric::Ndcg(_) => dcg(&gains) / dcg(&ideal),
        Metric::Map(_) => {
            let mut sum = 0.0;
            for i in 0..k {
                sum += gains[i] * gains[..=i].iter().sum::<f64>() / (i as f64 + 1.0);
            }
            sum / ideal.iter().sum::<f64>()
        }
        Metric::Mrr(_) => {
            let first = gains.iter().position(|gain| *gain == 1.0);
            first.map_or(0.0, |i| 1.0 / (i as f64 + 1.0))
        }
        Metric::HitRate(_) => hits.min(1.0),
        _ => unreachable!(),
    }
}

#[test]
fn every_metric_is_its_definition() {
    let all: [fn(usize) -> Metric; 7] = [
        Metric::Precision,
        Metric::Recall,
        Metric::RecallOfAll,
        Metric::Ndcg,
        Metric::Map,
        Metric::Mrr,
        Metric::HitRate,
    ];
    let mut apart = 0;
    for case in 0..60 {
        let mut columns: Vec<u32> = (0..12).collect();
        columns.sort_by(|a, b| noise(case, *a as usize).total_cmp(&noise(case, *b as usize)));
        // Shorter than the cutoff at times.
        let list = &columns[..4 + case % 8];
        let share = 0.1 + 0.1 * (case % 5) as f64;
        let mut relevant: BTreeSet<u32> = (0..12)
            .filter(|c| noise(case + 99, *c as usize) < share)
            .collect();
        relevant.insert((case % 12) as u32);
        let sorted: Vec<u32> = relevant.iter().copied().collect();
        for k in [1, 3, 10] {
            for metric in all.map(|metric| metric(k)) {
                let (value, weight) = list_value(metric, list, &sorted, 12).unwrap();
                let expected = reference(metric, list, &relevant);
                assert!(
                    (value - expected).abs() < 1e-12,
                    "{metric} {value} {expected}"
                );
                assert!((0.0..=1.0).contains(&value) && weight == 1.0);
                apart += usize::from(value > 0.0 && value < 1.0);
            }
        }
    }
    assert!(apart > 300, "{apart}");
}

#[test]
fn without_anything_relevant_there_is_no_value() {
    assert_eq!(list_value(Metric::Ndcg(3), &[1, 2], &[], 5), None);
    assert_eq!(list_value(Metric::Rmse, &[1, 2], &[1], 5), None);
}

#[test]
fn the_area_counts_pairs_and_half_of_those_that_tie() {
    for case in 0..40 {
        // Few scores, so that many tie.
        let mut ranked: Vec<(u32, f64)> = (0..15)
            .map(|c| (c, (noise(case, c as usize) * 4.0).floor()))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let relevant: Vec<u32> = (0..15)
            .filter(|c| noise(case + 7, *c as usize) < 0.3)
            .collect();
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (a, score) in &ranked {
            for (b, other) in &ranked {
                if relevant.contains(a) && !relevant.contains(b) {
                    pairs += 1.0;
                    sum += if score > other {
                        1.0
                    } else {
                        0.5 * f64::from(u8::from(score == other))
                    };
                }
            }
        }
        let area = area_under_curve(ranked.iter().copied(), &relevant, (0, 0));
        match area {
            Some(area) => assert!((area - sum / pairs).abs() < 1e-12, "{area} {}", sum / pairs),
            None => assert_eq!(pairs, 0.0),
        }
    }
    // One positive and one negative without a score: a tie in the last place.
    let area = area_under_curve([(1, 2.0_f32)].into_iter(), &[0], (1, 1)).unwrap();
    assert!((area - 0.25).abs() < 1e-12);
}

#[test]
fn metrics_are_read_by_the_names_that_they_write() {
    for name in [
        "rmse",
        "mae",
        "auc",
        "precision@3",
        "recall@20",
        "recall-of-all@5",
        "ndcg@10",
        "map@10",
        "mrr@1",
        "hit-rate@2",
        "implicit-precision@10",
        "implicit-auc@10",
        "coverage@10",
        "novelty@10",
        "gini@10",
    ] {
        assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
    }
    for (bad, part) in [
        ("ndcg", "ndcg@10"),
        ("ndcg@0", "ndcg@10"),
        ("ndcg@ten", "ndcg@10"),
        ("rmse@10", "one of rmse"),
        ("accuracy", "one of rmse"),
        ("", "one of rmse"),
    ] {
        let error = bad.parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(format!("{:>10}|", Metric::Rmse), "      rmse|");
}
