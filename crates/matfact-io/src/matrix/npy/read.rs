//! The data of an npy file, converted on the way in.

use super::MAGIC;
use super::header::{self, Header, HeaderFault, Kind};
use crate::fault;
use crate::source::{pickle_refused, read_full};
use matfact_core::ndarray::{Array2, ShapeBuilder};
use matfact_core::{Error, Result, Scalar};
use std::io::Read;
use std::path::Path;

/// The longest header that version 1.0 can hold; NumPy itself reads up to 10,000 bytes.
const MAX_HEADER: usize = 65_535;
/// A multiple of every element size.
const CHUNK: usize = 64 << 10;

/// The array that a file holds, its data still to be read.
pub(super) struct Contents {
    pub(super) header: Header,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Bytes of the data.
    bytes: usize,
    /// Bytes read so far, and elements converted.
    present: usize,
    converted: usize,
}

/// Reads the header of an array of two axes. `size` is the number of bytes where it is known beforehand.
pub(super) fn open(reader: &mut impl Read, path: &Path, size: Option<u64>) -> Result<Contents> {
    let (header, used) = read_header(reader, path)?;
    refuse_text(&header, path)?;
    let (rows, columns) = match header.shape[..] {
        [rows, columns] => (rows, columns),
        [_] => {
            let text = "the array has 1 axis, and a matrix has 2: save x.reshape(-1, 1) or x.reshape(1, -1)";
            return Err(fault::parse(path, 0, None, text));
        }
        _ => {
            let axes = header.shape.len();
            let text = format!("the array has {axes} axes, and a matrix has 2: reshape it");
            return Err(fault::parse(path, 0, None, text));
        }
    };
    let contents = contents(header, used, (rows, columns), path, size)?;
    if rows == 0 || columns == 0 {
        contents.end(reader, path)?;
        return Err(Error::EmptyInput {
            rows,
            columns,
            stored: 0,
        });
    }
    Ok(contents)
}

/// Checks that the data are as large as the header says.
fn contents(
    header: Header,
    used: u64,
    (rows, columns): (usize, usize),
    path: &Path,
    size: Option<u64>,
) -> Result<Contents> {
    let width = header.dtype.kind.bytes();
    let bytes = rows
        .checked_mul(columns)
        .and_then(|count| count.checked_mul(width));
    let Some(bytes) = bytes else {
        let text =
            format!("the header describes {rows} x {columns} values, more than any file holds");
        return Err(fault::parse(path, 0, None, text));
    };
    let contents = Contents {
        header,
        rows,
        columns,
        bytes,
        present: 0,
        converted: 0,
    };
    if let Some(size) = size
        && size.saturating_sub(used) != bytes as u64
    {
        return Err(contents.mismatch(path, size.saturating_sub(used)));
    }
    Ok(contents)
}

fn refuse_text(header: &Header, path: &Path) -> Result<()> {
    if let Kind::Bytes(_) | Kind::Unicode(_) = header.dtype.kind {
        let text = "the values are texts, and not numbers: convert them with x.astype('float32')";
        return Err(fault::parse(path, 0, None, text));
    }
    Ok(())
}

/// Reads an array of one axis, `size` bytes with its header.
pub(crate) fn read_vector<T: Scalar>(
    mut reader: impl Read,
    path: &Path,
    size: u64,
) -> Result<Vec<T>> {
    let (header, used) = read_header(&mut reader, path)?;
    refuse_text(&header, path)?;
    vector(reader, header, used, path, size)
}

/// Reads an array of integers of one axis; those beyond 2^53 are no indices of anything.
pub(crate) fn read_integers(mut reader: impl Read, path: &Path, size: u64) -> Result<Vec<i64>> {
    let (header, used) = read_header(&mut reader, path)?;
    if !header.dtype.kind.is_integer() {
        let text = "integers are expected here, as scipy.sparse.save_npz writes them";
        return Err(fault::parse(path, 0, None, text));
    }
    let values: Vec<f64> = vector(reader, header, used, path, size)?;
    Ok(values.into_iter().map(|value| value as i64).collect())
}

fn vector<T: Scalar>(
    mut reader: impl Read,
    mut header: Header,
    used: u64,
    path: &Path,
    size: u64,
) -> Result<Vec<T>> {
    let [count] = header.shape[..] else {
        let axes = header.shape.len();
        let text = format!("the array has {axes} axes where 1 is expected");
        return Err(fault::parse(path, 0, None, text));
    };
    header.shape = vec![1, count];
    let mut contents = contents(header, used, (1, count), path, Some(size))?;
    let mut values = Vec::with_capacity(count);
    contents.append(&mut reader, path, count, &mut values)?;
    contents.end(&mut reader, path)?;
    Ok(values)
}

/// Reads a single short text.
pub(crate) fn read_text(mut reader: impl Read, path: &Path) -> Result<String> {
    const MOST: usize = 64;
    let (header, _) = read_header(&mut reader, path)?;
    let kind = header.dtype.kind;
    let text_of = |bytes: &[u8]| match kind {
        Kind::Bytes(_) => String::from_utf8(bytes.to_vec()).ok(),
        _ => bytes
            .chunks_exact(4)
            .map(|chunk| {
                let raw = [chunk[0], chunk[1], chunk[2], chunk[3]];
                char::from_u32(match header.dtype.big_endian {
                    true => u32::from_be_bytes(raw),
                    false => u32::from_le_bytes(raw),
                })
            })
            .collect(),
    };
    if matches!(kind, Kind::Bytes(_) | Kind::Unicode(_))
        && kind.bytes() <= MOST
        && header.shape.is_empty()
    {
        let mut bytes = vec![0; kind.bytes()];
        fill(&mut reader, &mut bytes, path)?;
        if let Some(text) = text_of(&bytes) {
            return Ok(text.trim_end_matches('\0').to_owned());
        }
    }
    Err(fault::parse(path, 0, None, "a short text is expected here"))
}

impl Contents {
    fn mismatch(&self, path: &Path, present: u64) -> Error {
        let (rows, columns, bytes) = (self.rows, self.columns, self.bytes);
        let width = self.header.dtype.kind.bytes();
        let text = format!(
            "the header describes {rows} x {columns} values of {width} bytes ({bytes} bytes), but {present} follow it: the file is cut short or damaged"
        );
        fault::parse(path, 0, None, text)
    }

    /// Appends the next `count` elements, which the header says are there.
    pub(super) fn append<T: Scalar>(
        &mut self,
        reader: &mut impl Read,
        path: &Path,
        count: usize,
        values: &mut Vec<T>,
    ) -> Result<()> {
        let end = self.present + count * self.header.dtype.kind.bytes();
        let mut buffer = vec![0; CHUNK.min(end - self.present)];
        let before = values.len();
        while self.present < end {
            let wanted = CHUNK.min(end - self.present);
            let filled =
                read_full(reader, &mut buffer[..wanted]).map_err(|e| fault::read(path, 0, e))?;
            self.present += filled;
            if filled < wanted {
                return Err(self.mismatch(path, self.present as u64));
            }
            if let Err(value) = convert::<T>(&buffer[..wanted], &self.header, values) {
                let position = self.converted + values.len() - before;
                return Err(overflow::<T>(path, value, position, &self.header));
            }
        }
        self.converted += values.len() - before;
        Ok(())
    }

    /// Checks that nothing follows the data.
    pub(super) fn end(&self, reader: &mut impl Read, path: &Path) -> Result<()> {
        match read_full(reader, &mut [0]).map_err(|e| fault::read(path, 0, e))? {
            0 => Ok(()),
            _ => Err(self.mismatch(path, self.bytes as u64 + 1)),
        }
    }
}

/// Reads an array of two axes. `size` is the number of bytes where it is known beforehand.
pub(crate) fn read<T: Scalar>(
    mut reader: impl Read,
    path: &Path,
    size: Option<u64>,
) -> Result<Array2<T>> {
    let mut contents = open(&mut reader, path, size)?;
    let count = contents.rows * contents.columns;
    // Without a known size the header alone must not decide what is allocated.
    let reserved = if size.is_some() {
        count
    } else {
        count.min(CHUNK)
    };
    let mut values = Vec::with_capacity(reserved);
    contents.append(&mut reader, path, count, &mut values)?;
    contents.end(&mut reader, path)?;
    let shape = (contents.rows, contents.columns).set_f(contents.header.fortran_order);
    Array2::from_shape_vec(shape, values)
        .map_err(|error| fault::parse(path, 0, None, format!("the shape is impossible: {error}")))
}

/// The header and the number of bytes up to the data.
fn read_header(reader: &mut impl Read, path: &Path) -> Result<(Header, u64)> {
    let cut = || fault::parse(path, 0, None, "the file ends inside its header");
    let mut start = [0; 8];
    fill(reader, &mut start, path)?;
    if !start.starts_with(MAGIC) {
        return Err(fault::parse(path, 0, None, "this is not an npy file"));
    }
    let mut length = [0; 4];
    let length_bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => {
            let text = format!(
                "npy version {version}.{} is not read: save it again",
                start[7]
            );
            return Err(fault::parse(path, 0, None, text));
        }
    };
    fill(reader, &mut length[..length_bytes], path)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        let text = format!(
            "the header claims {length} bytes, and no plain array needs more than {MAX_HEADER}: the file is damaged"
        );
        return Err(fault::parse(path, 0, None, text));
    }
    let mut text = Vec::new();
    let read = reader.take(length as u64).read_to_end(&mut text);
    read.map_err(|e| fault::read(path, 0, e))?;
    if text.len() < length {
        return Err(cut());
    }
    match header::parse(&text) {
        Ok(header) => Ok((header, (start.len() + length_bytes + length) as u64)),
        Err(HeaderFault::Objects) => Err(pickle_refused(path)),
        Err(HeaderFault::Text(text)) => Err(fault::parse(path, 0, None, text)),
    }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<()> {
    match read_full(reader, buffer) {
        Ok(filled) if filled == buffer.len() => Ok(()),
        Ok(_) => Err(fault::parse(
            path,
            0,
            None,
            "the file ends inside its header",
        )),
        Err(e) => Err(fault::read(path, 0, e)),
    }
}

/// Appends the elements in `bytes`; the value that is out of range, if one is.
fn convert<T: Scalar>(bytes: &[u8], header: &Header, values: &mut Vec<T>) -> Result<(), f64> {
    let big = header.dtype.big_endian;
    macro_rules! elements {
        ($type:ty) => {
            for chunk in bytes.chunks_exact(size_of::<$type>()) {
                let mut raw = [0; size_of::<$type>()];
                raw.copy_from_slice(chunk);
                let value = match big {
                    true => <$type>::from_be_bytes(raw),
                    false => <$type>::from_le_bytes(raw),
                } as f64;
                let converted = T::from_f64(value);
                if converted.is_infinite() && value.is_finite() {
                    return Err(value);
                }
                values.push(converted);
            }
        };
    }
    match header.dtype.kind {
        Kind::F4 => elements!(f32),
        Kind::F8 => elements!(f64),
        Kind::I1 => elements!(i8),
        Kind::I2 => elements!(i16),
        Kind::I4 => elements!(i32),
        Kind::I8 => elements!(i64),
        Kind::U1 => elements!(u8),
        Kind::U2 => elements!(u16),
        Kind::U4 => elements!(u32),
        Kind::U8 => elements!(u64),
        // Refused before.
        Kind::Bytes(_) | Kind::Unicode(_) => {}
        Kind::Bool => values.extend(
            bytes
                .iter()
                .map(|b| if *b == 0 { T::zero() } else { T::one() }),
        ),
    }
    Ok(())
}

fn overflow<T: Scalar>(path: &Path, value: f64, position: usize, header: &Header) -> Error {
    let (rows, columns) = (header.shape[0], header.shape[1]);
    let (row, column) = match header.fortran_order {
        true => (position % rows, position / rows),
        false => (position / columns, position % columns),
    };
    Error::Overflow {
        step: format!(
            "{}: the value {value:e} at row {row}, column {column}",
            path.display()
        ),
        scalar: T::NAME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::trickle;
    use matfact_core::ndarray::array;

    fn file(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn parse<T: Scalar>(bytes: &[u8]) -> Result<Array2<T>> {
        let whole = read::<T>(bytes, Path::new("x.npy"), Some(bytes.len() as u64));
        let slow = read::<T>(trickle(bytes), Path::new("x.npy"), None);
        match (&whole, &slow) {
            // As text, since NaN differs from itself.
            (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}")),
            (Err(_), Err(_)) => {}
            _ => panic!("{whole:?} and {slow:?} differ"),
        }
        whole
    }

    #[test]
    fn every_type_and_order_gives_the_same_matrix() {
        let expected = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        macro_rules! check {
            ($($type:ty, $code:expr);*) => {$(
                let little: Vec<u8> = (1..=6).flat_map(|v| (v as $type).to_le_bytes()).collect();
                let big: Vec<u8> = (1..=6).flat_map(|v| (v as $type).to_be_bytes()).collect();
                let columns: Vec<u8> =
                    [1, 4, 2, 5, 3, 6].iter().flat_map(|v| (*v as $type).to_le_bytes()).collect();
                let code = $code;
                for bytes in [
                    file(&format!("<{code}"), "False", "(2, 3)", &little),
                    file(&format!(">{code}"), "False", "(2, 3)", &big),
                    file(&format!("<{code}"), "True", "(2, 3)", &columns),
                ] {
                    assert_eq!(parse::<f64>(&bytes).unwrap(), expected);
                    assert_eq!(parse::<f32>(&bytes).unwrap(), expected.mapv(|v| v as f32));
                }
            )*};
        }
        check!(f32, "f4"; f64, "f8"; i8, "i1"; i16, "i2"; i32, "i4"; i64, "i8");
        check!(u8, "u1"; u16, "u2"; u32, "u4"; u64, "u8");
        let bools = file("|b1", "False", "(1, 3)", &[0, 1, 7]);
        assert_eq!(parse::<f64>(&bools).unwrap(), array![[0.0, 1.0, 1.0]]);
    }

    #[test]
    fn versions_two_and_three_have_a_longer_length() {
        for version in [2, 3] {
            let v1 = file("<f8", "False", "(1, 1)", &2.5_f64.to_le_bytes());
            let mut bytes = v1[..6].to_vec();
            bytes.extend([version, 0, v1[8], v1[9], 0, 0]);
            bytes.extend(&v1[10..]);
            assert_eq!(parse::<f64>(&bytes).unwrap(), array![[2.5]]);
        }
    }

    #[test]
    fn values_keep_their_bits_and_their_range_is_checked() {
        let bits = [1_u32, 0x8000_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
        let data: Vec<u8> = bits.iter().flat_map(|b| b.to_le_bytes()).collect();
        let x = parse::<f32>(&file("<f4", "False", "(5, 1)", &data)).unwrap();
        assert!(x.iter().zip(bits).all(|(v, b)| v.to_bits() == b));
        let data: Vec<u8> = [1.0, 2.0, -1e39_f64]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let message = parse::<f32>(&file("<f8", "True", "(1, 3)", &data)).unwrap_err();
        assert!(matches!(message, Error::Overflow { .. }));
        assert!(
            message.to_string().contains("-1e39 at row 0, column 2"),
            "{message}"
        );
    }
}
