//! Progress on a terminal, and interrupts.

use indicatif::{ProgressBar, ProgressStyle};
use matfact::{Cancellation, Progress};
use std::io::IsTerminal;
use std::sync::OnceLock;

/// A bar on standard error if that is a terminal, else nothing.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {eta} left");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Self { bar }
    }

    /// An observer that moves the bar.
    pub(crate) fn observer(&self) -> impl FnMut(&Progress) + Send + use<> {
        let bar = self.bar.clone();
        move |progress: &Progress| {
            tracing::debug!(
                iteration = progress.iteration,
                objective = progress.objective,
                seconds = progress.elapsed.as_secs_f64(),
            );
            if let Some(bar) = &bar {
                bar.set_length(progress.limit as u64);
                bar.set_position(progress.iteration as u64);
                if progress.objective.is_finite() {
                    bar.set_message(format!("objective {:.6e}", progress.objective));
                }
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The flag that an interrupt (Ctrl-C) raises; a second interrupt ends the program at once.
pub(crate) fn interruption() -> &'static Cancellation {
    static FLAG: OnceLock<Cancellation> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Cancellation::new();
        let raised = flag.clone();
        // Without a handler an interrupt just ends the program: worse, but not wrong.
        let _ = ctrlc::set_handler(move || {
            if raised.is_cancelled() {
                std::process::exit(130);
            }
            raised.cancel();
        });
        flag
    })
}
