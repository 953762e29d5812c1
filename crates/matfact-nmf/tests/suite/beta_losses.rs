//! β-divergences and multiplicative updates: numbers that scikit-learn 1.9.1 gives, and properties.

use matfact_core::ndarray::{Array2, ArrayView2, ArrayViewMut2, array};
use matfact_core::{
    Certificate, Duplicates, Error, Factorizer, Fit, LinearOperator, Matrix, Run, StopReason,
    Transform, csr_from_triplets, sprs::CsMatI,
};
use matfact_nmf::{Held, Init, Loss, Nmf, NmfModel, Solver, Start, divergence};

fn sparse(x: &Array2<f64>) -> CsMatI<f64, u32, usize> {
    let entries = x.indexed_iter().filter(|(_, v)| **v != 0.0);
    let entries = entries.map(|((i, j), v)| (i, j, *v));
    csr_from_triplets(x.dim(), entries, Duplicates::Error).unwrap()
}

/// A matrix that is known by its products and its entries alone.
struct Opaque(Array2<f64>);

impl LinearOperator for Opaque {
    type Scalar = f64;

    fn shape(&self) -> (usize, usize) {
        self.0.dim()
    }

    fn multiply(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.assign(&self.0.dot(&right));
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.assign(&self.0.t().dot(&right));
    }
}

impl Matrix for Opaque {
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, f64)) {
        self.0.visit(visit);
    }
}

fn all_forms(x: &Array2<f64>) -> Vec<Box<dyn Matrix<Scalar = f64>>> {
    vec![
        Box::new(x.clone()),
        Box::new(x.t().as_standard_layout().into_owned().reversed_axes()),
        Box::new(sparse(x)),
        Box::new(sparse(x).to_csc()),
        Box::new(Opaque(x.clone())),
    ]
}

/// X6, W0 and H0.
fn example() -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    let x = array![
        [1.0, 1.0],
        [2.0, 1.0],
        [3.0, 1.2],
        [4.0, 1.0],
        [5.0, 0.8],
        [6.0, 1.0]
    ];
    let w = array![
        [0.5, 0.4],
        [0.6, 0.3],
        [0.7, 0.2],
        [0.8, 0.1],
        [0.9, 0.3],
        [1.0, 0.2]
    ];
    (x, w, array![[1.0, 0.5], [0.2, 0.9]])
}

#[test]
fn divergences_are_those_of_scikit_learn_for_every_form() {
    let (mut x, w, h) = example();
    let check = |x: &Array2<f64>, golden: &[(f64, f64)]| {
        for (beta, expected) in golden {
            for x in all_forms(x) {
                let loss = Loss::from_beta(*beta);
                let value = divergence(&*x, w.view(), h.view(), loss).unwrap();
                assert!(
                    (value / expected - 1.0).abs() < 1e-12,
                    "beta {beta}: {value} is not {expected}"
                );
            }
        }
    };
    check(
        &x,
        &[
            (0.0, 11.825865644149202),
            (0.5, 13.673180838144354),
            (1.0, 16.687073655696267),
            (1.5, 21.579375111439674),
            (2.0, 29.635),
            (3.0, 66.75061),
        ],
    );
    x[[0, 0]] = 0.0;
    let golden = [
        (0.5, 15.047052180949905),
        (1.0, 17.142346480254595),
        (1.5, 21.76919639927912),
        (2.0, 29.715),
        (3.0, 66.75214333333334),
    ];
    check(&x, &golden);
    // An entry that underflows counts as zero.
    x[[0, 0]] = 1e-323;
    check(&x, &golden);
}

fn one_iteration(loss: Loss, alphas: (f64, f64)) -> Array2<f64> {
    let (x, w, h) = example();
    let nmf = Nmf::new(2)
        .loss(loss)
        .solver(Solver::Multiplicative)
        .alpha_w(alphas.0)
        .alpha_h(alphas.1)
        .l1_ratio(0.5)
        .max_iter(1);
    let fit = nmf.fit_from(&x, Start::new(w, h), &mut Run::new()).unwrap();
    fit.model.h().to_owned()
}

#[test]
fn one_multiplicative_update_gives_the_golden_factors() {
    for (beta, golden) in [
        (
            0.0,
            array![[1.5254566027, 0.5072006639], [0.2801503575, 0.9447244647]],
        ),
        (
            1.0,
            array![[1.2844598629, 0.2669482929], [0.2441679149, 0.5890058839]],
        ),
        (
            2.0,
            array![[1.2285345833, 0.2289494363], [0.242860205, 0.4895053161]],
        ),
        (
            3.0,
            array![[1.5647276389, 0.4516685777], [0.3078971123, 0.8418350334]],
        ),
    ] {
        let h = one_iteration(Loss::from_beta(beta), (0.0, 0.0));
        let close = h.iter().zip(&golden).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close, "beta {beta}: {h}");
    }
    let h = one_iteration(Loss::KullbackLeibler, (0.01, 0.02));
    let golden = array![[1.2901479205, 0.2686564096], [0.2412521182, 0.5739815367]];
    assert!(
        h.iter().zip(&golden).all(|(a, b)| (a - b).abs() < 1e-9),
        "{h}"
    );
}

/// X (7 x 6, a third of it zeros) and a start of rank 2, by formulas.
fn formulas() -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    let entry = |(i, j): (usize, usize)| {
        let stored = !(i + j).is_multiple_of(3);
        if stored {
            ((3 * i + 5 * j) % 7) as f64
        } else {
            0.0
        }
    };
    (
        Array2::from_shape_fn((7, 6), entry),
        Array2::from_shape_fn((7, 2), |(i, t)| 0.2 + ((2 * i + t) % 5) as f64 / 4.0),
        Array2::from_shape_fn((2, 6), |(i, j)| 0.3 + ((i + 3 * j) % 4) as f64 / 3.0),
    )
}

fn ten_iterations(x: &dyn Matrix<Scalar = f64>, beta: f64) -> Fit<NmfModel<f64>> {
    let (_, w, h) = formulas();
    Nmf::new(2)
        .loss(Loss::from_beta(beta))
        .solver(Solver::Multiplicative)
        .tol(0.0)
        .max_iter(10)
        .alpha_w(0.002)
        .alpha_h(0.003)
        .l1_ratio(0.4)
        .fit_from(x, Start::new(w, h), &mut Run::new())
        .unwrap()
}

/// `non_negative_factorization(X, W, H, init="custom", solver="mu", beta_loss=beta, tol=0, max_iter=10,
/// alpha_W=.002, alpha_H=.003, l1_ratio=.4)`: the divergence, then W[1,0], W[6,1], H[0,2], H[1,5].
#[test]
fn ten_iterations_with_penalties_give_the_golden_factors() {
    let (x, ..) = formulas();
    let raised = &x + 0.5;
    #[rustfmt::skip]
    let golden = [
        (0.5, [29.658588454489532, 0.0001389477278455849, 0.98810025336438, 1.885137079342503, 0.00018486223401746946]),
        (1.0, [23.63857983611782, 6.078629318226584e-05, 1.1790365359811965, 1.6786792026276527, 0.0006533948083606816]),
        (1.5, [27.929989321658184, 0.0015599340118558598, 1.03260862291854, 1.8192379674769081, 0.01564679457013399]),
        (2.0, [37.15024570701731, 0.00407713355277926, 0.8634685290661793, 1.9211224356528158, 0.05073997719046556]),
        (2.5, [56.50310583412796, 0.0269676727234516, 0.6528773432028551, 2.2669444172048934, 0.1819534582060602]),
        (-1.2, [9.661257561612114, 0.6540508322431166, 0.8599778867310823, 1.3445250687607577, 0.9540477564898855]),
        (0.0, [11.720711834428663, 0.2235285022972314, 0.9804056865835549, 1.5743124776099853, 0.15336543190828567]),
    ];
    for (beta, golden) in golden {
        let x = if beta > 0.0 { &x } else { &raised };
        for form in all_forms(x) {
            let Fit { model, report } = ten_iterations(&*form, beta);
            let (w, h) = (model.w(), model.h());
            let value = divergence(&*form, w, h, model.loss()).unwrap();
            let found = [value, w[[1, 0]], w[[6, 1]], h[[0, 2]], h[[1, 5]]];
            for (found, golden) in found.iter().zip(&golden) {
                assert!(
                    (found / golden - 1.0).abs() < 1e-9,
                    "beta {beta}: {found} is not {golden}"
                );
            }
            // 6 columns scale W's penalty, 7 rows H's.
            let penalty = |factor: ArrayView2<'_, f64>, alpha: f64| {
                alpha * (0.4 * factor.sum() + 0.3 * factor.iter().map(|v| v * v).sum::<f64>())
            };
            let objective = value + penalty(w, 0.002 * 6.0) + penalty(h, 0.003 * 7.0);
            assert!((report.objective / objective - 1.0).abs() < 1e-12);
            assert!((report.history[9] / objective - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn the_objective_never_rises_for_any_beta_penalty_or_bound() {
    let (x, ..) = formulas();
    let x = x + 0.01;
    for beta in [-1.2, 0.0, 0.2, 0.5, 1.0, 1.3, 2.0, 2.5, 3.7] {
        for (alpha, l1_ratio, max) in [
            (0.0, 0.0, None),
            (0.05, 1.0, None),
            (2.0, 0.0, None),
            (0.3, 0.5, Some(0.8)),
        ] {
            let mut nmf = Nmf::new(3)
                .loss(Loss::from_beta(beta))
                .solver(Solver::Multiplicative)
                .init(Init::Random)
                .alpha_w(alpha)
                .alpha_h(0.5 * alpha)
                .l1_ratio(l1_ratio)
                .tol(0.0)
                .max_iter(150);
            if let Some(max) = max {
                nmf = nmf.max_w(max).max_h(2.0 * max);
            }
            let Fit { model, report } = nmf.fit(&x).unwrap();
            assert!(
                report.history.len() > 20,
                "beta {beta}: {:?}",
                report.history
            );
            assert!(
                report.history.windows(2).all(|pair| pair[1] <= pair[0]),
                "beta {beta}, alpha {alpha}: {:?}",
                report.history
            );
            let bound = max.unwrap_or(f64::INFINITY);
            assert!(model.w().iter().all(|v| (0.0..=bound).contains(v)));
            assert!(model.h().iter().all(|v| (0.0..=2.0 * bound).contains(v)));
        }
    }
}

#[test]
fn convergence_is_certified() {
    let (x, ..) = formulas();
    let x = x + 0.5;
    for beta in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let fit = |iterations| {
            let nmf = Nmf::new(1)
                .loss(Loss::from_beta(beta))
                .solver(Solver::Multiplicative);
            let report = nmf
                .tol(0.0)
                .init(Init::Random)
                .max_iter(iterations)
                .fit(&x)
                .unwrap()
                .report;
            match report.certificate {
                Some(Certificate::ProjectedGradient(size)) => size,
                other => panic!("{other:?}"),
            }
        };
        let (early, late) = (fit(0), fit(300));
        assert!(early > 1e-3 && late < 1e-6, "beta {beta}: {early}, {late}");
    }
}

#[test]
fn held_parts_stay_to_the_bit() {
    let (x, w, h) = formulas();
    for beta in [0.5, 1.0, 2.0, 3.0] {
        let fit = |held| {
            let nmf = Nmf::new(2)
                .loss(Loss::from_beta(beta))
                .solver(Solver::Multiplicative)
                .held(held)
                .max_iter(7);
            nmf.fit_from(&x, Start::new(w.clone(), h.clone()), &mut Run::new())
                .unwrap()
                .model
        };
        let model = fit(Held::H);
        assert!(model.h() == h && model.w() != w);
        let model = fit(Held::W);
        assert!(model.w() == w && model.h() != h);
        let model = fit(Held::Components(vec![1]));
        assert!(model.h().row(1) == h.row(1) && model.h().row(0) != h.row(0) && model.w() != w);
    }
}

#[test]
fn zeros_are_refused_where_the_loss_is_infinite() {
    let mut x = Array2::from_elem((4, 3), 2.0);
    x[[2, 1]] = 0.0;
    for form in all_forms(&x) {
        for beta in [0.0, -0.5] {
            let error = Nmf::new(2)
                .loss(Loss::from_beta(beta))
                .fit(&*form)
                .unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::ZeroEntry {
                        row: 2,
                        column: 1,
                        ..
                    }
                ),
                "{error}"
            );
            let (w, h) = (Array2::ones((4, 2)), Array2::ones((2, 3)));
            assert!(divergence(&*form, w.view(), h.view(), Loss::from_beta(beta)).is_err());
        }
        let nmf = Nmf::new(2).loss(Loss::Beta(0.5));
        assert!(nmf.fit(&*form).is_ok());
    }
    let (w, h) = (Array2::ones((4, 2)), Array2::ones((2, 4)));
    let shape = divergence(&x, w.view(), h.view(), Loss::Frobenius);
    assert!(matches!(shape, Err(Error::ShapeMismatch { .. })));
    let nan = divergence(
        &x,
        w.view(),
        Array2::ones((2, 3)).view(),
        Loss::Beta(f64::NAN),
    );
    assert!(matches!(nan, Err(Error::InvalidParameter { .. })));
}

#[test]
fn locked_zeros_are_said() {
    let (x, ..) = formulas();
    let nmf = Nmf::new(2).solver(Solver::Multiplicative).max_iter(3);
    let locked = nmf.clone().init(Init::Nndsvd).fit(&x).unwrap().report;
    assert!(
        locked
            .notices
            .iter()
            .any(|notice| notice.contains("nndsvda"))
    );
    assert!(nmf.fit(&x).unwrap().report.notices.is_empty());
}

#[test]
fn hard_matrices_give_finite_models() {
    let mut dead = Array2::from_elem((5, 4), 1.0);
    dead.row_mut(1).fill(0.0);
    dead.column_mut(2).fill(0.0);
    for x in [
        Array2::zeros((3, 4)),
        dead,
        Array2::from_elem((1, 5), 3.0),
        Array2::from_elem((5, 1), 3.0),
        Array2::from_elem((4, 3), 1e-300),
        Array2::from_elem((4, 3), 1e250),
        Array2::from_elem((4, 3), 1e-9),
    ] {
        for beta in [0.2, 1.0, 2.0, 3.0] {
            for rank in [1, 6] {
                let nmf = Nmf::new(rank)
                    .loss(Loss::from_beta(beta))
                    .solver(Solver::Multiplicative)
                    .max_iter(50);
                let Fit { model, report } = match nmf.fit(&x) {
                    Ok(fit) => fit,
                    Err(error) => panic!("{:e}, beta {beta}, rank {rank}: {error}", x[[0, 0]]),
                };
                assert!(
                    model
                        .w()
                        .iter()
                        .chain(model.h())
                        .all(|v| f64::is_finite(*v))
                );
                // The objective of the largest entries is out of the range of f64.
                assert!(
                    x[[0, 0]] > 1e100 || report.history.windows(2).all(|pair| pair[1] <= pair[0])
                );
                let w = model.transform(&x).unwrap();
                assert!(w.iter().all(|v| f64::is_finite(*v)));
            }
        }
    }
}

#[test]
fn transform_finds_the_best_row_for_every_loss_and_rows_are_apart() {
    let (x, ..) = formulas();
    let x = x + 0.5;
    for beta in [0.5, 1.0, 1.5, 2.0, 3.0] {
        let nmf = Nmf::new(2)
            .loss(Loss::from_beta(beta))
            .solver(Solver::Multiplicative)
            .alpha_w(0.01)
            .tol(1e-12)
            .max_iter(2_000);
        let Fit { model, .. } = nmf.fit(&x).unwrap();
        let w = model.transform(&x).unwrap();
        // At convergence W is the best for its H.
        for (a, b) in w.iter().zip(model.w()) {
            assert!(
                (a - b).abs() < 1e-3 * (1.0 + b),
                "beta {beta}: {a} is not {b}"
            );
        }
        let alone = x.select(matfact_core::ndarray::Axis(0), &[3]);
        let alone = model.transform(&alone).unwrap();
        for t in 0..2 {
            assert!((alone[[0, t]] - w[[3, t]]).abs() < 1e-9, "beta {beta}");
        }
        for form in all_forms(&x) {
            let other = model.transform(&*form).unwrap();
            assert!(
                other.iter().zip(&w).all(|(a, b)| (a - b).abs() < 1e-7),
                "beta {beta}"
            );
        }
    }
}

#[test]
fn threads_do_not_matter() {
    let x = Array2::from_shape_fn((110, 600), |(i, j)| {
        let v = ((i * 31 + j * 17) % 11) as f64;
        if v > 4.0 { v } else { 0.0 }
    });
    for beta in [0.5, 1.0, 2.5] {
        for form in [
            Box::new(sparse(&x)) as Box<dyn Matrix<Scalar = f64>>,
            Box::new(x.clone()),
        ] {
            let fit = |threads| {
                let nmf = Nmf::new(3)
                    .loss(Loss::from_beta(beta))
                    .solver(Solver::Multiplicative)
                    .init(Init::Random)
                    .max_iter(3);
                let fit = nmf
                    .fit_with(&*form, &mut Run::new().threads(threads))
                    .unwrap();
                assert_eq!(fit.report.stop, StopReason::MaxIterations);
                (fit.report.history, fit.model)
            };
            assert!(fit(1) == fit(3));
        }
    }
}
