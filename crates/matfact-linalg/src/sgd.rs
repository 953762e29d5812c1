//! The update loop of stochastic gradient descent on observed entries.
//!
//! One call runs through the entries of one block in their order. For an entry of row i and column
//! j with value r, and with p = p_i, q = q_j, b = b_i, c = c_j as they were before:
//!
//! - e = r − (b + c + p · q)
//! - p_i ← s (p + η e q), q_j ← s (q + η e p)
//! - b_i ← s_i (b + η e), c_j ← s_j (c + η e)
//!
//! The learning rate η and the factors' shrinkage s are given for the whole block, the shrinkage of
//! a bias with the bias. Factor rows are stored in whole cache lines, so that the loops need no tail.

use crate::simd::{Kernel, Simd, multiply_add, prefetch};
use matfact_core::Scalar;
use std::hint::black_box;

/// Values in one [`FactorLanes`].
pub(crate) const LANES: usize = 16;

/// Partial sums of a dot product, each of [`LANES`] values: enough to hide the latency of an add.
const PARTIAL_SUMS: usize = 4;

/// How many entries ahead the factors are asked for.
const PREFETCH_DISTANCE: usize = 6;

/// A piece of a factor row: values that fill whole cache lines. Those past the rank are zero, and
/// stay zero.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct FactorLanes<T>(pub [T; 16]);

impl<T> FactorLanes<T> {
    /// The number of values in a piece.
    pub const COUNT: usize = LANES;
}

impl<T: Scalar> Default for FactorLanes<T> {
    fn default() -> Self {
        Self([T::zero(); LANES])
    }
}

/// An observed entry by its place inside a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockEntry<T> {
    /// Row inside the block's range of rows.
    pub row: u32,
    /// Column inside the block's range of columns.
    pub column: u32,
    /// The value to approximate.
    pub value: T,
}

/// A bias and what it is multiplied by after each step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ShrunkBias<T> {
    /// The bias.
    pub bias: T,
    /// Its shrinkage, 1 for none.
    pub shrinkage: T,
}

/// The rows, or the columns, of one block.
#[derive(Debug)]
pub struct BlockSide<'a, T> {
    /// Factor rows one after the other, each of the same number of [`FactorLanes`].
    pub factors: &'a mut [FactorLanes<T>],
    /// One bias for each factor row; not read for a model without biases.
    pub biases: &'a mut [ShrunkBias<T>],
}

/// What all updates of a block have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DescentStep<T> {
    /// The learning rate η.
    pub learning_rate: T,
    /// The factors' shrinkage s, 1 for none.
    pub shrinkage: T,
    /// Whether there are biases.
    pub biased: bool,
    /// Number of [`FactorLanes`] in a factor row.
    pub width: usize,
}

/// Goes through the entries of a block in their order (see the head of this file for the update)
/// and gives the sum of the squared errors that the entries had just before their updates.
///
/// # Panics
/// If an entry lies outside the block's factors or biases.
///
/// ```
/// use matfact_linalg::{BlockEntry, BlockSide, DescentStep, FactorLanes, Simd, descend_block};
/// let mut row = [FactorLanes::default()];
/// let mut column = [FactorLanes::default()];
/// (row[0].0[0], column[0].0[0]) = (1.0, 2.0);
/// let squared_error = descend_block(
///     Simd::detect(),
///     &[BlockEntry { row: 0, column: 0, value: 5.0 }],
///     BlockSide { factors: &mut row, biases: &mut [] },
///     BlockSide { factors: &mut column, biases: &mut [] },
///     DescentStep { learning_rate: 0.1, shrinkage: 1.0, biased: false, width: 1 },
/// );
/// assert_eq!(squared_error, 9.0);
/// assert_eq!((row[0].0[0], column[0].0[0]), (1.0 + 0.3 * 2.0, 2.0 + 0.3 * 1.0));
/// ```
pub fn descend_block<T: Scalar>(
    simd: Simd,
    entries: &[BlockEntry<T>],
    rows: BlockSide<'_, T>,
    columns: BlockSide<'_, T>,
    step: DescentStep<T>,
) -> f64 {
    simd.run(Descent {
        entries,
        rows,
        columns,
        step,
    })
}

struct Descent<'a, T> {
    entries: &'a [BlockEntry<T>],
    rows: BlockSide<'a, T>,
    columns: BlockSide<'a, T>,
    step: DescentStep<T>,
}

impl<T: Scalar> Kernel for Descent<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        // With the width known to the compiler, the loops over short factor rows are unrolled.
        match self.step.width {
            1 => self.entries::<FMA, 1>(),
            2 => self.entries::<FMA, 2>(),
            4 => self.entries::<FMA, 4>(),
            7 => self.entries::<FMA, 7>(),
            8 => self.entries::<FMA, 8>(),
            _ => self.entries::<FMA, 0>(),
        }
    }
}

impl<T: Scalar> Descent<'_, T> {
    /// All updates; `WIDTH` is the step's width, or 0 for one that is known at run time only.
    #[inline(always)]
    fn entries<const FMA: bool, const WIDTH: usize>(self) -> f64 {
        let Descent {
            entries,
            mut rows,
            mut columns,
            step,
        } = self;
        let width = if WIDTH == 0 { step.width } else { WIDTH };
        let mut squared_errors = 0.0;
        let mut early_error = None;
        for (position, entry) in entries.iter().enumerate() {
            if let Some(far) = entries.get(position + PREFETCH_DISTANCE) {
                prefetch_row(rows.factors, far.row as usize * width, width);
                prefetch_row(columns.factors, far.column as usize * width, width);
            }
            let error = match early_error {
                Some(error) => error,
                None => error_of::<FMA, T>(entry, &rows, &columns, &step, width),
            };
            // The next error is computed before this update wherever the update cannot change it,
            // so that the processor has work while it waits for this one's sum.
            early_error = match entries.get(position + 1) {
                Some(next) if next.row != entry.row && next.column != entry.column => {
                    Some(error_of::<FMA, T>(next, &rows, &columns, &step, width))
                }
                _ => None,
            };
            squared_errors += error.as_f64() * error.as_f64();
            update::<FMA, T>(entry, error, &mut rows, &mut columns, &step, width);
        }
        squared_errors
    }
}

/// The entry's error with things as they stand.
#[inline(always)]
fn error_of<const FMA: bool, T: Scalar>(
    entry: &BlockEntry<T>,
    rows: &BlockSide<'_, T>,
    columns: &BlockSide<'_, T>,
    step: &DescentStep<T>,
    width: usize,
) -> T {
    let (row, column) = (entry.row as usize, entry.column as usize);
    let p = &rows.factors[row * width..][..width];
    let q = &columns.factors[column * width..][..width];
    let mut value = entry.value;
    if step.biased {
        value -= rows.biases[row].bias + columns.biases[column].bias;
    }
    value - dot::<FMA, T>(p, q)
}

/// The updates of one entry with the error given.
#[inline(always)]
fn update<const FMA: bool, T: Scalar>(
    entry: &BlockEntry<T>,
    error: T,
    rows: &mut BlockSide<'_, T>,
    columns: &mut BlockSide<'_, T>,
    step: &DescentStep<T>,
    width: usize,
) {
    let (row, column) = (entry.row as usize, entry.column as usize);
    let change = step.learning_rate * error;
    if step.biased {
        let (b, c) = (&mut rows.biases[row], &mut columns.biases[column]);
        b.bias = (b.bias + change) * b.shrinkage;
        c.bias = (c.bias + change) * c.shrinkage;
    }
    let gain = change * step.shrinkage;
    let p = &mut rows.factors[row * width..][..width];
    let q = &mut columns.factors[column * width..][..width];
    for (p, q) in p.iter_mut().zip(q) {
        // Copies, because the compiler does not see that p and q are apart.
        let (before, other) = (p.0, q.0);
        p.0 = step_of::<FMA, T>(gain, &other, step.shrinkage, &before);
        q.0 = step_of::<FMA, T>(gain, &before, step.shrinkage, &other);
    }
}

/// Asks for every cache line of one factor row.
#[inline(always)]
pub(crate) fn prefetch_row<T>(factors: &[FactorLanes<T>], start: usize, width: usize) {
    for piece in factors.iter().skip(start).take(width) {
        prefetch(&piece.0, 0);
        if size_of::<T>() > 4 {
            prefetch(&piece.0, LANES / 2);
        }
    }
}

/// p · q, in a fixed order of additions: piece t of the rows goes to partial sum t mod 4, then the
/// partial sums are added, then the lanes, halves at a time.
#[inline(always)]
pub(crate) fn dot<const FMA: bool, T: Scalar>(p: &[FactorLanes<T>], q: &[FactorLanes<T>]) -> T {
    let mut sums = [[T::zero(); LANES]; PARTIAL_SUMS];
    let (p_groups, p_rest) = p.as_chunks::<PARTIAL_SUMS>();
    let (q_groups, q_rest) = q.as_chunks::<PARTIAL_SUMS>();
    for (p, q) in p_groups.iter().zip(q_groups) {
        for part in 0..PARTIAL_SUMS {
            accumulate::<FMA, T>(&mut sums[part], &p[part], &q[part]);
        }
    }
    for (part, (p, q)) in p_rest.iter().zip(q_rest).enumerate() {
        accumulate::<FMA, T>(&mut sums[part], p, q);
    }
    let [mut total, second, third, fourth] = sums;
    for lane in 0..LANES {
        total[lane] = (total[lane] + second[lane]) + (third[lane] + fourth[lane]);
    }
    // Through memory, because the compiler otherwise takes the sums apart into single lanes.
    let total = black_box(total);
    let eight: [T; 8] = black_box(fold_half(&total));
    let four: [T; 4] = fold_half(&eight);
    let two: [T; 2] = fold_half(&four);
    two[0] + two[1]
}

/// Adds the upper half of the lanes to the lower one.
#[inline(always)]
pub(crate) fn fold_half<T: Scalar, const HALF: usize>(lanes: &[T]) -> [T; HALF] {
    let mut folded = [T::zero(); HALF];
    for lane in 0..HALF {
        folded[lane] = lanes[lane] + lanes[lane + HALF];
    }
    folded
}

/// gain · direction + shrinkage · values.
#[inline(always)]
fn step_of<const FMA: bool, T: Scalar>(
    gain: T,
    direction: &[T; LANES],
    shrinkage: T,
    values: &[T; LANES],
) -> [T; LANES] {
    let mut moved = [T::zero(); LANES];
    for lane in 0..LANES {
        moved[lane] = multiply_add::<FMA, T>(gain, direction[lane], shrinkage * values[lane]);
    }
    moved
}

#[inline(always)]
fn accumulate<const FMA: bool, T: Scalar>(
    sum: &mut [T; LANES],
    p: &FactorLanes<T>,
    q: &FactorLanes<T>,
) {
    for lane in 0..LANES {
        sum[lane] = multiply_add::<FMA, T>(p.0[lane], q.0[lane], sum[lane]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_stream;
    use rand::RngExt;

    #[derive(Clone)]
    struct Block<T> {
        entries: Vec<BlockEntry<T>>,
        factors: [Vec<FactorLanes<T>>; 2],
        biases: [Vec<ShrunkBias<T>>; 2],
        step: DescentStep<T>,
    }

    fn block<T: Scalar>(width: usize, biased: bool) -> Block<T> {
        let mut rng = random_stream(3, width as u64);
        let mut number = |scale: f64| T::from_f64(scale * (rng.random::<f64>() - 0.5));
        let sizes = [7, 5];
        let rank = width * LANES - 3;
        let factors = sizes.map(|size| {
            let mut lanes = vec![FactorLanes::default(); size * width];
            for position in 0..size * width * LANES {
                if position % (width * LANES) < rank {
                    lanes[position / LANES].0[position % LANES] = number(0.5);
                }
            }
            lanes
        });
        let biases = sizes.map(|size| {
            let bias = |_| ShrunkBias {
                bias: number(1.0),
                shrinkage: T::from_f64(0.98),
            };
            (0..size).map(bias).collect()
        });
        let entry = |position: u32| BlockEntry {
            row: position * 3 % 7,
            column: position * position % 5,
            value: number(4.0),
        };
        let step = DescentStep {
            learning_rate: T::from_f64(0.05),
            shrinkage: T::from_f64(0.995),
            biased,
            width,
        };
        Block {
            entries: (0..60).map(entry).collect(),
            factors,
            biases,
            step,
        }
    }

    impl<T: Scalar> Block<T> {
        fn descend(&mut self, simd: Simd) -> f64 {
            let [rows, columns] = &mut self.factors;
            let [row_biases, column_biases] = &mut self.biases;
            descend_block(
                simd,
                &self.entries,
                BlockSide {
                    factors: rows,
                    biases: row_biases,
                },
                BlockSide {
                    factors: columns,
                    biases: column_biases,
                },
                self.step,
            )
        }

        /// The same as plain as can be, on rows of single numbers.
        fn reference(&mut self) -> f64 {
            let (eta, s, length) = (
                self.step.learning_rate,
                self.step.shrinkage,
                self.step.width * LANES,
            );
            let [mut p, mut q] = self.factors.each_ref().map(Flatten::as_flattened_values);
            let [b, c] = &mut self.biases;
            let mut squared = 0.0;
            for entry in &self.entries {
                let (i, j) = (entry.row as usize, entry.column as usize);
                let mut sums = [T::zero(); LANES * PARTIAL_SUMS];
                for t in 0..length {
                    sums[t % sums.len()] += p[i * length + t] * q[j * length + t];
                }
                let [s0, s1, s2, s3] = [0, 1, 2, 3].map(|part| &sums[part * LANES..][..LANES]);
                let lanes: Vec<T> = (0..LANES)
                    .map(|l| (s0[l] + s1[l]) + (s2[l] + s3[l]))
                    .collect();
                let mut e = entry.value;
                if self.step.biased {
                    e -= b[i].bias + c[j].bias;
                }
                e -= pairwise(&lanes);
                if self.step.biased {
                    b[i].bias = (b[i].bias + eta * e) * b[i].shrinkage;
                    c[j].bias = (c[j].bias + eta * e) * c[j].shrinkage;
                }
                squared += e.as_f64() * e.as_f64();
                for t in 0..length {
                    let (old_p, old_q) = (p[i * length + t], q[j * length + t]);
                    p[i * length + t] = eta * e * s * old_q + s * old_p;
                    q[j * length + t] = eta * e * s * old_p + s * old_q;
                }
            }
            for (side, values) in [p, q].into_iter().enumerate() {
                for (lanes, values) in self.factors[side].iter_mut().zip(values.chunks(LANES)) {
                    lanes.0.copy_from_slice(values);
                }
            }
            squared
        }
    }

    /// Lane l with lane l + half, until one is left.
    fn pairwise<T: Scalar>(lanes: &[T]) -> T {
        match lanes {
            [one] => *one,
            _ => {
                let (low, high) = lanes.split_at(lanes.len() / 2);
                pairwise(
                    &low.iter()
                        .zip(high)
                        .map(|(a, b)| *a + *b)
                        .collect::<Vec<_>>(),
                )
            }
        }
    }

    trait Flatten<T> {
        fn as_flattened_values(&self) -> Vec<T>;
    }

    impl<T: Scalar> Flatten<T> for Vec<FactorLanes<T>> {
        fn as_flattened_values(&self) -> Vec<T> {
            self.iter().flat_map(|lanes| lanes.0).collect()
        }
    }

    fn check_against_reference<T: Scalar>(tolerance: f64) {
        for width in [1, 2, 3, 4, 5, 7, 8, 9] {
            for biased in [false, true] {
                let start = block::<T>(width, biased);
                let mut expected = start.clone();
                let expected_squares = expected.reference();
                for simd in Simd::available() {
                    let mut actual = start.clone();
                    let squares = actual.descend(simd);
                    let what = format!("{simd:?}, width {width}, biased {biased}");
                    let exact = simd == Simd::Portable && !cfg!(target_arch = "aarch64");
                    if exact {
                        assert_eq!(squares, expected_squares, "{what}");
                        assert_eq!(actual.factors, expected.factors, "{what}");
                        assert_eq!(actual.biases, expected.biases, "{what}");
                    }
                    assert!(
                        (squares - expected_squares).abs() < tolerance * expected_squares,
                        "{what}"
                    );
                    for side in 0..2 {
                        let ours = actual.factors[side].as_flattened_values();
                        let theirs = expected.factors[side].as_flattened_values();
                        for (a, b) in ours.iter().zip(&theirs) {
                            assert!((a.as_f64() - b.as_f64()).abs() < tolerance, "{what}");
                        }
                        let padding = ours
                            .chunks(width * LANES)
                            .flat_map(|row| &row[width * LANES - 3..]);
                        assert!(padding.into_iter().all(|value| *value == T::zero()));
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_agrees_with_a_plain_loop_and_the_portable_one_to_the_bit() {
        check_against_reference::<f32>(1e-5);
        check_against_reference::<f64>(1e-13);
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn an_entry_outside_the_block_is_a_bug_that_shows() {
        let mut bad = block::<f32>(2, true);
        bad.entries[0].column = 5;
        bad.descend(Simd::detect());
    }
}
