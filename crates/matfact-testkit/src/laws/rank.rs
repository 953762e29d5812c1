//! Laws on ranks beyond the smaller side of the matrix.

use super::{fit, fit_good, law};
use crate::execution;
use crate::hard::hard_matrices;
use crate::reference::from_f64;
use crate::strategies::any_non_negative;
use crate::subject::{LimitedRank, UnlimitedRank};
use crate::violation::refused;
use matfact_core::Error;
use matfact_core::ndarray::Array2;

law! {
    /// A rank above the smaller side is refused with that side as its limit; the limit itself is
    /// not.
    fn rank_is_limited<S: LimitedRank>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            let side = x.nrows().min(x.ncols());
            let whole = fit(subject, &x, side, case.seed).map_err(refused)?;
            execution::report_fits(&whole, x.dim(), side)?;
            for asked in [side + 1, side + 100, usize::MAX] {
                match fit(subject, &x, asked, case.seed).map(|_| ()) {
                    Err(Error::InvalidRank { rank, limit, shape })
                        if rank == asked && limit == side && shape == x.dim() => {}
                    Err(other) => return Err(format!("rank {asked} gives {other:?}")),
                    Ok(()) => return Err(format!("rank {asked} is accepted")),
                }
            }
            Ok(())
        })
    }
}

law! {
    /// A rank above the smaller side gives a finite model of that rank; one that no memory holds is
    /// refused before anything is allocated.
    fn rank_is_not_limited<S: UnlimitedRank>(law, subject) {
        law.check(&subject.name(), subject.cases(), &any_non_negative(), |case| {
            let (m, n) = case.x.dim();
            for rank in [m.min(n) + 1, m.max(n) + 2] {
                let fit = fit_good(subject, &case.x, rank, case.seed)?;
                execution::finite(&fit)?;
                execution::report_fits(&fit, (m, n), rank)?;
            }
            let x: Array2<S::Scalar> = from_f64(case.x.view());
            match fit(subject, &x, usize::MAX, case.seed).map(|_| ()) {
                Err(Error::TooLarge { .. } | Error::InvalidRank { .. }) => Ok(()),
                other => Err(format!("a rank of usize::MAX gives {other:?}")),
            }
        })?;
        law.check_named(&subject.name(), hard_matrices::<S::Scalar>(), |x| {
            let rank = x.nrows().max(x.ncols()) + 1;
            execution::finite(&fit(subject, x, rank, 1).map_err(refused)?)
        })
    }
}
