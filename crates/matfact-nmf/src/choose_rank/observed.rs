//! Cross-validation of observed entries, each with its weight.

use super::{CrossValidation, MAX_HELD_OUT, RankScores, Score};
use crate::masked::check_observations;
use crate::{Loss, MaskedNmf, MaskedNmfModel};
use matfact_core::{Error, Factorizer, ObservedEntries, ObservedRow, Result, Run, Scalar};
use matfact_linalg::{in_pool, random_stream};
use rand::RngExt;
use rand::seq::index;

impl CrossValidation<MaskedNmf> {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the first one.
    pub fn validate(&self) -> Result<()> {
        self.method.validate()?;
        self.validate_draws()
    }

    /// Compares the ranks on `x` with the default [`Run`].
    ///
    /// # Errors
    /// As [`CrossValidation::fit_with`].
    pub fn fit<X: ObservedEntries + ?Sized>(&self, x: &X) -> Result<RankScores> {
        self.fit_with(x, &mut Run::default())
    }

    /// Compares the ranks on the observed entries of `x`, each of which counts by its weight. The observer
    /// of `run` is called after each fit; when the run is stopped, the scores hold what was done so far.
    ///
    /// # Errors
    /// What a fit refuses; [`Error::InvalidParameter`] for settings out of range and where nothing can be
    /// held out: rows with one entry each, or a share too small.
    pub fn fit_with<X: ObservedEntries + ?Sized>(
        &self,
        x: &X,
        run: &mut Run<'_>,
    ) -> Result<RankScores> {
        // One compiled fit for every type of ratings.
        let x: &dyn ObservedEntries<Scalar = X::Scalar> = &x;
        self.validate()?;
        let mean = check_observations(x, self.method.loss)?;
        let share = self
            .held_out
            .min(MAX_HELD_OUT / (x.observed() as f64).max(1.0));
        let seed = self.method.seed;
        in_pool(run, |run, _| {
            let draw = |repeat| {
                let split = Split::draw(x, share, seed, repeat);
                if split.held_out.iter().all(|entry| entry.weight == 0.0) {
                    let requirement = "enough for an entry of a row with several";
                    let name = "held_out";
                    return Err(Error::invalid_parameter(name, self.held_out, requirement));
                }
                Ok(split)
            };
            self.compare(run, draw, |split, rank, run| {
                let mut method = self.method.clone();
                method.rank = rank;
                let fit = method.fit_with(&split.training, &mut run.silent())?;
                let errors = Errors {
                    model: &fit.model,
                    loss: self.method.loss,
                    mean,
                };
                Ok(Score {
                    train_error: errors.mean(split.training.entries()),
                    held_out_error: errors.mean(split.held_out.iter().copied()),
                    objective: fit.report.objective,
                })
            })
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry<T> {
    row: usize,
    column: usize,
    value: T,
    weight: f64,
}

/// Observed entries, some of them held out.
#[derive(Debug, Clone, PartialEq)]
struct Split<T> {
    training: Training<T>,
    held_out: Vec<Entry<T>>,
}

/// The entries that are fitted.
#[derive(Debug, Clone, PartialEq)]
struct Training<T> {
    shape: (usize, usize),
    pointers: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<T>,
    weights: Option<Vec<T>>,
}

impl<T: Scalar> Split<T> {
    /// Each row holds out `share` of its entries, rounded up or down at random, but never all.
    fn draw<X: ObservedEntries<Scalar = T> + ?Sized>(
        x: &X,
        share: f64,
        seed: u64,
        repeat: u64,
    ) -> Self {
        // Streams 0 to 3 of a seed belong to the fit.
        let mut random = random_stream(seed, 1000 + repeat);
        let weighted = (0..x.shape().0).any(|row| x.weights(row).is_some());
        let mut training = Training {
            shape: x.shape(),
            pointers: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
            weights: weighted.then(Vec::new),
        };
        let mut held_out = Vec::new();
        for row in 0..x.shape().0 {
            let entries = x.row(row);
            let total = entries.columns.len();
            let expected = share * total as f64;
            let more = random.random::<f64>() < expected.fract();
            let count = (expected as usize + usize::from(more)).min(total.saturating_sub(1));
            let mut drawn = index::sample(&mut random, total, count).into_vec();
            drawn.sort_unstable();
            let mut drawn = drawn.into_iter().peekable();
            for (position, (column, value)) in
                entries.columns.iter().zip(entries.values).enumerate()
            {
                let weight = x.weights(row).map_or(T::one(), |weights| weights[position]);
                if drawn.next_if_eq(&position).is_some() {
                    held_out.push(Entry {
                        row,
                        column: *column as usize,
                        value: *value,
                        weight: weight.as_f64(),
                    });
                    continue;
                }
                training.columns.push(*column);
                training.values.push(*value);
                if let Some(weights) = &mut training.weights {
                    weights.push(weight);
                }
            }
            training.pointers.push(training.columns.len());
        }
        Self { training, held_out }
    }
}

impl<T: Scalar> Training<T> {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.pointers[row]..self.pointers[row + 1]
    }

    fn entries(&self) -> impl Iterator<Item = Entry<T>> + '_ {
        (0..self.shape.0).flat_map(move |row| {
            self.range(row).map(move |place| Entry {
                row,
                column: self.columns[place] as usize,
                value: self.values[place],
                weight: self
                    .weights
                    .as_ref()
                    .map_or(1.0, |weights| weights[place].as_f64()),
            })
        })
    }
}

impl<T: Scalar> ObservedEntries for Training<T> {
    type Scalar = T;

    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn observed(&self) -> usize {
        self.columns.len()
    }

    fn row(&self, row: usize) -> ObservedRow<'_, T> {
        ObservedRow {
            columns: &self.columns[self.range(row)],
            values: &self.values[self.range(row)],
        }
    }

    fn weights(&self, row: usize) -> Option<&[T]> {
        let weights = self.weights.as_ref()?;
        Some(&weights[self.range(row)])
    }
}

struct Errors<'a, T> {
    model: &'a MaskedNmfModel<T>,
    loss: Loss,
    /// The mean of the observed entries.
    mean: f64,
}

impl<T: Scalar> Errors<'_, T> {
    /// The weighted root mean squared error, or mean divergence, of these entries. Sizes are taken
    /// relative to the mean of the data, so that the squares of huge entries stay in range.
    fn mean(&self, entries: impl Iterator<Item = Entry<T>>) -> f64 {
        let unit = if self.mean > 0.0 { self.mean } else { 1.0 };
        let (w, h) = (self.model.w(), self.model.h());
        let (mut sum, mut total) = (0.0, 0.0);
        for entry in entries {
            let (left, right) = (w.row(entry.row), h.column(entry.column));
            let terms = left.iter().zip(right);
            let model = terms.map(|(a, b)| a.as_f64() * b.as_f64()).sum::<f64>() / unit;
            let value = entry.value.as_f64() / unit;
            let term = match self.loss {
                Loss::KullbackLeibler => divergence_of(value, model),
                _ => (value - model).powi(2),
            };
            sum += entry.weight * term;
            total += entry.weight;
        }
        let mean = if total > 0.0 { sum / total } else { 0.0 };
        unit * match self.loss {
            Loss::KullbackLeibler => mean,
            _ => mean.sqrt(),
        }
    }
}

/// x ln(x/y) − x + y in units of the mean. A model of zero counts as single precision's rounding of the
/// mean where there is something: the divergence is large, not infinite.
fn divergence_of(value: f64, model: f64) -> f64 {
    if value == 0.0 {
        return model;
    }
    let model = model.max(f64::from(f32::EPSILON));
    value * (value / model).ln() - value + model
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::*;
    use matfact_core::ndarray::Array2;
    use matfact_core::{Duplicates, Ratings};
    use matfact_linalg::random_normal;

    /// Rank 3 in noise, with about a third of the entries unknown.
    fn three_parts(rows: usize, columns: usize) -> Ratings<f64> {
        let part = |shape, stream| random_normal::<f64>(shape, 9, stream).mapv(f64::abs);
        let product = part((rows, 3), 0).dot(&part((3, columns), 1));
        let x = product + part((rows, columns), 2) * 0.1;
        let unknown = random_normal::<f64>((rows, columns), 9, 3);
        let entries = x.indexed_iter().map(|((i, j), v)| (i, j, *v));
        let known = entries.filter(|(i, j, _)| unknown[[*i, *j]] < 0.4);
        Ratings::from_triplets((rows, columns), known, Duplicates::Error).unwrap()
    }

    fn method(loss: Loss) -> MaskedNmf {
        MaskedNmf::new(1)
            .loss(loss)
            .regularization(0.0)
            .max_iter(300)
            .tol(1e-5)
    }

    #[test]
    fn each_row_holds_out_its_share_and_keeps_the_rest() {
        let x = three_parts(40, 50);
        let split = Split::draw(&x, 0.11, 3, 0);
        assert_eq!(
            split.training.observed() + split.held_out.len(),
            x.observed()
        );
        let mut all: Vec<_> = split
            .training
            .entries()
            .chain(split.held_out.clone())
            .collect();
        all.sort_by_key(|entry| (entry.row, entry.column));
        let again = all.iter().map(|e| (e.row, e.column, e.value));
        assert!(again.eq(x.triplets()));
        for row in 0..40 {
            let total = x.row(row).columns.len() as f64 * 0.11;
            let count = split.held_out.iter().filter(|e| e.row == row).count() as f64;
            assert!((count - total).abs() < 1.0);
        }
        assert_ne!(split, Split::draw(&x, 0.11, 3, 1));
    }

    #[test]
    fn the_rank_is_found_for_both_losses_whatever_the_threads_and_the_scale() {
        let x = three_parts(60, 50);
        for loss in [Loss::Frobenius, Loss::KullbackLeibler] {
            let validation = CrossValidation::new(method(loss), 1..=5).repeats(3);
            let scores = validation.fit(&x).unwrap();
            assert_eq!(scores.chosen_rank(), 3, "{loss}: {scores}");
            let train = |at: usize| scores.ranks[at].train_error;
            assert!(train(4) < train(2) && train(2) < train(0), "{scores}");
            for threads in [1, 3] {
                let run = &mut Run::new().threads(threads);
                assert_eq!(validation.fit_with(&x, run).unwrap(), scores);
            }
            let factor = 2.0_f64.powi(600);
            let huge = x.triplets().map(|(i, j, v)| (i, j, v * factor));
            let huge = Ratings::from_triplets(x.shape(), huge, Duplicates::Error).unwrap();
            let huge = validation.fit(&huge).unwrap();
            assert_eq!(huge.chosen_rank(), 3, "{loss}: {huge}");
            let ratio = huge.ranks[2].held_out_error / factor / scores.ranks[2].held_out_error;
            assert!((ratio - 1.0).abs() < 0.05, "{loss}: {ratio}");
        }
    }

    /// Entries of weight 0 neither teach nor count.
    #[test]
    fn weights_count_in_the_fit_and_in_the_error() {
        let clean = three_parts(60, 50);
        let spoiled = |(i, j, v): (usize, usize, f64)| {
            let bad = (i + j) % 9 == 0;
            (i, j, if bad { 50.0 } else { v })
        };
        let entries: Vec<_> = clean.triplets().map(spoiled).collect();
        let weights = entries.iter().map(|(i, j, _)| f64::from((i + j) % 9 != 0));
        let weights: Vec<f64> = weights.collect();
        let x = Ratings::from_triplets((60, 50), entries, Duplicates::Error).unwrap();
        let validation = CrossValidation::new(method(Loss::Frobenius), 1..=4).repeats(2);
        let unweighted = validation.fit(&x).unwrap();
        let weighted = validation.fit(&x.with_weights(weights).unwrap()).unwrap();
        assert_eq!(weighted.chosen_rank(), 3, "{weighted}");
        let error = |scores: &RankScores| scores.ranks[2].held_out_error;
        assert!(error(&weighted) < 0.1 * error(&unweighted));
    }

    #[test]
    fn a_model_of_zero_has_a_large_divergence_and_no_infinite_one() {
        assert_eq!(divergence_of(0.0, 0.5), 0.5);
        assert!((divergence_of(2.0, 1.0) - (2.0 * 2.0_f64.ln() - 1.0)).abs() < 1e-15);
        assert!(divergence_of(1.0, 0.0) > 10.0 && divergence_of(1.0, 0.0).is_finite());
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let x = Ratings::from_triplets(
            (3, 3),
            [(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0)],
            Duplicates::Error,
        )
        .unwrap();
        let fine = || MaskedNmf::new(1);
        for (refused, expected) in [
            (CrossValidation::new(fine(), []), "ranks"),
            (CrossValidation::new(fine(), [1]).repeats(1), "repeats"),
            (CrossValidation::new(fine(), [1]).held_out(0.6), "held_out"),
            // One entry in each row.
            (CrossValidation::new(fine(), [1]).held_out(0.5), "held_out"),
            (CrossValidation::new(fine().passes(0), [1]), "passes"),
        ] {
            match refused.fit(&x) {
                Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        let negative = Ratings::from_dense(Array2::from_elem((2, 2), -1.0).view(), 0.0).unwrap();
        let refused = CrossValidation::new(fine(), [1]).fit(&negative);
        assert!(matches!(refused, Err(Error::Negative { .. })));
    }
}
