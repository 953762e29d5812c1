//! Threads for one fit.

use matfact_core::{Error, Result, Run};
use rayon::ThreadPoolBuilder;
use std::num::NonZeroUsize;

/// The pool that a fit ran in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolInfo {
    /// Threads in the pool.
    pub threads: usize,
    /// Said in the report when fewer threads were used than asked for.
    pub notice: Option<String>,
}

/// Starts the clock of `run`, then calls `work` inside the pool that `run` asks for: a pool of its
/// own for a given number of threads, else the caller's. Every parallel kernel below uses that pool.
///
/// # Errors
/// [`Error::InvalidParameter`] for zero threads or when the system gives none, and what `work`
/// returns.
pub fn in_pool<R: Send>(
    run: &mut Run<'_>,
    work: impl FnOnce(&mut Run<'_>, PoolInfo) -> Result<R> + Send,
) -> Result<R> {
    run.begin()?;
    let Some(asked) = run.thread_count() else {
        let info = PoolInfo {
            threads: rayon::current_num_threads(),
            notice: None,
        };
        // In one of the pool's own threads: each parallel kernel called from outside would have to wake
        // it, and wait to be woken.
        return rayon::scope(|_| work(run, info));
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = asked.min((4 * cores).max(8));
    let notice = (threads < asked)
        .then(|| format!("{asked} threads asked for, {threads} used on {cores} cores"));
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("matfact-{index}"))
        .build()
        .map_err(|error| {
            Error::invalid_parameter("threads", asked, format!("available ({error})"))
        })?;
    pool.install(|| work(run, PoolInfo { threads, notice }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_the_threads_asked_for_up_to_the_cap() {
        let count = |run: &mut Run<'_>| {
            in_pool(run, |_, info| Ok((rayon::current_num_threads(), info))).unwrap()
        };
        assert_eq!(count(&mut Run::new().threads(3)).0, 3);
        let (threads, info) = count(&mut Run::new().threads(100_000));
        assert_eq!(threads, info.threads);
        assert!(threads < 100_000 && info.notice.is_some());
        // From inside another pool, too.
        let outer = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert_eq!(outer.install(|| count(&mut Run::new()).0), 2);
        assert_eq!(outer.install(|| count(&mut Run::new().threads(5)).0), 5);
    }
}
