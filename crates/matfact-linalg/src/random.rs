//! Random numbers that do not depend on threads: a stream belongs to a row or a block.

use matfact_core::Scalar;
use matfact_core::ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The random stream number `stream` of `seed`; different streams are independent.
///
/// ```
/// use rand::RngExt;
/// let mut a = matfact_linalg::random_stream(7, 0);
/// let mut b = matfact_linalg::random_stream(7, 0);
/// assert_eq!(a.random::<u64>(), b.random::<u64>());
/// ```
#[must_use]
pub fn random_stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A matrix of independent standard normal numbers, row by row from stream `stream` of `seed`.
///
/// The numbers are drawn in `f64` and rounded, so that f32 and f64 start from the same point.
#[must_use]
pub fn random_normal<T: Scalar>(shape: (usize, usize), seed: u64, stream: u64) -> Array2<T> {
    let mut rng = random_stream(seed, stream);
    Array2::from_shape_simple_fn(shape, || {
        let value: f64 = StandardNormal.sample(&mut rng);
        T::from_f64(value)
    })
}
