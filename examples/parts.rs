//! Parts-based pictures: NMF learns the parts that the pictures of a set are made of, and a PNG shows
//! them side by side, the largest share first.
//!
//! ```text
//! parts                                          the handwritten digits, 8 x 8 pixels
//! parts PICTURES.npy HEIGHT WIDTH [PARTS.png]    pictures of your own, one a row, line by line
//! ```
//!
//! Pictures that are stored column by column, as MATLAB does, take the word `columns` at the end.

use matfact::io::{MatrixData, read_matrix};
use matfact::ndarray::{Array2, ArrayView1};
use matfact::{Factorizer, Nmf};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// 1797 images (UCI, CC BY 4.0), one a row.
const DIGITS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/matfact-cli/data/digits.npy"
);
/// Pixels between two parts.
const GAP: usize = 2;
/// How wide a part is shown, about.
const SHOWN: usize = 80;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let by_columns = arguments.last() == Some(&"columns");
    arguments.truncate(arguments.len() - usize::from(by_columns));
    let (input, height, width, output, rank) = match arguments[..] {
        [] => (DIGITS, 8, 8, None, 16),
        [input, height, width] => (input, height.parse()?, width.parse()?, None, 25),
        [input, height, width, output] => {
            (input, height.parse()?, width.parse()?, Some(output), 25)
        }
        _ => return Err("usage: parts [PICTURES.npy HEIGHT WIDTH [PARTS.png] [columns]]".into()),
    };
    let output = output.map_or_else(
        || std::env::temp_dir().join("matfact-parts.png"),
        PathBuf::from,
    );
    let MatrixData::Dense(pictures) = read_matrix::<f32>(input)? else {
        return Err("pictures are a dense matrix".into());
    };
    if height == 0 || width == 0 || pictures.ncols() != height * width {
        let columns = pictures.ncols();
        return Err(format!("{columns} columns are no pictures of {height} x {width}").into());
    }

    let fit = Nmf::new(rank).fit(&pictures)?;
    println!("{}", fit.report);
    let order = fit.model.components_by_share();
    let h = fit.model.h();
    let parts: Vec<_> = order.iter().map(|(t, _)| h.row(*t)).collect();
    let zeros = h.iter().filter(|v| **v == 0.0).count() as f64 / h.len() as f64;
    println!("{rank} parts, {:.0} % of their pixels zero", 100.0 * zeros);

    write_png(&output, &sheet(&parts, height, width, by_columns))?;
    println!("{}", output.display());
    Ok(())
}

/// The parts in a square of rows and columns, each scaled by its own largest value, in shades from
/// white (nothing) to black.
fn sheet(
    parts: &[ArrayView1<'_, f32>],
    height: usize,
    width: usize,
    by_columns: bool,
) -> Array2<u8> {
    let zoom = (SHOWN / width).max(1);
    let across = (parts.len() as f64).sqrt().ceil() as usize;
    let down = parts.len().div_ceil(across);
    let step = (height * zoom + GAP, width * zoom + GAP);
    let mut sheet = Array2::from_elem((down * step.0 + GAP, across * step.1 + GAP), 128_u8);
    for (number, part) in parts.iter().enumerate() {
        let corner = (
            number / across * step.0 + GAP,
            number % across * step.1 + GAP,
        );
        let largest = part.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for y in 0..height * zoom {
            for x in 0..width * zoom {
                let (line, column) = (y / zoom, x / zoom);
                let pixel = match by_columns {
                    true => column * height + line,
                    false => line * width + column,
                };
                let ink = part[pixel] / largest;
                sheet[[corner.0 + y, corner.1 + x]] = 255 - (255.0 * ink).round() as u8;
            }
        }
    }
    sheet
}

fn write_png(path: &Path, pixels: &Array2<u8>) -> Result<(), Box<dyn std::error::Error>> {
    let (height, width) = pixels.dim();
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, width.try_into()?, height.try_into()?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.iter().copied().collect::<Vec<u8>>())?;
    Ok(writer.finish()?)
}
