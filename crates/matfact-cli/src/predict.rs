//! `matfact predict`.

use crate::arguments::PredictOptions;
use crate::input::{self, Accuracy, Seen, tell_skipped};
use crate::opened::Opened;
use crate::output::{complain, grouped, say, say_json};
use matfact::io::{Ids, ModelFile, read_pairs};
use matfact::{Error, Factorization, Result, Scalar};
use serde_json::json;
use std::fmt::Write;

/// Predicts the pairs that the command line asks for.
pub(crate) fn run(options: &PredictOptions) -> Result<()> {
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        predict::<f64>(options, &opened)
    } else {
        predict::<f32>(options, &opened)
    }
}

/// One pair with what is known of it.
struct Asked {
    user: String,
    item: String,
    rating: Option<f64>,
}

fn predict<T: Scalar>(options: &PredictOptions, opened: &Opened) -> Result<()> {
    let (model, file) = (opened.model::<T>()?, &opened.file);
    check_ids(options, file, model.shape())?;
    let asked = asked::<T>(options)?;
    let seen = Seen::read(&file.record.attributes);
    let range = seen.filter(|_| !options.no_clip);
    let mut predictions = Vec::with_capacity(asked.len());
    let mut unknown = 0_usize;
    let rows = Axis {
        name: "user",
        lines: "row",
        ids: file.row_ids.as_ref(),
        bound: model.shape().0,
    };
    let columns = Axis {
        name: "item",
        lines: "column",
        ids: file.column_ids.as_ref(),
        bound: model.shape().1,
    };
    for (position, pair) in asked.iter().enumerate() {
        let index = |axis: &Axis<'_>, id: &str| {
            axis.index(id).map_err(|reason| match &options.pairs {
                Some(path) => Error::Parse {
                    path: path.clone(),
                    line: 0,
                    column: None,
                    message: format!(
                        "pair {}: the {} {id:?} must be {reason}",
                        position + 1,
                        axis.name
                    ),
                },
                None => Error::invalid_parameter(axis.name, format!("{id:?}"), reason),
            })
        };
        let (row, column) = (index(&rows, &pair.user)?, index(&columns, &pair.item)?);
        unknown += usize::from(row.is_none() || column.is_none());
        let value = match input::predict(&model, seen, row, column)? {
            Some(value) => value,
            None if row.is_none() => return Err(unknown_id("user", &pair.user)),
            None => return Err(unknown_id("item", &pair.item)),
        };
        predictions.push(match range {
            Some(range) => range.clamp(value),
            None => value,
        });
    }
    let rated = asked
        .iter()
        .zip(&predictions)
        .filter_map(|(a, p)| a.rating.map(|r| (*p, r)));
    let accuracy = Accuracy::of(rated);
    if options.json {
        let list: Vec<_> = asked
            .iter()
            .zip(&predictions)
            .map(|(pair, value)| json!({ "user": pair.user, "item": pair.item, "prediction": value }))
            .collect();
        return say_json(&json!({
            "predictions": list,
            "unknown": unknown,
            "accuracy": accuracy.map(Accuracy::to_json),
        }));
    }
    let mut text = String::new();
    for (pair, value) in asked.iter().zip(&predictions) {
        let _ = writeln!(text, "{}\t{}\t{value:.6}", pair.user, pair.item);
    }
    say(text.trim_end())?;
    if unknown > 0 {
        let (unknown, all) = (grouped(unknown), grouped(asked.len()));
        complain(&format!(
            "notice: {unknown} of {all} pairs have a user or item that was not in the training \
             ratings: predicted from the mean and the bias that is known, if any"
        ));
    }
    if let Some(Accuracy { rmse, mae }) = accuracy {
        complain(&format!(
            "RMSE {rmse:.4}, MAE {mae:.4} against the ratings given"
        ));
    }
    Ok(())
}

fn asked<T: Scalar>(options: &PredictOptions) -> Result<Vec<Asked>> {
    if let (Some(user), Some(item)) = (&options.user, &options.item) {
        return Ok(vec![Asked {
            user: user.clone(),
            item: item.clone(),
            rating: None,
        }]);
    }
    let Some(path) = &options.pairs else {
        return Ok(Vec::new());
    };
    let pairs = read_pairs::<T>(path, &options.reading.resolve()?)?;
    tell_skipped(&pairs.skipped, pairs.skipped_count);
    let asked = pairs.pairs.iter().map(|pair| Asked {
        user: pairs.rows.name(pair.row).to_owned(),
        item: pairs.columns.name(pair.column).to_owned(),
        rating: pair.value.map(|value| value.as_f64()),
    });
    Ok(asked.collect())
}

/// One side of a model.
struct Axis<'a> {
    /// What the command line calls it.
    name: &'static str,
    /// What it is in a matrix.
    lines: &'static str,
    ids: Option<&'a Ids>,
    bound: usize,
}

impl Axis<'_> {
    /// The index of an id: from the model's ids, or for a model without ids the number itself,
    /// counted from 0. The error says what is needed instead.
    fn index(&self, id: &str) -> Result<Option<usize>, String> {
        if let Some(ids) = self.ids {
            return Ok(ids.index(id));
        }
        match id.parse::<usize>() {
            Ok(index) if index < self.bound => Ok(Some(index)),
            _ => Err(format!(
                "a {} of the model, counted from 0 to {} (the model has no ids)",
                self.lines,
                self.bound.saturating_sub(1)
            )),
        }
    }
}

/// Refuses ids that are not those of the factors.
fn check_ids(options: &PredictOptions, file: &ModelFile, shape: (usize, usize)) -> Result<()> {
    for (axis, ids, bound) in [
        ("row", &file.row_ids, shape.0),
        ("column", &file.column_ids, shape.1),
    ] {
        if let Some(ids) = ids.as_ref().filter(|ids| ids.len() != bound) {
            let reason = format!("it has {} {axis} ids for {bound} {axis}s", ids.len());
            return Err(Error::Corrupt {
                path: options.model.clone(),
                reason,
            });
        }
    }
    Ok(())
}

fn unknown_id(axis: &'static str, id: &str) -> Error {
    Error::UnknownId {
        axis,
        id: id.to_owned(),
    }
}
