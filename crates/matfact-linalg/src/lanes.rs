//! Arithmetic on factor rows that are stored in whole cache lines ([`FactorLanes`]).

use crate::FactorLanes;
use crate::simd::multiply_add;
use matfact_core::Scalar;
use std::hint::black_box;

/// Values in one [`FactorLanes`].
const LANES: usize = 16;

/// Partial sums of a product: enough to hide the latency of an addition at common ranks.
const PARTIAL_SUMS: usize = 2;

/// p · q in a fixed order: piece t goes to partial sum t mod 2, then the partial sums are added, then the
/// lanes, halves at a time.
#[inline(always)]
pub(crate) fn product<const FMA: bool, T: Scalar>(p: &[FactorLanes<T>], q: &[FactorLanes<T>]) -> T {
    let mut sums = [[T::zero(); LANES]; PARTIAL_SUMS];
    for (piece, (p, q)) in p.iter().zip(q).enumerate() {
        let sum = &mut sums[piece % PARTIAL_SUMS];
        for lane in 0..LANES {
            sum[lane] = multiply_add::<FMA, T>(p.0[lane], q.0[lane], sum[lane]);
        }
    }
    total(sums)
}

/// p · (q − r), in the order of [`product`].
#[inline(always)]
pub(crate) fn product_with_difference<const FMA: bool, T: Scalar>(
    p: &[FactorLanes<T>],
    q: &[FactorLanes<T>],
    r: &[FactorLanes<T>],
) -> T {
    let mut sums = [[T::zero(); LANES]; PARTIAL_SUMS];
    for (piece, (p, (q, r))) in p.iter().zip(q.iter().zip(r)).enumerate() {
        let sum = &mut sums[piece % PARTIAL_SUMS];
        for lane in 0..LANES {
            sum[lane] = multiply_add::<FMA, T>(p.0[lane], q.0[lane] - r.0[lane], sum[lane]);
        }
    }
    total(sums)
}

#[inline(always)]
fn total<T: Scalar>([mut total, second]: [[T; LANES]; PARTIAL_SUMS]) -> T {
    for lane in 0..LANES {
        total[lane] += second[lane];
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
fn fold_half<T: Scalar, const HALF: usize>(lanes: &[T]) -> [T; HALF] {
    let mut folded = [T::zero(); HALF];
    for lane in 0..HALF {
        folded[lane] = lanes[lane] + lanes[lane + HALF];
    }
    folded
}

/// target ← shrinkage · target + gain · direction.
#[inline(always)]
pub(crate) fn move_row<const FMA: bool, T: Scalar>(
    target: &mut [FactorLanes<T>],
    shrinkage: T,
    gain: T,
    direction: &[FactorLanes<T>],
) {
    for (target, direction) in target.iter_mut().zip(direction) {
        for lane in 0..LANES {
            let kept = shrinkage * target.0[lane];
            target.0[lane] = multiply_add::<FMA, T>(gain, direction.0[lane], kept);
        }
    }
}

/// target ← target + gain · direction.
#[inline(always)]
pub(crate) fn add_scaled<const FMA: bool, T: Scalar>(
    target: &mut [FactorLanes<T>],
    gain: T,
    direction: &[FactorLanes<T>],
) {
    for (target, direction) in target.iter_mut().zip(direction) {
        for lane in 0..LANES {
            target.0[lane] = multiply_add::<FMA, T>(gain, direction.0[lane], target.0[lane]);
        }
    }
}
