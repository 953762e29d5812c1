//! Cutting lines of names, and finding what is where.

use super::NamesOptions;
use crate::ratings::{Field, Separator, split};

/// What cuts a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    By(Separator),
    /// `|`, which files of ratings do not use.
    Bar,
}

impl Cut {
    const FOUND: [(Cut, &'static str); 5] = [
        (Cut::By(Separator::Tab), "\t"),
        (Cut::By(Separator::DoubleColon), "::"),
        (Cut::Bar, "|"),
        (Cut::By(Separator::Comma), ","),
        (Cut::By(Separator::Semicolon), ";"),
    ];

    /// The fields of a line; the error is the number of one that is not rightly quoted.
    pub(super) fn split(self, line: &str, out: &mut Vec<String>) -> Result<(), usize> {
        out.clear();
        match self {
            Cut::Bar => out.extend(line.split('|').map(|field| field.trim().to_owned())),
            // The id ends at the first blank, and a name may have blanks.
            Cut::By(Separator::Spaces) => {
                let line = line.trim();
                let (id, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                out.extend([id.to_owned(), name.trim_start().to_owned()]);
            }
            Cut::By(separator) => {
                let mut fields: Vec<Field> = Vec::new();
                split(line.as_bytes(), separator, &mut fields)?;
                let mut scratch = String::new();
                out.extend(
                    fields
                        .iter()
                        .map(|field| field.text(line, &mut scratch).to_owned()),
                );
            }
        }
        Ok(())
    }
}

/// The separator that comes first in most of these lines: ids stand first and are short, while names and
/// what follows them may hold anything.
pub(super) fn detect(text: &[u8]) -> Option<Cut> {
    const LINES: usize = 64;
    let mut votes = [0; Cut::FOUND.len()];
    let lines = text.split(|b| *b == b'\n').map(String::from_utf8_lossy);
    for line in lines.filter(|line| !line.trim().is_empty()).take(LINES) {
        // Past a quoted id.
        let quoted = line
            .strip_prefix('"')
            .and_then(|rest| rest.find('"'))
            .map_or(0, |at| at + 2);
        let rest = &line[quoted..];
        let places = Cut::FOUND
            .iter()
            .map(|(_, mark)| rest.find(mark))
            .enumerate();
        let first = places.filter_map(|(at, place)| Some((place?, at))).min();
        if let Some((_, at)) = first {
            votes[at] += 1;
        }
    }
    let most = *votes.iter().max().filter(|most| **most > 0)?;
    let at = votes.iter().position(|votes| *votes == most)?;
    Some(Cut::FOUND[at].0)
}

/// The columns of id and name, counted from 0, by the first line, and whether that line is a header; the
/// error is a message.
pub(super) fn places(
    fields: &[String],
    options: &NamesOptions,
) -> Result<((usize, usize), bool), String> {
    let plain = |field: &String| {
        let letters = field.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let fields: Vec<String> = fields.iter().map(plain).collect();
    let find = |known: &[&str]| fields.iter().position(|field| known.contains(&&field[..]));
    let named_id = find(&[
        "id",
        "item",
        "itemid",
        "user",
        "userid",
        "movieid",
        "filmid",
        "productid",
        "bookid",
        "isbn",
        "artistid",
        "trackid",
        "songid",
        "asin",
        "animeid",
    ]);
    let named_name = find(&[
        "title",
        "name",
        "booktitle",
        "movietitle",
        "label",
        "description",
    ]);
    let header = options
        .header
        .unwrap_or(named_id.is_some() || named_name == Some(1));
    let (id, name) = match header {
        true => (
            named_id.unwrap_or(0),
            named_name.filter(|name| Some(*name) != named_id),
        ),
        false => (0, None),
    };
    let name = match options.name_column {
        Some(0) => return Err("columns count from 1: there is no column 0".to_owned()),
        Some(column) => column - 1,
        None => name.unwrap_or(if id == 1 { 0 } else { 1 }),
    };
    if name == id {
        return Err(format!(
            "column {} holds the ids: name another for the names",
            id + 1
        ));
    }
    Ok(((id, name), header))
}
