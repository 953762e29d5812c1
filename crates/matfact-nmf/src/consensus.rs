//! How many components? Consensus over restarts (Brunet et al. 2004).
//!
//! Each restart sorts the rows of X into k clusters: row i goes to the component t with the largest part
//! w_it·Σ_j h_tj of it. The connectivity C_ij of two rows is 1 where they share a cluster; its mean C̄ over
//! the restarts is the consensus. Where k suits the data, all restarts agree, and C̄ holds zeros and ones:
//!
//! - *cophenetic correlation*: that of 1 − C̄ with the heights at which rows meet in its tree of average
//!   linkage; 1 for perfect consensus;
//! - *dispersion* (Kim and Park 2007): the mean of 4 (C̄_ij − ½)² over all i, j; 1 for perfect consensus,
//!   0 where every C̄_ij is ½.
//!
//! Cutting that tree into k clusters gives labels that no single restart decides. Brunet et al. take the
//! rank after which the cophenetic correlation falls, but it stays near 1 long after restarts disagree
//! (on the 38 leukaemia samples, 1.000, 0.999, 0.999, 1.000, 0.989 for k = 2..6), where the dispersion tells
//! more (1.000, 0.978, 0.932, 0.992, 0.889): the rank suggested is the one of the largest dispersion.
//! Several ranks can be right: there, two give the two diseases and three split one of them into its
//! two kinds.

mod linkage;

use crate::fit::fit;
use crate::{Held, Init, Nmf, NmfModel};
use linkage::{Tree, Triangle};
use matfact_core::ndarray::Array2;
use matfact_core::{Error, FitReport, Matrix, Result, Run, Scalar};
use matfact_linalg::in_pool;
use std::fmt;

/// Rows whose pairs are still held in memory: 0.6 GB of counts and distances.
const MAX_ROWS: usize = 10_000;
/// Dispersions that differ by less than this are equal.
const EQUAL: f64 = 0.005;

/// Consensus clustering of the rows over restarts, for several ranks.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `nmf` | – | | settings of every fit; its rank is replaced, its `init` has to be random (or auto, which is random here), and `restarts` is the one below |
/// | `ranks` | – | 1.. | the ranks to compare |
/// | `restarts` | 30 | 2.. | fits for each rank, from the seeds `seed`, `seed + 1`, ... of `nmf` |
/// | `keep_matrices` | false | | whether the table keeps each rank's consensus matrix |
///
/// Time is that of ranks × restarts fits; memory, beside a fit's, 12 bytes for each pair of rows, which is
/// why there may be 10,000 rows at most. To cluster columns, give the transposed matrix.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_nmf::{Consensus, Nmf};
/// let x = array![[5.0, 4.0, 0.0], [4.0, 4.0, 0.1], [0.0, 0.2, 6.0], [0.1, 0.0, 5.0]];
/// let table = Consensus::new(Nmf::new(1), 2..=3).restarts(10).fit(&x)?;
/// assert_eq!(table.ranks[0].labels, [0, 0, 1, 1]);
/// assert_eq!(table.ranks[0].cophenetic_correlation, 1.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Consensus {
    nmf: Nmf,
    ranks: Vec<usize>,
    restarts: usize,
    keep_matrices: bool,
}

/// What restarts at one rank agree on.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RankConsensus {
    /// The rank k.
    pub rank: usize,
    /// Fits done; fewer than asked for if the run was stopped.
    pub restarts: usize,
    /// How well the consensus is a tree: 1 if all restarts agree.
    pub cophenetic_correlation: f64,
    /// How far the consensus is from undecided: 1 if all restarts agree, 0 if every pair is split
    /// evenly.
    pub dispersion: f64,
    /// The mean of the restarts' errors: ‖X − WH‖/‖X‖ for Frobenius, else the objective.
    pub mean_error: f64,
    /// The smallest of them.
    pub min_error: f64,
    /// The seed of the fit with the smallest objective: `nmf.rank(k).seed(..).init(Init::Random)` repeats
    /// it.
    pub best_seed: u64,
    /// The cluster of each row, 0..k, numbered by their first rows: the consensus tree cut into k.
    pub labels: Vec<usize>,
    /// The consensus matrix C̄ (m x m), if it was to be kept.
    pub matrix: Option<Array2<f32>>,
}

/// The consensus at each rank, in the order asked for; [`fmt::Display`] writes it as a table.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ConsensusTable {
    /// What the restarts at each rank agree on.
    pub ranks: Vec<RankConsensus>,
}

impl ConsensusTable {
    /// The rank of the largest dispersion; of those within 0.005 of it, the largest rank. Rank 1, where
    /// there is nothing to agree on, counts only if it is alone.
    #[must_use]
    pub fn suggested_rank(&self) -> usize {
        let ranks = || self.ranks.iter().filter(|entry| entry.rank > 1);
        let best = ranks()
            .map(|entry| entry.dispersion)
            .fold(f64::NEG_INFINITY, f64::max);
        ranks()
            .filter(|entry| entry.dispersion >= best - EQUAL)
            .map(|entry| entry.rank)
            .max()
            .unwrap_or(1)
    }

    /// The consensus at `rank`, if it was asked for.
    #[must_use]
    pub fn at(&self, rank: usize) -> Option<&RankConsensus> {
        self.ranks.iter().find(|entry| entry.rank == rank)
    }
}

impl fmt::Display for ConsensusTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["cophenetic", "dispersion", "mean error", "least error"];
        writeln!(
            f,
            "{:>5} {:>12} {:>12} {:>14} {:>14}",
            "rank", titles[0], titles[1], titles[2], titles[3]
        )?;
        for entry in &self.ranks {
            writeln!(
                f,
                "{:>5} {:>12.4} {:>12.4} {:>14.6} {:>14.6}",
                entry.rank,
                entry.cophenetic_correlation,
                entry.dispersion,
                entry.mean_error,
                entry.min_error
            )?;
        }
        write!(f, "suggested rank: {}", self.suggested_rank())
    }
}

impl Consensus {
    /// Consensus over 30 restarts at each of `ranks`, with the other settings of `nmf`.
    #[must_use]
    pub fn new(nmf: Nmf, ranks: impl IntoIterator<Item = usize>) -> Self {
        Self {
            nmf,
            ranks: ranks.into_iter().collect(),
            restarts: 30,
            keep_matrices: false,
        }
    }

    /// Sets the fits for each rank.
    #[must_use]
    pub fn restarts(mut self, restarts: usize) -> Self {
        self.restarts = restarts;
        self
    }

    /// Sets whether the table keeps each rank's consensus matrix.
    #[must_use]
    pub fn keep_matrices(mut self, keep: bool) -> Self {
        self.keep_matrices = keep;
        self
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        self.nmf.validate()?;
        if self.ranks.is_empty() || self.ranks.contains(&0) {
            let ranks = format!("{:?}", self.ranks);
            return Err(Error::invalid_parameter("ranks", ranks, "ranks from 1"));
        }
        if self.restarts < 2 {
            return Err(Error::invalid_parameter(
                "restarts",
                self.restarts,
                "at least 2",
            ));
        }
        if !matches!(self.nmf.init, Init::Auto | Init::Random) {
            let requirement = "auto or random: from another start all restarts are the same";
            return Err(Error::invalid_parameter("init", self.nmf.init, requirement));
        }
        if self.nmf.held != Held::Nothing {
            let held = format!("{:?}", self.nmf.held);
            return Err(Error::invalid_parameter("held", held, "nothing"));
        }
        Ok(())
    }

    /// Compares the ranks on the rows of `x` with the default [`Run`].
    ///
    /// # Errors
    /// As [`Consensus::fit_with`].
    pub fn fit<X: Matrix + ?Sized>(&self, x: &X) -> Result<ConsensusTable> {
        self.fit_with(x, &mut Run::default())
    }

    /// Compares the ranks on the rows of `x` (m x n). The observer of `run` is called after each fit; when
    /// the run is stopped, the table holds what was done so far.
    ///
    /// # Errors
    /// What a fit refuses; [`Error::InvalidParameter`] for settings out of range and for more than 10,000
    /// rows.
    pub fn fit_with<X: Matrix + ?Sized>(&self, x: &X, run: &mut Run<'_>) -> Result<ConsensusTable> {
        self.validate()?;
        let rows = x.shape().0;
        if rows > MAX_ROWS {
            let requirement = format!(
                "at most {MAX_ROWS} for a consensus of all pairs: take a sample of the rows"
            );
            return Err(Error::invalid_parameter("rows", rows, requirement));
        }
        // One compiled fit for every type of matrix.
        let x: &dyn Matrix<Scalar = X::Scalar> = &x;
        in_pool(run, |run, pool| {
            let total = self.ranks.len() * self.restarts;
            let (mut done, mut table) = (0, ConsensusTable { ranks: Vec::new() });
            for rank in &self.ranks {
                let mut votes = Votes::new(rows);
                for restart in 0..self.restarts {
                    let mut nmf = self.nmf.clone().init(Init::Random).restarts(1);
                    nmf.rank = *rank;
                    nmf.seed = nmf.seed.wrapping_add(restart as u64);
                    let found = fit(&nmf, x, None, &mut run.silent(), pool.clone())?;
                    votes.add(&found.model, &found.report);
                    done += 1;
                    if run.iteration(done, total, found.report.objective).is_some() {
                        table.ranks.push(votes.count(*rank, self.keep_matrices));
                        return Ok(table);
                    }
                }
                table.ranks.push(votes.count(*rank, self.keep_matrices));
            }
            Ok(table)
        })
    }
}

/// The votes of the restarts at one rank.
struct Votes {
    rows: usize,
    restarts: usize,
    together: Triangle<u32>,
    errors: Vec<f64>,
    /// The smallest objective and its seed.
    best: (f64, u64),
}

impl Votes {
    fn new(rows: usize) -> Self {
        Self {
            rows,
            restarts: 0,
            together: Triangle::filled(rows, 0),
            errors: Vec::new(),
            best: (f64::INFINITY, 0),
        }
    }

    fn add<T: Scalar>(&mut self, model: &NmfModel<T>, report: &FitReport) {
        let labels = labels(model);
        for i in 0..self.rows {
            for j in i + 1..self.rows {
                *self.together.get_mut(i, j) += u32::from(labels[i] == labels[j]);
            }
        }
        self.restarts += 1;
        let error = report.relative_error.unwrap_or(report.objective);
        self.errors.push(error);
        if self.restarts == 1 || report.objective < self.best.0 {
            self.best = (report.objective, report.seed);
        }
    }

    fn count(&self, rank: usize, keep: bool) -> RankConsensus {
        let (rows, restarts) = (self.rows as f64, self.restarts as f64);
        let distances = self
            .together
            .map(|together| 1.0 - f64::from(together) / restarts);
        let tree = Tree::average(&distances);
        let decided: f64 = distances
            .values()
            .iter()
            .map(|distance| 4.0 * (distance - 0.5) * (distance - 0.5))
            .sum();
        RankConsensus {
            rank,
            restarts: self.restarts,
            cophenetic_correlation: tree.cophenetic_correlation(&distances),
            // The diagonal holds ones.
            dispersion: (2.0 * decided + rows) / (rows * rows),
            mean_error: self.errors.iter().sum::<f64>() / restarts,
            min_error: self.errors.iter().copied().fold(f64::INFINITY, f64::min),
            best_seed: self.best.1,
            labels: tree.cut(rank),
            matrix: keep.then(|| {
                Array2::from_shape_fn((self.rows, self.rows), |(i, j)| {
                    if i == j {
                        1.0
                    } else {
                        (1.0 - distances.get(i, j)) as f32
                    }
                })
            }),
        }
    }
}

/// The component with the largest part of each row: w_it·Σ_j h_tj. A row without any part is of a kind
/// of its own, k.
fn labels<T: Scalar>(model: &NmfModel<T>) -> Vec<usize> {
    let sums: Vec<f64> = model
        .h()
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|v| v.as_f64()).sum())
        .collect();
    model
        .w()
        .rows()
        .into_iter()
        .map(|row| {
            let mut largest = (0.0, sums.len());
            for (t, value) in row.iter().enumerate() {
                let part = value.as_f64() * sums[t];
                if part > largest.0 {
                    largest = (part, t);
                }
            }
            largest.1
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use matfact_core::Cancellation;
    use matfact_core::ndarray::array;
    use matfact_linalg::random_normal;

    /// Three kinds of rows, one after the other in turn, in noise.
    fn three_kinds() -> Array2<f64> {
        let noise = random_normal::<f64>((24, 15), 1, 0);
        Array2::from_shape_fn((24, 15), |(i, j)| {
            let level = if j % 3 == i % 3 { 4.0 } else { 0.5 };
            level + 0.1 * noise[[i, j]].abs()
        })
    }

    #[test]
    fn the_number_of_kinds_and_the_kinds_are_found() {
        let consensus = Consensus::new(Nmf::new(1), 2..=5).restarts(15);
        let table = consensus.keep_matrices(true).fit(&three_kinds()).unwrap();
        assert_eq!(table.suggested_rank(), 3, "{table}");
        let three = table.at(3).unwrap();
        let expected: Vec<usize> = (0..24).map(|i| i % 3).collect();
        assert_eq!(three.labels, expected);
        assert!(three.cophenetic_correlation > 0.999 && three.dispersion > 0.99);
        assert!(three.min_error <= three.mean_error);
        let matrix = three.matrix.as_ref().unwrap();
        assert_eq!(matrix, matrix.t());
        assert!(matrix[[0, 3]] > 0.9 && matrix[[0, 1]] < 0.1 && matrix[[7, 7]] == 1.0);
        let five = table.at(5).unwrap();
        assert!(five.dispersion < three.dispersion);
        let text = table.to_string();
        assert!(text.lines().count() == 6 && text.ends_with("suggested rank: 3"));
    }

    #[test]
    fn the_best_seed_repeats_the_best_fit() {
        use matfact_core::Factorizer;
        let x = three_kinds();
        let table = Consensus::new(Nmf::new(1).seed(40), [4])
            .restarts(6)
            .fit(&x)
            .unwrap();
        let best = &table.ranks[0];
        let nmf = Nmf::new(4).init(Init::Random).seed(best.best_seed);
        let again = nmf.fit(&x).unwrap().report;
        assert_eq!(again.relative_error, Some(best.min_error));
        assert!((40..46).contains(&best.best_seed));
    }

    #[test]
    fn dispersion_is_that_of_the_definition() {
        let mut votes = Votes::new(3);
        votes.restarts = 4;
        votes.errors = vec![1.0; 4];
        *votes.together.get_mut(0, 1) = 4;
        *votes.together.get_mut(0, 2) = 2;
        *votes.together.get_mut(1, 2) = 1;
        // Diagonal 3; pairs 1, 0 and 4·(1/4)² = 1/4, twice each.
        let expected = (3.0 + 2.0 * 1.25) / 9.0;
        assert!((votes.count(2, false).dispersion - expected).abs() < 1e-15);
    }

    #[test]
    fn a_stopped_run_gives_what_was_done() {
        let stop = Cancellation::new();
        let flag = stop.clone();
        let mut observer = |progress: &matfact_core::Progress| {
            if progress.iteration == 7 {
                flag.cancel();
            }
        };
        let mut run = Run::new().cancellation(&stop).observer(&mut observer);
        let consensus = Consensus::new(Nmf::new(1), 2..=4).restarts(5);
        let table = consensus.fit_with(&three_kinds(), &mut run).unwrap();
        let done: Vec<_> = table.ranks.iter().map(|r| (r.rank, r.restarts)).collect();
        assert_eq!(done, [(2, 5), (3, 2)]);
    }

    #[test]
    fn zeros_single_rows_and_large_ranks_are_finite() {
        for x in [
            Array2::zeros((4, 3)),
            array![[1.0, 2.0, 3.0]],
            array![[1.0], [2.0], [0.0]],
        ] {
            let table = Consensus::new(Nmf::new(1), 1..=5)
                .restarts(2)
                .fit(&x)
                .unwrap();
            for entry in &table.ranks {
                assert_eq!(entry.labels.len(), x.nrows());
                assert!(entry.labels.iter().all(|label| *label < entry.rank));
                assert!(entry.cophenetic_correlation.is_finite());
                assert!((0.0..=1.0).contains(&entry.dispersion));
            }
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let many = Array2::<f32>::zeros((MAX_ROWS + 1, 1));
        let nmf = || Nmf::new(1);
        for (refused, expected) in [
            (Consensus::new(nmf(), []).fit(&many), "ranks"),
            (Consensus::new(nmf(), [0, 2]).fit(&many), "ranks"),
            (
                Consensus::new(nmf(), [2]).restarts(1).fit(&many),
                "restarts",
            ),
            (
                Consensus::new(nmf().init(Init::Nndsvd), [2]).fit(&many),
                "init",
            ),
            (Consensus::new(nmf().held(Held::H), [2]).fit(&many), "held"),
            (Consensus::new(nmf(), [2]).fit(&many), "rows"),
        ] {
            match refused {
                Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
