//! Vectors laid out so that the scores of a line of them are vector operations.

use crate::simd::{Kernel, Simd, multiply_add};
use crate::top::best::Best;
use matfact_core::Scalar;
use matfact_core::ndarray::{ArrayView1, ArrayView2};

/// Queries that share each loaded line of targets: 6 sums of two AVX2 registers and their operands
/// fill the 16 that there are.
pub(crate) const GROUP: usize = 6;

/// Targets that are scored at once: one AVX-512 register, two of AVX2.
pub(crate) fn line<T: Scalar>() -> usize {
    64 / size_of::<T>()
}

/// Target vectors (n x k) with a constant each, in panels of one line: k lines, one for each component.
#[derive(Debug, Clone)]
pub(crate) struct Panels<T> {
    values: Vec<T>,
    /// Padded to whole panels with −∞, which never wins.
    constants: Vec<T>,
    /// What the targets are called; `None` if by their position.
    names: Option<Vec<u32>>,
    count: usize,
    rank: usize,
}

impl<T: Scalar> Panels<T> {
    /// All rows of `targets`, or those in `names` (increasing), each with its constant.
    pub(crate) fn new(
        targets: ArrayView2<'_, T>,
        constants: Option<ArrayView1<'_, T>>,
        names: Option<Vec<u32>>,
    ) -> Self {
        let rank = targets.ncols();
        let count = names.as_ref().map_or(targets.nrows(), Vec::len);
        let (line, panels) = (line::<T>(), count.div_ceil(line::<T>()));
        let mut panels = Self {
            values: vec![T::zero(); panels * line * rank],
            constants: vec![T::neg_infinity(); panels * line],
            names,
            count,
            rank,
        };
        for position in 0..count {
            let target = panels.name(position) as usize;
            panels.constants[position] = constants.map_or(T::zero(), |all| all[target]);
            let start = position / line * line * rank + position % line;
            let slots = panels.values.iter_mut().skip(start).step_by(line);
            for (slot, value) in slots.zip(targets.row(target)) {
                *slot = *value;
            }
        }
        panels
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn names(&self) -> Option<&[u32]> {
        self.names.as_deref()
    }

    fn name(&self, position: usize) -> u32 {
        self.names
            .as_ref()
            .map_or(position as u32, |names| names[position])
    }

    /// Offers every target with its score to the best of each query.
    ///
    /// `queries` are groups of [`GROUP`] vectors: the first components of all, the second, and so on.
    /// There is a [`Best`] and an offset for each.
    pub(crate) fn offer_all(
        &self,
        simd: Simd,
        queries: &[T],
        offsets: &[T],
        best: &mut [Best<'_, T>],
    ) {
        simd.run(Scores {
            panels: self,
            queries,
            offsets,
            best,
        });
    }
}

/// The scores of a block of queries for all targets.
struct Scores<'a, 'b, T> {
    panels: &'a Panels<T>,
    queries: &'a [T],
    offsets: &'a [T],
    best: &'a mut [Best<'b, T>],
}

impl<T: Scalar> Scores<'_, '_, T> {
    #[inline(always)]
    fn lines<const FMA: bool, const L: usize>(self) {
        let Panels {
            values,
            constants,
            rank,
            ..
        } = self.panels;
        for (panel, constants) in constants.chunks_exact(L).enumerate() {
            let values = &values[panel * L * rank..(panel + 1) * L * rank];
            let mut line = [T::zero(); L];
            line.copy_from_slice(constants);
            for (group, best) in self.best.chunks_exact_mut(GROUP).enumerate() {
                let queries = &self.queries[group * GROUP * rank..(group + 1) * GROUP * rank];
                let mut sums = [[T::zero(); L]; GROUP];
                sum_products::<FMA, L, T>(queries, values, &mut sums);
                for (query, best) in best.iter_mut().enumerate() {
                    let (offset, least) = (self.offsets[group * GROUP + query], best.least());
                    let mut any = false;
                    for lane in 0..L {
                        let score = (offset + line[lane]) + sums[query][lane];
                        sums[query][lane] = score;
                        any |= score > least;
                    }
                    if any {
                        best.offer_line(&sums[query], panel * L);
                    }
                }
            }
        }
    }
}

/// Adds the products of each query's components with each target's, in the order of the components:
/// a score does not depend on what it is computed together with.
#[inline(always)]
fn sum_products<const FMA: bool, const L: usize, T: Scalar>(
    queries: &[T],
    targets: &[T],
    out: &mut [[T; L]; GROUP],
) {
    let mut sums = *out;
    for (a, b) in queries.chunks_exact(GROUP).zip(targets.chunks_exact(L)) {
        for query in 0..GROUP {
            for lane in 0..L {
                sums[query][lane] = multiply_add::<FMA, T>(a[query], b[lane], sums[query][lane]);
            }
        }
    }
    *out = sums;
}

impl<T: Scalar> Kernel for Scores<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match line::<T>() {
            16 => self.lines::<FMA, 16>(),
            _ => self.lines::<FMA, 8>(),
        }
    }
}
