//! The best columns for rows, and what is alike, by the kernel of [`top`](crate::top).

mod lists;
mod similar;

use crate::top::{Panels, best_products};
use lists::check_indices;
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2};
use matfact_core::{Error, Recommend, Recommendation, Result, Scalar, ScoreFactors};

pub use lists::{NO_COLUMN, RecommendOptions, Recommendations};
pub use similar::{Similarities, Similarity};

/// A model made ready to rank its columns (items) for many rows (users).
///
/// The lists are exact: the columns with the highest scores
///
/// s_ij = ((μ + b_i) + c_j) + Σ_l p_il q_jl,
///
/// summed in the order of l, ties by the lower column, whatever else is asked for at the same time and
/// on how many threads. Scores that are not numbers, or −∞, never win. The column factors are copied
/// once, in another order: n·k numbers.
///
/// ```
/// use matfact_core::{FactorModel, Duplicates, Ratings, ndarray::array};
/// use matfact_linalg::{RecommendOptions, Recommender};
/// let model = FactorModel::new(array![[1.0, 0.0], [0.0, 1.0]], array![[3.0, 1.0], [2.0, 5.0]])?;
/// let seen = Ratings::from_triplets((2, 2), [(1, 1, 1.0)], Duplicates::Error)?;
/// let recommender = Recommender::new(&model);
/// let lists = recommender.for_all(&RecommendOptions::new().count(2).exclude(&seen))?;
/// let columns = |row| lists.list(row).map(|entry| entry.column).collect::<Vec<_>>();
/// assert_eq!((columns(0), columns(1)), (vec![0, 1], vec![0]));
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recommender<'a, T> {
    factors: ScoreFactors<'a, T>,
    panels: Panels<T>,
}

impl<'a, T: Scalar> Recommender<'a, T> {
    /// For the rows and columns of `model`.
    pub fn new<M: Recommend<Scalar = T> + ?Sized>(model: &'a M) -> Self {
        Self::from_factors(model.score_factors())
    }

    /// For scores of these factors.
    #[must_use]
    pub fn from_factors(factors: ScoreFactors<'a, T>) -> Self {
        let bias = factors.column_bias.as_ref().map(|bias| bias.view());
        let panels = Panels::of_all(factors.columns.view(), bias);
        Self { factors, panels }
    }

    /// Rows m and columns n.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.factors.shape()
    }

    /// The best columns for one row.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`].
    pub fn for_row(
        &self,
        row: usize,
        options: &RecommendOptions<'_>,
    ) -> Result<Vec<Recommendation<T>>> {
        Ok(self.for_rows(&[row], options)?.list(0).collect())
    }

    /// The best columns for each of some rows, on the current `rayon` pool.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`].
    pub fn for_rows(
        &self,
        rows: &[usize],
        options: &RecommendOptions<'_>,
    ) -> Result<Recommendations<T>> {
        let mut lists = Recommendations::default();
        self.for_rows_into(rows, options, &mut lists)?;
        Ok(lists)
    }

    /// The best columns for every row.
    ///
    /// # Errors
    /// None at present.
    pub fn for_all(&self, options: &RecommendOptions<'_>) -> Result<Recommendations<T>> {
        let rows: Vec<usize> = (0..self.shape().0).collect();
        self.for_rows(&rows, options)
    }

    /// As [`Recommender::for_rows`] into a buffer that may be used again.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`].
    pub fn for_rows_into(
        &self,
        rows: &[usize],
        options: &RecommendOptions<'_>,
        lists: &mut Recommendations<T>,
    ) -> Result<()> {
        lists.reshape(rows.len(), options.count);
        let (columns, scores) = (&mut lists.columns, &mut lists.scores);
        self.write(rows, options, columns.view_mut(), scores.view_mut())
    }

    /// As [`Recommender::for_rows`] into arrays of the caller's own, (number of rows) x `count`, which
    /// [`NO_COLUMN`] and NaN fill after the end of a short list.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`], [`Error::ShapeMismatch`].
    pub fn write(
        &self,
        rows: &[usize],
        options: &RecommendOptions<'_>,
        columns: ArrayViewMut2<'_, u32>,
        scores: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        check_indices("row", rows, self.shape().0)?;
        let expected = (rows.len(), options.count);
        for (what, given) in [("columns", columns.dim()), ("scores", scores.dim())] {
            if given != expected {
                let what = format!("the buffer for {what}");
                return Err(Error::shape_mismatch(what, expected, given));
            }
        }
        let in_order = rows.iter().enumerate().all(|(at, row)| at == *row);
        let gathered;
        let queries = if in_order {
            self.factors
                .rows
                .slice(matfact_core::ndarray::s![..rows.len(), ..])
        } else {
            gathered = self
                .factors
                .rows
                .select(matfact_core::ndarray::Axis(0), rows);
            gathered.view()
        };
        let offset = |query: usize| self.factors.offset(rows[query]);
        let row = |query: usize| Some(rows[query]);
        self.answer(queries, offset, row, options, columns, scores);
        Ok(())
    }

    /// The best columns for rows that the model does not have, given by their factors (p x k) as
    /// folding in finds them. What `options` excludes by row does not concern them; their biases are
    /// taken as 0, which changes no order.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if the factors are of another rank.
    pub fn for_factors(
        &self,
        factors: ArrayView2<'_, T>,
        options: &RecommendOptions<'_>,
    ) -> Result<Recommendations<T>> {
        let rank = self.factors.columns.ncols();
        if factors.ncols() != rank {
            let what = "rank of the row factors";
            return Err(Error::shape_mismatch(what, rank, factors.ncols()));
        }
        let mut lists = Recommendations::default();
        lists.reshape(factors.nrows(), options.count);
        let (columns, scores) = (lists.columns.view_mut(), lists.scores.view_mut());
        self.answer(
            factors,
            |_| self.factors.mean,
            |_| None,
            options,
            columns,
            scores,
        );
        Ok(lists)
    }

    /// All of `candidates` for one row, best first; one given twice stands once.
    ///
    /// ```
    /// use matfact_core::{FactorModel, ndarray::array};
    /// use matfact_linalg::Recommender;
    /// let model = FactorModel::new(array![[1.0]], array![[3.0], [9.0], [4.0]])?;
    /// let ranked = Recommender::new(&model).rank(0, &[0, 2])?;
    /// assert_eq!((ranked[0].column, ranked[1].column), (2, 0));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for the row, and for a candidate that the model does not have.
    pub fn rank(&self, row: usize, candidates: &[u32]) -> Result<Vec<Recommendation<T>>> {
        let indices: Vec<usize> = candidates.iter().map(|column| *column as usize).collect();
        check_indices("column", &indices, self.shape().1)?;
        let options = RecommendOptions::new().count(candidates.len());
        self.for_row(row, &options.allow(candidates))
    }

    fn answer(
        &self,
        queries: ArrayView2<'_, T>,
        offset: impl Fn(usize) -> T + Sync,
        row: impl Fn(usize) -> Option<usize> + Sync,
        options: &RecommendOptions<'_>,
        columns: ArrayViewMut2<'_, u32>,
        scores: ArrayViewMut2<'_, T>,
    ) {
        let some;
        let panels = match &options.allowed {
            None => &self.panels,
            Some(allowed) => {
                let known = allowed.partition_point(|column| (*column as usize) < self.shape().1);
                let factors = self.factors.columns.view();
                let bias = self.factors.column_bias.as_ref().map(|bias| bias.view());
                some = Panels::new(factors, bias, Some(allowed[..known].to_vec()));
                &some
            }
        };
        let unwanted = |query: usize| options.unwanted(row(query));
        best_products(queries, offset, panels, unwanted, columns, scores);
    }
}

/// The rows of `factors`, each divided by its length; rows without length stay zero.
fn unit_rows<T: Scalar>(factors: ArrayView2<'_, T>) -> Array2<T> {
    let mut unit = factors.to_owned();
    for mut row in unit.rows_mut() {
        let length = row.iter().map(|v| v.as_f64().powi(2)).sum::<f64>().sqrt();
        if length > 0.0 && length.is_finite() {
            row.mapv_inplace(|value| T::from_f64(value.as_f64() / length));
        }
    }
    unit
}

#[cfg(test)]
mod tests;
