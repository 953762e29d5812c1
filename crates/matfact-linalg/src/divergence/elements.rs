//! What one entry adds to the value of a β-divergence and to its gradient.

use super::elementary::{ln, power};
use crate::Simd;
use crate::simd::Kernel;
use matfact_core::Scalar;

/// Entries that are worked on side by side.
const LANES: usize = 8;

/// The β whose entries are summed, and the floor of y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Elements {
    pub(super) beta: f64,
    pub(super) floor: f64,
    /// Whether the sums of the value are asked for.
    pub(super) value: bool,
}

impl Elements {
    /// Replaces each y by its weight x·y^(β−2), and writes its power y^(β−1) into `powers` where that is
    /// not empty. Without `x` no entry is stored, and each y is replaced by its power.
    pub(super) fn replace<T: Scalar>(
        self,
        x: Option<&[T]>,
        y: &mut [T],
        powers: &mut [T],
        simd: Simd,
    ) -> Sums {
        let Self { beta, floor, .. } = self;
        if beta == 1.0 {
            self.run(&KullbackLeibler { floor }, x, y, powers, simd)
        } else if beta == 0.0 {
            self.run(&ItakuraSaito { floor }, x, y, powers, simd)
        } else if beta < 1.0 {
            self.run(&Power::<BELOW_ONE> { beta, floor }, x, y, powers, simd)
        } else if beta < 2.0 {
            self.run(&Power::<BELOW_TWO> { beta, floor }, x, y, powers, simd)
        } else {
            self.run(&Power::<FROM_TWO> { beta, floor }, x, y, powers, simd)
        }
    }

    fn run<T: Scalar, E: Element>(
        self,
        element: &E,
        x: Option<&[T]>,
        y: &mut [T],
        powers: &mut [T],
        simd: Simd,
    ) -> Sums {
        if self.value {
            simd.run(Replace::<T, E, true> {
                element,
                x,
                y,
                powers,
            })
        } else {
            simd.run(Replace::<T, E, false> {
                element,
                x,
                y,
                powers,
            })
        }
    }
}

struct Replace<'a, T, E, const VALUE: bool> {
    element: &'a E,
    x: Option<&'a [T]>,
    y: &'a mut [T],
    powers: &'a mut [T],
}

impl<T: Scalar, E: Element, const VALUE: bool> Kernel for Replace<'_, T, E, VALUE> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> Sums {
        match self.x {
            Some(x) => weights::<FMA, VALUE, T, E>(self.element, x, self.y, self.powers),
            None => powers::<FMA, VALUE, T, E>(self.element, self.y),
        }
    }
}

/// The parts of one entry.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// x·y^(β−2), the entry's factor in the numerator of the update.
    weight: f64,
    /// y^(β−1), its factor in the denominator.
    power: f64,
    /// What it adds to the sum over the entries with x > floor.
    stored: f64,
    /// What it adds to the sum over all entries.
    every: f64,
}

/// The entries of one β.
trait Element: Sync {
    /// The parts of an entry x of the data and y >= 0 of the model; `stored` and `every` only if
    /// `VALUE`.
    fn parts<const FMA: bool, const VALUE: bool>(&self, x: f64, y: f64) -> Parts;
}

/// β = 1, where the power is 1. `every` is y.
struct KullbackLeibler {
    floor: f64,
}

impl Element for KullbackLeibler {
    #[inline(always)]
    fn parts<const FMA: bool, const VALUE: bool>(&self, x: f64, y: f64) -> Parts {
        let ratio = x / if y < self.floor { self.floor } else { y };
        let stored = if VALUE {
            let term = x * ln::<FMA>(ratio) - x;
            if x > self.floor { term } else { 0.0 }
        } else {
            0.0
        };
        Parts {
            weight: ratio,
            power: 1.0,
            stored,
            every: if VALUE { y } else { 0.0 },
        }
    }
}

/// β = 0.
struct ItakuraSaito {
    floor: f64,
}

impl Element for ItakuraSaito {
    #[inline(always)]
    fn parts<const FMA: bool, const VALUE: bool>(&self, x: f64, y: f64) -> Parts {
        let y = if y < self.floor { self.floor } else { y };
        let inverse = 1.0 / y;
        let ratio = x * inverse;
        let stored = if VALUE {
            let term = ratio - ln::<FMA>(ratio);
            if x > self.floor { term } else { 0.0 }
        } else {
            0.0
        };
        Parts {
            weight: ratio * inverse,
            power: inverse,
            stored,
            every: 0.0,
        }
    }
}

/// Any other β: `stored` is x·y^(β−1) and `every` is y^β.
struct Power<const RANGE: u8> {
    beta: f64,
    floor: f64,
}

/// β < 1.
const BELOW_ONE: u8 = 0;
/// 1 < β < 2.
const BELOW_TWO: u8 = 1;
/// β >= 2.
const FROM_TWO: u8 = 2;

impl<const RANGE: u8> Element for Power<RANGE> {
    #[inline(always)]
    fn parts<const FMA: bool, const VALUE: bool>(&self, x: f64, y: f64) -> Parts {
        let beta = self.beta;
        let low = y < self.floor;
        let floored = if low { self.floor } else { y };
        // Powers below zero are taken of y raised to the floor, others of y itself.
        let slope = match RANGE {
            FROM_TWO if beta == 2.0 => 1.0,
            FROM_TWO => power::<FMA>(y, beta - 2.0),
            _ => power::<FMA>(floored, beta - 2.0),
        };
        let below = match RANGE {
            BELOW_ONE => slope * floored,
            BELOW_TWO => power::<FMA>(y, beta - 1.0),
            _ => slope * y,
        };
        let (mut stored, mut every) = (0.0, 0.0);
        if VALUE {
            let term = match RANGE {
                FROM_TWO if low => power::<FMA>(floored, beta - 1.0),
                _ => slope * floored,
            };
            stored = if x > self.floor { x * term } else { 0.0 };
            every = match RANGE {
                BELOW_ONE if beta > 0.0 => power::<FMA>(y, beta),
                BELOW_ONE => below * floored,
                _ => below * y,
            };
        }
        Parts {
            weight: x * slope,
            power: below,
            stored,
            every,
        }
    }
}

/// Sums over entries, in `f64`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) stored: f64,
    pub(super) every: f64,
}

impl Sums {
    pub(super) fn add(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            every: self.every + other.every,
        }
    }
}

/// Replaces each y by its weight, and writes its power into `powers` where that is not empty.
#[inline(always)]
fn weights<const FMA: bool, const VALUE: bool, T: Scalar, E: Element>(
    element: &E,
    x: &[T],
    y: &mut [T],
    powers: &mut [T],
) -> Sums {
    let mut sums = LaneSums::default();
    let mut discarded = [T::zero(); LANES];
    let (whole_x, rest_x) = x.as_chunks::<LANES>();
    let (whole_y, rest_y) = y.as_chunks_mut::<LANES>();
    let (whole_p, rest_p) = powers.as_chunks_mut::<LANES>();
    if whole_p.is_empty() {
        for (x, y) in whole_x.iter().zip(whole_y) {
            lanes::<FMA, VALUE, T, E>(element, x, y, &mut discarded, LANES, &mut sums);
        }
    } else {
        for ((x, y), p) in whole_x.iter().zip(whole_y).zip(whole_p) {
            lanes::<FMA, VALUE, T, E>(element, x, y, p, LANES, &mut sums);
        }
    }
    let count = rest_y.len();
    if count > 0 {
        let (mut x, mut y, mut p) = ([T::zero(); LANES], [T::one(); LANES], [T::zero(); LANES]);
        x[..count].copy_from_slice(rest_x);
        y[..count].copy_from_slice(rest_y);
        lanes::<FMA, VALUE, T, E>(element, &x, &mut y, &mut p, count, &mut sums);
        rest_y.copy_from_slice(&y[..count]);
        if !rest_p.is_empty() {
            rest_p.copy_from_slice(&p[..count]);
        }
    }
    sums.total()
}

/// Replaces each y by its power, for entries that are not stored.
#[inline(always)]
fn powers<const FMA: bool, const VALUE: bool, T: Scalar, E: Element>(
    element: &E,
    y: &mut [T],
) -> Sums {
    let mut sums = LaneSums::default();
    let zeros = [T::zero(); LANES];
    let (whole, rest) = y.as_chunks_mut::<LANES>();
    for y in whole {
        let mut given = *y;
        lanes::<FMA, VALUE, T, E>(element, &zeros, &mut given, y, LANES, &mut sums);
    }
    let count = rest.len();
    if count > 0 {
        let (mut given, mut p) = ([T::one(); LANES], [T::zero(); LANES]);
        given[..count].copy_from_slice(rest);
        lanes::<FMA, VALUE, T, E>(element, &zeros, &mut given, &mut p, count, &mut sums);
        rest.copy_from_slice(&p[..count]);
    }
    sums.total()
}

#[derive(Default)]
struct LaneSums {
    stored: [f64; LANES],
    every: [f64; LANES],
}

impl LaneSums {
    #[inline(always)]
    fn total(&self) -> Sums {
        Sums {
            stored: self.stored.iter().sum(),
            every: self.every.iter().sum(),
        }
    }
}

/// One vector of entries, of which the first `count` are summed.
#[inline(always)]
fn lanes<const FMA: bool, const VALUE: bool, T: Scalar, E: Element>(
    element: &E,
    x: &[T; LANES],
    y: &mut [T; LANES],
    powers: &mut [T; LANES],
    count: usize,
    sums: &mut LaneSums,
) {
    for lane in 0..LANES {
        // The powers below know no infinity; an infinite y must not pass for a number.
        let infinite = y[lane] == T::infinity();
        let parts = element.parts::<FMA, VALUE>(x[lane].as_f64(), y[lane].as_f64());
        y[lane] = T::from_f64(parts.weight);
        powers[lane] = T::from_f64(parts.power);
        if VALUE {
            let counts = lane < count;
            let stored = if infinite {
                f64::INFINITY
            } else {
                parts.stored
            };
            sums.stored[lane] += if counts { stored } else { 0.0 };
            sums.every[lane] += if counts { parts.every } else { 0.0 };
        }
    }
}
