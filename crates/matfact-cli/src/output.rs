//! What goes to the two standard streams.

use crate::progress::beside_bars;
use matfact::{Error, Result};
use std::io::Write;
use std::path::PathBuf;

/// Writes text to standard output.
pub(crate) fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|source| Error::Io {
            path: PathBuf::from("standard output"),
            source,
        })
}

/// Writes one line to standard error; there is nobody to tell if that fails. Names of files and ids
/// may hold line ends and other control characters, which are written as escapes.
pub(crate) fn complain(text: &str) {
    beside_bars(|| {
        let _ = writeln!(std::io::stderr(), "{}", printable(text));
    });
}

/// Control characters as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

/// Writes a JSON object to standard output.
pub(crate) fn say_json(value: &serde_json::Value) -> Result<()> {
    say(&format!("{value:#}"))
}

/// The largest memory that this process has held, where the system tells.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    kernel_bytes("/proc/self/status", "VmHWM:")
}

/// The memory of this machine, swap included, where the system tells.
pub(crate) fn total_memory_bytes() -> Option<u64> {
    let swap = kernel_bytes("/proc/meminfo", "SwapTotal:").unwrap_or(0);
    Some(kernel_bytes("/proc/meminfo", "MemTotal:")? + swap)
}

fn kernel_bytes(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// A count with its digits in groups of three.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(
            super::printable("caf\u{e9} \"x\"\n\u{1b}[1m"),
            "caf\u{e9} \"x\"\\n\\u{1b}[1m"
        );
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(super::grouped(7), "7");
        assert_eq!(super::grouped(100), "100");
        assert_eq!(super::grouped(1_234_567), "1 234 567");
    }
}
