//! The walk over a file's lines that all readers of ratings share.

use super::SkippedLine;
use super::columns::{self, Columns};
use super::fields::{self, Field};
use super::options::{OnError, RatingsOptions, Separator};
use crate::fault::{self, excerpt};
use crate::source::read_full;
use crate::text::lines::{LineFault, Lines, MAX_LINE};
use crate::text::number::{self, NumberFault};
use matfact_core::{Error, Result, Scalar};
use std::io::{Cursor, Read};
use std::path::Path;

/// Skipped lines that are listed; the others are counted.
const LISTED: usize = 10;
/// Bytes from which separator and header are found.
const SAMPLE: usize = 64 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A good line.
pub(super) struct Line<'a, T> {
    pub(super) user: &'a str,
    pub(super) item: &'a str,
    pub(super) value: Option<T>,
    pub(super) number: usize,
}

/// What the walk has to tell at its end.
pub(super) struct Outcome {
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) skipped_count: usize,
    pub(super) lines: usize,
    pub(super) header: Option<Vec<String>>,
}

/// What is wrong with a line.
enum Problem {
    Text(Option<usize>, String),
    Overflow(usize, String),
}

/// Hands every good line to `sink`. Where `value_needed`, each has a value.
pub(super) fn scan<T: Scalar>(
    mut reader: impl Read,
    path: &Path,
    options: &RatingsOptions,
    value_needed: bool,
    mut sink: impl FnMut(Line<'_, T>) -> Result<()>,
) -> Result<Outcome> {
    let default = default_value::<T>(options)?;
    let sample = read_sample(&mut reader, path)?;
    let separator = match options
        .separator
        .or_else(|| fields::detect(content(&sample)))
    {
        Some(separator) => separator,
        None if content(&sample).trim_ascii().is_empty() => Separator::Comma,
        None => {
            let text = "no separator found: the fields user, item and rating stand apart by tabs, `::`, commas, semicolons or spaces";
            return Err(fault::parse(path, 1, None, text));
        }
    };
    let start = sample.len() - content(&sample).len();
    let mut content = Cursor::new(sample);
    content.set_position(start as u64);
    let mut lines = Lines::new(content.chain(reader));
    let mut parser = Parser {
        separator,
        default,
        value_needed,
        columns: None,
        named: false,
        fields: Vec::new(),
        scratch: (String::new(), String::new()),
    };
    let mut outcome = Outcome {
        skipped: Vec::new(),
        skipped_count: 0,
        lines: 0,
        header: None,
    };
    let mut first = true;
    loop {
        let number = lines.number() + 1;
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(LineFault::Io(source)) => return Err(fault::read(path, number, source)),
            Err(LineFault::TooLong) => {
                let text = format!("no line of ratings has {MAX_LINE} bytes: is this a text file?");
                return Err(fault::parse(path, number, None, text));
            }
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        if std::mem::take(&mut first) {
            outcome.header = parser
                .header(line, options.header)
                .map_err(|problem| problem.into_error::<T>(path, number))?;
            if outcome.header.is_some() {
                continue;
            }
        }
        match parser.line(line, number) {
            Ok(line) => sink(line)?,
            Err(problem) if options.on_error == OnError::Stop => {
                return Err(problem.into_error::<T>(path, number));
            }
            Err(problem) => {
                outcome.skipped_count += 1;
                if outcome.skipped.len() < LISTED {
                    outcome.skipped.push(problem.into_skipped::<T>(number));
                }
            }
        }
    }
    outcome.lines = lines.number();
    Ok(outcome)
}

fn default_value<T: Scalar>(options: &RatingsOptions) -> Result<Option<T>> {
    let Some(value) = options.default_value else {
        return Ok(None);
    };
    let converted = T::from_f64(value);
    if converted.is_finite() {
        return Ok(Some(converted));
    }
    let requirement = format!("a finite number in the range of {}", T::NAME);
    Err(Error::invalid_parameter(
        "default_value",
        value,
        requirement,
    ))
}

/// The first bytes, at least up to the first line end if there is one.
fn read_sample(reader: &mut impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut sample = Vec::new();
    loop {
        let filled = sample.len();
        sample.resize(filled + SAMPLE, 0);
        let count =
            read_full(reader, &mut sample[filled..]).map_err(|e| fault::read(path, 0, e))?;
        sample.truncate(filled + count);
        let has_line = memchr::memchr(b'\n', &sample[filled..]).is_some();
        if count < SAMPLE || has_line || sample.len() > MAX_LINE {
            return Ok(sample);
        }
    }
}

/// What follows the byte order mark.
fn content(sample: &[u8]) -> &[u8] {
    sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample)
}

struct Parser<T> {
    separator: Separator,
    default: Option<T>,
    value_needed: bool,
    /// Known from the first line on.
    columns: Option<Columns>,
    /// Whether a header gave them.
    named: bool,
    fields: Vec<Field>,
    scratch: (String, String),
}

impl<T: Scalar> Parser<T> {
    fn must_have_value(&self) -> bool {
        self.value_needed && self.default.is_none()
    }

    /// The fields of the first line if they are names; fixes the columns in that case.
    fn header(&mut self, line: &[u8], given: Option<bool>) -> Result<Option<Vec<String>>, Problem> {
        if given == Some(false) {
            return Ok(None);
        }
        let names = self.split(line).map(|text| {
            let mut scratch = String::new();
            let own = |field: &Field| field.text(text, &mut scratch).to_owned();
            self.fields.iter().map(own).collect::<Vec<String>>()
        });
        let names = match (names, given) {
            (Ok(names), Some(true)) => names,
            (Ok(names), _) if columns::is_header(names.iter().map(|n| &n[..])) => names,
            (Err(problem), Some(true)) => return Err(problem),
            // A bad line of data, which is dealt with as such.
            _ => return Ok(None),
        };
        let columns = columns::by_header(&names, self.must_have_value());
        self.columns = Some(columns.map_err(|text| Problem::Text(None, text))?);
        self.named = true;
        Ok(Some(names))
    }

    /// Cuts a line into `self.fields` and gives it as text.
    fn split<'a>(&mut self, line: &'a [u8]) -> Result<&'a str, Problem> {
        if let Err(field) = fields::split(line, self.separator, &mut self.fields) {
            let text = "a quoted field must end on its line, and only the separator may follow: double the quotes inside it";
            return Err(Problem::Text(Some(field), text.to_owned()));
        }
        std::str::from_utf8(line).map_err(|error| {
            let at = error.valid_up_to();
            let field = self.fields.iter().position(|field| field.range.end > at);
            let text = "the text is not valid UTF-8: convert the file to UTF-8";
            Problem::Text(field.map(|field| field + 1), text.to_owned())
        })
    }

    /// Ids and value of a line of data.
    fn line<'a>(&'a mut self, line: &'a [u8], number: usize) -> Result<Line<'a, T>, Problem> {
        let text = self.split(line)?;
        let count = self.fields.len();
        let columns = match self.columns {
            // Lines without ratings came first, and this is the first one with.
            Some(columns) if !self.named && columns.value.is_none() && count > 2 => {
                self.by_position(count)?
            }
            Some(columns) => columns,
            None => self.by_position(count)?,
        };
        self.check_count(&columns, count)?;
        let value = match columns
            .value
            .and_then(|at| Some((at, self.fields.get(at)?)))
        {
            Some((at, field)) => Some(parse_value(field.raw(line), at + 1)?),
            None => self.default,
        };
        let (user_scratch, item_scratch) = &mut self.scratch;
        let user = self.fields[columns.user].text(text, user_scratch);
        let item = self.fields[columns.item].text(text, item_scratch);
        for (name, id, at) in [("user", user, columns.user), ("item", item, columns.item)] {
            if id.is_empty() {
                return Err(Problem::Text(
                    Some(at + 1),
                    format!("the {name} id is empty"),
                ));
            }
        }
        Ok(Line {
            user,
            item,
            value,
            number,
        })
    }

    /// Without a header the first good line fixes the number of fields.
    fn by_position(&mut self, count: usize) -> Result<Columns, Problem> {
        const MOST: usize = 4;
        if count > MOST {
            let text = format!(
                "{count} fields where user, item, rating and time are expected: name the columns in a header line"
            );
            return Err(Problem::Text(Some(MOST + 1), text));
        }
        let columns = columns::by_position(count, self.must_have_value());
        let columns = columns.map_err(|text| Problem::Text(Some(count + 1), text))?;
        self.columns = Some(columns);
        Ok(columns)
    }

    /// Every line has the same number of fields, except that a rating that is not needed may be
    /// left out with all that follows it.
    fn check_count(&mut self, columns: &Columns, count: usize) -> Result<(), Problem> {
        let width = columns.width;
        let may_lack_value = !self.must_have_value() && columns.user < 2 && columns.item < 2;
        if count == width || (may_lack_value && count == 2) {
            return Ok(());
        }
        let at = count.min(width) + 1;
        let what = if count < width { "missing" } else { "extra" };
        let text = format!(
            "{what} field: {count} field{} where {width} are expected (user, item, rating)",
            if count == 1 { "" } else { "s" }
        );
        Err(Problem::Text(Some(at), text))
    }
}

fn parse_value<T: Scalar>(text: &[u8], column: usize) -> Result<T, Problem> {
    let shown = || excerpt(text);
    let message = match number::parse(text) {
        Ok(value) => return Ok(value),
        Err(NumberFault::OutOfRange) if T::NAME == f32::NAME => {
            let text = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
            return Err(Problem::Overflow(column, text));
        }
        Err(NumberFault::OutOfRange) => format!("{} is beyond the range of f64", shown()),
        Err(NumberFault::NotFinite) => {
            format!(
                "{} is not a finite number: remove the line or put a number",
                shown()
            )
        }
        Err(NumberFault::Syntax) if text.is_empty() => "the rating is empty".to_owned(),
        Err(NumberFault::Syntax) if is_decimal_comma(text) => {
            format!(
                "{} is not a number: write a decimal point, not a comma",
                shown()
            )
        }
        Err(NumberFault::Syntax) => format!("{} is not a number", shown()),
    };
    Err(Problem::Text(Some(column), message))
}

fn is_decimal_comma(text: &[u8]) -> bool {
    text.contains(&b',')
        && text
            .iter()
            .all(|b| b.is_ascii_digit() || b",.+-".contains(b))
}

impl Problem {
    fn into_error<T: Scalar>(self, path: &Path, line: usize) -> Error {
        match self {
            Problem::Text(column, text) => fault::parse(path, line, column, text),
            Problem::Overflow(column, value) => Error::Overflow {
                step: format!("{}:{line}:{column}: the rating {value}", path.display()),
                scalar: T::NAME,
            },
        }
    }

    fn into_skipped<T: Scalar>(self, line: usize) -> SkippedLine {
        let (column, message) = match self {
            Problem::Text(column, text) => (column, text),
            Problem::Overflow(column, value) => (
                Some(column),
                format!("the rating {value} overflows {}", T::NAME),
            ),
        };
        SkippedLine {
            line,
            column,
            message,
        }
    }
}
