//! What can be refused before a fit starts its work.

use crate::arguments::{CommonOptions, SplitOptions};
use crate::fit::Source;
use crate::output::total_memory_bytes;
use matfact::{Error, Result, Scalar};
use std::path::{Path, PathBuf};

/// A file that is read, and what it is called.
pub(crate) struct Input<'a> {
    path: &'a Path,
    what: &'static str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(path: &'a Path, what: &'static str) -> Self {
        Self { path, what }
    }
}

/// Refuses an output, given by `option`, that cannot be written or would replace what is read,
/// before hours of work are spent on it.
pub(crate) fn check_output(option: &'static str, path: &Path, inputs: &[Input<'_>]) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), PathBuf::from);
    if !folder.is_dir() {
        let source = std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "no such folder: create it first",
        );
        return Err(Error::Io {
            path: folder,
            source,
        });
    }
    if path.is_dir() {
        let source = std::io::Error::new(std::io::ErrorKind::IsADirectory, "is a folder");
        return Err(Error::Io {
            path: path.to_owned(),
            source,
        });
    }
    for input in inputs {
        if is_same_file(path, input.path) {
            let requirement = format!(
                "another file than the {}, which it would replace",
                input.what
            );
            return Err(Error::invalid_parameter(
                option,
                path.display(),
                requirement,
            ));
        }
    }
    Ok(())
}

/// Refuses checkpoints where there is more than one fit.
pub(crate) fn refuse_checkpoints(common: &CommonOptions) -> Result<()> {
    match &common.checkpoints.checkpoint {
        Some(path) => Err(Error::invalid_parameter(
            "checkpoint",
            path.display(),
            "left out: `matfact fit` has checkpoints",
        )),
        None => Ok(()),
    }
}

/// Refuses ratings on disk where they are split in memory.
pub(crate) fn refuse_disk(source: Source<'_>) -> Result<()> {
    match source {
        Source::Disk(_, folder) => Err(Error::invalid_parameter(
            "disk",
            folder.display(),
            "left out: `matfact fit sgd` keeps ratings on disk, and measures the error on --test or --holdout",
        )),
        _ => Ok(()),
    }
}

/// Refuses the options of reports where none is written.
pub(crate) fn refuse_report(common: &CommonOptions, who: &str) -> Result<()> {
    let (report, names) = (&common.reporting.report, &common.reporting.names);
    for (name, path) in [("report", report), ("names", names)] {
        if let Some(path) = path {
            let requirement = format!("left out: {who}");
            return Err(Error::invalid_parameter(name, path.display(), requirement));
        }
    }
    Ok(())
}

/// Refuses a report that cannot be written or would replace another file.
pub(crate) fn check_report(common: &CommonOptions, source: Option<&SplitOptions>) -> Result<()> {
    let Some(path) = &common.reporting.report else {
        if let Some(names) = &common.reporting.names {
            let requirement = "left out without --report, for which the names are";
            return Err(Error::invalid_parameter(
                "names",
                names.display(),
                requirement,
            ));
        }
        return Ok(());
    };
    if common.model.as_ref() == Some(path) {
        let requirement = "another file than the model";
        return Err(Error::invalid_parameter(
            "report",
            path.display(),
            requirement,
        ));
    }
    if let Some(names) = &common.reporting.names {
        // It is read after the fit, which must not be in vain.
        std::fs::File::open(names).map_err(|source| Error::Io {
            path: names.clone(),
            source,
        })?;
    }
    let test = source.and_then(|split| split.test.as_ref());
    let beside = test.into_iter().chain(&common.reporting.names);
    let files = std::iter::once(&common.input).chain(beside);
    let inputs: Vec<_> = files.map(|file| Input::new(file, "data")).collect();
    check_output("report", path, &inputs)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Refuses a rank whose factors alone are larger than the machine's memory: the system would end
/// the program in the middle of its work.
pub(crate) fn check_memory<T: Scalar>(rank: usize, shape: (usize, usize)) -> Result<()> {
    let entries = (shape.0 as f64 + shape.1 as f64) * rank as f64;
    let needed = entries * size_of::<T>() as f64;
    match total_memory_bytes() {
        Some(total) if needed > total as f64 => {
            let gibibyte = f64::from(1 << 30);
            let requirement = format!(
                "smaller: the factors alone need {:.0} GiB, and this machine has {:.0} GiB",
                needed / gibibyte,
                total as f64 / gibibyte
            );
            Err(Error::invalid_parameter("rank", rank, requirement))
        }
        _ => Ok(()),
    }
}
