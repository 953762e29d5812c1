//! A matrix as coloured cells.

use crate::chart::WIDTH;
use crate::table::Table;
use crate::text::{cut, escaped, name, number};
use std::fmt::Write;

/// Most rows and columns that are drawn.
const ROWS: usize = 48;
const COLUMNS: usize = 32;
/// Room for the names of the rows, and characters that fit into it.
const LABELS: f64 = 118.0;
const CHARACTERS: usize = 15;
const BOTTOM: f64 = 34.0;

/// A matrix as coloured cells: deeper is larger, and negative values have another colour. Of more than 48 rows and 32
/// columns the first are drawn, and the caption says so.
///
/// ```
/// use matfact_report::HeatMap;
/// let map = HeatMap::new("Factors", "user", "component")
///     .row("ada", [0.5, -0.2])
///     .row("bob", [0.1, 0.9]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeatMap {
    pub(crate) title: String,
    pub(crate) note: String,
    rows: Vec<(String, Vec<f64>)>,
    row_label: String,
    column_label: String,
}

impl HeatMap {
    /// Without rows.
    pub fn new(
        title: impl Into<String>,
        row_label: impl Into<String>,
        column_label: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            row_label: row_label.into(),
            column_label: column_label.into(),
            ..Self::default()
        }
    }

    /// Sets what the caption says beside the title.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        self.rows.push((name.into(), values.into_iter().collect()));
        self
    }

    /// How many rows and columns are drawn.
    fn drawn(&self) -> (usize, usize) {
        let columns = self.rows.iter().map(|(_, values)| values.len()).max();
        (self.rows.len().min(ROWS), columns.unwrap_or(0).min(COLUMNS))
    }

    pub(crate) fn is_empty(&self) -> bool {
        let (rows, columns) = self.drawn();
        rows == 0 || columns == 0
    }

    /// What the caption says of rows and columns that are not drawn.
    pub(crate) fn cap(&self) -> String {
        let (rows, columns) = self.drawn();
        let widest = self.rows.iter().map(|(_, values)| values.len()).max();
        if rows < self.rows.len() || columns < widest.unwrap_or(0) {
            format!(" Drawn: the first {rows} rows and {columns} columns.")
        } else {
            String::new()
        }
    }

    fn cells(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let (rows, columns) = self.drawn();
        let rows = self.rows.iter().take(rows).enumerate();
        rows.flat_map(move |(row, (_, values))| {
            let values = values.iter().take(columns).enumerate();
            values.map(move |(column, value)| (row, column, *value))
        })
    }

    pub(crate) fn write_svg(&self, id: usize, out: &mut String) {
        let (rows, columns) = self.drawn();
        let width = ((WIDTH - LABELS - 4.0) / columns as f64).min(34.0);
        let tall = 14.0;
        let height = rows as f64 * tall + BOTTOM;
        let finite = || {
            self.cells()
                .map(|(_, _, value)| value)
                .filter(|v| v.is_finite())
        };
        let largest = finite().map(f64::abs).fold(0.0, f64::max);
        let (least, most) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t{id} d{id}\">\
             <title id=\"t{id}\">{}</title><desc id=\"d{id}\">{rows} rows by {columns} columns, \
             values from {} to {}.</desc>",
            name(&self.title),
            number(least),
            number(most)
        );
        for (row, (text, _)) in self.rows.iter().take(rows).enumerate() {
            let y = row as f64 * tall + 10.5;
            let _ = write!(
                out,
                "<text class=\"tick end\" x=\"{}\" y=\"{y:.1}\">{}</text>",
                LABELS - 6.0,
                escaped(&cut(text, CHARACTERS))
            );
        }
        for (row, column, value) in self.cells() {
            let part = match largest > 0.0 && value.is_finite() {
                true => value.abs() / largest,
                false => 0.0,
            };
            let _ = write!(
                out,
                "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill-opacity=\"{part:.2}\"/>",
                if value < 0.0 { "low" } else { "high" },
                LABELS + column as f64 * width,
                row as f64 * tall,
                width - 1.0,
                tall - 1.0
            );
        }
        let every = columns.div_ceil(12).max(1);
        let bottom = rows as f64 * tall;
        for column in (0..columns).step_by(every) {
            let _ = write!(
                out,
                "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{column}</text>",
                LABELS + (column as f64 + 0.5) * width - 0.5,
                bottom + 12.0
            );
        }
        let _ = write!(
            out,
            "<text class=\"axis middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text></svg>",
            LABELS + columns as f64 * width / 2.0,
            bottom + 28.0,
            name(&self.column_label)
        );
        let _ = write!(
            out,
            "<ul class=\"legend\"><li><span class=\"key high\"></span>up to {}</li>",
            number(most)
        );
        if least < 0.0 {
            let _ = write!(
                out,
                "<li><span class=\"key low\"></span>down to {}</li>",
                number(least)
            );
        }
        out.push_str("</ul>");
    }

    /// The numbers behind the cells.
    pub(crate) fn table(&self) -> Table {
        let (rows, columns) = self.drawn();
        let header = std::iter::once(self.row_label.clone());
        let header = header.chain((0..columns).map(|column| column.to_string()));
        let table = Table::new(format!("{}: values", self.title), header);
        self.rows
            .iter()
            .take(rows)
            .fold(table, |table, (text, values)| {
                let values = values.iter().take(columns).map(|value| number(*value));
                table.row(std::iter::once(cut(text, 40)).chain(values))
            })
    }
}
