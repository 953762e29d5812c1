//! Ridge regressions on rows of a panel, as alternating least squares solves one for each row of ratings.
//!
//! For entries e with regressors q_e (rows of a panel, of k numbers), targets t_e and weights w_e, and a
//! constant beside the regressors,
//!
//! ```text
//! min over p, b:  Σ_e w_e (t_e − q_e·p − b)² + λ ‖p‖² + λ_b b²
//! ```
//!
//! by the normal equations: G = Σ w q qᵀ over gathered rows, a cache line of columns and eight rows of sums
//! in registers; G + λI = UᵀU; and b by elimination, so that k stays a whole number of cache lines.

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use crate::sparse::line;
use matfact_core::Scalar;

/// Entries that are gathered and summed at once: sums of more are added up from such parts.
const ENTRIES: usize = 256;
/// Rows of the Gram matrix whose sums are in registers at once.
const SUMS: usize = 8;

/// The regressors: a panel of rows of k numbers, each filled up with zeros to whole cache lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Regressors<T> {
    values: Vec<T>,
    rank: usize,
    stride: usize,
}

impl<T: Scalar> Regressors<T> {
    /// `rows` rows of `rank` zeros.
    #[must_use]
    pub fn zeros(rows: usize, rank: usize) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        Self {
            values: vec![T::zero(); rows * stride],
            rank,
            stride,
        }
    }

    /// The length k of a row.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.stride).unwrap_or(0)
    }

    /// One row, of k numbers.
    #[must_use]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.stride..][..self.rank]
    }

    /// All rows, each of k numbers, to be written.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        let rank = self.rank;
        let rows = self.values.chunks_exact_mut(self.stride.max(1));
        rows.map(move |row| &mut row[..rank])
    }
}

/// What one regression minimizes beside the errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    /// λ.
    pub factors: f64,
    /// λ_b; `None` leaves the constant out.
    pub constant: Option<f64>,
}

/// The normal equations of one regression after the other, in memory that is used again.
#[derive(Debug)]
pub struct RidgeRegression<T> {
    rank: usize,
    stride: usize,
    /// The upper triangle of G, then U.
    gram: Vec<T>,
    /// Σ w t q, Σ w q, Σ w t, Σ w.
    moments: Vec<T>,
    totals: Vec<T>,
    target: f64,
    weight: f64,
    gathered: Vec<T>,
    weighted: Vec<T>,
    simd: Simd,
}

impl<T: Scalar> RidgeRegression<T> {
    /// For regressors of `rank` numbers.
    #[must_use]
    pub fn new(rank: usize, simd: Simd) -> Self {
        let stride = rank.div_ceil(line::<T>()) * line::<T>();
        let zeros = |count: usize| vec![T::zero(); count];
        Self {
            rank,
            stride,
            gram: zeros(stride * stride),
            moments: zeros(stride),
            totals: zeros(stride),
            target: 0.0,
            weight: 0.0,
            gathered: zeros(ENTRIES * stride),
            weighted: Vec::new(),
            simd,
        }
    }

    /// The p (into `out`) and the b that minimize the sum for entries with the regressors `rows`; where
    /// nothing determines a number of p, it is 0.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn solve(
        &mut self,
        regressors: &Regressors<T>,
        rows: &[u32],
        targets: &[T],
        weights: Option<&[T]>,
        ridge: Ridge,
        out: &mut [T],
    ) -> T {
        assert_eq!(regressors.rank, self.rank, "length of the regressors");
        assert_eq!(rows.len(), targets.len(), "number of targets");
        assert_eq!(out.len(), self.rank, "length of the result");
        self.gram.fill(T::zero());
        self.moments.fill(T::zero());
        self.totals.fill(T::zero());
        (self.target, self.weight) = (0.0, 0.0);
        for start in (0..rows.len()).step_by(ENTRIES) {
            let end = rows.len().min(start + ENTRIES);
            let weights = weights.map(|weights| &weights[start..end]);
            self.add(regressors, &rows[start..end], &targets[start..end], weights);
        }
        self.finish(ridge, out)
    }

    fn add(
        &mut self,
        regressors: &Regressors<T>,
        rows: &[u32],
        targets: &[T],
        weights: Option<&[T]>,
    ) {
        let stride = self.stride;
        let gathered = &mut self.gathered[..rows.len() * stride];
        for (row, slot) in rows.iter().zip(gathered.chunks_exact_mut(stride)) {
            slot.copy_from_slice(&regressors.values[*row as usize * stride..][..stride]);
        }
        let weighted = match weights {
            None => {
                self.weight += rows.len() as f64;
                self.target += targets.iter().map(|t| t.as_f64()).sum::<f64>();
                &*gathered
            }
            Some(weights) => {
                self.weighted.clear();
                let scaled = gathered.chunks_exact(stride).zip(weights);
                let scaled = scaled.flat_map(|(row, weight)| row.iter().map(|v| *v * *weight));
                self.weighted.extend(scaled);
                self.weight += weights.iter().map(|w| w.as_f64()).sum::<f64>();
                let pairs = weights.iter().zip(targets);
                self.target += pairs.map(|(w, t)| w.as_f64() * t.as_f64()).sum::<f64>();
                &self.weighted[..]
            }
        };
        self.simd.run(Sums {
            gathered,
            weighted,
            targets,
            stride,
            gram: &mut self.gram,
            moments: &mut self.moments,
            totals: &mut self.totals,
        });
    }

    fn finish(&mut self, ridge: Ridge, out: &mut [T]) -> T {
        let (stride, rank) = (self.stride, self.rank);
        for j in 0..rank {
            let diagonal = &mut self.gram[j * stride + j];
            *diagonal = T::from_f64(diagonal.as_f64() + ridge.factors);
        }
        self.simd.run(Factor {
            matrix: &mut self.gram,
            rank,
            stride,
        });
        let constant = ridge.constant.map(|penalty| (penalty, self.totals.clone()));
        self.simd.run(Substitute {
            triangle: &self.gram,
            rank,
            stride,
            values: &mut self.moments,
        });
        let mut bias = 0.0;
        if let Some((penalty, totals)) = constant {
            self.simd.run(Substitute {
                triangle: &self.gram,
                rank,
                stride,
                values: &mut self.totals,
            });
            let product = |a: &[T], b: &[T]| -> f64 {
                a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
            };
            let rest = self.target - product(&totals, &self.moments);
            let curvature = self.weight + penalty - product(&totals, &self.totals);
            // What is left of the constant may be rounding alone.
            if curvature > 1e-6 * (self.weight + penalty) {
                bias = rest / curvature;
            }
        }
        for ((out, moment), total) in out.iter_mut().zip(&self.moments).zip(&self.totals) {
            *out = T::from_f64(moment.as_f64() - bias * total.as_f64() * f64::from(bias != 0.0));
        }
        T::from_f64(bias)
    }
}

/// Adds the sums over gathered rows.
struct Sums<'a, T> {
    gathered: &'a [T],
    /// The same, times the weights.
    weighted: &'a [T],
    targets: &'a [T],
    stride: usize,
    gram: &'a mut [T],
    moments: &'a mut [T],
    totals: &'a mut [T],
}

impl<T: Scalar> Sums<'_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let stride = self.stride;
        for first in (0..stride).step_by(SUMS) {
            for columns in (first / L * L..stride).step_by(L) {
                let mut sums = [[T::zero(); L]; SUMS];
                sum_products::<FMA, L, T>(
                    self.weighted,
                    self.gathered,
                    (stride, first, columns),
                    &mut sums,
                );
                for (row, sums) in sums.iter().enumerate() {
                    let start = (first + row) * stride + columns;
                    let out = &mut self.gram[start..start + L];
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out += *sum);
                }
            }
        }
        for columns in (0..stride).step_by(L) {
            let (mut moments, mut totals) = ([T::zero(); L], [T::zero(); L]);
            for (row, target) in self.weighted.chunks_exact(stride).zip(self.targets) {
                let row = &row[columns..columns + L];
                for lane in 0..L {
                    moments[lane] = multiply_add::<FMA, T>(*target, row[lane], moments[lane]);
                    totals[lane] += row[lane];
                }
            }
            let out = &mut self.moments[columns..columns + L];
            out.iter_mut().zip(moments).for_each(|(out, v)| *out += v);
            let out = &mut self.totals[columns..columns + L];
            out.iter_mut().zip(totals).for_each(|(out, v)| *out += v);
        }
    }
}

/// The products of the numbers `first..first + SUMS` of each left row with those from `columns` on of its
/// right row, summed.
#[inline(always)]
fn sum_products<const FMA: bool, const L: usize, T: Scalar>(
    left: &[T],
    right: &[T],
    (stride, first, columns): (usize, usize, usize),
    out: &mut [[T; L]; SUMS],
) {
    let mut sums = *out;
    for (a, b) in left.chunks_exact(stride).zip(right.chunks_exact(stride)) {
        let (a, b) = (&a[first..first + SUMS], &b[columns..columns + L]);
        for r in 0..SUMS {
            for lane in 0..L {
                sums[r][lane] = multiply_add::<FMA, T>(a[r], b[lane], sums[r][lane]);
            }
        }
    }
    *out = sums;
}

impl<T: Scalar> Kernel for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}

/// A = UᵀU in place of the upper triangle of A. A pivot that is lost in rounding makes its row zero.
struct Factor<'a, T> {
    matrix: &'a mut [T],
    rank: usize,
    stride: usize,
}

impl<T: Scalar> Kernel for Factor<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self {
            matrix,
            rank,
            stride,
        } = self;
        let largest = (0..rank).map(|j| matrix[j * stride + j].as_f64());
        let largest = largest.fold(0.0, f64::max);
        let least = largest * rank as f64 * T::epsilon().as_f64();
        for j in 0..rank {
            let (above, below) = matrix.split_at_mut((j + 1) * stride);
            let row = &mut above[j * stride..];
            let pivot = row[j].as_f64();
            if pivot.is_nan() || pivot <= least {
                row.fill(T::zero());
                continue;
            }
            let inverse = T::from_f64(1.0 / pivot.sqrt());
            for value in &mut row[j..] {
                *value *= inverse;
            }
            for (i, other) in (j + 1..rank).zip(below.chunks_exact_mut(stride)) {
                let factor = -row[i];
                // From a whole group of lanes on; what lies before the diagonal is not read.
                let from = i / 8 * 8;
                for (value, u) in other[from..].iter_mut().zip(&row[from..]) {
                    *value = multiply_add::<FMA, T>(factor, *u, *value);
                }
            }
        }
    }
}

/// The solution of UᵀU x = values, in their place; 0 where a row of U is zero.
struct Substitute<'a, T> {
    triangle: &'a [T],
    rank: usize,
    stride: usize,
    values: &'a mut [T],
}

impl<T: Scalar> Kernel for Substitute<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self {
            triangle,
            rank,
            stride,
            values,
        } = self;
        for j in 0..rank {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let solved = values[j] / row[j];
            values[j] = solved;
            for (value, u) in values[j + 1..rank].iter_mut().zip(&row[j + 1..]) {
                *value = multiply_add::<FMA, T>(-solved, *u, *value);
            }
        }
        for j in (0..rank).rev() {
            let row = &triangle[j * stride..j * stride + rank];
            if row[j] == T::zero() {
                values[j] = T::zero();
                continue;
            }
            let mut sum = values[j];
            for (value, u) in values[j + 1..rank].iter().zip(&row[j + 1..]) {
                sum = multiply_add::<FMA, T>(-*value, *u, sum);
            }
            values[j] = sum / row[j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_normal;
    use matfact_core::ndarray::{Array1, Array2};

    /// The gradient of the sum at (p, b).
    fn gradient(
        q: &Array2<f64>,
        t: &Array1<f64>,
        w: Option<&Array1<f64>>,
        ridge: Ridge,
        (p, b): (&Array1<f64>, f64),
    ) -> f64 {
        let mut rest = t - q.dot(p) - b;
        if let Some(w) = w {
            rest *= w;
        }
        let factors = q.t().dot(&rest) - p * ridge.factors;
        let constant = ridge.constant.map_or(0.0, |l| rest.sum() - l * b);
        factors
            .iter()
            .fold(constant.abs(), |most, g| most.max(g.abs()))
    }

    fn check<T: Scalar>(tolerance: f64) {
        for (rank, count) in [(1, 1), (5, 3), (16, 40), (17, 700), (50, 20), (64, 300)] {
            let q = random_normal::<f64>((count, rank), 1, 0).mapv(|v| T::from_f64(v).as_f64());
            let t = random_normal::<f64>((count, 1), 2, 0).column(0).to_owned();
            let t = t.mapv(|v| T::from_f64(v).as_f64());
            let w = Array1::from_shape_fn(count, |e| (e % 4) as f64 * 0.5);
            let mut regressors = Regressors::zeros(count, rank);
            for (row, values) in regressors.rows_mut().zip(q.rows()) {
                row.iter_mut()
                    .zip(values)
                    .for_each(|(a, b)| *a = T::from_f64(*b));
            }
            // In any order, and twice.
            let rows: Vec<u32> = (0..count as u32).rev().collect();
            let reversed: Vec<T> = t.iter().rev().map(|v| T::from_f64(*v)).collect();
            let weights: Vec<T> = w.iter().rev().map(|v| T::from_f64(*v)).collect();
            for simd in Simd::available() {
                let mut regression = RidgeRegression::new(rank, simd);
                for (weighted, constant) in [
                    (false, None),
                    (true, None),
                    (true, Some(0.5)),
                    (false, Some(0.0)),
                ] {
                    let ridge = Ridge {
                        factors: 0.3,
                        constant,
                    };
                    let mut p = vec![T::zero(); rank];
                    let given = weighted.then_some(&weights[..]);
                    let b = regression.solve(&regressors, &rows, &reversed, given, ridge, &mut p);
                    let p: Array1<f64> = p.iter().map(|v| v.as_f64()).collect();
                    let w = weighted.then_some(&w);
                    let found = gradient(&q, &t, w, ridge, (&p, b.as_f64()));
                    assert!(
                        found < tolerance * count as f64,
                        "{simd:?} {rank} {count} {weighted} {constant:?}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_gradient_is_zero_at_the_solution() {
        check::<f64>(1e-12);
        check::<f32>(1e-4);
    }

    #[test]
    fn what_nothing_determines_is_zero() {
        let mut regressors = Regressors::<f32>::zeros(2, 3);
        assert_eq!((regressors.rows(), regressors.rank()), (2, 3));
        for row in regressors.rows_mut() {
            row[1] = 2.0;
        }
        assert_eq!(regressors.row(1), [0.0, 2.0, 0.0]);
        let mut regression = RidgeRegression::new(3, Simd::detect());
        let ridge = Ridge {
            factors: 0.0,
            constant: None,
        };
        let mut p = [9.0; 3];
        regression.solve(&regressors, &[0, 1], &[4.0, 8.0], None, ridge, &mut p);
        let close = |p: [f32; 3], b: f32| {
            assert!((p[1] - 3.0).abs() < 1e-5 && b.abs() < 1e-4, "{p:?} {b}");
            assert_eq!((p[0], p[2]), (0.0, 0.0));
        };
        close(p, 0.0);
        // The regressors and the constant are the same but for a factor: one of them is enough.
        let ridge = Ridge {
            factors: 0.0,
            constant: Some(0.0),
        };
        let b = regression.solve(&regressors, &[0, 1], &[4.0, 8.0], None, ridge, &mut p);
        close(p, b);
        let b = regression.solve(&regressors, &[], &[], None, ridge, &mut p);
        assert_eq!((p, b), ([0.0; 3], 0.0));
    }
}
