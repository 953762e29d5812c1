//! The Frobenius objective by the trace formula, and its certificate.

use crate::fit::Problem;
use crate::initialization::Factors;
use crate::parameters::Side;
use matfact_core::ndarray::{Array2, Zip};
use matfact_core::{Certificate, FitReport, Matrix, Result, Scalar};
use matfact_linalg::{inner_product, wide_gram};

/// ½‖X − WH‖² = ½(‖X‖² − 2⟨XᵀW, Hᵀ⟩ + ⟨WᵀW, HHᵀ⟩), from products that an iteration has at hand.
pub(crate) fn half_squared_error<T: Scalar>(
    squared_norm: f64,
    xw: &Array2<T>,
    h: &Array2<T>,
    gram_w: &Array2<f64>,
    gram_h: &Array2<f64>,
) -> f64 {
    let cross = inner_product(xw.view(), h.view());
    let product = inner_product(gram_w.view(), gram_h.view());
    (0.5 * (squared_norm - 2.0 * cross + product)).max(0.0)
}

/// The Gram matrix with the L2 penalty on its diagonal.
pub(crate) fn with_diagonal<T: Scalar>(gram: &Array2<f64>, l2: f64) -> Array2<T> {
    let mut curvature = gram.clone();
    curvature.diag_mut().mapv_inplace(|g| g + l2);
    curvature.mapv(T::from_f64)
}

/// The exact error, entry by entry, and the certificate; `xw` is X'ᵀW where it is at hand.
pub(crate) fn finish<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &Factors<X::Scalar>,
    xw: Option<Array2<X::Scalar>>,
    report: &mut FitReport,
) -> Result<()> {
    let (x, Factors { w, h }) = (&problem.x, factors);
    let xh = x.multiply(h.view())?;
    let xw = match xw {
        Some(xw) => xw,
        None => x.multiply_transposed(w.view())?,
    };
    let squared_norm = x.squared_norm().unwrap_or(0.0);
    if let Some(squared) = x.squared_residual(w.view(), h.view(), xh.view()) {
        let penalty = problem.constraints.w.penalty(w) + problem.constraints.h.penalty(h);
        report.objective = (0.5 * squared + penalty) * problem.unit();
        let relative = (squared / squared_norm).sqrt();
        report.relative_error = Some(if squared_norm > 0.0 { relative } else { 0.0 });
    }
    let all: Vec<usize> = problem.fitted_w();
    let sides = [
        (w, &xh, wide_gram(h.view()), problem.constraints.w, &all),
        (
            h,
            &xw,
            wide_gram(w.view()),
            problem.constraints.h,
            &problem.fitted_components,
        ),
    ];
    let mut certificate = ProjectedGradient::default();
    for (factor, linear, gram, side, fitted) in sides {
        let curvature: Array2<X::Scalar> = with_diagonal(&gram, side.l2);
        let mut product = Array2::default(factor.dim());
        matfact_linalg::multiply_dense(factor.view(), curvature.view(), product.view_mut());
        certificate.add(factor, linear, &product, side, fitted);
    }
    report.certificate = Some(certificate.relative());
    Ok(())
}

/// Sums of squares for the relative projected gradient.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ProjectedGradient {
    projected: f64,
    data: f64,
}

impl ProjectedGradient {
    /// Adds one factor, whose gradient is `model` − `data` + l1 (an L2 penalty is in `model`); only the
    /// `fitted` components count.
    pub(crate) fn add<T: Scalar>(
        &mut self,
        factor: &Array2<T>,
        data: &Array2<T>,
        model: &Array2<T>,
        side: Side,
        fitted: &[usize],
    ) {
        let max = side.max.unwrap_or(f64::INFINITY);
        for &t in fitted {
            Zip::from(factor.column(t))
                .and(data.column(t))
                .and(model.column(t))
                .for_each(|value, data, model| {
                    let (value, data) = (value.as_f64(), data.as_f64());
                    let slope = model.as_f64() - data + side.l1;
                    let free = (value > 0.0 || slope < 0.0) && (value < max || slope > 0.0);
                    if free {
                        self.projected += slope * slope;
                    }
                    self.data += data * data;
                });
        }
    }

    pub(crate) fn relative(self) -> Certificate {
        Certificate::ProjectedGradient(if self.data > 0.0 {
            (self.projected / self.data).sqrt()
        } else {
            0.0
        })
    }
}
