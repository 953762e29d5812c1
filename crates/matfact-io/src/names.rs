//! Names to show in the place of ids: `id, name` lines.

mod cut;

use crate::ids::Ids;
use crate::ratings::Separator;
use crate::text::lines::{LineFault, Lines, MAX_LINE};
use crate::{fault, fault::excerpt};
use crate::{parquet, source};
use cut::Cut;
use matfact_core::Result;
use std::io::{Cursor, Read};
use std::path::Path;

/// How to read a file of names.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `separator` | from the first lines | what stands between two fields |
/// | `header` | from the first line | whether the first line names the columns |
/// | `name_column` | by the header (`title`, `name`, ...), else 2 | which column holds the names, counted from 1 |
///
/// ```
/// use matfact_io::{NamesOptions, Separator};
/// let options = NamesOptions::default().separator(Separator::Tab).name_column(3);
/// assert_eq!(options.name_column, Some(3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NamesOptions {
    /// What stands between two fields; `None` finds it (and knows `|` too).
    pub separator: Option<Separator>,
    /// Whether the first line names the columns; `None` finds it.
    pub header: Option<bool>,
    /// The column of the names, counted from 1; `None` finds it.
    pub name_column: Option<usize>,
}

impl NamesOptions {
    /// Sets what stands between two fields.
    #[must_use]
    pub fn separator(mut self, separator: Separator) -> Self {
        self.separator = Some(separator);
        self
    }

    /// Says whether the first line names the columns.
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets the column of the names, counted from 1.
    #[must_use]
    pub fn name_column(mut self, column: usize) -> Self {
        self.name_column = Some(column);
        self
    }
}

/// Names of items or users by their ids, to be shown in their place.
///
/// ```
/// use matfact_io::{Names, NamesOptions};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("movies.csv");
/// std::fs::write(&path, "movieId,title,genres\n1,\"Bad Boys, The\",Action\n2,Heat,Crime\n")?;
/// let names = Names::read(&path, &NamesOptions::default())?;
/// assert_eq!(names.get("1"), Some("Bad Boys, The"));
/// assert_eq!((names.get("7"), names.display("7")), (None, "7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    ids: Ids,
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<usize>,
}

impl Names {
    /// Reads names from delimited text, plain or compressed: an id in the first column (or where the
    /// header says `id`, `movieId`, `isbn`, ...) and a name in the second (or where it says `title`,
    /// `name`, ...), the columns apart by tabs, `::`, `|`, commas or semicolons. Further columns are not
    /// looked at. Lines that are not UTF-8 are taken as Latin-1, which older data sets use. Of an id that
    /// occurs again the first name is kept; empty names are left out.
    ///
    /// # Errors
    /// [`Error::Io`](matfact_core::Error::Io) where there is no readable file;
    /// [`Error::Parse`](matfact_core::Error::Parse) for a line without an id or without the column of
    /// the names, and for a file without names.
    pub fn read(path: impl AsRef<Path>, options: &NamesOptions) -> Result<Self> {
        let path = path.as_ref();
        let reader = parquet::open_table(path, |names| vec![true; names.len()])?;
        if parquet::is_parquet(path) {
            let known = options.clone().separator(Separator::Comma).header(true);
            return read(reader, path, &known);
        }
        read(reader, path, options)
    }

    /// The name of an id; `None` if the file has none.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&str> {
        self.ids.index(id).map(|index| {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.text[start..self.ends[index]]
        })
    }

    /// The name of an id, or the id itself where there is none.
    #[must_use]
    pub fn display<'a>(&'a self, id: &'a str) -> &'a str {
        self.get(id).unwrap_or(id)
    }

    /// The ids of a name, in the order of the file: none, one, or several that share it.
    ///
    /// ```
    /// use matfact_io::{Names, NamesOptions};
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("movies.txt");
    /// std::fs::write(&path, "7|Emma\n8|Heat\n9|Emma\n")?;
    /// let names = Names::read(&path, &NamesOptions::default())?;
    /// assert!(names.ids_named("Emma").eq(["7", "9"]));
    /// assert_eq!(names.ids_named("Alien").next(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ids_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.ids.iter().filter(move |id| self.get(id) == Some(name))
    }

    /// How many ids have a name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn insert(&mut self, id: &str, name: &str) -> Result<()> {
        if self.ids.insert(id)? == self.ends.len() {
            self.text.push_str(name);
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}

/// Bytes from which the separator is found.
const SAMPLE: usize = 64 << 10;

fn read(mut reader: impl Read, path: &Path, options: &NamesOptions) -> Result<Names> {
    let mut sample = vec![0; SAMPLE];
    let filled =
        source::read_full(&mut reader, &mut sample).map_err(|e| fault::read(path, 0, e))?;
    sample.truncate(filled);
    let start = if sample.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let cut = match options.separator {
        Some(separator) => Cut::By(separator),
        None => cut::detect(&sample[start..]).ok_or_else(|| {
            let text = "no separator found: id and name stand apart by tabs, `::`, `|`, commas or semicolons";
            fault::parse(path, 1, None, text)
        })?,
    };
    let mut content = Cursor::new(sample);
    content.set_position(start as u64);
    let mut lines = Lines::new(content.chain(reader));
    let mut places = None;
    let mut names = Names::default();
    let mut fields = Vec::new();
    loop {
        let number = lines.number() + 1;
        let line = match lines.next() {
            Ok(Some(line)) => latin(line),
            Ok(None) => break,
            Err(LineFault::Io(source)) => return Err(fault::read(path, number, source)),
            Err(LineFault::TooLong) => {
                let text = format!("no line of names has {MAX_LINE} bytes: is this a text file?");
                return Err(fault::parse(path, number, None, text));
            }
        };
        if line.trim().is_empty() {
            continue;
        }
        cut.split(&line, &mut fields).map_err(|field| {
            let text = "a quoted field must end on its line: double the quotes inside it";
            fault::parse(path, number, Some(field), text)
        })?;
        let (id_at, name_at) = match places {
            Some(places) => places,
            None => {
                let (found, is_header) = cut::places(&fields, options)
                    .map_err(|text| fault::parse(path, number, None, text))?;
                places = Some(found);
                if is_header {
                    continue;
                }
                found
            }
        };
        let (Some(id), Some(name)) = (fields.get(id_at), fields.get(name_at)) else {
            let text = format!(
                "{} stands where the columns {} (id) and {} (name) are expected",
                excerpt(line.as_bytes()),
                id_at + 1,
                name_at + 1
            );
            return Err(fault::parse(path, number, Some(fields.len() + 1), text));
        };
        if id.is_empty() {
            return Err(fault::parse(
                path,
                number,
                Some(id_at + 1),
                "the id is empty",
            ));
        }
        if !name.is_empty() {
            names.insert(id, name)?;
        }
    }
    if names.is_empty() {
        return Err(fault::parse(
            path,
            lines.number(),
            None,
            "the file has no names",
        ));
    }
    Ok(names)
}

/// A line as text; each byte of one that is not UTF-8 is the character of that number.
fn latin(line: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => text.into(),
        Err(_) => line
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: impl AsRef<[u8]>) -> Result<Names> {
        read(text.as_ref(), Path::new("names"), &NamesOptions::default())
    }

    #[test]
    fn the_formats_of_public_data_sets_are_found() {
        for (text, id, name) in [
            (
                "1|Toy Story (1995)|01-Jan-1995||http://x,y|0\n2|Heat, The|02-Jan-1995||z|1\n",
                "2",
                "Heat, The",
            ),
            (
                "1::Toy Story (1995)::Animation|Comedy\n2::Heat::Action|Crime\n",
                "1",
                "Toy Story (1995)",
            ),
            (
                "movieId,title,genres\n1,\"Heat, The\",A|B\n2,Up,A|B\n",
                "1",
                "Heat, The",
            ),
            ("1,Heat,A|B\n2,Up,A|B\n", "2", "Up"),
            (
                "id\tname\turl\n1\tMALICE MIZER\thttp://a::b\n",
                "1",
                "MALICE MIZER",
            ),
            (
                "\"ISBN\";\"Book-Title\";\"Year\"\n\"01\";\"A; B\";\"2002\"\n",
                "01",
                "A; B",
            ),
            ("\u{feff}title,item\nHeat,a\n", "a", "Heat"),
            ("a,\"say \"\"hi\"\"\"\r\n\r\nb,x", "a", "say \"hi\""),
        ] {
            let names = of(text).unwrap();
            assert_eq!(names.get(id), Some(name), "{text}");
        }
    }

    #[test]
    fn the_first_name_counts_and_what_has_none_is_shown_by_its_id() {
        let names = of("1,a\n1,b\n2,\n3,c\n").unwrap();
        assert_eq!(
            (names.len(), names.get("1"), names.get("2")),
            (2, Some("a"), None)
        );
        assert_eq!((names.display("2"), names.display("3")), ("2", "c"));
        assert_eq!(
            of(b"1\tcaf\xe9\n2\tcaf\xc3\xa9\n").unwrap().get("1"),
            Some("caf\u{e9}")
        );
    }

    #[test]
    fn bad_lines_are_refused_by_place() {
        for (text, expected) in [
            ("1,a\n2\n", "names:2:2:"),
            ("1,a\n,b\n", "names:2:1: the id is empty"),
            ("1,a\n2,\"b\n", "names:2:2: a quoted field"),
            ("one\ntwo\n", "no separator"),
            ("id,title\n", "no names"),
            ("1,\n", "no names"),
        ] {
            let message = of(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
        let options = NamesOptions::default()
            .separator(Separator::Comma)
            .header(false);
        let third = options.clone().name_column(3);
        let names = read(&b"id,title,note\n"[..], Path::new("n"), &third).unwrap();
        assert_eq!(names.get("id"), Some("note"));
        for column in [0, 1] {
            let refused = read(
                &b"1,a\n"[..],
                Path::new("n"),
                &options.clone().name_column(column),
            );
            assert!(refused.is_err(), "{column}");
        }
    }
}
