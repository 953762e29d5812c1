//! The state of a fit between two iterations, from which it can go on in another process.
//!
//! A [`Run`](crate::Run) may carry a [`CheckpointSink`], which is given the state after the iterations that it
//! wants and after the one in which the run was interrupted, and a [`Checkpoint`] to go on from. A resumed fit gives
//! the same bits as one that was never stopped, for any number of threads: random streams belong to an iteration
//! and a block, so that there is no generator whose state would have to be kept, and everything else that an
//! iteration leaves to the next is in the state.
//!
//! A checkpoint says which algorithm, which hyper-parameters and which data it belongs to; another combination is
//! refused, and the refusal names what differs.

mod fingerprint;
mod state;

pub use fingerprint::DataFingerprint;
pub use state::CheckpointState;

use crate::{Error, Result};
use std::time::Duration;

/// Where a fit stands after an iteration, and what it is a fit of.
///
/// ```
/// use matfact_core::{Checkpoint, CheckpointState, DataFingerprint};
/// let checkpoint = Checkpoint {
///     algorithm: "als".to_owned(),
///     scalar: "f32".to_owned(),
///     settings: "Als { rank: 8, seed: 0 }".to_owned(),
///     data: DataFingerprint::default(),
///     iteration: 3,
///     state: CheckpointState::default(),
/// };
/// let other = Checkpoint { settings: "Als { rank: 9, seed: 0 }".to_owned(), ..checkpoint.clone() };
/// let refused = checkpoint.require_same_fit(&other).unwrap_err().to_string();
/// assert!(refused.contains("rank: it was 8, and is 9"), "{refused}");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The algorithm's name as on the command line.
    pub algorithm: String,
    /// The element type, `"f32"` or `"f64"`.
    pub scalar: String,
    /// The hyper-parameters, as `Debug` writes them.
    pub settings: String,
    /// What the fit is of.
    pub data: DataFingerprint,
    /// The last finished iteration, counted from 1 (of the present start, where there are several).
    pub iteration: usize,
    /// What that iteration has left to the next.
    pub state: CheckpointState,
}

impl Checkpoint {
    /// Refuses a checkpoint that belongs to another fit than `present` (whose state and iteration do not
    /// matter).
    ///
    /// # Errors
    /// [`Error::ResumeMismatch`] with the first thing that differs.
    pub fn require_same_fit(&self, present: &Self) -> Result<()> {
        let differ = |what: &str, was: String, is: String| {
            Err(Error::ResumeMismatch {
                what: what.to_owned(),
                was,
                is,
            })
        };
        for (what, was, is) in [
            ("algorithm", &self.algorithm, &present.algorithm),
            ("precision", &self.scalar, &present.scalar),
        ] {
            if was != is {
                return differ(what, was.clone(), is.clone());
            }
        }
        if let Some((what, was, is)) = difference(&self.settings, &present.settings) {
            return differ(&what, was, is);
        }
        match self.data.difference(&present.data) {
            Some((what, was, is)) => differ(what, was, is),
            None => Ok(()),
        }
    }
}

/// Takes the checkpoints of a fit: a folder, a test.
///
/// Every `FnMut(&Checkpoint) -> Result<()> + Send` is one, and wants all.
pub trait CheckpointSink: Send {
    /// Whether the state after this iteration is wanted, `elapsed` since the fit began.
    fn wants(&mut self, iteration: usize, elapsed: Duration) -> bool;

    /// Keeps a checkpoint.
    ///
    /// # Errors
    /// Whatever kept it from being kept; the fit ends with that error.
    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()>;
}

impl<F: FnMut(&Checkpoint) -> Result<()> + Send> CheckpointSink for F {
    fn wants(&mut self, _: usize, _: Duration) -> bool {
        true
    }

    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self(checkpoint)
    }
}

/// The first field in which two structs differ, from what `Debug` writes: name and both values.
fn difference(was: &str, is: &str) -> Option<(String, String, String)> {
    if was == is {
        return None;
    }
    let (old, new) = (fields(was), fields(is));
    for (name, value) in &new {
        match old.iter().find(|(other, _)| other == name) {
            Some((_, before)) if before == value => {}
            Some((_, before)) => {
                return Some(((*name).to_owned(), (*before).to_owned(), (*value).to_owned()));
            }
            None => return Some(((*name).to_owned(), "absent".to_owned(), (*value).to_owned())),
        }
    }
    Some(("settings".to_owned(), was.to_owned(), is.to_owned()))
}

/// Names and values of the outermost fields of a struct.
fn fields(debug: &str) -> Vec<(&str, &str)> {
    let inside = debug.split_once('{').map_or("", |(_, rest)| rest);
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[begin..]);
    let field = |part: &'_ str| -> Option<(usize, usize)> {
        let colon = part.find(':')?;
        Some((colon, colon + 1))
    };
    parts
        .into_iter()
        .filter_map(|part| field(part).map(|(end, from)| (part[..end].trim(), part[from..].trim())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "they are read through Debug")]
    struct Settings {
        rank: usize,
        bounds: Option<(f64, f64)>,
        list: Vec<u8>,
        seed: u64,
    }

    #[test]
    fn the_field_that_differs_is_named() {
        let settings = |rank, bounds, seed| {
            let list = vec![1, 2];
            let all = Settings {
                rank,
                bounds,
                list,
                seed,
            };
            format!("{all:?}")
        };
        let first = settings(3, Some((0.5, 1e-9)), 7);
        assert_eq!(difference(&first, &first), None);
        for (other, expected) in [
            (settings(4, Some((0.5, 1e-9)), 7), ("rank", "3", "4")),
            (
                settings(3, Some((0.5, 1e-8)), 7),
                ("bounds", "Some((0.5, 1e-9))", "Some((0.5, 1e-8))"),
            ),
            (settings(3, Some((0.5, 1e-9)), 8), ("seed", "7", "8")),
        ] {
            let (name, was, is) = difference(&first, &other).unwrap();
            assert_eq!((&name[..], &was[..], &is[..]), expected);
        }
        assert_eq!(difference("A", "B").unwrap().0, "settings");
    }
}
