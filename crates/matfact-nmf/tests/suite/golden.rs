//! Numbers that scikit-learn 1.9.1 gives for the same matrices.

use matfact_core::ndarray::{Array2, array};
use matfact_core::{Factorizer, StopReason};
use matfact_linalg::{RowUpdate, Simd, gram, update_non_negative_rows};
use matfact_nmf::{Init, Nmf};

fn a5() -> Array2<f64> {
    array![
        [5.0, 3.0, 0.0, 1.0],
        [4.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 5.0],
        [1.0, 0.0, 0.0, 4.0],
        [0.0, 1.0, 5.0, 4.0]
    ]
}

fn error(rank: usize) -> f64 {
    let fit = Nmf::new(rank)
        .init(Init::Nndsvd)
        .tol(1e-12)
        .max_iter(2000)
        .fit(&a5())
        .unwrap();
    assert_eq!(fit.report.stop, StopReason::Converged);
    (2.0 * fit.report.objective).sqrt()
}

#[test]
fn the_small_matrix_reaches_the_known_errors() {
    assert!((error(2) - 4.276529830555956).abs() < 1e-6, "{}", error(2));
    assert!(error(3) < 1.8626939134530147 + 1e-5, "{}", error(3));
}

/// One iteration of coordinate descent from a given start, without penalties and with
/// alpha_W = 0.01, alpha_H = 0.02, l1_ratio = 0.5.
#[test]
fn one_sweep_gives_the_golden_factors() {
    let x = array![
        [1.0, 1.0],
        [2.0, 1.0],
        [3.0, 1.2],
        [4.0, 1.0],
        [5.0, 0.8],
        [6.0, 1.0]
    ];
    let w0 = array![
        [0.5, 0.4],
        [0.6, 0.3],
        [0.7, 0.2],
        [0.8, 0.1],
        [0.9, 0.3],
        [1.0, 0.2]
    ];
    let h0 = array![[1.0, 0.5], [0.2, 0.9]];
    let sweep = |alpha_w: f64, alpha_h: f64| {
        let penalized =
            |factor: &Array2<f64>, l2: f64| gram(factor.view()) + Array2::<f64>::eye(2) * l2;
        let (simd, mut w, mut ht) = (
            Simd::detect(),
            w0.clone(),
            h0.t().as_standard_layout().into_owned(),
        );
        // n = 2 columns scale W's penalty, m = 6 rows H's; half of each is L1.
        let penalty = alpha_w * 0.5 * 2.0;
        let linear = x.dot(&ht);
        let curvature = penalized(&ht, penalty);
        let update = RowUpdate {
            l1: penalty,
            ..RowUpdate::default()
        };
        update_non_negative_rows(&mut w, linear.view(), curvature.view(), update, simd);
        let penalty = alpha_h * 0.5 * 6.0;
        let linear = x.t().dot(&w).as_standard_layout().into_owned();
        let curvature = penalized(&w, penalty);
        let update = RowUpdate {
            l1: penalty,
            ..RowUpdate::default()
        };
        update_non_negative_rows(&mut ht, linear.view(), curvature.view(), update, simd);
        (w, ht.t().to_owned())
    };
    let close = |a: &Array2<f64>, b: &Array2<f64>| {
        assert!(
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9),
            "{a} is not {b}"
        );
    };
    let (w, h) = sweep(0.0, 0.0);
    let golden = array![
        [0.992, 0.5355294118],
        [1.844, 0.1192941176],
        [2.776, 0.0],
        [3.548, 0.0],
        [4.164, 0.0],
        [5.096, 0.0]
    ];
    close(&w, &golden);
    close(
        &h,
        &array![[1.1538347702, 0.2569064803], [0.0, 1.5342003303]],
    );
    let (w, h) = sweep(0.01, 0.02);
    let ends = array![[w[[0, 0]], w[[0, 1]]], [w[[5, 0]], w[[5, 1]]]];
    close(
        &ends,
        &array![[0.9761904762, 0.5296234773], [5.0476190476, 0.0]],
    );
    close(
        &h,
        &array![[1.163683125, 0.2582883244], [0.0, 1.1284322551]],
    );
}
