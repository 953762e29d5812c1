//! Errors with the file's name in them.

use matfact_core::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

/// A fault in the file's content.
pub(crate) fn parse(
    path: &Path,
    line: usize,
    column: Option<usize>,
    message: impl Into<String>,
) -> Error {
    Error::Parse {
        path: path.to_owned(),
        line,
        column,
        message: message.into(),
    }
}

/// A fault of the system.
pub(crate) fn io(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        source,
    }
}

/// A read that failed: the decompressor reports damage through `io::Error` too, and that is a
/// fault of the content.
pub(crate) fn read(path: &Path, line: usize, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::InvalidData
        | ErrorKind::InvalidInput
        | ErrorKind::UnexpectedEof
        | ErrorKind::Unsupported => parse(
            path,
            line,
            None,
            format!(
                "the compressed data are damaged or cut short ({source}): fetch the file again"
            ),
        ),
        _ => io(path, source),
    }
}

/// The first characters of a text, for messages that stay on one line.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const LIMIT: usize = 40;
    let shown: String = String::from_utf8_lossy(&text[..text.len().min(4 * LIMIT)])
        .chars()
        .take(LIMIT)
        .collect();
    let dots = if shown.len() < text.len() && shown.chars().count() == LIMIT {
        "..."
    } else {
        ""
    };
    format!("{shown:?}{dots}")
}
