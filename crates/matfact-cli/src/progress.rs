//! Progress on a terminal, and interrupts.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use matfact::{Cancellation, Progress};
use std::io::IsTerminal;
use std::sync::OnceLock;

/// All bars of the program, one below the other.
fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// A bar below those that are there, if standard error is a terminal.
fn bar(template: &str) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let bar = bars().add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    })
}

/// Does what writes to standard error with the bars out of its way.
pub(crate) fn beside_bars(write: impl FnOnce()) {
    bars().suspend(write);
}

/// A bar on standard error if that is a terminal, else nothing.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = bar("{bar:32} {pos}/{len} {msg} {eta} left");
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

/// How far a search is: a bar of its own above that of the fit that runs.
pub(crate) struct Tries {
    bar: Option<ProgressBar>,
    done: usize,
    all: usize,
}

impl Tries {
    /// So many tries, with so much work in all.
    pub(crate) fn new(all: usize, work: usize) -> Self {
        let bar = bar("{bar:32} {msg} {eta} left");
        if let Some(bar) = &bar {
            bar.set_length(work as u64);
            bar.set_message(format!("try 1 of {all},"));
            bar.tick();
        }
        Self { bar, done: 0, all }
    }

    /// One more is done, with its part of the work.
    pub(crate) fn done(&mut self, work: usize, best: Option<String>) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            let best = best.map_or(String::new(), |best| format!(" best {best},"));
            let next = (self.done + 1).min(self.all);
            bar.set_message(format!("try {next} of {},{best}", self.all));
            bar.inc(work as u64);
        }
    }

    /// Which one was done last, and of how many.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.done, self.all)
    }
}

impl Drop for Tries {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The exit code of a program that an interrupt has ended, as shells have it.
pub(crate) const INTERRUPTED: i32 = 130;

/// The flag that an interrupt (Ctrl-C) raises; a second interrupt ends the program at once.
pub(crate) fn interruption() -> &'static Cancellation {
    static FLAG: OnceLock<Cancellation> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Cancellation::new();
        let raised = flag.clone();
        // Without a handler an interrupt just ends the program: worse, but not wrong.
        let _ = ctrlc::set_handler(move || {
            if raised.is_cancelled() {
                std::process::exit(INTERRUPTED);
            }
            raised.cancel();
        });
        flag
    })
}
