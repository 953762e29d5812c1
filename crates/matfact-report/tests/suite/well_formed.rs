//! A strict reader of the HTML that reports are: every element closed where it belongs, every attribute quoted, every
//! reference known, nothing that loads or runs.

/// An element with its attributes.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| &value[..])
    }
}

/// All elements of a page, in order.
///
/// # Panics
/// Where the page is not well-formed.
pub(crate) fn elements(html: &str) -> Vec<Element> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let (mut open, mut all) = (Vec::<String>::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        check_text(&rest[..at], open.last().map(String::as_str));
        rest = &rest[at..];
        let end = rest.find('>').unwrap();
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in another order");
            continue;
        }
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let element = element(tag);
        if !closed {
            open.push(element.name.clone());
        }
        all.push(element);
    }
    assert!(
        open.is_empty() && rest.trim().is_empty(),
        "{open:?} {rest:?}"
    );
    all
}

fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{tag:?}");
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().split_once("=\"").unwrap();
        let (value, after) = after.split_once('"').unwrap();
        assert!(
            key.bytes()
                .all(|b| b.is_ascii_alphabetic() || b"-0123456789".contains(&b)),
            "{key:?}"
        );
        check_text(value, None);
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after;
    }
    Element {
        name: name.to_owned(),
        attributes,
    }
}

/// Text has no bare ampersand, and no character that HTML forbids.
fn check_text(text: &str, within: Option<&str>) {
    assert!(within == Some("style") || !text.contains('>'), "{text:?}");
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        assert!(
            known.iter().any(|entity| text[at..].starts_with(entity)),
            "{}",
            &text[at..]
        );
    }
    assert!(
        !text.chars().any(|c| c.is_control() && !"\n\t".contains(c)),
        "{text:?}"
    );
}
