//! What a configuration file says, with the lines where it says it.

use matfact::{Error, Result};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key with its values, as they would stand on the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value as it would stand on the command line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Text, or a number as it was written.
    One(String),
    /// Whether an option without a value is given.
    Switch(bool),
    /// Several of the first.
    Many(Vec<String>),
    /// Keys of their own.
    Table(Vec<Entry>),
}

/// A file of keys and values.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

impl File {
    /// Reads TOML.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        let refused = |line, message: String| Error::Parse {
            path: path.to_owned(),
            line,
            column: None,
            message,
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            refused(line_at(before), "the text is not valid UTF-8".to_owned())
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let message = error.message().replace('\n', ", ");
            refused(
                line_at(&text.as_bytes()[..at]),
                format!("not TOML: {message}"),
            )
        })?;
        let entries =
            entries(table.get_ref(), text).map_err(|(line, message)| refused(line, message))?;
        Ok(Self {
            path: path.to_owned(),
            entries,
        })
    }

    /// The refusal of what stands in a line.
    pub(crate) fn refuse(&self, line: usize, message: String) -> Error {
        Error::Parse {
            path: self.path.clone(),
            line,
            column: None,
            message,
        }
    }
}

fn line_at(before: &[u8]) -> usize {
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn entries(table: &DeTable<'_>, text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries = Vec::new();
    for (key, value) in table {
        let line = line_at(&text.as_bytes()[..key.span().start.min(text.len())]);
        entries.push(Entry {
            key: key.get_ref().replace('_', "-"),
            line,
            value: read_value(key.get_ref(), value, text, line)?,
        });
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn read_value(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    text: &str,
    line: usize,
) -> Result<Value, (usize, String)> {
    Ok(match value.get_ref() {
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Array(values) => {
            let one = |value: &Spanned<DeValue<'_>>| match scalar(value) {
                Some(text) => Ok(text),
                None => Err((
                    line,
                    format!(
                        "{key} is a list of {}: give text or numbers",
                        value.get_ref().type_str()
                    ),
                )),
            };
            Value::Many(values.iter().map(one).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(entries(table, text)?),
        other => match scalar(value) {
            Some(text) => Value::One(text),
            None => {
                let message = format!("{key} is a {}: write it as text", other.type_str());
                return Err((line, message));
            }
        },
    })
}

/// Text, or a number as it was written.
fn scalar(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
