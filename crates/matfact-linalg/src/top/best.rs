//! The best of many scores, without sorting them all.

use matfact_core::{Recommendation, Scalar};

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
        let denied = |denied: &[bool]| denied.get(name as usize).copied().unwrap_or(false);
        self.listed.first() == Some(&name) || self.denied.is_some_and(denied)
    }
}

/// The `count` best of the scores offered so far. A short list is kept in order; a long one has room for as
/// many again, and is cut back when that is full.
///
/// Targets are offered by increasing name, so a later one of the same score never displaces an
/// earlier one, and one comparison with the least score that is still good enough refuses most.
#[derive(Debug, Clone)]
pub(crate) struct Best<'a, T> {
    kept: Vec<Recommendation<T>>,
    count: usize,
    least: T,
    unwanted: Unwanted<'a>,
    /// The names of the targets; `None` if they are called by their position.
    names: Option<&'a [u32]>,
}

/// The longest list that is kept in order: where moving entries costs less than admitting more of them.
const SHORT: usize = 48;

impl<'a, T: Scalar> Best<'a, T> {
    pub(crate) fn new(count: usize, unwanted: Unwanted<'a>, names: Option<&'a [u32]>) -> Self {
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
        Self::new(0, Unwanted::default(), None)
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
                let position = first + lane;
                let name = self.names.map_or(position as u32, |names| names[position]);
                if !self.unwanted.has(name) {
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
                self.least = self.kept[last].score;
            }
            return;
        }
        // Equal scores stand before it: their names are lower.
        let mut place = self.kept.len();
        while place > 0 && self.kept[place - 1].score < score {
            place -= 1;
        }
        self.kept.truncate(self.count - 1);
        self.kept.insert(place, entry);
        if self.kept.len() == self.count {
            self.least = self.kept[self.count - 1].score;
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
