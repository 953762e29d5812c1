//! Lines and points over two axes.

use crate::scale::Scale;
use crate::table::Table;
use crate::text::{cut, escaped, name, number};
use std::fmt::Write;

/// Units of a chart's width; a phone shows them nearly as they are, so that text stays readable.
pub(crate) const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;
/// Most series of a chart, and most points of a series; of more points every n-th is drawn.
const SERIES: usize = 16;
const POINTS: usize = 200;
/// Up to so many points of a series are marked.
const MARKED: usize = 40;
/// Colours of the style.
const COLOURS: usize = 8;
/// From this ratio of the largest to the least value on, an automatic axis is logarithmic.
const WIDE: f64 = 30.0;

/// What an axis measures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    label: String,
    automatic: bool,
}

impl Axis {
    /// With equal steps.
    pub fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            automatic: false,
        }
    }

    /// Logarithmic where all values are positive and the largest is more than 30 times the least, else with equal steps.
    pub fn automatic(label: impl Into<String>) -> Self {
        Self {
            automatic: true,
            ..Self::linear(label)
        }
    }

    fn scale(&self, values: impl Iterator<Item = f64> + Clone) -> Scale {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        Scale::new(low, high, self.automatic && low > 0.0 && high > WIDE * low)
    }

    fn text(&self, scale: Scale) -> String {
        let kind = if scale.is_logarithmic() {
            " (logarithmic)"
        } else {
            ""
        };
        format!("{}{kind}", cut(&self.label, 60))
    }
}

/// A value over another, with the interval that it may lie in and a name.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DataPoint {
    /// On the horizontal axis.
    pub x: f64,
    /// On the vertical axis.
    pub y: f64,
    /// From where to where y may lie.
    pub interval: Option<(f64, f64)>,
    /// What it is, shown when it is pointed at.
    pub name: String,
}

/// Points of one kind, joined in their order.
///
/// ```
/// use matfact_report::Series;
/// let series = Series::new("als").point(10.0, 0.93).measured(20.0, 0.92, Some((0.91, 0.93)), "rank 20");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    name: String,
    points: Vec<DataPoint>,
}

impl Series {
    /// Without points.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            points: Vec::new(),
        }
    }

    /// Adds a point; what is not finite is left out.
    #[must_use]
    pub fn point(self, x: f64, y: f64) -> Self {
        self.measured(x, y, None, "")
    }

    /// Adds a point with an interval and a name.
    #[must_use]
    pub fn measured(
        mut self,
        x: f64,
        y: f64,
        interval: Option<(f64, f64)>,
        name: impl Into<String>,
    ) -> Self {
        if x.is_finite() && y.is_finite() {
            self.points.push(DataPoint {
                x,
                y,
                interval: interval.filter(|(low, high)| low.is_finite() && high.is_finite()),
                name: name.into(),
            });
        }
        self
    }

    /// The points that are drawn: all, or every n-th and the last.
    fn drawn(&self) -> impl Iterator<Item = &DataPoint> + Clone {
        let every = self.points.len().div_ceil(POINTS).max(1);
        let last = self.points.len().saturating_sub(1);
        let points = self.points.iter().enumerate();
        points
            .filter(move |(at, _)| at % every == 0 || *at == last)
            .map(|(_, point)| point)
    }
}

/// Lines or points over two axes.
///
/// At most 16 series, and about 200 points of each, are drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineChart {
    pub(crate) title: String,
    pub(crate) note: String,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    points_alone: bool,
}

impl LineChart {
    /// Without series.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            y,
            ..Self::default()
        }
    }

    /// Sets what the caption says beside the title.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds a series.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Draws points without lines between them.
    #[must_use]
    pub fn points_alone(mut self) -> Self {
        self.points_alone = true;
        self
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.drawn().next().is_none()
    }

    fn drawn(&self) -> impl Iterator<Item = &Series> + Clone {
        let series = self.series.iter().take(SERIES);
        series.filter(|series| !series.points.is_empty())
    }

    pub(crate) fn write_svg(&self, id: usize, out: &mut String) {
        let points = || self.drawn().flat_map(|series| series.points.iter());
        let x = self.x.scale(points().map(|point| point.x));
        let ends = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, point.y, high]
        });
        let y = self.y.scale(ends);
        let at_x = |value: f64| LEFT + x.part(value) * (WIDTH - LEFT - RIGHT);
        let at_y = |value: f64| HEIGHT - BOTTOM - y.part(value) * (HEIGHT - TOP - BOTTOM);
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"t{id} d{id}\">\
             <title id=\"t{id}\">{}</title><desc id=\"d{id}\">{}</desc>",
            name(&self.title),
            escaped(&self.description())
        );
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in y.ticks(5) {
            let at = at_y(value);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{text}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        let _ = write!(
            out,
            "<line class=\"base\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>"
        );
        for (value, text) in x.ticks(6) {
            let _ = write!(
                out,
                "<text class=\"tick middle\" x=\"{:.1}\" y=\"{}\">{text}</text>",
                at_x(value),
                bottom + 16.0
            );
        }
        let _ = write!(
            out,
            "<text class=\"axis\" x=\"4\" y=\"13\">{}</text>\
             <text class=\"axis middle\" x=\"{:.1}\" y=\"{}\">{}</text>",
            escaped(&self.y.text(y)),
            f64::midpoint(LEFT, right),
            HEIGHT - 8.0,
            escaped(&self.x.text(x))
        );
        for (number, series) in self.drawn().enumerate() {
            self.write_series(number, series, &at_x, &at_y, out);
        }
        out.push_str("</svg>");
        if self.drawn().count() > 1 {
            self.write_legend(out);
        }
    }

    fn write_series(
        &self,
        number_of_series: usize,
        series: &Series,
        at_x: &dyn Fn(f64) -> f64,
        at_y: &dyn Fn(f64) -> f64,
        out: &mut String,
    ) {
        let colour = number_of_series % COLOURS;
        let marked = self.points_alone || series.points.len() <= MARKED;
        if !self.points_alone {
            let _ = write!(
                out,
                "<polyline class=\"s k{colour}\"{} points=\"",
                dashes(number_of_series)
            );
            for (at, point) in series.drawn().enumerate() {
                let separator = if at == 0 { "" } else { " " };
                let _ = write!(out, "{separator}{:.1},{:.1}", at_x(point.x), at_y(point.y));
            }
            out.push_str("\"/>");
        }
        for point in series.drawn() {
            let (x, y) = (at_x(point.x), at_y(point.y));
            if let Some((low, high)) = point.interval {
                let _ = write!(
                    out,
                    "<line class=\"i k{colour}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                    at_y(low),
                    at_y(high)
                );
            }
            if marked {
                let _ = write!(
                    out,
                    "<g class=\"m f{colour}\"><title>{}</title>",
                    escaped(&self.name_of(series, point))
                );
                marker(number_of_series, x, y, out);
                out.push_str("</g>");
            }
        }
    }

    fn name_of(&self, series: &Series, point: &DataPoint) -> String {
        let mut text = cut(&series.name, 60);
        if !point.name.is_empty() {
            text.push_str(", ");
            text.push_str(&cut(&point.name, 60));
        }
        let (x, y) = (number(point.x), number(point.y));
        let _ = write!(
            text,
            ": {} {x}, {} {y}",
            cut(&self.x.label, 40),
            cut(&self.y.label, 40)
        );
        if let Some((low, high)) = point.interval {
            let _ = write!(text, " ({} to {})", number(low), number(high));
        }
        text
    }

    fn write_legend(&self, out: &mut String) {
        out.push_str("<ul class=\"legend\">");
        for (number, series) in self.drawn().enumerate() {
            let colour = number % COLOURS;
            out.push_str("<li><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\">");
            if !self.points_alone {
                let _ = write!(
                    out,
                    "<line class=\"s k{colour}\"{} x1=\"1\" x2=\"25\" y1=\"6\" y2=\"6\"/>",
                    dashes(number)
                );
            }
            let _ = write!(out, "<g class=\"m f{colour}\">");
            marker(number, 13.0, 6.0, out);
            let _ = write!(
                out,
                "</g></svg><bdi>{}</bdi></li>",
                escaped(&cut(&series.name, 40))
            );
        }
        out.push_str("</ul>");
        if self.series.len() > SERIES {
            let _ = write!(
                out,
                "<p class=\"note\">The first {SERIES} of {} series.</p>",
                self.series.len()
            );
        }
    }

    /// What the chart shows, in words.
    fn description(&self) -> String {
        let mut text = format!(
            "{} over {}.",
            cut(&self.y.label, 60),
            cut(&self.x.label, 60)
        );
        for series in self.drawn() {
            let ys = || series.points.iter().map(|point| point.y);
            let (low, high) = (
                ys().fold(f64::INFINITY, f64::min),
                ys().fold(f64::NEG_INFINITY, f64::max),
            );
            let _ = write!(
                text,
                " {}: {} points, from {} to {}.",
                cut(&series.name, 60),
                series.points.len(),
                number(low),
                number(high)
            );
        }
        text
    }

    /// The numbers behind the lines.
    pub(crate) fn table(&self) -> Table {
        let intervals = self
            .drawn()
            .any(|series| series.points.iter().any(|point| point.interval.is_some()));
        let named = self
            .drawn()
            .any(|series| series.points.iter().any(|point| !point.name.is_empty()));
        let mut header = vec!["series"];
        if named {
            header.push("what");
        }
        header.extend([&self.x.label[..], &self.y.label[..]]);
        if intervals {
            header.extend(["from", "to"]);
        }
        let mut table = Table::new(format!("{}: values", self.title), header);
        // So many of each that all series are in it.
        let most = (380 / self.drawn().count().max(1)).max(1);
        for series in self.drawn() {
            let every = series.points.len().div_ceil(most).max(1);
            for point in series.points.iter().step_by(every) {
                let mut cells = vec![cut(&series.name, 40)];
                if named {
                    cells.push(cut(&point.name, 60));
                }
                cells.extend([number(point.x), number(point.y)]);
                if let Some((low, high)) = point.interval {
                    cells.extend([number(low), number(high)]);
                }
                table = table.row(cells);
            }
        }
        table
    }
}

/// Lines beyond the colours are dashed.
fn dashes(series: usize) -> &'static str {
    match series / COLOURS {
        0 => "",
        _ => " stroke-dasharray=\"6 4\"",
    }
}

/// A mark whose form tells series apart where colours do not.
fn marker(series: usize, x: f64, y: f64, out: &mut String) {
    let _ = match series % 4 {
        0 => write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        1 => write!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"7\" height=\"7\"/>",
            x - 3.5,
            y - 3.5
        ),
        2 => write!(out, "<path d=\"M{:.1} {:.1}l5 8.5h-10z\"/>", x, y - 5.0),
        _ => write!(out, "<path d=\"M{:.1} {:.1}l5 5l-5 5l-5-5z\"/>", x, y - 5.0),
    };
}
