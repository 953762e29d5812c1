//! The best inner products of many queries with many targets, exactly, by blocked products with
//! selection: the products are never all in memory.
//!
//! A block of queries meets one panel of targets after another. Scores stay in registers until they
//! are compared with the least score that can still enter the query's list; few can, so that the
//! products take nearly all of the time. The queries of a block are scored by one thread, and each
//! score is one sum in the order of the components: lists do not depend on blocks or threads.

mod best;
mod panels;
mod reach;

use crate::simd::Simd;
use best::Best;
use matfact_core::Scalar;
use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use panels::GROUP;
use rayon::prelude::*;

pub(crate) use best::Unwanted;
pub(crate) use panels::Panels;

/// Queries of a block: with a panel they fill the first cache at 64 components.
const BLOCK: usize = 16 * GROUP;

/// What stands in the place of a target where there are no more.
pub(crate) const NONE: u32 = u32::MAX;

/// Writes the best targets of each query, best first, into a line of `names` and `scores` each; their
/// width is the count. [`NONE`] and NaN fill a line where fewer exist.
pub(crate) fn best_products<'a, T: Scalar>(
    queries: ArrayView2<'_, T>,
    offset: impl Fn(usize) -> T + Sync,
    targets: &'a Panels<T>,
    unwanted: impl Fn(usize) -> Unwanted<'a> + Sync,
    mut names: ArrayViewMut2<'_, u32>,
    mut scores: ArrayViewMut2<'_, T>,
) {
    let count = names.ncols().min(targets.len());
    // In small requests every thread has its part.
    let share = queries
        .nrows()
        .div_ceil(rayon::current_num_threads().max(1));
    let block = share.next_multiple_of(GROUP).clamp(GROUP, BLOCK);
    let names = names.axis_chunks_iter_mut(Axis(0), block);
    let scores = scores.axis_chunks_iter_mut(Axis(0), block);
    let mut parts: Vec<_> = names.zip(scores).enumerate().collect();
    parts
        .par_iter_mut()
        .with_max_len(1)
        .for_each(|(part, (names, scores))| {
            let first = *part * block;
            let here = names.nrows();
            let padded = here.next_multiple_of(GROUP);
            let mut offsets: Vec<T> = (first..first + here).map(&offset).collect();
            offsets.resize(padded, T::zero());
            let mut best: Vec<Best<'_, T>> = (first..first + here)
                .map(|query| Best::new(count, unwanted(query), targets.names()))
                .collect();
            best.resize(padded, Best::closed());
            let interleaved = interleave(queries, first, here, padded);
            targets.offer_all(Simd::detect(), &interleaved, &offsets, &mut best);
            for (query, best) in best[..here].iter_mut().enumerate() {
                names.row_mut(query).fill(NONE);
                scores.row_mut(query).fill(T::nan());
                for (place, entry) in best.finish().iter().enumerate() {
                    names[[query, place]] = entry.column as u32;
                    scores[[query, place]] = entry.score;
                }
            }
        });
}

/// Groups of queries, component by component.
fn interleave<T: Scalar>(
    queries: ArrayView2<'_, T>,
    first: usize,
    here: usize,
    padded: usize,
) -> Vec<T> {
    let rank = queries.ncols();
    let mut values = Array2::default((padded / GROUP * rank, GROUP));
    for query in 0..here {
        let start = query / GROUP * rank;
        let row = queries.row(first + query);
        for (component, value) in row.iter().enumerate() {
            values[[start + component, query % GROUP]] = *value;
        }
    }
    values.into_raw_vec_and_offset().0
}

#[cfg(test)]
mod tests;
