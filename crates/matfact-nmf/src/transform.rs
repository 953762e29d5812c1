//! From new rows to coordinates and back, with H held.
//!
//! The coordinates w of a row x minimize D_β(x‖w H) + l₁·Σw + ½ l₂·‖w‖² over 0 <= w <= max: for
//! Frobenius by coordinate descent (see the solver HALS), else by multiplicative updates from a row of
//! equal entries that has the sum of x. Each row is minimized for itself, until it stands still.

use crate::initialization::Factors;
use crate::loss::{Measure, require_positive_entries};
use crate::multiplicative::Exponents;
use crate::parameters::Side;
use crate::{Loss, NmfModel};
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Zip};
use matfact_core::{Error, Factorization, Matrix, Result, Scalar, Summary, Transform};
use matfact_linalg::{
    MultiplicativeStep, Products, RowUpdate, Simd, gram, multiply_dense, multiply_factor,
    update_non_negative_rows,
};

/// Sweeps of coordinate descent between two looks at its violation.
const SWEEPS: usize = 20;
/// Looks after which coordinate descent ends in any case.
const LOOKS: usize = 500;
/// Multiplicative updates after which a row is left as it is in any case.
const UPDATES: usize = 2000;

impl<T: Scalar, X: Matrix<Scalar = T> + ?Sized> Transform<X> for NmfModel<T> {
    type Scalar = T;

    /// The non-negative coordinates of each row of `x` (p x n) that fit best with H held, in the loss
    /// of the fit and under its penalty on W: p x k. Rows do not influence each other.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], and what the fit refuses in its input.
    fn transform(&self, x: &X) -> Result<Array2<T>> {
        if x.shape().1 != self.h().ncols() {
            let expected = format!("{} (those of the training matrix)", self.h().ncols());
            return Err(Error::shape_mismatch(
                "columns of the new rows",
                expected,
                x.shape().1,
            ));
        }
        let summary = Summary::of(x);
        summary.require_non_negative("nmf")?;
        require_positive_entries(self.loss(), x, &summary)?;
        let products = Products::new(x, Some(&summary));
        // X = scale·X' has the coordinates scale·W', where W' fits X' under these.
        let (scale, beta) = (products.scale(), self.loss().beta());
        let side = self.side_w();
        let times = |penalty: f64, power: f64| if penalty == 0.0 { 0.0 } else { penalty * power };
        let side = Side {
            l1: times(side.l1, scale.powf(1.0 - beta)),
            l2: times(side.l2, scale.powf(2.0 - beta)),
            max: side.max.map(|max| max / scale),
        };
        let h = self.h().t().as_standard_layout().into_owned();
        let w = if beta == 2.0 {
            by_coordinate_descent(&products, &h, side)?
        } else {
            let mean = summary.mean() / scale;
            by_multiplication(&products, h, side, self.loss(), mean)?
        };
        Ok(w.mapv(|v| T::from_f64(v.as_f64() * scale)))
    }
}

impl<T: Scalar> NmfModel<T> {
    /// The rows that these coordinates stand for: `w` (p x k) times H, p x n.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `w` has not k columns.
    ///
    /// ```
    /// use matfact_core::ndarray::array;
    /// use matfact_nmf::NmfModel;
    /// let model = NmfModel::new(array![[1.0, 0.0]], array![[1.0, 2.0], [3.0, 0.0]])?;
    /// let rows = model.inverse_transform(array![[2.0, 1.0]].view())?;
    /// assert_eq!(rows, array![[5.0, 4.0]]);
    /// # Ok::<(), matfact_core::Error>(())
    /// ```
    pub fn inverse_transform(&self, w: ArrayView2<'_, T>) -> Result<Array2<T>> {
        let mut out = Array2::default((w.nrows(), self.h().ncols()));
        self.inverse_transform_into(w, out.view_mut())?;
        Ok(out)
    }

    /// As [`NmfModel::inverse_transform`], into a buffer (p x n): block by block for more rows than fit
    /// into memory.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if `w` has not k columns, or the buffer has another shape.
    pub fn inverse_transform_into(
        &self,
        w: ArrayView2<'_, T>,
        out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        if w.ncols() != self.rank() {
            return Err(Error::shape_mismatch(
                "columns of the coordinates",
                self.rank(),
                w.ncols(),
            ));
        }
        let shape = (w.nrows(), self.h().ncols());
        if out.dim() != shape {
            let what = "the output buffer";
            return Err(Error::shape_mismatch(what, shape, out.dim()));
        }
        multiply_dense(w, self.h(), out);
        Ok(())
    }
}

fn by_coordinate_descent<T: Scalar, X: Matrix<Scalar = T> + ?Sized>(
    x: &Products<'_, X>,
    h: &Array2<T>,
    side: Side,
) -> Result<Array2<T>> {
    let linear = x.multiply(h.view())?;
    let mut gram = gram(h.view());
    let l2 = T::from_f64(side.l2);
    gram.diag_mut().mapv_inplace(|g| g + l2);
    let mut w = Array2::default((x.shape().0, h.ncols()));
    let mut first = None;
    for _ in 0..LOOKS {
        let update = RowUpdate {
            l1: side.l1,
            max: side.max,
            components: None,
            sweeps: SWEEPS,
        };
        let violation =
            update_non_negative_rows(&mut w, linear.view(), gram.view(), update, Simd::detect());
        let first = *first.get_or_insert(violation.sum);
        if violation.sum <= first * 10.0 * T::epsilon().as_f64() {
            break;
        }
    }
    Ok(w)
}

fn by_multiplication<T: Scalar, X: Matrix<Scalar = T> + ?Sized>(
    x: &Products<'_, X>,
    h: Array2<T>,
    side: Side,
    loss: Loss,
    mean: f64,
) -> Result<Array2<T>> {
    let measure = Measure::new(x, loss, mean)?;
    let exponents = Exponents::new(loss.beta(), side.l2);
    let mut factors = Factors {
        w: equal_coordinates(x, &h, side.max)?,
        h,
    };
    let tolerance = 4.0 * T::epsilon().as_f64();
    let mut moving = vec![true; factors.w.nrows()];
    for _ in 0..UPDATES {
        let parts = measure.gradient_of_w(&factors)?;
        let step = MultiplicativeStep {
            l1: side.l1,
            l2: side.l2,
            exponent: exponents.safe,
            floor: measure.floor,
            negligible: if loss.beta() < 1.0 {
                measure.negligible
            } else {
                0.0
            },
            max: side.max,
            components: None,
        };
        let mut next = factors.w.clone();
        let (numerator, denominator) = (parts.numerator.view(), parts.denominator.view());
        let (_, norm) = multiply_factor(&mut next, numerator, denominator, step);
        crate::loss::require_finite::<T>(norm)?;
        // A row that stands still is done, so that the others have no part in where it ends.
        for ((mut row, next), moving) in factors
            .w
            .axis_iter_mut(Axis(0))
            .zip(next.axis_iter(Axis(0)))
            .zip(&mut moving)
        {
            if *moving {
                let (mut largest, mut change) = (0.0_f64, 0.0_f64);
                Zip::from(&row).and(&next).for_each(|old, new| {
                    largest = largest.max(new.as_f64());
                    change = change.max((new.as_f64() - old.as_f64()).abs());
                });
                row.assign(&next);
                *moving = change > tolerance * largest;
            }
        }
        if moving.iter().all(|moving| !moving) {
            break;
        }
    }
    Ok(factors.w)
}

/// Rows of equal entries, whose products with H have the sums of the rows of X'.
fn equal_coordinates<T: Scalar, X: Matrix<Scalar = T> + ?Sized>(
    x: &Products<'_, X>,
    h: &Array2<T>,
    max: Option<f64>,
) -> Result<Array2<T>> {
    let ones = Array2::from_elem((x.shape().1, 1), T::one());
    let sums = x.multiply(ones.view())?;
    let total: f64 = h.iter().map(|v| v.as_f64()).sum();
    let limit = max.unwrap_or(f64::INFINITY);
    let shape = (x.shape().0, h.ncols());
    Ok(Array2::from_shape_fn(shape, |(i, _)| {
        let level = if total > 0.0 {
            sums[[i, 0]].as_f64() / total
        } else {
            0.0
        };
        T::from_f64(level.min(limit))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    #[test]
    fn inverse_transform_writes_blocks() {
        let model =
            NmfModel::new(array![[1.0, 2.0]], array![[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]]).unwrap();
        let w = array![[2.0, 1.0], [0.0, 1.0]];
        let all = model.inverse_transform(w.view()).unwrap();
        assert_eq!(all, array![[2.0, 3.0, 5.0], [0.0, 3.0, 1.0]]);
        let mut out = Array2::zeros((1, 3));
        let (_, last) = w.view().split_at(Axis(0), 1);
        model.inverse_transform_into(last, out.view_mut()).unwrap();
        assert_eq!(out.row(0), all.row(1));
        assert!(
            model
                .inverse_transform_into(w.view(), out.view_mut())
                .is_err()
        );
        assert!(
            model
                .inverse_transform(Array2::zeros((2, 3)).view())
                .is_err()
        );
    }
}
