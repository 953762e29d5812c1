//! `matfact reconstruct`.

use crate::arguments::ReconstructOptions;
use crate::checks::{Input, check_output};
use crate::opened::Opened;
use crate::output::{grouped, say, say_json};
use matfact::io::write_npy_rows;
use matfact::{Error, Factorization, Result, Scalar};
use serde_json::json;

/// Writes the matrix that a model stands for, block by block.
pub(crate) fn run(options: &ReconstructOptions) -> Result<()> {
    let inputs = [Input::new(&options.model, "model")];
    check_output("output", &options.output, &inputs)?;
    let opened = Opened::read(&options.model)?;
    if opened.is_double() {
        reconstruct::<f64>(options, &opened)
    } else {
        reconstruct::<f32>(options, &opened)
    }
}

fn reconstruct<T: Scalar>(options: &ReconstructOptions, opened: &Opened) -> Result<()> {
    let model = opened.model::<T>()?;
    let (rows, columns) = model.shape();
    let wanted = match options.rows {
        None => 0..rows,
        Some(block) => block.within(rows).ok_or_else(|| {
            let requirement = format!("rows of the model: inside 0..{rows}, and at least one");
            Error::invalid_parameter("rows", block, requirement)
        })?,
    };
    let shape = (wanted.len(), columns);
    write_npy_rows(&options.output, shape, |block, out| {
        model.reconstruct_rows(wanted.start + block.start..wanted.start + block.end, out)
    })?;
    if options.json {
        return say_json(&json!({
            "algorithm": opened.file.record.algorithm,
            "rows": [wanted.start, wanted.end],
            "shape": [shape.0, shape.1],
            "precision": T::NAME,
            "output": options.output,
        }));
    }
    say(&format!(
        "{}  {} x {}, {}",
        options.output.display(),
        grouped(shape.0),
        grouped(columns),
        T::NAME
    ))
}
