//! LIBMF's text model: a head of `f`, `m`, `n`, `k` and `b`, then a line for each row and each column.
//!
//! ```text
//! f 0
//! m 2
//! n 1
//! k 3
//! b 3.5
//! p0 T 0.1 0.2 0.3
//! p1 F 0 0 0
//! q0 T 1 0.5 -2
//! ```
//!
//! A prediction is p·q, without `b`: that is predicted where a row or a column had no training data (`F`)
//! or is beyond `m` or `n`.

use crate::atomic::write_atomically;
use crate::fault::{self, excerpt};
use crate::ids::Ids;
use crate::source;
use crate::text::lines::{LineFault, Lines};
use crate::text::number;
use matfact_core::ndarray::{Array2, ArrayView2};
use matfact_core::{Error, FactorModel, Factorization, Result, Scalar};
use std::io::{self, Read, Write};
use std::path::Path;

/// A model from LIBMF: its rows and columns with training data, and the numbers that they had.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LibmfModel<T> {
    /// The factors, without biases and mean.
    pub model: FactorModel<T>,
    /// The numbers of the rows, as texts.
    pub rows: Ids,
    /// The numbers of the columns, as texts.
    pub columns: Ids,
    /// What is predicted for other rows and columns.
    pub mean: f64,
    /// LIBMF's number of the loss; 0 is that of squares.
    pub loss: u64,
}

/// Reads a model that LIBMF's `mf-train` has written. Rows and columns without training data are left out:
/// they are unknown ids then, and [`LibmfModel::mean`] is their prediction.
///
/// # Errors
/// [`Error::Io`]; [`Error::Parse`] with the line and field for a file that is not such a model;
/// [`Error::Overflow`] for a factor beyond `f32` read as `f32`.
///
/// ```
/// use matfact_core::Factorization;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.txt");
/// std::fs::write(&path, "f 0\nm 2\nn 1\nk 2\nb 3.5\np0 F 0 0\np1 T 1 2\nq0 T 3 0.5\n")?;
/// let libmf = matfact_io::read_libmf::<f32>(&path)?;
/// assert_eq!((libmf.model.predict(0, 0)?, libmf.rows.name(0)), (4.0, "1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_libmf<T: Scalar>(path: impl AsRef<Path>) -> Result<LibmfModel<T>> {
    let path = path.as_ref();
    let source = source::open(path)?;
    let mut input = Input {
        lines: Lines::new(source.reader),
        path,
    };
    let loss = input.count("f")?;
    let rows = input.count("m")?;
    let columns = input.count("n")?;
    let rank = input.count("k")?;
    let mean = input.named("b", |field| number::parse::<f64>(field).ok())?;
    if rows.max(columns) > u64::from(u32::MAX) || rank == 0 || rank > 1 << 20 {
        let text = format!("a model of {rows} x {columns} and rank {rank} cannot be");
        return Err(fault::parse(path, input.lines.number(), None, text));
    }
    let rank = rank as usize;
    let (row_ids, row_factors) = input.side::<T>("p", rows, rank)?;
    let (column_ids, column_factors) = input.side::<T>("q", columns, rank)?;
    if let Some(line) = input.next()?.map(excerpt) {
        let text = format!("{line} stands after the last of {columns} columns");
        return Err(fault::parse(path, input.lines.number(), None, text));
    }
    if row_ids.is_empty() || column_ids.is_empty() {
        return Err(Error::EmptyInput {
            rows: row_ids.len(),
            columns: column_ids.len(),
            stored: 0,
        });
    }
    Ok(LibmfModel {
        model: FactorModel::new(row_factors, column_factors)?,
        rows: row_ids,
        columns: column_ids,
        mean,
        loss,
    })
}

struct Input<'a, R> {
    lines: Lines<R>,
    path: &'a Path,
}

impl<R: Read> Input<'_, R> {
    fn next(&mut self) -> Result<Option<&[u8]>> {
        let number = self.lines.number() + 1;
        match self.lines.next() {
            Ok(line) => Ok(line),
            Err(LineFault::Io(source)) => Err(fault::read(self.path, number, source)),
            Err(LineFault::TooLong) => Err(fault::parse(
                self.path,
                number,
                None,
                "this line has no end",
            )),
        }
    }

    /// The value of a line `name value`.
    fn named<V>(&mut self, name: &str, parse: impl Fn(&[u8]) -> Option<V>) -> Result<V> {
        let line = self.next()?.unwrap_or_default();
        let mut fields = line
            .split(u8::is_ascii_whitespace)
            .filter(|f| !f.is_empty());
        let value = match (fields.next(), fields.next(), fields.next()) {
            (Some(key), Some(value), None) if key == name.as_bytes() => parse(value),
            _ => None,
        };
        let shown = excerpt(line);
        value.ok_or_else(|| {
            let text = format!(
                "{shown} where `{name}` and a number are expected: this is no model of LIBMF"
            );
            fault::parse(self.path, self.lines.number(), None, text)
        })
    }

    fn count(&mut self, name: &str) -> Result<u64> {
        self.named(name, number::parse_unsigned)
    }

    /// The factors of one side. Memory grows with what is read, not with what the head says.
    fn side<T: Scalar>(&mut self, side: &str, count: u64, rank: usize) -> Result<(Ids, Array2<T>)> {
        let path = self.path;
        let (mut ids, mut factors) = (Ids::new(), Vec::new());
        for index in 0..count {
            let name = format!("{side}{index}");
            let line = self.next()?.unwrap_or_default().to_vec();
            let at = self.lines.number();
            let mut fields = line
                .split(u8::is_ascii_whitespace)
                .filter(|f| !f.is_empty());
            let known = match (fields.next(), fields.next()) {
                (Some(key), Some(b"T")) if key == name.as_bytes() => true,
                (Some(key), Some(b"F")) if key == name.as_bytes() => false,
                _ => {
                    let shown = excerpt(&line);
                    let text = format!("{shown} where `{name} T` or `{name} F` is expected");
                    return Err(fault::parse(path, at, Some(1), text));
                }
            };
            let values: Vec<&[u8]> = fields.collect();
            if !known {
                continue;
            }
            if values.len() != rank {
                let text = format!("{} factors where the head says {rank}", values.len());
                return Err(fault::parse(
                    path,
                    at,
                    Some(values.len().min(rank) + 3),
                    text,
                ));
            }
            for (position, field) in values.iter().enumerate() {
                match number::parse::<T>(field) {
                    Ok(value) => factors.push(value),
                    Err(_) => {
                        let text =
                            format!("{} is not a finite number of {}", excerpt(field), T::NAME);
                        return Err(fault::parse(path, at, Some(position + 3), text));
                    }
                }
            }
            ids.insert(&name[1..])?;
        }
        let shape = (ids.len(), rank);
        let factors = Array2::from_shape_vec(shape, factors);
        Ok((
            ids,
            factors.map_err(|e| fault::parse(path, 0, None, e.to_string()))?,
        ))
    }
}

/// Writes a model as LIBMF's text, so that `mf-predict` gives what this model predicts: biases and the mean,
/// which LIBMF does not have, become further factors (2 for biases, 1 for a mean alone).
///
/// Row and column *i* have the numbers of `rows` and `columns` where all of these are numbers and not much
/// larger than their count, else their index; `mean` is what is predicted for others. The file appears when
/// it is complete.
///
/// # Errors
/// [`Error::Io`], [`Error::ShapeMismatch`] if there is not one id for each row and column.
///
/// ```
/// use matfact_core::{FactorModel, ndarray::array};
/// use matfact_io::{read_libmf, write_libmf};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.txt");
/// let model = FactorModel::new(array![[1.0, 2.0]], array![[0.5, -1.0]])?;
/// write_libmf(&path, &model, None, None, 3.5)?;
/// assert_eq!(read_libmf::<f64>(&path)?.model, model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_libmf<T: Scalar>(
    path: impl AsRef<Path>,
    model: &FactorModel<T>,
    rows: Option<&Ids>,
    columns: Option<&Ids>,
    mean: f64,
) -> Result<()> {
    let (m, n) = model.shape();
    let row_places = places(rows, m, "row ids")?;
    let column_places = places(columns, n, "column ids")?;
    let (one, shift) = (T::one(), model.mean());
    // p·q with further factors: (μ + b_i)·1 + 1·c_j.
    let of_row = |i: usize| match model.row_bias() {
        Some(bias) => vec![shift + bias[i], one],
        None if shift != T::zero() => vec![shift],
        None => Vec::new(),
    };
    let of_column = |j: usize| match model.column_bias() {
        Some(bias) => vec![one, bias[j]],
        None if shift != T::zero() => vec![one],
        None => Vec::new(),
    };
    let rank = model.rank() + if m > 0 { of_row(0).len() } else { 0 };
    write_atomically(path.as_ref(), |out| {
        writeln!(
            out,
            "f 0\nm {}\nn {}\nk {rank}\nb {mean}",
            row_places.len(),
            column_places.len()
        )?;
        write_side(out, "p", &row_places, model.row_factors(), &of_row, rank)?;
        write_side(
            out,
            "q",
            &column_places,
            model.column_factors(),
            &of_column,
            rank,
        )
    })
}

/// The index of the factors at each of LIBMF's numbers; `None` where there are none.
fn places(ids: Option<&Ids>, count: usize, what: &str) -> Result<Vec<Option<usize>>> {
    let in_order = || (0..count).map(Some).collect();
    let Some(ids) = ids else {
        return Ok(in_order());
    };
    if ids.len() != count {
        return Err(Error::shape_mismatch(what, count, ids.len()));
    }
    let most = 4 * count as u64 + 1000;
    let number = |id: &str| {
        let number = number::parse_unsigned(id.as_bytes())?;
        let plain = id.len() == 1 || !id.starts_with('0');
        (plain && number < most).then_some(number as usize)
    };
    let Some(numbers) = ids.iter().map(number).collect::<Option<Vec<usize>>>() else {
        return Ok(in_order());
    };
    let mut places = vec![None; numbers.iter().max().map_or(0, |most| most + 1)];
    for (index, number) in numbers.into_iter().enumerate() {
        places[number] = Some(index);
    }
    Ok(places)
}

fn write_side<T: Scalar>(
    out: &mut dyn Write,
    side: &str,
    places: &[Option<usize>],
    factors: ArrayView2<'_, T>,
    more: &dyn Fn(usize) -> Vec<T>,
    rank: usize,
) -> io::Result<()> {
    for (number, place) in places.iter().enumerate() {
        match place {
            Some(index) => {
                write!(out, "{side}{number} T")?;
                for value in factors.row(*index).iter().copied().chain(more(*index)) {
                    write!(out, " {value}")?;
                }
            }
            None => write!(out, "{side}{number} F{}", " 0".repeat(rank))?,
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    #[test]
    fn predictions_stay_with_biases_and_ids() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.txt");
        let plain =
            FactorModel::new(array![[1.0_f32, 0.1], [-2.0, 3.0]], array![[0.5, 1e-20]]).unwrap();
        let shifted = plain.clone().with_mean(3.5);
        let biased = shifted
            .clone()
            .with_biases(array![0.25, -0.5], array![0.75])
            .unwrap();
        let (mut rows, mut columns) = (Ids::new(), Ids::new());
        for id in ["7", "2"] {
            rows.insert(id).unwrap();
        }
        columns.insert("x").unwrap();
        for model in [plain, shifted, biased] {
            write_libmf(&path, &model, Some(&rows), Some(&columns), 3.25).unwrap();
            let back = read_libmf::<f32>(&path).unwrap();
            assert_eq!((back.mean, back.loss, back.columns.name(0)), (3.25, 0, "0"));
            assert_eq!(back.rows.iter().collect::<Vec<_>>(), ["2", "7"]);
            for (there, here) in [(0, 1), (1, 0)] {
                let (a, b) = (
                    back.model.predict(there, 0).unwrap(),
                    model.predict(here, 0).unwrap(),
                );
                assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} {b}");
            }
        }
        assert!(
            write_libmf(
                &path,
                &FactorModel::new(array![[1.0]], array![[1.0]]).unwrap(),
                Some(&rows),
                None,
                0.0
            )
            .is_err()
        );
    }

    #[test]
    fn what_is_no_model_is_refused_by_place_and_cuts_never_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let good = "f 0\nm 2\nn 1\nk 2\nb 3.5\np0 F 0 0\np1 T 1 2\nq0 T 3 0.5\n";
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_libmf::<f32>(&path)
        };
        assert!(read(good).is_ok());
        for (from, to, place) in [
            ("f 0", "g 0", "m:1"),
            ("m 2", "m -2", "m:2"),
            ("k 2", "k 3", "m:7:5: 2 factors"),
            ("k 2", "k 0", "rank 0"),
            ("b 3.5", "b nan", "m:5"),
            ("p1 T", "p2 T", "m:7:1"),
            ("p1 T 1 2", "p1 T 1 nan", "m:7:4"),
            ("m 2", "m 4294967295", "m:8:1"),
            ("n 1", "n 99999999999", "cannot be"),
            ("0.5\n", "0.5\nmore\n", "m:9"),
            ("p1 T", "p1 F", "empty"),
        ] {
            let message = read(&good.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(place), "{to}: {message}");
        }
        for cut in 0..good.len() - 4 {
            assert!(read(&good[..cut]).is_err(), "{cut}");
        }
    }
}
