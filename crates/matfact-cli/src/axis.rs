//! Ids as they are given on the command line, and the indices that they stand for.

use matfact::Error;
use matfact::io::{Ids, ModelFile};

/// One side of a model.
pub(crate) struct Axis<'a> {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    /// What it is in a matrix.
    lines: &'static str,
    ids: Option<&'a Ids>,
    bound: usize,
}

impl<'a> Axis<'a> {
    /// The users.
    pub(crate) fn rows(file: &'a ModelFile, shape: (usize, usize)) -> Self {
        Self {
            name: "user",
            lines: "row",
            ids: file.row_ids.as_ref(),
            bound: shape.0,
        }
    }

    /// The items.
    pub(crate) fn columns(file: &'a ModelFile, shape: (usize, usize)) -> Self {
        Self {
            name: "item",
            lines: "column",
            ids: file.column_ids.as_ref(),
            bound: shape.1,
        }
    }

    /// The index of an id: from the model's ids, or for a model without ids the number itself,
    /// counted from 0. The error says what is needed instead.
    pub(crate) fn index(&self, id: &str) -> Result<Option<usize>, String> {
        if let Some(ids) = self.ids {
            return Ok(ids.index(id));
        }
        match id.parse::<usize>() {
            Ok(index) if index < self.bound => Ok(Some(index)),
            _ => Err(format!(
                "a {} of the model, counted from 0 to {} (the model has no ids)",
                self.lines,
                self.bound.saturating_sub(1)
            )),
        }
    }

    /// The index of an id that the model must have.
    pub(crate) fn known(&self, id: &str) -> Result<usize, Error> {
        match self.index(id) {
            Ok(Some(index)) => Ok(index),
            Ok(None) => Err(unknown_id(self.name, id)),
            Err(reason) => Err(Error::invalid_parameter(
                self.name,
                format!("{id:?}"),
                reason,
            )),
        }
    }

    /// The id of an index.
    pub(crate) fn id(&self, index: usize) -> String {
        match self.ids.and_then(|ids| ids.get(index)) {
            Some(id) => id.to_owned(),
            None => index.to_string(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bound
    }
}

pub(crate) fn unknown_id(axis: &'static str, id: &str) -> Error {
    Error::UnknownId {
        axis,
        id: id.to_owned(),
    }
}
