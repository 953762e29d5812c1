//! What a fit refuses before anything is allocated.

use matfact_core::{Error, Result, Scalar};

/// Refuses a rank that cannot be, and factors of `sides` rows that do not fit into memory.
pub(crate) fn check_size<T: Scalar>(
    rank: usize,
    shape: (usize, usize),
    sides: (usize, usize),
) -> Result<()> {
    if rank == 0 || rank > u32::MAX as usize {
        return Err(Error::InvalidRank {
            rank,
            limit: u32::MAX as usize,
            shape,
        });
    }
    let (rows, columns) = shape;
    let too_large = || Error::TooLarge {
        what: format!("rank {rank} for a {rows} x {columns} matrix"),
    };
    if rows > u32::MAX as usize || columns > u32::MAX as usize {
        return Err(too_large());
    }
    // The factors stand twice in memory at the end: padded, and in the model. Some more goes to counts and
    // biases.
    let values = sides
        .0
        .checked_add(sides.1)
        .and_then(|rows| rows.checked_mul(2 * rank + 32))
        .ok_or_else(too_large)?;
    Vec::<T>::new()
        .try_reserve_exact(values)
        .map_err(|_| too_large())
}
