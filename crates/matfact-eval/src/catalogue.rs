//! Metrics of which columns lists are made of, whoever they are for.

use matfact_core::{ObservedEntries, Scalar};

/// How often each column is in a list, and how many rows have it in training.
#[derive(Debug)]
pub(crate) struct Catalogue {
    listed: Vec<u64>,
    held: Vec<u64>,
    rows: usize,
}

impl Catalogue {
    pub(crate) fn new<X: ObservedEntries + ?Sized>(train: &X) -> Self
    where
        X::Scalar: Scalar,
    {
        let (rows, columns) = train.shape();
        let mut held = vec![0; columns];
        for row in 0..rows {
            for column in train.row(row).columns {
                held[*column as usize] += 1;
            }
        }
        Self {
            listed: vec![0; columns],
            held,
            rows,
        }
    }

    pub(crate) fn count(&mut self, list: &[u32]) {
        for column in list {
            self.listed[*column as usize] += 1;
        }
    }

    /// The mean information of a list in bits; `None` of an empty one.
    pub(crate) fn novelty(&self, list: &[u32]) -> Option<f64> {
        let information = |column: &u32| {
            let held = self.held[*column as usize].max(1) as f64;
            (self.rows as f64 / held).log2()
        };
        let sum: f64 = list.iter().map(information).sum();
        (!list.is_empty()).then(|| sum / list.len() as f64)
    }

    pub(crate) fn coverage(&self) -> f64 {
        let listed = self.listed.iter().filter(|count| **count > 0).count();
        listed as f64 / self.listed.len() as f64
    }

    pub(crate) fn gini(&self) -> f64 {
        let mut counts = self.listed.clone();
        counts.sort_unstable();
        let (n, total) = (counts.len() as f64, counts.iter().sum::<u64>() as f64);
        let weighted = counts.iter().enumerate();
        let weighted = weighted.map(|(j, count)| (2.0 * (j + 1) as f64 - n - 1.0) * *count as f64);
        if total == 0.0 {
            return 0.0;
        }
        weighted.sum::<f64>() / (n * total)
    }
}
