//! The program `matfact`: factor a matrix or ratings from a file, and use the model.
//!
//! Results go to standard output, as text or with `--json` as one object; progress, notices and
//! errors go to standard error. Exit codes: 0 done, 2 usage, 3 bad data, 4 input or output, 5 no
//! convergence where it was required, 6 corrupt model.
#![forbid(unsafe_code)]

mod arguments;
mod demo;
mod fit;
mod input;
mod inspect;
mod output;
mod predict;
mod progress;

use arguments::{Arguments, Command};
use clap::Parser;
use matfact::{Error, ErrorClass};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Demo(options) => demo::run(&options),
        Command::Fit(algorithm) => fit::run(&algorithm),
        Command::Predict(options) => predict::run(&options),
        Command::Inspect(options) => inspect::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough (`matfact ... | head`).
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::complain(&format!("error: {error}"));
            ExitCode::from(exit_code(error.class()))
        }
    }
}

fn exit_code(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Usage => 2,
        ErrorClass::Data => 3,
        ErrorClass::Io => 4,
        ErrorClass::NotConverged => 5,
        ErrorClass::Corrupt => 6,
        _ => 1,
    }
}
