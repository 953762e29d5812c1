//! Matrices that are read from a file block by block, and never whole.
#![cfg(all(feature = "nmf", feature = "svd"))]

use matfact::ndarray::{Array2, ArrayViewMut2, Axis};
use matfact::{Factorizer, IncrementalPca, IncrementalSvd, MiniBatchNmf, Pca, Transform};
use matfact_io::{read_npy_rows, write_npy_rows};
use std::ops::Range;
use std::path::PathBuf;

const SHAPE: (usize, usize) = (900, 40);

/// Each row a multiple of one of three parts, and a little noise.
fn entry(i: usize, j: usize) -> f64 {
    let part = i % 3;
    let size = (1 + i * 7 % 11) * ((j * (3 + 2 * part) + part) % 7);
    let noise = (i * i * 7919 + j * j * 104_729 + i * j * 31) % 1009;
    size as f64 + noise as f64 / 1009.0
}

fn rows(range: Range<usize>) -> Array2<f64> {
    Array2::from_shape_fn((range.len(), SHAPE.1), |(i, j)| entry(range.start + i, j))
}

/// The file, removed at the end.
struct File(PathBuf);

impl File {
    fn written(name: &str) -> Self {
        let name = format!("matfact-streams-{}-{name}.npy", std::process::id());
        let path = std::env::temp_dir().join(name);
        let fill = |range: Range<usize>, mut block: ArrayViewMut2<'_, f64>| {
            block.assign(&rows(range));
            Ok(())
        };
        write_npy_rows(&path, SHAPE, fill).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn nmf_learns_from_a_file() {
    let file = File::written("nmf");
    let mut online = MiniBatchNmf::new(3).online::<f64>().unwrap();
    online = online.expect_rows(SHAPE.0);
    let x = rows(0..SHAPE.0);
    let squares = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>();
    let mut errors = Vec::new();
    for _ in 0..5 {
        let blocks = read_npy_rows::<f64>(&file.0, 128).unwrap();
        assert_eq!(blocks.shape(), SHAPE);
        online.fit_stream(blocks).unwrap();
        let model = online.model().unwrap();
        let w = model.transform(&x).unwrap();
        let back = model.inverse_transform(w.view()).unwrap();
        errors.push((squares(&(&x - &back)) / squares(&x)).sqrt());
    }
    assert_eq!((online.rows(), online.batches()), (5 * SHAPE.0, 5 * 8));
    // Each pass improves on the last: old coordinates fade, which takes its time.
    assert!(
        errors.windows(2).all(|pair| pair[1] < pair[0]),
        "{errors:?}"
    );
    assert!(errors[4] < 0.1, "{errors:?}");
}

#[test]
fn svd_and_pca_learn_from_a_file() {
    let file = File::written("svd");
    let x = rows(0..SHAPE.0);
    let blocks = || read_npy_rows::<f64>(&file.0, 200).unwrap();
    let mut svd = IncrementalSvd::<f64>::new(3).unwrap().oversampling(10);
    svd.fit_stream(blocks()).unwrap();
    let whole = matfact::TruncatedSvd::new(3).fit(&x).unwrap().model;
    let model = svd.model().unwrap();
    let pairs = model
        .singular_values()
        .into_iter()
        .zip(whole.singular_values());
    for (batches, all) in pairs {
        assert!((batches / all - 1.0).abs() < 1e-3, "{batches} {all}");
    }
    let mut pca = IncrementalPca::<f64>::new(3).unwrap().oversampling(10);
    pca.fit_stream(blocks()).unwrap();
    let whole = Pca::new(3).fit(&x).unwrap().model;
    let model = pca.model().unwrap();
    let mean = x.mean_axis(Axis(0)).unwrap();
    assert!(
        model
            .mean()
            .iter()
            .zip(&mean)
            .all(|(a, b)| (a - b).abs() < 1e-10)
    );
    let variances = model.explained_variance().to_vec();
    for (batches, all) in variances.iter().zip(whole.explained_variance()) {
        assert!((batches / all - 1.0).abs() < 1e-3, "{batches} {all}");
    }
}
