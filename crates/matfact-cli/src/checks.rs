//! What can be refused before a fit starts its work.

use crate::arguments::{CommonOptions, SgdOptions};
use crate::output::total_memory_bytes;
use matfact::{Error, Result, Scalar};
use std::path::{Path, PathBuf};

/// Refuses an output that cannot be written before hours of work are spent on it.
pub(crate) fn check_output(common: &CommonOptions, ratings: Option<&SgdOptions>) -> Result<()> {
    let Some(path) = &common.model else {
        return Ok(());
    };
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
            path: path.clone(),
            source,
        });
    }
    let test = ratings.and_then(|options| options.test.as_ref());
    for input in std::iter::once(&common.input).chain(test) {
        if is_same_file(path, input) {
            let requirement = "another file than the data, which it would replace";
            return Err(Error::invalid_parameter(
                "model",
                path.display(),
                requirement,
            ));
        }
    }
    Ok(())
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
