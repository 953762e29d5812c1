//! SVD++: what it finds, its gradients, early stopping, refusals.

use matfact_core::ndarray::{Array1, Array2};
use matfact_core::{
    Duplicates, Error, Factorization, Factorizer, Ratings, Run, Scalar, StopReason, Validation,
};
use matfact_linalg::random_normal;
use matfact_sgd::{Sgd, SvdPlusPlus, SvdPlusPlusModel};

/// Rows of two kinds, which rate columns of their own half more often, and higher. Training and held-out
/// ratings.
fn planted<T: Scalar>((rows, columns): (usize, usize)) -> (Ratings<T>, Ratings<T>) {
    let draws = random_normal::<f64>((rows, columns), 5, 1);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for i in 0..rows {
        for j in 0..columns {
            let own_half = (i + j) % 2 == 0;
            if draws[[i, j]] < if own_half { 0.6 } else { 1.2 } {
                continue;
            }
            let noise = 0.2 * draws[[(i * 7 + j) % rows, (j * 5 + i) % columns]];
            let value = if own_half { 4.0 } else { 2.0 } + noise;
            let list = if (i + 3 * j) % 10 == 4 {
                &mut test
            } else {
                &mut train
            };
            list.push((i, j, T::from_f64(value)));
        }
    }
    let ratings = |list| Ratings::from_triplets((rows, columns), list, Duplicates::Error).unwrap();
    (ratings(train), ratings(test))
}

fn error<T: Scalar>(model: &impl Factorization<Scalar = T>, ratings: &Ratings<T>) -> f64 {
    let square = |(i, j, value): (usize, usize, T)| {
        (model.predict(i, j).unwrap().as_f64() - value.as_f64()).powi(2)
    };
    let (sum, count) = ratings
        .triplets()
        .fold((0.0, 0.0), |(sum, count), t| (sum + square(t), count + 1.0));
    f64::sqrt(sum / count)
}

fn check_same_bits<T: Scalar>() {
    // Several groups, the last of them not full.
    let (ratings, _) = planted::<T>((150, 60));
    let svdpp = SvdPlusPlus::new(20).epochs(3).seed(5);
    let one = svdpp
        .fit_with(&ratings, &mut Run::new().threads(1))
        .unwrap();
    for threads in [2, 7] {
        let fit = svdpp
            .fit_with(&ratings, &mut Run::new().threads(threads))
            .unwrap();
        assert_eq!(fit.model, one.model, "{threads} threads");
        assert_eq!(fit.report.history, one.report.history);
    }
    assert_ne!(svdpp.seed(6).fit(&ratings).unwrap().model, one.model);
}

#[test]
fn every_number_of_threads_gives_the_same_bits() {
    check_same_bits::<f32>();
    check_same_bits::<f64>();
}

/// Rows of two kinds, which differ in which of the first 30 columns they rate, not in how; they rate the
/// others higher or lower by their kind, but half of the rows have none of these to learn from.
#[test]
fn what_a_row_rated_tells_of_its_ratings() {
    let draws = random_normal::<f64>((200, 40), 5, 1);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for i in 0..200 {
        let kind = (i / 2) % 2;
        for j in 0..40 {
            let noise = 0.1 * draws[[(i * 7 + j) % 200, (j * 5 + i) % 40]];
            let value = if kind == 1 { 4.0 } else { 2.0 } + noise;
            if j >= 30 {
                let list = if i % 2 == 0 { &mut train } else { &mut test };
                list.push((i, j, value));
            } else if draws[[i, j]] > if j % 2 == kind { 0.3 } else { 1.6 } {
                train.push((i, j, 3.0 + noise));
            }
        }
    }
    let [train, test] = [train, test]
        .map(|list| Ratings::from_triplets((200, 40), list, Duplicates::Error).unwrap());
    let plain = Sgd::new(4).epochs(60).fit(&train).unwrap().model;
    let with = SvdPlusPlus::new(4).epochs(60).fit(&train).unwrap();
    let (plain, with_error) = (error(&plain, &test), error(&with.model, &test));
    assert!(with_error < 0.7 * plain, "{with_error} against {plain}");
    let history = &with.report.history;
    assert!(history[59] < 0.6 * history[0]);
    assert_eq!(with.report.objective, history[59]);
}

#[test]
fn f32_follows_f64() {
    let (single, double) = (planted::<f32>((60, 40)), planted::<f64>((60, 40)));
    let svdpp = SvdPlusPlus::new(8).epochs(10);
    let single = svdpp.fit(&single.0).unwrap().model;
    let model = svdpp.fit(&double.0).unwrap().model;
    for (i, j, _) in double.1.triplets() {
        let difference = single.predict(i, j).unwrap().as_f64() - model.predict(i, j).unwrap();
        assert!(difference.abs() < 1e-3, "{difference} at {i}, {j}");
    }
}

/// All that the objective is a function of, in units of σ.
struct Point {
    p: Array2<f64>,
    q: Array2<f64>,
    y: Array2<f64>,
    b: Array1<f64>,
    c: Array1<f64>,
}

fn implicit_sums(y: &Array2<f64>, ratings: &Ratings<f64>) -> Array2<f64> {
    let mut sums = Array2::zeros((ratings.csr().rows(), y.ncols()));
    for (i, row) in ratings.csr().outer_iterator().enumerate() {
        for (j, _) in row.iter() {
            let mut sum = sums.row_mut(i);
            sum.scaled_add(1.0 / (row.nnz() as f64).sqrt(), &y.row(j));
        }
    }
    sums
}

impl Point {
    fn of(model: &SvdPlusPlusModel<f64>, ratings: &Ratings<f64>) -> Self {
        let (sigma, factors) = (model.deviation(), model.factors());
        let y = &model.implicit_factors() / sigma.sqrt();
        let x = &factors.row_factors() / sigma.sqrt();
        Self {
            p: x - implicit_sums(&y, ratings),
            q: &factors.column_factors() / sigma.sqrt(),
            b: &factors.row_bias().unwrap() / sigma,
            c: &factors.column_bias().unwrap() / sigma,
            y,
        }
    }

    fn values(&mut self) -> Vec<&mut f64> {
        let factors = self.p.iter_mut().chain(&mut self.q).chain(&mut self.y);
        factors.chain(&mut self.b).chain(&mut self.c).collect()
    }

    /// The objective on the module's page.
    fn objective(&self, ratings: &Ratings<f64>, sigma: f64, penalties: [f64; 3]) -> f64 {
        let [lambda, implicit, bias] = penalties;
        let x = &self.p + &implicit_sums(&self.y, ratings);
        let square = |values: matfact_core::ndarray::ArrayView1<'_, f64>| values.dot(&values);
        let mut sum = bias * (square(self.b.view()) + square(self.c.view()));
        for (i, j, value) in ratings.triplets() {
            let count = ratings.csr().outer_view(i).unwrap().nnz() as f64;
            let standard = (value - ratings.mean()) / sigma;
            let error = standard - self.b[i] - self.c[j] - x.row(i).dot(&self.q.row(j));
            sum += error * error;
            sum += lambda * (square(self.p.row(i)) + square(self.q.row(j)));
            sum += implicit * count.sqrt() * square(self.y.row(j));
        }
        0.5 * sum
    }
}

/// One epoch with a small step against the gradient of the objective by central differences.
#[test]
fn an_epoch_goes_down_the_gradient() {
    let triplets = (0..4).flat_map(|i| (0..6).map(move |j| (i, j)));
    let triplets = triplets
        .filter(|(i, j)| (i * j + i + j) % 3 != 1)
        .map(|(i, j)| (i, j, ((i * 5 + j * 3) % 7) as f64));
    let ratings = Ratings::from_triplets((4, 6), triplets, Duplicates::Error).unwrap();
    let (rate, penalties) = (1e-6, [0.3, 0.2, 1.5]);
    let svdpp = SvdPlusPlus::new(3)
        .learning_rate(rate)
        .implicit_learning_rate(rate)
        .decay(0.0)
        .regularization(penalties[0])
        .implicit_regularization(penalties[1])
        .bias_regularization(penalties[2])
        .initial_deviation(0.9);
    let started = svdpp.clone().epochs(0).fit(&ratings).unwrap().model;
    let moved = svdpp.epochs(1).fit(&ratings).unwrap().model;
    let sigma = started.deviation();
    let mut start = Point::of(&started, &ratings);
    let mut end = Point::of(&moved, &ratings);
    let before: Vec<f64> = start.values().iter().map(|v| **v).collect();
    let after: Vec<f64> = end.values().iter().map(|v| **v).collect();
    assert_eq!(before.len(), 3 * (4 + 6 + 6) + 4 + 6);
    for at in 0..before.len() {
        let h = 1e-5;
        let mut beside = |step: f64| {
            *start.values()[at] = before[at] + step;
            let value = start.objective(&ratings, sigma, penalties);
            *start.values()[at] = before[at];
            value
        };
        let slope = (beside(h) - beside(-h)) / (2.0 * h);
        let downhill = (before[at] - after[at]) / rate;
        let difference = (downhill - slope).abs();
        assert!(difference < 1e-3, "{downhill} against {slope} at {at}");
    }
}

#[test]
fn a_validation_set_stops_the_fit_and_brings_the_best_epoch_back() {
    let (train, test) = planted::<f64>((60, 40));
    let svdpp = SvdPlusPlus::new(10)
        .epochs(60)
        .decay(0.0)
        .learning_rate(0.1)
        .regularization(0.0);
    let validation = Validation::of(&test).patience(2);
    let mut run = Run::new().validation(&validation);
    let fit = svdpp.fit_with(&train, &mut run).unwrap();
    let report = &fit.report;
    assert_eq!(report.stop, StopReason::NoImprovement);
    assert!(report.converged() && report.iterations < 60);
    let best = report.best_iteration.unwrap();
    assert_eq!(report.iterations, best + 2);
    assert_eq!(report.validation.len(), report.iterations);
    let least = report.validation[best - 1];
    assert!(report.validation.iter().all(|error| *error >= least));
    assert!((error(&fit.model, &test) - least).abs() < 1e-12 * least);
    // The same as a fit of so many epochs, since the learning rate does not fall.
    let short = svdpp.epochs(best).fit(&train).unwrap();
    assert_eq!(short.model, fit.model);
}

#[test]
fn no_epochs_give_the_starting_point() {
    let (train, _) = planted::<f64>((40, 30));
    let fit = SvdPlusPlus::new(4).epochs(0).fit(&train).unwrap();
    assert_eq!((fit.report.iterations, fit.report.history.len()), (0, 0));
    let expected = error(&fit.model, &train);
    assert!((fit.report.objective - expected).abs() < 1e-9 * expected);
    assert!(
        fit.model
            .factors()
            .row_bias()
            .unwrap()
            .iter()
            .all(|b| *b == 0.0)
    );
    assert!(fit.model.implicit_factors().iter().any(|y| *y != 0.0));
}

#[test]
fn settings_and_input_that_cannot_be_are_refused() {
    let (train, test) = planted::<f32>((20, 10));
    let svdpp = || SvdPlusPlus::new(2);
    let mut cases = Vec::new();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        cases.push(("learning_rate", svdpp().learning_rate(bad)));
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        cases.push(("decay", svdpp().decay(bad)));
    }
    for bad in [-1e-9, f64::NAN, f64::INFINITY] {
        cases.push((
            "implicit_learning_rate",
            svdpp().implicit_learning_rate(bad),
        ));
        cases.push(("regularization", svdpp().regularization(bad)));
        cases.push((
            "implicit_regularization",
            svdpp().implicit_regularization(bad),
        ));
        cases.push(("bias_regularization", svdpp().bias_regularization(bad)));
        cases.push(("initial_deviation", svdpp().initial_deviation(bad)));
    }
    for (expected, svdpp) in cases {
        match svdpp.fit(&train) {
            Err(Error::InvalidParameter { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    for rank in [0, usize::MAX] {
        let fit = SvdPlusPlus::new(rank).fit(&train);
        assert!(matches!(fit, Err(Error::InvalidRank { .. })), "rank {rank}");
    }
    let count = train.csr().nnz();
    let weighted = train.clone().with_weights(vec![1.0; count]).unwrap();
    let fit = svdpp().fit(&weighted);
    assert!(matches!(fit, Err(Error::UnsupportedInput { .. })));
    let fit = svdpp().learning_rate(1e6).fit(&train);
    assert!(matches!(fit, Err(Error::Diverged { .. })), "{fit:?}");
    let nothing = Ratings::<f32>::from_triplets((20, 10), [], Duplicates::Error).unwrap();
    let outside = Ratings::from_triplets((21, 10), [(20, 3, 1.0_f32)], Duplicates::Error).unwrap();
    let fit_by = |kept_aside: &Ratings<f32>| {
        let validation = Validation::of(kept_aside);
        let mut run = Run::new().validation(&validation);
        svdpp().fit_with(&train, &mut run).map(|_| ())
    };
    assert!(matches!(fit_by(&nothing), Err(Error::EmptyInput { .. })));
    assert!(matches!(
        fit_by(&outside),
        Err(Error::IndexOutOfRange {
            axis: "row",
            index: 20,
            ..
        })
    ));
    assert!(fit_by(&test).is_ok());
}
