//! Opening a data file: what may be opened, and gzip and zstd seen through.

mod zstd;

use crate::fault;
use flate2::read::MultiGzDecoder;
use matfact_core::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes that tell what a file is; the banner of MatrixMarket is the longest.
const HEAD: usize = 16;

/// An open data file.
pub(crate) struct Source {
    /// The content from its first byte, decompressed.
    pub(crate) reader: Box<dyn Read + Send>,
    /// The first bytes of the content, at most [`HEAD`].
    pub(crate) head: Vec<u8>,
    /// Bytes of content; unknown where it is compressed.
    pub(crate) size: Option<u64>,
}

/// Extensions of compressed files.
pub(crate) const COMPRESSED: &[&str] = &["gz", "zst", "zstd"];

/// Whether the name stands for standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Opens a data file, or standard input for the name `-`.
///
/// # Errors
/// `Io` where there is no readable file, `PickleRefused`, `Parse` where it is empty or is not the
/// compressed file that its name says.
pub(crate) fn open(path: &Path) -> Result<Source> {
    let (head, reader, size) = if is_standard_input(path) {
        let (head, reader) = peek(io::stdin(), path)?;
        (head, reader, None)
    } else {
        let (file, size) = open_regular(path)?;
        let (head, reader) = peek(file, path)?;
        (head, reader, Some(size))
    };
    let (head, reader, size) = if head.starts_with(&[0x1f, 0x8b]) {
        let (head, reader) = peek(MultiGzDecoder::new(reader), path)?;
        (head, reader, None)
    } else if zstd::begins(&head) {
        let (head, reader) = peek(zstd::Decoder::new(reader), path)?;
        (head, reader, None)
    } else if has_extension(path, &["gz"]) {
        let message = "the name ends in .gz, but this is not gzip data: rename the file";
        return Err(fault::parse(path, 0, None, message));
    } else if has_extension(path, COMPRESSED) {
        let message = "the name ends in .zst, but this is not zstd data: rename the file";
        return Err(fault::parse(path, 0, None, message));
    } else {
        (head, reader, size)
    };
    // Protocols 0 and 1 have no mark; they are refused as text that does not parse.
    if matches!(head[..], [0x80, 2..=5, ..]) {
        return Err(pickle_refused(path));
    }
    if head.is_empty() {
        return Err(fault::parse(path, 0, None, "the file is empty"));
    }
    Ok(Source { reader, head, size })
}

/// The files that a name stands for: itself, or the data files of a directory of parts, sorted by name.
/// Names that begin with a dot or an underscore and empty files are no parts.
///
/// # Errors
/// `Io` where the directory cannot be read or has no data files.
pub(crate) fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    if is_standard_input(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut parts = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| fault::io(path, e))? {
        let entry = entry.map_err(|e| fault::io(path, e))?;
        let hidden = matches!(entry.file_name().as_encoded_bytes(), [b'.' | b'_', ..]);
        // Through links, unlike the metadata of the entry.
        let is_data = fs::metadata(entry.path()).is_ok_and(|m| m.is_file() && m.len() > 0);
        if is_data && !hidden {
            parts.push(entry.path());
        }
    }
    if parts.is_empty() {
        let text = "this is a directory, and there are no data files in it: name a file";
        return Err(fault::io(
            path,
            io::Error::new(ErrorKind::IsADirectory, text),
        ));
    }
    parts.sort();
    Ok(parts)
}

/// Opens a regular file and tells its size. Pipes and devices are refused before they are opened:
/// opening a pipe would wait for its writer.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64)> {
    let metadata = fs::metadata(path).map_err(|e| fault::io(path, e))?;
    if metadata.is_dir() {
        let source = io::Error::new(ErrorKind::IsADirectory, "this is a directory, not a file");
        return Err(fault::io(path, source));
    }
    if !metadata.is_file() {
        let text = "this is not a regular file: write the data to a file first";
        return Err(fault::io(
            path,
            io::Error::new(ErrorKind::Unsupported, text),
        ));
    }
    if has_extension(path, &["pkl", "pickle"]) {
        return Err(pickle_refused(path));
    }
    let file = File::open(path).map_err(|e| fault::io(path, e))?;
    // Of what was opened: another file may have taken the place of the one that was looked at.
    let opened = file.metadata().map_err(|e| fault::io(path, e))?;
    Ok((file, opened.len()))
}

/// Whether the name's last extension is one of those, in any case.
pub(crate) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|e| extensions.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

pub(crate) fn pickle_refused(path: &Path) -> Error {
    Error::PickleRefused {
        path: path.to_owned(),
    }
}

/// The first bytes, and a reader that still gives them.
fn peek(
    mut reader: impl Read + Send + 'static,
    path: &Path,
) -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = [0; HEAD];
    let filled = read_full(&mut reader, &mut head).map_err(|e| fault::read(path, 0, e))?;
    let head = head[..filled].to_vec();
    Ok((head.clone(), Box::new(Cursor::new(head).chain(reader))))
}

/// Fills the buffer as far as the content goes.
pub(crate) fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io::{self, Read};

    /// Gives one byte at a time, and is interrupted before each.
    pub(crate) struct Trickle<'a> {
        pub(crate) rest: &'a [u8],
        pub(crate) interrupt: bool,
    }

    pub(crate) fn trickle(bytes: &[u8]) -> Trickle<'_> {
        Trickle {
            rest: bytes,
            interrupt: false,
        }
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupt = !self.interrupt;
            if self.interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match (self.rest, buffer) {
                ([first, rest @ ..], [slot, ..]) => {
                    *slot = *first;
                    self.rest = rest;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }
}
