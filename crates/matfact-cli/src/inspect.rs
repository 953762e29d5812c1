//! `matfact inspect`.

use crate::arguments::InspectOptions;
use crate::output::{say, say_json};
use matfact::Result;
use matfact::core::{Tensor, TensorValues};
use matfact::io::{FORMAT_VERSION, ModelFile, load_model};
use serde_json::{Value, json};

/// Shows what a model file holds.
pub(crate) fn run(options: &InspectOptions) -> Result<()> {
    let file = load_model(&options.model)?;
    if options.json {
        say_json(&as_json(&file))
    } else {
        say(&as_text(&file))
    }
}

fn kind(tensor: &Tensor) -> &'static str {
    match tensor.values {
        TensorValues::F32(_) => "f32",
        TensorValues::F64(_) => "f64",
    }
}

fn as_json(file: &ModelFile) -> Value {
    let tensors: serde_json::Map<String, Value> = file
        .record
        .tensors
        .iter()
        .map(|(name, t)| (name.clone(), json!({ "shape": t.shape, "type": kind(t) })))
        .collect();
    json!({
        "algorithm": file.record.algorithm,
        "format_version": FORMAT_VERSION,
        "seed": file.seed,
        "tensors": tensors,
        "attributes": file.record.attributes,
        "parameters": file.parameters,
        "report": file.report,
        "row_ids": file.row_ids.as_ref().map(|ids| ids.len()),
        "column_ids": file.column_ids.as_ref().map(|ids| ids.len()),
    })
}

fn as_text(file: &ModelFile) -> String {
    let mut lines = vec![format!(
        "model of {}, seed {}",
        file.record.algorithm, file.seed
    )];
    for (name, tensor) in &file.record.tensors {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        lines.push(format!(
            "  {name:<13} {} {}",
            shape.join(" x "),
            kind(tensor)
        ));
    }
    for (name, ids) in [("row ids", &file.row_ids), ("column ids", &file.column_ids)] {
        if let Some(ids) = ids {
            let first: Vec<&str> = ids.iter().take(3).collect();
            lines.push(format!(
                "  {name:<13} {}, first {}",
                ids.len(),
                first.join(", ")
            ));
        }
    }
    for (title, value) in [
        ("hyper-parameters", &file.parameters),
        ("fit", &file.report),
    ] {
        if let Value::Object(fields) = value {
            lines.push(title.to_owned());
            for (name, value) in fields {
                // The history is for machines: `--json` has it.
                if !value.is_null() && !value.is_array() {
                    lines.push(format!("  {name:<19} {value}"));
                }
            }
        }
    }
    lines.join("\n")
}
