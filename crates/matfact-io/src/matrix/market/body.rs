//! Size line and entries of a MatrixMarket file.

use super::banner::{Banner, Field, Format, Symmetry};
use super::{Input, MAX_SIDE};
use crate::fault::excerpt;
use crate::text::number::{self, NumberFault};
use matfact_core::ndarray::{Array2, ShapeBuilder};
use matfact_core::sprs::CsMatI;
use matfact_core::{Duplicates, Error, Result, Scalar, csr_from_triplets};
use std::io::Read;

/// Rows and columns beyond the listed entries: enough for every real matrix, and a bound on the
/// memory (8 bytes a row) that a few bytes of text can ask for.
const FREE_SIDE: u64 = 1 << 20;
const SIDE_PER_ENTRY: u64 = 64;

/// The size line.
struct Size {
    rows: usize,
    columns: usize,
    entries: u64,
}

/// A listed entry, indices from 0.
struct Entry<T> {
    row: u32,
    column: u32,
    value: T,
}

/// A fault inside a line, with the field it is in.
enum Fault {
    Text(Option<usize>, String),
    Overflow(String),
}

impl<R: Read> Input<'_, R> {
    fn refuse<T: Scalar>(&self, fault: Fault) -> Error {
        match fault {
            Fault::Text(column, text) => self.error(column, text),
            Fault::Overflow(value) => Error::Overflow {
                step: format!(
                    "{}:{}: the value {value}",
                    self.path.display(),
                    self.lines.number()
                ),
                scalar: T::NAME,
            },
        }
    }
}

/// Reads a sparse matrix, symmetric ones expanded, duplicates added up.
pub(super) fn coordinate<T: Scalar, R: Read>(
    input: &mut Input<'_, R>,
    banner: Banner,
) -> Result<CsMatI<T, u32, usize>> {
    let size = read_size(input, banner)?;
    let mirrored = banner.symmetry != Symmetry::General;
    // "1 1" and a line end are the shortest entry.
    let room = input.plausible(size.entries, 4);
    let mut entries = Vec::with_capacity(if mirrored { 2 * room } else { room });
    let mut found = 0_u64;
    while let Some(line) = input.next_content()? {
        found += 1;
        if found > size.entries {
            let text = format!(
                "the size line promises {} entries, and here is one more",
                size.entries
            );
            return Err(input.error(None, text));
        }
        let entry = match parse_entry::<T>(line, &size, banner) {
            Ok(entry) => entry,
            Err(fault) => return Err(input.refuse::<T>(fault)),
        };
        let Entry { row, column, value } = entry;
        entries.push((row, column, value));
        if mirrored && row != column {
            let skew = banner.symmetry == Symmetry::SkewSymmetric;
            entries.push((column, row, if skew { -value } else { value }));
        }
    }
    if found < size.entries {
        return Err(too_few(input, found, size.entries));
    }
    let triplets = entries
        .into_iter()
        .map(|(i, j, v)| (i as usize, j as usize, v));
    let matrix = csr_from_triplets((size.rows, size.columns), triplets, Duplicates::Sum)?;
    match matrix.iter().find(|(value, _)| !value.is_finite()) {
        Some((_, (row, column))) => Err(Error::Overflow {
            step: format!(
                "{}: the sum of the entries given for row {}, column {}",
                input.path.display(),
                row + 1,
                column + 1
            ),
            scalar: T::NAME,
        }),
        None => Ok(matrix),
    }
}

/// Reads a dense matrix: one value a line, column by column.
pub(super) fn array<T: Scalar, R: Read>(
    input: &mut Input<'_, R>,
    banner: Banner,
) -> Result<Array2<T>> {
    let size = read_size(input, banner)?;
    let mut values = Vec::with_capacity(input.plausible(size.entries, 2));
    while let Some(line) = input.next_content()? {
        if values.len() as u64 == size.entries {
            let text = format!(
                "the size line asks for {} values, and here is one more",
                size.entries
            );
            return Err(input.error(None, text));
        }
        match parse_single::<T>(line, banner.field) {
            Ok(value) => values.push(value),
            Err(fault) => return Err(input.refuse::<T>(fault)),
        }
    }
    if (values.len() as u64) < size.entries {
        return Err(too_few(input, values.len() as u64, size.entries));
    }
    if banner.symmetry != Symmetry::General {
        return Ok(expand(&values, size.rows, banner.symmetry));
    }
    Array2::from_shape_vec((size.rows, size.columns).f(), values)
        .map_err(|error| input.error(None, format!("the shape is impossible: {error}")))
}

/// The full matrix from its lower triangle, column by column; every value is there already, so that
/// the allocation is at most twice what has been read.
fn expand<T: Scalar>(values: &[T], side: usize, symmetry: Symmetry) -> Array2<T> {
    let skew = symmetry == Symmetry::SkewSymmetric;
    let mut full = Array2::zeros((side, side));
    let mut next = values.iter();
    for column in 0..side {
        for row in column + usize::from(skew)..side {
            let value = next.next().copied().unwrap_or_else(T::zero);
            full[[column, row]] = if skew { -value } else { value };
            full[[row, column]] = value;
        }
    }
    full
}

fn too_few<R: Read>(input: &Input<'_, R>, found: u64, promised: u64) -> Error {
    let text = format!(
        "the file ends after {found} of the {promised} entries that its size line promises: it is cut short"
    );
    input.error(None, text)
}

fn read_size<R: Read>(input: &mut Input<'_, R>, banner: Banner) -> Result<Size> {
    let names: &[&str] = match banner.format {
        Format::Coordinate => &["rows", "columns", "entries"],
        Format::Array => &["rows", "columns"],
    };
    let Some(line) = input.next_content()? else {
        return Err(input.error(None, "the file ends before its size line"));
    };
    let mut numbers = [0_u64; 3];
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|f| !f.is_empty());
    let mut fault = None;
    for (at, name) in names.iter().enumerate() {
        let field = fields.next().unwrap_or_default();
        match number::parse_unsigned(field) {
            Some(value) => numbers[at] = value,
            None => {
                let shown = excerpt(field);
                fault = Some((at + 1, format!("the number of {name} cannot be {shown}")));
                break;
            }
        }
    }
    if fault.is_none() && fields.next().is_some() {
        let text = format!("the size line has more than {} numbers", names.len());
        fault = Some((names.len() + 1, text));
    }
    if let Some((column, text)) = fault {
        return Err(input.error(Some(column), text));
    }
    let [rows, columns, entries] = numbers;
    check_size(input, banner, rows, columns, entries)
}

/// Refuses sizes that cannot be true or that would need memory out of all proportion.
fn check_size<R: Read>(
    input: &Input<'_, R>,
    banner: Banner,
    rows: u64,
    columns: u64,
    entries: u64,
) -> Result<Size> {
    for (column, name, side) in [(1, "rows", rows), (2, "columns", columns)] {
        if side > MAX_SIDE {
            let text = format!("{side} {name} are more than the {MAX_SIDE} that can be indexed");
            return Err(input.error(Some(column), text));
        }
        let limit = entries
            .saturating_mul(SIDE_PER_ENTRY)
            .saturating_add(FREE_SIDE);
        if banner.format == Format::Coordinate && side > limit {
            let text = format!(
                "{side} {name} for {entries} entries: nearly all of them would be empty, so this is taken for damage; leave the empty ones out"
            );
            return Err(input.error(Some(column), text));
        }
    }
    if banner.symmetry != Symmetry::General && rows != columns {
        let text = format!("a symmetric matrix cannot be {rows} x {columns}");
        return Err(input.error(None, text));
    }
    // Both are below 2^32, so that the products fit.
    let entries = match (banner.format, banner.symmetry) {
        (Format::Coordinate, _) => entries,
        (Format::Array, Symmetry::General) => rows * columns,
        (Format::Array, Symmetry::Symmetric) => rows * (rows + 1) / 2,
        (Format::Array, Symmetry::SkewSymmetric) => rows * rows.saturating_sub(1) / 2,
    };
    match (usize::try_from(rows), usize::try_from(columns)) {
        (Ok(rows), Ok(columns)) if rows > 0 && columns > 0 => Ok(Size {
            rows,
            columns,
            entries,
        }),
        _ => Err(Error::EmptyInput {
            rows: rows as usize,
            columns: columns as usize,
            stored: 0,
        }),
    }
}

/// Cuts the next field off the front of a line; empty at its end.
#[inline]
fn next_field<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let line = rest.trim_ascii_start();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let (field, tail) = line.split_at(end);
    *rest = tail;
    field
}

#[inline]
fn parse_entry<T: Scalar>(line: &[u8], size: &Size, banner: Banner) -> Result<Entry<T>, Fault> {
    let mut rest = line;
    let row = parse_index(next_field(&mut rest), 1, "row", size.rows)?;
    let column = parse_index(next_field(&mut rest), 2, "column", size.columns)?;
    let value = match banner.field {
        Field::Pattern => T::one(),
        field => parse_value(next_field(&mut rest), 3, field)?,
    };
    let fields = if banner.field == Field::Pattern { 2 } else { 3 };
    check_end(rest, fields, banner.field)?;
    if banner.symmetry != Symmetry::General && column > row {
        let (row, column) = (u64::from(row) + 1, u64::from(column) + 1);
        let text = format!(
            "row {row}, column {column} lies above the diagonal, and a symmetric file lists the lower triangle alone: swap the two, or write it as general"
        );
        return Err(Fault::Text(Some(2), text));
    }
    if banner.symmetry == Symmetry::SkewSymmetric && row == column && value != T::zero() {
        let text = "the diagonal of a skew-symmetric matrix is zero".to_owned();
        return Err(Fault::Text(Some(3), text));
    }
    Ok(Entry { row, column, value })
}

fn parse_single<T: Scalar>(line: &[u8], field: Field) -> Result<T, Fault> {
    let mut rest = line;
    let value = parse_value(next_field(&mut rest), 1, field)?;
    check_end(rest, 1, field)?;
    Ok(value)
}

fn check_end(rest: &[u8], fields: usize, field: Field) -> Result<(), Fault> {
    if rest.trim_ascii_start().is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} stands after the {fields} fields of an entry (indices and {})",
        excerpt(rest.trim_ascii()),
        field.noun()
    );
    Err(Fault::Text(Some(fields + 1), text))
}

/// An index of the file, which counts from 1, as one that counts from 0.
#[inline]
fn parse_index(text: &[u8], column: usize, axis: &str, bound: usize) -> Result<u32, Fault> {
    match number::parse_unsigned(text) {
        // The bound is below 2^32.
        Some(index) if index >= 1 && index <= bound as u64 => Ok((index - 1) as u32),
        index => {
            let shown = excerpt(text);
            let text = match index {
                _ if text.is_empty() => format!("the {axis} index is missing"),
                Some(0) => {
                    format!("the {axis} index is 0, and MatrixMarket counts from 1: add 1 to all")
                }
                Some(index) => {
                    format!("the {axis} index {index} is beyond the {bound} of the size line")
                }
                None => format!("the {axis} index {shown} is not an integer from 1 to {bound}"),
            };
            Err(Fault::Text(Some(column), text))
        }
    }
}

#[inline]
fn parse_value<T: Scalar>(text: &[u8], column: usize, field: Field) -> Result<T, Fault> {
    let refuse = |text: String| Err(Fault::Text(Some(column), text));
    let shown = || excerpt(text);
    if field == Field::Integer {
        let digits = text
            .strip_prefix(b"-")
            .or(text.strip_prefix(b"+"))
            .unwrap_or(text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return refuse(format!(
                "{} is not an integer, as the first line promises",
                shown()
            ));
        }
    }
    match number::parse(text) {
        Ok(value) => Ok(value),
        Err(_) if text.is_empty() => refuse("the value is missing".to_owned()),
        Err(NumberFault::Syntax) => refuse(format!("{} is not {}", shown(), field.noun())),
        Err(NumberFault::NotFinite) => refuse(format!(
            "{} is not a finite number: leave the entry out or replace it",
            shown()
        )),
        Err(NumberFault::OutOfRange) if T::NAME == f32::NAME => {
            Err(Fault::Overflow(String::from_utf8_lossy(text).into_owned()))
        }
        Err(NumberFault::OutOfRange) => refuse(format!("{} is beyond the range of f64", shown())),
    }
}
