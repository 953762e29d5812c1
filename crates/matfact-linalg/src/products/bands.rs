//! The transposed product of compressed rows, cut into bands of rows.
//!
//! Every entry of Xᵀ·U reads a row of U, a cache line of it at a time. Where U (m rows) is larger than the
//! cache that a processor has to itself, most of these reads come from farther away, and they are what the
//! product waits for. Here the entries are held by bands of [`BAND_ROWS`] rows of X, each band by columns of X:
//! while a band is at work, its rows of U stay near, and the sums pass by in order, once for each band.
//!
//! Each sum still takes its entries in the order of the rows, and so has the bits of [`multiply_sparse`] with the
//! transposed matrix, whatever the number of threads. An entry takes two bytes for its row within the band instead
//! of four, and each band four bytes for every column, which pays where columns have entries in most bands.
//!
//! [`multiply_sparse`]: crate::multiply_sparse

use crate::Simd;
use crate::simd::{Kernel, multiply_add};
use crate::sparse::{Aligned, line};
use matfact_core::ndarray::{ArrayView2, ArrayViewMut2, Axis};
use matfact_core::{Indices, InputSize, Scalar, SparseRows};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a band: half a megabyte of cache lines.
const BAND_ROWS: usize = 1 << 13;
/// Bands, at least: fewer are near as they are.
const LEAST_BANDS: usize = 3;
/// Entries of a column in a band, on average, from which bands pay.
const LEAST_ENTRIES: usize = 4;
/// Ranges of columns for each thread: every one reads all of U.
const TASKS_PER_THREAD: usize = 4;

/// The entries of a matrix X (m x n) by bands of its rows.
#[derive(Debug)]
pub(super) struct Bands<T> {
    shape: (usize, usize),
    bands: Vec<Band<T>>,
}

/// The entries of some rows, by columns, and in each column by rows.
#[derive(Debug)]
struct Band<T> {
    /// Where the entries of each column begin, and the end.
    pointers: Vec<u32>,
    /// The row of each entry within the band.
    rows: Vec<u16>,
    values: Vec<T>,
}

/// Whether bands pay for `entries` entries of an m x n matrix.
pub(super) fn pay((m, n): (usize, usize), entries: usize) -> bool {
    let bands = m.div_ceil(BAND_ROWS);
    bands >= LEAST_BANDS
        && entries / LEAST_ENTRIES >= bands.saturating_mul(n)
        && BAND_ROWS.saturating_mul(n) <= u32::MAX as usize
}

/// The bytes of the transposed copy that [`Products`](crate::Products) make of a matrix in compressed rows: by bands
/// where these pay, with two bytes for the row of an entry in place of four. Of a dense matrix there is none.
///
/// ```
/// use matfact_core::InputSize;
/// use matfact_linalg::transposed_copy_bytes;
/// let few = InputSize::sparse::<f32>((1000, 50), 10_000);
/// assert_eq!(transposed_copy_bytes(&few), few.transposed_bytes());
/// let many = InputSize::sparse::<f32>((100_000, 50), 1_000_000);
/// // Thirteen bands, each with its pointers.
/// assert_eq!(transposed_copy_bytes(&many), 1e6 * 6.0 + 13.0 * 51.0 * 4.0);
/// assert_eq!(transposed_copy_bytes(&InputSize::dense::<f32>((1000, 50))), 0.0);
/// ```
#[must_use]
pub fn transposed_copy_bytes(input: &InputSize) -> f64 {
    let (m, n) = input.shape;
    if input.dense {
        0.0
    } else if pay(input.shape, input.stored) {
        let pointers = m.div_ceil(BAND_ROWS) as f64 * 4.0 * (n as f64 + 1.0);
        input.stored as f64 * (2.0 + input.scalar_bytes as f64) + pointers
    } else {
        input.transposed_bytes()
    }
}

impl<T: Scalar> Bands<T> {
    /// The entries of `x`, whose rows are sorted or not.
    pub(super) fn new(x: &SparseRows<'_, T>) -> Self {
        let bands = (0..x.shape.0.div_ceil(BAND_ROWS)).into_par_iter();
        let rows = |band: usize| band * BAND_ROWS..x.shape.0.min((band + 1) * BAND_ROWS);
        let bands = match x.columns {
            Indices::U32(columns) => bands
                .map(|band| Band::new(x, rows(band), |position| columns[position] as usize))
                .collect(),
            Indices::Usize(columns) => bands
                .map(|band| Band::new(x, rows(band), |position| columns[position]))
                .collect(),
        };
        Self {
            shape: x.shape,
            bands,
        }
    }

    /// `out = Xᵀ · right`: (n x m) times (m x k).
    pub(super) fn multiply_transposed(
        &self,
        right: ArrayView2<'_, T>,
        mut out: ArrayViewMut2<'_, T>,
        simd: Simd,
    ) {
        assert_eq!(self.shape.0, right.nrows(), "inner dimensions of a product");
        let shape = (self.shape.1, right.ncols());
        assert_eq!(out.dim(), shape, "shape of a product");
        for first in (0..right.ncols()).step_by(line::<T>()) {
            let width = line::<T>().min(right.ncols() - first);
            let (_, from) = right.split_at(Axis(1), first);
            let (columns, _) = from.split_at(Axis(1), width);
            let panel = Aligned::padded(columns, line::<T>());
            let (_, slab) = out.view_mut().split_at(Axis(1), first);
            self.multiply_lines(panel.as_slice(), slab, simd);
        }
    }

    /// The same for a panel in rows of one cache line, of which the first columns of `out` take as many as
    /// they are.
    pub(super) fn multiply_lines(&self, panel: &[T], mut out: ArrayViewMut2<'_, T>, simd: Simd) {
        let mut rest = out.view_mut();
        let mut tasks = Vec::new();
        for range in self.balanced_columns(TASKS_PER_THREAD * rayon::current_num_threads()) {
            let (mine, after) = rest.split_at(Axis(0), range.len());
            rest = after;
            tasks.push((range, mine));
        }
        tasks.into_par_iter().for_each(|(columns, mut mine)| {
            let mut sums = Aligned::zeros(columns.len() * line::<T>());
            simd.run(BandTask {
                bands: &self.bands,
                columns,
                panel,
                sums: sums.as_mut_slice(),
            });
            let rows = mine.rows_mut().into_iter();
            for (mut row, sums) in rows.zip(sums.as_slice().chunks_exact(line::<T>())) {
                for (slot, sum) in row.iter_mut().zip(sums) {
                    *slot = *sum;
                }
            }
        });
    }

    /// The columns, cut into at most `parts` ranges with about equally many entries.
    fn balanced_columns(&self, parts: usize) -> Vec<Range<usize>> {
        let n = self.shape.1;
        let before = |column: usize| -> usize {
            let bands = self.bands.iter();
            bands.map(|band| band.pointers[column] as usize).sum()
        };
        let entries = before(n);
        let mut starts = vec![0];
        for part in 1..parts {
            let target = (entries as u128 * part as u128 / parts as u128) as usize;
            // The first column with so many entries before it, by halving.
            let (mut low, mut high) = (0, n);
            while low < high {
                let middle = usize::midpoint(low, high);
                if before(middle) < target {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            starts.push(low);
        }
        starts.push(n);
        let ranges = starts.windows(2).map(|pair| pair[0]..pair[1]);
        ranges.filter(|range| !range.is_empty()).collect()
    }
}

impl<T: Scalar> Band<T> {
    fn new(x: &SparseRows<'_, T>, rows: Range<usize>, column: impl Fn(usize) -> usize) -> Self {
        let mut pointers = vec![0_u32; x.shape.1 + 1];
        for row in rows.clone() {
            for position in x.row_range(row) {
                pointers[column(position) + 1] += 1;
            }
        }
        for j in 0..x.shape.1 {
            pointers[j + 1] += pointers[j];
        }
        let stored = pointers[x.shape.1] as usize;
        let mut next = pointers.clone();
        let mut band = Self {
            pointers,
            rows: vec![0; stored],
            values: vec![T::zero(); stored],
        };
        for (within, row) in rows.enumerate() {
            for position in x.row_range(row) {
                let slot = &mut next[column(position)];
                band.rows[*slot as usize] = within as u16;
                band.values[*slot as usize] = x.values[position];
                *slot += 1;
            }
        }
        band
    }
}

/// Some columns of X against one cache line of every row of U.
struct BandTask<'a, T> {
    bands: &'a [Band<T>],
    columns: Range<usize>,
    /// U: a line for each row.
    panel: &'a [T],
    /// A line for each column.
    sums: &'a mut [T],
}

impl<T: Scalar> BandTask<'_, T> {
    #[inline(always)]
    fn sum<const FMA: bool, const L: usize>(self) {
        let (sums, _) = self.sums.as_chunks_mut::<L>();
        let (panel, _) = self.panel.as_chunks::<L>();
        for (band, panel) in self.bands.iter().zip(panel.chunks(BAND_ROWS)) {
            let pointers = &band.pointers[self.columns.start..=self.columns.end];
            for (sums, pair) in sums.iter_mut().zip(pointers.windows(2)) {
                let range = pair[0] as usize..pair[1] as usize;
                let mut sum = *sums;
                for (row, value) in band.rows[range.clone()].iter().zip(&band.values[range]) {
                    let row = &panel[usize::from(*row)];
                    for lane in 0..L {
                        sum[lane] = multiply_add::<FMA, T>(*value, row[lane], sum[lane]);
                    }
                }
                *sums = sum;
            }
        }
    }
}

impl<T: Scalar> Kernel for BandTask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if line::<T>() == 16 {
            self.sum::<FMA, 16>();
        } else {
            self.sum::<FMA, 8>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{multiply_sparse, random_normal};
    use matfact_core::ndarray::Array2;
    use matfact_core::sprs::CsMatI;
    use matfact_core::{Duplicates, Layout, LinearOperator, csr_from_triplets};

    /// Rows for three bands and a few more, two of them without an entry; a column with most entries, one
    /// with none.
    fn sample<T: Scalar>() -> CsMatI<T, u32, usize> {
        let m = 3 * BAND_ROWS + 5;
        let entries = (0..m).filter(|i| i % 4096 != 7).flat_map(|i| {
            let value = |j: usize| T::from_f64(((i * 31 + j * 17) % 23) as f64 / 7.0 - 1.5);
            let other = 1 + (i * 7) % 38;
            [(i, 0, value(0)), (i, other, value(other))]
        });
        csr_from_triplets((m, 40), entries, Duplicates::Error).unwrap()
    }

    fn check<T: Scalar>() {
        let x = sample::<T>();
        let wide: CsMatI<T, usize, usize> = x.to_other_types();
        let transposed = x.transpose_view().to_csr();
        for width in [1, 8, 16, 21, 33] {
            let right: Array2<T> = random_normal((x.rows(), width), 3, 0);
            let Layout::SparseRows(rows) = transposed.layout() else {
                unreachable!("CSR")
            };
            for simd in Simd::available() {
                let mut expected = Array2::zeros((x.cols(), width));
                multiply_sparse(&rows, right.view(), expected.view_mut(), simd);
                for threads in [1, 2, 7] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    for layout in [x.layout(), wide.layout()] {
                        let Layout::SparseRows(rows) = layout else {
                            unreachable!("CSR")
                        };
                        let mut out = Array2::from_elem((x.cols(), width), T::one());
                        pool.as_ref().unwrap().install(|| {
                            let bands = Bands::new(&rows);
                            bands.multiply_transposed(right.view(), out.view_mut(), simd);
                        });
                        assert_eq!(out, expected, "{simd:?}, {width} columns, {threads}");
                    }
                }
            }
        }
    }

    #[test]
    fn bands_give_the_bits_of_the_transposed_rows() {
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn bands_are_for_tall_matrices_with_entries_enough() {
        assert!(pay((200_000, 50_000), 22_000_000));
        assert!(!pay((2 * BAND_ROWS, 100), 22_000_000), "near as it is");
        assert!(
            !pay((10_000_000, 1_000_000), 100_000_000),
            "pointers cost more"
        );
        assert!(!pay((usize::MAX, usize::MAX), 10), "no overflow");
    }
}
