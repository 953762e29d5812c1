//! A temporary file of ratings that is written and read by place, and checked when it is read.

use matfact_core::{Error, Result, Scalar};
use matfact_linalg::BlockEntry;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file without a name in some folder: it is gone when it is closed, however the program ends (on Windows, when
/// the program ends in order).
#[derive(Debug)]
pub(crate) struct TemporaryFile<S = File> {
    storage: Mutex<S>,
    folder: PathBuf,
}

/// Where a piece lies, and what it was when it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
    pub(crate) checksum: u32,
}

impl Piece {
    /// Refuses bytes that are not those that were written.
    pub(crate) fn check(&self, bytes: &[u8]) -> io::Result<()> {
        if crc32c::crc32c(bytes) == self.checksum {
            return Ok(());
        }
        let what = format!(
            "the temporary ratings at byte {} are not what was written there (checksum): check the disk, then fit again",
            self.offset
        );
        Err(io::Error::new(ErrorKind::InvalidData, what))
    }
}

impl TemporaryFile {
    pub(crate) fn new_in(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(|source| error_in(folder, source))?;
        Ok(Self::of(file, folder))
    }
}

impl<S> TemporaryFile<S> {
    pub(crate) fn of(storage: S, folder: &Path) -> Self {
        Self {
            storage: Mutex::new(storage),
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An error of the file that it stands for.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        error_in(&self.folder, source)
    }

    fn at<R>(&self, offset: u64, work: impl FnOnce(&mut S) -> io::Result<R>) -> Result<R>
    where
        S: Seek,
    {
        // What a panic elsewhere left is no more than a place in the file, which is set here.
        let mut storage = self.storage.lock().unwrap_or_else(PoisonError::into_inner);
        let done = storage
            .seek(SeekFrom::Start(offset))
            .and_then(|_| work(&mut storage));
        done.map_err(|source| self.error(source))
    }

    /// Writes bytes, which [`TemporaryFile::read`] then asks for as this piece.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<Piece>
    where
        S: Write + Seek,
    {
        self.at(offset, |storage| storage.write_all(bytes))?;
        Ok(Piece {
            offset,
            bytes: bytes.len(),
            checksum: crc32c::crc32c(bytes),
        })
    }

    /// Reads pieces that follow each other in the file into `bytes`.
    pub(crate) fn read(&self, pieces: &[Piece], bytes: &mut Vec<u8>) -> Result<()>
    where
        S: Read + Seek,
    {
        let total = pieces.iter().map(|piece| piece.bytes).sum();
        bytes.resize(total, 0);
        let Some(first) = pieces.first() else {
            return Ok(());
        };
        self.at(first.offset, |storage| storage.read_exact(bytes))?;
        let mut rest = &bytes[..];
        for piece in pieces {
            let (own, after) = rest.split_at(piece.bytes);
            piece.check(own).map_err(|source| self.error(source))?;
            rest = after;
        }
        Ok(())
    }
}

fn error_in(folder: &Path, source: io::Error) -> Error {
    Error::Io {
        path: folder.to_owned(),
        source,
    }
}

/// Bytes of an entry in a file: row, column, value.
pub(crate) const fn entry_bytes<T>() -> usize {
    8 + size_of::<T>()
}

/// Appends an entry.
pub(crate) fn encode<T: Scalar>(entry: &BlockEntry<T>, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&entry.row.to_le_bytes());
    bytes.extend_from_slice(&entry.column.to_le_bytes());
    // There are two types, and each is exact in its own width.
    if size_of::<T>() == 4 {
        bytes.extend_from_slice(&(entry.value.as_f64() as f32).to_le_bytes());
    } else {
        bytes.extend_from_slice(&entry.value.as_f64().to_le_bytes());
    }
}

/// Appends the entries that stand in `bytes`.
pub(crate) fn decode<T: Scalar>(bytes: &[u8], entries: &mut Vec<BlockEntry<T>>) {
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&bytes[..N]);
        array
    }
    let of_one = |entry: &[u8]| BlockEntry {
        row: u32::from_le_bytes(array(entry)),
        column: u32::from_le_bytes(array(&entry[4..])),
        value: if size_of::<T>() == 4 {
            T::from_f64(f64::from(f32::from_le_bytes(array(&entry[8..]))))
        } else {
            T::from_f64(f64::from_le_bytes(array(&entry[8..])))
        },
    };
    entries.extend(bytes.chunks_exact(entry_bytes::<T>()).map(of_one));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn round_trip<T: Scalar>(value: f64) {
        let entry = BlockEntry {
            row: 7,
            column: u32::MAX,
            value: T::from_f64(value),
        };
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        encode(&entry, &mut bytes);
        assert_eq!(bytes.len(), entry_bytes::<T>());
        decode(&bytes, &mut back);
        assert_eq!(back, [entry]);
    }

    #[test]
    fn entries_come_back_exactly() {
        for value in [0.0, -0.1, 4.5, 1e-30, -3e37] {
            round_trip::<f32>(value);
            round_trip::<f64>(value);
        }
    }

    #[test]
    fn a_changed_byte_is_found_and_named() {
        let file = TemporaryFile::of(Cursor::new(Vec::new()), Path::new("here"));
        let pieces = [
            file.write(0, b"first").unwrap(),
            file.write(5, b"second").unwrap(),
        ];
        let mut bytes = Vec::new();
        file.read(&pieces, &mut bytes).unwrap();
        assert_eq!(bytes, b"firstsecond");
        file.write(7, b"X").unwrap();
        let error = file.read(&pieces, &mut bytes).unwrap_err();
        assert!(error.to_string().contains("byte 5"), "{error}");
        assert!(matches!(error, Error::Io { source, path }
            if source.kind() == ErrorKind::InvalidData && path == Path::new("here")));
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let file = TemporaryFile::new_in(&std::env::temp_dir()).unwrap();
        let piece = file.write(0, &[1; 100]).unwrap();
        file.storage.lock().unwrap().set_len(60).unwrap();
        let error = file.read(&[piece], &mut Vec::new()).unwrap_err();
        assert!(
            matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::UnexpectedEof)
        );
    }
}
