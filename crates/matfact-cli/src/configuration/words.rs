//! A command line in which a configuration file is replaced by the options that it holds.

use super::file::{Entry, File, Value};
use super::nearest;
use crate::arguments::Arguments;
use clap::{Arg, ArgAction, Command, CommandFactory};
use matfact::{Algorithm, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Options that say how to read or tell, and so belong to no file.
pub(super) const APART: [&str; 4] = ["config", "print-config", "help", "version"];

/// The words with the options of the file that `--config` names; what stands on the command line wins. Without
/// `--config` the words as they are.
pub(super) fn expanded(words: Vec<OsString>) -> Result<Vec<OsString>> {
    if !words.iter().any(|word| names_config(word)) {
        return Ok(words);
    }
    let mut command = Arguments::command();
    command.build();
    let scan = Scan::of(&command, &words);
    let Some(path) = &scan.config else {
        return Ok(words);
    };
    let file = File::read(Path::new(path))?;
    let (mut names, mut command) = (scan.names, scan.command);
    let entry = file.entries.iter().find(|entry| entry.key == "algorithm");
    let inner = entry
        .map(|entry| named(command, &file, entry))
        .transpose()?;
    if let Some(inner) = inner.flatten() {
        names.push(inner.get_name().to_owned());
        command = inner;
    }
    if !command.get_arguments().any(|arg| arg.get_id() == "config") {
        return Ok(words);
    }
    let mut options: Vec<OsString> = Vec::new();
    let mut input = None;
    for entry in file.entries.iter().filter(|entry| entry.key != "algorithm") {
        if entry.key == "input" {
            let Value::One(text) = &entry.value else {
                return Err(file.refuse(entry.line, "input is no text: give a file".to_owned()));
            };
            input = Some(OsString::from(text)).filter(|_| scan.positionals == 0);
            continue;
        }
        let overridden = |arg: &Arg| is_overridden(command, arg, &scan.given);
        push(command, &file, entry, &overridden, &mut options)?;
    }
    let mut expanded: Vec<OsString> = words.into_iter().take(1).collect();
    expanded.extend(names.iter().map(OsString::from));
    expanded.extend(options);
    expanded.extend(scan.rest);
    expanded.extend(input);
    Ok(expanded)
}

fn names_config(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    text == "--config" || text.starts_with("--config=")
}

/// The algorithm that a file names, where the command line has left it open.
fn named<'a>(command: &'a Command, file: &File, entry: &Entry) -> Result<Option<&'a Command>> {
    let Value::One(name) = &entry.value else {
        let message = format!(
            "algorithm is no text: give one of {}",
            Algorithm::NAMES.join(", ")
        );
        return Err(file.refuse(entry.line, message));
    };
    if !command.has_subcommands() {
        // The same algorithm named twice is no contradiction.
        return match command.get_name() == name || !Algorithm::NAMES.contains(&command.get_name()) {
            true => Ok(None),
            false => Err(file.refuse(
                entry.line,
                format!(
                    "the file is for {name}, the command line for {}",
                    command.get_name()
                ),
            )),
        };
    }
    match command.find_subcommand(name) {
        Some(inner) => Ok(Some(inner)),
        None => {
            let message = format!(
                "unknown algorithm {name:?}{}: give one of {}",
                perhaps(name, Algorithm::NAMES.iter().copied()),
                Algorithm::NAMES.join(", ")
            );
            Err(file.refuse(entry.line, message))
        }
    }
}

fn perhaps<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(word, known).map_or(String::new(), |name| format!(" (is it {name:?}?)"))
}

/// Appends what an entry means.
fn push(
    command: &Command,
    file: &File,
    entry: &Entry,
    overridden: &dyn Fn(&Arg) -> bool,
    options: &mut Vec<OsString>,
) -> Result<()> {
    let sets = command.get_arguments().any(|arg| arg.get_id() == "set");
    if let Value::Table(inner) = &entry.value {
        if sets && Algorithm::NAMES.contains(&&entry.key[..]) {
            return push_settings(&entry.key, inner, file, options);
        }
        let message = format!("unknown table [{}]", entry.key);
        return Err(file.refuse(entry.line, message));
    }
    let arg = option(command, file, entry)?;
    if overridden(arg) {
        return Ok(());
    }
    let refuse = |what: &str| file.refuse(entry.line, format!("{} {what}", entry.key));
    let name = format!("--{}", entry.key);
    let takes_value = arg.get_action().takes_values();
    match &entry.value {
        Value::Switch(on) if !takes_value => {
            if *on {
                options.push(name.into());
            }
        }
        _ if !takes_value => return Err(refuse("is a switch: give true or false")),
        Value::Switch(on) => options.push(format!("{name}={on}").into()),
        Value::One(text) => options.push(format!("{name}={text}").into()),
        Value::Many(_) if !matches!(arg.get_action(), ArgAction::Append) => {
            return Err(refuse("takes one value, not a list"));
        }
        Value::Many(texts) => {
            options.extend(texts.iter().map(|text| format!("{name}={text}").into()));
        }
        Value::Table(_) => return Err(refuse("is no table")),
    }
    Ok(())
}

/// The options of one algorithm, as `compare --set` takes them.
fn push_settings(
    algorithm: &str,
    entries: &[Entry],
    file: &File,
    options: &mut Vec<OsString>,
) -> Result<()> {
    let mut fit = Arguments::command();
    fit.build();
    let fit = fit.find_subcommand("fit");
    let Some(command) = fit.and_then(|fit| fit.find_subcommand(algorithm)) else {
        return Ok(());
    };
    for entry in entries {
        option(command, file, entry)?;
        let text = match &entry.value {
            Value::One(text) => text.clone(),
            Value::Switch(on) => on.to_string(),
            _ => {
                let message = format!("{} takes one value", entry.key);
                return Err(file.refuse(entry.line, message));
            }
        };
        options.push(format!("--set={algorithm}.{}={text}", entry.key).into());
    }
    Ok(())
}

/// The option that a key names.
fn option<'a>(command: &'a Command, file: &File, entry: &Entry) -> Result<&'a Arg> {
    let known = || {
        let arguments = command.get_arguments();
        arguments.filter(|arg| arg.get_long().is_some_and(|long| !APART.contains(&long)))
    };
    let found = known().find(|arg| arg.get_long() == Some(&entry.key));
    found.ok_or_else(|| {
        let near = perhaps(
            &entry.key,
            known().filter_map(Arg::get_long).chain(["input"]),
        );
        let message = format!(
            "unknown key {:?}{near}: keys are the long options of `{}`",
            entry.key,
            command.get_bin_name().unwrap_or_else(|| command.get_name())
        );
        file.refuse(entry.line, message)
    })
}

/// Whether the command line has said otherwise.
fn is_overridden(command: &Command, arg: &Arg, given: &[String]) -> bool {
    let is_given = |arg: &Arg| {
        let long = arg.get_long().unwrap_or_default();
        given.iter().any(|name| name == long)
    };
    let conflicts = |arg: &Arg, with: &Arg| {
        let against = command.get_arg_conflicts_with(arg);
        against.iter().any(|other| other.get_id() == with.get_id())
    };
    let others = command.get_arguments().filter(|other| is_given(other));
    is_given(arg)
        || others
            .into_iter()
            .any(|other| conflicts(arg, other) || conflicts(other, arg))
}

/// What can be told of a command line without its being complete.
struct Scan<'a> {
    /// The innermost command.
    command: &'a Command,
    /// The names of the commands.
    names: Vec<String>,
    /// The options given, by their long names.
    given: Vec<String>,
    positionals: usize,
    config: Option<OsString>,
    /// All words but the program, the names of commands and `--config`.
    rest: Vec<OsString>,
}

impl<'a> Scan<'a> {
    fn of(root: &'a Command, words: &[OsString]) -> Self {
        let mut scan = Self {
            command: root,
            names: Vec::new(),
            given: Vec::new(),
            positionals: 0,
            config: None,
            rest: Vec::new(),
        };
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            let text = word.to_string_lossy();
            if names_config(word) {
                scan.config = match text.split_once('=') {
                    Some((_, path)) => Some(path.into()),
                    None => words.next().cloned(),
                };
                continue;
            }
            if let Some(name) = text.strip_prefix("--") {
                scan.rest.push(word.clone());
                let (name, inline) = match name.split_once('=') {
                    Some((name, _)) => (name, true),
                    None => (name, false),
                };
                scan.given.push(name.to_owned());
                let takes_value = |command: &Command| {
                    let mut arguments = command.get_arguments();
                    let arg = arguments.find(|arg| arg.get_long() == Some(name))?;
                    Some(arg.get_action().takes_values())
                };
                // Where the file is to name the algorithm, the option is one of its.
                let mut below = scan.command.get_subcommands();
                let takes_value = takes_value(scan.command).or_else(|| below.find_map(takes_value));
                if !inline && takes_value == Some(true) {
                    scan.rest.extend(words.next().cloned());
                }
            } else if let Some(inner) = scan.command.find_subcommand(&*text) {
                scan.names.push(inner.get_name().to_owned());
                scan.command = inner;
            } else {
                scan.positionals += usize::from(text == "-" || !text.starts_with('-'));
                scan.rest.push(word.clone());
            }
        }
        scan
    }
}
