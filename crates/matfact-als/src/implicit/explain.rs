//! Which of the entries of a row its scores come from.

use super::confidence::both_sides;
use super::fit::check_model;
use super::half_step::ImplicitStep;
use super::parameters::ImplicitAls;
use crate::half_step::Factors;
use matfact_core::{
    Duplicates, Error, FactorModel, ObservedEntries, Ratings, Recommendation, Result, Scalar,
};

/// A score taken apart: what each positive entry of the row brings to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation<T> {
    /// The column (item) that is scored.
    pub column: usize,
    /// The score: the sum of all contributions.
    pub score: T,
    /// The columns of the row's positive entries, each with its part of the score: the largest first, ties by the lower
    /// column. A part may be below 0.
    pub contributions: Vec<Recommendation<T>>,
}

impl ImplicitAls {
    /// Says for `columns` which entries of a row their scores come from (Hu, Koren and Volinsky 2008, section 5).
    ///
    /// With the column factors held, the row's factors are linear in its preferences: x = A⁻¹ Σ_j c_j p_j y_j with the
    /// matrix A of the row's equations ([`ImplicitAls`] has them), so that
    ///
    /// > x · y_i = Σ_j c_j p_j (y_jᵀ A⁻¹ y_i)
    ///
    /// and each j with p_j = 1 has a part of its own. The score is that of the factors which
    /// [`ImplicitAls::fold_in_rows`] gives the row: of a row of the training entries, what the model predicts, at convergence.
    ///
    /// `x` (p x n) holds the entries by the columns of `model`, and `row` is one of its rows. Without positive entries
    /// the score is 0. Costs n k² for all columns together, and a solution of the row's equations for each.
    ///
    /// ```
    /// use matfact_als::ImplicitAls;
    /// use matfact_core::{Duplicates, Factorizer, Ratings};
    /// let plays = [(0, 0, 9.0), (0, 1, 3.0), (1, 0, 7.0), (2, 2, 1.0), (2, 3, 5.0), (3, 3, 2.0)];
    /// let plays = Ratings::from_triplets((4, 4), plays, Duplicates::Error)?;
    /// let als = ImplicitAls::new(2);
    /// let model = als.fit(&plays)?.model;
    /// let why = &als.explain(&model, &plays, 1, &[1])?[0];
    /// assert_eq!(why.contributions[0].column, 0);
    /// assert_eq!(why.contributions[0].score, why.score);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ImplicitAls::fold_in_rows`], but a row without entries is none; [`Error::IndexOutOfRange`] for a row that `x`
    /// does not have or a column that the model does not have.
    pub fn explain<T, X>(
        &self,
        model: &FactorModel<T>,
        x: &X,
        row: usize,
        columns: &[usize],
    ) -> Result<Vec<Explanation<T>>>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        self.validate()?;
        check_model(self, model)?;
        let known = model.column_factors();
        let (rows, of_row) = x.shape();
        if of_row != known.nrows() {
            return Err(Error::shape_mismatch("columns", known.nrows(), of_row));
        }
        within("row", row, rows)?;
        for column in columns {
            within("column", *column, of_row)?;
        }
        let (entries, weights) = (x.row(row), x.weights(row));
        let mut seen: Vec<(u32, T, T)> = (0..entries.columns.len())
            .map(|e| {
                let weight = weights.map_or(T::one(), |weights| weights[e]);
                (entries.columns[e], entries.values[e], weight)
            })
            .collect();
        seen.sort_by_key(|(column, _, _)| *column);
        // What weighs nothing is not absent either: it stays, without a part of its own.
        let positive = |(_, value, weight): &(u32, T, T)| *value > T::zero() && *weight > T::zero();
        let parts = if seen.iter().any(positive) {
            let triplets = seen.iter();
            let triplets = triplets.map(|(column, value, _)| (0, *column as usize, *value));
            let own = Ratings::from_triplets((1, of_row), triplets, Duplicates::Error)?;
            let own = own.with_weights(seen.iter().map(|(_, _, weight)| *weight).collect())?;
            let (own, _, _) = both_sides(&own, (self.confidence, self.alpha))?;
            let step = ImplicitStep::of(self, of_row);
            step.contributions(&own, &Factors::new(known, None), columns)
        } else {
            vec![Vec::new(); columns.len()]
        };
        let explained = columns.iter().zip(parts).map(|(column, mut parts)| {
            let score = parts.iter().map(|part| part.score.as_f64()).sum();
            parts.sort_by(Recommendation::best_first);
            Explanation {
                column: *column,
                score: T::from_f64(score),
                contributions: parts,
            }
        });
        let explained: Vec<_> = explained.collect();
        if explained.iter().any(|why| !why.score.is_finite()) {
            return Err(Error::Overflow {
                step: "taking a score apart".to_owned(),
                scalar: T::NAME,
            });
        }
        Ok(explained)
    }
}

fn within(axis: &'static str, index: usize, bound: usize) -> Result<()> {
    if index < bound {
        return Ok(());
    }
    Err(Error::IndexOutOfRange {
        axis,
        index: index as i128,
        position: 0,
        bound,
    })
}
