//! The metrics and their definitions.

use matfact_core::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A number that says how good a model is.
///
/// Of ratings, over all held-out entries, with the prediction x̂ kept in the range of the training
/// ratings: [`Metric::Rmse`], [`Metric::Mae`].
///
/// Of lists, with K the cutoff. For each row (user) with held-out entries, L is the list of the best K
/// columns (items) that the row does not have in training, T the held-out columns that are relevant and
/// not in training, and h_i is 1 if the i-th of L is in T, else 0; rows with an empty T do not count. A
/// metric of lists is the mean over rows unless it says otherwise.
///
/// By name, as in `"ndcg@10"`, they are read with [`str::parse`].
///
/// ```
/// use matfact_eval::Metric;
/// assert_eq!("ndcg@10".parse::<Metric>()?, Metric::Ndcg(10));
/// assert_eq!(Metric::Recall(20).to_string(), "recall@20");
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Metric {
    /// `rmse`: root mean square error, √(Σ (x̂ − x)² / count).
    Rmse,
    /// `mae`: mean absolute error, Σ |x̂ − x| / count.
    Mae,
    /// `precision@K`: Σ h_i / K.
    Precision(usize),
    /// `recall@K`: Σ h_i / min(K, |T|), so that the best list has 1 (Liang et al. 2018).
    Recall(usize),
    /// `recall-of-all@K`: Σ h_i / |T|, the textbook's recall.
    RecallOfAll(usize),
    /// `ndcg@K`: Σ h_i / log₂(i + 1), divided by the same sum for min(K, |T|) hits at the top
    /// (Järvelin and Kekäläinen 2002, with gains 0 and 1). Equal to implicit's.
    Ndcg(usize),
    /// `map@K`: mean average precision, Σ h_i (h_1 + … + h_i) / i, divided by min(K, |T|). Equal to
    /// implicit's.
    Map(usize),
    /// `mrr@K`: mean reciprocal rank, 1 / i of the first hit, 0 without one.
    Mrr(usize),
    /// `hit-rate@K`: 1 if there is a hit, else 0.
    HitRate(usize),
    /// `auc`: the share of pairs of a column in T and one that is neither in T nor in training, whose
    /// first has the higher score; equal scores count ½.
    Auc,
    /// `implicit-precision@K`: Σ h_i summed over rows, divided by Σ min(K, |T|): what implicit calls
    /// precision.
    ImplicitPrecision(usize),
    /// `implicit-auc@K`: the area under the curve from the list alone, as implicit has it: columns
    /// outside the list are taken to lie between (hits + |T|) / 2 of T and the rest.
    ImplicitAuc(usize),
    /// `coverage@K`: the share of all columns that are in a list at all. Not a mean over rows.
    Coverage(usize),
    /// `novelty@K`: the mean of −log₂(count_j / m) over a list, with the number count_j of m rows that
    /// have the column in training; a column that none has counts as if one had (Zhou et al. 2010).
    Novelty(usize),
    /// `gini@K`: how unequally often columns are in lists, from 0 (all alike) to 1 (one alone):
    /// Σ (2 j − n − 1) f_j / (n Σ f) of the frequencies f in increasing order. Not a mean over rows.
    Gini(usize),
}

/// The names of metrics without and with a cutoff.
const PLAIN: [(&str, Metric); 3] = [
    ("rmse", Metric::Rmse),
    ("mae", Metric::Mae),
    ("auc", Metric::Auc),
];
type WithCutoff = (&'static str, fn(usize) -> Metric);
const CUT: [WithCutoff; 12] = [
    ("precision", Metric::Precision),
    ("recall", Metric::Recall),
    ("recall-of-all", Metric::RecallOfAll),
    ("ndcg", Metric::Ndcg),
    ("map", Metric::Map),
    ("mrr", Metric::Mrr),
    ("hit-rate", Metric::HitRate),
    ("implicit-precision", Metric::ImplicitPrecision),
    ("implicit-auc", Metric::ImplicitAuc),
    ("coverage", Metric::Coverage),
    ("novelty", Metric::Novelty),
    ("gini", Metric::Gini),
];

impl Metric {
    /// The cutoff K, for metrics that have one.
    #[must_use]
    pub fn cutoff(self) -> Option<usize> {
        match self {
            Metric::Rmse | Metric::Mae | Metric::Auc => None,
            Metric::Precision(k)
            | Metric::Recall(k)
            | Metric::RecallOfAll(k)
            | Metric::Ndcg(k)
            | Metric::Map(k)
            | Metric::Mrr(k)
            | Metric::HitRate(k)
            | Metric::ImplicitPrecision(k)
            | Metric::ImplicitAuc(k)
            | Metric::Coverage(k)
            | Metric::Novelty(k)
            | Metric::Gini(k) => Some(k),
        }
    }

    /// Whether a larger value is better; errors and inequality are better small.
    #[must_use]
    pub fn larger_is_better(self) -> bool {
        !matches!(self, Metric::Rmse | Metric::Mae | Metric::Gini(_))
    }

    /// Whether it is of predicted ratings, not of lists.
    #[must_use]
    pub fn is_of_ratings(self) -> bool {
        matches!(self, Metric::Rmse | Metric::Mae)
    }

    /// Whether it is of all lists together, so that there are no values of single rows.
    #[must_use]
    pub fn is_of_all_lists(self) -> bool {
        matches!(self, Metric::Coverage(_) | Metric::Gini(_))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cutoff() {
            None => {
                let named = PLAIN.iter().find(|(_, metric)| metric == self);
                f.pad(named.map_or("", |(name, _)| name))
            }
            Some(k) => {
                let named = CUT.iter().find(|(_, metric)| metric(k) == *self);
                f.pad(&format!("{}@{k}", named.map_or("", |(name, _)| name)))
            }
        }
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, cutoff) = match text.split_once('@') {
            Some((name, cutoff)) => (name, cutoff.parse().ok().filter(|k| *k > 0)),
            None => (text, None),
        };
        let plain = PLAIN.iter().find(|(known, _)| *known == text);
        let cut = CUT.iter().find(|(known, _)| *known == name);
        match (plain, cut, cutoff) {
            (Some((_, metric)), _, _) => Ok(*metric),
            (_, Some((_, metric)), Some(cutoff)) => Ok(metric(cutoff)),
            (_, Some(_), None) => {
                let requirement = format!("given with the length of the list, as {name}@10");
                Err(Error::invalid_parameter("metrics", text, requirement))
            }
            _ => {
                let plain = PLAIN.iter().map(|(name, _)| (*name).to_owned());
                let cut = CUT.iter().map(|(name, _)| format!("{name}@10"));
                let names: Vec<String> = plain.chain(cut).collect();
                let requirement = format!("one of {}", names.join(", "));
                Err(Error::invalid_parameter("metrics", text, requirement))
            }
        }
    }
}
