//! Factors as a Parquet table.

use crate::atomic::write_atomically;
use crate::ids::{Ids, require_one_each};
use matfact_core::ndarray::{Array2, ArrayView1, Axis};
use matfact_core::{Result, Scalar};
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Rows of a row group.
const GROUP: usize = 1 << 16;

/// Writes a matrix as a Parquet table: a column `id` (texts, or the row's index from 0 where there are no
/// ids), and a column `component_1`, `component_2`, ... for each of the matrix, `FLOAT` for `f32` and
/// `DOUBLE` for `f64`, with their bits. The file appears when it is complete.
///
/// # Errors
/// [`Error::Io`](matfact_core::Error::Io), [`Error::ShapeMismatch`](matfact_core::Error::ShapeMismatch) if there is not one id for each row.
///
/// ```
/// use matfact_core::ndarray::array;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("items.parquet");
/// matfact_io::write_parquet(&path, None, &array![[1.5_f32, -2.0], [0.1, 0.0]])?;
/// assert_eq!(&std::fs::read(&path)?[..4], b"PAR1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_parquet<T: Scalar>(
    path: impl AsRef<Path>,
    ids: Option<&Ids>,
    array: &Array2<T>,
) -> Result<()> {
    require_one_each(ids, array.nrows())?;
    write_atomically(path.as_ref(), |out| {
        let schema = schema::<T>(ids.is_some(), array.ncols()).map_err(failed)?;
        let mut file = SerializedFileWriter::new(out, schema, Arc::default()).map_err(failed)?;
        for start in (0..array.nrows()).step_by(GROUP) {
            let rows = start..array.nrows().min(start + GROUP);
            let mut group = file.next_row_group().map_err(failed)?;
            let mut place = 0;
            while let Some(mut column) = group.next_column().map_err(failed)? {
                match (place, ids) {
                    (0, Some(ids)) => {
                        let name = |row| ByteArray::from(ids.name(row));
                        let names: Vec<ByteArray> = rows.clone().map(name).collect();
                        column
                            .typed::<ByteArrayType>()
                            .write_batch(&names, None, None)
                    }
                    (0, None) => {
                        let numbers: Vec<i64> = rows.clone().map(|row| row as i64).collect();
                        column
                            .typed::<Int64Type>()
                            .write_batch(&numbers, None, None)
                    }
                    (place, _) => {
                        let (_, values) = array.column(place - 1).split_at(Axis(0), start);
                        let (values, _) = values.split_at(Axis(0), rows.len());
                        write_values(&mut column, values)
                    }
                }
                .map_err(failed)?;
                column.close().map_err(failed)?;
                place += 1;
            }
            group.close().map_err(failed)?;
        }
        file.close().map_err(failed)?;
        Ok(())
    })
}

fn write_values<T: Scalar>(
    column: &mut parquet::file::writer::SerializedColumnWriter<'_>,
    values: ArrayView1<'_, T>,
) -> std::result::Result<usize, ParquetError> {
    // Through `f64` and back, no `f32` changes.
    if size_of::<T>() == 4 {
        let values: Vec<f32> = values.iter().map(|v| v.as_f64() as f32).collect();
        column.typed::<FloatType>().write_batch(&values, None, None)
    } else {
        let values: Vec<f64> = values.iter().map(|v| v.as_f64()).collect();
        column
            .typed::<DoubleType>()
            .write_batch(&values, None, None)
    }
}

fn schema<T: Scalar>(texts: bool, columns: usize) -> std::result::Result<TypePtr, ParquetError> {
    let id = match texts {
        true => Type::primitive_type_builder("id", Physical::BYTE_ARRAY)
            .with_converted_type(ConvertedType::UTF8),
        false => Type::primitive_type_builder("id", Physical::INT64),
    };
    let mut fields = vec![Arc::new(id.with_repetition(Repetition::REQUIRED).build()?)];
    let physical = match size_of::<T>() {
        4 => Physical::FLOAT,
        _ => Physical::DOUBLE,
    };
    for column in 1..=columns {
        let name = format!("component_{column}");
        let field = Type::primitive_type_builder(&name, physical);
        let field = field.with_repetition(Repetition::REQUIRED).build()?;
        fields.push(Arc::new(field));
    }
    let root = Type::group_type_builder("factors").with_fields(fields);
    root.build().map(Arc::new)
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => io::Error::other(source),
        error => io::Error::other(error.to_string()),
    }
}
