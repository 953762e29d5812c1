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
mod compare;
mod configuration;
mod demo;
mod disk;
mod evaluate;
mod export;
mod fit;
mod held_out;
mod input;
mod inspect;
mod logging;
mod opened;
mod output;
mod plan;
mod predict;
mod progress;
mod recommend;
mod reconstruct;
mod remedy;
mod reporting;
mod saving;
mod similar;
mod summary;
mod topics;
mod transform;
mod trial;
mod tune;
mod weighting;

use arguments::{Arguments, Command};
use clap::CommandFactory;
use clap::error::ErrorKind;
use configuration::Refusal;
use matfact::{Error, ErrorClass};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (command, given) = match configuration::parse(std::env::args_os().collect()) {
        Ok((arguments, given)) => {
            logging::begin(arguments.verbose);
            (arguments.command, given)
        }
        // Help and version, asked for or in place of a missing subcommand.
        Err(Refusal::Usage(text)) if is_help(&text) => text.exit(),
        Err(Refusal::Usage(error)) => {
            output::complain(&remedy::usage(&error));
            return ExitCode::from(exit_code(ErrorClass::Usage));
        }
        Err(Refusal::File(error)) => {
            output::complain(&format!("error: {error}"));
            return ExitCode::from(exit_code(error.class()));
        }
    };
    let outcome = match &command {
        Command::Demo(options) => demo::run(options),
        Command::Fit(algorithm) => fit::run(algorithm, &given),
        Command::Plan(options) => plan::run(options),
        Command::Evaluate(options) => evaluate::run(options, &given),
        Command::Compare(options) => compare::run(options, &given),
        Command::Tune(options) => tune::run(options, &given),
        Command::Predict(options) => predict::run(options),
        Command::Recommend(options) => recommend::run(options),
        Command::Similar(options) => similar::run(options),
        Command::Transform(options) => transform::run(options),
        Command::Topics(options) => topics::run(options),
        Command::Reconstruct(options) => reconstruct::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Export(options) => export::export(options),
        Command::Import(options) => export::import(options),
        Command::Completions { shell } => completions(*shell),
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

/// Prints what completes the command line in a shell.
fn completions(shell: clap_complete::Shell) -> matfact::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "matfact", &mut script);
    output::say(String::from_utf8_lossy(&script).trim_end())
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
