//! Logarithm, exponential and powers without branches, so that a loop over lanes becomes vectors.

use crate::simd::multiply_add;

/// Adding and subtracting this rounds a small number to an integer, which then stands in the low bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;
const LN_2: f64 = std::f64::consts::LN_2;
/// ln 2 in two parts, the first with so few bits that its products with exponents are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// ln x within a few units in the last place, for normal x > 0; some finite number for others.
#[inline(always)]
pub(super) fn ln<const FMA: bool>(x: f64) -> f64 {
    // x = 2^e · m with √½ <= m < √2.
    const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits();
    let above = bits.wrapping_sub(ROOT_HALF);
    let exponent = (above as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub(above & (0xfff << 52)));
    let e = f64::from_bits(ROUNDING.to_bits().wrapping_add(exponent as u64)) - ROUNDING;
    // ln m = 2 artanh((m - 1) / (m + 1)), an odd series in |s| <= 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 1.0 / 19.0;
    for divisor in [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        series = multiply_add::<FMA, f64>(series, z, 1.0 / divisor);
    }
    let ln_m = multiply_add::<FMA, f64>(2.0 * s * z, series, 2.0 * s);
    multiply_add::<FMA, f64>(e, LN_2, ln_m)
}

/// eˣ within a few units in the last place; 0 below -708, infinite above 709.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f64) -> f64 {
    let inside = if x > -708.0 { x } else { -708.0 };
    let inside = if inside < 709.0 { inside } else { 709.0 };
    let shifted = multiply_add::<FMA, f64>(inside, 1.0 / LN_2, ROUNDING);
    let e = shifted - ROUNDING;
    let r = multiply_add::<FMA, f64>(e, -LN_2_HIGH, inside);
    let r = multiply_add::<FMA, f64>(e, -LN_2_LOW, r);
    // The Taylor series on |r| <= ½ ln 2.
    let mut series = 1.0 / 6_227_020_800.0;
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        series = multiply_add::<FMA, f64>(series, r, 1.0 / factorial);
    }
    // 2^1023 has no room for 2^e with e = 1023 and a series above 1, so that one factor 2 is apart.
    let half = f64::from_bits(shifted.to_bits().wrapping_add(1022) << 52);
    let value = series * half * 2.0;
    let value = if x < -708.0 { 0.0 } else { value };
    if x > 709.0 { f64::INFINITY } else { value }
}

/// x^p for x >= 0 and p ≠ 0; numbers below the smallest normal one count as zero.
#[inline(always)]
pub(super) fn power<const FMA: bool>(x: f64, p: f64) -> f64 {
    let value = exp::<FMA>(p * ln::<FMA>(x));
    let at_zero = if p > 0.0 { 0.0 } else { f64::INFINITY };
    if x < f64::MIN_POSITIVE {
        at_zero
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_standard_library() {
        for i in 0..20_000 {
            let x = 10.0_f64.powf(f64::from(i) * 0.03 - 300.0);
            for (own, standard) in [
                (ln::<false>(x), x.ln()),
                (ln::<true>(x), x.ln()),
                (power::<true>(x, -0.7), x.powf(-0.7)),
                (power::<false>(x, 0.5), x.sqrt()),
            ] {
                assert!(
                    (own - standard).abs() <= 3e-13 * standard.abs(),
                    "{x}: {own} is not {standard}"
                );
            }
            let x = f64::from(i) * 0.07 - 700.0;
            let (own, standard) = (exp::<true>(x), x.exp());
            assert!((own - standard).abs() <= 2e-15 * standard, "{x}");
        }
        for i in -1000..1000 {
            let x = 1.0 + f64::from(i) * 1e-4;
            assert!(
                (ln::<true>(x) - x.ln()).abs() <= 4e-16 * x.ln().abs(),
                "{x}"
            );
        }
    }

    #[test]
    fn the_ends_are_where_they_belong() {
        assert_eq!(exp::<true>(-1e9), 0.0);
        assert_eq!(exp::<true>(1e9), f64::INFINITY);
        assert!(exp::<true>(709.0).is_finite());
        assert_eq!(power::<true>(0.0, 0.2), 0.0);
        assert_eq!(power::<true>(0.0, -1.0), f64::INFINITY);
        assert_eq!(power::<true>(1.0, 3.0), 1.0);
    }
}
