//! One line of ratings: its fields, what is wrong with it.

use super::SkippedLine;
use super::columns::{self, Columns};
use super::fields::{self, Field};
use super::options::Separator;
use crate::fault::{self, excerpt};
use crate::text::number::{self, NumberFault};
use matfact_core::{Error, Scalar};
use std::path::Path;

/// A good line.
pub(super) struct Line<'a, T> {
    pub(super) user: &'a str,
    pub(super) item: &'a str,
    pub(super) value: Option<T>,
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) enum Problem {
    Text(Option<usize>, String),
    Overflow(usize, String),
}

/// What the lines so far have settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    /// Whether the line has been seen that may be a header.
    pub(super) begun: bool,
    /// Known from the first line on.
    pub(super) columns: Option<Columns>,
    /// Whether a header gave them.
    named: bool,
}

/// What all lines of a file have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format<T> {
    pub(super) separator: Separator,
    pub(super) default: Option<T>,
    pub(super) value_needed: bool,
}

/// Reads line after line.
pub(super) struct Parser<T> {
    format: Format<T>,
    pub(super) state: State,
    fields: Vec<Field>,
    scratch: (String, String),
}

impl<T: Scalar> Parser<T> {
    pub(super) fn new(format: Format<T>, state: State) -> Self {
        Self {
            format,
            state,
            fields: Vec::new(),
            scratch: (String::new(), String::new()),
        }
    }

    fn must_have_value(&self) -> bool {
        self.format.value_needed && self.format.default.is_none()
    }

    /// The fields of the first line if they are names; fixes the columns in that case.
    pub(super) fn header(
        &mut self,
        line: &[u8],
        given: Option<bool>,
    ) -> Result<Option<Vec<String>>, Problem> {
        self.state.begun = true;
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
        self.state.columns = Some(columns.map_err(|text| Problem::Text(None, text))?);
        self.state.named = true;
        Ok(Some(names))
    }

    /// Cuts a line into `self.fields` and gives it as text.
    fn split<'a>(&mut self, line: &'a [u8]) -> Result<&'a str, Problem> {
        if let Err(field) = fields::split(line, self.format.separator, &mut self.fields) {
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
    pub(super) fn line<'a>(&'a mut self, line: &'a [u8]) -> Result<Line<'a, T>, Problem> {
        let text = self.split(line)?;
        let count = self.fields.len();
        let columns = match self.state.columns {
            // Lines without ratings came first, and this is the first one with.
            Some(columns) if !self.state.named && columns.value.is_none() && count > 2 => {
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
            None => self.format.default,
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
        Ok(Line { user, item, value })
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
        self.state.columns = Some(columns);
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
    pub(super) fn into_error<T: Scalar>(self, path: &Path, line: usize) -> Error {
        match self {
            Problem::Text(column, text) => fault::parse(path, line, column, text),
            Problem::Overflow(column, value) => Error::Overflow {
                step: format!("{}:{line}:{column}: the rating {value}", path.display()),
                scalar: T::NAME,
            },
        }
    }

    pub(super) fn into_skipped<T: Scalar>(self, line: usize) -> SkippedLine {
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
