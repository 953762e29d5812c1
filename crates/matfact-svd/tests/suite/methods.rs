//! Every method of the truncated SVD, against the singular values that were planted.

use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Certificate, Duplicates, Error, Factorization, Factorizer, LinearOperator, Run, StopReason,
    csr_from_triplets,
};
use matfact_linalg::{random_normal, tall_qr};
use matfact_svd::{SvdMethod, Tolerance, TruncatedSvd};

/// 400 x 300 with σ_i = 1 / (1 + 0.05 i): large enough for every iterative method.
fn slow_decay() -> (Array2<f64>, Array1<f64>) {
    let spectrum = Array1::from_shape_fn(300, |i| 1.0 / (1.0 + 0.05 * i as f64));
    let (u, _) = tall_qr(random_normal::<f64>((400, 300), 1, 0).view());
    let (v, _) = tall_qr(random_normal::<f64>((300, 300), 1, 1).view());
    ((&u * &spectrum).dot(&v.t()), spectrum)
}

fn worst_residual(report: &matfact_core::FitReport) -> f64 {
    let Some(Certificate::TripletResiduals { left, right }) = &report.certificate else {
        panic!("an SVD has residuals");
    };
    assert_eq!((left.len(), right.len()), (report.rank, report.rank));
    left.iter().chain(right).copied().fold(0.0, f64::max)
}

#[test]
fn every_method_keeps_its_tolerance_and_certifies_it() {
    let (x, spectrum) = slow_decay();
    for method in [
        SvdMethod::Lanczos,
        SvdMethod::GramLanczos,
        SvdMethod::Randomized,
        SvdMethod::Exact,
    ] {
        for tol in [1e-2, 1e-5] {
            let svd = TruncatedSvd::new(12).method(method);
            let fit = svd
                .tolerance(Tolerance::SingularValues(tol))
                .fit(&x)
                .unwrap();
            assert_eq!(fit.report.stop, StopReason::Converged, "{method}");
            let pairs = fit.model.singular_values().into_iter().zip(&spectrum);
            let error = pairs.map(|(s, t)| (s / t - 1.0).abs()).fold(0.0, f64::max);
            assert!(error < tol, "{method} {tol}: {error}");
            // The certificate is what a check from outside finds.
            let (u, v) = (fit.model.u(), fit.model.vt());
            let right = x.t().dot(&u) - &v.t() * &fit.model.singular_values();
            let found = right.columns().into_iter().map(|c| c.dot(&c).sqrt());
            let found = found.fold(0.0, f64::max) / fit.model.singular_values()[0];
            let told = worst_residual(&fit.report);
            assert!(
                (told - found).abs() <= 0.1 * found + 1e-14,
                "{method}: {told} {found}"
            );
        }
    }
    let svd = TruncatedSvd::new(12).method(SvdMethod::Lanczos);
    let fit = svd
        .clone()
        .tolerance(Tolerance::Residuals(1e-6))
        .fit(&x)
        .unwrap();
    assert!(worst_residual(&fit.report) < 1.1e-6);
    let fit = svd.tolerance(Tolerance::Rounding).fit(&x).unwrap();
    assert!(worst_residual(&fit.report) < 1e-13);
}

#[test]
fn block_krylov_beats_the_same_power_iterations() {
    let (x, spectrum) = slow_decay();
    let error = |method| {
        let svd = TruncatedSvd::new(12).method(method).power_iterations(3);
        let fit = svd.fit(&x).unwrap();
        assert_eq!(fit.report.stop, StopReason::MaxIterations);
        (fit.model.singular_values()[11] / spectrum[11] - 1.0).abs()
    };
    let (krylov, powers) = (error(SvdMethod::BlockKrylov), error(SvdMethod::Randomized));
    assert!(krylov < 0.1 * powers, "{krylov} {powers}");
}

#[test]
fn an_error_chooses_the_rank() {
    let (x, spectrum) = slow_decay();
    let total: f64 = spectrum.iter().map(|s| s * s).sum();
    for error in [0.7, 0.3] {
        let mut rest = total;
        let expected = spectrum.iter().position(|s| {
            rest -= s * s;
            rest <= error * error * total
        });
        for method in [SvdMethod::Auto, SvdMethod::Lanczos, SvdMethod::Exact] {
            let svd = TruncatedSvd::to_error(error).method(method);
            let fit = svd
                .tolerance(Tolerance::SingularValues(1e-6))
                .fit(&x)
                .unwrap();
            assert_eq!(fit.model.rank(), expected.unwrap() + 1, "{method} {error}");
            assert_eq!(fit.report.rank, fit.model.rank());
            assert!(fit.report.relative_error.unwrap() <= error);
        }
    }
    struct Unknown(Array2<f64>);
    impl LinearOperator for Unknown {
        type Scalar = f64;
        fn shape(&self) -> (usize, usize) {
            self.0.dim()
        }
        fn multiply(
            &self,
            right: matfact_core::ndarray::ArrayView2<'_, f64>,
            mut out: matfact_core::ndarray::ArrayViewMut2<'_, f64>,
        ) {
            out.assign(&self.0.dot(&right));
        }
        fn multiply_transposed(
            &self,
            right: matfact_core::ndarray::ArrayView2<'_, f64>,
            mut out: matfact_core::ndarray::ArrayViewMut2<'_, f64>,
        ) {
            out.assign(&self.0.t().dot(&right));
        }
    }
    let operator = Unknown(x);
    let refused = TruncatedSvd::to_error(0.5).fit(&operator);
    assert!(matches!(refused, Err(Error::UnsupportedInput { .. })));
    for method in [SvdMethod::Lanczos, SvdMethod::Exact] {
        let fit = TruncatedSvd::new(3).method(method).fit(&operator).unwrap();
        assert!((fit.model.singular_values()[2] / spectrum[2] - 1.0).abs() < 1e-4);
        assert_eq!(fit.report.relative_error, None);
    }
}

#[test]
fn the_choice_is_told_and_bits_do_not_depend_on_threads() {
    let entries = (0..12_000_usize).map(|i| {
        let (row, column) = (i * 7919 % 800, i * 104_729 % 300);
        (row, column, ((i * 31 + row) % 17) as f32 - 4.0)
    });
    let x = csr_from_triplets((800, 300), entries, Duplicates::Sum).unwrap();
    for method in [
        SvdMethod::Auto,
        SvdMethod::Lanczos,
        SvdMethod::Randomized,
        SvdMethod::BlockKrylov,
        SvdMethod::Exact,
    ] {
        let svd = TruncatedSvd::new(8).method(method);
        let with = |threads| svd.fit_with(&x, &mut Run::new().threads(threads)).unwrap();
        let one = with(1);
        assert_eq!(one.model, with(2).model, "{method}");
        assert_eq!(one.model, with(7).model, "{method}");
        let chosen = one.report.chosen.get("method").map(String::as_str);
        assert_eq!(
            chosen,
            (method == SvdMethod::Auto).then_some("gram-lanczos")
        );
    }
    let capped = TruncatedSvd::new(8).method(SvdMethod::Lanczos).max_steps(1);
    let fit = capped.fit(&x).unwrap();
    assert_eq!(fit.report.stop, StopReason::MaxIterations);
    assert!(worst_residual(&fit.report) > 1e-3);
}

/// Halko, Martinsson and Tropp (2011), theorem 10.6: without power iterations and with p >= 2 more columns,
/// the error in the Frobenius norm is on average at most (1 + k/(p − 1))^½ times the least.
#[test]
fn a_randomized_error_is_what_theory_expects() {
    let mut random = matfact_testkit::strategies::pseudo_random(5);
    for (decay, oversampling) in [(0.05, 5), (0.5, 10), (0.01, 10)] {
        let spectrum = Array1::from_shape_fn(120, |i| 1.0 / (1.0 + decay * i as f64).powi(2));
        let noise = Array2::from_shape_simple_fn((200, 120), &mut random);
        let (u, _) = tall_qr(noise.view());
        let (v, _) = tall_qr(random_normal::<f64>((120, 120), 1, 1).view());
        let x = (&u * &spectrum).dot(&v.t());
        let k = 12;
        let least: f64 = spectrum.iter().skip(k).map(|s| s * s).sum::<f64>().sqrt();
        let expected = least * (1.0 + k as f64 / (oversampling - 1) as f64).sqrt();
        // The theorem is about all k + p columns.
        let error = |seed| {
            let svd = TruncatedSvd::new(k + oversampling).oversampling(0);
            let svd = svd.method(SvdMethod::Randomized).power_iterations(0);
            let model = svd.seed(seed).fit(&x).unwrap().model;
            let rest = &x - &(&model.u() * &model.singular_values()).dot(&model.vt());
            rest.iter().map(|v| v * v).sum::<f64>().sqrt()
        };
        let errors: Vec<f64> = (0..20).map(error).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean <= expected, "{decay}: {mean} {expected}");
        let worst = errors.into_iter().fold(0.0, f64::max);
        assert!(worst <= 1.2 * expected, "{decay}: {worst} {expected}");
    }
}

/// Squares of f32 lose what is wanted here; nothing of it may be lost.
#[test]
fn gram_lanczos_leaves_to_lanczos_what_it_cannot_do() {
    let spectrum = Array1::from_shape_fn(280, |i| 0.8_f64.powi(i as i32));
    let (u, _) = tall_qr(random_normal::<f64>((400, 280), 1, 0).view());
    let (v, _) = tall_qr(random_normal::<f64>((300, 280), 1, 1).view());
    let x = (&u * &spectrum).dot(&v.t()).mapv(|v| v as f32);
    let svd = TruncatedSvd::new(50);
    let fit = svd.fit(&x).unwrap();
    let chosen = fit.report.chosen.get("method").map(String::as_str);
    assert_eq!(chosen, Some("lanczos"));
    let asked = svd.method(SvdMethod::GramLanczos).fit(&x).unwrap();
    assert_eq!(asked.model, fit.model);
    assert!(asked.report.notices.iter().any(|n| n.contains("lanczos")));
    for (s, truth) in fit.model.singular_values().iter().zip(&spectrum) {
        assert!(
            (f64::from(*s) - truth).abs() < 1e-4 * truth + 1e-6,
            "{s} {truth}"
        );
    }
    let steps: Vec<usize> = {
        let mut steps = Vec::new();
        let mut observe = |p: &matfact_core::Progress| steps.push(p.iteration);
        let mut run = Run::new().observer(&mut observe);
        TruncatedSvd::new(50).fit_with(&x, &mut run).unwrap();
        steps
    };
    assert!(
        steps.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{steps:?}"
    );
    assert_eq!(steps.last(), Some(&fit.report.iterations));
}

/// 10⁵ x 50 and its transpose, by both Lanczos methods: LAPACK's ratios, against the squares in `f64`.
#[test]
fn very_tall_and_very_wide_matrices_are_decomposed_to_rounding() {
    let (m, n, k) = (100_000, 50, 10);
    let scale = Array1::from_shape_fn(n, |j| 0.9_f32.powi(j as i32));
    let tall = random_normal::<f32>((m, n), 7, 0) * &scale;
    let wide_tall = tall.mapv(f64::from);
    let (_, squares, _) = matfact_linalg::small_svd(wide_tall.t().dot(&wide_tall).view());
    let truth = squares.mapv(f64::sqrt);
    let eps = f64::from(f32::EPSILON);
    let wide = tall.t().as_standard_layout().into_owned();
    for x in [&tall, &wide] {
        let lanczos = TruncatedSvd::new(k).method(SvdMethod::Lanczos);
        let fit = lanczos.tolerance(Tolerance::Rounding).fit(x).unwrap();
        assert_eq!(fit.report.stop, StopReason::Converged);
        assert!(worst_residual(&fit.report) <= 10.0 * m as f64 * eps);
        for (s, truth) in fit.model.singular_values().iter().zip(&truth) {
            assert!((f64::from(*s) - truth).abs() <= 50.0 * eps * squares[0].sqrt());
        }
        let quick = TruncatedSvd::new(k).fit(x).unwrap();
        let chosen = quick.report.chosen.get("method").map(String::as_str);
        assert_eq!(chosen, Some("gram-lanczos"));
        for model in [&fit.model, &quick.model] {
            for factors in [model.u().mapv(f64::from), model.vt().t().mapv(f64::from)] {
                let gram = factors.t().dot(&factors) - Array2::<f64>::eye(k);
                let loss = gram.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
                assert!(loss <= 10.0 * factors.nrows() as f64 * eps, "{loss}");
            }
        }
    }
}
