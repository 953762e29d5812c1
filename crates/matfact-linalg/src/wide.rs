//! Registers of AVX-512, for the few loops that the compiler does not turn into good vector code by itself: sums
//! across the lanes of registers, and triangles of matrices.
//!
//! Everything here is inlined into the functions that [`Simd::run`](crate::Simd) has compiled for AVX-512, through
//! [`Kernel::run_avx512`](crate::simd::Kernel::run_avx512), and is to be called from nowhere else.

use std::arch::x86_64::*;

/// A register of [`Wide::LANES`] numbers.
///
/// # Safety
/// All functions need a processor with AVX-512 F and DQ; those with pointers, as many numbers there as they read
/// or write: [`Wide::LANES`] where nothing else is said.
pub(crate) trait Wide: Copy {
    type Number: Copy;
    const LANES: usize;

    unsafe fn zero() -> Self;
    unsafe fn splat(value: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    /// The first `count` numbers, at most as many as there are lanes; zeros after them.
    unsafe fn load_first(from: *const Self::Number, count: usize) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    unsafe fn plus(self, other: Self) -> Self;
    unsafe fn minus(self, other: Self) -> Self;
    unsafe fn times(self, other: Self) -> Self;
    /// self · factor + added, rounded once.
    unsafe fn times_plus(self, factor: Self, added: Self) -> Self;
    /// from − self · factor, rounded once.
    unsafe fn times_from(self, factor: Self, from: Self) -> Self;
    /// The number of one lane in all.
    unsafe fn spread(self, lane: usize) -> Self;
    /// Zeros in the lanes before `lane`.
    unsafe fn lanes_from(self, lane: usize) -> Self;
    /// Zeros in `lane` and after it.
    unsafe fn lanes_below(self, lane: usize) -> Self;
    /// The sum of the lanes, in double precision.
    unsafe fn sum(self) -> f64;
    /// What [`Wide::sums`] needs of four registers.
    unsafe fn sums_of_four(a: Self, b: Self, c: Self, d: Self) -> Self;
    /// The sum of the lanes of the i-th of [`Wide::LANES`] registers in lane i, from their [`Wide::sums_of_four`];
    /// those beyond are not looked at.
    unsafe fn sums(fours: [Self; 4]) -> Self;
    /// Writes [`Wide::LANES`] rows, `stride` numbers apart, as columns, that is as rows `to_stride` numbers apart.
    unsafe fn transpose(
        from: *const Self::Number,
        stride: usize,
        to: *mut Self::Number,
        to_stride: usize,
    );
}

impl Wide for __m512 {
    type Number = f32;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller has AVX-512, and so many numbers there.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        // SAFETY: the caller has AVX-512, and so many numbers there; what is masked is not read.
        unsafe { _mm512_maskz_loadu_ps(((1_u32 << count) - 1) as __mmask16, from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller has AVX-512, and so many numbers there.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_sub_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_mul_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, added: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_fmadd_ps(self, factor, added) }
    }

    #[inline(always)]
    unsafe fn times_from(self, factor: Self, from: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_fnmadd_ps(self, factor, from) }
    }

    #[inline(always)]
    unsafe fn spread(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_permutexvar_ps(_mm512_set1_epi32(lane as i32), self) }
    }

    #[inline(always)]
    unsafe fn lanes_from(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_maskz_mov_ps((u32::MAX << lane) as __mmask16, self) }
    }

    #[inline(always)]
    unsafe fn lanes_below(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_maskz_mov_ps(((1_u32 << lane) - 1) as __mmask16, self) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let low = _mm512_cvtps_pd(_mm512_castps512_ps256(self));
            let high = _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(self));
            _mm512_reduce_add_pd(_mm512_add_pd(low, high))
        }
    }

    #[inline(always)]
    unsafe fn sums_of_four(a: Self, b: Self, c: Self, d: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
            let even = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
            let odd = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
            _mm512_add_ps(even, odd)
        }
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let ab = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0x88>(a, b),
                _mm512_shuffle_f32x4::<0xdd>(a, b),
            );
            let cd = _mm512_add_ps(
                _mm512_shuffle_f32x4::<0x88>(c, d),
                _mm512_shuffle_f32x4::<0xdd>(c, d),
            );
            _mm512_add_ps(
                _mm512_shuffle_f32x4::<0x88>(ab, cd),
                _mm512_shuffle_f32x4::<0xdd>(ab, cd),
            )
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller has AVX-512, and 16 rows at both places.
        unsafe {
            let mut rows = [Self::zero(); 16];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = Self::load(from.add(i * stride));
            }
            // Squares of 4 x 4 within each fourth of four registers.
            let mut fours = [Self::zero(); 16];
            for i in 0..4 {
                let [a, b, c, d] = [
                    rows[4 * i],
                    rows[4 * i + 1],
                    rows[4 * i + 2],
                    rows[4 * i + 3],
                ];
                let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
                let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
                fours[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
                fours[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
                let (ab, cd) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
                let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
                fours[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
                fours[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
            }
            // The squares themselves.
            for i in 0..4 {
                let [a, b, c, d] = [fours[i], fours[4 + i], fours[8 + i], fours[12 + i]];
                let (ab, cd) = (
                    _mm512_shuffle_f32x4::<0x44>(a, b),
                    _mm512_shuffle_f32x4::<0x44>(c, d),
                );
                let out = |row: usize| to.add((row + i) * to_stride);
                _mm512_shuffle_f32x4::<0x88>(ab, cd).store(out(0));
                _mm512_shuffle_f32x4::<0xdd>(ab, cd).store(out(4));
                let (ab, cd) = (
                    _mm512_shuffle_f32x4::<0xee>(a, b),
                    _mm512_shuffle_f32x4::<0xee>(c, d),
                );
                _mm512_shuffle_f32x4::<0x88>(ab, cd).store(out(8));
                _mm512_shuffle_f32x4::<0xdd>(ab, cd).store(out(12));
            }
        }
    }
}

impl Wide for __m512d {
    type Number = f64;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_setzero_pd() }
    }

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        // SAFETY: the caller has AVX-512, and so many numbers there.
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f64, count: usize) -> Self {
        // SAFETY: the caller has AVX-512, and so many numbers there; what is masked is not read.
        unsafe { _mm512_maskz_loadu_pd(((1_u32 << count) - 1) as __mmask8, from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller has AVX-512, and so many numbers there.
        unsafe { _mm512_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_add_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_sub_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_mul_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, added: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_fmadd_pd(self, factor, added) }
    }

    #[inline(always)]
    unsafe fn times_from(self, factor: Self, from: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_fnmadd_pd(self, factor, from) }
    }

    #[inline(always)]
    unsafe fn spread(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_permutexvar_pd(_mm512_set1_epi64(lane as i64), self) }
    }

    #[inline(always)]
    unsafe fn lanes_from(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_maskz_mov_pd((u32::MAX << lane) as __mmask8, self) }
    }

    #[inline(always)]
    unsafe fn lanes_below(self, lane: usize) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_maskz_mov_pd(((1_u32 << lane) - 1) as __mmask8, self) }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        // SAFETY: the caller has AVX-512.
        unsafe { _mm512_reduce_add_pd(self) }
    }

    #[inline(always)]
    unsafe fn sums_of_four(a: Self, b: Self, c: Self, d: Self) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let ab = _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
            let cd = _mm512_add_pd(_mm512_unpacklo_pd(c, d), _mm512_unpackhi_pd(c, d));
            let even = _mm512_shuffle_f64x2::<0x88>(ab, cd);
            _mm512_add_pd(even, _mm512_shuffle_f64x2::<0xdd>(ab, cd))
        }
    }

    #[inline(always)]
    unsafe fn sums([a, b, ..]: [Self; 4]) -> Self {
        // SAFETY: the caller has AVX-512.
        unsafe {
            let even = _mm512_shuffle_f64x2::<0x88>(a, b);
            _mm512_add_pd(even, _mm512_shuffle_f64x2::<0xdd>(a, b))
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f64, stride: usize, to: *mut f64, to_stride: usize) {
        // SAFETY: the caller has AVX-512, and 8 rows at both places.
        unsafe {
            for half in 0..2 {
                // The even columns, then the odd ones: pairs of rows within each fourth of a register.
                let mut pairs = [Self::zero(); 4];
                for (place, pair) in pairs.iter_mut().enumerate() {
                    let a = Self::load(from.add(2 * place * stride));
                    let b = Self::load(from.add((2 * place + 1) * stride));
                    *pair = match half {
                        0 => _mm512_unpacklo_pd(a, b),
                        _ => _mm512_unpackhi_pd(a, b),
                    };
                }
                let [a, b, c, d] = pairs;
                let (ab, cd) = (
                    _mm512_shuffle_f64x2::<0x44>(a, b),
                    _mm512_shuffle_f64x2::<0x44>(c, d),
                );
                let out = |column: usize| to.add((column + half) * to_stride);
                _mm512_shuffle_f64x2::<0x88>(ab, cd).store(out(0));
                _mm512_shuffle_f64x2::<0xdd>(ab, cd).store(out(2));
                let (ab, cd) = (
                    _mm512_shuffle_f64x2::<0xee>(a, b),
                    _mm512_shuffle_f64x2::<0xee>(c, d),
                );
                _mm512_shuffle_f64x2::<0x88>(ab, cd).store(out(4));
                _mm512_shuffle_f64x2::<0xdd>(ab, cd).store(out(6));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Simd;
    use crate::simd::Kernel;

    /// All operations on a square of numbers that tell places apart.
    struct Everything;

    unsafe fn everything<W: Wide<Number: PartialEq + std::fmt::Debug>>(
        number: fn(f64) -> W::Number,
    ) {
        let lanes = W::LANES;
        let cell = |i: usize, j: usize| (17 * i + j) as f64;
        let cells = (0..lanes * lanes).map(|place| number(cell(place / lanes, place % lanes)));
        let square: Vec<W::Number> = cells.collect();
        let mut out = vec![number(0.0); lanes * lanes];
        // SAFETY: the caller has AVX-512, and all places are within the two squares.
        unsafe {
            W::transpose(square.as_ptr(), lanes, out.as_mut_ptr(), lanes);
            for i in 0..lanes {
                for j in 0..lanes {
                    assert_eq!(out[i * lanes + j], number(cell(j, i)), "{i} {j}");
                }
            }
            let row = |i: usize| W::load(square.as_ptr().add(i * lanes));
            let mut fours = [W::zero(); 4];
            for (four, slot) in fours.iter_mut().enumerate().take(lanes / 4) {
                let first = 4 * four;
                *slot = W::sums_of_four(row(first), row(first + 1), row(first + 2), row(first + 3));
            }
            W::sums(fours).store(out.as_mut_ptr());
            for i in 0..lanes {
                let expected: f64 = (0..lanes).map(|j| cell(i, j)).sum();
                assert_eq!(out[i], number(expected), "{i}");
                assert_eq!(row(i).sum(), expected);
            }
            for count in 0..=lanes {
                W::load_first(square.as_ptr(), count).store(out.as_mut_ptr());
                for j in 0..lanes {
                    let expected = if j < count { cell(0, j) } else { 0.0 };
                    assert_eq!(out[j], number(expected), "{j} of {count}");
                }
            }
            for lane in 0..lanes {
                let mut parts = vec![number(0.0); 3 * lanes];
                let at = parts.as_mut_ptr();
                row(2).spread(lane).store(at);
                row(2).lanes_from(lane).store(at.add(lanes));
                row(2).lanes_below(lane).store(at.add(2 * lanes));
                for j in 0..lanes {
                    let (own, none) = (number(cell(2, j)), number(0.0));
                    assert_eq!(parts[j], number(cell(2, lane)));
                    assert_eq!(parts[lanes + j], if j < lane { none } else { own });
                    assert_eq!(parts[2 * lanes + j], if j < lane { own } else { none });
                }
            }
            row(2).lanes_from(lanes).store(out.as_mut_ptr());
            assert!(out[..lanes].iter().all(|v| *v == number(0.0)));
            let (a, b, c) = (row(1), row(2), W::splat(number(3.0)));
            let check = |found: W, expected: fn(f64, f64) -> f64| {
                let mut out = vec![number(0.0); lanes];
                found.store(out.as_mut_ptr());
                for j in 0..lanes {
                    assert_eq!(out[j], number(expected(cell(1, j), cell(2, j))));
                }
            };
            check(a.plus(b), |a, b| a + b);
            check(a.minus(b), |a, b| a - b);
            check(a.times(b), |a, b| a * b);
            check(a.times_plus(b, c), |a, b| a * b + 3.0);
            check(a.times_from(b, c), |a, b| 3.0 - a * b);
        }
    }

    impl Kernel for Everything {
        type Output = bool;

        #[inline(always)]
        fn run<const FMA: bool>(self) -> bool {
            false
        }

        #[inline(always)]
        unsafe fn run_avx512(self) -> bool {
            // SAFETY: called where there is AVX-512.
            unsafe {
                everything::<__m512>(|v| v as f32);
                everything::<__m512d>(|v| v);
            }
            true
        }
    }

    #[test]
    fn registers_do_what_they_say() {
        let there = Simd::detect() == Simd::Avx512;
        assert_eq!(Simd::Avx512.run(Everything), there);
        assert!(!Simd::Avx2.run(Everything));
    }
}
