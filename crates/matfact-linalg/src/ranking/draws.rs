//! Random negatives, and sums of logarithms.

use matfact_core::Scalar;

/// Draws for one negative before it is given up: the row has nearly all columns.
const MOST_DRAWS: usize = 16;

/// Above this the product of many (1 + e^x) is turned into its logarithm.
const LARGE_PRODUCT: f64 = 1e200;

/// Scores that differ by more are treated as if they differed by this much: e^40 is far from overflow.
const LARGEST_SCORE: f64 = 40.0;

/// The positives of the rows in hand, and the draws.
pub(super) struct Draws<'a> {
    pub(super) numbers: Numbers,
    /// Of each column, a bit for each of the rows in hand that have it.
    pub(super) owners: Vec<u8>,
    /// What to draw from; none for every column.
    pub(super) drawn_from: Option<&'a [u32]>,
}

impl Draws<'_> {
    /// A column that the row of this bit does not have.
    #[inline(always)]
    pub(super) fn negative(&mut self, bit: u8) -> Option<usize> {
        for _ in 0..MOST_DRAWS {
            let column = self.column();
            if self.owners[column] & bit == 0 {
                return Some(column);
            }
        }
        None
    }

    #[inline(always)]
    fn column(&mut self) -> usize {
        match self.drawn_from {
            Some(columns) => columns[self.numbers.below(columns.len())] as usize,
            None => self.numbers.below(self.owners.len()),
        }
    }
}

/// One of `columns` that a row lacks.
#[inline(always)]
pub(super) fn negative_of(
    numbers: &mut Numbers,
    columns: &[u32],
    lacks: impl Fn(u32) -> bool,
) -> Option<usize> {
    for _ in 0..MOST_DRAWS {
        let column = columns[numbers.below(columns.len())];
        if lacks(column) {
            return Some(column as usize);
        }
    }
    None
}

/// Random numbers by SplitMix64.
pub(super) struct Numbers {
    state: u64,
}

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number below `bound`.
    #[inline(always)]
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (((mixed >> 32) * bound as u64) >> 32) as usize
    }
}

/// Σ ln (1 + e^x), by products.
pub(super) struct LogSum {
    product: f64,
    sum: f64,
}

impl LogSum {
    pub(super) fn new() -> Self {
        Self {
            product: 1.0,
            sum: 0.0,
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.sum + self.product.ln()
    }

    /// Adds ln (1 + e^x) and gives σ(x).
    #[inline(always)]
    pub(super) fn add<T: Scalar>(&mut self, x: T) -> T {
        let bound = T::from_f64(LARGEST_SCORE);
        let power = x.max(-bound).min(bound).exp();
        self.product *= 1.0 + power.as_f64();
        if self.product > LARGE_PRODUCT {
            self.sum += self.product.ln();
            self.product = 1.0;
        }
        power / (T::one() + power)
    }
}
