//! What a fit refuses before anything is allocated.

use matfact_core::{Error, Result, Scalar};

/// The largest rank: the normal equations of a row have its square of numbers.
const MOST_RANK: usize = 1 << 15;

/// Refuses what cannot be held in memory.
pub(crate) fn check_size<T: Scalar>(rank: usize, shape: (usize, usize)) -> Result<()> {
    let (rows, columns) = shape;
    if rank == 0 || rank > MOST_RANK {
        return Err(Error::InvalidRank {
            rank,
            limit: MOST_RANK,
            shape,
        });
    }
    let too_large = || Error::TooLarge {
        what: format!("rank {rank} for a {rows} x {columns} matrix"),
    };
    if rows > u32::MAX as usize || columns > u32::MAX as usize {
        return Err(too_large());
    }
    // The factors stand twice in memory at the end: padded, and in the model.
    let values = (rows + columns)
        .checked_mul(2 * rank + 32)
        .ok_or_else(too_large)?;
    Vec::<T>::new()
        .try_reserve_exact(values)
        .map_err(|_| too_large())
}
