//! `matfact predict`.

use crate::arguments::PredictOptions;
use crate::axis::{Axis, unknown_id};
use crate::input::{self, Accuracy, Seen, tell_skipped};
use crate::opened::Opened;
use crate::output::{complain, grouped, say, say_json};
use matfact::io::read_pairs;
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
    opened.check_ids(model.shape())?;
    let asked = asked::<T>(options)?;
    let seen = Seen::read(&file.record.attributes);
    let range = seen.filter(|_| !options.no_clip);
    let mut predictions = Vec::with_capacity(asked.len());
    let mut unknown = 0_usize;
    let rows = Axis::rows(file, model.shape());
    let columns = Axis::columns(file, model.shape());
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
