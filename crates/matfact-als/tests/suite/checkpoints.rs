//! Fits that are stopped and go on: explicit and implicit, every solver, from a start, with a validation set.

use matfact_als::{Als, AlsSolver, ImplicitAls};
use matfact_core::{
    Duplicates, FactorModel, Factorizer, Fit, Ratings, Result, Run, Scalar, Validation,
};
use matfact_testkit::strategies::pseudo_random;
use matfact_testkit::{hold, resuming_another_fit_is_refused, resuming_gives_the_same_bits};

fn ratings<T: Scalar>(seed: u64, shape: (usize, usize), share: f64) -> Ratings<T> {
    let mut random = pseudo_random(seed);
    let mut triplets = Vec::new();
    for i in 0..shape.0 {
        for j in 0..shape.1 {
            if random() < share {
                triplets.push((i, j, T::from_f64(1.0 + (4.0 * random()).round())));
            }
        }
    }
    Ratings::from_triplets(shape, triplets, Duplicates::Error).unwrap()
}

fn explicit<T: Scalar>() {
    let x = ratings::<T>(1, (40, 30), 0.4);
    let solvers = [
        AlsSolver::Auto,
        AlsSolver::ConjugateGradients { steps: 2 },
        AlsSolver::CoordinateDescent { sweeps: 1 },
    ];
    for solver in solvers {
        for biased in [true, false] {
            let als = Als::new(5)
                .biased(biased)
                .solver(solver)
                .max_iter(7)
                .tol(0.0);
            let fit = |run: &mut Run<'_>| als.fit_with(&x, run);
            hold(resuming_gives_the_same_bits(&format!("{als:?}"), &fit));
        }
    }
    let converging = Als::new(2)
        .tol(3e-2)
        .max_iter(50)
        .non_negative(true)
        .biased(false);
    let fit = |run: &mut Run<'_>| converging.fit_with(&x, run);
    hold(resuming_gives_the_same_bits("one that converges", &fit));
}

#[test]
fn explicit_fits_go_on_in_single_precision() {
    explicit::<f32>();
}

#[test]
fn explicit_fits_go_on_in_double_precision() {
    explicit::<f64>();
}

#[test]
fn a_validation_set_and_a_start_go_along() {
    let x = ratings::<f64>(1, (40, 30), 0.3);
    let kept_aside = ratings::<f64>(9, (40, 30), 0.1);
    // A run that is made elsewhere may outlive any other.
    let validation: &'static Validation =
        Box::leak(Box::new(Validation::of(&kept_aside).patience(2)));
    // Weakly regularized, so that the error on the set soon rises.
    let als = Als::new(8).regularization(0.05).tol(0.0);
    let fit = |run: &mut Run<'_>| {
        let mut own = std::mem::take(run).validation(validation);
        als.fit_with(&x, &mut own)
    };
    hold(resuming_gives_the_same_bits("with a validation set", &fit));

    let first = als.clone().max_iter(2).fit(&x).unwrap().model;
    let fit = |run: &mut Run<'_>| als.fit_from(&x, &first, run);
    hold(resuming_gives_the_same_bits("from a start", &fit));
}

fn implicit<T: Scalar>() {
    let x = ratings::<T>(2, (40, 30), 0.3);
    let solvers = [
        AlsSolver::Cholesky,
        AlsSolver::ConjugateGradients { steps: 2 },
        AlsSolver::CoordinateDescent { sweeps: 1 },
        AlsSolver::BlockCoordinateDescent { block: 2 },
    ];
    for solver in solvers {
        let als = ImplicitAls::new(5).solver(solver).max_iter(6).tol(0.0);
        let fit = |run: &mut Run<'_>| als.fit_with(&x, run);
        hold(resuming_gives_the_same_bits(&format!("{als:?}"), &fit));
    }
}

#[test]
fn implicit_fits_go_on() {
    implicit::<f32>();
    implicit::<f64>();
}

#[test]
fn another_fit_is_refused_by_name() {
    let x = ratings::<f32>(1, (20, 15), 0.4);
    let other = ratings::<f32>(3, (20, 15), 0.4);
    let smaller = ratings::<f32>(3, (20, 14), 0.4);
    let first = Als::new(3).fit(&x).unwrap().model;
    let als = || Als::new(3).max_iter(4).tol(0.0);
    type OneFit<'a> = &'a dyn Fn(&mut Run<'_>) -> Result<Fit<FactorModel<f32>>>;
    let others: [(&str, OneFit<'_>); 7] = [
        ("rank", &|run| {
            Als::new(4).max_iter(4).tol(0.0).fit_with(&x, run)
        }),
        ("regularization", &|run| {
            als().regularization(0.2).fit_with(&x, run)
        }),
        ("seed", &|run| als().seed(1).fit_with(&x, run)),
        ("data", &|run| als().fit_with(&other, run)),
        ("shape of the data", &|run| als().fit_with(&smaller, run)),
        ("start", &|run| als().fit_from(&x, &first, run)),
        ("algorithm", &|run| ImplicitAls::new(3).fit_with(&x, run)),
    ];
    let same = |run: &mut Run<'_>| als().fit_with(&x, run);
    hold(resuming_another_fit_is_refused("als", &same, &others));
}
