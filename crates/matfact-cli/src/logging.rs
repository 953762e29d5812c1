//! What is told on standard error while the program works, where it is asked for.

use tracing::Level;

/// Begins to tell: nothing, what is done, or each iteration too.
pub(crate) fn begin(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_max_level(level);
    // The first and only one of the program.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
}
