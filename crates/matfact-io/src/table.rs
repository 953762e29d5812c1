//! Factors as a table of text.

use crate::atomic::write_atomically;
use crate::ids::{Ids, require_one_each};
use matfact_core::ndarray::Array2;
use matfact_core::{Result, Scalar};
use std::path::Path;

/// Writes a matrix as lines of tab-separated values, a line for a row that begins with the row's id (its
/// index, from 0, where there are none). Reading a value back as the same type gives the same bits. The file
/// appears when it is complete.
///
/// Tabs and line ends in an id are written as blanks.
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io), [`Error::ShapeMismatch`](matfact_core::Error::ShapeMismatch) if there is not one id for each row.
///
/// ```
/// use matfact_core::ndarray::array;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("items.tsv");
/// matfact_io::write_tsv(&path, None, &array![[1.5_f32, -2.0], [0.1, 0.0]])?;
/// assert_eq!(std::fs::read_to_string(&path)?, "0\t1.5\t-2\n1\t0.1\t0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_tsv<T: Scalar>(
    path: impl AsRef<Path>,
    ids: Option<&Ids>,
    array: &Array2<T>,
) -> Result<()> {
    require_one_each(ids, array.nrows())?;
    write_atomically(path.as_ref(), |out| {
        for (index, row) in array.outer_iter().enumerate() {
            match ids {
                Some(ids) => {
                    let name = ids.name(index).replace(['\t', '\n', '\r'], " ");
                    write!(out, "{name}")?;
                }
                None => write!(out, "{index}")?,
            }
            for value in row {
                write!(out, "\t{value}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use matfact_core::ndarray::array;

    #[test]
    fn values_come_back_bit_for_bit_and_ids_stay_on_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tsv");
        let mut ids = Ids::new();
        ids.insert("a\tb").unwrap();
        let values = array![[f64::MIN_POSITIVE / 8.0, -0.0, 1.0 / 3.0, f64::MAX]];
        write_tsv(&path, Some(&ids), &values).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut fields = text.trim_end().split('\t');
        assert_eq!(fields.next(), Some("a b"));
        let back: Vec<u64> = fields
            .map(|f| f.parse::<f64>().unwrap().to_bits())
            .collect();
        assert_eq!(back, values.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        assert!(write_tsv(&path, Some(&ids), &array![[1.0], [2.0]]).is_err());
    }
}
