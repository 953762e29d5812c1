//! The metrics of one row's list.

use crate::Metric;
use matfact_core::{RankingMetric, Scalar};

/// A [`Metric`] of one list against the relevant columns, and how much it counts in the mean: 1, but for
/// [`Metric::ImplicitPrecision`] min(K, |T|).
///
/// `list` is best first and cut at K here; `relevant` is increasing; `columns` is the number of all
/// columns, which [`Metric::ImplicitAuc`] needs. `None` for metrics that are not of one list, or without
/// anything relevant.
///
/// ```
/// use matfact_eval::{Metric, list_value};
/// let (value, weight) = list_value(Metric::Precision(2), &[4, 7], &[7, 9], 10).expect("of a list");
/// assert_eq!((value, weight), (0.5, 1.0));
/// ```
#[must_use]
pub fn list_value(
    metric: Metric,
    list: &[u32],
    relevant: &[u32],
    columns: usize,
) -> Option<(f64, f64)> {
    let cutoff = metric.cutoff()?;
    if relevant.is_empty() {
        return None;
    }
    let list = &list[..cutoff.min(list.len())];
    // One definition for evaluating and for stopping early.
    let ranking = match metric {
        Metric::Precision(k) => Some(RankingMetric::Precision(k)),
        Metric::Recall(k) => Some(RankingMetric::Recall(k)),
        Metric::Ndcg(k) => Some(RankingMetric::Ndcg(k)),
        Metric::Map(k) => Some(RankingMetric::Map(k)),
        _ => None,
    };
    if let Some(metric) = ranking {
        return Some((metric.of_list(list, relevant), 1.0));
    }
    let hits = || {
        let hit = |column: &u32| relevant.binary_search(column).is_ok();
        list.iter()
            .enumerate()
            .filter(move |(_, c)| hit(c))
            .map(|(place, _)| place)
    };
    let found = hits().count() as f64;
    let possible = cutoff.min(relevant.len()) as f64;
    let value = match metric {
        Metric::RecallOfAll(_) => found / relevant.len() as f64,
        Metric::Mrr(_) => hits().next().map_or(0.0, |place| 1.0 / (place + 1) as f64),
        Metric::HitRate(_) => f64::from(u8::from(found > 0.0)),
        Metric::ImplicitPrecision(_) => return Some((found / possible, possible)),
        Metric::ImplicitAuc(_) => area_as_implicit(list, relevant, columns)?,
        _ => return None,
    };
    Some((value, 1.0))
}

fn area_as_implicit(list: &[u32], relevant: &[u32], columns: usize) -> Option<f64> {
    let positives = relevant.len() as f64;
    let negatives = columns.saturating_sub(relevant.len()) as f64;
    let (mut hits, mut misses, mut area) = (0.0, 0.0, 0.0);
    for column in list {
        if relevant.binary_search(column).is_ok() {
            hits += 1.0;
        } else {
            misses += 1.0;
            area += hits;
        }
    }
    area += (hits + positives) / 2.0 * (negatives - misses);
    (negatives > 0.0).then_some(area / (positives * negatives))
}

/// [`Metric::Auc`] of one row: from all columns that count, best first with their scores, of which `relevant`
/// (increasing) are the positive ones. `None` if all of them are positive, or none.
///
/// `unranked` is how many columns are not listed because their scores are no numbers, positive and
/// negative ones: they share the last place.
#[must_use]
pub fn area_under_curve<T: Scalar>(
    ranked: impl Iterator<Item = (u32, T)>,
    relevant: &[u32],
    unranked: (usize, usize),
) -> Option<f64> {
    let (mut better_positives, mut positives, mut negatives) = (0.0, 0.0, 0.0);
    let mut area = 0.0;
    let mut tied: (Option<T>, f64, f64) = (None, 0.0, 0.0);
    let mut close = |(_, tied_positives, tied_negatives): (Option<T>, f64, f64)| {
        area += tied_negatives * (better_positives + tied_positives / 2.0);
        better_positives += tied_positives;
        positives += tied_positives;
        negatives += tied_negatives;
    };
    for (column, score) in ranked {
        if tied.0 != Some(score) {
            close(tied);
            tied = (Some(score), 0.0, 0.0);
        }
        match relevant.binary_search(&column) {
            Ok(_) => tied.1 += 1.0,
            Err(_) => tied.2 += 1.0,
        }
    }
    close(tied);
    close((None, unranked.0 as f64, unranked.1 as f64));
    (positives * negatives > 0.0).then(|| area / (positives * negatives))
}
