//! To be written.

use crate::course::Course;
use crate::fit::Problem;
use crate::initialization::Factors;
use matfact_core::{Error, Matrix, Result, Run};

pub(crate) fn iterate<X: Matrix + ?Sized>(
    _problem: &Problem<'_, X>,
    _factors: &mut Factors<X::Scalar>,
    _run: &mut Run<'_>,
    _course: &mut Course,
) -> Result<()> {
    Err(Error::invalid_parameter(
        "solver",
        "this one",
        "written first",
    ))
}
