//! Lines of any reader, lent from one buffer.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// A line longer than this is no line of a text file.
pub(crate) const MAX_LINE: usize = 64 << 20;
const CHUNK: usize = 256 << 10;

/// Why the next line cannot be had.
#[derive(Debug)]
pub(crate) enum LineFault {
    /// The reader failed.
    Io(io::Error),
    /// There is no line end within [`MAX_LINE`].
    TooLong,
}

/// Cuts a reader's bytes into lines; the line end (LF or CRLF) is left out.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
    number: usize,
    last: Range<usize>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            finished: false,
            number: 0,
            last: 0..0,
        }
    }

    /// The number of the line given last, counted from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The next line; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, LineFault> {
        // Bytes already searched stay searched when a long line makes the buffer grow.
        let mut searched = 0;
        let (from, mut to) = loop {
            let rest = &self.buffer[self.start + searched..self.end];
            if let Some(at) = memchr::memchr(b'\n', rest) {
                let from = self.start;
                let to = from + searched + at;
                self.start = to + 1;
                break (from, to);
            }
            searched = self.end - self.start;
            if self.finished {
                if searched == 0 {
                    return Ok(None);
                }
                let from = self.start;
                self.start = self.end;
                break (from, self.end);
            }
            self.fill()?;
        };
        self.number += 1;
        if to > from && self.buffer[to - 1] == b'\r' {
            to -= 1;
        }
        self.last = from..to;
        Ok(Some(self.current()))
    }

    /// The line given last.
    pub(crate) fn current(&self) -> &[u8] {
        &self.buffer[self.last.clone()]
    }

    /// Moves the unfinished line to the front and reads behind it.
    fn fill(&mut self) -> Result<(), LineFault> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= MAX_LINE {
                return Err(LineFault::TooLong);
            }
            self.buffer.resize(2 * self.end, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.finished = true,
                Ok(count) => self.end += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(LineFault::Io(e)),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::trickle;

    fn all<R: Read>(reader: R) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(reader);
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push(line.to_vec());
        }
        assert_eq!(lines.number(), out.len());
        out
    }

    #[test]
    fn lines_are_the_same_from_any_reader() {
        let text = b"a\r\n\nlong line\nlast\r";
        let expected: Vec<Vec<u8>> = [&b"a"[..], b"", b"long line", b"last"]
            .map(<[u8]>::to_vec)
            .to_vec();
        assert_eq!(all(&text[..]), expected);
        assert_eq!(all(trickle(text)), expected);
        assert!(all(&b""[..]).is_empty());
        assert_eq!(all(&b"\n"[..]), [b""]);
    }

    #[test]
    fn a_line_beyond_the_buffer_is_whole_and_one_without_end_is_refused() {
        let mut text = vec![b'x'; 3 * CHUNK + 5];
        text.push(b'\n');
        text.extend_from_slice(b"tail");
        let lines = all(&text[..]);
        assert_eq!(
            (lines[0].len(), &lines[1][..]),
            (3 * CHUNK + 5, &b"tail"[..])
        );
        let mut endless = Lines::new(io::repeat(b'x'));
        assert!(matches!(endless.next(), Err(LineFault::TooLong)));
    }
}
