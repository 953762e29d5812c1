//! Handwritten digits by NMF and by truncated SVD.

use super::{Part, fit_and_keep, pictures};
use crate::arguments::DemoOptions;
use matfact::ndarray::{Array2, ArrayView2};
use matfact::{Algorithm, AnyModel, Error, Input, Nmf, Result, TruncatedSvd};
use serde_json::json;
use std::path::Path;

/// 1797 images of 8 x 8 pixels with values 0 to 16, as bytes after a NumPy header.
static DIGITS: &[u8] = include_bytes!("../../data/digits.npy");
const IMAGES: usize = 1797;
const SIDE: usize = 8;
const RANK: usize = 16;

pub(super) fn run(options: &DemoOptions, folder: &Path) -> Result<Part> {
    let x = images()?;
    let input = Input::from(&x);
    let algorithms = [
        Algorithm::Nmf(Nmf::new(RANK)),
        Algorithm::Svd(TruncatedSvd::new(RANK)),
    ];
    let mut table = String::new();
    let mut drawn = String::new();
    let mut objects = serde_json::Map::new();
    for algorithm in algorithms {
        let fit = fit_and_keep(options, &algorithm, &input, folder)?;
        let report = &fit.report;
        let error = report.relative_error.unwrap_or(f64::NAN);
        table.push_str(&format!(
            "  {:<6}{:>14.5}{:>12}{:>11.3}\n",
            algorithm.name(),
            error,
            report.iterations,
            report.seconds.total()
        ));
        let (title, parts) = match &fit.model {
            AnyModel::Nmf(model) => (
                "The 16 parts that NMF found: strokes that add up to digits.",
                rows(model.h()),
            ),
            AnyModel::Svd(model) => (
                "The first 8 singular vectors: directions, with signs (strokes are negative).",
                rows(model.vt()).into_iter().take(8).collect(),
            ),
            _ => continue,
        };
        drawn.push_str(&format!("{title}\n\n{}", pictures::draw(&parts, SIDE, 4)));
        objects.insert(
            algorithm.name().to_owned(),
            json!({
                "rank": RANK,
                "relative_error": error,
                "iterations": report.iterations,
                "stop": report.stop,
                "seconds": report.seconds.total(),
            }),
        );
    }
    let text = format!(
        "Handwritten digits (UCI, CC BY 4.0): {IMAGES} images of {SIDE} x {SIDE} pixels, rank {RANK}\n\n  \
         {:<6}{:>14}{:>12}{:>11}\n{table}\n{drawn}",
        "", "relative error", "iterations", "seconds"
    );
    Ok(Part {
        text,
        json: objects.into(),
    })
}

fn rows(components: ArrayView2<'_, f32>) -> Vec<Vec<f32>> {
    components
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect()
}

fn images() -> Result<Array2<f32>> {
    let pixels = IMAGES * SIDE * SIDE;
    let body = &DIGITS[DIGITS.len() - pixels..];
    let values = body.iter().map(|byte| f32::from(*byte)).collect();
    Array2::from_shape_vec((IMAGES, SIDE * SIDE), values)
        .map_err(|error| Error::shape_mismatch("the digits of the demo", pixels, error.to_string()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_digits_are_those_of_the_source() {
        let x = super::images().unwrap();
        assert_eq!(x.sum(), 561_718.0);
        assert_eq!(x.iter().filter(|v| **v > 0.0).count(), 58_736);
        assert!(x.iter().all(|v| (0.0..=16.0).contains(v)));
    }
}
