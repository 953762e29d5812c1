//! The scores of the ranks, and the rank that they speak for.

use std::fmt;

/// How well one rank predicts.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RankScore {
    /// The rank k.
    pub rank: usize,
    /// Repeats done; fewer than asked for if the run was stopped.
    pub repeats: usize,
    /// The error of the entries fitted, mean over the repeats: the root mean squared error, or with the
    /// Kullback-Leibler loss the mean divergence of an entry.
    pub train_error: f64,
    /// The same of the entries held out.
    pub held_out_error: f64,
    /// The standard error of that mean: the deviation between repeats over √repeats.
    pub standard_error: f64,
}

/// The scores of each rank, in the order asked for; [`fmt::Display`] writes them as a table.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RankScores {
    /// How well each rank predicts; never empty.
    pub ranks: Vec<RankScore>,
}

impl RankScores {
    /// The rank with the smallest held-out error, the smaller one on ties.
    #[must_use]
    pub fn best_rank(&self) -> usize {
        self.best().map_or(0, |score| score.rank)
    }

    /// The smallest rank whose held-out error is at most one standard error above the best one: the
    /// simplest of those that the data cannot tell apart (Breiman et al. 1984).
    #[must_use]
    pub fn chosen_rank(&self) -> usize {
        let Some(best) = self.best() else { return 0 };
        let limit = best.held_out_error + best.standard_error;
        self.ranks
            .iter()
            .filter(|score| score.held_out_error <= limit)
            .map(|score| score.rank)
            .min()
            .unwrap_or(best.rank)
    }

    fn best(&self) -> Option<&RankScore> {
        self.ranks.iter().min_by(|a, b| {
            a.held_out_error
                .total_cmp(&b.held_out_error)
                .then(a.rank.cmp(&b.rank))
        })
    }
}

impl fmt::Display for RankScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["train error", "held-out error", "standard error"];
        writeln!(
            f,
            "{:>5} {:>14} {:>15} {:>15}",
            "rank", titles[0], titles[1], titles[2]
        )?;
        for score in &self.ranks {
            writeln!(
                f,
                "{:>5} {:>14.6} {:>15.6} {:>15.6}",
                score.rank, score.train_error, score.held_out_error, score.standard_error
            )?;
        }
        let (best, chosen) = (self.best_rank(), self.chosen_rank());
        write!(f, "best rank: {best}, within one standard error: {chosen}")
    }
}

/// Means and the standard error over the repeats (train error, held-out error) of a rank.
pub(super) fn summarize(rank: usize, scores: &[(f64, f64)]) -> RankScore {
    let count = scores.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| scores.iter().map(of).sum::<f64>() / count;
    let held_out_error = mean(&|score| score.1);
    // Divided by the error, so that the squares of huge errors stay in range.
    let size = if held_out_error > 0.0 {
        held_out_error
    } else {
        1.0
    };
    let squares = mean(&|score| ((score.1 - held_out_error) / size).powi(2));
    // Variance over count − 1, divided by count; unknown (infinite) after a single repeat would choose
    // rank 1 always, so that it counts as none then.
    let standard_error = if scores.len() > 1 {
        size * (squares / (count - 1.0)).sqrt()
    } else {
        0.0
    };
    RankScore {
        rank,
        repeats: scores.len(),
        train_error: mean(&|score| score.0),
        held_out_error,
        standard_error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_standard_error_rule_takes_the_simplest() {
        let score = |rank, held_out_error, standard_error| RankScore {
            rank,
            repeats: 5,
            train_error: 1.0 / rank as f64,
            held_out_error,
            standard_error,
        };
        let ranks = vec![score(4, 1.0, 0.1), score(2, 1.2, 0.3), score(3, 1.1, 0.1)];
        let scores = RankScores { ranks };
        assert_eq!((scores.best_rank(), scores.chosen_rank()), (4, 3));
        let figures = summarize(2, &[(1.0, 2.0), (3.0, 4.0), (5.0, 9.0)]);
        assert_eq!((figures.train_error, figures.held_out_error), (3.0, 5.0));
        // Variance (9 + 1 + 16)/2 = 13.
        assert!((figures.standard_error - (13.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
