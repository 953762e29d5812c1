//! All entries, in tiles of Y = F Gᵀ that stay in the cache: a tile is formed by one product, turned
//! into weights and powers in place, and leaves by another product.

use super::elements::{Element, Sums, powers, weights};
use crate::simd::Kernel;
use crate::{Simd, multiply_dense};
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// Rows of a tile, and of a task.
const TILE_ROWS: usize = 48;
/// Columns of a tile.
const TILE_COLUMNS: usize = 512;

/// What is made of every tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Σ of the weights times the rows of G.
    pub(super) numerator: bool,
    /// Σ of the powers times the rows of G.
    pub(super) denominator: bool,
}

/// Numerator and denominator (rows x k; left at zero where not asked for) and the sums of the value.
/// Without `x` all entries count as not stored.
pub(super) fn all_entries<T: Scalar, E: Element, const VALUE: bool>(
    x: Option<ArrayView2<'_, T>>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    asked: Asked,
    element: &E,
    simd: Simd,
) -> (Array2<T>, Array2<T>, Sums) {
    let shape = left.dim();
    let (mut numerator, mut denominator) = (Array2::default(shape), Array2::default(shape));
    let tasks: Vec<_> = left
        .axis_chunks_iter(Axis(0), TILE_ROWS)
        .zip(numerator.axis_chunks_iter_mut(Axis(0), TILE_ROWS))
        .zip(denominator.axis_chunks_iter_mut(Axis(0), TILE_ROWS))
        .enumerate()
        .collect();
    let sums: Vec<Sums> = tasks
        .into_par_iter()
        .map(|(task, ((left, numerator), denominator))| {
            let x = x.as_ref().map(|x| {
                let first = task * TILE_ROWS;
                x.slice_axis(Axis(0), Slice::from(first..first + left.nrows()))
            });
            let out = [numerator, denominator];
            rows::<T, E, VALUE>(x, left, right, asked, element, simd, out)
        })
        .collect();
    let sums = sums.into_iter().fold(Sums::default(), Sums::add);
    (numerator, denominator, sums)
}

/// The tiles of some rows, one after the other.
fn rows<T: Scalar, E: Element, const VALUE: bool>(
    x: Option<ArrayView2<'_, T>>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    asked: Asked,
    element: &E,
    simd: Simd,
    [mut numerator, mut denominator]: [ArrayViewMut2<'_, T>; 2],
) -> Sums {
    let (height, rank) = left.dim();
    let mut sums = Sums::default();
    for start in (0..right.nrows()).step_by(TILE_COLUMNS) {
        let end = right.nrows().min(start + TILE_COLUMNS);
        let part = right.slice_axis(Axis(0), Slice::from(start..end));
        let mut y = Array2::default((height, end - start));
        multiply_dense(left, part.t(), y.view_mut());
        let mut power = Array2::default((0, 0));
        let made = match &x {
            Some(x) => {
                let x = x.slice_axis(Axis(1), Slice::from(start..end));
                let x = x.as_standard_layout();
                if asked.denominator {
                    power = Array2::default(y.dim());
                }
                simd.run(Tile::<T, E, VALUE> {
                    x: Some(x.as_slice().expect("it is in standard layout")),
                    y: y.as_slice_mut().expect("a new array"),
                    powers: power.as_slice_mut().expect("a new array"),
                    element,
                })
            }
            None => {
                let made = simd.run(Tile::<T, E, VALUE> {
                    x: None,
                    y: y.as_slice_mut().expect("a new array"),
                    powers: &mut [],
                    element,
                });
                std::mem::swap(&mut y, &mut power);
                made
            }
        };
        sums = sums.add(made);
        for (wanted, weights, out) in [
            (asked.numerator, &y, &mut numerator),
            (asked.denominator, &power, &mut denominator),
        ] {
            if wanted && !weights.is_empty() {
                let mut product = Array2::default((height, rank));
                multiply_dense(weights.view(), part, product.view_mut());
                *out += &product;
            }
        }
    }
    sums
}

struct Tile<'a, T, E, const VALUE: bool> {
    x: Option<&'a [T]>,
    y: &'a mut [T],
    powers: &'a mut [T],
    element: &'a E,
}

impl<T: Scalar, E: Element, const VALUE: bool> Kernel for Tile<'_, T, E, VALUE> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Sums {
        match self.x {
            Some(x) => weights::<FMA, VALUE, T, E>(self.element, x, self.y, self.powers),
            None => powers::<FMA, VALUE, T, E>(self.element, self.y),
        }
    }
}
