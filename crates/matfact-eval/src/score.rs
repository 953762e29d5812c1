//! What a metric came to, and of whom.

use crate::Metric;
use crate::bootstrap::{Interval, Resampling};
use matfact_core::Result;
use std::fmt;

/// The value of a [`Metric`], and what each row (user) brought to it.
///
/// The whole is Σ weight · value / Σ weight over rows, for [`Metric::Rmse`] its root: a row's value then is
/// its mean square error and its weight the number of its entries. Metrics of all lists together
/// ([`Metric::is_of_all_lists`]) have no rows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// Which metric.
    pub metric: Metric,
    /// Its value over all rows; NaN where no row counts.
    pub value: f64,
    /// The rows that count, increasing.
    pub rows: Vec<usize>,
    /// The value of each of them.
    pub values: Vec<f64>,
    /// How much each of them counts.
    pub weights: Vec<f64>,
    /// Of how many columns that were drawn besides the relevant ones the lists are, if not of all: such a
    /// value is not that of the same metric over all columns, and may order models otherwise (Krichene
    /// and Rendle 2020).
    pub sampled: Option<usize>,
}

impl Score {
    pub(crate) fn new(metric: Metric, sampled: Option<usize>) -> Self {
        Self {
            metric,
            value: f64::NAN,
            rows: Vec::new(),
            values: Vec::new(),
            weights: Vec::new(),
            sampled,
        }
    }

    pub(crate) fn push(&mut self, row: usize, (value, weight): (f64, f64)) {
        self.rows.push(row);
        self.values.push(value);
        self.weights.push(weight);
    }

    /// Sets the whole from its rows.
    pub(crate) fn close(&mut self) {
        self.value = self.of((0..self.rows.len()).map(|position| (position, 1.0)));
    }

    /// The whole of some of the rows, each so many times.
    pub(crate) fn of(&self, chosen: impl Iterator<Item = (usize, f64)>) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (position, times) in chosen {
            sum += times * self.weights[position] * self.values[position];
            total += times * self.weights[position];
        }
        match self.metric {
            Metric::Rmse => (sum / total).sqrt(),
            _ => sum / total,
        }
    }

    /// The confidence interval of the value, by drawing rows (users) again and again: what might have come
    /// out with other users. `None` for metrics without values of rows, and with fewer than two rows.
    ///
    /// # Errors
    /// As [`Resampling::validate`].
    pub fn interval(&self, resampling: &Resampling) -> Result<Option<Interval>> {
        resampling.validate()?;
        if self.rows.len() < 2 {
            return Ok(None);
        }
        let mut values = resampling.draws(self.rows.len(), |counts| {
            let chosen = counts.iter().enumerate();
            self.of(chosen.map(|(position, times)| (position, f64::from(*times))))
        });
        Ok(Some(resampling.interval(&mut values)))
    }
}

/// `name = value`, and where only some columns were ranked, that it is so.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:.4}", self.metric, self.value)?;
        match self.sampled {
            Some(negatives) => write!(f, " (sampled: {negatives} other columns for each row)"),
            None => Ok(()),
        }
    }
}
