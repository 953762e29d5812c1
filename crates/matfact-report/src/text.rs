//! Text and numbers as they stand in HTML.

/// Most characters of a name: longer ones end in an ellipsis.
const NAME: usize = 80;

/// Appends text with everything escaped that HTML would take for its own. Characters that HTML forbids become U+FFFD.
pub(crate) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// The text, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

/// A name, cut to a length that a page can bear, on one line, escaped.
pub(crate) fn name(text: &str) -> String {
    escaped(&cut(text, NAME))
}

/// The first `length` characters, on one line, with an ellipsis where there were more.
pub(crate) fn cut(text: &str, length: usize) -> String {
    let mut characters = text.chars().map(|character| match character {
        '\n' | '\r' | '\t' => ' ',
        other => other,
    });
    let mut short: String = characters.by_ref().take(length).collect();
    if characters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

/// A number with four significant digits.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "–".to_owned();
    }
    if !(1e-3..1e6).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_would_take_for_its_own_is_escaped() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'\u{0}</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\u{fffd}&lt;/script&gt;"
        );
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(cut("Amélie\nPoulain", 20), "Amélie Poulain");
        assert_eq!(cut("Amélie", 4), "Amé…");
        assert_eq!(name(&"é".repeat(1000)).chars().count(), NAME);
    }

    #[test]
    fn numbers_have_four_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.92345, "0.9234"),
            (12.3456, "12.35"),
            (1234.56, "1235"),
            (-0.05, "-0.05"),
            (1e-9, "1.000e-9"),
            (2.5e7, "2.500e7"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
    }
}
