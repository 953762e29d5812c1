//! Any reader's bytes in chunks of whole lines.

use super::lines::MAX_LINE;
use std::io::{self, Read};

/// Bytes of a chunk, unless a line is longer.
pub(crate) const CHUNK: usize = 512 << 10;

/// Why there is no further chunk.
#[derive(Debug)]
pub(crate) enum ChunkFault {
    /// The reader failed.
    Io(io::Error),
    /// There is no line end within [`MAX_LINE`].
    TooLong,
}

/// Cuts a reader's bytes at line ends.
pub(crate) struct Chunks<R> {
    reader: R,
    size: usize,
    /// The beginning of a line whose end is not read yet.
    rest: Vec<u8>,
    finished: bool,
    fault: Option<ChunkFault>,
    /// Buffers to be used again.
    free: Vec<Vec<u8>>,
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(reader: R, size: usize) -> Self {
        Self {
            reader,
            size,
            rest: Vec::new(),
            finished: false,
            fault: None,
            free: Vec::new(),
        }
    }

    /// Sets how many bytes the chunks from now on have.
    pub(crate) fn set_size(&mut self, size: usize) {
        self.size = size;
    }

    /// The next lines, as many as fit; `None` at the end, and where reading failed: the lines before a
    /// failure are given first.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        if self.finished {
            return None;
        }
        let mut buffer = self.free.pop().unwrap_or_default();
        buffer.clear();
        buffer.append(&mut self.rest);
        let mut searched = 0;
        loop {
            let room = self.size.max(2 * buffer.len());
            let cut_short = self.fill(&mut buffer, room);
            let cut = memchr::memrchr(b'\n', &buffer[searched..]).map(|at| searched + at + 1);
            match (cut_short, cut) {
                (true, cut) => {
                    self.finished = true;
                    // After a failure an unfinished line is not known to be one.
                    if self.fault.is_some() {
                        buffer.truncate(cut.unwrap_or(0));
                    }
                    return (!buffer.is_empty()).then_some(buffer);
                }
                (false, Some(cut)) => {
                    self.rest.extend_from_slice(&buffer[cut..]);
                    buffer.truncate(cut);
                    return Some(buffer);
                }
                (false, None) if buffer.len() >= MAX_LINE => {
                    self.finished = true;
                    self.fault = Some(ChunkFault::TooLong);
                    return None;
                }
                (false, None) => searched = buffer.len(),
            }
        }
    }

    /// Why there are no more chunks, if it is not the end.
    pub(crate) fn fault(&mut self) -> Option<ChunkFault> {
        self.fault.take()
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        // Not one that a long line has made large.
        if buffer.capacity() <= 2 * self.size {
            self.free.push(buffer);
        }
    }

    /// Reads until the buffer has `size` bytes; whether the reader has ended or failed before.
    fn fill(&mut self, buffer: &mut Vec<u8>, size: usize) -> bool {
        let missing = size.saturating_sub(buffer.len());
        buffer.reserve(missing);
        match self
            .reader
            .by_ref()
            .take(missing as u64)
            .read_to_end(buffer)
        {
            Ok(count) => count < missing,
            Err(e) => {
                self.fault = Some(ChunkFault::Io(e));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::trickle;

    fn all(mut chunks: Chunks<impl Read>) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| chunks.next()).collect()
    }

    #[test]
    fn chunks_are_whole_lines_and_make_up_the_whole() {
        let text = b"a,b\n\nlonger line\r\nx\n\n\nlast";
        for size in 1..40 {
            for chunks in [
                all(Chunks::new(&text[..], size)),
                all(Chunks::new(trickle(text), size)),
            ] {
                assert_eq!(chunks.concat(), text, "{size}");
                let (_, before) = chunks.split_last().unwrap();
                assert!(before.iter().all(|chunk| chunk.ends_with(b"\n")), "{size}");
            }
        }
        assert!(all(Chunks::new(&b""[..], 4)).is_empty());
    }

    #[test]
    fn lines_before_a_failure_are_given_and_a_line_without_end_is_refused() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::InvalidData.into())
            }
        }
        let mut chunks = Chunks::new((&b"a\nb\nhalf"[..]).chain(Fails), 100);
        assert_eq!(chunks.next().as_deref(), Some(&b"a\nb\n"[..]));
        assert!(chunks.next().is_none());
        assert!(matches!(chunks.fault(), Some(ChunkFault::Io(_))));
        let mut endless = Chunks::new(io::repeat(b'x'), 100);
        assert!(endless.next().is_none());
        assert!(matches!(endless.fault(), Some(ChunkFault::TooLong)));
    }
}
