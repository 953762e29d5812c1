//! What a list is worth, by which a fit may stop.

use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A number that says how good a list of columns (items) is, from 0 to 1, more being better.
///
/// With K the length of the list L, T the relevant columns, and h_i = 1 if the i-th of L is in T, else 0.
/// By name, as in `"ndcg@10"`, they are read with [`str::parse`].
///
/// ```
/// use matfact_core::RankingMetric;
/// let metric: RankingMetric = "ndcg@10".parse()?;
/// assert_eq!((metric, metric.to_string()), (RankingMetric::Ndcg(10), "ndcg@10".to_owned()));
/// assert_eq!(RankingMetric::Precision(2).of_list(&[4, 7], &[7, 9]), 0.5);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RankingMetric {
    /// `precision@K`: Σ h_i / K.
    Precision(usize),
    /// `recall@K`: Σ h_i / min(K, |T|), so that the best list has 1 (Liang et al. 2018).
    Recall(usize),
    /// `ndcg@K`: Σ h_i / log₂(i + 1), divided by the same sum for min(K, |T|) hits at the top
    /// (Järvelin and Kekäläinen 2002, with gains 0 and 1).
    Ndcg(usize),
    /// `map@K`: mean average precision, Σ h_i (h_1 + … + h_i) / i, divided by min(K, |T|).
    Map(usize),
}

impl Default for RankingMetric {
    /// `ndcg@10`.
    fn default() -> Self {
        RankingMetric::Ndcg(10)
    }
}

/// A name, and the metric of lists of a length.
type Named = (&'static str, fn(usize) -> RankingMetric);
const NAMED: [Named; 4] = [
    ("precision", RankingMetric::Precision),
    ("recall", RankingMetric::Recall),
    ("ndcg", RankingMetric::Ndcg),
    ("map", RankingMetric::Map),
];

impl RankingMetric {
    /// The length K of the list.
    #[must_use]
    pub fn cutoff(self) -> usize {
        match self {
            RankingMetric::Precision(k)
            | RankingMetric::Recall(k)
            | RankingMetric::Ndcg(k)
            | RankingMetric::Map(k) => k,
        }
    }

    /// The value of a list, best first, of which the first K count; `relevant` is increasing. 0 without anything
    /// relevant, or with K = 0.
    #[must_use]
    pub fn of_list(self, list: &[u32], relevant: &[u32]) -> f64 {
        let cutoff = self.cutoff();
        let possible = cutoff.min(relevant.len());
        if possible == 0 {
            return 0.0;
        }
        let list = &list[..cutoff.min(list.len())];
        let places = list.iter().enumerate();
        let hits = places
            .filter(|(_, column)| relevant.binary_search(column).is_ok())
            .map(|(place, _)| place);
        let discount = |place: usize| 1.0 / ((place + 2) as f64).log2();
        match self {
            RankingMetric::Precision(_) => hits.count() as f64 / cutoff as f64,
            RankingMetric::Recall(_) => hits.count() as f64 / possible as f64,
            RankingMetric::Ndcg(_) => {
                let ideal: f64 = (0..possible).map(discount).sum();
                hits.map(discount).sum::<f64>() / ideal
            }
            RankingMetric::Map(_) => {
                let precision =
                    |(before, at): (usize, usize)| (before + 1) as f64 / (at + 1) as f64;
                hits.enumerate().map(precision).sum::<f64>() / possible as f64
            }
        }
    }
}

impl fmt::Display for RankingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cutoff = self.cutoff();
        let named = NAMED.iter().find(|(_, metric)| metric(cutoff) == *self);
        f.pad(&format!("{}@{cutoff}", named.map_or("", |(name, _)| name)))
    }
}

impl FromStr for RankingMetric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, cutoff) = text.split_once('@').unwrap_or((text, ""));
        let named = NAMED.iter().find(|(known, _)| *known == name);
        let cutoff = cutoff.parse().ok().filter(|cutoff| *cutoff > 0);
        match (named, cutoff) {
            (Some((_, metric)), Some(cutoff)) => Ok(metric(cutoff)),
            (Some(_), None) => {
                let requirement = format!("given with the length of the list, as {name}@10");
                Err(Error::invalid_parameter(
                    "validation_metric",
                    text,
                    requirement,
                ))
            }
            (None, _) => {
                let names = NAMED.map(|(name, _)| format!("{name}@10")).join(", ");
                let requirement = format!("one of {names}");
                Err(Error::invalid_parameter(
                    "validation_metric",
                    text,
                    requirement,
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_others_refused() {
        for (_, metric) in NAMED {
            let name = metric(7).to_string();
            assert_eq!(name.parse::<RankingMetric>().unwrap(), metric(7));
        }
        for bad in ["ndcg", "ndcg@0", "ndcg@-1", "rmse", "auc@5", ""] {
            let refused = bad.parse::<RankingMetric>().unwrap_err().to_string();
            assert!(refused.contains("@10"), "{refused}");
        }
    }

    #[test]
    fn a_list_is_worth_what_its_hits_are() {
        // Hits at places 2 and 3 of 4, and one of three relevant columns beyond the list.
        let (list, relevant) = ([9, 3, 1, 8, 5], [1, 3, 5]);
        let value = |metric: RankingMetric| metric.of_list(&list, &relevant);
        let discount = |place: f64| 1.0 / (place + 1.0).log2();
        assert_eq!(value(RankingMetric::Precision(4)), 0.5);
        assert_eq!(value(RankingMetric::Recall(4)), 2.0 / 3.0);
        let ideal = discount(1.0) + discount(2.0) + discount(3.0);
        let ndcg = (discount(2.0) + discount(3.0)) / ideal;
        assert!((value(RankingMetric::Ndcg(4)) - ndcg).abs() < 1e-15);
        let map = (1.0 / 2.0 + 2.0 / 3.0) / 3.0;
        assert!((value(RankingMetric::Map(4)) - map).abs() < 1e-15);
        assert_eq!(RankingMetric::Ndcg(10).of_list(&[], &[1]), 0.0);
        assert_eq!(RankingMetric::Recall(0).of_list(&[1], &[1]), 0.0);
        assert_eq!(RankingMetric::Map(3).of_list(&[1], &[]), 0.0);
        assert_eq!(RankingMetric::default().of_list(&[3, 1], &[1, 3]), 1.0);
    }
}
