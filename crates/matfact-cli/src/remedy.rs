//! Errors in the words of the command line: files and options instead of builders.

use crate::arguments::{Arguments, Command, FitCommand};
use clap::CommandFactory;
use matfact::Error;
use std::path::{Path, PathBuf};

/// The error as one line for whoever typed `command`.
pub(crate) fn message(error: &Error, command: &Command) -> String {
    let input = match command {
        Command::Fit(fit) => Some(input_of(fit)),
        Command::Evaluate(options) => Some(input_of(&options.algorithm)),
        Command::Plan(options) => Some(input_of(&options.algorithm)),
        Command::Tune(options) => Some(input_of(&options.algorithm)),
        Command::Compare(options) => Some(&options.common.input),
        Command::Transform(options) => Some(&options.input),
        Command::Predict(_)
        | Command::Recommend(_)
        | Command::Similar(_)
        | Command::Topics(_)
        | Command::Reconstruct(_)
        | Command::Inspect(_)
        | Command::Export(_)
        | Command::Import(_)
        | Command::Completions { .. }
        | Command::Demo(_) => None,
    };
    let place = input
        .map(|path| format!("{}: ", path.display()))
        .unwrap_or_default();
    match error {
        Error::InvalidParameter {
            name,
            value,
            requirement,
        } => {
            format!(
                "--{} {value} is not allowed: it must be {}",
                name.replace('_', "-"),
                requirement.replace("target_objective", "--target-objective")
            )
        }
        Error::InvalidRank {
            rank,
            limit,
            shape: (rows, columns),
        } => format!(
            "--rank {rank} is outside 1 to {limit} for a {rows} x {columns} matrix: choose a {} rank",
            if *rank == 0 { "larger" } else { "smaller" }
        ),
        Error::NonFinite { row, column, value } => format!(
            "{place}the entry at row {row}, column {column} (counted from 0) is {value}: replace \
             or remove it"
        ),
        Error::ZeroEntry { .. } => format!("{place}{error}"),
        Error::Negative {
            row,
            column,
            value,
            algorithm,
        } => format!(
            "{place}the entry at row {row}, column {column} (counted from 0) is {value}: \
             {algorithm} needs entries >= 0{}",
            match command {
                Command::Fit(_) if *algorithm == "nmf" => "; `matfact fit svd` takes any sign",
                Command::Fit(_) if *algorithm == "masked-nmf" => {
                    "; `matfact fit sgd` takes any sign"
                }
                _ => "",
            }
        ),
        Error::EmptyInput { .. } => format!("{place}{error}"),
        Error::Overflow { step, scalar } if *scalar == "f32" => {
            format!("{step} overflows f32: scale the input down or use --precision f64")
        }
        Error::Diverged {
            epoch,
            learning_rate,
        } => format!(
            "the fit diverged in epoch {epoch} with learning rate {learning_rate}: choose a \
             smaller --learning-rate or a larger --regularization"
        ),
        Error::Io { path, source } if is_full(source) && disk_of(command) == Some(path) => format!(
            "{error}: the ratings take up to 36 bytes each there (48 with --precision f64); choose a --disk with more room"
        ),
        Error::Corrupt { .. } => {
            format!("{error}; fetch it again, or make it anew with `matfact fit ... --model`")
        }
        Error::Parse { .. } => parse(
            &error.to_string(),
            command,
            input.map(|path| path.as_path()),
        ),
        _ => error.to_string(),
    }
}

/// The data file of a fit.
fn input_of(fit: &FitCommand) -> &PathBuf {
    match fit {
        FitCommand::Nmf(options) => &options.common.input,
        FitCommand::MaskedNmf(options) => &options.common.input,
        FitCommand::MinibatchNmf(options) => &options.common.input,
        FitCommand::Svd(options) => &options.common.input,
        FitCommand::Pca(options) => &options.common.input,
        FitCommand::Sgd(options) => &options.common.input,
        FitCommand::Als(options) => &options.common.input,
        FitCommand::Svdpp(options) => &options.common.input,
        FitCommand::Ials(options) => &options.common.input,
        FitCommand::Bpr(options) => &options.ranking.common.input,
        FitCommand::Warp(options) => &options.ranking.common.input,
        FitCommand::Logistic(options) => &options.ranking.common.input,
        FitCommand::Popularity(options) => &options.common.input,
    }
}

/// The folder of `fit sgd --disk`.
fn disk_of(command: &Command) -> Option<&PathBuf> {
    match command {
        Command::Fit(FitCommand::Sgd(options)) => options.disk.as_ref(),
        _ => None,
    }
}

/// Whether there is no more room, on a disk or for a user.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

/// What the readers of files say, with the options that help.
fn parse(text: &str, command: &Command, input: Option<&Path>) -> String {
    let text = text
        .replace(
            "choose what to do with duplicates (keep the last, or sum them)",
            "keep the later one with --duplicates last, or add them up with --duplicates sum",
        )
        .replace(", or give a default value for ratings", "");
    let fit = match command {
        Command::Fit(fit) => Some(fit),
        Command::Evaluate(options) => Some(&options.algorithm),
        Command::Plan(options) => Some(&options.algorithm),
        Command::Tune(options) => Some(&options.algorithm),
        _ => None,
    };
    match fit {
        _ if text.ends_with(": the file is empty") => text,
        Some(command) if reader_of_text(command).is_some() && input.is_some_and(names_a_matrix) => {
            let reader = reader_of_text(command).unwrap_or_default();
            format!(
                "{text}; matrices (.npy, .mtx) are for `matfact fit nmf` and `matfact fit svd`, \
                 {reader} reads text with `user item rating` lines"
            )
        }
        Some(
            FitCommand::Nmf(_)
            | FitCommand::MinibatchNmf(_)
            | FitCommand::Svd(_)
            | FitCommand::Pca(_),
        ) if text.contains(": unknown format: ") => {
            format!(
                "{text}; ratings, `user item rating` a line, are for `matfact fit als`, \
                 `matfact fit sgd` and `matfact fit masked-nmf`"
            )
        }
        _ => text,
    }
}

/// The name of an algorithm that reads text.
fn reader_of_text(command: &FitCommand) -> Option<&'static str> {
    Some(match command {
        FitCommand::Sgd(_) => "sgd",
        FitCommand::Als(_) => "als",
        FitCommand::MaskedNmf(_) => "masked-nmf",
        FitCommand::Svdpp(_) => "svdpp",
        FitCommand::Ials(_) => "ials",
        FitCommand::Bpr(_) => "bpr",
        FitCommand::Warp(_) => "warp",
        FitCommand::Logistic(_) => "logistic",
        FitCommand::Popularity(_) => "popularity",
        _ => return None,
    })
}

pub(crate) fn names_a_matrix(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let compressed = [".gz", ".zst", ".zstd"];
    let plain = compressed.iter().find_map(|end| name.strip_suffix(end));
    let name = plain.unwrap_or(&name);
    [".npy", ".npz", ".mtx", ".mm"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

/// What clap says about a wrong command line, on one line.
pub(crate) fn usage(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let mut text = String::new();
    for line in rendered.lines().map(str::trim) {
        // The first is said anyway at the end; the second tip is about `--` and misleads here.
        let idle = line.starts_with("For more information") || line.contains(" as a value, use");
        if line.is_empty() || idle {
            continue;
        }
        let line = match line.strip_prefix("Usage: ") {
            Some(usage) => format!("usage: {usage}"),
            None => line.to_owned(),
        };
        text.push_str(match text.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) if line.starts_with('[') => " ",
            Some(_) => "; ",
        });
        text.push_str(&line);
    }
    let text = text
        .replace(
            "invalid digit found in string",
            "not a whole number (0, 1, 2, ...)",
        )
        .replace(
            "number too large to fit in target type",
            "too large a number",
        )
        .replace("cannot parse integer from empty string", "no number")
        .replace("cannot parse float from empty string", "no number")
        .replace("invalid float literal", "not a number")
        .replace("[OPTIONS] <COMMAND>", "<COMMAND>")
        .replace(
            "matfact <COMMAND>",
            &format!("matfact {}", names(&Arguments::command())),
        )
        .replace(
            "matfact fit <COMMAND>",
            &format!("matfact fit {}", algorithms()),
        );
    format!("{text}; --help tells more")
}

fn names(command: &clap::Command) -> String {
    command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect::<Vec<_>>()
        .join("|")
}

fn algorithms() -> String {
    Arguments::command()
        .find_subcommand("fit")
        .map(names)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::arguments::Arguments;
    use clap::Parser;

    #[test]
    fn what_clap_says_stands_on_one_line() {
        for (arguments, expected) in [
            (
                "fit nmf x.npy --rnk 2",
                "error: unexpected argument '--rnk' found; tip: a similar argument exists: \
                 '--rank'; usage: matfact fit nmf --rank <K> <INPUT>; --help tells more",
            ),
            (
                "fit umap x.npy",
                "error: unrecognized subcommand 'umap'; usage: matfact fit nmf|masked-nmf|minibatch-nmf|svd|pca|als|sgd|svdpp|ials|bpr|warp|logistic|popularity; \
                 --help tells more",
            ),
            (
                "fti nmf",
                "error: unrecognized subcommand 'fti'; usage: matfact \
                 demo|fit|plan|evaluate|compare|tune|predict|recommend|similar|transform|topics|reconstruct|inspect|export|import|completions; \
                 --help tells more",
            ),
            (
                "fit nmf x.npy --rank two",
                "error: invalid value 'two' for '--rank <K>': not a whole number (0, 1, 2, \
                 ...); --help tells more",
            ),
            (
                "fit nmf x.npy --rank 2 --precision f16",
                "error: invalid value 'f16' for '--precision <TYPE>' [possible values: f32, \
                 f64]; --help tells more",
            ),
            (
                "predict m",
                "error: the following required arguments were not provided: <PAIRS>; usage: \
                 matfact predict [OPTIONS] <MODEL> <PAIRS>; matfact predict [OPTIONS] <MODEL> \
                 --user <ID> --item <ID>; --help tells more",
            ),
        ] {
            let words = format!("matfact {arguments}");
            let error = Arguments::try_parse_from(words.split(' ')).unwrap_err();
            assert_eq!(super::usage(&error), expected);
        }
    }
}
