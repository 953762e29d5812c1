//! Entries kept aside, by which a fit knows when to stop.

use crate::{ObservedEntries, RankingMetric, Scalar};

/// Entries that a fit does not learn from: it looks how well it does on them, stops once that no longer gets
/// better, and gives the model as it was at its best.
///
/// Of ratings the error counts (`Sgd`, `SvdPlusPlus`, `Als`), after every iteration. Of positives (`ImplicitAls`,
/// `Bpr`, `Warp`, `LogisticFactorization`) a [`RankingMetric`] of the lists counts: entries of at least 0 that a row
/// does not have in training are what its list should hold.
///
/// Held as f64 whatever the element type of the fit, so that it goes with a [`Run`](crate::Run) through
/// `Box<dyn Factorizer>`: 16 bytes an entry.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `patience` | 3 | looks without anything better after which to stop |
/// | `metric` | error, or `ndcg@10` | for algorithms that rank, what a list is judged by; others refuse it |
/// | `every` | 1; 5 for `Bpr`, `Warp`, `LogisticFactorization` | iterations from look to look, for algorithms that rank |
///
/// ```
/// use matfact_core::{Duplicates, Ratings, Run, Validation};
/// let kept_aside = Ratings::from_triplets((2, 2), [(0, 1, 3.0)], Duplicates::Error)?;
/// let validation = Validation::of(&kept_aside).patience(2);
/// let run = Run::new().validation(&validation);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    rows: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<f64>,
    patience: usize,
    metric: Option<RankingMetric>,
    every: Option<usize>,
}

impl Validation {
    /// All observed entries of `x`, which has the shape of the training ratings or a smaller one.
    pub fn of<X: ObservedEntries + ?Sized>(x: &X) -> Self {
        let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..x.shape().0 {
            let entries = x.row(row);
            rows.resize(rows.len() + entries.columns.len(), row as u32);
            columns.extend_from_slice(entries.columns);
            values.extend(entries.values.iter().map(|value| value.as_f64()));
        }
        Self {
            rows,
            columns,
            values,
            patience: 3,
            metric: None,
            every: None,
        }
    }

    /// Sets after how many looks without anything better to stop; 0 counts as 1.
    #[must_use]
    pub fn patience(mut self, iterations: usize) -> Self {
        self.patience = iterations.max(1);
        self
    }

    /// Looks without anything better after which to stop.
    #[must_use]
    pub fn get_patience(&self) -> usize {
        self.patience
    }

    /// Sets what lists are judged by, for algorithms that rank; those of ratings refuse it.
    #[must_use]
    pub fn metric(mut self, metric: RankingMetric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// What lists are judged by, where that was said.
    #[must_use]
    pub fn get_metric(&self) -> Option<RankingMetric> {
        self.metric
    }

    /// Sets after how many iterations to look again, for algorithms that rank; those of ratings refuse it. 0 counts
    /// as 1. The last iteration is always looked at.
    #[must_use]
    pub fn every(mut self, iterations: usize) -> Self {
        self.every = Some(iterations.max(1));
        self
    }

    /// Iterations from look to look, where that was said.
    #[must_use]
    pub fn get_every(&self) -> Option<usize> {
        self.every
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none, which the fit refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Rows, columns and values of the entries: three slices of equal length.
    #[must_use]
    pub fn entries(&self) -> (&[u32], &[u32], &[f64]) {
        (&self.rows, &self.columns, &self.values)
    }
}

/// For algorithms: the errors on a [`Validation`] set so far, and what follows from them.
///
/// ```
/// use matfact_core::{EarlyStopping, Standing};
/// let mut stopping = EarlyStopping::new(2);
/// let seen: Vec<Standing> = [0.9, 0.8, 0.85, 0.81].map(|error| stopping.observe(error)).to_vec();
/// assert_eq!(seen, [Standing::Best, Standing::Best, Standing::Waiting, Standing::Exhausted]);
/// assert_eq!(stopping.best_iteration(), Some(2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    patience: usize,
    history: Vec<f64>,
    best: Option<usize>,
}

/// What an error on the validation set means for the fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The least so far: keep this state.
    Best,
    /// Not the least, but it may still become so.
    Waiting,
    /// The patience is at its end: stop, and go back to the best state.
    Exhausted,
}

impl EarlyStopping {
    /// With so many iterations of patience.
    #[must_use]
    pub fn new(patience: usize) -> Self {
        Self {
            patience: patience.max(1),
            history: Vec::new(),
            best: None,
        }
    }

    /// Takes the error after one more iteration. One that is not a number is never the best.
    pub fn observe(&mut self, error: f64) -> Standing {
        self.history.push(error);
        let least = self.best.map_or(f64::INFINITY, |best| self.history[best]);
        if error < least {
            self.best = Some(self.history.len() - 1);
            return Standing::Best;
        }
        let waited = self.history.len() - self.best.map_or(0, |best| best + 1);
        if waited >= self.patience {
            Standing::Exhausted
        } else {
            Standing::Waiting
        }
    }

    /// The iteration, counted from 1, with the least error.
    #[must_use]
    pub fn best_iteration(&self) -> Option<usize> {
        self.best.map(|best| best + 1)
    }

    /// The errors in their order.
    #[must_use]
    pub fn history(&self) -> &[f64] {
        &self.history
    }

    /// The errors in their order.
    #[must_use]
    pub fn into_history(self) -> Vec<f64> {
        self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duplicates, Ratings, Run};

    #[test]
    fn the_entries_are_those_of_the_ratings_in_their_order() {
        let triplets = [(0, 2, 1.5_f32), (2, 0, -1.0)];
        let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error).unwrap();
        let validation = Validation::of(&ratings);
        let (rows, columns, values) = validation.entries();
        assert_eq!((rows, columns), (&[0, 2][..], &[2, 0][..]));
        assert_eq!((values, validation.len()), (&[1.5, -1.0][..], 2));
    }

    #[test]
    fn an_algorithm_that_does_not_take_the_set_refuses_it() {
        let ratings = Ratings::from_triplets((1, 1), [(0, 0, 1.0)], Duplicates::Error).unwrap();
        let validation = Validation::of(&ratings);
        let mut run = Run::new().validation(&validation);
        assert!(run.begin().unwrap_err().to_string().contains("validation"));
        let mut run = Run::new().validation(&validation);
        assert_eq!(run.take_validation(), Some(&validation));
        run.begin().unwrap();
    }

    #[test]
    fn errors_that_are_not_numbers_use_up_the_patience() {
        let mut stopping = EarlyStopping::new(2);
        assert_eq!(stopping.observe(f64::NAN), Standing::Waiting);
        assert_eq!(stopping.observe(f64::NAN), Standing::Exhausted);
        assert_eq!(stopping.best_iteration(), None);
    }
}
