//! Threads for one reading.

use matfact_core::{Error, Result};
use std::num::NonZeroUsize;

/// Calls `work` in a pool of so many threads, at most four times the machine's cores (at least 8), or in
/// the caller's pool.
pub(crate) fn in_pool<R: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<R> + Send,
) -> Result<R> {
    let Some(threads) = threads else {
        return work();
    };
    if threads == 0 {
        return Err(Error::invalid_parameter("threads", 0, "at least 1"));
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.min((4 * cores).max(8)))
        .build()
        .map_err(|error| {
            Error::invalid_parameter("threads", threads, format!("available ({error})"))
        })?;
    pool.install(work)
}
