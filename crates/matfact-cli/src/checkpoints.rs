//! `fit --checkpoint DIR`: the state of the fit on disk, and going on from it.

use crate::arguments::CheckpointOptions;
use crate::output::complain;
use matfact::core::{Checkpoint, CheckpointSink};
use matfact::io::CheckpointFolder;
use matfact::{Error, Result, StopReason};
use std::time::Duration;

/// The checkpoints of this fit, where they were asked for.
pub(crate) struct Checkpoints {
    folder: Option<CheckpointFolder>,
    /// What to go on from.
    before: Option<Checkpoint>,
    /// Whether a checkpoint could not be written.
    failed: bool,
}

impl Checkpoints {
    /// None, for fits that nobody resumes.
    pub(crate) fn none() -> Self {
        Self {
            folder: None,
            before: None,
            failed: false,
        }
    }

    /// Opens what the command line asks for, before any data are read.
    pub(crate) fn open(options: &CheckpointOptions) -> Result<Self> {
        let Some(path) = &options.checkpoint else {
            return Ok(Self::none());
        };
        let mut folder = CheckpointFolder::open(path)?;
        if let Some(interval) = options.checkpoint_every {
            folder = folder.every(interval);
        }
        let before = match (folder.newest_path(), options.resume) {
            (Some(_), true) => folder.newest()?,
            (Some(newest), false) => {
                let requirement = format!(
                    "a folder without checkpoints, and {} is there: go on from it with --resume, or remove it",
                    newest.display()
                );
                return Err(Error::invalid_parameter(
                    "checkpoint",
                    path.display(),
                    requirement,
                ));
            }
            (None, true) => {
                complain(&format!(
                    "notice: no checkpoint in {} yet: the fit starts from its beginning",
                    path.display()
                ));
                None
            }
            (None, false) => None,
        };
        Ok(Self {
            folder: Some(folder),
            before,
            failed: false,
        })
    }

    /// What to go on from; taken once.
    pub(crate) fn take_before(&mut self) -> Option<Checkpoint> {
        self.before.take()
    }

    /// The sink for the fit, where checkpoints were asked for.
    pub(crate) fn sink(&mut self) -> Option<&mut dyn CheckpointSink> {
        match self.folder {
            Some(_) => Some(self),
            None => None,
        }
    }

    /// After the model was saved: tells how to go on, or removes what is no longer of use.
    pub(crate) fn finish(mut self, stop: StopReason) -> Result<()> {
        let interrupted = matches!(stop, StopReason::Cancelled | StopReason::TimeBudget);
        match &mut self.folder {
            Some(folder) if interrupted => {
                match folder.newest_path() {
                    Some(path) => complain(&format!(
                        "notice: the state of the fit is in {}; the same command with --resume goes on from there",
                        path.display()
                    )),
                    None => complain(
                        "notice: there is no checkpoint yet, since the interruption came before the first iteration",
                    ),
                }
                Ok(())
            }
            Some(folder) => folder.clear(),
            None => Ok(()),
        }
    }
}

impl CheckpointSink for Checkpoints {
    fn wants(&mut self, iteration: usize, elapsed: Duration) -> bool {
        self.folder
            .as_mut()
            .is_some_and(|folder| folder.wants(iteration, elapsed))
    }

    /// A checkpoint that cannot be written is told, and the fit goes on: hours of work are worth more than the
    /// means to repeat them.
    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let Some(folder) = &mut self.folder else {
            return Ok(());
        };
        let saved = folder.save(checkpoint);
        if let Err(error) = &saved
            && !self.failed
        {
            complain(&format!(
                "notice: the checkpoint could not be written, and the fit goes on: {error}"
            ));
        }
        self.failed = saved.is_err();
        Ok(())
    }
}
