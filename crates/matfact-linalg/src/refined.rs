//! The last step of every truncated decomposition: the best triplets within a subspace, and how good
//! they are.

use crate::dense::upright_qr;
use crate::{Products, ROUNDINGS, multiply_dense, small_svd, symmetric_eigen, tall_qr, wide_gram};
use matfact_core::ndarray::{Array1, Array2, ArrayView2};
use matfact_core::{LinearOperator, Result, Scalar};
use rayon::prelude::*;

/// Rows whose residuals are summed by one task.
const RESIDUAL_ROWS: usize = 1024;

/// Singular triplets of X' within a subspace of its right side, with their residuals.
#[derive(Debug, Clone, PartialEq)]
pub struct RefinedTriplets<T> {
    /// Left singular vectors (m x k), orthonormal columns.
    pub u: Array2<T>,
    /// Singular values (k), descending, in `f64`.
    pub singular_values: Array1<f64>,
    /// Right singular vectors (n x k), orthonormal columns.
    pub v: Array2<T>,
    /// X'V (m x k), as it was computed.
    pub xv: Array2<T>,
    /// ‖X'v − σu‖ of each.
    pub left_residuals: Array1<f64>,
    /// ‖X'ᵀu − σv‖ of each.
    pub right_residuals: Array1<f64>,
}

/// The singular triplets of X' restricted to the span of the orthonormal columns of `basis` (n x k), by
/// the QR factorization of X'·basis and the decomposition of its triangle (Rayleigh and Ritz), and their
/// residuals, by the two products.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn refine_triplets<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    basis: ArrayView2<'_, X::Scalar>,
) -> Result<RefinedTriplets<X::Scalar>> {
    let (basis, _) = tall_qr(basis);
    let image = x.multiply(basis.view())?;
    let (q, triangle) = tall_qr(image.view());
    let triangle = triangle.mapv(|v| v.as_f64());
    let (_, singular_values, inner_right_t) = small_svd(triangle.view());
    // The decomposition's vectors are orthonormal to a few dozen roundings; these to a few.
    let (inner_right, _) = upright_qr(inner_right_t.t());
    let (inner_left, _) = upright_qr(triangle.dot(&inner_right).view());
    let narrow = |v: &f64| X::Scalar::from_f64(*v);
    let rotation = inner_right.map(narrow);
    let u = product(q.view(), inner_left.map(narrow).view());
    drop(q);
    let v = product(basis.view(), rotation.view());
    let xv = product(image.view(), rotation.view());
    drop(image);
    let left_residuals = residuals(&xv, &u, &singular_values);
    let right_residuals = residuals(&x.multiply_transposed(u.view())?, &v, &singular_values);
    Ok(RefinedTriplets {
        u,
        singular_values,
        v,
        xv,
        left_residuals,
        right_residuals,
    })
}

/// As [`refine_triplets`], by the Gram matrix of X'·basis in `f64` and its eigenvectors: three times as
/// fast, for values of at least √eps·σ₁ (smaller ones are lost in it, and their left vectors with them).
///
/// With the coupling C of a Lanczos process (X'ᵀX'·basis = basis·T + N·C, see
/// [`LeadingSpan`](crate::LeadingSpan)) the right residuals are ‖C q‖ / σ and a bound of its rounding,
/// without the product that measures them.
///
/// # Errors
/// [`matfact_core::Error::Overflow`] if a product is not finite.
pub fn refine_conditioned<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    basis: ArrayView2<'_, X::Scalar>,
    coupling: Option<ArrayView2<'_, f64>>,
) -> Result<RefinedTriplets<X::Scalar>> {
    let image = x.multiply(basis)?;
    let (squares, rotation) = symmetric_eigen(wide_gram(image.view()).view());
    let singular_values = squares.mapv(|square| square.max(0.0).sqrt());
    let (rotation, _) = upright_qr(rotation.view());
    let coupled = coupling.map(|coupling| coupling.dot(&rotation));
    let narrow = |v: f64| X::Scalar::from_f64(v);
    let inverse = singular_values.mapv(|s| if s > 0.0 { 1.0 / s } else { 0.0 });
    let u = product(image.view(), (&rotation * &inverse).mapv(narrow).view());
    let rotation = rotation.mapv(narrow);
    let v = product(basis, rotation.view());
    let xv = product(image.view(), rotation.view());
    drop(image);
    let left_residuals = residuals(&xv, &u, &singular_values);
    let right_residuals = match coupled {
        Some(coupled) => known_residuals::<X::Scalar>(&coupled, &singular_values),
        None => residuals(&x.multiply_transposed(u.view())?, &v, &singular_values),
    };
    Ok(RefinedTriplets {
        u,
        singular_values,
        v,
        xv,
        left_residuals,
        right_residuals,
    })
}

/// ‖C q‖ / σ of each column of C·Q, and the rounding of the squares that C belongs to.
fn known_residuals<T: Scalar>(coupled: &Array2<f64>, sigma: &Array1<f64>) -> Array1<f64> {
    let largest = sigma.iter().fold(0.0_f64, |most, s| most.max(*s));
    let rounding = ROUNDINGS * T::epsilon().as_f64() * largest * largest;
    let pairs = coupled.columns().into_iter().zip(sigma);
    pairs
        .map(|(column, s)| column.dot(&column).sqrt().hypot(rounding) / s.max(f64::MIN_POSITIVE))
        .collect()
}

fn product<T: Scalar>(left: ArrayView2<'_, T>, right: ArrayView2<'_, T>) -> Array2<T> {
    let mut out = Array2::default((left.nrows(), right.ncols()));
    multiply_dense(left, right, out.view_mut());
    out
}

/// ‖p − σ·q‖ of each pair of columns.
fn residuals<T: Scalar>(p: &Array2<T>, q: &Array2<T>, sigma: &Array1<f64>) -> Array1<f64> {
    let chunks = |a: &Array2<T>| a.nrows().div_ceil(RESIDUAL_ROWS);
    let partial = |chunk: usize| {
        let start = chunk * RESIDUAL_ROWS;
        let mut squares = Array1::zeros(sigma.len());
        for row in start..p.nrows().min(start + RESIDUAL_ROWS) {
            let pairs = p.row(row).into_iter().zip(q.row(row));
            for ((sum, sigma), (p, q)) in squares.iter_mut().zip(sigma).zip(pairs) {
                let difference = p.as_f64() - sigma * q.as_f64();
                *sum += difference * difference;
            }
        }
        squares
    };
    let partials: Vec<Array1<f64>> = (0..chunks(p)).into_par_iter().map(partial).collect();
    let zero = Array1::zeros(sigma.len());
    let squares = partials.into_iter().fold(zero, |sum, more| sum + more);
    squares.mapv_into(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::Summary;
    use matfact_core::ndarray::array;

    #[test]
    fn the_best_triplets_of_a_subspace_have_their_residuals() {
        let x = array![
            [3.0, 0.0, 0.0],
            [0.0, 2.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0]
        ];
        let products = Products::new(&x, Some(&Summary::of(&x)));
        // The span of the second and, nearly, the first right vector.
        let (sine, cosine) = (0.6, 0.8);
        let basis = array![[0.0, cosine], [1.0, 0.0], [0.0, sine]];
        let found = refine_triplets(&products, basis.view()).unwrap();
        let value = (9.0_f64 * 0.64 + 0.36).sqrt();
        assert!((found.singular_values[0] - value).abs() < 1e-14);
        assert!((found.singular_values[1] - 2.0).abs() < 1e-14);
        assert!(found.left_residuals.iter().all(|r| *r < 1e-14));
        // X'ᵀu is (9c, s)/σ, of which σ(c, s) is the part along v.
        let expected = ((9.0 * 0.8 / value - value * 0.8).powi(2)
            + (0.6 / value - value * 0.6).powi(2))
        .sqrt();
        assert!((found.right_residuals[0] - expected).abs() < 1e-13);
        assert!(found.right_residuals[1] < 1e-14);
        let (basis, _) = tall_qr(basis.view());
        let quick = refine_conditioned(&products, basis.view(), None).unwrap();
        let close = |a: &Array1<f64>, b: &Array1<f64>| (a - b).iter().all(|d| d.abs() < 1e-13);
        assert!(close(&quick.singular_values, &found.singular_values));
        assert!(close(&quick.right_residuals, &found.right_residuals));
        assert!(quick.left_residuals.iter().all(|r| *r < 1e-14));
        let zeros = Array2::<f32>::zeros((20, 8));
        let products = Products::new(&zeros, Some(&Summary::of(&zeros)));
        let (basis, _) = tall_qr(random_normal::<f32>((8, 3), 1, 0).view());
        let found = refine_triplets(&products, basis.view()).unwrap();
        let gram = found.u.t().dot(&found.u) - Array2::<f32>::eye(3);
        assert!(gram.iter().all(|v| v.abs() < 1e-6));
        assert_eq!(found.singular_values, Array1::<f64>::zeros(3));
    }
}
