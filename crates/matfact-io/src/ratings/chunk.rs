//! A chunk of whole lines, read by itself.

use super::SkippedLine;
use super::entries::Entries;
use super::local::{LocalIds, Seen};
use super::options::{OnError, Separator};
use super::parser::{Format, Parser, Problem, State};
use super::plain::{Plain, Values};
use super::quick::{Id, Quick};
use matfact_core::{Error, Result, Scalar};

/// Skipped lines that are listed; the others are counted.
pub(super) const LISTED: usize = 10;

/// How the lines of a chunk are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<T> {
    pub(super) format: Format<T>,
    pub(super) header: Option<bool>,
    pub(super) on_error: OnError,
}

/// What a chunk holds, its lines counted from 1.
pub(super) struct Chunk<T> {
    /// What was settled before and after it.
    pub(super) before: State,
    pub(super) after: State,
    pub(super) users: LocalIds,
    pub(super) items: LocalIds,
    /// Codes of user and item, and the rating: NaN where there is none, since no rating is.
    pub(super) entries: Entries<T>,
    pub(super) places: LineMap,
    pub(super) lines: usize,
    pub(super) header: Option<Vec<String>>,
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) skipped_count: usize,
    /// What ends the reading, and the line it is about.
    pub(super) fault: Option<(usize, Fault)>,
}

/// Why a file is refused.
pub(super) enum Fault {
    Line(Problem),
    Ids(Error),
}

/// Tables that are used for one chunk after the other, in the order of the file: a chunk does not tell again what an
/// earlier one of the same tables has told.
#[derive(Debug)]
pub(super) struct Tables<T> {
    users: Seen,
    items: Seen,
    values: Values<T>,
}

impl<T: Scalar> Default for Tables<T> {
    fn default() -> Self {
        Self {
            users: Seen::default(),
            items: Seen::default(),
            values: Values::default(),
        }
    }
}

/// Reads the lines of `text`, the last of which may lack its end.
pub(super) fn read<T: Scalar>(
    text: &[u8],
    reading: &Reading<T>,
    before: State,
    tables: &mut Tables<T>,
) -> Chunk<T> {
    let mut chunk = Chunk {
        before,
        after: before,
        users: LocalIds::default(),
        items: LocalIds::default(),
        // Most lines have a dozen bytes or more.
        entries: Entries::with_capacity(text.len() / 12),
        places: LineMap::default(),
        lines: 0,
        header: None,
        skipped: Vec::new(),
        skipped_count: 0,
        fault: None,
    };
    let mut parser = Parser::new(reading.format, before);
    tables.values.clear();
    if let Err(fault) = chunk.read_lines(text, reading, &mut parser, tables) {
        chunk.fault = Some((chunk.lines, fault));
    }
    chunk.after = parser.state;
    chunk.entries.finish(&mut tables.values.list);
    chunk
}

impl<T: Scalar> Chunk<T> {
    fn read_lines(
        &mut self,
        text: &[u8],
        reading: &Reading<T>,
        parser: &mut Parser<T>,
        tables: &mut Tables<T>,
    ) -> Result<(), Fault> {
        let mut at = 0;
        while at < text.len() {
            at = self.read_quickly(text, at, reading.format.separator, parser.state, tables)?;
            let rest = &text[at..];
            let length = memchr::memchr(b'\n', rest);
            let line = &rest[..length.unwrap_or(rest.len())];
            if line.is_empty() && length.is_none() {
                break;
            }
            at += line.len() + 1;
            self.lines += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            if !parser.state.begun {
                self.header = parser.header(line, reading.header).map_err(Fault::Line)?;
                if self.header.is_some() {
                    continue;
                }
            }
            match parser.line(line) {
                Ok(line) => {
                    let value = line.value.unwrap_or_else(T::nan);
                    self.push(Id::Text(line.user), Id::Text(line.item), value, tables)?;
                }
                Err(problem) if reading.on_error == OnError::Stop => {
                    return Err(Fault::Line(problem));
                }
                Err(problem) => {
                    self.skipped_count += 1;
                    if self.skipped.len() < LISTED {
                        self.skipped.push(problem.into_skipped::<T>(self.lines));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads lines of the usual form up to the first other one, and says where that begins.
    fn read_quickly(
        &mut self,
        text: &[u8],
        mut at: usize,
        separator: Separator,
        state: State,
        tables: &mut Tables<T>,
    ) -> Result<usize, Fault> {
        let Some(quick) = Quick::new(separator, state) else {
            return Ok(at);
        };
        let plain = Plain::new(&quick);
        let before = self.entries.len();
        loop {
            at = match plain {
                Some(plain) if quick.time => self.read_plainly::<true>(text, at, plain, tables),
                Some(plain) => self.read_plainly::<false>(text, at, plain, tables),
                None => at,
            };
            let Some((user, item, value, next)) = quick.line::<T>(text, at) else {
                break;
            };
            self.push_entry(user, item, value, tables)?;
            at = next;
        }
        // Each of them is a line and a rating, so that the distance of the two stays.
        if self.entries.len() > before {
            self.places.push(before, self.lines + 1);
            self.lines += self.entries.len() - before;
        }
        Ok(at)
    }

    /// Reads the shortest lines up to the first other one, and says where that begins. By itself, so that all it
    /// works with finds room in registers.
    #[inline(never)]
    fn read_plainly<const TIME: bool>(
        &mut self,
        text: &[u8],
        mut at: usize,
        plain: Plain,
        tables: &mut Tables<T>,
    ) -> usize {
        while let Some((codes, value, next)) = plain.line::<TIME, T>(text, at, &mut tables.values) {
            self.users.note(codes.0, &mut tables.users);
            self.items.note(codes.1, &mut tables.items);
            self.entries.push(codes, value, &tables.values.list);
            at = next;
        }
        at
    }

    fn push(
        &mut self,
        user: Id<'_>,
        item: Id<'_>,
        value: T,
        tables: &mut Tables<T>,
    ) -> Result<(), Fault> {
        self.places.push(self.entries.len(), self.lines);
        self.push_entry(user, item, value, tables)
    }

    #[inline(always)]
    fn push_entry(
        &mut self,
        user: Id<'_>,
        item: Id<'_>,
        value: T,
        tables: &mut Tables<T>,
    ) -> Result<(), Fault> {
        let user = self.users.code(user, &mut tables.users);
        let item = self.items.code(item, &mut tables.items);
        let codes = (user.map_err(Fault::Ids)?, item.map_err(Fault::Ids)?);
        let list = &mut tables.values.list;
        let number = list.number(value);
        self.entries.push(codes, (value, number), list);
        Ok(())
    }
}

/// The line of each rating, stored only where the distance between the two numbers changes.
#[derive(Debug, Default)]
pub(super) struct LineMap {
    steps: Vec<(usize, usize)>,
    distance: Option<usize>,
}

impl LineMap {
    #[inline]
    fn push(&mut self, position: usize, line: usize) {
        if self.distance != Some(line - position) {
            self.distance = Some(line - position);
            self.steps.push((position, line));
        }
    }

    /// The line of a rating; 0 where there is none.
    pub(super) fn line(&self, position: usize) -> usize {
        let after = self.steps.partition_point(|(p, _)| *p <= position);
        match after.checked_sub(1).map(|at| self.steps[at]) {
            Some((p, l)) => l + (position - p),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_gives_its_line() {
        let mut places = LineMap::default();
        for (position, line) in [(0, 2), (1, 3), (2, 7), (3, 8), (4, 20)] {
            places.push(position, line);
        }
        assert_eq!(places.steps.len(), 3);
        assert_eq!([0, 1, 2, 3, 4].map(|p| places.line(p)), [2, 3, 7, 8, 20]);
    }
}
