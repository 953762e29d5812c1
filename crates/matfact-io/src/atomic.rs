//! Writing a file so that it is there whole or not at all.

use crate::fault;
use matfact_core::Result;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Links followed before a chain of them counts as a circle, as the system does.
const MAX_LINKS: usize = 40;

/// Writes a file through `write`: into a temporary file in the same folder, synced, renamed over
/// `path`, the folder synced. Until the rename the old file is untouched; if anything fails, the
/// temporary file is removed.
///
/// A symbolic link at `path` stays, and its target is replaced. An existing file's permissions are
/// kept; a new one gets what any new file gets.
///
/// # Errors
/// `Io` with `path`.
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<()> {
    replace(path, write).map_err(|source| fault::io(path, source))
}

/// Writes a text file that is there whole or not at all, as all files of this crate: into a temporary file in the same
/// folder, synced, renamed.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("report.html");
/// matfact_io::write_text(&path, "<!DOCTYPE html>")?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "<!DOCTYPE html>");
/// # Ok::<(), matfact_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io) with `path`; a file that was there before is then untouched.
pub fn write_text(path: impl AsRef<Path>, text: &str) -> Result<()> {
    write_atomically(path.as_ref(), |file| file.write_all(text.as_bytes()))
}

fn replace(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    let target = follow_links(path)?;
    let existing = existing_file(&target)?;
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "this is not a file name"))?;
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // A long name leaves no room for more, and the random part alone makes it unique.
    let stem: String = name.to_string_lossy().chars().take(32).collect();
    let prefix = format!(".{stem}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Without this, temporary files are private; the system takes the umask off.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder)?;
    let mut buffered = BufWriter::with_capacity(1 << 20, temporary.as_file());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    if let Some(metadata) = existing {
        temporary
            .as_file()
            .set_permissions(metadata.permissions())?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|e| e.error)?;
    sync_folder(folder)
}

/// Where a write through `path` would go.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let next = fs::read_link(&target)?;
                // An absolute link replaces the whole path.
                target = match target.parent() {
                    Some(parent) => parent.join(next),
                    None => next,
                };
            }
            Ok(_) => return Ok(target),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(target),
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The file that would be replaced. A rename would put a file in the place of a device or a pipe,
/// and over one that was made read-only.
fn existing_file(target: &Path) -> io::Result<Option<fs::Metadata>> {
    let metadata = match fs::symlink_metadata(target) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let refusal = if metadata.is_dir() {
        (ErrorKind::IsADirectory, "this is a directory: name a file")
    } else if !metadata.is_file() {
        (
            ErrorKind::Unsupported,
            "this is not a regular file, so it is not replaced: name another",
        )
    } else if metadata.permissions().readonly() {
        (
            ErrorKind::PermissionDenied,
            "the file is read-only: name another, or make it writable",
        )
    } else {
        return Ok(Some(metadata));
    };
    Err(io::Error::new(refusal.0, refusal.1))
}

/// Makes the rename last through a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems cannot sync a folder; nothing more can be done there.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Folders cannot be opened as files here; the system orders the rename itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::Error;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_write_that_fails_after_any_byte_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, b"old").unwrap();
        for stop in 0..20 {
            let result = write_atomically(&path, |out| {
                for _ in 0..stop {
                    out.write_all(b"x")?;
                }
                Err(ErrorKind::StorageFull.into())
            });
            assert!(matches!(result, Err(Error::Io { path: p, .. }) if p == path));
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(entries(folder.path()), 1);
        }
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(entries(folder.path()), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_permissions_are_those_of_an_ordinary_file() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(at("real")).unwrap();
        symlink("real/model", at("link")).unwrap();
        symlink("link", at("link2")).unwrap();
        fs::write(at("plain"), b"").unwrap();

        write_atomically(&at("link2"), |out| out.write_all(b"1")).unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(at("link2")).unwrap().is_symlink());
        assert_eq!(fs::read(at("real/model")).unwrap(), b"1");
        assert_eq!(mode(&at("real/model")), mode(&at("plain")));

        fs::set_permissions(at("plain"), fs::Permissions::from_mode(0o640)).unwrap();
        write_atomically(&at("plain"), |out| out.write_all(b"2")).unwrap();
        assert_eq!(mode(&at("plain")), 0o640);

        symlink("circle", at("circle")).unwrap();
        assert!(write_atomically(&at("circle"), |_| Ok(())).is_err());
        assert!(write_atomically(Path::new("/dev/null"), |_| Ok(())).is_err());
    }
}
