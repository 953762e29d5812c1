//! Where W and H start.

use crate::Init;
use matfact_core::ndarray::{Array1, Array2, ArrayView1};
use matfact_core::{LinearOperator, Result, Scalar};
use matfact_linalg::{Products, RandomizedSvd, random_normal, randomized_svd};

/// W (m x k) and the transposed H (n x k).
type Start<T> = (Array2<T>, Array2<T>);

/// Below this, entries of NNDSVD vectors are noise (scikit-learn's threshold).
const NEGLIGIBLE: f64 = 1e-6;

/// W (m x k) and the transposed H (n x k) to start from; `mean` is the mean of X'.
pub(crate) fn start<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    rank: usize,
    init: Init,
    mean: f64,
    seed: u64,
) -> Result<Start<X::Scalar>> {
    let (m, n) = x.shape();
    let random = |rows, stream, scale: f64| {
        random_normal::<X::Scalar>((rows, rank), seed, stream)
            .mapv(|v| X::Scalar::from_f64(v.as_f64().abs() * scale))
    };
    if init == Init::Random {
        let scale = (mean / rank as f64).sqrt();
        let h = random(n, 1, scale);
        return Ok((random(m, 2, scale), h));
    }
    let (mut w, mut h) = nndsvd(x, rank, seed)?;
    match init {
        Init::Nndsvda => {
            let fill = X::Scalar::from_f64(mean);
            let replace = |v: X::Scalar| {
                if v == X::Scalar::from_f64(0.0) {
                    fill
                } else {
                    v
                }
            };
            w.mapv_inplace(replace);
            h.mapv_inplace(replace);
        }
        Init::Nndsvdar => {
            for (factor, stream) in [(&mut w, 2), (&mut h, 1)] {
                let noise = random(factor.nrows(), stream, mean / 100.0);
                factor.zip_mut_with(&noise, |v, noise| {
                    if *v == X::Scalar::from_f64(0.0) {
                        *v = *noise;
                    }
                });
            }
        }
        _ => {}
    }
    Ok((w, h))
}

/// NNDSVD (Boutsidis and Gallopoulos 2008) on a randomized SVD: the first component from the
/// absolute leading vectors, each other one from the larger of the positive and negative parts.
fn nndsvd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    rank: usize,
    seed: u64,
) -> Result<Start<X::Scalar>> {
    let (m, n) = x.shape();
    let power_iterations = if (rank as f64) < 0.1 * m.min(n) as f64 {
        7
    } else {
        4
    };
    let asked = RandomizedSvd {
        rank,
        oversampling: 10,
        power_iterations,
        seed,
    };
    let svd = randomized_svd(x, asked, |_| None)?;
    let (mut w, mut h) = (Array2::default((m, rank)), Array2::default((n, rank)));
    for component in 0..rank {
        let sigma = svd.singular_values[component].as_f64();
        let (u, v) = (svd.u.column(component), svd.v.column(component));
        let (left, right, weight) = if component == 0 {
            (
                u.mapv(|x| x.as_f64().abs()),
                v.mapv(|x| x.as_f64().abs()),
                sigma,
            )
        } else {
            larger_part(u, v, sigma)
        };
        for (factor, part) in [(&mut w, left), (&mut h, right)] {
            let scale = weight.sqrt();
            for (slot, value) in factor.column_mut(component).iter_mut().zip(part) {
                let value = scale * value;
                *slot = X::Scalar::from_f64(if value < NEGLIGIBLE { 0.0 } else { value });
            }
        }
    }
    Ok((w, h))
}

/// The unit vectors of the sign part of (u, v) with the larger product of norms, and the weight
/// that their outer product gets. Ties go to the negative part, as in scikit-learn.
fn larger_part<T: Scalar>(
    u: ArrayView1<'_, T>,
    v: ArrayView1<'_, T>,
    sigma: f64,
) -> (Array1<f64>, Array1<f64>, f64) {
    let part = |x: ArrayView1<'_, T>, sign: f64| x.mapv(|x| (x.as_f64() * sign).max(0.0));
    let norm = |x: &Array1<f64>| x.dot(x).sqrt();
    let [positive, negative] = [1.0, -1.0].map(|sign| {
        let (u, v) = (part(u, sign), part(v, sign));
        let (u_norm, v_norm) = (norm(&u), norm(&v));
        (u, v, u_norm, v_norm)
    });
    let (u, v, u_norm, v_norm) = if positive.2 * positive.3 > negative.2 * negative.3 {
        positive
    } else {
        negative
    };
    let product = u_norm * v_norm;
    // A vector pair without any part of one sign in common (a zero column, say) starts at zero.
    if product == 0.0 {
        return (u, v, 0.0);
    }
    (u / u_norm, v / v_norm, sigma * product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::Summary;
    use matfact_core::ndarray::array;

    fn a5() -> Array2<f64> {
        array![
            [5.0, 3.0, 0.0, 1.0],
            [4.0, 0.0, 0.0, 1.0],
            [1.0, 1.0, 0.0, 5.0],
            [1.0, 0.0, 0.0, 4.0],
            [0.0, 1.0, 5.0, 4.0]
        ]
    }

    fn begin(init: Init) -> (Array2<f64>, Array2<f64>) {
        let x = a5();
        let summary = Summary::of(&x);
        let products = Products::new(&x, Some(&summary));
        start(&products, 3, init, summary.mean(), 0).unwrap()
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8)
    }

    /// scikit-learn 1.9.1's NNDSVD of the same matrix.
    #[test]
    fn nndsvd_gives_the_golden_numbers() {
        let (w, h) = begin(Init::Nndsvd);
        let golden_w = array![
            [1.312995454, 1.6774131152, 0.6488386718],
            [0.8930946202, 1.1105717068, 0.1098424734],
            [1.5504168029, 0.0, 0.0],
            [1.202101827, 0.0, 0.0],
            [1.6313502409, 0.0, 1.340381736]
        ];
        let golden_h = array![
            [1.4271782957, 0.7884161172, 0.90312271, 2.357467125],
            [1.9435797575, 0.5192128668, 0.0, 0.0],
            [0.2966206233, 0.4346890023, 1.3974054051, 0.0]
        ];
        assert!(close(&w, &golden_w), "{w}");
        assert!(close(&h, &golden_h.t().to_owned()), "{h}");
    }

    #[test]
    fn the_variants_fill_the_zeros_by_their_rules() {
        let (plain, _) = begin(Init::Nndsvd);
        let (averaged, _) = begin(Init::Nndsvda);
        let (random, _) = begin(Init::Nndsvdar);
        for ((plain, averaged), random) in plain.iter().zip(&averaged).zip(&random) {
            if *plain == 0.0 {
                assert_eq!(*averaged, 1.8);
                assert!(*random > 0.0 && *random < 0.018 * 6.0);
            } else {
                assert_eq!(plain, averaged);
                assert_eq!(plain, random);
            }
        }
    }

    #[test]
    fn random_starts_have_the_scale_of_the_data() {
        let x = Array2::<f32>::from_elem((300, 200), 4.0);
        let summary = Summary::of(&x);
        let products = Products::new(&x, Some(&summary));
        let (w, h) = start(&products, 16, Init::Random, summary.mean(), 3).unwrap();
        // The mean of |N(0, 1)| is √(2/π).
        let expected = (4.0_f64 / 16.0).sqrt() * (2.0 / std::f64::consts::PI).sqrt();
        for factor in [w, h] {
            let mean = f64::from(factor.sum()) / factor.len() as f64;
            assert!(
                (mean / expected - 1.0).abs() < 0.05,
                "{mean} against {expected}"
            );
        }
    }
}
