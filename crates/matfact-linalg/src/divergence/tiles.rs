//! All entries, in tiles of Y = F Gᵀ that stay in the cache: a tile is formed by one product, turned
//! into weights and powers in place, and leaves by another product.

use super::elements::{Elements, Sums};
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
pub(super) fn all_entries<T: Scalar>(
    x: Option<ArrayView2<'_, T>>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    asked: Asked,
    elements: Elements,
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
            rows(x, left, right, asked, elements, simd, out)
        })
        .collect();
    let sums = sums.into_iter().fold(Sums::default(), Sums::add);
    (numerator, denominator, sums)
}

/// The tiles of some rows, one after the other.
fn rows<T: Scalar>(
    x: Option<ArrayView2<'_, T>>,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    asked: Asked,
    elements: Elements,
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
        let new = "a new array is in row-major order";
        let made = match &x {
            Some(x) => {
                let x = x.slice_axis(Axis(1), Slice::from(start..end));
                let x = x.as_standard_layout();
                if asked.denominator {
                    power = Array2::default(y.dim());
                }
                let x = x.as_slice().expect("it is in standard layout");
                let powers = power.as_slice_mut().expect(new);
                elements.replace(Some(x), y.as_slice_mut().expect(new), powers, simd)
            }
            None => {
                let made = elements.replace(None, y.as_slice_mut().expect(new), &mut [], simd);
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
