//! β-divergences: to be written.

use crate::Loss;
use crate::fit::Problem;
use crate::initialization::Factors;
use matfact_core::{FitReport, Matrix, Result, Summary};

/// Refuses a zero in X where the loss is infinite there (β <= 0).
pub(crate) fn require_positive_entries<X: Matrix + ?Sized>(
    _loss: Loss,
    _x: &X,
    _summary: &Summary,
) -> Result<()> {
    Ok(())
}

/// The exact objective and the certificate of any β-divergence.
pub(crate) fn finish<X: Matrix + ?Sized>(
    _problem: &Problem<'_, X>,
    _factors: &Factors<X::Scalar>,
    _report: &mut FitReport,
) -> Result<()> {
    Ok(())
}
