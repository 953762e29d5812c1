//! Memory that half-steps use again.

use matfact_core::Scalar;
use matfact_linalg::Regressors;

/// Memory for factors in another basis, which one half-step after the other uses.
#[derive(Debug)]
pub(super) struct Rooms<T: Scalar>(Vec<Regressors<T>>);

impl<T: Scalar> Default for Rooms<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Scalar> Rooms<T> {
    /// Room for as many factors as these.
    pub(super) fn take(&mut self, factors: &Regressors<T>) -> Regressors<T> {
        let fits =
            |room: &Regressors<T>| (room.rows(), room.rank()) == (factors.rows(), factors.rank());
        match self.0.iter().position(fits) {
            Some(place) => self.0.swap_remove(place),
            None => Regressors::zeros(factors.rows(), factors.rank()),
        }
    }

    /// Takes room back.
    pub(super) fn give(&mut self, room: Regressors<T>) {
        if room.rows() > 0 {
            self.0.push(room);
        }
    }
}
