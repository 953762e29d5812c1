//! An algorithm made of options that were not typed: settings of `compare`, points of `tune`.

use crate::arguments::{Arguments, Command, FitCommand};
use crate::configuration::Setting;
use crate::remedy;
use clap::{CommandFactory, Parser};
use matfact::{Algorithm, Error, Result};
use std::any::TypeId;
use std::ffi::OsString;
use std::path::Path;

/// What kind of data an algorithm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Matrix,
    Ratings,
    Positives,
}

impl Kind {
    /// Of an algorithm by its name.
    pub(crate) fn of(algorithm: &str) -> Self {
        match algorithm {
            "nmf" | "minibatch-nmf" | "svd" | "pca" => Kind::Matrix,
            "ials" | "bpr" | "warp" | "logistic" | "popularity" => Kind::Positives,
            _ => Kind::Ratings,
        }
    }

    /// The algorithms of this kind.
    pub(crate) fn names(self) -> String {
        let names = Algorithm::NAMES.iter().copied();
        let names: Vec<&str> = names.filter(|name| Kind::of(name) == self).collect();
        names.join(", ")
    }
}

/// `matfact fit <algorithm> INPUT` with these options.
///
/// # Errors
/// [`Error::InvalidParameter`] with what the command line would have said.
pub(crate) fn command(algorithm: &str, input: &Path, settings: &[Setting]) -> Result<FitCommand> {
    let mut words: Vec<OsString> = ["matfact", "fit", algorithm].map(OsString::from).to_vec();
    words.extend(settings.iter().flat_map(Setting::words));
    words.push(input.into());
    let said: Vec<String> = settings
        .iter()
        .map(|setting| format!("{}={}", setting.name, setting.values.join(",")))
        .collect();
    match Arguments::try_parse_from(words) {
        Ok(Arguments {
            command: Command::Fit(command),
            ..
        }) => Ok(command),
        Ok(_) => Err(Error::invalid_parameter(
            "algorithm",
            algorithm,
            "one of `matfact fit`",
        )),
        Err(error) => {
            let text = remedy::usage(&error);
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let text = text.strip_suffix("; --help tells more").unwrap_or(text);
            let requirement = format!("what `matfact fit {algorithm}` takes: {text}");
            Err(Error::invalid_parameter("set", said.join(" "), requirement))
        }
    }
}

/// Whether `matfact fit <algorithm>` has an option, and if so whether it takes whole numbers.
pub(crate) fn takes(algorithm: &str, option: &str) -> Option<Takes> {
    let command = Arguments::command();
    let command = command.find_subcommand("fit")?.find_subcommand(algorithm)?;
    let mut arguments = command.get_arguments();
    let arg = arguments.find(|arg| arg.get_long() == Some(option))?;
    let parsed = arg.get_value_parser().type_id();
    Some(if !arg.get_action().takes_values() {
        Takes::Nothing
    } else if parsed == TypeId::of::<usize>() || parsed == TypeId::of::<u64>() {
        Takes::WholeNumbers
    } else if parsed == TypeId::of::<f64>() {
        Takes::Numbers
    } else {
        Takes::Text
    })
}

/// The long options of `matfact fit <algorithm>`.
pub(crate) fn options(algorithm: &str) -> Vec<String> {
    let command = Arguments::command();
    let fit = command.find_subcommand("fit");
    let command = fit.and_then(|fit| fit.find_subcommand(algorithm));
    let arguments = command.into_iter().flat_map(clap::Command::get_arguments);
    arguments
        .filter_map(|arg| arg.get_long())
        .map(str::to_owned)
        .collect()
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    WholeNumbers,
    Numbers,
    Text,
}
