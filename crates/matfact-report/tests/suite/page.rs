//! Whole pages.

use crate::well_formed::{Element, elements};
use matfact_report::{Axis, Block, HeatMap, LineChart, List, Report, Series, Table};

const HOSTILE: &str =
    "</title></style><script>alert(\"1\")</script><img src=x onerror='a'>&\u{0}\u{7}\n\u{202e}";

/// A page with every kind of block, all text of which is `name`.
fn page(name: &str, many: usize) -> Report {
    let mut lines = LineChart::new(name, Axis::automatic(name), Axis::linear(name)).note(name);
    for series in 0..many.clamp(2, 40) {
        let points = Series::new(format!("{name}{series}"));
        lines = lines.series((0..many).fold(points, |points, at| {
            let y = (at as f64 * 0.1).sin();
            points.measured((at + 1) as f64, y, Some((y - 0.1, y + 0.1)), name)
        }));
    }
    let row = |at: usize| (0..many).map(move |j| ((at * 7 + j) % 5) as f64 - 2.0);
    let map = (0..many).fold(HeatMap::new(name, name, name).note(name), |map, at| {
        map.row(name, row(at))
    });
    let table = (0..many).fold(Table::new(name, [name, name]), |table, _| {
        table.row([name, "0.5"])
    });
    let list = (0..many).fold(List::new(name).note(name), |list, at| {
        list.entry(name, 1.0 - at as f64)
    });
    Report::new(name)
        .summary(name)
        .section(
            name,
            [Block::Text(name.to_owned()), Block::Table(table.marked(0))],
        )
        .section(
            "Charts",
            [
                Block::Lines(lines.clone()),
                Block::Lines(lines.points_alone()),
                Block::Heat(map),
            ],
        )
        .section("Lists", [Block::Lists(vec![list; many])])
        .section("Code", [Block::Code(name.to_owned(), name.repeat(many))])
}

fn count(elements: &[Element], name: &str) -> usize {
    elements
        .iter()
        .filter(|element| element.name == name)
        .count()
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    let report = page("film", 3);
    let html = report.to_html();
    let all = elements(&html);
    for name in [
        "script", "img", "iframe", "object", "audio", "form", "input",
    ] {
        assert_eq!(count(&all, name), 0, "{name}");
    }
    assert!(!html.contains("http") && !html.contains("@import") && !html.contains("url("));
    for element in &all {
        for (key, value) in &element.attributes {
            assert!(!key.starts_with("on"), "{key}");
            if key == "href" {
                assert!(value.starts_with('#') || value == "data:,", "{value}");
            }
        }
    }
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("width=device-width"));
}

#[test]
fn a_chart_speaks_to_those_who_do_not_see_it() {
    let report = page("film", 3);
    let html = report.to_html();
    let all = elements(&html);
    let figures = count(&all, "figure");
    assert_eq!((report.charts(), figures), (3, 3));
    assert_eq!(count(&all, "figcaption"), figures);
    assert_eq!(
        count(&all, "details"),
        figures,
        "a table behind every chart"
    );
    let charts: Vec<&Element> = all
        .iter()
        .filter(|element| element.name == "svg" && element.attribute("aria-hidden").is_none())
        .collect();
    assert_eq!(charts.len(), figures);
    let ids: Vec<&str> = all
        .iter()
        .filter_map(|element| element.attribute("id"))
        .collect();
    for chart in charts {
        assert_eq!(chart.attribute("role"), Some("img"));
        let labels = chart.attribute("aria-labelledby").unwrap();
        assert!(labels.split(' ').all(|id| ids.contains(&id)), "{labels}");
    }
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id is given once");
    for element in all.iter().filter(|element| element.name == "section") {
        assert!(ids.contains(&element.attribute("aria-labelledby").unwrap()));
    }
    for element in all.iter().filter(|element| element.name == "th") {
        assert!(element.attribute("scope").is_some());
    }
    assert_eq!(count(&all, "h1"), 1);
    assert!(
        all.iter()
            .any(|element| element.attribute("lang") == Some("en"))
    );
}

#[test]
fn what_comes_from_data_is_never_more_than_text() {
    let html = page(HOSTILE, 4).to_html();
    let all = elements(&html);
    assert_eq!(
        (
            count(&all, "script"),
            count(&all, "img"),
            count(&all, "style")
        ),
        (0, 0, 1)
    );
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
    assert!(!html.contains('\u{0}') && !html.contains('\u{7}'));
}

#[test]
fn a_page_stays_small_whatever_it_is_made_of() {
    for (name, many) in [
        ("a", 1000),
        (HOSTILE, 200),
        ("ß".repeat(10_000).as_str(), 40),
    ] {
        let html = page(name, many).to_html();
        elements(&html);
        assert!(html.len() < 1_000_000, "{} {}", many, html.len());
    }
    // What would not fit is left out, and the rest is there.
    let html = page("a", 1000).to_html();
    assert!(html.contains("Left out: the page would be larger than a megabyte."));
    assert!(html.contains("(the first 400 of 1000 rows)") && html.contains("Made by matfact"));
}

#[test]
fn what_is_cut_is_told() {
    let chart = (0..40).fold(
        LineChart::new("Error", Axis::linear("rank"), Axis::linear("RMSE")),
        |chart, at| chart.series(Series::new(at.to_string()).point(1.0, 2.0)),
    );
    let map = (0..60).fold(HeatMap::new("Factors", "user", "component"), |map, at| {
        map.row(at.to_string(), (0..60).map(f64::from))
    });
    let html = Report::new("als")
        .section("Charts", [Block::Lines(chart), Block::Heat(map)])
        .section("Lists", [Block::Lists(vec![List::new("Component"); 70])])
        .section(
            "Code",
            [Block::Code("run.toml".to_owned(), "x".repeat(30_000))],
        )
        .to_html();
    elements(&html);
    for said in [
        "The first 16 of 40 series.",
        "the first 48 rows and 32 columns",
        "The first 60 of 70.",
        "x\n…",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn what_is_not_finite_or_not_there_is_left_out() {
    let chart = |series| {
        LineChart::new("Error", Axis::automatic("rank"), Axis::automatic("RMSE")).series(series)
    };
    let empty = chart(
        Series::new("als")
            .point(f64::NAN, 1.0)
            .point(1.0, f64::INFINITY),
    );
    assert!(empty.is_empty());
    let map = HeatMap::new("Factors", "user", "component");
    let report = Report::new("als")
        .section("Empty", [Block::Lines(empty), Block::Heat(map)])
        .section("None", []);
    let html = report.to_html();
    elements(&html);
    assert_eq!(report.charts(), 0);
    assert_eq!(html.matches("there is nothing to draw").count(), 2);
    assert!(!html.contains("<h2 id=\"s1\""));
    for values in [
        [1.0, 1.0],
        [0.0, 0.0],
        [-1e308, 1e308],
        [1e-320, 1e300],
        [f64::NAN, 2.0],
    ] {
        let series = Series::new("als")
            .point(values[0], values[1])
            .point(values[1], values[0]);
        let map = HeatMap::new("Factors", "user", "component").row("ada", values);
        let html = Report::new("als")
            .section("Edge", [Block::Lines(chart(series)), Block::Heat(map)])
            .to_html();
        elements(&html);
        assert!(
            !html.contains("NaN") && !html.contains("inf\""),
            "{values:?}"
        );
    }
}
