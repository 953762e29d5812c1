//! MatrixMarket, the text format of sparse matrix collections.

mod banner;
mod body;

use crate::fault;
use crate::text::lines::{LineFault, Lines, MAX_LINE};
use banner::{Field, Format};
use matfact_core::{Error, Result, Scalar};
use std::io::Read;
use std::path::Path;

use super::MatrixData;

pub(super) use banner::has_banner;

/// A column index has 32 bits, and so has a row index here.
const MAX_SIDE: u64 = u32::MAX as u64;

/// Reads a matrix. `size` is the number of bytes where it is known beforehand.
pub(crate) fn read<T: Scalar>(
    reader: impl Read,
    path: &Path,
    size: Option<u64>,
) -> Result<MatrixData<T>> {
    let mut input = Input {
        lines: Lines::new(reader),
        path,
        size,
    };
    let banner = match input.next()? {
        Some(line) => banner::parse(line),
        None => return Err(fault::parse(path, 0, None, "the file is empty")),
    };
    let banner = banner.map_err(|text| input.error(None, text))?;
    match banner.format {
        Format::Coordinate => body::coordinate(&mut input, banner).map(MatrixData::Sparse),
        Format::Array => body::array(&mut input, banner).map(MatrixData::Dense),
    }
}

/// The file's lines with what errors about them need.
struct Input<'a, R> {
    lines: Lines<R>,
    path: &'a Path,
    size: Option<u64>,
}

impl<R: Read> Input<'_, R> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        let number = self.lines.number() + 1;
        self.lines.next().map_err(|fault| match fault {
            LineFault::Io(source) => fault::read(self.path, number, source),
            LineFault::TooLong => {
                let text =
                    format!("a line of more than {MAX_LINE} bytes is no line of this format");
                fault::parse(self.path, number, None, text)
            }
        })
    }

    /// The next line that is neither blank nor a comment.
    fn next_content(&mut self) -> Result<Option<&[u8]>> {
        // In two steps, since a borrow that may be returned cannot be taken again in the loop.
        loop {
            let blank = match self.next()? {
                None => return Ok(None),
                Some(line) => matches!(line.trim_ascii_start(), [] | [b'%', ..]),
            };
            if !blank {
                return Ok(Some(self.lines.current()));
            }
        }
    }

    /// An error about the line given last.
    fn error(&self, column: Option<usize>, message: impl Into<String>) -> Error {
        fault::parse(self.path, self.lines.number(), column, message)
    }

    /// How many entries of at least `bytes` bytes there is room for in the file, at most `count`.
    fn plausible(&self, count: u64, bytes: u64) -> usize {
        // A compressed file does not tell; what is there is found by reading it.
        let limit = self.size.map_or(1 << 16, |size| size / bytes + 1);
        usize::try_from(count.min(limit)).unwrap_or(0)
    }
}

impl Field {
    /// What a value of this field looks like, for messages.
    fn noun(self) -> &'static str {
        match self {
            Field::Real => "a decimal number",
            Field::Integer => "an integer",
            Field::Pattern => "no value",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::trickle;

    #[test]
    fn the_size_of_the_reads_does_not_matter() {
        let text = b"%%MatrixMarket matrix coordinate real symmetric\r\n% note\r\n\r\n2 2 2\r\n1 1 1.5\r\n2 1 -2";
        let path = Path::new("x.mtx");
        let whole = read::<f64>(&text[..], path, Some(text.len() as u64)).unwrap();
        let slow = read::<f64>(trickle(text), path, None).unwrap();
        assert_eq!(whole, slow);
        assert_eq!(whole.stored(), 3);
    }
}
