//! Where W and H start.

use crate::fit::Problem;
use crate::{Held, Init, Nmf};
use matfact_core::ndarray::{Array1, Array2, ArrayView1};
use matfact_core::{Error, LinearOperator, Matrix, Result, Scalar, StopReason, Summary};
use matfact_linalg::{Products, RandomizedSvd, Triplets, random_normal, randomized_svd};

/// Below this, entries of NNDSVD vectors are noise (scikit-learn's threshold).
const NEGLIGIBLE: f64 = 1e-6;

/// The relative growth of the captured norm, in half a power iteration, that ends those of a sketch.
const SETTLED: f64 = 1e-3;

/// Factors in progress.
#[derive(Debug, Clone)]
pub(crate) struct Factors<T> {
    /// W (m x k).
    pub(crate) w: Array2<T>,
    /// Hᵀ (n x k): both factors have one row for each line of X.
    pub(crate) h: Array2<T>,
}

/// Factors to start from; see [`Nmf::fit_from`].
#[derive(Debug, Clone, PartialEq)]
pub struct Start<T> {
    w: Option<Array2<T>>,
    h: Option<Array2<T>>,
}

impl<T: Scalar> Start<T> {
    /// Both factors: W (m x k) and H (k x n).
    #[must_use]
    pub fn new(w: Array2<T>, h: Array2<T>) -> Self {
        Self {
            w: Some(w),
            h: Some(h),
        }
    }

    /// W alone (m x k).
    #[must_use]
    pub fn from_w(w: Array2<T>) -> Self {
        Self {
            w: Some(w),
            h: None,
        }
    }

    /// H alone (k x n).
    #[must_use]
    pub fn from_h(h: Array2<T>) -> Self {
        Self {
            w: None,
            h: Some(h),
        }
    }

    /// Refuses factors that do not fit the problem.
    pub(crate) fn check(&self, nmf: &Nmf, shape: (usize, usize)) -> Result<()> {
        let sides = [
            ("W of the start", &self.w, (shape.0, nmf.rank)),
            ("H of the start", &self.h, (nmf.rank, shape.1)),
        ];
        for (name, factor, expected) in sides {
            let Some(factor) = factor else { continue };
            if factor.dim() != expected {
                let pair = |(a, b)| format!("{a} x {b}");
                return Err(Error::shape_mismatch(
                    name,
                    pair(expected),
                    pair(factor.dim()),
                ));
            }
            Summary::of(factor).require_non_negative("nmf")?;
        }
        let missing = match &nmf.held {
            Held::W => self.w.is_none(),
            Held::H | Held::Components(_) => self.h.is_none(),
            Held::Nothing => false,
        };
        let out_of_range =
            matches!(&nmf.held, Held::Components(held) if held.iter().any(|t| *t >= nmf.rank));
        if missing || out_of_range {
            let requirement = if missing {
                "a part of the start that is given".to_owned()
            } else {
                format!("components in 0..{}", nmf.rank)
            };
            let held = format!("{:?}", nmf.held);
            return Err(Error::invalid_parameter("held", held, requirement));
        }
        Ok(())
    }

    /// These factors for X'; a missing one is filled with √(mean/k).
    pub(crate) fn sides(&self) -> (Option<&Array2<T>>, Option<&Array2<T>>) {
        (self.w.as_ref(), self.h.as_ref())
    }

    pub(crate) fn factors<X>(&self, problem: &Problem<'_, X>) -> Factors<T>
    where
        X: Matrix<Scalar = T> + ?Sized,
    {
        let (m, n) = problem.x.shape();
        let (rank, scale) = (problem.nmf.rank, problem.x.scale());
        let fill = T::from_f64((problem.mean / rank as f64).sqrt());
        let shrink = T::from_f64(scale.sqrt());
        let ready = |factor: Array2<T>| {
            if scale == 1.0 {
                factor
            } else {
                factor.mapv(|v| v / shrink)
            }
        };
        let w = self.w.clone();
        let h = self
            .h
            .as_ref()
            .map(|h| h.t().as_standard_layout().into_owned());
        Factors {
            w: w.map_or_else(
                || Array2::from_elem((m, rank), fill),
                |w| ready(w.as_standard_layout().into_owned()),
            ),
            h: h.map_or_else(|| Array2::from_elem((n, rank), fill), ready),
        }
    }
}

/// Where a fit begins: the factors, and the sketch of X' that gave them, if there is one.
#[derive(Debug)]
pub(crate) struct Beginning<T> {
    pub(crate) factors: Factors<T>,
    pub(crate) sketch: Option<Triplets<T>>,
}

/// The factors that `init` gives for X'.
pub(crate) fn start<X: Matrix + ?Sized>(
    problem: &Problem<'_, X>,
    init: Init,
    seed: u64,
) -> Result<Beginning<X::Scalar>> {
    let (m, n) = problem.x.shape();
    let (rank, mean) = (problem.nmf.rank, problem.mean);
    let random = |rows, stream, scale: f64| {
        random_normal::<X::Scalar>((rows, rank), seed, stream)
            .mapv(|v| X::Scalar::from_f64(v.as_f64().abs() * scale))
    };
    let mut beginning = match init {
        Init::Random => {
            let scale = (mean / rank as f64).sqrt();
            let h = random(n, 1, scale);
            let w = random(m, 2, scale);
            Beginning {
                factors: Factors { w, h },
                sketch: None,
            }
        }
        Init::Separable => Beginning {
            factors: crate::separable::start(problem)?,
            sketch: None,
        },
        _ => nndsvd(&problem.x, rank, seed)?,
    };
    let Factors { w, h } = &mut beginning.factors;
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
            for (factor, stream) in [(w, 2), (h, 1)] {
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
    for (factor, side) in [
        (&mut beginning.factors.w, problem.constraints.w),
        (&mut beginning.factors.h, problem.constraints.h),
    ] {
        if let Some(max) = side.max {
            let max = X::Scalar::from_f64(max);
            factor.mapv_inplace(|v| if v > max { max } else { v });
        }
    }
    Ok(beginning)
}

/// The leading singular triplets of X', some more than `rank`.
pub(crate) fn sketch_of<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    rank: usize,
    seed: u64,
) -> Result<Triplets<X::Scalar>> {
    let shorter = x.shape().0.min(x.shape().1);
    let power_iterations = if (rank as f64) < 0.1 * shorter as f64 {
        7
    } else {
        4
    };
    let asked = RandomizedSvd {
        rank: rank.saturating_add(10).min(shorter),
        oversampling: 0,
        power_iterations,
        seed,
    };
    // NNDSVD needs the leading vectors to a few digits: where the spectrum falls, one or two power
    // iterations give them.
    randomized_svd(x, asked, |_, growth| {
        (growth <= SETTLED).then_some(StopReason::Converged)
    })
}

/// NNDSVD (Boutsidis and Gallopoulos 2008) on a randomized SVD: the first component from the
/// absolute leading vectors, each other one from the larger of the positive and negative parts.
fn nndsvd<X: LinearOperator + ?Sized>(
    x: &Products<'_, X>,
    rank: usize,
    seed: u64,
) -> Result<Beginning<X::Scalar>> {
    let (m, n) = x.shape();
    let svd = sketch_of(x, rank, seed)?;
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
    Ok(Beginning {
        factors: Factors { w, h },
        sketch: Some(svd),
    })
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
        let (x, nmf) = (a5(), Nmf::new(3));
        let Factors { w, h } = start(&Problem::of(&nmf, &x).unwrap(), init, 0)
            .unwrap()
            .factors;
        (w, h)
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
        let nmf = Nmf::new(16);
        let Factors { w, h } = start(&Problem::of(&nmf, &x).unwrap(), Init::Random, 3)
            .unwrap()
            .factors;
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
