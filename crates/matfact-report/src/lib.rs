//! Reports of factorizations: one HTML file with tables and charts, made of plain data.
//!
//! A [`Report`] has sections of [`Block`]s: text, a [`Table`], a [`LineChart`], a [`HeatMap`], [`List`]s, or text as it
//! stands. [`Report::to_html`] writes it as one file that needs nothing else: no script, no network, charts as inline SVG
//! that follow the reader's choice of light and dark. Behind every chart stand its numbers as a table, for whoever cannot
//! see it. All text is escaped, and long lists are cut to what the file says it shows, so that a report stays below a
//! megabyte whatever it is made of.
//!
//! ```
//! use matfact_report::{Axis, Block, LineChart, Report, Series};
//! let chart = LineChart::new("Error by rank", Axis::linear("rank"), Axis::linear("RMSE"))
//!     .series(Series::new("als").point(10.0, 0.93).point(20.0, 0.92));
//! let html = Report::new("ratings.tsv")
//!     .section("Comparison", [Block::Lines(chart)])
//!     .to_html();
//! assert!(html.starts_with("<!DOCTYPE html>") && html.contains("<svg"));
//! ```
#![forbid(unsafe_code)]

mod chart;
mod document;
mod heat_map;
mod list;
mod scale;
mod table;
mod text;

pub use chart::{Axis, DataPoint, LineChart, Series};
pub use document::{Block, Report, Section};
pub use heat_map::HeatMap;
pub use list::List;
pub use table::Table;
