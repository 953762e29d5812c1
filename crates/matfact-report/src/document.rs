//! The page itself.

use crate::list::LISTS;
use crate::text::{cut, escape, escaped, name};
use crate::{HeatMap, LineChart, List, Table};
use std::fmt::Write;

/// Most characters of text that stands as it is.
const CODE: usize = 20_000;
/// Bytes that a page may have: what would not fit is left out, and the page says so.
const PAGE: usize = 960_000;
const STYLE: &str = include_str!("style.css");

/// A part of a section.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A table.
    Table(Table),
    /// Lines or points over two axes.
    Lines(LineChart),
    /// A matrix as coloured cells.
    Heat(HeatMap),
    /// Cards with a list each, at most 60.
    Lists(Vec<List>),
    /// Text as it stands, such as a configuration: a title and the text, of which at most 20 000 characters are shown.
    Code(String, String),
}

/// A heading with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What follows it.
    pub blocks: Vec<Block>,
}

/// A page: title, a summary, and sections.
///
/// ```
/// use matfact_report::{Block, Report};
/// let report = Report::new("als on ratings.tsv")
///     .summary("RMSE 0.92")
///     .section("Configuration", [Block::Code("run.toml".into(), "rank = 20".into())]);
/// assert!(report.to_html().contains("rank = 20"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    title: String,
    summary: String,
    sections: Vec<Section>,
}

impl Report {
    /// Without sections.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Sets the sentence below the title.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// Adds a section; one without blocks is left out.
    #[must_use]
    pub fn section(
        mut self,
        title: impl Into<String>,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Self {
        let blocks: Vec<Block> = blocks.into_iter().collect();
        if !blocks.is_empty() {
            let title = title.into();
            self.sections.push(Section { title, blocks });
        }
        self
    }

    /// How many charts the page has, if it is not full before.
    #[must_use]
    pub fn charts(&self) -> usize {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        let charts = blocks.filter(|block| match block {
            Block::Lines(chart) => !chart.is_empty(),
            Block::Heat(map) => !map.is_empty(),
            _ => false,
        });
        charts.count()
    }

    /// The page as one HTML file, which is well-formed XML too.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut out =
            String::from("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
        out.push_str("<meta name=\"color-scheme\" content=\"light dark\"/>");
        // Without it a browser asks the server for an icon.
        out.push_str("<link rel=\"icon\" href=\"data:,\"/>");
        let _ = write!(
            out,
            "<title>{}</title><style>{STYLE}</style></head><body>\
             <a class=\"skip\" href=\"#main\">Skip to the content</a><header><h1>{}</h1>",
            name(&self.title),
            name(&self.title)
        );
        if !self.summary.is_empty() {
            let _ = write!(
                out,
                "<p class=\"lead\">{}</p>",
                escaped(&cut(&self.summary, 1000))
            );
        }
        if self.sections.len() > 1 {
            out.push_str("<nav aria-label=\"Sections\"><ul>");
            for (at, section) in self.sections.iter().enumerate() {
                let title = name(&section.title);
                let _ = write!(out, "<li><a href=\"#s{at}\">{title}</a></li>");
            }
            out.push_str("</ul></nav>");
        }
        out.push_str("</header><main id=\"main\">");
        let mut chart = 0;
        for (at, section) in self.sections.iter().enumerate() {
            let title = name(&section.title);
            let _ = write!(
                out,
                "<section aria-labelledby=\"s{at}\"><h2 id=\"s{at}\">{title}</h2><div class=\"blocks\">"
            );
            for block in &section.blocks {
                let mut text = String::new();
                block.write(&mut chart, &mut text);
                if out.len() + text.len() > PAGE {
                    text =
                        "<p class=\"note\">Left out: the page would be larger than a megabyte.</p>"
                            .to_owned();
                }
                out.push_str(&text);
            }
            out.push_str("</div></section>");
        }
        out.push_str("</main><footer><p>Made by matfact.</p></footer></body></html>\n");
        out
    }
}

impl Block {
    fn write(&self, chart: &mut usize, out: &mut String) {
        match self {
            Block::Text(text) => {
                out.push_str("<p>");
                escape(&cut(text, CODE), out);
                out.push_str("</p>");
            }
            Block::Table(table) => {
                out.push_str("<div class=\"wide\">");
                table.write(out);
                out.push_str("</div>");
            }
            Block::Lines(lines) => {
                let drawn = (!lines.is_empty()).then_some(());
                figure(&lines.title, &lines.note, drawn, out, |out| {
                    *chart += 1;
                    lines.write_svg(*chart, out);
                    lines.table()
                });
            }
            Block::Heat(map) => {
                let drawn = (!map.is_empty()).then_some(());
                let note = format!("{}{}", map.note, map.cap());
                figure(&map.title, &note, drawn, out, |out| {
                    *chart += 1;
                    map.write_svg(*chart, out);
                    map.table()
                });
            }
            Block::Lists(lists) => {
                out.push_str("<ul class=\"cards wide\">");
                for list in lists.iter().take(LISTS) {
                    list.write(out);
                }
                out.push_str("</ul>");
                if lists.len() > LISTS {
                    let _ = write!(
                        out,
                        "<p class=\"note\">The first {LISTS} of {}.</p>",
                        lists.len()
                    );
                }
            }
            Block::Code(title, text) => {
                let _ = write!(
                    out,
                    "<div class=\"wide\"><h3>{}</h3><pre tabindex=\"0\"><code>",
                    name(title)
                );
                let shown: String = text.chars().take(CODE).collect();
                escape(&shown, out);
                if shown.len() < text.len() {
                    out.push_str("\n…");
                }
                out.push_str("</code></pre></div>");
            }
        }
    }
}

/// A chart with its caption, and its numbers behind it.
fn figure(
    title: &str,
    note: &str,
    drawn: Option<()>,
    out: &mut String,
    draw: impl FnOnce(&mut String) -> Table,
) {
    let title = name(title);
    if drawn.is_none() {
        let _ = write!(
            out,
            "<p class=\"note\">{title}: there is nothing to draw.</p>"
        );
        return;
    }
    let _ = write!(out, "<figure class=\"chart\"><figcaption><h3>{title}</h3>");
    if !note.is_empty() {
        let _ = write!(
            out,
            "<p class=\"note\">{}</p>",
            escaped(&cut(note.trim(), 1000))
        );
    }
    out.push_str("</figcaption>");
    let table = draw(out);
    out.push_str("<details><summary>The numbers</summary>");
    table.write(out);
    out.push_str("</details></figure>");
}
