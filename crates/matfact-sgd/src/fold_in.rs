//! Rows and columns that were not there when the model was fitted.

use crate::fit::check_deviation;
use crate::{Sgd, SgdLoss};
use matfact_core::ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use matfact_core::{Error, FactorModel, Factorization, ObservedEntries, Result, Scalar};
use matfact_linalg::{RegressionEntries, Regressors, Ridge, RidgeRegression, Simd, survey_ratings};
use rayon::prelude::*;

/// Rows that are solved for with the same workspace.
const ROWS_AT_ONCE: usize = 64;

/// Factors (p x k) and biases (p, of models with biases) of new rows, whose ratings `x` (p x n) are of the columns
/// of `model`: those that minimize the objective of a fit with these settings while all else stays. The minimum is
/// exact, by a ridge regression for each row, with λ n_i on the factors and λ_b n_i^ν on the bias. `deviation` is σ of
/// the training ratings, `report.chosen["deviation"]` of the fit. A row without ratings gets zeros.
///
/// For the squared loss without L1 penalties and without a sign; for others [`Sgd::partial_fit`] grows the model.
///
/// ```
/// use matfact_core::{Duplicates, Factorizer, Ratings};
/// use matfact_sgd::{Sgd, fold_in_rows};
/// let triplets = [(0, 0, 5.0), (0, 1, 4.0), (1, 0, 1.0), (1, 2, 1.0), (2, 1, 4.5), (2, 2, 2.0)];
/// let ratings = Ratings::from_triplets((3, 3), triplets, Duplicates::Error)?;
/// let sgd = Sgd::new(2);
/// let fit = sgd.fit(&ratings)?;
/// let deviation: f64 = fit.report.chosen["deviation"].parse().unwrap();
/// let new = Ratings::from_triplets((1, 3), [(0, 0, 5.0), (0, 1, 4.0)], Duplicates::Error)?;
/// let (factors, biases) = fold_in_rows(&sgd, &fit.model, deviation, &new)?;
/// assert!(biases.unwrap()[0] > 0.0);
/// assert_eq!(factors.dim(), (1, 2));
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidParameter`] for settings out of range or of another loss, and for a deviation that is not above 0;
/// [`Error::ShapeMismatch`] for another number of columns, a model of another rank, or one with biases where the
/// settings have none (or the reverse); [`Error::EmptyInput`] without any rating; those of entries that cannot be;
/// [`Error::Overflow`].
pub fn fold_in_rows<T, X>(
    sgd: &Sgd,
    model: &FactorModel<T>,
    deviation: f64,
    x: &X,
) -> Result<(Array2<T>, Option<Array1<T>>)>
where
    T: Scalar,
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    check(
        sgd,
        model,
        deviation,
        x.shape().1,
        model.shape().1,
        "columns",
    )?;
    survey_ratings(x, sgd.biased)?;
    let rows = (0..x.shape().0).map(|row| {
        let entries = x.row(row);
        Entries {
            others: entries.columns.to_vec(),
            values: entries.values.to_vec(),
            weights: x.weights(row).map(<[T]>::to_vec),
        }
    });
    let known = (model.column_factors(), model.column_bias());
    solve(sgd, 0, model.mean(), deviation, known, rows.collect())
}

/// As [`fold_in_rows`] for new columns, whose ratings `x` (m x q) are by the rows of `model`: factors (q x k) and
/// biases (q).
///
/// # Errors
/// As [`fold_in_rows`].
pub fn fold_in_columns<T, X>(
    sgd: &Sgd,
    model: &FactorModel<T>,
    deviation: f64,
    x: &X,
) -> Result<(Array2<T>, Option<Array1<T>>)>
where
    T: Scalar,
    X: ObservedEntries<Scalar = T> + ?Sized,
{
    check(sgd, model, deviation, x.shape().0, model.shape().0, "rows")?;
    survey_ratings(x, sgd.biased)?;
    let mut columns = vec![Entries::default(); x.shape().1];
    for row in 0..x.shape().0 {
        let entries = x.row(row);
        let weights = x.weights(row);
        for (e, (column, value)) in entries.columns.iter().zip(entries.values).enumerate() {
            let own = &mut columns[*column as usize];
            own.others.push(row as u32);
            own.values.push(*value);
            if let Some(weights) = weights {
                own.weights.get_or_insert_default().push(weights[e]);
            }
        }
    }
    let known = (model.row_factors(), model.row_bias());
    solve(sgd, 1, model.mean(), deviation, known, columns)
}

/// The ratings of one new row or column.
#[derive(Debug, Clone, Default)]
struct Entries<T> {
    others: Vec<u32>,
    values: Vec<T>,
    weights: Option<Vec<T>>,
}

fn check<T: Scalar>(
    sgd: &Sgd,
    model: &FactorModel<T>,
    deviation: f64,
    given: usize,
    expected: usize,
    what: &str,
) -> Result<()> {
    sgd.validate()?;
    check_deviation(deviation)?;
    let remedy =
        "squared, without L1 penalties and without a sign, to fold in (partial_fit takes all)";
    let l1 = sgd.row_l1.max(sgd.column_l1);
    if sgd.loss != SgdLoss::Squared {
        let loss = format!("{:?}", sgd.loss);
        return Err(Error::invalid_parameter("loss", loss, remedy));
    }
    if l1 > 0.0 {
        return Err(Error::invalid_parameter("row_l1", l1, remedy));
    }
    if sgd.non_negative {
        return Err(Error::invalid_parameter("non_negative", true, remedy));
    }
    if given != expected {
        return Err(Error::shape_mismatch(what, expected, given));
    }
    sgd.check_model(model)
}

/// A ridge regression for each, in units of σ.
fn solve<T: Scalar>(
    sgd: &Sgd,
    side: usize,
    mean: T,
    deviation: f64,
    (factors, biases): (ArrayView2<'_, T>, Option<ArrayView1<'_, T>>),
    rows: Vec<Entries<T>>,
) -> Result<(Array2<T>, Option<Array1<T>>)> {
    let scale = sgd.scale(deviation);
    let root = scale.sqrt();
    let penalty = sgd.penalties(scale)[side].squares;
    let mut regressors = Regressors::zeros(factors.nrows(), sgd.rank);
    for (target, row) in regressors.rows_mut().zip(factors.rows()) {
        for (target, value) in target.iter_mut().zip(row) {
            *target = T::from_f64(value.as_f64() / root);
        }
    }
    let constants = biases.map(|biases| biases.mapv(|bias| bias.as_f64() / scale));
    let mut solution = Array2::default((rows.len(), sgd.rank));
    let mut solved = vec![T::zero(); rows.len()];
    let values = solution.as_slice_mut().expect("it was just made");
    values
        .par_chunks_mut(ROWS_AT_ONCE * sgd.rank)
        .zip(solved.par_chunks_mut(ROWS_AT_ONCE))
        .zip(rows.par_chunks(ROWS_AT_ONCE))
        .for_each(|((values, biases), rows)| {
            let mut regression = RidgeRegression::new(sgd.rank, Simd::detect());
            let outs = values.chunks_exact_mut(sgd.rank);
            for ((out, bias), row) in outs.zip(biases).zip(rows) {
                let weights = row.weights.as_deref();
                let total: f64 = match weights {
                    None => row.values.len() as f64,
                    Some(weights) => weights.iter().map(|w| w.as_f64()).sum(),
                };
                if total == 0.0 {
                    continue;
                }
                let target = |(value, other): (&T, &u32)| {
                    let centred = 0.5 * value.as_f64() - 0.5 * mean.as_f64();
                    let constant = constants.as_ref().map_or(0.0, |c| c[*other as usize]);
                    T::from_f64(2.0 * (centred / scale) - constant)
                };
                let targets: Vec<T> = row.values.iter().zip(&row.others).map(target).collect();
                let ridge = Ridge {
                    factors: penalty * total,
                    constant: sgd
                        .biased
                        .then(|| sgd.bias_regularization * total.powf(sgd.bias_count_power)),
                };
                let entries = RegressionEntries {
                    regressors: &regressors,
                    rows: &row.others,
                    targets: &targets,
                    weights,
                    next: &[],
                };
                *bias = regression.solve(entries, ridge, out);
            }
        });
    let factors = solution.mapv(|v| T::from_f64(v.as_f64() * root));
    let biases = sgd.biased.then(|| {
        let scaled = solved.iter().map(|bias| T::from_f64(bias.as_f64() * scale));
        scaled.collect::<Array1<T>>()
    });
    if factors
        .iter()
        .chain(biases.iter().flatten())
        .any(|v| !v.is_finite())
    {
        return Err(Error::Overflow {
            step: format!("scaling the factors by the ratings' deviation {scale:e}"),
            scalar: T::NAME,
        });
    }
    Ok((factors, biases))
}
