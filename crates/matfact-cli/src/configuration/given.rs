//! What a command line has given, and the configuration file that repeats it.

use super::words::APART;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};
use matfact::Algorithm;
use std::ffi::OsString;
use std::fmt::Write;

/// An option that was given, or whose default stands in the program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    /// The long name.
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
    is_switch: bool,
    is_list: bool,
}

impl Setting {
    /// With one value.
    pub(crate) fn new(name: &str, value: String) -> Self {
        Self {
            name: name.to_owned(),
            values: vec![value],
            is_switch: false,
            is_list: false,
        }
    }

    /// Without a value.
    pub(crate) fn switch(name: &str) -> Self {
        Self {
            is_switch: true,
            ..Self::new(name, "true".to_owned())
        }
    }

    /// As words of a command line.
    pub(crate) fn words(&self) -> impl Iterator<Item = OsString> + '_ {
        let word = |value: &String| match self.is_switch {
            true => format!("--{}", self.name).into(),
            false => format!("--{}={value}", self.name).into(),
        };
        self.values.iter().map(word)
    }

    /// As a line of a configuration file.
    fn line(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|value| toml_value(value)).collect();
        match self.is_list {
            true => format!("{} = [{}]", self.name, values.join(", ")),
            false => format!("{} = {}", self.name, values.join(", ")),
        }
    }
}

/// What a command line has given.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Given {
    /// The names of the commands.
    pub(crate) commands: Vec<String>,
    /// The data file.
    pub(crate) input: Option<String>,
    pub(crate) settings: Vec<Setting>,
}

impl Given {
    pub(super) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let (mut command, mut matches) = (command, matches);
        let mut given = Self::default();
        while let Some((name, inner)) = matches.subcommand() {
            let Some(found) = command.find_subcommand(name) else {
                break;
            };
            given.commands.push(name.to_owned());
            (command, matches) = (found, inner);
        }
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let values = || {
                let values = matches.get_raw(id).into_iter().flatten();
                values.map(|value| value.to_string_lossy().into_owned())
            };
            let source = matches.value_source(id);
            let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
            let is_default = source == Some(ValueSource::DefaultValue);
            match arg.get_long() {
                None if id == "input" => given.input = values().next(),
                Some(name) if source.is_some() && !APART.contains(&name) => {
                    if is_switch && is_default || matches!(arg.get_action(), ArgAction::Count) {
                        continue;
                    }
                    given.settings.push(Setting {
                        name: name.to_owned(),
                        values: values().collect(),
                        is_switch,
                        is_list: matches!(arg.get_action(), ArgAction::Append),
                    });
                }
                _ => {}
            }
        }
        given
    }

    /// The configuration file that repeats the command, with all hyper-parameters of an algorithm as comments.
    pub(crate) fn to_toml(&self, algorithm: Option<&Algorithm>) -> String {
        let mut text = format!("# matfact {} --config FILE\n", self.command());
        if let Some(name) = self.commands.get(1) {
            let _ = writeln!(text, "algorithm = {}", toml_value(name));
        }
        if let Some(input) = &self.input {
            let _ = writeln!(text, "input = {}", quoted(input));
        }
        for setting in &self.settings {
            let _ = writeln!(text, "{}", setting.line());
        }
        if let Some(algorithm) = algorithm {
            let _ = write!(text, "{}", parameters(algorithm));
        }
        text
    }

    fn command(&self) -> &str {
        self.commands.first().map_or("", String::as_str)
    }
}

/// All hyper-parameters, defaults included, as comments: what `--help` calls them may differ.
fn parameters(algorithm: &Algorithm) -> String {
    let mut text = String::new();
    let value = serde_json::to_value(algorithm).unwrap_or_default();
    let Some(fields) = value.as_object() else {
        return text;
    };
    text.push_str("\n# All hyper-parameters of this run, defaults included:\n");
    for (name, value) in fields {
        if !value.is_null() {
            let _ = writeln!(text, "#   {name} = {value}");
        }
    }
    text
}

/// A value as TOML: numbers and switches as they are, all else as text.
pub(crate) fn toml_value(text: &str) -> String {
    match is_number(text) || matches!(text, "true" | "false") {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Whether TOML takes the text for a number and keeps it as it is.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let leads = whole == "0" || !whole.starts_with('0');
    let exponent = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    let is_integer = fraction.is_none() && exponent.is_none();
    leads
        && all_digits(whole)
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(all_digits)
        && (!is_integer || text.parse::<i64>().is_ok())
}

/// Text in quotation marks.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_all_else_is_quoted() {
        for (text, expected) in [
            ("10", "10"),
            ("-3", "-3"),
            ("0.05", "0.05"),
            ("1e-4", "1e-4"),
            ("1.5E+3", "1.5E+3"),
            ("true", "true"),
            ("007", "\"007\""),
            (".5", "\".5\""),
            ("5.", "\"5.\""),
            ("18446744073709551615", "\"18446744073709551615\""),
            ("inf", "\"inf\""),
            ("a \"b\"\\\n", "\"a \\\"b\\\"\\\\\\u000A\""),
            ("", "\"\""),
        ] {
            let value = toml_value(text);
            assert_eq!(value, expected);
            let line = format!("x = {value}");
            assert!(toml::de::DeTable::parse(&line).is_ok(), "{line}");
        }
    }
}
