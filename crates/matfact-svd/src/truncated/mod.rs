//! Truncated SVD: from a matrix and hyper-parameters to triplets and their report.

mod parameters;
mod subspace;
mod watch;

pub use parameters::{SvdMethod, SvdRank, Tolerance, TruncatedSvd};

use crate::SvdModel;
use crate::decomposition::{epsilon, fix_signs, in_range, transposed};
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Certificate, CheckpointState, DataFingerprint, Error, Factorization, Factorizer, Fit,
    FitReport, LinearOperator, Result, Run, Scalar,
};
use matfact_linalg::{
    PoolInfo, Products, RefinedTriplets, column_variances, in_pool, random_normal,
};

/// Below this share of ‖X‖², in units of the scalar's rounding, the error is measured directly: the
/// difference of the norms has lost its digits there.
const CANCELLATION: f64 = 300.0;

const LEFT_GRAM: &str = "the smallest singular values wanted are lost in the squares of the largest: found by \
                         lanczos, not gram-lanczos";

impl<X: LinearOperator + ?Sized> Factorizer<X> for TruncatedSvd {
    type Model = SvdModel<X::Scalar>;

    /// The report's certificate is by two products with the triplets as they are returned; by `Lanczos`
    /// with a tolerance it is what the process knows of them, and rounding added. The report's stop is
    /// `Converged` where the tolerance is kept, and `MaxIterations` where the iterations were given or used
    /// up.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`], [`Error::EmptyInput`], [`Error::InvalidRank`] (k = 0 or k > min(m, n)),
    /// [`Error::NonFinite`] (where entries can be listed), [`Error::Overflow`], [`Error::TooLarge`],
    /// [`Error::UnsupportedInput`] for a rank by the error of an operator without a norm.
    fn fit_with(&self, x: &X, run: &mut Run<'_>) -> Result<Fit<SvdModel<X::Scalar>>> {
        self.validate()?;
        self.check(x.shape())?;
        // One compiled fit for every type of matrix.
        let x: &dyn LinearOperator<Scalar = X::Scalar> = &x;
        if self.method_for(x.shape()) != SvdMethod::Exact {
            run.gives_checkpoints();
        }
        in_pool(run, |run, pool| {
            let resumed = identify("svd", self, x, run)?;
            fit(self, x, None, (run, resumed), pool)
        })
    }
}

/// Says what a fit is of, and gives the state to go on from, if there is one. An operator's entries cannot be listed: its
/// product with a column that is the same every time tells it from others.
pub(crate) fn identify<X: LinearOperator + ?Sized>(
    algorithm: &str,
    settings: &dyn std::fmt::Debug,
    x: &X,
    run: &mut Run<'_>,
) -> Result<Option<CheckpointState>> {
    let (m, n) = x.shape();
    run.identify::<X::Scalar>(algorithm, settings, || {
        let column: Array2<X::Scalar> = random_normal((n, 1), 0, 0);
        let mut product = Array2::from_elem((m, 1), X::Scalar::from_f64(0.0));
        x.multiply(column.view(), product.view_mut());
        let mut fingerprint = DataFingerprint::empty((m, n));
        for (row, value) in product.iter().enumerate() {
            fingerprint.observe(row, 0, *value);
        }
        fingerprint
    })
}

/// The fit within a pool that is there; `energy` is what the squared singular values have to sum to, where
/// the rank is to follow from it and the caller knows.
pub(crate) fn fit<X: LinearOperator + ?Sized>(
    svd: &TruncatedSvd,
    x: &X,
    energy: Option<f64>,
    (run, resumed): (&mut Run<'_>, Option<CheckpointState>),
    pool: PoolInfo,
) -> Result<Fit<SvdModel<X::Scalar>>> {
    let summary = x.summary();
    if let Some(summary) = &summary {
        summary.require_finite()?;
    }
    let method = svd.method_for(x.shape());
    let mut report = FitReport::new("svd", x.shape(), 0, svd.seed);
    report.stored = summary.as_ref().map(|summary| summary.stored);
    report.threads = pool.threads;
    report.notices.extend(pool.notice);
    let products = Products::new(x, summary.as_ref());
    let energy = match energy {
        Some(energy) => Some(energy / (products.scale() * products.scale())),
        None => svd.energy(products.squared_norm())?,
    };
    report.seconds.initialization = run.elapsed().as_secs_f64();

    let found = subspace::find(svd, method, &products, energy, run, resumed)?;
    report.iterations = found.iterations;
    report.stop = found.stop;
    if svd.method == SvdMethod::Auto {
        let used = if found.left_gram {
            SvdMethod::Lanczos
        } else {
            method
        };
        report.chosen.insert("method".to_owned(), used.to_string());
    } else if found.left_gram {
        report.notices.push(LEFT_GRAM.to_owned());
    }
    report.seconds.iterations = run.elapsed().as_secs_f64() - report.seconds.initialization;

    let model = finish(&products, found.triplets, &mut report)?;
    report.rank = model.rank();
    report.seconds.finishing =
        run.elapsed().as_secs_f64() - report.seconds.initialization - report.seconds.iterations;
    Ok(Fit { model, report })
}

impl TruncatedSvd {
    /// The squared singular values of X' that a rank by its error has to hold.
    fn energy(&self, squared_norm: Option<f64>) -> Result<Option<f64>> {
        let SvdRank::RelativeError(error) = self.rank else {
            return Ok(None);
        };
        match squared_norm {
            Some(norm) => Ok(Some((1.0 - error * error) * norm)),
            None => Err(Error::UnsupportedInput {
                algorithm: "svd to a relative error",
                expected: "a matrix whose norm is known (give a number of triplets)",
                actual: "an operator without a summary",
            }),
        }
    }
}

/// The model, and what the report says of its residuals and error.
fn finish<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    triplets: RefinedTriplets<X::Scalar>,
    report: &mut FitReport,
) -> Result<SvdModel<X::Scalar>> {
    let scale = x.scale();
    let RefinedTriplets {
        mut u,
        singular_values: sigma,
        v,
        xv,
        left_residuals,
        right_residuals,
    } = triplets;
    let mut vt = transposed(&v);
    drop(v);
    for (component, flipped) in fix_signs(&mut vt).into_iter().enumerate() {
        if flipped {
            u.column_mut(component).mapv_inplace(|v| -v);
        }
    }
    let largest = sigma.first().copied().unwrap_or(0.0);
    let unit = if largest > 0.0 { largest } else { 1.0 };
    report.certificate = Some(Certificate::TripletResiduals {
        left: left_residuals.iter().map(|r| r / unit).collect(),
        right: right_residuals.iter().map(|r| r / unit).collect(),
    });

    if let Some(squared_norm) = x.squared_norm() {
        let captured: f64 = sigma.iter().map(|s| s * s).sum();
        let mut squared = squared_norm - captured;
        if squared < CANCELLATION * epsilon::<X::Scalar>() * squared_norm {
            let weighted = &u * &sigma.mapv(X::Scalar::from_f64);
            squared = x
                .squared_residual(weighted.view(), vt.t(), xv.view())
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

    let explained_variance = column_variances(xv.view()) * scale * scale;
    let total = match x.squared_norm() {
        Some(squared_norm) => Some(total_variance(x, squared_norm)? * scale * scale),
        None => None,
    };
    let singular_values = sigma
        .iter()
        .map(|s| in_range(s * scale, "the largest singular value"))
        .collect::<Result<Array1<X::Scalar>>>()?;
    SvdModel::fitted(u, singular_values, vt, explained_variance, total)
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
