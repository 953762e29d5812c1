//! Configuration files: the options of a command in a file, and the file that repeats a command.

mod file;
#[cfg(test)]
mod fuzz;
mod given;
mod words;

pub(crate) use file::{Entry, File, Value};
pub(crate) use given::{Given, Setting};

use crate::arguments::Arguments;
use clap::{CommandFactory, FromArgMatches};
use matfact::Error;
use std::ffi::OsString;

/// Why a command line could not be read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What clap says.
    Usage(clap::Error),
    /// What is wrong with a configuration file.
    File(Error),
}

/// The command line, with the options of its configuration file, and what was given.
pub(crate) fn parse(words: Vec<OsString>) -> Result<(Arguments, Given), Refusal> {
    let words = words::expanded(words).map_err(Refusal::File)?;
    let mut command = Arguments::command();
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(Refusal::Usage)?;
    let arguments = Arguments::from_arg_matches(&matches)
        .map_err(|error| Refusal::Usage(error.format(&mut command)))?;
    Ok((arguments, Given::of(&command, &matches)))
}

/// What is most like a word that is not known, if anything is.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|name| (strsim::jaro_winkler(word, name), name));
    let best = near.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}
