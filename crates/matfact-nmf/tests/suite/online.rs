//! Mini-batches: numbers that scikit-learn 1.9.1 gives, and what streams promise.

use matfact_core::ndarray::{Array2, Axis};
use matfact_core::{
    Duplicates, Error, Factorizer, Fit, Matrix, Persist, Run, StopReason, Transform,
    csr_from_triplets,
};
use matfact_nmf::{Init, Loss, MiniBatchNmf, Nmf, NmfModel, Solver, Start};

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

fn forms(x: &Array2<f64>) -> Vec<Box<dyn Matrix<Scalar = f64>>> {
    let entries = x.indexed_iter().filter(|(_, v)| **v != 0.0);
    let entries = entries.map(|((i, j), v)| (i, j, *v));
    let sparse = csr_from_triplets(x.dim(), entries, Duplicates::Error).unwrap();
    vec![
        Box::new(x.clone()),
        Box::new(sparse.to_csc()),
        Box::new(sparse),
    ]
}

/// 60 x 8 of rank 3 and some more.
fn larger() -> Array2<f64> {
    Array2::from_shape_fn((60, 8), |(i, j)| {
        let part = |t: usize| ((i * (t + 2) + 1) % 5) as f64 * ((j * (2 * t + 1) + t) % 7) as f64;
        part(0) + part(1) + part(2) + ((i * 7 + j * 11) % 3) as f64 * 0.1
    })
}

fn multiplicative(rank: usize) -> MiniBatchNmf {
    MiniBatchNmf::new(rank).solver(Solver::Multiplicative)
}

/// `MiniBatchNMF(2, init="custom", batch_size=3, tol=0, max_no_improvement=None, max_iter=3,
/// alpha_W=.002, alpha_H=.003, l1_ratio=.4, fresh_restarts=fresh, forget_factor=.6,
/// fresh_restarts_max_iter=5, transform_max_iter=8).fit_transform(X, W=W, H=H)`:
/// W[1,0], W[6,1], H[0,2], H[1,5].
#[test]
fn three_epochs_give_the_golden_factors() {
    let (x, w, h) = formulas();
    #[rustfmt::skip]
    let golden = [
        (0.5, false, [0.3968180705419949, 0.6805157264852228, 1.0342236751463414, 0.43478565425120114]),
        (0.5, true, [0.004855864297002929, 0.12265145277089559, 1.0772951767827228, 0.13556675231398344]),
        (1.0, false, [0.23931585689241802, 0.9596346320638929, 1.1449533407621113, 0.1671925929567435]),
        (1.0, true, [0.00014512324349523113, 0.18705748306219877, 1.2942156439903423, 0.08128973938151018]),
        (1.5, false, [0.23092411521004108, 0.8538072664130989, 1.2444787459270623, 0.21109650192869078]),
        (1.5, true, [0.0009006164838342054, 0.5452394893467213, 1.387818132023634, 0.11890730565312367]),
        (2.0, false, [0.2092177064081737, 0.791121966138926, 1.3721879122779088, 0.27208291196739676]),
        (2.0, true, [0.003811637688361243, 0.5650578772346734, 1.4657286884628502, 0.15807062354545817]),
        (2.5, false, [0.34902555339943764, 0.607919381679034, 1.2103835705906818, 0.4934495050947838]),
        (2.5, true, [0.04123442522576766, 0.5063231409447052, 1.1585404929446368, 0.2672839278384994]),
    ];
    for (beta, fresh, golden) in golden {
        for form in forms(&x) {
            let nmf = multiplicative(2)
                .loss(Loss::from_beta(beta))
                .batch_size(3)
                .tol(0.0)
                .max_no_improvement(None)
                .max_iter(3)
                .alpha_w(0.002)
                .alpha_h(0.003)
                .l1_ratio(0.4)
                .fresh_restarts(fresh)
                .forget_factor(0.6)
                .fresh_restarts_max_iter(5)
                .transform_max_iter(8);
            let start = Start::new(w.clone(), h.clone());
            let model = nmf.fit_from(&*form, start, &mut Run::new()).unwrap().model;
            let (w, h) = (model.w(), model.h());
            let found = [w[[1, 0]], w[[6, 1]], h[[0, 2]], h[[1, 5]]];
            for (found, golden) in found.iter().zip(&golden) {
                assert!(
                    (found / golden - 1.0).abs() < 1e-9,
                    "beta {beta}, fresh {fresh}: {found} is not {golden}"
                );
            }
        }
    }
}

/// The same with the given tol and `max_no_improvement`, no penalties, `max_iter=300` and defaults:
/// epochs, H[0,2] and the root of twice the divergence.
#[test]
fn fits_stop_where_scikit_learn_does() {
    let (x, w, h) = formulas();
    for (beta, tol, without, epochs, golden, error) in [
        (2.0, 1e-2, 10, 78, 1.8266829510506113, 8.609686787682104),
        (2.0, 0.0, 4, 76, 1.830121435046542, 8.609795426621918),
    ] {
        let nmf = multiplicative(2)
            .loss(Loss::from_beta(beta))
            .batch_size(3)
            .tol(tol)
            .max_no_improvement(Some(without))
            .max_iter(300);
        let start = Start::new(w.clone(), h.clone());
        let Fit { model, report } = nmf.fit_from(&x, start, &mut Run::new()).unwrap();
        assert_eq!(
            (report.iterations, report.stop),
            (epochs, StopReason::Converged)
        );
        assert!((model.h()[[0, 2]] / golden - 1.0).abs() < 1e-7);
        assert!(((2.0 * report.objective).sqrt() / error - 1.0).abs() < 1e-9);
    }
}

/// scikit-learn's test of the same name as the first half of this one.
#[test]
fn one_batch_that_forgets_all_is_the_multiplicative_method() {
    let x = larger();
    for beta in [0.5, 1.0, 1.5, 2.0] {
        let loss = Loss::from_beta(beta);
        let whole = Nmf::new(3)
            .solver(Solver::Multiplicative)
            .loss(loss)
            .tol(0.0)
            .max_iter(8)
            .seed(4)
            .init(Init::Random)
            .fit(&x)
            .unwrap();
        let batch = multiplicative(3)
            .loss(loss)
            .tol(0.0)
            .max_no_improvement(None)
            .max_iter(8)
            .seed(4)
            .init(Init::Random)
            .batch_size(60)
            .forget_factor(0.0)
            .fit(&x)
            .unwrap();
        for (a, b) in [
            (whole.model.w(), batch.model.w()),
            (whole.model.h(), batch.model.h()),
        ] {
            let close = a
                .iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a));
            assert!(close, "beta {beta}");
        }
    }
}

#[test]
fn feeding_batches_is_fitting_with_fresh_coordinates() {
    let x = larger();
    for (beta, solver) in [
        (1.0, Solver::Multiplicative),
        (2.0, Solver::Multiplicative),
        (2.0, Solver::Hals),
    ] {
        let nmf = MiniBatchNmf::new(3)
            .solver(solver)
            .loss(Loss::from_beta(beta))
            .tol(0.0)
            .max_no_improvement(None)
            .max_iter(2)
            .batch_size(15)
            .fresh_restarts(true);
        let h = Array2::from_shape_fn((3, 8), |(t, j)| 0.2 + ((t * 3 + j) % 4) as f64);
        // Without coordinates in the start, HALS in a fit would have some to begin with.
        let start = Start::new(Array2::zeros((60, 3)), h.clone());
        let whole = nmf.fit_from(&x, start, &mut Run::new()).unwrap().model;
        let mut online = nmf
            .online()
            .unwrap()
            .expect_rows(60)
            .start_from(h.view())
            .unwrap();
        let block = |first: usize| x.select(Axis(0), &(first..first + 15).collect::<Vec<_>>());
        for _ in 0..2 {
            online
                .fit_stream((0..4).map(|b| Ok(block(15 * b))))
                .unwrap();
        }
        assert_eq!((online.batches(), online.rows()), (8, 120));
        let model = online.model().unwrap();
        let close = model
            .h()
            .iter()
            .zip(whole.h())
            .all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(
            close,
            "beta {beta}, {solver}: {} is not {}",
            model.h(),
            whole.h()
        );
    }
}

#[test]
fn hals_finds_a_better_model_than_the_multiplicative_method() {
    let x = larger();
    let error = |nmf: MiniBatchNmf| {
        let Fit { model, report } = nmf.batch_size(20).max_iter(30).fit(&x).unwrap();
        let residual = &x - &model.w().dot(&model.h());
        let squares = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>();
        let direct = (squares(&residual) / squares(&x)).sqrt();
        assert!((report.relative_error.unwrap() / direct - 1.0).abs() < 1e-9);
        assert!(model.w().iter().chain(model.h()).all(|v| *v >= 0.0));
        direct
    };
    let best = Nmf::new(3).fit(&x).unwrap().report.relative_error.unwrap();
    let hals = error(MiniBatchNmf::new(3));
    let multiplied = error(multiplicative(3));
    assert!(hals < multiplied, "{hals}, {multiplied}, {best}");
}

#[test]
fn a_stream_learns_and_its_model_can_be_kept() {
    let x = larger();
    for loss in [Loss::Frobenius, Loss::KullbackLeibler] {
        let mut online = MiniBatchNmf::new(3).loss(loss).online::<f64>().unwrap();
        assert!(online.components().is_none());
        assert!(matches!(online.model(), Err(Error::EmptyInput { .. })));
        let blocks =
            || (0..4).map(|b| Ok(x.select(Axis(0), &(15 * b..15 * (b + 1)).collect::<Vec<_>>())));
        online.fit_stream(blocks()).unwrap();
        let mut costs = Vec::new();
        for _ in 0..10 {
            for block in blocks() {
                costs.push(online.partial_fit(&block.unwrap()).unwrap());
            }
        }
        assert!(costs[36..].iter().sum::<f64>() < costs[..4].iter().sum::<f64>());
        let model = online.model().unwrap();
        let again = NmfModel::from_record(&model.to_record()).unwrap();
        assert_eq!(model, again);
        let w = again.transform(&x).unwrap();
        let rows = again.inverse_transform(w.view()).unwrap();
        let squares = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>();
        let error = (squares(&(&x - &rows)) / squares(&x)).sqrt();
        assert!(error < 0.25, "{loss}: {error}");
    }
}

#[test]
fn batches_of_any_size_give_the_same_model_but_for_the_size() {
    let x = larger();
    // A random start scales with X (nndsvda, as scikit-learn defines it, does not).
    let nmf = || MiniBatchNmf::new(3).init(Init::Random);
    let model = |factor: f64, zeros_first: bool| {
        let mut online = nmf().online::<f64>().unwrap();
        if zeros_first {
            online
                .partial_fit(&Array2::<f64>::zeros((9, x.ncols())))
                .unwrap();
        }
        let mut costs = Vec::new();
        for _ in 0..3 {
            costs.push(online.partial_fit(&(&x * factor)).unwrap());
        }
        (online.components().unwrap(), costs)
    };
    let (h, costs) = model(1.0, false);
    let largest = h.iter().copied().fold(0.0, f64::max);
    for exponent in [-400, 400] {
        let factor = 2.0_f64.powi(exponent);
        for zeros_first in [false, true] {
            let (other, other_costs) = model(factor, zeros_first);
            let root = factor.sqrt();
            let far = (&other / root - &h).mapv(f64::abs);
            assert!(far.iter().all(|d| *d < 1e-6 * largest), "2^{exponent}");
            for (a, b) in costs.iter().zip(&other_costs) {
                assert!((b / factor / factor - a).abs() <= 1e-6 * a, "{a} {b}");
            }
        }
    }
    // Given components are those of X, whatever its size.
    let factor = 2.0_f64.powi(400);
    let given = &h * factor.sqrt();
    let online = MiniBatchNmf::new(3).online::<f64>().unwrap();
    let mut online = online.start_from(given.view()).unwrap();
    assert_eq!(online.components().unwrap(), given);
    let cost = online.partial_fit(&(&x * factor)).unwrap();
    assert!(cost / factor / factor < costs[2] * 1.01);
}

#[test]
fn zeros_are_refused_where_the_loss_is_infinite() {
    let mut x = larger() + 1.0;
    let nmf = |beta| {
        MiniBatchNmf::new(2)
            .loss(Loss::from_beta(beta))
            .batch_size(20)
            .max_iter(5)
    };
    for beta in [0.0, -0.5] {
        let model = nmf(beta).fit(&x).unwrap().model;
        assert!(model.w().iter().chain(model.h()).all(|v| v.is_finite()));
    }
    // In the second batch.
    x[[23, 4]] = 0.0;
    for beta in [0.0, -0.5] {
        let place = nmf(beta).fit(&x).map(|fit| fit.report);
        let (row, column) = match place {
            Err(Error::ZeroEntry { row, column, .. }) => (row, column),
            other => panic!("beta {beta}: {other:?}"),
        };
        assert_eq!((row, column), (23, 4), "beta {beta}");
        assert!(nmf(beta).online().unwrap().partial_fit(&x).is_err());
    }
}

#[test]
fn bad_batches_and_settings_are_refused_and_change_nothing() {
    let x = larger();
    let mut online = MiniBatchNmf::new(3).online::<f64>().unwrap();
    online.partial_fit(&x).unwrap();
    let before = online.components().unwrap();
    let mut bad = x.clone();
    bad[[3, 4]] = -1.0;
    let negative = online.partial_fit(&bad);
    assert!(matches!(
        negative,
        Err(Error::Negative {
            row: 3,
            column: 4,
            ..
        })
    ));
    let narrow = online.partial_fit(&Array2::<f64>::ones((5, 7)));
    assert!(matches!(narrow, Err(Error::ShapeMismatch { .. })));
    let stopped = online.fit_stream([
        Ok(x.clone()),
        Err(Error::invalid_parameter("file", 1, "there")),
    ]);
    assert!(stopped.is_err() && online.batches() == 2);
    assert!(online.components().unwrap() != before);

    for (nmf, name) in [
        (MiniBatchNmf::new(2).batch_size(0), "batch_size"),
        (MiniBatchNmf::new(2).forget_factor(1.5), "forget_factor"),
        (
            MiniBatchNmf::new(2).forget_factor(f64::NAN),
            "forget_factor",
        ),
        (MiniBatchNmf::new(2).max_iter(0), "max_iter"),
        (
            MiniBatchNmf::new(2).max_no_improvement(Some(0)),
            "max_no_improvement",
        ),
        (
            MiniBatchNmf::new(2).fresh_restarts_max_iter(0),
            "fresh_restarts_max_iter",
        ),
        (
            MiniBatchNmf::new(2).transform_max_iter(0),
            "transform_max_iter",
        ),
        (MiniBatchNmf::new(2).solver(Solver::BlockPivoting), "solver"),
        (
            MiniBatchNmf::new(2)
                .solver(Solver::Hals)
                .loss(Loss::KullbackLeibler),
            "solver",
        ),
        (MiniBatchNmf::new(2).alpha_h(-1.0), "alpha_h"),
        (MiniBatchNmf::new(2).tol(f64::NAN), "tol"),
    ] {
        match nmf.fit(&x) {
            Err(Error::InvalidParameter { name: named, .. }) => assert_eq!(named, name),
            other => panic!("{name}: {:?}", other.map(|fit| fit.report)),
        }
    }
    assert!(matches!(
        MiniBatchNmf::new(0).fit(&x),
        Err(Error::InvalidRank { .. })
    ));
    assert!(MiniBatchNmf::new(0).online::<f64>().is_err());
}
