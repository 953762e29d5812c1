//! Successive projection: to be written.

use crate::fit::Problem;
use crate::initialization::Factors;
use matfact_core::{Error, Matrix, Result};

pub(crate) fn start<X: Matrix + ?Sized>(_problem: &Problem<'_, X>) -> Result<Factors<X::Scalar>> {
    Err(Error::invalid_parameter(
        "init",
        "separable",
        "written first",
    ))
}
