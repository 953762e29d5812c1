//! Cutting a line into fields, and finding what cuts it.

use super::options::Separator;
use std::ops::Range;

/// The place of a field's text in its line, blanks and quotes left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(super) range: Range<usize>,
    /// Whether quotes inside are doubled.
    escaped: bool,
}

impl Field {
    /// The bytes as they stand in the line.
    pub(super) fn raw<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        &line[self.range.clone()]
    }

    /// The text, for which `scratch` is used if it differs from what stands in the line.
    pub(crate) fn text<'a>(&self, line: &'a str, scratch: &'a mut String) -> &'a str {
        let raw = line.get(self.range.clone()).unwrap_or_default();
        if !self.escaped {
            return raw;
        }
        scratch.clear();
        scratch.push_str(&raw.replace("\"\"", "\""));
        scratch
    }
}

/// Cuts a line; the error is the number of a field that is not rightly quoted.
pub(crate) fn split(
    line: &[u8],
    separator: Separator,
    fields: &mut Vec<Field>,
) -> Result<(), usize> {
    fields.clear();
    match separator {
        Separator::Spaces => {
            let mut at = 0;
            while let Some(skip) = line[at..].iter().position(|b| !b.is_ascii_whitespace()) {
                let start = at + skip;
                let length = line[start..].iter().position(u8::is_ascii_whitespace);
                at = length.map_or(line.len(), |length| start + length);
                fields.push(plain(line, start..at));
            }
        }
        Separator::DoubleColon => {
            let mut start = 0;
            while let Some(at) = find_double_colon(&line[start..]) {
                fields.push(plain(line, start..start + at));
                start += at + 2;
            }
            fields.push(plain(line, start..line.len()));
        }
        Separator::Tab => split_at_byte(line, b'\t', fields),
        Separator::Comma => return split_quoted(line, b',', fields),
        Separator::Semicolon => return split_quoted(line, b';', fields),
    }
    Ok(())
}

/// A field without quotes, blanks around it left out.
fn plain(line: &[u8], range: Range<usize>) -> Field {
    let text = &line[range.clone()];
    let start = range.start + (text.len() - text.trim_ascii_start().len());
    let end = start + text.trim_ascii().len();
    Field {
        range: start..end,
        escaped: false,
    }
}

fn find_double_colon(text: &[u8]) -> Option<usize> {
    text.windows(2).position(|pair| pair == b"::")
}

fn split_at_byte(line: &[u8], separator: u8, fields: &mut Vec<Field>) {
    let mut start = 0;
    for at in memchr::memchr_iter(separator, line) {
        fields.push(plain(line, start..at));
        start = at + 1;
    }
    fields.push(plain(line, start..line.len()));
}

fn split_quoted(line: &[u8], separator: u8, fields: &mut Vec<Field>) -> Result<(), usize> {
    if memchr::memchr(b'"', line).is_none() {
        split_at_byte(line, separator, fields);
        return Ok(());
    }
    let mut start = 0;
    loop {
        let rest = &line[start..];
        let blanks = rest.len() - rest.trim_ascii_start().len();
        let end = if rest.get(blanks) == Some(&b'"') {
            let open = start + blanks + 1;
            let (close, escaped) = closing_quote(line, open).ok_or(fields.len() + 1)?;
            fields.push(Field {
                range: open..close,
                escaped,
            });
            let tail = &line[close + 1..];
            let blanks = tail.len() - tail.trim_ascii_start().len();
            // Only the separator or the end of the line may follow.
            match tail.get(blanks) {
                None => line.len(),
                Some(byte) if *byte == separator => close + 1 + blanks,
                Some(_) => return Err(fields.len()),
            }
        } else {
            let length = memchr::memchr(separator, rest).unwrap_or(rest.len());
            fields.push(plain(line, start..start + length));
            start + length
        };
        if end == line.len() {
            return Ok(());
        }
        start = end + 1;
    }
}

/// The quote that ends the text from `open` on, and whether doubled ones stand before it.
fn closing_quote(line: &[u8], open: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = open;
    loop {
        at += memchr::memchr(b'"', line.get(at..)?)?;
        if line.get(at + 1) != Some(&b'"') {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// The separator that cuts the most of these lines into three fields or more, else into two; of
/// several, the first in order of preference.
pub(super) fn detect(text: &[u8]) -> Option<Separator> {
    const SAMPLE: usize = 64;
    let mut fields = Vec::new();
    let mut best = None;
    for separator in Separator::ALL {
        let mut score = (0, 0);
        let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| !line.is_empty()).take(SAMPLE) {
            if split(line, separator, &mut fields).is_err() {
                continue;
            }
            score.0 += usize::from(fields.len() >= 3);
            score.1 += usize::from(fields.len() == 2);
        }
        if score > best.map_or((0, 0), |(score, _)| score) {
            best = Some((score, separator));
        }
    }
    best.map(|(_, separator)| separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str, separator: Separator) -> Result<Vec<String>, usize> {
        let mut fields = Vec::new();
        split(line.as_bytes(), separator, &mut fields)?;
        let text = |field: &Field| field.text(line, &mut String::new()).to_owned();
        Ok(fields.iter().map(text).collect())
    }

    #[test]
    fn fields_are_cut_as_each_separator_means_it() {
        use Separator::*;
        for (line, separator, expected) in [
            ("a\tb c\t\t1", Tab, vec!["a", "b c", "", "1"]),
            ("a::b:c::1", DoubleColon, vec!["a", "b:c", "1"]),
            (":::", DoubleColon, vec!["", ":"]),
            ("  a   b\t1 ", Spaces, vec!["a", "b", "1"]),
            ("a, b ,1", Comma, vec!["a", "b", "1"]),
            (r#""a","b, ""c""" , 1"#, Comma, vec!["a", r#"b, "c""#, "1"]),
            (r#"a;"";" x ""#, Semicolon, vec!["a", "", " x "]),
            (r#"a,5" disk,"#, Comma, vec!["a", r#"5" disk"#, ""]),
            (r#"a,"b""#, Comma, vec!["a", "b"]),
            ("", Comma, vec![""]),
            ("", Spaces, vec![]),
        ] {
            assert_eq!(texts(line, separator).unwrap(), expected, "{line}");
        }
        for (line, field) in [(r#"a,"b"#, 2), (r#""a"b,c"#, 1), (r#"a,b,""""#, 3)] {
            assert_eq!(texts(line, Comma), Err(field), "{line}");
        }
    }

    #[test]
    fn the_separator_is_found() {
        for (text, expected) in [
            ("1\t2\t3\t4\n", Some(Separator::Tab)),
            ("1\t2\t1,5\n", Some(Separator::Tab)),
            ("1::2::3::4\n", Some(Separator::DoubleColon)),
            ("user,item,rating\n1,2,3\n", Some(Separator::Comma)),
            ("a;b;1,5\na;c;2,5\n", Some(Separator::Semicolon)),
            ("\"a;b\",c,1\n", Some(Separator::Comma)),
            ("1 2 3\n1 2\n", Some(Separator::Spaces)),
            ("alice b,toy story 2,4\n", Some(Separator::Comma)),
            ("bad line\n\n1,2,3\n1,3,4\n", Some(Separator::Comma)),
            ("1,2\n", Some(Separator::Comma)),
            ("one\ntwo\n", None),
            ("", None),
        ] {
            assert_eq!(detect(text.as_bytes()), expected, "{text:?}");
        }
    }
}
