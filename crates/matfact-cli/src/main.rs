//! The program `matfact`: factor a matrix or ratings from a file, and use the model.
//!
//! Results go to standard output, as text or with `--json` as one object; progress, notices and
//! errors go to standard error. Exit codes: 0 done, 2 usage, 3 bad data, 4 input or output, 5 no
//! convergence where it was required, 6 corrupt model.
#![forbid(unsafe_code)]

mod arguments;
mod axis;
mod checkpoints;
mod checks;
mod choices;
mod demo;
mod evaluate;
mod export;
mod fit;
mod input;
mod inspect;
mod opened;
mod output;
mod plan;
mod predict;
mod progress;
mod recommend;
mod reconstruct;
mod remedy;
mod similar;
mod topics;
mod transform;
mod weighting;

use arguments::{Arguments, Command};
use clap::Parser;
use clap::error::ErrorKind;
use matfact::{Error, ErrorClass};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        // Help and version, asked for or in place of a missing subcommand.
        Err(text) if is_help(&text) => text.exit(),
        Err(error) => {
            output::complain(&remedy::usage(&error));
            return ExitCode::from(exit_code(ErrorClass::Usage));
        }
    };
    let outcome = match &command {
        Command::Demo(options) => demo::run(options),
        Command::Fit(algorithm) => fit::run(algorithm),
        Command::Plan(options) => plan::run(options),
        Command::Evaluate(options) => evaluate::run(options),
        Command::Predict(options) => predict::run(options),
        Command::Recommend(options) => recommend::run(options),
        Command::Similar(options) => similar::run(options),
        Command::Transform(options) => transform::run(options),
        Command::Topics(options) => topics::run(options),
        Command::Reconstruct(options) => reconstruct::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Export(options) => export::export(options),
        Command::Import(options) => export::import(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough (`matfact ... | head`).
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::complain(&format!("error: {}", remedy::message(&error, &command)));
            ExitCode::from(exit_code(error.class()))
        }
    }
}

fn is_help(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
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
