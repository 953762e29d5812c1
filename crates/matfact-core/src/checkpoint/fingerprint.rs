//! Which data a fit is of, in a few numbers.

use crate::{Matrix, ObservedEntries, Scalar, Validation};

/// Shape, count and checksums of what a fit is of: enough to refuse other data, nothing to restore them from.
///
/// The checksum is a sum over the entries, each with its place, so that the order in which a matrix lists them does
/// not matter. It is for mistakes, not against intent.
///
/// ```
/// use matfact_core::{DataFingerprint, ndarray::array};
/// let x = array![[1.0, 2.0], [3.0, 4.0]];
/// let other = array![[1.0, 3.0], [2.0, 4.0]];
/// assert_eq!(DataFingerprint::of_matrix(&x), DataFingerprint::of_matrix(&x));
/// assert_ne!(DataFingerprint::of_matrix(&x), DataFingerprint::of_matrix(&other));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataFingerprint {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Listed entries.
    pub stored: usize,
    /// Of their places and values.
    pub checksum: u64,
    /// Of what else the fit began with: a validation set, a model or factors to start from.
    pub beside: u64,
}

impl DataFingerprint {
    /// Of a matrix: one pass over its entries.
    pub fn of_matrix<X: Matrix + ?Sized>(x: &X) -> Self {
        let mut fingerprint = Self {
            shape: x.shape(),
            ..Self::default()
        };
        x.visit(&mut |row, column, value| {
            fingerprint.add(row, column, value.as_f64().to_bits(), 0)
        });
        fingerprint
    }

    /// Of observed entries and their weights: one pass.
    pub fn of_observed<X: ObservedEntries + ?Sized>(x: &X) -> Self {
        let mut fingerprint = Self {
            shape: x.shape(),
            ..Self::default()
        };
        for row in 0..x.shape().0 {
            let (entries, weights) = (x.row(row), x.weights(row));
            for (e, (column, value)) in entries.columns.iter().zip(entries.values).enumerate() {
                let weight = weights.and_then(|weights| weights.get(e));
                let weight = weight.map_or(0, |weight| weight.as_f64().to_bits());
                fingerprint.add(row, *column as usize, value.as_f64().to_bits(), weight);
            }
        }
        fingerprint
    }

    /// Of no entries yet, of a matrix of this shape: for [`DataFingerprint::observe`].
    #[must_use]
    pub fn empty(shape: (usize, usize)) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }

    /// Takes in an observed entry without a weight; in any order, those of a matrix give what
    /// [`DataFingerprint::of_observed`] gives.
    pub fn observe<T: Scalar>(&mut self, row: usize, column: usize, value: T) {
        self.add(row, column, value.as_f64().to_bits(), 0);
    }

    /// With a validation set.
    #[must_use]
    pub fn with_validation(mut self, validation: Option<&Validation>) -> Self {
        if let Some(validation) = validation {
            let (rows, columns, values) = validation.entries();
            self.beside = mixed(self.beside ^ validation.get_patience() as u64);
            let judged = format!("{:?} {:?}", validation.get_metric(), validation.get_every());
            for byte in judged.bytes() {
                self.beside = mixed(self.beside ^ u64::from(byte));
            }
            for ((row, column), value) in rows.iter().zip(columns).zip(values) {
                let place = u64::from(*row) << 32 | u64::from(*column);
                self.beside = mixed(mixed(self.beside ^ place) ^ value.to_bits());
            }
        }
        self
    }

    /// With numbers that the fit starts from, in their order.
    #[must_use]
    pub fn with_start<'a, T: Scalar>(mut self, values: impl IntoIterator<Item = &'a T>) -> Self {
        self.beside = mixed(self.beside ^ 1);
        for value in values {
            self.beside = mixed(self.beside ^ value.as_f64().to_bits());
        }
        self
    }

    /// What differs from `present`, and both sides of it.
    pub(super) fn difference(&self, present: &Self) -> Option<(&'static str, String, String)> {
        let pair = |of: &dyn Fn(&Self) -> String| (of(self), of(present));
        let (what, (was, is)) = if self.shape != present.shape {
            let shape = |of: &Self| format!("{} x {}", of.shape.0, of.shape.1);
            ("shape of the data", pair(&shape))
        } else if self.stored != present.stored {
            let stored = |of: &Self| format!("{} entries", of.stored);
            ("size of the data", pair(&stored))
        } else if self.checksum != present.checksum {
            let checksum = |of: &Self| format!("checksum {:016x}", of.checksum);
            ("content of the data", pair(&checksum))
        } else if self.beside != present.beside {
            let beside = |of: &Self| format!("checksum {:016x}", of.beside);
            ("validation set or start", pair(&beside))
        } else {
            return None;
        };
        Some((what, was, is))
    }

    fn add(&mut self, row: usize, column: usize, value: u64, weight: u64) {
        self.stored += 1;
        let place = mixed(mixed(row as u64) ^ column as u64);
        self.checksum = self
            .checksum
            .wrapping_add(mixed(place ^ value ^ weight.rotate_left(32)));
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input changes about half of the
/// output's.
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duplicates, Ratings};
    use ndarray::{Array2, array};

    #[test]
    fn layouts_agree_and_any_change_shows() {
        let x = array![[1.0_f32, 0.0, 2.0], [0.5, -1.0, 3.0]];
        let transposed: Array2<f32> = x.t().as_standard_layout().into_owned();
        let of = |x: &Array2<f32>| DataFingerprint::of_matrix(x);
        assert_eq!(of(&x), DataFingerprint::of_matrix(&transposed.t()));
        for at in [(0, 0), (1, 2)] {
            let mut other = x.clone();
            other[at] = f32::from_bits(other[at].to_bits() ^ 1);
            assert_eq!(
                of(&x).difference(&of(&other)).unwrap().0,
                "content of the data"
            );
        }
        assert_eq!(
            of(&x).difference(&of(&transposed)).unwrap().0,
            "shape of the data"
        );
    }

    #[test]
    fn weights_validation_and_starts_count() {
        let ratings = |value: f64| {
            Ratings::from_triplets((2, 2), [(0, 1, value), (1, 0, 2.0)], Duplicates::Error).unwrap()
        };
        let plain = DataFingerprint::of_observed(&ratings(1.0));
        let mut one_by_one = DataFingerprint::empty((2, 2));
        one_by_one.observe(1, 0, 2.0);
        one_by_one.observe(0, 1, 1.0);
        assert_eq!(one_by_one, plain);
        let weighted = ratings(1.0).with_weights(vec![1.0, 0.5]).unwrap();
        assert_ne!(plain, DataFingerprint::of_observed(&weighted));
        assert_ne!(plain, DataFingerprint::of_observed(&ratings(1.5)));
        let set = Validation::of(&ratings(3.0));
        let with = plain.clone().with_validation(Some(&set));
        assert_eq!(with, plain.clone().with_validation(Some(&set)));
        assert_eq!(
            plain.difference(&with).unwrap().0,
            "validation set or start"
        );
        let patient = plain.clone().with_validation(Some(&set.patience(9)));
        assert_ne!(with, patient);
        assert_ne!(plain, plain.clone().with_start(&[1.0]));
    }
}
