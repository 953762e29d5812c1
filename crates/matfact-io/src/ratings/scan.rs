//! The walk over a file's lines that all readers of ratings share: chunks of lines are read by several
//! threads, and what they hold is put together in the order of the file. So nothing depends on the number
//! of threads, nor on where the file was cut.

use super::SkippedLine;
use super::chunk::{self, Chunk, Fault, LISTED, Reading, Tables};
use super::fields;
use super::options::{RatingsOptions, Separator};
use super::parser::{Format, State};
use crate::fault;
use crate::source::read_full;
use crate::text::chunks::{CHUNK, ChunkFault, Chunks};
use crate::text::lines::MAX_LINE;
use matfact_core::{Error, Result, Scalar};
use rayon::prelude::*;
use std::io::{Cursor, Read};
use std::path::Path;

/// Bytes from which separator and header are found.
const SAMPLE: usize = 64 << 10;
/// Chunks that are in memory at a time, for each thread.
const CHUNKS_PER_THREAD: usize = 4;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What the walk has to tell at its end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) skipped: Vec<SkippedLine>,
    pub(super) skipped_count: usize,
    pub(super) lines: usize,
    pub(super) header: Option<Vec<String>>,
}

/// Hands every chunk to `sink`, in order, with the number of lines before it. Where `value_needed`, each
/// line has a value.
pub(super) fn scan<T: Scalar>(
    mut reader: impl Read + Send,
    path: &Path,
    options: &RatingsOptions,
    value_needed: bool,
    sink: impl FnMut(Chunk<T>, usize) -> Result<()> + Send,
) -> Result<Outcome> {
    let default = default_value::<T>(options)?;
    let sample = read_sample(&mut reader, path)?;
    let separator = match options
        .separator
        .or_else(|| fields::detect(content(&sample)))
    {
        Some(separator) => separator,
        None if content(&sample).trim_ascii().is_empty() => Separator::Comma,
        None => {
            let text = "no separator found: the fields user, item and rating stand apart by tabs, `::`, commas, semicolons or spaces";
            return Err(fault::parse(path, 1, None, text));
        }
    };
    let start = sample.len() - content(&sample).len();
    let size = sample.len();
    let mut content = Cursor::new(sample);
    content.set_position(start as u64);
    let reading = Reading {
        format: Format {
            separator,
            default,
            value_needed,
        },
        header: options.header,
        on_error: options.on_error,
    };
    // A small first chunk settles the columns.
    let mut chunks = Chunks::new(content.chain(reader), size.max(1));
    let mut merge = Merge {
        reading,
        path,
        sink,
        state: State::default(),
        outcome: Outcome::default(),
    };
    let first: Vec<Vec<u8>> = chunks.next().into_iter().collect();
    chunks.set_size(CHUNK);
    if size < SAMPLE {
        // The whole file: not worth waking other threads.
        for text in first
            .into_iter()
            .chain(std::iter::from_fn(|| chunks.next()))
        {
            let state = merge.state;
            merge.add(chunk::read(&text, &reading, state, &mut Tables::default()))?;
        }
    } else {
        run(&mut chunks, first, &mut merge)?;
    }
    let number = merge.outcome.lines + 1;
    match chunks.fault() {
        None => Ok(merge.outcome),
        Some(ChunkFault::Io(source)) => Err(fault::read(path, number, source)),
        Some(ChunkFault::TooLong) => {
            let text = format!("no line of ratings has {MAX_LINE} bytes: is this a text file?");
            Err(fault::parse(path, number, None, text))
        }
    }
}

/// While one wave of chunks is read by all threads, the one before is put together and the next fetched.
fn run<T: Scalar>(
    chunks: &mut Chunks<impl Read + Send>,
    mut wave: Vec<Vec<u8>>,
    merge: &mut Merge<'_, T, impl FnMut(Chunk<T>, usize) -> Result<()> + Send>,
) -> Result<()> {
    let reading = merge.reading;
    let width = CHUNKS_PER_THREAD * rayon::current_num_threads();
    // One for each place in a wave, so that all chunks which it has seen come before in the file.
    let mut tables: Vec<Tables<T>> = Vec::new();
    tables.resize_with(width, Tables::default);
    let mut done: Vec<(Vec<u8>, Option<Chunk<T>>)> = Vec::new();
    // What the chunks of a wave begin with is known only when those before are put together. It hardly
    // ever changes after the first, so this is taken for granted, and chunks are read again where not.
    let mut state = State::default();
    while !(wave.is_empty() && done.is_empty()) {
        let ended = wave.is_empty();
        let (found, next) = rayon::join(
            || {
                wave.par_iter()
                    .zip(&mut tables)
                    .with_max_len(1)
                    .map(|(text, tables)| chunk::read(text, &reading, state, tables))
                    .collect::<Vec<_>>()
            },
            || -> Result<(Vec<Vec<u8>>, bool)> {
                let mut again = false;
                for (text, chunk) in done.drain(..) {
                    let chunk = chunk.filter(|chunk| chunk.before == merge.state);
                    let chunk = chunk.unwrap_or_else(|| {
                        again = true;
                        chunk::read(&text, &reading, merge.state, &mut Tables::default())
                    });
                    merge.add(chunk)?;
                    chunks.give_back(text);
                }
                let next = match ended {
                    true => Vec::new(),
                    false => std::iter::from_fn(|| chunks.next()).take(width).collect(),
                };
                Ok((next, again))
            },
        );
        let (next, again) = next?;
        if again {
            // The tables know ids of a reading that does not count, and so what was read with them since.
            tables.fill_with(Tables::default);
            state = merge.state;
        } else if let Some(last) = found.last() {
            state = last.after;
        }
        done = std::mem::replace(&mut wave, next)
            .into_iter()
            .zip(found.into_iter().map(|chunk| (!again).then_some(chunk)))
            .collect();
    }
    Ok(())
}

/// What has been put together so far.
struct Merge<'a, T, S> {
    reading: Reading<T>,
    path: &'a Path,
    sink: S,
    state: State,
    outcome: Outcome,
}

impl<T: Scalar, S: FnMut(Chunk<T>, usize) -> Result<()>> Merge<'_, T, S> {
    fn add(&mut self, mut chunk: Chunk<T>) -> Result<()> {
        let before = self.outcome.lines;
        if let Some((line, fault)) = chunk.fault {
            return Err(match fault {
                Fault::Line(problem) => problem.into_error::<T>(self.path, before + line),
                Fault::Ids(error) => error,
            });
        }
        self.outcome.lines += chunk.lines;
        self.outcome.skipped_count += chunk.skipped_count;
        let room = LISTED - self.outcome.skipped.len();
        for mut skipped in chunk.skipped.drain(..).take(room) {
            skipped.line += before;
            self.outcome.skipped.push(skipped);
        }
        if let Some(header) = chunk.header.take() {
            self.outcome.header = Some(header);
        }
        self.state = chunk.after;
        (self.sink)(chunk, before)
    }
}

fn default_value<T: Scalar>(options: &RatingsOptions) -> Result<Option<T>> {
    let Some(value) = options.default_value else {
        return Ok(None);
    };
    let converted = T::from_f64(value);
    if converted.is_finite() {
        return Ok(Some(converted));
    }
    let requirement = format!("a finite number in the range of {}", T::NAME);
    Err(Error::invalid_parameter(
        "default_value",
        value,
        requirement,
    ))
}

/// The first bytes, at least up to the first line end if there is one.
fn read_sample(reader: &mut impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut sample = Vec::new();
    loop {
        let filled = sample.len();
        sample.resize(filled + SAMPLE, 0);
        let count =
            read_full(reader, &mut sample[filled..]).map_err(|e| fault::read(path, 0, e))?;
        sample.truncate(filled + count);
        let has_line = memchr::memchr(b'\n', &sample[filled..]).is_some();
        if count < SAMPLE || has_line || sample.len() > MAX_LINE {
            return Ok(sample);
        }
    }
}

/// What follows the byte order mark.
fn content(sample: &[u8]) -> &[u8] {
    sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample)
}
