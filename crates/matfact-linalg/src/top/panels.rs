//! Vectors laid out so that the scores of a line of them are vector operations.

use crate::simd::{Kernel, Simd, multiply_add};
use crate::top::best::{Best, Names};
use crate::top::reach::Reach;
use matfact_core::Scalar;
use matfact_core::ndarray::{ArrayView1, ArrayView2};

/// Queries that share each loaded line of targets: 6 sums of two AVX2 registers and their operands
/// fill the 16 that there are.
pub(crate) const GROUP: usize = 6;

/// Targets that are scored at once: one AVX-512 register, two of AVX2.
pub(crate) fn line<T: Scalar>() -> usize {
    64 / size_of::<T>()
}

/// Panels after which queries are asked anew whether they can stop: the answer costs a hundredth of eight panels.
const PANELS_FROM_LOOK_TO_LOOK: usize = 8;

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
    /// How high scores can be from each panel on, where targets stand by falling length.
    reach: Option<Reach>,
}

impl<T: Scalar> Panels<T> {
    /// All rows of `targets`, or those in `names`, each with its constant; increasing, but for
    /// [`Panels::by_length`].
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
            reach: None,
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

    /// All rows of `targets`, in their order or the longest first, whichever is faster.
    pub(crate) fn of_all(targets: ArrayView2<'_, T>, constants: Option<ArrayView1<'_, T>>) -> Self {
        if lengths_differ(targets) {
            Self::by_length(targets, constants)
        } else {
            Self::new(targets, constants, None)
        }
    }

    /// All rows of `targets`, the longest first, so that a query can stop once none of those that remain can reach
    /// its list.
    pub(crate) fn by_length(
        targets: ArrayView2<'_, T>,
        constants: Option<ArrayView1<'_, T>>,
    ) -> Self {
        let (reach, order) = Reach::new(targets, constants, line::<T>());
        let mut panels = Self::new(targets, constants, Some(order));
        panels.reach = Some(reach);
        panels
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn names(&self) -> Names<'_> {
        match (&self.names, &self.reach) {
            (None, _) => Names::Positions,
            (Some(names), None) => Names::Increasing(names),
            (Some(names), Some(_)) => Names::Permuted(names),
        }
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
            reach,
            ..
        } = self.panels;
        let reach = reach.as_ref();
        let groups = self.best.len() / GROUP;
        let lengths = reach.map(|_| lengths_of(self.queries, *rank, self.best.len()));
        let mut open = vec![true; groups];
        for (panel, constants) in constants.chunks_exact(L).enumerate() {
            let values = &values[panel * L * rank..(panel + 1) * L * rank];
            if let (Some(reach), Some(lengths)) = (reach, &lengths)
                && panel.is_multiple_of(PANELS_FROM_LOOK_TO_LOOK)
            {
                for (group, open) in open.iter_mut().enumerate() {
                    let members = group * GROUP..(group + 1) * GROUP;
                    *open = *open
                        && members.into_iter().any(|query| {
                            let least = self.best[query].least().as_f64();
                            let offset = self.offsets[query].as_f64();
                            reach.reaches(panel, (lengths[query], offset), least)
                        });
                }
                if !open.contains(&true) {
                    break;
                }
            }
            let mut line = [T::zero(); L];
            line.copy_from_slice(constants);
            for (group, best) in self.best.chunks_exact_mut(GROUP).enumerate() {
                if !open[group] {
                    continue;
                }
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

/// Whether half of the targets are shorter than 0.4 of the longest: with factors of implicit ALS (0.17) stopping early
/// doubled the speed, with those of BPR (0.7) nobody stopped, and the order cost a quarter.
fn lengths_differ<T: Scalar>(targets: ArrayView2<'_, T>) -> bool {
    let square = |row: ArrayView1<'_, T>| row.iter().map(|v| v.as_f64().powi(2)).sum::<f64>();
    let squares: Vec<f64> = targets.rows().into_iter().map(square).collect();
    let longest = squares.iter().copied().fold(0.0, f64::max);
    let short = squares.iter().filter(|square| **square < 0.16 * longest);
    2 * short.count() > squares.len()
}

/// The lengths of interleaved queries.
fn lengths_of<T: Scalar>(queries: &[T], rank: usize, count: usize) -> Vec<f64> {
    if rank == 0 {
        return vec![0.0; count];
    }
    let groups = queries.chunks_exact(GROUP * rank);
    groups
        .flat_map(|group| {
            let mut squares = [0.0; GROUP];
            for values in group.chunks_exact(GROUP) {
                for (square, value) in squares.iter_mut().zip(values) {
                    *square += value.as_f64() * value.as_f64();
                }
            }
            squares.map(f64::sqrt)
        })
        .collect()
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
