//! Decompositions joined, and rows that fade.

use super::{close, low_rank, rows, same_rows};
use matfact_core::ndarray::{Array2, Axis, array, concatenate};
use matfact_core::{Error, Factorizer};
use matfact_svd::{IncrementalPca, IncrementalSvd, Pca, TruncatedSvd};

#[test]
fn two_halves_merged_are_the_whole() {
    let x = low_rank((300, 50), 5, 2);
    let (above, below) = (rows(&x, 0, 120), rows(&x, 120, 300));
    let whole = TruncatedSvd::new(5).fit(&x).unwrap().model;
    let mut svd = IncrementalSvd::new(5).unwrap();
    let mut other = svd.clone();
    svd.partial_fit(&above).unwrap();
    other.partial_fit(&below).unwrap();
    svd.merge(&other).unwrap();
    assert_eq!((svd.rows(), svd.batches()), (300, 2));
    let merged = svd.model().unwrap();
    close(
        merged.singular_values(),
        &whole.singular_values().to_vec(),
        1e-11,
    );
    same_rows(&merged.vt().to_owned(), &whole.vt().to_owned(), 1e-10);

    let whole = Pca::new(5).fit(&x).unwrap().model;
    let mut pca = IncrementalPca::new(5).unwrap();
    let mut other = pca.clone();
    pca.partial_fit(&above).unwrap();
    other.partial_fit(&below).unwrap();
    pca.merge(&other).unwrap();
    let merged = pca.model().unwrap();
    close(merged.mean(), &whole.mean().to_vec(), 1e-13);
    close(
        merged.explained_variance_ratio().unwrap().view(),
        &whole.explained_variance_ratio().unwrap().to_vec(),
        1e-12,
    );
    same_rows(
        &merged.components().to_owned(),
        &whole.components().to_owned(),
        1e-10,
    );

    // Nothing is the neutral element, on either side.
    let nothing = IncrementalSvd::new(5).unwrap();
    let before = svd.clone();
    svd.merge(&nothing).unwrap();
    assert_eq!(svd, before);
    let mut nothing = nothing;
    nothing.merge(&svd).unwrap();
    assert_eq!(nothing.model().unwrap(), svd.model().unwrap());
    let mut narrow = IncrementalSvd::new(1).unwrap();
    narrow.partial_fit(&array![[1.0, 2.0]]).unwrap();
    assert!(matches!(
        svd.merge(&narrow),
        Err(Error::ShapeMismatch { .. })
    ));
    assert_eq!(svd, before);
}

#[test]
fn decay_lets_old_rows_fade() {
    let x = low_rank((90, 20), 4, 3);
    let mut svd = IncrementalSvd::new(4).unwrap().decay(0.5).unwrap();
    let mut faded = Array2::zeros((0, 20));
    for from in [0, 30, 60] {
        let batch = rows(&x, from, from + 30);
        svd.partial_fit(&batch).unwrap();
        faded = concatenate![Axis(0), &faded * 0.5, batch];
    }
    let expected = TruncatedSvd::new(4).fit(&faded).unwrap().model;
    close(
        svd.model().unwrap().singular_values(),
        &expected.singular_values().to_vec(),
        1e-11,
    );
    for decay in [0.0, 1.5, f64::NAN] {
        assert!(matches!(
            IncrementalSvd::<f64>::new(4).unwrap().decay(decay),
            Err(Error::InvalidParameter { name: "decay", .. })
        ));
    }
}
