//! Descriptions of a backend: the type by which laws are chosen.
//!
//! A subject is a small struct in a backend's own test, so nothing has to be implemented for the
//! backend's types from outside its crate. [`MatrixSubject`] or [`RatingsSubject`] says how to fit;
//! every other trait adds what some laws need to know, and with it those laws apply.

use crate::reference::epsilon;
use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Factorization, Factorizer, LinearOperator, Matrix, ObservedEntries, Persist, Result, Scalar,
};

/// Any matrix whose absent entries are zero.
pub type DynMatrix<T> = dyn Matrix<Scalar = T>;
/// Any matrix that is known by its products.
pub type DynOperator<T> = dyn LinearOperator<Scalar = T>;
/// Any matrix whose absent entries are unknown.
pub type DynRatings<T> = dyn ObservedEntries<Scalar = T>;

/// An algorithm on matrices whose absent entries are zero.
///
/// It is only ever given non-negative matrices, unless another trait says that it takes any sign.
pub trait MatrixSubject {
    /// The element type.
    type Scalar: Scalar;
    /// What a fit gives.
    type Model: Factorization<Scalar = Self::Scalar> + Persist;

    /// The algorithm at `rank` with `seed`, set up so that it converges on matrices of ten rows and
    /// columns: many iterations, a small tolerance.
    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynMatrix<Self::Scalar>, Model = Self::Model>;

    /// How the subject is called in messages.
    fn name(&self) -> String {
        short_name::<Self>()
    }

    /// The largest ‖X̂₁ − X̂₂‖ / ‖X‖ between two fits that differ by rounding alone. What is left of
    /// convergence belongs in it. The default is the square root of the precision.
    fn tolerance(&self) -> f64 {
        epsilon::<Self::Scalar>().sqrt()
    }

    /// Whether a model of rank k is the column means plus a matrix of rank k: its reconstruction then has
    /// the rank k + 1, and the best it can do is the best approximation of the centred matrix.
    fn is_centered(&self) -> bool {
        false
    }

    /// Rows and columns at which the algorithm cuts its work into several pieces, so that the law
    /// on threads has something to find; the larger is used for either side.
    fn large_shape(&self) -> (usize, usize) {
        (1200, 40)
    }

    /// Random cases for each law, more or less.
    fn cases(&self) -> u32 {
        32
    }
}

/// The factors are non-negative, and so must the data be.
pub trait NonNegativeSubject: MatrixSubject {
    /// Row factors W (m x k) and column factors H (k x n) with X̂ = W H.
    fn factors(&self, model: &Self::Model) -> (Array2<Self::Scalar>, Array2<Self::Scalar>);
}

/// The factors are orthonormal, with singular values between them; data of any sign.
pub trait OrthonormalSubject: MatrixSubject {
    /// U (m x k), the singular values (k) and Vᵀ (k x n) with X̂ = U diag(s) Vᵀ.
    fn parts(&self, model: &Self::Model) -> SvdParts<Self::Scalar>;
}

/// U (m x k), singular values (k) and Vᵀ (k x n).
pub type SvdParts<T> = (Array2<T>, Array1<T>, Array2<T>);

/// The algorithm finds the best approximation of its rank; data of any sign.
pub trait OptimalSubject: MatrixSubject {
    /// How much of ‖X‖ the error, and of σ₁ a singular value, may lie from the best possible.
    fn optimality_tolerance(&self) -> f64 {
        self.tolerance()
    }
}

/// The objective never rises from one iteration to the next.
pub trait MonotoneSubject: MatrixSubject {
    /// The largest rise from one iteration to the next, as a part of the objective: by default
    /// 1e-5 in single and 1e-12 in double precision.
    fn rise_tolerance(&self) -> f64 {
        if Self::Scalar::NAME == f32::NAME {
            1e-5
        } else {
            1e-12
        }
    }
}

/// The model maps new rows to its components.
pub trait TransformSubject: MatrixSubject {
    /// The coordinates of the rows of `x`, by the model's
    /// [`Transform`](matfact_core::Transform).
    ///
    /// # Errors
    /// What the model's `transform` returns.
    fn transform(
        &self,
        model: &Self::Model,
        x: &DynMatrix<Self::Scalar>,
    ) -> Result<Array2<Self::Scalar>>;

    /// The coordinates of the training rows as the fit left them (m x k): what
    /// [`transform`](TransformSubject::transform) of the training matrix should give.
    fn row_coordinates(&self, model: &Self::Model) -> Array2<Self::Scalar>;

    /// The largest difference to the fit's coordinates, as a part of their norm.
    fn transform_tolerance(&self) -> f64 {
        self.tolerance()
    }
}

/// The algorithm needs nothing but products: it takes any [`LinearOperator`].
pub trait OperatorSubject: MatrixSubject {
    /// The same algorithm as [`MatrixSubject::factorizer`] for operators.
    fn operator_factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynOperator<Self::Scalar>, Model = Self::Model>;
}

/// The rank is limited by the smaller side of the matrix.
pub trait LimitedRank: MatrixSubject {}

/// The rank may exceed the smaller side of the matrix.
pub trait UnlimitedRank: MatrixSubject {}

/// Permuting rows or columns permutes their factors: starting values are not tied to positions, or
/// are forgotten at convergence.
pub trait PermutationEquivariant: MatrixSubject {}

/// Transposing the matrix swaps the sides.
pub trait TransposeEquivariant: MatrixSubject {}

/// Scaling the matrix by c scales the reconstruction by c.
pub trait ScaleEquivariant: MatrixSubject {}

/// An algorithm on matrices whose absent entries are unknown.
pub trait RatingsSubject {
    /// The element type.
    type Scalar: Scalar;
    /// What a fit gives.
    type Model: Factorization<Scalar = Self::Scalar> + Persist;

    /// The algorithm at `rank` with `seed`, set up so that it learns 30 x 20 matrices with values
    /// from 1 to 5 well.
    fn factorizer(
        &self,
        rank: usize,
        seed: u64,
    ) -> impl Factorizer<DynRatings<Self::Scalar>, Model = Self::Model>;

    /// What the model predicts where neither row nor column is known; for a
    /// [`FactorModel`](matfact_core::FactorModel), `predict_or_fallback(None, None)`.
    fn fallback(&self, model: &Self::Model) -> Self::Scalar;

    /// Whether negative ratings are taken; else they have to be refused as such.
    fn takes_negative_ratings(&self) -> bool {
        true
    }

    /// How the subject is called in messages.
    fn name(&self) -> String {
        short_name::<Self>()
    }

    /// Rows and columns at which the algorithm cuts its work into several pieces.
    fn large_shape(&self) -> (usize, usize) {
        (600, 200)
    }

    /// Random cases for each law, more or less.
    fn cases(&self) -> u32 {
        24
    }
}

/// The type's name without the paths in front of its parts.
fn short_name<S: ?Sized>() -> String {
    let full = std::any::type_name::<S>();
    let mut short = String::new();
    for part in full.split_inclusive(['<', '>', ',', ' ']) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn names_in_messages_have_no_paths() {
        assert_eq!(short_name::<Vec<Option<f32>>>(), "Vec<Option<f32>>");
    }
}
