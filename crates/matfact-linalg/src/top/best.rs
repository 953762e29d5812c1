//! The best of many scores, without sorting them all.

use matfact_core::{Recommendation, Scalar};
use std::cmp::Ordering;

/// Which targets a query does not want.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unwanted<'a> {
    /// Names of targets, increasing.
    pub(crate) listed: &'a [u32],
    /// By name; those beyond its end are wanted.
    pub(crate) denied: Option<&'a [bool]>,
}

impl Unwanted<'_> {
    /// To be asked by increasing name, since what lies below is forgotten.
    #[inline(always)]
    fn has(&mut self, name: u32) -> bool {
        while let [first, rest @ ..] = self.listed
            && *first < name
        {
            self.listed = rest;
        }
        self.listed.first() == Some(&name) || self.denies(name)
    }

    /// As [`Unwanted::has`] in any order.
    fn has_in_any_order(&self, name: u32) -> bool {
        self.listed.binary_search(&name).is_ok() || self.denies(name)
    }

    #[inline(always)]
    fn denies(&self, name: u32) -> bool {
        let denied = |denied: &[bool]| denied.get(name as usize).copied().unwrap_or(false);
        self.denied.is_some_and(denied)
    }
}

/// The `count` best of the scores offered so far. A short list is kept in order; a long one has room for as
/// many again, and is cut back when that is full.
///
/// Where targets are offered by increasing name, a later one of the same score never displaces an
/// earlier one, and one comparison with the least score that is still good enough refuses most. In any other
/// order that comparison is a hair more lenient, and names decide among equal scores.
#[derive(Debug, Clone)]
pub(crate) struct Best<'a, T> {
    kept: Vec<Recommendation<T>>,
    count: usize,
    least: T,
    unwanted: Unwanted<'a>,
    names: Names<'a>,
}

/// What targets are called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names<'a> {
    /// By their position.
    Positions,
    /// By these, which increase.
    Increasing(&'a [u32]),
    /// By these, in any order.
    Permuted(&'a [u32]),
}

impl Names<'_> {
    #[inline(always)]
    pub(crate) fn of(self, position: usize) -> u32 {
        match self {
            Names::Positions => position as u32,
            Names::Increasing(names) | Names::Permuted(names) => names[position],
        }
    }
}

/// The longest list that is kept in order: where moving entries costs less than admitting more of them.
const SHORT: usize = 48;

impl<'a, T: Scalar> Best<'a, T> {
    pub(crate) fn new(count: usize, unwanted: Unwanted<'a>, names: Names<'a>) -> Self {
        Self {
            kept: Vec::new(),
            count,
            least: if count == 0 {
                T::infinity()
            } else {
                T::neg_infinity()
            },
            unwanted,
            names,
        }
    }

    /// Takes nothing: for queries that only fill a group.
    pub(crate) fn closed() -> Self {
        Self::new(0, Unwanted::default(), Names::Positions)
    }

    /// What a score has to exceed.
    #[inline(always)]
    pub(crate) fn least(&self) -> T {
        self.least
    }

    /// Offers the scores of the targets at positions from `first` on. Those that are not numbers, or −∞,
    /// are not taken.
    #[inline(never)]
    pub(crate) fn offer_line(&mut self, scores: &[T], first: usize) {
        for (lane, score) in scores.iter().enumerate() {
            if *score > self.least {
                let name = self.names.of(first + lane);
                let unwanted = match self.names {
                    Names::Permuted(_) => self.unwanted.has_in_any_order(name),
                    Names::Positions | Names::Increasing(_) => self.unwanted.has(name),
                };
                if !unwanted {
                    self.take(name, *score);
                }
            }
        }
    }

    fn take(&mut self, name: u32, score: T) {
        let entry = Recommendation {
            column: name as usize,
            score,
        };
        if self.count > SHORT {
            self.kept.push(entry);
            if self.kept.len() == self.count.saturating_mul(2) {
                let last = self.count - 1;
                self.kept
                    .select_nth_unstable_by(last, Recommendation::best_first);
                self.kept.truncate(self.count);
                self.least = self.below(self.kept[last].score);
            }
            return;
        }
        let mut place = self.kept.len();
        while place > 0 && entry.best_first(&self.kept[place - 1]) == Ordering::Less {
            place -= 1;
        }
        if place == self.count {
            return;
        }
        self.kept.truncate(self.count - 1);
        self.kept.insert(place, entry);
        if self.kept.len() == self.count {
            self.least = self.below(self.kept[self.count - 1].score);
        }
    }

    /// What a score has to exceed to displace one of this score.
    fn below(&self, score: T) -> T {
        match self.names {
            Names::Permuted(_) => score - (score.abs() * T::epsilon() + T::min_positive_value()),
            Names::Positions | Names::Increasing(_) => score,
        }
    }

    /// The best, in order.
    pub(crate) fn finish(&mut self) -> &[Recommendation<T>] {
        if self.count > SHORT {
            self.kept.sort_unstable_by(Recommendation::best_first);
            self.kept.truncate(self.count);
        }
        &self.kept
    }
}
