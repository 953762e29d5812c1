//! Names of items, to be read by people.

use matfact::{Error, Result};
use std::collections::HashMap;
use std::path::Path;

/// The name of each id that a file has: id and name a line, with a tab, `::`, `|`, a semicolon or a comma
/// between. With the last two a field may stand in double quotes. A header is a line like any other: no item
/// has its id.
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    pub(crate) fn read(path: Option<&Path>) -> Result<Option<Self>> {
        let Some(path) = path else {
            return Ok(None);
        };
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        // Titles in old character sets are shown as far as they can be.
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let separator = text.lines().next().and_then(separator).ok_or_else(|| {
            let message =
                "names stand behind the item's id with a tab, `::`, `|`, `;` or `,` between";
            Error::Parse {
                path: path.to_owned(),
                line: 1,
                column: None,
                message: message.to_owned(),
            }
        })?;
        let named = text.lines().filter_map(|line| {
            let mut fields = Fields { line, separator };
            Some((fields.next()?, fields.next()?))
        });
        Ok(Some(Self(named.collect())))
    }

    /// The name of an item, nothing if it has none.
    pub(crate) fn of(&self, id: &str) -> &str {
        self.0.get(id).map_or("", String::as_str)
    }
}

fn separator(line: &str) -> Option<&'static str> {
    ["\t", "::", "|", ";", ","]
        .into_iter()
        .find(|separator| line.contains(separator))
}

/// The fields of a line.
struct Fields<'a> {
    line: &'a str,
    separator: &'static str,
}

impl Iterator for Fields<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.line.is_empty() {
            return None;
        }
        if matches!(self.separator, ";" | ",")
            && let Some(rest) = self.line.strip_prefix('"')
        {
            // Two quotes inside stand for one.
            let mut end = 0;
            while let Some(at) = rest[end..].find('"') {
                end += at + 1;
                if !rest[end..].starts_with('"') {
                    let field = rest[..end - 1].replace("\"\"", "\"");
                    let rest = &rest[end..];
                    self.line = rest.strip_prefix(self.separator).unwrap_or(rest);
                    return Some(field);
                }
                end += 1;
            }
        }
        let (field, rest) = self
            .line
            .split_once(self.separator)
            .unwrap_or((self.line, ""));
        self.line = rest;
        Some(field.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_every_separator() {
        for (line, expected) in [
            ("7\tAlien, 1979\tHorror", ["7", "Alien, 1979"]),
            ("7::Alien::Horror", ["7", "Alien"]),
            ("7|Alien (1979)|x", ["7", "Alien (1979)"]),
            ("7,\"Alien, \"\"79\"\"\",Horror", ["7", "Alien, \"79\""]),
            ("\"7\";\"Alien\"", ["7", "Alien"]),
            ("7,\"Alien", ["7", "\"Alien"]),
        ] {
            let separator = separator(line).unwrap();
            let fields: Vec<String> = Fields { line, separator }.take(2).collect();
            assert_eq!(fields, expected, "{line}");
        }
        assert_eq!(separator("Alien"), None);
    }
}
