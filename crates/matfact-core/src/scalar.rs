//! The element types that every algorithm works with.

use ndarray::NdFloat;
use std::iter::Sum;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// An element of a matrix: `f32` or `f64`, and nothing else (the trait is sealed, because the
/// kernels are compiled for these two).
///
/// Arithmetic comes from [`ndarray::NdFloat`]. Sums that feed a decision (an objective, a norm, a
/// convergence test) are accumulated in `f64` through [`Scalar::as_f64`].
///
/// ```
/// use matfact_core::Scalar;
/// fn mean<T: Scalar>(values: &[T]) -> f64 {
///     values.iter().map(|v| v.as_f64()).sum::<f64>() / values.len() as f64
/// }
/// assert_eq!(mean(&[1.0_f32, 2.0]), 1.5);
/// ```
pub trait Scalar: NdFloat + Default + Sum + sealed::Sealed {
    /// The type's name as it stands in model files and options: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest value of this type; infinite when `value` exceeds its range.
    fn from_f64(value: f64) -> Self;

    /// The same value in double precision (exact).
    fn as_f64(self) -> f64;
}

impl Scalar for f32 {
    const NAME: &'static str = "f32";

    fn from_f64(value: f64) -> Self {
        value as f32
    }

    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    const NAME: &'static str = "f64";

    fn from_f64(value: f64) -> Self {
        value
    }

    fn as_f64(self) -> f64 {
        self
    }
}
