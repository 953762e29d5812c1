//! `matfact topics`.

use crate::arguments::TopicsOptions;
use crate::opened::Opened;
use crate::output::{grouped, printable, say, say_json};
use matfact::ndarray::ArrayView1;
use matfact::{AnyModel, Error, Factorization, Result, Scalar};
use serde_json::{Value, json};
use std::path::Path;

/// Shows the components of a model, the largest first.
pub(crate) fn run(options: &TopicsOptions) -> Result<()> {
    if options.count == 0 {
        return Err(Error::invalid_parameter("count", 0, "at least 1"));
    }
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        show::<f64>(options, &opened)
    } else {
        show::<f32>(options, &opened)
    }
}

/// A component with its strongest columns.
#[derive(Debug, PartialEq)]
struct Topic {
    component: usize,
    /// Its part of the sum over all components of ‖w_t‖·‖h_t‖.
    share: f64,
    /// Columns with their weights, the largest magnitude first.
    columns: Vec<(usize, f64)>,
}

fn show<T: Scalar>(options: &TopicsOptions, opened: &Opened) -> Result<()> {
    let model = opened.model::<T>()?;
    let topics = topics(&model, options.count)
        .ok_or_else(|| opened.cannot("show topics (models of nmf, svd and pca can)"))?;
    let (rows, columns) = model.shape();
    let words = match &options.words {
        Some(path) => Some(read_words(path, columns)?),
        None => None,
    };
    let word = |column: usize| words.as_ref().map(|words| words[column].as_str());
    if options.json {
        return say_json(&json!({
            "algorithm": opened.file.record.algorithm,
            "shape": [rows, columns],
            "rank": model.rank(),
            "topics": topics.iter().map(|topic| as_json(topic, word)).collect::<Vec<_>>(),
        }));
    }
    let mut lines = vec![format!(
        "{} components of {}, {} x {}, the largest first",
        model.rank(),
        opened.file.record.algorithm,
        grouped(rows),
        grouped(columns)
    )];
    lines.push("   share  component  strongest columns".to_owned());
    for topic in &topics {
        let name = |(column, weight): &(usize, f64)| {
            let sign = if *weight < 0.0 { "-" } else { "" };
            let text = word(*column).map_or_else(|| column.to_string(), printable);
            format!("{sign}{text}")
        };
        let names: Vec<String> = topic.columns.iter().map(name).collect();
        let names = match names.is_empty() {
            true => "(empty)".to_owned(),
            false => names.join(", "),
        };
        let percent = 100.0 * topic.share;
        lines.push(format!(
            "  {percent:>5.1}%  {:>9}  {names}",
            topic.component
        ));
    }
    say(&lines.join("\n"))
}

fn as_json<'a>(topic: &Topic, word: impl Fn(usize) -> Option<&'a str>) -> Value {
    let column = |(column, weight): &(usize, f64)| {
        let mut object = json!({ "column": column, "weight": weight });
        if let Some(word) = word(*column) {
            object["word"] = json!(word);
        }
        object
    };
    json!({
        "component": topic.component,
        "share": topic.share,
        "columns": topic.columns.iter().map(column).collect::<Vec<_>>(),
    })
}

/// The components of a model by share; `None` for models whose components have no weights of columns
/// alone.
fn topics<T: Scalar>(model: &AnyModel<T>, count: usize) -> Option<Vec<Topic>> {
    let (shares, components) = match model {
        AnyModel::Nmf(model) => (model.components_by_share(), model.h()),
        AnyModel::Svd(model) => (by_value(model.singular_values()), model.vt()),
        AnyModel::Pca(model) => (by_value(model.singular_values()), model.components()),
        _ => return None,
    };
    let total: f64 = shares.iter().map(|(_, share)| share).sum();
    let topic = |(component, share): (usize, f64)| Topic {
        component,
        share: if total > 0.0 { share / total } else { 0.0 },
        columns: strongest(components.row(component), count),
    };
    Some(shares.into_iter().map(topic).collect())
}

/// Components of falling singular values, which are what ‖w_t‖·‖h_t‖ is for orthonormal ones.
fn by_value<T: Scalar>(values: ArrayView1<'_, T>) -> Vec<(usize, f64)> {
    let values = values.iter().map(|value| value.as_f64());
    values.enumerate().collect()
}

/// The `count` entries of largest magnitude, none of them zero, the largest first; ties go to the
/// lower index.
pub(crate) fn strongest<T: Scalar>(values: ArrayView1<'_, T>, count: usize) -> Vec<(usize, f64)> {
    let mut entries: Vec<(usize, f64)> = values
        .iter()
        .map(|value| value.as_f64())
        .enumerate()
        .filter(|(_, value)| *value != 0.0)
        .collect();
    let order =
        |a: &(usize, f64), b: &(usize, f64)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
    if entries.len() > count {
        entries.select_nth_unstable_by(count, order);
        entries.truncate(count);
    }
    entries.sort_unstable_by(order);
    entries
}

/// The names of the columns, one a line.
pub(crate) fn read_words(path: &Path, columns: usize) -> Result<Vec<String>> {
    let refused = |line: usize, message: String| Error::Parse {
        path: path.to_owned(),
        line,
        column: None,
        message,
    };
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        refused(line, "the text is not valid UTF-8".to_owned())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let words: Vec<String> = text.lines().map(str::to_owned).collect();
    if words.len() == columns {
        return Ok(words);
    }
    let message = format!(
        "{} lines for {columns} columns: give every column of the model its name, one a line",
        words.len()
    );
    Err(refused(0, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact::ndarray::array;
    use matfact::{NmfModel, SvdModel};

    #[test]
    fn the_strongest_are_the_largest_magnitudes_and_none_of_them_is_zero() {
        let values = array![0.5_f32, -2.0, 0.0, 2.0, 0.5];
        assert_eq!(
            strongest(values.view(), 9),
            [(1, -2.0), (3, 2.0), (0, 0.5), (4, 0.5)]
        );
        assert_eq!(strongest(values.view(), 3), [(1, -2.0), (3, 2.0), (0, 0.5)]);
        assert_eq!(strongest(array![0.0_f64].view(), 3), []);
    }

    #[test]
    fn components_come_by_their_share_of_the_whole() {
        let model = NmfModel::new(array![[1.0, 0.0, 3.0]], array![[1.0], [5.0], [1.0]]).unwrap();
        let topics = topics(&AnyModel::Nmf(model), 1).unwrap();
        let order: Vec<(usize, f64)> = topics.iter().map(|t| (t.component, t.share)).collect();
        assert_eq!(order, [(2, 0.75), (0, 0.25), (1, 0.0)]);
    }

    #[test]
    fn the_components_of_an_svd_have_the_shares_of_their_singular_values() {
        let model = SvdModel::new(
            array![[1.0, 0.0], [0.0, 1.0]],
            array![3.0, 1.0],
            array![[0.6, -0.8], [0.8, 0.6]],
        );
        let topics = topics(&AnyModel::Svd(model.unwrap()), 2).unwrap();
        assert_eq!(topics[0].columns, [(1, -0.8), (0, 0.6)]);
        assert_eq!((topics[0].share, topics[1].share), (0.75, 0.25));
    }

    #[test]
    fn a_model_of_zeros_has_no_shares() {
        let model = NmfModel::new(array![[0.0_f32]], array![[0.0]]).unwrap();
        let topics = topics(&AnyModel::Nmf(model), 2).unwrap();
        assert_eq!((topics[0].share, topics[0].columns.len()), (0.0, 0));
    }
}
