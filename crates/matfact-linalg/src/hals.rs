//! Non-negative row updates: cyclic coordinate descent on min ½ wᵀGw − bᵀw + l₁·Σw, 0 <= w <= max.
//!
//! The rows of a non-negative factor are independent given the other factor, and share the matrix G.
//! A tile of rows is transposed so that each vector lane holds one row: the sums over components
//! then need neither horizontal additions nor branches.

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// Rows of a tile: four vectors of the widest kind.
const TILE_BYTES: usize = 256;
/// Rows of a task; a multiple of every tile.
const TASK_ROWS: usize = 512;

/// How far a factor was from optimal when a sweep visited it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Violation {
    /// Σ |projected gradient| over the entries, each taken just before its update.
    pub sum: f64,
    /// Σ (projected gradient)² likewise.
    pub squares: f64,
}

/// What one call of [`update_non_negative_rows`] does to every row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowUpdate<'a> {
    /// The L1 penalty l₁.
    pub l1: f64,
    /// The upper bound of the entries, if there is one.
    pub max: Option<f64>,
    /// The components to visit, in this order; all of them in order by default. Others stay.
    pub components: Option<&'a [usize]>,
    /// Passes over the components.
    pub sweeps: usize,
}

impl Default for RowUpdate<'_> {
    fn default() -> Self {
        Self {
            l1: 0.0,
            max: None,
            components: None,
            sweeps: 1,
        }
    }
}

/// Improves every row w of `factor` (rows x k) for min ½ wᵀGw − bᵀw + l₁·Σw over 0 <= w <= max, where
/// b is the row of `linear` (rows x k) and G = `gram` (k x k, with any L2 penalty on its diagonal), by
/// passes of coordinate descent over the components.
///
/// A component whose G_tt is zero, or below eps² times the largest, is left as it is. Returns the
/// violation that the first sweep met. Runs on the current pool, with the same bits for any number of
/// threads.
///
/// # Panics
/// If the shapes do not fit, a matrix is not in row-major order, or a component is not below k.
pub fn update_non_negative_rows<T: Scalar>(
    factor: &mut Array2<T>,
    linear: ArrayView2<'_, T>,
    gram: ArrayView2<'_, T>,
    update: RowUpdate<'_>,
    simd: Simd,
) -> Violation {
    let k = factor.ncols();
    assert_eq!(linear.dim(), factor.dim(), "shape of the linear term");
    assert_eq!(gram.dim(), (k, k), "shape of the Gram matrix");
    if k == 0 || factor.nrows() == 0 {
        return Violation::default();
    }
    let gram = gram.as_standard_layout();
    let gram = gram.as_slice().expect("it is in standard layout");
    // A component that is nothing but rounding beside the largest one stays as it is: dividing by
    // its square would throw the entries out of range.
    let largest = (0..k)
        .map(|t| gram[t * k + t])
        .fold(T::zero(), |most, g| if g > most { g } else { most });
    let negligible = largest * T::epsilon() * T::epsilon();
    let inverse: Vec<T> = (0..k)
        .map(|t| gram[t * k + t])
        .map(|g| {
            if g > negligible {
                T::one() / g
            } else {
                T::zero()
            }
        })
        .map(|inverse| {
            if inverse.is_finite() {
                inverse
            } else {
                T::zero()
            }
        })
        .collect();
    let every: Vec<usize>;
    let components = match update.components {
        Some(components) => components,
        None => {
            every = (0..k).collect();
            &every
        }
    };
    assert!(components.iter().all(|t| *t < k), "component out of range");
    let (l1, sweeps) = (T::from_f64(update.l1), update.sweeps);
    let max = T::from_f64(update.max.unwrap_or(f64::INFINITY));
    let linear = linear
        .as_slice()
        .expect("the linear term is in row-major order");
    let factor = factor
        .as_slice_mut()
        .expect("the factor is in row-major order");
    let violations: Vec<Violation> = factor
        .par_chunks_mut(TASK_ROWS * k)
        .zip(linear.par_chunks(TASK_ROWS * k))
        .map(|(factor, linear)| {
            simd.run(Update {
                factor,
                linear,
                gram,
                inverse: &inverse,
                components,
                l1,
                max,
                sweeps,
            })
        })
        .collect();
    violations
        .into_iter()
        .fold(Violation::default(), |total, part| Violation {
            sum: total.sum + part.sum,
            squares: total.squares + part.squares,
        })
}

struct Update<'a, T> {
    factor: &'a mut [T],
    linear: &'a [T],
    gram: &'a [T],
    inverse: &'a [T],
    components: &'a [usize],
    l1: T,
    max: T,
    sweeps: usize,
}

impl<T: Scalar> Kernel for Update<'_, T> {
    type Output = Violation;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Violation {
        if size_of::<T>() == 4 {
            self.tiles::<FMA, { TILE_BYTES / 4 }>()
        } else {
            self.tiles::<FMA, { TILE_BYTES / 8 }>()
        }
    }
}

impl<T: Scalar> Update<'_, T> {
    #[inline(always)]
    fn tiles<const FMA: bool, const R: usize>(self) -> Violation {
        let k = self.inverse.len();
        let mut total = Violation::default();
        let mut w = vec![[T::zero(); R]; k];
        let mut b = vec![[T::zero(); R]; k];
        for (factor, linear) in self.factor.chunks_mut(R * k).zip(self.linear.chunks(R * k)) {
            let rows = factor.len() / k;
            for lane in 0..R {
                for t in 0..k {
                    // Lanes beyond the last row hold zeros, and stay there: their gradient is l1.
                    let filled = lane < rows;
                    w[t][lane] = if filled {
                        factor[lane * k + t]
                    } else {
                        T::zero()
                    };
                    b[t][lane] = if filled {
                        linear[lane * k + t] - self.l1
                    } else {
                        T::zero()
                    };
                }
            }
            for sweep in 0..self.sweeps {
                let (mut sum, mut squares) = ([T::zero(); R], [T::zero(); R]);
                for &t in self.components {
                    let inverse = self.inverse[t];
                    if inverse == T::zero() {
                        continue;
                    }
                    let line = &self.gram[t * k..(t + 1) * k];
                    let mut gradient = [T::zero(); R];
                    for lane in 0..R {
                        gradient[lane] = -b[t][lane];
                    }
                    for j in 0..k {
                        for lane in 0..R {
                            gradient[lane] =
                                multiply_add::<FMA, T>(line[j], w[j][lane], gradient[lane]);
                        }
                    }
                    for lane in 0..R {
                        let (old, slope) = (w[t][lane], gradient[lane]);
                        let step = old - slope * inverse;
                        let step = if step > T::zero() { step } else { T::zero() };
                        w[t][lane] = if step < self.max { step } else { self.max };
                        let held = (old == T::zero() && slope > T::zero())
                            || (old == self.max && slope < T::zero());
                        let projected = if held { T::zero() } else { slope };
                        sum[lane] += projected.abs();
                        squares[lane] += projected * projected;
                    }
                }
                if sweep == 0 {
                    for lane in 0..rows {
                        total.sum += sum[lane].as_f64();
                        total.squares += squares[lane].as_f64();
                    }
                }
            }
            for lane in 0..rows {
                for t in 0..k {
                    factor[lane * k + t] = w[t][lane];
                }
            }
        }
        total
    }
}

#[cfg(all(test, feature = "dense"))]
mod tests {
    use super::*;
    use crate::{gram, random_normal};
    use matfact_core::ndarray::Array1;

    /// The definition, row by row.
    fn reference(w: &mut Array2<f64>, b: &Array2<f64>, g: &Array2<f64>, l1: f64) -> Violation {
        let mut violation = Violation::default();
        for i in 0..w.nrows() {
            for t in 0..w.ncols() {
                let slope = w.row(i).dot(&g.row(t)) - b[[i, t]] + l1;
                let projected = if w[[i, t]] == 0.0 {
                    slope.min(0.0)
                } else {
                    slope
                };
                violation.sum += projected.abs();
                violation.squares += projected * projected;
                if g[[t, t]] != 0.0 {
                    w[[i, t]] = (w[[i, t]] - slope / g[[t, t]]).max(0.0);
                }
            }
        }
        violation
    }

    #[test]
    fn every_path_follows_the_definition_and_threads_do_not_matter() {
        for (rows, k) in [(1, 1), (5, 3), (700, 20), (1300, 33)] {
            let h = random_normal::<f64>((50, k), 1, 0).mapv(f64::abs);
            let g = gram(h.view());
            let b = random_normal::<f64>((rows, k), 2, 0) * 30.0;
            let start = random_normal::<f64>((rows, k), 3, 0).mapv(|v| v.max(0.0));
            let mut expected = start.clone();
            let violation = reference(&mut expected, &b, &g, 0.25);
            let update = RowUpdate {
                l1: 0.25,
                ..RowUpdate::default()
            };
            for simd in Simd::available() {
                let mut results = Vec::new();
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new()
                        .num_threads(threads)
                        .build()
                        .unwrap();
                    let mut w = start.clone();
                    let met = pool.install(|| {
                        update_non_negative_rows(&mut w, b.view(), g.view(), update, simd)
                    });
                    assert!(
                        w.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-9),
                        "{simd:?}"
                    );
                    assert!((met.sum / violation.sum - 1.0).abs() < 1e-9);
                    assert!((met.squares / violation.squares - 1.0).abs() < 1e-9);
                    results.push((w, met));
                }
                assert_eq!(results[0], results[1]);
            }
        }
    }

    #[test]
    fn many_sweeps_reach_the_non_negative_least_squares_solution() {
        let h = random_normal::<f64>((40, 6), 1, 0).mapv(f64::abs);
        let truth =
            Array2::from_shape_fn((9, 6), |(i, t)| if (i + t) % 3 == 0 { 0.0 } else { 1.5 });
        let b = truth.dot(&h.t()).dot(&h);
        let mut w = Array2::zeros((9, 6));
        let g = gram(h.view());
        let update = RowUpdate {
            sweeps: 3000,
            ..RowUpdate::default()
        };
        update_non_negative_rows(&mut w, b.view(), g.view(), update, Simd::detect());
        assert!(
            w.iter().zip(&truth).all(|(x, y)| (x - y).abs() < 1e-8),
            "{w}"
        );
    }

    #[test]
    fn a_dead_component_stays_dead() {
        for dead in [0.0, f32::MIN_POSITIVE / 16.0, 1e-20] {
            let g = Array2::from_diag(&Array1::from_vec(vec![dead, 2.0]));
            let (mut w, b) = (Array2::zeros((3, 2)), Array2::ones((3, 2)));
            let update = RowUpdate {
                sweeps: 5,
                ..RowUpdate::default()
            };
            update_non_negative_rows(&mut w, b.view(), g.view(), update, Simd::detect());
            let settled = w
                .rows()
                .into_iter()
                .all(|row| row[0] == 0.0 && row[1] == 0.5);
            assert!(settled, "G_tt = {dead}: {w}");
        }
    }

    #[test]
    fn bounds_are_kept_and_components_left_out_stay() {
        let h = random_normal::<f64>((50, 6), 1, 0).mapv(f64::abs);
        let (g, b) = (gram(h.view()), random_normal::<f64>((40, 6), 2, 0) * 200.0);
        let start = Array2::from_elem((40, 6), 0.25);
        let mut w = start.clone();
        let update = RowUpdate {
            max: Some(0.5),
            components: Some(&[4, 1]),
            sweeps: 2,
            ..RowUpdate::default()
        };
        update_non_negative_rows(&mut w, b.view(), g.view(), update, Simd::detect());
        assert!(w.iter().all(|v| (0.0..=0.5).contains(v)));
        assert!(w.column(1).iter().any(|v| *v == 0.5) && w.column(4).iter().any(|v| *v == 0.0));
        for t in [0, 2, 3, 5] {
            assert_eq!(w.column(t), start.column(t));
        }
    }
}
