//! How to read a file of ratings.

use matfact_core::{Duplicates, Error, Result};
use std::fmt;
use std::str::FromStr;

/// What stands between two fields.
///
/// ```
/// use matfact_io::Separator;
/// assert_eq!("::".parse::<Separator>()?, Separator::DoubleColon);
/// assert_eq!("tab".parse::<Separator>()?, Separator::Tab);
/// # Ok::<(), matfact_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Separator {
    /// A tab.
    Tab,
    /// Two colons, as in MovieLens 1M.
    DoubleColon,
    /// A comma; fields may be quoted.
    Comma,
    /// A semicolon; fields may be quoted.
    Semicolon,
    /// Any run of blanks.
    Spaces,
}

impl Separator {
    /// All of them; where several would do, the first is taken.
    pub(super) const ALL: [Separator; 5] = [
        Separator::Tab,
        Separator::DoubleColon,
        Separator::Comma,
        Separator::Semicolon,
        Separator::Spaces,
    ];
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Separator::Tab => "tab",
            Separator::DoubleColon => "::",
            Separator::Comma => ",",
            Separator::Semicolon => ";",
            Separator::Spaces => "spaces",
        })
    }
}

/// Takes the separator itself or its name: `tab`, `comma`, `semicolon`, `spaces`.
impl FromStr for Separator {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "\t" | "\\t" | "tab" => Ok(Separator::Tab),
            "::" => Ok(Separator::DoubleColon),
            "," | "comma" => Ok(Separator::Comma),
            ";" | "semicolon" => Ok(Separator::Semicolon),
            " " | "space" | "spaces" => Ok(Separator::Spaces),
            _ => Err(Error::invalid_parameter(
                "separator",
                format!("{text:?}"),
                "one of tab, `::`, `,`, `;` and spaces",
            )),
        }
    }
}

/// What to do with a line that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum OnError {
    /// Refuse the file, naming the line.
    #[default]
    Stop,
    /// Leave the line out, count it and list the first ones.
    Skip,
}

/// How to read a file of ratings.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `separator` | from the first lines | what stands between two fields |
/// | `header` | from the first line | whether the first line names the columns |
/// | `default_value` | none | the rating of a line that has none; without it such a line is an error |
/// | `on_error` | `Stop` | what to do with a line that cannot be read |
/// | `duplicates` | `Error` | what to do with a second rating of the same item by the same user |
/// | `threads` | the current `rayon` pool | threads that read; the result does not depend on it |
///
/// The first line is taken as a header if it has a known column name, or if a word stands where the
/// rating should be.
///
/// ```
/// use matfact_io::{OnError, RatingsOptions, Separator};
/// let options = RatingsOptions::default()
///     .separator(Separator::Tab)
///     .on_error(OnError::Skip)
///     .default_value(1.0);
/// assert_eq!(options.default_value, Some(1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct RatingsOptions {
    /// What stands between two fields; `None` finds it.
    pub separator: Option<Separator>,
    /// Whether the first line names the columns; `None` finds it.
    pub header: Option<bool>,
    /// The rating of a line without one.
    pub default_value: Option<f64>,
    /// What to do with a line that cannot be read.
    pub on_error: OnError,
    /// What to do with a user and an item that occur together more than once.
    pub duplicates: Duplicates,
    /// Threads that read; `None` takes the current `rayon` pool.
    pub threads: Option<usize>,
}

impl RatingsOptions {
    /// Sets what stands between two fields.
    #[must_use]
    pub fn separator(mut self, separator: Separator) -> Self {
        self.separator = Some(separator);
        self
    }

    /// Says whether the first line names the columns.
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = Some(header);
        self
    }

    /// Sets the rating of lines that have none, which are an error otherwise.
    #[must_use]
    pub fn default_value(mut self, value: f64) -> Self {
        self.default_value = Some(value);
        self
    }

    /// Sets what to do with a line that cannot be read.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// Sets what to do with a second rating of the same item by the same user.
    #[must_use]
    pub fn duplicates(mut self, duplicates: Duplicates) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Sets how many threads read, at least 1.
    #[must_use]
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = Some(count);
        self
    }
}
