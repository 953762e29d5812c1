//! Centred and scaled operators against the matrices that they stand for.

use matfact_core::ndarray::{Array1, Array2, Axis, array};
use matfact_core::{
    Error, Factorizer, FunctionOperator, LinearOperator, Matrix, Summary, Transform,
};
use matfact_svd::{Standardized, TruncatedSvd};
use matfact_testkit::inputs::other_forms;
use matfact_testkit::strategies::large_matrix;

fn product(y: &dyn LinearOperator<Scalar = f64>) -> Array2<f64> {
    let n = y.shape().1;
    let mut out = Array2::from_elem(y.shape(), f64::NAN);
    y.multiply(Array2::eye(n).view(), out.view_mut());
    out
}

fn product_transposed(y: &dyn LinearOperator<Scalar = f64>) -> Array2<f64> {
    let (m, n) = y.shape();
    let mut out = Array2::from_elem((n, m), f64::NAN);
    y.multiply_transposed(Array2::eye(m).view(), out.view_mut());
    out.reversed_axes()
}

fn worst(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

fn standardized(x: &Array2<f64>) -> (Array1<f64>, Array1<f64>, Array2<f64>) {
    let means = x.mean_axis(Axis(0)).unwrap();
    let deviations = x.std_axis(Axis(0), 0.0);
    let y = (x - &means) / &deviations;
    (means, deviations, y)
}

#[test]
fn products_and_norm_are_those_of_the_standardized_matrix_in_every_form() {
    let x = large_matrix((37, 11), 0.6);
    let (means, deviations, y) = standardized(&x);
    let weights: Array1<f64> = (0..37).map(|i| 0.5 + (i % 4) as f64).collect();
    let weighted = &y * &weights.view().insert_axis(Axis(1));
    let mut forms = other_forms(&x);
    forms.push(("dense", Box::new(x.clone())));
    for (name, form) in &forms {
        let opaque = name.contains("layout") || name.contains("opaque");
        let with = |x| Standardized::new(x).unwrap().center_columns();
        let centered = with(form);
        assert!(worst(&product(&centered), &(&x - &means)) < 1e-13, "{name}");
        assert!(
            worst(&product_transposed(&centered), &(&x - &means)) < 1e-13,
            "{name}"
        );
        let scaled = match centered.scale_columns() {
            Ok(scaled) => scaled,
            Err(Error::UnsupportedInput { .. }) if opaque || form.layout_is_opaque() => {
                with(form).scale_by(deviations.view()).unwrap()
            }
            Err(other) => panic!("{name}: {other}"),
        };
        assert!(worst(&product(&scaled), &y) < 1e-12, "{name}");
        assert!(worst(&product_transposed(&scaled), &y) < 1e-12, "{name}");
        let scales = scaled.scales().unwrap();
        assert!(
            scales
                .iter()
                .zip(&deviations)
                .all(|(a, b)| (a - b).abs() < 1e-13)
        );
        if let Some(summary) = scaled.summary() {
            let truth = Summary::of(&y);
            assert!((summary.squared_norm / truth.squared_norm - 1.0).abs() < 1e-12);
            assert!(summary.sum.abs() < 1e-10);
            assert!(summary.max_abs >= truth.max_abs);
        }
        let scaled = scaled.weigh_rows(weights.view()).unwrap();
        assert!(worst(&product(&scaled), &weighted) < 1e-12, "{name}");
        assert!(
            worst(&product_transposed(&scaled), &weighted) < 1e-12,
            "{name}"
        );
        assert!(scaled.summary().is_none());
    }
}

trait OpaqueLayout {
    fn layout_is_opaque(&self) -> bool;
}

impl<X: Matrix + ?Sized> OpaqueLayout for X {
    fn layout_is_opaque(&self) -> bool {
        matches!(self.layout(), matfact_core::Layout::Opaque)
    }
}

#[test]
fn new_rows_are_standardized_by_the_numbers_of_the_old() {
    let x = large_matrix((60, 9), 0.3);
    let y = Standardized::new(&x)
        .unwrap()
        .center_columns()
        .scale_columns()
        .unwrap();
    let model = TruncatedSvd::new(3).fit(&y).unwrap().model;
    let new = x.select(Axis(0), &[4, 17]);
    let same = Standardized::new(&new)
        .unwrap()
        .center_by(y.center().view())
        .unwrap()
        .scale_by(y.scales().unwrap().view())
        .unwrap();
    let expected = model.transform(&y).unwrap().select(Axis(0), &[4, 17]);
    assert!(worst(&model.transform(&same).unwrap(), &expected) < 1e-12);
}

#[test]
fn extreme_magnitudes_and_constant_columns_are_standardized_alike() {
    let mut x = large_matrix((20, 4), 0.0);
    x.column_mut(2).fill(0.1);
    let of = |x: &Array2<f64>| {
        let y = Standardized::new(x)
            .unwrap()
            .center_columns()
            .scale_columns();
        product(&y.unwrap())
    };
    let expected = of(&x);
    assert!(expected.column(2).iter().all(|v| v.abs() < 1e-16));
    for exponent in [-900, 900] {
        let magnitude = 2.0_f64.powi(exponent);
        assert!(worst(&of(&x.mapv(|v| v * magnitude)), &expected) < 1e-12);
        let huge = x.mapv(|v| v * magnitude);
        let centered = Standardized::new(&huge).unwrap().center_columns();
        let back = product(&centered).mapv(|v| v / magnitude);
        assert!(worst(&back, &(&x - &x.mean_axis(Axis(0)).unwrap())) < 1e-13);
    }
}

#[test]
fn a_mean_far_above_the_deviations_costs_a_dense_matrix_no_digits() {
    let small = large_matrix((700, 5), 0.0).mapv(|v| v as f32);
    let shifted = small.mapv(|v| (v * 64.0).round() / 64.0 + 4096.0);
    let exact = shifted.mapv(|v| f64::from(v) - 4096.0);
    let exact = &exact - &exact.mean_axis(Axis(0)).unwrap();
    let y = Standardized::new(&shifted).unwrap().center_columns();
    let mut out = Array2::zeros((700, 5));
    y.multiply(Array2::eye(5).view(), out.view_mut());
    let wide = out.mapv(|v: f32| f64::from(v));
    assert!(worst(&wide, &exact) < 1e-6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = array![[1.0, 2.0], [3.0, 5.0]];
    let y = || Standardized::new(&x).unwrap();
    assert!(matches!(
        y().center_by(array![1.0].view()),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(
        y().center_by(array![1.0, f64::NAN].view()),
        Err(Error::InvalidParameter { name: "center", .. })
    ));
    assert!(matches!(
        y().scale_by(array![1.0, 0.0].view()),
        Err(Error::InvalidParameter { name: "scales", .. })
    ));
    assert!(matches!(
        y().weigh_rows(array![1.0, f64::INFINITY].view()),
        Err(Error::InvalidParameter {
            name: "weights",
            ..
        })
    ));
    let empty = Array2::<f64>::zeros((0, 2));
    assert!(matches!(
        Standardized::new(&empty),
        Err(Error::EmptyInput { .. })
    ));
    let bad = array![[1.0, f64::NAN]];
    assert!(matches!(
        Standardized::new(&bad),
        Err(Error::NonFinite { .. })
    ));
    let operator = FunctionOperator::new(
        (2, 2),
        |right, out| x.multiply(right, out),
        |right, out| x.multiply_transposed(right, out),
    );
    assert!(matches!(
        Standardized::new(&operator).unwrap().scale_columns(),
        Err(Error::UnsupportedInput { .. })
    ));
}
