//! Numbers that scikit-learn 1.9.1 gives for the same matrix.

use matfact_core::Factorizer;
use matfact_core::ndarray::{Array2, array};
use matfact_svd::TruncatedSvd;

fn a5() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [1.0, 0.0, 0.0, 4.0],
        [0.0, 1.0, 5.0, 4.0]
    ]
}

#[test]
fn truncated_svd_agrees_with_scikit_learn() {
    let fit = TruncatedSvd::new(2).fit(&a5()).unwrap();
    let model = &fit.model;
    let close = |given: &[f64], golden: &[f64]| {
        assert_eq!(given.len(), golden.len());
        let worst = given
            .iter()
            .zip(golden)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-9, "{given:?} is not {golden:?}");
    };
    close(
        &model.singular_values().to_vec(),
        &[9.0317197362, 6.2292555741],
    );
    close(
        &model.explained_variance().unwrap().to_vec(),
        &[0.6253706478, 7.6254600285],
    );
    close(
        &model.explained_variance_ratio().unwrap().to_vec(),
        &[0.0531777762, 0.6484234718],
    );
    close(
        &model.vt().row(0).to_vec(),
        &[0.4748899799, 0.2623434753, 0.3005118049, 0.7844412425],
    );
    close(
        &model.vt().row(1).to_vec(),
        &[0.7820302508, 0.2089135611, -0.457544718, -0.3680171759],
    );
    let certificate = fit.report.certificate.as_ref().unwrap();
    assert!(certificate.largest() < 1e-14, "{certificate:?}");
}
