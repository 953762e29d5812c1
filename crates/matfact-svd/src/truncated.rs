//! Randomized truncated SVD: hyper-parameters and fit.

use crate::SvdModel;
use matfact_core::ndarray::{Array1, Array2, ArrayView1};
use matfact_core::{
    Certificate, Error, Factorizer, Fit, FitReport, LinearOperator, Result, Run, Scalar,
};
use matfact_linalg::{PoolInfo, Products, RandomizedSvd, Triplets, in_pool, randomized_svd};

/// Below this share of ‖X‖² the error is measured directly: the difference of the norms has lost
/// its digits there.
const CANCELLATION: f64 = 1e-3;

/// Truncated SVD with its hyper-parameters; the [crate page](crate) has the mathematics.
///
/// | name | default | range | meaning |
/// |---|---|---|---|
/// | `rank` | – | 1..=min(m, n) | number of singular triplets k |
/// | `oversampling` | 10 | 0.. | random columns beyond the rank |
/// | `power_iterations` | 7 | 0.. | applications of XXᵀ; more for flat spectra |
/// | `seed` | 0 | | of the random columns |
///
/// ```
/// use matfact_svd::TruncatedSvd;
/// let svd = TruncatedSvd::new(100).power_iterations(12).seed(7);
/// assert_eq!(svd.rank(), 100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(deny_unknown_fields, default = "without_rank")
)]
pub struct TruncatedSvd {
    rank: usize,
    oversampling: usize,
    power_iterations: usize,
    seed: u64,
}

/// What a configuration leaves out takes its default; a rank has none, and 0 is refused by the fit.
#[cfg(feature = "serde")]
fn without_rank() -> TruncatedSvd {
    TruncatedSvd::new(0)
}

impl TruncatedSvd {
    /// The `rank` leading triplets, with the defaults of the table.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            oversampling: 10,
            power_iterations: 7,
            seed: 0,
        }
    }

    /// Sets the number of random columns beyond the rank.
    #[must_use]
    pub fn oversampling(mut self, columns: usize) -> Self {
        self.oversampling = columns;
        self
    }

    /// Sets the number of applications of XXᵀ.
    #[must_use]
    pub fn power_iterations(mut self, iterations: usize) -> Self {
        self.power_iterations = iterations;
        self
    }

    /// Sets the seed of the random columns.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The number of triplets k.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    fn check(&self, shape: (usize, usize)) -> Result<()> {
        let (rows, columns) = shape;
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyInput {
                rows,
                columns,
                stored: 0,
            });
        }
        let limit = rows.min(columns);
        if self.rank == 0 || self.rank > limit {
            return Err(Error::InvalidRank {
                rank: self.rank,
                limit,
                shape,
            });
        }
        let width = self.rank.saturating_add(self.oversampling).min(limit);
        let bytes = rows
            .checked_add(columns)
            .and_then(|sum| sum.checked_mul(8 * width));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(Error::TooLarge {
                what: format!("bases of {width} columns"),
            });
        }
        Ok(())
    }
}

impl<X: LinearOperator + ?Sized> Factorizer<X> for TruncatedSvd {
    type Model = SvdModel<X::Scalar>;

    /// # Errors
    /// [`Error::EmptyInput`], [`Error::InvalidRank`] (k = 0 or k > min(m, n)),
    /// [`Error::NonFinite`] (where entries can be listed), [`Error::Overflow`],
    /// [`Error::TooLarge`].
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<SvdModel<X::Scalar>>> {
        self.check(x.shape())?;
        in_pool(run, |run, pool| fit(self, x, run, pool))
    }
}

fn fit<X: LinearOperator + ?Sized>(
    svd: &TruncatedSvd,
    x: &X,
    run: &mut Run<'_>,
    pool: PoolInfo,
) -> Result<Fit<SvdModel<X::Scalar>>> {
    let summary = x.summary();
    if let Some(summary) = &summary {
        summary.require_finite()?;
    }
    let mut report = FitReport::new("svd", x.shape(), svd.rank, svd.seed);
    report.stored = summary.as_ref().map(|summary| summary.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let products = Products::new(x, summary.as_ref());
    report.seconds.initialization = run.elapsed().as_secs_f64();

    let asked = RandomizedSvd {
        rank: svd.rank,
        oversampling: svd.oversampling,
        power_iterations: svd.power_iterations,
        seed: svd.seed,
    };
    let limit = svd.power_iterations;
    let mut triplets = randomized_svd(&products, asked, |iteration, _| {
        run.iteration(iteration, limit, f64::NAN)
    })?;
    fix_signs(&mut triplets);
    report.iterations = triplets.iterations;
    report.stop = triplets.stop;
    report.seconds.iterations = run.elapsed().as_secs_f64() - report.seconds.initialization;

    let model = finish(&products, triplets, &mut report)?;
    report.seconds.finishing =
        run.elapsed().as_secs_f64() - report.seconds.initialization - report.seconds.iterations;
    Ok(Fit { model, report })
}

/// Makes the entry of largest magnitude of every right vector positive.
fn fix_signs<T: Scalar>(triplets: &mut Triplets<T>) {
    for component in 0..triplets.singular_values.len() {
        let mut largest = T::zero();
        for value in triplets.v.column(component) {
            if value.abs() > largest.abs() {
                largest = *value;
            }
        }
        if largest < T::zero() {
            triplets.u.column_mut(component).mapv_inplace(|v| -v);
            triplets.v.column_mut(component).mapv_inplace(|v| -v);
        }
    }
}

/// Residuals, error and explained variance, all from the one product X·V.
fn finish<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    triplets: Triplets<X::Scalar>,
    report: &mut FitReport,
) -> Result<SvdModel<X::Scalar>> {
    let scale = x.scale();
    let Triplets {
        u,
        singular_values,
        v,
        ..
    } = triplets;
    let sigma: Vec<f64> = singular_values.iter().map(|s| s.as_f64()).collect();
    let xv = x.multiply(v.view())?;
    let largest = sigma.first().copied().unwrap_or(0.0);
    let residual = |component: usize| {
        // X'ᵀu = σv holds by construction, to rounding, so this is the larger of the two.
        let left = xv
            .column(component)
            .into_iter()
            .zip(u.column(component))
            .map(|(xv, u)| {
                let difference = xv.as_f64() - sigma[component] * u.as_f64();
                difference * difference
            });
        left.sum::<f64>().sqrt() / if largest > 0.0 { largest } else { 1.0 }
    };
    let residuals = (0..sigma.len()).map(residual).collect();
    report.certificate = Some(Certificate::TripletResiduals(residuals));

    if let Some(squared_norm) = x.squared_norm() {
        let captured: f64 = sigma.iter().map(|s| s * s).sum();
        let mut squared = squared_norm - captured;
        if squared < CANCELLATION * squared_norm {
            let weighted = &u * &singular_values;
            squared = x
                .squared_residual(weighted.view(), v.view(), xv.view())
                .unwrap_or(squared);
        }
        let squared = squared.max(0.0);
        report.objective = 0.5 * squared * scale * scale;
        report.relative_error = Some(if squared_norm > 0.0 {
            (squared / squared_norm).sqrt()
        } else {
            0.0
        });
    }

    let variance = xv
        .columns()
        .into_iter()
        .map(|column| population_variance(column) * scale * scale);
    let explained_variance: Array1<f64> = variance.collect();
    let total = match x.squared_norm() {
        Some(squared_norm) => Some(total_variance(x, squared_norm)? * scale * scale),
        None => None,
    };
    let in_range = |value: f64| {
        let value = X::Scalar::from_f64(value);
        if value.as_f64().is_finite() {
            Ok(value)
        } else {
            let step = "the largest singular value".to_owned();
            Err(Error::Overflow {
                step,
                scalar: X::Scalar::NAME,
            })
        }
    };
    let singular_values = sigma
        .iter()
        .map(|s| in_range(s * scale))
        .collect::<Result<Array1<X::Scalar>>>()?;
    let vt = v.t().as_standard_layout().into_owned();
    SvdModel::fitted(u, singular_values, vt, explained_variance, total)
}

fn population_variance<T: Scalar>(values: ArrayView1<'_, T>) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|v| v.as_f64()).sum::<f64>() / count;
    values
        .iter()
        .map(|v| (v.as_f64() - mean) * (v.as_f64() - mean))
        .sum::<f64>()
        / count
}

/// The sum of the population variances of the columns of X'.
fn total_variance<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    squared_norm: f64,
) -> Result<f64> {
    let m = x.shape().0;
    let ones = Array2::from_elem((m, 1), X::Scalar::from_f64(1.0));
    let sums = x.multiply_transposed(ones.view())?;
    let squared_means: f64 = sums.iter().map(|s| (s.as_f64() / m as f64).powi(2)).sum();
    Ok((squared_norm / m as f64 - squared_means).max(0.0))
}
