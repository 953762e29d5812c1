//! Run-time choice of the instruction set: one place, for every kernel.
//!
//! A kernel is written once, as plain loops over slices in a type that implements [`Kernel`]. The
//! same loops are compiled for each instruction set, and [`Simd::run`] calls the version that the
//! processor can execute. The bits are the same for every run on one machine; machines with and
//! without fused multiply-add may differ in the last bits.

use matfact_core::Scalar;
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Simd {
    /// What every processor of this architecture has.
    Portable,
    /// x86-64 with AVX2 and fused multiply-add.
    Avx2,
    /// x86-64 with AVX-512 (F, VL, BW, DQ).
    Avx512,
}

/// A computation that is compiled once for each instruction set.
///
/// Implementations mark `run` as `#[inline(always)]`, and everything it calls too: only what is
/// inlined into the dispatching function is compiled for its instruction set.
pub(crate) trait Kernel {
    type Output;

    /// The computation; multiplies and adds in one rounding where `FMA` is set.
    fn run<const FMA: bool>(self) -> Self::Output;

    /// The computation with AVX-512, where loops over slices do not come near what it can do.
    ///
    /// # Safety
    /// Only [`Simd::run`] calls it, where the processor has AVX-512 F, VL, BW and DQ.
    #[inline(always)]
    unsafe fn run_avx512(self) -> Self::Output
    where
        Self: Sized,
    {
        self.run::<true>()
    }
}

/// `a * b + c`, fused where the instruction set has it.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool, T: Scalar>(a: T, b: T, c: T) -> T {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

impl Simd {
    /// The best instruction set of this processor, detected once.
    #[must_use]
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Simd> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            Self::available()
                .into_iter()
                .max()
                .unwrap_or(Simd::Portable)
        })
    }

    /// Every instruction set that this processor can execute, for tests and benchmarks.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "only x86-64 has more than the portable path")]
        let mut available = vec![Simd::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 {
                available.push(Simd::Avx2);
            }
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
            {
                available.push(Simd::Avx512);
            }
        }
        available
    }

    /// Runs a kernel compiled for this instruction set, or for the best one below it that this
    /// processor has.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.min(Self::detect()) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` found AVX-512 F, VL, BW, DQ, AVX2 and FMA on this processor.
            Simd::Avx512 => unsafe { run_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `detect` found AVX2 and FMA on this processor.
            Simd::Avx2 => unsafe { run_avx2(kernel) },
            // Every AArch64 processor has fused multiply-add.
            _ => kernel.run::<{ cfg!(target_arch = "aarch64") }>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: this function is called only where there is AVX-512.
    unsafe { kernel.run_avx512() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true>()
}

/// Asks the processor to bring the cache line of `values[index]` near; a no-op out of range and on
/// other architectures. It has no effect on results.
#[inline(always)]
pub(crate) fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if index < values.len() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address lies inside `values`, and a prefetch never faults nor writes.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

/// As [`prefetch`], of several cache lines that begin at `index`, to the second cache: for what is needed so much later that
/// the first would not hold it.
#[inline(always)]
pub(crate) fn prefetch_early<T>(values: &[T], index: usize, length: usize) {
    #[cfg(target_arch = "x86_64")]
    if index + length <= values.len() {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        let start = values[index..].as_ptr();
        for line in (0..length).step_by(64 / size_of::<T>()) {
            // SAFETY: the address lies inside `values`, and a prefetch never faults nor writes.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(line).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index, length);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f32]);

    impl Kernel for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn run<const FMA: bool>(self) -> f32 {
            self.0
                .iter()
                .fold(0.0, |sum, value| multiply_add::<FMA, _>(*value, 2.0, sum))
        }
    }

    #[test]
    fn every_instruction_set_of_this_machine_runs_a_kernel() {
        let values: Vec<f32> = (0..100).map(|i| i as f32).collect();
        for simd in Simd::available() {
            assert_eq!(simd.run(Sum(&values)), 9900.0, "{simd:?}");
        }
        // A set that is not there falls back on one that is.
        assert_eq!(Simd::Avx512.run(Sum(&values)), 9900.0);
        prefetch(&values, 99);
        prefetch(&values, 100);
        prefetch_early(&values, 84, 16);
        prefetch_early(&values, 85, 16);
    }
}
