//! `matfact demo`: the main job on data that come with the program.

mod digits;
mod pictures;
mod ratings;

use crate::arguments::DemoOptions;
use crate::output::{complain, peak_memory_bytes, say, say_json};
use crate::progress::interruption;
use matfact::io::{ModelFile, load_model, save_model};
use matfact::{Algorithm, AnyModel, Error, Factorizer, Fit, Input, Persist, Result, Run};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a part of the demo has to show.
struct Part {
    text: String,
    json: Value,
}

/// Runs both parts and says what to try next.
pub(crate) fn run(options: &DemoOptions) -> Result<()> {
    let folder = Folder::new(options.output.as_deref())?;
    let digits = digits::run(options, folder.path())?;
    if !options.json {
        say(&digits.text)?;
    }
    let ratings = ratings::run(options, folder.path())?;
    if options.json {
        return say_json(&json!({
            "digits": digits.json,
            "ratings": ratings.json,
            "models": options.output,
            "peak_memory_bytes": peak_memory_bytes(),
        }));
    }
    say(&ratings.text)?;
    say(&closing(options.output.as_deref()))
}

/// Where the models go: a folder that the user keeps, or one that is removed at the end.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(kept: Option<&Path>) -> Result<Self> {
        let fault = |path: &Path, source| Error::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(path) = kept {
            std::fs::create_dir_all(path).map_err(|source| fault(path, source))?;
            return Ok(Self {
                path: path.to_owned(),
                temporary: false,
            });
        }
        // Only a folder made here may be removed at the end, so one that is there is not taken.
        let mut attempt = 0;
        loop {
            let name = format!("matfact-demo-{}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => {
                    return Ok(Self {
                        path,
                        temporary: true,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < 100 => {
                    attempt += 1;
                }
                Err(source) => return Err(fault(&path, source)),
            }
        }
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            complain(&format!(
                "notice: {} is left behind: {error}",
                self.path.display()
            ));
        }
    }
}

/// Fits one algorithm, saves its model, reads it back and holds the two against each other.
fn fit_and_keep(
    options: &DemoOptions,
    algorithm: &Algorithm,
    input: &Input<'_, f32>,
    folder: &Path,
) -> Result<Fit<AnyModel<f32>>> {
    let mut run = Run::new().cancellation(interruption());
    if let Some(threads) = options.threads {
        run = run.threads(threads);
    }
    let fit = algorithm.fit_with(input, &mut run)?;
    let path = folder.join(format!("{}.safetensors", algorithm.name()));
    let file = ModelFile {
        parameters: serde_json::to_value(algorithm).unwrap_or_default(),
        report: serde_json::to_value(&fit.report).unwrap_or_default(),
        seed: fit.report.seed,
        ..ModelFile::new(fit.model.to_record())
    };
    save_model(&path, &file)?;
    let model = AnyModel::from_record(&load_model(&path)?.record)?;
    if model != fit.model {
        let reason = "the model read back differs from the one saved".to_owned();
        return Err(Error::Corrupt { path, reason });
    }
    Ok(fit)
}

fn closing(kept: Option<&Path>) -> String {
    let models = match kept {
        Some(folder) => format!("The three models are in {}.", folder.display()),
        None => "All three models were saved, read back bit for bit, and removed again\n\
                 (--output DIR keeps them)."
            .to_owned(),
    };
    format!(
        "{models}\n\n\
         Next, on your own data:\n  \
         matfact fit nmf counts.mtx --rank 20 --model topics.safetensors\n  \
         matfact fit svd table.npy --rank 10 --json\n  \
         matfact fit sgd ratings.tsv --rank 32 --holdout 0.1 --model ratings.safetensors\n  \
         matfact predict ratings.safetensors --user ada --item alien\n  \
         matfact inspect ratings.safetensors\n\
         (without an installed program: cargo run --release -- fit nmf ...)"
    )
}
