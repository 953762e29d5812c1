//! Entries appended to one of several streams, all in one temporary file.

use super::file::{Piece, TemporaryFile, decode, encode, entry_bytes};
use matfact_core::{Result, Scalar};
use matfact_linalg::BlockEntry;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::marker::PhantomData;
use std::path::Path;

/// Bytes of a stream that are gathered before they are written.
const PIECE: usize = 1 << 16;

/// The streams; what is appended to one is read in the same order.
#[derive(Debug)]
pub(crate) struct Spill<T, S = File> {
    file: TemporaryFile<S>,
    streams: Vec<Stream>,
    end: u64,
    element: PhantomData<T>,
}

#[derive(Debug, Clone, Default)]
struct Stream {
    waiting: Vec<u8>,
    pieces: Vec<Piece>,
}

impl<T: Scalar> Spill<T> {
    pub(crate) fn new_in(folder: &Path, streams: usize) -> Result<Self> {
        Ok(Self::of(TemporaryFile::new_in(folder)?, streams))
    }
}

impl<T: Scalar, S> Spill<T, S> {
    fn of(file: TemporaryFile<S>, streams: usize) -> Self {
        Self {
            file,
            streams: vec![Stream::default(); streams],
            end: 0,
            element: PhantomData,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.file.folder()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Entries of a stream.
    pub(crate) fn len(&self, stream: usize) -> usize {
        let Stream { waiting, pieces } = &self.streams[stream];
        let written: usize = pieces.iter().map(|piece| piece.bytes).sum();
        (written + waiting.len()) / entry_bytes::<T>()
    }

    pub(crate) fn push(&mut self, stream: usize, entry: &BlockEntry<T>) -> Result<()>
    where
        S: Write + Seek,
    {
        // Before it is full, so that its memory never doubles past a piece.
        if self.streams[stream].waiting.len() + entry_bytes::<T>() > PIECE {
            self.write(stream)?;
        }
        encode(entry, &mut self.streams[stream].waiting);
        Ok(())
    }

    /// Writes what waits, and lets go of the memory.
    pub(crate) fn finish(&mut self) -> Result<()>
    where
        S: Write + Seek,
    {
        for stream in 0..self.streams.len() {
            self.write(stream)?;
            self.streams[stream].waiting = Vec::new();
        }
        Ok(())
    }

    fn write(&mut self, stream: usize) -> Result<()>
    where
        S: Write + Seek,
    {
        let Stream { waiting, pieces } = &mut self.streams[stream];
        if waiting.is_empty() {
            return Ok(());
        }
        let piece = self.file.write(self.end, waiting)?;
        self.end += waiting.len() as u64;
        pieces.push(piece);
        waiting.clear();
        Ok(())
    }

    /// All entries of a stream, in their order, in place of what `entries` held.
    pub(crate) fn read(&self, stream: usize, entries: &mut Vec<BlockEntry<T>>) -> Result<()>
    where
        S: Read + Seek,
    {
        debug_assert!(self.streams[stream].waiting.is_empty(), "finished");
        entries.clear();
        entries.reserve_exact(self.len(stream));
        let mut bytes = Vec::new();
        for piece in &self.streams[stream].pieces {
            self.file.read(std::slice::from_ref(piece), &mut bytes)?;
            decode(&bytes, entries);
        }
        Ok(())
    }
}

/// A stream that is read a piece at a time.
#[derive(Debug)]
pub(crate) struct StreamReader<T> {
    stream: usize,
    /// Pieces that were read.
    pieces: usize,
    entries: Vec<BlockEntry<T>>,
    /// The next of them.
    at: usize,
}

impl<T: Scalar> StreamReader<T> {
    pub(crate) fn new(stream: usize) -> Self {
        Self {
            stream,
            pieces: 0,
            entries: Vec::new(),
            at: 0,
        }
    }

    /// The next entry, if there is one; `bytes` is room that readers share.
    pub(crate) fn next<S: Read + Seek>(
        &mut self,
        spill: &Spill<T, S>,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<BlockEntry<T>>> {
        if self.at == self.entries.len() {
            let Some(piece) = spill.streams[self.stream].pieces.get(self.pieces) else {
                return Ok(None);
            };
            spill.file.read(std::slice::from_ref(piece), bytes)?;
            self.entries.clear();
            decode(bytes, &mut self.entries);
            self.pieces += 1;
            self.at = 0;
        }
        let entry = self.entries.get(self.at).copied();
        self.at += 1;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::Error;
    use std::io::{self, Cursor, ErrorKind, SeekFrom};

    fn entry(number: u32) -> BlockEntry<f32> {
        BlockEntry {
            row: number,
            column: 2 * number,
            value: number as f32,
        }
    }

    #[test]
    fn streams_keep_their_own_order() {
        let mut spill = Spill::new_in(&std::env::temp_dir(), 3).unwrap();
        // More than a piece of each.
        for number in 0..40_000 {
            spill.push(number as usize % 2, &entry(number)).unwrap();
        }
        spill.finish().unwrap();
        let mut entries = vec![entry(9)];
        for stream in 0..2 {
            spill.read(stream, &mut entries).unwrap();
            let expected: Vec<_> = (0..20_000).map(|i| entry(2 * i + stream as u32)).collect();
            assert_eq!(entries, expected);
        }
        spill.read(2, &mut entries).unwrap();
        assert_eq!(entries, []);
        let mut bytes = Vec::new();
        for (stream, count) in [(1, 20_000), (2, 0)] {
            let mut reader = StreamReader::new(stream);
            for i in 0..count {
                let next = reader.next(&spill, &mut bytes).unwrap();
                assert_eq!(next, Some(entry(2 * i + 1)));
            }
            assert_eq!(reader.next(&spill, &mut bytes).unwrap(), None);
        }
    }

    /// A disk of so many bytes.
    struct Small(Cursor<Vec<u8>>, u64);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.position() + bytes.len() as u64 > self.1 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_a_typed_error() {
        let small = Small(Cursor::new(Vec::new()), 100_000);
        let file = TemporaryFile::of(small, Path::new("small"));
        let mut spill = Spill::<f32, _>::of(file, 1);
        let failed = (0..20_000).find_map(|number| spill.push(0, &entry(number)).err());
        match failed {
            Some(Error::Io { path, source }) => {
                assert_eq!(path, Path::new("small"));
                assert_eq!(source.kind(), ErrorKind::StorageFull);
            }
            other => panic!("{other:?}"),
        }
    }
}
