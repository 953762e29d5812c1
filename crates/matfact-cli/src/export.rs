//! `matfact export` and `matfact import`: models to and from the files of other programs.

use crate::arguments::{ExportFormat, ExportOptions, ImportOptions};
use crate::checks::{Input, check_output};
use crate::input::Seen;
use crate::opened::Opened;
use crate::output::{grouped, say, say_json};
use matfact::core::{Tensor, TensorValues};
use matfact::io::{
    Ids, ModelFile, read_libmf, save_model, save_model_in_half, write_libmf, write_npy,
    write_parquet, write_tsv,
};
use matfact::ndarray::Array2;
use matfact::{AnyModel, Error, Factorization, Persist, Result, Scalar};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Writes the tensors of a model, or the model as LIBMF's.
pub(crate) fn export(options: &ExportOptions) -> Result<()> {
    let opened = Opened::read(&options.model)?;
    let written = match options.format {
        ExportFormat::Half => {
            check_file(options)?;
            if opened.is_double() {
                return Err(
                    opened.cannot("be written in half precision (it is of f64: fit it in f32)")
                );
            }
            save_model_in_half(&options.output, &opened.file)?;
            vec![options.output.clone()]
        }
        ExportFormat::Libmf => {
            check_file(options)?;
            match opened.is_double() {
                true => to_libmf::<f64>(options, &opened)?,
                false => to_libmf::<f32>(options, &opened)?,
            }
            vec![options.output.clone()]
        }
        ExportFormat::Npy | ExportFormat::Tsv | ExportFormat::Parquet => {
            to_folder(options, &opened)?
        }
    };
    if options.json {
        return say_json(&json!({
            "algorithm": opened.file.record.algorithm,
            "written": written,
        }));
    }
    let lines: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    say(&lines.join("\n"))
}

/// Refuses an output that is no file to write, or the model itself.
fn check_file(options: &ExportOptions) -> Result<()> {
    let inputs = [Input::new(&options.model, "model")];
    check_output("output", &options.output, &inputs)
}

fn to_libmf<T: Scalar>(options: &ExportOptions, opened: &Opened) -> Result<()> {
    let model: AnyModel<T> = opened.model()?;
    let Some(model) = model.factors() else {
        return Err(
            opened.cannot("be written for LIBMF (those of als, sgd, svdpp and the rankings can)")
        );
    };
    let file = &opened.file;
    let mean = Seen::read(&file.record.attributes).map_or(model.mean().as_f64(), Seen::mean);
    let (rows, columns) = (file.row_ids.as_ref(), file.column_ids.as_ref());
    write_libmf(&options.output, model, rows, columns, mean)
}

fn to_folder(options: &ExportOptions, opened: &Opened) -> Result<Vec<PathBuf>> {
    let folder = &options.output;
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.clone(),
        source,
    })?;
    let mut written = Vec::new();
    for (name, tensor) in &opened.file.record.tensors {
        let ids = match &name[..] {
            "w" | "u" | "scores" | "row_factors" | "row_bias" => opened.file.row_ids.as_ref(),
            "col_factors" | "col_bias" | "implicit_factors" => opened.file.column_ids.as_ref(),
            _ => None,
        };
        let extension = match options.format {
            ExportFormat::Tsv => "tsv",
            ExportFormat::Parquet => "parquet",
            _ => "npy",
        };
        let path = folder.join(format!("{name}.{extension}"));
        match &tensor.values {
            TensorValues::F32(values) => write(options, &path, ids, tensor, values)?,
            TensorValues::F64(values) => write(options, &path, ids, tensor, values)?,
        }
        written.push(path);
    }
    // For NumPy, and for tensors with a column for each id.
    for (name, ids) in [
        ("row_ids.txt", &opened.file.row_ids),
        ("column_ids.txt", &opened.file.column_ids),
    ] {
        if let Some(ids) = ids {
            let path = folder.join(name);
            write_tsv(&path, Some(ids), &Array2::<f32>::zeros((ids.len(), 0)))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// A tensor as a matrix: one of a single axis is a column.
fn write<T: Scalar>(
    options: &ExportOptions,
    path: &Path,
    ids: Option<&Ids>,
    tensor: &Tensor,
    values: &[T],
) -> Result<()> {
    let rows = tensor.shape.first().copied().unwrap_or(1);
    let columns = tensor.shape.iter().skip(1).product();
    let array = Array2::from_shape_vec((rows, columns), values.to_vec())
        .map_err(|error| Error::shape_mismatch("tensor", &tensor.shape, error))?;
    match options.format {
        ExportFormat::Tsv => write_tsv(path, ids, &array),
        ExportFormat::Parquet => write_parquet(path, ids, &array),
        _ => write_npy(path, &array),
    }
}

/// Makes a model file of LIBMF's text model.
pub(crate) fn import(options: &ImportOptions) -> Result<()> {
    check_output(
        "model",
        &options.model,
        &[Input::new(&options.input, "data")],
    )?;
    let libmf = read_libmf::<f32>(&options.input)?;
    let (rows, columns) = libmf.model.shape();
    let mut record = libmf.model.to_record();
    let note = |text: &str| text.to_owned();
    record
        .attributes
        .insert(note("imported_from"), note("libmf"));
    record
        .attributes
        .insert(note("libmf_loss"), libmf.loss.to_string());
    // What the ratings ranged over is not in the file.
    Seen::unbounded(libmf.mean).write(&mut record.attributes);
    let file = ModelFile {
        row_ids: Some(libmf.rows),
        column_ids: Some(libmf.columns),
        ..ModelFile::new(record)
    };
    save_model(&options.model, &file)?;
    let rank = libmf.model.rank();
    if options.json {
        return say_json(&json!({
            "shape": [rows, columns],
            "rank": rank,
            "mean": libmf.mean,
            "model": options.model,
        }));
    }
    say(&format!(
        "{}  {} x {}, rank {rank}",
        options.model.display(),
        grouped(rows),
        grouped(columns)
    ))
}
