//! What rows and columns are called.

use crate::arguments::CommonOptions;
use crate::topics::read_words;
use matfact::Result;
use matfact::io::{Ids, Names, NamesOptions};

/// What rows and columns are called: by name, else by id, else by number.
pub(crate) struct Labels<'a> {
    rows: Option<&'a Ids>,
    columns: Option<&'a Ids>,
    names: Option<Names>,
    words: Option<Vec<String>>,
}

impl<'a> Labels<'a> {
    /// Of users and items; the names of items come from `--names`.
    pub(crate) fn of_ratings(
        common: &CommonOptions,
        rows: &'a Ids,
        columns: &'a Ids,
    ) -> Result<Self> {
        let path = common.reporting.names.as_ref();
        let names = path.map(|path| Names::read(path, &NamesOptions::default()));
        Ok(Self {
            rows: Some(rows),
            columns: Some(columns),
            names: names.transpose()?,
            words: None,
        })
    }

    /// Of a matrix, whose columns `--names` names in their order.
    pub(crate) fn of_matrix(common: &CommonOptions, columns: usize) -> Result<Self> {
        let path = common.reporting.names.as_ref();
        let words = path.map(|path| read_words(path, columns));
        Ok(Self {
            rows: None,
            columns: None,
            names: None,
            words: words.transpose()?,
        })
    }

    pub(crate) fn row(&self, index: usize) -> String {
        match self.rows.and_then(|ids| ids.get(index)) {
            Some(id) => id.to_owned(),
            None => index.to_string(),
        }
    }

    pub(crate) fn column(&self, index: usize) -> String {
        if let Some(word) = self.words.as_ref().and_then(|words| words.get(index)) {
            return word.clone();
        }
        let Some(id) = self.columns.and_then(|ids| ids.get(index)) else {
            return index.to_string();
        };
        match self.names.as_ref().and_then(|names| names.get(id)) {
            Some(name) => name.to_owned(),
            None => id.to_owned(),
        }
    }

    /// What a row and a column are.
    pub(crate) fn kinds(&self) -> (&'static str, &'static str) {
        match (self.rows, &self.words) {
            (Some(_), _) => ("user", "item"),
            (None, Some(_)) => ("row", "word"),
            (None, None) => ("row", "column"),
        }
    }
}
