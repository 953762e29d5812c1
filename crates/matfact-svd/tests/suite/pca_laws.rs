//! The laws that `Pca` is held to by each of its methods, in both precisions.

use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{Factorization, Factorizer, Fit, Result, Run, Scalar, Transform};
use matfact_svd::{Pca, PcaMethod, PcaModel, SvdModel, TruncatedSvd};
use matfact_testkit::strategies::{planted, signed};
use matfact_testkit::{
    DynMatrix, DynOperator, Law, LimitedRank, MatrixSubject, OperatorSubject, OptimalSubject,
    PermutationEquivariant, ScaleEquivariant, TransformSubject, hold, reference,
};
use std::marker::PhantomData;

struct By<T>(PcaMethod, PhantomData<T>);

fn by<T>(method: PcaMethod) -> By<T> {
    By(method, PhantomData)
}

impl<T: Scalar> MatrixSubject for By<T> {
    type Scalar = T;
    type Model = PcaModel<T>;

    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<T>, Model = PcaModel<T>> {
        Pca::new(rank).method(self.0).seed(seed)
    }

    fn is_centered(&self) -> bool {
        true
    }

    /// A covariance is as large as the square of the columns.
    fn large_shape(&self) -> (usize, usize) {
        match self.0 {
            PcaMethod::Covariance => (600, 40),
            _ => (1200, 40),
        }
    }

    /// Only rounding is left on small matrices; a covariance squares that of small values, and the
    /// centred product of a sparse matrix is a difference.
    fn tolerance(&self) -> f64 {
        match self.0 {
            PcaMethod::Covariance => 1e-6_f64.max(200.0 * reference::epsilon::<T>()),
            _ => 200.0 * reference::epsilon::<T>(),
        }
    }
}

impl<T: Scalar> OperatorSubject for By<T> {
    fn operator_factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynOperator<T>, Model = PcaModel<T>> {
        Pca::new(rank).method(self.0).seed(seed)
    }
}

impl<T: Scalar> TransformSubject for By<T> {
    fn transform(&self, model: &PcaModel<T>, x: &DynMatrix<T>) -> Result<Array2<T>> {
        model.transform(x)
    }

    fn row_coordinates(&self, model: &PcaModel<T>) -> Array2<T> {
        model.scores().to_owned()
    }
}

impl<T: Scalar> OptimalSubject for By<T> {}
impl<T: Scalar> LimitedRank for By<T> {}
impl<T: Scalar> PermutationEquivariant for By<T> {}
impl<T: Scalar> ScaleEquivariant for By<T> {}

matfact_testkit::laws! {
    auto_f32: by::<f32>(PcaMethod::Auto) => matrix, optimal, transform, operator, limited_rank,
        permutation, scale;
    auto_f64: by::<f64>(PcaMethod::Auto) => matrix, optimal, transform, operator, limited_rank,
        permutation, scale;
    covariance_f32: by::<f32>(PcaMethod::Covariance) => matrix, optimal, transform, operator,
        limited_rank, permutation, scale;
    covariance_f64: by::<f64>(PcaMethod::Covariance) => matrix, optimal, transform, operator,
        limited_rank, permutation, scale;
    truncated_f32: by::<f32>(PcaMethod::Truncated) => matrix, optimal, transform, operator,
        limited_rank, permutation, scale;
    truncated_f64: by::<f64>(PcaMethod::Truncated) => matrix, optimal, transform, operator,
        limited_rank, permutation, scale;
}

matfact_testkit::precision_laws! {
    precision: by::<f32>(PcaMethod::Auto), by::<f64>(PcaMethod::Auto);
}

const METHODS: [PcaMethod; 3] = [
    PcaMethod::Exact,
    PcaMethod::Covariance,
    PcaMethod::Truncated,
];

/// Components are orthonormal on every matrix, with the sign that the rule says.
#[test]
fn components_are_orthonormal_and_signed() {
    let law = Law {
        name: "components_are_orthonormal_and_signed",
        statement: "Components are orthonormal; the largest entry of each is positive.",
    };
    hold(law.check("pca", 64, &signed(), |case| {
        for method in METHODS {
            let fit = Pca::new(case.rank).method(method).fit(&case.x);
            let model = fit.map_err(|error| error.to_string())?.model;
            let error = reference::orthonormality_error(model.components().t());
            if error.is_nan() || error > 1e-14 * 10.0 * case.x.ncols() as f64 {
                return Err(format!("{method:?}: ‖VVᵀ - I‖₁ is {error:e}"));
            }
            for (at, row) in model.components().rows().into_iter().enumerate() {
                let largest = row.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
                let first = row.iter().find(|v| v.abs() == largest).copied();
                if first.is_none_or(|v| v < 0.0) {
                    return Err(format!("{method:?}: component {at} is {row}"));
                }
            }
        }
        Ok(())
    }));
}

/// Singular values are those of the centred matrix.
#[test]
fn singular_values_are_those_of_the_centered_matrix() {
    let law = Law {
        name: "singular_values_are_those_of_the_centered_matrix",
        statement: "Singular values are those of the centred matrix.",
    };
    hold(law.check("pca", 64, &planted(), |case| {
        let means = case.x.sum_axis(matfact_core::ndarray::Axis(0)) / case.x.nrows() as f64;
        let centered = &case.x - &means;
        let truth = reference::jacobi_svd(centered.view()).s;
        for method in METHODS {
            let fit = Pca::new(case.rank).method(method).fit(&case.x);
            let model = fit.map_err(|error| error.to_string())?.model;
            for (found, s) in model.singular_values().iter().zip(&truth) {
                let slack = match method {
                    PcaMethod::Covariance => 1e-7,
                    _ => 1e-13,
                };
                if (found - s).abs().is_nan() || (found - s).abs() > slack * truth[0] {
                    return Err(format!("{method:?}: {found} instead of {s}"));
                }
            }
        }
        Ok(())
    }));
}

/// A subject that says of itself whether its models have column means, true or not.
struct Claims {
    means: bool,
    pca: bool,
}

impl MatrixSubject for Claims {
    type Scalar = f64;
    type Model = SvdModel<f64>;

    fn factorizer(
        &self,
        rank: usize,
        _seed: u64,
    ) -> impl Factorizer<DynMatrix<f64>, Model = SvdModel<f64>> {
        Either {
            rank,
            pca: self.pca,
        }
    }

    fn is_centered(&self) -> bool {
        self.means
    }

    fn tolerance(&self) -> f64 {
        1e-12
    }
}

impl OptimalSubject for Claims {}

struct Either {
    rank: usize,
    pca: bool,
}

impl Factorizer<DynMatrix<f64>> for Either {
    type Model = SvdModel<f64>;

    fn fit_with(&self, x: &DynMatrix<f64>, run: &mut Run<'_>) -> Result<Fit<SvdModel<f64>>> {
        let svd = TruncatedSvd::new(self.rank).fit_with(x, run)?;
        if !self.pca {
            return Ok(svd);
        }
        let fit = Pca::new(self.rank).fit(x)?;
        // The reconstruction, with the rank k + 1 that it has.
        let (x, n) = (fit.model.reconstruct(), x.shape().1);
        let rank = fit.report.rank;
        let model = SvdModel::new(x, Array1::ones(n), Array2::eye(n))?;
        let mut report = svd.report;
        report.rank = rank;
        Ok(Fit { model, report })
    }
}

/// The laws take a model with column means for what it is, and nothing else.
#[test]
fn a_wrong_claim_about_column_means_is_caught() {
    use matfact_testkit::laws::{factors, matrix};
    let claims = |means, pca| Claims { means, pca };
    let at_least = |claims: &Claims| matrix::error_at_least_that_of_the_svd(claims).is_ok();
    let best = |claims: &Claims| factors::error_is_the_best_possible(claims).is_ok();
    assert!(at_least(&claims(true, true)) && best(&claims(true, true)));
    assert!(!at_least(&claims(false, true)));
    assert!(!best(&claims(true, false)));
}
