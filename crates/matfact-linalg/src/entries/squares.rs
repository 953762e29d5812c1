//! The squared-error row problem, exactly along one coordinate at a time.
//!
//! With r_j = c_j − y_j, coordinate t goes to its minimum, and r follows:
//!
//! ```text
//! w_t ← min(max, max(0, w_t + (Σ v_j r_j h_jt − (G w − b)_t − l₁ − l₂ w_t) / (Σ v_j h_jt² + G_tt + l₂)))
//! ```
//!
//! A shared quadratic ½ wᵀGw − b·w stands for entries that are not listed one by one; the weights of
//! the listed ones may then be negative, to take some of them out again.

use super::kullback_leibler::sum;
use super::tile::LANES;
use super::{EntryRows, EntrySums, EntryUpdate, ListedRow, RowLimits, RowSolver, Tile, solve_rows};
use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2};

/// A quadratic that every row has besides its listed entries: ½ wᵀGw − b·w.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedQuadratic<'a, T> {
    /// G (k x k), symmetric, the same for all rows.
    pub gram: ArrayView2<'a, T>,
    /// The rows b (m x k).
    pub linear: ArrayView2<'a, T>,
}

/// Improves every row w of `factor` (m x k), given the other factor `panel` (n x k), for
///
/// ```text
/// ½ wᵀGw − b·w + ½ Σ_j v_j (c_j − y_j)² + l₁ Σw + ½ l₂ ‖w‖²,   0 <= w <= max,   y_j = w·h_j
/// ```
///
/// over the entries that `rows` lists, by passes over the coordinates. A coordinate whose curvature
/// is not above zero stays. Runs on the current pool, with the same bits for any number of threads.
///
/// # Panics
/// If the shapes do not fit, or a component or a listed column is out of range.
pub fn update_rows_squares<'a, T: Scalar, F>(
    factor: &mut Array2<T>,
    panel: ArrayView2<'_, T>,
    rows: &EntryRows<'a, T, F>,
    update: EntryUpdate<'_>,
    shared: Option<SharedQuadratic<'_, T>>,
    simd: Simd,
) -> EntrySums
where
    F: Fn(usize) -> ListedRow<'a, T> + Sync,
{
    let (count, k) = factor.dim();
    update.check(count, k);
    if let Some(shared) = shared {
        assert_eq!(shared.gram.dim(), (k, k), "shape of the Gram matrix");
        assert_eq!(shared.linear.dim(), (count, k), "shape of the linear term");
    }
    let shared = shared.map(|shared| {
        (
            shared.gram.iter().copied().collect::<Vec<T>>(),
            shared.linear.iter().copied().collect::<Vec<T>>(),
        )
    });
    let solver = Solver {
        update,
        shared: shared
            .as_ref()
            .map(|(gram, linear)| (&gram[..], &linear[..])),
        simd,
    };
    solve_rows(factor, panel, rows, &solver)
}

struct Solver<'a, T> {
    update: EntryUpdate<'a>,
    shared: Option<(&'a [T], &'a [T])>,
    simd: Simd,
}

impl<T: Scalar> RowSolver<T> for Solver<'_, T> {
    const LINEAR_AT_ZERO: bool = false;

    fn solve(
        &self,
        row: usize,
        w: &mut [T],
        lines: &[T],
        tile: &mut Tile<T>,
        _linear: &[T],
    ) -> EntrySums {
        let k = w.len();
        self.simd.run(Row {
            w,
            lines,
            stride: tile.stride,
            values: &tile.values,
            weights: &tile.weights,
            residual: &mut tile.fitted,
            shared: self
                .shared
                .map(|(gram, linear)| (gram, &linear[row * k..(row + 1) * k])),
            limits: self.update.limits(row),
            components: self.update.components,
            passes: self.update.passes,
        })
    }
}

struct Row<'a, T> {
    w: &'a mut [T],
    lines: &'a [T],
    stride: usize,
    values: &'a [T],
    weights: &'a [T],
    residual: &'a mut [T],
    /// G and this row's b.
    shared: Option<(&'a [T], &'a [T])>,
    limits: RowLimits<T>,
    components: &'a [usize],
    passes: usize,
}

impl<T: Scalar> Kernel for Row<'_, T> {
    type Output = EntrySums;

    #[inline(always)]
    fn run<const FMA: bool>(mut self) -> EntrySums {
        let mut moved = 0.0;
        self.fit::<FMA>();
        for pass in 0..self.passes {
            if pass > 0 {
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
        let mut loss = [0.0; LANES];
        for (r, v) in blocks(self.residual).zip(blocks(self.weights)) {
            for lane in 0..LANES {
                let r = r[lane].as_f64();
                loss[lane] += 0.5 * v[lane].as_f64() * r * r;
            }
        }
        EntrySums {
            loss: sum(loss),
            linear: 0.0,
            moved,
        }
    }
}

impl<T: Scalar> Row<'_, T> {
    /// r = c − y from w.
    #[inline(always)]
    fn fit<const FMA: bool>(&mut self) {
        self.residual.copy_from_slice(self.values);
        for (t, w) in self.w.iter().enumerate() {
            if *w != T::zero() {
                let line = &self.lines[t * self.stride..(t + 1) * self.stride];
                add_line::<FMA, T>(self.residual, -*w, line);
            }
        }
    }

    /// One step on coordinate t; gives its length.
    #[inline(always)]
    fn coordinate<const FMA: bool>(&mut self, t: usize) -> f64 {
        let line = &self.lines[t * self.stride..(t + 1) * self.stride];
        let (mut pulls, mut curvatures) = ([T::zero(); LANES], [T::zero(); LANES]);
        for ((h, r), v) in blocks(line)
            .zip(blocks(self.residual))
            .zip(blocks(self.weights))
        {
            for lane in 0..LANES {
                let vh = v[lane] * h[lane];
                pulls[lane] += vh * r[lane];
                curvatures[lane] = multiply_add::<FMA, T>(vh, h[lane], curvatures[lane]);
            }
        }
        let old = self.w[t];
        let mut pull = sum(pulls) - self.limits.l1 - self.limits.l2 * old;
        let mut curvature = sum(curvatures) + self.limits.l2;
        if let Some((gram, linear)) = self.shared {
            let k = self.w.len();
            let line = &gram[t * k..(t + 1) * k];
            let product = line
                .iter()
                .zip(self.w.iter())
                .fold(T::zero(), |sum, (g, w)| sum + *g * *w);
            pull += linear[t] - product;
            curvature += line[t];
        }
        let new = old + pull / curvature;
        if !(curvature > T::zero() && new.is_finite()) {
            return 0.0;
        }
        let new = if new > T::zero() { new } else { T::zero() };
        let new = if new < self.limits.max {
            new
        } else {
            self.limits.max
        };
        let step = new - old;
        if step == T::zero() {
            return 0.0;
        }
        self.w[t] = new;
        add_line::<FMA, T>(self.residual, -step, line);
        step.abs().as_f64()
    }
}

/// `to += scale · line`.
#[inline(always)]
fn add_line<const FMA: bool, T: Scalar>(to: &mut [T], scale: T, line: &[T]) {
    for (to, h) in to.iter_mut().zip(line) {
        *to = multiply_add::<FMA, T>(scale, *h, *to);
    }
}

#[inline(always)]
fn blocks<T>(values: &[T]) -> impl Iterator<Item = &[T; LANES]> {
    values.as_chunks::<LANES>().0.iter()
}
