//! Reports of `fit`, `compare` and `tune`, and what a browser makes of them.

use crate::common::{Folder, lines, ratings};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const HOSTILE: &str = "<script>alert(1)</script>";

/// Ratings with names, counts with words, and an id and a name that would be more than text.
fn folder() -> Folder {
    let folder = Folder::new();
    let mut all = ratings();
    for line in &mut all {
        if line.1 == "film-0" {
            line.1 = HOSTILE.to_owned();
        }
    }
    folder.write("r.tsv", lines(&all, "\t"));
    let names: String = (1..40)
        .map(|at| format!("film-{at}\tThe <b>{at}</b> & Sons\n"))
        .collect();
    folder.write("names.tsv", names);
    folder.texts();
    folder
}

/// Each report by its command, its number of charts, and what stands in it.
const REPORTS: [(&str, usize, &str); 6] = [
    (
        "fit als r.tsv --rank 3 --holdout 0.1 --names names.tsv",
        3,
        "The &lt;b&gt;7&lt;/b&gt; &amp; Sons",
    ),
    (
        "fit nmf counts.mtx --rank 2 --names words.txt",
        3,
        "harbour",
    ),
    (
        "fit svd counts.mtx --rank 3 --names words.txt",
        4,
        "Spectrum of svd",
    ),
    (
        "compare r.tsv --algorithms als,sgd,popularity,svd --ranks 2,4 --names names.tsv",
        11,
        "By rank",
    ),
    (
        "compare counts.mtx --algorithms nmf,svd,pca --ranks 1,2,4",
        7,
        "relative error by rank",
    ),
    ("tune sgd r.tsv --epochs 3 --samples 4", 3, "learning-rate"),
];

/// Writes all reports.
fn reports(folder: &Folder) -> Vec<(PathBuf, String, usize)> {
    let each = REPORTS
        .iter()
        .enumerate()
        .map(|(at, (line, charts, part))| {
            let name = format!("report-{at}.html");
            folder.ok(&format!("{line} --report {name}"));
            let html = fs::read_to_string(folder.at(&name)).unwrap();
            assert!(html.contains(part), "{line}: {part}");
            (folder.at(&name), html, *charts)
        });
    each.collect()
}

#[test]
fn reports_show_what_was_found_and_how_to_repeat_it() {
    let folder = folder();
    for (path, html, charts) in reports(&folder) {
        let path = path.display();
        assert_eq!(
            html.matches("<figure class=\"chart\">").count(),
            charts,
            "{path}"
        );
        assert!(!html.contains("<script") && !html.contains("<b>"), "{path}");
        assert!(
            html.contains("Configuration") && html.len() < 1_000_000,
            "{path}"
        );
        assert!(
            html.contains("algorithm") && html.contains("seed = 0"),
            "{path}"
        );
    }
    let compared = fs::read_to_string(folder.at("report-3.html")).unwrap();
    assert!(compared.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(compared.contains("algorithms = [&quot;als&quot;, &quot;sgd&quot;"));
    assert!(compared.contains("Recommendations of") && compared.contains("class=\"badge\""));
}

#[test]
fn a_report_is_refused_before_the_work_where_it_cannot_be() {
    let folder = folder();
    let before = folder.names();
    for (line, code, part) in [
        (
            "fit als r.tsv --rank 2 --report none/r.html",
            4,
            "none: no such folder",
        ),
        (
            "fit als r.tsv --rank 2 --report r.tsv",
            2,
            "another file than the data",
        ),
        (
            "fit als r.tsv --rank 2 --report m --model m",
            2,
            "another file than the model",
        ),
        (
            "fit als r.tsv --rank 2 --names names.tsv",
            2,
            "left out without --report",
        ),
        (
            "fit als r.tsv --rank 2 --report r.html --names gone",
            4,
            "gone: No such file",
        ),
        (
            "fit nmf counts.mtx --rank 2 --report r.html --names r.tsv",
            3,
            "lines for 6 columns",
        ),
        (
            "evaluate als r.tsv --rank 2 --report r.html",
            2,
            "left out: `matfact compare`",
        ),
        (
            "tune als r.tsv --report r.html --names names.tsv",
            2,
            "shows no items",
        ),
    ] {
        folder.line(line).refused(code, part);
        assert_eq!(folder.names(), before, "{line}");
    }
}

/// A browser: what `MATFACT_BROWSER` names, or one that is on the path.
fn browser() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MATFACT_BROWSER") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = [
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
    ];
    let places = std::env::split_paths(&path);
    let mut all = places.flat_map(|place| names.map(|name| place.join(name)));
    all.find(|place| place.is_file())
}

#[test]
fn a_browser_shows_every_chart_without_complaint() {
    let Some(browser) = browser() else {
        println!("skipped: no browser on the path, and none in MATFACT_BROWSER");
        return;
    };
    let folder = folder();
    for (path, html, charts) in reports(&folder) {
        // A page tells what it is only to a script: that of the copy, not of the report.
        let script = "<script>document.body.dataset.found = [\
             [...document.querySelectorAll('figure.chart>svg')]\
             .filter(svg => svg.getBoundingClientRect().height > 50).length, \
             document.documentElement.scrollWidth <= document.documentElement.clientWidth, \
             getComputedStyle(document.body).backgroundColor].join(' ')</script></body>";
        fs::write(&path, html.replace("</body>", script)).unwrap();
        for (width, dark) in [(360, false), (1200, true)] {
            let output = Command::new(&browser)
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                ])
                .args(["--enable-logging=stderr", "--timeout=20000", "--dump-dom"])
                .args(dark.then_some("--blink-settings=preferredColorScheme=0"))
                .arg(format!("--window-size={width},900"))
                .arg(format!(
                    "--user-data-dir={}",
                    folder.at("profile").display()
                ))
                .arg(format!("file://{}", path.display()))
                .output()
                .unwrap();
            let (dom, log) = (
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
            let (_, found) = dom
                .split_once("data-found=\"")
                .unwrap_or_else(|| panic!("{}: {width}: {dom:.300} {log}", path.display()));
            let found = found.split('"').next().unwrap();
            let colour = if dark {
                "rgb(17, 17, 16)"
            } else {
                "rgb(246, 246, 244)"
            };
            assert_eq!(
                found,
                format!("{charts} true {colour}"),
                "{}: {width}",
                path.display()
            );
            assert!(!log.contains("CONSOLE"), "{}: {log}", path.display());
        }
    }
}
