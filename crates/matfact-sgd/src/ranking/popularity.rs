//! The columns by how many rows have them: what any other method has to beat.

use super::fit::survey_positives;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Error, FactorModel, Factorization, Factorizer, Fit, FitReport, ObservedEntries, Result, Run,
    Scalar,
};
use matfact_linalg::in_pool;

/// Popularity: the score of a column (item) is the number of rows (users) that have it, whatever its values.
///
/// Every row gets the same list, but for what is left out of it. The model has rank 0; it has column biases
/// alone.
///
/// # Errors of a fit
/// [`Error::EmptyInput`](matfact_core::Error), `Negative` for a value below 0, `UnsupportedInput` for
/// entries with weights, and those of entries that cannot be.
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings, Recommend};
/// use matfact_sgd::Popularity;
/// let positives = [(0, 1), (1, 0), (1, 1), (2, 1), (2, 2)].map(|(i, j)| (i, j, 1.0_f32));
/// let x = Ratings::from_triplets((3, 3), positives, Duplicates::Error)?;
/// let model = Popularity::new().fit(&x)?.model;
/// let best = model.recommend(0, 2, &[])?;
/// assert_eq!((best[0].column, best[0].score), (1, 3.0));
/// assert_eq!(best[1].column, 0);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Popularity {}

impl Popularity {
    /// There is nothing to set.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }

    /// The factors of new rows, whose positives `x` (p x n) are of the columns of `model`: p x 0, since the scores
    /// are the same for every row.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for another number of columns or a model with factors; `EmptyInput` without any
    /// positive; `Negative`, `UnsupportedInput` and those of entries that cannot be, as a fit.
    pub fn fold_in_rows<T, X>(&self, model: &FactorModel<T>, x: &X) -> Result<Array2<T>>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        check(model, ("columns", model.shape().1, x.shape().1))?;
        survey_positives("popularity", x)?;
        Ok(Array2::default((x.shape().0, 0)))
    }

    /// The factors (q x 0) and biases (q) of new columns, whose positives `x` (m x q) are by the rows of `model`:
    /// how many rows have each.
    ///
    /// # Errors
    /// As [`Popularity::fold_in_rows`], for rows in place of columns.
    pub fn fold_in_columns<T, X>(
        &self,
        model: &FactorModel<T>,
        x: &X,
    ) -> Result<(Array2<T>, Array1<T>)>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        check(model, ("rows", model.shape().0, x.shape().0))?;
        let survey = survey_positives("popularity", x)?;
        let biases = counted(&survey.column_counts);
        Ok((Array2::default((x.shape().1, 0)), biases))
    }
}

fn check<T: Scalar>(
    model: &FactorModel<T>,
    (what, expected, given): (&str, usize, usize),
) -> Result<()> {
    if model.rank() != 0 {
        return Err(Error::shape_mismatch("rank of the model", 0, model.rank()));
    }
    if expected != given {
        return Err(Error::shape_mismatch(what, expected, given));
    }
    Ok(())
}

fn counted<T: Scalar>(counts: &[usize]) -> Array1<T> {
    let counts = counts.iter();
    counts.map(|count| T::from_f64(*count as f64)).collect()
}

impl<X: ObservedEntries + ?Sized> Factorizer<X> for Popularity {
    type Model = FactorModel<X::Scalar>;

    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<Self::Model>> {
        in_pool(run, |run, pool| {
            let survey = survey_positives("popularity", x)?;
            let (m, n) = survey.shape;
            let mut report = FitReport::new("popularity", (m, n), 0, 0);
            report.stored = Some(survey.observed);
            report.threads = pool.threads;
            report.notices.extend(pool.notice);
            let biases = counted(&survey.column_counts);
            let model = FactorModel::new(Array2::default((m, 0)), Array2::default((n, 0)))?
                .with_biases(Array1::default(m), biases)?;
            report.seconds.initialization = run.elapsed().as_secs_f64();
            Ok(Fit { model, report })
        })
    }
}
