//! Observed entries, checked once and made ready for both factors.

use crate::Loss;
use matfact_core::{Error, Indices, ObservedEntries, Result, Scalar};
use matfact_linalg::{EntryWeights, ListedRow};

/// Weights between these are used as they are.
const COMFORTABLE_WEIGHTS: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

/// X = `scale`·X' with weights `weight_scale`·V': the rows in place where nothing has to be changed,
/// and the columns.
pub(super) struct Observations<'a, X: ObservedEntries + ?Sized> {
    x: &'a X,
    pub(super) shape: (usize, usize),
    pub(super) observed: usize,
    /// The power of two that X was divided by.
    pub(super) scale: f64,
    /// The power of two that the weights were divided by.
    pub(super) weight_scale: f64,
    /// The sum of the weights V' of each row and each column.
    pub(super) row_weights: Vec<f64>,
    pub(super) column_weights: Vec<f64>,
    /// The weighted mean of X'.
    pub(super) mean: f64,
    /// Σ v x², of V' and X'.
    pub(super) squares: f64,
    rows: Option<Lists<X::Scalar>>,
    columns: Lists<X::Scalar>,
}

/// Compressed lists of entries: for squares the values, for Kullback-Leibler the values times their
/// weights.
struct Lists<T> {
    pointers: Vec<usize>,
    others: Vec<u32>,
    values: Vec<T>,
    weights: Option<Vec<T>>,
}

impl<T: Scalar> Lists<T> {
    fn with_capacity(lines: usize, entries: usize, weighted: bool) -> Self {
        let mut pointers = Vec::with_capacity(lines + 1);
        pointers.push(0);
        Self {
            pointers,
            others: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
            weights: weighted.then(|| Vec::with_capacity(entries)),
        }
    }

    fn get(&self, line: usize) -> ListedRow<'_, T> {
        let range = self.pointers[line]..self.pointers[line + 1];
        ListedRow {
            columns: Indices::U32(&self.others[range.clone()]),
            values: &self.values[range.clone()],
            weights: match &self.weights {
                Some(weights) => EntryWeights::Each(&weights[range]),
                None => EntryWeights::Uniform(T::one()),
            },
        }
    }

    /// The same entries by the other index, which occurs `counts` times each.
    fn transposed<'a>(
        list: impl Fn(usize) -> ListedRow<'a, T>,
        lines: usize,
        counts: &[usize],
        weighted: bool,
    ) -> Self
    where
        T: 'a,
    {
        let mut pointers = vec![0; counts.len() + 1];
        for (line, count) in counts.iter().enumerate() {
            pointers[line + 1] = pointers[line] + count;
        }
        let total = pointers[counts.len()];
        let mut next = pointers.clone();
        let (mut others, mut values) = (vec![0; total], vec![T::zero(); total]);
        let mut weights = weighted.then(|| vec![T::zero(); total]);
        for line in 0..lines {
            let listed = list(line);
            for (position, value) in listed.values.iter().enumerate() {
                let slot = &mut next[listed.columns.get(position)];
                others[*slot] = line as u32;
                values[*slot] = *value;
                if let (Some(weights), EntryWeights::Each(each)) = (&mut weights, listed.weights) {
                    weights[*slot] = each[position];
                }
                *slot += 1;
            }
        }
        Self {
            pointers,
            others,
            values,
            weights,
        }
    }
}

/// What one look at the entries tells.
#[derive(Default)]
struct Survey {
    observed: usize,
    largest: f64,
    largest_weight: f64,
    column_counts: Vec<usize>,
    /// Whether some rows have weights, and whether all with entries have.
    weighted: bool,
    evenly: bool,
}

impl<'a, X: ObservedEntries + ?Sized> Observations<'a, X> {
    /// Checks every entry of `x` and makes it ready for `loss`; `allow_nothing` for new rows, which may
    /// be without entries.
    pub(super) fn of(x: &'a X, loss: Loss, allow_nothing: bool) -> Result<Self> {
        let shape = x.shape();
        let survey = Survey::of(x)?;
        let empty = Error::EmptyInput {
            rows: shape.0,
            columns: shape.1,
            stored: survey.observed,
        };
        if !allow_nothing && (shape.0 == 0 || shape.1 == 0 || survey.observed == 0) {
            return Err(empty);
        }
        if !allow_nothing && survey.weighted && survey.largest_weight == 0.0 {
            let requirement = "above 0 for at least one entry";
            return Err(Error::invalid_parameter("weights", 0, requirement));
        }
        let scale = if comfortable::<X::Scalar>().contains(&survey.largest) {
            1.0
        } else {
            power_of_two_below(survey.largest)
        };
        let weight_scale = if COMFORTABLE_WEIGHTS.contains(&survey.largest_weight) {
            1.0
        } else {
            power_of_two_below(survey.largest_weight)
        };
        let products = loss == Loss::KullbackLeibler && survey.weighted;
        let copied = scale != 1.0 || weight_scale != 1.0 || products || !survey.evenly;
        let rows = copied.then(|| {
            let mut lists = Lists::with_capacity(shape.0, survey.observed, survey.weighted);
            for row in 0..shape.0 {
                let listed = in_place(x, row);
                for (position, value) in listed.values.iter().enumerate() {
                    let value = value.as_f64() / scale;
                    let weight = listed.weights.get(position).as_f64() / weight_scale;
                    lists.others.push(listed.columns.get(position) as u32);
                    let value = if products { value * weight } else { value };
                    lists.values.push(X::Scalar::from_f64(value));
                    if let Some(weights) = &mut lists.weights {
                        weights.push(X::Scalar::from_f64(weight));
                    }
                }
                lists.pointers.push(lists.others.len());
            }
            lists
        });
        let list = |row: usize| match &rows {
            Some(rows) => rows.get(row),
            None => in_place(x, row),
        };
        let columns = Lists::transposed(list, shape.0, &survey.column_counts, survey.weighted);
        let mut row_weights = vec![0.0; shape.0];
        let mut column_weights = vec![0.0; shape.1];
        let (mut sum, mut squares) = (0.0, 0.0);
        for (row, row_weight) in row_weights.iter_mut().enumerate() {
            let listed = list(row);
            for (position, value) in listed.values.iter().enumerate() {
                let weight = listed.weights.get(position).as_f64();
                let value = value.as_f64();
                *row_weight += weight;
                column_weights[listed.columns.get(position)] += weight;
                // v x, and v x².
                let product = if products { value } else { value * weight };
                sum += product;
                if weight > 0.0 {
                    squares += product * product / weight;
                }
            }
        }
        let total: f64 = row_weights.iter().sum();
        Ok(Self {
            x,
            shape,
            observed: survey.observed,
            scale,
            weight_scale,
            mean: if total > 0.0 { sum / total } else { 0.0 },
            squares,
            row_weights,
            column_weights,
            rows,
            columns,
        })
    }

    /// The entries of one row.
    pub(super) fn row(&self, row: usize) -> ListedRow<'_, X::Scalar> {
        match &self.rows {
            Some(rows) => rows.get(row),
            None => in_place(self.x, row),
        }
    }

    /// The entries of one column.
    pub(super) fn column(&self, column: usize) -> ListedRow<'_, X::Scalar> {
        self.columns.get(column)
    }
}

/// Checks every entry of `x` as a fit with this loss does; gives the weighted mean.
pub(crate) fn check_observations<X: ObservedEntries + ?Sized>(x: &X, loss: Loss) -> Result<f64> {
    let observations = Observations::of(x, loss, false)?;
    Ok(observations.mean * observations.scale)
}

fn in_place<X: ObservedEntries + ?Sized>(x: &X, row: usize) -> ListedRow<'_, X::Scalar> {
    let entries = x.row(row);
    ListedRow {
        columns: Indices::U32(entries.columns),
        values: entries.values,
        weights: x.weights(row).map_or(
            EntryWeights::Uniform(X::Scalar::from_f64(1.0)),
            EntryWeights::Each,
        ),
    }
}

impl Survey {
    fn of<X: ObservedEntries + ?Sized>(x: &X) -> Result<Self> {
        let (rows, bound) = x.shape();
        let mut survey = Self {
            column_counts: vec![0; bound],
            evenly: true,
            ..Self::default()
        };
        let mut unweighted = false;
        for row in 0..rows {
            let entries = x.row(row);
            let (columns, values) = (entries.columns, entries.values);
            if columns.len() != values.len() {
                let what = format!("number of values in row {row}");
                return Err(Error::shape_mismatch(what, columns.len(), values.len()));
            }
            for (offset, (column, value)) in columns.iter().zip(values).enumerate() {
                let column = *column as usize;
                if column >= bound {
                    return Err(Error::IndexOutOfRange {
                        axis: "column",
                        index: column as i128,
                        position: survey.observed + offset,
                        bound,
                    });
                }
                let value = value.as_f64();
                if !value.is_finite() {
                    return Err(Error::NonFinite { row, column, value });
                }
                if value < 0.0 {
                    return Err(Error::Negative {
                        row,
                        column,
                        value,
                        algorithm: "masked-nmf",
                    });
                }
                survey.largest = survey.largest.max(value);
                survey.column_counts[column] += 1;
            }
            survey.observed += values.len();
            survey.add_weights(row, values.len(), x.weights(row))?;
            unweighted |= !values.is_empty() && x.weights(row).is_none();
        }
        survey.evenly = !(survey.weighted && unweighted);
        if unweighted {
            survey.largest_weight = survey.largest_weight.max(1.0);
        }
        Ok(survey)
    }

    fn add_weights<T: Scalar>(
        &mut self,
        row: usize,
        count: usize,
        weights: Option<&[T]>,
    ) -> Result<()> {
        let Some(weights) = weights else {
            return Ok(());
        };
        if weights.len() != count {
            let what = format!("number of weights in row {row}");
            return Err(Error::shape_mismatch(what, count, weights.len()));
        }
        self.weighted |= count > 0;
        for weight in weights {
            let weight = weight.as_f64();
            if !(weight.is_finite() && weight >= 0.0) {
                let requirement = format!("finite and at least 0 (one of row {row})");
                return Err(Error::invalid_parameter("weights", weight, requirement));
            }
            self.largest_weight = self.largest_weight.max(weight);
        }
        Ok(())
    }
}

/// Largest entries between these are used as they are; zero too.
fn comfortable<T: Scalar>() -> std::ops::RangeInclusive<f64> {
    if T::NAME == f32::NAME {
        1e-12..=1e12
    } else {
        1e-120..=1e120
    }
}

/// The power of two at or below a value; 1 for zero.
fn power_of_two_below(value: f64) -> f64 {
    if value > 0.0 {
        value.log2().floor().clamp(-1000.0, 1000.0).exp2()
    } else {
        1.0
    }
}
