//! The Kullback-Leibler row problem by safeguarded Newton steps on one coordinate at a time.
//!
//! Along coordinate t the slope is f'(w) = A + l₂ w − N(w), where A collects the linear terms and
//! N(w) = Σ c_j h_jt / (y_j + ε) falls. With D = −N'(w) = Σ c_j h_jt² / (y_j + ε)², its reciprocal is
//! concave (a harmonic sum), so that the curve through N with the slope −D,
//!
//! ```text
//! N(w + σ) >= N p / (p + σ),   p = N / D
//! ```
//!
//! lies below it, and the root σ of A + l₂ (w + σ) = N p / (p + σ) never passes the minimum when it
//! moves up: a Newton step on 1/N instead of N (Hsieh and Dhillon 2011 take it on N), which is longer
//! than Newton's and exact for a single entry.
//!
//! When it moves down it may pass the minimum. With q = max h_jt / (y_j + ε), convexity of
//! 1/(1 − δu) in u on 0..q bounds the slope from below, f'(w − δ) >= f'(w) − (l₂ + D) δ / (1 − δq); and
//! as f' is concave, the objective falls as long as the slopes at both ends add up to more than zero,
//! which holds for δ <= 2 f' / (l₂ + D + 2 f' q). So each step is cut there, and the objective never
//! rises. This takes the place of the global constant of self-concordance by which Hien and Gillis
//! (2021) damp their steps, which one small c_j is enough to make useless.

use super::tile::LANES;
use super::{EntryRows, EntrySums, EntryUpdate, ListedRow, RowLimits, RowSolver, Tile, solve_rows};
use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};

/// What belongs to the Kullback-Leibler loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonUpdate<'a> {
    /// The linear term a that all rows share (k numbers), besides that of the weights.
    pub linear: &'a [f64],
    /// What is added to y, so that the logarithm of every entry is finite; above zero.
    pub floor: f64,
}

/// Improves every row w of `factor` (m x k), given the other factor `panel` (n x k), for
///
/// ```text
/// a·w + Σ_j [ v_j y_j − c_j ln(y_j + ε) ] + l₁ Σw + ½ l₂ ‖w‖²,   0 <= w <= max,   y_j = w·h_j
/// ```
///
/// over the entries that `rows` lists, by passes of safeguarded Newton steps along one coordinate at a
/// time (on the reciprocal of the slope, cut where they might pass the minimum too far). The values c
/// must be >= 0. The objective of no row rises. Runs on the current pool, with the same bits for any
/// number of threads.
///
/// # Panics
/// If the shapes do not fit, or a component or a listed column is out of range.
pub fn update_rows_kullback_leibler<'a, T: Scalar, F>(
    factor: &mut Array2<T>,
    panel: ArrayView2<'_, T>,
    rows: &EntryRows<'a, T, F>,
    update: EntryUpdate<'_>,
    loss: PoissonUpdate<'_>,
    simd: Simd,
) -> EntrySums
where
    F: Fn(usize) -> ListedRow<'a, T> + Sync,
{
    let (count, k) = factor.dim();
    update.check(count, k);
    assert_eq!(loss.linear.len(), k, "length of the linear term");
    let floor = T::from_f64(loss.floor);
    let floor = if floor > T::min_positive_value() {
        floor
    } else {
        T::min_positive_value()
    };
    let solver = Solver {
        update,
        shared: loss.linear.iter().map(|a| T::from_f64(*a)).collect(),
        floor,
        simd,
    };
    solve_rows(factor, panel, rows, &solver)
}

struct Solver<'a, T> {
    update: EntryUpdate<'a>,
    shared: Vec<T>,
    floor: T,
    simd: Simd,
}

impl<T: Scalar> RowSolver<T> for Solver<'_, T> {
    const LINEAR_AT_ZERO: bool = true;

    fn solve(
        &self,
        row: usize,
        w: &mut [T],
        lines: &[T],
        tile: &mut Tile<T>,
        linear: &[T],
    ) -> EntrySums {
        self.simd.run(Row {
            w,
            lines,
            stride: tile.stride,
            values: &tile.values,
            fitted: &mut tile.fitted,
            inverse: &mut tile.scratch,
            shared: &self.shared,
            linear,
            limits: self.update.limits(row),
            components: self.update.components,
            passes: self.update.passes,
            floor: self.floor,
        })
    }
}

struct Row<'a, T> {
    w: &'a mut [T],
    lines: &'a [T],
    stride: usize,
    values: &'a [T],
    /// y + ε.
    fitted: &'a mut [T],
    /// 1 / (y + ε), and 0 where c = 0.
    inverse: &'a mut [T],
    shared: &'a [T],
    linear: &'a [T],
    limits: RowLimits<T>,
    components: &'a [usize],
    passes: usize,
    floor: T,
}

impl<T: Scalar> Kernel for Row<'_, T> {
    type Output = EntrySums;

    #[inline(always)]
    fn run<const FMA: bool>(mut self) -> EntrySums {
        let mut moved = 0.0;
        self.fit::<FMA>();
        for pass in 0..self.passes {
            if pass > 0 {
                // Small changes have added up to rounding errors.
                self.fit::<FMA>();
            }
            let mut changed = 0.0;
            for i in 0..self.components.len() {
                changed += self.coordinate::<FMA>(self.components[i]);
            }
            moved += changed;
            if changed == 0.0 {
                break;
            }
        }
        EntrySums {
            loss: self.logarithms(),
            linear: self.linear_terms(),
            moved,
        }
    }
}

impl<T: Scalar> Row<'_, T> {
    /// y and its inverse from w.
    #[inline(always)]
    fn fit<const FMA: bool>(&mut self) {
        self.fitted.fill(self.floor);
        for (t, w) in self.w.iter().enumerate() {
            if *w == T::zero() {
                continue;
            }
            let line = &self.lines[t * self.stride..(t + 1) * self.stride];
            for (y, h) in self.fitted.iter_mut().zip(line) {
                *y = multiply_add::<FMA, T>(*w, *h, *y);
            }
        }
        let values = self.inverse.iter_mut().zip(&*self.fitted).zip(self.values);
        for ((r, y), c) in values {
            *r = inverse(*y, *c);
        }
    }

    /// One step on coordinate t; gives its length.
    #[inline(always)]
    fn coordinate<const FMA: bool>(&mut self, t: usize) -> f64 {
        let line = &self.lines[t * self.stride..(t + 1) * self.stride];
        let (mut slopes, mut curvatures, mut most) =
            ([T::zero(); LANES], [T::zero(); LANES], [T::zero(); LANES]);
        for ((h, r), c) in blocks(line)
            .zip(blocks(self.inverse))
            .zip(blocks(self.values))
        {
            for lane in 0..LANES {
                let u = h[lane] * r[lane];
                let cu = c[lane] * u;
                slopes[lane] += cu;
                curvatures[lane] = multiply_add::<FMA, T>(cu, u, curvatures[lane]);
                most[lane] = if u > most[lane] { u } else { most[lane] };
            }
        }
        let (slope, curvature) = (sum(slopes), sum(curvatures));
        let q = largest(most);
        let linear = self.shared[t] + self.linear[t] + self.limits.l1;
        let old = self.w[t];
        let new = next(old, linear, slope, curvature, q, self.limits);
        let step = new - old;
        if step == T::zero() {
            return 0.0;
        }
        self.w[t] = new;
        let floor = self.floor;
        let fitted = self.fitted.iter_mut().zip(self.inverse.iter_mut());
        for (((y, r), h), c) in fitted.zip(line).zip(self.values) {
            let moved = multiply_add::<FMA, T>(step, *h, *y);
            *y = if moved > floor { moved } else { floor };
            *r = inverse(*y, *c);
        }
        step.abs().as_f64()
    }

    /// a·w + Σ v y.
    #[inline(always)]
    fn linear_terms(&self) -> f64 {
        let mut sum = 0.0;
        for t in 0..self.w.len() {
            let linear = self.shared[t].as_f64() + self.linear[t].as_f64();
            sum += linear * self.w[t].as_f64();
        }
        sum
    }

    /// Σ c ln(y + ε).
    #[inline(always)]
    fn logarithms(&self) -> f64 {
        let mut sums = [0.0; LANES];
        for (y, c) in blocks(self.fitted).zip(blocks(self.values)) {
            for lane in 0..LANES {
                sums[lane] += c[lane].as_f64() * natural_logarithm(y[lane].as_f64());
            }
        }
        sum(sums)
    }
}

#[inline(always)]
fn inverse<T: Scalar>(y: T, c: T) -> T {
    let inverse = T::one() / y;
    if c > T::zero() { inverse } else { T::zero() }
}

/// Where a coordinate goes from `old`: the linear part A of its slope, N, D and q as on the module
/// page. It stays where a sum left the range of the scalar.
#[inline(always)]
fn next<T: Scalar>(old: T, linear: T, n: T, d: T, q: T, limits: RowLimits<T>) -> T {
    let zero = T::zero();
    let two = T::one() + T::one();
    let rate = linear + limits.l2 * old;
    let fall = n - rate;
    let new = if n == zero {
        // No entry has a say: linear·w + ½ l₂ w² alone.
        if limits.l2 > zero {
            -linear / limits.l2
        } else if rate > zero {
            zero
        } else if rate < zero {
            limits.max
        } else {
            old
        }
    } else if !(d > zero && rate > zero) {
        old
    } else {
        let step = if limits.l2 == zero {
            fall * n / (d * rate)
        } else {
            let p = n / d;
            let slope = rate + limits.l2 * p;
            let discriminant = slope * slope + two * two * limits.l2 * fall * p;
            let root = if discriminant > zero {
                discriminant.sqrt()
            } else {
                zero
            };
            two * fall * p / (slope + root)
        };
        let rise = -two * fall;
        if rise > zero {
            let most = rise / (limits.l2 + d + rise * q);
            old + if -step > most { -most } else { step }
        } else {
            old + step
        }
    };
    if !new.is_finite() {
        return old;
    }
    let new = if new > zero { new } else { zero };
    if new < limits.max { new } else { limits.max }
}

#[inline(always)]
fn blocks<T>(values: &[T]) -> impl Iterator<Item = &[T; LANES]> {
    values.as_chunks::<LANES>().0.iter()
}

/// The sum of the lanes, by halves.
#[inline(always)]
pub(crate) fn sum<T: Scalar>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn largest<T: Scalar>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            if lanes[lane + half] > lanes[lane] {
                lanes[lane] = lanes[lane + half];
            }
        }
        half /= 2;
    }
    lanes[0]
}

/// ln x for normal x > 0, to an ulp or two, without branches: x = 2^e·m with m near 1, and the series
/// of 2·artanh((m − 1)/(m + 1)).
#[inline(always)]
fn natural_logarithm(x: f64) -> f64 {
    /// 1/23, 1/21, ... 1: the next term is below an ulp for m between √½ and √2.
    const SERIES: [f64; 12] = [
        1.0 / 23.0,
        1.0 / 21.0,
        1.0 / 19.0,
        1.0 / 17.0,
        1.0 / 15.0,
        1.0 / 13.0,
        1.0 / 11.0,
        1.0 / 9.0,
        1.0 / 7.0,
        1.0 / 5.0,
        1.0 / 3.0,
        1.0,
    ];
    const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(ROOT_HALF) as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((exponent << 52) as u64));
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series = SERIES
        .iter()
        .fold(0.0, |series, coefficient| series * z + coefficient);
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}
