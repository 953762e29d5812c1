//! What ranking needs of a model: scores that are inner products.

use crate::model::check_position;
use crate::{Result, Scalar};
use ndarray::{CowArray, Ix1, Ix2};
use std::cmp::Ordering;

/// A column (item) with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Recommendation<T> {
    /// Column index.
    pub column: usize,
    /// Predicted value.
    pub score: T,
}

/// The parts of the scores of all rows for all columns:
///
/// s_ij = ((μ + b_i) + c_j) + p_i · q_j
///
/// with row factors P (m x k), column factors Q (n x k), and where the model has them a mean and
/// biases. Every model of this workspace is of this form, so that lists of the best columns are made
/// by blocked products (`matfact_linalg::Recommender`).
///
/// ```
/// use matfact_core::{FactorModel, Recommend};
/// use ndarray::array;
/// let model = FactorModel::new(array![[1.0], [2.0]], array![[3.0]])?.with_mean(0.5);
/// let factors = model.score_factors();
/// assert_eq!(factors.score(1, 0), 0.5 + 6.0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScoreFactors<'a, T> {
    /// Row (user) factors P: m x k.
    pub rows: CowArray<'a, T, Ix2>,
    /// Column (item) factors Q: n x k.
    pub columns: CowArray<'a, T, Ix2>,
    /// Row biases b: m.
    pub row_bias: Option<CowArray<'a, T, Ix1>>,
    /// Column biases c: n.
    pub column_bias: Option<CowArray<'a, T, Ix1>>,
    /// The mean μ, 0 for a model without.
    pub mean: T,
}

impl<'a, T: Scalar> ScoreFactors<'a, T> {
    /// Scores that are products alone, without mean and biases: row factors (m x k) and column factors
    /// (n x k).
    pub fn products(
        rows: impl Into<CowArray<'a, T, Ix2>>,
        columns: impl Into<CowArray<'a, T, Ix2>>,
    ) -> Self {
        Self {
            rows: rows.into(),
            columns: columns.into(),
            row_bias: None,
            column_bias: None,
            mean: T::zero(),
        }
    }

    /// Rows m and columns n.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.rows.nrows(), self.columns.nrows())
    }

    /// What a row brings to each of its scores: μ + b_i.
    ///
    /// # Panics
    /// If `row` is out of range.
    #[must_use]
    pub fn offset(&self, row: usize) -> T {
        self.mean + self.row_bias.as_ref().map_or(T::zero(), |bias| bias[row])
    }

    /// The score of one column for one row.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn score(&self, row: usize, column: usize) -> T {
        let bias = self
            .column_bias
            .as_ref()
            .map_or(T::zero(), |bias| bias[column]);
        self.offset(row) + bias + self.rows.row(row).dot(&self.columns.row(column))
    }
}

/// A model that ranks the columns (items) for a row (user).
///
/// The method here is plain and for one row; for many rows, deny and allow lists, candidates and
/// similar items there is `matfact_linalg::Recommender`, which takes any such model.
pub trait Recommend {
    /// The element type.
    type Scalar: Scalar;

    /// The factors that the scores are made of.
    fn score_factors(&self) -> ScoreFactors<'_, Self::Scalar>;

    /// The `count` columns with the highest score for `row`, best first, leaving out the columns in
    /// `exclude` (in any order); ties go to the lower column. Fewer are given only where fewer
    /// exist. A score that is not a number never wins: its column is left out.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`](crate::Error::IndexOutOfRange).
    fn recommend(
        &self,
        row: usize,
        count: usize,
        exclude: &[u32],
    ) -> Result<Vec<Recommendation<Self::Scalar>>> {
        best_columns(&self.score_factors(), row, count, exclude)
    }
}

fn best_columns<T: Scalar>(
    factors: &ScoreFactors<'_, T>,
    row: usize,
    count: usize,
    exclude: &[u32],
) -> Result<Vec<Recommendation<T>>> {
    let (rows, columns) = factors.shape();
    check_position((rows, columns.max(1)), row, 0)?;
    let mut allowed = vec![true; columns];
    for column in exclude {
        if let Some(slot) = allowed.get_mut(*column as usize) {
            *slot = false;
        }
    }
    let mut scored: Vec<_> = (0..columns)
        .filter(|column| allowed[*column])
        .map(|column| Recommendation {
            column,
            score: factors.score(row, column),
        })
        .filter(|scored| !scored.score.is_nan())
        .collect();
    if count < scored.len() {
        scored.select_nth_unstable_by(count, Recommendation::best_first);
        scored.truncate(count);
    }
    scored.sort_unstable_by(Recommendation::best_first);
    Ok(scored)
}

impl<T: Scalar> Recommendation<T> {
    /// The order of a list: higher scores first, ties by the lower column, and what is not a number
    /// at the end.
    ///
    /// ```
    /// use matfact_core::Recommendation;
    /// let mut list = [(4, 1.0), (7, f32::NAN), (2, 1.0), (9, 3.0)]
    ///     .map(|(column, score)| Recommendation { column, score });
    /// list.sort_by(Recommendation::best_first);
    /// assert_eq!(list.map(|entry| entry.column), [9, 2, 4, 7]);
    /// ```
    pub fn best_first(&self, other: &Self) -> Ordering {
        let by_score = match other.score.partial_cmp(&self.score) {
            Some(order) => order,
            None => self.score.is_nan().cmp(&other.score.is_nan()),
        };
        by_score.then(self.column.cmp(&other.column))
    }
}
