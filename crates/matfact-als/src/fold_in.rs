//! Rows and columns that were not there when the model was fitted.

use crate::entries::ByColumns;
use crate::fit::scaled;
use crate::half_step::{Factors, HalfStep};
use crate::{Als, AlsSolver};
use matfact_core::ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use matfact_core::{Error, FactorModel, ObservedEntries, Result, Scalar};
use matfact_linalg::survey_ratings;

/// The most sweeps of coordinate descent; they end where nothing changes any more.
const SWEEPS: usize = 1000;

/// Factors (p x k) and biases (p, of models with biases) of new rows, whose ratings `x` (p x n) are of the
/// columns of `model`: those that the half-step of a fit with these settings gives. `deviation` is σ of the
/// training ratings, `report.chosen["deviation"]` of the fit. A row without ratings gets zeros.
///
/// ```
/// use matfact_als::{Als, fold_in_rows};
/// use matfact_core::{Duplicates, Factorizer, Ratings};
/// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
/// let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
/// let als = Als::new(2);
/// let fit = als.fit(&ratings)?;
/// let deviation: f64 = fit.report.chosen["deviation"].parse().unwrap();
/// let new = Ratings::from_triplets((1, 3), [(0, 0, 5.0), (0, 1, 4.0)], Duplicates::Error)?;
/// let (factors, biases) = fold_in_rows(&als, &fit.model, deviation, &new)?;
/// assert!(biases.unwrap()[0] > 0.0);
/// assert_eq!(factors.dim(), (1, 2));
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidParameter`] for settings out of range or a deviation that is not above 0;
/// [`Error::ShapeMismatch`] for another number of columns, a model of another rank, or one with biases where
/// the settings have none (or the reverse); [`Error::EmptyInput`] without any rating; those of entries that
/// cannot be; [`Error::Overflow`].
pub fn fold_in_rows<T, X>(
    als: &Als,
    model: &FactorModel<T>,
    deviation: f64,
    x: &X,
) -> Result<(Array2<T>, Option<Array1<T>>)>
where
    T: Scalar,
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let known = (model.column_factors(), model.column_bias());
    check(als, known, deviation, x.shape().1, "columns")?;
    survey_ratings(x, als.biased)?;
    let others = in_units(known, deviation);
    let step = exactly(als, model.mean().as_f64(), deviation);
    scaled(&step.solve(x, 0..x.shape().0, &others), deviation)
}

/// As [`fold_in_rows`] for new columns, whose ratings `x` (m x q) are by the rows of `model`: factors (q x k)
/// and biases (q).
///
/// # Errors
/// As [`fold_in_rows`].
pub fn fold_in_columns<T, X>(
    als: &Als,
    model: &FactorModel<T>,
    deviation: f64,
    x: &X,
) -> Result<(Array2<T>, Option<Array1<T>>)>
where
    T: Scalar,
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    let known = (model.row_factors(), model.row_bias());
    check(als, known, deviation, x.shape().0, "rows")?;
    let survey = survey_ratings(x, als.biased)?;
    let transposed = ByColumns::of(x, &survey.column_counts);
    let others = in_units(known, deviation);
    let step = exactly(als, model.mean().as_f64(), deviation);
    let all = 0..transposed.shape().0;
    scaled(&step.solve(&transposed, all, &others), deviation)
}

/// The half-step of a fit, to its end: there is no start to improve on.
fn exactly(als: &Als, mean: f64, deviation: f64) -> HalfStep {
    let solver = if als.non_negative {
        AlsSolver::CoordinateDescent { sweeps: SWEEPS }
    } else {
        AlsSolver::Cholesky
    };
    HalfStep {
        solver,
        ..als.half_step(mean, deviation)
    }
}

pub(crate) type Known<'a, T> = (ArrayView2<'a, T>, Option<ArrayView1<'a, T>>);

fn check<T>(
    als: &Als,
    (factors, biases): Known<'_, T>,
    deviation: f64,
    given: usize,
    what: &str,
) -> Result<()> {
    als.validate()?;
    if !(deviation.is_finite() && deviation > 0.0) {
        let requirement = "finite and above 0: that of the training ratings";
        return Err(Error::invalid_parameter(
            "deviation",
            deviation,
            requirement,
        ));
    }
    if given != factors.nrows() {
        return Err(Error::shape_mismatch(what, factors.nrows(), given));
    }
    check_known(als, (factors, biases))
}

/// Refuses a model that these settings do not give.
pub(crate) fn check_known<T>(als: &Als, (factors, biases): Known<'_, T>) -> Result<()> {
    if factors.ncols() != als.rank {
        return Err(Error::shape_mismatch(
            "rank of the model",
            als.rank,
            factors.ncols(),
        ));
    }
    let told = |biased: bool| {
        if biased {
            "with biases"
        } else {
            "without biases"
        }
    };
    if biases.is_some() != als.biased {
        let (expected, actual) = (told(als.biased), told(biases.is_some()));
        return Err(Error::shape_mismatch("model", expected, actual));
    }
    Ok(())
}

/// Factors by √σ, biases by σ.
pub(crate) fn in_units<T: Scalar>((factors, biases): Known<'_, T>, deviation: f64) -> Factors<T> {
    let root = deviation.sqrt();
    let factors = factors.mapv(|v| T::from_f64(v.as_f64() / root));
    let biases = biases.map(|biases| biases.mapv(|v| T::from_f64(v.as_f64() / deviation)));
    Factors::new(factors.view(), biases.as_ref().map(|biases| biases.view()))
}
