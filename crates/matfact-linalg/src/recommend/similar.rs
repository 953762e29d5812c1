//! Rows or columns whose factors point the same way.

use super::{Recommendations, check_indices, unit_rows};
use crate::top::{Panels, Unwanted, best_products};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{Recommend, Recommendation, Result, Scalar};

/// How alike two factor vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Similarity {
    /// a · b / (‖a‖ ‖b‖), from −1 to 1; 0 with a vector of zeros. The default.
    #[default]
    Cosine,
    /// a · b, which prefers vectors of great length: popular items, active users.
    InnerProduct,
}

/// The rows, or the columns, of a model made ready to be compared with each other.
///
/// Exact, ties by the lower index, and nothing is similar to itself. The factors are copied twice.
///
/// ```
/// use matfact_core::{FactorModel, ndarray::array};
/// use matfact_linalg::{Similarities, Similarity};
/// let items = array![[1.0, 0.0], [0.0, 2.0], [3.0, 0.5]];
/// let model = FactorModel::new(array![[1.0, 1.0]], items)?;
/// let similar = Similarities::of_columns(&model, Similarity::Cosine);
/// assert_eq!(similar.nearest(0, 1)?[0].column, 2);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Similarities<T> {
    vectors: Array2<T>,
    panels: Panels<T>,
}

impl<T: Scalar> Similarities<T> {
    /// Between the columns (items) of `model`.
    pub fn of_columns<M>(model: &M, similarity: Similarity) -> Self
    where
        M: Recommend<Scalar = T> + ?Sized,
    {
        Self::of_vectors(model.score_factors().columns.view().to_owned(), similarity)
    }

    /// Between the rows (users) of `model`.
    pub fn of_rows<M>(model: &M, similarity: Similarity) -> Self
    where
        M: Recommend<Scalar = T> + ?Sized,
    {
        Self::of_vectors(model.score_factors().rows.view().to_owned(), similarity)
    }

    /// Between the rows of a matrix (n x k).
    #[must_use]
    pub fn of_vectors(vectors: Array2<T>, similarity: Similarity) -> Self {
        let vectors = match similarity {
            Similarity::Cosine => unit_rows(vectors.view()),
            Similarity::InnerProduct => vectors,
        };
        let panels = Panels::new(vectors.view(), None, None);
        Self { vectors, panels }
    }

    /// The `count` most alike to one, best first, with their similarities.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`](matfact_core::Error::IndexOutOfRange).
    pub fn nearest(&self, index: usize, count: usize) -> Result<Vec<Recommendation<T>>> {
        Ok(self.nearest_of(&[index], count)?.list(0).collect())
    }

    /// The `count` most alike to each of some, on the current `rayon` pool.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`](matfact_core::Error::IndexOutOfRange).
    pub fn nearest_of(&self, indices: &[usize], count: usize) -> Result<Recommendations<T>> {
        check_indices("row", indices, self.vectors.nrows())?;
        let queries = self.vectors.select(Axis(0), indices);
        let mut lists = Recommendations::default();
        lists.reshape(indices.len(), count);
        let themselves: Vec<u32> = indices.iter().map(|index| *index as u32).collect();
        best_products(
            queries.view(),
            |_| T::zero(),
            &self.panels,
            |query| Unwanted {
                listed: std::slice::from_ref(&themselves[query]),
                denied: None,
            },
            lists.columns.view_mut(),
            lists.scores.view_mut(),
        );
        Ok(lists)
    }
}
