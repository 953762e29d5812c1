//! `matfact transform`.

use crate::arguments::TransformOptions;
use crate::checks::{Input, check_output};
use crate::opened::Opened;
use crate::output::{grouped, say, say_json};
use crate::weighting::{self, Weighted, Weighting};
use matfact::io::{read_matrix, write_npy};
use matfact::{AnyModel, Error, Factorization, Result, Scalar};
use serde_json::json;
use std::time::Instant;

/// Writes the coordinates of new rows in the components of a model.
pub(crate) fn run(options: &TransformOptions) -> Result<()> {
    let inputs = [
        Input::new(&options.model, "model"),
        Input::new(&options.input, "data"),
    ];
    check_output("output", &options.output, &inputs)?;
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        transform::<f64>(options, &opened)
    } else {
        transform::<f32>(options, &opened)
    }
}

fn transform<T: Scalar>(options: &TransformOptions, opened: &Opened) -> Result<()> {
    let model = opened.model::<T>()?;
    if !matches!(
        model,
        AnyModel::Nmf(_) | AnyModel::Svd(_) | AnyModel::Pca(_)
    ) {
        return Err(opened.cannot("transform new rows (models of nmf, svd and pca can)"));
    }
    let columns = model.shape().1;
    let by = weighting::read(&opened.file.record, columns).map_err(|e| opened.corrupt(e))?;
    let started = Instant::now();
    let data = read_matrix::<T>(&options.input)?;
    let load_seconds = started.elapsed().as_secs_f64();
    let given = data.shape();
    if given.1 != columns {
        let what = format!("columns of {}", options.input.display());
        return Err(Error::shape_mismatch(what, columns, given.1));
    }
    let weighted = Weighted::apply(data, by)?;
    let coordinates = model.transform(weighted.data.as_matrix())?;
    let seconds = started.elapsed().as_secs_f64() - load_seconds;
    write_npy(&options.output, &coordinates)?;
    let (rows, rank) = coordinates.dim();
    let weights = weighted.by.as_ref().map(Weighting::name);
    if options.json {
        return say_json(&json!({
            "algorithm": opened.file.record.algorithm,
            "shape": [rows, rank],
            "precision": T::NAME,
            "weights": weights,
            "tf_idf": weights == Some("tf-idf"),
            "seconds": seconds,
            "load_seconds": load_seconds,
            "output": options.output,
        }));
    }
    say(&format!(
        "{}  {} x {}, {}{}",
        options.output.display(),
        grouped(rows),
        grouped(rank),
        T::NAME,
        weighted.by.as_ref().map_or(String::new(), |by| format!(
            "; the rows were weighted as the counts of the model were ({})",
            by.title()
        ))
    ))
}
