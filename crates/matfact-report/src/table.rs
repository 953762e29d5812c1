//! Tables.

use crate::text::{cut, escaped, name};
use std::fmt::Write;

/// Most rows that are written; the caption says how many were left out.
const ROWS: usize = 400;
/// Most columns that are written.
const COLUMNS: usize = 40;

/// A table of text, with a line that says what it is.
///
/// ```
/// use matfact_report::Table;
/// let table = Table::new("Errors", ["algorithm", "RMSE"]).row(["als", "0.92"]).marked(0);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub(crate) caption: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    marked: Vec<usize>,
}

impl Table {
    /// Without rows.
    pub fn new<S: Into<String>>(
        caption: impl Into<String>,
        header: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            caption: caption.into(),
            header: header.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Adds a row, whose first cell names it. Of more than 400 rows the first are shown, and the caption says so.
    #[must_use]
    pub fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Marks a row, counted from 0, as the best.
    #[must_use]
    pub fn marked(mut self, row: usize) -> Self {
        self.marked.push(row);
        self
    }

    /// Appends the table, in a box that scrolls by itself.
    pub(crate) fn write(&self, out: &mut String) {
        let mut caption = escaped(&cut(&self.caption, 400));
        if self.rows.len() > ROWS {
            let _ = write!(caption, " (the first {ROWS} of {} rows)", self.rows.len());
        }
        // Not a caption, which would scroll away with a wide table.
        let _ = write!(
            out,
            "<p class=\"note\">{caption}</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
             aria-label=\"{caption}\"><table><thead><tr>"
        );
        for (column, cell) in self.header.iter().take(COLUMNS).enumerate() {
            let numbers = |row: &Vec<String>| row.get(column).is_some_and(|cell| is_number(cell));
            let class = match column > 0 && self.rows.first().is_some_and(numbers) {
                true => " class=\"number\"",
                false => "",
            };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", name(cell));
        }
        out.push_str("</tr></thead><tbody>");
        for (at, row) in self.rows.iter().take(ROWS).enumerate() {
            let best = self.marked.contains(&at);
            out.push_str(if best { "<tr class=\"best\">" } else { "<tr>" });
            for (column, cell) in row.iter().take(COLUMNS).enumerate() {
                let text = name(cell);
                let _ = match (column, best) {
                    (0, true) => write!(
                        out,
                        "<th scope=\"row\"><bdi>{text}</bdi> <span class=\"badge\">best</span></th>"
                    ),
                    (0, false) => write!(out, "<th scope=\"row\"><bdi>{text}</bdi></th>"),
                    _ if is_number(cell) => write!(out, "<td class=\"number\">{text}</td>"),
                    _ => write!(out, "<td><bdi>{text}</bdi></td>"),
                };
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
    }
}

/// Whether a cell is to be aligned as a number: it begins with one.
fn is_number(text: &str) -> bool {
    let text = text.trim_start_matches(['-', '−', '±', '+']);
    text.is_empty() || text == "–" || text.starts_with(|first: char| first.is_ascii_digit())
}
