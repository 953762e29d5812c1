//! Rows and columns that were not there when the model was fitted.

use super::confidence::both_sides;
use super::fit::{check_model, finite};
use super::half_step::ImplicitStep;
use super::parameters::ImplicitAls;
use super::rooms::Rooms;
use crate::half_step::Factors;
use matfact_core::ndarray::Array2;
use matfact_core::{Error, FactorModel, ObservedEntries, Result, Scalar};

impl ImplicitAls {
    /// The factors (p x k) of new rows, whose entries `x` (p x n) are of the columns of `model`: those that the
    /// half-step of a fit with these settings gives, exactly. A row without positive entries gets zeros.
    ///
    /// ```
    /// use matfact_als::ImplicitAls;
    /// use matfact_core::{Duplicates, Factorizer, Ratings};
    /// let seen = [(0, 0, 1.0), (0, 1, 4.0), (1, 1, 1.0), (1, 2, 1.0)];
    /// let als = ImplicitAls::new(2);
    /// let model = als.fit(&Ratings::from_triplets((2, 3), seen, Duplicates::Error)?)?.model;
    /// let new = Ratings::from_triplets((1, 3), [(0, 0, 1.0)], Duplicates::Error)?;
    /// assert_eq!(als.fold_in_rows(&model, &new)?.dim(), (1, 2));
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for settings out of range; [`Error::ShapeMismatch`] for another number of
    /// columns, a model of another rank, or one with biases; [`Error::EmptyInput`] without any entry; those of
    /// entries that cannot be; [`Error::Overflow`].
    pub fn fold_in_rows<T, X>(&self, model: &FactorModel<T>, x: &X) -> Result<Array2<T>>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        self.validate()?;
        check_model(self, model)?;
        let known = model.column_factors();
        if x.shape().1 != known.nrows() {
            return Err(Error::shape_mismatch("columns", known.nrows(), x.shape().1));
        }
        let (new, _, _) = both_sides(x, (self.confidence, self.alpha))?;
        let step = ImplicitStep::of(self, known.nrows()).exactly();
        let others = Factors::new(known, None);
        let mut solved = Factors::zeros(x.shape().0, self.rank, false);
        step.solve_into(
            &new,
            (&others, &step.gram(&others)),
            &mut solved,
            &mut Rooms::default(),
            false,
        );
        finite(&solved)
    }

    /// As [`ImplicitAls::fold_in_rows`] for new columns, whose entries `x` (m x q) are by the rows of `model`:
    /// factors (q x k).
    ///
    /// # Errors
    /// As [`ImplicitAls::fold_in_rows`].
    pub fn fold_in_columns<T, X>(&self, model: &FactorModel<T>, x: &X) -> Result<Array2<T>>
    where
        T: Scalar,
        X: ObservedEntries<Scalar = T> + ?Sized,
    {
        self.validate()?;
        check_model(self, model)?;
        let known = model.row_factors();
        if x.shape().0 != known.nrows() {
            return Err(Error::shape_mismatch("rows", known.nrows(), x.shape().0));
        }
        let (_, new, _) = both_sides(x, (self.confidence, self.alpha))?;
        let step = ImplicitStep::of(self, known.nrows()).exactly();
        let others = Factors::new(known, None);
        let mut solved = Factors::zeros(x.shape().1, self.rank, false);
        step.solve_into(
            &new,
            (&others, &step.gram(&others)),
            &mut solved,
            &mut Rooms::default(),
            false,
        );
        finite(&solved)
    }
}
