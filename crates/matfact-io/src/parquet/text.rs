//! A Parquet file as delimited text.

use super::cells::{Cells, has_text, quote};
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Rows that are decoded at a time.
const ROWS: usize = 8192;

/// The rows of a Parquet file, one after the other, with a header of the columns' names.
pub(super) struct ParquetText {
    file: SerializedFileReader<File>,
    /// The columns that are read, by their place in the file.
    columns: Vec<usize>,
    /// The row group that is read next.
    next_group: usize,
    /// The columns of the row group that is being read.
    readers: Vec<ColumnReader>,
    cells: Vec<Cells>,
    /// Text that was made and not yet given, from `given` on.
    text: Vec<u8>,
    given: usize,
    /// Rows made into text.
    rows: usize,
}

impl ParquetText {
    /// Opens the columns that are `wanted` by name, of those that have a text.
    pub(super) fn open(file: File, wanted: fn(&[String]) -> Vec<bool>) -> io::Result<Self> {
        guarded(|| {
            let file = SerializedFileReader::new(file).map_err(damaged)?;
            let schema = file.metadata().file_metadata().schema_descr();
            let columns = 0..schema.num_columns();
            let columns: Vec<usize> = columns.filter(|c| has_text(&schema.column(*c))).collect();
            let name = |column: &usize| schema.column(*column).name().to_owned();
            let names: Vec<String> = columns.iter().map(name).collect();
            let kept = wanted(&names);
            let mut text = Vec::new();
            let mut chosen = Vec::new();
            for ((column, name), kept) in columns.into_iter().zip(&names).zip(kept) {
                if kept {
                    let first = chosen.is_empty();
                    text.extend_from_slice(if first { b"" } else { b"," });
                    quote(name.as_bytes(), &mut text);
                    chosen.push(column);
                }
            }
            if chosen.is_empty() {
                let message = "there is no flat column of numbers or texts in this Parquet file";
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
            text.push(b'\n');
            Ok(Self {
                cells: chosen.iter().map(|_| Cells::default()).collect(),
                columns: chosen,
                file,
                next_group: 0,
                readers: Vec::new(),
                text,
                given: 0,
                rows: 0,
            })
        })
    }

    /// Makes the next rows into text; none are left where there is none after it.
    fn advance(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        while self.text.is_empty() {
            if self.readers.is_empty() {
                if self.next_group == self.file.metadata().num_row_groups() {
                    return Ok(());
                }
                let group = self.file.get_row_group(self.next_group).map_err(damaged)?;
                let open = |column: &usize| group.get_column_reader(*column).map_err(damaged);
                let readers = self.columns.iter().map(open).collect::<io::Result<_>>()?;
                self.readers = readers;
                self.next_group += 1;
            }
            let schema = self.file.metadata().file_metadata().schema_descr();
            let pairs = self.readers.iter_mut().zip(&mut self.cells);
            for ((reader, cells), column) in pairs.zip(&self.columns) {
                cells.read(reader, &schema.column(*column), ROWS)?;
            }
            let rows = self.cells[0].len();
            if self.cells.iter().any(|cells| cells.len() != rows) {
                let message = format!("its columns end at different rows after row {}", self.rows);
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
            if rows == 0 {
                self.readers.clear();
            }
            for row in 0..rows {
                for (place, cells) in self.cells.iter().enumerate() {
                    if place > 0 {
                        self.text.push(b',');
                    }
                    let field = cells.field(row);
                    if field.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
                        let message = format!(
                            "row {} has a line end in one of its texts: replace it",
                            self.rows + row + 1
                        );
                        return Err(io::Error::new(ErrorKind::InvalidData, message));
                    }
                    self.text.extend_from_slice(field);
                }
                self.text.push(b'\n');
            }
            self.rows += rows;
        }
        Ok(())
    }
}

impl Read for ParquetText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            guarded(|| self.advance())?;
        }
        let rest = &self.text[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

fn damaged(error: parquet::errors::ParquetError) -> io::Error {
    let message = format!("this is not a whole Parquet file of a known kind ({error})");
    io::Error::new(ErrorKind::InvalidData, message)
}

thread_local! {
    /// Whether this thread is inside the decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// The decoder is not ours, and a hostile file may bring it to panic: that is a damaged file too, and told as one, so
/// that the panic itself says nothing.
fn guarded<R>(read: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    static QUIET: Once = Once::new();
    // The hook cannot be changed by a thread that panics already.
    if !std::thread::panicking() {
        QUIET.call_once(|| {
            let hook = take_hook();
            set_hook(Box::new(move |panic| {
                if !DECODING.get() {
                    hook(panic);
                }
            }));
        });
    }
    let outer = DECODING.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    DECODING.set(outer);
    read.unwrap_or_else(|_| {
        let message = "the decoder of Parquet gave up on this file";
        Err(io::Error::new(ErrorKind::InvalidData, message))
    })
}
