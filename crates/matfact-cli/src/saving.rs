//! Model files as `matfact fit` writes them.

use crate::arguments::CommonOptions;
use crate::choices::Precision;
use crate::output::complain;
use matfact::io::{ModelFile, save_model, save_model_in_half};
use matfact::{Error, Result};
use std::path::Path;

/// Refuses half precision of what is asked for in double.
pub(crate) fn check(common: &CommonOptions) -> Result<()> {
    if common.half && common.precision == Precision::F64 {
        let requirement = "left out with --precision f64, whose digits it would drop";
        return Err(Error::invalid_parameter("half", "given", requirement));
    }
    Ok(())
}

/// Writes a model, in half precision where that is asked for and holds its numbers: a fit is not lost because it does
/// not.
pub(crate) fn save(path: &Path, file: &ModelFile, half: bool) -> Result<()> {
    if half {
        match save_model_in_half(path, file) {
            Err(Error::InvalidModel { reason }) => {
                complain(&format!("notice: the model is written in f32: {reason}"));
            }
            other => return other,
        }
    }
    save_model(path, file)
}
