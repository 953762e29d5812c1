//! A folder that always holds a whole checkpoint.

use super::{load_checkpoint, save_checkpoint};
use crate::fault;
use matfact_core::{Checkpoint, CheckpointSink, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many checkpoints are kept: the newest, and the one before in case that is damaged.
const KEPT: usize = 2;
const PREFIX: &str = "checkpoint-";
const SUFFIX: &str = ".safetensors";

/// When a checkpoint is due; one is always written where a run is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointInterval {
    /// After every so many iterations; 0 counts as 1.
    Iterations(usize),
    /// At the first iteration that ends so long after the last checkpoint, or after the beginning.
    Time(Duration),
}

/// The checkpoints of one fit in a folder: `checkpoint-00000001.safetensors` and so on, of which the newest two are
/// kept. Each appears when it is complete, and only then the oldest is removed, so that a whole one is there whenever
/// the program is killed.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `interval` | 60 seconds | when a checkpoint is due |
///
/// ```
/// use matfact_core::Run;
/// use matfact_io::{CheckpointFolder, CheckpointInterval};
/// let place = tempfile::tempdir()?;
/// let mut folder = CheckpointFolder::open(place.path().join("fit"))?.every(CheckpointInterval::Iterations(5));
/// // What an earlier run has left, if there was one.
/// let before = folder.newest()?;
/// assert_eq!(before, None);
/// let mut run = Run::new().checkpoints(&mut folder);
/// if let Some(checkpoint) = before {
///     run = run.resume(checkpoint);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CheckpointFolder {
    folder: PathBuf,
    interval: CheckpointInterval,
    /// Time into the fit of the last checkpoint.
    last: Duration,
    /// The number of the newest checkpoint; 0 without any.
    newest: u64,
}

impl CheckpointFolder {
    /// Opens a folder, or makes it. Checkpoints in it stay; what a killed write has left is removed.
    ///
    /// # Errors
    /// [`Error::Io`](matfact_core::Error::Io) with the path.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder).map_err(|error| fault::io(&folder, error))?;
        let mut newest = 0;
        for name in names(&folder)? {
            newest = newest.max(number(&name).unwrap_or(0));
            if name.starts_with(&format!(".{PREFIX}")) && name.ends_with(".tmp") {
                let path = folder.join(name);
                fs::remove_file(&path).map_err(|error| fault::io(&path, error))?;
            }
        }
        Ok(Self {
            folder,
            interval: CheckpointInterval::Time(Duration::from_secs(60)),
            last: Duration::ZERO,
            newest,
        })
    }

    /// Sets when a checkpoint is due.
    #[must_use]
    pub fn every(mut self, interval: CheckpointInterval) -> Self {
        self.interval = interval;
        self
    }

    /// The path of the newest checkpoint, if there is one.
    #[must_use]
    pub fn newest_path(&self) -> Option<PathBuf> {
        (self.newest > 0).then(|| self.path(self.newest))
    }

    /// The newest checkpoint, if there is one.
    ///
    /// # Errors
    /// Those of [`load_checkpoint`]; the one before a damaged one is used once that is removed.
    pub fn newest(&self) -> Result<Option<Checkpoint>> {
        self.newest_path().map(load_checkpoint).transpose()
    }

    /// Removes all checkpoints, and the folder if nothing else is in it: the fit they belong to is at its end.
    ///
    /// # Errors
    /// [`Error::Io`](matfact_core::Error::Io) with the path.
    pub fn clear(&mut self) -> Result<()> {
        self.remove_up_to(u64::MAX)?;
        self.newest = 0;
        // Not empty, or already gone: both are as they should be.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{PREFIX}{number:08}{SUFFIX}"))
    }

    fn remove_up_to(&self, last: u64) -> Result<()> {
        for name in names(&self.folder)? {
            if number(&name).is_some_and(|number| number <= last) {
                let path = self.folder.join(name);
                fs::remove_file(&path).map_err(|error| fault::io(&path, error))?;
            }
        }
        Ok(())
    }
}

impl CheckpointSink for CheckpointFolder {
    fn wants(&mut self, iteration: usize, elapsed: Duration) -> bool {
        match self.interval {
            CheckpointInterval::Iterations(count) => iteration.is_multiple_of(count.max(1)),
            CheckpointInterval::Time(time) => {
                let due = elapsed.saturating_sub(self.last) >= time;
                if due {
                    self.last = elapsed;
                }
                due
            }
        }
    }

    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let next = self.newest + 1;
        save_checkpoint(self.path(next), checkpoint)?;
        self.newest = next;
        self.remove_up_to(next.saturating_sub(KEPT as u64))
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let listed = || -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    };
    listed().map_err(|error| fault::io(folder, error))
}

/// The number of a checkpoint's file; none for any other file.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number > 0)
}
