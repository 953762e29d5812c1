//! The values of a column as fields of delimited text.

use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescriptor;
use std::io::{self, ErrorKind, Write as _};

/// Fields one after the other.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn field(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[index]]
    }

    /// The next values of a column, at most `count`.
    pub(super) fn read(
        &mut self,
        column: &mut ColumnReader,
        descriptor: &ColumnDescriptor,
        count: usize,
    ) -> io::Result<()> {
        self.text.clear();
        self.ends.clear();
        let depth = descriptor.max_def_level();
        let unsigned = is_unsigned(descriptor);
        match column {
            ColumnReader::BoolColumnReader(r) => self.take(r, depth, count, |v, out| {
                out.push(if *v { b'1' } else { b'0' });
            }),
            ColumnReader::Int32ColumnReader(r) if unsigned => {
                self.take(r, depth, count, |v, out| show(out, v.cast_unsigned()))
            }
            ColumnReader::Int32ColumnReader(r) => self.take(r, depth, count, |v, out| show(out, v)),
            ColumnReader::Int64ColumnReader(r) if unsigned => {
                self.take(r, depth, count, |v, out| show(out, v.cast_unsigned()))
            }
            ColumnReader::Int64ColumnReader(r) => self.take(r, depth, count, |v, out| show(out, v)),
            ColumnReader::FloatColumnReader(r) => self.take(r, depth, count, |v, out| show(out, v)),
            ColumnReader::DoubleColumnReader(r) => {
                self.take(r, depth, count, |v, out| show(out, v))
            }
            ColumnReader::ByteArrayColumnReader(r) => {
                self.take(r, depth, count, |v: &ByteArray, out| quote(v.data(), out))
            }
            _ => unreachable!("columns of other types are not opened"),
        }
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))
    }

    fn take<D: DataType>(
        &mut self,
        column: &mut ColumnReaderImpl<D>,
        depth: i16,
        count: usize,
        write: impl Fn(&D::T, &mut Vec<u8>),
    ) -> Result<()> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (records, ..) = column.read_records(count, Some(&mut levels), None, &mut values)?;
        let mut values = values.iter();
        for record in 0..records {
            // Without levels, no value can be missing.
            if levels.get(record).is_none_or(|level| *level == depth)
                && let Some(value) = values.next()
            {
                write(value, &mut self.text);
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}

/// Whether columns of this kind have a text of their own: flat, and neither decimal nor of raw bytes.
pub(super) fn has_text(descriptor: &ColumnDescriptor) -> bool {
    let decimal = matches!(descriptor.converted_type(), ConvertedType::DECIMAL)
        || matches!(
            descriptor.logical_type_ref(),
            Some(LogicalType::Decimal { .. })
        );
    let flat = descriptor.max_rep_level() == 0 && descriptor.path().parts().len() == 1;
    let known = !matches!(
        descriptor.physical_type(),
        Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY
    );
    flat && known && !decimal
}

fn is_unsigned(descriptor: &ColumnDescriptor) -> bool {
    matches!(
        descriptor.converted_type(),
        ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64
    )
}

fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

/// A text as a field: in quotes where it has what ends a field, or blanks at its ends. A line end in it
/// stays, and is the reader's to refuse.
pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let plain = !text.iter().any(|byte| matches!(byte, b',' | b'"'))
        && !blank(text.first())
        && !blank(text.last());
    if plain {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
