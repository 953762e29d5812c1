//! When to stop by what the lists of rows are worth.

use super::check_entries;
use crate::{RecommendOptions, Recommendations, Recommender};
use matfact_core::{
    CheckpointState, EarlyStopping, Error, FactorModel, FitReport, ObservedEntries, RankingMetric,
    Result, Scalar, Standing, Validation,
};

/// Rows that are ranked at a time.
const ROWS_AT_ONCE: usize = 4096;

/// For algorithms that rank: looks at the lists of the rows of a [`Validation`] set every few iterations, keeps the
/// best model, and says when to stop.
///
/// The value of a look is the mean of the metric over the rows with something relevant, of the columns that they do
/// not have in training; exact, and the same bits for any number of threads.
///
/// ```
/// use matfact_core::{Duplicates, FactorModel, FitReport, Ratings, Validation, ndarray::array};
/// use matfact_linalg::RankingValidation;
/// let train = Ratings::from_triplets((1, 3), [(0, 0, 1.0)], Duplicates::Error)?;
/// let kept_aside = Ratings::from_triplets((1, 3), [(0, 2, 1.0)], Duplicates::Error)?;
/// let validation = Validation::of(&kept_aside).patience(1);
/// let mut watch = RankingValidation::new(&validation, &train, 1)?;
/// // Column 2 comes second, then first, then second again.
/// for (iteration, score) in [(1, 1.0), (2, 3.0), (3, 1.0)] {
///     let model = FactorModel::new(array![[1.0]], array![[9.0], [2.0], [score]])?;
///     let stop = watch.look(iteration, false, || Ok(model))?;
///     assert_eq!(stop, iteration == 3);
/// }
/// let mut report = FitReport::new("example", (1, 3), 1, 0);
/// let best = watch.finish(&mut report).expect("there were looks");
/// assert_eq!((report.best_iteration, best.column_factors()[[2, 0]]), (Some(2), 3.0));
/// assert_eq!(report.validation[1], 1.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RankingValidation<'a, T, X: ?Sized> {
    metric: RankingMetric,
    every: usize,
    /// The rows with something relevant.
    rows: Vec<usize>,
    /// What is relevant to each, increasing.
    relevant: Vec<Vec<u32>>,
    train: &'a X,
    lists: Recommendations<T>,
    stopping: EarlyStopping,
    /// The iterations that were looked at.
    looks: Vec<usize>,
    best: Option<FactorModel<T>>,
}

impl<'a, T, X> RankingValidation<'a, T, X>
where
    T: Scalar,
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    /// For a fit to `train`, looking after every `every` iterations where the set does not say.
    ///
    /// # Errors
    /// [`Error::EmptyInput`], [`Error::IndexOutOfRange`], [`Error::NonFinite`]; [`Error::InvalidParameter`] for lists
    /// without length, and for a set that has nothing but what is in training or below 0.
    pub fn new(validation: &Validation, train: &'a X, every: usize) -> Result<Self> {
        check_entries(validation, train.shape())?;
        let metric = validation.get_metric().unwrap_or_default();
        if metric.cutoff() == 0 {
            let requirement = "of lists of at least 1";
            return Err(Error::invalid_parameter(
                "validation_metric",
                metric,
                requirement,
            ));
        }
        let (rows, columns, values) = validation.entries();
        let mut by_row: Vec<(usize, Vec<u32>)> = Vec::new();
        for ((row, column), value) in rows.iter().zip(columns).zip(values) {
            let row = *row as usize;
            let known = || train.row(row).columns.binary_search(column).is_ok();
            if *value < 0.0 || known() {
                continue;
            }
            match by_row.last_mut() {
                Some((last, relevant)) if *last == row => relevant.push(*column),
                _ => by_row.push((row, vec![*column])),
            }
        }
        if by_row.is_empty() {
            let given = format!("{} entries", values.len());
            let requirement = "one with an entry of at least 0 that is not in training";
            return Err(Error::invalid_parameter("validation", given, requirement));
        }
        let (rows, relevant) = by_row.into_iter().unzip();
        Ok(Self {
            metric,
            every: validation.get_every().unwrap_or(every).max(1),
            rows,
            relevant,
            train,
            lists: Recommendations::default(),
            stopping: EarlyStopping::new(validation.get_patience()),
            looks: Vec::new(),
            best: None,
        })
    }

    /// Looks at the model after an iteration (counted from 1) if it is time, or it is the last one: whether to stop.
    ///
    /// # Errors
    /// Those of `model`.
    pub fn look(
        &mut self,
        iteration: usize,
        last: bool,
        model: impl FnOnce() -> Result<FactorModel<T>>,
    ) -> Result<bool> {
        let looked = self.looks.last() == Some(&iteration);
        if looked || !(last || iteration.is_multiple_of(self.every)) {
            return Ok(false);
        }
        let model = model()?;
        let value = self.value(&model)?;
        self.looks.push(iteration);
        match self.stopping.observe(-value) {
            Standing::Best => self.best = Some(model),
            Standing::Waiting => {}
            Standing::Exhausted => return Ok(true),
        }
        Ok(false)
    }

    fn value(&mut self, model: &FactorModel<T>) -> Result<f64> {
        let recommender = Recommender::new(model);
        let count = self.metric.cutoff().min(recommender.shape().1);
        let options = RecommendOptions::new().count(count).exclude(self.train);
        let mut sum = 0.0;
        let parts = self.rows.chunks(ROWS_AT_ONCE);
        for (rows, relevant) in parts.zip(self.relevant.chunks(ROWS_AT_ONCE)) {
            recommender.for_rows_into(rows, &options, &mut self.lists)?;
            for (list, relevant) in self.lists.columns().rows().into_iter().zip(relevant) {
                // What stands after the end of a short list is no column.
                let list = list.as_slice().expect("rows of lists are contiguous");
                sum += self.metric.of_list(list, relevant);
            }
        }
        Ok(sum / self.rows.len() as f64)
    }

    /// Puts the looks so far and the best model into a checkpoint.
    pub fn give(&self, state: &mut CheckpointState) {
        state.insert_stopping(&self.stopping);
        let looks: Vec<f64> = self.looks.iter().map(|look| *look as f64).collect();
        state.insert_numbers("looks", &looks);
        if let Some(best) = &self.best {
            state.insert_model("best.", best);
        }
    }

    /// Takes what [`RankingValidation::give`] has put, before the first look.
    ///
    /// # Errors
    /// [`Error::InvalidCheckpoint`].
    pub fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        state.take_stopping(&mut self.stopping)?;
        let looks = state.take_numbers("looks")?;
        self.looks = looks.iter().map(|look| *look as usize).collect();
        self.best = state.take_model("best.")?;
        Ok(())
    }

    /// Writes the looks into the report and gives the best model; none without a look.
    pub fn finish(self, report: &mut FitReport) -> Option<FactorModel<T>> {
        let told = match self.every {
            1 => self.metric.to_string(),
            every => format!("{} every {every}", self.metric),
        };
        report.chosen.insert("validation".to_owned(), told);
        let best = self.stopping.best_iteration();
        report.best_iteration = best.map(|look| self.looks[look - 1]);
        report.validation = self.stopping.history().iter().map(|value| -value).collect();
        self.best
    }
}
