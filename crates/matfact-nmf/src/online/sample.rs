//! A start from some of the rows.
//!
//! NNDSVD of all rows can cost more than the epochs that HALS needs. H of a sample is as good a start:
//! the first epoch corrects it.

use super::START_WEIGHT;
use super::learner::Learner;
use crate::fit::{Problem, start_of};
use crate::{Init, Nmf, Solver};
use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{Duplicates, Matrix, Result, Scalar, Summary, csr_from_triplets};
use matfact_linalg::Lines;

/// The least number of rows of a sample, and the least for each component.
const ROWS: usize = 2048;
const ROWS_PER_COMPONENT: usize = 40;

/// How many of m rows make a sample for this rank; `None` where all of them are hardly more.
pub(crate) fn size(m: usize, rank: usize) -> Option<usize> {
    let size = rank.saturating_mul(ROWS_PER_COMPONENT).max(ROWS);
    (size <= m / 2).then_some(size)
}

/// A learner that begins with H from `size` of the rows, evenly spread; `None` if those are all zero.
pub(super) fn learner<T: Scalar>(
    nmf: &Nmf,
    rows: &Lines<'_, T>,
    size: usize,
    init: Init,
    seed: u64,
) -> Result<Option<Learner<T>>> {
    let (m, n) = rows.shape();
    let chosen: Vec<usize> = (0..size)
        .map(|i| (i as u128 * m as u128 / size as u128) as usize)
        .collect();
    match rows {
        Lines::Dense(x) => start(nmf, &x.select(Axis(0), &chosen), m, init, seed),
        Lines::Sparse(x) => {
            let entries = chosen.iter().enumerate().flat_map(|(i, row)| {
                x.row_range(*row)
                    .map(move |position| (i, x.columns.get(position), x.values[position]))
            });
            let sample = csr_from_triplets((size, n), entries, Duplicates::Sum)?;
            start(nmf, &sample, m, init, seed)
        }
    }
}

fn start<X: Matrix>(
    nmf: &Nmf,
    sample: &X,
    m: usize,
    init: Init,
    seed: u64,
) -> Result<Option<Learner<X::Scalar>>> {
    if Summary::of(sample).max_abs == 0.0 {
        return Ok(None);
    }
    let problem = Problem::of(nmf, sample)?;
    let factors = start_of(&problem, init, seed)?;
    let restore = X::Scalar::from_f64(problem.x.scale().sqrt());
    let (h, w): (Array2<_>, Array2<_>) = (factors.h * restore, factors.w * restore);
    let weight = START_WEIGHT * m as f64 / sample.shape().0 as f64;
    Ok(Some(Learner::new(nmf, Solver::Hals, h, Some((&w, weight)))))
}
