//! The one error type of every crate.

use std::path::PathBuf;

/// Shorthand for results of this workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
///
/// Bad input is refused before any work starts. An algorithm that stops before its tolerance is
/// reached is not an error: its [`FitReport`](crate::FitReport) says so.
///
/// ```
/// use matfact_core::{Error, ErrorClass};
/// let error = Error::InvalidRank { rank: 9, limit: 4, shape: (5, 4) };
/// assert_eq!(error.class(), ErrorClass::Usage);
/// assert_eq!(
///     error.to_string(),
///     "rank 9 is outside 1..=4 for a 5 x 4 matrix: choose a smaller rank"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A hyper-parameter or option is outside its range.
    #[error("{name} = {value} is not allowed: it must be {requirement}")]
    InvalidParameter {
        /// Name as in the builder and on the command line.
        name: &'static str,
        /// The value given.
        value: String,
        /// The range or form that is accepted.
        requirement: String,
    },
    /// The rank is zero, or larger than the algorithm can give for this shape.
    #[error(
        "rank {rank} is outside 1..={limit} for a {} x {} matrix: choose {}",
        shape.0, shape.1, if *rank == 0 { "a rank of at least 1" } else { "a smaller rank" }
    )]
    InvalidRank {
        /// The rank asked for.
        rank: usize,
        /// The largest rank possible here.
        limit: usize,
        /// Rows and columns of the matrix.
        shape: (usize, usize),
    },
    /// A matrix without rows or without columns, or a rating set without ratings.
    #[error(
        "the input is empty ({rows} x {columns}, {stored} stored entries): there is nothing to factor"
    )]
    EmptyInput {
        /// Rows of the input.
        rows: usize,
        /// Columns of the input.
        columns: usize,
        /// Stored or observed entries.
        stored: usize,
    },
    /// An entry is NaN or infinite.
    #[error(
        "the entry at row {row}, column {column} is {value}: replace or remove it before fitting"
    )]
    NonFinite {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The offending value (NaN or infinite).
        value: f64,
    },
    /// An entry is negative where the algorithm needs non-negative data.
    #[error("the entry at row {row}, column {column} is {value}: {algorithm} needs entries >= 0")]
    Negative {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The offending value.
        value: f64,
        /// The algorithm that refuses it.
        algorithm: &'static str,
    },
    /// An entry is zero where the loss is infinite.
    #[error(
        "the entry at row {row}, column {column} is zero, where the loss {loss} is infinite: add a small number to every entry, or choose a loss with beta above 0"
    )]
    ZeroEntry {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The loss.
        loss: String,
    },
    /// A product or a conversion left the range of the element type.
    #[error("{step} overflows {scalar}: scale the input down or use f64")]
    Overflow {
        /// What was being computed.
        step: String,
        /// The element type.
        scalar: &'static str,
    },
    /// The result would not fit into the address space.
    #[error(
        "{what} needs more bytes than this machine can address: choose a smaller rank or shape"
    )]
    TooLarge {
        /// What would have been allocated.
        what: String,
    },
    /// A fit needs more memory than it may have.
    #[error(
        "the fit needs about {:.0} MiB, and the memory budget is {:.0} MiB: choose a smaller rank or a larger budget",
        *needed as f64 / 1_048_576.0, *budget as f64 / 1_048_576.0
    )]
    MemoryBudget {
        /// Bytes that it would need.
        needed: u64,
        /// Bytes that it may have.
        budget: u64,
    },
    /// Two shapes that must agree do not.
    #[error("{what}: expected {expected}, got {actual}")]
    ShapeMismatch {
        /// What is compared.
        what: String,
        /// The shape or length needed.
        expected: String,
        /// The shape or length given.
        actual: String,
    },
    /// A row or column index lies outside the matrix.
    #[error("{axis} index {index} at position {position} is outside 0..{bound}")]
    IndexOutOfRange {
        /// `"row"` or `"column"`.
        axis: &'static str,
        /// The index given (negative ones included).
        index: i128,
        /// Which entry, counted from 0 in the order given.
        position: usize,
        /// The number of rows or columns.
        bound: usize,
    },
    /// The row pointers of a sparse matrix do not describe its entries.
    #[error("the row pointers are inconsistent at position {position}: {reason}")]
    InvalidRowPointers {
        /// Position in the pointer array.
        position: usize,
        /// What does not hold.
        reason: String,
    },
    /// One position was given twice where that is not allowed.
    #[error(
        "row {row}, column {column} occurs more than once: choose what to do with duplicates (keep the last, or sum them)"
    )]
    DuplicateEntry {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
    },
    /// The iterates left the finite range.
    #[error(
        "the fit diverged in epoch {epoch} with learning rate {learning_rate}: choose a smaller learning rate or a stronger regularization"
    )]
    Diverged {
        /// Epoch, counted from 1.
        epoch: usize,
        /// The learning rate in force.
        learning_rate: f64,
    },
    /// A decomposition of a small matrix did not converge on any path.
    #[error("{what} did not converge")]
    NoConvergence {
        /// The decomposition.
        what: String,
    },
    /// An algorithm was given a kind of input that it does not take.
    #[error("{algorithm} takes {expected}, but the input is {actual}")]
    UnsupportedInput {
        /// The algorithm's name.
        algorithm: &'static str,
        /// The kind of input it takes.
        expected: &'static str,
        /// The kind of input given.
        actual: &'static str,
    },
    /// A model was asked for something that its algorithm does not provide.
    #[error("a model of {algorithm} cannot {capability}")]
    UnsupportedModel {
        /// The algorithm that made the model.
        algorithm: String,
        /// What was asked for.
        capability: &'static str,
    },
    /// An id that the model has never seen.
    #[error("{axis} id {id:?} is not in the model")]
    UnknownId {
        /// `"user"` or `"item"`, or another name of the axis.
        axis: &'static str,
        /// The id as given.
        id: String,
    },
    /// A data file does not hold what its format says.
    #[error("{}{}: {message}", path.display(), place(*line, *column))]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1 (0 where the format has no lines).
        line: usize,
        /// Field or character, counted from 1, where it is known.
        column: Option<usize>,
        /// What is wrong and what was expected.
        message: String,
    },
    /// Reading or writing a file failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A pickle (a format that can run code) was offered; it is never opened.
    #[error("{}: this is a Python pickle, which can run code when it is opened, so it is refused: save plain arrays instead", path.display())]
    PickleRefused {
        /// The file.
        path: PathBuf,
    },
    /// Tensors that do not make up a model.
    #[error("not a valid model: {reason}")]
    InvalidModel {
        /// What does not hold.
        reason: String,
    },
    /// A checkpoint of another fit than the one that is to go on.
    #[error(
        "the checkpoint is of another fit, {what}: it was {was}, and is {is}: resume with what the checkpoint was made with, or start without it"
    )]
    ResumeMismatch {
        /// The setting, or the part of the data, that differs.
        what: String,
        /// What the checkpoint was made with.
        was: String,
        /// What the fit has now.
        is: String,
    },
    /// Parts that do not make up the state of a fit.
    #[error("not a valid checkpoint: {reason}")]
    InvalidCheckpoint {
        /// What does not hold.
        reason: String,
    },
    /// A model file is damaged or was not written by matfact.
    #[error("{}: not an intact model file: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A checkpoint is damaged or was not written by matfact.
    #[error("{}: not an intact checkpoint: {reason}: remove it, and the one before it serves", path.display())]
    CorruptCheckpoint {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A model file of a later format version.
    #[error("{}: format version {found} is newer than this program reads ({supported}): update matfact", path.display())]
    VersionTooNew {
        /// The file.
        path: PathBuf,
        /// The file's format version.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
}

/// `:line:column` as far as they are known, to follow the name of a file.
fn place(line: usize, column: Option<usize>) -> String {
    match (line, column) {
        (0, _) => String::new(),
        (line, None) => format!(":{line}"),
        (line, Some(column)) => format!(":{line}:{column}"),
    }
}

/// The class of an [`Error`], which the program turns into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A parameter, rank or combination that cannot work: exit code 2.
    Usage,
    /// The data are not what the algorithm or the format needs: exit code 3.
    Data,
    /// The system refused to read or write: exit code 4.
    Io,
    /// Numbers did not converge where that was required: exit code 5.
    NotConverged,
    /// A model file is damaged or too new: exit code 6.
    Corrupt,
}

impl Error {
    /// The class of this error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Error::InvalidParameter { .. }
            | Error::InvalidRank { .. }
            | Error::TooLarge { .. }
            | Error::MemoryBudget { .. }
            | Error::UnsupportedInput { .. }
            | Error::UnsupportedModel { .. }
            | Error::UnknownId { .. }
            | Error::ResumeMismatch { .. } => ErrorClass::Usage,
            Error::EmptyInput { .. }
            | Error::NonFinite { .. }
            | Error::Negative { .. }
            | Error::ZeroEntry { .. }
            | Error::Overflow { .. }
            | Error::ShapeMismatch { .. }
            | Error::IndexOutOfRange { .. }
            | Error::InvalidRowPointers { .. }
            | Error::DuplicateEntry { .. }
            | Error::PickleRefused { .. }
            | Error::Parse { .. } => ErrorClass::Data,
            Error::Io { .. } => ErrorClass::Io,
            Error::Diverged { .. } | Error::NoConvergence { .. } => ErrorClass::NotConverged,
            Error::InvalidModel { .. }
            | Error::InvalidCheckpoint { .. }
            | Error::Corrupt { .. }
            | Error::CorruptCheckpoint { .. }
            | Error::VersionTooNew { .. } => ErrorClass::Corrupt,
        }
    }

    /// An [`Error::InvalidParameter`] from its three parts.
    pub fn invalid_parameter(
        name: &'static str,
        value: impl ToString,
        requirement: impl Into<String>,
    ) -> Self {
        Error::InvalidParameter {
            name,
            value: value.to_string(),
            requirement: requirement.into(),
        }
    }

    /// An [`Error::ShapeMismatch`] from its three parts.
    pub fn shape_mismatch(
        what: impl Into<String>,
        expected: impl std::fmt::Debug,
        actual: impl std::fmt::Debug,
    ) -> Self {
        Error::ShapeMismatch {
            what: what.into(),
            expected: format!("{expected:?}"),
            actual: format!("{actual:?}"),
        }
    }
}
