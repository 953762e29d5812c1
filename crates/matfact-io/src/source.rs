//! Opening a data file: what may be opened, and gzip seen through.

use crate::fault;
use flate2::read::MultiGzDecoder;
use matfact_core::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::Path;

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

/// Opens a data file.
///
/// # Errors
/// `Io` where there is no readable file, `PickleRefused`, `Parse` where it is empty or is not the
/// gzip file that its name says.
pub(crate) fn open(path: &Path) -> Result<Source> {
    let (file, size) = open_regular(path)?;
    let named_gz = has_extension(path, &["gz"]);
    let (head, reader) = peek(file, path)?;
    let (head, reader, size) = if head.starts_with(&[0x1f, 0x8b]) {
        let (head, reader) = peek(MultiGzDecoder::new(reader), path)?;
        (head, reader, None)
    } else if named_gz {
        let message = "the name ends in .gz, but this is not gzip data: rename the file";
        return Err(fault::parse(path, 0, None, message));
    } else {
        (head, reader, Some(size))
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
    Ok((file, metadata.len()))
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
