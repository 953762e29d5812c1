//! What is known of H between two batches, and what one batch does to it.

use crate::frobenius::{half_squared_error, with_diagonal};
use crate::initialization::Factors;
use crate::loss::Measure;
use crate::multiplicative::{Exponents, update};
use crate::parameters::{Constraints, Side};
use crate::{Nmf, Solver};
use matfact_core::ndarray::Array2;
use matfact_core::{CheckpointState, Matrix, Result, Scalar};
use matfact_linalg::{
    DivergenceParts, MultiplicativeStep, Products, RowUpdate, Simd, accumulate_factor,
    fade_and_add, multiply_dense, squared_change, update_non_negative_rows, wide_gram,
};

/// Passes over the components of W between two looks at their violation.
const SWEEPS: usize = 5;
/// The share of its first violation at which W of a batch is good enough.
const GOOD_ENOUGH: f64 = 1e-3;

/// H, and what the batches so far have left behind.
#[derive(Debug, Clone)]
pub(super) struct Learner<T> {
    /// W of the present batch, and H.
    pub(super) factors: Factors<T>,
    memory: Memory<T>,
    exponent: f64,
    beta: f64,
}

#[derive(Debug, Clone)]
enum Memory<T> {
    /// Numerator and denominator (n x k) of the update of H, as sums.
    Ratio { above: Array2<T>, below: Array2<T> },
    /// WᵀW and XᵀW, with the penalty on H, as sums.
    Squares {
        gram: Array2<f64>,
        linear: Array2<T>,
        side: Side,
    },
}

/// How the coordinates of a batch begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coordinates {
    /// From those in `factors.w`, by one update.
    Kept,
    /// Afresh, from equal coordinates of this size, by at most so many updates; and the relative change
    /// at which they stand still.
    Fresh {
        level: f64,
        updates: usize,
        tol: f64,
    },
}

/// What a batch did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The objective of the batch, with the coordinates found and H as it was before.
    pub(super) objective: f64,
    /// ‖H − H before‖ / ‖H‖.
    pub(super) change: f64,
}

impl<T: Scalar> Learner<T> {
    /// Begins with H (n x k); with coordinates (any rows x k) that belong to it, where there are some,
    /// and the weight that they have in the sums of HALS.
    pub(super) fn new(
        nmf: &Nmf,
        solver: Solver,
        h: Array2<T>,
        coordinates: Option<(&Array2<T>, f64)>,
    ) -> Self {
        let beta = nmf.loss.beta();
        let shape = h.dim();
        let memory = if solver == Solver::Hals {
            let gram: Array2<f64> = match coordinates {
                Some((w, weight)) => wide_gram(w.view()) * weight,
                None => Array2::default((shape.1, shape.1)),
            };
            // As if there had been rows that these coordinates and H fit exactly.
            let mut linear = Array2::default(shape);
            let narrow: Array2<T> = with_diagonal(&gram, 0.0);
            multiply_dense(h.view(), narrow.view(), linear.view_mut());
            let side = Side::default();
            Memory::Squares { gram, linear, side }
        } else {
            Memory::Ratio {
                above: h.clone(),
                below: Array2::from_elem(shape, T::one()),
            }
        };
        let w = Array2::default((0, shape.1));
        Self {
            factors: Factors { w, h },
            memory,
            exponent: Exponents::new(beta, 0.0).usual,
            beta,
        }
    }

    /// Puts H and what the batches have left behind into a checkpoint.
    pub(super) fn give(&self, state: &mut CheckpointState) {
        state.insert("h", &self.factors.h);
        match &self.memory {
            Memory::Ratio { above, below } => {
                state.insert("above", above);
                state.insert("below", below);
            }
            Memory::Squares { gram, linear, side } => {
                state.insert("gram", gram);
                state.insert("linear", linear);
                state.insert_numbers("side", &[side.l1, side.l2]);
                state.insert_values("side.max", side.max);
            }
        }
    }

    /// Takes what [`Learner::give`] has put.
    pub(super) fn resume(&mut self, state: &mut CheckpointState) -> Result<()> {
        let shape = self.factors.h.dim();
        self.factors.h = state.take_matrix("h", shape)?;
        match &mut self.memory {
            Memory::Ratio { above, below } => {
                *above = state.take_matrix("above", shape)?;
                *below = state.take_matrix("below", shape)?;
            }
            Memory::Squares { gram, linear, side } => {
                *gram = state.take_matrix("gram", (shape.1, shape.1))?;
                *linear = state.take_matrix("linear", shape)?;
                let penalties: Vec<f64> = state.take_values("side", 2)?;
                (side.l1, side.l2) = (penalties[0], penalties[1]);
                side.max = state.take_numbers("side.max")?.first().copied();
            }
        }
        Ok(())
    }

    /// Coordinates of the batch behind `measure`, then H with what was known before times `forget`.
    pub(super) fn step<X: Matrix<Scalar = T> + ?Sized>(
        &mut self,
        measure: &Measure<'_, '_, X>,
        rows: usize,
        constraints: Constraints,
        coordinates: Coordinates,
        forget: f64,
    ) -> Result<Step> {
        let Constraints {
            w: side_w,
            h: side_h,
        } = constraints;
        let value = self.coordinates(measure, rows, side_w, coordinates)?;
        let penalty = side_w.penalty(&self.factors.w) + side_h.penalty(&self.factors.h);
        let (change, norm) = self.components(measure, side_h, forget)?;
        Ok(Step {
            objective: value + penalty,
            change: if norm > 0.0 {
                (change / norm).sqrt()
            } else {
                0.0
            },
        })
    }

    /// Finds the coordinates of a batch; gives its divergence.
    pub(super) fn coordinates<X: Matrix<Scalar = T> + ?Sized>(
        &mut self,
        measure: &Measure<'_, '_, X>,
        rows: usize,
        side: Side,
        coordinates: Coordinates,
    ) -> Result<f64> {
        if let Coordinates::Fresh { level, .. } = coordinates {
            let shape = (rows, self.factors.h.ncols());
            let limit = side.max.unwrap_or(f64::INFINITY);
            self.factors.w = Array2::from_elem(shape, T::from_f64(level.min(limit)));
        }
        let (updates, tol) = match coordinates {
            Coordinates::Kept => (1, 0.0),
            Coordinates::Fresh { updates, tol, .. } => (updates, tol),
        };
        let Some((x, squared_norm)) = measure.squares() else {
            for _ in 0..updates {
                let parts = measure.gradient_of_w(&self.factors)?;
                if self.multiply_coordinates(&parts, side, measure, tol)? {
                    break;
                }
            }
            if self.beta < 1.0 {
                let negligible = T::from_f64(measure.negligible);
                let clear = |w: T| if w < negligible { T::zero() } else { w };
                self.factors.w.mapv_inplace(clear);
            }
            return measure.value(&self.factors);
        };
        let numerator = x.multiply(self.factors.h.view())?;
        let gram_h = wide_gram(self.factors.h.view());
        if let Memory::Squares { .. } = self.memory {
            let curvature = with_diagonal(&gram_h, side.l2);
            let mut first = None;
            for _ in 0..updates.div_ceil(SWEEPS) {
                let update = RowUpdate {
                    l1: side.l1,
                    max: side.max,
                    components: None,
                    sweeps: SWEEPS.min(updates),
                };
                let (linear, curvature) = (numerator.view(), curvature.view());
                let w = &mut self.factors.w;
                let violation =
                    update_non_negative_rows(w, linear, curvature, update, Simd::detect());
                let first = *first.get_or_insert(violation.sum);
                if violation.sum <= GOOD_ENOUGH * first {
                    break;
                }
            }
        } else {
            let mut parts = DivergenceParts {
                denominator: Array2::default(numerator.dim()),
                numerator,
                value: f64::NAN,
            };
            for _ in 0..updates {
                let w = self.factors.w.view();
                let narrow: Array2<T> = with_diagonal(&gram_h, 0.0);
                multiply_dense(w, narrow.view(), parts.denominator.view_mut());
                if self.multiply_coordinates(&parts, side, measure, tol)? {
                    break;
                }
            }
            return Ok(self.squared_value(squared_norm, &parts.numerator, &gram_h));
        }
        Ok(self.squared_value(squared_norm, &numerator, &gram_h))
    }

    fn squared_value(&self, squared_norm: f64, xh: &Array2<T>, gram_h: &Array2<f64>) -> f64 {
        let w = &self.factors.w;
        half_squared_error(squared_norm, xh, w, &wide_gram(w.view()), gram_h)
    }

    /// One multiplicative update of the coordinates; says whether they stand still.
    fn multiply_coordinates<X: Matrix<Scalar = T> + ?Sized>(
        &mut self,
        parts: &DivergenceParts<T>,
        side: Side,
        measure: &Measure<'_, '_, X>,
        tol: f64,
    ) -> Result<bool> {
        let step = self.multiplicative_step(measure, false);
        let (change, norm) = update(&mut self.factors.w, parts, side, step)?;
        Ok(norm == 0.0 || (tol > 0.0 && (change / norm).sqrt() <= tol))
    }

    fn multiplicative_step<X: Matrix<Scalar = T> + ?Sized>(
        &self,
        measure: &Measure<'_, '_, X>,
        clears_zeros: bool,
    ) -> MultiplicativeStep<'static> {
        MultiplicativeStep {
            exponent: self.exponent,
            floor: measure.floor,
            negligible: if clears_zeros {
                measure.negligible
            } else {
                0.0
            },
            ..MultiplicativeStep::default()
        }
    }

    /// Updates H; gives the squared norms of its change and of itself.
    fn components<X: Matrix<Scalar = T> + ?Sized>(
        &mut self,
        measure: &Measure<'_, '_, X>,
        side: Side,
        forget: f64,
    ) -> Result<(f64, f64)> {
        let step = MultiplicativeStep {
            l1: side.l1,
            l2: side.l2,
            max: side.max,
            ..self.multiplicative_step(measure, self.beta <= 1.0)
        };
        match &mut self.memory {
            Memory::Ratio { above, below } => {
                let parts = measure.of_h(&self.factors)?;
                let (numerator, denominator) = (parts.numerator.view(), parts.denominator.view());
                let h = &mut self.factors.h;
                let (change, norm) =
                    accumulate_factor(h, [above, below], numerator, denominator, forget, step);
                crate::loss::require_finite::<T>(norm)?;
                Ok((change, norm))
            }
            Memory::Squares {
                gram,
                linear,
                side: known,
            } => {
                let x: &Products<'_, X> = measure.squares().expect("HALS is for squares").0;
                fade_and_add(gram, &wide_gram(self.factors.w.view()), forget);
                let xw = x.multiply_transposed(self.factors.w.view())?;
                fade_and_add(linear, &xw, forget);
                *known = Side {
                    l1: forget * known.l1 + side.l1,
                    l2: forget * known.l2 + side.l2,
                    max: side.max,
                };
                let before = self.factors.h.clone();
                let update = RowUpdate {
                    l1: known.l1,
                    max: known.max,
                    components: None,
                    sweeps: 1,
                };
                let curvature = with_diagonal(gram, known.l2);
                let h = &mut self.factors.h;
                let (linear, curvature) = (linear.view(), curvature.view());
                update_non_negative_rows(h, linear, curvature, update, Simd::detect());
                Ok(squared_change(&self.factors.h, &before))
            }
        }
    }
}
