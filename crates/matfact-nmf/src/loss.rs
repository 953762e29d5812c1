//! β-divergences: the value of a factorization, and its exact objective and certificate.
//!
//! [`divergence`] gives D_β(X‖WH) with the definitions of scikit-learn; [`Loss`] has the table of them.
//! The gradient with respect to W is `denominator` − `numerator` of its multiplicative update, so that
//! one pass over the data gives the value, the update and the certificate.

use crate::Loss;
use crate::fit::Problem;
use crate::frobenius::{ProjectedGradient, half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::parameters::Side;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::sprs::CsMatI;
use matfact_core::{
    Duplicates, Error, FitReport, Layout, LinearOperator, Matrix, Result, Scalar, SparseRows,
    Summary, csr_from_triplets,
};
use matfact_linalg::{
    Divergence, DivergenceParts, Lines, Products, Simd, multiply_dense, wide_gram,
};

/// What scikit-learn raises y to where a power below zero is taken of it, and x has to exceed to count.
pub(crate) const FLOOR: f64 = f32::EPSILON as f64;
/// Entries of a factor below this become zero in updates with β < 1 (of H, with β = 1 too).
pub(crate) const NEGLIGIBLE: f64 = f64::EPSILON;

/// D_β(X‖WH) for X (m x n), W (m x k) and H (k x n): Frobenius is ½‖X − WH‖², without penalties and
/// without a root.
///
/// The sums are those of scikit-learn, in `f64`: a term with x counts where x > 1.19e-7, with y raised
/// to that; terms of y alone count everywhere. A sparse X stays sparse: for β = 1 and 2 only its stored
/// entries are visited, for other β the entries of WH are formed in small tiles.
///
/// ```
/// use matfact_core::ndarray::array;
/// use matfact_nmf::{Loss, divergence};
/// let (x, w, h) = (array![[1.0, 3.0]], array![[1.0]], array![[1.0, 2.0]]);
/// assert_eq!(divergence(&x, w.view(), h.view(), Loss::Frobenius)?, 0.5);
/// let kl = divergence(&x, w.view(), h.view(), Loss::KullbackLeibler)?;
/// assert!((kl - (3.0 * 1.5_f64.ln() - 1.0)).abs() < 1e-12);
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapeMismatch`]; [`Error::EmptyInput`], [`Error::NonFinite`] and [`Error::Negative`] for X,
/// W and H; [`Error::ZeroEntry`] for a zero in X with β <= 0; [`Error::InvalidParameter`] for a β that is
/// not finite; [`Error::Overflow`] for a value out of range.
pub fn divergence<X: Matrix + ?Sized>(
    x: &X,
    w: ArrayView2<'_, X::Scalar>,
    h: ArrayView2<'_, X::Scalar>,
    loss: Loss,
) -> Result<f64> {
    let (m, n) = x.shape();
    for (what, expected, actual) in [
        ("rows of W", m, w.nrows()),
        ("columns of H", n, h.ncols()),
        ("rows of H", w.ncols(), h.nrows()),
    ] {
        if expected != actual {
            return Err(Error::shape_mismatch(what, expected, actual));
        }
    }
    if !loss.beta().is_finite() {
        let beta = loss.beta();
        return Err(Error::invalid_parameter("loss", beta, "a finite beta"));
    }
    let summary = Summary::of(x);
    summary.require_non_negative("nmf")?;
    for factor in [&w, &h] {
        Summary::of(factor).require_non_negative("nmf")?;
    }
    require_positive_entries(loss, x, &summary)?;
    // Not rescaled: the floors are those of X as it is.
    let products = Products::new(x, None);
    let factors = Factors {
        w: w.as_standard_layout().into_owned(),
        h: h.t().as_standard_layout().into_owned(),
    };
    let value = if loss.beta() == 2.0 {
        let xh = products.multiply(factors.h.view())?;
        let residual = products.squared_residual(factors.w.view(), factors.h.view(), xh.view());
        let squares = summary.squared_norm;
        residual.map_or_else(
            || {
                let cross = matfact_linalg::inner_product(xh.view(), factors.w.view());
                let (w, h) = (factors.w.view(), factors.h.view());
                let model = matfact_linalg::squared_product_norm(w, h);
                (0.5 * (squares - 2.0 * cross + model)).max(0.0)
            },
            |squares| 0.5 * squares,
        )
    } else {
        let entries = Entries::of(&products)?;
        let rows = entries.rows();
        let (w, h) = (factors.w.view(), factors.h.view());
        Divergence::new(&rows, loss.beta(), FLOOR).value(&rows, w, h, Simd::detect())
    };
    require_finite::<X::Scalar>(value)?;
    Ok(value)
}

/// Refuses a value that left the range.
pub(crate) fn require_finite<T: Scalar>(value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::Overflow {
        step: "the divergence or its gradient".to_owned(),
        scalar: T::NAME,
    })
}

/// Refuses a zero in X where the loss is infinite there (β <= 0). An absent entry is a zero.
pub(crate) fn require_positive_entries<X: Matrix + ?Sized>(
    loss: Loss,
    x: &X,
    summary: &Summary,
) -> Result<()> {
    if loss.beta() > 0.0 {
        return Ok(());
    }
    let (m, n) = summary.shape;
    let mut positive = vec![0_usize; m];
    x.visit(&mut |row, _, value| positive[row] += usize::from(value.as_f64() > 0.0));
    let Some(row) = positive.iter().position(|count| *count < n) else {
        return Ok(());
    };
    let mut found = vec![false; n];
    x.visit(&mut |i, column, value| {
        if i == row && value.as_f64() > 0.0 {
            found[column] = true;
        }
    });
    Err(Error::ZeroEntry {
        row,
        column: found.iter().position(|found| !found).unwrap_or(0),
        loss: loss.to_string(),
    })
}

/// The entries of X' by rows and by columns, whatever its layout is.
pub(crate) enum Entries<'p, 'x, X: LinearOperator + ?Sized> {
    /// In place.
    Stored(&'p Products<'x, X>),
    /// Listed once, from a matrix whose layout is its own.
    Listed {
        rows: CsMatI<X::Scalar, u32, usize>,
        columns: CsMatI<X::Scalar, u32, usize>,
    },
}

impl<'p, 'x, X: Matrix + ?Sized> Entries<'p, 'x, X> {
    pub(crate) fn of(x: &'p Products<'x, X>) -> Result<Self> {
        if x.rows().is_some() {
            return Ok(Self::Stored(x));
        }
        let mut listed = Vec::new();
        let scale = x.scale();
        x.source().visit(&mut |row, column, value| {
            listed.push((row, column, X::Scalar::from_f64(value.as_f64() / scale)));
        });
        let rows = csr_from_triplets(x.shape(), listed, Duplicates::Sum)?;
        let columns = rows.to_csc();
        Ok(Self::Listed { rows, columns })
    }

    pub(crate) fn rows(&self) -> Lines<'_, X::Scalar> {
        match self {
            Self::Stored(x) => x.rows().expect("it has entries: see `of`"),
            Self::Listed { rows, .. } => Lines::Sparse(compressed(rows)),
        }
    }

    pub(crate) fn columns(&self) -> Lines<'_, X::Scalar> {
        match self {
            Self::Stored(x) => x.columns().expect("it has entries: see `of`"),
            Self::Listed { columns, .. } => Lines::Sparse(compressed(columns)),
        }
    }
}

fn compressed<T: Scalar>(x: &CsMatI<T, u32, usize>) -> SparseRows<'_, T> {
    match x.layout() {
        Layout::SparseRows(rows) | Layout::SparseColumns(rows) => rows,
        _ => unreachable!("it is compressed"),
    }
}

/// The divergence from X', with what every evaluation of it needs.
pub(crate) struct Measure<'p, 'x, X: Matrix + ?Sized> {
    kind: Kind<'p, 'x, X>,
    /// See [`FLOOR`].
    pub(crate) floor: f64,
    /// See [`NEGLIGIBLE`].
    pub(crate) negligible: f64,
}

enum Kind<'p, 'x, X: Matrix + ?Sized> {
    /// β = 2, by products.
    Squares(&'p Products<'x, X>, f64),
    Other(Entries<'p, 'x, X>, Divergence),
}

impl<'p, 'x, X: Matrix + ?Sized> Measure<'p, 'x, X> {
    /// For X' with this mean. The floors are scikit-learn's, made smaller for data so small that they
    /// would reach into it.
    pub(crate) fn new(x: &'p Products<'x, X>, loss: Loss, mean: f64) -> Result<Self> {
        Self::with_norm(x, loss, mean, x.squared_norm().unwrap_or(0.0))
    }

    /// As [`Measure::new`], with ‖X'‖² given.
    pub(crate) fn with_norm(
        x: &'p Products<'x, X>,
        loss: Loss,
        mean: f64,
        squared_norm: f64,
    ) -> Result<Self> {
        let small = if mean > 0.0 {
            (mean * 1e6).min(1.0)
        } else {
            1.0
        };
        let floor = FLOOR * small;
        let kind = if loss.beta() == 2.0 {
            Kind::Squares(x, squared_norm)
        } else {
            let entries = Entries::of(x)?;
            let divergence = Divergence::new(&entries.rows(), loss.beta(), floor);
            Kind::Other(entries, divergence)
        };
        Ok(Self {
            kind,
            floor,
            negligible: NEGLIGIBLE * small,
        })
    }

    /// X' and ‖X'‖² for β = 2.
    pub(crate) fn squares(&self) -> Option<(&'p Products<'x, X>, f64)> {
        match &self.kind {
            Kind::Squares(x, squared_norm) => Some((x, *squared_norm)),
            Kind::Other(..) => None,
        }
    }

    /// The value, and both parts of the gradient of W.
    pub(crate) fn of_w(&self, factors: &Factors<X::Scalar>) -> Result<DivergenceParts<X::Scalar>> {
        let Factors { w, h } = factors;
        match &self.kind {
            Kind::Squares(x, squared_norm) => {
                let numerator = x.multiply(h.view())?;
                let (gram_w, gram_h) = (wide_gram(w.view()), wide_gram(h.view()));
                let value = half_squared_error(*squared_norm, &numerator, w, &gram_w, &gram_h);
                Ok(DivergenceParts {
                    denominator: product(w, &with_diagonal(&gram_h, 0.0)),
                    numerator,
                    value,
                })
            }
            Kind::Other(entries, divergence) => {
                let (w, h) = (w.view(), h.view());
                let parts = divergence.parts(&entries.rows(), w, h, Simd::detect());
                require_finite::<X::Scalar>(parts.value)?;
                Ok(parts)
            }
        }
    }

    /// The value alone.
    pub(crate) fn value(&self, factors: &Factors<X::Scalar>) -> Result<f64> {
        match &self.kind {
            Kind::Squares(..) => Ok(self.of_w(factors)?.value),
            Kind::Other(entries, divergence) => {
                let (w, h) = (factors.w.view(), factors.h.view());
                let value = divergence.value(&entries.rows(), w, h, Simd::detect());
                require_finite::<X::Scalar>(value)?;
                Ok(value)
            }
        }
    }

    /// Both parts of the gradient of W, without the value.
    pub(crate) fn gradient_of_w(
        &self,
        factors: &Factors<X::Scalar>,
    ) -> Result<DivergenceParts<X::Scalar>> {
        let Factors { w, h } = factors;
        match &self.kind {
            Kind::Squares(..) => self.of_w(factors),
            Kind::Other(entries, divergence) => {
                let (w, h) = (w.view(), h.view());
                Ok(divergence.gradient(&entries.rows(), w, h, Simd::detect()))
            }
        }
    }

    /// Both parts of the gradient of H.
    pub(crate) fn of_h(&self, factors: &Factors<X::Scalar>) -> Result<DivergenceParts<X::Scalar>> {
        let Factors { w, h } = factors;
        match &self.kind {
            Kind::Squares(x, _) => Ok(DivergenceParts {
                numerator: x.multiply_transposed(w.view())?,
                denominator: product(h, &with_diagonal(&wide_gram(w.view()), 0.0)),
                value: f64::NAN,
            }),
            Kind::Other(entries, divergence) => {
                let (w, h) = (w.view(), h.view());
                Ok(divergence.gradient(&entries.columns(), h, w, Simd::detect()))
            }
        }
    }
}

fn product<T: Scalar>(factor: &Array2<T>, gram: &Array2<T>) -> Array2<T> {
    let mut out = Array2::default(factor.dim());
    multiply_dense(factor.view(), gram.view(), out.view_mut());
    out
}

/// The exact objective and the certificate of any β-divergence.
pub(crate) fn finish<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    factors: &Factors<X::Scalar>,
    report: &mut FitReport,
) -> Result<()> {
    let measure = Measure::new(&problem.x, problem.nmf.loss, problem.mean)?;
    let of_w = measure.of_w(factors)?;
    let of_h = measure.of_h(factors)?;
    let Factors { w, h } = factors;
    let sides = problem.constraints;
    let penalty = sides.w.penalty(w) + sides.h.penalty(h);
    report.objective = (of_w.value + penalty) * problem.unit();
    let mut certificate = ProjectedGradient::default();
    for (factor, parts, side, fitted) in [
        (w, of_w, sides.w, &problem.fitted_w()),
        (h, of_h, sides.h, &problem.fitted_components),
    ] {
        let model = with_l2(parts.denominator, factor, side);
        certificate.add(factor, &parts.numerator, &model, side, fitted);
    }
    report.certificate = Some(certificate.relative());
    Ok(())
}

/// The model's part of the gradient, with that of the L2 penalty.
pub(crate) fn with_l2<T: Scalar>(
    mut denominator: Array2<T>,
    factor: &Array2<T>,
    side: Side,
) -> Array2<T> {
    denominator.scaled_add(T::from_f64(side.l2), factor);
    denominator
}
