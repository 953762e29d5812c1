//! Lists of names with a weight each.

use crate::text::{escape, name, number};
use std::fmt::Write;

/// Most entries of a list, and most lists of a block.
const ENTRIES: usize = 30;
pub(crate) const LISTS: usize = 60;

/// Names with a weight each: the items of a component, or recommendations for a user. At most 30 are shown.
///
/// ```
/// use matfact_report::List;
/// let list = List::new("Component 1").entry("harbour", 2.5).entry("sail", 1.2);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct List {
    title: String,
    note: String,
    entries: Vec<(String, f64)>,
}

impl List {
    /// Without entries.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Sets a line below the title.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds a name with its weight.
    #[must_use]
    pub fn entry(mut self, name: impl Into<String>, weight: f64) -> Self {
        self.entries.push((name.into(), weight));
        self
    }

    pub(crate) fn write(&self, out: &mut String) {
        let _ = write!(
            out,
            "<li class=\"card\"><h3><bdi>{}</bdi></h3>",
            name(&self.title)
        );
        if !self.note.is_empty() {
            out.push_str("<p class=\"note\">");
            escape(&crate::text::cut(&self.note, 300), out);
            out.push_str("</p>");
        }
        let entries = &self.entries[..self.entries.len().min(ENTRIES)];
        let weights = entries.iter().map(|(_, weight)| weight.abs());
        let largest = weights
            .filter(|weight| weight.is_finite())
            .fold(0.0, f64::max);
        if entries.is_empty() {
            out.push_str("<p class=\"note\">nothing</p>");
        } else {
            out.push_str("<ol>");
        }
        for (text, weight) in entries {
            let part = if largest > 0.0 && weight.is_finite() {
                100.0 * weight.abs() / largest
            } else {
                0.0
            };
            let sign = if *weight < 0.0 { " negative" } else { "" };
            let _ = write!(
                out,
                "<li><span class=\"entry\"><bdi>{}</bdi><span class=\"weight\">{}</span></span>\
                 <span class=\"bar{sign}\" style=\"width:{part:.0}%\"></span></li>",
                name(text),
                number(*weight)
            );
        }
        if !entries.is_empty() {
            out.push_str("</ol>");
        }
        out.push_str("</li>");
    }
}
